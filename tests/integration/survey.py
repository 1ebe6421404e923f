"""A survey of the machine before the suite: it asserts nothing, and writes down what it sees.

    python tests/integration/survey.py EVIDENCE

Each look names the sentence of docs/reference that it settles. EVIDENCE/survey.md has question,
answer and every command; GitHub's summary of the run gets questions and answers. Both are masked as
`net.doctor --report` masks raw outputs; EVIDENCE/samples has what was printed in the form of
tests/samples. Every command has a limit, a look that fails is told and the next one goes on, and
the machine is put back. Anywhere but on a Mac whose owner agreed, the simulated Mac is looked at.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

if __name__ == "__main__":
    top = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(top / "tests"), str(top)]

from integration import guests
from integration.guests import CONTROL, Guest, SimGuest, SimShared, by_hand
from integration.host import Evidence, Host, MacHost, Said, SimHost, guard
from integration.record import samples
from integration.state import FORWARDING, hook_back, uplink
from integration.story import Keeper

from container_net.doctor_report import Mask

__all__ = ["Look", "looks", "main", "survey"]

# After a guest is gone; vmnet is said to clean up late.
PAUSES = (0.0, 2.0, 3.0, 5.0, 10.0, 10.0)
# All looks together: the suite has to have its time.
BUDGET = 900.0
ABSENT = "utun29"
# What a guest's coming and going may change, as one line a fact.
WATCHED: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("main nat", ("/sbin/pfctl", "-s", "nat")),
    ("main rules", ("/sbin/pfctl", "-s", "rules")),
    ("main dummynet", ("/sbin/pfctl", "-s", "dummynet")),
    ("anchors", ("/sbin/pfctl", "-v", "-s", "Anchors")),
    ("references", ("/sbin/pfctl", "-s", "References")),
    ("forwarding", ("/usr/sbin/sysctl", "-n", FORWARDING)),
    ("routes", ("/usr/sbin/netstat", "-rn", "-f", "inet")),
    ("interfaces", ("/sbin/ifconfig", "-l")),
    ("default route", ("/sbin/route", "-n", "get", "default")),
)
SHARING = "com.apple.internet-sharing"
SHARING_LOG = 'process == "InternetSharing" OR process == "bootpd" OR eventMessage CONTAINS "vmnet"'


@dataclass(frozen=True)
class Look:
    """A question. `settles`: sections of docs/reference/macos.md with words of theirs. `ask`
    answers, in rows that are told apart by `; `; a row may have rows of its own."""

    question: str
    settles: Tuple[Tuple[int, str], ...]
    ask: Callable[[Host], str]


# -- what is asked of the machine as it is


def _versions(host: Host) -> str:
    said = [
        host.ask("/usr/bin/sw_vers"),
        host.ask("/usr/bin/uname", "-v"),
        host.ask("/usr/bin/uname", "-m"),
        host.ask("/usr/bin/what", "/sbin/pfctl"),
    ]
    return " / ".join(" ".join(s.out.split()) or _failed(s) for s in said)


def _at_rest(host: Host) -> str:
    state = _watch(host)
    host.ask("/sbin/pfctl", "-s", "info", root=True)
    host.ask("/sbin/ifconfig", "-a")
    host.ask("/bin/cat", "/etc/pf.conf")
    host.ask("/bin/launchctl", "print", "system/com.apple.pfctl")
    host.ask("/bin/launchctl", "print", "system/com.apple.NetworkSharing")
    return "; ".join(f"{name}: {len(lines)} lines" for name, lines in state)


def _sysctl_conf(host: Host) -> str:
    file = host.ask("/bin/cat", "/etc/sysctl.conf")
    live = host.ask("/usr/sbin/sysctl", "-n", FORWARDING)
    words = 'eventMessage CONTAINS "sysctl.conf"'
    host.ask("/usr/bin/log", "show", "--last", "1h", "--style", "compact", "--predicate", words)
    there = f"{len(file.lines)} lines" if file.code == 0 else "not there"
    return f"/etc/sysctl.conf is {there}; {FORWARDING} is {live.out.strip()}"


# -- what pf makes of rules, in an anchor of the suite's own


def _echo(host: Host, text: str, *kinds: str) -> str:
    """What pf lists after loading a text into the suite's own anchor, which is emptied again."""
    loaded = host.ask("/sbin/pfctl", "-a", CONTROL, "-f", "-", root=True, stdin=text)
    try:
        if loaded.code:
            return f"refused: {_failed(loaded)}"
        rows = [
            line
            for kind in kinds or ("nat", "rules")
            for line in host.ask("/sbin/pfctl", "-a", CONTROL, "-s", kind, root=True).lines
        ]
        return " | ".join(rows) or "loaded, and nothing is listed"
    finally:
        host.ask("/sbin/pfctl", "-a", CONTROL, "-F", "all", root=True)


def _absent_interface(host: Host) -> str:
    return _echo(host, f"nat on {ABSENT} inet from {host.subnet} to any -> ({ABSENT}:0)\n", "nat")


def _extfilter(host: Host) -> str:
    way = uplink(host)
    rule = f"nat on {way} inet from {host.subnet} to any -> ({way}:0) extfilter ei\n"
    return _echo(host, rule, "nat")


SIMILAR = "".join(f"block drop in on {ABSENT} from 203.0.113.{n} to any\n" for n in range(1, 8))


def _optimizer(host: Host) -> str:
    plain = _echo(host, SIMILAR, "rules")
    told = _echo(host, "set ruleset-optimization none\n" + SIMILAR, "rules")
    return f"by default: {plain}; with `none`: {told}"


def _files(host: Host) -> str:
    line = f"nat on {ABSENT} inet from {host.subnet} to any -> ({ABSENT}:0)"
    found = []
    for name, end in (("no last newline", ""), ("CRLF", "\r\n"), ("as usual", "\n")):
        said = host.ask("/sbin/pfctl", "-n", "-a", CONTROL, "-f", "-", stdin=line + end)
        found.append(f"{name}: exit {said.code}")
    return ", ".join(found)


def _emptied(host: Host) -> str:
    _echo(host, f"nat on {ABSENT} inet from {host.subnet} to any -> ({ABSENT}:0)\n", "nat")
    said = host.ask("/sbin/pfctl", "-v", "-s", "Anchors", root=True)
    listed = any(line.strip() == CONTROL for line in said.lines)
    return "still listed" if listed else "gone from the list at once"


# -- what a guest's coming and going changes


State = Tuple[Tuple[str, Tuple[str, ...]], ...]


def _watch(host: Host) -> State:
    found = []
    for name, argv in WATCHED:
        said = host.ask(*argv, root=argv[0] == "/sbin/pfctl")
        lines = said.out.split() if argv[-1] == "-l" else [_steady(line) for line in said.lines]
        found.append((name, tuple(lines) if said.code == 0 else (_failed(said),)))
    return tuple(found)


def _steady(line: str) -> str:
    """Without a reference's age and a route's last column, which go on by themselves."""
    line = re.sub(r"\s+\d+ days? [\d:]+$", "", line.strip())
    return " ".join(re.sub(r"(\s\S+\d)\s+\d+$", r"\1", line).split())


def _changed(one: State, other: State) -> str:
    rows = []
    for (name, before), (_, after) in zip(one, other):
        gone = [f"-{line}" for line in before if line not in after]
        come = [f"+{line}" for line in after if line not in before]
        if gone or come:
            rows.append(f"{name}: {' '.join([*gone, *come])[:400]}")
    return "".join(f"\n  - {row}" for row in rows) or " nothing"


def _of_guest(guest: Guest, pauses: Sequence[float]) -> Callable[[Host], str]:
    def ask(host: Host) -> str:
        rows = []
        hook_back(host)
        before = _watch(host)
        with guest.up():
            up = _watch(host)
            rows.append(f"its coming changed:{_changed(before, up)}")
            for kind in ("nat", "rules"):
                for child in ("", "/base_v4", "/shared_v4"):
                    host.ask("/sbin/pfctl", "-a", SHARING + child, "-s", kind, root=True)
            host.ask("/sbin/pfctl", "-v", "-s", "Tables", root=True)
            host.ask("/bin/launchctl", "print", "system/com.apple.NetworkSharing")
            rows.append(f"its gateway answers: {guest.gateway()}")
            rows.append(f"the internet without a rule of ours: {guest.internet()}")
            with by_hand(host, guest.subnet):
                rows.append(f"the internet with a rule by hand: {guest.internet()}")
            rows.append(f"default route meanwhile: {_route(host)}")
        last, since = _watch(host), 0.0
        rows.append(f"its going changed:{_changed(up, last)}")
        for pause in pauses:
            time.sleep(pause)
            since += pause
            now = _watch(host)
            if now != last:
                rows.append(f"{since:.0f} s later:{_changed(last, now)}")
            last = now
        rows.append(f"left after {since:.0f} s:{_changed(before, last)}")
        predicate = ("--predicate", SHARING_LOG)
        host.ask("/usr/bin/log", "show", "--last", "2m", "--style", "compact", *predicate)
        return "; ".join(rows)

    return ask


def _route(host: Host) -> str:
    said = host.ask("/sbin/route", "-n", "get", "default")
    return next((line.strip() for line in said.lines if "interface:" in line), "none")


def looks(candidates: Sequence[Guest], pauses: Optional[Sequence[float]] = None) -> Iterator[Look]:
    """All questions: the machine at rest first, then pf's words, then the guests."""
    yield Look("which macOS, xnu and pf is this?", ((15, "in every version"),), _versions)
    yield Look("what is there at rest?", ((5, "it does not enable pf"),), _at_rest)
    yield Look(
        "is /etc/sysctl.conf applied?",
        ((15, "applies /etc/sysctl.conf"), (3, "probably ignored")),
        _sysctl_conf,
    )
    yield Look(
        f"does a rule on {ABSENT}, which is not there, load?",
        ((12, "placeholder for any interface name"),),
        _absent_interface,
    )
    yield Look(
        "what does pf echo for our rule?", ((15, "for `extfilter ei` in every"),), _extfilter
    )
    yield Look(
        "what does `set ruleset-optimization none` do?",
        ((15, "echoes for `set ruleset-optimization none`"), (13, "folds six similar ones")),
        _optimizer,
    )
    yield Look("which files does pfctl -n take?", ((13, "or with CRLF, is refused"),), _files)
    yield Look("is an emptied anchor still listed?", ((6, "An emptied one stays"),), _emptied)
    facts = (
        (15, "removes the call of `com.apple/*` when sharing stops"),
        (2, "Whether Internet Sharing sets it back when it stops"),
        (1, "can be answered with a vmnet bridge"),
        (5, "the main ruleset also calls `com.apple.internet-sharing`"),
        (7, "A bridge is there only while"),
    )
    for guest in candidates:
        question = f"{guest.name}: what comes, what goes, and who answers it?"
        yield Look(question, facts, _of_guest(guest, PAUSES if pauses is None else pauses))


# -- writing it down


def _failed(said: Said) -> str:
    words = (said.err or said.out).strip().splitlines()
    return f"exit {said.code} {words[-1] if words else ''}".strip()


class _Writer:
    """EVIDENCE/survey.md and GitHub's summary, masked, written as it comes."""

    def __init__(self, folder: Path, summary: Optional[Path]) -> None:
        host = socket.gethostname()
        mask = Mask({getpass.getuser()} - {"root"}, {host, host.split(".", maxsplit=1)[0]})
        self.mask = mask.others()
        self.file = folder / "survey.md"
        self.summary = summary
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text("", encoding="utf-8")

    def both(self, *lines: str) -> None:
        self.full(*lines)
        if self.summary is not None:
            with self.summary.open("a", encoding="utf-8") as file:
                file.write(self.mask("\n".join(lines)) + "\n")

    def full(self, *lines: str) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(self.mask("\n".join(lines)) + "\n")

    def commands(self, said: Sequence[Said]) -> None:
        self.full("", "```text")
        for one in said:
            root = "sudo " if one.root else ""
            self.full(f"$ {root}{shlex.join(one.argv)}    # exit {one.code}, {one.took:.2f} s")
            self.full(*(text.rstrip() for text in (one.out, one.err) if text.strip()))
        self.full("```")


def survey(
    host: Host, asked: Sequence[Look], folder: Path, summary: Optional[Path], budget: float = BUDGET
) -> List[str]:
    """Every look in its turn; the answers. Nothing raises for what the machine does or says."""
    writer = _Writer(folder, summary)
    writer.both(f"# Survey of {host.name}", "", "Nothing here is a verdict; that is the suite's.")
    answers: List[str] = []
    end = time.monotonic() + budget

    def look_at(look: Look) -> None:
        first = len(host.evidence.said)
        host.evidence.step = f"survey: {look.question}"
        if time.monotonic() > end:
            answer = f"left out: {budget:.0f} s were over"
        else:
            try:
                answer = look.ask(host)
            except Exception as error:
                answer = f"not answered: {type(error).__name__}: {error}"
                writer.full("", "```text", traceback.format_exc().rstrip(), "```")
        answers.append(answer)
        facts = "; ".join(f"{section}: “{words}”" for section, words in look.settles)
        rows = [f"- {row}" for row in answer.split("; ")]
        writer.both("", f"## {look.question}", "", f"Settles macos.md, {facts}.", "", *rows)
        writer.commands(host.evidence.said[first:])

    try:
        with Keeper(host):
            for look in asked:
                look_at(look)
    except Exception as error:  # what could not be put back, or a Mac that is in use
        writer.both("", f"The survey ended early, or left something: {error}")
    rows = [said.__dict__ for said in host.evidence.said]
    place = folder / "samples"
    place.mkdir(exist_ok=True)
    for name, content in samples(rows, "bare"):
        (place / name).write_text(content, encoding="utf-8")
    return answers


def main(words: Sequence[str]) -> int:
    """The command line; the exit status is 0 whatever was seen."""
    folder = Path(words[0] if words else "survey").resolve()
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    summary = Path(named) if named else None
    why = guard(sys.platform, dict(os.environ))
    with tempfile.TemporaryDirectory() as place:
        try:
            if why:
                print(f"survey of the simulated Mac: {why}")
                sim = SimHost(Evidence(), Path(place))
                asked = looks([SimGuest(sim), SimShared(sim)], pauses=(0.0,))
                survey(sim, list(asked), folder, summary)
            else:
                mac = MacHost(Evidence())
                survey(mac, list(looks(_candidates(mac, folder))), folder, summary)
        except Exception:
            traceback.print_exc()
    print(folder / "survey.md")
    return 0


def _candidates(host: Host, folder: Path) -> List[Guest]:
    """vmnet in host mode and in shared mode, and a pair without vmnet."""
    host.subnet = guests.free_subnet(host)
    shared = guests.free_subnet(host, guests.SHARED_SUBNETS)
    kinds = guests.answering()
    return [
        guests.HelperGuest(host, host.subnet, folder, kinds),
        guests.Shared(host, shared, folder, kinds),
        guests.Feth(host, host.subnet, kinds),
    ]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
