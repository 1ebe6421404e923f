"""The container hangs after its result."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, Symptom, said
from .sources import pull

HANGS = (
    said(
        r"hangs? after",
        N_("the container hangs after its result"),
        r"결과.{0,20}멈",
    ),
    Symptom(r"process\.exit\(0\)", "process.exit(0)"),
)

REBUILD = (
    Step(
        N_(
            "See whether the agent runner ends its process: `process.exit(0)` has to stand after "
            "the result is written. Run this in the folder of the image's source."
        ),
        "grep -rn 'process.exit(0)' --include='*.ts' --include='*.js' .",
    ),
    Step(
        N_(
            "Rebuild the image and start a new container. NAME is the image's name and tag, such "
            "as nanoclaw-agent:latest."
        ),
        "container build --tag NAME .",
    ),
    Step(
        N_("If the rebuilt image still has the old code, delete the builder, which caches it."),
        "container builder stop && container builder delete && container builder start",
    ),
)

FAULT = Fault(
    id="G04",
    name="agent-hangs",
    section="image",
    title=N_("The container hangs after its result"),
    symptoms=HANGS,
    cause=N_(
        "The agent runner in the image does not call `process.exit(0)` after the result: something "
        "open keeps Node alive, so the container never ends. The network has no part in it."
    ),
    cure=REBUILD,
    auto="no",
    versions=N_("images with an agent runner for Node, independent of macOS and container"),
    evidence=(pull(178, "nanocoai/nanoclaw"), "the guide (trouble table)"),
    unseen="what the agent's runner does is inside the image",
)
