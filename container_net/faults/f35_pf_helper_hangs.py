"""pf's helper hangs, and every container command with it."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from ..model import Reading
from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, timed_out
from .common import ALL_OR_ONE
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F35",
    name="pf-helper-hangs",
    section="service",
    title=N_("pf's helper hangs, and every container command with it"),
    symptoms=(
        Symptom(r"\bPFUserDeleteRules\b", "PFUserDeleteRules  (in PacketFilter)"),
        Symptom(
            r"Testing access to container-apiserver", "Testing access to container-apiserver..."
        ),
        said(
            r"every .{0,3}container.{0,3} command hangs",
            N_("every container command hangs for ever"),
            r"container 명령.{0,20}멈",
        ),
    ),
    cause=N_(
        "macOS's `com.apple.pfd` answers no more, and InternetSharing waits for it in "
        "`PFUserDeleteRules`. macOS protects both, so neither can be restarted."
    ),
    cure=(
        Step(
            N_(
                "No cure but a reboot of the Mac is known. What you can do before it: look whether "
                "it is this, and report it to Apple."
            ),
            "sudo sample InternetSharing 1 -file /dev/stdout | grep PFUserDeleteRules",
        ),
    ),
    auto="none",
    versions=N_("macOS 27.0"),
    evidence=(issue(2275),),
    distinguish=(Distinguish("command-hangs", ALL_OR_ONE),),
)


def recognise(case: Case) -> Finding:
    """Every container command hangs; where pfctl hangs too, it is pf's helper."""
    waited = hung(case)
    if not all_hang(case):
        return Finding(FAULT.id, ABSENT)
    evidence = tuple(reading.why for reading in waited[:3])
    pf = pf_hangs(case)
    if pf is not None:
        return Finding(FAULT.id, PRESENT, (*evidence, pf.why))
    return Finding(FAULT.id, POSSIBLE, evidence, apart=("command-hangs",))


def container_readings(case: Case) -> Tuple[Reading[Any], ...]:
    """What the container command was asked."""
    facts = case.facts
    return (facts.container_service, facts.networks, facts.containers)


def hung(case: Case) -> List[Reading[Any]]:
    """container's commands that were waited for in vain, while the Mac itself answers."""
    if case.facts.container_path is None:
        return []
    quick = (case.facts.forwarding, case.facts.default_route, case.facts.interfaces)
    if not all(reading.known for reading in quick):
        return []
    return [reading for reading in container_readings(case) if timed_out(reading)]


def all_hang(case: Case) -> bool:
    """Whether no command of container answered."""
    return len(hung(case)) == len(container_readings(case))


def pf_hangs(case: Case) -> Optional[Reading[Any]]:
    """A reading of pf that was waited for in vain."""
    candidates = (case.facts.pf_enabled, case.facts.main_nat, case.facts.anchors)
    return next((reading for reading in candidates if timed_out(reading)), None)
