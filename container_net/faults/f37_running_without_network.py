"""After a reboot a container counts as running, without a network."""

from __future__ import annotations

from ..text import N_
from .bridges import homeless, without_bridge
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, need
from .common import RESTART, STOPPED_OR_REBOOTED
from .fault import Distinguish, Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F37",
    name="running-without-network",
    section="service",
    title=N_("After a reboot a container counts as running, without a network"),
    symptoms=(
        said(
            r"reboot.{0,20} gateway is dead",
            N_("after a reboot the gateway is dead and `container stop` hangs"),
            r"재부팅.{0,20}게이트웨이",
        ),
    ),
    cause=N_(
        "The helper of a custom network was not connected again after the reboot. The list shows "
        "the container as running, and there is no bridge for it."
    ),
    cure=(
        RESTART,
        Step(
            N_(
                "If the network stays dead, delete it and make it anew. NAME is the network, "
                "SUBNET its subnet."
            ),
            "container network delete NAME && container network create --subnet SUBNET NAME",
        ),
    ),
    auto="ask",
    versions=N_("container 0.10"),
    evidence=(issue(1321),),
    distinguish=(Distinguish("shared-bridge", STOPPED_OR_REBOOTED),),
    yields_to=("asked-as-root",),
)


def recognise(case: Case) -> Finding:
    """A container counts as running, and its network has no bridge."""
    if case.stopped or (need(case.facts.os_version) and case.system == 15):
        return Finding(FAULT.id, ABSENT)
    lost = without_bridge(case)
    if not lost:
        return Finding(FAULT.id, ABSENT)
    networks = [n for n in need(case.facts.networks) if n.mode != "hostOnly"]
    evidence = homeless(case, lost[0])
    fill = tuple(
        pair
        for n in networks
        if n.id == lost[0].network
        for pair in (("NAME", n.id), ("SUBNET", str(n.cidr)))
    )
    if len(networks) > 1:
        return Finding(FAULT.id, POSSIBLE, evidence, apart=("shared-bridge",), fill=fill)
    return Finding(FAULT.id, PRESENT, evidence, fill=fill)
