"""The NAT rule names an interface that is no longer the uplink."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .common import PERSIST, SETUP
from .fault import Fault, said
from .way import by_pairs

FAULT = Fault(
    id="F14",
    name="old-uplink",
    section="way",
    title=N_("The NAT rule names an interface that is no longer the uplink"),
    symptoms=(
        said(
            r"works on Wi-?Fi",
            N_("works on Wi-Fi, dead on the dock or Ethernet"),
            r"Wi-?Fi에서는",
        ),
        said(
            r"\bhotspot\b",
            N_("no network in containers since I moved to a hotspot"),
            r"핫스팟",
        ),
    ),
    cause=N_(
        "The NAT rule has an interface written into it, often en0, and the Mac now reaches the "
        "internet through another one."
    ),
    cure=(SETUP, PERSIST),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("nanoclaw (documentation)",),
    consequence_of=("vpn-not-followed",),
    yields_to=("old-subnet",),
)


def recognise(case: Case) -> Finding:
    """A rule of ours or of a recipe names another interface than packets leave by."""
    return by_pairs(case, FAULT)
