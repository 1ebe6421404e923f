"""The VPN client's own filter blocks containers."""

from __future__ import annotations

from faults.scenes.base import fault, root

from simmac import Mac

VPN_BLOCK = """\
scrub-anchor "com.apple/*"
scrub-anchor "com.apple.internet-sharing"
nat-anchor "com.apple/*"
nat-anchor "com.apple.internet-sharing"
rdr-anchor "com.apple/*"
rdr-anchor "com.apple.internet-sharing"
anchor "com.apple/*"
anchor "com.apple.internet-sharing"
block drop quick on utun4 from any to any ! tagged cisco_anyconnect_vpn_pass
"""


@fault("VPN client's pf rule", F05="present")
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    assert mac.reload_main(VPN_BLOCK)


@fault("VPN client's anchor", F05="present", probe=True)
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    root(mac, "/sbin/pfctl -a mullvad -f -", "block drop quick on utun4 all\n")
    mac.internet(False, "utun4")
