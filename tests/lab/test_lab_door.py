"""The simulated Mac's door to a carrier, with one of the test's own; anywhere, without root."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from simmac import Mac, build
from simmac.carrier import FILE
from simmac.store import saved

SYSCTL = ["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"]


class Fake:
    """Notes what it is asked, and answers as a test wants."""

    def __init__(self, mac: Mac, place: Path) -> None:
        self.mac = mac
        self.asked: List[Dict[str, Any]] = []
        self.answers: Dict[str, Dict[str, Any]] = {"look": {"interfaces": {}, "counters": []}}
        self.seen: List[str] = []
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.door.bind(str(place))
        self.door.listen(8)
        threading.Thread(target=self._listen, daemon=True).start()
        file = mac.path / ".simmac" / FILE
        file.write_text(f"{place}\n{os.path.realpath(mac.path)}\n", encoding="utf-8")

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self.door.accept()
            except OSError:
                return
            with caller, caller.makefile("rb") as lines:
                question = json.loads(lines.readline())
                self.asked.append(question)
                state = saved(str(self.mac.path))
                self.seen.append(state["sysctl"]["net.inet.ip.forwarding"])
                caller.sendall(json.dumps(self.answers.get(question["ask"], {})).encode())

    def asks(self, what: str) -> int:
        return sum(question["ask"] == what for question in self.asked)


@pytest.fixture
def carried(tmp_path: Path) -> Iterator[Callable[[str], Fake]]:
    """A Mac of a scene, with a fake carrier."""
    made: List[Fake] = []
    # A socket's path must be short, and pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="cnlab-") as short:

        def make(scene: str) -> Fake:
            made.append(Fake(build(tmp_path / "mac", scene), Path(short) / "carrier"))
            return made[-1]

        yield make
        for fake in made:
            fake.door.close()


def test_a_change_is_told_with_the_state_on_disk_before_the_answer(
    carried: Callable[[str], Fake],
) -> None:
    fake = carried("idle")
    assert fake.mac.answer(SYSCTL, root=True).code == 0
    assert fake.asks("effect") > 0
    assert fake.seen[-1] == "1"
    fake.asked.clear()
    fake.mac.vmnet_nat(False)
    assert fake.asks("effect") == 1
    assert fake.mac.answer(["/usr/bin/sw_vers"]).code == 0
    assert fake.asks("effect") == 1


def test_what_programs_show_is_what_the_carrier_sees(carried: Callable[[str], Fake]) -> None:
    fake = carried("broken")
    fake.answers["look"] = {
        "interfaces": {"en0": {"inet": [["192.0.2.9", 24]], "active": True}},
        "counters": [],
        "primary": None,
    }
    told = fake.mac.answer(["/sbin/ifconfig", "en0"]).out
    assert b"inet 192.0.2.9 " in told
    assert fake.mac.answer(["/sbin/route", "-n", "get", "default"]).out == b""
    asked = fake.asks("look")
    assert fake.mac.answer(["/usr/bin/uname"]).code == 0
    assert fake.asks("look") == asked


def test_a_guests_command_is_run_by_the_carrier(carried: Callable[[str], Fake]) -> None:
    fake = carried("broken")
    fake.answers["guest"] = {"code": 28, "out": "000", "err": "late\n"}
    run = ["/usr/local/bin/container", "run", "--rm", "--entrypoint", "curl"]
    answer = fake.mac.answer([*run, "nanoclaw-agent:latest", "-s4", "https://example.net"])
    assert (answer.code, answer.out, answer.err) == (28, b"000", b"late\n")
    told = next(question for question in fake.asked if question["ask"] == "guest")
    assert told["network"] == "default"
    assert told["command"] == ["curl", "-s4", "https://example.net"]


def test_a_carrier_that_fails_or_is_gone_is_no_silence(carried: Callable[[str], Fake]) -> None:
    fake = carried("idle")
    fake.answers["effect"] = {"error": "no such interface"}
    with pytest.raises(OSError, match="no such interface"):
        fake.mac.answer(SYSCTL, root=True)
    fake.door.shutdown(socket.SHUT_RDWR)
    fake.door.close()
    with pytest.raises(OSError, match="does not answer"):
        fake.mac.answer(["/sbin/ifconfig", "-a"])
