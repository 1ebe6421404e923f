"""Output that is cut off, empty or nonsense gives `unknown`, never a fault that is not there."""

from __future__ import annotations

import functools
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from faults.scenes import HEALTHY, machine_of
from invoke.context import Context

from container_net import doctor
from container_net.machine import Argv, CommandResult, Machine
from container_net.settings import Settings
from simmac import Mac, build

SETTINGS = Settings()
Asked = Tuple[str, ...]
Instead = Callable[[Asked], Optional[CommandResult]]
NONSENSE = ("lorem ipsum\n", "\xff\xfe\x00\x01", "{}\n", "[{}]\n", "nat\n", "0\n")
NAMES = (
    "plain vmnet",
    "VPN with ours",
    "host-only beside NAT",
    "no container runs",
    "macOS 15 with ours",
)


class Replay(Machine):
    """A Mac whose answers were written down, so that one of them can be another."""

    def __init__(self, mac: Mac) -> None:
        super().__init__(Context(), str(mac.path))
        self.mac = machine_of(mac)
        self.said: Dict[Asked, CommandResult] = {}
        # No file is another one meanwhile.
        self.read = functools.lru_cache(maxsize=None)(self.mac.read)  # type: ignore[method-assign]
        self.exists = functools.lru_cache(maxsize=None)(self.mac.exists)  # type: ignore[method-assign]
        self.instead: Optional[Instead] = None

    def run(self, argv: Argv, **more: Any) -> CommandResult:
        asked = tuple(map(str, argv))
        other = self.instead(asked) if self.instead is not None else None
        if other is not None:
            sudo = "sudo " if more.get("root") else ""
            return replace(other, shown=sudo + shlex.join(asked))
        if asked not in self.said:
            self.said[asked] = self.mac.run(argv, **more)
        return self.said[asked]

    def examine(self, instead: Optional[Instead] = None) -> List[str]:
        """The faults that are told as present."""
        self.instead = instead
        found = doctor.examine(self, SETTINGS)
        return [d.fault.id for d in found.found if d.finding.state == "present"]

    def commands(self) -> List[Asked]:
        """The commands of a run, but for sudo's own question."""
        if not self.said:
            assert self.examine() == []
        return [asked for asked in self.said if asked != ("/usr/bin/true",)]


def says(text: str, code: Optional[int] = 0, err: str = "") -> CommandResult:
    return CommandResult("", code, text, err)


def only(command: Asked, result: CommandResult) -> Instead:
    """One command answers otherwise."""

    def instead(asked: Asked) -> Optional[CommandResult]:
        return result if asked == command else None

    return instead


def whatever(program: str, result: CommandResult) -> Instead:
    """A program answers so whatever it is asked."""

    def instead(asked: Asked) -> Optional[CommandResult]:
        return result if asked[0] == program else None

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


def false_alarms(healthy: Replay, texts: Dict[Asked, List[str]]) -> Dict[str, List[str]]:
    """What is told as present where one command says something else."""
    wrong: Dict[str, List[str]] = {}
    for command, variants in texts.items():
        for text in variants:
            present = healthy.examine(only(command, says(text)))
            if present:
                wrong[f"{shlex.join(command)} -> {text!r}"] = present
    return wrong


def test_output_that_is_cut_off_is_no_fault(healthy: Replay) -> None:
    texts = {command: cuts(healthy.said[command].out) for command in healthy.commands()}
    assert sum(map(len, texts.values())) > 50
    assert false_alarms(healthy, texts) == {}


def test_nonsense_is_no_fault(healthy: Replay) -> None:
    # A plain 0 is an honest answer of these two.
    honest = ("/usr/sbin/sysctl", "/usr/bin/id")
    texts = {
        command: [t for t in NONSENSE if t != "0\n" or command[0] not in honest]
        for command in healthy.commands()
    }
    assert false_alarms(healthy, texts) == {}


@pytest.mark.parametrize("text", ["lorem ipsum\n", "nat\n", ""])
def test_a_program_that_says_nonsense_whatever_it_is_asked_is_no_fault(
    healthy: Replay, text: str
) -> None:
    for program in {command[0] for command in healthy.commands()}:
        told = healthy.examine(whatever(program, says(text)))
        assert told == [], program


def test_a_command_that_hangs_or_fails_is_no_other_fault(healthy: Replay) -> None:
    for command in healthy.commands():
        failed = says("", 1, "Error: something else\n")
        hung = says("", None)
        assert healthy.examine(only(command, failed)) == [], command
        told = healthy.examine(only(command, hung))
        # One command of container's that hangs while others answer is F36 itself.
        allowed: List[List[str]] = [[]]
        if command[0].endswith("/container"):
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
