"""The macOS firewall blocks all incoming connections."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("firewall blocks all", F18="present")
def _(mac: Mac) -> None:
    mac.start_container()
    with mac.edit() as state:
        state["firewall"].update({"on": True, "block_all": True})
