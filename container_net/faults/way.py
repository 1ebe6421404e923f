"""Why a container's packets are not translated: one reason for each pair of subnet and uplink.

Several faults of the catalogue look alike from far; here they exclude one another, so that one
cause gives one fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import List, Optional, Tuple

from .. import path
from ..desired import daemon_persisted, leaks
from ..model import Rule, Subnet
from ..path import Nat
from ..text import _
from .case import (
    ABSENT,
    POSSIBLE,
    PRESENT,
    Case,
    Contradiction,
    Finding,
    Unread,
    need,
    quote,
    rules,
)
from .fault import Fault

__all__ = [
    "Pair",
    "before_this_boot",
    "by_pairs",
    "carried",
    "client_filter",
    "dead_inside",
    "fill",
    "nothing_to_set_up",
    "of",
    "pairs",
    "sharing_called",
    "tunnel",
    "vpn_anchor",
    "whole_and_dead",
]


_LAST = f'rdr-anchor "{path.SHARING}"'
_VPN_ANCHOR = re.compile(r"(mullvad|cisco|anyconnect|nord)", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """A NAT subnet and an uplink that its packets leave by.

    `fault` is the name of what is wrong, empty where the pair is translated; `sure` whether that is
    proven or only the likeliest. `rule` is the rule that translates, where one does.
    """

    subnet: Subnet
    bridge: str
    uplink: str
    fault: str
    sure: bool = True
    evidence: Tuple[str, ...] = ()
    rule: Optional[Rule] = None


def pairs(case: Case) -> Tuple[Pair, ...]:
    """Every pair and its verdict. Raises Unread, Contradiction."""
    if "pairs" not in case.kept:
        served = case.served()
        case.kept["pairs"] = tuple(
            _judge(case, s, bridge, u) for s, bridge in served for u in case.uplinks()
        )
    found: Tuple[Pair, ...] = case.kept["pairs"]
    return found


def _live(case: Case) -> Tuple[Nat, ...]:
    """Every plain translation rule. Raises Unread, Contradiction where a list is cut off."""
    facts = case.facts
    rules(facts.main_nat)
    for reading in facts.sharing_children.values():
        rules(reading, counted=True)
    ours = rules(facts.anchor_nat, counted=True)
    # Read twice: a list that ends between two rules looks whole, and would look like a fault.
    again = case.extra.own_nat
    if facts.anchor in again.source and [r.text for r in rules(again)] != [r.text for r in ours]:
        raise Contradiction(facts.anchor_nat.source, again.source)
    # The tree of anchors says who else there is.
    need(facts.anchors)
    for reading in facts.foreign_nat.values():
        rules(reading)
    return tuple(n for n in path.rules_of(facts) if n.source is not None and not n.exempts)


def _vmnets(live: Tuple[Nat, ...]) -> List[Nat]:
    return [nat for nat in live if nat.place.startswith(path.SHARING)]


def _judge(case: Case, subnet: Subnet, bridge: str, uplink: str) -> Pair:
    facts, cidr = case.facts, subnet.cidr
    enabled = need(facts.pf_enabled)
    if not enabled and facts.references.value:
        raise Contradiction(
            quote(facts.pf_enabled, "Disabled"),
            quote(facts.references, facts.references.value[0].token),
        )
    live = _live(case)
    verdict = path.who(facts, cidr, uplink)
    if verdict.who in (path.OURS, path.VMNET, path.OTHER):
        rule = verdict.nat.rule if verdict.nat is not None else None
        return Pair(subnet, bridge, uplink, "", rule=rule)
    if enabled and verdict.who == path.UNKNOWN:
        raise Unread(verdict.unread or facts.sharing_nat)
    vmnets = _vmnets(live)
    others = [nat for nat in live if nat not in vmnets]

    def broken(fault: str, *evidence: str, sure: bool = True) -> Pair:
        return Pair(subnet, bridge, uplink, fault, sure, evidence)

    way = quote(facts.public_route, f"interface: {uplink}")
    theirs = [n for n in vmnets if n.holds(cidr)]
    fitting = [n for n in others if n.takes(cidr, uplink)]
    exact = next((n for n in theirs + fitting if n.on(uplink)), None)
    if not enabled and exact is not None:
        return broken("pf-disabled", quote(facts.pf_enabled, "Status: Disabled"), exact.line)
    if fitting and not fitting[0].place.startswith("com.apple"):
        nat = fitting[0]
        return broken("anchor-not-called", _lacks_call(case, nat.place), nat.line)
    if fitting:
        place = fitting[0].place
        parent = place.split("/")[0] + "/*" if "/" in place else place
        return _cut_off(
            case,
            broken("ruleset-replaced", _lacks_call(case, place), fitting[0].line),
            (parent, place),
        )
    if theirs and not sharing_called(case):
        return _cut_off(
            case, broken("ruleset-replaced", _lacks_call(case), theirs[0].line), (path.SHARING,)
        )
    if exact is not None:
        # vmnet's anchor is called and has the rule, yet calls no child that holds it.
        raise Contradiction(quote(facts.sharing_nat, _("no call")), exact.line)
    if theirs:
        rules(facts.sharing_nat)
        tunnel_named = any(path.is_tunnel(facts, n) for n in (uplink, theirs[0].uplink))
        fault = "vpn-not-followed" if tunnel_named else "stale-nat"
        return broken(fault, way, theirs[0].line)
    return _without_vmnet(case, broken("ruleset-replaced", sure=False), others, way)


def sharing_called(case: Case) -> bool:
    """Whether the live main ruleset calls vmnet's anchor. Raises Unread, Contradiction."""
    rules(case.facts.main_nat)
    return bool(path.sharing_called(case.facts))


def _lacks_call(case: Case, anchor: str = path.SHARING) -> str:
    return _("{command} has no nat-anchor that calls {anchor}").format(
        command=case.facts.main_nat.source, anchor=anchor
    )


def _cut_off(case: Case, pair: Pair, names: Tuple[str, ...]) -> Pair:
    """The call of an anchor is missing among the translation rules: the filter rules must agree, or
    the output was cut off. `pfctl -F nat` leaves them, and no translation rule at all."""
    calls = tuple(f'anchor "{name}"' for name in names)
    filters = [r.text for r in rules(case.facts.main_rules) if r.text.startswith(calls)]
    # vmnet may take Apple's call along kind by kind (macos.md, 5), and puts its own in again at the
    # end. A list whose end is there was not cut off.
    ended = any(r.text.startswith(_LAST) for r in rules(case.facts.main_nat))
    if not filters or (ended and path.SHARING not in names):
        return pair
    if rules(case.facts.main_nat):
        raise Contradiction(pair.evidence[0], quote(case.facts.main_rules, filters[0]))
    return Pair(pair.subnet, pair.bridge, pair.uplink, "ruleset-replaced", False, pair.evidence)


def _without_vmnet(case: Case, pair: Pair, others: List[Nat], way: str) -> Pair:
    """vmnet has no rule for the subnet at all: whose rule did the work, and why not now?"""

    def broken(fault: str, *evidence: str, sure: bool = True) -> Pair:
        return Pair(pair.subnet, pair.bridge, pair.uplink, fault, sure, evidence)

    cidr = pair.subnet.cidr
    elsewhere = next((n for n in others if n.holds(cidr)), None)
    if elsewhere is not None:
        return broken("old-uplink", way, elsewhere.line)
    old = next(
        (n for n in others if n.source is not None and n.source.is_private and n.called),
        None,
    )
    if old is not None:
        return broken(
            "old-subnet",
            quote(case.facts.networks, str(cidr)) if case.facts.networks.known else str(cidr),
            old.line,
        )
    before = before_this_boot(case)
    if before:
        return broken("gone-after-reboot", *before)
    if case.system == 15:
        return broken(
            "macos-15-no-nat",
            quote(case.facts.os_version, case.facts.os_version.value or ""),
            _("no NAT rule for {subnet} on {uplink}").format(subnet=cidr, uplink=pair.uplink),
        )
    nothing = _("no NAT rule for {subnet} on {uplink}").format(subnet=cidr, uplink=pair.uplink)
    if sharing_called(case):
        return broken("stale-nat", nothing, way, sure=False)
    return broken("ruleset-replaced", _lacks_call(case), nothing, sure=False)


def nothing_to_set_up(case: Case) -> bool:
    """Whether setup would find all in order: every pair translated, forwarding on, no leak."""
    try:
        found = pairs(case)
        leak = leaks(case.facts, case.desired.subnets, case.uplinks())
    except (Unread, Contradiction):
        return False
    return (
        bool(found)
        and not any(p.fault for p in found)
        and (case.facts.forwarding.value == 1 and not leak and not before_this_boot(case))
    )


# -- set up once, and gone with a reboot


def before_this_boot(case: Case) -> Tuple[str, ...]:
    """Evidence that the way was set up before this boot and is not in force now; else empty."""
    facts = case.facts
    conf = facts.files["sysctl_conf"]
    content = (conf.value.content or b"").decode("latin-1") if conf.value is not None else ""
    line = re.search(r"^\s*net\.inet\.ip\.forwarding\s*=\s*1\s*$", content, re.MULTILINE)
    if line and facts.forwarding.value == 0:
        return (
            quote(conf, line.group().strip()),
            quote(facts.forwarding, str(facts.forwarding.value)),
        )
    state, boot = facts.state.value, facts.boot.value
    if state is None or facts.anchor_nat.value:
        return ()
    if daemon_persisted(facts):
        job = facts.daemon.value
        if job is not None and (job.disabled or not job.loaded):
            told = _("disabled") if job.disabled else _("not loaded")
            return (quote(facts.state, "daemon"), quote(facts.daemon, told))
        return ()
    session = facts.boot_session.value
    if boot is not None and session is not None and boot.session != session:
        return (quote(facts.boot, f"boot {boot.session}"), quote(facts.boot_session, session))
    return ()


# -- measured in a container


def dead_inside(case: Case) -> Tuple[str, ...]:
    """Evidence that a container reaches its gateway and no address beyond; else empty.

    Raises Unread where the probe was asked for and failed.
    """
    guest = case.guest()
    if guest is None or guest.state("gateway") == "failed" or guest.state("tcp") != "failed":
        return ()
    if guest.state("address") == "ok" or "ok" in (guest.state("https4"), guest.state("dns-public")):
        return ()
    if case.facts.forwarding.value != 1:
        return ()
    return tuple(case.row(name) for name in ("gateway", "address", "tcp"))


def tunnel(case: Case) -> Optional[str]:
    """The VPN's interface that packets leave by now. Raises Unread, Contradiction."""
    return next((name for name in case.uplinks() if path.is_tunnel(case.facts, name)), None)


def carried(case: Case, subnet: IPv4Network, uplink: str) -> bool:
    """Whether any rule that pf gets to translates the subnet there. Raises Unread."""
    _live(case)
    return path.who(case.facts, subnet, uplink).who in (path.OURS, path.VMNET, path.OTHER)


def of(case: Case, fault: str) -> Tuple[Pair, ...]:
    """The pairs that a fault, by its name, keeps from being translated."""
    return tuple(pair for pair in pairs(case) if pair.fault == fault)


def fill(pair: Pair) -> Tuple[Tuple[str, str], ...]:
    """The words of a cure that a pair knows."""
    return (("SUBNET", str(pair.subnet.cidr)), ("BRIDGE", pair.bridge))


def by_pairs(case: Case, fault: Fault) -> Finding:
    """The finding that follows from the pairs."""
    found = of(case, fault.name)
    if not found:
        return Finding(fault.id, ABSENT)
    evidence = tuple(dict.fromkeys(line for pair in found for line in pair.evidence))
    state = PRESENT if any(pair.sure for pair in found) else POSSIBLE
    return Finding(fault.id, state, evidence, fill=fill(found[0]))


def whole_and_dead(case: Case) -> Tuple[str, ...]:
    """Every pair is translated, and yet nothing gets out of a container."""
    dead = dead_inside(case)
    if not dead or not case.served() or any(pair.fault for pair in pairs(case)):
        return ()
    return dead


def client_filter(case: Case) -> Optional[str]:
    """A line that shows the VPN client's own rules in pf."""
    rules(case.facts.main_rules)
    rule = path.vpn_block(case.facts)
    return quote(case.facts.main_rules, rule.text) if rule is not None else None


def vpn_anchor(case: Case) -> Optional[str]:
    """A line that shows an anchor of a VPN client's, where a tunnel carries the traffic."""
    if tunnel(case) is None:
        return None
    for name in need(case.facts.anchors):
        if _VPN_ANCHOR.search(name):
            return quote(case.facts.anchors, name)
    return None
