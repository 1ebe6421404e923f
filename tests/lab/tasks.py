"""`invoke lab.…`: real packets to play with (docs/lab.md)."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, NoReturn, Optional

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task
from lab import layout
from lab.layout import HOSTS, PATH, RUN
from lab.namespaces import alive, existing, sweep

__all__ = ["lab"]

TOP = Path(__file__).resolve().parents[2]
DAEMON = "lab.daemon"
TAG = "up"
PATIENCE = 30.0
# Programs of the simulated Mac that have no use of their own in its namespace.
MAC_FOLDERS = ("sbin", "usr/sbin", "usr/local/bin")


def _stop(why: str, code: int = 3) -> NoReturn:
    raise Exit(f"lab: {why}", code=code)


def _able() -> None:
    missing = layout.lacking()
    if missing:
        _stop(f"this machine lacks {', '.join(missing)}")


def _holder() -> Optional[int]:
    """The process that holds the lab, while it lives."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((RUN / "pid").read_text(encoding="ascii"))
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if DAEMON.encode() in words and alive(pid):
            return pid
    return None


def _stands() -> bool:
    """Whether the lab is whole: its holder lives, it came up, and no host is missing."""
    hosts = {f"{layout.PREFIX}-{TAG}-{host}" for host in HOSTS}
    return _holder() is not None and (RUN / "ready").exists() and hosts <= set(existing())


def _down() -> List[str]:
    """Take everything of any dead or standing lab away; what it was."""
    pid = _holder()
    if pid is not None:
        for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 2.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + patience
            while alive(pid) and time.monotonic() < end:
                time.sleep(0.05)
            if not alive(pid):
                break
    found = sweep(TAG)
    if RUN.exists():
        shutil.rmtree(RUN)
        found.append(str(RUN))
    return found


@task
def up(_c: Context) -> None:
    """Make the lab: vm, mac, net and vpn, a container that does not get out."""
    _able()
    if _stands():
        print("lab: it is up already")
        return
    _down()
    RUN.mkdir(mode=0o700)
    with (RUN / "log").open("wb") as log:
        holder = subprocess.Popen(
            [sys.executable, "-m", DAEMON],
            cwd=TOP,
            env={**os.environ, "PYTHONPATH": f"{TOP}:{TOP / 'tests'}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (RUN / "pid").write_text(f"{holder.pid}\n", encoding="ascii")
    end = time.monotonic() + PATIENCE
    while not (RUN / "ready").exists():
        if holder.poll() is not None or time.monotonic() > end:
            said = (RUN / "log").read_text(encoding="utf-8", errors="replace").strip()
            _down()
            _stop(f"it did not come up: {said[-2000:]}", 1)
        time.sleep(0.05)
    print(
        "lab: up. A container runs, and nothing translates.\n"
        "  invoke lab.shell vm      try: curl -s4 --connect-timeout 5 "
        f"-o /dev/null -w '%{{http_code}}\\n' https://{layout.WEB_NAME}\n"
        "  invoke lab.shell mac     try: invoke net.setup\n"
        "  invoke lab.down          when you have seen enough"
    )


@task(help={"host": ", ".join(HOSTS)})
def shell(_c: Context, host: str) -> None:
    """Open a shell on a host; on `mac` the tasks work on the lab's Mac."""
    if not _stands():
        _stop("it is not up: invoke lab.up")
    names = [name.split("-", 2)[2] for name in existing() if name.split("-")[1] == TAG]
    if host not in names:
        _stop(f"there is no host {host}; there are {', '.join(names)}", 2)
    program = os.environ.get("SHELL", "/bin/sh")
    argv = ["ip", "netns", "exec", f"{layout.PREFIX}-{TAG}-{host}", program]
    environ = {**os.environ, **_environment(host), "CONTAINER_NET_LAB": host}
    code = subprocess.call(argv, env=environ, cwd=TOP)
    if code:
        raise Exit(code=code)


def _environment(host: str) -> Dict[str, str]:
    """What a shell on a host needs to find its programs."""
    own = str(Path(sys.executable).parent)
    if host == "mac":
        tools = RUN / "bin-mac"
        tools.mkdir(exist_ok=True)
        sudo = tools / "sudo"
        sudo.write_text(f'#!/bin/sh\nexec {RUN}/mac/usr/bin/sudo "$@"\n', encoding="ascii")
        sudo.chmod(0o755)
        folders = [own, str(tools), *(str(RUN / "mac" / folder) for folder in MAC_FOLDERS), PATH]
        return {"PATH": ":".join(folders), "INVOKE_NET_SYSROOT": str(RUN / "mac")}
    return {
        "PATH": f"{RUN / 'bin'}:{own}:{PATH}",
        "CURL_CA_BUNDLE": str(RUN / "ca.pem"),
        "LC_ALL": "C",
    }


@task(name="break", help={"fault": "a number of the catalogue, such as F03"})
def break_(_c: Context, fault: str) -> None:
    """Lay the Mac anew with a fault, and show what it does to packets."""
    if not _stands():
        _stop("it is not up: invoke lab.up")
    from lab.scenes import SCENES
    from lab.world import Lab

    scene = SCENES.get(fault.upper())
    if scene is None:
        known = "\n".join(f"  {name}  {found.title}" for name, found in sorted(SCENES.items()))
        _stop(f"no scene for {fault}; there are\n{known}", 2)
    there = Lab(RUN, TAG)
    there.renew()
    scene.play(there)
    print(f"lab: {scene.fault}, {scene.title}")
    said = scene.packets(there)
    for text, holds in said.items():
        print(f"  {'✓' if holds else '✗'} {text}")
    cure = f"; it is mended by: invoke {' '.join(scene.cure)}" if scene.cure else ""
    print(
        f"Look at it on the Mac (invoke lab.shell mac): invoke net.status{cure}\n"
        f"and: invoke net.doctor --probe --address {layout.WEB} --resolver {layout.DNS}"
    )
    if not all(said.values()):
        raise Exit(code=1)


@task
def down(_c: Context) -> None:
    """Take the lab away, and what a crashed one left behind."""
    if os.geteuid() != 0:
        _stop("this machine lacks root")
    found = _down()
    print("lab: gone: " + ", ".join(found) if found else "lab: nothing was there")


lab = Collection("lab", up, shell, break_, down)
