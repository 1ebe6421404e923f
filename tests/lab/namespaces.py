"""Network namespaces: making them, running in them, and leaving nothing behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from lab.layout import HOSTS, PATH, PREFIX

__all__ = ["MARK", "Failed", "Namespaces", "alive", "existing", "sweep"]

T = TypeVar("T")

ETC = Path("/etc/netns")
# sched.h; netlink.h and rtnetlink.h: links, IPv4 addresses, IPv4 routes.
CLONE_NEWNET = 0x40000000
NETLINK_ROUTE, GROUPS = 0, 0x1 | 0x10 | 0x40
# In the environment of what a lab starts: a process keeps it when its namespace loses its name.
MARK = "CONTAINER_NET_LAB_TAG"


class Failed(Exception):
    """A program of the lab's own did not do what it must."""


def call(argv: Sequence[str], stdin: str = "", check: bool = True, tag: str = "") -> str:
    """Run a program of the host; its output. Raises Failed."""
    environ = {"PATH": PATH, MARK: tag}
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, env=environ
    )
    if check and done.returncode:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}\n{stdin}")
    return done.stdout


class Namespaces:
    """The hosts of one lab; `tag` tells labs apart, and who made them."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.started: List[subprocess.Popen[bytes]] = []
        self._threads: Dict[str, ThreadPoolExecutor] = {}

    def name(self, host: str) -> str:
        return f"{PREFIX}-{self.tag}-{host}"

    def up(self, hosts: Sequence[str] = HOSTS) -> None:
        """Make the namespaces. Nothing of the same tag may be there."""
        call(["ip", "-batch", "-"], "".join(f"netns add {self.name(host)}\n" for host in hosts))
        for host in hosts:
            self.ip(host, "link set lo up")
            # Interfaces with two ways out are the point here, not an attack.
            for where in ("all", "default"):
                self.sysctl(host, f"net.ipv4.conf.{where}.rp_filter", 0)
                self.sysctl(host, f"net.ipv4.conf.{where}.send_redirects", 0)
                self.sysctl(host, f"net.ipv6.conf.{where}.accept_dad", 0)

    def down(self) -> None:
        """End what was started there, and remove the namespaces."""
        for process in self.started:
            self.end(process)
        self.started = []
        for threads in self._threads.values():
            threads.shutdown()
        self._threads = {}
        sweep(self.tag)

    # -- running

    def within(self, host: str, act: Callable[[], T]) -> T:
        """Call a function in a thread of ours that is in a namespace; what it starts is too.

        `ip netns exec` would be a process more, with mounts of its own.
        """
        if host not in self._threads:
            place, libc = f"/run/netns/{self.name(host)}", ctypes.CDLL(None, use_errno=True)

            def enter() -> None:
                with open(place, "rb") as file:
                    if libc.setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), f"setns {place}")

            self._threads[host] = ThreadPoolExecutor(8, initializer=enter)
        return self._threads[host].submit(act).result()

    def news(self, host: str) -> socket.socket:
        """A socket that hears of every change of links, IPv4 addresses and routes there."""

        def listen() -> socket.socket:
            heard = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
            heard.bind((0, GROUPS))
            heard.setblocking(False)
            return heard

        return self.within(host, listen)

    def inside(self, host: str, argv: Sequence[str]) -> List[str]:
        """A command line that runs in a namespace."""
        return ["ip", "netns", "exec", self.name(host), *argv]

    def run(self, host: str, argv: Sequence[str], stdin: str = "", check: bool = True) -> str:
        """Run a program there; its output. Raises Failed."""
        return self.within(host, lambda: call(argv, stdin, check, self.tag))

    def ip(self, host: str, words: str, check: bool = True) -> str:
        """`ip` there, without a second process."""
        return call(["ip", "-n", self.name(host), *words.split()], check=check)

    def batch(self, host: str, lines: Sequence[str]) -> None:
        """Several `ip` commands in one process."""
        if lines:
            call(["ip", "-n", self.name(host), "-batch", "-"], "\n".join(lines) + "\n")

    def sysctl(self, host: str, name: str, value: int) -> None:
        place = Path("/proc/sys/" + name.replace(".", "/"))
        self.within(host, lambda: place.write_text(f"{value}\n", encoding="ascii"))

    def start(
        self,
        host: str,
        argv: Sequence[str],
        environ: Optional[Mapping[str, str]] = None,
        **more: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a program there, in a session of its own, to be ended with the lab."""
        process = subprocess.Popen(
            self.inside(host, argv),
            stdin=subprocess.DEVNULL,
            env={"PATH": PATH, MARK: self.tag, **(environ or {})},
            start_new_session=True,
            **more,
        )
        self.started.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a program and what it started."""
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        if process in self.started:
            self.started.remove(process)


# -- leaving nothing behind


def existing() -> List[str]:
    """Namespaces and resolver folders of any lab."""
    found = {line.split()[0] for line in call(["ip", "netns", "list"]).splitlines() if line.strip()}
    if ETC.is_dir():
        found |= {place.name for place in ETC.iterdir()}
    return sorted(name for name in found if name.startswith(PREFIX + "-"))


def _dead(tag: str) -> bool:
    """Whether the maker of a lab is gone; `up` is told by its own task."""
    return tag != "up" and not (tag.isdigit() and Path(f"/proc/{tag}").exists())


def _marked(pid: int) -> str:
    """The lab that started a process; empty where none did."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    lead = f"{MARK}=".encode()
    return next((word[len(lead) :].decode() for word in words if word.startswith(lead)), "")


def _space(place: Path) -> Optional[Tuple[int, int]]:
    """What a network namespace is told by, from a file that stands for it; None: it is gone."""
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _processes(names: Sequence[str], tags: Sequence[str]) -> List[int]:
    """Those that are in these namespaces, and those that these labs started."""
    spaces = {_space(Path("/run/netns", name)) for name in names} - {None}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            if _space(entry / "ns/net") in spaces or _marked(pid) in tags:
                found.append(pid)
    return [pid for pid in found if pid != os.getpid()]


def sweep(tag: str = "") -> List[str]:
    """Remove the lab with this tag, and what labs left behind whose maker is gone; their names."""
    every = existing()
    tags = {name.split("-")[1] for name in every if _dead(name.split("-")[1])}
    tags |= {tag} if tag else set()
    names = [name for name in every if name.split("-")[1] in tags]
    pids = _processes(names, sorted(tags))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        end = time.monotonic() + 2
        while any(alive(pid) for pid in pids) and time.monotonic() < end:
            time.sleep(0.02)
    for name in names:
        call(["ip", "netns", "del", name], check=False)
        shutil.rmtree(ETC / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        ETC.rmdir()  # where it is empty, it is ours or nobody's
    return names


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False
