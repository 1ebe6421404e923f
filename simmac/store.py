"""The one state file of a simulated Mac, its lock, and the log of what was answered.

    DIR/.container-net-simulated     marker: this folder may be used as a sysroot
    DIR/.simmac/saved                everything that is no file on the Mac
    DIR/.simmac/log                  one record for each request that was answered
    DIR/.simmac/unified              what `log show` shows: one record for each message
    DIR/.simmac/root/SESSION         sessions whose processes run as the simulated root

Nothing in it holds the folder's own path: a copy is another, independent Mac. State and log are
written by marshal, which is part of the interpreter: json would cost each of the folder's programs
a fifth of its time. `python -m simmac show DIR` prints the state.
"""

from __future__ import annotations

import fcntl
import marshal
import os
from _thread import RLock  # threading, which is built on it, brings functools and collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

__all__ = ["MARKER", "PRIVATE", "Store", "is_served", "is_simulated", "saved"]

MARKER = ".container-net-simulated"
PRIVATE = ".simmac"
# Another name where the form is another: a Mac of an older version is laid anew.
STATE = os.path.join(PRIVATE, "saved")
LOG = os.path.join(PRIVATE, "log")
UNIFIED = os.path.join(PRIVATE, "unified")
# Of marshal's format: the last version in which equal values are written alike.
FORMAT = 2


def is_simulated(root: str) -> bool:
    """Whether a folder bears the marker."""
    return os.path.isfile(os.path.join(root, MARKER))


def is_served(root: str) -> bool:
    """Whether a folder is a simulated Mac that this version of the programs can answer for."""
    files = (STATE, UNIFIED)
    return is_simulated(root) and all(os.path.isfile(os.path.join(root, name)) for name in files)


def saved(root: str) -> Dict[str, Any]:
    """The state as it was last saved, for whoever may not wait for the lock."""
    return _read(os.path.join(root, STATE))[1]


def _read(place: str) -> tuple[tuple[bytes, bytes], Dict[str, Any]]:
    """A state as it is written, in two parts, and the state itself."""
    with open(place, "rb") as file:
        rest, rules = marshal.load(file)  # noqa: S302 - a file of our own
    return (rest, rules), {**marshal.loads(rest), "pf": marshal.loads(rules)}  # noqa: S302


class Store:
    """The state of one Mac, shared by all processes that use its folder.

    `with store:` takes the lock and brings `state` up to date; within it, `save()` writes what was
    changed, and so does the end of the block. The lock may be taken again by the thread that holds
    it.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.private = os.path.join(root, PRIVATE)
        self.state: Dict[str, Any] = {}
        self._file = os.path.join(root, STATE)
        self._log = os.path.join(root, LOG)
        self._unified = os.path.join(root, UNIFIED)
        self._written = (b"", b"")
        self._stamp: Optional[tuple[int, int, int]] = None
        self._guard = RLock()
        self._depth = 0
        self._settled = False
        self._lock = -1

    def __enter__(self) -> Store:
        self._guard.acquire()
        self._depth += 1
        self._settled = False
        if self._depth == 1:
            try:
                if self._lock == -1:
                    name = os.path.join(self.private, "lock")
                    self._lock = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                self._load()
            except BaseException:
                self._release()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._depth == 1 and not self._settled:
                self.save()
        finally:
            self._release()

    def _release(self) -> None:
        self._depth -= 1
        if self._depth == 0 and self._lock != -1:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        self._guard.release()

    @property
    def depth(self) -> int:
        """How often the lock is held by this process."""
        return self._depth

    def close(self) -> None:
        """Give the file descriptor of the lock back."""
        if self._lock != -1:
            os.close(self._lock)
            self._lock = -1

    def settled(self) -> None:
        """Nothing is changed, since it was saved or taken, before the lock is given back: comparing
        it once more would cost more than most programs do."""
        self._settled = self._depth == 1

    def look(self) -> Dict[str, Any]:
        """The state as it is now, for whoever changes nothing."""
        with self:
            self.settled()
            return self.state

    def stamp(self) -> tuple[int, int, int]:
        """Another one where the saved state is another."""
        info = os.stat(self._file)
        return (info.st_ino, info.st_mtime_ns, info.st_size)

    def _load(self) -> None:
        stamp = self.stamp()
        if stamp != self._stamp:
            self._written, self.state = _read(self._file)
            self._stamp = stamp

    def save(self, pf: bool = True) -> bool:
        """Write the state where it changed, in one step. Whether it had changed.

        Most of it are pf's rules: without `pf` they are taken to be as they were.
        """
        rest = {name: value for name, value in self.state.items() if name != "pf"}
        rules = marshal.dumps(self.state.get("pf"), FORMAT) if pf else self._written[1]
        content = marshal.dumps(rest, FORMAT), rules
        if content == self._written:
            return False
        temporary = self._file + ".new"
        with open(temporary, "wb") as file:
            file.write(marshal.dumps(content, FORMAT))
        os.replace(temporary, self._file)
        self._stamp = self.stamp()
        self._written = content
        return True

    def create(self, state: Dict[str, Any]) -> None:
        """Lay a new state down, and the marker last."""
        os.makedirs(os.path.join(self.private, "root"), exist_ok=True)
        self.state = state
        self.save()
        self.keep_notes([])
        with open(os.path.join(self.root, MARKER), "w", encoding="utf-8") as file:
            file.write("A simulated Mac of container-net; nothing in this folder is the host's.\n")

    # -- the log

    def record(self, argv: List[str], root: bool, code: Optional[int]) -> None:
        """Note a request that was answered (code None: it hung)."""
        _append(self._log, {"argv": argv, "root": root, "code": code})

    def records(self) -> List[Dict[str, Any]]:
        """All requests answered, oldest first."""
        return _all(self._log)

    def forget(self) -> None:
        """Empty the log."""
        with open(self._log, "wb"):
            pass

    # -- the Mac's own log

    def note(self, message: Dict[str, Any]) -> None:
        """A message for the unified log: `at`, `boot`, `process`, `pid`, `subsystem`, `text`."""
        _append(self._unified, message)

    def noted(self) -> List[Dict[str, Any]]:
        """The unified log, oldest first."""
        return _all(self._unified)

    def keep_notes(self, messages: List[Dict[str, Any]]) -> None:
        """Only these messages stay."""
        with open(self._unified, "wb"):
            pass
        for message in messages:
            self.note(message)

    # -- who is root

    def root_session(self, session: int) -> bool:
        """Whether processes of this session run as the simulated root."""
        return os.path.exists(os.path.join(self.private, "root", str(session)))


def _append(place: str, record: Dict[str, Any]) -> None:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, marshal.dumps(record, FORMAT))
    finally:
        os.close(descriptor)


def _all(place: str) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    try:
        with open(place, "rb") as file:
            while file.peek(1):
                found.append(marshal.load(file))  # noqa: S302
    except FileNotFoundError:
        pass
    return found
