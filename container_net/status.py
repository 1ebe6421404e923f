"""The packet's way, hop by hop, judged from facts alone. Pure.

`ok` speaks of this Mac's part of the way; whether the internet answers is measured by `verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from . import parse, path, render
from .desired import Desired, bridge_of, managed, our_token
from .model import Facts, Reading, Subnet
from .text import _

__all__ = ["Hop", "Status", "look"]

OK, BROKEN, UNKNOWN, NOT_RUNNING = "ok", "broken", "unknown", "not running"


@dataclass(frozen=True)
class Hop:
    """One station of the way: vm, gateway, forwarding, nat, uplink or internet."""

    hop: str
    state: str
    evidence: str
    cure: Optional[str] = None


@dataclass(frozen=True)
class Status:
    """`ok` is False where a hop is broken, None where one is not known or does not run."""

    ok: Optional[bool]
    hops: Tuple[Hop, ...]
    notes: Tuple[str, ...]
    fence: Optional[Hop] = None
    """Whether the fence stands; None where none was set up."""

    @property
    def first_broken(self) -> Optional[Hop]:
        return next((h for h in self.hops if h.state == BROKEN), None)


def look(facts: Facts, desired: Desired) -> Status:
    """Judge every hop."""
    running = _running(facts)
    hops = (
        _vm(facts, running),
        _gateway(facts, desired, running),
        _forwarding(facts, desired),
        *_nat_and_uplink(facts, desired),
        Hop(
            "internet",
            UNKNOWN,
            _("not measured here"),
            _("invoke net.verify measures it from a container"),
        ),
    )
    judged = [h.state for h in hops if h.hop != "internet"]
    fence = _fence(facts, desired)
    judged += [fence.state] if fence is not None else []
    ok: Optional[bool] = None
    if BROKEN in judged:
        ok = False
    elif all(state == OK for state in judged):
        ok = True
    return Status(ok, hops, desired.notes + _notes(facts, desired), fence)


def _fence(facts: Facts, desired: Desired) -> Optional[Hop]:
    if desired.fence is None:
        return None
    for reading in (facts.anchor_rules, facts.main_rules, facts.pf_enabled):
        if not reading.known:
            return Hop("fence", UNKNOWN, reading.why)
    text = render.anchor_of(desired.subnets, (), False, desired.fence, nat=False)
    live = {parse.normal(rule.text) for rule in facts.anchor_rules.value or ()}
    missing = [r for r in render.rules(text).filter if parse.normal(r) not in live]
    if missing:
        why = _("not loaded: {rule}").format(rule=missing[0])
        return Hop("fence", BROKEN, why, "invoke net.setup --fence")
    if not any(r.text.startswith('anchor "com.apple/*"') for r in facts.main_rules.value or ()):
        return Hop("fence", BROKEN, _("the live ruleset does not call our anchor"), _cure(facts))
    if not facts.pf_enabled.value:
        return Hop("fence", BROKEN, _("pf is disabled"), "invoke net.setup --fence")
    allowed = ", ".join(("DNS", "DHCP", *map(str, desired.fence)))
    return Hop(
        "fence", OK, _("nothing private is reachable except {allowed}").format(allowed=allowed)
    )


def other_subnet() -> str:
    """The cure of an overlap (F48)."""
    return _(
        "Choose another container subnet: `subnet` under `[network]` in "
        "~/.config/container/config.toml, for example 192.168.210.0/24."
    )


KERNEL = "container system kernel set --recommended"


def no_kernel() -> str:
    return _("container has no Linux kernel yet, so no container starts")


@dataclass(frozen=True)
class FirstStep:
    """What keeps containers from starting at all, and the words of `container` that end it."""

    state: str
    words: Tuple[str, ...]


def first_step(facts: Facts) -> Optional[FirstStep]:
    """The next step of a Mac's first day that a command can take; None where there is none."""
    if facts.container_path is None:
        return None
    if facts.container_service.value in ("not running", "unregistered"):
        # With the option it asks nothing: the kernel is a question of its own.
        state = _("container's service: {state}").format(state=facts.container_service.value)
        return FirstStep(state, ("system", "start", "--disable-kernel-install"))
    if facts.kernel.value is False:
        return FirstStep(no_kernel(), tuple(KERNEL.split()[1:]))
    return None


def _running(facts: Facts) -> Reading[int]:
    """How many containers run."""
    if facts.containers.value is None:
        return facts.containers.lost()
    count = sum(1 for c in facts.containers.value if c.running)
    return Reading(count, source=facts.containers.source)


def _vm(facts: Facts, running: Reading[int]) -> Hop:
    if facts.container_path is None:
        return Hop(
            "vm",
            NOT_RUNNING,
            _("container is not installed"),
            _("install it from github.com/apple/container/releases"),
        )
    if facts.container_service.value in ("not running", "unregistered"):
        return Hop(
            "vm",
            NOT_RUNNING,
            _("container's service: {state}").format(state=facts.container_service.value),
            "container system start",
        )
    if running.value is None:
        return Hop("vm", UNKNOWN, running.why)
    if running.value == 0 and facts.kernel.value is False:
        return Hop("vm", NOT_RUNNING, no_kernel(), KERNEL)
    if running.value == 0:
        return Hop(
            "vm", NOT_RUNNING, _("no container is running; the bridge exists only while one is")
        )
    return Hop("vm", OK, _("{count} running").format(count=running.value))


def _bridges(facts: Facts, desired: Desired) -> List[Tuple[Subnet, Optional[str]]]:
    return [(s, bridge_of(facts, s)) for s in desired.nat_subnets]


def _gateway(facts: Facts, desired: Desired, running: Reading[int]) -> Hop:
    if not facts.interfaces.known:
        return Hop("gateway", UNKNOWN, facts.interfaces.why)
    found = [(s, b) for s, b in _bridges(facts, desired) if b is not None]
    if found:
        shown = ", ".join(
            _("{gateway} on {bridge}").format(gateway=s.gateway, bridge=b) for s, b in found
        )
        return Hop("gateway", OK, shown)
    if desired.overlaps:
        return Hop("gateway", BROKEN, desired.overlaps[0], other_subnet())
    wanted = ", ".join(str(s.gateway) for s in desired.nat_subnets) or _("no subnet")
    if running.value:
        if not facts.networks.known:
            return Hop("gateway", UNKNOWN, facts.networks.why)
        return Hop(
            "gateway",
            BROKEN,
            _("containers are running, but no bridge has {gateway}").format(gateway=wanted),
            _("stop the containers, then: container system stop && container system start"),
        )
    return Hop("gateway", NOT_RUNNING, _("no bridge has {gateway} now").format(gateway=wanted))


def _in_use(facts: Facts, desired: Desired) -> bool:
    """Something depends on the way now: a bridge is up, or rules of ours are in force."""
    return managed(facts) or any(b is not None for _s, b in _bridges(facts, desired))


def _forwarding(facts: Facts, desired: Desired) -> Hop:
    value = facts.forwarding.value
    if value is None:
        return Hop("forwarding", UNKNOWN, facts.forwarding.why)
    shown = f"net.inet.ip.forwarding = {value}"
    if value == 1:
        return Hop("forwarding", OK, shown)
    if _in_use(facts, desired):
        return Hop("forwarding", BROKEN, shown, _cure(facts))
    return Hop("forwarding", NOT_RUNNING, _("{value}; not needed now").format(value=shown))


def _nat_and_uplink(facts: Facts, desired: Desired) -> Tuple[Hop, Hop]:
    uplinks = desired.uplinks
    if not uplinks.needed:
        if uplinks.why:
            return (
                Hop("nat", UNKNOWN, _("uplink unknown")),
                Hop("uplink", UNKNOWN, uplinks.why),
            )
        return (
            _nat(facts, desired),
            _no_uplink(facts),
        )
    return _nat(facts, desired), _uplink(facts, desired)


def _no_uplink(facts: Facts) -> Hop:
    """No interface that can lead out has the default route."""
    for reading in (facts.default_route, facts.public_route):
        if reading.value is not None:
            return Hop(
                "uplink",
                BROKEN,
                _("the default route leads to {name}").format(name=reading.value.interface),
                _("quit the program whose VM made {name}, or turn Wi-Fi off and on").format(
                    name=reading.value.interface
                ),
            )
    return Hop(
        "uplink",
        BROKEN,
        _("this Mac itself has no default route"),
        _("connect the Mac to a network"),
    )


def _uplink(facts: Facts, desired: Desired) -> Hop:
    names = ", ".join(desired.uplinks.needed)
    if desired.uplinks.why:
        return Hop("uplink", UNKNOWN, desired.uplinks.why)
    if facts.interfaces.value is None:
        return Hop("uplink", UNKNOWN, facts.interfaces.why)
    shown: List[str] = []
    for name in desired.uplinks.needed:
        found = next((i for i in facts.interfaces.value if i.name == name), None)
        if found is None or not found.inet:
            return Hop(
                "uplink",
                BROKEN,
                _("{name} has no IPv4 address").format(name=name),
                _("connect the Mac to a network"),
            )
        shown.append(f"{name} ({found.inet[0].ip})")
    block = path.vpn_block(facts)
    if block is not None and any(path.is_tunnel(facts, u) for u in desired.uplinks.needed):
        return Hop(
            "uplink",
            BROKEN,
            _("a VPN client's rule drops everything but its own traffic: {rule}").format(
                rule=block.text
            ),
            _("disconnect the VPN, or allow local interfaces in its settings"),
        )
    return Hop("uplink", OK, ", ".join(shown) or names)


def _nat(facts: Facts, desired: Desired) -> Hop:
    """The verdict over all pairs of NAT subnet and needed uplink; the worst one counts. A network
    in which nothing runs is none: vmnet has no rule for it yet."""
    pairs = [(s, u) for s in desired.nat_subnets for u in desired.uplinks.needed]
    if not pairs:
        live = facts.anchor_nat.value or ()
        if live:
            return Hop(
                "nat", OK, _("ours: {count} rules, waiting for an uplink").format(count=len(live))
            )
        return Hop("nat", NOT_RUNNING, _("no uplink"))
    hops = [_pair(facts, subnet, uplink) for subnet, uplink in pairs]
    for state in (BROKEN, UNKNOWN):
        for found in hops:
            if found.state == state:
                return found
    working = dict.fromkeys(h.evidence for h in hops if h.state == OK)
    return Hop("nat", OK, "; ".join(working)) if working else hops[0]


def _pair(facts: Facts, subnet: Subnet, uplink: str) -> Hop:
    """Who translates the pair; forwarding is a hop of its own."""
    verdict = path.who(facts, subnet.cidr, uplink)
    if verdict.who == path.UNKNOWN or not facts.anchor_nat.known:
        return Hop("nat", UNKNOWN, verdict.why or facts.anchor_nat.why)
    if verdict.nat is not None and verdict.who != path.NOBODY:
        rule, packets = verdict.nat.rule.text, verdict.nat.rule.packets
        if verdict.who == path.VMNET:
            return Hop("nat", OK, _("vmnet's: {rule}").format(rule=rule))
        if verdict.who == path.OTHER:
            return Hop("nat", OK, _("another program's: {rule}").format(rule=rule))
        shown = _("ours: {rule}").format(rule=rule)
        if packets:
            shown += " " + _("({count} packets)").format(count=packets)
        return Hop("nat", OK, shown)
    if not managed(facts) and bridge_of(facts, subnet) is None:
        why = _("{why}; vmnet adds its rules with the first container").format(why=verdict.why)
        return Hop("nat", NOT_RUNNING, why)
    return Hop("nat", BROKEN, verdict.why, _cure(facts))


def _cure(facts: Facts) -> str:
    """The command that mends it here, or the sentence that says what to do first."""
    sentence, command = path.remedy(facts)
    return command or sentence


def _notes(facts: Facts, desired: Desired) -> Tuple[str, ...]:
    """No fault, and worth knowing: pairs that both we and vmnet translate, or another program."""
    notes: List[str] = []
    for subnet in desired.nat_subnets:
        for uplink in desired.uplinks.needed:
            verdict = path.who(facts, subnet.cidr, uplink)
            without = path.who(facts, subnet.cidr, uplink, without_ours=True)
            if verdict.who == path.OTHER:
                notes.append(path.foreign(verdict, subnet.cidr))
            if verdict.who == path.OURS and without.who == path.VMNET:
                notes.append(
                    _(
                        "redundant: vmnet also has a NAT rule for {subnet} on "
                        "{uplink}; ours comes first"
                    ).format(subnet=subnet.cidr, uplink=uplink)
                )
    if facts.anchor_nat.value and path.hook(facts) is False:
        notes.append(f"{path.uncalled()}: {_cure(facts)}")
    held = our_token(facts)
    if facts.anchor_nat.value and held.value is False and facts.pf_enabled.value:
        notes.append(
            _("only others keep pf enabled; invoke net.setup takes a reference of our own")
        )
    return tuple(notes)
