"""Ping works, but every TCP connection times out."""

from __future__ import annotations

from faults.scenes.base import fault, filter, guest

from simmac import Mac


@fault("TCP dead, no filter", F17="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    guest(mac, tcp_dead=True)


@fault("TCP dead, a filter", F17="possible", F19="possible", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    guest(mac, tcp_dead=True)
    filter(mac, "com.example.lulu.extension", "LuLu")
