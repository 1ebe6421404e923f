"""A run ends at any moment, or any of its commands fails: nothing is lost, and the next one mends.

`on_effect` stops after each change that a command makes, before its answer: a copy of the folder is
then the Mac as SIGKILL would leave it. A few real SIGKILLs keep that honest.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest
from invoke.runners import Result
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import (
    ANCHOR,
    ANCHOR_FILE,
    BOOT,
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

from simmac import Mac

pytestmark = pytest.mark.usefixtures("few_uplinks")
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


class GoesOn:
    """A task runs again on Macs that a crash, or a failure, has left: it must end with a Mac that
    works, and from there teardown must lead back to `before`.

    Most of them end as the very same Mac, but for its folder, the number of a token and who took
    it; from each different one it is looked at once, and teardown walked once.
    """

    def __init__(
        self, before: Dict[str, Any], task: Tuple[str, ...], plan: Tuple[str, ...]
    ) -> None:
        self.before, self.task, self.plan = before, task, plan
        self.seen: Set[str] = set()

    def __call__(self, mac: Mac, named: str = "") -> List[int]:
        """The one reference that it holds then."""
        ran = run(mac, *self.task)
        assert ran.code == 0, f"{named} {ran}"
        held = tokens(mac)
        assert len(held) == 1, named
        now = self._like(mac)
        if now not in self.seen:
            works(mac, self.plan)
            restored(mac, self.before, run(mac, "net.teardown"))
            self.seen.add(now)
        return held

    def _like(self, mac: Mac) -> str:
        text = repr(picture(mac)).replace(str(mac.path), "")
        for row in mac.state["pf"]["tokens"]:
            text = re.sub(rf"\b({row['token']}|{row['pid']})\b", "N", text)
        return text


# -- SIGKILL after each effect


SETUP: Tuple[str, ...] = ("net.setup", "--always")
PERSIST: Tuple[str, ...] = ("net.persist", "--always")
WAYS = {
    "setup": (SETUP, ("net.plan",)),
    "persist": (PERSIST, ("net.plan", "--persist")),
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
    goes_on, count = GoesOn(before, task, plan), 0
    for crashed in crashes(mac, task, tmp_path):
        count += 1
        whole(crashed, pf_confs)
        assert len(tokens(crashed)) <= 1
        again = crashed.snapshot(tmp_path / f"again{count}")
        restored(crashed, before, run(crashed, "net.teardown"))
        goes_on(SlowMac(again.path))
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
    goes_on, count = GoesOn(before, task, plan), 0
    for crashed in crashes(mac, ("net.teardown",), tmp_path):
        count += 1
        whole(crashed, pf_confs)
        again = SlowMac(crashed.snapshot(tmp_path / f"again{count}").path)
        restored(crashed, before, run(crashed, "net.teardown"))
        goes_on(again)
    restored(mac, before, run(mac, "net.teardown"))
    assert count > {"setup": 5, "persist": 12}[way]


def drifted(mac: Mac) -> None:
    """Our reference holds, and the rest of what setup made is gone."""
    assert run(mac, *SETUP).code == 0
    assert mac.answer(["/sbin/pfctl", "-a", ANCHOR, "-F", "all"], root=True).code == 0
    with mac.edit() as state:
        state["sysctl"]["net.inet.ip.forwarding"] = "0"


def disabled(mac: Mac) -> None:
    """Somebody's `pfctl -d` has ended every reference, ours too."""
    assert run(mac, *SETUP).code == 0
    mac.foreign_disable()


@pytest.mark.parametrize("start", ["a token of ours", "pfctl -d before", "pfctl -d after"])
def test_no_crash_of_setup_leaks_a_reference(new: New, tmp_path: Path, start: str) -> None:
    mac = quiet(new)
    bare = mac.snapshot(tmp_path / "bare")
    if start == "a token of ours":
        drifted(mac)
    else:
        bare.foreign_disable()
    if start == "pfctl -d before":
        disabled(mac)
    before, held = picture(bare), tokens(mac)
    goes_on, enabled = GoesOn(before, SETUP, ("net.plan",)), 0
    for number, crashed in enumerate(crashes(mac, SETUP, tmp_path)):
        left = tokens(crashed)
        enabled += left != held
        assert len(left) <= 1
        if start == "pfctl -d after":
            crashed.foreign_disable()
        again = SlowMac(crashed.snapshot(tmp_path / f"again{number}").path)
        restored(crashed, before, run(crashed, "net.teardown"))
        taken = goes_on(again)
        if left and start != "pfctl -d after":
            assert taken == left, "taken over, and no second one asked for"
    assert (enabled > 2) is (start != "a token of ours")


# -- one command fails, or acts and gives no answer


Calls = List[Tuple[Tuple[str, ...], int]]


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


def survives(mac: Mac, call: Tuple[Tuple[str, ...], int], goes_on: GoesOn, into: Path) -> None:
    """A run in which that command fails twists nothing: done, or all as before; then all is well.

    The lock may stay where its own removal failed: its holder is gone after the run.
    """
    before = goes_on.before
    for how in ("refused", "silent") if changes(call[0]) else ("refused",):
        copy = SlowMac(mac.snapshot(into / f"{how}{time.monotonic_ns()}").path)
        ran = run(copy, *goes_on.task, runner=failing(copy, call, how))
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
        goes_on(copy, named)
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
    goes_on = GoesOn(picture(mac), task, WAYS[way][1])
    for call in calls:
        survives(mac, call, goes_on, tmp_path)


def failing_enable(mac: Mac, how: str) -> Any:
    """A Runner in which pf is enabled, and what should follow does not."""
    enabled: List[int] = []

    def says(argv: List[str], out: str = "", err: str = "", code: int = 0) -> Result:
        return Result(out, err, command=" ".join(argv), exited=code, encoding="latin-1")

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if argv[:2] == ["/sbin/pfctl", "-E"]:
            said = answer()
            enabled.append(1)
            if how == "no answer":
                raise timed_out(argv)
            if how == "no token":
                return says(argv, err="pf enabled\n")
            return says(argv, err=said.stderr.rstrip("\n0123456789")) if how == "cut off" else said
        asks = tuple(argv[1:])
        if not enabled or how not in ("references", "info", "record"):
            return None
        if how == "references" and asks == ("-s", "References"):
            return says(argv, err="pfctl: DIOCGETSTARTERS: injected\n", code=1)
        if how == "info" and asks == ("-s", "info"):
            return says(argv, "Status: Disabled for 0 days 00:00:10\n")
        if how == "record" and argv[0] == "/usr/bin/tee" and "/.boot." in argv[1]:
            enabled.clear()
            return says(argv, err="tee: injected\n", code=1)
        return None

    return twisted(mac, twist)


ENABLES = ["no answer", "no token", "cut off", "references", "info", "record"]


@pytest.mark.parametrize("how", ENABLES)
def test_a_reference_is_given_back_where_pf_was_all_there_was_to_change(new: New, how: str) -> None:
    mac = quiet(new)
    disabled(mac)
    mac.foreign_enable()
    before = picture(mac)
    assert run(mac, "net.plan", "--json").changes == ["pf"]
    ran = run(mac, *SETUP, runner=failing_enable(mac, how))
    assert ran.code == 4, ran
    assert "all changes were reverted" in ran.err
    assert tokens(mac) == []
    assert changed(before, picture(mac)) == []
    assert run(mac, *SETUP).code == 0
    works(mac, ("net.plan",))


@pytest.mark.parametrize("when", ["before", "after"])
def test_anothers_reference_by_the_same_name_is_not_taken_for_ours(new: New, when: str) -> None:
    mac = quiet(new)
    bare = mac.snapshot(mac.path.with_name("bare"))
    ours: List[int] = []

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if argv[:2] != ["/sbin/pfctl", "-E"]:
            return None
        if when == "before":
            mac.foreign_enable("pfctl")
        said = answer()
        ours.append(int(said.stderr.split("Token : ")[1]))
        if when == "after":
            mac.foreign_enable("pfctl")
        return said

    assert run(mac, *SETUP, runner=twisted(mac, twist)).code == 0
    assert f" pfctl {ours[0]}\n" in (mac.path / BOOT[1:]).read_text()
    (theirs,) = (token for token in tokens(mac) if token != ours[0])
    assert run(mac, "net.teardown").code == 0
    assert tokens(mac) == [theirs]
    assert picture(mac)["files"] == picture(bare)["files"]


@pytest.mark.parametrize("then", ["found", "doubtful"])
def test_of_several_new_references_none_is_given_back(new: New, then: str) -> None:
    """`-E` gave no answer, and meanwhile another `pfctl -E` came."""
    mac = quiet(new)

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if argv[:2] == ["/sbin/pfctl", "-E"]:
            answer()
            if then == "doubtful":
                mac.foreign_enable("pfctl")
            raise timed_out(argv)

    ran = run(mac, *SETUP, runner=twisted(mac, twist))
    assert ran.code == 4, ran
    if then == "found":
        assert tokens(mac) == []
        assert "all changes were reverted" in ran.err
    else:
        assert len(tokens(mac)) == 2
        assert "any of 2 may be it, so none is released" in ran.err


def test_a_reference_that_cannot_be_found_now_is_found_by_the_next_run(new: New) -> None:
    """`-E` gave no answer, and then nobody could say which references there are."""
    mac = quiet(new)
    before = picture(mac)
    enabled: List[int] = []

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if argv[:2] == ["/sbin/pfctl", "-E"]:
            answer()
            enabled.append(1)
        if enabled and argv[0] == "/sbin/pfctl" and argv[1:] in (["-E"], ["-s", "References"]):
            raise timed_out(argv)

    ran = run(mac, *SETUP, runner=twisted(mac, twist))
    assert ran.code == 4, ran
    assert "could not revert everything" in ran.err
    assert "did not answer in time" in ran.err
    assert len(tokens(mac)) == 1
    restored(mac, before, run(mac, "net.teardown"))


# -- the disk, /etc, and others at work


def refused(mac: Mac, task: Tuple[str, ...], heal: Callable[[], None]) -> None:
    """The task fails and leaves everything as it was; healed, it works."""
    before = picture(mac)
    ran = run(mac, *task)
    assert ran.code in (3, 4), ran
    assert "could not revert everything" not in ran.err
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
        assert "could not revert everything" not in ran.err, ran
        assert changed(before, picture(copy)) == [], ran
        copy.disk_full(False)
        assert run(copy, *task).code == 0
    assert full >= {"setup": 3, "persist": 9}[way]


@pytest.mark.parametrize("room", [0, 1])
def test_a_disk_that_is_full_by_now_breaks_nothing_that_works(new: New, room: int) -> None:
    mac = quiet(new)
    assert run(mac, *PERSIST).code == 0
    mac.foreign_disable()
    mac.foreign_enable()
    before = picture(mac)
    # None at all, and not even a lock can be made; with a little, it is the files that fail.
    mac.disk_full(after=room)
    ran = run(mac, *PERSIST)
    assert ran.code == 4, ran
    assert "could not revert everything" not in ran.err, ran
    assert changed(before, picture(mac)) == []
    mac.disk_full(False)
    assert run(mac, *PERSIST).code == 0
    works(mac, WAYS["persist"][1])


@pytest.mark.parametrize("place", ["/private/etc", "/private/var/db", "/Library", "/private/var"])
def test_a_place_that_is_read_only_leaves_everything_as_it_was(new: New, place: str) -> None:
    mac = quiet(new)
    mac.read_only(place)
    refused(mac, PERSIST, lambda: mac.read_only(None))


def test_what_is_kept_is_a_copy_with_all_that_belongs_to_the_file(new: New) -> None:
    """ACL and extended attributes, which only a Mac has: `cp -p` takes them along."""
    mac = quiet(new)
    mac.forget_log()
    assert run(mac, *PERSIST).code == 0
    copies = [argv[2:] for argv in asked(mac) if argv[:2] == ("/bin/cp", "-p")]
    for path, draft in DRAFTS.items():
        name = path.rsplit("/", 1)[1]
        kept = f"/private/var/db/container-net/original/.{name}.container-net"
        assert (f"/{path}", kept) in copies
        assert (f"/{path}", f"/private/etc/{draft}") in copies


def test_the_first_copy_is_the_one_that_is_kept(new: New) -> None:
    mac = quiet(new)
    place, kept = mac.path / PF_CONF, mac.path / "private/var/db/container-net/original/pf.conf"
    first = place.read_bytes()
    assert run(mac, *PERSIST).code == 0
    place.write_bytes(first + b"# another program was here\n")
    assert run(mac, *PERSIST).code == 0
    assert b"container-net" in place.read_bytes()
    assert kept.read_bytes() == first


def test_the_lock_is_given_away_while_launchd_starts_the_job(new: New) -> None:
    """The job runs at once, and takes it."""
    mac = quiet(new)
    there: Dict[str, bool] = {}

    def twist(argv: List[str], _answer: Callable[[], Result]) -> None:
        there[" ".join(argv[:2])] = (mac.path / LOCK[1:]).is_symlink()

    assert run(mac, *PERSIST, runner=twisted(mac, twist)).code == 0
    assert there["/bin/launchctl bootstrap"] is False
    assert there["/usr/bin/tee /Library/LaunchDaemons/.local.container-net.plist.container-net"]


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


def test_a_draft_that_cannot_be_removed_keeps_nothing_else_from_being_taken_back(
    new: New,
) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, *PERSIST).code == 0
    (mac.path / "private/etc/.pf.conf.container-net").write_text("half")
    mac.read_only("/private/etc")
    ran = run(mac, "net.teardown")
    assert ran.code == 4, ran
    assert "/bin/rm" in ran.err
    assert "invoke net.teardown" in ran.err
    assert tokens(mac) == []
    assert mac.state["jobs"] == {}
    assert (mac.path / STATE[1:]).exists()
    mac.read_only(None)
    restored(mac, before, run(mac, "net.teardown"))


def test_a_draft_that_cannot_be_removed_at_first_goes_with_the_next_run(new: New) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, *PERSIST).code == 0
    draft = "/private/etc/.pf.conf.container-net"
    (mac.path / draft[1:]).write_text("half")
    ran = run(mac, "net.teardown", runner=failing(mac, (("/bin/rm", "-f", draft), 0), "refused"))
    assert ran.code == 4, ran
    assert (mac.path / STATE[1:]).exists()
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


@pytest.mark.parametrize("then", [PERSIST, SETUP, ("net.teardown",)])
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


SCRATCH = [
    *(f"private/var/db/container-net/{name}" for name in ("boot.new", "run.out", "run.rules")),
    ANCHOR_FILE[1:] + ".new",
]


@pytest.mark.parametrize("then", [PERSIST, SETUP, ("net.teardown",)])
def test_so_does_it_with_what_a_killed_boot_script_left(new: New, then: Tuple[str, ...]) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert run(mac, *PERSIST).code == 0
    loaded = mac.path / "private/var/db/container-net/loaded"
    loaded.write_text("half")
    for path in SCRATCH:
        (mac.path / path).write_text("half")
    mac.foreign_disable()
    mac.foreign_enable()
    assert run(mac, *then).code == 0
    assert [path for path in SCRATCH if (mac.path / path).exists()] == []
    if then[0] != "net.teardown":
        assert loaded.exists(), "what it keeps is its own"
        assert run(mac, "net.teardown").code == 0
    # A reference of another token, since the first one ended.
    assert picture(mac)["files"] == before["files"]


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
