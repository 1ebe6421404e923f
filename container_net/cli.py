"""`container-net`: the same tasks as a command of its own, for `uvx` and `pipx`."""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main"]

# What takes time to import waits until an interrupt can be told.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Container, Iterator, Optional, Sequence

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP. Invoke ends a KeyboardInterrupt with 1 and without a word."""


def _stop(_number: int, _frame: Optional[FrameType]) -> None:
    raise _Stopped


def main() -> None:
    """Run the collection outside a checkout; an interrupt at any time is one sentence and 130."""
    # Under nohup, and behind a shell's &, it stays ignored.
    wanted = [n for n in _SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
    try:
        for number in wanted:
            signal.signal(number, _stop)
        _run()
    except _Stopped:
        _ignore()
        from .text import _

        sys.stderr.write(f"container-net: {_('interrupted')}\n")
        sys.exit(130)
    finally:
        # The last word is said: what comes now would be a traceback of Python's own end.
        _ignore()


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _run() -> None:
    from .text import language_of, use

    use(language_of(os.environ))
    from invoke.collection import Collection
    from invoke.program import Program

    from . import __version__
    from .tasks import net

    Program(
        name="container-net",
        binary="container-net",
        version=__version__,
        namespace=Collection(net),
    ).run(list(_typed(sys.argv, net.task_names)))


def _typed(words: Sequence[str], tasks: Container[str]) -> Iterator[str]:
    """The first task may be typed without `net.`: `container-net status`."""
    found = False
    for word in words:
        yield f"net.{word}" if word in tasks and not found else word
        found = found or word in tasks or word.startswith("net.")
