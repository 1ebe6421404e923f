"""`net.watch`: the path as it changes. It looks when the kernel's routing socket tells of a change
(`route -n monitor`), and now and then besides, for what no event tells: rules, counters.

Nothing is changed, and nothing here asks for a password.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import math
import os
import re
import selectors
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Protocol, Sequence, Tuple

from . import __version__, facts, parse, report, status
from .desired import Desired, desire
from .history import span
from .machine import Machine
from .model import Connection, Facts, Interrupted, Reading, Rule
from .options import Options
from .reading import Probe, no_root, take
from .report import Line, Piece, Screen, line
from .runner import Following
from .settings import Settings
from .status import UNKNOWN, Hop, Status
from .text import _

__all__ = ["Change", "Flow", "Look", "Rate", "changes", "flows", "is_event", "run"]

MONITOR = ("/sbin/route", "-n", "monitor")
# One change of the network is some ten messages within a few milliseconds.
SETTLE = 0.2
# What an event does not tell is seen after so long, and everything after FULL.
SLOW = 15.0
FULL = 300.0
# Events that change nothing (AirDrop's interface comes and goes all day) are looked at ever less.
CALM = (0.0, 1.0, 2.0, 4.0)
QUIET = 30.0
# A wait that took so much longer than it should: the Mac slept, or its clock was set.
UNSEEN = 3.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A rate over less is noise.
SHORTEST = 1.0
REMEMBERED = 8
SHOWN_FLOWS = 8

# What an event may have changed at once: a person waits for it.
AT_EVENT = (
    "default_route",
    "public_route",
    "interfaces",
    "main_nat",
    "children",
    "containers",
)
# What no event tells.
AT_LEISURE = (
    "forwarding",
    "pf_enabled",
    "main_nat",
    "main_rules",
    "anchor_nat",
    "children",
    "containers",
)
STATES = Probe(("/sbin/pfctl", "-v", "-s", "state"), parse.connections, root=True)

_MESSAGE = re.compile(
    rb"RTM_(?:NEWADDR|DELADDR|IFINFO)\b|RTM_(?:ADD|DELETE|CHANGE): (?!.*\bHOST\b)"
)


class SessionLike(Protocol):
    """What the task needs of a run (session.Session)."""

    machine: Machine
    settings: Settings
    screen: Screen
    options: Options

    def draw(self, lines: Sequence[Line], found: Facts) -> None:
        """Where asked for, the picture of what was shown."""


@dataclass(frozen=True)
class Look:
    """The Mac at one moment: `at` in seconds since 1970, `tick` on a clock that is never set."""

    at: float
    tick: float
    facts: Facts
    desired: Desired
    status: Status
    states: Reading[Tuple[Connection, ...]]


@dataclass(frozen=True)
class Change:
    """Something that became another: a hop's name, or `unseen` for a time without a look."""

    at: float
    hop: str
    before: Optional[Hop] = None
    now: Optional[Hop] = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Rate:
    """What a translator's rules count: packets and new states a second (None: not known yet), and
    states now."""

    packets: Optional[float]
    begun: Optional[float]
    states: int


@dataclass(frozen=True)
class Flow:
    """What a container sends to an address: connections, and bytes since they began."""

    container: str
    target: str
    connections: int
    sent: int


# -- judging; pure


def is_event(message: bytes) -> bool:
    """Whether a line of `route -n monitor` may be a change of the way; hosts' routes never are
    (macos.md, 14)."""
    return _MESSAGE.match(message) is not None


def judged(found: Facts, desired: Desired) -> Status:
    """The hops without their counters, which always change."""

    def still(reading: Reading[Tuple[Rule, ...]]) -> Reading[Tuple[Rule, ...]]:
        if reading.value is None:
            return reading
        rules = tuple(dataclasses.replace(rule, packets=None) for rule in reading.value)
        return dataclasses.replace(reading, value=rules)

    children = {name: still(reading) for name, reading in found.sharing_children.items()}
    quiet = dataclasses.replace(
        found, anchor_nat=still(found.anchor_nat), sharing_children=children
    )
    return status.look(quiet, desired)


def changes(before: Look, now: Look) -> Tuple[Change, ...]:
    """The hops that became others."""

    def hops(look: Look) -> Dict[str, Hop]:
        fence = look.status.fence
        named = {hop.hop: hop for hop in look.status.hops}
        return named if fence is None else {**named, "fence": fence}

    old, new = hops(before), hops(now)
    return tuple(
        Change(now.at, name, old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if _said(old.get(name)) != _said(new.get(name))
    )


def _said(hop: Optional[Hop]) -> Optional[Tuple[str, str]]:
    return None if hop is None else (hop.state, hop.evidence)


def _counted(found: Facts) -> Dict[str, Tuple[int, int]]:
    """Packets and states of our rules and of vmnet's; without those that could not be read."""
    groups = {"ours": [found.anchor_nat], "vmnet": list(found.sharing_children.values())}
    counted: Dict[str, Tuple[int, int]] = {}
    for name, readings in groups.items():
        rules = [rule for reading in readings for rule in reading.value or ()]
        if any(reading.known for reading in readings):
            counted[name] = (
                sum(rule.packets or 0 for rule in rules),
                sum(rule.states or 0 for rule in rules),
            )
    return counted


def rates(before: Optional[Look], now: Look) -> Dict[str, Rate]:
    """Packets a second since a look before; a counter that fell back was begun anew."""
    first = _counted(before.facts) if before is not None else {}
    made: Dict[str, Rate] = {}
    for name, (packets, states) in _counted(now.facts).items():
        rate = Rate(None, None, states)
        if before is not None and name in first and now.tick - before.tick >= SHORTEST:
            seconds = now.tick - before.tick
            grown = packets - first[name][0]
            begun = (states - first[name][1]) / seconds
            rate = Rate((grown if grown >= 0 else packets) / seconds, begun, states)
        made[name] = rate
    return made


def flows(
    states: Sequence[Connection], found: Facts, subnets: Sequence[IPv4Network]
) -> Tuple[Flow, ...]:
    """What each container sends, the most first; a container is named where `container ls` does."""
    names = {
        place.address: run.id
        for run in found.containers.value or ()
        for place in run.attachments
        if place.address is not None
    }
    sums: Dict[Tuple[str, str], Tuple[int, int]] = {}
    for each in states:
        ends = ((each.source, each.target, each.sent), (each.target, each.source, each.received))
        for own, other, sent in ends:
            if any(own in subnet for subnet in subnets):
                key = (names.get(own, str(own)), names.get(other, str(other)))
                count, total = sums.get(key, (0, 0))
                sums[key] = (count + 1, total + sent)
                break
    made = [Flow(own, other, count, sent) for (own, other), (count, sent) in sums.items()]
    return tuple(sorted(made, key=lambda f: (-f.sent, -f.connections, f.container, f.target)))


# -- looking


@dataclass
class Watch:
    """One run: the last looks, what changed, and where it is shown."""

    session: SessionLike
    show: Callable[[Watch, str, Sequence[Change]], None]
    last: Optional[Look] = None
    rates: Dict[str, Rate] = field(default_factory=dict)
    since: Dict[str, float] = field(default_factory=dict)
    changed: Deque[Change] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    listening: bool = False
    _counted_at: Optional[Look] = None
    _rest: bytes = b""
    _idle: int = 0
    _heard: float = -math.inf
    _due: Dict[str, float] = field(default_factory=dict)

    def look(self, why: str) -> None:
        """Look, compare, show. `why` is `start`, `event`, `slow` or `full`."""
        session, machine = self.session, self.session.machine
        before = self.last
        if before is None or why in ("start", "full"):
            found = facts.gather(machine, session.settings)
        else:
            names = AT_EVENT if why == "event" else AT_LEISURE
            found = facts.reread(machine, before.facts, names)
            if why == "slow" and _lost(before.facts, found):
                # A ticket of sudo's that ran out, a program that is gone: all is asked again.
                found = facts.gather(machine, session.settings)
        states = self._states(found) if before is None or why != "event" else before.states
        desired = desire(found, session.settings)
        now = Look(time.time(), time.monotonic(), found, desired, judged(found, desired), states)
        made = changes(before, now) if before is not None else ()
        if before is None or self._counted_at is None:
            self._counted_at = now
            self.rates = rates(None, now)
        elif now.tick - self._counted_at.tick >= SHORTEST:
            self.rates = rates(self._counted_at, now)
            self._counted_at = now
        self.last = now
        if why == "event":
            self._idle = 0 if made else min(self._idle + 1, len(CALM) - 1)
            if made:
                # Networks, anchors and the service may have changed with it.
                self._due["full"] = now.tick + SHORTEST
        self._note(made)
        self.show(self, why, made)

    def _states(self, found: Facts) -> Reading[Tuple[Connection, ...]]:
        return take(self.session.machine, STATES) if found.sudo.value else no_root(STATES)

    def _note(self, made: Sequence[Change]) -> None:
        for change in made:
            self.changed.append(change)
            self.since[change.hop] = change.at

    def go_on(self, following: Optional[Following], woken: int) -> None:
        """Look until a signal ends it. `woken` is readable when the window has another size."""
        self.look("start")
        assert self.last is not None
        self._due.update(slow=self.last.tick + SLOW, full=self.last.tick + FULL)
        with selectors.DefaultSelector() as selector:
            selector.register(woken, selectors.EVENT_READ, "size")
            if following is not None:
                selector.register(following, selectors.EVENT_READ, "event")
            ahead = time.time() - time.monotonic()
            while True:
                began = time.time()
                wait = max(0.0, min(self._due.values()) - time.monotonic())
                ready = selector.select(wait)
                # While a Mac sleeps, its monotonic clock stands still.
                before, ahead = ahead, time.time() - time.monotonic()
                passed = max(time.time() - began - wait, ahead - before)
                if passed > UNSEEN:
                    self._unseen(passed)
                for key, _events in ready:
                    if key.data == "size":
                        os.read(woken, 64)
                        self.show(self, "size", ())
                    elif following is not None and not self._hear(following):
                        selector.unregister(following)
                self._act()

    def _unseen(self, seconds: float) -> None:
        self._note((Change(time.time(), "unseen", seconds=seconds),))
        self._due["full"] = 0.0

    def _hear(self, following: Following) -> bool:
        """Read events; False where there will be no more."""
        said = following.take()
        if said is None:
            self.listening = False
            return False
        *lines, self._rest = (self._rest + said).split(b"\n")
        if any(map(is_event, lines)):
            now = time.monotonic()
            if now - self._heard > QUIET:
                self._idle = 0
            self._heard = now
            self._due.setdefault("event", now + SETTLE + CALM[self._idle])
        return True

    def _act(self) -> None:
        now = time.monotonic()
        ready = {name for name, at in self._due.items() if at <= now}
        # An event first: somebody waits for it.
        for name in ("event", "full", "slow"):
            if name not in ready:
                continue
            self._due.pop(name)
            self.look(name)
            now = time.monotonic()
            self._due["slow"] = now + SLOW if name != "event" else self._due["slow"]
            self._due.setdefault("full", now + FULL)
            if name == "full":
                self._due["full"] = now + FULL
            return


def _lost(before: Facts, now: Facts) -> bool:
    """Something could be read before and cannot now."""
    return any(
        isinstance(was, Reading) and was.known and not getattr(now, name).known
        for name, was in vars(before).items()
    )


# -- saying


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%H:%M:%S")


def told(change: Change) -> str:
    """A change on one line, without its time."""
    if change.hop == "unseen":
        return _("{span} not seen: asleep, or the clock was set").format(span=span(change.seconds))
    title = report.hop_titles()[change.hop]
    before, now = change.before, change.now
    if before is not None and now is not None and before.state == now.state:
        return f"{title}: {before.evidence} → {now.evidence}"
    words = " → ".join(report.state_word(h.state) for h in (before, now) if h is not None)
    return f"{title}: {words}" + (f": {now.evidence}" if now is not None else "")


def traffic(watch: Watch) -> str:
    """What our rules and vmnet's translate."""
    titles = {"ours": _("our NAT"), "vmnet": _("vmnet's NAT")}
    parts = []
    for name, rate in watch.rates.items():
        packets = "?" if rate.packets is None else f"{rate.packets:.1f}"
        begun = "" if not rate.begun else f" ({rate.begun:+.1f}/s)"
        parts.append(
            _("{who} {packets} packets/s, {states} states").format(
                who=titles[name], packets=packets, states=rate.states
            )
            + begun
        )
    return "; ".join(parts)


def unseen(found: Facts) -> str:
    """What cannot be seen without root; empty where it can."""
    if found.sudo.value:
        return ""
    return _("not seen without root: rules, counters, connections; run `sudo -v` first")


def _flows(watch: Watch) -> Tuple[Flow, ...]:
    look = watch.last
    if look is None or look.states.value is None:
        return ()
    return flows(look.states.value, look.facts, [s.cidr for s in look.desired.subnets])


def size(count: int) -> str:
    """Bytes as people read them."""
    value, unit = float(count), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def picture(watch: Watch) -> List[Line]:
    """Everything, for a terminal or a picture."""
    look = watch.last
    assert look is not None
    marks: Dict[str, Piece] = {
        hop: ("  " + _("since {time}").format(time=_clock(at)), "cure")
        for hop, at in watch.since.items()
    }
    lines = report.headline(look.facts, watch.session.machine.sysroot)
    lines += report.status_lines(look.status, marks)
    if watch.rates:
        lines += [line(), line(traffic(watch))]
    sent = _flows(watch)
    if sent:
        shown = sent[:SHOWN_FLOWS]
        first = max(len(f.container) for f in shown)
        second = max(len(f.target) for f in shown)
        lines.append(line(_("What the containers send:"), "head"))
        lines += [
            (
                (f"  {f.container:<{first}} → {f.target:<{second}}  ", ""),
                (
                    _("connections: {count}").format(count=f.connections) + f", {size(f.sent)}",
                    "dim",
                ),
            )
            for f in shown
        ]
        if len(sent) > len(shown):
            lines.append(
                line("  " + _("and {count} more").format(count=len(sent) - len(shown)), "dim")
            )
    if watch.changed:
        lines += [line(), line(_("What changed:"), "head")]
        lines += [((f"  {_clock(c.at)}  ", "dim"), (told(c), "")) for c in watch.changed]
    lines.append(line())
    for text in (unseen(look.facts), "" if watch.listening else _no_events()):
        if text:
            lines.append(((_("note") + ": ", "dim"), (text, UNKNOWN)))
    looked = _("looked at {time}; Ctrl-C ends it").format(time=_clock(look.at))
    return [*lines, line(looked, "dim")]


def _no_events() -> str:
    return _("`{command}` tells nothing: changes are seen within {seconds} s").format(
        command=" ".join(MONITOR), seconds=round(SLOW)
    )


def data(watch: Watch, why: str, made: Sequence[Change]) -> Dict[str, Any]:
    """One line of `--json` (schema 1)."""
    look = watch.last
    assert look is not None

    def hop(one: Optional[Hop]) -> Optional[Dict[str, Any]]:
        return None if one is None else {"state": one.state, "evidence": one.evidence}

    def moment(at: float) -> str:
        return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")

    hops = [*look.status.hops, *([look.status.fence] if look.status.fence else [])]
    return {
        "schema": parse.SCHEMA,
        "version": __version__,
        "at": moment(look.at),
        "why": why,
        "ok": look.status.ok,
        "path": [{"hop": h.hop, **(hop(h) or {}), "cure": h.cure} for h in hops],
        "since": {name: moment(at) for name, at in watch.since.items()},
        "changes": [
            {"at": moment(c.at), "hop": c.hop, "before": hop(c.before), "now": hop(c.now)}
            for c in made
        ],
        "nat": {
            name: {
                "packets_per_second": rate.packets,
                "states_per_second": rate.begun,
                "states": rate.states,
            }
            for name, rate in watch.rates.items()
        },
        "sends": [vars(flow) for flow in _flows(watch)],
        "unseen": unseen(look.facts) or None,
        "listening": watch.listening,
    }


# -- the run


class _Gone(Exception):
    """Nobody reads any more: a closed window, `| head`."""


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        raise _Gone from None


def _plain(watch: Watch, why: str, made: Sequence[Change]) -> None:
    """For a pipe: the way at first, then what changes, and the traffic where there is some."""
    look = watch.last
    assert look is not None
    time_of = datetime.fromtimestamp(look.at).strftime("%Y-%m-%d %H:%M:%S")
    texts = []
    if why == "start":
        titles = report.hop_titles()
        texts += [
            f"{titles[h.hop]}: {report.state_word(h.state)}: {h.evidence}" for h in look.status.hops
        ]
        texts += filter(None, (unseen(look.facts), "" if watch.listening else _no_events()))
    texts += [told(c) for c in watch.changed if c.hop == "unseen" and c.at > look.at - UNSEEN]
    texts += map(told, made)
    if why in ("slow", "full") and any(rate.packets for rate in watch.rates.values()):
        texts.append(traffic(watch))
    lines = report.called([line(f"{time_of}  {text}") for text in texts])
    _write("".join(row[0][0] + "\n" for row in lines))


def _json(watch: Watch, why: str, made: Sequence[Change]) -> None:
    if why != "size":
        _write(json.dumps(data(watch, why, made), ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _drawn() -> Iterator[Callable[[Watch, str, Sequence[Change]], None]]:
    """On a terminal: a screen of its own, and the former one back at the end."""
    from rich.console import Console, Group
    from rich.live import Live

    live = Live(
        # A window that has been closed is no terminal any more, and rich would be silent for ever.
        console=Console(file=sys.stdout, highlight=False, force_terminal=True),
        screen=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def show(watch: Watch, _why: str, _made: Sequence[Change]) -> None:
        rows = report.folded(report.called(picture(watch)))
        live.update(Group(*map(report.rich_text, rows)), refresh=True)

    try:
        try:
            # rich cannot end what was interrupted while it began.
            with _put_off():
                live.start()
            yield show
        finally:
            live.stop()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        raise _Gone from None


@contextlib.contextmanager
def _put_off() -> Iterator[None]:
    """A signal that ends the watch is heard afterwards."""
    came: List[int] = []
    former = {n: signal.getsignal(n) for n in ENDS}
    heard = [n for n in ENDS if former[n] != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, former[number])
    if came:
        signal.raise_signal(came[0])


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """The first signal that ends it is the last that is heard; readable: the window's size is
    another."""
    heard = [n for n in ENDS if signal.getsignal(n) != signal.SIG_IGN]

    def stop(number: int, _frame: Optional[FrameType]) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    former = {n: signal.getsignal(n) for n in (*heard, signal.SIGWINCH)}
    try:
        signal.signal(signal.SIGWINCH, lambda _number, _frame: os.write(writing, b"."))
        for number in heard:
            signal.signal(number, stop)
        yield reading
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def run(session: SessionLike) -> int:
    """Watch until Ctrl-C, which is 0, as is a reader that has gone. Raises Interrupted for another
    signal."""
    if session.options.svg:
        from .doctor_report import check_path

        check_path(Path(session.options.svg), "svg")
    watch = Watch(session, _plain)
    number: int = signal.SIGINT
    try:
        with contextlib.ExitStack() as stack:
            _watch(watch, stack)
    except KeyboardInterrupt as end:
        number = end.args[0] if end.args else number
    except _Gone:
        # Python's own farewell to the stream would complain once more.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if watch.last is not None:
        session.draw(picture(watch), watch.last.facts)
    if number != signal.SIGINT and session.screen.as_json:
        # An error's object has many lines, and a reader of this stream takes one at a time.
        return Interrupted.code
    if number != signal.SIGINT:
        raise Interrupted(_("interrupted"))
    return 0


def _watch(watch: Watch, stack: contextlib.ExitStack) -> None:
    session = watch.session
    woken = stack.enter_context(_signals())
    following: Optional[Following] = None
    with contextlib.suppress(OSError):
        following = stack.enter_context(session.machine.follow(MONITOR))
    watch.listening = following is not None
    if session.screen.as_json:
        watch.show = _json
    elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        watch.show = stack.enter_context(_drawn())
    watch.go_on(following, woken)
