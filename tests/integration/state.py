"""All of a machine that the suite or the tool may change: recorded, compared, put back.

Nothing here is shared with the tool: neither its parsers nor its idea of what it has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from integration.host import LABEL, Host, Said

__all__ = [
    "ANCHOR",
    "EXCEPTIONS",
    "LATE",
    "WENT_WITH_SHARING",
    "Allowed",
    "Difference",
    "Reference",
    "State",
    "differences",
    "hook_back",
    "hooked",
    "look",
    "main_ruleset",
    "main_text",
    "put_back",
    "put_main_back",
    "record",
    "references",
    "rest",
    "sharing",
    "uplink",
]

ANCHOR = "com.apple/250.container-net"
FORWARDING = "net.inet.ip.forwarding"
SHARING = "com.apple.internet-sharing"
HOOK = 'nat-anchor "com.apple/*" all'
# Seconds: between two looks, until looks have to agree, and until vmnet has to have cleaned up.
LOOK, LOOKS, LATE = 1.0, 10.0, 30.0
# Users' files that are edited in place: their bytes are kept, to be put back by hand.
EDITED = ("/private/etc/pf.conf", "/private/etc/sysctl.conf")
FOLDERS = (
    "/private/etc/pf.anchors",
    "/Library/LaunchDaemons",
    "/Library/PrivilegedHelperTools",
    "/private/var/db/container-net",
)
LOCK = "/private/var/run/container-net.lock"
OURS = (
    "/Library/LaunchDaemons/local.container-net.plist",
    "/Library/PrivilegedHelperTools/local.container-net",
    "/private/etc/pf.anchors/250.container-net",
)
# PID, name, token, and since when (macos.md, 4); the time goes on by itself.
ROW = re.compile(r"^\s*(\d+)\s+(\S.*?)\s+(\d+)\s+\d+ days? [\d:]+\s*$")
Reference = Tuple[int, str, int]


@dataclass(frozen=True)
class State:
    """A machine at one moment.

    `files`: path to `kind mode owner:group hash`. `main`: the main ruleset by kind, line by line.
    `anchors`: each anchor's rules, counters left out. `references`: (PID, name, token).
    """

    files: Mapping[str, str]
    forwarding: str
    enabled: bool
    references: Tuple[Reference, ...]
    main: Mapping[str, Tuple[str, ...]]
    anchors: Mapping[str, Tuple[str, ...]]
    daemon: bool
    disabled: str
    bridges: Tuple[str, ...]
    contents: Mapping[str, Optional[bytes]] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """For people, and for `diff`."""
        rows = [f"forwarding {self.forwarding}", f"pf {'on' if self.enabled else 'off'}"]
        rows += [f"reference {pid} {name} {token}" for pid, name, token in self.references]
        for kind, lines in self.main.items():
            rows += [f"main {kind}: {line}" for line in lines]
        for name, lines in sorted(self.anchors.items()):
            rows += [f"anchor {name}: {line}" for line in lines]
        rows += [f"daemon {'loaded' if self.daemon else 'absent'} {self.disabled}".rstrip()]
        rows += [f"bridge {name}" for name in self.bridges]
        rows += [f"file {path}: {text}" for path, text in sorted(self.files.items())]
        return "\n".join(rows) + "\n"


# -- recording


def record(host: Host) -> State:
    """The machine as it is now. Raises AssertionError where it cannot be read whole."""
    files, contents = _files(host)
    disabled = host.ask("/bin/launchctl", "print-disabled", "system", root=True)
    return State(
        files=files,
        forwarding=host.must("/usr/sbin/sysctl", "-n", FORWARDING).out.strip(),
        enabled=bool(re.search(r"^Status:\s+Enabled\b", _pf(host, "-s", "info").out, re.M)),
        references=references(host),
        main=main_ruleset(host),
        anchors=_anchors(host),
        daemon=host.ask("/bin/launchctl", "print", f"system/{LABEL}").code == 0,
        disabled=next((line.strip() for line in disabled.lines if f'"{LABEL}"' in line), ""),
        bridges=_bridges(host),
        contents=contents,
    )


def _pf(host: Host, *words: str) -> Said:
    return host.must("/sbin/pfctl", *words, root=True)


def references(host: Host) -> Tuple[Reference, ...]:
    """Who keeps pf enabled. Raises AssertionError for a row that cannot be read."""
    found = []
    for line in _pf(host, "-s", "References").lines:
        match = ROW.match(line)
        if match:
            found.append((int(match.group(1)), match.group(2), int(match.group(3))))
        else:
            known = ("TOKENS:", "PID ", "No pf starter")
            assert line.strip().startswith(known), f"pfctl -s References says {line!r}"
    return tuple(sorted(found))


def main_ruleset(host: Host) -> Dict[str, Tuple[str, ...]]:
    """The live main ruleset, line by line."""
    return {kind: tuple(_pf(host, "-s", kind).lines) for kind in ("nat", "rules", "dummynet")}


def _anchors(host: Host, first: str = "") -> Dict[str, Tuple[str, ...]]:
    """Those that hold rules, of the names that begin so: pf may list an emptied one until the next
    boot."""
    names = {line.strip() for line in _pf(host, "-v", "-s", "Anchors").lines}
    found = {}
    for name in sorted(name for name in names | {ANCHOR} if name.startswith(first)):
        rules = [_pf(host, "-a", name, "-s", kind).lines for kind in ("nat", "rules")]
        if any(rules):
            found[name] = tuple(line for lines in rules for line in lines)
    return found


def _bridges(host: Host) -> Tuple[str, ...]:
    """Bridges of vmnet's kind: bridge100 and up (macos.md, 7)."""
    said = host.must("/sbin/ifconfig", "-a")
    return tuple(re.findall(r"^(bridge\d{3,}):", said.out, re.M))


def _files(host: Host) -> Tuple[Dict[str, str], Dict[str, Optional[bytes]]]:
    paths: List[str] = [*EDITED, LOCK]
    for folder in FOLDERS:
        paths += _below(host, folder)
    files: Dict[str, str] = {}
    contents: Dict[str, Optional[bytes]] = dict.fromkeys(EDITED)
    for path in paths:
        place = host.path(path)
        if not os.path.lexists(place):
            continue
        info = place.lstat()
        owner = f"{info.st_uid}:{info.st_gid}"
        if stat.S_ISLNK(info.st_mode):
            files[path] = f"link {owner} {os.readlink(place)}"
        elif stat.S_ISDIR(info.st_mode):
            files[path] = f"folder {stat.S_IMODE(info.st_mode):04o} {owner}"
        else:
            content = _content(host, path, place)
            digest = hashlib.sha256(content).hexdigest()
            files[path] = f"file {stat.S_IMODE(info.st_mode):04o} {owner} {digest}"
            if path in contents:
                contents[path] = content
    return files, contents


def _content(host: Host, path: str, place: Path) -> bytes:
    try:
        return place.read_bytes()
    except PermissionError:
        return host.must("/bin/cat", path, root=True).out.encode("latin-1")


def _below(host: Host, folder: str) -> List[str]:
    """The folder and what lies in it, two levels deep: bundles are not looked into."""
    place = host.path(folder)
    if not place.is_dir():
        return []
    found = [folder]
    for entry in sorted(place.iterdir()):
        found.append(f"{folder}/{entry.name}")
        if folder.startswith("/private/var/db") and entry.is_dir():
            found += [f"{folder}/{entry.name}/{name}" for name in sorted(os.listdir(entry))]
    return found


# -- what macOS does in its own time


def look(host: Host) -> State:
    """The machine as two looks in a row tell it: what was under way is done.

    Where they never agree the last one counts, and the notes say so.
    """
    seen = [record(host)]

    def agree() -> bool:
        seen.append(record(host))
        return seen[-1].text == seen[-2].text

    host.pause(LOOK)
    if not host.wait(agree, LOOKS, LOOK):
        host.evidence.note(f"no two looks agreed within {LOOKS:.0f} s; the last one counts")
    return seen[-1]


def sharing(state: State) -> bool:
    """Whether something of vmnet's stands in pf, or a bridge of its kind is up."""
    inside = any(name.startswith(SHARING) for name in state.anchors)
    return bool(state.bridges) or inside or _calls_sharing(state.main)


def _calls_sharing(main: Mapping[str, Sequence[str]]) -> bool:
    return any(SHARING in line for lines in main.values() for line in lines)


def rest(host: Host, before: Optional[State] = None) -> None:
    """Wait until vmnet has cleaned up behind its last interface, which may take it seconds.

    Where it already stood in pf before, others use it, and there is nothing to wait for.
    """
    if before is None or not sharing(before):
        host.wait(lambda: bool(_bridges(host)) or not _in_pf(host), LATE, LOOK)


def _in_pf(host: Host) -> bool:
    return _calls_sharing(main_ruleset(host)) or bool(_anchors(host, SHARING))


def hooked(host: Host) -> bool:
    """Whether the main ruleset calls the anchors below `com.apple`, as Apple's own does."""
    return HOOK in main_ruleset(host)["nat"]


def hook_back(host: Host) -> bool:
    """Load /etc/pf.conf, as a boot does, where Apple's calls are missing from the main ruleset and
    none of vmnet's would be lost by it; whether that was so. Raises AssertionError."""
    main = main_ruleset(host)
    if HOOK in main["nat"] or _calls_sharing(main):
        return False
    host.must("/sbin/pfctl", "-n", "-f", "/etc/pf.conf", root=True)
    host.must("/sbin/pfctl", "-f", "/etc/pf.conf", root=True)
    host.evidence.note("Apple's calls were not in the main ruleset; /etc/pf.conf was loaded")
    return True


def uplink(host: Host) -> str:
    """What carries the default route. Raises AssertionError where there is none."""
    said = host.must("/sbin/route", "-n", "get", "default")
    match = re.search(r"^\s*interface:\s*(\S+)$", said.out, re.M)
    assert match, f"no default route: {said.err.strip() or said.out}"
    return match.group(1)


# -- comparing


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before or '(nothing)'} -> {self.after or '(nothing)'}"


@dataclass(frozen=True)
class Allowed:
    """A difference that the design allows, with its name and its reason."""

    name: str
    reason: str
    allows: Callable[[Difference, State, State], bool]


EXCEPTIONS = (
    Allowed(
        "forwarding under a NAT bridge",
        "setting 0 while a container network is up would cut its containers off (promise 3)",
        lambda d, _before, after: (
            d.what == "forwarding" and (d.before, d.after) == ("0", "1") and bool(after.bridges)
        ),
    ),
    Allowed(
        "a label that was disabled",
        "launchd keeps a line for a label that was enabled; done only where it was listed as "
        "disabled (Daemon)",
        lambda d, _before, _after: (
            d.what == "launchd's disabled list"
            and bool(d.before)
            and re.search(r"=> (disabled|true)", d.before) is not None
            and re.search(r"=> (enabled|false)", d.after) is not None
        ),
    ),
    Allowed(
        "another program's reference",
        "macOS's own programs take and give back references while the suite runs; ours are pfctl's",
        lambda d, _before, _after: (
            d.what.startswith("reference ") and not d.what.startswith("reference of pfctl")
        ),
    ),
)


def _call_went(found: Difference, _before: State, _after: State) -> bool:
    if found.what != "anchor com.apple" and not found.what.startswith("main ruleset, "):
        return False
    before, after = found.before.split(" | "), found.after.split(" | ") if found.after else []
    gone = [line for line in before if line not in after]
    kept = [line for line in before if line in after]
    return after == kept and all(re.match(r'(\w+-)?anchor "[^"]+/\*" all', line) for line in gone)


WENT_WITH_SHARING = Allowed(
    "Apple's calls that went with sharing",
    "pf's kernel lets who removes rules by owner take calls of empty anchors along; allowed where "
    "it was seen to happen as a guest was closed",
    _call_went,
)


def differences(
    before: State, after: State, exceptions: Sequence[Allowed] = EXCEPTIONS
) -> Tuple[List[Difference], List[str]]:
    """(what is not as it was, which named exceptions were used and for what)."""
    left: List[Difference] = []
    used: List[str] = []
    for found in _all_differences(before, after):
        named = [e for e in exceptions if e.allows(found, before, after)]
        if named:
            used.append(f"{named[0].name}: {found} ({named[0].reason})")
        else:
            left.append(found)
    return left, used


def _all_differences(before: State, after: State) -> List[Difference]:
    found = [
        Difference(f"file {path}", before.files.get(path, ""), after.files.get(path, ""))
        for path in sorted({*before.files, *after.files})
    ]
    found.append(Difference("forwarding", before.forwarding, after.forwarding))
    found += _references(before, after)
    # pf is on exactly while somebody holds a reference; whose, is said above.
    others = [r for r in (*before.references, *after.references) if r[1] != "pfctl"]
    if not others:
        found.append(Difference("pf enabled", str(before.enabled), str(after.enabled)))
    for kind in sorted({*before.main, *after.main}):
        found.append(
            Difference(
                f"main ruleset, {kind}",
                " | ".join(before.main.get(kind, ())),
                " | ".join(after.main.get(kind, ())),
            )
        )
    for name in sorted({*before.anchors, *after.anchors}):
        one, other = before.anchors.get(name), after.anchors.get(name)
        found.append(Difference(f"anchor {name}", _rules(one), _rules(other)))
    found.append(Difference("the boot daemon", _loaded(before.daemon), _loaded(after.daemon)))
    found.append(Difference("launchd's disabled list", before.disabled, after.disabled))
    return [d for d in found if d.before != d.after]


def _references(before: State, after: State) -> List[Difference]:
    rows: Set[Reference] = {*before.references} ^ {*after.references}
    return [
        Difference(
            f"reference of {name}",
            f"{pid} {token}" if (pid, name, token) in before.references else "",
            f"{pid} {token}" if (pid, name, token) in after.references else "",
        )
        for pid, name, token in sorted(rows)
    ]


def _rules(lines: Optional[Sequence[str]]) -> str:
    return "" if lines is None else " | ".join(lines)


def _loaded(there: bool) -> str:
    return "loaded" if there else "absent"


# -- putting back


def main_text(main: Mapping[str, Sequence[str]]) -> str:
    """The main ruleset that pf listed, in the order in which pf wants to read it.

    What pfctl adds to a call line when it lists it (`all`, `fragment reassemble`) is taken off, as
    /etc/pf.conf writes it.
    """
    rules = [_call(line) for line in main["rules"]]
    nat = [_call(line) for line in main["nat"]]
    dummynet = [_call(line) for line in main["dummynet"]]
    scrub = [line for line in rules if line.startswith("scrub")]
    ordered = [*scrub, *nat, *dummynet, *(line for line in rules if line not in scrub)]
    return "".join(line + "\n" for line in ordered)


def _call(line: str) -> str:
    match = re.fullmatch(r'(\S*anchor "[^"]+") all( fragment reassemble)?', line)
    return match.group(1) if match else line


def put_main_back(host: Host, wanted: Mapping[str, Tuple[str, ...]]) -> bool:
    """Load a recorded main ruleset where the live one differs; whether that was so.

    Raises AssertionError where pf does not take it, or shows something else afterwards.
    """
    if main_ruleset(host) == wanted:
        return False
    text = main_text(wanted)
    host.must("/sbin/pfctl", "-n", "-f", "-", root=True, stdin=text)
    host.must("/sbin/pfctl", "-f", "-", root=True, stdin=text)
    now = main_ruleset(host)
    assert now == wanted, f"the main ruleset did not come back: {wanted} -> {now}"
    return True


def _written(host: Host) -> List[Reference]:
    """The reference in the notes of this boot: `token PID NAME TOKEN`."""
    said = host.ask("/bin/cat", "/private/var/db/container-net/boot", root=True)
    rows = re.findall(r"^token (\d+) (\S+) (\d+)$", said.out, re.M)
    return [(int(pid), name, int(token)) for pid, name, token in rows]


def put_back(host: Host, before: State, seen: Sequence[Reference]) -> List[str]:
    """By hand and without the tool: everything of ours off, as docs/security.md tells it.

    `seen` are the references that came up while the tool was running and bear pfctl's name; only
    those are released, and the one that the boot daemon wrote down. What was done, in words;
    nothing raises, since the comparison is the judge.
    """
    done: List[str] = []

    def act(words: str, *argv: str, stdin: str = "") -> None:
        said = host.ask(*argv, root=True, stdin=stdin)
        done.append(words if said.code == 0 else f"{words}: exit {said.code} {said.err.strip()}")

    now = look(host)
    written = _written(host)
    if now.daemon and not before.daemon:
        act("unloaded the daemon", "/bin/launchctl", "bootout", f"system/{LABEL}")
        host.wait(lambda: host.ask("/bin/launchctl", "print", f"system/{LABEL}").code != 0, 30)
    for path in EDITED:
        was = before.contents.get(path)
        if now.files.get(path) == before.files.get(path):
            continue
        if was is None:
            act(f"removed {path}", "/bin/rm", "-f", path)
        else:
            act(f"wrote {path} back", "/usr/bin/tee", path, stdin=was.decode("latin-1"))
    for path in (*OURS, LOCK):
        if path in now.files and path not in before.files:
            act(f"removed {path}", "/bin/rm", "-f", path)
    if now.anchors.get(ANCHOR) and not before.anchors.get(ANCHOR):
        act("emptied the anchor", "/sbin/pfctl", "-a", ANCHOR, "-F", "all")
    for reference in sorted({*seen, *written}):
        if reference in now.references and reference not in before.references:
            act(f"gave token {reference[2]} back", "/sbin/pfctl", "-X", str(reference[2]))
    if now.forwarding != before.forwarding:
        word = f"{FORWARDING}={before.forwarding}"
        act(f"set {word}", "/usr/sbin/sysctl", "-w", word)
    for path in sorted((p for p in now.files if p not in before.files), reverse=True):
        if path.startswith("/private/var/db/container-net"):
            verb = "rmdir" if now.files[path].startswith("folder") else "rm"
            act(f"removed {path}", f"/bin/{verb}", path)
    if "/Library/PrivilegedHelperTools" in set(now.files) - set(before.files):
        act("removed the helpers' folder", "/bin/rmdir", "/Library/PrivilegedHelperTools")
    try:
        if put_main_back(host, before.main):
            done.append("loaded the main ruleset as it was")
    except AssertionError as error:
        done.append(str(error))
    return done
