"""What an entry of the fault catalogue is: plain frozen data, English, marked for translation.

The sentences are stored in English. Whoever shows one passes it through
`container_net.text._` at that moment, since the language is chosen when a task starts and this
data is built when the module is imported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Dict, Mapping, Match, Optional, Pattern, Tuple

from ..text import N_

__all__ = [
    "AUTO",
    "PLACEHOLDERS",
    "SECTIONS",
    "Distinguish",
    "Fault",
    "GuideRow",
    "Searched",
    "Step",
    "Symptom",
    "compiled",
    "literals",
    "said",
    "weight",
]

AUTO = ("yes", "ask", "no", "none")
"""What a tool may do about a fault: `yes`, reversible and inside our own files; `ask`, after a
confirmation, because it stops containers or touches what is not ours; `no`, print the cure only;
`none`, no cure is known."""

PLACEHOLDERS = (
    "BRIDGE",
    "CONTAINER_IP",
    "DOMAIN",
    "FILE",
    "HOST",
    "IMAGE",
    "LINE",
    "NAME",
    "PORT",
    "SUBNET",
)
"""The words of a command that the reader (or doctor) replaces. Capitals and not `<name>`: a shell
would take the angle brackets of a pasted command for redirections."""


@dataclass(frozen=True)
class Symptom:
    """One thing people see.

    `pattern` is a regular expression, matched without regard to case inside one line. It is made
    of literals, classes and bounded repeats only, no groups, and its repeats allow at most 100
    combinations: so the time of a search is proportional to the text (a test holds that).

    `example` is a short text that the pattern matches. Where `verbatim`, a program prints it, and
    it is shown as it is in every language; else it is people's own words, is translated, and
    `korean` is the pattern for the same words in Korean.
    """

    pattern: str
    example: str
    verbatim: bool = True
    korean: str = ""

    @property
    def patterns(self) -> Tuple[str, ...]:
        """The patterns to search for, in every language at once."""
        return (self.pattern, self.korean) if self.korean else (self.pattern,)


def said(pattern: str, example: str, korean: str) -> Symptom:
    """A symptom in people's own words; `example` is a marked literal."""
    return Symptom(pattern, example, verbatim=False, korean=korean)


@dataclass(frozen=True)
class Step:
    """One step of a cure, in order: a sentence, and the command to paste where there is one."""

    text: str
    command: Optional[str] = None


@dataclass(frozen=True)
class Distinguish:
    """What would tell this fault from `other`, where no output of a command can."""

    other: str
    how: str


@dataclass(frozen=True)
class Fault:
    """One row of the catalogue.

    `auto` is one of `AUTO` and speaks of what this tool may do itself; a step that stops
    containers is never taken unasked, whatever the row says. `evidence` holds full URLs, and
    plain words where a source has no address. `consequence_of` names the faults whose presence
    explains this one: a report folds it below them; `yields_to` those that are told before it.
    Faults name one another by `name`. `section` is a key of `SECTIONS`.
    """

    id: str
    name: str
    section: str
    title: str
    symptoms: Tuple[Symptom, ...]
    cause: str
    cure: Tuple[Step, ...]
    auto: str
    versions: str
    evidence: Tuple[str, ...]
    consequence_of: Tuple[str, ...] = ()
    fix: str = ""
    """The task that mends a fault marked `yes`: `setup` or `persist`."""
    distinguish: Tuple[Distinguish, ...] = ()
    yields_to: Tuple[str, ...] = ()
    needs_probe: bool = False
    """Only a probe in a container, or container's log, shows it."""
    unseen: str = ""
    """Why no output of a command shows it: it is found by its symptom alone."""
    systems: Tuple[int, int] = (0, 99)
    """The first and the last major version of macOS that has it."""
    until: Tuple[int, ...] = ()
    """The first version of container that has it no more."""

    def fits(self, system: Optional[int], version: Optional[Tuple[int, ...]]) -> bool:
        """Whether it can be on a Mac of these versions; None where one is not known."""
        first, last = self.systems
        if system is not None and not first <= system <= last:
            return False
        return not (self.until and version is not None and version >= self.until)


@dataclass(frozen=True)
class GuideRow:
    """A row of the guide's trouble table, and the faults that show in this way.

    `faults` is in order of likelihood after the guide's own cause, which stands first.
    """

    id: str
    symptom: str
    symptoms: Tuple[Symptom, ...]
    cause: str
    cure: Tuple[Step, ...]
    first_check: Step
    faults: Tuple[str, ...]


SECTIONS: Mapping[str, str] = {
    "way": N_("The way to the internet"),
    "names": N_("Names (DNS)"),
    "ports": N_("Published ports and the Mac itself"),
    "service": N_("container's own service"),
    "ipv6": N_("IPv6, proxies, isolation, reboots"),
    "image": N_("The agent's image"),
}
"""The parts of the catalogue and their titles, in order."""


@cache
def compiled(pattern: str) -> Pattern[str]:
    """The pattern as it is searched for: ASCII classes, and no regard to ASCII case."""
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


@cache
def literals(pattern: str) -> Tuple[str, ...]:
    """The runs of characters that every match of `pattern` contains, in order.

    Knows the part of the syntax that `Symptom` allows, and nothing else.
    """
    runs = []
    run = ""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            escaped = pattern[at + 1]
            # `\d`, `\s`, `\b` stand for no character of their own; `\.` and `\(` do.
            literal = "" if escaped.isalnum() else escaped
            at += 2
        elif char == "[":
            literal = ""
            at = pattern.index("]", at + 2) + 1
        else:
            literal = "" if char == "." else char
            at += 1
        if pattern[at : at + 1] in ("?", "{"):
            literal = ""
            at = at + 1 if pattern[at] == "?" else pattern.index("}", at) + 1
        if literal:
            run += literal
        elif run:
            runs.append(run)
            run = ""
    if run:
        runs.append(run)
    return tuple(runs)


@cache
def weight(pattern: str) -> int:
    """How much a find of the pattern says: the number of its literal characters."""
    return sum(map(len, literals(pattern)))


@cache
def _longest_first(pattern: str) -> Tuple[str, ...]:
    return tuple(sorted(map(str.lower, literals(pattern)), key=len, reverse=True))


class Searched(Dict[str, bool]):
    """A text that many patterns are looked for in.

    Whether a run of letters is in it is looked for once, since many patterns share one. That rules
    most of them out at a fraction of the cost of the expression itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self._lowered = text.lower()

    def __missing__(self, run: str) -> bool:
        self[run] = found = run in self._lowered
        return found

    def may_have(self, pattern: str) -> bool:
        """Whether all that every match of the pattern contains is there."""
        return all(map(self.__getitem__, _longest_first(pattern)))

    def search(self, pattern: str) -> Optional[Match[str]]:
        """The first place of the pattern."""
        return compiled(pattern).search(self.text) if self.may_have(pattern) else None
