"""The catalogue as a whole: every section, looked up by id, and every text it shows."""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

from .dns import DNS
from .egress import EGRESS
from .entry import Fault, GuideRow, Section, Symptom
from .guide import GUIDE_FAULTS, ROWS
from .ipv6 import IPV6
from .ports import PORTS
from .service import SERVICE

__all__ = ["BY_ID", "FAULTS", "GUIDE", "SECTIONS", "texts"]

SECTIONS: Tuple[Section, ...] = (EGRESS, DNS, PORTS, SERVICE, IPV6, GUIDE_FAULTS)

FAULTS: Tuple[Fault, ...] = tuple(fault for section in SECTIONS for fault in section.faults)

BY_ID: Dict[str, Fault] = {fault.id: fault for fault in FAULTS}

GUIDE: Tuple[GuideRow, ...] = ROWS


def _said(symptoms: Tuple[Symptom, ...]) -> Iterator[str]:
    return (symptom.example for symptom in symptoms if not symptom.verbatim)


def _all() -> Iterator[str]:
    for section in SECTIONS:
        yield section.title
    for fault in FAULTS:
        yield from (fault.title, fault.cause, fault.versions)
        yield from _said(fault.symptoms)
        yield from (step.text for step in fault.cure)
        yield from (pair.how for pair in fault.distinguish)
    for row in GUIDE:
        yield from (row.symptom, row.cause, row.first_check.text)
        yield from _said(row.symptoms)
        yield from (step.text for step in row.cure)


def texts() -> Tuple[str, ...]:
    """Every text of the catalogue that is translated, once each, in order of appearance.

    Not among them: messages that programs print, commands, and the evidence.
    """
    return tuple(dict.fromkeys(_all()))
