"""The VPN client's own filter blocks containers."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, quote
from .common import CLIENT_FILTER
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue, pull
from .way import client_filter, pairs, tunnel, vpn_anchor, whole_and_dead

FAULT = Fault(
    id="F05",
    name="vpn-filter",
    section="way",
    title=N_("The VPN client's own filter blocks containers"),
    symptoms=(
        Symptom(r"cisco_anyconnect_vpn_pass", "block drop all ! tagged cisco_anyconnect_vpn_pass"),
        Symptom(
            r"\bPackets: 0 ",
            "[ Evaluations: 283       Packets: 0         Bytes: 0           States: 0     ]",
        ),
        said(r"\bMullvad\b", N_("Mullvad is connected and containers are offline"), r"\bMullvad"),
        said(r"\bNordVPN\b", N_("NordVPN is connected and containers are offline"), r"\bNordVPN"),
    ),
    cause=N_(
        "The route and the NAT rule are right, but the VPN client drops packets that are not the "
        "Mac's own: with pf rules of its own (Cisco, Mullvad) or with a network filter (NordLynx). "
        "No setting of macOS can lift that from outside."
    ),
    cure=(
        Step(
            N_(
                "No cure on the Mac's side is known. What you can do, in the VPN client: allow "
                "local network access, exclude the container subnet (split tunnelling), or switch "
                "the kill switch off. On a company's Mac, ask the administrator."
            )
        ),
        Step(
            N_("See which anchors and rules are loaded, to show the VPN's support."),
            "sudo pfctl -s Anchors && sudo pfctl -v -s rules",
        ),
    ),
    auto="none",
    versions=N_("macOS 14 to 27"),
    evidence=(
        pull(1666),
        issue(345),
        issue(5213, "mullvad/mullvadvpn-app"),
        issue(10498, "mullvad/mullvadvpn-app"),
        issue(1881),
    ),
    distinguish=(Distinguish("vpn-not-followed", CLIENT_FILTER),),
    yields_to=("stale-nat",),
)


def recognise(case: Case) -> Finding:
    """Route and rule are right, and the VPN client's own filter drops what is not the Mac's."""
    if not case.served() or tunnel(case) is None or any(p.fault for p in pairs(case)):
        return Finding(FAULT.id, ABSENT)
    way = quote(case.facts.public_route, f"interface: {tunnel(case)}")
    block = client_filter(case)
    if block:
        return Finding(FAULT.id, PRESENT, (way, block))
    dead = whole_and_dead(case)
    if not dead:
        return Finding(FAULT.id, ABSENT)
    anchor = vpn_anchor(case)
    if anchor:
        return Finding(FAULT.id, PRESENT, (way, anchor, *dead))
    return Finding(FAULT.id, POSSIBLE, (way, *dead), apart=("vpn-not-followed",))
