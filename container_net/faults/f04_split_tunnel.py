"""Hosts behind a split-tunnel VPN are out of reach for containers."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import List

from .. import path
from ..text import N_, _
from .case import ABSENT, NOTE, Case, Finding, need, quote
from .fault import Fault, Step, said
from .sources import issue
from .way import carried

FAULT = Fault(
    id="F04",
    name="split-tunnel",
    section="way",
    title=N_("Hosts behind a split-tunnel VPN are out of reach for containers"),
    symptoms=(
        said(
            r"split.tunnel",
            N_("containers reach the internet, but no host behind the split-tunnel VPN"),
            r"분할 터널",
        ),
        said(
            r"internal network via VPN",
            N_("cannot reach the company's internal network via VPN from a container"),
            r"VPN.{0,20}사내망",
        ),
    ),
    cause=N_(
        "vmnet makes a NAT rule only for interfaces that have a default route. A split-tunnel VPN "
        "(Tunnelblick, OpenVPN, a company's client) has routes to its own networks only, so its "
        "tunnel gets no rule. It matters only where containers need the hosts behind it."
    ),
    cure=(
        Step(
            N_(
                "Load this tool's rules beside vmnet's; they cover every tunnel, and with it the "
                "hosts behind it."
            ),
            "invoke net.setup --always",
        ),
        Step(
            N_("See which interface leads to such a host. HOST is its name or address."),
            "route -n get HOST",
        ),
    ),
    auto="no",
    versions=N_("macOS 26.4.1 with container 0.12.3; reported since macOS 11 for other tools"),
    evidence=(
        issue(1519),
        issue(384, "openai/tart"),
        issue(3238, "utmapp/UTM"),
        issue(7207, "utmapp/UTM"),
        issue(495, "canonical/multipass"),
        issue(852, "Tunnelblick/Tunnelblick"),
    ),
    yields_to=("no-ipv6",),
)

# Destinations that every interface has, whatever is behind it.
_EVERYWHERE = tuple(map(IPv4Network, ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))


def recognise(case: Case) -> Finding:
    """A tunnel with routes of its own, and nobody translates on it: many healthy Macs have one."""
    served = case.served()
    if not served:
        return Finding(FAULT.id, ABSENT)
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
                _("no NAT rule for {subnet} on {uplink}").format(
                    subnet=bare[0], uplink=row.interface
                )
            )
    return Finding(FAULT.id, NOTE if evidence else ABSENT, tuple(dict.fromkeys(evidence))[:6])


def _addresses(case: Case, name: str) -> List[str]:
    found = next((i for i in need(case.facts.interfaces) if i.name == name), None)
    return [str(address.ip) for address in found.inet] if found else []
