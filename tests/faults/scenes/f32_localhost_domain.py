"""The localhost domain works no more after a reboot."""

from __future__ import annotations

from faults.scenes.base import fault, root

from simmac import Mac


@fault("redirects gone", F32="present")
def _(mac: Mac) -> None:
    assert mac.dns_create("test")
    root(mac, "/sbin/pfctl -a com.apple.container -F all")
    mac.start_container()
