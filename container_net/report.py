"""What a person or a script reads: lines for the screen, objects for `--json`.

Colour and drawing on a terminal (rich), plain text in a pipe; both say the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    TextIO,
    Tuple,
)

from . import __version__, env, history, path, render
from .desired import Desired, bridge_of, our_token
from .model import Facts, NetError, Reading
from .parse import SCHEMA
from .plan import Plan
from .status import BROKEN, NOT_RUNNING, OK, UNKNOWN, Status
from .text import _
from .verify import Check

__all__ = [
    "Line",
    "Piece",
    "Screen",
    "called",
    "detect_data",
    "detect_lines",
    "env_data",
    "env_lines",
    "error_data",
    "exported",
    "failed",
    "folded",
    "headline",
    "history_data",
    "history_lines",
    "history_table",
    "hop_titles",
    "plan_data",
    "plan_lines",
    "status_data",
    "status_lines",
    "svg",
    "verify_data",
    "verify_lines",
    "wrapped",
]

Piece = Tuple[str, str]
"""Text and the name of its style."""
Line = Tuple[Piece, ...]

_STYLES = {
    "": "",
    "head": "bold",
    "dim": "dim",
    OK: "green",
    BROKEN: "bold red",
    UNKNOWN: "yellow",
    NOT_RUNNING: "dim",
    "cure": "cyan",
    "add": "green",
    "remove": "red",
}
# A diff longer than this is told, not shown.
LONG_DIFF = 24
SIGNS = {OK: "✓", BROKEN: "✗", UNKNOWN: "?", NOT_RUNNING: "·"}


def line(text: str = "", style: str = "") -> Line:
    return ((text, style),)


def _width(text: str) -> int:
    """Columns on a screen: Korean takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# Narrower terminals wrap by themselves; lines longer than WIDE are hard to read.
NARROW, WIDE = 60, 200
# What is copied or compared stays on one line, however long.
_WHOLE = ("cure", "add", "remove")


def wrapped(row: Line, columns: int) -> List[Line]:
    """A line as lines of at most `columns`, broken between words, with a hanging indent.

    Words (paths, rules' numbers) and commands are never broken: they are there to be copied.
    """
    if sum(_width(text) for text, _style in row) <= columns:
        return [row]
    hang = _hanging(row, columns)
    rows: List[List[Tuple[str, str]]] = [[]]
    at = 0
    for text, style in row:
        for word in [text] if style in _WHOLE else re.findall(r"\s+|\S+\s*", text):
            shown = word
            if at > hang and at + _width(word.rstrip()) > columns:
                rows.append([(" " * hang, "")])
                at, shown = hang, word.lstrip()
            rows[-1].append((shown, style))
            at += _width(shown)
    return [tuple(made) for made in rows]


def _hanging(row: Line, columns: int) -> int:
    """Where continued lines begin: under the longest part, unless that leaves little room."""
    widths = [_width(text) for text, _style in row]
    before = sum(widths[: widths.index(max(widths))])
    text = "".join(text for text, _style in row)
    indent = len(text) - len(text.lstrip()) + 4
    return before if 0 < before <= columns // 2 else min(indent, columns // 2)


def _pad(text: str, columns: int) -> str:
    return text + " " * max(columns - _width(text), 0)


def invocation() -> str:
    """How the tasks of this run are called, so that what is printed can be pasted as it stands."""
    program = Path(sys.argv[0])
    if program.name == "container-net":
        return "container-net net."
    found = shutil.which("invoke")
    if program.name not in ("invoke", "inv") or not program.exists():
        return "invoke net."
    if found and program.samefile(found):
        return "invoke net."
    try:
        shown = str(program.relative_to(Path.cwd()))
    except ValueError:
        shown = str(program)
    return f"{shown} net."


def called(lines: Iterable[Line]) -> List[Line]:
    """Lines whose commands are those of this run."""
    prefix = invocation()
    return [tuple((t.replace("invoke net.", prefix), s) for t, s in row) for row in lines]


@dataclass
class Screen:
    """Where a run speaks. With `as_json` only one object ever reaches stdout."""

    as_json: bool = False
    stream: Optional[TextIO] = None

    def __post_init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that knows no Korean or no drawing shows a question mark, not a traceback.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")

    def show(self, lines: Iterable[Line]) -> None:
        if not self.as_json:
            self._print(lines, self.stream or sys.stdout)

    def warn(self, lines: Iterable[Line]) -> None:
        """What is said with `--json` and in pipes too: on stderr."""
        self._print(lines, sys.stderr)

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While something is waited for: what, and for how long; gone afterwards. Only a person at
        a terminal sees it."""
        person = sys.stdout.isatty() and sys.stderr.isatty()
        if not text or self.as_json or not person:
            yield
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
        console = Console(stderr=True)
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as shown:
            shown.add_task(text, total=None)
            yield

    @contextlib.contextmanager
    def counting(self, text: str, total: int) -> Iterator[Callable[[], None]]:
        """While several things are done: how many are; call what is given after each. Only a person
        at a terminal sees it."""
        if self.as_json or not (sys.stdout.isatty() and sys.stderr.isatty()):
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn())
        console = Console(stderr=True)
        with Progress(*columns, MofNCompleteColumn(), console=console, transient=True) as shown:
            task = shown.add_task(text, total=total)
            yield lambda: shown.advance(task)

    def data(self, value: Dict[str, Any]) -> None:
        if self.as_json:
            self._write(sys.stdout, json.dumps(value, ensure_ascii=False, indent=1) + "\n")

    def _print(self, lines: Iterable[Line], stream: TextIO) -> None:
        shown = called(lines)
        if stream.isatty() and not os.environ.get("NO_COLOR"):
            self._coloured(shown, stream)
            return
        rows = ("".join(text for text, _style in row).rstrip() + "\n" for row in shown)
        self._write(stream, "".join(rows))

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        """Where the reader has gone (`| head`), the run goes on without a word: half a change would
        be left otherwise."""
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            # Python's own farewell to the stream would complain once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    def _coloured(self, lines: Sequence[Line], stream: TextIO) -> None:
        # rich takes a while to import; a pipe does not need it.
        from rich.console import Console

        console = Console(file=stream, highlight=False, soft_wrap=True)
        for part in folded(lines):
            console.print(rich_text(part))


def folded(lines: Iterable[Line]) -> List[Line]:
    """Lines as wide as the terminal."""
    columns = min(max(shutil.get_terminal_size().columns, NARROW), WIDE)
    return [part for row in lines for part in wrapped(row, columns)]


def rich_text(row: Line) -> Any:
    """A line as rich's Text."""
    from rich.text import Text

    return Text.assemble(*((text, _STYLES[style]) for text, style in row))


def svg(lines: Iterable[Line], title: str, columns: int = 120) -> str:
    """Lines as a picture of a terminal."""
    import io

    from rich.console import Console

    console = Console(record=True, width=columns, file=io.StringIO(), highlight=False)
    for row in called(lines):
        for part in wrapped(row, columns):
            console.print(rich_text(part), soft_wrap=True)
    return exported(console, title)


def exported(console: Any, title: str, unique_id: Optional[str] = None) -> str:
    """What a console of rich has recorded, as SVG."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    # Without the font from a server: a picture must not call home, and every system has a
    # fixed-width one.
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
        "Fira Code, monospace", "SF Mono, Menlo, D2Coding, NanumGothicCoding, monospace"
    )
    drawn = console.export_svg(title=title, code_format=form, unique_id=unique_id)
    # rich counts letters there, and a Korean one is two columns wide: it would be squeezed.
    return re.sub(r' textLength="[0-9.]+"', "", drawn)


# -- common pieces


def headline(facts: Facts, place: Optional[str]) -> List[Line]:
    """Version, system, and, where it is one, that this Mac is simulated."""
    parts = [f"container-net {__version__}"]
    if facts.os_version.value:
        parts.append(f"macOS {facts.os_version.value}")
    if facts.container_version.value:
        parts.append(f"container {facts.container_version.value}")
    elif facts.container_path is None:
        parts.append(_("container not installed"))
    lines = [line(" · ".join(parts), "head")]
    if facts.simulated:
        lines.append(
            line(
                _("Rehearsal on a simulated Mac in {place}; nothing else is touched.").format(
                    place=place
                ),
                UNKNOWN,
            )
        )
    return [*lines, line()]


def failed(screen: Screen, error: NetError) -> int:
    """Say an error, as one sentence or as the one object; returns its exit code."""
    screen.data(error_data(error))
    if not screen.as_json:
        screen.warn([line(f"container-net: {error}", "broken")])
    return error.code


def error_data(error: NetError) -> Dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        "error": {"kind": error.kind, "code": error.code, "message": str(error)},
    }


def _notes(notes: Sequence[str]) -> List[Line]:
    return [((_("note") + ": ", "dim"), (note, "")) for note in notes]


def _host(facts: Facts) -> Dict[str, Any]:
    version = facts.os_version.value
    return {
        "os": f"macOS {version}" if version else None,
        "simulated": facts.simulated,
    }


def _container(facts: Facts) -> Dict[str, Any]:
    return {"cli": facts.container_version.value, "service": facts.container_service.value}


def _subnets(facts: Facts, desired: Desired) -> List[Dict[str, Any]]:
    return [
        {
            "cidr": str(s.cidr),
            "mode": s.mode,
            "gateway": str(s.gateway),
            "bridge": bridge_of(facts, s),
            "origin": s.origin,
        }
        for s in desired.subnets
    ]


def _uplinks(desired: Desired) -> Dict[str, Any]:
    uplinks = desired.uplinks
    return {
        "needed": list(uplinks.needed),
        "spare": list(uplinks.spare),
        "unknown": uplinks.why or None,
    }


# -- detect


def detect_data(facts: Facts, desired: Desired) -> Dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        "host": _host(facts),
        "container": _container(facts),
        "uplinks": _uplinks(desired),
        "subnets": _subnets(facts, desired),
        "notes": list(desired.notes),
    }


def detect_lines(facts: Facts, desired: Desired) -> List[Line]:
    rows: List[Tuple[str, str, str]] = []
    uplinks = desired.uplinks
    how = "; ".join(
        f"{r.source} → {r.value.interface if r.value else _('no route')}" if r.known else r.why
        for r in (facts.default_route, facts.public_route)
    )
    rows.append((_("current uplink"), ", ".join(uplinks.needed) or "-", how))
    rows.append(
        (
            _("spare uplinks"),
            ", ".join(uplinks.spare) or "-",
            facts.ports.source if facts.ports.known else facts.ports.why,
        )
    )
    for subnet in desired.subnets:
        bridge = bridge_of(facts, subnet)
        where = (
            _("{gateway} on {bridge}").format(gateway=subnet.gateway, bridge=bridge)
            if bridge
            else _("no bridge now")
        )
        origin = {
            "given": _("given"),
            "network list": facts.networks.source,
            "default": _("default; {why}").format(
                why=facts.networks.why or _("no NAT network found")
            ),
        }[subnet.origin]
        rows.append((_("subnet"), f"{subnet.cidr} {subnet.mode}, {where}", origin))
    if not desired.subnets:
        rows.append((_("subnet"), "-", ""))
    for title, reading in (
        ("macOS", facts.os_version),
        ("container", facts.container_version),
        (_("container's service"), facts.container_service),
    ):
        rows.append((title, reading.value or "-", reading.source if reading.known else reading.why))
    first = max(_width(r[0]) for r in rows)
    second = max(_width(r[1]) for r in rows)
    return [
        ((_pad(a, first) + "  ", "head"), (_pad(b, second) + "  ", ""), (c, "dim"))
        for a, b, c in rows
    ] + _notes(desired.notes)


# -- status


def hop_titles() -> Dict[str, str]:
    return {
        "vm": _("container VM"),
        "gateway": _("gateway, bridge"),
        "forwarding": _("IP forwarding"),
        "nat": _("NAT"),
        "uplink": _("uplink"),
        "internet": _("internet"),
        "fence": _("fence"),
    }


def state_word(state: str) -> str:
    return {
        OK: _("ok"),
        BROKEN: _("broken"),
        UNKNOWN: _("unknown"),
        NOT_RUNNING: _("not running"),
    }[state]


def status_data(
    facts: Facts, desired: Desired, status: Status, persistent: Mapping[str, str]
) -> Dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        "ok": status.ok,
        "host": _host(facts),
        "container": _container(facts),
        "uplinks": _uplinks(desired),
        "forwarding": facts.forwarding.value,
        "subnets": _subnets(facts, desired),
        "pf": {
            "enabled": facts.pf_enabled.value,
            "token_held": our_token(facts).value,
            "hook": path.hook(facts),
            "anchor": facts.anchor,
            "rules": _texts(facts.anchor_nat) + _texts(facts.anchor_rules),
            "vmnet_rules": [r for c in facts.sharing_children.values() for r in _texts(c)],
        },
        "path": [
            {"hop": h.hop, "state": h.state, "evidence": h.evidence, "cure": h.cure}
            for h in status.hops
        ],
        "fence": _fence_data(status),
        "persistent": dict(persistent),
        "notes": list(status.notes),
    }


def _fence_data(status: Status) -> Optional[Dict[str, Any]]:
    fence = status.fence
    if fence is None:
        return None
    return {"state": fence.state, "evidence": fence.evidence, "cure": fence.cure}


def _texts(reading: Reading[Any]) -> List[str]:
    return [rule.text for rule in reading.value or ()]


def status_lines(status: Status, marks: Mapping[str, Piece] = {}) -> List[Line]:
    """The way, hop by hop; `marks` are put behind the hops that they are for."""
    titles = hop_titles()
    columns = max(_width(t) for t in titles.values())
    words = max(_width(state_word(s)) for s in SIGNS)
    first = status.first_broken
    lines: List[Line] = []
    for number, hop in enumerate(status.hops):
        if number:
            lines.append(line("  │", "dim"))
        mark = "  ◀ " + _("traffic stops here") if hop is first else ""
        lines.append(
            (
                (f"  {SIGNS[hop.state]} ", hop.state),
                (_pad(titles[hop.hop], columns) + "  ", "head"),
                (_pad(state_word(hop.state), words) + "  ", hop.state),
                (hop.evidence, ""),
                (mark, BROKEN),
                *([marks[hop.hop]] if hop.hop in marks else []),
            )
        )
        if hop.cure and hop.state != OK:
            lines.append(
                (
                    ("  │ " if number + 1 < len(status.hops) else "    ", "dim"),
                    (" " * columns + "  " + "→ ", "dim"),
                    (hop.cure, "cure"),
                )
            )
    if status.fence is not None:
        fence = status.fence
        lines.append(line())
        lines.append(
            (
                (f"  {SIGNS[fence.state]} ", fence.state),
                (_pad(_("fence"), columns) + "  ", "head"),
                (_pad(state_word(fence.state), words) + "  ", fence.state),
                (fence.evidence, ""),
                *([marks["fence"]] if "fence" in marks else []),
            )
        )
        if fence.cure:
            lines.append(((" " * columns + "      → ", "dim"), (fence.cure, "cure")))
    lines.append(line())
    if status.ok:
        lines.append(line(_("Everything on this Mac works."), OK))
    elif status.ok is False:
        lines.append(
            line(
                _("Traffic stops at: {hop}.").format(
                    hop=titles[first.hop] if first else _("fence")
                ),
                BROKEN,
            )
        )
    elif any(h.state == UNKNOWN and h.hop != "internet" for h in status.hops):
        lines.append(line(_("Not everything could be read."), UNKNOWN))
    else:
        lines.append(line(_("Nothing is broken; no container is running."), NOT_RUNNING))
    return lines + _notes(status.notes)


def persistent_lines(parts: Mapping[str, str], *, ours: bool) -> List[Line]:
    """What stays over a reboot; silent where nothing of ours is in force."""
    if not ours and set(parts.values()) <= {"absent", "unknown"}:
        return []
    if set(parts.values()) == {"absent"}:
        return [line(_("This will not survive a reboot; to keep it: invoke net.persist"), "dim")]
    names = {
        "sysctl_conf": "/etc/sysctl.conf",
        "pf_conf": "/etc/pf.conf",
        "anchor_file": _("anchor's file"),
        "daemon": _("boot daemon"),
    }
    words = {
        "ok": (_("ok"), OK),
        "absent": (_("absent"), NOT_RUNNING),
        "drifted": (_("drifted"), BROKEN),
        "disabled": (_("disabled"), BROKEN),
        "unknown": (_("unknown"), UNKNOWN),
    }
    pieces: List[Piece] = [(_("after a reboot") + ": ", "head")]
    for name, state in parts.items():
        word, style = words[state]
        pieces += [(f"{names[name]} ", ""), (word, style), ("  ", "")]
    lines: List[Line] = [tuple(pieces)]
    if "drifted" in parts.values():
        lines.append(((_("drifted") + " → ", "dim"), (_("to repair: invoke net.persist"), "cure")))
    if "disabled" in parts.values():
        lines.append(
            (
                (_("disabled") + " → ", "dim"),
                (
                    _(
                        "disabled in System Settings > General > Login Items; enable "
                        "it there, or: invoke net.persist"
                    ),
                    "cure",
                ),
            )
        )
    return lines


# -- plan


def plan_data(plan: Plan) -> Dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        "changes": [
            {"what": c.what, "target": c.target, "title": c.title, "diff": c.diff}
            for c in plan.changes
        ],
        "reason": plan.reason,
        "remains": list(plan.remains),
        "notes": list(plan.notes),
    }


def plan_lines(plan: Plan, *, verbose: bool = False) -> List[Line]:
    """The changes with their diffs; rules that differ in the interface alone are summed up."""
    lines: List[Line] = []
    if not plan.changes:
        lines.append(line(_("Nothing to change."), OK))
    elif plan.reason:
        lines.append(((_("seen") + ": ", BROKEN), (plan.reason, "")))
    for number, change in enumerate(plan.changes, 1):
        lines.append(((f"{number}. ", "dim"), (change.title, "head")))
        rows = change.diff.splitlines()[2:]
        if not verbose:
            rows = render.summed_up(rows)
        if len(rows) > LONG_DIFF and not verbose:
            lines.append(
                (
                    ("   ", ""),
                    (
                        _("{count} lines; invoke net.render shows them").format(
                            count=len(rows) - 1
                        ),
                        "dim",
                    ),
                )
            )
            continue
        for row in rows:
            style = {"+": "add", "-": "remove", "@": "dim"}.get(row[:1], "")
            lines.append((("   ", ""), (row, style)))
    lines += [((_("stays") + ": ", UNKNOWN), (text, "")) for text in plan.remains]
    return lines + _notes(plan.notes)


# -- env


def env_data(found: Sequence[env.SourceCheck]) -> Dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        "dockerfile": env.docker_line(),
        "run": env.run_arguments(),
        "files": [
            {
                "path": f.path,
                "kind": f.kind,
                "state": f.state,
                "evidence": f.evidence,
                "cure": f.cure,
            }
            for f in found
        ],
    }


def env_lines(found: Sequence[env.SourceCheck]) -> List[Line]:
    """The lines to write; with files, what they say instead."""
    if not found:
        return [
            line("# " + _("for a Dockerfile"), "dim"),
            line(env.docker_line()),
            line(),
            line("# " + _("for container run"), "dim"),
            line(env.run_arguments()),
            line(),
            line(
                "# " + _("where NODE_OPTIONS is set already: add the option to that value"),
                "dim",
            ),
        ]
    lines: List[Line] = []
    for each in found:
        lines.append(
            (
                (f"  {SIGNS[each.state]} ", each.state),
                (f"{each.path}  ", "head"),
                (f"{state_word(each.state)}  ", each.state),
                (each.evidence, ""),
            )
        )
        if each.cure:
            lines.append((("    → ", "dim"), (each.cure, "cure")))
    return lines


# -- history


def history_data(found: history.History) -> Dict[str, Any]:
    def moment(at: float) -> str:
        return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")

    return {
        "schema": SCHEMA,
        "version": __version__,
        "since": moment(found.since),
        "now": moment(found.now),
        "runs": found.runs,
        "cut": found.cut or None,
        "daemon": {"loaded": found.loaded, "last_exit": found.last_exit, "kept": found.kept},
        "ways": dict(found.ways),
        "rows": [
            {
                "kind": row.kind,
                "at": moment(row.at),
                "until": moment(row.until),
                "seconds": row.seconds,
                "count": row.count,
                "why": row.why or None,
                "text": history.sentence(row),
                "acts": [vars(act) for act in row.acts],
            }
            for row in found.rows
        ],
    }


def history_lines(found: history.History) -> List[Line]:
    """A table of times, events and durations, under the day."""
    if not found.rows:
        lines = [line(_("Nothing had to be done."), OK)]
    else:
        lines = history_table(found.rows)
    lines.append(line())
    now = ", ".join(f"{subnet} → {way}" for subnet, way in found.ways)
    if now:
        lines.append(((_("way out at the last run") + ": ", "dim"), (now, "")))
    if found.loaded is False:
        said = _("the boot daemon is not running; invoke net.persist installs it")
        lines.append(((_("note") + ": ", "dim"), (said, "")))
    if found.cut:
        lines.append(((_("not known") + ": ", UNKNOWN), (f"log show: {found.cut}", "")))
    if found.runs:
        said = _("runs on record: {count}; between the rows they found nothing to do")
        lines.append(((_("note") + ": ", "dim"), (said.format(count=found.runs), "")))
    elif any(row.kind == history.RUN for row in found.rows):
        said = _("launchd's own lines are not in the log: between the rows nothing is known")
        lines.append(((_("note") + ": ", "dim"), (said, "")))
    return lines


def history_table(rows: Sequence[history.Row]) -> List[Line]:
    styles = {history.GAP: UNKNOWN, history.RUN: "", history.START: "head", history.CLOCK: UNKNOWN}
    times = [datetime.fromtimestamp(row.at).astimezone() for row in rows]
    # A day on which the clocks change has some hours twice.
    form = "%H:%M:%S%z" if len({t.utcoffset() for t in times}) > 1 else "%H:%M:%S"
    lines: List[Line] = []
    day = ""
    for row, at in zip(rows, times):
        if at.strftime("%Y-%m-%d") != day:
            day = at.strftime("%Y-%m-%d")
            lines.append(line(day, "head"))
        took = "" if row.seconds is None else "  " + history.span(row.seconds)
        failed = any(act.kind == "failed" for act in row.acts)
        style = BROKEN if failed else styles[row.kind]
        lines.append(
            ((f"  {at.strftime(form)}  ", "dim"), (history.sentence(row), style), (took, "dim"))
        )
    return lines


# -- verify


def verify_data(facts: Facts, checks: Sequence[Check]) -> Dict[str, Any]:
    states = {c.state for c in checks}
    return {
        "schema": SCHEMA,
        "version": __version__,
        "ok": False if BROKEN in states else (None if states - {OK} else True),
        "host": _host(facts),
        "checks": [
            {
                "check": c.name,
                "title": c.title,
                "state": c.state,
                "evidence": c.evidence,
                "cure": c.cure,
            }
            for c in checks
        ],
    }


def verify_lines(checks: Sequence[Check]) -> List[Line]:
    columns = max(_width(c.title) for c in checks)
    words = max(_width(state_word(s)) for s in SIGNS)
    lines: List[Line] = []
    for check in checks:
        lines.append(
            (
                (f"  {SIGNS[check.state]} ", check.state),
                (_pad(check.title, columns) + "  ", "head"),
                (_pad(state_word(check.state), words) + "  ", check.state),
                (check.evidence, ""),
            )
        )
        if check.cure and check.state != OK:
            lines.append(((" " * (columns + 6) + "→ ", "dim"), (check.cure, "cure")))
    states = {c.state for c in checks}
    lines.append(line())
    if BROKEN in states:
        lines.append(line(_("Not everything works."), BROKEN))
    elif UNKNOWN in states:
        lines.append(line(_("Everything measured works; some checks could not run."), UNKNOWN))
    elif NOT_RUNNING in states:
        lines.append(line(_("Everything measured works; no container is running."), OK))
    else:
        lines.append(line(_("Everything works."), OK))
    return lines
