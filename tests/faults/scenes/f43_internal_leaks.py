"""A container on an internal network reaches the internet."""

from __future__ import annotations

from faults.scenes.base import fault, root, two

from simmac import Mac


@fault("host-only leaks", F43="present")
def _(mac: Mac) -> None:
    two(mac)
    rule = "nat on en0 from 192.168.0.0/16 to any -> (en0)\n"
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule)


@fault("host-only leaks by a rule for all", F43="present")
def _(mac: Mac) -> None:
    two(mac)
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", "nat on en0 from any to any -> (en0)\n")
