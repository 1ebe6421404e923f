"""Farms of simulated Macs. All of this needs sshd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator

import pytest
from macs import scenes

from simmac import Mac

__all__ = ["farm", "resident", "scene", "scenes"]

pytest.importorskip("fabric")

from fleet.farm import SSHD, Farm
from fleet.resident import Resident

if SSHD is None:
    pytest.skip("no sshd on this machine", allow_module_level=True)

# Times are measured in one process, with nothing beside it.
collect_ignore = ["test_fleet_speed.py"] if "PYTEST_XDIST_WORKER" in os.environ else []


@pytest.fixture
def scene(scenes: Callable[[str], Mac]) -> Callable[[str], Mac]:
    return scenes


@pytest.fixture(scope="session")
def resident() -> Iterator[Resident]:
    made = Resident()
    yield made
    made.stop()


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resident: Resident) -> Iterator[Farm]:
    made = Farm(tmp_path, resident)
    monkeypatch.setenv("HOME", str(made.home))
    yield made
    made.stop()
