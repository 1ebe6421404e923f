"""What a program of the simulated Mac sees while it answers: the Mac, and its own call."""

from __future__ import annotations

import os

from . import carrier
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Union

__all__ = ["Call", "Exit", "External", "World"]

# The user of a simulated Mac: the first account that macOS makes.
UID = 501
GID = 20


class Exit(Exception):
    """A program ends with this exit status."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class External(Exception):
    """The rest of the request is a program that is not simulated: it runs as a process."""

    def __init__(self, argv: List[str], root: bool) -> None:
        super().__init__(argv)
        self.argv = argv
        self.root = root


class World:
    """The Mac: its folder, its state, and what follows from a change."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.root = store.root
        self._real_root = os.path.realpath(self.root)
        # Called after each effect, its state being on disk (crash tests copy the folder then).
        self.on_effect: Optional[Callable[[], None]] = None
        # Whether the program that answers just now may change what pf holds.
        self.pf = True
        # Targets of launchd that have to run once the lock is free.
        self.due: List[str] = []
        # What has to be done once the lock is free.
        self.after: List[Callable[[], None]] = []

    @property
    def state(self) -> Dict[str, Any]:
        return self.store.state

    # -- paths

    def host(self, path: str) -> str:
        """Where a path of the Mac lies on the machine it is simulated on."""
        return self.root + path

    def mac(self, path: str) -> str:
        """The Mac's path for an argument, whether or not it carries the folder's name in front."""
        for root in (self.root, self._real_root):
            if path == root:
                return "/"
            if path.startswith(root + "/"):
                path = path[len(root) :]
                break
        return os.path.normpath(path) if path.startswith("/") else path

    def real(self, path: str) -> str:
        """The Mac's path with the links of its folders followed (`/etc/x` is `/private/etc/x`)."""
        folder, name = os.path.split(path)
        found = os.path.realpath(self.host(folder))
        inside = found[len(self._real_root) :] if found.startswith(self._real_root) else folder
        return os.path.join(inside or "/", name)

    def target(self, path: str) -> str:
        """The Mac's path with every link followed, the last one too."""
        return self.real(os.path.join(path, "."))[:-2]

    # -- effects

    def effect(self) -> None:
        """Something has just changed, in the state or in a file, and the command goes on."""
        self.store.save(self.pf)
        self.saved()

    def saved(self) -> None:
        """An effect is on disk: whoever waits for it is told."""
        carrier.tell(self)
        if self.on_effect is not None:
            self.on_effect()

    def touched(self, path: str) -> None:
        """A file changed: jobs of launchd that watch it become due."""
        for target, job in self.state["jobs"].items():
            if any(self.real(watched) == self.real(path) for watched in job["watch"]):
                self.run_later(target)

    def run_later(self, target: str) -> None:
        """A job of launchd runs as soon as the present request is answered."""
        if target not in self.due:
            self.due.append(target)

    def log(self, process: str, text: str, subsystem: str = "", pid: int = 0) -> None:
        """A message in the unified log, with the simulated clock's time."""
        state = self.state
        self.store.note(
            {
                "at": state["epoch"] + state["clock"],
                "boot": state["sysctl"]["kern.bootsessionuuid"],
                "process": process,
                "pid": pid,
                "subsystem": subsystem,
                "text": text,
            }
        )

    def next_pid(self) -> int:
        """The PID of a process that is only told about."""
        self.state["pid"] += 7
        return int(self.state["pid"])


class Call:
    """One program's start: arguments, input, who started it, and what it has said so far."""

    def __init__(
        self, world: World, argv: List[str], stdin: bytes, *, root: bool, user: str, umask: int
    ) -> None:
        self.world = world
        self.argv = argv
        self.stdin = stdin
        self.root = root
        self.user = user
        self.umask = umask
        # A program that was only asked something: the state is as it was.
        self.looked = False
        # The carrier brought the state up to what there really is.
        self.carried = False
        # A program that does not end by itself: the process goes on with `net.changes`.
        self.goes_on = False
        self.out: List[bytes] = []
        self.err: List[bytes] = []

    @property
    def name(self) -> str:
        return self.argv[0].rsplit("/", 1)[-1]

    @property
    def state(self) -> Dict[str, Any]:
        return self.world.state

    def say(self, text: Union[str, bytes]) -> None:
        """One line, or bytes as they are, on standard output."""
        self.out.append(text if isinstance(text, bytes) else (text + "\n").encode())

    def warn(self, text: str) -> None:
        """One line on standard error."""
        self.err.append((text + "\n").encode())

    def fail(self, text: str, code: int = 1) -> Exit:
        """To be raised: one line on standard error, and the end."""
        self.warn(text)
        return Exit(code)
