"""Which host there is for the suite, the best first: a real Mac, the lab, the simulated Mac.

`python tests/integration/pick.py` prints it, and ends with 3 where this is a Mac that may not be
touched.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Dict, List, Tuple

if __name__ == "__main__":
    top = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(top / "tests"), str(top)]

from integration.host import guard

__all__ = ["best", "hosts", "reason"]

WORDS = {
    "mac": "mac: this machine, macOS itself, real commands",
    "lab": "lab: the simulated Mac with real packets on Linux; this is no macOS",
    "sim": "sim: the simulated Mac alone; this is no macOS",
}


def hosts(platform: str, environ: Dict[str, str], lacking: Tuple[str, ...]) -> List[str]:
    """The hosts that can be had here, the best first. `lacking`: what the lab lacks."""
    found = [] if guard(platform, environ) else ["mac"]
    if platform != "darwin" and not lacking:
        found.append("lab")
    return [*found, "sim"]


def reason(platform: str, environ: Dict[str, str]) -> str:
    """Why a run as `nox -s integration` is refused, or nothing."""
    return guard(platform, environ) if platform == "darwin" else ""


def best() -> Tuple[str, str]:
    """(name, words for people) of the best host of this machine."""
    name = hosts(sys.platform, dict(os.environ), lab_lacks())[0]
    return name, WORDS[name]


def lab_lacks() -> Tuple[str, ...]:
    """What this machine lacks for the lab."""
    from lab import layout

    return layout.lacking()


def main() -> int:
    """Print the best host; the exit status."""
    why = reason(sys.platform, dict(os.environ))
    if why:
        print(f"integration: {why}", file=sys.stderr)
        return 3
    print(f"integration on {best()[1]}")
    if best()[0] != "lab" and sys.platform != "darwin":
        print(f"  no lab: this machine lacks {', '.join(lab_lacks())}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
