"""What follows from facts and settings: uplinks, subnets, who translates what, the rules wanted.

Pure functions; nothing here runs a command or knows how a report looks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network
from typing import Dict, List, Optional, Tuple

from . import parse, path
from .model import BadInput, Facts, Interface, Reading, Subnet
from .settings import DEFAULT_UPLINKS, INTERFACE, NEVER_UPLINK, Allowed, Settings, parse_allowed
from .text import _

__all__ = [
    "Desired",
    "Rules",
    "Uplinks",
    "bridge_of",
    "daemon_persisted",
    "desire",
    "fence_only",
    "forwarding_is_ours",
    "is_container_bridge",
    "is_uplink",
    "leaks",
    "managed",
    "nat_bridge_up",
    "our_token",
    "seen_last",
    "seen_now",
]

# vmnet's default, and the guide's subnet (container.md, 2).
DEFAULT_SUBNET = IPv4Network("192.168.64.0/24")


@dataclass(frozen=True)
class Uplinks:
    """`needed` carry packets now; `spare` are the other hardware ports.

    `why` says why `needed` is not known, empty where it is. `notes` are for the reader.
    """

    needed: Tuple[str, ...]
    spare: Tuple[str, ...]
    why: str = ""
    notes: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The rules of our anchor, one a line as pf echoes them."""

    nat: Tuple[str, ...] = ()
    filter: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Desired:
    """What the Mac should hold: subnets served, guarded, fenced; the uplinks of the rules."""

    subnets: Tuple[Subnet, ...]
    uplinks: Uplinks
    names: Tuple[str, ...]
    """The interfaces that get a rule each, in one order whatever is connected now."""
    nat: bool
    """Whether we translate, or leave that to vmnet and only put up the fence."""
    guard: bool
    fence: Optional[Tuple[Allowed, ...]]
    """The exceptions to the fence; None without a fence."""
    notes: Tuple[str, ...]
    overlaps: Tuple[str, ...] = ()
    """NAT networks of container that are not served, because the Mac lives on those addresses."""

    @property
    def nat_subnets(self) -> Tuple[Subnet, ...]:
        return tuple(s for s in self.subnets if s.mode == "nat")


# -- interfaces


def interface(facts: Facts, name: str) -> Optional[Interface]:
    return next((i for i in facts.interfaces.value or () if i.name == name), None)


def is_container_bridge(candidate: Interface) -> bool:
    """vmnet's bridges are bridge100 and up with vmenet members (macos.md, 7)."""
    if candidate.name.startswith("bridge") and re.fullmatch("[0-9]{3,}", candidate.name[6:]):
        return True
    return any(m.startswith("vmenet") for m in candidate.members)


def bridge_of(facts: Facts, subnet: Subnet) -> Optional[str]:
    """The bridge that bears the subnet's gateway; its number says nothing (macos.md, 7)."""
    for candidate in facts.interfaces.value or ():
        if is_container_bridge(candidate) and any(a.ip == subnet.gateway for a in candidate.inet):
            return candidate.name
    return None


def nat_bridge_up(facts: Facts) -> Optional[bool]:
    """Whether a vmnet bridge is up that may need forwarding: any but those of networks known to be
    host-only, other programs' included. None where interfaces could not be read."""
    if facts.interfaces.value is None:
        return None
    quiet = [n.gateway for n in facts.networks.value or () if n.mode == "hostOnly"]
    return any(
        is_container_bridge(i) and not any(a.ip in quiet for a in i.inet)
        for i in facts.interfaces.value
    )


# -- uplinks


def _uplinks(facts: Facts, settings: Settings) -> Uplinks:
    ports = tuple(p.device for p in facts.ports.value or () if re.fullmatch(r"en[0-9]+", p.device))
    if settings.uplinks:
        return Uplinks(settings.uplinks, (), "", (_("uplinks set by hand"),))
    needed: List[str] = []
    notes: List[str] = []
    whys: List[str] = []
    for reading in (facts.default_route, facts.public_route):
        if not reading.known:
            whys.append(reading.why)
            continue
        if reading.value is None or reading.value.interface in needed:
            continue
        name = reading.value.interface
        if NEVER_UPLINK.fullmatch(name):
            notes.append(
                _("{command} returns {name}, which is never an uplink").format(
                    command=reading.source, name=name
                )
            )
            continue
        needed.append(name)
    if len(needed) == 2:
        notes.append(
            _("two uplinks: {first} by default, {second} for public addresses (split VPN)").format(
                first=needed[0], second=needed[1]
            )
        )
    if not needed and not whys:
        notes.append(_("this Mac itself is offline (no default route)"))
    spare = tuple(p for p in ports if p not in needed)
    return Uplinks(tuple(needed), spare, "; ".join(whys), tuple(notes))


def _served(facts: Facts) -> Tuple[str, ...]:
    """The uplinks that our live rules name."""
    matches = (re.match(r"nat on ([a-z0-9]+) ", r.text) for r in facts.anchor_nat.value or ())
    return tuple(dict.fromkeys(m.group(1) for m in matches if m and is_uplink(m.group(1))))


def is_uplink(name: str) -> bool:
    """A name of the kind of interface that can lead to the internet."""
    return bool(INTERFACE.fullmatch(name)) and not NEVER_UPLINK.fullmatch(name)


_KINDS = ("en", "utun", "ipsec", "ppp", "bridge")


def _names(facts: Facts, settings: Settings, uplinks: Uplinks) -> Tuple[str, ...]:
    """The interfaces that get rules: exactly the given ones, else all that can ever lead out.

    What a live rule of ours names stays: the order and the set must not follow what is plugged in.
    """
    if settings.uplinks:
        return settings.uplinks
    bridges = [i.name for i in facts.interfaces.value or () if is_container_bridge(i)]
    found = {*DEFAULT_UPLINKS, *uplinks.needed, *uplinks.spare, *_served(facts)} - set(bridges)

    return tuple(sorted(found, key=_place))


@lru_cache(maxsize=1024)
def _place(name: str) -> Tuple[int, str, int]:
    kind = name.rstrip("0123456789")
    return (
        _KINDS.index(kind) if kind in _KINDS else len(_KINDS),
        kind,
        int(name[len(kind) :]),
    )


# -- subnets


def _overlap(facts: Facts, network: IPv4Network) -> Optional[Tuple[str, str]]:
    """An interface that is no container bridge and lives on these addresses."""
    for candidate in facts.interfaces.value or ():
        if is_container_bridge(candidate):
            continue
        for address in candidate.inet:
            if address.network.overlaps(network):
                return candidate.name, str(address)
    return None


def _subnets(
    facts: Facts, settings: Settings
) -> Tuple[Tuple[Subnet, ...], Tuple[str, ...], Tuple[str, ...]]:
    """Subnets, notes, and the networks that overlap the Mac's own."""
    notes: List[str] = []
    listed = [n for n in facts.networks.value or () if n.cidr is not None]
    candidates: List[Subnet] = []
    for network in listed:
        assert network.cidr is not None
        mode = network.mode or ("nat" if network.id == "default" else "")
        if mode in ("nat", "hostOnly"):
            gateway = network.gateway or next(network.cidr.hosts())
            candidates.append(Subnet(network.cidr, mode, gateway, "network list"))
        else:
            notes.append(
                _("network {name} skipped: unknown mode {mode}").format(
                    name=parse.excerpt(network.id), mode=parse.excerpt(mode) or "?"
                )
            )
    hosts_only = [s for s in candidates if s.mode == "hostOnly"]
    if settings.subnets:
        for cidr in settings.subnets:
            clash = _overlap(facts, cidr)
            if clash is not None:
                raise BadInput(
                    _(
                        "subnets contains {subnet}, which overlaps {name} of this Mac ({address})."
                    ).format(subnet=cidr, name=clash[0], address=clash[1])
                )
            for other in hosts_only:
                if cidr.overlaps(other.cidr):
                    raise BadInput(
                        _(
                            "subnets contains {subnet}, a host-only network, which "
                            "is meant to have no internet."
                        ).format(subnet=cidr)
                    )
        by_cidr = {s.cidr: s.gateway for s in candidates}
        given = [
            Subnet(cidr, "nat", by_cidr.get(cidr, next(cidr.hosts())), "given")
            for cidr in settings.subnets
        ]
        return tuple(given + hosts_only), tuple(notes), ()
    if not any(s.mode == "nat" for s in candidates):
        candidates.insert(0, Subnet(DEFAULT_SUBNET, "nat", next(DEFAULT_SUBNET.hosts()), "default"))
    kept: List[Subnet] = []
    overlaps: List[str] = []
    for subnet in candidates:
        clash = _overlap(facts, subnet.cidr)
        if clash is not None:
            (overlaps if subnet.origin == "network list" else notes).append(
                _("the container network {subnet} overlaps {name} of this Mac ({address})").format(
                    subnet=subnet.cidr, name=clash[0], address=clash[1]
                )
            )
        elif subnet.cidr not in [s.cidr for s in kept]:
            kept.append(subnet)
    return tuple(kept), (*notes, *overlaps), tuple(overlaps)


# -- what is ours


def _current(facts: Facts) -> bool:
    boot = facts.boot.value
    return boot is not None and boot.session == facts.boot_session.value


def forwarding_is_ours(facts: Facts) -> bool:
    """We set forwarding in this boot, and know what it was."""
    boot = facts.boot.value
    return _current(facts) and boot is not None and boot.forwarding == 0


def our_token(facts: Facts) -> Reading[bool]:
    """Whether a reference that is provably ours keeps pf enabled: token, pid, name and boot session
    together, since numbers can be handed out again after `pfctl -d`."""
    if facts.references.value is None:
        return facts.references.lost()
    if not facts.boot_session.known:
        return facts.boot_session.lost()
    if not facts.boot.known:
        return facts.boot.lost()
    boot = facts.boot.value
    held = (
        _current(facts)
        and boot is not None
        and boot.token is not None
        and boot.token in facts.references.value
    )
    return Reading(held, source=facts.references.source)


def daemon_persisted(facts: Facts) -> bool:
    return facts.state.value is not None and "daemon" in facts.state.value.persisted


def managed(facts: Facts) -> bool:
    """Something of ours is in force: such a Mac is kept as we set it up, not looked at anew."""
    kept = facts.state.value is not None and bool(facts.state.value.persisted)
    return kept or _current(facts) or bool(facts.anchor_nat.value)


def seen_now(facts: Facts, subnets: Tuple[Subnet, ...], needed: Tuple[str, ...]) -> Dict[str, bool]:
    """What vmnet is seen to cover now, `SUBNET UPLINK` to yes or no: only where a bridge is up, for
    without one vmnet's rules do not exist."""
    seen: Dict[str, bool] = {}
    for subnet in subnets:
        for uplink in needed:
            if subnet.mode != "nat" or not bridge_of(facts, subnet):
                continue
            verdict = path.who(facts, subnet.cidr, uplink, without_ours=True)
            if verdict.who != path.UNKNOWN and facts.forwarding.value is not None:
                covers = verdict.who == path.VMNET and facts.forwarding.value == 1
                seen[f"{subnet.cidr} {uplink}"] = covers
    return seen


def seen_last(facts: Facts, subnets: Tuple[Subnet, ...], needed: Tuple[str, ...]) -> bool:
    """Whether vmnet covered every needed pair when a container last ran, as far as was noted."""
    noted = facts.state.value.seen if facts.state.value is not None else {}
    pairs = [f"{s.cidr} {u}" for s in subnets if s.mode == "nat" for u in needed]
    return bool(pairs) and all(noted.get(pair) for pair in pairs)


def leaks(
    facts: Facts, subnets: Tuple[Subnet, ...], needed: Tuple[str, ...]
) -> Tuple[Tuple[Subnet, path.Nat], ...]:
    """Host-only subnets that are up and that a live rule translates all the same (F43)."""
    if facts.forwarding.value != 1:
        return ()
    found: List[Tuple[Subnet, path.Nat]] = []
    for subnet in subnets:
        if subnet.mode != "hostOnly" or bridge_of(facts, subnet) is None:
            continue
        for uplink in needed:
            verdict = path.who(facts, subnet.cidr, uplink)
            if verdict.nat is not None and verdict.who in (path.OURS, path.VMNET, path.OTHER):
                found.append((subnet, verdict.nat))
                break
    return tuple(found)


def fence_only(facts: Facts) -> bool:
    """Of ours there is a fence and no translation: vmnet's own is still looked at first."""
    state = facts.state.value
    return (
        state is not None
        and state.fence is not None
        and not state.persisted
        and not facts.anchor_nat.value
    )


# -- desire


def desire(facts: Facts, settings: Settings, *, keep: bool = False) -> Desired:
    """What should be in our anchor. Raises BadInput for given values that do not fit this Mac.

    `keep`: as the boot daemon does it, with the guard, since it is what sets forwarding at boot.
    """
    uplinks = _uplinks(facts, settings)
    subnets, notes, overlaps = _subnets(facts, settings)
    keep = keep or daemon_persisted(facts) or bool(leaks(facts, subnets, uplinks.needed))
    return Desired(
        subnets=subnets,
        uplinks=uplinks,
        names=_names(facts, settings, uplinks),
        nat=True,
        guard=settings.guard and (facts.forwarding.value == 0 or forwarding_is_ours(facts) or keep),
        fence=_fence(facts, settings),
        notes=uplinks.notes + notes,
        overlaps=overlaps,
    )


def _fence(facts: Facts, settings: Settings) -> Optional[Tuple[Allowed, ...]]:
    """The fence as asked for, else as it was set up: leaving out an option opens nothing."""
    if settings.fence is False:
        return None
    noted = facts.state.value.fence if facts.state.value is not None else None
    if settings.fence_allow is not None:
        return settings.fence_allow
    if noted is not None:
        return parse_allowed("fence", list(noted))
    return () if settings.fence else None
