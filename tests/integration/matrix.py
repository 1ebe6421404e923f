"""The table of lawful vmnets and deliberate breakages of the tool, filled as tests end."""

from __future__ import annotations

from typing import Dict, List, Tuple

from integration.mutations import MUTATIONS

from simmac.vmnet import MANNERS

__all__ = ["GREEN", "SEEN", "table"]

GREEN = "nothing broken"
SEEN: Dict[Tuple[str, str], str] = {}
"""(breakage, vmnet) to how the story ended: green, or the step that did not hold."""


def table() -> List[str]:
    """A row for each breakage, a column for each vmnet; `-` where it was not tried."""
    rows = [["", *MANNERS]]
    for name in (GREEN, *MUTATIONS):
        rows.append([name, *(SEEN.get((name, manner), "-") for manner in MANNERS)])
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows]
