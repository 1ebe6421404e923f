"""The data that flows through the tool: readings, facts, rules, and the errors that end a task.

Everything here is frozen and knows nothing of commands. Addresses are `ipaddress` objects, names
are plain text as the Mac printed them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Generic, Mapping, Optional, Tuple, TypeVar

from .text import N_, _

__all__ = [
    "Attachment",
    "BadInput",
    "Boot",
    "ChangeFailed",
    "Connection",
    "ContainerRun",
    "Daemon",
    "Facts",
    "FileFact",
    "Image",
    "Interface",
    "Interrupted",
    "Missing",
    "NetError",
    "Network",
    "NotHolding",
    "Port",
    "Problem",
    "Reading",
    "Reference",
    "Route",
    "Rule",
    "State",
    "Subnet",
]

T = TypeVar("T")


class NetError(Exception):
    """Ends a task with one sentence and an exit code (see docs/how-it-works.md)."""

    code = 70
    kind = "internal"


class NotHolding(NetError):
    """What was asked for does not hold."""

    code = 1
    kind = "not-holding"


class BadInput(NetError):
    """A setting, option or file of ours is wrong: names the thing, the value and what is right."""

    code = 2
    kind = "bad-input"


class Missing(NetError):
    """The platform, a tool or a privilege is missing."""

    code = 3
    kind = "missing"


class ChangeFailed(NetError):
    """A change failed; the message says what was taken back."""

    code = 4
    kind = "change-failed"


class Interrupted(NetError):
    """Ctrl-C, SIGTERM or SIGHUP."""

    code = 130
    kind = "interrupted"


class Problem(Enum):
    """Why something could not be read."""

    NO_ANSWER = "no answer in time"
    NO_PROGRAM = "no such program"
    NO_ROOT = "only root can read it"
    NOT_INSTALLED = "container is not installed"
    UNREADABLE = "no answer that is understood"
    OTHER = "other"


_WHY: Mapping[Problem, str] = {
    Problem.NO_ANSWER: N_("{command} did not answer in time"),
    Problem.NO_PROGRAM: N_("{program}: command not found"),
    Problem.NO_ROOT: N_("needs root; run `sudo -v` first"),
    Problem.NOT_INSTALLED: N_("container is not installed"),
    Problem.UNREADABLE: N_("{command} said: {text}"),
    Problem.OTHER: "{text}",
}


@dataclass(frozen=True)
class Reading(Generic[T]):
    """One fact: a value, or the problem that kept it from being read. Never both, never a guess.

    `source` is the command line (or file) it was read from, as a person would type it; `said` is
    what came instead of an answer, and for `OTHER` the whole reason.
    """

    value: Optional[T] = None
    source: str = ""
    problem: Optional[Problem] = None
    said: str = ""

    @property
    def known(self) -> bool:
        return self.problem is None

    @property
    def why(self) -> str:
        """The problem in a sentence; empty where there is none."""
        if self.problem is None:
            return ""
        words = self.source.split() or [""]
        return _(_WHY[self.problem]).format(
            command=self.source,
            program=words[1] if words[0] == "sudo" and len(words) > 1 else words[0],
            text=self.said,
        )

    def lost(self) -> Reading[Any]:
        """The same problem, where something else was to be made of the value."""
        return Reading(None, self.source, self.problem, self.said)


@dataclass(frozen=True)
class Route:
    """The answer of `route -n get`: the interface, and the gateway where there is one.

    A full-tunnel VPN has no gateway line (macos.md, 1).
    """

    interface: str
    gateway: str = ""


@dataclass(frozen=True)
class Port:
    """A row of `networksetup -listallhardwareports`."""

    device: str
    name: str


@dataclass(frozen=True)
class Interface:
    """A block of `ifconfig -a`."""

    name: str
    flags: Tuple[str, ...] = ()
    inet: Tuple[IPv4Interface, ...] = ()
    members: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """A network of `container network list`; every field but the name may be missing."""

    id: str
    mode: str = ""
    cidr: Optional[IPv4Network] = None
    gateway: Optional[IPv4Address] = None


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
class ContainerRun:
    """A container of `container ls`."""

    id: str
    running: bool
    networks: Tuple[str, ...] = ()
    image: str = ""
    attachments: Tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Image:
    """What `container image inspect` says; `env` is None where no environment was found in it."""

    name: str
    env: Optional[Tuple[str, ...]] = None


@dataclass(frozen=True)
class Subnet:
    """A subnet that the tool serves (`nat`) or guards (`hostOnly`)."""

    cidr: IPv4Network
    mode: str
    gateway: IPv4Address
    origin: str
    """`given`, `network list` or `default`."""


@dataclass(frozen=True)
class Rule:
    """A rule as pfctl printed it; the counters are there with `-v` only."""

    text: str
    evaluations: Optional[int] = None
    packets: Optional[int] = None
    states: Optional[int] = None


@dataclass(frozen=True)
class Connection:
    """An entry of pf's state table: who began it, with whom, and the bytes that each sent."""

    protocol: str
    source: IPv4Address
    source_port: str
    target: IPv4Address
    target_port: str
    sent: int = 0
    received: int = 0


@dataclass(frozen=True)
class Reference:
    """A row of `pfctl -s References`: who holds pf enabled."""

    pid: str
    name: str
    token: str


@dataclass(frozen=True)
class FileFact:
    """A file as it lies there. `content` is None where there is none."""

    path: str
    content: Optional[bytes] = None
    mode: int = 0
    owner: int = 0
    group: int = 0
    link: Optional[str] = None
    stays: str = ""
    """Why no new file may take its place, in words for the user; empty where one may."""


@dataclass(frozen=True)
class Daemon:
    """What launchd says of our job. `disabled`: switched off by a user or an administrator."""

    loaded: bool
    disabled: bool = False
    state: str = ""


@dataclass(frozen=True)
class Boot:
    """The runtime facts of one boot, shared with the boot script (docs/how-it-works.md)."""

    session: str
    forwarding: Optional[int] = None
    references: Tuple[Reference, ...] = ()
    token: Optional[Reference] = None
    egress: Tuple[Tuple[str, str], ...] = ()
    echo: str = ""
    journalled: bool = False
    """The references were journalled: an enable was about to happen."""
    uncalled: bool = False
    """The boot script has said that pf calls our rules no more."""


@dataclass(frozen=True)
class State:
    """`state.json`: what the tasks did and must be able to take back."""

    anchor: str
    version: str = ""
    seen: Mapping[str, bool] = field(default_factory=dict)
    persisted: Mapping[str, str] = field(default_factory=dict)
    made: Tuple[str, ...] = ()
    """Folders and files that were not there before us."""
    fence: Optional[Tuple[str, ...]] = None
    """What the fence lets through, as `ADDRESS[/BITS][:PORT]`; None where no fence was set up."""


@dataclass(frozen=True)
class Facts:
    """Everything that was read from a Mac, each with its source. Nothing here is derived."""

    simulated: bool
    container_path: Optional[str]
    sudo: Reading[bool]
    os_version: Reading[str]
    boot_session: Reading[str]
    forwarding: Reading[int]
    default_route: Reading[Optional[Route]]
    public_route: Reading[Optional[Route]]
    ports: Reading[Tuple[Port, ...]]
    interfaces: Reading[Tuple[Interface, ...]]
    container_version: Reading[str]
    container_service: Reading[str]
    networks: Reading[Tuple[Network, ...]]
    containers: Reading[Tuple[ContainerRun, ...]]
    pf_enabled: Reading[bool]
    references: Reading[Tuple[Reference, ...]]
    main_nat: Reading[Tuple[Rule, ...]]
    main_rules: Reading[Tuple[Rule, ...]]
    anchor: str
    anchor_nat: Reading[Tuple[Rule, ...]]
    anchor_rules: Reading[Tuple[Rule, ...]]
    sharing_nat: Reading[Tuple[Rule, ...]]
    sharing_children: Mapping[str, Reading[Tuple[Rule, ...]]]
    anchors: Reading[Tuple[str, ...]]
    """Every anchor by its full path."""
    foreign_nat: Mapping[str, Reading[Tuple[Rule, ...]]]
    """Translation rules of anchors that are neither Apple's nor ours, by path."""
    pf_conf_error: Reading[str]
    """What pf says against /etc/pf.conf; empty where it accepts it."""
    daemon: Reading[Daemon]
    files: Mapping[str, Reading[FileFact]]
    """By the names of `facts.FILES`: pf_conf, sysctl_conf, anchor_file, plist, script."""
    state: Reading[Optional[State]]
    boot: Reading[Optional[Boot]]
    state_files: bool
    """Something lies in the state folder, readable or not."""
    kernel: Reading[Optional[bool]] = Reading()
    """Whether guests have a kernel to start with; None where container does not say."""
    helpers_folder: bool = True
    """The folder for the boot script is there already."""
