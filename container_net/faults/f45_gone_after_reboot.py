"""What was set up is gone after a reboot or an update of macOS."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding, need
from .common import SETUP
from .fault import Fault, Step, said
from .sources import issue, pull
from .way import before_this_boot, of

FAULT = Fault(
    id="F45",
    name="gone-after-reboot",
    section="ipv6",
    title=N_("What was set up is gone after a reboot or an update of macOS"),
    symptoms=(
        said(
            r"after .{0,3}reboot",
            N_("no network in containers after a reboot"),
            r"재부팅.{0,5} 후",
        ),
        said(
            r"after .{0,20}\bupdat",
            N_("no network in containers after macOS was updated"),
            r"업데이트.{0,5} 후",
        ),
    ),
    cause=N_(
        "Forwarding and loaded rules end with a reboot. Today's macOS most likely ignores "
        "/etc/sysctl.conf, and updates overwrite /etc/pf.conf."
    ),
    cure=(
        SETUP,
        Step(
            N_("Then make it permanent: a boot daemon sets it again and keeps it right."),
            "invoke net.persist",
        ),
    ),
    auto="yes",
    fix="persist",
    versions=N_("every version"),
    evidence=(
        "launchd-842 (launchctl.c)",
        "pf how-to of 2021",
        issue(880, "facebook/watchman"),
        pull(178, "nanocoai/nanoclaw"),
    ),
    consequence_of=("bridge-at-boot", "anchor-file-missing"),
)


def recognise(case: Case) -> Finding:
    """Set up before this boot, and not in force now although it is needed."""
    if not case.served():
        return Finding(FAULT.id, ABSENT)
    evidence = before_this_boot(case)
    if not evidence:
        return Finding(FAULT.id, ABSENT)
    if need(case.facts.forwarding) == 0 or of(case, FAULT.name):
        return Finding(FAULT.id, PRESENT, evidence)
    return Finding(FAULT.id, ABSENT)
