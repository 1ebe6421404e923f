"""Ctrl-C, SIGTERM and SIGHUP at any time: one sentence and 130, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple

import pytest
from budget import THOROUGH

from container_net.apply import Interrupts
from container_net.model import Interrupted
from container_net.session import interruptible

ROOT = Path(__file__).parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
SAID = "container-net: interrupted\n"


@pytest.fixture(autouse=True)
def foreground() -> Iterator[None]:
    """As at a terminal: under nohup, or behind a shell's &, some would be ignored."""
    former = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


# The console script, and signals at the nth module that is looked for after it has begun; at -1,
# after the last word; at 0 it says how many there are.
DRIVER = """
import os, signal, sys

ignored, numbers, places = (list(map(int, word.split(","))) for word in sys.argv[1:4])
count = 0
if ignored[0]:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def send():
    for number in numbers:
        os.kill(os.getpid(), number)


class Counting:
    def find_spec(self, name, path=None, target=None):
        global count
        count += 1
        if count in places:
            send()


def last():
    if -1 in places:
        send()
    if 0 in places:
        os.write(2, b"%d" % count)


import atexit
atexit.register(last)
from container_net.cli import main
sys.meta_path.insert(0, Counting())
sys.argv[:] = ["container-net", "net.status"]
sys.exit(main())
"""


def environment(folder: Path) -> Any:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "TMPDIR")}
    # Nothing is in it: every fact is unknown, and the run is short.
    return {**kept, "LC_ALL": "C.UTF-8", "INVOKE_NET_SYSROOT": str(folder)}


def drive(
    folder: Path, places: Sequence[int], numbers: Sequence[int], ignored: bool = False
) -> Tuple[int, str, str]:
    words = [",".join(str(int(each)) for each in row) for row in ([ignored], numbers, places)]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *words],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_interrupt_at_any_time_is_one_sentence_and_130_and_after_the_last_word_nothing(
    tmp_path: Path,
) -> None:
    code, out, err = drive(tmp_path, [-1, 0], SIGNALS)
    assert code in (0, 1)
    assert out
    total = int(err)
    assert total > 150
    places = [1, 2, *range(5, total, total // 8), total] if THOROUGH else [1, total // 2, total]
    for nth, at in enumerate(places):
        number = SIGNALS[nth % 3]
        code, out, err = drive(tmp_path, [at], [number])
        assert (code, err) == (130, SAID), (at, number)
        assert "Traceback" not in out


def test_what_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    code, out, err = drive(tmp_path, [2, 120], SIGNALS, ignored=True)
    assert code in (0, 1)
    assert out
    assert err == ""


CLI = ["-c", "from container_net.cli import main; main()"]
INVOKE = ["-m", "invoke"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        pytest.param(CLI, signal.SIGINT, marks=pytest.mark.once),
        (CLI, signal.SIGTERM),
        pytest.param(CLI, signal.SIGHUP, marks=pytest.mark.once),
        (INVOKE, signal.SIGINT),
    ],
    ids=["container-net SIGINT", "container-net SIGTERM", "container-net SIGHUP", "invoke SIGINT"],
)
def test_an_interrupt_while_commands_run_is_one_sentence_and_130(
    tmp_path: Path, number: int, words: List[str]
) -> None:
    program = tmp_path / "usr/bin/sw_vers"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho >{tmp_path}/started\nexec sleep 30\n")
    program.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, *words, "net.status"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 30
        while not (tmp_path / "started").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", SAID)


# -- the block around a task


def send(number: int) -> None:
    """To this process; the handler has run when it comes back, if it does."""
    os.kill(os.getpid(), number)
    time.sleep(0.01)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_within_the_block_is_interrupted_and_the_handlers_come_back(number: int) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted, match=r"^interrupted$"), interruptible():
        send(number)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_the_block_leaves_alone_what_is_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            send(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


# -- while a plan is walked


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_walk_notes_a_signal_and_goes_on_and_tells_the_walk_around_it(number: int) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with Interrupts() as outer:
        with Interrupts() as inner:
            assert not inner.pending
            send(number)
            assert (inner.pending, outer.pending) == (True, False)
        assert outer.pending
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_walk_that_was_not_interrupted_tells_nothing() -> None:
    with Interrupts() as outer:
        with Interrupts():
            pass
        assert not outer.pending


def test_a_walk_leaves_alone_what_is_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as walk:
            send(signal.SIGHUP)
            assert not walk.pending
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def in_a_walk() -> bool:
    with interruptible(), Interrupts() as walk:
        return walk.pending


def test_in_another_thread_signals_are_not_its_business() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(in_a_walk).result() is False
