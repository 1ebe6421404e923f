"""Which Pythons took part in Nox's last run, and which of the supported ones were missing."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, List, Mapping, Sequence

__all__ = ["main"]


def by_result(sessions: Sequence[Mapping[str, Any]], result: str) -> List[str]:
    """Versions of the sessions for one Python each (`unit-3.9`) that ended with this result."""
    ended = (session for session in sessions if session["result"] == result)
    names = (name for session in ended for name in session["signatures"])
    found = (re.fullmatch(r"unit-(3\.\d+)", name) for name in names)
    return [match.group(1) for match in found if match]


def main(argv: Sequence[str]) -> None:
    """REPORT: say it, where the unit tests were among what ran."""
    sessions = json.loads(Path(argv[0]).read_text(encoding="utf-8"))["sessions"]
    ran, missing = by_result(sessions, "success"), by_result(sessions, "skipped")
    if ran or missing:
        print(f"Pythons that passed: {', '.join(ran) or 'none'}.", end=" ")
        print(f"Missing on this machine: {', '.join(missing) or 'none'}.")


if __name__ == "__main__":
    main(sys.argv[1:])
