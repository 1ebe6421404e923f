"""Container names resolve on the Mac only now and then."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("container's resolver silent", F25="present")
def _(mac: Mac) -> None:
    mac.start_container()
    assert mac.dns_create("cont", None)
