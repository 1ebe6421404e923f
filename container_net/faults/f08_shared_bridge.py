"""Two networks share one bridge, and stopping one cuts off the other."""

from __future__ import annotations

from ..text import N_
from .bridges import container_bridges, homeless, without_bridge
from .case import ABSENT, POSSIBLE, PRESENT, Case, Contradiction, Finding, need, quote
from .common import RESTART, STOPPED_OR_REBOOTED
from .fault import Distinguish, Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F08",
    name="shared-bridge",
    section="way",
    title=N_("Two networks share one bridge, and stopping one cuts off the other"),
    symptoms=(
        said(
            r"second network.{0,40}stop",
            N_("when the second network's container stops, the first network goes offline"),
            r"두 번째 네트워크.{0,40}멈",
        ),
    ),
    cause=N_(
        "container gave two NAT networks the same bridge interface. When the last container of one "
        "stops, the bridge goes away under the other."
    ),
    cure=(
        RESTART,
        Step(N_("Until this is mended in container, keep one container running in each network.")),
    ),
    auto="no",
    versions=N_("container 1.2 to 1.5.0; macOS 26 and 27"),
    evidence=(issue(2051), issue(953)),
    distinguish=(Distinguish("running-without-network", STOPPED_OR_REBOOTED),),
    yields_to=("subnet-disagrees",),
)


def recognise(case: Case) -> Finding:
    """Two NAT networks on one bridge; or a bridge is gone under a network of several."""
    if case.stopped or (need(case.facts.os_version) and case.system == 15):
        return Finding(FAULT.id, ABSENT)
    networks = [n for n in need(case.facts.networks) if n.mode != "hostOnly" and n.gateway]
    gateways = {n.gateway: n for n in networks}
    if len(gateways) < len(networks):
        raise Contradiction(*(quote(case.facts.networks, f"{n.id}: {n.gateway}") for n in networks))
    for bridge in container_bridges(case):
        shared = [gateways[a.ip] for a in bridge.inet if a.ip in gateways]
        if len(shared) > 1:
            told = ", ".join(f"{n.gateway} ({n.id})" for n in shared)
            return Finding(
                FAULT.id, PRESENT, (quote(case.facts.interfaces, f"{bridge.name}: {told}"),)
            )
    lost = without_bridge(case)
    if lost and len(networks) > 1:
        return Finding(
            FAULT.id, POSSIBLE, homeless(case, lost[0]), apart=("running-without-network",)
        )
    return Finding(FAULT.id, ABSENT)
