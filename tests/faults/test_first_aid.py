"""`first-aid.sh`, over every scene: `--from` of what it prints is the live doctor's diagnosis."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from faults.played import ONCE, Played
from faults.scenes import machine_of
from faults.test_read_back import ISSUE, diagnosis
from first_aid import AWKS, SCRIPT, aid, awks, script
from invoke.config import Config
from invoke.context import Context
from invoke.runners import Result, Runner

from container_net import doctor, from_text
from container_net.machine import Machine
from container_net.pasted import read
from container_net.settings import Settings
from container_net.tape import Tape
from simmac import Mac, builder

SHELLS = {"dash": ["dash"], "bash --posix": ["bash", "--posix"], "busybox sh": ["busybox", "sh"]}


@pytest.fixture
def mac(blank: Mac, tmp_path: Path) -> Mac:
    return blank.snapshot(tmp_path / "mac")


Live = Tuple[doctor.Examination, Tape]


def live(mac: Mac) -> Live:
    """What the doctor says of the Mac itself, and what it asked."""
    tape = Tape(machine_of(mac))
    return doctor.examine(tape, Settings()), tape


def live_and_written_down(mac: Mac) -> Live:
    """The same; the Mac's programs then say at once what they said to the doctor.

    They still are programs that the shell starts, without a Python in each: 40 for each scene.
    What the doctor did not ask, or got no answer to, starts Python.
    """
    said: Dict[Path, List[str]] = {}

    class Noting(Runner):
        def run(self, command: str, **kwargs: Any) -> Result:
            answer = mac.answer_command(command, **kwargs)
            program, *words = shlex.split(command)
            out, err = shlex.quote(answer.stdout), shlex.quote(answer.stderr)
            says = f"printf %s {out}; printf %s {err} >&2; exit {answer.exited}"
            said.setdefault(Path(program), []).append(f"{shlex.quote(' '.join(words))}) {says} ;;")
            return answer

    config = Config(overrides={"runners": {"local": Noting}})
    tape = Tape(Machine(Context(config), str(mac.path)))
    found = doctor.examine(tape, Settings())
    for program, cases in said.items():
        if program.exists():
            first, rest = builder.STARTS.split("\n", 1)
            text = "\n".join([first, 'case "$*" in', *cases, "esac", rest])
            program.unlink()
            program.write_text(text, encoding="latin-1")
            program.chmod(0o755)
    return found, tape


def same(now: Live, printed: str) -> None:
    """What was printed is judged as the Mac is, and has every answer that the doctor asked for."""
    found, tape = now
    told = from_text.judge(printed)
    assert told.own
    assert diagnosis(told.answer) == diagnosis(found)
    outputs = read(printed).outputs
    asked = {tuple(word.replace("/dev/", "/<user-1>/") for word in key) for key in tape.outputs}
    # Addresses of containers are masked, and all of them are asked for.
    routes = [sum(key[0] == "route" for key in keys) for keys in (asked, outputs)]
    assert routes[0] <= routes[1]
    assert {key for key in asked if key[0] != "route"} - set(outputs) == set()
    # Looked up before it is known whether somebody wants to know.
    more = {key for key in set(outputs) - asked if key[0] != "route"}
    assert more <= {("container", "logs"), ("exists", "/opt/homebrew/bin/container")}


# It starts no container: a scene and the same scene with a probe are one here.
@pytest.mark.parametrize("played", ONCE, indirect=True, ids=lambda scene: scene.name)
def test_first_aid_reads_back_to_the_live_diagnosis(played: Played, tmp_path: Path) -> None:
    mac = played.mac.snapshot(tmp_path / "mac")
    before, now = mac.files(), live_and_written_down(mac)
    answer = aid(mac)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert mac.files() == before
    assert len(answer.stdout) < ISSUE
    same(now, answer.stdout)
    shutil.rmtree(mac.path)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_will_do(shell: str, mac: Mac) -> None:
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"this machine lacks {SHELLS[shell][0]}")
    mac.start_container()
    mac.reload_main()
    answer = aid(mac, SHELLS[shell])
    assert (answer.returncode, answer.stderr) == (0, "")
    same(live(mac), answer.stdout)


@pytest.mark.parametrize("name", AWKS)
def test_every_awk_will_do(name: str, mac: Mac, tmp_path: Path) -> None:
    found = awks(tmp_path).get(name)
    if found is None:
        pytest.skip(f"this machine lacks {name}")
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    mac.vpn_on()
    answer = aid(mac, awk=found)
    assert (answer.returncode, answer.stderr) == (0, "")
    same(live(mac), answer.stdout)


def test_without_root_it_asks_nobody_and_says_what_it_was_not_permitted(mac: Mac) -> None:
    mac.start_container()
    mac.refuse_sudo()
    answer = aid(mac)
    assert answer.returncode == 0
    said = answer.stdout.split("```")[0]
    assert "/sbin/pfctl -s nat" in said
    assert "/usr/sbin/lsof -nP -iUDP:53" in said
    assert {tuple(r.argv[:2]) for r in mac.log if r.argv[0].endswith("sudo")} == {
        ("/usr/bin/sudo", "-n")
    }
    same(live(mac), answer.stdout)


@pytest.mark.waits
def test_what_hangs_is_ended_within_the_limit(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container network list")
    mac.hang("/sbin/pfctl -s nat")
    begin = time.monotonic()
    answer = aid(mac)
    assert 5 < time.monotonic() - begin < 15
    codes = {key: made.code for key, made in read(answer.stdout).outputs.items()}
    late = {key for key, code in codes.items() if code is None}
    assert late == {("container", "networks"), ("pfctl", "show", "", "nat", "")}
    assert ours(mac) == []


@pytest.mark.waits
def test_what_is_said_after_the_limit_is_nobodys_answer(mac: Mac) -> None:
    """A program's child outlives it, and fills what was its output while that is read."""
    before = live_and_written_down(mac)[1].outputs
    program = mac.path / "usr/sbin/scutil"
    program.unlink()
    more = 'while [ -e "$0" ]; do echo "$0 $0 $0"; sleep 0.001; done'
    program.write_text(f"#!/bin/sh\n{{ sleep 5; {more}; }} &\nwait\n", encoding="ascii")
    program.chmod(0o755)
    answer = aid(mac)
    program.unlink()
    found = read(answer.stdout).outputs
    assert found["scutil", "--dns"].code is None
    assert (
        found["sysctl", "net.inet.ip.forwarding"].out
        == before["sysctl", "net.inet.ip.forwarding"].out
    )


def test_an_interrupt_leaves_nothing_behind(mac: Mac, tmp_path: Path) -> None:
    mac.start_container()
    mac.hang("container network list")
    folder = tmp_path / "tmp"
    folder.mkdir()
    file = tmp_path / "aid.sh"
    file.write_text(script(mac), encoding="utf-8")
    running = subprocess.Popen(
        ["sh", str(file)],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 20
    while not any("network" in words for words in ours(mac)) and time.monotonic() < end:
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    out, _err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, b"")
    assert list(folder.iterdir()) == []
    end = time.monotonic() + 10
    while ours(mac) and time.monotonic() < end:
        time.sleep(0.05)
    assert ours(mac) == []


def ours(mac: Mac) -> List[str]:
    """Programs of this Mac that run."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True
    )
    return [row for row in listed.stdout.splitlines() if f"{mac.path}/" in row and "stub" in row]


def test_it_is_one_short_file_for_any_posix_shell() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert text.count("\n") < 200
    assert "sudo -S" not in text
    assert tempfile.gettempdir() not in text.replace("${TMPDIR:-/tmp}", "")
