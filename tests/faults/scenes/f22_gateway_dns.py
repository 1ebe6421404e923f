"""The gateway's resolver does not answer."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("gateway resolves nothing", F22="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    mac.guest_dns(False)
