"""The differences between a Mac and what it should hold, each with its inverse. Pure.

A `Change` is data: what is done, how it is undone, which facts show that it holds. `apply` acts.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Tuple, Union

from . import __version__, parse, path, render
from .desired import Desired, Rules, forwarding_is_ours, nat_bridge_up, our_token, seen_now
from .facts import BOOT_FILE, FILES, STATE_FILE, STATE_FOLDER, anchor_path
from .machine import Argv, MacPath, temporary
from .model import Boot, Facts, FileFact, Missing, Reference, State
from .status import other_subnet
from .text import _

__all__ = [
    "Action",
    "Adopt",
    "Change",
    "Command",
    "Enable",
    "Launch",
    "MakeFolder",
    "Plan",
    "Release",
    "RemoveFile",
    "RemoveFolder",
    "Unload",
    "WriteFile",
    "diff",
    "drafts",
    "left_behind",
    "require",
    "require_subnet",
    "setup",
    "teardown",
]

FORWARDING = "net.inet.ip.forwarding"
ORIGINALS = STATE_FOLDER + "/original"
OWN_FILES = (
    ORIGINALS + "/pf.conf",
    ORIGINALS + "/sysctl.conf",
    BOOT_FILE,
    STATE_FILE,
)
# What a killed run of the boot script may leave beside them.
SCRATCH = tuple(f"{STATE_FOLDER}/{n}" for n in ("boot.new", "run.out", "run.err", "run.rules"))
# What the boot script keeps of its own.
LOADED = STATE_FOLDER + "/loaded"
LOOK = STATE_FOLDER + "/look"


@dataclass(frozen=True)
class Command:
    """A program that root runs; `stdin` is text."""

    argv: Argv
    stdin: str = ""


@dataclass(frozen=True)
class Enable:
    """`pfctl -E`, and the token that it gives is written down."""


@dataclass(frozen=True)
class Adopt:
    """A reference that an interrupted run of ours left is written down as ours."""

    reference: Reference


@dataclass(frozen=True)
class Release:
    """`pfctl -X` with our token; already gone is as good."""

    reference: Reference


@dataclass(frozen=True)
class WriteFile:
    """A file replaced atomically; `check` is a command that its draft must pass, path appended.

    `was` is the file that the new content was made from: another one is not replaced.
    """

    path: str
    content: bytes
    mode: int = 0o644
    check: Tuple[str, ...] = ()
    was: Optional[FileFact] = None


@dataclass(frozen=True)
class RemoveFile:
    """A file removed; with `was`, only if it is still that one."""

    path: str
    was: Optional[FileFact] = None


@dataclass(frozen=True)
class MakeFolder:
    path: str


@dataclass(frozen=True)
class RemoveFolder:
    """A folder of ours, if nothing else is in it."""

    path: str


@dataclass(frozen=True)
class Launch:
    """Hand a job to launchd; `private` are the files that nobody but root may be able to write."""

    label: str
    plist: str
    private: Tuple[str, ...]


@dataclass(frozen=True)
class Unload:
    """`launchctl bootout`; not loaded is as good."""

    label: str


Action = Union[
    Command, Enable, Adopt, Release, WriteFile, RemoveFile, MakeFolder, RemoveFolder, Launch, Unload
]


@dataclass(frozen=True)
class Change:
    """One difference. `reread` names the facts that `holds` looks at after it is done."""

    what: str
    target: str
    title: str
    diff: str
    do: Tuple[Action, ...]
    undo: Tuple[Action, ...]
    reread: Tuple[str, ...]
    holds: Callable[[Facts], bool]


@dataclass(frozen=True)
class Plan:
    """Changes in order, and the journal that is on disk before the first of them.

    `state` and `boot` are what the journal says; None leaves that file as it is. `remains` names
    what cannot be taken back, each with its reason.
    """

    changes: Tuple[Change, ...]
    state: Optional[State] = None
    boot: Optional[Boot] = None
    notes: Tuple[str, ...] = ()
    remains: Tuple[str, ...] = ()
    incomplete: bool = False
    """Some of what was asked for could not be planned; `remains` says what."""
    originals: Tuple[str, ...] = ()
    """Users' files of which a copy is kept before the first change."""
    reason: str = ""
    """What was seen to be broken; empty where there was nothing, or the changes were ordered."""


def diff(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, lineterm="", n=2
    )
    return "\n".join(lines)


# -- setup


def require(facts: Facts) -> None:
    """What a change needs to know before it is made. Raises Missing or BadInput's kin."""
    if not facts.sudo.value:
        raise Missing(_("needs root: run `sudo -v`, then try again."))
    for reading in (
        facts.forwarding,
        facts.boot_session,
        facts.pf_enabled,
        facts.references,
        facts.anchor_nat,
        facts.anchor_rules,
        facts.main_nat,
        facts.interfaces,
    ):
        if not reading.known:
            raise Missing(_("nothing was changed: cannot read: {why}").format(why=reading.why))


def require_subnet(desired: Desired) -> None:
    """That there is a subnet to serve. Raises Missing."""
    if desired.overlaps and not desired.nat_subnets:
        raise Missing(f"{desired.overlaps[0]}. {other_subnet()}")
    if not desired.nat_subnets:
        raise Missing(
            _("there is no subnet to serve: {why}; give one with --subnets.").format(
                why="; ".join(desired.notes) or _("none found")
            )
        )


def setup(facts: Facts, desired: Desired) -> Plan:
    """The changes that make this boot as desired. Raises Missing where it cannot be done safely."""
    require(facts)
    if desired.uplinks.why and not desired.uplinks.needed:
        raise Missing(
            _("nothing was changed: cannot read the uplinks: {why}").format(why=desired.uplinks.why)
        )
    require_subnet(desired)
    if not path.hook(facts):
        raise Missing(_hook_missing(facts))
    forwarding = _forwarding(facts) if desired.nat else None
    changes = [c for c in (_anchor(facts, desired), _pf(facts), forwarding) if c]
    state = facts.state.value or State(facts.anchor, __version__)
    state = replace(state, fence=None if desired.fence is None else tuple(map(str, desired.fence)))
    seen = seen_now(facts, desired.subnets, desired.uplinks.needed)
    state = replace(state, seen={**state.seen, **seen})
    boot = _boot_now(facts)
    if any(c.what == "forwarding" for c in changes) and boot.forwarding is None:
        boot = replace(boot, forwarding=facts.forwarding.value)
    if any(c.what == "pf" for c in changes):
        boot = replace(boot, token=None, journalled=True, references=facts.references.value or ())
    return Plan(tuple(changes), state, boot, desired.notes)


def _hook_missing(facts: Facts) -> str:
    sentence, command = path.remedy(facts)
    text = _(
        "the live ruleset lacks {line}, so pf would never reach our rules: another program "
        "replaced it, or macOS took that line along when the last container stopped. Nothing was "
        "changed. {how}"
    ).format(line=path.HOOK, how=sentence[:1].upper() + sentence[1:])
    return text + (f": {command}" if command else ".")


def _boot_now(facts: Facts) -> Boot:
    """What is known of this boot; another boot's file is void."""
    boot = facts.boot.value
    session = facts.boot_session.value or ""
    if boot is not None and boot.session == session:
        return boot
    return Boot(session)


def _anchor(facts: Facts, desired: Desired) -> Optional[Change]:
    text = render.anchor(desired)
    wanted = render.rules(text)
    nat, rules = facts.anchor_nat.value or (), facts.anchor_rules.value or ()
    if parse.same_rules(nat, wanted.nat) and parse.same_rules(rules, wanted.filter):
        return None
    before = "".join(rule.text + "\n" for rule in nat + rules)
    return Change(
        what="anchor",
        target=facts.anchor,
        title=(
            _("load {count} rules into the anchor {anchor} (current uplink: {uplinks})").format(
                count=len(wanted.nat + wanted.filter),
                anchor=facts.anchor,
                uplinks=", ".join(desired.uplinks.needed) or "-",
            )
            if text
            else _("empty the anchor {anchor}").format(anchor=facts.anchor)
        ),
        diff=diff(before, "\n".join(wanted.nat + wanted.filter), facts.anchor),
        do=(
            Command(("/sbin/pfctl", "-n", "-f", "-"), text),
            Command(("/sbin/pfctl", "-a", facts.anchor, "-f", "-"), text),
        ),
        undo=(_restore_anchor(facts.anchor, before),),
        reread=("anchor_nat", "anchor_rules"),
        holds=lambda after: _holds_rules(after, wanted),
    )


def _holds_rules(facts: Facts, wanted: Rules) -> bool:
    return parse.same_rules(facts.anchor_nat.value or (), wanted.nat) and parse.same_rules(
        facts.anchor_rules.value or (), wanted.filter
    )


def _restore_anchor(anchor: str, before: str) -> Command:
    if before:
        # In the order in which they were live.
        return Command(("/sbin/pfctl", "-a", anchor, "-f", "-"), render.AS_WRITTEN + before)
    return Command(("/sbin/pfctl", "-a", anchor, "-F", "all"))


def left_behind(facts: Facts) -> Tuple[Reference, ...]:
    """References that came after the journal of an interrupted run: `-E` had run, its answer was
    not written down."""
    boot = _boot_now(facts)
    if not boot.journalled or boot.token is not None:
        return ()
    before = {(r.pid, parse.flat_name(r.name), r.token) for r in boot.references}
    return tuple(
        r
        for r in facts.references.value or ()
        if r.name == "pfctl" and (r.pid, r.name, r.token) not in before
    )


def _pf(facts: Facts) -> Optional[Change]:
    if our_token(facts).value and facts.pf_enabled.value:
        return None
    left = left_behind(facts)
    if len(left) == 1 and facts.pf_enabled.value:
        return Change(
            what="pf",
            target="pf",
            title=_("adopt the pf reference left by an interrupted run ({token})").format(
                token=left[0].token
            ),
            diff="",
            do=(Adopt(left[0]),),
            undo=(),
            reread=("references", "boot", "pf_enabled"),
            holds=lambda after: bool(our_token(after).value and after.pf_enabled.value),
        )
    title = _("enable pf with a reference of our own")
    if left:
        title += _("; {count} references may be from an interrupted run and are left alone").format(
            count=len(left)
        )
    return Change(
        what="pf",
        target="pf",
        title=title,
        diff=diff(
            _("pf enabled by others") if facts.pf_enabled.value else _("pf disabled"),
            _("pf enabled, with a reference of ours"),
            "pf",
        ),
        do=(Enable(),),
        undo=(),
        reread=("references", "boot", "pf_enabled"),
        holds=lambda after: bool(our_token(after).value and after.pf_enabled.value),
    )


def _forwarding(facts: Facts) -> Optional[Change]:
    if facts.forwarding.value == 1:
        return None
    return Change(
        what="forwarding",
        target=FORWARDING,
        title=_("enable IP forwarding ({name} = 1)").format(name=FORWARDING),
        diff=diff(f"{FORWARDING}=0\n", f"{FORWARDING}=1\n", "sysctl"),
        do=(Command(("/usr/sbin/sysctl", "-w", f"{FORWARDING}=1")),),
        undo=(Command(("/usr/sbin/sysctl", "-w", f"{FORWARDING}=0")),),
        reread=("forwarding",),
        holds=lambda after: after.forwarding.value == 1,
    )


# -- teardown


def teardown(
    facts: Facts, persistent: Tuple[Change, ...] = (), remains_of_it: Tuple[str, ...] = ()
) -> Plan:
    """Everything of ours back as it was found; what must stay is named with its reason.

    `persistent` are the changes of `persist.unpersist`; they come first, since the daemon would
    bring the rest back.
    """
    require(facts)
    changes: List[Change] = list(persistent)
    remains: List[str] = list(remains_of_it)
    back, why = _forwarding_back(facts)
    if back is not None:
        changes.append(back)
    if why:
        remains.append(why)
    boot = _boot_now(facts)
    held = [boot.token] if our_token(facts).value and boot.token is not None else []
    left = left_behind(facts)
    if not held and len(left) == 1:
        held = [left[0]]
    elif len(left) > 1:
        remains.append(
            _(
                "an interrupted run left a pf reference; any of {count} may be it, "
                "so none is released; a reboot clears them"
            ).format(count=len(left))
        )
    changes += [_release(reference) for reference in held]
    flush = _flush(facts)
    if flush is not None:
        changes.append(flush)
    if facts.state_files:
        changes.append(_forget(facts))
    return Plan(tuple(changes), remains=tuple(remains))


def _forwarding_back(facts: Facts) -> Tuple[Optional[Change], str]:
    if not forwarding_is_ours(facts) or facts.forwarding.value == 0:
        return None, ""
    if nat_bridge_up(facts) is not False:
        return None, _(
            "IP forwarding, because a container network is up and needs it; when "
            "none is: sudo sysctl -w {name}=0 (a reboot does it too)"
        ).format(name=FORWARDING)
    return (
        Change(
            what="forwarding",
            target=FORWARDING,
            title=_("restore {name} to 0").format(name=FORWARDING),
            diff=diff(f"{FORWARDING}=1\n", f"{FORWARDING}=0\n", "sysctl"),
            do=(Command(("/usr/sbin/sysctl", "-w", f"{FORWARDING}=0")),),
            undo=(),
            reread=("forwarding",),
            holds=lambda after: after.forwarding.value == 0,
        ),
        "",
    )


def _release(reference: Reference) -> Change:
    return Change(
        what="pf",
        target="pf",
        title=_("release our pf reference (token {token})").format(token=reference.token),
        diff=diff(_("one reference of ours"), _("no reference of ours"), "pfctl -s References"),
        do=(Release(reference),),
        undo=(),
        reread=("references",),
        holds=lambda after: (
            after.references.known and reference not in (after.references.value or ())
        ),
    )


def _flush(facts: Facts) -> Optional[Change]:
    live = (facts.anchor_nat.value or ()) + (facts.anchor_rules.value or ())
    if not live:
        return None
    return Change(
        what="anchor",
        target=facts.anchor,
        title=_("empty the anchor {anchor}").format(anchor=facts.anchor),
        diff=diff("".join(rule.text + "\n" for rule in live), "", facts.anchor),
        do=(Command(("/sbin/pfctl", "-a", facts.anchor, "-F", "all")),),
        undo=(),
        reread=("anchor_nat", "anchor_rules"),
        holds=lambda after: (
            not after.anchor_nat.value and not after.anchor_rules.value and after.anchor_nat.known
        ),
    )


def _forget(facts: Facts) -> Change:
    return Change(
        what="state",
        target=STATE_FOLDER,
        title=_("remove our state ({folder})").format(folder=STATE_FOLDER),
        diff="",
        do=(
            Command(("/bin/rm", "-f", *_own_files(facts))),
            RemoveFolder(ORIGINALS),
            RemoveFolder(STATE_FOLDER),
        ),
        undo=(),
        reread=("state",),
        holds=lambda after: not after.state_files,
    )


def drafts(facts: Facts) -> Tuple[MacPath, ...]:
    """What a killed run, of a task or of the boot script, may have left half written."""
    anchor_file = anchor_path(facts.anchor)
    written = map(MacPath, (*OWN_FILES, *FILES.values(), anchor_file))
    return (*map(temporary, written), *map(MacPath, (*SCRATCH, anchor_file + ".new")))


def _own_files(facts: Facts) -> Tuple[MacPath, ...]:
    """Our files, and before them what a killed run has left."""
    return (*drafts(facts), *map(MacPath, (LOADED, LOOK, *OWN_FILES)))
