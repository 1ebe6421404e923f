"""Pure parsers: what a command said → data, or `Unreadable` with the text as evidence.

The forms are those of docs/reference (macos.md, container.md). A parser
neither guesses nor crashes: text that it does not know is `Unreadable`.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from .machine import CommandResult
from .model import (
    Attachment,
    Boot,
    Connection,
    ContainerRun,
    Image,
    Interface,
    Network,
    Port,
    Reference,
    Route,
    Rule,
    State,
)
from .settings import INTERFACE, parse_allowed, parse_anchor
from .text import _

__all__ = [
    "BOOT_HEADER",
    "SCHEMA",
    "Unreadable",
    "anchors",
    "app_root",
    "boot_file",
    "boot_session",
    "connections",
    "container_version",
    "containers",
    "default_route",
    "disabled_jobs",
    "excerpt",
    "forwarding",
    "image",
    "images",
    "interfaces",
    "job",
    "networks",
    "os_version",
    "pf_conf_error",
    "pf_enabled",
    "ports",
    "references",
    "render_boot",
    "render_state",
    "rules",
    "same_rules",
    "service",
    "state_file",
    "token",
    "whole",
]

SCHEMA = 1
BOOT_HEADER = "container-net-boot 1"


class Unreadable(ValueError):
    """Text that makes no sense here. The message quotes it."""


def excerpt(text: str, limit: int = 160) -> str:
    """Foreign text fit for one line on a screen: no control characters, cut at `limit`."""
    flat = " / ".join(line.strip() for line in text.splitlines() if line.strip())
    shown = flat if flat.isprintable() else "".join(c if c.isprintable() else "?" for c in flat)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def _unreadable(answer: CommandResult) -> Unreadable:
    said = excerpt(answer.err) or excerpt(answer.out)
    if answer.code not in (0, None) and not said:
        said = _("exit status {code}").format(code=answer.code)
    return Unreadable(said or _("it printed nothing"))


def whole(text: str) -> str:
    """The text, where it was not cut off: output of these programs ends in a newline.

    What was cut off is not believed: half a number is a number. Raises Unreadable.
    """
    if text and not text.endswith("\n"):
        raise Unreadable(_("cut off at: {text}").format(text=excerpt(text[-60:])))
    return text


# -- route, sysctl, ifconfig, networksetup


def default_route(answer: CommandResult) -> Optional[Route]:
    """`route -n get …`: by the interface line, never by the exit status (1). None: no route."""
    found = re.findall(r"^\s*interface:\s*(\S+)\s*$", whole(answer.out), re.MULTILINE)
    if len(found) == 1 and INTERFACE.fullmatch(found[0]):
        gateway = re.search(r"^\s*gateway:\s*([0-9A-Za-z.:%#-]+)\s*$", answer.out, re.MULTILINE)
        return Route(found[0], gateway.group(1) if gateway else "")
    if not found and re.search(r"^route: .*(not in table|has not been found)", answer.err, re.M):
        return None
    raise _unreadable(answer)


def forwarding(answer: CommandResult) -> int:
    """`sysctl -n net.inet.ip.forwarding`: 0 or 1 (2)."""
    text = whole(answer.out).strip()
    if answer.code == 0 and text in ("0", "1"):
        return int(text)
    raise _unreadable(answer)


def boot_session(answer: CommandResult) -> str:
    """`sysctl -n kern.bootsessionuuid`: changes with each boot (4)."""
    text = whole(answer.out).strip()
    if answer.code == 0 and re.fullmatch(r"[0-9A-Za-z-]{8,64}", text):
        return text
    raise _unreadable(answer)


def os_version(answer: CommandResult) -> str:
    """`sw_vers -productVersion`: such as 26.1."""
    text = whole(answer.out).strip()
    if answer.code == 0 and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", text):
        return text
    raise _unreadable(answer)


def ports(answer: CommandResult) -> Tuple[Port, ...]:
    """`networksetup -listallhardwareports` (9)."""
    found: List[Port] = []
    name = ""
    for line in whole(answer.out).splitlines():
        key, colon, value = line.partition(":")
        if colon and key == "Hardware Port":
            name = value.strip()
        elif colon and key == "Device" and INTERFACE.fullmatch(value.strip()):
            found.append(Port(value.strip(), name))
    if answer.code != 0 or not (found or "VLAN Configurations" in answer.out):
        raise _unreadable(answer)
    return tuple(found)


# Names of interfaces with capitals exist: XHC20, a USB port.
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9]*): flags=[0-9a-f]+<([A-Z0-9_,.-]*)>")
_INET = re.compile(r"inet ([0-9.]+)(?: --> [0-9.]+)? netmask 0x([0-9a-f]{8})\b")


def interfaces(answer: CommandResult) -> Tuple[Interface, ...]:
    """`ifconfig -a` (7): blocks of a header line and indented lines."""
    found: List[Tuple[str, Tuple[str, ...], List[IPv4Interface], List[str]]] = []
    for line in whole(answer.out).splitlines():
        header = _HEADER.match(line)
        if header:
            flags = tuple(flag for flag in header.group(2).split(",") if flag)
            found.append((header.group(1), flags, [], []))
            continue
        if not line.startswith(("\t", " ")) or not found:
            raise _unreadable(CommandResult(answer.shown, answer.code, line))
        text = line.strip()
        if text.startswith("inet "):
            match = _INET.match(text)
            if not match:
                raise Unreadable(excerpt(text))
            found[-1][2].append(_address(match.group(1), int(match.group(2), 16), text))
        elif text.startswith("member: "):
            found[-1][3].append(text.split()[1])
    if answer.code != 0 or not found:
        raise _unreadable(answer)
    return tuple(Interface(n, f, tuple(a), tuple(m)) for n, f, a, m in found)


def _address(address: str, mask: int, line: str) -> IPv4Interface:
    length = bin(mask).count("1")
    if mask != (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF:
        raise Unreadable(excerpt(line))
    try:
        return IPv4Interface(f"{address}/{length}")
    except ValueError:
        raise Unreadable(excerpt(line)) from None


# -- container (container.md, 1)


def container_version(answer: CommandResult) -> str:
    """`container --version`: `container CLI version 1.2.2 (build: …)`."""
    match = re.search(r"\bversion\s+v?([0-9]+(?:\.[0-9]+){1,2})", whole(answer.out))
    if answer.code == 0 and match:
        return match.group(1)
    raise _unreadable(answer)


def service(answer: CommandResult) -> str:
    """`container system status`: JSON from 0.10 on, text before; exit 1 where it does not run."""
    try:
        data = json.loads(answer.out)
    except (ValueError, RecursionError):
        text = whole(answer.out) + whole(answer.err)
        if "not running and not registered" in text:
            return "unregistered"
        if "is not running" in text:
            return "not running"
        if re.search(r"\bapiserver is running\b", text):
            return "running"
        raise _unreadable(answer) from None
    status = data.get("status") if isinstance(data, dict) else None
    if status in ("running", "not running", "unregistered"):
        return str(status)
    raise _unreadable(answer)


def app_root(answer: CommandResult) -> str:
    """Where container keeps its data, by `container system status`; empty where it does not say:
    while the service is stopped, and in text (container.md, 1)."""
    try:
        data = json.loads(answer.out)
    except (ValueError, RecursionError):
        return ""
    root = data.get("appRoot") if isinstance(data, dict) else None
    return root if isinstance(root, str) and root.startswith("/") else ""


def _elements(answer: CommandResult) -> List[Dict[str, Any]]:
    try:
        data = json.loads(answer.out)
    except (ValueError, RecursionError):
        raise _unreadable(answer) from None
    if answer.code != 0 or not isinstance(data, list):
        raise _unreadable(answer)
    for element in data:
        if not isinstance(element, dict):
            raise _unreadable(answer)
    return data


def _part(element: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        part = element.get(name)
        if isinstance(part, dict):
            return part
    return {}


def _word(part: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = part.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def networks(answer: CommandResult) -> Tuple[Network, ...]:
    """`container network list --format json` of all three generations; every field optional."""
    found: List[Network] = []
    for element in _elements(answer):
        config = _part(element, "configuration", "config")
        status = _part(element, "status")
        name = _word(element, "id") or _word(config, "id", "name")
        if not name:
            raise _unreadable(answer)
        text = _word(status, "ipv4Subnet", "address") or _word(config, "ipv4Subnet", "subnet")
        gateway = _word(status, "ipv4Gateway", "gateway").split("/")[0]
        try:
            cidr = IPv4Network(text, strict=False) if text else None
            found.append(
                Network(
                    name,
                    _word(config, "mode"),
                    cidr,
                    IPv4Address(gateway) if gateway else None,
                )
            )
        except ValueError:
            raise Unreadable(excerpt(f"{name}: {text} {gateway}")) from None
    return tuple(found)


def containers(answer: CommandResult) -> Tuple[ContainerRun, ...]:
    """`container ls --format json`: `status` is text until 0.12 and an object from 1.0 on."""
    found: List[ContainerRun] = []
    for element in _elements(answer):
        config = _part(element, "configuration")
        status = _part(element, "status")
        state = _word(element, "status") or _word(status, "state")
        name = _word(element, "id") or _word(config, "id")
        if not state:
            raise _unreadable(answer)
        attached = status.get("networks", element.get("networks", []))
        if not isinstance(attached, list):
            raise _unreadable(answer)
        names = tuple(_word(n, "network") for n in attached if isinstance(n, dict))
        image_name = _word(_part(config, "image"), "reference")
        running = state == "running"
        places = tuple(_attached(name or "?", running, n) for n in attached if isinstance(n, dict))
        found.append(
            ContainerRun(name or "?", running, tuple(n for n in names if n), image_name, places)
        )
    return tuple(found)


def _attached(container: str, running: bool, row: Mapping[str, Any]) -> Attachment:
    """A row of `networks`: `address` and `gateway` until 0.12, `ipv4…` from 1.0 on."""
    mtu = row.get("mtu")
    return Attachment(
        container,
        str(row.get("network", "")),
        running,
        _ipv4(row.get("ipv4Address", row.get("address"))),
        _ipv4(row.get("ipv4Gateway", row.get("gateway"))),
        mtu if isinstance(mtu, int) and not isinstance(mtu, bool) else None,
    )


def _ipv4(value: object) -> Optional[IPv4Address]:
    if not isinstance(value, str) or not value:
        return None
    try:
        return IPv4Address(value.split("/")[0])
    except ValueError:
        raise Unreadable(excerpt(value)) from None


def images(answer: CommandResult) -> Tuple[str, ...]:
    """`container image list --format json`: names, as `image inspect` takes them."""
    found = []
    for element in _elements(answer):
        part = _part(element, "configuration", "config")
        name = element.get("reference") or part.get("name") or element.get("name")
        if isinstance(name, str) and name:
            found.append(name)
    return tuple(found)


def image(answer: CommandResult) -> Optional[Image]:
    """`container image inspect NAME`: None where there is no such image.

    Where the environment stands differs between versions, so every `Env` list counts.
    """
    if answer.code != 0:
        if re.search(r"not\s?found|no such image", answer.err + answer.out, re.IGNORECASE):
            return None
        raise _unreadable(answer)
    elements = _elements(answer)
    if not elements:
        return None
    env: Optional[Tuple[str, ...]] = None
    for values in _lists(elements, ("Env", "env")):
        env = (env or ()) + tuple(v for v in values if isinstance(v, str))
    return Image(_word(elements[0], "name") or "?", env)


def _lists(node: object, names: Tuple[str, ...], depth: int = 0) -> Iterator[List[Any]]:
    if depth > 30:
        return
    if isinstance(node, dict):
        for key, value in node.items():
            if key in names and isinstance(value, list):
                yield value
            else:
                yield from _lists(value, names, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _lists(value, names, depth + 1)


# -- pfctl


# `-s` exits 0 even on error, so stderr is part of the answer (4); these lines say nothing wrong.
_HARMLESS = re.compile(r"No ALTQ support in kernel|ALTQ related functions disabled|\s*")
# A missing anchor, which reads as an empty one (6).
_NO_ANCHOR = "pfctl: DIOCGETRULES: Invalid argument"


def _complaints(answer: CommandResult) -> List[str]:
    return [line for line in answer.err.splitlines() if not _HARMLESS.fullmatch(line)]


def pf_enabled(answer: CommandResult) -> bool:
    """`pfctl -s info` (4)."""
    match = re.match(r"Status:\s+(Enabled|Disabled)\b", whole(answer.out))
    if answer.code == 0 and match:
        return match.group(1) == "Enabled"
    raise _unreadable(answer)


def references(answer: CommandResult) -> Tuple[Reference, ...]:
    """`pfctl -s References` (4): `PID name TOKEN D days HH:MM:SS`, the name may have spaces."""
    if answer.code != 0 or _complaints(answer):
        raise _unreadable(answer)
    lines = [line.strip() for line in whole(answer.out).splitlines() if line.strip()]
    if lines == ["No pf starter references held"]:
        return ()
    if not lines or lines[0] != "TOKENS:":
        raise _unreadable(answer)
    found: List[Reference] = []
    for line in lines[1:]:
        if line.startswith("PID"):
            continue
        match = re.fullmatch(r"(\d+)\s+(.+?)\s+(\d{1,20})\s+\d+ days? \d+:\d\d:\d\d", line)
        if not match:
            raise Unreadable(excerpt(line))
        found.append(Reference(*match.groups()))
    return tuple(found)


_COUNTERS = re.compile(
    r"\[ Evaluations: (\d{1,20})\s+Packets: (\d{1,20})\s(?:.*\sStates: (\d{1,20})\s)?"
)


def anchors(answer: CommandResult) -> Tuple[str, ...]:
    """`pfctl -v -s Anchors`: the tree, one full path a line (macos.md, 4)."""
    lines = [line for line in answer.err.splitlines() if "ALTQ" not in line and line.strip()]
    if answer.code != 0 or lines:
        raise _unreadable(answer)
    names = [line.strip() for line in whole(answer.out).splitlines() if line.strip()]
    if not all(re.fullmatch(r"\S+", name) for name in names):
        raise _unreadable(answer)
    return tuple(names)


def pf_conf_error(answer: CommandResult) -> str:
    """`pfctl -n -f /etc/pf.conf`: what is wrong with the file; empty where nothing is."""
    if answer.code == 0:
        return ""
    told = [
        line
        for line in answer.err.splitlines()
        if re.search(r":\d+:|cannot open|not loaded|no IP address found", line)
    ]
    if not told:
        raise _unreadable(answer)
    return excerpt("\n".join(told))


def rules(answer: CommandResult) -> Tuple[Rule, ...]:
    """`pfctl [-a ANCHOR] [-v] -s nat|rules` (4, 6). A missing anchor has no rules."""
    complaints = _complaints(answer)
    if complaints == [_NO_ANCHOR] and not answer.out.strip():
        return ()
    if answer.code != 0 or complaints:
        raise _unreadable(answer)
    found: List[Rule] = []
    for line in whole(answer.out).splitlines():
        text = line.strip()
        if not text:
            continue
        if text.startswith("["):
            counters = _COUNTERS.match(text)
            if counters and found:
                last = found.pop()
                found.append(Rule(last.text, *(int(n) for n in counters.groups() if n)))
            continue
        if text[0] not in "@abcdefghijklmnopqrstuvwxyz":
            raise Unreadable(excerpt(text))
        found.append(Rule(text))
    return tuple(found)


_HOST = re.compile(r"([0-9.]{7,15})(?::([0-9]+))?")
_BYTES = re.compile(r"\b[0-9]+:[0-9]+ pkts, ([0-9]+):([0-9]+) bytes\b")


def connections(answer: CommandResult) -> Tuple[Connection, ...]:
    """`pfctl -v -s state`: IPv4 alone, each connection once, however many states it has.

    pf prints the side behind the Mac first, `A -> TRANSLATED -> B` where A began and `A <- B` where
    B did (macos.md, 14).
    """
    complaints = _complaints(answer)
    if answer.code != 0 or complaints:
        raise _unreadable(answer)
    found: Dict[Tuple[str, ...], Connection] = {}
    key: Tuple[str, ...] = ()
    for line in whole(answer.out).splitlines():
        if line.startswith((" ", "\t")):
            counted = _BYTES.search(line)
            if counted and key:
                sent, received = (int(number) for number in counted.groups())
                last = found[key]
                found[key] = replace(
                    last, sent=max(sent, last.sent), received=max(received, last.received)
                )
            continue
        key = ()
        words = line.split()
        if not words:
            continue
        arrows = [n for n, word in enumerate(words) if word in ("->", "<-")]
        if len(words) < 5 or not arrows:
            raise Unreadable(excerpt(line))
        ends = [_HOST.fullmatch(words[n]) for n in (arrows[0] - 1, arrows[-1] + 1)]
        first, second = ends if words[arrows[0]] == "->" else ends[::-1]
        if first is None or second is None:
            continue  # IPv6
        try:
            one = Connection(
                words[1],
                IPv4Address(first[1]),
                first[2] or "",
                IPv4Address(second[1]),
                second[2] or "",
            )
        except ValueError:
            raise Unreadable(excerpt(line)) from None
        key = (words[1], *first.groups(""), *second.groups(""))
        found.setdefault(key, one)
    return tuple(found.values())


def token(answer: CommandResult) -> str:
    """`pfctl -E`: `Token : N` on stderr, a u64 (4)."""
    match = re.search(r"^Token : ([0-9]{1,20})\s*$", whole(answer.err), re.MULTILINE)
    if answer.code == 0 and match:
        return match.group(1)
    raise _unreadable(answer)


@functools.lru_cache(maxsize=1024)
def normal(rule: str) -> Tuple[str, ...]:
    """A rule as words, without those that pf adds when it echoes one (4)."""
    words = rule.replace("(", " ( ").replace(")", " ) ").split()
    return tuple(_PORTS.get(w, w) for w in words if w not in _SILENT)


# `port 53` comes back as `port = 53` or, after /etc/services, as `port = domain`.
_SILENT = ("inet", "round-robin", "drop", "=")
_PORTS = {"domain": "53", "bootps": "67"}


def same_rules(live: Tuple[Rule, ...], wanted: Tuple[str, ...]) -> bool:
    """Whether pf holds exactly these rules, in an order that means the same."""
    first = [normal(rule.text) for rule in live]
    second = [normal(rule) for rule in wanted]
    return sorted(first) == sorted(second) and _turns(first) == _turns(second)


def _turns(rules: List[Tuple[str, ...]]) -> Dict[str, List[str]]:
    """By source, how `pass` and `block` take turns. Ours are all quick and of disjoint interfaces
    or sources otherwise, so that no other order of them has a meaning."""
    turns: Dict[str, List[str]] = {}
    for rule in rules:
        if rule[:1] == ("nat",) or "from" not in rule:
            continue
        source = " ".join(rule[rule.index("from") + 1 : rule.index("to")] if "to" in rule else rule)
        taken = turns.setdefault(source, [])
        if taken[-1:] != [rule[0]] and not _on_a_named_interface(rule):
            taken.append(rule[0])
    return turns


def _on_a_named_interface(rule: Tuple[str, ...]) -> bool:
    return "on" in rule and rule[rule.index("on") + 1] != "!"


# -- launchctl


def job(answer: CommandResult) -> Tuple[bool, str, str]:
    """`launchctl print system/LABEL` (8): loaded, state, last exit code. 113: not loaded."""
    if answer.code != 0:
        if answer.code == 113 or "Could not find service" in answer.err:
            return False, "", ""
        raise _unreadable(answer)
    text = whole(answer.out)
    state = re.search(r"^\s*state = (.+?)\s*$", text, re.MULTILINE)
    last = re.search(r"^\s*last exit code = (.+?)\s*$", text, re.MULTILINE)
    if not state:
        raise _unreadable(answer)
    return True, state.group(1), last.group(1) if last else ""


def disabled_jobs(answer: CommandResult) -> Tuple[str, ...]:
    """`launchctl print-disabled system`: `"LABEL" => disabled`, or `=> true` before macOS 13."""
    if answer.code != 0:
        raise _unreadable(answer)
    listed = r'^\s*"([^"]+)" => (?:disabled|true)\s*$'
    return tuple(re.findall(listed, whole(answer.out), re.MULTILINE))


# -- our own files, read back as if hostile


def state_file(content: bytes) -> State:
    """`state.json`. Raises Unreadable: cut off, of a newer schema, or not ours."""
    try:
        data = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable(_("truncated or damaged")) from None
    if not isinstance(data, dict):
        raise Unreadable(_("truncated or damaged"))
    schema = data.get("schema")
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise Unreadable(
            _(
                "schema {schema}, but this version knows only {known}; use a newer container-net"
            ).format(schema=schema, known=SCHEMA)
        )
    seen, persisted, made = data.get("seen", {}), data.get("persisted", {}), data.get("made", [])
    if (
        schema != SCHEMA
        or isinstance(schema, bool)
        or not _flat(seen, bool)
        or not _flat(persisted, str)
        or not isinstance(made, list)
        or not all(isinstance(m, str) for m in made)
    ):
        raise Unreadable(_("not written by container-net"))
    try:
        anchor = parse_anchor("anchor", data.get("anchor"))
    except Exception:
        raise Unreadable(_("not written by container-net")) from None
    version, fence = data.get("version"), data.get("fence")
    try:
        # An empty list is a fence without exceptions.
        allowed = None if fence is None else parse_allowed("fence", fence)
    except Exception:
        raise Unreadable(_("not written by container-net")) from None
    return State(
        anchor,
        excerpt(version) if isinstance(version, str) else "",
        seen,
        persisted,
        tuple(made),
        None if allowed is None else tuple(map(str, allowed)),
    )


def render_state(state: State) -> bytes:
    """The inverse of `state_file`."""
    data = {
        "schema": SCHEMA,
        "version": state.version,
        "anchor": state.anchor,
        "seen": dict(state.seen),
        "persisted": dict(state.persisted),
        "made": list(state.made),
        "fence": None if state.fence is None else list(state.fence),
    }
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode("ascii")


def _flat(node: object, kind: type) -> bool:
    return isinstance(node, dict) and all(isinstance(v, kind) for v in node.values())


_BOOT_LINES = {
    "boot": re.compile(r"[0-9A-Za-z-]{8,64}"),
    "forwarding": re.compile(r"[01]"),
    "reference": re.compile(r"([0-9]{1,10}) (\S+) ([0-9]{1,20})"),
    "token": re.compile(r"([0-9]{1,10}) (pfctl) ([0-9]{1,20})"),
    "egress": re.compile(r"([0-9.]{7,15}/[0-9]{1,2}) ([a-z][a-z0-9]{0,11}|-)"),
    "journal": re.compile(r"enable"),
    "calls": re.compile(r"gone"),
    "echo": re.compile(r"[0-9]{1,20}( [0-9]{1,20})?"),
}


def boot_file(content: bytes) -> Boot:
    """The `boot` file that tasks and boot script share. Raises Unreadable: cut off or not ours."""
    lines = content.decode("latin-1").split("\n")
    if lines[0] != BOOT_HEADER:
        raise Unreadable(_("not written by container-net"))
    if len(lines) < 3 or lines[-1] != "" or lines[-2] != "end":
        raise Unreadable(_("truncated or damaged"))
    values: Dict[str, List[str]] = {key: [] for key in _BOOT_LINES}
    for line in lines[1:-2]:
        key, _space, value = line.partition(" ")
        if key not in _BOOT_LINES or not _BOOT_LINES[key].fullmatch(value):
            raise Unreadable(_("not written by container-net"))
        values[key].append(value)
    if len(values["boot"]) != 1 or any(
        len(values[key]) > 1 for key in ("forwarding", "token", "journal", "calls", "echo")
    ):
        raise Unreadable(_("not written by container-net"))
    held = tuple(Reference(*line.split(" ")) for line in values["reference"])
    tokens = [Reference(*line.split(" ")) for line in values["token"]]
    return Boot(
        session=values["boot"][0],
        forwarding=int(values["forwarding"][0]) if values["forwarding"] else None,
        references=held,
        token=tokens[0] if tokens else None,
        egress=tuple((line.split(" ")[0], line.split(" ")[1]) for line in values["egress"]),
        echo=values["echo"][0] if values["echo"] else "",
        journalled=bool(values["journal"]),
        uncalled=bool(values["calls"]),
    )


def render_boot(boot: Boot) -> bytes:
    """The inverse of `boot_file`. Spaces in a process name become underscores, as in the script."""
    lines = [BOOT_HEADER, f"boot {boot.session}"]
    if boot.forwarding is not None:
        lines.append(f"forwarding {boot.forwarding}")
    if boot.token is not None:
        lines.append(f"token {boot.token.pid} {boot.token.name} {boot.token.token}")
    elif boot.journalled:
        lines.append("journal enable")
        lines += [f"reference {r.pid} {flat_name(r.name)} {r.token}" for r in boot.references]
    lines += [f"egress {subnet} {uplink}" for subnet, uplink in boot.egress]
    if boot.uncalled:
        lines.append("calls gone")
    if boot.echo:
        lines.append(f"echo {boot.echo}")
    return ("\n".join([*lines, "end"]) + "\n").encode("latin-1")


def flat_name(name: str) -> str:
    return re.sub(r"\s+", "_", name)
