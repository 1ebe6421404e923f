"""A VPN carries all traffic, and vmnet's NAT does not follow it."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, POSSIBLE, Case, Finding
from .common import CLIENT_FILTER, PACKET_LOSS, PERSIST, SETUP, VPN_HISTORY
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue, pull
from .way import by_pairs, client_filter, tunnel, vpn_anchor, whole_and_dead

FAULT = Fault(
    id="F03",
    name="vpn-not-followed",
    section="way",
    title=N_("A VPN carries all traffic, and vmnet's NAT does not follow it"),
    symptoms=(
        Symptom(r"SYN.SENT", "SYN-SENT 0 1 192.168.64.3:51514 1.1.1.1:443"),
        Symptom(r"curl: \(28\)", "curl: (28) Failed to connect to 1.1.1.1 port 443"),
        PACKET_LOSS,
        said(
            r"after turning on .{0,20}VPN",
            N_("no network in containers after turning on a VPN"),
            r"VPN.{0,30}켠",
        ),
        said(
            r"exit node",
            N_("containers are offline while a Tailscale exit node is in use"),
            r"출구 노드",
        ),
    ),
    cause=N_(
        "vmnet tied its NAT to the interface that led to the internet when its network was set "
        "up. The default route now goes through a VPN tunnel (utun), for which vmnet has no rule. "
        "Often it does not recover when the VPN is off again."
    ),
    cure=(
        SETUP,
        PERSIST,
        Step(
            N_(
                "Or connect the VPN first, and then restart the service, so that vmnet builds its "
                "NAT for the tunnel. This stops all containers."
            ),
            "container stop --all && container system stop && container system start",
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("macOS 26 and 27; container 0.9 and later"),
    evidence=(
        issue(1307),
        issue(723, "apple/containerization"),
        issue(1881),
        pull(1666),
        issue(1007, "trycua/cua"),
        issue(7561, "utmapp/UTM"),
        "vphone-cli (documentation)",
    ),
    distinguish=(Distinguish("vpn-filter", CLIENT_FILTER), Distinguish("stale-nat", VPN_HISTORY)),
    yields_to=("macos-15-no-nat",),
)


def recognise(case: Case) -> Finding:
    """A tunnel carries the traffic, and vmnet has a rule for another interface only."""
    sure = by_pairs(case, FAULT)
    if sure.state != ABSENT:
        return sure
    dead = whole_and_dead(case)
    if not dead or client_filter(case) or vpn_anchor(case):
        return sure
    return Finding(
        FAULT.id, POSSIBLE, dead, apart=("vpn-filter",) if tunnel(case) else ("stale-nat",)
    )
