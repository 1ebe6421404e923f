"""A Machine that answers from a text: what is not in it is unreadable."""

from __future__ import annotations

import errno
import shlex
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Callable, List, Optional, Sequence, Tuple

from ..machine import READ_LIMIT, Argv, CommandResult, Machine, T
from ..model import FileFact
from .keys import Key, key, real
from .outputs import Output, route_output, routes
from .reader import Pasted

__all__ = ["MISSING", "Transcript"]

MISSING = "this is not in the text"
"""What a command is answered whose output was not pasted; no parser takes it for an answer."""


class Transcript(Machine):
    """Answers the commands of the probes from a text, and files that are quoted in it.

    Nothing is ever run or read.
    """

    def __init__(self, pasted: Pasted) -> None:
        # The base's own start would prepare a Context to run programs with.
        header = pasted.header
        self.sysroot = "" if header.get("simulated") else None
        self.container_user = None if header.get("asks_as_root") else "somebody"
        self.pasted = pasted

    @property
    def exact(self) -> bool:
        """Every answer is there, as it was given: a report of our own."""
        return bool(self.pasted.header)

    def find(self, wanted: Key) -> Optional[Output]:
        """The output for a key, or one that says as much."""
        found = self.pasted.outputs.get(wanted)
        if found is None and not self.exact and wanted[:2] == ("pfctl", "show"):
            other = (*wanted[:4], "" if wanted[4] else "v")
            found = self.pasted.outputs.get(other)
            found = _with_counters(found) if found is not None and wanted[4] else found
        if found is None and not self.exact:
            found = self._routed(wanted)
        return found

    def _routed(self, wanted: Key) -> Optional[Output]:
        """`route get ADDRESS` from the routing table, where a row of it is for that address."""
        table = self.pasted.outputs.get(("netstat", "inet"))
        if wanted[0] != "route" or wanted[1] == "default" or table is None:
            return None
        address = IPv4Address(wanted[1])
        rows = [row for row in routes(table.out) if address in row[0] and "I" not in row[2]]
        rows = [row for row in rows if row[0].prefixlen or table.sure]
        if not rows:
            return None
        best = max(rows, key=lambda row: row[0].prefixlen)
        return route_output(wanted[1], best[1], table.sure)

    def run(
        self,
        argv: Argv,
        *,
        root: bool = False,
        user: Optional[str] = None,  # noqa: ARG002
        stdin: str = "",  # noqa: ARG002
        timeout: float = READ_LIMIT,  # noqa: ARG002
        waits: str = "",  # noqa: ARG002
    ) -> CommandResult:
        shown, wanted = _typed(tuple(map(str, argv)))
        shown = ("sudo " if root else "") + shown
        found = self.find(wanted) if wanted is not None else None
        if wanted == ("true",) and found is None and not self.exact:
            return CommandResult(shown, 0)
        if found is None:
            return CommandResult(shown, 1, "", MISSING + "\n")
        return CommandResult(shown, found.code, found.out, found.err)

    def side_by_side(self, calls: Sequence[Callable[[], T]]) -> List[T]:
        return [call() for call in calls]

    def ask_for_root(self) -> bool:
        return False

    def read(self, path: str) -> FileFact:
        found = self.find(("file", real(path)))
        if found is None:
            raise OSError(errno.EIO, MISSING)
        if found.code is None:
            raise OSError(errno.EIO, found.err)
        if found.code != 0:
            return FileFact(path)
        return FileFact(path, found.out.encode("latin-1", "replace"), 0o644, link=found.err or None)

    def exists(self, path: str) -> bool:
        """What is not told is taken to be there: that it is missing would be a finding."""
        found = self.find(("exists", path))
        if found is not None:
            return found.code == 0
        if path.startswith("/opt/homebrew/bin/"):
            return path in self.pasted.plain
        return not path.startswith("/private/var/db/container-net")


@lru_cache(maxsize=1024)
def _typed(argv: Tuple[str, ...]) -> Tuple[str, Optional[Key]]:
    """A command as it is typed, and what it asks: a text is examined several times."""
    return shlex.join(argv), key(argv)


def _with_counters(found: Output) -> Output:
    """Rules as `-v` shows them; the counters say nothing, and no recogniser reads them."""
    counter = "  [ Evaluations: 0         Packets: 0         Bytes: 0           States: 0     ]"
    rows = [row for row in found.out.split("\n") if row]
    return replace(found, out="".join(f"{row}\n{counter}\n" for row in rows))
