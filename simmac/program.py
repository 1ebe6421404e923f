"""A program of a simulated Mac, as a process: what stub.py starts."""

from __future__ import annotations

import os
import sys

from .engine import Answer, Engine, Hung, Monitoring
from .files import wants_input
from .store import is_simulated
from .world import External

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

__all__ = ["main"]

NAP = 0.05
PATIENCE = 120  # seconds; nothing hangs for ever when its test has gone


def folder_of(program: str) -> str:
    """The simulated Mac in which a program lies."""
    place = os.path.abspath(program)
    while not is_simulated(place):
        above = os.path.dirname(place)
        if above == place:
            sys.exit(f"{program}: in no simulated Mac")
        place = above
    return place


def read_input() -> bytes:
    """Standard input to its end."""
    chunks: List[bytes] = []
    while True:
        chunk = os.read(0, 65536)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def write(stream: int, content: bytes) -> None:
    """A reader that has gone is nobody's error."""
    try:
        while content:
            content = content[os.write(stream, content) :]
    except OSError:
        pass


def hang(engine: Engine, argv: List[str], root: bool, umask: int, stdin: bytes) -> Answer:
    """Wait until the program is set free, its Mac is gone, or it has been long enough."""
    import time

    end = time.monotonic() + PATIENCE
    while True:
        time.sleep(NAP)
        if not is_simulated(engine.world.root) or time.monotonic() > end:
            os._exit(1)
        try:
            return engine.answer(argv, stdin, root, umask=umask)
        except Hung:
            continue


def monitor(engine: Engine) -> Answer:
    """`route monitor`: look at the state as often as a person would notice, and tell what changed.

    It ends with its Mac, or where it cannot write.
    """
    import time

    from . import carrier, net

    before, stamp, turn = None, None, 0
    while is_simulated(engine.world.root):
        # Where a lab holds the Mac, a look asks it: also for what was done there by hand.
        now_stamp, turn = engine.store.stamp(), turn + 1
        if now_stamp != stamp or turn % 40 == 0:
            stamp = now_stamp
            with engine.store:
                carrier.look(engine.world, "/sbin/route")
                now = net.told(engine.world.state)
            lines = net.changes(now if before is None else before, now)
            before = now
            try:
                os.write(1, "".join(line + "\n" for line in lines).encode())
            except OSError:
                break
        time.sleep(NAP)
    return Answer(0)


def run_outside(engine: Engine, other: External) -> int:
    """A program that is not simulated takes this one's place, its streams included."""
    import subprocess

    argv = engine.command(other)
    if not other.root:
        os.execv(argv[0], argv)  # noqa: S606
    return subprocess.call(argv, start_new_session=True)


def answer(program: str, words: List[str]) -> int:
    """Answer as a program of the folder, and exit with its status."""
    engine = Engine(folder_of(program))
    argv = [os.path.abspath(program), *words]
    root = engine.store.root_session(os.getsid(0))
    umask = os.umask(0o022)
    os.umask(umask)
    # Before the lock is taken: whoever writes to this pipe may be waiting for it.
    stdin = read_input() if wants_input(argv) else b""

    def outside(other: External, _: bytes) -> Answer:
        return Answer(run_outside(engine, other))

    engine.outside = outside
    try:
        found = engine.answer(argv, stdin, root, umask=umask)
    except Monitoring:
        found = monitor(engine)
    except Hung:
        found = hang(engine, argv, root, umask, stdin)
    write(1, found.out)
    write(2, found.err)
    return found.code


def main(words: List[str]) -> int:
    """The command line of stub.py."""
    if words[0] == "--job":
        from .launchd import supervise

        supervise(Engine(words[1]).world, words[2])
        return 0
    return answer(words[0], words[1:])
