"""Recognisers: from what was read to what is known of each fault of the catalogue. Pure.

Every fault is in one of three groups. `REGISTRY` has a recogniser for each fault that the output
of commands shows. Of those, `WITH_PROBE` need the probe in a container (`--probe`) or container's
log. `BY_SYMPTOM` are shown by no command's output, or are no fault in themselves (F10): they are
found through `--symptom` only, and no run claims that they are absent.

A reading that is missing, text that is no answer, and readings that contradict one another give
`unknown`, never a wrong `present`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Mapping, Tuple

from .. import path
from ..faults import BY_ID, Step
from .case import (
    ABSENT,
    NOTE,
    POSSIBLE,
    PRESENT,
    UNKNOWN,
    Case,
    Contradiction,
    Finding,
    Unread,
    timed_out,
)
from .egress import EGRESS
from .guest import GUEST
from .names import NAMES
from .service import SERVICE
from .way import nothing_to_set_up

__all__ = [
    "ABSENT",
    "BY_SYMPTOM",
    "NOTE",
    "POSSIBLE",
    "PRESENT",
    "REGISTRY",
    "UNKNOWN",
    "WITH_PROBE",
    "Case",
    "Finding",
    "recognise",
    "timed_out",
]

OUR_CHANGES = ("invoke net.setup", "invoke net.persist")

Recogniser = Callable[[Case], Finding]

REGISTRY: Mapping[str, Recogniser] = {**EGRESS, **NAMES, **SERVICE, **GUEST}

BY_SYMPTOM: Mapping[str, str] = {
    "F10": "no fault: without a container there is no bridge",
    "F16": "macOS shows the state of Private Relay to no command",
    "F20": "only the VPN client's own log shows it",
    "F21b": "it lasts a moment, and idle ports look the same",
    "F26": "which names are meant is not known",
    "F30": "the service that cannot bind is not known",
    "F31": "what a program asks for is not known",
    "F44": "what may be reached is for a person to say",
    "G04": "what the agent's runner does is inside the image",
}
"""Faults without a recogniser, and why."""

WITH_PROBE: Tuple[str, ...] = (
    *("F17", "F19", "F22", "F24", "F27", "F28", "F29", "F39", "F40", "F42"),
)
"""Faults that a run without `--probe` does not look for."""


def _one(fault: str, recogniser: Recogniser, case: Case) -> Finding:
    try:
        return recogniser(case)
    except Unread as error:
        return Finding(fault, UNKNOWN, (), (error.reading,))
    except Contradiction as error:
        return Finding(fault, UNKNOWN, error.lines)


def recognise(case: Case) -> Dict[str, Finding]:
    """A finding for every fault of `REGISTRY`, with the cure that helps in this state."""
    return {f: _fitted(case, _one(f, recogniser, case)) for f, recogniser in REGISTRY.items()}


def _fitted(case: Case, finding: Finding) -> Finding:
    """The finding, with a cure whose commands of ours exit 0 here and mend."""
    fault = BY_ID[finding.id]
    if finding.state not in (PRESENT, POSSIBLE) or finding.steps:
        return finding
    ours = [s for s in fault.cure if (s.command or "").startswith(OUR_CHANGES)]
    if not ours:
        return finding
    if path.hook(case.facts) is False:
        # Our rules are not reached: the hook comes first.
        steps = [s for s in fault.cure if s not in ours]
        sentence, command = path.remedy(case.facts, ours[0].command or "")
        return replace(finding, steps=(Step(sentence, command or None), *steps))
    if not nothing_to_set_up(case):
        return replace(finding, fix=fault.fix if finding.state == PRESENT else "")
    return replace(finding, steps=tuple(s for s in fault.cure if s not in ours))
