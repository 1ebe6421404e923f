"""vmnet's NAT is stale after a change of network."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("stale after the dock", F07="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.stale_vmnet()
    mac.dock()
