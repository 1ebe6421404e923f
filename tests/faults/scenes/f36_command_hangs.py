"""One container command hangs and holds up the others."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("one command hangs", F36="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container network list")
