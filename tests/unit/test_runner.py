"""The Runner: a limit that holds, whole input and output, and nothing left running."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence

import pytest
from invoke.context import Context
from invoke.exceptions import CommandTimedOut

from container_net import runner
from container_net.runner import Following, GroupRunner, Outcome, execute

pytestmark = pytest.mark.waits

ROOT = Path(__file__).parents[2]
# What a limit of half a second may cost: the limit itself, one second of grace, a busy machine.
PATIENCE = 3.5


def shell(
    script: str,
    *,
    stdin: bytes = b"",
    timeout: float = 20.0,
    cancel: Optional[threading.Event] = None,
) -> Outcome:
    words = ["/bin/sh", "-c", script]
    return execute(words, stdin, dict(os.environ), timeout, cancel or threading.Event())


def python(script: str, *words: str, stdin: bytes = b"", timeout: float = 20.0) -> Outcome:
    argv = [sys.executable, "-c", textwrap.dedent(script), *words]
    return execute(argv, stdin, dict(os.environ), timeout, threading.Event())


def living(group: int) -> List[str]:
    """The processes of a group, without those that have ended and wait for their parent."""
    if Path("/proc/self/stat").exists():
        found = []
        for place in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = place.read_text(errors="replace")
            except OSError:
                continue
            state, _parent, its_group = text.rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(text)
        return found
    listed = subprocess.run(
        ["/bin/ps", "-A", "-o", "pgid=,stat=,command="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [" ".join(r) for r in rows if r[0] == str(group) and not r[1].startswith("Z")]


def gone(group: int, patience: float = 2.0) -> bool:
    until = time.monotonic() + patience
    while living(group) and time.monotonic() < until:
        time.sleep(0.02)
    return not living(group)


@pytest.fixture
def clock() -> Iterator[None]:
    """The test has to end soon."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < PATIENCE


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """For those that do not end by themselves: they are waited for all the same."""
    monkeypatch.setattr(runner, "GRACE", 0.2)


# -- the limit


def test_a_grandchild_that_holds_the_pipe_does_not_hold_the_limit(clock: None, grace: None) -> None:
    outcome = shell("echo $$; sleep 30 | cat", timeout=0.5)
    assert outcome.code is None
    assert outcome.leftover is None
    assert gone(int(outcome.out))


def test_a_child_that_ignores_sigterm_is_killed(clock: None, grace: None) -> None:
    outcome = shell("trap '' TERM; echo $$; while :; do sleep 1; done", timeout=0.5)
    assert outcome.code is None
    assert outcome.leftover is None
    assert gone(int(outcome.out))


def test_a_child_that_cleans_up_on_sigterm_may_do_so(tmp_path: Path, clock: None) -> None:
    note = tmp_path / "note"
    script = f"trap 'echo clean > {note}; exit 0' TERM; while :; do sleep 0.1; done"
    assert shell(script, timeout=0.5).code is None
    assert note.read_text() == "clean\n"


def test_what_was_said_before_the_limit_is_kept(clock: None) -> None:
    outcome = shell("echo out; echo err >&2; exec sleep 30", timeout=0.5)
    assert (outcome.code, outcome.out, outcome.err) == (None, b"out\n", b"err\n")


def test_a_child_that_shuts_its_pipes_and_stays_is_under_the_limit_too(clock: None) -> None:
    outcome = shell("exec </dev/null >/dev/null 2>&1; exec sleep 30", timeout=0.5)
    assert outcome.code is None


def test_a_child_that_never_reads_its_input_is_under_the_limit_too(clock: None) -> None:
    assert shell("exec sleep 30", stdin=b"x" * 300_000, timeout=0.5).code is None


def test_a_group_that_may_not_be_killed_is_reported(
    monkeypatch: pytest.MonkeyPatch, clock: None, grace: None
) -> None:
    killpg = os.killpg
    tried: List[int] = []

    def refuse(_group: int, number: int) -> None:
        tried.append(number)
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", refuse)
        outcome = shell("echo $$; sleep 30", timeout=0.3)
    group = int(outcome.out)
    assert outcome == Outcome(None, f"{group}\n".encode(), b"", leftover=group)
    assert tried == [signal.SIGTERM, signal.SIGKILL]
    assert living(group)
    killpg(group, signal.SIGKILL)
    assert os.waitpid(group, 0)[0] == group


def test_a_command_that_ended_is_not_kept_waiting_by_its_grandchild(clock: None) -> None:
    outcome = shell("sleep 30 & echo $!", timeout=20.0)
    os.kill(int(outcome.out), signal.SIGKILL)
    assert outcome.code == 0


def test_no_descriptor_is_left_open() -> None:
    def count() -> int:
        return len(os.listdir("/dev/fd"))

    before = count()
    shell("echo x")
    shell("exec sleep 30", timeout=0.1)
    execute(["/no/such/program"], b"", {}, 1.0, threading.Event())
    assert count() == before


# -- Ctrl-C and its kin


def test_cancel_ends_a_running_command(clock: None) -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    outcome = shell("echo $$; exec sleep 30", cancel=cancel)
    timer.join()
    assert outcome.code is None
    assert gone(int(outcome.out))


def test_cancel_ends_a_command_that_has_only_just_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may set it before the one that started the command goes on."""
    cancel, start = threading.Event(), runner._start

    def slow(*words: Any) -> Any:
        child = start(*words)
        cancel.set()
        return child

    monkeypatch.setattr(runner, "_start", slow)
    assert shell("exec sleep 5", cancel=cancel).code is None


def test_a_command_that_starts_after_cancel_cleans_up_and_is_let_run() -> None:
    cancel = threading.Event()
    cancel.set()
    assert shell("sleep 0.2; echo done", cancel=cancel).out == b"done\n"


SLEEPERS = """
import sys
from invoke.context import Context
from container_net.machine import Machine

machine = Machine(Context())
script = 'trap "" INT; echo $$ > "$1.new"; mv "$1.new" "$1"; sleep 30 | cat'
calls = [
    lambda name=name: machine.run(["/bin/sh", "-c", script, "sh", name], timeout=25.0)
    for name in sys.argv[1:]
]
machine.side_by_side(calls)
"""


def test_ctrl_c_ends_the_tool_and_every_command_that_runs_side_by_side(tmp_path: Path) -> None:
    names = [tmp_path / f"pid{n}" for n in range(3)]
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPERS, *map(str, names)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        until = time.monotonic() + 20
        while not all(name.exists() for name in names):
            assert time.monotonic() < until
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        groups = [int(name.read_text()) for name in names]
        assert all(living(group) for group in groups)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=20)
        took = time.monotonic() - started
    assert took < 3.0
    assert process.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in err
    assert all(gone(group) for group in groups)


def test_a_command_has_a_group_of_its_own_in_the_session_of_the_terminal() -> None:
    outcome = python("import os; print(os.getpgid(0) == os.getpid(), os.getsid(0))")
    assert outcome.out.split() == [b"True", str(os.getsid(0)).encode()]


def test_a_command_starts_with_the_usual_signals() -> None:
    # Python ignores SIGPIPE; `yes` would then complain instead of ending.
    outcome = shell("yes | head -n 1")
    assert (outcome.out, outcome.err) == (b"y\n", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_obeys_the_signals_that_we_were_started_to_ignore(number: int) -> None:
    former = signal.signal(number, signal.SIG_IGN)
    try:
        assert shell(f"kill -{int(number)} $$; echo still here") == Outcome(-number)
    finally:
        signal.signal(number, former)


# -- what goes in and comes out


def test_much_input_and_output_goes_through_whole() -> None:
    content = os.urandom(300_000)
    outcome = shell("tee /dev/stderr", stdin=content)
    assert outcome.code == 0
    assert outcome.out == content
    assert outcome.err == content


def test_input_for_a_reader_that_takes_its_time_arrives_whole() -> None:
    content = os.urandom(200_000)
    sips = "dd bs=5000 count=1 2>/dev/null; sleep 0.1; "
    assert shell(sips * 3 + "cat", stdin=content).out == content


def test_input_is_not_slow() -> None:
    # Invoke's own way takes 10 ms a byte.
    started = time.monotonic()
    assert shell("cat", stdin=b"x" * 3000).out == b"x" * 3000
    assert time.monotonic() - started < 3.0


def test_a_command_that_does_not_read_its_input_succeeds() -> None:
    assert shell("exit 0", stdin=b"x" * 300_000) == Outcome(0)


def test_without_input_a_command_reads_the_end_at_once() -> None:
    assert shell("cat; echo end", timeout=10.0) == Outcome(0, b"end\n")


def test_exit_codes_and_deaths_by_a_signal() -> None:
    assert shell("exit 113").code == 113
    assert shell("kill -9 $$").code == -9


def test_both_streams_are_apart() -> None:
    assert shell("echo one; echo two >&2; echo three") == Outcome(0, b"one\nthree\n", b"two\n")


@pytest.mark.parametrize("kind", ["missing", "not executable", "a folder"])
def test_a_program_that_cannot_be_started_is_127(tmp_path: Path, kind: str) -> None:
    program = tmp_path / "program"
    if kind == "not executable":
        program.write_text("#!/bin/sh\n")
    elif kind == "a folder":
        program.mkdir()
    outcome = execute([str(program)], b"", {}, 5.0, threading.Event())
    assert outcome.code == 127
    assert outcome.out == b""
    assert outcome.err.startswith(str(program).encode() + b": ")


# -- behind Invoke's interface


def run(command: str, stdin: Optional[str] = None, **more: Any) -> Any:
    stream = None if stdin is None else io.StringIO(stdin)
    return GroupRunner(Context(), threading.Event()).run(command, in_stream=stream, **more)


def test_every_byte_comes_back() -> None:
    every = bytes(range(256)) + b"\r\n\r"
    result = run("/bin/cat", every.decode("latin-1"))
    assert result.stdout.encode("latin-1") == every


def test_there_is_no_shell() -> None:
    words = "/bin/echo '$HOME' ';' '`id`' '*' '|' '>' /dev/null"
    assert run(words).stdout == "$HOME ; `id` * | > /dev/null\n"


def test_texts_are_those_of_the_c_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    monkeypatch.setenv("KEPT", "yes")
    words = ["/bin/sh", "-c", "'echo $LC_ALL $KEPT $MORE'"]
    assert run(" ".join(words), env={"LC_ALL": "ko", "MORE": "more"}).stdout == "C yes more\n"


def test_a_failure_is_a_result_and_no_exception() -> None:
    result = run("/bin/sh -c 'echo no >&2; exit 4'")
    assert (result.exited, result.stderr, result.ok) == (4, "no\n", False)


@pytest.mark.parametrize("words", [["/bin/sh", "-c", "'echo half; exec sleep 30'"]])
def test_the_limit_raises_with_what_was_said(words: Sequence[str], clock: None) -> None:
    with pytest.raises(CommandTimedOut) as caught:
        run(" ".join(words), timeout=0.5)
    result: Any = caught.value.result
    assert (result.stdout, result.leftover) == ("half\n", None)


# -- a command that goes on


def test_what_goes_on_is_read_as_it_speaks_and_ends_with_its_group(grace: None) -> None:
    script = "echo $$; sleep 60 & echo and a child; wait"
    with Following(["/bin/sh", "-c", script], threading.Event()) as following:
        said = b""
        end = time.monotonic() + PATIENCE
        while b"child" not in said:
            assert time.monotonic() < end
            said += following.take() or b""
            time.sleep(0.01)
        group = int(said.split()[0])
        assert living(group)
        assert following.take() == b""
    assert living(group) == []


def test_what_goes_on_ends_with_whoever_reads_it(grace: None) -> None:
    groups: List[int] = []

    def read() -> None:
        argv = ["/bin/sh", "-c", "trap : TERM; echo $$; sleep 60"]
        with Following(argv, threading.Event()) as following:
            while not groups:
                groups.extend(map(int, (following.take() or b"").split()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    # SIGKILL has been sent; a grandchild takes a moment to die of it.
    end = time.monotonic() + PATIENCE
    while living(groups[0]):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_how_it_ended_and_what_it_complained_of() -> None:
    with Following(["/bin/sh", "-c", "echo bad >&2; exit 7"], threading.Event()) as following:
        while following.take() is not None:
            time.sleep(0.01)
        assert following.ended() == Outcome(7, err=b"bad\n")
    with pytest.raises(OSError, match="No such file"):
        Following(["/nonexistent"], threading.Event())
