"""Two networks share one bridge, and stopping one cuts off the other."""

from __future__ import annotations

from faults.scenes.base import bridge, fault, no_bridges

from simmac import Mac


@fault("one bridge for two", F08="present")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    mac.start_container("other", network="more")
    with mac.edit() as state:
        state["interfaces"] = [i for i in state["interfaces"] if i["name"] != "bridge101"]
    bridge(mac, [["192.168.64.1", 24], ["192.168.65.1", 24]])


@fault("bridge gone, two networks", F08="possible", F37="possible")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    no_bridges(mac)
