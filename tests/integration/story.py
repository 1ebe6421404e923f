"""The story that every host goes through, step by step, and the machine put back at its end.

A step fails for one reason, and bears its name into the report. Whatever happens in the middle, the
machine is put back: first by the tool, then by hand, and what is then not as it was is a failure of
its own.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from integration.failure import NoAnswer, keep
from integration.guests import Guest, Unsuited
from integration.host import LABEL, Host, Ran
from integration.state import (
    ANCHOR,
    EXCEPTIONS,
    FORWARDING,
    LATE,
    WENT_WITH_SHARING,
    Allowed,
    Difference,
    Reference,
    State,
    differences,
    hook_back,
    hooked,
    look,
    main_ruleset,
    put_back,
    put_main_back,
    record,
    references,
    rest,
    sharing,
    uplink,
)

__all__ = ["STEPS", "Broken", "Keeper", "leave_alone", "tell"]

STEPS = (
    "shared mode is left alone",
    "the guest has the symptom",
    "setup",
    "the guest gets out",
    "setup again",
    "persist",
    "the boot played",
    "pf.conf reloaded",
    "Apple's calls go with sharing",
    "teardown",
    "nothing is left",
)
PLIST = f"/Library/LaunchDaemons/{LABEL}.plist"
COUNTERS = re.compile(r"\[ Evaluations: (\d+)\s+Packets: (\d+)")


class Broken(AssertionError):
    """A step that did not hold. `step` is its name; `put_back` what the machine still lacks."""

    def __init__(self, step: str, why: str, left: Sequence[str] = ()) -> None:
        self.step = step
        self.left = tuple(left)
        text = f"{step}: {why}"
        if left:
            text += "\nand the machine is not as it was:\n  " + "\n  ".join(left)
        super().__init__(text)


class Keeper:
    """Records the machine, lets the suite work on it, and puts it back.

    Leaving raises Broken where the body failed or something is not as it was.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.evidence = host.evidence
        self.step = "start"
        self.guests: List[Guest] = []
        self.last: Optional[Guest] = None
        self.seen: List[Reference] = []
        self.allowed: Tuple[Allowed, ...] = EXCEPTIONS
        self._signals: Dict[int, Any] = {}

    def __enter__(self) -> Keeper:
        rest(self.host)
        self.before = look(self.host)
        ours = [p for p in self.before.files if "container-net" in p]
        there = ours or self.before.daemon or self.before.anchors.get(ANCHOR)
        # The end of the story would take away what somebody lives by.
        assert not there, f"container-net is set up here: run net.teardown first ({ours})"
        if hook_back(self.host):
            self.before = look(self.host)
        self.evidence.text("state-before.txt", self.before.text)
        if threading.current_thread() is threading.main_thread():
            # A cancelled job of CI puts the machine back too.
            for number in (signal.SIGTERM, signal.SIGHUP):
                self._signals[number] = signal.signal(number, self._stop)
        return self

    @staticmethod
    def _stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # -- work

    def task(self, *words: str, **settings: str) -> Ran:
        """A task of the tool; references of pfctl's that come up meanwhile are noted."""
        with self.noting():
            return self.host.task(*words, **settings)

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """References of pfctl's that come up meanwhile are noted, to be given back if need be."""
        held = set(references(self.host))
        try:
            yield
        finally:
            new = set(references(self.host)) - held
            self.seen += sorted(row for row in new if row[1] == "pfctl")

    @contextlib.contextmanager
    def named(self, step: str, quiet: bool = False) -> Iterator[None]:
        """What fails inside bears the step's name."""
        self.step = self.evidence.step = step
        yield
        if not quiet:
            self.evidence.note(f"ok: {step}")

    def as_it_was(self) -> None:
        """Raises AssertionError where the machine does not become as it was recorded."""
        left, used = differences(self.before, self._settled(), self.allowed)
        assert not left, _not_as_it_was(left)
        for line in used:
            self.evidence.note(f"exception: {line}")

    def _settled(self) -> State:
        """The machine once it is as it was, or what two looks tell when the time is over."""
        seen: List[State] = []

        def same() -> bool:
            seen.append(look(self.host))
            return not differences(self.before, seen[-1], self.allowed)[0]

        self.host.wait(same, LATE, 2)
        return seen[-1]

    def open(self, guest: Guest, as_it_is: bool = False) -> None:
        """Bring a guest up. Apple's calls, which the tool lives by, are brought back first, unless
        the machine is to be taken as it is."""
        if not as_it_is:
            hook_back(self.host)
        self.guests.append(guest)
        self.last = guest
        guest.open()

    def close(self, guest: Guest) -> None:
        """Take a guest down, and wait until vmnet has cleaned up behind it."""
        there = hooked(self.host)
        guest.close()
        self.guests.remove(guest)
        rest(self.host, self.before)
        if there and not hooked(self.host) and not self.went:
            self.allowed = (*EXCEPTIONS, WENT_WITH_SHARING)
            self.evidence.note("Apple's calls in the main ruleset went with sharing")

    @property
    def went(self) -> bool:
        """Whether Apple's calls were seen to go with sharing."""
        return WENT_WITH_SHARING in self.allowed

    # -- the end

    def __exit__(self, kind: object, error: Optional[BaseException], trace: object) -> None:
        if self._signals:
            self._signals[signal.SIGINT] = signal.getsignal(signal.SIGINT)
        for number in self._signals:
            signal.signal(number, signal.SIG_IGN)
        try:
            if isinstance(error, Exception):
                keep(self.host, self.guests, self.before, self.step, error)
            self.evidence.step = "putting back"
            left = self._put_back()
        finally:
            for number, handler in self._signals.items():
                signal.signal(number, handler)
        if error is not None and not isinstance(error, Exception):
            return  # interrupted: what was put back is in the notes
        if error is not None:
            raise Broken(self.step, str(error) or type(error).__name__, left) from error
        if left:
            raise Broken("nothing is left", "the suite put the machine back itself", left)

    def _put_back(self) -> List[str]:
        """By the tool, then by hand; what is still not as it was."""
        problems: List[str] = []
        for guest in list(self.guests):
            self._attempt(problems, f"close {guest.name}", lambda g=guest: self.close(g))
        last = self.last
        if last is not None and sharing(look(self.host)) and not sharing(self.before):
            # vmnet finds its own rules by its calls, which were lost: it puts them in once more.
            self._attempt(problems, f"{last.name} once more", lambda: self._come_and_go(last))
        if self.went:
            self._attempt(problems, "Apple's calls", lambda: hook_back(self.host))
        if differences(self.before, look(self.host))[0]:
            self._attempt(problems, "teardown", lambda: self.task("net.teardown", "--yes"))
        if differences(self.before, look(self.host))[0]:
            for line in put_back(self.host, self.before, self.seen):
                self.evidence.note(f"put back by hand: {line}")
        after = self._settled()
        self.evidence.text("state-after.txt", after.text)
        left, used = differences(self.before, after)
        for line in used:
            self.evidence.note(f"exception: {line}")
        for line in map(str, left):
            self.evidence.note(f"NOT PUT BACK: {line}")
        return problems + [str(d) for d in left]

    def _come_and_go(self, guest: Guest) -> None:
        self.open(guest, as_it_is=True)
        self.close(guest)

    def _attempt(self, problems: List[str], name: str, act: Any) -> None:
        try:
            act()
        except Exception as error:
            problems.append(f"{name}: {error}")


# -- the story


def tell(
    keeper: Keeper, guest: Guest, shared: Optional[Guest] = None, without: Sequence[str] = ()
) -> None:
    """All steps in their order, but those that are named. Raises AssertionError, which the keeper
    names."""
    if shared is not None:
        leave_alone(keeper, shared)
    teller = _Teller(keeper, guest)
    acts = (
        teller.symptom,
        teller.setup,
        teller.way_out,
        teller.again,
        teller.persist,
        teller.boot,
        teller.reload,
        teller.without_calls,
        teller.teardown,
        teller.nothing_left,
    )
    for step, act in zip(STEPS[1:], acts):
        if step not in without:
            act()


def leave_alone(keeper: Keeper, shared: Guest) -> None:
    """vmnet translates by itself: setup says so and changes nothing. The first step, and one that
    stands alone. Raises AssertionError, which the keeper names."""
    host = keeper.host
    try:
        with keeper.named(STEPS[0], quiet=True):
            keeper.open(shared)
            assert all(shared.gateway().values()), "its gateway does not answer"
            assert all(shared.internet().values()), "vmnet itself gives it no internet"
    except (Unsuited, AssertionError) as error:
        if not shared.may_fail:
            raise
        keeper.close(shared)
        keeper.evidence.note(f"left out: {STEPS[0]} ({error})")
        return
    with keeper.named(STEPS[0]):
        before = look(host)
        ran = keeper.task("net.setup", "--yes", "--json", INVOKE_NET_SUBNETS=shared.subnet)
        _ended(ran)
        assert ran.data["changes"] == [], ran.out
        assert any("vmnet" in note for note in ran.data["notes"]), ran.out
        _same(before, look(host))
        keeper.close(shared)


class _Teller:
    def __init__(self, keeper: Keeper, guest: Guest) -> None:
        self.keeper = keeper
        self.host = keeper.host
        self.guest = guest
        self.up = keeper.before
        """The machine with the guest up, before setup."""
        self.ready = keeper.before
        """The machine after setup."""
        self.rule = ""

    # -- steps

    def symptom(self) -> None:
        with self.keeper.named(STEPS[1]):
            self.keeper.open(self.guest)
            self._nothing_answers()
            self.up = look(self.host)
            self.rule = self._rule()

    def setup(self) -> None:
        with self.keeper.named(STEPS[2]):
            _ended(self.keeper.task("net.setup", "--yes"))
            self.ready = look(self.host)
            self._in_force(self.ready)
            assert self.ready.files == {**self.up.files, **_notes(self.ready)}, "a file changed"

    def way_out(self) -> None:
        with self.keeper.named(STEPS[3]):
            self._gets_out()

    def again(self) -> None:
        with self.keeper.named(STEPS[4]):
            ran = self.keeper.task("net.setup", "--yes", "--json")
            _ended(ran)
            assert ran.data["changes"] == [], ran.out
            _same(self.ready, look(self.host))

    def persist(self) -> None:
        with self.keeper.named(STEPS[5]):
            _ended(self.keeper.task("net.persist", "--yes"))
            self.host.settle()
            self.host.must("/sbin/pfctl", "-n", "-f", "/etc/pf.conf", root=True)
            self.host.must("/usr/bin/plutil", "-lint", PLIST)
            self.host.must("/bin/launchctl", "print", f"system/{LABEL}")
            self._in_force(look(self.host))

    def boot(self) -> None:
        """What a boot takes away is taken away, and the daemon started anew."""
        with self.keeper.named(STEPS[6]):
            runs = self.host.runs()
            self.host.must("/usr/sbin/sysctl", "-w", f"{FORWARDING}=0", root=True)
            self.host.must("/sbin/pfctl", "-a", ANCHOR, "-F", "all", root=True)
            for token in self._ours():
                self.host.must("/sbin/pfctl", "-X", str(token), root=True)
            gone = record(self.host)
            # The daemon has a clock of its own; only what it has not touched can be looked at.
            if self.host.runs() == runs:
                assert gone.forwarding == "0", "forwarding is still 1"
                assert not gone.anchors.get(ANCHOR), "the anchor still has rules"
                assert not self._ours(), "our reference is still held"
            before = self.host.runs() or 0
            self.host.must("/bin/launchctl", "kickstart", "-k", f"system/{LABEL}", root=True)
            started = self.host.wait(lambda: (self.host.runs() or 0) > before)
            assert started, "launchd did not start the daemon"
            self.host.settle()
            self._in_force(look(self.host))
            self._gets_out()

    def reload(self) -> None:
        with self.keeper.named(STEPS[7]):
            live = main_ruleset(self.host)
            # Nothing is taken away that could not be put back.
            self.host.must("/sbin/pfctl", "-n", "-f", "/etc/pf.conf", root=True)
            self.host.must("/sbin/pfctl", "-f", "/etc/pf.conf", root=True)
            assert self.rule in self._rules(), "our rule is gone"
            self._gets_out()
            if main_ruleset(self.host) != live:
                # vmnet's own lines are lost by a reload, and come back with its next first
                # interface. Lines that somebody else loads in their place vmnet may never remove.
                self._again()
            if self.keeper.before.bridges and put_main_back(self.host, live):
                self.keeper.evidence.note("others use vmnet: its lines were loaded by hand")
            self._in_force(look(self.host))

    def without_calls(self) -> None:
        """Where Apple's calls go with sharing, ours does: the tool has to see it, and to say what
        brings them back."""
        if not self.keeper.went:
            self.keeper.evidence.note(f"left out: {STEPS[8]} (here they stay)")
            return
        with self.keeper.named(STEPS[8]):
            self._again(as_it_is=True)
            self._nothing_answers()
            status = self.keeper.task("net.status", "--json")
            assert status.data["pf"]["hook"] is False, status.out
            ran = self.keeper.task("net.setup", "--yes")
            assert ran.code == 3, f"setup: exit {ran.code}\n{ran.out}{ran.err}"
            assert "pfctl -f /etc/pf.conf && invoke net.setup" in ran.err, ran.err
            self.host.must("/sbin/pfctl", "-f", "/etc/pf.conf", root=True)
            _ended(self.keeper.task("net.setup", "--yes"))
            self._gets_out()
            self._again()
            self._in_force(look(self.host))

    def teardown(self) -> None:
        """With the guest gone: while a bridge is up, forwarding has to stay (promise 3)."""
        with self.keeper.named(STEPS[9]):
            self.keeper.close(self.guest)
            main = look(self.host).main
            _ended(self.keeper.task("net.teardown", "--yes"))
            now = main_ruleset(self.host)
            assert now == main, f"teardown changed the main ruleset: {main} -> {now}"
            self.keeper.as_it_was()

    def nothing_left(self) -> None:
        with self.keeper.named(STEPS[10]):
            self.keeper.open(self.guest)
            self._nothing_answers()
            self.keeper.close(self.guest)
            self.keeper.as_it_was()

    # -- pieces

    def _again(self, as_it_is: bool = False) -> None:
        """The guest goes and comes again: vmnet's first interface, wherever nobody else has one."""
        self.keeper.close(self.guest)
        self.keeper.open(self.guest, as_it_is)
        self.host.wait(lambda: main_ruleset(self.host) == self.up.main, 10, 1)

    def _rule(self) -> str:
        """The rule as pf lists it, for the uplink that the suite itself reads."""
        way = uplink(self.host)
        return f"nat on {way} inet from {self.guest.subnet} to any -> ({way}:0) extfilter ei"

    def _rules(self) -> List[str]:
        return self.host.must("/sbin/pfctl", "-a", ANCHOR, "-s", "nat", root=True).lines

    def _ours(self) -> List[int]:
        """Tokens of pfctl's that were not held before setup."""
        held = set(self.up.references)
        return [t for pid, name, t in set(references(self.host)) - held if name == "pfctl"]

    def _in_force(self, now: State) -> None:
        """What setup promises, as the machine's own programs tell it."""
        assert now.forwarding == "1", "forwarding is not 1"
        rules = self._rules()
        assert self.rule in rules, f"the anchor lacks {self.rule!r}: {rules}"
        for kind, lines in self.up.main.items():
            assert now.main[kind] == lines, (
                f"the main ruleset ({kind}) is not as it was: {lines} -> {now.main[kind]}"
            )
        others, before = self._others(now), self._others(self.up)
        assert others == before, f"another anchor changed: {before} -> {others}"
        assert now.enabled, "pf is off"
        new = self._ours()
        assert len(new) == 1, f"{len(new)} more references of pfctl's, and it should be one: {new}"

    def _others(self, state: State) -> Dict[str, Tuple[str, ...]]:
        """All anchors but ours, and those that the guest itself works on."""
        return {
            name: rules
            for name, rules in state.anchors.items()
            if name != ANCHOR and not name.startswith(self.guest.owns)
        }

    def _gets_out(self) -> None:
        """Everything is answered, and it is our rule that pf looks at and translates by."""
        before = self._counters()
        answered = self.guest.internet()
        assert answered, "nothing was tried"
        if not all(answered.values()):
            raise NoAnswer(f"the guest does not get out: {answered}")
        after = self._counters()
        assert after[0] > before[0], f"pf does not look at our rule: {before} -> {after}"
        assert after[1] > before[1], f"our rule translates nothing: {before} -> {after}"

    def _nothing_answers(self) -> None:
        """The gateway does, and behind it there is silence."""
        answered = self.guest.gateway()
        if not all(answered.values()):
            raise NoAnswer(f"its gateway does not answer: {answered}")
        answered = self.guest.internet()
        assert answered, "nothing was tried"
        assert not any(answered.values()), f"the internet answers the guest: {answered}"

    def _counters(self) -> Tuple[int, int]:
        """(evaluations, packets) of our rule; (0, 0) where it is not there."""
        said = self.host.must("/sbin/pfctl", "-a", ANCHOR, "-v", "-s", "nat", root=True)
        lines = said.lines
        for number, line in enumerate(lines[:-1]):
            match = COUNTERS.search(lines[number + 1])
            if line.strip() == self.rule and match:
                return int(match.group(1)), int(match.group(2))
        return 0, 0


def _notes(now: State) -> Dict[str, str]:
    """The tool's own notes: the only files that setup may write."""
    return {p: t for p, t in now.files.items() if p.startswith("/private/var/db/container-net")}


def _ended(ran: Ran) -> None:
    assert ran.code == 0, f"invoke {' '.join(ran.words)}: exit {ran.code}\n{ran.out}{ran.err}"


def _same(before: State, after: State) -> None:
    left, _ = differences(before, after)
    assert not left, _not_as_it_was(left)


def _not_as_it_was(left: Sequence[Difference]) -> str:
    return "not as it was:\n  " + "\n  ".join(map(str, left))
