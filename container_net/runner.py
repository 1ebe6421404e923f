"""The Runner that Machine gives to Invoke: one command, its own process group, a limit that holds.

What Invoke's own `Local` does otherwise (measured on Invoke 3.0.3): its timeout kills one process
only and then waits for whoever still holds the pipe (`sleep 30 | cat` with 1 s took 30 s); a child
that belongs to root ends in a traceback; input goes in at 10 ms a byte; Ctrl-C is written into the
child's input. Here there is no shell either: the command line is split exactly as `shlex.join` put
it together.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence

from invoke.context import Context
from invoke.exceptions import CommandTimedOut
from invoke.runners import Result, Runner

__all__ = ["Following", "GroupRunner", "Outcome", "execute"]

# How long a command may take to end after SIGTERM, before SIGKILL: `container run` passes the
# signal on and takes its container away.
GRACE = 1.0
# After the command itself has ended, how long to wait for a grandchild that holds its pipes.
LINGER = 0.3


@dataclass(frozen=True)
class Outcome:
    """What became of a command. `code` is None where the limit was reached.

    `leftover` is the process group of a command that could not be killed (root's), else None.
    """

    code: Optional[int]
    out: bytes = b""
    err: bytes = b""
    leftover: Optional[int] = None


@dataclass
class _Child:
    """A started command and the pipes that lead to it."""

    pid: int
    stdin: int
    stdout: int
    stderr: int
    code: Optional[int] = None
    chunks: Dict[int, List[bytes]] = field(default_factory=dict)

    def shut_stdin(self) -> None:
        if self.stdin != -1:
            os.close(self.stdin)
            self.stdin = -1

    def reap(self) -> bool:
        """Whether the command has ended; never waits."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                # os.waitstatus_to_exitcode is there from 3.9 on.
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None


def _start(argv: Sequence[str], env: Dict[str, str]) -> _Child:
    """Start a command in a process group (not a session) of its own: sudo's ticket belongs to the
    terminal, and Ctrl-C there must not reach a command in the middle of a change."""
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    try:
        # os.pipe's ends are closed on exec; the copies on 0, 1 and 2 are not. Ends that are
        # themselves 0, 1 or 2 happen only where a caller closed its own: not supported.
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, in_read, 0),
                (os.POSIX_SPAWN_DUP2, out_write, 1),
                (os.POSIX_SPAWN_DUP2, err_write, 2),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP),
        )
    except OSError:
        for end in (in_write, out_read, err_read):
            os.close(end)
        raise
    finally:
        for end in (in_read, out_write, err_write):
            os.close(end)
    for end in (in_write, out_read, err_read):
        os.set_blocking(end, False)
    return _Child(pid, in_write, out_read, err_read)


def _transfer(child: _Child, stdin: bytes, deadline: float, cancelled: Callable[[], bool]) -> bool:
    """Move bytes until the command has ended and its pipes are shut. False: out of time."""
    with selectors.DefaultSelector() as selector:
        for end in (child.stdout, child.stderr):
            selector.register(end, selectors.EVENT_READ)
            child.chunks[end] = []
        pending = memoryview(stdin)
        if pending:
            selector.register(child.stdin, selectors.EVENT_WRITE)
        else:
            child.shut_stdin()
        ended_at: Optional[float] = None
        while True:
            now = time.monotonic()
            if child.reap() and ended_at is None:
                ended_at = now
            reading = [key.fd for key in selector.get_map().values() if key.fd != child.stdin]
            if ended_at is not None and (not reading or now > ended_at + LINGER):
                complete = True
                break
            if now >= deadline or cancelled():
                complete = False
                break
            if not selector.get_map():
                # The pipes are shut and the command is still there: only waitpid can tell.
                time.sleep(0.001)
                continue
            for key, _events in selector.select(min(0.05, deadline - now)):
                if key.fd == child.stdin:
                    try:
                        pending = pending[os.write(child.stdin, pending[:65536]) :]
                    except BlockingIOError:
                        continue
                    except BrokenPipeError:
                        pending = pending[:0]
                    if not pending:
                        selector.unregister(child.stdin)
                        child.shut_stdin()
                else:
                    try:
                        data = os.read(key.fd, 65536)
                    except BlockingIOError:
                        continue
                    if data:
                        child.chunks[key.fd].append(data)
                    else:
                        selector.unregister(key.fd)
        return complete


def _kill(child: _Child) -> Optional[int]:
    """End the command's group. Returns the group where it may not be killed (root's), else None."""
    _signal(child.pid, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        if child.reap() and _signal(child.pid, 0) is None:
            return None
        time.sleep(0.005)
    refused = _signal(child.pid, signal.SIGKILL) is False
    until = time.monotonic() + GRACE
    while not child.reap() and not refused and time.monotonic() < until:
        time.sleep(0.005)
    return child.pid if refused else None


def _signal(group: int, number: int) -> Optional[bool]:
    """Send a signal to a group: True sent, False not allowed, None nobody there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return None
    except PermissionError:
        return False
    return True


def execute(
    argv: Sequence[str],
    stdin: bytes,
    env: Dict[str, str],
    timeout: float,
    cancel: threading.Event,
) -> Outcome:
    """Run a command with a limit in seconds; setting `cancel` ends it as the limit would.

    A `cancel` that was set before the command started is not for it: that command cleans up. A
    program that cannot be started is code 127.
    """
    # Asked before: a program may have begun, and `cancel` be set, before this thread goes on.
    cancelled = (lambda: False) if cancel.is_set() else cancel.is_set
    try:
        child = _start(argv, env)
    except OSError as error:
        return Outcome(127, err=f"{argv[0]}: {os.strerror(error.errno or 0)}".encode())
    leftover: Optional[int] = None
    try:
        complete = _transfer(child, stdin, time.monotonic() + timeout, cancelled)
        if not complete:
            leftover = _kill(child)
    except BaseException:
        _kill(child)
        raise
    finally:
        child.shut_stdin()
        os.close(child.stdout)
        os.close(child.stderr)
    out, err = (b"".join(child.chunks[end]) for end in (child.stdout, child.stderr))
    return Outcome(child.code if complete else None, out, err, leftover)


class Following:
    """A command that goes on, read as it speaks. `with` ends it with its group, whatever happens.

    Raises OSError where the program cannot be started.
    """

    def __init__(self, argv: Sequence[str], cancel: threading.Event) -> None:
        self.cancelled = cancel.is_set
        self._child = _start(argv, {**os.environ, "LC_ALL": "C"})
        self._child.shut_stdin()

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _kill(self._child)
        finally:
            os.close(self._child.stdout)
            os.close(self._child.stderr)

    def fileno(self) -> int:
        """For a selector: it is readable where `take` has something to say."""
        return self._child.stdout

    def take(self) -> Optional[bytes]:
        """What it has said since; empty where that is nothing, None where it says no more."""
        try:
            return os.read(self._child.stdout, 1 << 18) or None
        except BlockingIOError:
            return b""

    def ended(self) -> Outcome:
        """How it ended, after `take` gave None; `code` is None where it goes on all the same."""
        until = time.monotonic() + GRACE
        while not self._child.reap() and time.monotonic() < until:
            time.sleep(0.005)
        try:
            said = os.read(self._child.stderr, 1 << 16)
        except BlockingIOError:
            said = b""
        return Outcome(self._child.code, err=said)


def result_of(command: str, code: Optional[int], out: bytes, err: bytes) -> Result:
    """What Invoke knows of a command that ended, or of one that did not in time (`code` None)."""
    return Result(
        stdout=out.decode("latin-1"),
        stderr=err.decode("latin-1"),
        command=command,
        exited=-1 if code is None else code,
        encoding="latin-1",
    )


class GroupRunner(Runner):
    """`execute` behind Invoke's interface. Text is latin-1, so that every byte comes back."""

    def __init__(self, context: Context, cancel: threading.Event) -> None:
        super().__init__(context)
        self._cancel = cancel

    def run(self, command: str, **kwargs: Any) -> Result:
        """Run one command; raises CommandTimedOut, whose result holds what was read until then.

        Only `timeout` (seconds), `in_stream` and `env` matter here; the result's `leftover` is that
        of `Outcome`.
        """
        stream = kwargs.get("in_stream")
        timeout = kwargs.get("timeout")
        outcome = execute(
            shlex.split(command),
            stream.read().encode("latin-1") if stream else b"",
            # In the C locale the texts are those that the parsers know.
            {**os.environ, **(kwargs.get("env") or {}), "LC_ALL": "C"},
            3600.0 if timeout is None else timeout,
            self._cancel,
        )
        result = result_of(command, outcome.code, outcome.out, outcome.err)
        if outcome.code is None:
            result.leftover = outcome.leftover  # type: ignore[attr-defined]
            raise CommandTimedOut(result, timeout=int(timeout or 0))
        return result
