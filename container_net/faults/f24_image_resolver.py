"""An image has the address of an old resolver written into it."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding
from .fault import Fault, Step, said
from .sources import pull

FAULT = Fault(
    id="F24",
    name="image-resolver",
    section="names",
    title=N_("An image has the address of an old resolver written into it"),
    symptoms=(
        said(
            r"names time out",
            N_("names time out in one image only, since the network changed"),
            r"이름.{0,20}시간 ?초과",
        ),
        said(
            r"resolv\.conf",
            N_("resolv.conf in the container names an old address"),
            r"resolv\.conf",
        ),
    ),
    cause=N_(
        "An image or a tool wrote the Mac's resolver into the container. After a change of "
        "network that address does not answer any more."
    ),
    cure=(
        Step(
            N_("Compare the resolver in the container with the gateway. NAME is the container."),
            "container exec NAME cat /etc/resolv.conf && container network list",
        ),
        Step(N_("Take the address out of the image; container puts the gateway in by itself.")),
    ),
    auto="no",
    versions=N_("independent of the version"),
    evidence=(pull(252, "agentcage/agentcage"),),
    yields_to=("lan-overlap",),
    needs_probe=True,
)


def recognise(case: Case) -> Finding:
    """The image names a resolver of its own, which does not answer; the gateway's does."""
    guest = case.guest()
    if guest is None or "resolver" not in guest.rows:
        return Finding(FAULT.id, ABSENT)
    named = guest.rows["resolver"].detail
    gateways = {str(s.gateway) for s in case.desired.nat_subnets}
    if named in gateways or guest.state("dns-gateway") != "ok":
        return Finding(FAULT.id, ABSENT)
    if guest.state("dns-own") != "failed":
        return Finding(FAULT.id, ABSENT)
    return Finding(
        FAULT.id,
        PRESENT,
        tuple(case.row(name) for name in ("resolver", "dns-own", "dns-gateway")),
    )
