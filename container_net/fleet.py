"""The same tasks on many Macs over SSH: `--hosts`, `fab -H`, or with a Connection as context.

Each Mac has a session of its own, whose words are kept; here they become one table, one question
and one object. Nothing is changed before all plans are there.
"""

from __future__ import annotations

import dataclasses
import getpass
import re
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from invoke.context import Context

from . import __version__, report
from . import plan as planning
from .model import BadInput, ChangeFailed, Interrupted, Missing, NetError
from .options import Options
from .parse import SCHEMA
from .report import Line, Screen, line
from .report import _pad as pad
from .report import _width as width
from .session import Session, choose, costs
from .settings import Settings
from .status import BROKEN, OK, UNKNOWN
from .text import _

if TYPE_CHECKING:
    from .remote import RemoteMachine

__all__ = ["over_ssh", "run"]

LOOKS = ("detect", "status", "verify", "doctor", "plan")
CHANGES = ("setup", "persist", "teardown")
FORKS = 10


def over_ssh(context: Context) -> bool:
    """Whether a context is Fabric's: `fab -H` gives such a one, or a program of somebody's own."""
    fabric = sys.modules.get("fabric")
    return fabric is not None and isinstance(context, fabric.Connection)


_LONG = re.compile("[0-9]{9,}")
_TASK = re.compile(rf"invoke net\.({'|'.join(LOOKS + CHANGES)})\b")


def _at(text: str, names: Sequence[str]) -> str:
    """A cure as it is typed here: for these hosts, not for this machine."""
    return _TASK.sub(rf"invoke net.\1 --hosts {','.join(names)}", text)


class _Kept(Screen):
    """What a session says, kept."""

    def __init__(self) -> None:
        self.lines: List[Line] = []
        self.said: Dict[str, Any] = {}

    def show(self, lines: Iterable[Line]) -> None:
        self.lines += lines

    def warn(self, lines: Iterable[Line]) -> None:
        self.lines += lines

    def data(self, value: Dict[str, Any]) -> None:
        self.said = value


@dataclass
class _Host:
    """A Mac as it was named, and what became of it."""

    name: str
    settings: Settings
    reach: Callable[[], RemoteMachine]
    screen: _Kept = field(default_factory=_Kept)
    machine: Optional[RemoteMachine] = None
    session: Optional[Session] = None
    plan: Optional[planning.Plan] = None
    code: int = 0
    error: Optional[NetError] = None

    @property
    def worst(self) -> int:
        return self.code if self.error is None else self.error.code

    def data(self) -> Dict[str, Any]:
        if self.error is not None:
            return {"error": report.error_data(self.error)["error"]}
        return {k: v for k, v in self.screen.said.items() if k not in ("schema", "version")}


def run(context: Context, screen: Screen, options: Options, task: str) -> int:
    """A task on all hosts; the worst of their exit codes. Raises BadInput, Missing, Interrupted."""
    if task not in LOOKS + CHANGES:
        raise BadInput(_("net.{task} does not work over SSH.").format(task=task))
    for name in ("symptom", "from_", "fix", "report"):
        if getattr(options, name):
            word = "--" + name.strip("_")
            raise BadInput(_("{option} and --hosts exclude each other.").format(option=word))
    fleet = _Fleet(context, screen, options)
    if task in CHANGES:
        return fleet.change(task)
    return fleet.look(task)


def named(text: str) -> Tuple[str, ...]:
    """The hosts of `--hosts`: with commas, or those in @FILE, where `#` begins a comment.

    Raises BadInput.
    """
    if text.startswith("@"):
        try:
            rows = Path(text[1:]).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or _("no text")
            raise BadInput(_("--hosts is {path}: {why}.").format(path=text, why=why)) from None
        text = ",".join(row.partition("#")[0] for row in rows)
    found = tuple(word for word in text.replace(",", " ").split() if word)
    if not found:
        raise BadInput(_("--hosts names no host."))
    return found


def _forks(text: Optional[str]) -> int:
    if text is None:
        return FORKS
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise BadInput(_("--forks is {value}: give a number from 1 to 100.").format(value=text))
    return int(text)


class _Fleet:
    """All hosts of a run."""

    def __init__(self, context: Context, screen: Screen, options: Options) -> None:
        self.screen = screen
        self.options = options
        self.forks = _forks(options.forks)
        self.dry = bool(context.config.run.dry)
        self.stop = threading.Event()
        self.notes: List[str] = []
        try:
            from . import remote
        except ImportError as error:
            if error.name not in ("fabric", "paramiko"):
                raise
            said = _("Macs over SSH need Fabric: pip install 'container-net[fleet]'")
            raise Missing(said) from None
        chosen = choose(context, options)
        names = named(options.hosts) if options.hosts is not None else (context.original_host,)
        like = None if options.hosts is not None else context
        password = self._password() if options.ask_sudo else ""
        config = remote.configuration()
        self.hosts: List[_Host] = []
        seen: Dict[Tuple[str, int], str] = {}
        for name in names:
            made = remote.connect(name, config, like)
            first = seen.setdefault((made.host, made.port), name)
            if first != name or any(host.name == name for host in self.hosts):
                note = _("{name} is {first}, which is in the list already; taken once")
                self.notes.append(note.format(name=name, first=first))
                continue
            root = chosen.sysroot and chosen.sysroot.replace("%h", made.original_host)
            settings = dataclasses.replace(chosen, sysroot=root)

            def reach(name: str = name, root: Optional[str] = root) -> RemoteMachine:
                return remote.RemoteMachine(remote.connect(name, config, like), root, password)

            self.hosts.append(_Host(name, settings, reach))

    def _password(self) -> str:
        if not sys.stdin.isatty():
            raise BadInput(_("--ask-sudo asks at a terminal, and there is none."))
        return getpass.getpass(_("Password for sudo on these Macs: "))

    # -- one after the other, several at a time

    def _each(
        self,
        hosts: Sequence[_Host],
        act: Callable[[_Host, Session], None],
        text: str,
        tell: Callable[[_Host], None] = lambda _host: None,
    ) -> None:
        """`act` on each host over a connection of its own; what it raises is the host's. After
        Ctrl-C no host is begun, and what is being done ends in order."""
        with (
            ThreadPoolExecutor(self.forks) as pool,
            self.screen.counting(text, len(hosts)) as advance,
        ):
            left: Dict[Future[None], _Host] = {pool.submit(self._one, h, act): h for h in hosts}
            while left:
                try:
                    for future in wait(left, 0.5, FIRST_COMPLETED).done:
                        host = left.pop(future)
                        advance()
                        tell(host)
                except KeyboardInterrupt:
                    self.stop.set()
                    said = _("Ending in order; {count} Macs are still at work.")
                    busy = sum(1 for host in left.values() if host.machine is not None)
                    self.screen.warn([line(said.format(count=busy), UNKNOWN)])
                    for host in hosts:
                        if host.machine is not None:
                            host.machine.interrupted.set()

    def _one(self, host: _Host, act: Callable[[_Host, Session], None]) -> None:
        try:
            if self.stop.is_set():
                raise Interrupted(_("interrupted") + "; " + _("nothing was changed"))
            host.machine = host.reach()
            try:
                host.machine.open()
                # Nobody is asked in the middle of many.
                options = dataclasses.replace(self.options, yes=True)
                session = Session(host.machine, host.settings, host.screen, options, self.dry)
                if host.session is not None:
                    session.leave, session.reason = host.session.leave, host.session.reason
                    session.asked = host.session.asked
                host.session = session
                act(host, session)
            finally:
                host.machine.close()
        except NetError as error:
            host.error = error
            if getattr(error.__cause__, "kind", "") == "lost":
                host.error = ChangeFailed(
                    _(
                        "the connection was lost in the middle of a change. What was done there is "
                        "recorded there: the same task goes on from it, and invoke net.teardown "
                        "reverts it."
                    )
                )
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            host.error = NetError(f"{type(error).__name__}: {said}")

    # -- looking

    def look(self, task: str) -> int:
        def act(host: _Host, session: Session) -> None:
            if task == "plan":
                host.plan = session.propose(session.planned, planned=True)
                host.screen.data(report.plan_data(host.plan))
            else:
                host.code = getattr(session, task)()

        self._each(self.hosts, act, _("Looking at {count} Macs").format(count=len(self.hosts)))
        if self.stop.is_set():
            raise Interrupted(_("interrupted"))
        lines = {
            "status": lambda: self._table("path", "hop", report.hop_titles()),
            "verify": lambda: self._table("checks", "check", {}),
            "doctor": self._faults,
            "plan": self._plans,
            "detect": self._blocks,
        }[task]()
        self.screen.show([*lines, *self._closing()])
        return self._end()

    def _end(self) -> int:
        self.screen.data(
            {
                "schema": SCHEMA,
                "version": __version__,
                "hosts": {host.name: host.data() for host in self.hosts},
                "notes": self.notes,
            }
        )
        return max(host.worst for host in self.hosts)

    def _closing(self) -> List[Line]:
        """Those that could not be asked, each with its sentence; how many are well; notes."""
        lines = self._failed()
        well = sum(1 for host in self.hosts if host.worst == 0)
        said = _("{well} of {count} Macs: all well.").format(well=well, count=len(self.hosts))
        lines.append(line(said, OK if well == len(self.hosts) else UNKNOWN))
        return lines + [((_("note") + ": ", "dim"), (note, "")) for note in self.notes]

    def _failed(self) -> List[Line]:
        lines: List[Line] = []
        for host in self.hosts:
            if host.error is not None:
                said = _at(str(host.error), [host.name])
                lines.append(((f"{host.name}: ", "head"), (said, BROKEN)))
        return [*lines, line()] if lines else []

    def _answered(self) -> List[_Host]:
        return [host for host in self.hosts if host.error is None]

    def _table(self, rows: str, key: str, titles: Mapping[str, str]) -> List[Line]:
        """Hosts down, hops or checks across, the first that is broken marked; then why."""
        hosts = self._answered()
        columns: Dict[str, str] = {}
        for host in hosts:
            for row in host.screen.said[rows]:
                columns.setdefault(row[key], titles.get(row[key], row[key]))
        first = max((width(host.name) for host in hosts), default=0)
        head = "  ".join([pad("", first), *columns.values()])
        lines: List[Line] = [line(head.rstrip(), "head")] if hosts else []
        why: Dict[Tuple[str, str, str], List[str]] = {}
        for host in hosts:
            states = {row[key]: row for row in host.screen.said[rows]}
            broken = next((name for name in states if states[name]["state"] == BROKEN), None)
            # What nobody measures by looking is no reason.
            asked = {name: row for name, row in states.items() if name != "internet"}
            other = next((name for name in asked if asked[name]["state"] != OK), None)
            pieces: List[Tuple[str, str]] = [(pad(host.name, first), "")]
            for name, title in columns.items():
                state = states[name]["state"] if name in states else ""
                sign = report.SIGNS.get(state, " ") + (" ◀" if name == broken else "")
                pieces.append(("  " + pad(sign, width(title)), state))
            lines.append(tuple(pieces))
            if broken or other:
                row = states[broken or other]
                title = row.get("title") or columns[row[key]]
                told = (f"{title}: {row['evidence']}", row["cure"] or "", row["state"])
                why.setdefault(told, []).append(host.name)
        lines += [line()] if why else []
        for (text, cure, state), names in why.items():
            lines.append(((", ".join(names) + ": ", "head"), (text, state)))
            lines += [(("    → ", "dim"), (_at(cure, names), "cure"))] if cure else []
        return [*lines, line()]

    def _blocks(self) -> List[Line]:
        """Each host's own lines below its name."""
        lines: List[Line] = []
        for host in self._answered():
            lines += [line(host.name, "head"), *host.screen.lines, line()]
        return lines

    def _faults(self) -> List[Line]:
        """The doctor's findings, each once, with the hosts that have it; then what is not known."""
        lines: List[Line] = []
        seen: Dict[str, List[Tuple[str, Dict[str, Any]]]] = {}
        unknown: Dict[str, List[str]] = {}
        for host in self._answered():
            for fault in host.screen.said["faults"]:
                seen.setdefault(fault["id"], []).append((host.name, fault))
            for item in host.screen.said["unknown"]:
                unknown.setdefault(item["why"], []).append(host.name)
            if host.screen.said["container"]["cli"] is None:
                unknown.setdefault(_("container is not installed"), []).append(host.name)
        for name, found in sorted(seen.items(), key=lambda item: -len(item[1])):
            names, fault = [host for host, _fault in found], found[0][1]
            sure = any(each["state"] == "present" for _host, each in found)
            sign = ("✗ ", BROKEN) if sure else ("? ", UNKNOWN)
            lines.append((sign, (f"{name}  {fault['title']}  ", "head"), (", ".join(names), "")))
            lines += [((f"    {_('seen')}: ", "dim"), (text, "")) for text in fault["evidence"]]
            for number, step in enumerate(fault["steps"], 1):
                lines.append(((f"    {number}. ", "dim"), (step["text"], "")))
                command = _at(step["command"] or "", names)
                lines += [(("       ", ""), (command, "cure"))] if command else []
            lines.append(line())
        for why, names in unknown.items():
            lines.append(
                ((_("not known") + ": ", UNKNOWN), (why, ""), (f" [{', '.join(names)}]", "dim"))
            )
        return [*lines, line()] if unknown else lines

    def _plans(self) -> List[Line]:
        """The plans, each once, with the hosts that have it, the most usual first."""
        groups: Dict[Tuple[Line, ...], List[_Host]] = {}
        for host in self._answered():
            assert host.plan is not None
            shown = report.plan_lines(host.plan, verbose=self.options.verbose)
            # Numbers that every Mac has its own of, such as tokens, make no other plan.
            told = tuple(tuple((_LONG.sub("…", t), s) for t, s in row) for row in shown)
            groups.setdefault(told, []).append(host)
        lines: List[Line] = []
        for told, hosts in sorted(groups.items(), key=lambda item: -len(item[1])):
            names = [host.name for host in hosts]
            plan = hosts[0].plan
            assert plan is not None
            head = ", ".join(names)
            if len(hosts) > 1 and plan.changes:
                said = _("{hosts} Macs, the same {changes} changes: {names}")
                head = said.format(hosts=len(hosts), changes=len(plan.changes), names=head)
            lines.append(line(head, "head"))
            for row in told:
                lines.append((("  ", ""), *((_at(text, names), style) for text, style in row)))
            lines.append(line())
        return lines

    # -- changing

    def change(self, task: str) -> int:
        def propose(host: _Host, session: Session) -> None:
            host.plan = session.propose(task)
            host.screen.data(report.plan_data(host.plan))
            if not host.plan.changes:
                host.code = session.nothing(host.plan)

        def perform(host: _Host, session: Session) -> None:
            assert host.plan is not None
            host.plan = session.perform(task, host.plan)
            host.screen.data(report.plan_data(host.plan))
            host.code = 1 if host.plan.incomplete else 0

        self._each(self.hosts, propose, _("Looking at {count} Macs").format(count=len(self.hosts)))
        if self.stop.is_set():
            raise Interrupted(_("interrupted") + "; " + _("nothing was changed"))
        self.screen.show([*self._plans(), *self._failed()])
        ready = [host for host in self._answered() if host.plan and host.plan.changes]
        if not ready or self.dry or not self._agreed(task, ready):
            self.screen.show([] if ready else self._closing())
            return self._end()
        text = _("Changing {count} Macs").format(count=len(ready))
        self._each(ready, perform, text, self._tell)
        done = [host.name for host in ready if host.error is None]
        said = _("{done} of {count} Macs changed.").format(done=len(done), count=len(ready))
        lines: List[Line] = [line(), *self._failed()]
        then = (" " + _at("invoke net.verify", done), "cure") if done else ("", "")
        ended = (said, OK if len(done) == len(ready) else BROKEN)
        lines.append((ended, then) if task != "teardown" else (ended,))
        self.screen.show(lines)
        return self._end()

    def _tell(self, host: _Host) -> None:
        sign = ("  ✓ ", OK) if host.error is None else ("  ✗ ", BROKEN)
        self.screen.show([(sign, (host.name, "head"))])

    def _agreed(self, task: str, ready: Sequence[_Host]) -> bool:
        """One question for all of them, where a person is there. Raises Interrupted."""
        told: Set[str] = set()
        for host in ready:
            assert host.plan is not None
            told.update(costs(task, host.plan))
        self.screen.show([line()])
        self.screen.warn([((_("cost") + ": ", UNKNOWN), (text, "")) for text in sorted(told)])
        person = sys.stdin.isatty() and sys.stdout.isatty() and not self.screen.as_json
        if self.options.yes or not person:
            return True
        question = _("Change {count} Macs? [y/N] ").format(count=len(ready))
        if not Session.agrees(question):
            raise Interrupted(_("nothing was changed"))
        for host in ready:
            assert host.session is not None
            host.session.asked = True
        return True
