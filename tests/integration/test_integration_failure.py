"""A red run teaches: its artifact alone names the cause."""

from __future__ import annotations

import json
import subprocess
import sys
import time as clock
from pathlib import Path
from typing import Any, Dict, List

import pytest
from integration import failure
from integration.failure import annotation
from integration.guests import SimGuest
from integration.host import ROOT, SimHost
from integration.mutations import broken
from integration.story import Broken, Keeper, tell
from integration.test_integration_guests import Scripted, silent
from sim.support import picture


def artifact(sim: SimHost) -> Dict[str, str]:
    folder = sim.evidence.folder
    assert folder is not None
    return {path.name: path.read_text() for path in folder.iterdir()}


def red(sim: SimHost, name: str) -> Dict[str, str]:
    """The artifact of a story with the tool broken in one way."""
    with broken(name), pytest.raises(Broken), Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim))
    return artifact(sim)


CAUSES = {
    "no forwarding": ["net.inet.ip.forwarding: 0"],
    "wrong uplink": ["nat on en5 inet from 192.168.200.0/24 to any -> (en5:0)"],
    "leaked token": ["reference of pfctl: "],
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_artifact_alone_names_the_cause(sim: SimHost, name: str) -> None:
    found = red(sim, name)
    state = found["failure-state.txt"]
    assert state.startswith("step: setup\nwhy: ")
    for cause in CAUSES[name]:
        assert cause in state
    if name == "leaked token":
        assert state.count("reference of pfctl: ") == 2
    # It was kept before anything was put back.
    assert "anchor com.apple/250.container-net" in state.split("== forwarding")[0]


def test_where_no_answer_came_the_packets_are_kept(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = SimGuest(sim)
    monkeypatch.setattr(guest, "internet", lambda: {"tcp": False})
    with pytest.raises(Broken, match="does not get out"), Keeper(sim) as keeper:
        tell(keeper, guest)
    packets = artifact(sim)["failure-packets.txt"]
    assert "a host-only network, simulated, gateway: {'bridge': True}" in packets
    assert "a host-only network, simulated, internet: {'tcp': False}" in packets
    assert "== packets on en0\n" in packets
    assert "== packets on bridge100\n" in packets
    assert "== packets on vmenet0\n" in packets


def test_commands_bear_time_duration_and_step(sim: SimHost) -> None:
    rows: List[Dict[str, Any]] = [
        json.loads(line) for line in red(sim, "no forwarding")["commands.jsonl"].splitlines()
    ]
    steps = list(dict.fromkeys(row["step"] for row in rows))
    assert steps[-3:] == ["setup", "failure in: setup", "putting back"]
    assert all(row["took"] >= 0 for row in rows)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_a_command_that_fails_takes_no_other_with_it(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(sim.mac)
    monkeypatch.setattr(failure, "record", None)
    ask = sim.ask

    def fails(*argv: str, **more: Any) -> Any:
        if argv[-1] == "-a" and sim.evidence.step.startswith("failure"):
            raise OSError("too many open files")
        return ask(*argv, **more)

    monkeypatch.setattr(sim, "ask", fails)
    state = red(sim, "no forwarding")["failure-state.txt"]
    assert state.count("not to be had: ") == 2
    assert [state.count(f"== {title}") for title, _, _ in failure.BLOCKS] == [1] * len(
        failure.BLOCKS
    )
    assert picture(sim.mac)["pf"] == before["pf"]


def test_the_machine_is_put_back_even_where_nothing_can_be_kept(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(sim.mac)

    def full(name: str, text: str) -> None:
        if name.startswith("failure"):
            raise OSError("no space left on device")

    monkeypatch.setattr(sim.evidence, "text", full)
    why = pytest.raises(Broken, match="forwarding is not 1")
    with broken("no forwarding"), why as caught, Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim))
    assert caught.value.left == ()
    assert "not to be had: OSError: no space left on device" in sim.evidence.notes
    assert picture(sim.mac)["pf"] == before["pf"]


def test_what_takes_too_long_is_left_out_by_name(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure, "BUDGET", -1.0)
    state = red(sim, "no forwarding")["failure-state.txt"]
    assert state.count("left out: -1 s were over") == len(failure.BLOCKS)


def test_a_failure_is_shown_beside_its_line(sim: SimHost) -> None:
    with broken("no forwarding"), pytest.raises(Broken) as caught, Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim))
    line = annotation(caught.value, "test_the_story")
    assert line.startswith("::error file=tests/integration/story.py,line=")
    assert ",title=setup::setup: forwarding is not 1" in line
    number = int(line.split("line=")[1].split(",")[0])
    story = (ROOT / "tests" / "integration" / "story.py").read_text().splitlines()
    assert "forwarding is not 1" in story[number - 1]


def test_only_github_is_told_so(tmp_path: Path) -> None:
    assert annotation(ValueError("one\ntwo, 50%"), "a: b") == (
        "::error title=a%3A b::one%0Atwo, 50%25"
    )


@pytest.mark.parametrize(("told", "number"), [("true", 1), ("", 0)])
def test_the_line_comes_at_the_end_of_a_run(tmp_path: Path, told: str, number: int) -> None:
    file = tmp_path / "test_red.py"
    file.write_text("def test_red():\n    assert 1 == 2\n")
    words = ("-p", "no:cacheprovider", "-p", "integration.conftest", "-c", "/dev/null")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--rootdir", str(tmp_path), str(file)],
        env={
            "PATH": "/usr/bin:/bin",
            "GITHUB_ACTIONS": told,
            "PYTHONPATH": f"{ROOT}/tests:{ROOT}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stdout.count("\n::error title=test_red::") == number


def test_each_interface_on_the_way_is_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "listens"
    program.write_text(
        '#!/bin/sh\ntrap \'echo "2 packets captured"; exit 0\' INT\necho "$*"\n'
        "while :; do sleep 0.05; done\n"
    )
    program.chmod(0o755)
    pause = clock.sleep
    monkeypatch.setattr(failure, "SUDO", (str(program),))
    monkeypatch.setattr(clock, "sleep", lambda _: pause(0.3))
    host = Scripted(silent)
    host.name = "mac"
    with failure._listening(host, ["en0", "bridge100"]) as heard:
        assert heard == {}
    assert sorted(heard) == ["bridge100", "en0"]
    for name, text in heard.items():
        assert f"/usr/sbin/tcpdump -n -e -l -c 300 -i {name} arp or icmp or host 1.1.1.1" in text
        assert text.endswith("2 packets captured\n")
