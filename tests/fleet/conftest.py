"""Farms of simulated Macs. All of this needs sshd."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from simmac import Mac, build

pytest.importorskip("fabric")

from fleet.farm import SSHD, Farm

if SSHD is None:
    pytest.skip("no sshd on this machine", allow_module_level=True)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mac]:
    """A Mac in a scene, built at the first asking; not to be changed."""
    made: Dict[str, Mac] = {}

    def get(name: str) -> Mac:
        if name not in made:
            made[name] = build(tmp_path_factory.mktemp("scenes") / name, name)
        return made[name]

    return get


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Farm]:
    made = Farm(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    yield made
    made.stop()
