"""The main pf ruleset was reloaded, and vmnet's NAT is cut off."""

from __future__ import annotations

from faults.scenes.base import always, fault, root, task

from simmac import Mac


@fault("ruleset reloaded", F01="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.reload_main()


@fault("the guide's one line", F01="present")
def _(mac: Mac) -> None:
    # `echo nat… | pfctl -ef -` for an uplink that the Mac does not use now.
    mac.start_container()
    mac.reload_main("nat on en1 from 192.168.64.0/24 to any -> (en1)\n")


@fault("dns create", F01="present")
def _(mac: Mac) -> None:
    mac.start_container()
    assert mac.dns_create("test")


def _went_with_sharing(mac: Mac) -> None:
    """vmnet takes Apple's calls along; its own rule then does not follow the VPN."""
    mac.vmnet_manner("owner")
    always(mac)
    mac.start_container()
    mac.stop_container()
    mac.start_container()
    mac.vpn_on()


@fault("Apple's calls went with sharing", F01="present")
def _(mac: Mac) -> None:
    _went_with_sharing(mac)


@fault("Apple's calls went with sharing, but for the firewall's", F01="present")
def _(mac: Mac) -> None:
    root(mac, "/sbin/pfctl -a com.apple/250.ApplicationFirewall -f -", "pass quick on lo0 all\n")
    _went_with_sharing(mac)


@fault("ours is called no more", F01="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")
    mac.reload_main("pass all\n")
