"""An image has the address of an old resolver written into it."""

from __future__ import annotations

from faults.scenes.base import fault, guest

from simmac import Mac


@fault("image's old resolver", F24="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    guest(mac, resolver="192.168.1.1")
