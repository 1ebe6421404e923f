"""Another vmnet program runs beside container, and both lose the network."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("another program on vmnet", F09="present")
def _(mac: Mac) -> None:
    mac.install_container("0.9.0")
    mac.start_container()
    with mac.edit() as state:
        first = next(i for i in state["interfaces"] if i["members"])
        more = {"name": "bridge105", "members": ["vmenet9"], "inet": [["192.168.205.1", 24]]}
        state["interfaces"].append({**first, **more})
