"""Walk a plan: journal, do, read again, next; on failure walk back and say what was done.

The few functions that act. A crash after any single command leaves a machine that the next run
repairs and `net.teardown` restores: every write is atomic, and the journal comes before the change.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Set

from . import parse
from .facts import BOOT_FILE, STATE_FILE, STATE_FOLDER, reread
from .machine import CommandFailed, Machine, MacPath
from .model import (
    Boot,
    ChangeFailed,
    Daemon,
    Facts,
    FileFact,
    Interrupted,
    Missing,
    NetError,
    NotHolding,
    Reference,
)
from .plan import (
    ORIGINALS,
    Action,
    Adopt,
    Change,
    Command,
    Enable,
    Launch,
    MakeFolder,
    Plan,
    Release,
    RemoveFile,
    RemoveFolder,
    WriteFile,
    drafts,
    left_behind,
)
from .text import _

__all__ = ["LOCK", "Interrupts", "Lock", "carry_out", "clear_lock", "take_back"]

LOCK = "/private/var/run/container-net.lock"
LOCK_PATIENCE = 20.0
# While the line stands in pf.conf, the file that it loads stays: without it the whole ruleset of
# the next boot fails to load (F49).
_HELD_BY = {"pf_conf": "anchor_file"}


class Interrupts:
    """While a plan is walked, Ctrl-C, SIGTERM and SIGHUP wait for the running command to end."""

    def __init__(self) -> None:
        self.pending = False
        self._former: Dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                # Under nohup, and behind a shell's &, it stays ignored.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._former[number] = signal.signal(number, self._note)
        return self

    def _note(self, _number: int, _frame: object) -> None:
        self.pending = True

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
            outer = getattr(handler, "__self__", None)
            if self.pending and isinstance(outer, Interrupts):
                outer.pending = True


class Lock:
    """Keeps other runs, and the boot script, from changing the same things at the same time.

    A symbolic link is made in one step and carries its holder's PID; /var/run is emptied at boot.
    Entering raises NotHolding where a living holder keeps it.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __enter__(self) -> Lock:
        until = time.monotonic() + LOCK_PATIENCE
        try:
            while not _take(self._machine, LOCK):
                if time.monotonic() > until:
                    raise NotHolding(
                        _(
                            "another container-net (process {pid}) is running; try "
                            "again when it has finished."
                        ).format(pid=_holder(self._machine, LOCK) or "?")
                    )
                time.sleep(0.1)
        except BaseException:
            # Ctrl-C between the making of the link and `ln` saying so, for one.
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """Never takes away another's: while it was given away somebody may have kept it."""
        with Interrupts():
            for link in _ours(self._machine):
                self._machine.run(["/bin/rm", "-f", MacPath(link)], root=True)

    @contextlib.contextmanager
    def given_away(self) -> Iterator[None]:
        """Let somebody else have it for a while."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


def _take(machine: Machine, link: str) -> bool:
    """Whether `link` now bears our PID. Raises CommandFailed where it cannot be made.

    A dead holder's link is never removed, it is succeeded: who holds LINK.PID, and only that one,
    may put its own link in the dead PID's place, and `mv` does so in one step. Thus at no moment
    two hold it; the boot script does the same.
    """
    answer = machine.run(["/bin/ln", "-s", machine.pid, MacPath(link)], root=True)
    if answer.code == 0:
        return True
    holder = _holder(machine, link)
    if holder is None:
        if answer.timed_out or "xist" not in answer.err:
            raise CommandFailed(answer)
        return False
    if machine.is_ours(holder):
        # Made after all, though `ln` did not say so.
        return True
    if machine.alive(holder):
        return False
    successor = f"{link}.{holder}"
    if not _take(machine, successor):
        return False
    if _holder(machine, link) != holder:
        machine.run(["/bin/rm", "-f", MacPath(successor)], root=True)
        return False
    machine.must(["/bin/mv", "-f", MacPath(successor), MacPath(link)])
    return True


def clear_lock(machine: Machine) -> None:
    """Take away the lock of a run that was killed; a living holder's stays."""
    holder = _holder(machine, LOCK)
    if holder is not None and not machine.alive(holder):
        with Lock(machine):
            pass


def _ours(machine: Machine) -> List[str]:
    """The links of this process: the lock, and the one in which it was about to succeed."""
    folder, name = LOCK.rsplit("/", 1)
    links = [f"{folder}/{n}" for n in machine.names(folder) if n.startswith(name)]
    return [link for link in links if machine.is_ours(_holder(machine, link) or "")]


def _holder(machine: Machine, path: str) -> Optional[str]:
    try:
        target = machine.read(path).link or ""
    except OSError:
        return None
    return target if re.fullmatch(r"[0-9]{1,9}", target) else None


class _Walk:
    """One walk over a plan: the facts as they are now, what was done, the token that was taken."""

    def __init__(
        self, lock: Lock, machine: Machine, facts: Facts, plan: Plan, say: Callable[[Change], None]
    ) -> None:
        self.lock = lock
        self.machine = machine
        self.before = facts
        self.facts = facts
        self.plan = plan
        self.say = say
        self.boot = plan.boot
        self.taken: Optional[Reference] = None
        self.doubtful = 0
        self.enabling = False
        self.interrupts = Interrupts()

    # -- journal

    def clear_drafts(self) -> None:
        """Remove what a killed run left half written, in /etc above all."""
        left = [path for path in drafts(self.facts) if self.machine.exists(str(path))]
        if left:
            self.machine.must(["/bin/rm", "-f", *left])

    def journal(self) -> None:
        self.clear_drafts()
        if not self.machine.exists(STATE_FOLDER):
            self.machine.make_folder(STATE_FOLDER)
        self._keep_originals()
        if self.plan.state is not None and self.plan.state != self.facts.state.value:
            self.machine.write(STATE_FILE, parse.render_state(self.plan.state))
        if self.boot is not None and self.boot != self.facts.boot.value:
            self.record(self.boot)

    def _keep_originals(self) -> None:
        """Copies of users' files from before our first edit, until teardown has done its work."""
        for path in self.plan.originals:
            copy = f"{ORIGINALS}/{path.rsplit('/', 1)[1]}"
            fact = self.machine.read(path)
            if fact.content is None or self.machine.exists(copy):
                continue
            if not self.machine.exists(ORIGINALS):
                self.machine.make_folder(ORIGINALS)
            self.machine.write(copy, fact.content, mode=fact.mode, like=path)

    def record(self, boot: Boot) -> None:
        self.machine.write(BOOT_FILE, parse.render_boot(boot))
        self.boot = boot

    def forget_journal(self) -> None:
        """Put the journal back as it was before this walk."""
        state, boot = self.before.state.value, self.before.boot.value
        for path, content in (
            (BOOT_FILE, None if boot is None else parse.render_boot(boot)),
            (STATE_FILE, None if state is None else parse.render_state(state)),
        ):
            if content is not None:
                # A full disk must not stand in the way where nothing was written.
                if self.machine.read(path).content != content:
                    self.machine.write(path, content)
            elif self.machine.exists(path):
                self.machine.remove(path)
        if not self.before.state_files:
            for path in self.plan.originals:
                self.machine.remove(f"{ORIGINALS}/{path.rsplit('/', 1)[1]}")
            self._remove_folder(ORIGINALS)
            self._remove_folder(STATE_FOLDER)

    # -- actions

    def act(self, action: Action) -> None:
        if isinstance(action, Command):
            self.machine.must(action.argv, stdin=action.stdin)
        elif isinstance(action, Enable):
            self._enable()
        elif isinstance(action, Adopt):
            self._hold(action.reference)
        elif isinstance(action, Release):
            self._release(action.reference)
        elif isinstance(action, WriteFile):
            self._write(action)
        elif isinstance(action, RemoveFile):
            self._expect(action.path, action.was)
            self.machine.remove(action.path)
        elif isinstance(action, MakeFolder):
            self.machine.make_folder(action.path)
        elif isinstance(action, RemoveFolder):
            self._remove_folder(action.path)
        elif isinstance(action, Launch):
            self._launch(action)
        else:
            self._unload(action.label)

    def _enable(self) -> None:
        self.enabling = True
        try:
            answer = self.machine.must(["/sbin/pfctl", "-E"])
        except CommandFailed as error:
            self.enabling = error.answer.timed_out
            raise
        try:
            number = parse.token(answer)
        except parse.Unreadable as error:
            raise ChangeFailed(
                _("pf was asked to enable and returned no token: {text}").format(text=error)
            ) from None
        self.taken = Reference("", "pfctl", number)
        held = reread(self.machine, self.facts, ("references",)).references
        for reference in held.value or ():
            if reference.token == number and reference.name == "pfctl":
                self.taken = reference
                self._hold(reference)
                return
        raise ChangeFailed(
            _("pf returned token {token}, but its list of references does not show it").format(
                token=number
            )
        )

    def _find_taken(self) -> None:
        """`-E` did not say what it did: the one reference that is new since the journal is ours.

        Raises ChangeFailed where that cannot be read: the journal then stays for the next run.
        """
        found = reread(self.machine, self.facts, ("references", "boot"))
        for reading in (found.references, found.boot):
            if not reading.known:
                raise ChangeFailed(reading.why)
        left = left_behind(found)
        if len(left) == 1:
            self.taken = left[0]
        self.doubtful = len(left) if len(left) > 1 else 0

    def _hold(self, reference: Reference) -> None:
        assert self.boot is not None
        self.record(replace(self.boot, token=reference, journalled=False, references=()))

    def _release(self, reference: Reference) -> None:
        answer = self.machine.run(["/sbin/pfctl", "-X", reference.token], root=True, timeout=15.0)
        # Stale, with pf off or on (macos.md, 4): it is gone already.
        gone = "pf not enabled" in answer.err or "token invalid" in answer.err
        if answer.code != 0 and not gone:
            raise CommandFailed(answer)

    def _expect(self, path: str, was: Optional[FileFact]) -> None:
        """Whoever changed a user's file after it was looked at must not lose that change."""
        if was is not None and self.machine.read(path) != was:
            raise Missing(
                _("{path} was changed by another program just now; run the command again.").format(
                    path=path
                )
            )

    def _write(self, action: WriteFile) -> None:
        self._expect(action.path, action.was)
        check = action.check
        self.machine.write(
            action.path,
            action.content,
            mode=action.mode,
            check=(lambda draft: (*check, MacPath(draft))) if check else None,
        )

    def _remove_folder(self, path: str) -> None:
        if not self.machine.exists(path):
            return
        answer = self.machine.run(["/bin/rmdir", MacPath(path)], root=True)
        if answer.code != 0 and "not empty" not in answer.err.lower():
            raise CommandFailed(answer)

    # -- launchd (macos.md, 8)

    def _launch(self, action: Launch) -> None:
        """`bootout` → wait → `enable` where disabled → `bootstrap` → `print`.

        The lock is given away meanwhile: the job runs at once, and takes it.
        """
        for path in action.private:
            self.machine.check_private(path)
        with self.lock.given_away():
            self._unload(action.label)
            daemon = reread(self.machine, self.facts, ("daemon",)).daemon.value
            if daemon is not None and daemon.disabled:
                self.machine.must(["/bin/launchctl", "enable", f"system/{action.label}"])
            for attempt in range(5):
                answer = self.machine.run(
                    ["/bin/launchctl", "bootstrap", "system", MacPath(action.plist)],
                    root=True,
                    timeout=30.0,
                )
                # 5: among other things still going down; 37: the old job is (again in a moment).
                if answer.code not in (5, 37) or attempt == 4:
                    break
                time.sleep(0.5)
            if answer.code != 0:
                raise CommandFailed(answer)
            self._wait_for_job(lambda d: d.loaded and d.state != "running", 60.0)

    def _unload(self, label: str) -> None:
        answer = self.machine.run(
            ["/bin/launchctl", "bootout", f"system/{label}"], root=True, timeout=30.0
        )
        # 3 and 113: not loaded; 36: going down.
        if answer.code not in (0, 3, 36, 113):
            raise CommandFailed(answer)
        self._wait_for_job(lambda d: not d.loaded, 20.0)

    def _wait_for_job(self, done: Callable[[Daemon], bool], patience: float) -> None:
        """Ask `launchctl print` until it is so, or patience ends: `holds` judges afterwards."""
        until, nap = time.monotonic() + patience, 0.02
        while True:
            daemon = reread(self.machine, self.facts, ("daemon",)).daemon.value
            if (daemon is not None and done(daemon)) or time.monotonic() > until:
                return
            time.sleep(nap)
            nap = min(2 * nap, 0.2)

    # -- walking

    def step(self, change: Change) -> None:
        for action in change.do:
            self.act(action)
        self.facts = reread(self.machine, self.facts, change.reread)
        if not change.holds(self.facts):
            raise ChangeFailed(
                _("{title}: done, but reading it back shows otherwise").format(title=change.title)
            )
        self.say(change)

    def check_interrupt(self) -> None:
        if self.interrupts.pending or self.machine.interrupted.is_set():
            raise Interrupted(_("interrupted"))

    def back(self, done: List[Change]) -> List[str]:
        """Undo, last first. Returns what could not be undone."""
        stuck: List[str] = []
        kept: Set[str] = set()
        for change in reversed(done):
            if change.what in kept:
                continue
            try:
                for action in change.undo:
                    if self._is_there(change, action):
                        self._undo(action)
                if change.what == "pf" and self.enabling and self.taken is None:
                    self._find_taken()
                if change.what == "pf" and self.taken is not None:
                    self._release(self.taken)
                if change.what == "pf" and self.doubtful:
                    stuck.append(
                        _(
                            "an interrupted run left a pf reference; any of {count} "
                            "may be it, so none is released; a reboot clears them"
                        ).format(count=self.doubtful)
                    )
            except NetError as error:
                stuck.append(str(error))
                kept.add(_HELD_BY.get(change.what, ""))
        if not stuck:
            try:
                self.forget_journal()
            except NetError as error:
                stuck.append(str(error))
        return stuck

    def _undo(self, action: Action) -> None:
        if not isinstance(action, WriteFile):
            self.act(action)
            return
        try:
            self._write(action)
        except NetError:
            # No room for one more copy: the one that was kept takes its place.
            copy = f"{ORIGINALS}/{action.path.rsplit('/', 1)[1]}"
            kept, now = self.machine.read(copy), self.machine.read(action.path)
            if kept.content != action.content:
                raise
            if kept.mode != action.mode:
                self.machine.must(["/bin/chmod", f"{action.mode:04o}", MacPath(copy)])
            if (kept.owner, kept.group) != (now.owner, now.group):
                owner = f"{now.owner}:{now.group}"
                self.machine.must(["/usr/sbin/chown", owner, MacPath(copy)])
            self.machine.must(["/bin/mv", "-f", MacPath(copy), MacPath(action.path)])

    @staticmethod
    def _written(change: Change, path: str) -> Optional[WriteFile]:
        return next((a for a in change.do if isinstance(a, WriteFile) and a.path == path), None)

    def _is_there(self, change: Change, undo: Action) -> bool:
        """Whether there is something to undo: a file may have been left, or changed again by
        another program, whose work is not thrown away. Raises ChangeFailed where both are in it.
        """
        if not isinstance(undo, (WriteFile, RemoveFile)):
            return True
        written = self._written(change, undo.path)
        content = self.machine.read(undo.path).content
        if written is None or content == written.content:
            return True
        if isinstance(undo, WriteFile) and content == undo.content:
            return False
        if content is not None and b"# >>> container-net: " in content:
            raise ChangeFailed(
                _("{path} was changed by another program just now; run the command again.").format(
                    path=undo.path
                )
            )
        return False


def carry_out(
    lock: Lock, machine: Machine, facts: Facts, plan: Plan, say: Callable[[Change], None]
) -> Facts:
    """Make the changes; the facts afterwards come back. Call it with the lock held.

    `say` is called after each change that holds. Raises ChangeFailed (exit 4) or Interrupted (130),
    both with what was taken back and what could not be.
    """
    walk = _Walk(lock, machine, facts, plan, say)
    started: List[Change] = []
    with walk.interrupts:
        try:
            walk.journal()
            for change in plan.changes:
                walk.check_interrupt()
                started.append(change)
                walk.step(change)
            walk.check_interrupt()
        except Exception as error:
            stuck = walk.back(started)
            if not isinstance(error, NetError):
                raise
            kind = Interrupted if isinstance(error, Interrupted) else ChangeFailed
            raise kind(_after_walking_back(error, started, stuck)) from error
    return walk.facts


def _after_walking_back(error: NetError, started: List[Change], stuck: List[str]) -> str:
    if stuck:
        tail = _("could not revert everything ({what}); run `invoke net.teardown` for the rest")
        return f"{error}; " + tail.format(what="; ".join(dict.fromkeys(stuck))) + "."
    if started:
        return f"{error}; " + _("all changes were reverted") + "."
    return f"{error}; " + _("nothing was changed") + "."


def take_back(
    lock: Lock, machine: Machine, facts: Facts, plan: Plan, say: Callable[[Change], None]
) -> Facts:
    """Walk a teardown. A step that fails does not keep the others from being taken back.

    The journal goes only when everything before it held, so that a later run can go on. Raises
    ChangeFailed with what is left, or Interrupted.
    """
    walk = _Walk(lock, machine, facts, plan, say)
    stuck: List[str] = []
    kept: Set[str] = set()
    with walk.interrupts:
        try:
            walk.clear_drafts()
        except NetError as error:
            stuck.append(str(error))
            kept.add("state")
        for change in plan.changes:
            walk.check_interrupt()
            if change.what in kept:
                continue
            try:
                walk.step(change)
            except Interrupted:
                raise
            except NetError as error:
                stuck.append(str(error))
                kept |= {"state", _HELD_BY.get(change.what, "")}
    if stuck:
        raise ChangeFailed(
            _("could not revert everything: {what}. Run `invoke net.teardown` again.").format(
                what="; ".join(stuck)
            )
        )
    return walk.facts
