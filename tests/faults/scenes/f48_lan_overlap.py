"""The container network overlaps the local network."""

from __future__ import annotations

from faults.scenes.base import fault, root

from simmac import Mac


@fault("LAN has the same addresses", F48="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.change_address("en0", "192.168.64.37")


@fault("isolation table holds the LAN", F48="present")
def _(mac: Mac) -> None:
    mac.start_container()
    anchor = "com.apple.internet-sharing/network_isolation"
    table = "table <network_isolation_table_v4> persist { 192.168.64.0/24 192.168.0.0/16 }\n"
    rule = "block drop quick inet from <network_isolation_table_v4> to <network_isolation_table_v4>"
    root(mac, f"/sbin/pfctl -a {anchor} -f -", table + rule + "\n")
