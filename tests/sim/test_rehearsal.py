"""Where the built-in simulated Mac comes from, on a machine that is none."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from container_net import rehearsal
from simmac import Mac


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment without a simulated Mac."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


def only(prefix: Path) -> Mac:
    """The one simulated Mac in the environment, with nothing beside it."""
    [place] = prefix.iterdir()
    return Mac(place)


def test_it_is_laid_once_and_then_kept(prefix: Path) -> None:
    assert rehearsal.folder() == str(prefix / "simulated-mac")
    only(prefix).answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"], root=True)
    assert rehearsal.folder() == str(prefix / "simulated-mac")
    assert only(prefix).state["sysctl"]["net.inet.ip.forwarding"] == "1"


@pytest.mark.parametrize("lost", [".simmac/state", ".container-net-simulated"])
def test_one_of_another_version_or_half_made_is_laid_anew(prefix: Path, lost: str) -> None:
    place = Path(rehearsal.folder())
    (place / lost).unlink()
    (place / ".simmac/state.json").write_text("{}")
    assert rehearsal.folder() == str(place)
    assert only(prefix).egress() != "ok"
    assert not (place / ".simmac/state.json").exists()


def test_of_several_at_once_one_lays_it(prefix: Path) -> None:
    start = threading.Barrier(6)

    def forwarding(_run: int) -> bytes:
        start.wait()
        mac = Mac(rehearsal.folder())
        return mac.answer(["/usr/sbin/sysctl", "-n", "net.inet.ip.forwarding"]).out

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(forwarding, range(6))) == [b"0\n"] * 6
    assert str(only(prefix).path) == rehearsal.folder()
