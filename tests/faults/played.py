"""A scene, played once for all tests of it, and what the doctor said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from faults.scenes import FAULTS, HEALTHY, Scene, machine_of

from container_net import doctor
from container_net.doctor import Examination
from container_net.machine import Machine
from container_net.model import NetError
from container_net.options import Options
from container_net.report import Screen
from container_net.session import Session
from container_net.settings import Settings
from container_net.tape import Tape
from simmac import Mac

__all__ = ["ONCE", "SCENES", "SETTINGS", "Played", "examine", "look"]

SETTINGS = Settings()
SCENES = sorted([*FAULTS, *HEALTHY], key=lambda scene: scene.name.endswith(", probe"))
ONCE = list({scene.play: scene for scene in reversed(SCENES)}.values())[::-1]
"""Without the scenes that are told from one before by a probe alone; the first of `SCENES`, so that
tests of these and tests of all come in one order, and each scene is played once."""


@dataclass
class Played:
    """`mac` is not to be changed: who changes it, or starts a container there, takes a snapshot.

    `found` is told with a probe where the scene has one; `tape` is all that was asked for it.
    """

    scene: Scene
    mac: Mac
    found: Examination
    tape: Tape


def examine(machine: Machine, probe: bool) -> Examination:
    return doctor.examine(machine, SETTINGS, doctor.target_of(SETTINGS, Options(probe=probe)))


def look(mac: Mac, task: str) -> Tuple[int, Optional[Dict[str, Any]]]:
    """A task that only looks: its exit code, and its object of --json.

    Without the command line, which is none of a scene's business: that is parsed elsewhere.
    """
    told: List[Dict[str, Any]] = []
    session = Session(machine_of(mac), SETTINGS, Screen(as_json=True), Options(json=True))
    session.screen.data = told.append  # type: ignore[assignment,method-assign]
    try:
        code = getattr(session, task)()
    except NetError as error:
        code = error.code
    return code, told[-1] if told else None
