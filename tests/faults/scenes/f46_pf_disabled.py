"""The rule is loaded, but pf is off."""

from __future__ import annotations

from faults.scenes.base import fault, task

from simmac import Mac


@fault("pf off", F46="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.foreign_disable()


@fault("ours, and pf off", F46="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")
    mac.foreign_disable()
