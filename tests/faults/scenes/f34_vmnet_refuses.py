"""vmnet refuses to make a network."""

from __future__ import annotations

from faults.scenes.base import fault, log

from simmac import Mac


@fault("vmnet refuses", F34="present", below=("F33",))
def _(mac: Mac) -> None:
    mac.service("not running")
    log(mac, "failed to create vmnet network with status vmnet_return_t(rawValue: 1001)")
