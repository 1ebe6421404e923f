"""Where the built-in simulated Mac comes from, on a machine that is none."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sim.support import environment

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


@pytest.mark.parametrize("lost", [".simmac/saved", ".simmac/unified", ".container-net-simulated"])
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


def test_onboard_rehearses_on_it_and_asks_nothing(tmp_path: Path) -> None:
    body = (
        f"import sys; sys.prefix = {str(tmp_path)!r}; sys.argv[1:] = ['onboard', '--persist']\n"
        "from container_net.cli import main; main()"
    )
    words = [sys.executable, "-c", body]
    done = subprocess.run(words, env=environment(None), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("[y/N]")) == (0, 0), done.stdout + done.stderr
    assert "rehearsal" in done.stdout.splitlines()[0]
    typed = [line.split()[2:] for line in done.stdout.splitlines() if line.startswith("$ ")]
    names = [" ".join(words) for words in typed]
    assert names == [
        "net.status", "net.plan", "net.setup --yes", "net.verify", "net.persist --yes",
        "net.plan --teardown",
    ]  # fmt: skip
    assert only(tmp_path).egress() == "ok"
