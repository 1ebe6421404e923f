"""What the suite runs on: a Mac, or something that stands for one.

Three hosts: `mac` (the machine itself, real commands, `sudo -n`), `lab` (the simulated Mac, whose
effects are real packets in Linux namespaces) and `sim` (the simulated Mac alone). Only the first
is ever called macOS. Each keeps every command with what it said.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, TextIO

from sim.support import process, run

from simmac import Mac, build

__all__ = ["LABEL", "SUBNET", "Evidence", "Host", "MacHost", "Ran", "Said", "SimHost", "guard"]

ROOT = Path(__file__).resolve().parents[2]
LABEL = "local.container-net"
SUBNET = "192.168.200.0/24"
CONSENT = "CONTAINER_NET_INTEGRATION"
LIMIT = 60.0


@dataclass(frozen=True)
class Said:
    """A command and what it said. `root`: through `sudo -n`. Code 124: it did not end in time.

    `began` is seconds since 1970, `took` seconds.
    """

    argv: Sequence[str]
    root: bool
    code: int
    out: str
    err: str
    began: float = 0.0
    took: float = 0.0

    @property
    def lines(self) -> List[str]:
        return [line for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True)
class Ran:
    """What became of a task of the tool."""

    words: Sequence[str]
    code: int
    out: str
    err: str

    @property
    def data(self) -> Dict[str, Any]:
        """The one object on stdout, of a task with --json."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


class Evidence:
    """What is kept: every command, and words about what was seen and chosen.

    With a folder it is written as it comes, so that a run that was killed leaves it too:
    commands.jsonl, notes.txt, and texts of their own.
    """

    def __init__(self, folder: Optional[Path] = None) -> None:
        self.folder = folder
        self._open: Dict[str, TextIO] = {}
        """Written line by line: a run has thousands."""
        self.said: List[Said] = []
        self.notes: List[str] = []
        self.step = ""
        """What the suite is doing; each command bears it."""
        self.story = ""
        """The guest whose story it is: each command bears it, and texts lie in a folder of it."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def command(self, said: Said) -> None:
        self.said.append(said)
        row = {"time": _clock(said.began), "step": self.step, **said.__dict__}
        if self.story:
            row["story"] = self.story
        row["took"] = round(said.took, 3)
        del row["began"]
        self._append("commands.jsonl", json.dumps(row, default=list))

    def note(self, text: str) -> None:
        """A line for people, printed as well."""
        self.notes.append(text)
        print(text, flush=True)
        self._append("notes.txt", text)

    def text(self, name: str, text: str) -> None:
        if self.folder is not None:
            place = self.folder / re.sub(r"\W+", "-", self.story).strip("-")
            place.mkdir(exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")

    def _append(self, name: str, line: str) -> None:
        if self.folder is not None:
            if name not in self._open:
                place = self.folder / name
                self._open[name] = place.open("a", encoding="utf-8", buffering=1)
            self._open[name].write(line + "\n")


def _clock(seconds: float) -> str:
    """UTC, as log(1) and GitHub's own log can be compared with."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


class Host:
    """Commands by their absolute paths, files by a Mac's paths, and the tool's tasks."""

    name = ""

    def __init__(self, evidence: Evidence, subnet: str = SUBNET) -> None:
        self.evidence = evidence
        self.subnet = subnet
        self.settings = {"INVOKE_NET_SUBNETS": subnet}

    # -- to be said by each

    def _ask(self, argv: Sequence[str], root: bool, stdin: str) -> Said:
        raise AssertionError("each host says how")

    def _task(self, words: Sequence[str], settings: Dict[str, str]) -> Ran:
        raise AssertionError("each host says how")

    def path(self, path: str) -> Path:
        """Where a Mac's path lies on this machine."""
        return Path(path)

    def settle(self) -> None:
        """What launchd was asked to start has been started."""

    # -- what all have

    def ask(self, *argv: str, root: bool = False, stdin: str = "") -> Said:
        """Run a program; nothing raises for its failure."""
        began, clock = time.time(), time.monotonic()
        said = self._ask(argv, root, stdin)
        said = replace(said, began=began, took=time.monotonic() - clock)
        self.evidence.command(said)
        return said

    def must(self, *argv: str, root: bool = False, stdin: str = "") -> Said:
        """Run a program that has to end well. Raises AssertionError with what it said."""
        said = self.ask(*argv, root=root, stdin=stdin)
        assert said.code == 0, f"{shlex.join(argv)}: exit {said.code}: {said.err or said.out}"
        return said

    def task(self, *words: str, **settings: str) -> Ran:
        """A task of the tool, with the suite's subnet as a setting unless others are given."""
        began, clock = time.time(), time.monotonic()
        ran = self._task(words, {**self.settings, **settings})
        took = time.monotonic() - clock
        said = Said(["invoke", *words], False, ran.code, ran.out, ran.err, began, took)
        self.evidence.command(said)
        return ran

    def runs(self) -> Optional[int]:
        """How often launchd has started the boot daemon; None where it does not know it."""
        said = self.ask("/bin/launchctl", "print", f"system/{LABEL}")
        for line in said.lines:
            if line.strip().startswith("runs = "):
                return int(line.split("=")[1])
        return None

    def idle(self) -> bool:
        """Whether no run of the boot daemon is going on."""
        said = self.ask("/bin/launchctl", "print", f"system/{LABEL}")
        return not any(line.strip() == "state = running" for line in said.lines)

    def wait(self, holds: Callable[[], bool], seconds: float = LIMIT, pause: float = 0.5) -> bool:
        """Whether it came to hold within so many seconds, of this host's own clock."""
        end = self.clock() + seconds
        while not holds():
            if self.clock() > end:
                return False
            self.pause(pause)
        return True

    def clock(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let so much time pass."""
        time.sleep(seconds)


# -- a real Mac


def guard(platform: str, environ: Dict[str, str]) -> str:
    """Why the suite must not run on this machine's own system, or nothing.

    It changes pf, forwarding, launchd and files in /etc, so a Mac's owner has to say so first.
    """
    if platform != "darwin":
        return f"this is {platform}, no macOS"
    if environ.get(CONSENT) != "1":
        return (
            f"this Mac is not touched without {CONSENT}=1: the suite changes pf, forwarding, "
            "launchd and files in /etc, and puts them back"
        )
    return ""


class MacHost(Host):
    """This machine, a Mac. Raises AssertionError where `guard` has something against it."""

    name = "mac"

    def __init__(self, evidence: Evidence, subnet: str = SUBNET) -> None:
        why = guard(sys.platform, dict(os.environ))
        assert not why, why
        super().__init__(evidence, subnet)
        said = self.ask("/usr/bin/true", root=True)
        assert said.code == 0, f"the suite needs sudo without a password: {said.err.strip()}"

    def _ask(self, argv: Sequence[str], root: bool, stdin: str) -> Said:
        words = ["/usr/bin/sudo", "-n", *argv] if root else list(argv)
        try:
            done = subprocess.run(
                words,
                input=stdin.encode("latin-1"),
                capture_output=True,
                timeout=LIMIT,
                check=False,
            )
        except FileNotFoundError as error:
            return Said(argv, root, 127, "", str(error))
        except subprocess.TimeoutExpired:
            return Said(argv, root, 124, "", f"no end within {LIMIT:.0f} s")
        out, err = done.stdout.decode("latin-1"), done.stderr.decode("latin-1")
        return Said(argv, root, done.returncode, out, err)

    def _task(self, words: Sequence[str], settings: Dict[str, str]) -> Ran:
        told = {k: v for k, v in os.environ.items() if not k.startswith("INVOKE_")}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "invoke", *words],
                cwd=ROOT,
                env={**told, "LC_ALL": "C.UTF-8", **settings},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Ran(words, 124, "", "no end within 300 s")
        return Ran(words, done.returncode, done.stdout, done.stderr)

    def settle(self) -> None:
        self.wait(self.idle)


# -- a simulated one


class SimHost(Host):
    """The simulated Mac. Tasks run in this process, so that a test can break the tool first.

    No `container` command, as on a hosted Mac; the suite's own guest is a host-only network.
    `processes`: tasks are started as a person starts them.
    """

    name = "sim"

    def __init__(
        self,
        evidence: Evidence,
        folder: Path,
        *,
        subnet: str = SUBNET,
        mac: Optional[Mac] = None,
        processes: bool = False,
    ) -> None:
        super().__init__(evidence, subnet)
        self.mac = mac or build(folder / "mac", "bare")
        self.processes = processes

    def _ask(self, argv: Sequence[str], root: bool, stdin: str) -> Said:
        found = self.mac.answer(argv, stdin.encode("latin-1"), root=root)
        out, err = found.out.decode("latin-1"), found.err.decode("latin-1")
        return Said(argv, root, found.code, out, err)

    def _task(self, words: Sequence[str], settings: Dict[str, str]) -> Ran:
        start = process if self.processes else run
        ran = start(self.mac, *words, environ=settings)
        return Ran(words, ran.code, ran.out, ran.err)

    def path(self, path: str) -> Path:
        return Path(str(self.mac.path) + path)

    def settle(self) -> None:
        self.mac.settle()

    def clock(self) -> float:
        return float(self.mac.state["clock"])

    def pause(self, seconds: float) -> None:
        """The simulated clock goes on; what is due by then, has been done."""
        self.mac.tick(max(1, round(seconds)))
        self.mac.settle()
