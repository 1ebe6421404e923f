"""The confusion matrix: each scene's fault is told, and nothing else is. `nox -s faults` prints it.

    P  told as present     p  told as possible (of a pair that no output can tell apart)
    .  a consequence, told below its cause     !  wrong

Columns are the faults that command output shows; rows are the scenes.
"""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Callable

from faults import scenes
from faults.played import Played, examine
from faults.scenes import FAULTS, Scene, machine_of, remarked, told

from container_net import doctor
from container_net.doctor import Examination
from container_net.faults import BY_ID, REGISTRY
from container_net.faults.fault import Fault
from simmac import build


def mark(scene: Scene, answer: Examination, fault: str) -> str:
    below = {f.id for d in answer.found for f in d.consequences}
    state = told(answer).get(fault, "")
    if state != scene.expect.get(fault, "") or (fault in below) != (fault in scene.below):
        return "!"
    return {"present": "P", "possible": "p"}.get(state, "." if fault in below else "")


def test_every_fault_that_can_be_seen_has_scenes_in_a_module_of_its_name() -> None:
    there = {found.name for found in pkgutil.iter_modules(scenes.__path__)}
    # Of faults that no output tells apart, one module shows them all.
    paired = {fault for scene in FAULTS if len(scene.expect) > 1 for fault in scene.expect}
    missing = [
        f"tests/faults/scenes/{module_of(BY_ID[fault])}.py"
        for fault in REGISTRY
        if module_of(BY_ID[fault]) not in there and fault not in paired
    ]
    assert missing == []
    shown = {fault for scene in FAULTS for fault in scene.expect}
    # What is only ever a note is in no scene's faults.
    assert set(REGISTRY) - shown == {"F04"}


def module_of(fault: Fault) -> str:
    return f"{fault.id.lower()}_{fault.name.replace('-', '_')}"


def test_the_matrix(played: Played, record_property: Callable[[str, object], None]) -> None:
    scene, answer = played.scene, played.found
    marks = [mark(scene, answer, fault) for fault in sorted(REGISTRY)]
    # Printed at the end: conftest.py.
    record_property("row", [scene.name, marks])
    assert "!" not in marks, (told(answer), dict(scene.expect), [u.why for u in answer.unknown])
    # What is healthy is told calmly.
    assert scene.expect or answer.code == 0, [(u.fact, u.why) for u in answer.unknown]
    # What breaks nothing is a note.
    noted = scene.name.startswith("split tunnel of nobody's concern")
    assert bool(answer.remarks) == noted, remarked(answer)
    for diagnosis in answer.found:
        assert diagnosis.finding.evidence, diagnosis.fault.id
        assert doctor.cure(diagnosis.fault, diagnosis.finding)
        if len(scene.expect) > 1:
            assert doctor.told_apart(diagnosis.finding), diagnosis.fault.id


def test_possible_stands_alone_only_where_it_is_written_down() -> None:
    for scene in FAULTS:
        states = list(scene.expect.values())
        assert states in (["present"], ["possible", "possible"]), scene.name


def test_nothing_is_changed_and_no_container_stays(tmp_path: Path) -> None:
    mac = build(tmp_path / "mac", "healthy")
    files, before = mac.files(), mac.state
    pf = {
        name: [r["rule"] if "rule" in r else str(r.get("call")) for r in a["nat"]]
        for name, a in before["pf"]["anchors"].items()
    }
    examine(machine_of(mac), probe=True)
    after = mac.state
    assert mac.files() == files
    assert after["container"] == before["container"]
    assert after["sysctl"] == before["sysctl"]
    assert {
        n: [r["rule"] if "rule" in r else str(r.get("call")) for r in a["nat"]]
        for n, a in after["pf"]["anchors"].items()
    } == pf
