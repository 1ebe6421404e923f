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
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import facts, parse
from .blocks import loaded_files
from .machine import CommandResult, Machine
from .model import Attachment, ContainerRun, Facts, FileFact, Image, Reading, Route, Rule
from .parse import Unreadable, excerpt, whole
from .reading import Probe, file, reading, take
from .settings import Settings
from .text import _

__all__ = [
    "GUEST_LIMIT",
    "SCRIPT",
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
    "table",
]

REDIRECTS = "com.apple.container"
"""The anchor and the file in which `container system dns create --localhost` keeps redirects."""
NEW_REDIRECTS = "com.apple/container"
ISOLATION = ("com.apple.internet-sharing/network_isolation", "network_isolation_table_v4")
BUILDER = "buildkit"
# The container starts a virtual machine first; inside, everything ends within 7 s (SCRIPT).
GUEST_LIMIT = 15.0


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
    start: bool = False
    """A container may be started for it, and an image of it."""


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
    own_nat: Reading[Tuple[Rule, ...]]
    """Our anchor's translation rules once more, without counters."""
    isolation: Reading[Tuple[IPv4Network, ...]]
    redirects: Reading[Tuple[Rule, ...]]
    new_redirects: Reading[Tuple[Rule, ...]]
    """Where container keeps them from 1.5 on."""
    redirect_file: Reading[FileFact]
    loads: Mapping[str, bool]
    """Files that /etc/pf.conf loads, and whether they are there."""
    loaded_texts: Mapping[str, str]
    builder: Reading[Optional[Tuple[str, ...]]]
    """Resolvers that the builder has written into its settings; None: there is no builder."""
    logs: Optional[Reading[Tuple[str, ...]]] = None
    """container's own log, read only where something points there."""
    guest: Optional[Reading[Guest]] = None
    """The probe in a container: one that runs, or where asked for one that was started."""
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


def _unreadable(answer: CommandResult) -> Unreadable:
    said = excerpt(answer.err) or excerpt(answer.out)
    if answer.code not in (0, None) and not said:
        said = _("exit status {code}").format(code=answer.code)
    return Unreadable(said or _("it printed nothing"))


def _whole(answer: CommandResult) -> List[str]:
    """The lines of an answer that succeeded and was not cut off. Raises Unreadable."""
    if answer.code != 0 or not answer.out:
        raise _unreadable(answer)
    return whole(answer.out).splitlines()


def user_id(answer: CommandResult) -> int:
    """`id -u`."""
    lines = _whole(answer)
    if len(lines) == 1 and re.fullmatch(r"\d{1,10}", lines[0].strip()):
        return int(lines[0])
    raise _unreadable(answer)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def builder(answer: CommandResult) -> Optional[Tuple[str, ...]]:
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


def netstat(answer: CommandResult) -> Tuple[NetRoute, ...]:
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


def resolvers(answer: CommandResult) -> Tuple[Resolver, ...]:
    """`scutil --dns` (macos.md, 9): blocks that begin with `resolver #N`."""
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


def proxy(answer: CommandResult) -> Mapping[str, str]:
    """`scutil --proxy`: `KEY : VALUE` lines in a dictionary."""
    lines = _whole(answer)
    if lines[0].strip() != "<dictionary> {" or lines[-1].strip() != "}":
        raise _unreadable(answer)
    pairs = (line.strip().partition(" : ") for line in lines[1:-1])
    return {key: value for key, colon, value in pairs if colon}


def extensions(answer: CommandResult) -> Tuple[str, ...]:
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


def firewall(answer: CommandResult) -> Firewall:
    """`socketfilterfw --getglobalstate --getblockall --getstealthmode`.

    On managed Macs it refuses with exit 0 (F18): Unreadable.
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


def sockets(answer: CommandResult) -> Tuple[Socket, ...]:
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


def isolation(answer: CommandResult) -> Tuple[IPv4Network, ...]:
    """`pfctl … -T show` of vmnet's isolation table (macos.md, 5); none where it is absent."""
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


def log_lines(answer: CommandResult) -> Tuple[str, ...]:
    """`container system logs`: the lines; any text will do."""
    if answer.code != 0:
        raise _unreadable(answer)
    return tuple(line for line in answer.out.splitlines() if line.strip())


# -- the probe in a container


# Fixed text: what it asks for comes as arguments.
SCRIPT = (Path(__file__).parent / "templates" / "probe.sh").read_text(encoding="utf-8")
ROWS = (
    "gateway",
    "address",
    "tcp",
    "dns-gateway",
    "dns-public",
    "dns-own",
    "https4",
    "https6",
    "mtu",
    "proxy",
    "resolver",
)


def guest_table(answer: CommandResult) -> Guest:
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


def table(anchor: str) -> Dict[str, Probe]:
    """What doctor asks beside the facts, by name."""
    lsof = "/usr/sbin/lsof"
    isolated = ("/sbin/pfctl", "-a", ISOLATION[0], "-t", ISOLATION[1], "-T", "show")
    block = ("--getglobalstate", "--getblockall", "--getstealthmode")
    return {
        "user": Probe(("/usr/bin/id", "-u"), user_id),
        "table": Probe(("/usr/sbin/netstat", "-rn", "-f", "inet"), netstat),
        "resolvers": Probe(("/usr/sbin/scutil", "--dns"), resolvers),
        "proxy": Probe(("/usr/sbin/scutil", "--proxy"), proxy),
        "extensions": Probe(("/usr/bin/systemextensionsctl", "list"), extensions),
        "firewall": Probe(
            ("/usr/libexec/ApplicationFirewall/socketfilterfw", *block),
            firewall,
        ),
        "builder": Probe(("inspect", BUILDER), builder, container=True),
        "sockets": Probe((lsof, "-nP", "-iUDP:53", "-iTCP:53"), sockets, root=True),
        "container_sockets": Probe((lsof, "-nP", "-iUDP:2053"), sockets, root=True),
        "isolation": Probe(isolated, isolation, root=True),
        "own_nat": Probe(("/sbin/pfctl", "-a", anchor, "-s", "nat"), parse.rules, root=True),
        "redirects": Probe(("/sbin/pfctl", "-a", REDIRECTS, "-s", "nat"), parse.rules, root=True),
        "new_redirects": Probe(
            ("/sbin/pfctl", "-a", NEW_REDIRECTS, "-s", "nat"), parse.rules, root=True
        ),
    }


def gather(machine: Machine, settings: Settings) -> Tuple[Facts, Extra]:
    """The facts and everything beside them, each command once; nothing is changed."""
    found, more = facts.gather_with(machine, settings, table)
    addresses: Dict[str, IPv4Address] = {}
    for run in found.containers.value or ():
        for row in run.attachments:
            if row.running and row.address is not None:
                # One container a network is enough: the route belongs to the network.
                addresses.setdefault(row.network, row.address)
    wanted = list(addresses.values())
    asked = [Probe(("/sbin/route", "-n", "get", str(a)), parse.default_route) for a in wanted]
    calls: List[Callable[[], Any]] = [partial(take, machine, probe) for probe in asked]
    conf = found.files["pf_conf"].value
    loaded = loaded_files((conf.content or b"") if conf is not None else b"")
    paths = (f"/private/etc/pf.anchors/{REDIRECTS}", *loaded)
    calls += [partial(file, machine, path) for path in paths]
    calls += [partial(machine.exists, path) for path in loaded]
    answers = machine.side_by_side(calls)
    routes, rest = answers[: len(wanted)], answers[len(wanted) :]
    redirects, *inner = rest[: len(paths)]
    texts = {p: (r.value.content if r.value is not None else None) for p, r in zip(loaded, inner)}
    values: Dict[str, Any] = dict(more)
    return found, Extra(
        attachments=_attachments(found.containers),
        container_routes=dict(zip(wanted, routes)),
        redirect_file=redirects,
        loads=dict(zip(loaded, rest[len(paths) :])),
        loaded_texts={p: text.decode("latin-1") for p, text in texts.items() if text is not None},
        **values,
    )


def _attachments(runs: Reading[Tuple[ContainerRun, ...]]) -> Reading[Tuple[Attachment, ...]]:
    if runs.value is None:
        return runs.lost()
    return Reading(tuple(row for run in runs.value for row in run.attachments), runs.source)


def logs(machine: Machine, container: str) -> Reading[Tuple[str, ...]]:
    """The last ten minutes of container's own log."""
    probe = Probe((container, "system", "logs", "--last", "10m"), log_lines)
    return take(machine, probe, machine.container_user)


def guest(
    machine: Machine, container: str, gateway: str, target: Target, running: str = ""
) -> Reading[Guest]:
    """Ask from inside a container: one that runs, by `container exec`; else one of the target's
    image is started and taken away. Nothing stays behind.

    Raises KeyboardInterrupt on Ctrl-C, after the container has been taken away.
    """
    port = str(target.port)
    words = ("-c", SCRIPT, "probe", gateway, target.address, port, target.resolver)
    asked = (*words, target.host, target.url)
    user = machine.container_user
    if running:
        answer = machine.run(
            (container, "exec", running, "sh", *asked),
            user=user,
            timeout=GUEST_LIMIT,
            waits=_("Measuring in container {name}").format(name=running),
        )
        return _table(answer, f"container exec {running}")
    name = f"container-net-probe-{os.getpid()}"
    started = (container, "run", "--rm", "--name", name, "--entrypoint", "sh", target.image)
    ended = False
    try:
        waits = _("Measuring in a container of {image}").format(image=target.image)
        answer = machine.run((*started, *asked), user=user, timeout=GUEST_LIMIT, waits=waits)
        ended = not answer.timed_out
    finally:
        # A client that was ended takes its container away; one that could not, does not.
        if not ended:
            machine.run([container, "delete", "--force", name], user=user, timeout=3.0)
    return _table(answer, f"container run --rm {target.image}")


def _table(answer: CommandResult, shown: str) -> Reading[Guest]:
    if answer.missing:
        # There is no shell inside: 127 is then the guest's, not ours.
        answer = CommandResult(answer.shown, 1, answer.out, answer.err)
    return reading(answer, guest_table, shown)
