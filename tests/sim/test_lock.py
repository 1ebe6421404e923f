"""Whose lock it is: odd links, and the places where a run can be overtaken."""

from __future__ import annotations

import os
from typing import Any, Callable, List

import pytest
from invoke.context import Context
from invoke.runners import Result
from sim.support import DEAD, LOCK, changed, picture, run, twisted

from container_net import apply
from container_net.machine import CommandFailed, Machine
from container_net.model import NotHolding
from simmac import Mac

New = Callable[..., Mac]


def links(mac: Mac) -> List[str]:
    folder = (mac.path / LOCK[1:]).parent
    return sorted(f"{p.name} {os.readlink(p)}" for p in folder.glob("container-net*"))


def machine(mac: Mac, runner: Any = None) -> Machine:
    context = Context()
    context.config.runners.local = runner or mac.runner()
    return Machine(context, str(mac.path))


# Digits of other scripts, and numbers that no process has: os.kill would not take the last two.
@pytest.mark.parametrize("text", ["\u0663", "\u00b2", "9999999999", "1" * 30])
def test_a_lock_that_is_no_pid_is_nobodys_to_take(
    new: New, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = new("broken")
    monkeypatch.setattr(apply, "LOCK_PATIENCE", 0.1)
    (mac.path / LOCK[1:]).symlink_to(text)
    before = picture(mac)
    ran = run(mac, "net.setup")
    assert ran.code == 1, ran
    assert "(process ?)" in ran.err
    assert changed(before, picture(mac)) == []


def test_the_lock_bears_our_pid_and_goes_with_the_block(new: New) -> None:
    mac = new("broken")
    with apply.Lock(machine(mac)) as lock:
        assert links(mac) == [f"container-net.lock {os.getpid()}"]
        with lock.given_away():
            assert links(mac) == []
        assert links(mac) == [f"container-net.lock {os.getpid()}"]
    assert links(mac) == []


def test_a_dead_holder_is_succeeded_and_nothing_stays(new: New) -> None:
    mac = new("broken")
    (mac.path / LOCK[1:]).symlink_to(DEAD)
    with apply.Lock(machine(mac)):
        assert links(mac) == [f"container-net.lock {os.getpid()}"]
    assert links(mac) == []


def test_two_dead_ones_in_a_row_are_succeeded(new: New) -> None:
    """The second died just when it was about to succeed the first."""
    mac = new("broken")
    (mac.path / LOCK[1:]).symlink_to(DEAD)
    (mac.path / f"{LOCK}.{DEAD}"[1:]).symlink_to("999999998")
    with apply.Lock(machine(mac)):
        assert links(mac) == [f"container-net.lock {os.getpid()}"]
    assert links(mac) == []


def test_who_is_overtaken_in_succeeding_waits(new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    mac = new("broken")
    place = mac.path / LOCK[1:]
    place.symlink_to(DEAD)
    monkeypatch.setattr(apply, "LOCK_PATIENCE", 0.2)

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if argv[:2] == ["/bin/ln", "-s"] and argv[-1].endswith(DEAD):
            # Before we have the right to succeed the dead one, another has done so.
            place.unlink()
            place.symlink_to("1")
        return answer()

    lock = apply.Lock(machine(mac, twisted(mac, twist)))
    with pytest.raises(NotHolding, match="process 1"), lock:
        pass
    assert links(mac) == ["container-net.lock 1"]


def test_a_lock_that_was_made_though_ln_did_not_say_so_is_ours(new: New) -> None:
    mac = new("broken")

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if argv[0] == "/bin/ln":
            answer()
            return Result(stderr="ln: injected\n", command="ln", exited=1, encoding="latin-1")
        return None

    with apply.Lock(machine(mac, twisted(mac, twist))):
        assert links(mac) == [f"container-net.lock {os.getpid()}"]
    assert links(mac) == []


def test_a_lock_that_cannot_be_made_says_why_at_once(new: New) -> None:
    mac = new("broken")
    mac.read_only("/private/var")
    with pytest.raises(CommandFailed, match="Read-only file system"), apply.Lock(machine(mac)):
        pass


def test_only_a_dead_ones_lock_is_cleared(new: New) -> None:
    mac = new("broken")
    apply.clear_lock(machine(mac))
    place = mac.path / LOCK[1:]
    place.symlink_to("1")
    apply.clear_lock(machine(mac))
    assert links(mac) == ["container-net.lock 1"]
    place.unlink()
    place.symlink_to(DEAD)
    apply.clear_lock(machine(mac))
    assert links(mac) == []


def test_a_process_that_is_anothers_lives(new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every process may be sent a signal, and who may not send one is told that it is there."""
    mac = new("broken")
    place = mac.path / LOCK[1:]
    place.symlink_to("1")

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    apply.clear_lock(machine(mac))
    assert links(mac) == ["container-net.lock 1"]
