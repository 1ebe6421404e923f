"""What the tests of faults share: each scene is played once; the matrix is printed at the end."""

from __future__ import annotations

import shutil
from typing import Callable, Dict, Iterator, List

import pytest
from faults.played import SCENES, Played, examine
from faults.scenes import machine_of
from macs import resident, scenes
from sim.support import one_after_another

from container_net.faults import REGISTRY
from container_net.machine import Machine
from container_net.tape import Tape
from simmac import Mac

__all__ = ["resident", "scenes"]


@pytest.fixture(autouse=True, scope="session")
def _one_after_another() -> None:
    """Threads win nothing where one lock serves all that is asked."""
    Machine.side_by_side = one_after_another  # type: ignore[method-assign,assignment]


@pytest.fixture(scope="session")
def blank(scenes: Callable[[str], Mac]) -> Mac:
    """An idle Mac, not to be changed."""
    return scenes("idle")


@pytest.fixture(scope="session", params=SCENES, ids=lambda scene: scene.name)
def played(
    request: pytest.FixtureRequest,
    blank: Mac,
    _one_after_another: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("played")
    mac, scene = blank.snapshot(folder / "mac"), request.param
    scene.play(mac)
    # A probe starts a container, and vmnet may then put right what was to be seen.
    tape = Tape(machine_of(mac.snapshot(folder / "probed") if scene.probe else mac))
    yield Played(scene, mac, examine(tape, scene.probe), tape)
    shutil.rmtree(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The confusion matrix, by whichever process of pytest's has the terminal."""
    rows: Dict[str, List[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "row" and getattr(report, "when", "") == "call":
                    rows[value[0]] = value[1]
    if rows:
        width = max(map(len, rows))
        terminalreporter.write_line("")
        columns = " ".join(f"{name[1:]:>2}" for name in sorted(REGISTRY))
        terminalreporter.write_line(" " * width + "  " + columns)
    for scene in SCENES:
        if scene.name in rows:
            marks = " ".join(f"{mark:>2}" for mark in rows[scene.name])
            terminalreporter.write_line(f"{scene.name:<{width}}  {marks}".rstrip())
