"""Single actions of a walk: which answers of a command are as good as done, and which are not."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Callable, List, Tuple, Type, cast

import pytest
from invoke.context import Context
from invoke.runners import Result, Runner
from sim.support import twisted

from container_net import apply
from container_net.machine import CommandFailed, Machine
from container_net.model import FileFact, Missing, Reference
from container_net.plan import (
    ORIGINALS,
    Action,
    Change,
    Command,
    Plan,
    Release,
    RemoveFile,
    RemoveFolder,
    Unload,
    WriteFile,
)
from simmac import Mac

New = Callable[..., Mac]
FOLDER = "/private/etc/pf.anchors"
PF_CONF = "/private/etc/pf.conf"


def act(mac: Mac, action: Action, said: Tuple[str, int] = ("", 0)) -> List[List[str]]:
    """Do it, on a Mac where every command says that; the commands come back."""
    given: List[List[str]] = []

    def twist(argv: List[str], _answer: Callable[[], Result]) -> Result:
        given.append(argv)
        return Result(stderr=said[0], command=argv[0], exited=said[1], encoding="latin-1")

    walk = walk_on(mac, twisted(mac, twist))
    walk._wait_for_job = lambda *_patience: given.append(["waited"])  # type: ignore[method-assign]
    walk.act(action)
    return given


def walk_on(mac: Mac, runner: Type[Runner]) -> apply._Walk:
    context = Context()
    context.config.runners.local = runner
    nothing = SimpleNamespace(value=None)
    facts = cast(Any, SimpleNamespace(state=nothing, boot=nothing, state_files=True))
    none = cast(Any, None)
    return apply._Walk(none, Machine(context, str(mac.path)), facts, Plan(()), none)


@pytest.mark.parametrize("kind", [RemoveFile, lambda path, was: WriteFile(path, b"x", was=was)])
def test_a_file_that_is_another_one_by_now_is_left_alone(new: New, kind: Any) -> None:
    mac = new("broken")
    was = FileFact(PF_CONF, b"as it was looked at", 0o644)
    with pytest.raises(Missing, match=r"pf\.conf was changed by another program just now"):
        act(mac, kind(PF_CONF, was))


TOKEN = Release(Reference("1", "pfctl", "15"))


@pytest.mark.parametrize(
    "said",
    [
        ("", 0),
        ("pfctl: pf not enabled\n", 1),
        ("pfctl: DIOCSTOPREF: token invalid\n", 1),
    ],
)
def test_a_reference_that_is_gone_already_is_as_good(new: New, said: Tuple[str, int]) -> None:
    assert act(new("broken"), TOKEN, said) == [["/sbin/pfctl", "-X", "15"]]


def test_a_reference_that_is_not_given_back_is_told(new: New) -> None:
    with pytest.raises(CommandFailed, match="Permission denied"):
        act(new("broken"), TOKEN, ("pfctl: /dev/pf: Permission denied\n", 1))


def test_a_folder_in_which_others_have_something_stays(new: New) -> None:
    mac = new("broken")
    said = (f"rmdir: {FOLDER}: Directory not empty\n", 1)
    assert act(mac, RemoveFolder(FOLDER), said) == [["/bin/rmdir", FOLDER]]
    with pytest.raises(CommandFailed, match="not permitted"):
        act(mac, RemoveFolder(FOLDER), ("rmdir: Operation not permitted\n", 1))
    assert act(mac, RemoveFolder("/private/etc/nothing")) == []


@pytest.mark.parametrize("code", [0, 3, 36, 113])
def test_a_job_that_is_not_loaded_is_as_good(new: New, code: int) -> None:
    assert act(new("broken"), Unload("x"), ("", code)) == [
        ["/bin/launchctl", "bootout", "system/x"],
        ["waited"],
    ]


@pytest.mark.parametrize("code", [1, 5, 37])
def test_a_job_that_stays_is_told(new: New, code: int) -> None:
    with pytest.raises(CommandFailed, match="bootout"):
        act(new("broken"), Unload("x"), ("", code))


# -- the way back


def change(what: str, *undo: Action, do: Tuple[Action, ...] = ()) -> Change:
    return Change(what, what, what, "", do, undo, (), lambda _facts: True)


def test_what_was_done_last_is_undone_first(new: New) -> None:
    mac = new("broken")
    mac.forget_log()
    made = [change(str(n), Command(("/usr/sbin/sysctl", "-w", f"kern.x={n}"))) for n in range(3)]
    walk_on(mac, mac.runner()).back(made)
    asked = [record.argv[-1] for record in mac.log if "-w" in record.argv]
    assert asked == ["kern.x=2", "kern.x=1", "kern.x=0"]


def test_where_the_line_stays_the_file_that_it_loads_stays(new: New) -> None:
    mac = new("broken")
    place = mac.path / "private/etc/pf.anchors/x"
    place.write_text("")
    stays = Command(("/usr/bin/false",))
    stuck = walk_on(mac, mac.runner()).back(
        [change("anchor_file", RemoveFile("/private/etc/pf.anchors/x")), change("pf_conf", stays)]
    )
    assert len(stuck) == 1
    assert place.exists()


def test_with_no_room_the_copy_that_was_kept_takes_the_place(new: New) -> None:
    mac = new("broken")
    place, kept = mac.path / PF_CONF[1:], mac.path / f"{ORIGINALS}/pf.conf"[1:]
    first = place.read_bytes()
    kept.parent.mkdir(parents=True)
    kept.write_bytes(first)
    kept.chmod(0o644)
    place.write_bytes(b"ours")
    if os.geteuid() == 0:
        os.chown(place, 501, 20)
    given: List[List[str]] = []
    undo = WriteFile(PF_CONF, first, 0o600)
    made = [change("pf_conf", undo, do=(WriteFile(PF_CONF, b"ours", 0o600),))]

    def full(argv: List[str], _answer: Callable[[], Result]) -> Any:
        given.append(argv)
        if argv[0] != "/bin/cp":
            return None
        return Result(stderr="cp: No space left on device", exited=1, encoding="latin-1")

    assert walk_on(mac, twisted(mac, full)).back(made) == []
    assert place.read_bytes() == first
    assert place.stat().st_mode & 0o777 == 0o600
    if os.geteuid() == 0:
        assert ["/usr/sbin/chown", "501:20", f"{ORIGINALS}/pf.conf"] in given
    # Another one than was there is no help: then it is told.
    place.write_bytes(b"ours")
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"not what was there")
    (said,) = walk_on(mac, twisted(mac, full)).back(made)
    assert "No space left" in said
    assert place.read_bytes() == b"ours"
