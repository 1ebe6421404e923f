"""vmnet moved to another subnet, and the NAT rule has the old one."""

from __future__ import annotations

from faults.scenes.base import WEB, fault, forwarding, root

from simmac import Mac


@fault("rule for an old subnet", F15="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", f"nat on en0 from {WEB} to any -> (en0)\n")
    mac.foreign_enable("pfctl")
    with mac.edit() as state:
        state["container"]["networks"][0]["cidr"] = "192.168.65.0/24"
    mac.start_container()
    forwarding(mac, 1)
