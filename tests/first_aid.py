"""`first-aid.sh` on a simulated Mac, under any shell and any awk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Optional, Sequence

from simmac import Mac

__all__ = ["AWKS", "SCRIPT", "aid", "awks", "script"]

SCRIPT = Path(__file__).resolve().parents[1] / "first-aid.sh"
AWKS = ("mawk", "gawk", "original-awk")
"""The last one is what Apple's is."""


def awks(folder: Path) -> Dict[str, Path]:
    """Those that this machine has, each as `awk` in a folder of its own."""
    found = {}
    for name in AWKS:
        place = shutil.which(name)
        if place is not None:
            found[name] = folder / name / "awk"
            found[name].parent.mkdir()
            found[name].symlink_to(place)
    return found


def script(mac: Mac, awk: Optional[Path] = None) -> str:
    """The script with the Mac's folder in it; an awk of its own stands before the host's."""
    text = SCRIPT.read_text(encoding="utf-8").replace("mac=''", f"mac='{mac.path}'", 1)
    return text.replace("PATH=/usr/bin", f"PATH={awk.parent}:/usr/bin", 1) if awk else text


def aid(
    mac: Mac, shell: Sequence[str] = ("sh",), awk: Optional[Path] = None, user: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it as somebody who has no root of their own but sudo's."""
    given = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [*shell],
        input=script(mac, awk),
        env={"PATH": os.environ["PATH"], "USER": user, **given},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
