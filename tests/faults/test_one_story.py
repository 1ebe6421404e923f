"""One story: every task says the same of every scene, and what is printed as a cure cures."""

from __future__ import annotations

import collections
import shlex
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from faults.played import ONCE, Played, examine, look
from faults.scenes import machine_of
from sim.support import run

from container_net import doctor_report
from simmac import Mac, build

OURS = ("net.setup", "net.persist", "net.teardown")
once = pytest.mark.parametrize("played", ONCE, indirect=True, ids=lambda scene: scene.name)


def status_of(mac: Mac) -> Dict[str, Any]:
    _code, data = look(mac, "status")
    assert data is not None
    return data


def broken(status: Dict[str, Any]) -> List[str]:
    return [hop["hop"] for hop in status["path"] if hop["state"] == "broken"]


def faults(played: Played, mac: Mac) -> List[str]:
    """What the doctor says of the Mac that the scene's has become."""
    found = examine(machine_of(mac), played.scene.probe)
    return [fault["id"] for fault in doctor_report.data(found)["faults"]]


@once
def test_every_task_says_the_same(played: Played, tmp_path: Path) -> None:
    told = doctor_report.data(played.found)["faults"]
    status = status_of(played.mac)
    first = next(iter(broken(status)), None)
    assert first is None or told, "what status calls broken has a diagnosis"
    # These start a container where none gets out. Of a Mac with a boot script, which has the Mac's
    # folder in it, a copy would be planned anew; there one runs.
    persisted = bool(played.mac.state["jobs"])
    tried = played.mac if persisted else played.mac.snapshot(tmp_path / "tried")
    verified = look(tried, "verify")[1]
    assert verified is not None
    hop = next(h["state"] for h in status["path"] if h["hop"] == "nat")
    assert hop == next(c["state"] for c in verified["checks"] if c["check"] == "translation")
    if not played.scene.expect:
        assert first is None, "a healthy scene is broken for nobody"
        assert not told
    # Where a container gets out, nothing is planned but against a leak. A Mac that is offline
    # itself is set up for the uplinks to come.
    code, plan = look(tried, "plan")
    if tried.egress() == "ok" and code == 0 and first != "uplink":
        assert plan is not None
        present = [fault["id"] for fault in told if fault["state"] == "present"]
        assert not plan["changes"] or "F43" in present


@once
def test_what_is_printed_as_a_cure_cures(played: Played, tmp_path: Path) -> None:
    done: Dict[Tuple[str, ...], Mac] = {}

    def after(*commands: str) -> Mac:
        """Several print the same commands."""
        if commands not in done:
            done[commands] = played.mac.snapshot(tmp_path / str(len(done)))
            for command in commands:
                obey(done[commands], command)
        return done[commands]

    for hop in status_of(played.mac)["path"]:
        cure = hop["cure"] or ""
        if hop["state"] == "broken" and any(f"invoke {task}" in cure for task in OURS):
            assert hop["hop"] not in broken(status_of(after(cure)))
    for fault in doctor_report.data(played.found)["faults"]:
        commands = [s["command"] for s in fault["steps"] if "invoke net." in (s["command"] or "")]
        if commands:
            assert fault["id"] not in faults(played, after(*commands)), commands


def obey(mac: Mac, command: str) -> None:
    """Do what a pasted line does: ours through invoke, sudo's as root."""
    for part in command.split(" && "):
        words = shlex.split(part)
        if words[0] == "invoke":
            said = run(mac, *words[1:], *(["--yes"] if words[1] in OURS else []))
            assert said.code == 0, said
        else:
            assert words[0] == "sudo", command
            program = {"pfctl": "/sbin/pfctl"}[words[1]]
            assert mac.answer([program, *words[2:]], root=True).code == 0, command
        mac.settle()


@once
def test_what_is_marked_yes_is_mended_by_fix(played: Played, tmp_path: Path) -> None:
    told = doctor_report.data(played.found)["faults"]
    marked = {fault["id"] for fault in told if fault["auto"] == "yes"}
    if marked:
        mac = played.mac.snapshot(tmp_path / "fixed")
        probe = ["--probe"] if played.scene.probe else []
        fixed = run(mac, "net.doctor", "--json", *probe, "--fix", "--yes")
        mac.settle()
        assert not marked & set(faults(played, mac))
        assert fixed.code in (0, 1)


@pytest.mark.parametrize("task", ["net.status", "net.doctor", "net.plan", "net.verify"])
@pytest.mark.parametrize("mac_of", ["healthy", "vpn", "broken"])
def test_a_look_starts_no_command_twice(tmp_path: Path, mac_of: str, task: str) -> None:
    mac = build(tmp_path / "mac", mac_of)
    mac.forget_log()
    run(mac, task)
    started = collections.Counter(" ".join(record.argv) for record in mac.log)
    assert {argv: count for argv, count in started.items() if count > 1} == {}
