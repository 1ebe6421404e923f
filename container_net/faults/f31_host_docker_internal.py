"""Containers do not know host.docker.internal."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, Symptom
from .sources import issue, pull

FAULT = Fault(
    id="F31",
    name="host-docker-internal",
    section="ports",
    title=N_("Containers do not know host.docker.internal"),
    symptoms=(
        Symptom(r"host\.docker\.internal", "Could not resolve host: host.docker.internal"),
        Symptom(r"unknown option .{0,2}--add-host", "Error: Unknown option '--add-host'"),
    ),
    cause=N_("container has neither this name nor the option `--add-host`; both belong to Docker."),
    cure=(
        Step(
            N_(
                "Use the gateway's address for the Mac; `invoke net.detect` prints it, usually "
                "192.168.64.1. The service on the Mac has to listen there or on 0.0.0.0."
            ),
            "invoke net.detect",
        ),
        Step(
            N_(
                "Or make a name for it. With releases before the one of 2026-09-10 this reloads "
                "the main pf ruleset and cuts off running containers: run `invoke net.setup` "
                "after it."
            ),
            "sudo container system dns create host.container.internal --localhost 203.0.113.113",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(
        "apple/container (how-to)",
        pull(972, "nanocoai/nanoclaw"),
        pull(1523, "nanocoai/nanoclaw"),
        issue(2589, "nanocoai/nanoclaw"),
    ),
    unseen="what a program asks for is not known",
)
