"""`invoke lab.…`: up, played with, down; and nothing is left, also after a crash."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import pytest
from invoke.collection import Collection
from invoke.program import Program
from lab.layout import PREFIX, RUN
from lab.namespaces import ETC, existing
from lab.tasks import lab
from sim.support import Ran

TOP = Path(__file__).resolve().parents[2]


def invoke(*words: str) -> Ran:
    """`invoke WORDS`, with the lab's tasks, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            Program(namespace=Collection(lab), name="invoke").run(["invoke", *words])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Ran(code, out.getvalue(), err.getvalue())


PROGRAM = """
import sys
sys.path[:0] = [{top!r}, {tests!r}]
from invoke.collection import Collection
from invoke.program import Program
from lab.tasks import lab
Program(namespace=Collection(lab), name="invoke").run()
"""


def shell(host: str, stdin: str = "") -> Ran:
    """What a shell of a host says to what is typed there."""
    program = PROGRAM.format(top=str(TOP), tests=str(TOP / "tests"))
    done = subprocess.run(
        [sys.executable, "-c", program, "lab.shell", host],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "SHELL": "/bin/sh"},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def ours() -> List[str]:
    """What of the lab of `lab.up` is on this machine."""
    found = [name for name in existing() if name.startswith(f"{PREFIX}-up-")]
    if RUN.exists():
        found.append(str(RUN))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(RUN).encode() in words or b"lab.daemon" in words:
                found.append(words.replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def free(able: None) -> Iterator[None]:
    """Nobody's lab is up on this machine, and no other worker's."""
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if RUN.exists():
            pytest.skip(f"a lab is up on this machine ({RUN}); invoke lab.down first")
        yield
        invoke("lab.down")


def curl() -> str:
    said = shell(
        "vm",
        "curl -s4 --connect-timeout 2 -o /dev/null -w '%{http_code}' https://api.anthropic.com\n",
    )
    return said.out.strip()


@pytest.mark.waits
def test_up_played_with_and_down(free: None) -> None:
    assert invoke("lab.shell", "vm").code == 3
    made = invoke("lab.up")
    assert made.code == 0, made
    assert "already" in invoke("lab.up").out
    assert curl() == "000"
    assert shell("mac", "sudo pfctl -s info\n").out.startswith("Status: Disabled")
    on_mac = shell("mac", f"{sys.executable} -m invoke net.setup --yes --uplinks en0\n")
    assert on_mac.code == 0, on_mac
    assert curl() == "404"
    listed = shell("mac", "sudo pfctl -a com.apple/250.container-net -s nat\n")
    assert "nat on en0 inet from 192.168.64.0/24" in listed.out, listed
    assert invoke("lab.shell", "nowhere").code == 2

    broken = invoke("lab.break", "F03")
    assert broken.code == 0, broken
    assert "✓ the fetch runs out of time" in broken.out
    assert curl() == "000"
    unknown = invoke("lab.break", "F99")
    assert (unknown.code, "F03" in unknown.err) == (2, True)

    assert invoke("lab.down").code == 0
    assert ours() == []
    assert "nothing was there" in invoke("lab.down").out
    assert not any(ETC.glob(f"{PREFIX}-up-*"))


def test_down_after_a_crash_and_up_over_a_half_torn_lab(free: None) -> None:
    assert invoke("lab.up").code == 0
    os.kill(int((RUN / "pid").read_text()), signal.SIGKILL)
    assert invoke("lab.shell", "vm").code == 3
    # Its servers still run in the namespaces.
    assert len(ours()) > 1
    assert invoke("lab.up").code == 0
    assert curl() == "000"
    subprocess.run(["ip", "netns", "del", f"{PREFIX}-up-vpn"], check=True)
    assert invoke("lab.up").code == 0
    assert f"{PREFIX}-up-vpn" in existing()
    os.kill(int((RUN / "pid").read_text()), signal.SIGKILL)
    assert invoke("lab.down").code == 0
    assert ours() == []


def test_a_killed_test_run_is_swept_by_the_next_down(free: None) -> None:
    # A process that is gone has the number; the namespace bears it.
    gone = subprocess.Popen(["true"])
    gone.wait()
    name = f"{PREFIX}-{gone.pid}-vm"
    subprocess.run(["ip", "netns", "add", name], check=True)
    sleeper = subprocess.Popen(["ip", "netns", "exec", name, "sleep", "300"])
    assert name in invoke("lab.down").out
    assert name not in existing()
    assert sleeper.wait(5) != 0
