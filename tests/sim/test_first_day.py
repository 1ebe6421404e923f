"""A Mac on its first day: every state is told apart, has its one command, and changes nothing."""

from __future__ import annotations

import io
from typing import Callable, Tuple

import pytest
from faults.scenes.base import machine_of
from sim.support import never_started, no_kernel, not_installed, picture, run

from container_net.model import Missing, NetError
from container_net.options import Options
from container_net.report import Screen
from container_net.session import Session
from container_net.settings import Settings
from simmac import Mac

KERNEL = "container system kernel set --recommended"
START = "container system start"
PACKAGE = "github.com/apple/container/releases"

New = Callable[..., Mac]
Day = Tuple[Callable[[Mac], None], str, str, str]


def _no_kernel_old(mac: Mac) -> None:
    """Before 0.10 only the failing command tells."""
    mac.install_container("0.8.0")
    mac.kernel(False)


DAYS = {
    "not installed": (not_installed, PACKAGE, "is not installed", "설치되어 있지 않습니다"),
    "never started": (never_started, START, "container's service", "서비스"),
    "no kernel": (no_kernel, KERNEL, "no Linux kernel", "Linux 커널"),
}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("task", ["net.setup", "net.persist", "net.status", "net.verify"])
@pytest.mark.parametrize("day", list(DAYS))
def test_every_task_names_the_state_and_its_one_command(
    new: New, day: str, task: str, lang: str
) -> None:
    play, command, english, korean = DAYS[day]
    mac = new("idle")
    play(mac)
    before = picture(mac)
    said = run(mac, task, "--lang", lang)
    text = " ".join((said.out + said.err).split())
    assert command in text
    assert {"en": english, "ko": korean}[lang] in text
    assert said.code == (0 if task == "net.status" else 3)
    assert picture(mac) == before


@pytest.mark.parametrize(("day", "fault"), [("never started", "F33"), ("no kernel", "F53")])
def test_doctor_names_the_fault(new: New, day: str, fault: str) -> None:
    play, command, _english, _korean = DAYS[day]
    mac = new("idle")
    play(mac)
    said = run(mac, "net.doctor", "--json")
    assert [item["id"] for item in said.data["faults"]] == [fault]
    assert command in said.out


def test_without_json_the_failing_command_tells_that_there_is_no_kernel(new: New) -> None:
    mac = new("idle")
    _no_kernel_old(mac)
    before = picture(mac)
    said = run(mac, "net.setup", "--yes")
    assert said.code == 3
    assert KERNEL in said.err + said.out
    assert picture(mac) == before


@pytest.mark.parametrize("day", ["never started", "no kernel"])
def test_after_its_command_the_day_goes_on(new: New, day: str) -> None:
    play, command, _english, _korean = DAYS[day]
    mac = new("idle")
    mac.vmnet_nat(False)
    play(mac)
    assert run(mac, "net.setup", "--yes").code == 3
    assert mac.answer(["/usr/local/bin/container", *command.split()[1:]]).code == 0
    assert run(mac, "net.setup", "--yes").code == 0


def _by_a_person(mac: Mac, monkeypatch: pytest.MonkeyPatch, answers: str) -> int:
    """`net.setup` on a terminal, at which a person answers."""
    monkeypatch.setattr(Session, "_asks", True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    session = Session(machine_of(mac), Settings(), Screen(), Options())
    try:
        return session.setup()
    except NetError as error:
        return error.code


def test_a_person_is_taken_from_the_first_day_to_the_internet(
    new: New, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    mac.service("unregistered")
    mac.kernel(False)
    assert _by_a_person(mac, monkeypatch, "y\ny\ny\n") == 0
    said = capsys.readouterr()
    assert said.err.count("[y/N]") == 3
    assert "container system start --disable-kernel-install" in said.err
    assert KERNEL in said.err
    assert run(mac, "net.verify").code == 0


@pytest.mark.parametrize("answers", ["n\n", ""])
def test_who_says_no_is_told_the_command_and_nothing_else_happens(
    new: New,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: str,
) -> None:
    mac = new("idle")
    mac.service("unregistered")
    mac.kernel(False)
    before = picture(mac)
    assert _by_a_person(mac, monkeypatch, answers) == Missing.code
    assert capsys.readouterr().err.count("[y/N]") == 1
    assert picture(mac) == before


def test_a_step_that_fails_says_what_container_said(
    new: New, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = new("idle")
    mac.kernel(False)
    mac.fail("container system kernel", 1, "Error: The file does not exist.")
    monkeypatch.setattr(Session, "_asks", True)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    session = Session(machine_of(mac), Settings(), Screen(), Options())
    with pytest.raises(Missing, match="The file does not exist"):
        session.setup()
    assert capsys.readouterr().err.count("[y/N]") == 1
