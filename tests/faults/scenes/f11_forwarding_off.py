"""IP forwarding is off."""

from __future__ import annotations

from faults.scenes.base import fault, forwarding

from simmac import Mac


@fault("forwarding off", F11="present")
def _(mac: Mac) -> None:
    mac.start_container()
    forwarding(mac, 0)
