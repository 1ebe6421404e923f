"""What only a container can show: IPv6, TLS, packet sizes (faults.md, 1 E)."""

from __future__ import annotations

import re

from ..env import prefers_ipv4
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, need, quote
from .way import tunnel

__all__ = ["GUEST"]

# curl's exit codes (its man page): TLS that does not come about, a certificate nobody knows.
_TLS = ("35", "60")
_INSPECTS = re.compile(r"zscaler|netskope|umbrella|forcepoint|palo ?alto", re.IGNORECASE)
# container's own default; every uplink takes Ethernet's 1500 but a tunnel.
_DEFAULT_MTU, _ETHERNET_MTU = 1280, 1500


def f39(case: Case) -> Finding:
    """HTTPS works over IPv4 and not over IPv6, and the image does not prefer IPv4."""
    return _ipv6(case, "F39")


def f40(case: Case) -> Finding:
    """The same: the program, or the path."""
    return _ipv6(case, "F40")


def _ipv6(case: Case, fault: str) -> Finding:
    guest = case.guest()
    if guest is None or guest.state("https4") != "ok" or guest.state("https6") != "failed":
        return Finding(fault, ABSENT)
    image = case.extra.image.value if case.extra.image is not None else None
    if image is not None and any(map(prefers_ipv4, image.env or ())):
        # IPv6 leads nowhere on most Macs; this image does not mind.
        return Finding(fault, ABSENT)
    return Finding(
        fault,
        POSSIBLE,
        (case.row("https4"), case.row("https6")),
        apart=("F40" if fault == "F39" else "F39",),
    )


def f41(case: Case) -> Finding:
    """A container has packets larger than its uplink takes."""
    if not case.served():
        return Finding("F41", ABSENT)
    sizes = [a for a in need(case.extra.attachments) if a.running and a.mtu is not None]
    large = [a for a in sizes if a.mtu is not None and a.mtu > _DEFAULT_MTU]
    if not large:
        return Finding("F41", ABSENT)
    worst = max(large, key=lambda a: a.mtu or 0)
    told = quote(case.extra.attachments, f"{worst.container}: mtu {worst.mtu}")
    if (worst.mtu or 0) > _ETHERNET_MTU:
        return Finding("F41", PRESENT, (told,))
    vpn = tunnel(case)
    if vpn is None:
        return Finding("F41", ABSENT)
    return Finding("F41", POSSIBLE, (told, quote(case.facts.public_route, f"interface: {vpn}")))


def f42(case: Case) -> Finding:
    """TLS does not come about in a container, and the Mac has a proxy or an inspecting filter."""
    guest = case.guest()
    if guest is None or guest.state("https4") != "failed":
        return Finding("F42", ABSENT)
    if guest.rows["https4"].detail not in _TLS:
        return Finding("F42", ABSENT)
    seen = case.row("https4")
    proxies = case.extra.proxy.value or {}
    told = [f"{key} : {proxies[key]}" for key in ("HTTPEnable", "HTTPSEnable") if key in proxies]
    if any(line.endswith(" : 1") for line in told):
        return Finding("F42", PRESENT, (seen, quote(case.extra.proxy, ", ".join(told))))
    filters = [name for name in case.extra.extensions.value or () if _INSPECTS.search(name)]
    if filters:
        return Finding("F42", PRESENT, (seen, quote(case.extra.extensions, filters[0])))
    return Finding("F42", POSSIBLE, (seen,))


GUEST = {"F39": f39, "F40": f40, "F41": f41, "F42": f42}
