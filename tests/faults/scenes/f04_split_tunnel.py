"""Hosts behind a split-tunnel VPN are out of reach for containers: a note."""

from __future__ import annotations

from faults.scenes.base import healthy, tunnel

from simmac import Mac


@healthy("split tunnel of nobody's concern")
def _(mac: Mac) -> None:
    mac.start_container()
    tunnel(mac, "10.60.0.0/16")
