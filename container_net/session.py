"""One run of a task: the Mac it works on, what was read, what is shown, what is done."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Iterator, List, Optional, Sequence, Tuple

from invoke.context import Context

from . import (
    __version__,
    apply,
    env,
    facts,
    history,
    inside,
    parse,
    path,
    persist,
    render,
    report,
    settings,
    status,
    verify,
)
from . import plan as planning
from .desired import (
    Desired,
    bridge_of,
    daemon_persisted,
    desire,
    fence_only,
    leaks,
    managed,
    seen_last,
)
from .machine import Machine, open_machine
from .model import BadInput, ChangeFailed, Facts, Interrupted, Missing, NotHolding, Subnet
from .options import Options
from .report import Line, Screen, line
from .settings import Settings
from .text import _, use
from .verify import Check

__all__ = ["Session", "choose", "costs", "interruptible", "open_session", "outcome"]

# `container system kernel set` downloads.
FIRST_STEP_LIMIT = 900.0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end a run alike, so that nothing is left running.

    What was ignored before, as under nohup, stays ignored. Raises Interrupted.
    """

    def stop(_number: int, _frame: Optional[FrameType]) -> None:
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if here else ()
    former = {n: signal.getsignal(n) for n in numbers}
    former = {n: handler for n, handler in former.items() if handler != signal.SIG_IGN}
    try:
        for number in former:
            signal.signal(number, stop)
        yield
    except KeyboardInterrupt:
        raise Interrupted(_("interrupted")) from None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def open_session(context: Context, screen: Screen, options: Options) -> Session:
    """Settings and machine of a run. Raises BadInput."""
    chosen = choose(context, options)
    machine = open_machine(context, chosen.sysroot)
    machine.waiting = screen.waiting
    return Session(machine, chosen, screen, options, bool(context.config.run.dry))


def choose(context: Context, options: Options) -> Settings:
    """The settings of a run, whose language is used from here on. Raises BadInput."""
    given = {key: value for key, value in vars(options).items() if key in settings.KEYS}
    given = {key: value for key, value in given.items() if value not in (None, False)}
    given.update({name: False for name in ("guard", "fence") if getattr(options, f"no_{name}")})
    chosen = settings.load(context.config.get("net"), os.environ, given)
    use(chosen.lang)
    return chosen


@dataclass
class Session:
    """What the tasks are made of; each method is a task and returns its exit code."""

    machine: Machine
    settings: Settings
    screen: Screen
    options: Options
    dry: bool = False
    asked: bool = False
    """A person was asked and agreed."""
    declined: bool = False
    """A person wants nothing downloaded, and is not asked again."""
    reason: str = ""
    """What was seen to be broken before a change."""
    leave: Optional[Tuple[str, ...]] = None
    """Why this Mac is left alone; None where it is not."""

    @property
    def verbose(self) -> bool:
        return self.options.verbose

    # -- looking

    def look(self, *, keep: bool = False) -> Tuple[Facts, Desired]:
        """Read the Mac, and what it should hold; with `keep`, so that it stays."""
        found = facts.gather(self.machine, self.settings)
        keep = keep and not self.options.no_daemon
        return found, desire(found, self.settings, keep=keep)

    def look_as_root(self, *, keep: bool = False) -> Tuple[Facts, Desired]:
        """Look; where root is missing and a person is there, let sudo ask, once.

        Raises BadInput where our own files cannot be used: a change must know what came before.
        """
        found, desired = self.look(keep=keep)
        if not found.sudo.value and self.machine.ask_for_root():
            found, desired = self.look(keep=keep)
        for reading in (found.state, found.boot):
            if not reading.known:
                raise BadInput(
                    _("{why}. Nothing was changed. To continue without it: sudo rm {path}").format(
                        why=reading.why, path=reading.source
                    )
                )
        other = found.state.value is not None and found.anchor != self.settings.anchor
        if other and self.settings.anchor != Settings.anchor:
            raise BadInput(
                _(
                    "anchor is {wanted}, but our rules are in {there}; run invoke "
                    "net.teardown first, or keep that name."
                ).format(wanted=self.settings.anchor, there=found.anchor)
            )
        return found, desired

    def _head(self, found: Facts) -> None:
        self.screen.show(report.headline(found, self.machine.sysroot))

    # -- tasks that only look

    def detect(self) -> int:
        found, desired = self.look()
        self._head(found)
        self.screen.show(report.detect_lines(found, desired))
        self.screen.data(report.detect_data(found, desired))
        return 0

    def status(self) -> int:
        found, desired = self.look()
        seen = status.look(found, desired)
        kept = persist.judge(found, desired, self.machine.sysroot)
        lines = report.status_lines(seen) + report.persistent_lines(kept, ours=managed(found))
        self._head(found)
        self.screen.show(lines)
        self.draw(report.headline(found, self.machine.sysroot) + lines, found)
        self.screen.data(report.status_data(found, desired, seen, kept))
        return 1 if seen.ok is False else 0

    def onboard(self) -> int:
        from . import onboard

        return onboard.run(self)

    def watch(self) -> int:
        from . import watch

        return watch.run(self)

    def draw(self, lines: Sequence[Line], found: Facts) -> None:
        """Where asked for, the picture of what was shown. Raises BadInput."""
        path = self.options.svg
        if path is None:
            return
        from . import doctor_report

        drawn = doctor_report.picture(lines, found, self.settings)
        doctor_report.write_report(Path(path), drawn, "svg")
        self.screen.warn([line(_("picture written to {path}").format(path=path), "dim")])

    def verify(self) -> int:
        found, desired = self.look()
        self._head(found)
        checks = verify.verify(self.machine, found, desired, self.settings, self.pull)
        self.screen.show(report.verify_lines(checks))
        self.screen.data(report.verify_data(found, checks))
        return verify.exit_code(checks)

    def render(self) -> int:
        found, desired = self.look()
        files = {
            **render.everything(found, desired),
            **persist.files(desired, self.settings, found.anchor, self.machine.sysroot),
        }
        out = self.options.out
        if out:
            folder = Path(out)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for name, text in files.items():
                    (folder / name).write_text(text, encoding="utf-8")
            except OSError as error:
                raise BadInput(
                    _("--out is {path}: cannot write: {why}.").format(path=out, why=error.strerror)
                ) from None
        self.screen.data({"schema": parse.SCHEMA, "version": __version__, "files": files})
        if out:
            self.screen.show([line(str(Path(out) / name)) for name in files])
            return 0
        for name, text in files.items():
            self.screen.show([line(f"==> {name} <==", "head")])
            rows = text.splitlines()
            shown = rows if self.verbose else render.summed_up(rows)
            self.screen.show([line(row) for row in shown] + [line()])
        return 0

    def doctor(self) -> int:
        # The catalogue takes a while to import; no other task needs it.
        from . import doctor_report

        return doctor_report.run(self)

    def history(self) -> int:
        found = history.read(self.machine, self.options.since)
        self.screen.show(report.history_lines(found))
        self.screen.data(report.history_data(found))
        return 0

    def env(self) -> int:
        found = [env.check(path) for path in self.options.check]
        self.screen.show(report.env_lines(found))
        self.screen.data(report.env_data(found))
        return 0 if all(f.state == status.OK for f in found) else 1

    # -- plan

    def plan(self) -> int:
        made = self.propose(self.planned, planned=True)
        self.screen.show(report.plan_lines(made, verbose=self.verbose))
        self.screen.data(report.plan_data(made))
        return 0

    @property
    def planned(self) -> str:
        """The task whose plan was asked for. Raises BadInput."""
        if self.options.persist and self.options.teardown:
            raise BadInput(_("--persist and --teardown exclude each other."))
        if self.options.teardown:
            return "teardown"
        return "persist" if self.options.persist else "setup"

    def propose(self, task: str, *, planned: bool = False) -> planning.Plan:
        """What `setup`, `persist` or `teardown` would change here. With `planned` nobody is asked,
        and nothing is downloaded."""
        keep = task == "persist"
        found, desired = self.look_as_root(keep=keep)
        self._head(found)
        if task == "teardown":
            return planning.teardown(found, *persist.unpersist(found))
        # The service, then a kernel.
        for _step in range(0 if planned else 2):
            if not self._first_step(found):
                break
            found, desired = self.look_as_root(keep=keep)
        self.leave = self._works_already(found, desired, keep=keep, planned=planned)
        return self._wanted(found, desired, keep, self.leave)

    def perform(self, task: str, wanted: planning.Plan) -> planning.Plan:
        """Make the changes that were agreed to; those that were made come back."""
        keep = task == "persist"
        with apply.Lock(self.machine) as lock:
            # While this run waited, the boot daemon or another run may have changed anything.
            found, desired = self.look_as_root(keep=keep)
            if task == "teardown":
                wanted = self._same(wanted, planning.teardown(found, *persist.unpersist(found)))
                apply.take_back(lock, self.machine, found, wanted, self._done)
                self._gone()
            else:
                wanted = self._same(wanted, self._wanted(found, desired, keep, self.leave))
                apply.carry_out(lock, self.machine, found, wanted, self._done)
        return wanted

    # -- setup

    def _works_already(
        self, found: Facts, desired: Desired, *, keep: bool = False, planned: bool = False
    ) -> Optional[Tuple[str, ...]]:
        """Why this Mac is left alone, or None. Raises Missing where root is missing.

        Nothing of ours is in force, and vmnet's own translation covers every needed pair; or, with
        no bridge to look at, a container gets out.
        """
        planning.require(found)
        planning.require_subnet(desired)
        if self.options.always or (managed(found) and not fence_only(found)):
            return None
        again = "net.persist" if keep else "net.setup"
        bridges = [s for s in desired.nat_subnets if bridge_of(found, s) is not None]
        if bridges:
            return self._translated_already(found, desired, bridges, again)
        if found.container_path is not None and status.first_step(found) is None:
            trying = _("No container is running; trying to start one to measure...")
            self.screen.show([line(trying, "dim")])
        image = facts.image(self.machine, found, self.settings.image)
        pull = None if planned else self.pull
        check = verify.fetch(self.machine, found, desired, self.settings, image=image, pull=pull)
        if check.state == status.OK:
            return (
                _("this Mac works: {title} ({evidence})").format(
                    title=check.title, evidence=check.evidence
                ),
                *self._all_the_same(again),
            )
        if check.state == status.UNKNOWN:
            if seen_last(found, desired.subnets, desired.uplinks.needed):
                return (
                    _("vmnet's own NAT worked when a container last ran"),
                    *self._all_the_same(again),
                )
            return self._unmeasured(check, again)
        self.reason = f"{check.title}: {check.evidence}"
        return None

    def _unmeasured(self, check: Check, again: str) -> Tuple[str, ...]:
        """Nothing was seen to be broken, so nothing is changed; a fence that was asked for is put
        up all the same. Raises Missing."""
        why = _("not measured: {why}").format(why=check.evidence)
        if self.settings.fence is not None:
            return (why,)
        first = _("First: {cure}").format(cure=check.cure) + "\n" if check.cure else ""
        raise Missing(
            _("nothing was changed, because nothing is known to be broken ({why}).").format(why=why)
            + "\n"
            + first
            + _("To set up anyway: invoke {task} --always").format(task=again)
        )

    def _translated_already(
        self, found: Facts, desired: Desired, bridges: Sequence[Subnet], again: str
    ) -> Optional[Tuple[str, ...]]:
        """Why nothing is to be done though a bridge is up; None where something is."""
        pairs = [(s, u) for s in bridges for u in desired.uplinks.needed]
        for subnet, leak in leaks(found, desired.subnets, desired.uplinks.needed):
            self.reason = _("{subnet} is host-only, and {rule} translates it").format(
                subnet=subnet.cidr, rule=leak.rule.text
            )
            return None
        if not pairs or desired.uplinks.why:
            return None
        works = [path.works(found, s.cidr, u) for s, u in pairs]
        if None in works and False not in works:
            unread = self._unread(found, pairs[works.index(None)])
            raise Missing(_("nothing was changed: cannot read: {why}").format(why=unread))
        if not all(works):
            return None
        verdicts = [(s, path.who(found, s.cidr, u)) for s, u in pairs]
        others = [path.foreign(v, s.cidr) for s, v in verdicts if v.who == path.OTHER]
        if others:
            sentence, command = path.remedy(found, f"invoke {again} --always")
            then = _("to add our rules, which cover every uplink: {command}").format(
                command=command or sentence
            )
            return (_("this Mac works: containers get out"), *dict.fromkeys(others), then)
        nat = verdicts[0][1].nat
        return (
            _("this Mac works: vmnet's own NAT does it ({rule})").format(
                rule=nat.rule.text if nat is not None else ""
            ),
            *self._all_the_same(again),
        )

    @staticmethod
    def _unread(found: Facts, pair: Tuple[Subnet, str]) -> str:
        """Why it is not known who translates a pair."""
        verdict = path.who(found, pair[0].cidr, pair[1], without_ours=True)
        return verdict.why or found.forwarding.why

    @staticmethod
    def _all_the_same(task: str) -> Tuple[str, ...]:
        return (
            _(
                "to add our rules anyway (for VPNs, network changes, firewall "
                "tools): invoke {task} --always"
            ).format(task=task),
        )

    def _wanted(
        self, found: Facts, desired: Desired, keep: bool, leave: Optional[Tuple[str, ...]]
    ) -> planning.Plan:
        """The plan of setup, or of persist; `leave` says why this Mac is left alone."""
        made = self._changes(found, desired, keep, leave)
        seen = self.reason
        if made.changes and not seen:
            hops = status.look(found, desired).hops
            seen = "; ".join(h.evidence for h in hops if h.state == status.BROKEN)
        return dataclasses.replace(made, reason=seen)

    def _changes(
        self, found: Facts, desired: Desired, keep: bool, leave: Optional[Tuple[str, ...]]
    ) -> planning.Plan:
        if leave is not None:
            if desired.fence is None and not found.anchor_rules.value:
                return planning.Plan((), notes=leave)
            if not keep:
                # The fence works with vmnet's own NAT as well.
                fence = planning.setup(found, dataclasses.replace(desired, nat=False))
                return dataclasses.replace(fence, notes=leave)
        runtime = planning.setup(found, desired)
        if keep:
            parts = persist.Parts(
                pf_conf=not self.options.no_pf_conf, daemon=not self.options.no_daemon
            )
        elif daemon_persisted(found):
            # Else the boot daemon would undo within a minute what differs from its own rules.
            parts = persist.recorded_parts(found)
        else:
            return runtime
        return persist.persist(
            found,
            desired,
            self.settings,
            parts,
            runtime,
            sysroot=self.machine.sysroot,
        )

    def setup(self) -> int:
        return self._change("setup")

    def persist(self) -> int:
        return self._change("persist")

    def teardown(self) -> int:
        return self._change("teardown")

    def _change(self, task: str) -> int:
        """Look; where all is as desired, or vmnet does it, say so; else agree and change."""
        wanted = self.propose(task)
        if not wanted.changes:
            return self.nothing(wanted)
        if not self._agreed(wanted, costs(task, wanted)):
            return 0
        return self._end(self.perform(task, wanted), *outcome(task))

    def _gone(self) -> None:
        """Look once more: only what this look sees is said. Raises ChangeFailed."""
        found, _desired = self.look()
        left = planning.teardown(found, *persist.unpersist(found)).changes
        if left:
            raise ChangeFailed(
                _(
                    "another program interfered; left: {what}. Run `invoke net.teardown` again."
                ).format(what="; ".join(change.title for change in left))
            )

    def _same(self, agreed: planning.Plan, now: planning.Plan) -> planning.Plan:
        """The plan of now. Where it is another one than was shown, it is shown; a person who agreed
        to the former one is told instead. Raises NotHolding."""
        if report.plan_lines(now) == report.plan_lines(agreed):
            return now
        if self.asked:
            raise NotHolding(
                _("the state changed after the plan was shown. Nothing was changed; try again.")
            )
        self.screen.show([line(_("The state has changed; the plan is now:"), "head")])
        self.screen.show([*report.plan_lines(now, verbose=self.verbose), line()])
        return now

    # -- pieces

    def _first_step(self, found: Facts) -> bool:
        """On a Mac's first day: offer the one command that comes next, and run it where a person
        agrees. Raises Missing where it fails."""
        step = status.first_step(found)
        container = found.container_path
        if step is None or container is None or self.dry or not self._asks:
            return False
        command = shlex.join(("container", *step.words))
        self.screen.show([line(f"{step.state}.")])
        if not self.agrees(_("Run `{command}` now? [y/N] ").format(command=command)):
            return False
        argv, user = [container, *step.words], self.machine.container_user
        answer = self.machine.run(argv, user=user, timeout=FIRST_STEP_LIMIT, waits=command)
        if answer.timed_out or answer.code != 0:
            said = parse.excerpt(answer.err) or parse.excerpt(answer.out) or _("it printed nothing")
            raise Missing(_("`{command}` failed: {text}").format(command=command, text=said))
        return True

    def pull(self, image: str) -> bool:
        """Whether an image may be downloaded: by the option, or where a person agrees."""
        if self.options.pull or self.declined or not self._asks:
            return self.options.pull
        size = _(" (about 4 MB)") if image == inside.PULLED else ""
        question = _("No image here to measure with. Download {image}{size}? [y/N] ")
        self.declined = not self.agrees(question.format(image=image, size=size))
        return not self.declined

    @property
    def _asks(self) -> bool:
        """Whether a person is there who may be asked."""
        person = sys.stdin.isatty() and sys.stdout.isatty() and not self.screen.as_json
        return person and not self.options.yes

    @staticmethod
    def agrees(question: str) -> bool:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes", "예", "네")

    def nothing(self, wanted: planning.Plan) -> int:
        if not self.dry:
            # A run that was killed before its first change left nothing but its lock.
            apply.clear_lock(self.machine)
        return self._end(wanted)

    def _agreed(self, wanted: planning.Plan, costs: Tuple[str, ...]) -> bool:
        """Show what will change and what it costs; ask where a person is there to answer."""
        self.screen.show(report.plan_lines(wanted, verbose=self.verbose))
        self.screen.show([line()])
        self.screen.warn([((_("cost") + ": ", status.UNKNOWN), (text, "")) for text in costs])
        if self.dry:
            self.screen.data(report.plan_data(wanted))
            return False
        if not self._asks:
            return True
        self.asked = True
        if self.agrees(_("Continue? [y/N] ")):
            return True
        raise Interrupted(_("nothing was changed"))

    def _done(self, change: planning.Change) -> None:
        self.screen.show([(("  ✓ ", status.OK), (change.title, ""))])

    def _end(self, made: planning.Plan, sentence: str = "", then: str = "") -> int:
        """The last words: the plan where nothing was done, else what holds now, and what next."""
        if sentence:
            lines: List[Line] = [line(), ((sentence, status.OK), (" " + then, "cure"))]
        else:
            lines = report.plan_lines(made, verbose=self.verbose)
        self.screen.show(lines)
        self.screen.data(report.plan_data(made))
        # What teardown leaves is said and has its reason; what persist leaves was asked for.
        return 1 if made.incomplete else 0


def outcome(task: str) -> Tuple[str, str]:
    """What holds once a task is done, and what comes next."""
    if task == "teardown":
        return _("container-net has been removed from this Mac."), ""
    if task == "persist":
        return _("Active now and after reboots. To check that it works:"), "invoke net.verify"
    return _("Active until the next reboot. To check that it works:"), "invoke net.verify"


def costs(task: str, wanted: planning.Plan) -> Tuple[str, ...]:
    """What a change costs, said before it is made (docs/decisions.md, Private Relay)."""
    if task == "teardown":
        return ()
    costs = []
    if any(change.what == "anchor" and "\n+" in change.diff for change in wanted.changes):
        costs.append(
            _("iCloud Private Relay is off while the rules are loaded; net.teardown restores it")
        )
    if any(change.what == "daemon" for change in wanted.changes):
        costs.append(
            _("macOS will announce a new background item, {label}: the boot daemon").format(
                label=facts.DAEMON_LABEL
            )
        )
    return tuple(costs)
