"""What happened: the boot script's own lines in the unified log, and when it ran.

One `log show` is asked for what the script said through logger, for the line in which launchd says
that a run of the job has ended and how long it took, and for the moments at which the Mac started
or its clock was set. The daemon runs every minute: where a run is on record and said nothing,
nothing had to be done; where none is on record, nothing is known, and that is what is said
(macos.md, 14).
"""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Dict, Generator, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import facts, parse
from .machine import CommandResult, Machine
from .model import BadInput, Missing
from .parse import Unreadable, excerpt
from .reading import Probe, take
from .text import _

__all__ = [
    "CLOCK",
    "CUT",
    "GAP",
    "RUN",
    "START",
    "Act",
    "History",
    "Row",
    "read",
    "rows",
    "sentence",
    "span",
]

SINCE = "24h"
# On a Mac that logs much, a day of it is searched for some ten seconds.
LIMIT = 60.0
# Three of the daemon's minutes; a run itself may take half a minute.
QUIET = 180.0
# The boot script ends what takes longer (docs/how-it-works.md).
RUN_LIMIT = 35.0
# Clocks are corrected by fractions of a second all day long.
STEP = 2.0

# logger's lines are told apart here and not in the predicate: whether the tag stands in front of
# the message is not established (macos.md, 15).
PREDICATE = (
    'process == "logger" OR eventType == timesyncEvent OR (process == "launchd" AND '
    f'subsystem BEGINSWITH "system/{facts.DAEMON_LABEL}" AND '
    'eventMessage BEGINSWITH "exited due to")'
)
COMMAND = ("/usr/bin/log", "show", "--style", "ndjson", "--info", "--predicate", PREDICATE)

RUN, START, CLOCK, GAP, CUT = "run", "start", "clock", "gap", "cut"
WAY, RULES, CALL, PF, FORWARDING, FILE, FAILED, OTHER = (
    "way", "rules", "call", "pf", "forwarding", "file", "failed", "other",
)  # fmt: skip

# What the script says (templates/reconcile.sh.j2).
_SAID: Tuple[Tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words))
    for kind, words in (
        (WAY, r"ended the states of (\S+): the way out is (\S+), it was (\S+)"),
        (RULES, r"loaded our rules into com\.apple/\S+"),
        (PF, r"enabled pf with the token [0-9]+"),
        (PF, r"took up the reference [0-9]+ of a run that was cut off"),
        (FORWARDING, r"set net\.inet\.ip\.forwarding to 1, it was 0"),
        (CALL, r"pf calls our rules again"),
        (FAILED, r"pf calls com\.apple/\S+ no more: sudo pfctl -f /etc/pf\.conf"),
        (FILE, r"made /\S+, which was missing"),
        (FILE, r"wrote /\S+ again, which held something else"),
        (FILE, r"the record of this boot was damaged and is begun anew: /\S+"),
        (FAILED, r".*; the next event tries again"),
        (FAILED, r"/\S+ cannot be written"),
        (FAILED, r"the data in this script are damaged: nothing is done"),
        (FAILED, r".* took is not known"),
    )
)
_TAG = re.compile(r"container-net(\[[0-9]+\])?: ")
_TIME, _EXIT = b'"timestamp":"', b'"eventMessage":"exited due to '
_FINE = "exited due to exit(0)"
_RAN = re.compile(r"(exited due to .*), ran for ([0-9]{1,12})ms")
_SINCE = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Act:
    """One thing that a run did, or could not do: its kind, and the script's own words."""

    kind: str
    said: str
    subnet: str = ""
    now: str = ""
    before: str = ""
    """Of WAY: the way out now and before, `-` where there was none."""


@dataclass(frozen=True)
class Row:
    """Something in the past, from `at` to `until` (seconds since 1970).

    RUN: a run that did something, `count` times in a row; `seconds` is what launchd says the last
    one took. START: the Mac started. CLOCK: its clock was put back, from `at` to `until`. GAP: no
    run is on record; `why` is START or CLOCK where one of them ends it, CUT where the log was not
    read on, else empty.
    """

    kind: str
    at: float
    until: float
    acts: Tuple[Act, ...] = ()
    seconds: Optional[float] = None
    count: int = 1
    why: str = ""


@dataclass(frozen=True)
class History:
    """What is on record between two moments. `runs`: how many runs launchd told of. `cut`: why the
    log was not read to its end. `loaded`: whether launchd has the job now; None: not known. `kept`:
    whether net.persist is in force by our record. `ways`: subnet and way out at the last run."""

    since: float
    now: float
    rows: Tuple[Row, ...]
    runs: int
    cut: str = ""
    loaded: Optional[bool] = None
    last_exit: str = ""
    kept: Optional[bool] = None
    ways: Tuple[Tuple[str, str], ...] = ()


class _Record(NamedTuple):
    """A line of the log that matters: `said` by the script, an `exit` of a run, START, CLOCK."""

    at: float
    kind: str
    text: str = ""
    ran: float = 0.0


# -- lines


def _records(lines: Iterable[bytes]) -> Iterator[_Record]:
    """The lines of `log show --style ndjson` that matter, in their order; others are read over."""
    days: Dict[bytes, float] = {}
    for line in lines:
        place = line.find(_TIME) + len(_TIME)
        at = _moment(line[place : place + 31], days)
        if at is None:
            continue
        # One a minute: json would take half of the time for them.
        first = line.find(_EXIT)
        if first >= 0:
            first += len(_EXIT) - len("exited due to ")
            words = line[first : line.find(b'"', first)].decode("latin-1")
            ran = _RAN.fullmatch(words)
            yield _Record(at, "exit", *((ran[1], int(ran[2]) / 1000) if ran else (words, 0.0)))
            continue
        try:
            found = json.loads(line)
        except ValueError:
            continue
        text = found.get("eventMessage")
        if not isinstance(text, str):
            continue
        if found.get("eventType") == "timesyncEvent":
            if text.startswith("=== system boot"):
                yield _Record(at, START)
            elif text.startswith("=== system wallclock"):
                yield _Record(at, CLOCK)
        elif str(found.get("processImagePath")).endswith("/logger"):
            said = _TAG.sub("", text, count=1)
            if said != text or _act(text).kind != OTHER:
                yield _Record(at, "said", said)


def _moment(text: bytes, days: Dict[bytes, float]) -> Optional[float]:
    """`2026-10-04 17:50:33.803491+0200` as seconds since 1970. `days` are those read before."""
    day = text[:11] + text[26:]
    try:
        if day not in days:
            days[day] = datetime.strptime(day.decode("ascii"), "%Y-%m-%d %z").timestamp()
        return days[day] + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + float(text[17:26])
    except ValueError:
        return None


def _act(said: str) -> Act:
    for kind, words in _SAID:
        match = words.fullmatch(said)
        if match:
            return Act(kind, excerpt(said, 240), *match.groups())
    return Act(OTHER, excerpt(said, 240))


# -- rows


def rows(
    lines: Iterable[bytes], since: float, now: float, cut: Sequence[str] = ()
) -> Tuple[Tuple[Row, ...], int]:
    """What the lines tell of the time from `since` to `now`, and how many runs are on record. Pure.

    `cut` says, once the lines have come to an end, why that was too early; empty where it was not.
    """
    teller = _Teller(since)
    for record in _records(lines):
        teller.take(record)
    return teller.end(now, cut), teller.runs


class _Teller:
    """Makes rows of records. `last`: up to when it is known what the daemon did."""

    def __init__(self, since: float) -> None:
        self.made: List[Row] = []
        self.runs = 0
        self.last = since
        self._acts: List[_Record] = []
        self._why = ""
        self._rested = True

    def take(self, record: _Record) -> None:
        usual = record.text == _FINE and not self._acts and not self._why
        if usual and 0 <= record.at - self.last <= QUIET:
            # Nearly all of them.
            self.last, self._rested = record.at, True
            self.runs += 1
            return
        if record.at < self.last - STEP:
            self._flush()
            self.made.append(Row(CLOCK, self.last, record.at))
            self.last = record.at
        if record.kind in (START, CLOCK):
            self._flush()
            self._why = record.kind
            if record.kind == START:
                self._known(record.at)
                self.made.append(Row(START, record.at, record.at))
            return
        if self._acts and record.at - record.ran > self._acts[-1].at + STEP:
            # Of an earlier run, of whose end launchd's line is missing.
            self._flush()
        self._known(record.at - record.ran)
        self.last = max(self.last, record.at)
        if record.kind == "said":
            self._acts.append(record)
            return
        self.runs += 1
        failed = record.text != _FINE
        if failed and not self._acts:
            self._acts.append(record)
        if self._acts:
            self._flush(record.ran)
        else:
            self._rested = True

    def end(self, now: float, cut: Sequence[str]) -> Tuple[Row, ...]:
        self._flush()
        self._why = CUT if cut else ""
        self._known(now)
        return tuple(self.made)

    def _known(self, at: float) -> None:
        """From here on something is known again."""
        if at - self.last > QUIET or (self._why == CUT and at > self.last):
            self.made.append(Row(GAP, self.last, at, why=self._why))
            self._rested = True
        self._why = ""
        self.last = max(self.last, at)

    def _flush(self, ran: Optional[float] = None) -> None:
        if not self._acts:
            return
        acts = tuple(dict.fromkeys(self._one(record) for record in self._acts))
        first, last = self._acts[0].at, self._acts[-1].at
        self._acts = []
        before = self.made[-1] if self.made else None
        same = before is not None and before.kind == RUN and before.acts == acts
        if before is not None and same and not self._rested:
            self.made[-1] = replace(before, until=last, seconds=ran, count=before.count + 1)
        else:
            self.made.append(Row(RUN, first, last, acts, ran))
        self._rested = False

    @staticmethod
    def _one(record: _Record) -> Act:
        return Act(FAILED, record.text) if record.kind == "exit" else _act(record.text)


# -- reading


def read(machine: Machine, since: Optional[str] = None, limit: float = LIMIT) -> History:
    """Ask a Mac. `since` is 30m, 2h, 7d, a date or a date with a time; `limit` is in seconds.

    Raises BadInput for another `since`, Missing where the log cannot be read.
    """
    clock = take(machine, Probe(("/bin/date", "+%s"), _seconds))
    if clock.value is None:
        raise Missing(_("cannot read: {why}").format(why=clock.why))
    now = float(clock.value)
    words, first = _from(since or SINCE, now)
    state, boot, _files = facts.own_files(machine)
    label = f"system/{facts.DAEMON_LABEL}"
    job = take(machine, Probe(("/bin/launchctl", "print", label), parse.job))
    loaded, _state, last_exit = job.value or (None, "", "")
    cut: List[str] = []
    with contextlib.closing(_lines(machine, (*COMMAND, *words), limit, cut)) as lines:
        found, runs = rows(lines, first, now, cut)
    return History(
        first,
        now,
        found,
        runs,
        cut="; ".join(cut),
        loaded=loaded,
        last_exit=last_exit,
        kept=bool(state.value and state.value.persisted) if state.known else None,
        ways=boot.value.egress if boot.value is not None else (),
    )


def _seconds(answer: CommandResult) -> int:
    text = answer.out.strip()
    if answer.code != 0 or not re.fullmatch("[0-9]{9,11}", text):
        raise Unreadable(excerpt(answer.err or answer.out) or _("it printed nothing"))
    return int(text)


def _from(since: str, now: float) -> Tuple[Tuple[str, str], float]:
    """How `log show` is told since when, and that moment. Raises BadInput."""
    last = _SINCE.fullmatch(since)
    if last:
        return ("--last", since), now - int(last.group(1)) * _UNITS[last.group(2)]
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            read = time.strptime(since.replace("T", " "), form)
            first = time.mktime(read)
        except (ValueError, OverflowError):
            continue
        if first < now:
            return ("--start", time.strftime("%Y-%m-%d %H:%M:%S", read)), first
    raise BadInput(
        _("--since is {value}: give 30m, 2h, 7d, or a date in the past such as {date}.").format(
            value=repr(since), date=time.strftime("%Y-%m-%d", time.localtime(now))
        )
    )


def _lines(
    machine: Machine, argv: Sequence[str], limit: float, cut: List[str]
) -> Generator[bytes, None, None]:
    """What a command prints, line by line as it comes: a month of it would fill the memory.

    Raises Missing where it says nothing and fails; where it ends too early, `cut` gets why.
    """
    until = time.monotonic() + limit
    rest, some = b"", False
    try:
        started = machine.follow(argv)
    except OSError as error:
        raise Missing(_("cannot read: {why}").format(why=f"{argv[0]}: {error.strerror}")) from None
    with started as following, selectors.DefaultSelector() as selector:
        selector.register(following, selectors.EVENT_READ)
        while True:
            left = until - time.monotonic()
            if left <= 0 or following.cancelled():
                cut.append(_("no answer in {seconds} s").format(seconds=round(limit)))
                return
            selector.select(min(left, 0.2))
            chunk = following.take()
            if chunk is None:
                break
            *complete, rest = (rest + chunk).split(b"\n")
            some = some or bool(complete)
            yield from complete
        ended = following.ended()
        if ended.code == 0:
            return
        said = excerpt(ended.err.decode("utf-8", "replace")) or f"{argv[0]}: {ended.code}"
        if not some:
            raise Missing(_("cannot read: {why}").format(why=said))
        cut.append(said)


# -- words


def span(seconds: float) -> str:
    """A length of time as people say it, never in more than two units."""
    if seconds < 10:
        return _("{count} s").format(count=f"{seconds:.1f}")
    if seconds < 100:
        return _("{count} s").format(count=round(seconds))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{count} min").format(count=minutes)
    if minutes < 48 * 60:
        return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)
    return _("{days} d {hours} h").format(days=minutes // 1440, hours=minutes % 1440 // 60)


def sentence(row: Row) -> str:
    """What a row tells, on one line."""
    if row.kind == START:
        return _("the Mac started")
    if row.kind == CLOCK:
        return _("the clock was put back by {span}").format(span=span(row.at - row.until))
    if row.kind == GAP:
        whys = {
            START: _("then the Mac started"),
            CLOCK: _("the clock was set meanwhile"),
            CUT: _("the log was not read on"),
        }
        why = whys.get(row.why, _("asleep, off, no boot daemon, or no longer in the log"))
        return _("nothing is known for {span}: {why}").format(
            span=span(row.until - row.at), why=why
        )
    told: List[str] = []
    ways: Dict[Tuple[str, str], List[str]] = {}
    for act in row.acts:
        if act.kind == WAY:
            ways.setdefault((act.before, act.now), []).append(act.subnet)
    for (before, now), subnets in ways.items():
        told.append(
            _("way out {before} → {now}; states of {subnets} ended").format(
                before=_none(before), now=_none(now), subnets=", ".join(subnets)
            )
        )
    words = {
        RULES: _("our rules loaded"),
        PF: _("pf enabled"),
        FORWARDING: _("IP forwarding set to 1"),
    }
    told += [words.get(act.kind, act.said) for act in row.acts if act.kind != WAY]
    text = "; ".join(told)
    if row.count > 1:
        text += " " + _("({count} times)").format(count=row.count)
    return text


def _none(way: str) -> str:
    return _("none") if way == "-" else way
