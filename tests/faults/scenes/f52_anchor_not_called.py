"""A NAT rule stands in an anchor that pf never looks at."""

from __future__ import annotations

from faults.scenes.base import WEB, fault, forwarding, root

from simmac import Mac


@fault("nat in an anchor that only a filter line calls", F52="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    forwarding(mac, 1)
    root(mac, "/sbin/pfctl -a nat-mine -f -", f"nat on en0 from {WEB} to any -> (en0)\n")
    place = mac.path / "private/etc/pf.conf"
    conf = place.read_text(encoding="utf-8")
    place.write_text(conf + 'anchor "nat-mine"\n', encoding="utf-8")
    assert mac.load_pf_conf()
    root(mac, "/sbin/pfctl -E")
