"""Containers reach services of the Mac at the gateway."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, Symptom, said
from .sources import issue, pull

FAULT = Fault(
    id="F44",
    name="host-reachable",
    section="ipv6",
    title=N_("Containers reach services of the Mac at the gateway"),
    symptoms=(
        Symptom(r"SSH-2\.0-OpenSSH_", "SSH-2.0-OpenSSH_10.2"),
        said(
            r"reach the host's SSH",
            N_("containers reach the host's SSH at the gateway"),
            r"호스트.{0,20}SSH",
        ),
    ),
    cause=N_(
        "The Mac is itself a member of the container subnet, so whatever listens on all addresses "
        "(SSH, screen sharing) answers there. pf is reported not to filter traffic on the bridge."
    ),
    cure=(
        Step(N_("See what listens on all addresses."), "sudo lsof -nP -iTCP -sTCP:LISTEN"),
        Step(
            N_(
                "Let such services listen on 127.0.0.1 only, or switch them off in System Settings "
                "> General > Sharing."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(pull(210, "agentcage/agentcage"), issue(1320)),
    unseen="what may be reached is for a person to say",
)
