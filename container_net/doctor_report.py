"""What doctor says: lines, one JSON object, a Markdown report; and the run of the task itself."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import ipaddress
import os
import re
import socket
import stat
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Protocol, Sequence, Tuple

from . import __version__, doctor, history
from .doctor import Diagnosis, Examination
from .faults import BY_ID, BY_NAME, REGISTRY
from .faults.case import NOTE, POSSIBLE, PRESENT, Finding
from .faults.fault import Fault, Step
from .faults.match import LIMIT, Match
from .faults.symptoms import Lead, leads
from .machine import Machine
from .model import BadInput, Facts, Reading
from .options import Options
from .parse import SCHEMA, excerpt
from .probes import Target
from .report import Line, Screen, line, svg
from .report import _pad as pad
from .report import _width as width
from .settings import Settings
from .status import BROKEN, OK, UNKNOWN
from .tape import Pseudonyms, Tape
from .tape import rows as tape_rows
from .text import _

__all__ = [
    "Mask",
    "check_path",
    "data",
    "layer_data",
    "lines",
    "markdown",
    "mask_of",
    "picture",
    "run",
    "symptom",
    "symptom_faults",
    "symptom_lines",
    "symptom_text",
    "write_report",
]

# How many faults a symptom's explanation tells in full.
IN_FULL = 3
# And how many of the things that are over.
EARLIER = 5


class SessionLike(Protocol):
    """What the task needs of a run (session.Session)."""

    machine: Machine
    settings: Settings
    screen: Screen
    options: Options

    def pull(self, image: str) -> bool:
        """Whether an image may be downloaded."""

    def setup(self) -> int:
        """Make the Mac as desired for this boot."""

    def persist(self) -> int:
        """Make it stay."""


# -- the task


def run(session: SessionLike) -> int:
    """Examine, say, and where asked for, write the report and do what may be done.

    Returns 0 where no fault was found, else 1. Raises BadInput.
    """
    target = doctor.target_of(session.settings, session.options)
    path = session.options.report
    if path:
        check_path(Path(path))
    tape = Tape(session.machine) if path else None
    found = doctor.examine(tape or session.machine, session.settings, target, session.pull)
    session.screen.show(lines(found, session.machine.sysroot))
    if path:
        write_report(Path(path), markdown(found, session.settings, tape))
        session.screen.warn([line(_("report written to {path}").format(path=path), "dim")])
    if session.options.fix:
        found = _fix(session, found, target)
    session.screen.data(data(found))
    return found.code


def _fix(session: SessionLike, found: Examination, target: Optional[Target]) -> Examination:
    """Do what is marked `yes`, through the tasks that do it always; then look again."""
    chosen = doctor.fix_for(found, session.settings)
    if chosen is None:
        session.screen.show([line(), line(_("Nothing here can be fixed automatically."))])
        return found
    task, settings, faults = chosen
    # With --json only the final object may reach stdout: the change speaks on stderr.
    screen = Screen(stream=sys.stderr) if session.screen.as_json else session.screen
    sentence = _("Fixing {faults} with invoke net.{task}").format(
        faults=", ".join(faults), task=task
    )
    screen.show([line(), line(sentence, "head")])
    changed: Any = dataclasses.replace(
        session,  # type: ignore[type-var]
        settings=settings,
        screen=screen,
    )
    (changed.persist if task == "persist" else changed.setup)()
    again = doctor.examine(session.machine, session.settings, target, session.pull)
    screen.show([line(), *lines(again, session.machine.sysroot)])
    return again


# -- lines


def _title(found: Examination, place: Optional[str]) -> str:
    facts = found.facts
    parts = [f"container-net {__version__}"]
    if facts.os_version.value:
        parts.append(f"macOS {facts.os_version.value}")
    if facts.container_version.value:
        parts.append(f"container {facts.container_version.value}")
    elif facts.container_path is None:
        parts.append(_("container not installed"))
    if facts.simulated:
        parts.append(_("a simulated Mac in {place}").format(place=place))
    return " · ".join(parts)


def lines(found: Examination, place: Optional[str]) -> List[Line]:
    """One line where all is well; else the first cause on top, and what could not be read."""
    title = _title(found, place)
    forbidden = [item for item in found.unknown if item.privilege]
    unread = [item for item in found.unknown if not item.privilege]
    if not found.found and not unread and not found.offline:
        calm = _calm(found)
        if forbidden:
            calm += "; " + _("{count} facts need root; run `sudo -v` first").format(
                count=len(forbidden)
            )
        return [
            ((title + ": ", "head"), (calm, OK)),
            *_remark_lines(found),
            *_earlier_lines(found),
            *_table_lines(found),
        ]
    shown: List[Line] = [line(title, "head"), line(), *_table_lines(found)]
    if found.offline:
        shown.append(line(_("This Mac itself is offline."), BROKEN))
    for diagnosis in found.found:
        shown += _diagnosis_lines(diagnosis)
    if not found.found:
        shown.append(line(_calm(found), UNKNOWN if found.blind else OK))
    shown += _remark_lines(found)
    shown += _earlier_lines(found)
    for item in unread:
        left = f" [{', '.join(item.faults)}]" if item.faults else ""
        shown.append(((_("not known") + ": ", UNKNOWN), (item.why, ""), (left, "dim")))
    if forbidden:
        shown.append(
            (
                (_("not known") + ": ", UNKNOWN),
                (
                    _("{count} facts need root; run `sudo -v` first").format(count=len(forbidden)),
                    "",
                ),
            )
        )
    return shown


def _calm(found: Examination) -> str:
    """That no fault was found, and what was not looked at: not more than is known."""
    guest = found.extra.guest
    if guest is not None and guest.known:
        return _("no fault found ({count} checked, also by {command})").format(
            count=found.looked, command=guest.source
        )
    calm = _("no fault found ({count} checked)").format(count=found.looked)
    if found.facts.container_path is None:
        return (
            calm + "; " + _("container is not installed") + ": github.com/apple/container/releases"
        )
    if found.looked < len(REGISTRY) and found.facts.container_service.value == "running":
        calm += "; " + _("{count} more show only inside a container: {command}").format(
            count=len(REGISTRY) - found.looked, command="invoke net.doctor --probe"
        )
    return calm


def _remark_lines(found: Examination) -> List[Line]:
    """What breaks nothing here, each with the command that changes it."""
    shown: List[Line] = []
    for remark in found.remarks:
        what = f"{remark.fault.id}  {_(remark.fault.title)} ({'; '.join(remark.finding.evidence)})"
        shown.append(((_("note") + ": ", "dim"), (what, "")))
        first = next((s.command for s in doctor.cure(remark.fault) if s.command), None)
        if first:
            shown.append((("    → ", "dim"), (first, "cure")))
    return shown


def _earlier_lines(found: Examination) -> List[Line]:
    """What is right again: the last few times, and what ended each."""
    if found.earlier is None:
        why = _("what the boot daemon did in the last hour: its log could not be read")
        return [((_("not known") + ": ", UNKNOWN), (why, ""))]
    shown: List[Line] = []
    for each in found.earlier[-EARLIER:]:
        at = datetime.fromtimestamp(each.row.until).strftime("%H:%M:%S")
        what = f"{each.fault.id}  {_(each.fault.title)} → " if each.fault is not None else ""
        took = "" if each.row.seconds is None else f"  {history.span(each.row.seconds)}"
        shown.append(
            (
                (_("until {time}").format(time=at) + ": ", "dim"),
                (what + history.sentence(each.row), ""),
                (took, "dim"),
            )
        )
    return shown


def _table_lines(found: Examination) -> List[Line]:
    """The table of the probe in a container, where there is one."""
    guest = found.extra.guest.value if found.extra.guest is not None else None
    target = found.extra.target
    started = target is not None and target.start
    if guest is None or not (started or found.code):
        return []
    words = {
        "ok": (_("ok"), OK),
        "failed": (_("failed"), BROKEN),
        "none": (_("not measured"), "dim"),
    }
    shown: List[Line] = [line(_("From inside a container:"), "head")]
    titles = _row_titles()
    columns = max(map(width, titles.values())) + 2
    for name, title in titles.items():
        row = guest.rows.get(name)
        word, style = words[row.state if row else "none"]
        detail = row.detail if row else "-"
        shown.append(
            ((f"    {pad(title, columns)}", ""), (pad(word, 14), style), (detail, "dim")),
        )
    if guest.state("https6") == "failed" and not found.found:
        shown.append(
            line("    " + _("IPv6: vmnet's NAT has no path for it; IPv4 is what counts."), "dim")
        )
    return [*shown, line()]


def _row_titles() -> Dict[str, str]:
    return {
        "gateway": _("gateway (ping)"),
        "address": _("internet address (ping)"),
        "tcp": _("internet address (TCP)"),
        "dns-gateway": _("DNS at the gateway"),
        "dns-public": _("DNS outside"),
        "dns-own": _("DNS as the image is configured"),
        "https4": "HTTPS, IPv4",
        "https6": "HTTPS, IPv6",
        "mtu": _("largest packet that passes whole"),
        "proxy": _("proxy variables"),
        "resolver": "/etc/resolv.conf",
    }


def _diagnosis_lines(diagnosis: Diagnosis) -> List[Line]:
    fault, finding = diagnosis.fault, diagnosis.finding
    sure = finding.state == PRESENT
    style = BROKEN if sure else UNKNOWN
    word = _("present") if sure else _("possible")
    shown: List[Line] = [
        (
            (("✗ " if sure else "? "), style),
            (f"{fault.id}  {_(fault.title)}  ", "head"),
            (word, style),
        )
    ]
    shown += [_entry(_("seen"), text) for text in finding.evidence]
    shown += [_entry(_("cause"), _(fault.cause))]
    shown += [_entry(_("to tell them apart"), text) for text in doctor.told_apart(finding)]
    shown += step_lines(doctor.cure(fault, finding))
    shown += [_entry(_("more"), text) for text in fault.evidence[:2] if "://" in text]
    for below in diagnosis.consequences:
        shown.append(
            (
                ("    └ ", "dim"),
                (f"{below.id}  {_(BY_ID[below.id].title)}", ""),
                (" " + _("(a consequence)"), "dim"),
            )
        )
    return [*shown, line()]


def _entry(name: str, text: str) -> Line:
    return ((f"    {name}: ", "dim"), (text, ""))


def step_lines(steps: Sequence[Step]) -> List[Line]:
    """A cure: numbered sentences, and the commands to paste below them."""
    shown: List[Line] = []
    for number, step in enumerate(steps, 1):
        shown.append(((f"    {number}. ", "dim"), (step.text, "")))
        if step.command:
            shown.append((("       ", ""), (step.command, "cure")))
    return shown


# -- JSON


def data(found: Examination) -> Dict[str, Any]:
    """The object of `--json` (schema 1)."""
    facts = found.facts
    version = facts.os_version.value
    return {
        "schema": SCHEMA,
        "version": __version__,
        "host": {"os": f"macOS {version}" if version else None, "simulated": facts.simulated},
        "container": {
            "cli": facts.container_version.value,
            "service": facts.container_service.value,
        },
        "faults": [_fault_data(d.fault, d.finding, d.consequences) for d in found.found],
        "remarks": [_fault_data(d.fault, d.finding) for d in found.remarks],
        "unknown": [
            {"fact": u.fact, "why": u.why, "faults": list(u.faults), "root_only": u.privilege}
            for u in found.unknown
        ],
        "looked": found.looked,
        "probe": _probe_data(found),
        "notes": list(found.notes),
        "earlier": None if found.earlier is None else [_earlier_data(e) for e in found.earlier],
    }


def _earlier_data(each: doctor.Earlier) -> Dict[str, Any]:
    def moment(at: float) -> str:
        return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")

    return {
        "fault": each.fault.id if each.fault is not None else None,
        "at": moment(each.row.at),
        "until": moment(each.row.until),
        "seconds": each.row.seconds,
        "count": each.row.count,
        "text": history.sentence(each.row),
    }


def _fault_data(fault: Fault, finding: Finding, below: Iterable[Finding] = ()) -> Dict[str, Any]:
    steps = doctor.cure(fault, finding)
    return {
        "id": fault.id,
        "name": fault.name,
        "state": finding.state,
        "title": _(fault.title),
        "cause": _(fault.cause),
        "evidence": list(finding.evidence),
        "cure": [step.command or step.text for step in steps],
        "steps": [{"text": step.text, "command": step.command} for step in steps],
        "auto": doctor.auto(fault, finding),
        "told_apart": list(doctor.told_apart(finding)),
        "links": [text for text in fault.evidence if "://" in text],
        "consequences": [
            {"id": f.id, "state": f.state, "evidence": list(f.evidence)} for f in below
        ],
    }


def _probe_data(found: Examination) -> Optional[Dict[str, Any]]:
    guest = found.extra.guest
    if guest is None:
        return None
    if guest.value is None:
        return {"why": guest.why}
    return {name: {"state": r.state, "detail": r.detail} for name, r in guest.value.rows.items()}


# -- from the catalogue alone


def symptom(
    screen: Screen,
    text: str,
    system: Optional[int] = None,
    version: Optional[Tuple[int, ...]] = None,
) -> int:
    """Explain a message. No Mac is asked. `system` and `version` as in `leads`.

    Returns 0 where the catalogue knows it, else 1.
    """
    layers, matches = leads(text, system, version)
    screen.data(_symptom_data(matches, layers))
    screen.show(symptom_lines(matches, layers))
    return 0 if matches else 1


def symptom_text(given: str) -> str:
    """The message of `--symptom`, or with `-` a log on standard input. Raises BadInput."""
    text = _from_stdin() if given == "-" else given
    if not text.strip():
        raise BadInput(
            _("--symptom is empty: give a message, or - to read a log from standard input.")
        )
    return text


def _from_stdin() -> str:
    if sys.stdin.isatty():
        raise BadInput(_("--symptom - reads standard input: pipe a log into it."))
    tail = b""
    for block in iter(lambda: sys.stdin.buffer.read(1 << 16), b""):
        tail = (tail + block)[-4 * LIMIT :]
    return tail.decode("utf-8", "replace")


def symptom_faults(matches: Sequence[Match]) -> List[Dict[str, Any]]:
    """Faults that a text speaks of, in the form of a diagnosis."""
    faults = []
    for match in matches:
        quoted = (excerpt(match.quote, 240),)
        finding = Finding(match.fault.id, POSSIBLE, quoted, fix=match.fault.fix)
        faults.append(_fault_data(match.fault, finding))
    return faults


def layer_data(layers: Sequence[Lead]) -> List[Dict[str, str]]:
    """What a text says of the layers, with where each text is known from."""
    return [
        {
            "id": lead.layer.id,
            "title": _(lead.layer.title),
            "evidence": excerpt(lead.quote, 240),
            "program": lead.words.program,
            "source": lead.words.source,
        }
        for lead in layers
    ]


def _symptom_data(matches: Sequence[Match], layers: Sequence[Lead]) -> Dict[str, Any]:
    guide = []
    for row in dict.fromkeys(match.row for match in matches if match.row is not None):
        guide.append(
            {
                "id": row.id,
                "symptom": _(row.symptom),
                "cause": _(row.cause),
                "cure": [step.command or _(step.text) for step in row.cure],
                "first_check": row.first_check.command,
                "faults": [BY_NAME[name].id for name in row.faults],
            }
        )
    return {
        "schema": SCHEMA,
        "version": __version__,
        "faults": symptom_faults(matches),
        "unknown": [],
        "guide": guide,
        "layers": layer_data(layers),
    }


def symptom_lines(matches: Sequence[Match], layers: Sequence[Lead] = ()) -> List[Line]:
    """What a text speaks of, from the catalogue alone."""
    if not matches:
        return [
            line(
                _(
                    "Nothing in this text is about the network. Paste what the failing program "
                    "printed, or the output of `container system status` and `sudo pfctl -s nat`; "
                    "on the Mac itself, run invoke net.doctor."
                ),
                UNKNOWN,
            )
        ]
    shown: List[Line] = []
    for lead in layers:
        shown.append(line(_(lead.layer.title), "head"))
        shown.append(_entry(_("seen"), excerpt(lead.quote, 200)))
    shown += [line()] if layers else []
    for row in dict.fromkeys(match.row for match in matches if match.row is not None):
        shown.append(line(_(row.symptom), "head"))
        shown.append(_entry(_("cause"), _(row.cause)))
        shown.append(_entry(_("check first"), _(row.first_check.text)))
        if row.first_check.command:
            shown.append((("       ", ""), (row.first_check.command, "cure")))
        shown += step_lines([Step(_(step.text), step.command) for step in row.cure])
        shown.append(line())
    shown.append(line(_("Faults that look like this, likeliest first:"), "head"))
    for match in matches[:IN_FULL]:
        shown.append((("? ", UNKNOWN), (f"{match.fault.id}  {_(match.fault.title)}", "head")))
        shown.append(_entry(_("seen"), excerpt(match.quote, 200)))
        shown.append(_entry(_("cause"), _(match.fault.cause)))
        shown += step_lines(doctor.cure(match.fault))
    shown += [
        (("? ", UNKNOWN), (f"{match.fault.id}  {_(match.fault.title)}", ""))
        for match in matches[IN_FULL:]
    ]
    return [*shown, line(), line(_("To find out which it is, run invoke net.doctor on the Mac."))]


# -- the report for a bug report


class Mask:
    """Puts placeholders for what points to a person or a machine; the same value, the same one."""

    _MAC = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,2}:){5}[0-9A-Fa-f]{1,2}(?![0-9A-Fa-f:])")
    _V6 = re.compile(
        r"(?<![0-9A-Fa-f:.])[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?![0-9A-Za-z:])"
    )
    _V4 = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])")
    _UUID = re.compile(r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b")
    _TOKEN = re.compile(r"(?<![0-9A-Za-z.])[0-9]{12,20}(?![0-9A-Za-z.])")
    _SHORT_NET = re.compile(
        r"(?<![0-9.])(?:[0-9]{1,3}\.){1,2}[0-9]{1,3}(?:/[0-9]{1,2})?(?= +link#)"
    )
    # Swift's JSON has a backslash before every slash.
    _USER = re.compile(r"(?:(?<=/Users/)|(?<=/Users\\/))[^/\\\s\"']+")
    _LOCAL = re.compile(
        r"\b[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+(?:local|lan|internal|intranet|corp|home|ts\.net)\b"
    )
    _URL = re.compile(r"(?<=://)[A-Za-z0-9.-]+")

    def __init__(self, users: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._seen: Dict[Tuple[str, str], str] = {}
        self._words = [
            (kind, word)
            for kind, words in (("user", users), ("host", hosts))
            for word in sorted(set(words), key=lambda w: (-len(w), w))
            if len(word) > 1
        ]

    def __call__(self, text: str) -> str:
        """The text with everything masked."""
        text = self._UUID.sub(lambda m: self._put("uuid", m.group().lower()), text)
        text = self._USER.sub(lambda m: self._put("user", m.group()), text)
        text = self._URL.sub(lambda m: self._put("host", m.group().lower()), text)
        text = self._LOCAL.sub(lambda m: self._put("host", m.group().lower()), text)
        for kind, word in self._words:
            whole = re.compile(rf"(?<![\w<-]){re.escape(word)}(?![\w>-])", re.IGNORECASE)
            text = whole.sub(self._put(kind, word.lower()), text) if whole.search(text) else text
        text = self._MAC.sub(lambda m: self._put("mac", m.group().lower()), text)
        text = self._V6.sub(self._v6, text)
        text = self._V4.sub(lambda m: self._put("ipv4", m.group()), text)
        text = self._SHORT_NET.sub(lambda m: self._put("ipv4", m.group()), text)
        return self._TOKEN.sub(lambda m: self._put("token", m.group()), text)

    def others(self) -> Mask:
        """The same mask, whose placeholders parsers can read: other addresses, tokens, UUIDs."""
        return _Readable(self)

    def _v6(self, match: re.Match[str]) -> str:
        try:
            value = ipaddress.IPv6Address(match.group())
        except ValueError:
            return match.group()
        return self._put("ipv6", str(value))

    def _put(self, kind: str, value: str) -> str:
        key = (kind, value)
        if key not in self._seen:
            count = sum(1 for other, _value in self._seen if other == kind)
            self._seen[key] = f"<{kind}-{count + 1}>"
        return self._seen[key]


class _Readable(Mask):
    """A mask for raw outputs, which are parsed again."""

    _SHORT_NET = _V4 = re.compile(r"(?!)")

    def __init__(self, like: Mask) -> None:
        super().__init__()
        self._words = like._words
        self._others = Pseudonyms()

    def __call__(self, text: str) -> str:
        return self.addresses(super().__call__(text))

    def addresses(self, text: str) -> str:
        """The text with other addresses and nothing else masked."""
        return self._others.addresses(text)

    def _put(self, kind: str, value: str) -> str:
        return self._others.put(kind, value)


def _mask_for(found: Examination, settings: Settings) -> Mask:
    hosts = {r.domain for r in found.extra.resolvers.value or ()}
    # A container's own name is a host name too.
    hosts |= {a.container for a in found.extra.attachments.value or ()}
    target = found.extra.target
    if target is not None:
        hosts.add(target.host)
    return mask_of(settings, hosts)


def mask_of(settings: Settings, names: Iterable[str]) -> Mask:
    """A mask for the person, this host, and these names of hosts."""
    users = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")}
    with contextlib.suppress(Exception):
        users.add(getpass.getuser())
    host = socket.gethostname()
    hosts = {host, host.split(".")[0], *names}
    if "/" in settings.image:
        hosts.add(settings.image.split("/")[0])
    return Mask(users - {"", "root"}, hosts - {"", "?", "localhost", "local"})


def markdown(found: Examination, settings: Settings, tape: Optional[Tape] = None) -> str:
    """A report fit for a bug report: what was found, and what was read, masked.

    With a tape, the raw outputs too, for `--from`.
    """
    mask = _mask_for(found, settings)
    facts = found.facts
    rows: List[str] = [
        f"# container-net {__version__}: net.doctor",
        "",
        _("Addresses, names and tokens are masked; equal values have equal masks."),
        "",
        f"- macOS: {facts.os_version.value or '?'}",
        f"- container: {facts.container_version.value or '?'} "
        f"({facts.container_service.value or '?'})",
        f"- {_('simulated')}: {_('yes') if facts.simulated else _('no')}",
        "",
        f"## {_('Faults')}",
        "",
    ]
    for diagnosis in found.found:
        rows += _markdown_fault(diagnosis, mask)
    if not found.found:
        rows += [_("no fault found ({count} checked)").format(count=found.looked), ""]
    for remark in found.remarks:
        rows += _markdown_fault(remark, mask)
    if found.unknown:
        rows += [f"## {_('Not known')}", ""]
        rows += [f"- {mask(_code(item.why))}" for item in found.unknown] + [""]
    rows += [f"## {_('What was read')}", "", "```text"]
    rows += [mask(text) for text in _read(found)]
    rows += ["```", ""]
    if tape is not None:
        rows += _raw(found, settings, tape, mask.others())
    return "\n".join(rows)


def _raw(found: Examination, settings: Settings, tape: Tape, mask: Mask) -> List[str]:
    """What the commands said, for `--from`: addresses are other ones, that still fit together."""
    target = found.extra.target
    header = {
        "version": __version__,
        "simulated": found.facts.simulated,
        "asks_as_root": tape.container_user is None,
        "anchor": settings.anchor,
        "subnets": [str(subnet) for subnet in settings.subnets],
        "target": vars(target) if target is not None else None,
    }
    return [
        f"## {_('Raw outputs')}",
        "",
        _("For invoke net.doctor --from; addresses are replaced by others that fit together."),
        "",
        "```json",
        *tape_rows(tape.outputs, header, mask),
        "```",
        "",
    ]


def _code(text: str) -> str:
    """Foreign text as code: Markdown and mentions in it mean nothing."""
    return "`" + text.replace("`", "'") + "`"


def _markdown_fault(diagnosis: Diagnosis, mask: Mask) -> List[str]:
    fault, finding = diagnosis.fault, diagnosis.finding
    words = {PRESENT: _("present"), NOTE: _("note")}
    word = words.get(finding.state, _("possible"))
    rows = [f"### {fault.id}: {_(fault.title)} ({word})", ""]
    rows += [f"- {mask(_code(text))}" for text in finding.evidence]
    rows += [f"- {_('to tell them apart')}: {text}" for text in doctor.told_apart(finding)]
    rows += [f"- └ {f.id}: {_(BY_ID[f.id].title)}" for f in diagnosis.consequences]
    rows += [f"- {text}" for text in fault.evidence if "://" in text]
    return [*rows, ""]


def _read(found: Examination) -> List[str]:
    """Every reading on a line or a few: source, and value or the reason why there is none."""
    rows: List[str] = []
    readings: Dict[str, Reading[Any]] = {}
    for name, value in vars(found.facts).items():
        if isinstance(value, Reading):
            readings[name] = value
        elif isinstance(value, Mapping) and name != "files":
            readings.update({f"{name} {key}": inner for key, inner in value.items()})
    for name, reading in found.extra.readings().items():
        if name not in ("redirect_file", "logs"):
            readings[name] = reading
    for name, reading in readings.items():
        if not reading.known:
            rows.append(f"{name}: ? {excerpt(reading.why, 200)}")
            continue
        value = reading.value
        items = list(value) if isinstance(value, tuple) else [value]
        if len(items) != 1:
            rows.append(f"{name}: {len(items)}")
            rows += [f"    {_shown(item)}" for item in items]
        else:
            rows.append(f"{name}: {_shown(items[0])}")
    return rows


def _shown(item: object) -> str:
    text = getattr(item, "text", None) or getattr(item, "line", None)
    if isinstance(text, str):
        return excerpt(text, 300)
    if dataclasses.is_dataclass(item):
        parts = [
            f"{key}={_shown(value)}" for key, value in vars(item).items() if value not in ("", ())
        ]
        return excerpt(" ".join(parts), 400)
    if isinstance(item, (tuple, list)):
        return ",".join(_shown(value) for value in item)
    if isinstance(item, Mapping):
        return ", ".join(f"{key}={_shown(value)}" for key, value in item.items())
    return str(item)


def picture(lines: Iterable[Line], facts: Facts, settings: Settings) -> str:
    """Lines as a picture, masked as raw outputs are: other addresses of the same form."""
    mask = mask_of(settings, (run.id for run in facts.containers.value or ())).others()
    # Headings are our own words, and a Mac may be called `VM`.
    masked = [
        tuple((text if style == "head" else mask(text), style) for text, style in row)
        for row in lines
    ]
    return svg(masked, _("container-net (addresses and names are masked)"))


def check_path(path: Path, option: str = "report") -> None:
    """That a file of the option can lie there. Raises BadInput."""
    try:
        info = os.lstat(path)
    except OSError:
        info = None
    if info is not None and not stat.S_ISREG(info.st_mode):
        raise BadInput(
            _("--{option} is {path}: not a regular file.").format(option=option, path=path)
        )
    if not path.absolute().parent.is_dir():
        raise BadInput(_("--{option} is {path}: no such folder.").format(option=option, path=path))


def write_report(path: Path, text: str, option: str = "report") -> None:
    """Write a file that only its owner can read; what lies there must be a regular file.

    Raises BadInput.
    """
    check_path(path, option)
    draft = ""
    try:
        # Made exclusively, and moved over the name: a link put there meanwhile is not followed.
        handle, draft = tempfile.mkstemp(prefix=".container-net-", dir=path.absolute().parent)
        with open(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
        if path.exists() or path.is_symlink():
            os.replace(draft, path)
        else:
            os.link(draft, path)
            os.unlink(draft)
    except OSError as error:
        if draft and os.path.lexists(draft):
            os.unlink(draft)
        raise BadInput(
            _("--{option} is {path}: cannot write: {why}.").format(
                option=option, path=path, why=error.strerror
            )
        ) from None
