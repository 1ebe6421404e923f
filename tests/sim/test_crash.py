"""A run ends at any moment, or any of its commands fails: nothing is lost, and the next one mends.

`on_effect` stops after each change that a command makes, before its answer: a copy of the folder is
then the Mac as SIGKILL would leave it. A few real SIGKILLs keep that honest.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from invoke.runners import Result
from sim.support import (
    ANCHOR_FILE,
    LOCK,
    STATE,
    Ran,
    SlowMac,
    asked,
    changed,
    dead_holder,
    picture,
    run,
    timed_out,
    tokens,
    twisted,
)

from container_net.simmac import Mac

New = Callable[[str], Mac]
PF_CONF = "private/etc/pf.conf"


def quiet(new: New) -> SlowMac:
    """No container runs and vmnet translates nothing: everything can be put back, forwarding too.

    Another program holds pf enabled, a user has a sysctl.conf of their own.
    """
    mac = SlowMac(new("idle").path)
    mac.vmnet_nat(False)
    mac.foreign_enable()
    (mac.path / "private/etc/sysctl.conf").write_bytes(b"kern.maxfiles=65536\nkern.x=1")
    return mac


def crashes(mac: Mac, words: Tuple[str, ...], into: Path) -> Iterator[SlowMac]:
    """The Macs that a crash of a task can leave, one for each different moment."""
    seen: List[Any] = []
    made: List[Path] = []

    def effect() -> None:
        now = picture(mac)
        if now not in seen:
            seen.append(now)
            made.append(mac.snapshot(into / f"{words[0]}{len(made)}").path)

    mac.on_effect(effect)
    ran = run(mac, *words)
    mac.on_effect(None)
    assert ran.code == 0, ran
    for path in made:
        copy = SlowMac(path)
        dead_holder(copy)
        yield copy


def whole(mac: Mac, pf_confs: List[bytes]) -> None:
    """The users' files are as before or as after, and pf takes the ruleset that boots."""
    assert (mac.path / PF_CONF).read_bytes() in pf_confs
    checked = mac.answer(["/sbin/pfctl", "-n", "-f", "/etc/pf.conf"])
    assert checked.code == 0, checked


def works(mac: Mac, plan: Tuple[str, ...]) -> None:
    """Nothing is left to do, one reference is ours, and a container that starts gets out."""
    left = run(mac, *plan, "--json")
    assert (left.code, left.changes) == (0, []), left
    assert len(tokens(mac)) == 1
    assert not list((mac.path / LOCK[1:]).parent.glob("container-net*"))
    mac.start_container()
    assert mac.egress() == "ok"
    mac.stop_container()


def restored(mac: Mac, before: Dict[str, Any], ran: Ran) -> None:
    assert ran.code == 0, ran
    assert changed(before, picture(mac)) == []


# -- SIGKILL after each effect


WAYS = {
    "setup": (("net.setup", "--always"), ("net.plan",)),
    "persist": (("net.persist", "--always"), ("net.plan", "--persist")),
}


@pytest.mark.parametrize("way", WAYS)
def test_after_a_crash_the_next_run_goes_on_and_teardown_restores(
    new: New, tmp_path: Path, way: str
) -> None:
    task, plan = WAYS[way]
    mac = quiet(new)
    before = picture(mac)
    done = mac.snapshot(tmp_path / "done")
    assert run(SlowMac(done.path), *task).code == 0
    pf_confs = [(m.path / PF_CONF).read_bytes() for m in (mac, done)]
    count = 0
    for crashed in crashes(mac, task, tmp_path):
        count += 1
        whole(crashed, pf_confs)
        assert len(tokens(crashed)) <= 1
        again = crashed.snapshot(tmp_path / f"again{count}")
        restored(crashed, before, run(crashed, "net.teardown"))
        again = SlowMac(again.path)
        ran = run(again, *task)
        assert ran.code == 0, ran
        works(again, plan)
        restored(again, before, run(again, "net.teardown"))
    assert count > {"setup": 12, "persist": 30}[way]


@pytest.mark.parametrize("way", WAYS)
def test_after_a_crash_of_teardown_it_goes_on_and_so_does_setup(
    new: New, tmp_path: Path, way: str
) -> None:
    task, plan = WAYS[way]
    mac = quiet(new)
    before = picture(mac)
    first = (mac.path / PF_CONF).read_bytes()
    assert run(mac, *task).code == 0
    pf_confs = [first, (mac.path / PF_CONF).read_bytes()]
    count = 0
    for crashed in crashes(mac, ("net.teardown",), tmp_path):
        count += 1
        whole(crashed, pf_confs)
        again = SlowMac(crashed.snapshot(tmp_path / f"again{count}").path)
        restored(crashed, before, run(crashed, "net.teardown"))
        ran = run(again, *task)
        assert ran.code == 0, ran
        works(again, plan)
        restored(again, before, run(again, "net.teardown"))
    restored(mac, before, run(mac, "net.teardown"))
    assert count > {"setup": 5, "persist": 12}[way]


# -- one command fails, or acts and gives no answer


Calls = List[Tuple[Tuple[str, ...], int]]
SETUP: Tuple[str, ...] = ("net.setup", "--always")
PERSIST: Tuple[str, ...] = ("net.persist", "--always")


def calls_of(mac: Mac, words: Tuple[str, ...]) -> Calls:
    """The commands of a task, each with how often it had been given before."""
    mac.forget_log()
    assert run(mac, *words).code == 0
    found: Calls = []
    for argv in asked(mac):
        found.append((argv, sum(1 for other, _ in found if other == argv)))
    return found


def failing(mac: Mac, call: Tuple[Tuple[str, ...], int], how: str) -> Any:
    """A Runner in which one command fails: `refused` does nothing, `silent` acts all the same."""
    wanted, left = call[0], [call[1]]

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if tuple(argv) != wanted:
            return None
        left[0] -= 1
        if left[0] != -1:
            return None
        if how == "silent":
            answer()
            raise timed_out(argv)
        return Result(stderr="injected\n", command=" ".join(argv), exited=1, encoding="latin-1")

    return twisted(mac, twist)


def changes(argv: Tuple[str, ...]) -> bool:
    """Whether a command is more than a question."""
    asks = {"-s", "-n", "print", "print-disabled", "-a" if argv[0] == "/sbin/ifconfig" else ""}
    return not asks & set(argv) and argv[0] != "/usr/local/bin/container"


def survives(
    mac: Mac, call: Tuple[Tuple[str, ...], int], task: Tuple[str, ...], into: Path
) -> None:
    """A run in which that command fails twists nothing: done, or all as before; then all is well.

    The lock may stay where its own removal failed: its holder is gone after the run.
    """
    before = picture(mac)
    plan = ("net.plan", "--persist") if task[0] == "net.persist" else ("net.plan",)
    for how in ("refused", "silent") if changes(call[0]) else ("refused",):
        copy = SlowMac(mac.snapshot(into / f"{how}{time.monotonic_ns()}").path)
        ran = run(copy, *task, runner=failing(copy, call, how))
        named = f"{' '.join(call[0])} ({call[1]}, {how}): {ran}"
        if ran.code == 1:
            # A pf.conf that pf did not take is left alone, and the rest is done.
            assert call[0] == ("/sbin/pfctl", "-n", "-f", "/private/etc/pf.conf"), named
            assert "/etc/pf.conf is left alone" in ran.out, named
        else:
            assert ran.code in (0, 3, 4), named
        dead_holder(copy)
        (copy.path / LOCK[1:]).unlink(missing_ok=True)
        if ran.code in (3, 4):
            assert len(ran.err.splitlines()) <= 3, named
            # As at the start, from where the way is known to lead on.
            assert changed(before, picture(copy)) == [], named
            shutil.rmtree(copy.path)
            continue
        again = run(copy, *task)
        assert again.code == 0, f"{named} {again}"
        left = run(copy, *plan, "--json")
        assert left.changes == [], f"{named} {left}"
        assert len(tokens(copy)) == 1, named
        assert run(copy, "net.teardown").code == 0
        assert changed(before, picture(copy)) == [], named
        shutil.rmtree(copy.path)


@pytest.mark.parametrize("way", WAYS)
def test_a_command_that_fails_once_is_taken_back(new: New, tmp_path: Path, way: str) -> None:
    mac = quiet(new)
    trial = SlowMac(mac.snapshot(tmp_path / "trial").path)
    if way == "setup":
        calls, task = calls_of(trial, SETUP), SETUP
    else:
        known = calls_of(SlowMac(mac.snapshot(tmp_path / "known").path), SETUP)
        calls, task = [c for c in calls_of(trial, PERSIST) if c not in known], PERSIST
    assert len(calls) > 25
    for call in calls:
        survives(mac, call, task, tmp_path)


# -- the disk, /etc, and others at work


def refused(mac: Mac, task: Tuple[str, ...], heal: Callable[[], None]) -> None:
    """The task fails and leaves everything as it was; healed, it works."""
    before = picture(mac)
    ran = run(mac, *task)
    assert ran.code in (3, 4), ran
    assert "could not be taken back" not in ran.err
    assert changed(before, picture(mac)) == [], ran
    heal()
    assert run(mac, *task).code == 0
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_leaves_everything_as_it_was(new: New, tmp_path: Path, way: str) -> None:
    mac, task = quiet(new), WAYS[way][0]
    full = 0
    for room in [*range(0, 1000, 140), *range(1500, 40000, 4500)]:
        copy = SlowMac(mac.snapshot(tmp_path / str(room)).path)
        before = picture(copy)
        copy.disk_full(after=room)
        ran = run(copy, *task)
        if ran.code == 0:
            break
        full += 1
        assert ran.code == 4, ran
        assert "could not be taken back" not in ran.err, ran
        assert changed(before, picture(copy)) == [], ran
        copy.disk_full(False)
        assert run(copy, *task).code == 0
    assert full >= {"setup": 3, "persist": 9}[way]


def test_a_disk_that_is_full_by_now_breaks_nothing_that_works(new: New) -> None:
    mac = quiet(new)
    assert run(mac, *PERSIST).code == 0
    mac.foreign_disable()
    mac.foreign_enable()
    before = picture(mac)
    mac.disk_full()
    ran = run(mac, *PERSIST)
    assert ran.code == 4, ran
    assert "could not be taken back" not in ran.err, ran
    assert changed(before, picture(mac)) == []
    mac.disk_full(False)
    assert run(mac, *PERSIST).code == 0
    works(mac, WAYS["persist"][1])


@pytest.mark.parametrize("place", ["/private/etc", "/private/var/db", "/Library", "/private/var"])
def test_a_place_that_is_read_only_leaves_everything_as_it_was(new: New, place: str) -> None:
    mac = quiet(new)
    mac.read_only(place)
    refused(mac, PERSIST, lambda: mac.read_only(None))


def test_teardown_goes_as_far_as_it_can_and_then_on(new: New) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, *PERSIST).code == 0
    mac.read_only("/private/etc")
    ran = run(mac, "net.teardown")
    assert ran.code == 4, ran
    assert "invoke net.teardown" in ran.err
    # Everything that could be is back; what is needed for the rest is still written down.
    assert tokens(mac) == []
    assert (mac.path / STATE[1:]).exists()
    assert mac.state["jobs"] == {}
    whole(mac, [(mac.path / PF_CONF).read_bytes()])
    mac.read_only(None)
    restored(mac, before, run(mac, "net.teardown"))


def intruding(mac: Mac, at: Tuple[str, ...], path: str, content: bytes) -> Any:
    """A Runner that lets another program write a file just before a command."""
    done: List[int] = []

    def twist(argv: List[str], answer: Callable[[], Result]) -> None:
        if not done and tuple(argv[: len(at)]) == at:
            done.append(1)
            (mac.path / path).write_bytes(content)

    return twisted(mac, twist)


DRAFTS = {
    PF_CONF: ".pf.conf.container-net",
    "private/etc/sysctl.conf": ".sysctl.conf.container-net",
}


@pytest.mark.parametrize(
    "moment",
    [
        ("/sbin/pfctl", "-E"),
        ("/usr/bin/tee", "/private/etc/.pf.conf.container-net"),
        ("/usr/bin/tee", "/private/etc/.sysctl.conf.container-net"),
        ("/usr/bin/tee", "/Library/LaunchDaemons/.local.container-net.plist.container-net"),
        ("/bin/launchctl", "bootstrap"),
    ],
    ids=lambda moment: moment[-1].rsplit("/", 1)[-1],
)
@pytest.mark.parametrize("path", DRAFTS)
def test_what_another_program_writes_meanwhile_is_kept(
    new: New, path: str, moment: Tuple[str, ...]
) -> None:
    mac = quiet(new)
    foreign = (mac.path / path).read_bytes() + b"# another program was here\n"
    before = picture(mac)
    ran = run(mac, *PERSIST, runner=intruding(mac, moment, path, foreign))
    content = (mac.path / path).read_bytes()
    assert b"# another program was here\n" in content
    if ran.code == 0:
        assert content == foreign, "the change came after ours, and ours is gone with it"
    else:
        assert ran.code == 4, ran
        assert "another program" in ran.err
        assert content == foreign
        kept = {k: v for k, v in picture(mac)["files"].items() if k != f"/{path}"}
        assert kept == {k: v for k, v in before["files"].items() if k != f"/{path}"}
    assert run(mac, *PERSIST).code == 0
    assert b"# another program was here\n" in (mac.path / path).read_bytes()
    works(mac, WAYS["persist"][1])
    assert run(mac, "net.teardown").code == 0
    assert (mac.path / path).read_bytes() == foreign


@pytest.mark.parametrize("path", DRAFTS)
@pytest.mark.parametrize("moment", ["ln", "tee", "rm"])
def test_teardown_too_keeps_what_another_program_writes_meanwhile(
    new: New, path: str, moment: str
) -> None:
    mac = quiet(new)
    assert run(mac, *PERSIST).code == 0
    at = {
        "ln": ("/bin/ln", "-s"),
        "tee": ("/usr/bin/tee", f"/private/etc/{DRAFTS[path]}"),
        "rm": ("/bin/rm", "-f", "/Library/LaunchDaemons/local.container-net.plist"),
    }[moment]
    foreign = (mac.path / path).read_bytes() + b"# another program was here\n"
    ran = run(mac, "net.teardown", runner=intruding(mac, at, path, foreign))
    assert ran.code in (0, 4), ran
    assert run(mac, "net.teardown").code == 0
    content = (mac.path / path).read_bytes()
    assert content.endswith(b"# another program was here\n")
    assert b"container-net" not in content


def left_half_written(mac: Mac) -> List[str]:
    return [str(place) for place in mac.path.rglob(".*.container-net")]


@pytest.mark.parametrize("then", [PERSIST, ("net.setup", "--always"), ("net.teardown",)])
def test_the_next_change_removes_what_a_killed_run_left_half_written(
    new: New, tmp_path: Path, then: Tuple[str, ...]
) -> None:
    mac = quiet(new)
    assert run(mac, *PERSIST).code == 0
    left = [copy for copy in crashes(mac, ("net.teardown",), tmp_path) if left_half_written(copy)]
    assert left
    for copy in left:
        # So that there is something to change, whatever it is.
        copy.foreign_disable()
        ran = run(copy, *then)
        assert ran.code == 0, ran
        assert left_half_written(copy) == []


@pytest.mark.parametrize("room", [0, 1, 60])
def test_the_anchor_file_stays_while_the_line_stands(new: New, room: int) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, *PERSIST).code == 0
    # None at all, and not even a lock can be made; with a little, it is the files that fail.
    mac.disk_full(after=room)
    ran = run(mac, "net.teardown")
    assert ran.code == 4, ran
    whole(mac, [(mac.path / PF_CONF).read_bytes()])
    assert (mac.path / ANCHOR_FILE[1:]).exists()
    mac.disk_full(False)
    restored(mac, before, run(mac, "net.teardown"))
