"""From what was read to what is known of every fault, with the cure that helps there. Pure.

A reading that is missing, text that is no answer, and readings that contradict one another give
`unknown`, never a wrong `present`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict

from .. import path
from . import BY_ID, REGISTRY
from .case import POSSIBLE, PRESENT, UNKNOWN, Case, Contradiction, Finding, Unread
from .fault import Step
from .way import nothing_to_set_up

__all__ = ["recognise"]

OUR_CHANGES = ("invoke net.setup", "invoke net.persist")


def recognise(case: Case) -> Dict[str, Finding]:
    """A finding for every fault of `REGISTRY`, with the cure that helps in this state."""
    return {fault: _fitted(case, _one(fault, case)) for fault in REGISTRY}


def _one(fault: str, case: Case) -> Finding:
    try:
        return REGISTRY[fault](case)
    except Unread as error:
        return Finding(fault, UNKNOWN, (), (error.reading,))
    except Contradiction as error:
        return Finding(fault, UNKNOWN, error.lines)


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
