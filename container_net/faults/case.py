"""What a recogniser judges, and what it says: a case, and findings with their evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple, TypeVar

from ..desired import Desired, bridge_of
from ..model import Facts, Problem, Reading, Rule, Subnet
from ..parse import excerpt
from ..probes import Extra, Guest
from ..text import _
from .fault import Step

__all__ = [
    "ABSENT",
    "NOTE",
    "POSSIBLE",
    "PRESENT",
    "UNKNOWN",
    "Case",
    "Contradiction",
    "Finding",
    "Unread",
    "log_line",
    "need",
    "quote",
    "timed_out",
]

PRESENT, POSSIBLE, ABSENT, UNKNOWN = "present", "possible", "absent", "unknown"
# Nothing is broken by it, and it may explain what somebody sees: exit 0.
NOTE = "note"

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What is known of one fault.

    `evidence` are lines that quote what was read. `missing` are the sources that could not be read
    and without which nothing can be said. `apart` names faults that cannot be told from this one
    by any output. `fill` are the words of the cure that are known here (catalogue, PLACEHOLDERS).
    `steps` are the cure where it is another one here than the catalogue's; `fix` is the task of
    this tool that mends it here, empty where none does.
    """

    id: str
    state: str
    evidence: Tuple[str, ...] = ()
    missing: Tuple[Reading[Any], ...] = field(default=(), compare=False)
    apart: Tuple[str, ...] = ()
    fill: Tuple[Tuple[str, str], ...] = ()
    steps: Tuple[Step, ...] = ()
    fix: str = ""


class Unread(Exception):
    """A reading without which a recogniser can say nothing."""

    def __init__(self, reading: Reading[Any]) -> None:
        super().__init__(reading.why)
        self.reading = reading


class Contradiction(Exception):
    """Two readings that cannot both be true, or text that is no answer. The lines quote them."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


def need(reading: Reading[T]) -> T:
    """The value of a reading whose value is never None. Raises Unread."""
    if reading.value is None:
        raise Unread(reading)
    return reading.value


def quote(reading: Reading[Any], text: str = "") -> str:
    """An evidence line: where it was read, and what it said."""
    return f"{reading.source} → {excerpt(text, 240)}" if text else reading.source


def timed_out(reading: Reading[Any]) -> bool:
    """Whether a command was waited for in vain."""
    return reading.problem is Problem.NO_ANSWER


# Every line that pfctl prints for `-s nat` and `-s rules` begins with one of these; an anchor's
# name stands in quotes.
_RULE = re.compile(
    r"(@\d+ )?(no )?(nat|rdr|binat|scrub|pass|block|match|dummynet|"
    r'(nat|rdr|binat|scrub|dummynet)-anchor "[^"]+"|anchor( "[^"]+")?)( .+)?'
)


def rules(reading: Reading[Tuple[Rule, ...]], *, counted: bool = False) -> Tuple[Rule, ...]:
    """Rules that are rules, all of them. Raises Unread, or Contradiction for text that is none.

    `counted`: read with -v, so that each has its counters; a rule without was cut off.
    """
    found = need(reading)
    for rule in found:
        if not _RULE.fullmatch(rule.text) or (counted and rule.evaluations is None):
            raise Contradiction(quote(reading, rule.text))
    return found


@dataclass(frozen=True)
class Case:
    """Everything that was read from one Mac."""

    facts: Facts
    desired: Desired
    extra: Extra
    asks_as_root: bool = False
    """`container` is asked as root, and no other user is known to ask as (F38)."""
    kept: Dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What several recognisers want to know, once it was worked out."""

    # -- container

    @property
    def version(self) -> Optional[Tuple[int, ...]]:
        """container's version, None where it is not known."""
        text = self.facts.container_version.value
        return tuple(int(part) for part in text.split(".")) if text else None

    @property
    def system(self) -> Optional[int]:
        """The major version of macOS, None where it is not known."""
        text = self.facts.os_version.value
        return int(text.split(".")[0]) if text else None

    @property
    def stopped(self) -> bool:
        """container is not there, or its service does not run: nothing depends on the way."""
        return self.facts.container_path is None or self.facts.container_service.value in (
            "not running",
            "unregistered",
        )

    def served(self) -> Tuple[Tuple[Subnet, str], ...]:
        """The NAT networks of container whose bridge is up, with that bridge. Raises Unread."""
        if self.stopped:
            return ()
        need(self.facts.interfaces)
        if self.facts.networks.value is None and need(self.facts.os_version) and self.system != 15:
            # Before macOS 26 there is no `container network`, and one fixed subnet.
            raise Unread(self.facts.networks)
        found = [(s, bridge_of(self.facts, s)) for s in self.desired.nat_subnets]
        return tuple((s, b) for s, b in found if b is not None)

    def uplinks(self) -> Tuple[str, ...]:
        """The interfaces by which packets leave now. Raises Unread, Contradiction."""
        for reading in (self.facts.default_route, self.facts.public_route):
            if not reading.known:
                raise Unread(reading)
        names = {i.name for i in need(self.facts.interfaces)}
        for name in self.desired.uplinks.needed:
            if name not in names:
                raise Contradiction(
                    quote(self.facts.default_route, name),
                    _("{command} shows no {name}").format(
                        command=self.facts.interfaces.source, name=name
                    ),
                )
        return self.desired.uplinks.needed

    def guest(self) -> Optional[Guest]:
        """The probe in a container; None where none was asked for. Raises Unread."""
        if self.extra.guest is None:
            return None
        return need(self.extra.guest)

    def row(self, name: str) -> str:
        """An evidence line of the probe in a container."""
        assert self.extra.guest is not None
        guest = need(self.extra.guest)
        row = guest.rows.get(name)
        told = f"{row.state} ({row.detail})" if row else "none"
        return quote(self.extra.guest, f"{name}: {told}")


def log_line(case: Case, pattern: re.Pattern[str]) -> Optional[str]:
    """A line of container's log, where it was read and has one. Raises Unread."""
    if case.extra.logs is None:
        return None
    found = [line for line in need(case.extra.logs) if pattern.search(line)]
    return quote(case.extra.logs, found[-1]) if found else None
