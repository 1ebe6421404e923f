"""Farms of simulated Macs. All of this needs sshd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator

import pytest
from macs import resident, scenes

from simmac import Mac

__all__ = ["farm", "resident", "scene", "scenes"]

pytest.importorskip("fabric")

from fleet.farm import SSHD, Farm

if SSHD is None:
    pytest.skip("no sshd on this machine", allow_module_level=True)

# Times are measured in one process, with nothing beside it.
collect_ignore = ["test_fleet_speed.py"] if "PYTEST_XDIST_WORKER" in os.environ else []


@pytest.fixture
def scene(scenes: Callable[[str], Mac]) -> Callable[[str], Mac]:
    return scenes


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Farm]:
    made = Farm(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    yield made
    made.stop()
