"""container was asked as root, whose services are not the user's."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("asked as root", F38="present")
def _(mac: Mac) -> None:
    mac.service("unregistered")
    mac.garble("/usr/bin/id", "0\n")
