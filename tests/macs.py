"""Simulated Macs for tests, each scene built once."""

from __future__ import annotations

from typing import Callable, Dict

import pytest

from simmac import Mac, build

__all__ = ["scenes"]


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mac]:
    """A Mac in a scene, built at the first asking; not to be changed."""
    made: Dict[str, Mac] = {}

    def scene(name: str) -> Mac:
        if name not in made:
            made[name] = build(tmp_path_factory.mktemp("scenes") / name, name)
        return made[name]

    return scene
