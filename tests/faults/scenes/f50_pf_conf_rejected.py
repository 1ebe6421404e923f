"""pf rejects /etc/pf.conf, so none of it is loaded at boot."""

from __future__ import annotations

from faults.scenes.base import append, fault

from simmac import Mac

PF_CONF = "/private/etc/pf.conf"


@fault("nat line on top of pf.conf", F50="present")
def _(mac: Mac) -> None:
    mac.start_container()
    place = mac.path / PF_CONF.lstrip("/")
    line = "nat on en0 from 192.168.64.0/24 to any -> (en0)\n"
    place.write_text(line + place.read_text(encoding="utf-8"), encoding="utf-8")


@fault("nat line at the end of pf.conf", F50="present")
def _(mac: Mac) -> None:
    mac.start_container()
    append(mac, PF_CONF, "nat on en0 from 192.168.64.0/24 to any -> (en0)\n")


@fault("pf.conf with a slip, idle", F50="present")
def _(mac: Mac) -> None:
    append(mac, PF_CONF, "pas in all\n")
