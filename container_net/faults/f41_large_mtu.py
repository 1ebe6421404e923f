"""Large transfers stall because of an `mtu=` of your own."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said
from .sources import pull
from .way import tunnel

FAULT = Fault(
    id="F41",
    name="large-mtu",
    section="ipv6",
    title=N_("Large transfers stall because of an `mtu=` of your own"),
    symptoms=(
        Symptom(r"\bmtu=\d{4,5}\b", "container run --network default,mtu=9000"),
        Symptom(r"SSL connection timeout", "curl: (28) SSL connection timeout"),
        said(
            r"large .{0,30}stall",
            N_("large transfers stall, small ones pass"),
            r"큰 .{0,20}전송",
        ),
    ),
    cause=N_(
        "container uses packets of 1280 bytes at most, which pass everywhere. A larger `mtu=` on "
        "`--network` makes packets that a VPN or a router on the way drops."
    ),
    cure=(
        Step(
            N_("Start the container without `mtu=`. IMAGE is your image."),
            "container run --network default IMAGE",
        ),
    ),
    auto="no",
    versions=N_("container 0.11.0 and later, which have `mtu=`"),
    evidence=(pull(45), pull(1110), pull(1267)),
    yields_to=("internal-leaks",),
)

# container's own default; every uplink takes Ethernet's 1500 but a tunnel.
_DEFAULT_MTU, _ETHERNET_MTU = 1280, 1500


def recognise(case: Case) -> Finding:
    """A container has packets larger than its uplink takes."""
    if not case.served():
        return Finding(FAULT.id, ABSENT)
    sizes = [a for a in need(case.extra.attachments) if a.running and a.mtu is not None]
    large = [a for a in sizes if a.mtu is not None and a.mtu > _DEFAULT_MTU]
    if not large:
        return Finding(FAULT.id, ABSENT)
    worst = max(large, key=lambda a: a.mtu or 0)
    told = quote(case.extra.attachments, f"{worst.container}: mtu {worst.mtu}")
    if (worst.mtu or 0) > _ETHERNET_MTU:
        return Finding(FAULT.id, PRESENT, (told,))
    vpn = tunnel(case)
    if vpn is None:
        return Finding(FAULT.id, ABSENT)
    return Finding(FAULT.id, POSSIBLE, (told, quote(case.facts.public_route, f"interface: {vpn}")))
