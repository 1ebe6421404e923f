"""macOS 15 gives containers no NAT."""

from __future__ import annotations

from faults.scenes.base import fault, fifteen

from simmac import Mac


@fault("macOS 15", F12="present")
def _(mac: Mac) -> None:
    fifteen(mac)
    mac.vmnet_nat(False)
    mac.start_container()
