"""The faults: one module each, with what is known of it and how it is recognised.

A module `fNN_name.py` holds `FAULT`, the catalogue's entry, and where output of commands shows the
fault, `recognise`, from what was read to a finding. Orders and registries are computed here, so
that a new fault is a new module and nothing else. Texts are English, marked with `N_`, and
translated by whoever shows them.
"""

from __future__ import annotations

import heapq
import importlib
import pkgutil
import re
from types import ModuleType
from typing import Callable, Iterator, List, Mapping, Sequence, Tuple

from .case import Case, Finding
from .fault import SECTIONS, Fault, GuideRow, Symptom
from .guide import ROWS
from .layers import LAYERS

__all__ = [
    "BY_ID",
    "BY_NAME",
    "FAULTS",
    "GUIDE",
    "ORDER",
    "REGISTRY",
    "texts",
]

_MODULE = re.compile(r"[fg][0-9]{2}b?_[a-z0-9_]+")


def _modules() -> Iterator[ModuleType]:
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if _MODULE.fullmatch(found.name):
            yield importlib.import_module(f"{__name__}.{found.name}")


_MODULES = tuple(_modules())

FAULTS: Tuple[Fault, ...] = tuple(
    sorted(
        (module.FAULT for module in _MODULES),
        key=lambda fault: (list(SECTIONS).index(fault.section), fault.id),
    )
)
"""Every fault, by section and number."""

BY_ID: Mapping[str, Fault] = {fault.id: fault for fault in FAULTS}
BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in FAULTS}
GUIDE: Tuple[GuideRow, ...] = ROWS

REGISTRY: Mapping[str, Callable[[Case], Finding]] = {
    module.FAULT.id: module.recognise for module in _MODULES if hasattr(module, "recognise")
}
"""The faults that output of commands shows, by id."""


def _order(faults: Sequence[Fault]) -> Tuple[str, ...]:
    """The ids, each after those that it yields to; lower numbers first. Raises ValueError."""
    waits = {fault.name: set(fault.yields_to) & set(BY_NAME) for fault in faults}
    ready = [(BY_NAME[name].id, name) for name, before in waits.items() if not before]
    heapq.heapify(ready)
    order: List[str] = []
    while ready:
        number, done = heapq.heappop(ready)
        order.append(number)
        for name, before in waits.items():
            if done in before:
                before.discard(done)
                if not before:
                    heapq.heappush(ready, (BY_NAME[name].id, name))
    if len(order) < len(waits):
        raise ValueError(f"faults that yield to one another: {sorted(waits)}")
    return tuple(order)


ORDER: Tuple[str, ...] = _order([fault for fault in FAULTS if fault.id in REGISTRY])
"""The likeliest first cause first."""


def _said(symptoms: Tuple[Symptom, ...]) -> Iterator[str]:
    return (symptom.example for symptom in symptoms if not symptom.verbatim)


def _all() -> Iterator[str]:
    yield from SECTIONS.values()
    for fault in FAULTS:
        yield from (fault.title, fault.cause, fault.versions)
        yield from _said(fault.symptoms)
        yield from (step.text for step in fault.cure)
        yield from (pair.how for pair in fault.distinguish)
    for row in GUIDE:
        yield from (row.symptom, row.cause, row.first_check.text)
        yield from _said(row.symptoms)
        yield from (step.text for step in row.cure)
    yield from (layer.title for layer in LAYERS.values())


def texts() -> Tuple[str, ...]:
    """Every text of the catalogue that is translated, once each, in order of appearance.

    Not among them: messages that programs print, commands, and the evidence.
    """
    return tuple(dict.fromkeys(_all()))
