"""TLS fails behind a company's proxy."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("TLS inspected", F42="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    mac.curl(60)
    with mac.edit() as state:
        state["proxy"]["HTTPSEnable"] = 1
