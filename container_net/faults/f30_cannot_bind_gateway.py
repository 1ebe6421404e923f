"""A service on the Mac cannot bind the gateway's address."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, Symptom
from .sources import issue, pull

FAULT = Fault(
    id="F30",
    name="cannot-bind-gateway",
    section="ports",
    title=N_("A service on the Mac cannot bind the gateway's address"),
    symptoms=(
        Symptom(r"\bEADDRNOTAVAIL\b", "Error: listen EADDRNOTAVAIL: 192.168.64.1:3001"),
        Symptom(
            r"can't assign requested address",
            "bind: can't assign requested address",
        ),
    ),
    cause=N_(
        "The gateway's address exists only while a container runs: before the first container "
        "there is no bridge to bind to."
    ),
    cure=(
        Step(
            N_("Start a container first and keep it running. IMAGE is any image with a shell."),
            "container run -d IMAGE sleep 1000000",
        ),
        Step(
            N_(
                "Or let the service listen on 0.0.0.0 and keep strangers out with a password or "
                "the firewall: it is then open to the local network too."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(856), issue(1813), issue(1881), pull(1609, "nanocoai/nanoclaw")),
    consequence_of=("no-container",),
    unseen="the service that cannot bind is not known",
)
