"""The fault catalogue: what breaks, how it shows, what mends it, and how that is known.

Data only. The rows are those of the reference `faults.md`, in its sections; texts are English,
marked with `N_`, and translated by whoever shows them. `explain` finds the rows that fit a
message; recognising a fault from the facts of a machine is doctor's work.
"""

from __future__ import annotations

from .catalogue import BY_ID, FAULTS, GUIDE, SECTIONS, texts
from .entry import (
    AUTO,
    N_,
    PLACEHOLDERS,
    Distinguish,
    Fault,
    GuideRow,
    Section,
    Step,
    Symptom,
)
from .match import LIMIT, Match, explain

__all__ = [
    "AUTO",
    "BY_ID",
    "FAULTS",
    "GUIDE",
    "LIMIT",
    "N_",
    "PLACEHOLDERS",
    "SECTIONS",
    "Distinguish",
    "Fault",
    "GuideRow",
    "Match",
    "Section",
    "Step",
    "Symptom",
    "explain",
    "texts",
]
