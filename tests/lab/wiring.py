"""What the namespaces should look like for a state of the simulated Mac, and how they get there.

`wanted` is pure; `commands` tells how to come from one wiring to the next without touching what
stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from lab.layout import GUEST_V6, VPN_GATEWAY

from simmac import net, vmnet

__all__ = ["Bridge", "Guest", "Wiring", "commands", "wanted"]

Address = Tuple[str, int]


class Command(NamedTuple):
    """`ip WORDS` on a host. `forced`: it may fail. `peer`: the host whose namespace comes last."""

    host: str
    words: str
    forced: bool = False
    peer: str = ""


@dataclass(frozen=True)
class Port:
    """An Ethernet or Wi-Fi port: the cable to `net` is there or not."""

    active: bool
    inet: Tuple[Address, ...]


@dataclass(frozen=True)
class Guest:
    """A container network's guest: its namespace, addresses, and the Mac's address."""

    host: str
    member: str
    addresses: Tuple[Address, ...]
    gateway: Optional[str]


@dataclass(frozen=True)
class Bridge:
    """A bridge of vmnet's with what hangs on it."""

    inet: Tuple[Address, ...]
    guests: Tuple[Guest, ...]


@dataclass(frozen=True)
class Wiring:
    """Interfaces and routes of all hosts, as far as they change."""

    ports: Mapping[str, Port] = field(default_factory=dict)
    tunnels: Mapping[str, Tuple[Address, ...]] = field(default_factory=dict)
    bridges: Mapping[str, Bridge] = field(default_factory=dict)
    routes: Tuple[str, ...] = ()

    @property
    def guests(self) -> Dict[str, Guest]:
        """By the name of the namespace."""
        return {guest.host: guest for b in self.bridges.values() for guest in b.guests}


def host_of(state: Mapping[str, Any], network: str) -> str:
    """The namespace of a container network's guest: `vm` for the first, `vm2` for the next."""
    names = [item["id"] for item in state["container"]["networks"]]
    number = names.index(network) + 1
    return "vm" if number == 1 else f"vm{number}"


def wanted(state: Mapping[str, Any], ports: Tuple[str, ...] = ("en0", "en5")) -> Wiring:
    """The wiring for a state; `ports` are those that have a cable in the lab."""
    found: Dict[str, Port] = {}
    tunnels: Dict[str, Tuple[Address, ...]] = {}
    bridges: Dict[str, Bridge] = {}
    for item in state["interfaces"]:
        name, inet = item["name"], tuple((text, prefix) for text, prefix in item["inet"])
        if name in ports:
            found[name] = Port(bool(item["active"]), inet)
        elif name.startswith("utun") and (inet or _is_vpn(state, name)):
            tunnels[name] = inet
        elif item["members"]:
            bridges[name] = Bridge(inet, _guests(state, item))
    return Wiring(found, tunnels, bridges, tuple(_routes(state)))


def _is_vpn(state: Mapping[str, Any], name: str) -> bool:
    return state["vpn"] is not None and bool(state["vpn"]["name"] == name)


def _guests(state: Mapping[str, Any], bridge: Dict[str, Any]) -> Tuple[Guest, ...]:
    """The guest behind each member of a bridge; the n-th network of it is behind the n-th."""
    guests: List[Guest] = []
    for network in state["container"]["networks"]:
        length = net.network(network["cidr"])[1]
        if [vmnet.gateway(network), length] not in bridge["inet"]:
            continue
        addresses = tuple(
            (item["address"], length)
            for item in state["container"]["containers"]
            if item["network"] == network["id"] and item["running"]
        )
        if len(guests) < len(bridge["members"]):
            member = bridge["members"][len(guests)]
            host = host_of(state, network["id"])
            guests.append(Guest(host, member, addresses, vmnet.gateway(network)))
    return tuple(guests)


def _routes(state: Mapping[str, Any]) -> List[str]:
    plain = dict(state)
    main, vpn = net.primary(plain), state["vpn"]
    routes = []
    if main is not None:
        routes.append(_way("default", main["name"], main["gateway"]))
    if vpn is not None and not vpn["full"]:
        routes += [_way(half, vpn["name"], None) for half in ("0.0.0.0/1", "128.0.0.0/1")]
    routes += [_way(to, name, None) for to, name in state["routes"] if net.find(plain, name)]
    return routes


def _way(to: str, name: str, gateway: Optional[str]) -> str:
    if name.startswith("utun"):
        # A tunnel has no gateway on a Mac; Ethernet, which it is here, wants a neighbour.
        return f"{to} via {VPN_GATEWAY} dev {name} onlink"
    return f"{to} via {gateway} dev {name}" if gateway else f"{to} dev {name}"


# -- from one wiring to the next


def commands(old: Wiring, new: Wiring) -> List[Command]:
    """`ip` commands in their order; what is the same in both is not touched."""
    made: List[Command] = []
    made += [Command("mac", f"link del {name}") for name in old.tunnels if name not in new.tunnels]
    for name, before in old.bridges.items():
        after = new.bridges.get(name)
        kept = {guest.member for guest in after.guests} if after else set()
        made += [
            Command("mac", f"link del {g.member}") for g in before.guests if g.member not in kept
        ]
        if after is None:
            made.append(Command("mac", f"link del {name}"))
    for name, port in new.ports.items():
        made += _port(name, old.ports.get(name, Port(False, ())), port)
    for name, inet in new.tunnels.items():
        made += _tunnel(name, old.tunnels.get(name), inet)
    for name, bridge in new.bridges.items():
        made += _bridge(name, old.bridges.get(name), bridge)
    gone = [way for way in old.routes if way not in new.routes]
    made += [Command("mac", f"route del {way}", forced=True) for way in gone]
    # Linux drops routes with their interface: all are said again, which harms none.
    made += [Command("mac", f"route replace {way}") for way in new.routes]
    return made


def _addresses(
    host: str, name: str, old: Tuple[Address, ...], new: Tuple[Address, ...]
) -> List[Command]:
    gone = [f"addr del {text}/{n} dev {name}" for text, n in old if (text, n) not in new]
    come = [f"addr replace {text}/{n} dev {name}" for text, n in new if (text, n) not in old]
    return [
        *(Command(host, words, forced=True) for words in gone),
        *(Command(host, words) for words in come),
    ]


def _port(name: str, old: Port, new: Port) -> List[Command]:
    made: List[Command] = []
    if new.active != old.active:
        made.append(Command("net", f"link set to-{name} {'up' if new.active else 'down'}"))
    return made + _addresses("mac", name, old.inet, new.inet)


def _tunnel(
    name: str, old: Optional[Tuple[Address, ...]], new: Tuple[Address, ...]
) -> List[Command]:
    made: List[Command] = []
    if old is None:
        made += [
            Command("mac", f"link add {name} mtu 1380 type veth peer name to-{name}", peer="vpn"),
            Command("mac", f"link set {name} up"),
            Command("vpn", f"link set to-{name} up"),
        ]
    if old == new:
        return made
    made += _addresses("mac", name, old or (), new)
    for text, _ in old or ():
        words = f"addr del {VPN_GATEWAY} peer {text} dev to-{name}"
        made.append(Command("vpn", words, forced=True))
    for text, _ in new:
        made.append(Command("vpn", f"addr replace {VPN_GATEWAY} peer {text} dev to-{name}"))
    if not new:
        made.append(Command("vpn", f"addr replace {VPN_GATEWAY}/32 dev to-{name}"))
    return made


def _bridge(name: str, old: Optional[Bridge], new: Bridge) -> List[Command]:
    made: List[Command] = []
    if old is None:
        made += [
            Command("mac", f"link add {name} type bridge forward_delay 0"),
            Command("mac", f"link set {name} up"),
            Command("mac", f"addr add {GUEST_V6}1/64 dev {name} nodad"),
        ]
    made += _addresses("mac", name, old.inet if old else (), new.inet)
    before = {guest.member: guest for guest in old.guests} if old else {}
    for guest in new.guests:
        was = before.get(guest.member)
        if was is None:
            made += [
                Command(
                    "mac",
                    f"link add {guest.member} type veth peer name eth0",
                    peer=guest.host,
                ),
                Command("mac", f"link set {guest.member} master {name} up"),
                Command(guest.host, "link set eth0 up"),
                Command(guest.host, f"addr add {GUEST_V6}2/64 dev eth0 nodad"),
                Command(guest.host, f"route replace default via {GUEST_V6}1"),
            ]
        made += _addresses(guest.host, "eth0", was.addresses if was else (), guest.addresses)
        if guest.gateway and guest.addresses and (was is None or was != guest):
            way = f"route replace default via {guest.gateway} dev eth0"
            made.append(Command(guest.host, way))
    return made
