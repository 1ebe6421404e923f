"""Drivers for the tasks on a simulated Mac, and what is compared before and after.

`run` starts a task through Invoke's own Program, its commands answered in this process; `start` and
`process` start the real `invoke` on the same folder, whose programs are then real processes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shlex
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type
from unittest import mock

from invoke.collection import Collection
from invoke.config import Config
from invoke.exceptions import CommandTimedOut
from invoke.program import Program
from invoke.runners import Result, Runner

from container_net import net
from container_net.machine import Machine
from simmac import Mac
from simmac.mac import words_of

__all__ = [
    "ANCHOR",
    "ANCHOR_FILE",
    "BOOT",
    "LOCK",
    "STATE",
    "Ran",
    "SlowMac",
    "anchor_rules",
    "asked",
    "changed",
    "dead_holder",
    "environment",
    "files",
    "hanging",
    "holds",
    "loads",
    "never_started",
    "no_kernel",
    "not_installed",
    "picture",
    "process",
    "run",
    "start",
    "state_of",
    "tokens",
    "twisted",
]

ROOT = Path(__file__).parents[2]
ANCHOR = "com.apple/250.container-net"
ANCHOR_FILE = "/private/etc/pf.anchors/250.container-net"
STATE_FOLDER = "/private/var/db/container-net"
STATE = f"{STATE_FOLDER}/state.json"
BOOT = f"{STATE_FOLDER}/boot"
LOCK = "/private/var/run/container-net.lock"
# No process of this machine has it: the kernel's largest PID is 4194304.
DEAD = "999999999"
SIDE_BY_SIDE = Machine.side_by_side


@dataclass(frozen=True)
class Ran:
    """What became of a task."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Dict[str, Any]:
        """The one object on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def changes(self) -> List[str]:
        """What a plan would change, in order."""
        return [change["what"] for change in self.data["changes"]]

    @property
    def hops(self) -> Dict[str, str]:
        """The states of status, by hop."""
        return {hop["hop"]: hop["state"] for hop in self.data["path"]}

    @property
    def first_broken(self) -> Optional[str]:
        return next((h["hop"] for h in self.data["path"] if h["state"] == "broken"), None)


# -- running tasks


def environment(mac: Optional[Mac], **more: str) -> Dict[str, str]:
    """The environment of a run: nothing of this machine's settings but the way to its programs."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "TMPDIR", "SYSTEMROOT")}
    place = {} if mac is None else {"INVOKE_NET_SYSROOT": str(mac.path)}
    return {**kept, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **place, **more}


@functools.cache
def _tasks(name: str) -> Collection:
    """The task of that name alone, all of them for another word: Invoke copies the arguments of
    every task that it is given, twice a run."""
    alone = Collection("net")
    if not name.startswith("net.") or name[4:] not in net.tasks:
        return Collection(net)
    alone.add_task(net.tasks[name[4:]], name[4:])
    return Collection(alone)


def one_after_another(machine: Machine, calls: Sequence[Callable[[], Any]]) -> List[Any]:
    """`Machine.side_by_side` where nothing is won by threads: one lock serves all that is asked of
    a simulated Mac. Whoever starts the real `invoke`, and tests/unit, have the threads."""
    return [call() for call in calls]


def run(
    mac: Mac,
    *words: str,
    runner: Optional[Type[Runner]] = None,
    net_config: Any = None,
    environ: Optional[Mapping[str, str]] = None,
    **variables: str,
) -> Ran:
    """`invoke WORDS`, in this process. `runner` is another one than the Mac's own.

    `net_config` stands under `net:` in the configuration; `environ` and `variables` are added to
    the environment.
    """
    chosen = runner or mac.runner()

    class SimulatedConfig(Config):
        """Invoke's defaults, with the Mac behind every command."""

        # As an attribute of the class: looked up in the settings it costs as much as the answer.
        runners = SimpleNamespace(local=chosen)

        @staticmethod
        def global_defaults() -> Dict[str, Any]:
            found = Config.global_defaults()
            if net_config is not None:
                found["net"] = net_config
            return found

    program = Program(
        version="0",
        namespace=_tasks(words[0] if words else ""),
        config_class=SimulatedConfig,
        name="invoke",
    )
    out, err = io.StringIO(), io.StringIO()
    settled = environment(mac, **{**(environ or {}), **variables})
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, settled, clear=True))
        stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO()))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(mock.patch.object(sys, "argv", ["invoke"]))
        if Machine.side_by_side is SIDE_BY_SIDE:
            stack.enter_context(mock.patch.object(Machine, "side_by_side", one_after_another))
        try:
            program.run(["invoke", *words])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Ran(code, out.getvalue(), err.getvalue())


def start(mac: Optional[Mac], *words: str, **options: Any) -> subprocess.Popen[str]:
    """The real `invoke`, in the checkout, in a process group of its own."""
    environ = options.pop("environ", {})
    settled = {
        "cwd": ROOT,
        "env": environment(mac, **environ),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "start_new_session": True,
        **options,
    }
    return subprocess.Popen([sys.executable, "-m", "invoke", *words], **settled)


def process(mac: Optional[Mac], *words: str, timeout: float = 100, **options: Any) -> Ran:
    """The real `invoke`, run to its end."""
    started = start(mac, *words, **options)
    out, err = started.communicate(timeout=timeout)
    return Ran(started.returncode, out, err)


class SlowMac(Mac):
    """A Mac whose launchd has not yet come round to start a job.

    In place of a run of the boot script, which test_reconcile is about and which takes a second.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # The host's programs are there for the script alone; without them a copy costs half.
        for folder in ("bin", "usr/bin"):
            for place in (self.path / folder).iterdir():
                if place.is_symlink():
                    place.unlink()

    def _launch(self, target: str) -> None:
        del target


def twisted(
    mac: Mac, twist: Callable[[List[str], Callable[[], Result]], Optional[Result]]
) -> Type[Runner]:
    """A Runner that lets `twist(argv, answer)` look at each command first, sudo taken off.

    `answer()` is what the Mac says. None: nothing was twisted. It may raise CommandTimedOut.
    """

    class Twisted(Runner):
        """The Mac's answers, some of them twisted."""

        def run(self, command: str, **kwargs: Any) -> Result:
            words = [w.replace(str(mac.path), "") for w in words_of(command)]
            argv = words[2:] if words[:2] == ["/usr/bin/sudo", "-n"] else words
            asked: List[Result] = []

            def answer() -> Result:
                if not asked:
                    asked.append(mac.answer_command(command, **kwargs))
                return asked[0]

            found = twist(argv, answer)
            return answer() if found is None else found

    return Twisted


def timed_out(argv: List[str]) -> CommandTimedOut:
    """The answer of a command that ran into its limit."""
    return CommandTimedOut(Result(command=shlex.join(argv), exited=-1, encoding="latin-1"), 1)


# -- what is on a Mac


def files(mac: Mac) -> Dict[str, Tuple[str, int, bytes]]:
    """Everything in the folder but the simulation's own: kind, mode, content (or a link's text)."""
    found: Dict[str, Tuple[str, int, bytes]] = {}
    left = [""]
    while left:
        folder = left.pop()
        with os.scandir(f"{mac.path}{folder}/") as entries:
            for entry in entries:
                key = f"{folder}/{entry.name}"
                if key == "/.simmac":
                    continue
                if entry.is_symlink():
                    found[key] = ("link", 0, os.readlink(entry.path).encode())
                    continue
                mode = stat.S_IMODE(entry.stat().st_mode)
                if entry.is_dir():
                    found[key] = ("folder", mode, b"")
                    left.append(key)
                else:
                    with open(entry.path, "rb", buffering=0) as file:
                        found[key] = ("file", mode, file.read())
    return found


def _ruleset(ruleset: Mapping[str, Any]) -> Dict[str, Any]:
    """Without counters and without the PID of who loaded it."""
    counted = ("evaluations", "packets", "bytes", "pid")
    return {
        kind: [{k: v for k, v in rule.items() if k not in counted} for rule in rules]
        if isinstance(rules, list)
        else rules
        for kind, rules in ruleset.items()
    }


def state_of(mac: Mac) -> Dict[str, Any]:
    """What is no file: everything that a change can change.

    Left out is what only time or asking changes: clock, PIDs, counters, logs, dead tokens, and the
    faults that a test put in.
    """
    state = mac.state
    pf = state["pf"]
    return {
        "sysctl": dict(state["sysctl"]),
        "pf": {
            "enabled": pf["enabled"],
            "references": pf["references"],
            "tokens": sorted((t["pid"], t["name"], t["token"]) for t in pf["tokens"]),
            "anchors": {name: _ruleset(rules) for name, rules in pf["anchors"].items()},
            "skip": pf["skip"],
        },
        "interfaces": state["interfaces"],
        "primary": state["primary"],
        "routes": state["routes"],
        "vmnet": state["vmnet"],
        "container": {k: v for k, v in state["container"].items() if k != "logs"},
        # Root's own is what a file of the system is without being told.
        "owners": {p: o for p, o in state["owners"].items() if o != [0, 0]},
        "jobs": {
            name: {k: job[k] for k in ("label", "program", "watch", "interval")}
            for name, job in state["jobs"].items()
        },
        "disabled": state["disabled"],
    }


def picture(mac: Mac) -> Dict[str, Any]:
    """All of a Mac, in a form that can be compared."""
    return {"files": files(mac), **json.loads(json.dumps(state_of(mac)))}


def changed(before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> List[str]:
    """The names of what differs between two pictures, in words for the screen."""
    found: List[str] = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            found += changed(one, other, f"{where}{key} ")
        else:
            found.append(f"{where}{key}: {str(one)[:200]} -> {str(other)[:200]}")
    return found


def tokens(mac: Mac, name: str = "pfctl") -> List[int]:
    """The tokens that a program of that name holds."""
    return [t["token"] for t in mac.state["pf"]["tokens"] if t["name"] == name]


def anchor_rules(mac: Mac, anchor: str = ANCHOR) -> List[str]:
    """The live rules of an anchor, as pf lists them."""
    found: List[str] = []
    for kind in ("nat", "rules"):
        told = mac.answer(["/sbin/pfctl", "-a", anchor, "-s", kind], root=True)
        found += told.out.decode().splitlines()
    return found


def asked(mac: Mac) -> List[Tuple[str, ...]]:
    """The commands that were given, sudo taken off, in order."""
    found = []
    for record in mac.log:
        words = tuple(record.argv)
        found.append(words[2:] if words[:2] == ("/usr/bin/sudo", "-n") else words)
    return found


def hanging(mac: Mac) -> bool:
    """Whether a command was given that has not answered."""
    return any(record.code is None for record in mac.log)


def loads(mac: Mac) -> int:
    """How many rulesets were loaded; dry runs do not count."""
    return sum(
        1
        for words in asked(mac)
        if words[0] == "/sbin/pfctl" and "-f" in words and "-n" not in words
    )


def dead_holder(mac: Mac) -> None:
    """After a crash: the links of the lock bear the PID of a process that is gone.

    In this process a run's PID is the test's own, which lives on.
    """
    place = mac.path / LOCK[1:]
    for link in place.parent.glob(place.name + "*"):
        if link.is_symlink():
            link.unlink()
            link.with_name(link.name.replace(str(os.getpid()), DEAD)).symlink_to(DEAD)


def holds(mac: Mac) -> None:
    """That setup has nothing left to do, a guest gets out, and exactly one reference is ours."""
    left = run(mac, "net.plan", "--json")
    assert (left.code, left.changes) == (0, []), left
    assert mac.egress() == "ok"
    assert len(tokens(mac)) == 1, tokens(mac)
    assert not (mac.path / LOCK[1:]).is_symlink()


@contextlib.contextmanager
def watching(seconds: float, act: Callable[[], None]) -> Iterator[threading.Timer]:
    """Something that happens after so many seconds, unless the block ends before."""
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield timer
    finally:
        timer.cancel()


# -- a Mac's first day


def not_installed(mac: Mac) -> None:
    mac.install_container(None)


def never_started(mac: Mac) -> None:
    mac.service("unregistered")


def no_kernel(mac: Mac) -> None:
    mac.kernel(False)
