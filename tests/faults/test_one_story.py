"""One story: every task says the same of every scene, and what is printed as a cure cures."""

from __future__ import annotations

import collections
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest
from faults.scenes import FAULTS, HEALTHY, Scene
from sim.support import Ran, run

from simmac import Mac, build

SCENES = [s for s in (*FAULTS, *HEALTHY) if not s.name.endswith(", probe")]
OURS = ("net.setup", "net.persist", "net.teardown")


@dataclass
class Story:
    """What the tasks that only look say of a scene."""

    mac: Mac
    scene: Scene
    status: Dict[str, Any]
    doctor: Dict[str, Any]
    verify: Dict[str, Any]
    plan: Ran

    @property
    def broken(self) -> Optional[Dict[str, Any]]:
        return next((h for h in self.status["path"] if h["state"] == "broken"), None)

    def present(self) -> List[str]:
        return [f["id"] for f in self.doctor["faults"] if f["state"] == "present"]

    @property
    def gets_out(self) -> bool:
        return self.mac.egress() == "ok"


def doctor(mac: Mac, scene: Scene, *words: str) -> Ran:
    return run(mac, "net.doctor", "--json", *(["--probe"] if scene.probe else []), *words)


def named(scene: Scene) -> str:
    return scene.name.replace(" ", "-")


@pytest.fixture(params=SCENES, ids=named, scope="module")
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    mac, scene = build(folder / "mac", "idle"), request.param
    scene.play(mac)
    yield Story(
        mac,
        scene,
        run(mac, "net.status", "--json").data,
        doctor(mac, scene).data,
        run(mac, "net.verify", "--json").data,
        run(mac, "net.plan", "--json"),
    )
    shutil.rmtree(folder)


def planned(story: Story) -> List[str]:
    if story.plan.code:
        return []
    return [change["what"] for change in story.plan.data["changes"]]


def test_what_status_calls_broken_has_a_diagnosis(story: Story) -> None:
    assert story.broken is None or story.doctor["faults"], story.broken


def test_status_and_verify_judge_translation_alike(story: Story) -> None:
    hop = next(h["state"] for h in story.status["path"] if h["hop"] == "nat")
    check = next(c["state"] for c in story.verify["checks"] if c["check"] == "translation")
    assert hop == check


def test_a_healthy_scene_is_broken_for_nobody(story: Story) -> None:
    if not story.scene.expect:
        assert story.broken is None
        assert not story.doctor["faults"]


def test_where_a_container_gets_out_nothing_is_planned_but_against_a_leak(story: Story) -> None:
    # A Mac that is offline itself is set up for the uplinks to come.
    offline = story.broken is not None and story.broken["hop"] == "uplink"
    if story.gets_out and story.plan.code == 0 and not offline:
        assert not planned(story) or "F43" in story.present()


def test_a_command_that_status_prints_exits_0_and_mends(story: Story, tmp_path: Path) -> None:
    for hop in story.status["path"]:
        cure = hop["cure"] or ""
        if hop["state"] != "broken" or not any(f"invoke {task}" in cure for task in OURS):
            continue
        mac = story.mac.snapshot(tmp_path / hop["hop"])
        obey(mac, cure)
        again = run(mac, "net.status", "--json").data
        assert hop["hop"] not in [h["hop"] for h in again["path"] if h["state"] == "broken"]


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


def test_a_cure_of_ours_cures(story: Story, tmp_path: Path) -> None:
    for fault in story.doctor["faults"]:
        commands = [s["command"] for s in fault["steps"] if "invoke net." in (s["command"] or "")]
        if not commands:
            continue
        mac = story.mac.snapshot(tmp_path / fault["id"])
        for command in commands:
            obey(mac, command)
        left = [f["id"] for f in doctor(mac, story.scene).data["faults"]]
        assert fault["id"] not in left, commands


def test_what_is_marked_yes_is_mended_by_fix(story: Story, tmp_path: Path) -> None:
    marked = {f["id"] for f in story.doctor["faults"] if f["auto"] == "yes"}
    if marked:
        mac = story.mac.snapshot(tmp_path / "fixed")
        fixed = doctor(mac, story.scene, "--fix", "--yes")
        mac.settle()
        assert not marked & {f["id"] for f in doctor(mac, story.scene).data["faults"]}
        assert fixed.code in (0, 1)


@pytest.mark.parametrize(
    "words", [("net.status",), ("net.doctor",), ("net.plan",), ("net.verify",)]
)
@pytest.mark.parametrize("mac_of", ["healthy", "vpn", "broken"])
def test_a_look_starts_no_command_twice(tmp_path: Path, mac_of: str, words: Any) -> None:
    mac = build(tmp_path / "mac", mac_of)
    mac.forget_log()
    run(mac, *words)
    started = collections.Counter(" ".join(record.argv) for record in mac.log)
    assert {argv: count for argv, count in started.items() if count > 1} == {}
