"""After a reboot a container counts as running, without a network."""

from __future__ import annotations

from faults.scenes.base import fault, no_bridges

from simmac import Mac


@fault("running without a bridge", F37="present")
def _(mac: Mac) -> None:
    mac.start_container()
    no_bridges(mac)
