"""What was set up is gone after a reboot or an update of macOS."""

from __future__ import annotations

from faults.scenes.base import append, fault, task

from simmac import Mac


@fault("sysctl.conf ignored", F45="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    append(mac, "/private/etc/sysctl.conf", "net.inet.ip.forwarding=1\n")
    mac.reboot()
    mac.start_container()


@fault("setup gone with a reboot", F45="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")
    mac.reboot()
    mac.start_container()
