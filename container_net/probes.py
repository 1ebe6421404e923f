"""What doctor reads beyond the facts: probes of the Mac, and one probe inside a container.

Parsers are pure and meet text that they do not know, or that was cut off, with `Unreadable`.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import facts, parse
from .machine import Answer, Argv, Machine, MacPath
from .model import FileFact, Image, Reading, Route, Rule
from .parse import Unreadable, excerpt, whole
from .text import _

__all__ = [
    "GUEST_LIMIT",
    "SCRIPT",
    "Attachment",
    "Extra",
    "Firewall",
    "Guest",
    "GuestRow",
    "NetRoute",
    "Resolver",
    "Socket",
    "Target",
    "gather",
    "guest",
    "logs",
]

REDIRECTS = "com.apple.container"
"""The anchor and the file in which `container system dns create --localhost` keeps redirects."""
ISOLATION = ("com.apple.internet-sharing/network_isolation", "network_isolation_table_v4")
BUILDER = "buildkit"
# Anchors of the system, whose rules are read elsewhere or never translate.
_APPLE = re.compile(r"com\.apple(/(200\.AirDrop|250\.ApplicationFirewall).*)?|com\.apple\..*")
# The container starts a virtual machine first; inside, everything ends within 7 s (SCRIPT).
GUEST_LIMIT = 15.0


@dataclass(frozen=True)
class Attachment:
    """A container's place in a network, from `container ls`; every field may be missing."""

    container: str
    network: str
    running: bool
    address: Optional[IPv4Address] = None
    gateway: Optional[IPv4Address] = None
    mtu: Optional[int] = None


@dataclass(frozen=True)
class Socket:
    """A row of lsof: who listens where. `command` is cut at nine characters by lsof."""

    command: str
    family: str
    protocol: str
    address: str
    port: int
    line: str


@dataclass(frozen=True)
class Resolver:
    """A block of `scutil --dns`."""

    domain: str
    servers: Tuple[str, ...]
    port: int


@dataclass(frozen=True)
class NetRoute:
    """A row of `netstat -rn -f inet`."""

    to: IPv4Network
    interface: str
    flags: str
    line: str


@dataclass(frozen=True)
class Firewall:
    """The Application Firewall: on, blocking everything that comes in, in stealth mode."""

    on: bool
    block_all: bool
    stealth: bool
    line: str


@dataclass(frozen=True)
class GuestRow:
    """A row of the probe in a container: `ok`, `failed`, or `none` where no tool was there."""

    state: str
    detail: str


@dataclass(frozen=True)
class Guest:
    """The table that the probe in a container printed, by the names of its rows."""

    rows: Mapping[str, GuestRow]

    def state(self, name: str) -> str:
        row = self.rows.get(name)
        return row.state if row else "none"


@dataclass(frozen=True)
class Target:
    """What the probe in a container asks for. All of it is checked before it gets here."""

    image: str
    address: str = "1.1.1.1"
    port: int = 443
    resolver: str = "1.1.1.1"
    host: str = "api.anthropic.com"
    url: str = "https://api.anthropic.com"


@dataclass(frozen=True)
class Extra:
    """Everything doctor read beside the facts."""

    user: Reading[int]
    attachments: Reading[Tuple[Attachment, ...]]
    container_routes: Mapping[IPv4Address, Reading[Optional[Route]]]
    """By the address of a running container: where the Mac sends packets for it."""
    table: Reading[Tuple[NetRoute, ...]]
    resolvers: Reading[Tuple[Resolver, ...]]
    proxy: Reading[Mapping[str, str]]
    extensions: Reading[Tuple[str, ...]]
    firewall: Reading[Firewall]
    sockets: Reading[Tuple[Socket, ...]]
    container_sockets: Reading[Tuple[Socket, ...]]
    anchors: Reading[Tuple[str, ...]]
    own_nat: Reading[Tuple[Rule, ...]]
    """Our anchor's translation rules once more, without counters."""
    foreign_nat: Mapping[str, Reading[Tuple[Rule, ...]]]
    """Translation rules of anchors that are neither Apple's nor ours, by path."""
    isolation: Reading[Tuple[IPv4Network, ...]]
    redirects: Reading[Tuple[Rule, ...]]
    redirect_file: Reading[FileFact]
    pf_conf_error: Reading[str]
    """What pf says against /etc/pf.conf; empty where it takes it."""
    loads: Mapping[str, bool]
    """Files that /etc/pf.conf loads, and whether they are there."""
    loaded_texts: Mapping[str, str]
    builder: Reading[Optional[Tuple[str, ...]]]
    """Resolvers that the builder has written into its settings; None: there is no builder."""
    logs: Optional[Reading[Tuple[str, ...]]] = None
    """container's own log, read only where something points there."""
    guest: Optional[Reading[Guest]] = None
    """The probe in a container, made only where asked for."""
    image: Optional[Reading[Optional[Image]]] = None
    target: Optional[Target] = field(default=None, compare=False)

    def readings(self) -> Dict[str, Reading[Any]]:
        """Every reading by name, those of maps too."""
        found: Dict[str, Reading[Any]] = {}
        for name, value in vars(self).items():
            if isinstance(value, Reading):
                found[name] = value
            elif isinstance(value, Mapping):
                for key, inner in value.items():
                    if isinstance(inner, Reading):
                        found[f"{name} {key}"] = inner
        return found


# -- pure parsers


def _unreadable(answer: Answer) -> Unreadable:
    said = excerpt(answer.err) or excerpt(answer.out)
    if answer.code not in (0, None) and not said:
        said = _("exit status {code}").format(code=answer.code)
    return Unreadable(said or _("it printed nothing"))


def _whole(answer: Answer) -> List[str]:
    """The lines of an answer that succeeded and was not cut off. Raises Unreadable."""
    if answer.code != 0 or not answer.out:
        raise _unreadable(answer)
    return whole(answer.out).splitlines()


def user_id(answer: Answer) -> int:
    """`id -u`."""
    lines = _whole(answer)
    if len(lines) == 1 and re.fullmatch(r"\d{1,10}", lines[0].strip()):
        return int(lines[0])
    raise _unreadable(answer)


def attachments(answer: Answer) -> Tuple[Attachment, ...]:
    """`container ls --format json` of all generations (container-facts, "JSON by version")."""
    try:
        data = json.loads(answer.out)
    except (ValueError, RecursionError):
        raise _unreadable(answer) from None
    if answer.code != 0 or not isinstance(data, list):
        raise _unreadable(answer)
    found: List[Attachment] = []
    for element in data:
        found += _attached(_dict(element))
    return tuple(found)


def _attached(element: Mapping[str, Any]) -> List[Attachment]:
    status = element.get("status")
    inner = _dict(status)
    running = (status if isinstance(status, str) else inner.get("state")) == "running"
    name = element.get("id") or _dict(element.get("configuration")).get("id") or "?"
    rows = inner.get("networks", element.get("networks", []))
    found = []
    for row in rows if isinstance(rows, list) else []:
        part = _dict(row)
        mtu = part.get("mtu")
        found.append(
            Attachment(
                str(name),
                str(part.get("network", "")),
                running,
                _address(part.get("ipv4Address", part.get("address"))),
                _address(part.get("ipv4Gateway", part.get("gateway"))),
                mtu if isinstance(mtu, int) and not isinstance(mtu, bool) else None,
            )
        )
    return found


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _address(value: object) -> Optional[IPv4Address]:
    if not isinstance(value, str) or not value:
        return None
    try:
        return IPv4Address(value.split("/")[0])
    except ValueError:
        raise Unreadable(excerpt(value)) from None


def builder(answer: Answer) -> Optional[Tuple[str, ...]]:
    """`container inspect buildkit`: the nameservers in its configuration; None: no builder."""
    if answer.code != 0:
        if re.search(r"not\s?found", answer.err + answer.out, re.IGNORECASE):
            return None
        raise _unreadable(answer)
    try:
        data = json.loads(answer.out)
    except (ValueError, RecursionError):
        raise _unreadable(answer) from None
    if not isinstance(data, list):
        raise _unreadable(answer)
    if not data:
        return None
    servers = _dict(_dict(_dict(data[0]).get("configuration")).get("dns")).get("nameservers", [])
    if not isinstance(servers, list):
        raise _unreadable(answer)
    return tuple(text for text in servers if isinstance(text, str))


def netstat(answer: Answer) -> Tuple[NetRoute, ...]:
    """`netstat -rn -f inet`; a destination without a length has that of its written parts."""
    lines = _whole(answer)
    if not any(line.startswith("Destination") for line in lines):
        raise _unreadable(answer)
    found = []
    for line in lines:
        words = line.split()
        if len(words) < 4 or words[0] in ("Destination", "Routing"):
            continue
        to = _destination(words[0])
        if to is not None and re.fullmatch(r"[a-z]+[0-9]+", words[3]):
            found.append(NetRoute(to, words[3], words[2], " ".join(words[:4])))
    return tuple(found)


def _destination(text: str) -> Optional[IPv4Network]:
    if text == "default":
        return IPv4Network("0.0.0.0/0")
    host, slash, length = text.partition("/")
    parts = host.split(".")
    if len(parts) > 4 or not all(re.fullmatch(r"[0-9]{1,3}", part) for part in parts):
        return None
    try:
        prefix = int(length) if slash else 8 * len(parts)
        return IPv4Network((".".join(parts + ["0"] * (4 - len(parts))), prefix), strict=False)
    except ValueError:
        return None


def resolvers(answer: Answer) -> Tuple[Resolver, ...]:
    """`scutil --dns` (macos-facts, 9): blocks that begin with `resolver #N`."""
    lines = _whole(answer)
    if not lines[0].startswith("DNS configuration"):
        raise _unreadable(answer)
    found: List[Tuple[str, List[str], int]] = []
    for line in lines:
        key, _colon, value = (part.strip() for part in line.partition(":"))
        if line.startswith("resolver #"):
            found.append(("", [], 53))
        elif found and key.startswith("nameserver["):
            found[-1][1].append(value)
        elif found and key == "domain":
            found[-1] = (value, found[-1][1], found[-1][2])
        elif found and key == "port" and re.fullmatch(r"[0-9]{1,5}", value):
            found[-1] = (found[-1][0], found[-1][1], int(value))
    return tuple(Resolver(domain, tuple(servers), port) for domain, servers, port in found)


def proxy(answer: Answer) -> Mapping[str, str]:
    """`scutil --proxy`: `KEY : VALUE` lines in a dictionary."""
    lines = _whole(answer)
    if lines[0].strip() != "<dictionary> {" or lines[-1].strip() != "}":
        raise _unreadable(answer)
    pairs = (line.strip().partition(" : ") for line in lines[1:-1])
    return {key: value for key, colon, value in pairs if colon}


def extensions(answer: Answer) -> Tuple[str, ...]:
    """`systemextensionsctl list`: the network extensions that are `activated enabled`."""
    lines = _whole(answer)
    if not re.match(r"\d+ extension\(s\)", lines[0]):
        raise _unreadable(answer)
    found = []
    section = ""
    for line in lines[1:]:
        if line.startswith("---"):
            section = line
        elif "network_extension" in section and "[activated enabled]" in line:
            found.append(" ".join(line.split("\t")[2:]).strip() or excerpt(line))
    return tuple(found)


def firewall(answer: Answer) -> Firewall:
    """`socketfilterfw --getglobalstate --getblockall --getstealthmode`.

    On managed Macs it refuses with exit 0 (faults.md, F18): Unreadable.
    """
    text = "\n".join(_whole(answer))
    state = re.search(r"\(State = ([0-9])\)", text)
    if state is None:
        raise _unreadable(answer)
    number = int(state.group(1))
    block = next((line for line in text.splitlines() if re.search("block", line, re.I)), "")
    told = bool(re.search(r"set to block all|block all.*\benabled", block, re.I))
    if number == 2 and block and not told:
        raise Unreadable(excerpt(text))
    on = number > 0
    return Firewall(
        on,
        on and (number == 2 or told),
        bool(re.search(r"stealth mode (is )?(on|enabled)", text, re.I)),
        excerpt(text),
    )


def sockets(answer: Answer) -> Tuple[Socket, ...]:
    """`lsof -nP -iUDP:PORT -iTCP:PORT`: exit 1 and silence where nobody is there."""
    if answer.code == 1 and not answer.out and not answer.err.strip():
        return ()
    lines = _whole(answer)
    if not lines[0].startswith("COMMAND"):
        raise _unreadable(answer)
    found = []
    for line in lines[1:]:
        match = re.match(
            r"(\S+)\s+\d+\s.*\s(IPv[46])\s.*\s(UDP|TCP) (\S+):(\d{1,5})(?: \((\w+)\))?$", line
        )
        # A connection towards somebody's port has an arrow; it holds nothing.
        if match and "->" not in line:
            command, family, protocol, address, port, _state = match.groups()
            shown = " ".join(line.split())
            found.append(Socket(command, family, protocol, address, int(port), shown))
        elif "->" not in line and not match:
            raise Unreadable(excerpt(line))
    return tuple(found)


def anchors(answer: Answer) -> Tuple[str, ...]:
    """`pfctl -v -s Anchors`: the tree, one full path a line (macos-facts, 4)."""
    lines = [line for line in answer.err.splitlines() if "ALTQ" not in line and line.strip()]
    if answer.code != 0 or lines:
        raise _unreadable(answer)
    names = [line.strip() for line in whole(answer.out).splitlines() if line.strip()]
    if not all(re.fullmatch(r"\S+", name) for name in names):
        raise _unreadable(answer)
    return tuple(names)


def isolation(answer: Answer) -> Tuple[IPv4Network, ...]:
    """`pfctl … -T show` of vmnet's isolation table (macos-facts, 5); none where it is absent."""
    lines = [line for line in answer.err.splitlines() if "ALTQ" not in line and line.strip()]
    if re.search(r"does not exist|DIOCR", "\n".join(lines)) and not answer.out.strip():
        return ()
    if answer.code != 0 or lines:
        raise _unreadable(answer)
    found = []
    for line in whole(answer.out).split():
        try:
            found.append(IPv4Network(line.lstrip("!"), strict=False))
        except ValueError:
            raise _unreadable(answer) from None
    return tuple(found)


def pf_conf_error(answer: Answer) -> str:
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


def log_lines(answer: Answer) -> Tuple[str, ...]:
    """`container system logs`: the lines; any text will do."""
    if answer.code != 0:
        raise _unreadable(answer)
    return tuple(line for line in answer.out.splitlines() if line.strip())


# -- pf.conf, as far as doctor must understand it


def load_lines(content: str) -> Tuple[str, ...]:
    """The files that `load anchor … from` lines of a pf.conf name."""
    found = re.findall(r'^\s*load\s+anchor\s+\S+\s+from\s+"?([^"\s#]+)"?', content, re.MULTILINE)
    return tuple(dict.fromkeys(found))


# -- the probe in a container


# Fixed text: what it asks for comes as arguments. Each row is one printf, so that rows written at
# the same time do not mix; everything runs at the same time and has a limit of its own.
SCRIPT = r"""
LC_ALL=C; export LC_ALL
gateway=$1 address=$2 port=$3 resolver=$4 host=$5 url=$6
have() { command -v "$1" >/dev/null 2>&1; }
row() { printf '%s %s %s\n' "$1" "$2" "${3:--}"; }
verdict() { if [ "$2" -eq 0 ]; then row "$1" ok "$3"; else row "$1" failed "$3"; fi; }
limit() { if have timeout; then timeout 5 "$@"; else "$@"; fi >/dev/null 2>&1; }
said() { if have timeout; then timeout 5 "$@"; else "$@"; fi 2>/dev/null; }
reach() {
    have ping || { row "$1" none ping; return; }
    limit ping -c 1 -W 3 "$2"
    verdict "$1" $? "$2"
}
ask='const d=require("dns"),r=new d.Resolver();r.setServers([process.argv[1]]);
r.resolve4(process.argv[2],e=>process.exit(e?1:0))'
names() {
    if have nslookup; then
        case $(said nslookup "$host" ${2:+"$2"}) in
            *Name:*) row "$1" ok nslookup ;;
            *) row "$1" failed nslookup ;;
        esac
    elif [ -z "$2" ] && have getent; then
        limit getent hosts "$host"
        verdict "$1" $? getent
    elif [ -n "$2" ] && have dig; then
        case $(said dig +time=3 +tries=1 +short "@$2" "$host" A) in
            *.*.*.*) row "$1" ok dig ;;
            *) row "$1" failed dig ;;
        esac
    elif [ -n "$2" ] && have node; then
        limit node -e "$ask" "$2" "$host"
        verdict "$1" $? node
    else
        row "$1" none nslookup
    fi
}
request() { curl -s --connect-timeout 4 -m 6 -o /dev/null "$@" 2>/dev/null; }
connect() {
    have curl || { row "$1" none curl; return; }
    at=$(request -k -w '%{time_connect}' "https://$address:$port/")
    case $at in
        *[1-9]*) row "$1" ok "$at" ;;
        *) row "$1" failed "$address:$port" ;;
    esac
}
fetch() {
    have curl || { row "$1" none curl; return; }
    status=$(request "$2" -w '%{http_code}' "$url")
    code=$?
    [ "$code" -ne 0 ] || code=$status
    [ "$code" = "$status" ]
    verdict "$1" $? "$code"
}
echo 'container-net-probe 1'
while read -r word value _; do
    if [ "$word" = nameserver ]; then row resolver ok "$value"; break; fi
done </etc/resolv.conf
reach gateway "$gateway" &
reach address "$address" &
connect tcp &
names dns-gateway "$gateway" &
names dns-public "$resolver" &
names dns-own '' &
fetch https4 -4 &
fetch https6 -6 &
wait
echo end
"""
ROWS = (
    "gateway",
    "address",
    "tcp",
    "dns-gateway",
    "dns-public",
    "dns-own",
    "https4",
    "https6",
    "resolver",
)


def guest_table(answer: Answer) -> Guest:
    """The table of SCRIPT. Without its last line it was cut off, and says nothing."""
    lines = whole(answer.out).splitlines()
    if lines[:1] != ["container-net-probe 1"] or lines[-1:] != ["end"] or answer.code != 0:
        raise _unreadable(answer)
    rows: Dict[str, GuestRow] = {}
    for line in lines[1:-1]:
        match = re.fullmatch(r"([a-z0-9-]+) (ok|failed|none) ([0-9A-Za-z.:_%-]{1,80})", line)
        if not match or match.group(1) not in ROWS or match.group(1) in rows:
            raise Unreadable(excerpt(line))
        rows[match.group(1)] = GuestRow(match.group(2), match.group(3))
    return Guest(rows)


# -- gathering


@dataclass(frozen=True)
class _Probe:
    argv: Argv
    parser: Callable[[Answer], Any]


def _user_probes() -> Dict[str, _Probe]:
    conf = MacPath(facts.FILES["pf_conf"])
    return {
        "user": _Probe(("/usr/bin/id", "-u"), user_id),
        "table": _Probe(("/usr/sbin/netstat", "-rn", "-f", "inet"), netstat),
        "resolvers": _Probe(("/usr/sbin/scutil", "--dns"), resolvers),
        "proxy": _Probe(("/usr/sbin/scutil", "--proxy"), proxy),
        "extensions": _Probe(("/usr/bin/systemextensionsctl", "list"), extensions),
        "firewall": _Probe(
            (
                "/usr/libexec/ApplicationFirewall/socketfilterfw",
                "--getglobalstate",
                "--getblockall",
                "--getstealthmode",
            ),
            firewall,
        ),
        "pf_conf_error": _Probe(("/sbin/pfctl", "-n", "-f", conf), pf_conf_error),
    }


def _root_probes(anchor: str) -> Dict[str, _Probe]:
    lsof = "/usr/sbin/lsof"
    return {
        "sockets": _Probe((lsof, "-nP", "-iUDP:53", "-iTCP:53"), sockets),
        "container_sockets": _Probe((lsof, "-nP", "-iUDP:2053"), sockets),
        "anchors": _Probe(("/sbin/pfctl", "-v", "-s", "Anchors"), anchors),
        "isolation": _Probe(
            ("/sbin/pfctl", "-a", ISOLATION[0], "-t", ISOLATION[1], "-T", "show"), isolation
        ),
        "own_nat": _Probe(("/sbin/pfctl", "-a", anchor, "-s", "nat"), parse.rules),
        "redirects": _Probe(("/sbin/pfctl", "-a", REDIRECTS, "-s", "nat"), parse.rules),
    }


def _take(
    machine: Machine, probe: _Probe, *, root: bool = False, user: Optional[str] = None
) -> Reading[Any]:
    return reading(machine.run(probe.argv, root=root, user=user), probe.parser)


def reading(answer: Answer, parser: Callable[[Answer], Any], source: str = "") -> Reading[Any]:
    """What a parser makes of an answer; where that is nothing, the reason."""
    source = source or answer.shown
    if answer.timed_out:
        return Reading(why=no_answer(source), source=source)
    absent = answer.missing or (
        answer.code == 1 and re.match(r"sudo: .*: command not found", answer.err)
    )
    if absent:
        program = source.split()[1 if source.startswith("sudo ") else 0]
        return Reading(why=no_program(program), source=source)
    try:
        return Reading(parser(answer), source=source)
    except Unreadable as error:
        why = _("{command} said: {text}").format(command=source, text=error)
        return Reading(why=why, source=source)


def no_answer(source: str) -> str:
    return _("{command} did not answer in time").format(command=source)


def no_program(program: str) -> str:
    return _("{command}: there is no such program").format(command=program)


def no_root() -> str:
    return _("only root can read it; `sudo -v` first lets this run see it")


def no_container() -> str:
    return _("the container command is not installed")


Call = Callable[[], Any]


def calls(machine: Machine, anchor: str) -> Dict[str, Call]:
    """The probes as calls that do not wait for one another. `finish` makes an Extra of them."""
    container = facts.container_command(machine)
    made: Dict[str, Call] = {
        name: partial(_take, machine, probe) for name, probe in _user_probes().items()
    }
    made["root"] = partial(_as_root, machine, anchor)
    made["files"] = partial(_files, machine)
    if container is not None:
        made["attached"] = partial(_attached_and_routes, machine, container)
        inspect = _Probe((container, "inspect", BUILDER), builder)
        made["builder"] = partial(_take, machine, inspect, user=machine.container_user)
    return made


def finish(found: Mapping[str, Any]) -> Extra:
    """The answers of `calls`, by name, as an Extra."""
    absent: Reading[Any] = Reading(why=no_container())
    attached, routes = found.get("attached", (absent, {}))
    return Extra(
        attachments=attached,
        container_routes=routes,
        builder=found.get("builder", absent),
        **{name: found[name] for name in _user_probes()},
        **found["root"],
        **found["files"],
    )


def gather(machine: Machine, anchor: str) -> Extra:
    """Read everything beside the facts; nothing is changed."""
    wanted = calls(machine, anchor)
    return finish(dict(zip(wanted, machine.side_by_side(list(wanted.values())))))


def _attached_and_routes(
    machine: Machine, container: str
) -> Tuple[Reading[Any], Dict[IPv4Address, Reading[Any]]]:
    probe = _Probe((container, "ls", "--format", "json"), attachments)
    attached = _take(machine, probe, user=machine.container_user)
    addresses: Dict[str, IPv4Address] = {}
    for row in attached.value or ():
        if row.running and row.address is not None:
            # One container a network is enough: the route belongs to the network.
            addresses.setdefault(row.network, row.address)
    wanted = list(addresses.values())
    routes = machine.side_by_side(
        [
            partial(
                _take,
                machine,
                _Probe(("/sbin/route", "-n", "get", str(address)), parse.default_route),
            )
            for address in wanted
        ]
    )
    return attached, dict(zip(wanted, routes))


def _as_root(machine: Machine, anchor: str) -> Dict[str, Any]:
    probes = _root_probes(anchor)
    allowed = machine.run(["/usr/bin/true"], root=True).code == 0
    if not allowed:
        found: Dict[str, Any] = {
            name: Reading(why=no_root(), source=" ".join(("sudo", *map(str, probe.argv))))
            for name, probe in probes.items()
        }
        return {**found, "foreign_nat": {}}
    answers = machine.side_by_side([partial(_take, machine, p, root=True) for p in probes.values()])
    found = dict(zip(probes, answers))
    names = [n for n in found["anchors"].value or () if n != anchor and not _APPLE.fullmatch(n)]
    rules = machine.side_by_side(
        [
            partial(
                _take,
                machine,
                _Probe(("/sbin/pfctl", "-a", n, "-s", "nat"), parse.rules),
                root=True,
            )
            for n in names
        ]
    )
    return {**found, "foreign_nat": dict(zip(names, rules))}


def _files(machine: Machine) -> Dict[str, Any]:
    """Files that /etc/pf.conf loads, and the one that container keeps its redirects in."""
    conf = _read(machine, facts.FILES["pf_conf"])
    content = (conf.value.content or b"") if conf.value is not None else b""
    loads: Dict[str, bool] = {}
    texts: Dict[str, str] = {}
    for path in load_lines(content.decode("latin-1")):
        loads[path] = machine.exists(path)
        inner = _read(machine, path)
        if inner.value is not None and inner.value.content is not None:
            texts[path] = inner.value.content.decode("latin-1")
    return {
        "redirect_file": _read(machine, f"/private/etc/pf.anchors/{REDIRECTS}"),
        "loads": loads,
        "loaded_texts": texts,
    }


def _read(machine: Machine, path: str) -> Reading[FileFact]:
    try:
        return Reading(machine.read(path), source=path)
    except OSError as error:
        return Reading(why=f"{path}: {error.strerror}", source=path)


def logs(machine: Machine, container: str) -> Reading[Tuple[str, ...]]:
    """The last ten minutes of container's own log."""
    probe = _Probe((container, "system", "logs", "--last", "10m"), log_lines)
    return _take(machine, probe, user=machine.container_user)


def guest(machine: Machine, container: str, gateway: str, target: Target) -> Reading[Guest]:
    """Ask from inside a container: one `container run --rm`, and no container stays behind.

    Raises KeyboardInterrupt on Ctrl-C, after the container has been taken away.
    """
    name = f"container-net-probe-{os.getpid()}"
    words: Sequence[str] = (
        *(container, "run", "--rm", "--name", name, "--entrypoint", "sh", target.image),
        *("-c", SCRIPT, "probe", gateway, target.address, str(target.port), target.resolver),
        *(target.host, target.url),
    )
    ended = False
    try:
        answer = machine.run(words, user=machine.container_user, timeout=GUEST_LIMIT)
        ended = not answer.timed_out
    finally:
        # A client that was ended takes its container away; one that could not, does not.
        if not ended:
            machine.run(
                [container, "delete", "--force", name], user=machine.container_user, timeout=3.0
            )
    shown = f"{container} run --rm {target.image}"
    if answer.missing:
        # The image has no shell: 127 is then the guest's, not ours.
        answer = Answer(answer.shown, 1, answer.out, answer.err)
    return reading(answer, guest_table, shown)
