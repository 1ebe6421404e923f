"""A pf rule names a bridge that does not exist at boot."""

from __future__ import annotations

from faults.scenes.base import append, fault

from simmac import Mac


@fault("rule names a bridge", F47="present")
def _(mac: Mac) -> None:
    append(mac, "/private/etc/pf.conf", "pass quick on bridge100 from bridge100:network to any\n")
