"""From a Mac to an answer: read everything side by side, recognise, put the first cause on top.

Nothing here changes the Mac. The probe in a container is made only where it is asked for.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple
from urllib.parse import urlsplit

from . import facts as facts_module
from . import history, inside, probes
from .desired import desire
from .faults import BY_ID, BY_NAME, FAULTS, ORDER, REGISTRY
from .faults.case import NOTE, POSSIBLE, PRESENT, UNKNOWN, Case, Finding
from .faults.fault import Fault, Step
from .faults.recognise import recognise
from .machine import Machine
from .model import BadInput, Facts, NetError, Problem, Reading
from .options import Options
from .probes import Extra, Target
from .settings import Settings
from .text import _

__all__ = [
    "Diagnosis",
    "Earlier",
    "Examination",
    "Unknown",
    "answer",
    "auto",
    "cure",
    "earlier",
    "examine",
    "fix_for",
    "judge",
    "target_of",
    "told_apart",
]

# Seconds: reading the facts takes about as long where something hangs.
EARLIER_LIMIT = 5.0
# What the boot script mends, and the fault that it was.
MENDED = {"rules": "own-rules-gone", "forwarding": "forwarding-off", "pf": "pf-disabled"}

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
# On a managed Mac the firewall's program always says so (F18).
_QUIET = re.compile(r"cannot be modified from command line on managed")


@dataclass(frozen=True)
class Unknown:
    """Something that could not be read, or does not fit together, and what is open because of it.

    `privilege`: root can read it. `core`: the way itself cannot be judged without it.
    """

    fact: str
    why: str
    faults: Tuple[str, ...]
    privilege: bool = False
    core: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """A fault that is there or may be, and those that are only its consequences."""

    fault: Fault
    finding: Finding
    consequences: Tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Earlier:
    """Something that the boot daemon mended, or met: the row of history, and the fault it was."""

    row: history.Row
    fault: Optional[Fault] = None


@dataclass(frozen=True)
class Examination:
    """Everything that a run found. `findings` has every fault that was looked for; `remarks` are
    those that break nothing here, and may explain what somebody sees."""

    facts: Facts
    extra: Extra
    found: Tuple[Diagnosis, ...]
    remarks: Tuple[Diagnosis, ...]
    unknown: Tuple[Unknown, ...]
    findings: Mapping[str, Finding]
    looked: int
    notes: Tuple[str, ...]
    earlier: Optional[Tuple[Earlier, ...]] = ()
    """What the boot daemon mended in the last hour; None where its log could not be read."""

    @property
    def offline(self) -> bool:
        """The Mac itself has no way to the internet."""
        routes = (self.facts.default_route, self.facts.public_route)
        return all(route.known and route.value is None for route in routes)

    @property
    def blind(self) -> bool:
        """Something that matters could not be read, though nobody forbade it."""
        return any(item.core and not item.privilege for item in self.unknown)

    @property
    def code(self) -> int:
        return 1 if self.found or self.blind or self.offline else 0


# -- reading


def examine(
    machine: Machine,
    settings: Settings,
    target: Optional[Target] = None,
    pull: Optional[Callable[[str], bool]] = None,
    logs: bool = False,
) -> Examination:
    """Read a Mac and judge it. With a target, a container that runs asks for it from inside, or
    one that is started where the target says so. `logs`: container's log is read in any case.

    Raises BadInput for given subnets that do not fit this Mac.
    """
    read: List[Any] = machine.side_by_side(
        [partial(probes.gather, machine, settings), partial(_earlier, machine)]
    )
    (facts, extra), earlier = read
    extra = _deeper(machine, settings, facts, extra, target=target, pull=pull, logs=logs)
    found = answer(facts, settings, extra, asks_as_root=machine.container_user is None)
    return dataclasses.replace(found, earlier=earlier)


def _earlier(machine: Machine) -> Optional[Tuple[Earlier, ...]]:
    """What the boot daemon did in the last hour, where it is installed; it takes at most so long as
    everything else."""
    if not os.path.lexists(machine.path(facts_module.FILES["plist"])):
        return ()
    try:
        found = history.read(machine, "1h", EARLIER_LIMIT)
    except NetError:
        return None
    return None if found.cut else earlier(found.rows)


def earlier(rows: Sequence[history.Row]) -> Tuple[Earlier, ...]:
    """The rows of runs that did something: but for those of a Mac that starts, when everything is
    to do. Of the first run after a time unknown nobody can say that something was wrong: it may
    be that of an installation."""
    told: List[Earlier] = []
    before: Optional[history.Row] = None
    for row in rows:
        kinds = {act.kind for act in row.acts}
        if row.kind == history.RUN and not {"rules", "pf"} <= kinds:
            # A gap ends when the run that follows it began.
            gap = before is not None and before.kind == history.GAP
            first = gap and row.at - (before or row).until < history.RUN_LIMIT
            name = None if first else next((MENDED[kind] for kind in MENDED if kind in kinds), None)
            told.append(Earlier(row, BY_NAME[name] if name else None))
        before = row
    return tuple(told)


def _deeper(
    machine: Machine,
    settings: Settings,
    facts: Facts,
    extra: Extra,
    *,
    target: Optional[Target],
    pull: Optional[Callable[[str], bool]],
    logs: bool,
) -> Extra:
    """What is read only where something points there: container's log, and from inside."""
    container = facts.container_path
    if container is None:
        return extra
    # A service that does not answer is not asked for more.
    if logs or (
        facts.container_service.known
        and (facts.container_service.value != "running" or (target is not None and target.start))
    ):
        extra = dataclasses.replace(extra, logs=probes.logs(machine, container))
    if target is None:
        return extra
    extra = dataclasses.replace(extra, target=target)
    desired = desire(facts, dataclasses.replace(settings, uplinks=()))
    asked = inside.measure(machine, facts, desired, target, pull)
    if asked is None:
        return extra
    guest, image = asked
    of = facts_module.image(machine, facts, image) if guest.known else None
    return dataclasses.replace(extra, guest=guest, image=of)


def target_of(settings: Settings, options: Options) -> Target:
    """What the probe asks for, from the options `probe`, `address`, `resolver`, `host`.

    Without `probe` no container is started for it. Raises BadInput.
    """
    host = options.host or urlsplit(settings.url).hostname or ""
    if not _HOST.fullmatch(host):
        raise BadInput(_("--host is {value}: give a host name.").format(value=repr(host)))
    text, colon, port = (options.address or Target.address).partition(":")
    if colon and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise BadInput(_("--address is {value}: invalid port.").format(value=repr(text)))
    return Target(
        image=settings.image,
        address=_ipv4("address", text),
        port=int(port) if colon else Target.port,
        resolver=_ipv4("resolver", options.resolver or Target.resolver),
        host=host,
        url=settings.url,
        start=options.probe,
    )


def _ipv4(name: str, value: object) -> str:
    try:
        return str(IPv4Address(str(value)))
    except ValueError:
        raise BadInput(
            _("--{name} is {value}: give an IPv4 address.").format(name=name, value=repr(value))
        ) from None


# -- judging


def answer(
    facts: Facts, settings: Settings, extra: Extra, *, asks_as_root: bool = False
) -> Examination:
    """What follows from everything that was read. Pure; raises BadInput as `desire` does."""
    # Which uplinks packets really leave by, not which ones the user would like to be served.
    desired = desire(facts, dataclasses.replace(settings, uplinks=()))
    findings = recognise(Case(facts, desired, extra, asks_as_root))
    probed = extra.guest is not None
    found = judge(findings)
    return Examination(
        facts,
        extra,
        found,
        tuple(Diagnosis(BY_ID[f.id], f) for f in findings.values() if f.state == NOTE),
        (*_unknown(facts, extra, findings), *_unexplained(extra, found)),
        findings,
        len(REGISTRY) - (0 if probed else sum(f.needs_probe for f in FAULTS)),
        desired.notes,
    )


def judge(findings: Mapping[str, Finding]) -> Tuple[Diagnosis, ...]:
    """The faults that are there, then those that may be; consequences below their first cause."""
    seen = [findings[name] for name in ORDER if findings[name].state in (PRESENT, POSSIBLE)]
    seen.sort(key=lambda finding: finding.state != PRESENT)
    present = [finding.id for finding in seen if finding.state == PRESENT]
    below: Dict[str, List[Finding]] = {}
    for finding in seen:
        root = _root_cause(finding.id, present)
        if root != finding.id:
            below.setdefault(root, []).append(finding)
    folded = {finding.id for group in below.values() for finding in group}
    return tuple(
        Diagnosis(BY_ID[f.id], f, tuple(below.get(f.id, ()))) for f in seen if f.id not in folded
    )


def _root_cause(fault: str, present: Sequence[str]) -> str:
    causes = [f for f in present if BY_ID[f].name in BY_ID[fault].consequence_of]
    return _root_cause(causes[0], present) if causes else fault


def _unknown(facts: Facts, extra: Extra, findings: Mapping[str, Finding]) -> Tuple[Unknown, ...]:
    """Every reading that failed, and every contradiction, with the faults left open by it."""
    named: Dict[str, Reading[Any]] = {}
    for name, value in vars(facts).items():
        if isinstance(value, Reading):
            named[name] = value
        elif isinstance(value, Mapping):
            named.update({f"{name} {key}": inner for key, inner in value.items()})
    core = set(named)
    named.update(extra.readings())
    stopped = facts.container_path is None or facts.container_service.value in (
        "not running",
        "unregistered",
    )
    waiting: Set[str] = {"networks", "containers", "attachments", "builder"} if stopped else set()
    if (facts.os_version.value or "").split(".")[0] == "15":
        # There is no `container network` before macOS 26 (container.md, 1).
        waiting.add("networks")
    left_open: Dict[Tuple[Any, ...], List[str]] = {}
    for finding in findings.values():
        for missing in finding.missing if finding.state == UNKNOWN else ():
            left_open.setdefault(_failure(missing), []).append(finding.id)
    items: Dict[str, Unknown] = {}
    for name, reading in named.items():
        if reading.known or name in waiting or _quiet(reading):
            continue
        open_faults = left_open.get(_failure(reading), ())
        privilege = reading.problem is Problem.NO_ROOT
        known = items.get(reading.source or name)
        items[reading.source or name] = Unknown(
            reading.source or name,
            reading.why,
            tuple(dict.fromkeys((*(known.faults if known else ()), *open_faults))),
            privilege,
            name in core or name == "guest" or bool(known and known.core),
        )
    return (*items.values(), *_contradictions(findings))


def _unexplained(extra: Extra, found: Sequence[Diagnosis]) -> Tuple[Unknown, ...]:
    """A container got nowhere, and nothing that was read says why: that is not `no fault`."""
    guest = extra.guest.value if extra.guest is not None else None
    if guest is None or found or extra.guest is None:
        return ()
    names = [n for n in ("gateway", "tcp", "dns-own", "https4") if guest.state(n) == "failed"]
    if not names:
        return ()
    why = _(
        "failed from inside a container, and no known fault explains it: {rows}; "
        "keep a container running and try again"
    ).format(rows=", ".join(names))
    return (Unknown(extra.guest.source, why, (), core=True),)


def _contradictions(findings: Mapping[str, Finding]) -> List[Unknown]:
    groups: Dict[Tuple[str, ...], List[str]] = {}
    for finding in findings.values():
        if finding.state == UNKNOWN and finding.evidence:
            groups.setdefault(finding.evidence, []).append(finding.id)
    return [
        Unknown(
            lines[0],
            _("contradictory readings: {lines}").format(lines="; ".join(lines)),
            tuple(ids),
            core=True,
        )
        for lines, ids in groups.items()
    ]


def _failure(reading: Reading[Any]) -> Tuple[Any, ...]:
    """What two readings have in common that failed in the same way."""
    return reading.problem, reading.source, reading.said


def _quiet(reading: Reading[Any]) -> bool:
    """What is not there to be asked is not worth a word."""
    absent = reading.problem in (Problem.NOT_INSTALLED, Problem.NO_PROGRAM)
    return absent or _QUIET.search(reading.said) is not None


# -- what to do


def cure(fault: Fault, finding: Optional[Finding] = None) -> Tuple[Step, ...]:
    """The steps of a cure in the chosen language, with what is known here filled in."""
    fill = dict(finding.fill) if finding is not None else {}

    def filled(command: Optional[str]) -> Optional[str]:
        if command is None:
            return None
        for word, value in fill.items():
            command = re.sub(rf"\b{word}\b", shlex.quote(value).replace("\\", r"\\"), command)
        return command

    if finding is not None and finding.steps:
        # A sentence made for this Mac is in the chosen language already.
        return tuple(Step(_(step.text), filled(step.command)) for step in finding.steps)
    return tuple(Step(_(step.text), filled(step.command)) for step in fault.cure)


def auto(fault: Fault, finding: Finding) -> str:
    """What this tool may do about it here (`AUTO`): `yes` only where it mends it."""
    return ("yes" if finding.fix else "no") if fault.auto == "yes" else fault.auto


def told_apart(finding: Finding) -> Tuple[str, ...]:
    """What would tell a possible fault from those that look the same."""
    own = BY_ID[finding.id]
    told = []
    for name in finding.apart:
        other = BY_NAME[name]
        hows = [d.how for d in own.distinguish if d.other == name]
        hows += [d.how for d in other.distinguish if d.other == own.name]
        if hows:
            told.append(_(hows[0]))
        else:
            told.append(
                _(
                    "{first} or {second}: install the signed package and allow it once; if "
                    "published ports work from then on, it was the Homebrew build's path (F29)."
                ).format(first=own.id, second=other.id)
            )
    return tuple(dict.fromkeys(told))


def fix_for(
    found: Examination, settings: Settings
) -> Optional[Tuple[str, Settings, Tuple[str, ...]]]:
    """What the tool may do itself: `setup` or `persist`, with which settings, for which faults.

    None where nothing of what is present is mended by a task of this tool.
    """
    faults = {
        d.fault.id: d.finding.fix
        for d in found.found
        if d.finding.state == PRESENT and d.finding.fix
    }
    if not faults:
        return None
    task = "persist" if "persist" in faults.values() else "setup"
    return task, settings, tuple(faults)
