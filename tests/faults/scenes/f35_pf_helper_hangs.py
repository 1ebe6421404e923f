"""pf's helper hangs, and every container command with it."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("pf hangs", F35="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container")
    mac.hang("pfctl")


@fault("container hangs", F35="possible", F36="possible")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container")
