"""macOS 15 gives containers no NAT."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, Case, Finding, need
from .common import PACKET_LOSS, PERSIST, SETUP
from .fault import Fault, Step, said
from .sources import issue
from .way import by_pairs

FAULT = Fault(
    id="F12",
    name="macos-15-no-nat",
    section="way",
    title=N_("macOS 15 gives containers no NAT"),
    symptoms=(
        said(
            r"macOS 15\b.{0,60}\bgateway",
            N_("on macOS 15 containers reach the gateway and nothing beyond it"),
            r"macOS 15.{0,40}게이트웨이",
        ),
        PACKET_LOSS,
    ),
    cause=N_(
        "On macOS 15 vmnet connects containers to the Mac and does not translate their addresses "
        "towards the internet."
    ),
    cure=(SETUP, PERSIST, Step(N_("Or update to macOS 26, where vmnet does the NAT itself."))),
    auto="yes",
    fix="setup",
    versions=N_("macOS 15 only"),
    evidence=(issue(345), "yolo-jail (doctor)"),
    yields_to=("pf-disabled",),
    systems=(15, 15),
)


def recognise(case: Case) -> Finding:
    """macOS 15, and nobody translates."""
    if need(case.facts.os_version) and case.system != 15:
        return Finding(FAULT.id, ABSENT)
    return by_pairs(case, FAULT)
