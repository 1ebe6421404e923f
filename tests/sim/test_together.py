"""Two runs at once, and runs that are stopped: none breaks the other, and nothing stays."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Iterator, List, Optional, Type

import pytest
from invoke.runners import Result, Runner
from sim import hasty
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import (
    ANCHOR,
    LOCK,
    Ran,
    anchor_rules,
    asked,
    changed,
    hanging,
    holds,
    loads,
    picture,
    run,
    start,
    tokens,
    twisted,
)

from container_net import apply
from container_net.machine import READ_LIMIT
from simmac import Mac

New = Callable[..., Mac]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def busy(mac: Mac) -> List[str]:
    """Processes that run a program of this Mac."""
    rows = subprocess.run(
        ["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [row for row in rows if f"{mac.path}/" in row]


def wait_for(so: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


@contextlib.contextmanager
def somebody() -> Iterator[subprocess.Popen[bytes]]:
    """A living process that is none of ours."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        yield other
    finally:
        other.kill()
        other.wait()


def lock_by(mac: Mac, pid: int) -> None:
    (mac.path / LOCK[1:]).symlink_to(str(pid))


def quiet(new: New) -> Mac:
    mac = new("idle")
    mac.vmnet_nat(False)
    return mac


# -- two at once


def test_two_setups_at_once_make_one_setup(new: New) -> None:
    mac = new("broken")
    runs = [start(mac, "net.setup") for _ in range(2)]
    said = [each.communicate(timeout=100) for each in runs]
    assert [each.returncode for each in runs] == [0, 0], said
    assert loads(mac) == 1
    holds(mac)


def test_setup_and_teardown_at_once_end_as_one_after_the_other(new: New) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, "net.setup", "--always").code == 0
    mac.foreign_disable()
    runs = [start(mac, task) for task in ("net.setup", "net.teardown")]
    said = [each.communicate(timeout=100) for each in runs]
    assert [each.returncode for each in runs] == [0, 0], said
    assert not (mac.path / LOCK[1:]).is_symlink()
    assert len(tokens(mac)) <= 1
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


def test_a_living_holder_is_waited_for_and_then_named(
    new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = new("broken")
    monkeypatch.setattr(apply, "LOCK_PATIENCE", 0.3)
    with somebody() as other:
        lock_by(mac, other.pid)
        before = picture(mac)
        for task in ("net.setup", "net.persist"):
            ran = run(mac, task)
            assert ran.code == 1, ran
            assert f"process {other.pid}" in ran.err
            assert changed(before, picture(mac)) == []
        # Looking needs no lock, and neither does a run with nothing to do.
        assert run(mac, "net.plan").code == 0
        assert run(mac, "net.teardown").code == 0
        assert changed(before, picture(mac)) == []


def test_a_run_goes_on_when_the_holder_is_done(new: New) -> None:
    mac = new("broken")
    with somebody() as other:
        lock_by(mac, other.pid)
        timer = threading.Timer(0.4, (mac.path / LOCK[1:]).unlink)
        timer.start()
        assert run(mac, "net.setup").code == 0
    holds(mac)


def test_a_dead_holders_lock_is_taken_over(new: New) -> None:
    mac = new("broken")
    with somebody() as other:
        lock_by(mac, other.pid)
    assert run(mac, "net.setup").code == 0
    holds(mac)


@pytest.mark.parametrize("text", ["", "x y", "$(touch /tmp/x)", "-1", "0", "1" * 30, "../../etc"])
def test_a_lock_that_is_no_pid_is_nobodys_to_take(
    new: New, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = new("broken")
    monkeypatch.setattr(apply, "LOCK_PATIENCE", 0.1)
    if text:
        (mac.path / LOCK[1:]).symlink_to(text)
    else:
        (mac.path / LOCK[1:]).write_text("")
    before = picture(mac)
    ran = run(mac, "net.setup")
    assert ran.code in (1, 3, 4), ran
    assert len(ran.err.splitlines()) <= 2
    assert changed(before, picture(mac)) == []


# -- stopped by a signal


def interrupted(mac: Mac, number: int, kind: int) -> Any:
    """A Runner that sends this process a signal when a command has just been answered."""
    count = [0]
    guard = threading.Lock()

    def twist(_argv: List[str], answer: Callable[[], Result]) -> Result:
        with guard:
            count[0] += 1
            now = count[0] == number
        found = answer()
        if now:
            signal.pthread_kill(threading.main_thread().ident or 0, kind)
        return found

    return twisted(mac, twist)


@pytest.mark.usefixtures("few_uplinks")
@pytest.mark.parametrize("task", ["net.setup", "net.persist", "net.teardown"])
def test_a_signal_after_any_command_is_walked_back(new: New, task: str) -> None:
    """In this process, after each command in turn: exit 130 and as before, or 0 and done."""
    mac = quiet(new)
    if task == "net.teardown":
        assert run(mac, "net.setup", "--always").code == 0
    mac.forget_log()
    trial = mac.snapshot(mac.path.with_name("trial"))
    words = (task,) if task == "net.teardown" else (task, "--always")
    if task == "net.persist":
        words = (*words, "--no-daemon")
    assert run(trial, *words).code == 0
    commands = len(trial.log)
    assert commands > 30
    codes: List[int] = []
    left: List[Any] = []
    # Commands that run side by side are all alike here: one of them stands for all.
    step = 2 if task == "net.persist" else 1
    for number in [1, 14, *range(24, commands, step), commands]:
        copy = mac.snapshot(mac.path.with_name(f"copy{number}"))
        before = picture(copy)
        kind = SIGNALS[number % len(SIGNALS)]
        ran = run(copy, *words, runner=interrupted(copy, number, kind))
        codes.append(ran.code)
        assert ran.code in (0, 130), ran
        assert not list((copy.path / LOCK[1:]).parent.glob("container-net*")), (number, ran)
        if ran.code == 130 and task != "net.teardown":
            assert changed(before, picture(copy)) == [], (number, ran)
            continue
        # From the same Mac the next run is the same.
        now = picture(copy)
        if now in left:
            continue
        left.append(now)
        assert run(copy, *words).code == 0
        if task == "net.teardown":
            assert run(copy, "net.plan", "--teardown", "--json").changes == []
        else:
            assert run(copy, "net.plan", "--json").changes == []
    assert codes.count(130) > len(codes) // 2
    assert codes[-1] == 0, "all was done by then"


@pytest.mark.parametrize("kind", SIGNALS[:2], ids=lambda kind: kind.name)
def test_a_signal_while_a_change_runs_lets_it_end_and_takes_it_back(
    new: New, kind: signal.Signals
) -> None:
    mac = quiet(new)
    before = picture(mac)
    mac.hang("pfctl -E")
    started = start(mac, "net.setup", "--always")
    wait_for(lambda: hanging(mac))
    os.kill(started.pid, kind)
    time.sleep(0.2)
    assert started.poll() is None, "the running change is not cut off"
    mac.unhang()
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, (out, err)
    assert "reverted" in err
    assert "Traceback" not in err
    assert changed(before, picture(mac)) == []
    assert busy(mac) == []


@pytest.mark.parametrize("program", ["ifconfig", "ln"])
def test_a_signal_before_the_first_change_ends_at_once(new: New, program: str) -> None:
    mac = quiet(new)
    before = picture(mac)
    mac.hang(program)
    started = start(mac, "net.setup", "--always")
    wait_for(lambda: hanging(mac))
    at = time.monotonic()
    os.kill(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, (out, err)
    assert time.monotonic() - at < 4.5, "not even the limit of one command is waited for"
    assert "Traceback" not in err
    mac.unhang()
    wait_for(lambda: busy(mac) == [])
    assert changed(before, picture(mac)) == []


def test_a_signal_while_waiting_for_the_lock_leaves_the_lock_alone(new: New) -> None:
    mac = quiet(new)
    with somebody() as other:
        lock_by(mac, other.pid)
        before = picture(mac)
        started = start(mac, "net.setup", "--always")
        wait_for(lambda: sum(1 for a in asked(mac) if a[0] == "/bin/ln") > 1)
        os.kill(started.pid, signal.SIGTERM)
        started.communicate(timeout=60)
        assert started.returncode == 130
        assert changed(before, picture(mac)) == []


@pytest.mark.waits
def test_a_hung_look_ends_in_time_and_nothing_stays(new: New) -> None:
    mac = new("broken")
    mac.hang("container")
    at = time.monotonic()
    started = hasty.start(mac, "net.status", "--json")
    ran = Ran(0, *started.communicate(timeout=60))
    assert started.returncode == 1
    # With the usual limit 30.
    assert time.monotonic() - at < 30 / READ_LIMIT * hasty.LIMIT
    assert ran.hops["vm"] == "unknown"
    assert "did not answer in time" in ran.out
    mac.unhang()
    wait_for(lambda: busy(mac) == [])


# -- killed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_real_kill_at_any_moment_is_survived(new: New, seed: int) -> None:
    """What `on_effect` promises in test_crash, with a process that really dies."""
    mac = quiet(new)
    mac.foreign_enable()
    before = picture(mac)
    chance = random.Random(seed)
    task = ("net.setup", "--always") if seed == 1 else ("net.persist", "--always")
    moment = chance.randint(28, 45) if seed == 1 else chance.randint(40, 110)
    started = start(mac, *task)
    wait_for(lambda: started.poll() is not None or len(mac.log) >= moment)
    started.kill()
    started.communicate(timeout=60)
    # A command that was under way ends by itself; the dead one's lock is not ours to clear.
    mac.settle()
    wait_for(lambda: busy(mac) == [])
    ran = run(mac, *task)
    assert ran.code == 0, ran
    assert len(tokens(mac)) == 1
    assert run(mac, "net.teardown").code == 0
    mac.settle()
    assert changed(before, picture(mac)) == []


# -- a change between the look and the lock


def repairs_before_the_lock(mac: Mac) -> Type[Runner]:
    """Somebody has emptied the anchor and set forwarding to 0; the boot daemon repairs both just
    before this run gets the lock. It writes nothing down for that: its record says so already."""
    rules = b"".join(rule.encode() + b"\n" for rule in anchor_rules(mac))
    assert rules
    root = ["/usr/bin/sudo", "-n"]
    mac.answer([*root, "/sbin/pfctl", "-a", ANCHOR, "-F", "all"])
    mac.answer([*root, "/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=0"])
    repaired: List[bool] = []

    def twist(argv: List[str], _answer: Callable[[], Result]) -> Optional[Result]:
        if argv[:2] == ["/bin/ln", "-s"] and not repaired:
            repaired.append(True)
            mac.answer([*root, "/sbin/pfctl", "-a", ANCHOR, "-f", "-"], rules)
            mac.answer([*root, "/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"])
        return None

    return twisted(mac, twist)


@pytest.mark.parametrize("task", ["net.setup", "net.persist"])
def test_teardown_takes_back_what_the_daemon_repaired_before_the_lock(new: New, task: str) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, task, "--always", "--yes").code == 0
    ran = run(mac, "net.teardown", runner=repairs_before_the_lock(mac))
    assert ran.code == 0, ran
    assert changed(before, picture(mac)) == []


@pytest.mark.parametrize("task", ["net.setup", "net.persist"])
def test_a_change_is_planned_from_what_is_there_once_the_lock_is_held(new: New, task: str) -> None:
    mac = new("broken")
    assert run(mac, task, "--always", "--yes").code == 0
    had = loads(mac)
    runner = repairs_before_the_lock(mac)
    ran = run(mac, task, "--always", "--yes", runner=runner)
    assert ran.code == 0, ran
    # One is the daemon's; there is nothing left for this run to load.
    assert loads(mac) == had + 1
    holds(mac)


def test_teardown_does_not_say_that_all_is_gone_while_rules_are_live(new: New) -> None:
    mac = quiet(new)
    assert run(mac, "net.setup", "--always").code == 0
    rules = b"".join(rule.encode() + b"\n" for rule in anchor_rules(mac))

    def twist(argv: List[str], answer: Callable[[], Result]) -> Optional[Result]:
        done = answer()
        if argv[-2:] == ["-F", "all"]:
            # A program that knows nothing of our lock puts the rules back at once.
            words = ["/usr/bin/sudo", "-n", "/sbin/pfctl", "-a", ANCHOR, "-f", "-"]
            again.append(lambda: mac.answer(words, rules))
        if argv[:1] == ["/bin/rmdir"] and again:
            again.pop()()
        return done

    again: List[Callable[[], Any]] = []
    ran = run(mac, "net.teardown", runner=twisted(mac, twist))
    assert ran.code == 4, ran
    assert "is gone" not in ran.out
    assert "empty the anchor" in ran.err
