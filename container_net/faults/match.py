"""From a line or a log to the faults that show in this way, from the catalogue alone.

Pure: nothing is run and no Mac is needed. What comes out is a lead, not a finding; only facts of
the machine make a fault `present`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from . import FAULTS, GUIDE
from .fault import Fault, GuideRow, Searched, Symptom, weight

__all__ = ["LIMIT", "Match", "bounded", "explain", "explained", "quote"]

LIMIT = 1 << 20
"""Characters of a text that are looked at: the last 1 MiB, since a log ends with what failed."""

# Keys, images and what else is packed: a wall to search through, and no message.
_PACKED = re.compile(r"[A-Za-z0-9+/=_-]{400,}")

_GUIDE = 10_000
_QUOTE = 200


@dataclass(frozen=True)
class Match:
    """A fault that a text speaks of.

    `score` is higher the better: `_GUIDE` for the guide's own cause of the guide's own message,
    and the number of literal characters of the longest pattern found. `quote` is the line where
    it was found (the part around the match where the line is long). `row` is the guide's row that
    led here, where one did; `symptom` is `None` where only the row did.
    """

    fault: Fault
    score: int
    quote: str
    symptom: Optional[Symptom]
    row: Optional[GuideRow]
    story: bool = False
    """What the text tells as a whole leads here (stories)."""


def bounded(text: str) -> str:
    """The last `LIMIT` characters, without the inside of what is packed."""
    return _PACKED.sub(lambda packed: f"{packed[0][:100]}…{packed[0][-100:]}", text[-LIMIT:])


def quote(text: str, start: int, end: int) -> str:
    """The line where something was found; of a long line the part around it."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    line_end = len(text) if last < 0 else last
    if line_end - first > _QUOTE:
        first = max(first, start - _QUOTE // 4)
        line_end = min(line_end, max(end, first + _QUOTE))
    return text[first:line_end].strip()


def _best(symptoms: Tuple[Symptom, ...], searched: Searched) -> Optional[Tuple[int, str, Symptom]]:
    """The longest pattern that is in the text: its weight, the quote, the symptom."""
    best: Optional[Tuple[int, str, Symptom]] = None
    for symptom in symptoms:
        for pattern in symptom.patterns:
            if best is not None and weight(pattern) <= best[0]:
                continue
            found = searched.search(pattern)
            if found is not None:
                line = quote(searched.text, found.start(), found.end())
                best = (weight(pattern), line, symptom)
    return best


def explain(text: str) -> Tuple[Match, ...]:
    """The faults whose symptoms appear in `text`, best first; empty where none does.

    First the guide's own cause of each of the guide's messages, then by the length of the longest
    literal found, then what a guide's row names besides, in the row's order. The order depends on
    the text alone. Only the last `LIMIT` characters are read.
    """
    return explained(Searched(bounded(text)))


def explained(searched: Searched) -> Tuple[Match, ...]:
    """The same, of a text that is bounded already."""
    primary: Dict[str, Tuple[GuideRow, str]] = {}
    besides: Dict[str, Tuple[GuideRow, str]] = {}
    for row in GUIDE:
        hit = _best(row.symptoms, searched)
        if hit is not None:
            primary.setdefault(row.faults[0], (row, hit[1]))
            for other in row.faults[1:]:
                besides.setdefault(other, (row, hit[1]))
    ranked: List[Tuple[int, int, int, Match]] = []
    for index, fault in enumerate(FAULTS):
        own = _best(fault.symptoms, searched)
        led = primary.get(fault.name) or besides.get(fault.name)
        if own is None and led is None:
            continue
        score = (_GUIDE if fault.name in primary else 0) + (own[0] if own else 0)
        row_found = led[0] if led else None
        rank = row_found.faults.index(fault.name) if row_found else 0
        quote = own[1] if own else led[1] if led else ""
        match = Match(fault, score, quote, own[2] if own else None, row_found)
        ranked.append((-score, rank, index, match))
    return tuple(entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:3]))
