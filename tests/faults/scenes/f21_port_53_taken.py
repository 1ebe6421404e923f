"""A local resolver holds port 53, and containers get no DNS."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac

MDNS4 = ("mDNSResponder", "IPv4")


def _sockets(mac: Mac, command: str) -> None:
    with mac.edit() as state:
        rows = [r for r in state["sockets"] if (r["command"], r["family"]) != MDNS4]
        for protocol in ("UDP", "TCP"):
            row = {"command": command, "pid": 512, "user": "root", "family": "IPv4"}
            rows.append({**row, "proto": protocol, "address": "127.0.0.1", "port": 53})
        state["sockets"] = rows


@fault("dnsmasq holds port 53", F21="present")
def _(mac: Mac) -> None:
    mac.start_container()
    _sockets(mac, "dnsmasq")


@fault("dnsmasq, from inside", F21="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    _sockets(mac, "dnsmasq")
    mac.guest_dns(False)
