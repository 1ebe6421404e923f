"""Your own pf rules vanish when a container starts."""

from __future__ import annotations

from faults.scenes.base import append, fault

from simmac import Mac


@fault("own pf rules gone", F02="present")
def _(mac: Mac) -> None:
    append(mac, "/private/etc/pf.conf", "pass in quick on en0 inet proto tcp from any to any\n")
    assert mac.load_pf_conf()
    mac.start_container()
