"""container and vmnet disagree on the subnet."""

from __future__ import annotations

from faults.scenes.base import bridge, fault, fifteen

from simmac import Mac


@fault("macOS 15, another subnet", F13="present")
def _(mac: Mac) -> None:
    fifteen(mac)
    mac.vmnet_nat(False)
    mac.start_container()
    bridge(mac, [["192.168.105.1", 24]])
