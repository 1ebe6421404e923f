"""What is kept at the moment of a failure, before anything is put back.

Written for somebody who has nothing but the artifact: the machine as it is, what differs from
before, who answers whom and which packets that makes, and the logs of what else was at work. One
command that fails or hangs takes no other with it.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import time
import traceback
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from integration.guests import CONTROL, PUBLIC, SUDO, Guest
from integration.host import LABEL, ROOT, Host
from integration.state import ANCHOR, State, differences, record, uplink

__all__ = ["NoAnswer", "annotation", "keep"]

SHARING = "com.apple.internet-sharing"
NETWORK_SHARING = "com.apple.NetworkSharing"
LOGGED = (
    'process == "InternetSharing" OR process == "bootpd" OR process == "pfd" OR '
    'eventMessage CONTAINS "container-net" OR eventMessage CONTAINS "vmnet"'
)
# Title, whether as root, command.
BLOCKS: Tuple[Tuple[str, bool, Tuple[str, ...]], ...] = (
    ("forwarding", False, ("/usr/sbin/sysctl", "net.inet.ip.forwarding")),
    ("our anchor", True, ("/sbin/pfctl", "-a", ANCHOR, "-v", "-s", "nat")),
    ("the suite's own anchor", True, ("/sbin/pfctl", "-a", CONTROL, "-v", "-s", "nat")),
    ("the main ruleset, nat", True, ("/sbin/pfctl", "-v", "-s", "nat")),
    ("the main ruleset, filter", True, ("/sbin/pfctl", "-v", "-s", "rules")),
    ("vmnet's rules", True, ("/sbin/pfctl", "-a", f"{SHARING}/shared_v4", "-v", "-s", "nat")),
    ("vmnet's base", True, ("/sbin/pfctl", "-a", f"{SHARING}/base_v4", "-v", "-s", "nat")),
    ("anchors", True, ("/sbin/pfctl", "-v", "-s", "Anchors")),
    ("references", True, ("/sbin/pfctl", "-s", "References")),
    ("pf", True, ("/sbin/pfctl", "-s", "info")),
    ("states", True, ("/sbin/pfctl", "-s", "states")),
    ("interfaces", False, ("/sbin/ifconfig", "-a")),
    ("routes", False, ("/usr/sbin/netstat", "-rn")),
    ("IP's counters", False, ("/usr/sbin/netstat", "-s", "-p", "ip")),
    ("neighbours", False, ("/usr/sbin/arp", "-an")),
    ("the boot daemon", False, ("/bin/launchctl", "print", f"system/{LABEL}")),
    ("sharing", False, ("/bin/launchctl", "print", f"system/{NETWORK_SHARING}")),
    ("the tool's notes", True, ("/bin/ls", "-la", "/private/var/db/container-net")),
    (
        "logs of the last five minutes",
        True,
        ("/usr/bin/log", "show", "--last", "5m", "--style", "compact", "--predicate", LOGGED),
    ),
)  # fmt: skip
# Seconds, after which the machine is put back whatever could not be asked.
BUDGET = 300.0
CAPTURED = " or ".join(("arp", "icmp", *(f"host {address}" for address in PUBLIC)))


class NoAnswer(AssertionError):
    """A guest was not answered where it should have been: packets are worth looking at."""


def keep(host: Host, guests: Sequence[Guest], before: State, step: str, error: Exception) -> None:
    """failure.txt, failure-state.txt and, where no answer came, failure-packets.txt.

    Raises nothing: what could not be kept is in the text.
    """
    host.evidence.step = f"failure in: {step}"
    for line in _attempt(lambda: _keep(host, guests, before, step, error)):
        host.evidence.note(line)


def _keep(
    host: Host, guests: Sequence[Guest], before: State, step: str, error: Exception
) -> List[str]:
    evidence, end = host.evidence, time.monotonic() + BUDGET
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    evidence.text("failure.txt", f"step: {step}\nwhy: {error}\n\n{trace}")
    rows = [f"step: {step}", f"why: {error}", "", "== what differs from before"]
    rows += _attempt(lambda: list(map(str, differences(before, record(host))[0])) or ["nothing"])
    if isinstance(error, NoAnswer):
        # First of all: the states of a packet are gone within seconds.
        packets = _attempt(lambda: _packets(host, guests))
        evidence.text("failure-packets.txt", "\n".join(packets) + "\n")
    for title, root, argv in BLOCKS:
        rows += ["", f"== {title}: {shlex.join(argv)}"]
        if time.monotonic() > end:
            rows.append(f"left out: {BUDGET:.0f} s were over")
            continue
        rows += _attempt(lambda a=argv, r=root: _said(host, a, r))  # type: ignore[misc]
    evidence.text("failure-state.txt", "\n".join(rows) + "\n")
    return []


def _attempt(act: Callable[[], List[str]]) -> List[str]:
    try:
        return act()
    except Exception as error:
        return [f"not to be had: {type(error).__name__}: {error}"]


def _said(host: Host, argv: Sequence[str], root: bool) -> List[str]:
    said = host.ask(*argv, root=root)
    rows = [text.rstrip() for text in (said.out, said.err) if text.strip()]
    return [*rows, f"(exit {said.code})"] if said.code else rows or ["(nothing)"]


# -- packets


def _packets(host: Host, guests: Sequence[Guest]) -> List[str]:
    """Everything is tried once more, and each interface on the way listened to meanwhile."""
    interfaces = [uplink(host)]
    for guest in guests:
        interfaces += _bridges(host, guest.gateway_address)
    rows: List[str] = []
    with _listening(host, interfaces) as heard:
        for guest in guests:
            for name, ask in (("gateway", guest.gateway), ("internet", guest.internet)):
                answer = _attempt(lambda a=ask: [str(a())])  # type: ignore[misc]
                rows.append(f"{guest.name}, {name}: {' '.join(answer)}")
    for interface in interfaces:
        rows += ["", f"== packets on {interface}", heard.get(interface, "not listened to here")]
    return rows


def _bridges(host: Host, address: str) -> List[str]:
    """The interfaces that bear an address, and the members of a bridge that does."""
    found = []
    for block in re.split(r"^(?=\S)", host.ask("/sbin/ifconfig", "-a").out, flags=re.M):
        if re.search(rf"\sinet {re.escape(address)}\s", block):
            found.append(block.split(":")[0])
            found += re.findall(r"^\s+member: (\S+)", block, re.M)
    return found


@contextlib.contextmanager
def _listening(host: Host, interfaces: Sequence[str]) -> Iterator[Dict[str, str]]:
    """tcpdump on each interface of a real Mac; what it heard is there at the end."""
    heard: Dict[str, str] = {}
    running = {}
    if host.name == "mac":
        for name in interfaces:
            words = ("-n", "-e", "-l", "-c", "300", "-i", name, CAPTURED)
            command = [*SUDO, "/usr/sbin/tcpdump", *words]
            running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        time.sleep(2)  # until they listen
    try:
        yield heard
    finally:
        for name, process in running.items():
            # sudo is root's; it passes the signal on.
            host.ask("/bin/kill", "-INT", str(process.pid), root=True)
            try:
                heard[name] = process.communicate(timeout=10)[0].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                host.ask("/bin/kill", "-KILL", str(process.pid), root=True)
                heard[name] = "tcpdump did not end"


# -- for the page of the run


def annotation(error: BaseException, name: str) -> str:
    """A workflow command that puts the failure beside its line: file, line, step and reason."""
    cause = error.__cause__ or error
    place: Optional[Tuple[str, int]] = None
    for frame in traceback.extract_tb(cause.__traceback__):
        with contextlib.suppress(ValueError):
            path = Path(frame.filename).resolve().relative_to(ROOT)
            if path.parts[0] == "tests":
                place = (path.as_posix(), frame.lineno or 1)
    where = f"file={place[0]},line={place[1]}," if place else ""
    title = getattr(error, "step", "") or name
    return f"::error {where}title={_escaped(title, ':,')}::{_escaped(str(error) or repr(error))}"


def _escaped(text: str, more: str = "") -> str:
    for letter in ("%", "\r", "\n", *more):
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text
