"""A VPN carries all traffic, and vmnet's NAT does not follow it."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("VPN after the container", F03="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on()


@fault("VPN of two halves", F03="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on(full=False)


@fault("VPN gone again", F03="present")
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    mac.vpn_off()


@fault("dead under a VPN", F03="possible", F05="possible", probe=True)
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    mac.internet(False, "utun4")


@fault("dead without a VPN", F03="possible", F07="possible", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    mac.internet(False, "en0")
