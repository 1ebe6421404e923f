"""`net.onboard`: from any first state of a Mac to a container that reached the internet."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Tuple

import pytest
from faults.scenes.base import fifteen, system
from sim.support import ROOT, environment, never_started, no_kernel, not_installed, picture, run
from sim.terminal import at_a_terminal

from simmac import Mac

New = Callable[..., Mac]
TOP = str(ROOT)


def steps(text: str) -> List[str]:
    return re.findall(r"^\$ invoke (.*)$", text, re.MULTILINE)


def onboard(mac: Mac, answer: str = "y") -> Tuple[int, str]:
    shown = {"TERM": "dumb", "COLUMNS": "100"}
    return at_a_terminal(mac, "net.onboard", answer=answer, module="sim.answered", **shown)


def neither(mac: Mac) -> None:
    mac.service("unregistered")
    mac.kernel(False)


def no_image(mac: Mac) -> None:
    for name in [each["name"] for each in mac.state["container"]["images"]]:
        mac.remove_image(name)


FIRST_DAYS = {
    "never started": (never_started, 2),
    "no kernel": (no_kernel, 2),
    "neither": (neither, 3),
    "no image": (no_image, 2),
}


@pytest.mark.parametrize("day", list(FIRST_DAYS))
def test_a_person_who_agrees_ends_with_a_container_that_got_out(new: New, day: str) -> None:
    play, questions = FIRST_DAYS[day]
    mac = new("idle")
    mac.vmnet_nat(False)
    play(mac)
    code, said = onboard(mac)
    assert code == 0, said
    assert said.count("[y/N]") == questions, said
    assert re.search(r"Everything (measured )?works", said)
    assert run(mac, "net.verify").code == 0


@pytest.mark.parametrize("day", ["not installed", *FIRST_DAYS])
def test_who_agrees_to_nothing_is_told_one_thing_and_nothing_changes(new: New, day: str) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    (not_installed if day == "not installed" else FIRST_DAYS[day][0])(mac)
    before = picture(mac)
    code, said = onboard(mac, "n")
    assert code == 3, said
    assert steps(said) == ["net.setup"]
    assert picture(mac) == before


def test_without_container_the_one_thing_is_where_to_get_it(new: New) -> None:
    mac = new("idle")
    not_installed(mac)
    code, said = onboard(mac)
    assert code == 3
    assert "github.com/apple/container/releases" in said


@pytest.mark.parametrize("scene", ["broken", "idle"])
def test_with_options_it_asks_nothing_and_keeps_it(new: New, scene: str) -> None:
    mac = new(scene)
    mac.vmnet_nat(False)
    ran = run(mac, "net.onboard", "--yes", "--persist")
    assert ran.code == 0, ran.out + ran.err
    assert steps(ran.out) == ["net.setup", "net.verify", "net.persist"]
    kept = run(mac, "net.status", "--json").data["persistent"]
    assert set(kept.values()) == {"ok"}


def test_a_mac_that_works_is_left_alone(new: New) -> None:
    mac = new("healthy")
    before = picture(mac)
    for words in (["--persist"], []):
        ran = run(mac, "net.onboard", "--yes", *words)
        assert ran.code == 0, ran.out + ran.err
        assert "invoke net.persist" not in ran.out.splitlines()[-1]
        assert picture(mac) == before


def fifteen_alone(mac: Mac) -> None:
    """macOS 15, whose vmnet translates nothing."""
    fifteen(mac)
    mac.vmnet_nat(False)


def twenty_seven(mac: Mac) -> None:
    system(mac, "27.0")
    mac.vmnet_nat(False)


def homebrew(mac: Mac) -> None:
    mac.install_container("1.2.2", homebrew=True)
    mac.service("unregistered")
    mac.vmnet_nat(False)


@pytest.mark.parametrize("play", [fifteen_alone, twenty_seven, homebrew])
def test_other_systems_and_installations_lead_there_too(
    new: New, play: Callable[[Mac], None]
) -> None:
    mac = new("idle")
    play(mac)
    code, said = onboard(mac)
    assert code == 0, said
    assert run(mac, "net.verify").code == 0


def test_what_cannot_work_ends_it_with_the_exit_code_of_the_task(new: New) -> None:
    mac = new("broken")
    mac.curl(28)
    ran = run(mac, "net.onboard", "--yes")
    assert (ran.code, steps(ran.out)[-1]) == (1, "net.verify")
    assert "net.persist" not in ran.out.split("net.verify")[-1]


def test_from_another_repository_and_its_own_onboarding(new: New, tmp_path: Path) -> None:
    """The lines of README's passage on another repository, as they stand there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (mounted,) = re.findall(r"```python\n(from invoke.*?)```", readme, re.DOTALL)
    theirs = tmp_path / "their-repository"
    theirs.mkdir()
    (theirs / "tasks.py").write_text(mounted)
    mac = new("broken")
    environ = environment(mac, PYTHONPATH=TOP)
    for words in (
        [sys.executable, "-m", "invoke", "net.onboard", "--yes"],
        [sys.executable, "-c", "from container_net.cli import main; main()", "onboard", "--yes"],
    ):
        done = subprocess.run(
            words, cwd=theirs, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Everything works." in done.stdout
