"""The Mac sends packets for a container to the wrong interface."""

from __future__ import annotations

from faults.scenes.base import fault, tunnel

from simmac import Mac


@fault("container's route taken", F06="present")
def _(mac: Mac) -> None:
    mac.start_container()
    tunnel(mac, "192.168.64.0/25")
