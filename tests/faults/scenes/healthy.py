"""States in which nothing is broken."""

from __future__ import annotations

from faults.scenes.base import WEB, always, fifteen, filter, healthy, root, task, tunnel, two

from simmac import Mac


@healthy("VPN after setup")
def _(mac: Mac) -> None:
    always(mac)
    mac.vpn_on()


@healthy("dock after setup")
def _(mac: Mac) -> None:
    always(mac)
    mac.dock()


@healthy("plain vmnet")
def _(mac: Mac) -> None:
    mac.start_container()


@healthy("ours after setup")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")


@healthy("ours after persist", probe=False)
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "persist")


@healthy("ours bridges a reload over")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.reload_main()
    task(mac, "setup")


@healthy("another tool bridges it over")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.reload_main()
    rule = f"nat on en0 from {WEB} to any -> (en0)\n"
    root(mac, "/sbin/pfctl -a com.apple/yolo-vmnet-nat -f -", rule)


@healthy("VPN before the container")
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()


@healthy("VPN with ours")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on()
    task(mac, "setup")


@healthy("VPN of two halves with ours")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on(full=False)
    task(mac, "setup")


@healthy("two uplinks")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.dock()


@healthy("host-only beside NAT")
def _(mac: Mac) -> None:
    two(mac)


@healthy("two NAT networks")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    mac.start_container("other", network="more")


@healthy("two NAT networks, one in use")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()


@healthy("no container runs")
def _(mac: Mac) -> None:
    del mac


@healthy("container is not installed")
def _(mac: Mac) -> None:
    mac.install_container(None)


@healthy("without sudo")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.refuse_sudo()


@healthy("filters and a firewall")
def _(mac: Mac) -> None:
    mac.start_container()
    filter(mac, "com.example.lulu.extension", "LuLu")
    with mac.edit() as state:
        state["firewall"].update({"on": True, "stealth": True})


@healthy("a managed firewall")
def _(mac: Mac) -> None:
    mac.start_container()
    with mac.edit() as state:
        state["firewall"].update({"on": True, "managed": True})


@healthy("programs that are not there")
def _(mac: Mac) -> None:
    mac.start_container()
    for name in ("usr/sbin/lsof", "usr/sbin/scutil", "usr/bin/systemextensionsctl"):
        (mac.path / name).unlink()


@healthy("macOS 15 with ours")
def _(mac: Mac) -> None:
    fifteen(mac)
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")


@healthy("split tunnel with ours", probe=False)
def _(mac: Mac) -> None:
    mac.start_container()
    tunnel(mac, "10.60.0.0/16")
    rule = f"nat on utun5 from {WEB} to any -> (utun5)\n"
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule)
