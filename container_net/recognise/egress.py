"""The way to the internet: forwarding, translation, routes, filters (faults.md, 1 A)."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Any, List, Optional, Tuple

from .. import path
from ..desired import leaks
from ..faults import BY_ID
from ..model import Attachment, Interface, Reading, Rule, Subnet
from ..render import anchor_file
from ..text import _
from .case import (
    ABSENT,
    NOTE,
    POSSIBLE,
    PRESENT,
    Case,
    Contradiction,
    Finding,
    need,
    quote,
    rules,
)
from .way import Pair, before_this_boot, carried, dead_inside, pairs, tunnel

__all__ = ["EGRESS", "homeless", "without_bridge"]

_VPN_ANCHOR = re.compile(r"(mullvad|cisco|anyconnect|nord)", re.IGNORECASE)
_PLAIN = re.compile(r"\s*(no nat|nat|no rdr|rdr|binat|pass|block)\s")
# Destinations that every interface has, whatever is behind it.
_EVERYWHERE = tuple(map(IPv4Network, ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))


def _of(case: Case, fault: str) -> Tuple[Pair, ...]:
    return tuple(pair for pair in pairs(case) if pair.fault == fault)


def _fill(pair: Pair) -> Tuple[Tuple[str, str], ...]:
    return (("SUBNET", str(pair.subnet.cidr)), ("BRIDGE", pair.bridge))


def _by_pairs(case: Case, fault: str) -> Finding:
    found = _of(case, fault)
    if not found:
        return Finding(fault, ABSENT)
    evidence = tuple(dict.fromkeys(line for pair in found for line in pair.evidence))
    state = PRESENT if any(pair.sure for pair in found) else POSSIBLE
    return Finding(fault, state, evidence, fill=_fill(found[0]))


def f01(case: Case) -> Finding:
    """The call of vmnet's anchor is gone from the main ruleset."""
    return _by_pairs(case, "F01")


def f02(case: Case) -> Finding:
    """/etc/pf.conf has rules of its own, and the live ruleset, which vmnet wrote, has none."""
    reading = case.facts.files["pf_conf"]
    content = (need(reading).content or b"").decode("latin-1")
    own = [line.strip() for line in content.splitlines() if _PLAIN.match(line)]
    if not own or not case.served():
        return Finding("F02", ABSENT)
    if need(case.facts.pf_conf_error):
        # It was never loaded: F47 and F49 say why.
        return Finding("F02", ABSENT)
    nat, filters = rules(case.facts.main_nat), rules(case.facts.main_rules)
    if any(_PLAIN.match(rule.text + " ") for rule in nat + filters):
        return Finding("F02", ABSENT)
    ends = [f'{kind}-anchor "com.apple.internet-sharing' for kind in ("nat", "rdr")]
    if not all(any(rule.text.startswith(end) for rule in nat) for end in ends):
        return Finding("F02", ABSENT)
    return Finding(
        "F02",
        PRESENT,
        (
            quote(reading, own[0]),
            _("{commands} show no rule of it, and that vmnet wrote the ruleset anew").format(
                commands=f"{case.facts.main_nat.source}, {case.facts.main_rules.source}"
            ),
        ),
    )


def _whole_and_dead(case: Case) -> Tuple[str, ...]:
    """Every pair is translated, and yet nothing gets out of a container."""
    dead = dead_inside(case)
    if not dead or not case.served() or any(pair.fault for pair in pairs(case)):
        return ()
    return dead


def _client_filter(case: Case) -> Optional[str]:
    """A line that shows the VPN client's own rules in pf."""
    rules(case.facts.main_rules)
    rule = path.vpn_block(case.facts)
    return quote(case.facts.main_rules, rule.text) if rule is not None else None


def f03(case: Case) -> Finding:
    """A tunnel carries the traffic, and vmnet has a rule for another interface only."""
    sure = _by_pairs(case, "F03")
    if sure.state != ABSENT:
        return sure
    dead = _whole_and_dead(case)
    if not dead or _client_filter(case) or _vpn_anchor(case):
        return sure
    return Finding("F03", POSSIBLE, dead, apart=("F05",) if tunnel(case) else ("F07",))


def _vpn_anchor(case: Case) -> Optional[str]:
    if tunnel(case) is None:
        return None
    for name in need(case.facts.anchors):
        if _VPN_ANCHOR.search(name):
            return quote(case.facts.anchors, name)
    return None


def f04(case: Case) -> Finding:
    """A tunnel with routes of its own, and nobody translates on it: many healthy Macs have one."""
    served = case.served()
    if not served:
        return Finding("F04", ABSENT)
    needed = case.uplinks()
    table = need(case.extra.table)
    evidence: List[str] = []
    for row in table:
        if not path.is_tunnel(case.facts, row.interface) or row.interface in needed:
            continue
        if row.to.prefixlen < 2 or (row.to.prefixlen == 32 and "H" in row.flags):
            continue
        if any(row.to.overlaps(net) for net in _EVERYWHERE):
            continue
        if any(row.to.overlaps(subnet.cidr) for subnet, _bridge in served):
            continue
        if not any(_addresses(case, row.interface)):
            continue
        bare = [s.cidr for s, _b in served if not carried(case, s.cidr, row.interface)]
        if bare:
            evidence.append(quote(case.extra.table, row.line))
            evidence.append(
                _("no translation rule for {subnet} on {uplink}").format(
                    subnet=bare[0], uplink=row.interface
                )
            )
    return Finding("F04", NOTE if evidence else ABSENT, tuple(dict.fromkeys(evidence))[:6])


def _addresses(case: Case, name: str) -> List[str]:
    found = next((i for i in need(case.facts.interfaces) if i.name == name), None)
    return [str(address.ip) for address in found.inet] if found else []


def f05(case: Case) -> Finding:
    """Route and rule are right, and the VPN client's own filter drops what is not the Mac's."""
    if not case.served() or tunnel(case) is None or any(p.fault for p in pairs(case)):
        return Finding("F05", ABSENT)
    way = quote(case.facts.public_route, f"interface: {tunnel(case)}")
    block = _client_filter(case)
    if block:
        return Finding("F05", PRESENT, (way, block))
    dead = _whole_and_dead(case)
    if not dead:
        return Finding("F05", ABSENT)
    anchor = _vpn_anchor(case)
    if anchor:
        return Finding("F05", PRESENT, (way, anchor, *dead))
    return Finding("F05", POSSIBLE, (way, *dead), apart=("F03",))


def f06(case: Case) -> Finding:
    """The Mac sends packets for a container elsewhere than to its bridge."""
    if not case.served():
        return Finding("F06", ABSENT)
    bridges = {address.ip: i.name for i in need(case.facts.interfaces) for address in i.inet}
    for row in need(case.extra.attachments):
        reading = case.extra.container_routes.get(row.address) if row.address else None
        if reading is None or row.gateway is None or row.gateway not in bridges:
            continue
        if not reading.known:
            need(reading)
        bridge, route = bridges[row.gateway], reading.value
        if route is None or route.interface != bridge:
            told = f"interface: {route.interface}" if route else _("no route")
            return Finding(
                "F06",
                PRESENT,
                (
                    quote(reading, told),
                    _("{gateway} is on {bridge}").format(gateway=row.gateway, bridge=bridge),
                ),
                fill=(
                    ("CONTAINER_IP", str(row.address)),
                    ("BRIDGE", bridge),
                    *((("SUBNET", str(s.cidr)) for s, b in case.served() if b == bridge)),
                ),
            )
    return Finding("F06", ABSENT)


def f07(case: Case) -> Finding:
    """vmnet's rule names an interface of before; or all is right and nothing gets out."""
    found = _by_pairs(case, "F07")
    if found.state != ABSENT:
        return found
    dead = _whole_and_dead(case)
    if dead and tunnel(case) is None:
        return Finding("F07", POSSIBLE, dead, apart=("F03",))
    return found


# -- bridges and networks


def _container_bridges(case: Case) -> List[Interface]:
    return [
        i
        for i in need(case.facts.interfaces)
        if any(member.startswith("vmenet") for member in i.members)
    ]


def without_bridge(case: Case) -> List[Attachment]:
    """Running containers whose gateway no interface bears, and whose packets no bridge gets.

    Raises Contradiction where a route leads to a bridge that `ifconfig` does not show.
    """
    held = {address.ip for i in need(case.facts.interfaces) for address in i.inet}
    names = {i.name for i in need(case.facts.interfaces)}
    found = []
    for row in need(case.extra.attachments):
        if not row.running or row.gateway is None or row.gateway in held:
            continue
        reading = case.extra.container_routes.get(row.address) if row.address else None
        if reading is None:
            continue
        if not reading.known:
            need(reading)
        route = reading.value
        if route is not None and route.interface not in names:
            raise Contradiction(
                quote(reading, f"interface: {route.interface}"),
                _("{command} shows no {name}").format(
                    command=case.facts.interfaces.source, name=route.interface
                ),
            )
        if route is None or not route.interface.startswith("bridge"):
            found.append(row)
    return found


def homeless(case: Case, row: Attachment) -> Tuple[str, ...]:
    bridges = ", ".join(
        f"{i.name} ({', '.join(str(a.ip) for a in i.inet)})" for i in _container_bridges(case)
    )
    return (
        quote(case.extra.attachments, f"{row.container}: running, gateway {row.gateway}"),
        _("{command} shows {gateway} on no interface; bridges: {bridges}").format(
            command=case.facts.interfaces.source, gateway=row.gateway, bridges=bridges or "-"
        ),
    )


def f08(case: Case) -> Finding:
    """Two NAT networks on one bridge; or a bridge is gone under a network of several."""
    if case.stopped or (need(case.facts.os_version) and case.system == 15):
        return Finding("F08", ABSENT)
    networks = [n for n in need(case.facts.networks) if n.mode != "hostOnly" and n.gateway]
    gateways = {n.gateway: n for n in networks}
    if len(gateways) < len(networks):
        raise Contradiction(*(quote(case.facts.networks, f"{n.id}: {n.gateway}") for n in networks))
    for bridge in _container_bridges(case):
        shared = [gateways[a.ip] for a in bridge.inet if a.ip in gateways]
        if len(shared) > 1:
            told = ", ".join(f"{n.gateway} ({n.id})" for n in shared)
            return Finding(
                "F08", PRESENT, (quote(case.facts.interfaces, f"{bridge.name}: {told}"),)
            )
    lost = without_bridge(case)
    if lost and len(networks) > 1:
        return Finding("F08", POSSIBLE, homeless(case, lost[0]), apart=("F37",))
    return Finding("F08", ABSENT)


def f09(case: Case) -> Finding:
    """container 0.9.0 and another program on vmnet at the same time."""
    served = case.served()
    if not served:
        return Finding("F09", ABSENT)
    known = {n.gateway for n in case.facts.networks.value or ()} | {s.gateway for s, _b in served}
    foreign = [
        i for i in _container_bridges(case) if i.inet and not any(a.ip in known for a in i.inet)
    ]
    if not foreign or need(case.facts.container_version) != "0.9.0":
        return Finding("F09", ABSENT)
    told = f"{foreign[0].name}: {foreign[0].inet[0].ip}, {', '.join(foreign[0].members)}"
    return Finding(
        "F09",
        PRESENT,
        (
            quote(case.facts.container_version, case.facts.container_version.value or ""),
            quote(case.facts.interfaces, told),
        ),
    )


def f11(case: Case) -> Finding:
    """Forwarding is 0 while a NAT bridge is up."""
    forwarding = need(case.facts.forwarding)
    served = case.served()
    if forwarding == 1 or not served or before_this_boot(case):
        return Finding("F11", ABSENT)
    if case.system == 15 and _of(case, "F12"):
        return Finding("F11", ABSENT)
    subnet, bridge = served[0]
    return Finding(
        "F11",
        PRESENT,
        (
            quote(case.facts.forwarding, str(forwarding)),
            _("{gateway} is on {bridge}").format(gateway=subnet.gateway, bridge=bridge),
        ),
    )


def f12(case: Case) -> Finding:
    """macOS 15, and nobody translates."""
    if need(case.facts.os_version) and case.system != 15:
        return Finding("F12", ABSENT)
    return _by_pairs(case, "F12")


def f13(case: Case) -> Finding:
    """macOS 15: the gateway that containers were told is on no interface."""
    if case.stopped or (need(case.facts.os_version) and case.system != 15):
        return Finding("F13", ABSENT)
    lost = without_bridge(case)
    if not lost:
        return Finding("F13", ABSENT)
    return Finding("F13", PRESENT, homeless(case, lost[0]))


def f14(case: Case) -> Finding:
    """A rule of ours or of a recipe names another interface than packets leave by."""
    return _by_pairs(case, "F14")


def f15(case: Case) -> Finding:
    """A rule of ours or of a recipe has a subnet that no network has any more."""
    return _by_pairs(case, "F15")


def f45(case: Case) -> Finding:
    """Set up before this boot, and not in force now although it is needed."""
    if not case.served():
        return Finding("F45", ABSENT)
    evidence = before_this_boot(case)
    if not evidence:
        return Finding("F45", ABSENT)
    if need(case.facts.forwarding) == 0 or _of(case, "F45"):
        return Finding("F45", PRESENT, evidence)
    return Finding("F45", ABSENT)


def f46(case: Case) -> Finding:
    """The rule for the way is there, and pf is off."""
    return _by_pairs(case, "F46")


def f43(case: Case) -> Finding:
    """A rule in force translates a host-only subnet, forwarding is on, and nothing stops it."""
    if case.stopped:
        return Finding("F43", ABSENT)
    closed = [s for s in case.desired.subnets if s.mode == "hostOnly"]
    if not closed or need(case.facts.forwarding) == 0 or not need(case.facts.pf_enabled):
        return Finding("F43", ABSENT)
    need(case.facts.networks)
    bridges = {address.ip: i.name for i in need(case.facts.interfaces) for address in i.inet}
    for subnet in closed:
        bridge = bridges.get(subnet.gateway)
        if bridge is None or _guarded(rules(case.facts.anchor_rules), subnet, bridge):
            continue
        for _subnet, nat in leaks(case.facts, (subnet,), case.uplinks()):
            return Finding(
                "F43",
                PRESENT,
                (
                    quote(case.facts.networks, f"hostOnly {subnet.cidr}"),
                    quote(case.facts.forwarding, "1"),
                    nat.line,
                ),
            )
    return Finding("F43", ABSENT)


def _guarded(live: Tuple[Rule, ...], subnet: Subnet, bridge: str) -> bool:
    closed = re.escape(str(subnet.cidr))
    start = re.compile(rf"block (drop )?in quick on (?:{bridge}|! lo0) .*from {closed} ")
    return any(start.match(rule.text) for rule in live)


def f47(case: Case) -> Finding:
    """A rule of /etc/pf.conf needs a bridge that is not there at boot."""
    error = need(case.facts.pf_conf_error)
    if re.search(r"no IP address found for bridge[0-9]+:network", error):
        return Finding("F47", PRESENT, (quote(case.facts.pf_conf_error, error),))
    content = (need(case.facts.files["pf_conf"]).content or b"").decode("latin-1")
    texts = {case.facts.files["pf_conf"].source: content, **case.extra.loaded_texts}
    for name, text in texts.items():
        found = re.search(r"^[^#\n]*bridge[0-9]{3,}:network.*$", text, re.MULTILINE)
        if found and not error:
            return Finding("F47", POSSIBLE, (f"{name} → {found.group().strip()}",))
    return Finding("F47", ABSENT)


def f49(case: Case) -> Finding:
    """/etc/pf.conf loads a file that is not there, and pf takes nothing of it."""
    gone = [path for path, there in case.extra.loads.items() if not there]
    if not gone:
        need(case.facts.files["pf_conf"])
        return Finding("F49", ABSENT)
    error = need(case.facts.pf_conf_error)
    missing = _("{path} is not there").format(path=gone[0])
    conf = case.facts.files["pf_conf"]
    if not error:
        raise Contradiction(quote(conf, f"load anchor … from {gone[0]}"), missing)
    if "cannot open" not in error and gone[0] not in error:
        return Finding("F49", POSSIBLE, (missing, quote(case.facts.pf_conf_error, error)))
    return Finding(
        "F49",
        PRESENT,
        (quote(conf, f"load anchor … from {gone[0]}"), quote(case.facts.pf_conf_error, error)),
        fill=(("FILE", gone[0]),),
        steps=() if _is_ours(case, gone[0]) else (BY_ID["F49"].cure[0], BY_ID["F49"].cure[-1]),
    )


def _is_ours(case: Case, file: str) -> bool:
    """Whether it is the file of our anchor; /etc is a link to /private/etc."""
    return file.replace("/private/etc/", "/etc/") == anchor_file(case.facts.anchor)


def f48(case: Case) -> Finding:
    """A container network, or what vmnet isolates, overlaps the network that the Mac lives in."""
    if case.stopped:
        return Finding("F48", ABSENT)
    bridged = {i.name for i in _container_bridges(case)}
    own = [
        (i.name, address.network)
        for i in need(case.facts.interfaces)
        for address in i.inet
        if i.name not in bridged
        and re.fullmatch(r"en[0-9]+", i.name)
        and address.network.prefixlen < 32
    ]
    listed = [] if case.system == 15 else [n for n in need(case.facts.networks) if n.cidr]
    for network in listed:
        for name, lan in own:
            if network.cidr is not None and lan.overlaps(network.cidr):
                return _overlap(case.facts.networks, f"{network.id}: {network.cidr}", name, lan)
    if not bridged:
        return Finding("F48", ABSENT)
    for row in need(case.extra.table):
        for name, lan in own:
            if row.interface in bridged and row.to == lan:
                return _overlap(case.extra.table, row.line, name, lan)
    for entry in need(case.extra.isolation):
        for name, lan in own:
            if entry.overlaps(lan):
                return _overlap(case.extra.isolation, str(entry), name, lan)
    return Finding("F48", ABSENT)


def _overlap(reading: Reading[Any], text: str, name: str, lan: IPv4Network) -> Finding:
    return Finding(
        "F48",
        PRESENT,
        (
            quote(reading, text),
            _("{name} of this Mac lives in {network}").format(name=name, network=lan),
        ),
    )


def f17(case: Case) -> Finding:
    """In a container ICMP passes and TCP does not, and no filter is installed."""
    return _tcp_only(case, "F17")


def f19(case: Case) -> Finding:
    """In a container ICMP passes and TCP does not, and a filter is installed."""
    return _tcp_only(case, "F19")


def _tcp_only(case: Case, fault: str) -> Finding:
    guest = case.guest()
    if guest is None or guest.state("address") != "ok" or guest.state("tcp") != "failed":
        return Finding(fault, ABSENT)
    if case.extra.firewall.value is not None and case.extra.firewall.value.block_all:
        return Finding(fault, ABSENT)
    seen = (case.row("address"), case.row("tcp"))
    filters = case.extra.extensions
    if not filters.known:
        return Finding(fault, POSSIBLE, seen, apart=("F19" if fault == "F17" else "F17",))
    if filters.value:
        told = tuple(quote(filters, name) for name in filters.value[:4])
        return Finding(fault, POSSIBLE, (*seen, *told), apart=("F19" if fault == "F17" else "F17",))
    return Finding(fault, PRESENT if fault == "F17" else ABSENT, seen if fault == "F17" else ())


def f18(case: Case) -> Finding:
    """The Application Firewall blocks everything that comes in."""
    if case.stopped:
        return Finding("F18", ABSENT)
    state = need(case.extra.firewall)
    if not state.block_all:
        return Finding("F18", ABSENT)
    return Finding("F18", PRESENT, (quote(case.extra.firewall, state.line),))


EGRESS = {
    "F01": f01,
    "F02": f02,
    "F03": f03,
    "F04": f04,
    "F05": f05,
    "F06": f06,
    "F07": f07,
    "F08": f08,
    "F09": f09,
    "F11": f11,
    "F12": f12,
    "F13": f13,
    "F14": f14,
    "F15": f15,
    "F17": f17,
    "F18": f18,
    "F19": f19,
    "F43": f43,
    "F45": f45,
    "F46": f46,
    "F47": f47,
    "F48": f48,
    "F49": f49,
}
