"""`net.watch` as a person has it: a process with a pseudo-terminal of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from typing import Callable, Dict, List, Sequence, Tuple

from sim.support import ROOT, environment

from simmac import Mac

__all__ = [
    "CURSOR",
    "ENTER",
    "ESCAPES",
    "LEAVE",
    "WITHIN",
    "Terminal",
    "at_a_terminal",
    "monitors",
    "quickest",
]

# What a person is promised, in seconds.
WITHIN = 1.0

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][AB0]?")
ENTER, LEAVE, CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


class Terminal:
    """A process whose controlling terminal is a pseudo-terminal, and all that it wrote. `module`
    is invoke, or sim.answered."""

    def __init__(
        self,
        mac: Mac,
        *words: str,
        ignored: Tuple[int, ...] = (),
        wrap: Tuple[str, ...] = (),
        module: str = "invoke",
    ) -> None:
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, b"\x28\x00\x82\x00\x00\x00\x00\x00")
        self.before = termios.tcgetattr(self.slave)
        self.said = b""

        def child() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        self.process = subprocess.Popen(
            [*wrap, sys.executable, "-m", module, "net.watch", *words],
            cwd=ROOT,
            env=environment(mac, TERM="xterm-256color", PYTHONPATH=f"{ROOT}/tests"),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            preexec_fn=child,  # noqa: PLW1509 - before this process has threads of its own
        )
        self._reading = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # Not in `read` when the window is closed: it would stay open until that returned.
        with contextlib.suppress(OSError):
            while self._reading:
                if select.select([self.master], [], [], 0.05)[0]:
                    self.said += os.read(self.master, 65536)

    @property
    def text(self) -> str:
        return ESCAPES.sub(b"", self.said).decode("utf-8", "replace")

    def wait_for(self, words: str, after: int = 0, timeout: float = 20) -> float:
        """Seconds until it is on the screen, behind so many bytes."""
        began = time.monotonic()
        while words not in ESCAPES.sub(b"", self.said[after:]).decode("utf-8", "replace"):
            assert self.process.poll() is None, self.text[-3000:]
            assert time.monotonic() - began < timeout, (words, self.text[-3000:])
            time.sleep(0.01)
        return time.monotonic() - began

    def wait_for_another(self) -> None:
        """An event is on the screen: until what else has changed was looked at, too."""
        time.sleep(0.2)
        place, end = len(self.said), time.monotonic() + 3
        while len(self.said) == place and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.2)

    def shut(self) -> None:
        """Close the window."""
        if self._reading:
            # A number of a file that is closed is soon another's.
            self._reading = False
            self._reader.join()
            os.close(self.slave)
            os.close(self.master)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.shut()


def quickest(
    seen: Terminal, story: Sequence[Tuple[Callable[[], None], str]], again: Callable[[], None]
) -> Dict[str, float]:
    """How long until each event of a story is on the screen; the best of up to three times, since
    a machine on which tests run has other things to do."""
    taken: Dict[str, float] = {}
    for turn in range(3):
        if turn:
            again()
            time.sleep(5)
        for act, words in story:
            place = len(seen.said)
            act()
            took = seen.wait_for(words, place)
            taken[words] = min(took, taken.get(words, took))
            seen.wait_for_another()
        if max(taken.values()) <= WITHIN:
            break
    return taken


def monitors(mac: Mac) -> List[str]:
    """Processes of `route -n monitor` on this Mac."""
    rows = subprocess.run(
        ["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [row for row in rows if str(mac.path) in row and "monitor" in row]


def at_a_terminal(
    mac: Mac, *words: str, answer: str = "", module: str = "invoke", **environ: str
) -> Tuple[int, str]:
    """A task on a terminal, at which a person answers every question alike: its exit code, and
    everything that the terminal was sent. `module` is invoke, or sim.answered."""
    ours, theirs = os.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=environment(mac, **{"TERM": "xterm", "PYTHONPATH": f"{ROOT}/tests", **environ}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    sent, answered = b"", 0
    with contextlib.suppress(OSError):  # Linux says EIO where the other end is shut
        while data := os.read(ours, 65536):
            sent += data
            if sent.count(b"[y/N]") > answered:
                answered += 1
                os.write(ours, f"{answer}\n".encode())
    code = started.wait(10)
    os.close(ours)
    return code, sent.decode("utf-8", "replace").replace("\r\n", "\n")
