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
    found = (re.fullmatch(r".*-(3\.\d+)", name) for name in names)
    return [match.group(1) for match in found if match]


def main(argv: Sequence[str]) -> int:
    """REPORT [--require]: say it; with --require, 1 unless 3.9 and a newer one passed."""
    sessions = json.loads(Path(argv[0]).read_text(encoding="utf-8"))["sessions"]
    ran, missing = by_result(sessions, "success"), by_result(sessions, "skipped")
    if ran or missing:
        print(f"Pythons that passed: {', '.join(ran) or 'none'}.", end=" ")
        print(f"Missing on this machine: {', '.join(missing) or 'none'}.")
    if "--require" in argv[1:] and not ("3.9" in ran and len(set(ran)) > 1):
        print("3.9 and one newer Python have to run the unit tests here.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
