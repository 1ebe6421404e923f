"""container's service is not running."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("service not started", F33="present")
def _(mac: Mac) -> None:
    mac.service("unregistered")


@fault("service not running, 0.8", F33="present")
def _(mac: Mac) -> None:
    mac.install_container("0.8.0")
    mac.service("not running")
