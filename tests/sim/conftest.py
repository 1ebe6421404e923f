"""Simulated Macs for tests: each scene is built once, and every test has a copy of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from macs import resident, scenes

from simmac import Mac

__all__ = ["new", "resident", "scenes"]


@pytest.fixture
def new(scenes: Callable[[str], Mac], tmp_path: Path) -> Callable[..., Mac]:
    """A copy of a scene, for this test alone."""
    count = 0

    def make(name: str = "broken") -> Mac:
        nonlocal count
        count += 1
        return scenes(name).snapshot(tmp_path / f"mac{count}")

    return make
