"""There is no bridge, because no container is running."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, Symptom
from .sources import issue

FAULT = Fault(
    id="F10",
    name="no-container",
    section="way",
    title=N_("There is no bridge, because no container is running"),
    symptoms=(
        Symptom(
            r"interface bridge\d{1,4} does not exist",
            "ifconfig: interface bridge100 does not exist",
        ),
    ),
    cause=N_(
        "This is not a fault. vmnet makes the bridge with the first container of a network and "
        "removes it with the last one; its number can be another one each time."
    ),
    cure=(
        Step(N_("See whether a container is running."), "container ls"),
        Step(
            N_(
                "Start a container and look again; this tool finds the bridge by its address, not "
                "by its name. IMAGE is any image with a shell."
            ),
            "container run --rm IMAGE true",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(2051), "nanoclaw (skill)"),
    consequence_of=("service-not-running",),
    unseen="no fault: without a container there is no bridge",
)
