"""/etc/pf.conf loads an anchor file that is not there."""

from __future__ import annotations

from faults.scenes.base import append, fault

from simmac import Mac


@fault("anchor's file gone", F49="present")
def _(mac: Mac) -> None:
    mac.start_container()
    append(mac, "/private/etc/pf.conf", 'load anchor "mine" from "/etc/pf.anchors/mine"\n')


@fault("anchor's file gone, idle", F49="present")
def _(mac: Mac) -> None:
    append(mac, "/private/etc/pf.conf", 'load anchor "mine" from "/etc/pf.anchors/mine"\n')
