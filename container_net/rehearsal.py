"""Where the built-in simulated Mac lives: the rehearsal on any system but macOS."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

from .model import Missing
from .text import _

__all__ = ["folder"]


def folder() -> str:
    """The folder of the built-in simulated Mac, built when it is not there or of another version.

    In a virtual environment it lies inside it, so that nothing outside a checkout is touched and
    it goes when the environment goes; elsewhere among the temporary files of this user. Raises
    Missing where the simulated Mac is not installed.
    """
    place = Path(sys.prefix) / "simulated-mac"
    # The boot script has its sysroot rendered into it, and takes plain paths only.
    plain = re.fullmatch(r"/[A-Za-z0-9._/-]+", str(place)) is not None
    if sys.prefix == sys.base_prefix or not plain or not os.access(sys.prefix, os.W_OK):
        place = Path(tempfile.gettempdir()) / f"container-net-{os.getuid()}"
        place.mkdir(mode=0o700, exist_ok=True)
        info = place.lstat()
        if info.st_uid != os.getuid() or not place.is_dir() or place.is_symlink():
            raise PermissionError(f"{place} belongs to somebody else")
        # One for each environment, as inside them.
        place = place / f"simulated-mac-{zlib.crc32(sys.prefix.encode()):08x}"
    _lay(place)
    return str(place)


def _lay(place: Path) -> None:
    """A simulated Mac in its first scene, unless there is one; whole or not at all."""
    try:
        from simmac import build
        from simmac.store import is_served
    except ImportError:
        raise Missing(
            _(
                "this is not a Mac, and a rehearsal needs the simulated one: "
                "pip install 'container-net[rehearsal]'"
            )
        ) from None
    if is_served(str(place)):
        return
    with tempfile.TemporaryDirectory(prefix=place.name + ".", dir=place.parent) as beside:
        new = build(Path(beside) / "mac", "broken").path
        if place.exists() and not is_served(str(place)):
            shutil.rmtree(place)
        # Where somebody else was quicker, theirs serves.
        with contextlib.suppress(OSError):
            new.rename(place)
