"""Large transfers stall because of an `mtu=` of your own."""

from __future__ import annotations

from faults.scenes.base import container, fault

from simmac import Mac


@fault("large mtu", F41="present")
def _(mac: Mac) -> None:
    mac.start_container()
    container(mac, mtu=9000)
