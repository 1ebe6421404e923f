"""Simulated Macs for tests: each scene is built once, and every test has a copy of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict

import pytest

from simmac import Mac, build


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mac]:
    """A Mac in a scene, built at the first asking; not to be changed."""
    made: Dict[str, Mac] = {}

    def scene(name: str) -> Mac:
        if name not in made:
            made[name] = build(tmp_path_factory.mktemp("scenes") / name, name)
        return made[name]

    return scene


@pytest.fixture
def new(scenes: Callable[[str], Mac], tmp_path: Path) -> Callable[..., Mac]:
    """A copy of a scene, for this test alone."""
    count = 0

    def make(name: str = "broken") -> Mac:
        nonlocal count
        count += 1
        return scenes(name).snapshot(tmp_path / f"mac{count}")

    return make
