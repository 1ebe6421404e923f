"""The Mac's default route leads to a VM's bridge."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("default route on the bridge", F51="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.garble("/sbin/route", "   route to: default\n  interface: bridge100\n")
