"""The NAT rule names an interface that is no longer the uplink."""

from __future__ import annotations

from faults.scenes.base import fault, forwarding

from simmac import Mac


@fault("static rule, then dock", F14="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    forwarding(mac, 1)
    mac.foreign_enable("pfctl")
    mac.reload_main("nat on en0 from 192.168.64.0/24 to any -> (en0)\n")
    mac.dock()
