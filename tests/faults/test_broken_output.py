"""Output that is cut off, empty or nonsense gives `unknown`, never a fault that is not there."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from faults.scenes import HEALTHY, machine_of
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import CommandTimedOut
from invoke.runners import Result, Runner

from container_net import doctor
from container_net.machine import Machine
from container_net.settings import Settings
from simmac import Mac, build

SETTINGS = Settings()
Instead = Callable[[str], Optional[Result]]
NONSENSE = ("lorem ipsum\n", "\xff\xfe\x00\x01", "{}\n", "[{}]\n", "nat\n", "0\n")
NAMES = (
    "plain vmnet",
    "VPN with ours",
    "host-only beside NAT",
    "no container runs",
    "macOS 15 with ours",
)


class Replay:
    """A Mac whose answers were written down, so that one of them can be another."""

    def __init__(self, mac: Mac) -> None:
        self.mac = mac
        self.said: Dict[str, Result] = {}
        self.instead: Optional[Instead] = None

    def run(self, command: str) -> Result:
        other = self.instead(command) if self.instead is not None else None
        if other is not None:
            if other.exited == -1:
                raise CommandTimedOut(other, 5)
            return other
        if command not in self.said:
            self.said[command] = self.mac.answer_command(command, warn=True)
        return self.said[command]

    def examine(self, instead: Optional[Instead] = None) -> List[str]:
        """The faults that are told as present."""
        replay, self.instead = self, instead

        class Replaying(Runner):
            def run(self, command: str, **kwargs: Any) -> Result:
                return replay.run(command)

        config = Config(overrides={"runners": {"local": Replaying}})
        machine = Machine(Context(config), str(self.mac.path))
        found = doctor.examine(machine, SETTINGS)
        return [d.fault.id for d in found.found if d.finding.state == "present"]

    def commands(self) -> List[str]:
        """The command lines of a run, but for sudo's own question."""
        if not self.said:
            assert self.examine() == []
        return [command for command in self.said if not command.endswith("/usr/bin/true")]

    def program(self, command: str) -> str:
        words = shlex.split(command)
        return words[2] if words[0].endswith("/sudo") else words[0]


def says(text: str, code: int = 0, err: str = "") -> Result:
    return Result(stdout=text, stderr=err, exited=code)


def only(command: str, result: Result) -> Instead:
    """One command answers otherwise."""

    def instead(asked: str) -> Optional[Result]:
        return result if asked == command else None

    return instead


def whatever(replay: Replay, program: str, result: Result) -> Instead:
    """A program answers so whatever it is asked."""

    def instead(asked: str) -> Optional[Result]:
        return result if replay.program(asked) == program else None

    return instead


def cuts(text: str) -> List[str]:
    """The text cut after each line, and in the middle of each."""
    found = [""]
    at = 0
    for line in text.splitlines(keepends=True):
        found += [text[: at + len(line) // 2], text[: at + len(line)]]
        at += len(line)
    cut = sorted({cut for cut in found if cut != text}, key=len)
    # Enough of a long text, its end above all.
    return cut[:: max(len(cut) // 12, 1)] + cut[-2:]


@pytest.fixture(params=NAMES)
def healthy(request: pytest.FixtureRequest, tmp_path: Path) -> Replay:
    mac = build(tmp_path / "mac", "idle")
    next(s for s in HEALTHY if s.name == request.param).play(mac)
    return Replay(mac)


def false_alarms(healthy: Replay, texts: Dict[str, List[str]]) -> Dict[str, List[str]]:
    """What is told as present where one command says something else."""
    wrong: Dict[str, List[str]] = {}
    for command, variants in texts.items():
        for text in variants:
            present = healthy.examine(only(command, says(text)))
            if present:
                wrong[f"{command} -> {text!r}"] = present
    return wrong


def test_output_that_is_cut_off_is_no_fault(healthy: Replay) -> None:
    texts = {command: cuts(healthy.said[command].stdout) for command in healthy.commands()}
    assert sum(map(len, texts.values())) > 50
    assert false_alarms(healthy, texts) == {}


def test_nonsense_is_no_fault(healthy: Replay) -> None:
    # A plain 0 is an honest answer of these two.
    honest = ("/usr/sbin/sysctl", "/usr/bin/id")
    texts = {
        command: [
            t for t in NONSENSE if t != "0\n" or not healthy.program(command).endswith(honest)
        ]
        for command in healthy.commands()
    }
    assert false_alarms(healthy, texts) == {}


@pytest.mark.parametrize("text", ["lorem ipsum\n", "nat\n", ""])
def test_a_program_that_says_nonsense_whatever_it_is_asked_is_no_fault(
    healthy: Replay, text: str
) -> None:
    for program in {healthy.program(command) for command in healthy.commands()}:
        told = healthy.examine(whatever(healthy, program, says(text)))
        assert told == [], program


def test_a_command_that_hangs_or_fails_is_no_other_fault(healthy: Replay) -> None:
    for command in healthy.commands():
        failed = says("", 1, "Error: something else\n")
        hung = says("", -1)
        assert healthy.examine(only(command, failed)) == [], command
        told = healthy.examine(only(command, hung))
        # One command of container's that hangs while others answer is F36 itself.
        allowed: List[List[str]] = [[]]
        if healthy.program(command).endswith("/container"):
            allowed.append(["F36"])
        assert told in allowed, command


def test_facts_that_contradict_one_another_are_named_and_decide_nothing(tmp_path: Path) -> None:
    mac = build(tmp_path / "mac", "healthy")
    mac.garble("pfctl -s nat", 'nat-anchor "com.apple/*" all\nrdr-anchor "com.apple/*" all\n')
    found = doctor.examine(machine_of(mac), SETTINGS)
    assert found.findings["F01"].state == "unknown"
    assert [d.fault.id for d in found.found] == []
    assert found.code == 1
    told = next(u for u in found.unknown if "F01" in u.faults)
    assert "com.apple.internet-sharing" in told.why
