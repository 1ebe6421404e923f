"""vmnet's NAT is stale after a change of network."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, POSSIBLE, Case, Finding
from .common import PERSIST, RESTART, SETUP, VPN_HISTORY
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue
from .way import by_pairs, tunnel, whole_and_dead

FAULT = Fault(
    id="F07",
    name="stale-nat",
    section="way",
    title=N_("vmnet's NAT is stale after a change of network"),
    symptoms=(
        Symptom(r"curl: \(28\)", "curl: (28) Failed to connect to example.com port 443"),
        said(
            r"only .{0,20}reboot.{0,2} help",
            N_("containers went offline after a change of network, and only a reboot helps"),
            r"재부팅해야만",
        ),
        said(
            r"router .{0,20}restart",
            N_("containers are offline since the router was restarted"),
            r"공유기.{0,20}다시 시작",
        ),
    ),
    cause=N_(
        "The router restarted, the address changed or the Wi-Fi was switched, and vmnet's NAT rule "
        "still names an interface or an address of before. The Mac itself is online; building the "
        "container anew does not help."
    ),
    cure=(
        SETUP,
        PERSIST,
        RESTART,
        Step(N_("If that does not help either, reboot the Mac: for some users only that did.")),
    ),
    auto="ask",
    versions=N_("macOS 26; container 1.1.0"),
    evidence=(issue(1986),),
    consequence_of=("ruleset-replaced", "vpn-not-followed"),
    distinguish=(Distinguish("vpn-not-followed", VPN_HISTORY),),
    yields_to=("old-uplink",),
)


def recognise(case: Case) -> Finding:
    """vmnet's rule names an interface of before; or all is right and nothing gets out."""
    found = by_pairs(case, FAULT)
    if found.state != ABSENT:
        return found
    dead = whole_and_dead(case)
    if dead and tunnel(case) is None:
        return Finding(FAULT.id, POSSIBLE, dead, apart=("vpn-not-followed",))
    return found
