"""launchctl, plutil, and launchd itself: jobs that really run (macos.md, 8).

A job is in the state under its target, `system/LABEL`. It runs as a process of the host, started
with the folder in front of its program's path, and its children are the simulated root's.
"""

from __future__ import annotations

import os
import stat
import time

from .files import owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Callable, Dict, List, Optional

    from .world import Call, World

__all__ = ["job_of", "launch", "launchctl", "plutil", "start_system_jobs", "supervise", "terminate"]

DAEMONS = "/Library/LaunchDaemons"
THROTTLE = 10
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
MESSAGES = {
    1: "Operation not permitted",
    3: "No such process",
    5: "Input/output error",
}


def launchctl(call: Call) -> int:
    """Dispatch by the subcommand."""
    words = call.argv[1:]
    handler = COMMANDS.get(words[0] if words else "")
    if handler is None:
        raise call.fail(f"Unrecognized subcommand: {words[0] if words else ''}", 64)
    return handler(call, words[1:])


def _refuse(call: Call, what: str, number: int, code: Optional[int] = None) -> int:
    call.warn(f"{what} failed: {number}: {MESSAGES[number]}")
    return number if code is None else code


# -- loading and unloading


def _bootstrap(call: Call, words: List[str]) -> int:
    if len(words) < 2:
        raise call.fail("Usage: launchctl bootstrap <domain-target> [service-path ...]", 64)
    if not call.root:
        return _refuse(call, "Bootstrap", 1)
    job = job_of(call.world, call.world.mac(words[1]))
    if job is None or _disabled(call.world, job["label"]):
        return _refuse(call, "Bootstrap", 5)
    target = f"{words[0]}/{job['label']}"
    if target in call.state["jobs"]:
        return _refuse(call, "Bootstrap", 5)
    _register(call.world, target, job)
    call.world.effect()
    return 0


def job_of(world: World, path: str) -> Optional[Dict[str, Any]]:
    """The job that a plist describes; None where launchd would answer with error 5."""
    import plistlib

    try:
        with open(world.host(path), "rb") as file:
            plist = plistlib.load(file)
    except Exception:  # plistlib raises whatever its parsers raise
        return None
    if not isinstance(plist, dict) or not isinstance(plist.get("Label"), str):
        return None
    arguments = plist.get("ProgramArguments") or [plist.get("Program")]
    program = plist.get("Program") or arguments[0]
    if not isinstance(program, str) or not program.startswith("/"):
        return None
    program = world.mac(program)
    places = [path, os.path.dirname(path), program, os.path.dirname(program)]
    if not all(_trusted(world, place) for place in places):
        return None
    if not os.access(world.host(program), os.X_OK):
        return None
    return {
        "label": plist["Label"],
        "path": path,
        "program": program,
        "arguments": [world.mac(arguments[0]), *arguments[1:]],
        "run_at_load": bool(plist.get("RunAtLoad")),
        "watch": list(plist.get("WatchPaths", [])),
        "interval": plist.get("StartInterval"),
        "throttle": plist.get("ThrottleInterval", THROTTLE),
    }


def _trusted(world: World, path: str) -> bool:
    """Whether a file or folder is root's, and no one else may write it."""
    try:
        mode = os.stat(world.host(path)).st_mode
    except OSError:
        return False
    return owner(world, path) == (0, 0) and not mode & (stat.S_IWGRP | stat.S_IWOTH)


def _register(world: World, target: str, job: Dict[str, Any]) -> None:
    watch = [world.mac(path) for path in job["watch"]]
    clock = world.state["clock"]
    world.state["jobs"][target] = {
        **job,
        "watch": watch,
        "state": "not running",
        "runs": 0,
        "exit": None,
        "pid": None,
        "started": None,
        "next": clock + job["interval"] if job["interval"] else None,
        "again": False,
    }
    if job["run_at_load"]:
        world.run_later(target)


def start_system_jobs(world: World) -> None:
    """What launchd does at boot with /Library/LaunchDaemons."""
    folder = world.host(DAEMONS)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(".plist"):
            continue
        job = job_of(world, f"{DAEMONS}/{name}")
        if job is not None and not _disabled(world, job["label"]):
            _register(world, f"system/{job['label']}", job)


def _bootout(call: Call, words: List[str]) -> int:
    target = "/".join(words[:1])
    if len(words) > 1:
        # The form with a plist's path: error 5 where nothing is loaded.
        path = call.world.mac(words[1])
        found = [t for t, job in call.state["jobs"].items() if job["path"] == path]
        if not found:
            return _refuse(call, "Boot-out", 5 if call.root else 1)
        target = found[0]
    if not call.root:
        # launchctl says so and exits 0 (recorded sample).
        return _refuse(call, "Boot-out", 1, code=0)
    job = call.state["jobs"].pop(target, None)
    if job is None:
        return _refuse(call, "Boot-out", 3)
    _end(call.world, job)
    call.world.effect()
    return 0


def _end(world: World, job: Dict[str, Any]) -> None:
    """A running job is ended once the lock is free, for its programs may wait for it."""
    if job["state"] == "running" and job["pid"]:
        pid = int(job["pid"])
        world.after.append(lambda: terminate(pid))


def terminate(pid: int) -> None:
    """End a job's processes: politely, and after 2 s for good."""
    import signal
    import time

    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
            for _ in range(40):
                time.sleep(0.05)
                os.killpg(pid, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            return


# -- the list of what is switched off


def _disabled(world: World, label: str) -> bool:
    return bool(world.state["disabled"].get(label))


def _switch(disabled: bool) -> Callable[[Call, List[str]], int]:
    def act(call: Call, words: List[str]) -> int:
        if not call.root:
            call.warn("Could not change the enablement of service: 1: Operation not permitted")
            return 1
        call.state["disabled"][words[0].split("/", 1)[1]] = disabled
        call.world.effect()
        return 0

    return act


def _print_disabled(call: Call, _words: List[str]) -> int:
    call.looked = True
    call.say("\tdisabled services = {")
    for label, off in call.state["disabled"].items():
        call.say(f'\t\t"{label}" => {"disabled" if off else "enabled"}')
    call.say("\t}")
    return 0


# -- asking and starting


def _absent(call: Call, target: str) -> int:
    if target.startswith("gui/"):
        _, uid, label = target.split("/", 2)
        call.warn("Bad request.")
        call.warn(f'Could not find service "{label}" in domain for user gui: {uid}')
    else:
        label = target.split("/", 1)[-1]
        call.warn(f'Could not find service "{label}" in domain for system')
    return 113


def _print(call: Call, words: List[str]) -> int:
    call.looked = True
    target = words[0] if words else ""
    job = call.state["jobs"].get(target)
    if job is None:
        return _absent(call, target)
    running = job["state"] == "running"
    call.say(f"{target} = {{")
    call.say(f"\tactive count = {int(running)}\n\tpath = {job['path']}\n\tstate = {job['state']}\n")
    call.say(f"\tprogram = {job['program']}\n\targuments = {{")
    for word in job["arguments"]:
        call.say(f"\t\t{word}")
    call.say("\t}\n")
    call.say(f"\truns = {job['runs']}")
    if running and job["pid"]:
        call.say(f"\tpid = {job['pid']}")
    code = "(never exited)" if job["exit"] is None else job["exit"]
    call.say(f"\tlast exit code = {code}")
    kind = "daemon (3)" if target.startswith("system/") else "interactive (4)"
    call.say(f"\tspawn type = {kind}\n\tjob state = {'running' if running else 'exited'}")
    load = "runatload | " if job["run_at_load"] else ""
    call.say(f"\tproperties = {load}inferred program\n}}")
    return 0


def _kickstart(call: Call, words: List[str]) -> int:
    target = words[-1] if words else ""
    job = call.state["jobs"].get(target)
    if job is None:
        return _absent(call, target)
    if not call.root:
        call.warn(f'Could not kickstart service "{job["label"]}": 1: Operation not permitted')
        return 1
    if any(w.startswith("-") and "k" in w for w in words[:-1]):
        _end(call.world, job)
    call.world.run_later(target)
    call.world.effect()
    return 0


def _load(call: Call, words: List[str]) -> int:
    """The legacy form, which exits 0 whatever happens."""
    path = next((w for w in words if not w.startswith("-")), "")
    job = job_of(call.world, call.world.mac(path))
    if job is None:
        call.warn(f"{path}: Path had bad ownership/permissions")
        call.warn("Load failed: 122: Path had bad ownership/permissions")
        return 0
    _register(call.world, f"system/{job['label']}", job)
    call.world.effect()
    return 0


COMMANDS: Dict[str, Callable[[Call, List[str]], int]] = {
    "bootstrap": _bootstrap,
    "bootout": _bootout,
    "enable": _switch(disabled=False),
    "disable": _switch(disabled=True),
    "print": _print,
    "print-disabled": _print_disabled,
    "kickstart": _kickstart,
    "load": _load,
}


# -- plutil


def plutil(call: Call) -> int:
    """`plutil -lint FILE...`"""
    import plistlib

    code = 0
    for word in call.argv[1:]:
        if word.startswith("-"):
            continue
        try:
            with open(call.world.host(call.world.mac(word)), "rb") as file:
                plistlib.load(file)
            call.say(f"{word}: OK")
        except OSError:
            call.say(f"{word}: file does not exist or is not readable or is not a regular file")
            code = 1
        except Exception as error:  # plistlib raises whatever its parsers raise
            call.say(f"{word}: {error}")
            code = 1
    return code


# -- running jobs


def launch(world: World, target: str) -> Optional[subprocess.Popen[bytes]]:
    """Start a job's program in the background, as launchd does; None where it runs already.

    Called without the lock. A job that is running then runs once more when it has ended.
    """
    import subprocess
    import sys

    with world.store:
        job = world.state["jobs"].get(target)
        if job is None:
            return None
        if job["state"] == "running":
            job["again"] = True
            return None
        job["state"] = "running"
        job["again"] = False
    stub = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stub.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", stub, "--job", world.root, target],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
        cwd="/",
    )


def supervise(world: World, target: str) -> None:
    """Be launchd for one job: run its program, note how it ended, run it again if asked."""
    session = os.path.join(world.store.private, "root", str(os.getsid(0)))
    with open(session, "w", encoding="ascii"):
        pass
    try:
        while _run_once(world, target):
            pass
    finally:
        os.unlink(session)


def _signal(number: int) -> str:
    import signal

    return signal.Signals(number).name


def _run_once(world: World, target: str) -> bool:
    """One run. Whether another is due."""
    with world.store:
        job = world.state["jobs"].get(target)
        if job is None:
            return False
        job["again"] = False
        job["runs"] += 1
        job["started"] = world.state["clock"]
        argv = [world.host(job["program"]), *job["arguments"][1:]]
        try:
            # A group of its own, so that it can be ended without its supervisor.
            pid = os.posix_spawn(argv[0], argv, ENVIRONMENT, setpgroup=0)
        except OSError:
            job["exit"], job["state"], job["pid"] = 78, "not running", None
            return False
        job["pid"] = pid
    began = time.monotonic()
    _, status = os.waitpid(pid, 0)
    ran = int((time.monotonic() - began) * 1000)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    with world.store:
        job = world.state["jobs"].get(target)
        # Another job of the same name may stand there by now.
        if job is None or job["pid"] != pid:
            return False
        job["exit"], job["pid"] = code if code >= 0 else f"{128 - code}", None
        how = f"exit({code})" if code >= 0 else _signal(-code)
        world.log("/sbin/launchd", f"exited due to {how}, ran for {ran}ms", f"{target} [{pid}]", 1)
        again = bool(job["again"])
        job["state"] = "running" if again else "not running"
        return again
