"""What makes it stay: the blocks in /etc, the anchor's file, the boot daemon. Pure.

`judge` says how each part is, `persist` and `unpersist` give the changes, in the order in which a
crash after any of them does no harm: the anchor's file before the line that loads it, and after it
on the way back; the daemon last, and first on the way back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from . import __version__, blocks, parse, render
from .desired import Desired, is_uplink
from .facts import DAEMON_LABEL, FILES, HELPERS_FOLDER, STATE_FOLDER, anchor_path
from .machine import MacPath, temporary
from .model import Facts, FileFact, Reading, State, Subnet
from .plan import (
    Action,
    Change,
    Command,
    Launch,
    MakeFolder,
    Plan,
    RemoveFile,
    RemoveFolder,
    Unload,
    WriteFile,
    diff,
)
from .settings import Settings, parse_allowed
from .text import _

__all__ = ["Parts", "files", "judge", "persist", "recorded_parts", "unpersist"]

OK, ABSENT, DRIFTED, DISABLED, UNKNOWN = "ok", "absent", "drifted", "disabled", "unknown"
# Where launchd looks again although no file told it of a change (docs/decisions.md, Daemon).
INTERVAL = 60


@dataclass(frozen=True)
class Parts:
    """Which parts `persist` was asked for."""

    pf_conf: bool = True
    daemon: bool = True


def recorded_parts(facts: Facts) -> Parts:
    """Which parts are there by an earlier `persist`."""
    record = _recorded(facts)
    return Parts(pf_conf=record.get("pf_conf") == "yes", daemon=record.get("daemon") == "yes")


# -- rendering


def _subnet_words(subnets: Tuple[Subnet, ...]) -> str:
    return " ".join(f"{s.mode},{s.cidr},{s.gateway}" for s in subnets)


def _record(desired: Desired, settings: Settings, parts: Parts) -> Dict[str, str]:
    """What `state.json` remembers, enough to render the same files again."""
    record = {
        "sysctl_conf": "yes",
        "subnets": _subnet_words(desired.subnets),
        "origin": ",".join(sorted({s.origin for s in desired.nat_subnets})),
        "uplinks": " ".join(desired.names),
        "uplinks_origin": "given" if settings.uplinks else "default",
        "guard": "yes" if settings.guard else "no",
    }
    if desired.fence is not None:
        record["fence"] = ",".join(map(str, desired.fence))
    if parts.pf_conf:
        record["pf_conf"] = "yes"
    if parts.daemon:
        record["daemon"] = "yes"
    return record


def script(record: Mapping[str, str], anchor: str, sysroot: Optional[str]) -> str:
    """The boot script, as recorded."""
    subnets = _recorded_subnets(record)
    rules = _rules(record, subnets)
    return render.template(
        "reconcile.sh.j2",
        version=__version__,
        sysroot=sysroot or "",
        label=DAEMON_LABEL,
        anchor=anchor,
        anchor_file=anchor_path(anchor),
        anchor_file_wanted=record.get("pf_conf") == "yes",
        state_dir=STATE_FOLDER,
        lock="/private/var/run/container-net.lock",
        rules=rules,
        rules_sum=hashlib.sha256(rules.encode("ascii")).hexdigest()[:32],
        subnets=[s.cidr for s in subnets if s.mode == "nat"],
    )


def _recorded_subnets(record: Mapping[str, str]) -> List[Subnet]:
    """What `_subnet_words` wrote; an entry that is not of its form is passed over."""
    found = []
    for entry in record.get("subnets", "").split():
        mode, _comma, rest = entry.partition(",")
        cidr, _comma, gateway = rest.partition(",")
        try:
            found.append(Subnet(IPv4Network(cidr), mode, IPv4Address(gateway), "recorded"))
        except ValueError:
            continue
    return found


def _rules(record: Mapping[str, str], subnets: Sequence[Subnet]) -> str:
    names = [name for name in record.get("uplinks", "").split() if is_uplink(name)]
    fence = parse_allowed("fence", record["fence"]) if "fence" in record else None
    return render.anchor_of(subnets, names, record.get("guard") == "yes", fence)


def plist() -> str:
    """The launchd property list."""
    return render.template(
        "launchd.plist.j2", label=DAEMON_LABEL, program=FILES["script"], interval=INTERVAL
    )


def _anchor_line(anchor: str) -> bytes:
    return render.pf_conf(anchor).encode("ascii")


def _sysctl_line() -> bytes:
    return render.template("sysctl.conf.j2").encode("ascii")


def files(
    desired: Desired, settings: Settings, anchor: str, sysroot: Optional[str]
) -> Dict[str, str]:
    """The daemon's files by name, for `net.render`."""
    record = _record(desired, settings, Parts())
    return {
        f"{DAEMON_LABEL}.plist": plist(),
        DAEMON_LABEL: script(record, anchor, sysroot),
    }


# -- judging


def judge(facts: Facts, desired: Desired, sysroot: Optional[str]) -> Dict[str, str]:
    """How each part is: ok, absent, drifted, disabled or unknown (issue of persistence, 4)."""
    return {
        "sysctl_conf": _judge_sysctl_conf(facts),
        "pf_conf": _judge_pf_conf(facts),
        "anchor_file": _judge_anchor_file(facts),
        "daemon": _judge_daemon(facts, desired, sysroot),
    }


def _judge_block(reading: Reading[FileFact], name: str, line: bytes) -> str:
    if reading.value is None:
        return UNKNOWN
    if reading.value.content is None:
        return ABSENT
    return blocks.state(reading.value.content, name, line)


def _judge_sysctl_conf(facts: Facts) -> str:
    state = _judge_block(facts.files["sysctl_conf"], blocks.FORWARDING, _sysctl_line())
    if state == ABSENT and _recorded(facts).get("sysctl_conf") == "yes":
        return DRIFTED
    return state


def _judge_pf_conf(facts: Facts) -> str:
    state = _judge_block(facts.files["pf_conf"], blocks.ANCHOR, _anchor_line(facts.anchor))
    if state == ABSENT and (_recorded(facts).get("pf_conf") == "yes"):
        # A system update put Apple's own file back.
        return DRIFTED
    return state


def _judge_anchor_file(facts: Facts) -> str:
    reading = facts.files["anchor_file"]
    if reading.value is None:
        return UNKNOWN
    if reading.value.content is None:
        return DRIFTED if _recorded(facts).get("pf_conf") == "yes" else ABSENT
    if not facts.anchor_nat.known or not facts.anchor_rules.known:
        return UNKNOWN
    filed = render.rules(reading.value.content.decode("latin-1"))
    same = parse.same_rules(facts.anchor_nat.value or (), filed.nat) and parse.same_rules(
        facts.anchor_rules.value or (), filed.filter
    )
    return OK if same else DRIFTED


def _recorded(facts: Facts) -> Mapping[str, str]:
    return facts.state.value.persisted if facts.state.value is not None else {}


def _judge_daemon(facts: Facts, desired: Desired, sysroot: Optional[str]) -> str:
    found = [facts.files[name] for name in ("plist", "script")]
    if any(reading.value is None for reading in found) or facts.daemon.value is None:
        return UNKNOWN
    there = [r.value is not None and r.value.content is not None for r in found]
    if not any(there) and not facts.daemon.value.loaded:
        return DRIFTED if _recorded(facts).get("daemon") == "yes" else ABSENT
    if facts.daemon.value.disabled:
        return DISABLED
    if not all(there) or not facts.daemon.value.loaded:
        return DRIFTED
    if _daemon_differs(facts, _recorded(facts), sysroot):
        return DRIFTED
    return DRIFTED if _subnets_moved(facts, desired) or _uplink_is_new(facts, desired) else OK


def _uplink_is_new(facts: Facts, desired: Desired) -> bool:
    """Packets leave by an interface that the recorded rules do not know."""
    record = _recorded(facts)
    known = record.get("uplinks", "").split()
    return record.get("uplinks_origin") == "default" and not set(desired.uplinks.needed) <= {*known}


def _daemon_differs(facts: Facts, record: Mapping[str, str], sysroot: Optional[str]) -> bool:
    wanted = {"plist": plist(), "script": script(record, facts.anchor, sysroot)}
    for name, text in wanted.items():
        value = facts.files[name].value
        if value is None or value.content != text.encode("utf-8"):
            return True
    return False


def _subnets_moved(facts: Facts, desired: Desired) -> bool:
    """Today's networks differ from those of persist time. Only where today's could be read."""
    record = _recorded(facts)
    if record.get("origin") == "given" or not facts.networks.known:
        return False
    return _subnet_words(desired.subnets) != record.get("subnets")


# -- persist


def persist(
    facts: Facts,
    desired: Desired,
    settings: Settings,
    parts: Parts,
    runtime: Plan,
    *,
    sysroot: Optional[str],
) -> Plan:
    """The changes of setup (`runtime`), and those that make them stay."""
    remains: List[str] = []
    changes: List[Change] = list(runtime.changes)
    made = list(facts.state.value.made) if facts.state.value is not None else []
    edits = _edit_pf_conf(facts, remains) if parts.pf_conf else []
    if remains and not _loads_our_file(facts):
        # Left alone, and without our line: then there is nothing to keep a file for.
        parts = replace(parts, pf_conf=False)
    record = _record(desired, settings, parts)
    if parts.pf_conf:
        changes += _write_anchor_file(facts, desired) + edits
    left = len(remains)
    changes += _edit_sysctl_conf(facts, remains)
    if len(remains) > left:
        del record["sysctl_conf"]
    if parts.daemon:
        changes += _install_daemon(facts, record, sysroot)
    for reading in facts.files.values():
        value = reading.value
        if value is not None and value.content is None and value.path not in made:
            made.append(value.path)
    if parts.daemon and not facts.helpers_folder and HELPERS_FOLDER not in made:
        made.append(HELPERS_FOLDER)
    state = replace(
        runtime.state or State(facts.anchor),
        version=__version__,
        persisted=record,
        made=tuple(sorted(made)),
    )
    return Plan(
        tuple(changes),
        state,
        runtime.boot,
        runtime.notes,
        tuple(remains),
        originals=_originals(changes),
        incomplete=bool(remains),
    )


def _loads_our_file(facts: Facts) -> bool:
    """Whether a line of /etc/pf.conf loads the file of our anchor."""
    value = facts.files["pf_conf"].value
    content = b"" if value is None else value.content or b""
    return render.anchor_file(facts.anchor) in blocks.loaded_files(content)


def _originals(changes: List[Change]) -> Tuple[str, ...]:
    """Users' files that are edited: a copy is kept until teardown has verified itself."""
    return tuple(c.target for c in changes if c.what in ("pf_conf", "sysctl_conf"))


def _replaced(
    reading: Reading[FileFact],
    what: str,
    title: str,
    content: bytes,
    *,
    mode: int = 0o644,
    check: Tuple[str, ...] = (),
) -> List[Change]:
    """A file with new content; its inverse puts the bytes back that were there."""
    fact = reading.value
    if fact is None or fact.content == content:
        return []
    there = fact.content is not None
    undo: Action = (
        WriteFile(fact.path, fact.content or b"", fact.mode) if there else RemoveFile(fact.path)
    )
    name = what
    return [
        Change(
            what=what,
            target=fact.path,
            title=title,
            diff=diff(
                (fact.content or b"").decode("latin-1"), content.decode("latin-1"), fact.path
            ),
            do=(WriteFile(fact.path, content, fact.mode if there else mode, check, fact),),
            undo=(undo,),
            reread=(name,),
            holds=lambda after: _has(after, name, content),
        )
    ]


def _has(facts: Facts, name: str, content: Optional[bytes]) -> bool:
    value = facts.files[name].value
    return value is not None and value.content == content


def _write_anchor_file(facts: Facts, desired: Desired) -> List[Change]:
    return _replaced(
        facts.files["anchor_file"],
        "anchor_file",
        _("write the current rules to {path}").format(path=anchor_path(facts.anchor)),
        render.anchor(desired).encode("ascii"),
    )


def _leave(reading: Reading[FileFact], path: str, remains: List[str]) -> bool:
    """Whether a user's file is not ours to edit; says why."""
    if reading.value is None:
        remains.append(_("{path} left alone: {why}").format(path=path, why=reading.why))
        return True
    if reading.value.link is not None:
        remains.append(
            _("{path} left alone: a symbolic link to {link}, managed by another tool").format(
                path=path, link=reading.value.link
            )
        )
        return True
    if reading.value.stays:
        remains.append(reading.value.stays)
        return True
    return False


def _edit_pf_conf(facts: Facts, remains: List[str]) -> List[Change]:
    path, reading = "/etc/pf.conf", facts.files["pf_conf"]
    error = facts.pf_conf_error.value or facts.pf_conf_error.why
    if _leave(reading, path, remains):
        return []
    assert reading.value is not None
    if reading.value.content is None:
        remains.append(_("{path} is missing; left alone").format(path=path))
        return []
    try:
        line = _anchor_line(facts.anchor)
        content = blocks.insert(reading.value.content, blocks.ANCHOR, line)
    except blocks.Refused as refused:
        remains.append(_("{path} left alone: {why}").format(path=path, why=refused.reason))
        return []
    remains_of_ours = blocks.state(reading.value.content, blocks.ANCHOR, line)
    missing = facts.files["anchor_file"].value
    ours_alone = remains_of_ours != ABSENT and missing is not None and missing.content is None
    if content != reading.value.content and error and not ours_alone:
        remains.append(
            _("{path} left alone: pf rejects it ({error})").format(path=path, error=error)
        )
        return []
    return _replaced(
        reading,
        "pf_conf",
        _("load our anchor from {path} at boot").format(path=path),
        content,
        check=("/sbin/pfctl", "-n", "-f"),
    )


def _edit_sysctl_conf(facts: Facts, remains: List[str]) -> List[Change]:
    path, reading = "/etc/sysctl.conf", facts.files["sysctl_conf"]
    if _leave(reading, path, remains):
        return []
    assert reading.value is not None
    try:
        before = reading.value.content or b""
        content = blocks.insert(before, blocks.FORWARDING, _sysctl_line())
    except blocks.Refused as refused:
        remains.append(_("{path} left alone: {why}").format(path=path, why=refused.reason))
        return []
    title = _("set IP forwarding in {path}, as the guide asks (recent macOS probably ignores it)")
    return _replaced(reading, "sysctl_conf", title.format(path=path), content)


def _install_daemon(
    facts: Facts, record: Mapping[str, str], sysroot: Optional[str]
) -> List[Change]:
    made: List[Change] = _replaced(
        facts.files["script"],
        "script",
        _("install the boot script {path}").format(path=FILES["script"]),
        script(record, facts.anchor, sysroot).encode("utf-8"),
        mode=0o755,
    )
    if made and not facts.helpers_folder:
        first = made[0]
        made[0] = replace(
            first,
            do=(MakeFolder(HELPERS_FOLDER), *first.do),
            undo=(*first.undo, RemoveFolder(HELPERS_FOLDER)),
        )
    made += _replaced(
        facts.files["plist"],
        "plist",
        _("install {path}").format(path=FILES["plist"]),
        plist().encode("utf-8"),
        check=("/usr/bin/plutil", "-lint"),
    )
    loaded = facts.daemon.value is not None and (
        facts.daemon.value.loaded and not facts.daemon.value.disabled
    )
    if made or not loaded:
        made.append(
            Change(
                what="daemon",
                target=DAEMON_LABEL,
                title=_("have launchd run it at boot and on network changes ({label})").format(
                    label=DAEMON_LABEL
                ),
                diff="",
                do=(Launch(DAEMON_LABEL, FILES["plist"], (FILES["script"], FILES["plist"])),),
                undo=(Unload(DAEMON_LABEL),),
                reread=("daemon",),
                holds=lambda after: (
                    after.daemon.value is not None
                    and after.daemon.value.loaded
                    and not after.daemon.value.disabled
                ),
            )
        )
    return made


# -- unpersist


def unpersist(facts: Facts) -> Tuple[Tuple[Change, ...], Tuple[str, ...]]:
    """The changes that take it all away again, by what is found; and what must stay, with why."""
    remains: List[str] = []
    changes: List[Change] = []
    if facts.daemon.value is not None and facts.daemon.value.loaded:
        changes.append(
            Change(
                what="daemon",
                target=DAEMON_LABEL,
                title=_("stop the boot daemon ({label})").format(label=DAEMON_LABEL),
                diff="",
                do=(Unload(DAEMON_LABEL),),
                undo=(),
                reread=("daemon",),
                holds=lambda after: (
                    after.daemon.value is not None and not after.daemon.value.loaded
                ),
            )
        )
    changes += _removed(facts, "plist") + _removed(facts, "script")
    made = facts.state.value.made if facts.state.value is not None else ()
    if HELPERS_FOLDER in made and facts.helpers_folder:
        changes.append(_remove_folder(HELPERS_FOLDER))
    changes += _clean_sysctl_conf(facts, made, remains)
    cleaned = _clean_pf_conf(facts, remains)
    changes += cleaned
    if not _loads_our_file(facts) or cleaned:
        changes += _removed(facts, "anchor_file")
    elif facts.files["anchor_file"].value is not None:
        remains.append(
            _("{path} stays: a line of /etc/pf.conf still loads it").format(
                path=anchor_path(facts.anchor)
            )
        )
    return tuple(changes), tuple(remains)


def _removed(facts: Facts, name: str) -> List[Change]:
    value = facts.files[name].value
    if value is None or value.content is None:
        return []
    return [
        Change(
            what=name,
            target=value.path,
            title=_("remove {path}").format(path=value.path),
            diff="",
            do=(RemoveFile(value.path, value),),
            undo=(),
            reread=(name,),
            holds=lambda after: _has(after, name, None),
        )
    ]


def _remove_folder(path: str) -> Change:
    return Change(
        what="folder",
        target=path,
        title=_("remove the folder {path} if it is empty").format(path=path),
        diff="",
        # What an interrupted write of the script has left would keep it.
        do=(
            Command(("/bin/rm", "-f", temporary(MacPath(FILES["script"])))),
            RemoveFolder(path),
        ),
        undo=(),
        reread=(),
        holds=lambda _after: True,
    )


def _clean_sysctl_conf(facts: Facts, made: Tuple[str, ...], remains: List[str]) -> List[Change]:
    reading = facts.files["sysctl_conf"]
    value = reading.value
    if value is None or value.content is None:
        return []
    try:
        content = blocks.remove(value.content, blocks.FORWARDING)
    except blocks.Refused as refused:
        remains.append(f"{value.path}: {refused.reason}")
        return []
    if content == value.content:
        return []
    if not content and value.path in made:
        return _removed(facts, "sysctl_conf")
    return _replaced(
        reading,
        "sysctl_conf",
        _("remove our lines from {path}").format(path="/etc/sysctl.conf"),
        content,
    )


def _clean_pf_conf(facts: Facts, remains: List[str]) -> List[Change]:
    reading = facts.files["pf_conf"]
    value = reading.value
    if value is None or value.content is None:
        return []
    try:
        content = blocks.remove(value.content, blocks.ANCHOR)
    except blocks.Refused as refused:
        remains.append(f"{value.path}: {refused.reason}")
        return []
    if content == value.content:
        return []
    return _replaced(
        reading,
        "pf_conf",
        _("remove our lines from {path}").format(path="/etc/pf.conf"),
        content,
    )
