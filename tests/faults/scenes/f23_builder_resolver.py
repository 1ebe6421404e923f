"""The builder keeps the resolver of an old subnet."""

from __future__ import annotations

from faults.scenes.base import container, fault

from simmac import Mac


@fault("builder's old resolver", F23="present")
def _(mac: Mac) -> None:
    mac.install_container("0.10.0")
    mac.start_container("buildkit")
    container(mac, "buildkit", dns=["192.168.65.1"])
