"""Simulated Macs behind OpenSSH's own server: a port, a host key and a folder for each."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from invoke.runners import Local
from sim.support import Ran, run

from simmac import Mac

__all__ = ["SSHD", "Farm", "Host"]

ROOT = Path(__file__).parents[2]
SSHD = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")

# Whose home it is there: what the login files of this machine's user start is no part of a time.
CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {key}
PidFile none
AuthorizedKeysFile {authorized}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PrintMotd no
LogLevel DEBUG1
SetEnv HOME={home}
{more}
"""


def keygen(place: Path) -> Path:
    """A key pair; the private half's path."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(place)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return place


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert isinstance(port, int)
        return port


@dataclass
class Host:
    """One server, and the Mac behind it, if there is one."""

    name: str
    folder: Path
    port: int
    key: Path
    mac: Optional[Mac] = None
    process: Optional[subprocess.Popen[bytes]] = None

    @property
    def log(self) -> str:
        place = self.folder / "sshd.log"
        return place.read_text(errors="replace") if place.exists() else ""

    @property
    def connections(self) -> int:
        """Since the log was forgotten."""
        return len(re.findall(r"^Connection from 127\.0\.0\.1 ", self.log, re.MULTILINE))

    @property
    def channels(self) -> int:
        return len(re.findall(r"server_input_channel_open: ctype session", self.log))

    @property
    def sessions(self) -> int:
        """How often a command was begun."""
        return len(re.findall(r"Starting session: command", self.log))

    def forget_log(self) -> None:
        os.truncate(self.folder / "sshd.log", 0)

    def start(self, authorized: Path, more: str = "") -> None:
        text = CONFIG.format(
            port=self.port, key=self.key, authorized=authorized, home=self.folder, more=more
        )
        (self.folder / "sshd_config").write_text(text)
        assert SSHD is not None
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        # What it said when it was started before is no answer.
        before = len(self.log)
        with open(self.folder / "sshd.log", "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)
        until = time.monotonic() + 10
        while "Server listening" not in self.log[before:]:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.01)

    def stop(self) -> None:
        """The server, and every connection that it serves; what was begun there goes on."""
        if self.process is not None:
            for pid in [self.process.pid, *served(self.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def served(server: int) -> List[int]:
    """The processes of a server's connections: sshd's own, below the one that listens."""
    parents: Dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _bracket, rest = place.read_text().partition(") ")
            if "(sshd" in name:
                parents[int(place.parent.name)] = int(rest.split()[1])
    found = [server]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


@dataclass
class Farm:
    """Hosts, and the home folder of somebody who knows them."""

    folder: Path
    hosts: Dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.home = self.folder / "home"
        (self.home / ".ssh").mkdir(parents=True)
        self.macs = self.folder / "macs"
        self.macs.mkdir()
        key = keygen(self.home / ".ssh" / "id_farm")
        self.authorized = key.with_suffix(".pub")

    def add(self, name: str, scene: Optional[Mac] = None, more: str = "") -> Host:
        """A server; with a scene, and a copy of that Mac behind it."""
        place = self.folder / name
        place.mkdir()
        mac = scene.snapshot(self.macs / name) if scene is not None else None
        host = Host(name, place, free_port(), keygen(place / "host_key"), mac)
        host.start(self.authorized, more)
        self.hosts[name] = host
        self.know()
        return host

    def know(self) -> None:
        """~/.ssh/config and known_hosts, as they should be."""
        rows, known = [], []
        for host in self.hosts.values():
            rows += [
                f"Host {host.name}",
                "  HostName 127.0.0.1",
                f"  Port {host.port}",
            ]
            public = host.key.with_suffix(".pub").read_text().split()
            known.append(f"[127.0.0.1]:{host.port} {public[0]} {public[1]}")
        rows += [
            "Host *",
            f"  User {getpass.getuser()}",
            f"  IdentityFile {self.home}/.ssh/id_farm",
        ]
        (self.home / ".ssh" / "config").write_text("\n".join(rows) + "\n")
        (self.home / ".ssh" / "known_hosts").write_text("\n".join(known) + "\n")

    def environment(self, **more: str) -> Dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "TMPDIR")}
        place = {"HOME": str(self.home), "INVOKE_NET_SYSROOT": f"{self.macs}/%h"}
        return {**kept, "LC_ALL": "C.UTF-8", **place, **more}

    def start(self, *words: str, program: str = "invoke", **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", program, *words],
            cwd=ROOT,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, hosts: Optional[Sequence[str]] = None) -> Ran:
        """`invoke WORDS --hosts ...` in this process; without `hosts`, all there are."""
        named = ",".join(self.hosts if hosts is None else hosts)
        mac = next(host.mac for host in self.hosts.values() if host.mac is not None)
        return run(mac, *words, "--hosts", named, runner=Local, environ=self.environment())

    def stop(self) -> None:
        for host in self.hosts.values():
            host.stop()


def names(count: int) -> List[str]:
    return [f"mini-{number}" for number in range(1, count + 1)]
