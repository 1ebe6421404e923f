"""A simulated Mac for each fault that command output shows, and for each healthy state."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from invoke.config import Config
from invoke.context import Context

from container_net.machine import Machine
from container_net.report import Screen
from container_net.session import Session
from container_net.settings import Settings
from container_net.simmac import Mac

__all__ = ["FAULTS", "HEALTHY", "Scene", "machine_of"]

WEB = "192.168.64.0/24"
MDNS4 = ("mDNSResponder", "IPv4")


def machine_of(mac: Mac) -> Machine:
    """The Machine of a simulated Mac that answers in this process."""
    config = Config(overrides={"runners": {"local": mac.runner()}})
    return Machine(Context(config), str(mac.path))


@dataclass(frozen=True)
class Scene:
    """What happens to an idle Mac, and the states of faults that must be told.

    `below` are faults that are told below another one, as its consequences.
    """

    name: str
    play: Callable[[Mac], None]
    expect: Mapping[str, str] = field(default_factory=dict)
    probe: bool = False
    below: Tuple[str, ...] = ()


FAULTS: List[Scene] = []
HEALTHY: List[Scene] = []


def _fault(
    name: str, *, probe: bool = False, below: Tuple[str, ...] = (), **expect: str
) -> Callable[[Callable[[Mac], None]], Callable[[Mac], None]]:
    def add(play: Callable[[Mac], None]) -> Callable[[Mac], None]:
        FAULTS.append(Scene(name, play, expect, probe, below))
        return play

    return add


def _healthy(
    name: str, *, probe: Optional[bool] = None
) -> Callable[[Callable[[Mac], None]], Callable[[Mac], None]]:
    def add(play: Callable[[Mac], None]) -> Callable[[Mac], None]:
        for with_probe in (False, True) if probe is None else (probe,):
            HEALTHY.append(Scene(name + (", probe" if with_probe else ""), play, {}, with_probe))
        return play

    return add


# -- pieces


def root(mac: Mac, command: str, stdin: str = "") -> None:
    words = ["/usr/bin/sudo", "-n", *shlex.split(command)]
    assert mac.answer(words, stdin.encode()).code == 0, command


def append(mac: Mac, path: str, text: str) -> None:
    place = mac.path / path.lstrip("/")
    before = place.read_text(encoding="utf-8") if place.exists() else ""
    place.write_text(before + text, encoding="utf-8")


def system(mac: Mac, version: str) -> None:
    with mac.edit() as state:
        state["os"]["version"] = version


def guest(mac: Mac, **values: Any) -> None:
    with mac.edit() as state:
        state["guest"].update(values)


def container(mac: Mac, name: str = "web", **values: Any) -> None:
    with mac.edit() as state:
        next(i for i in state["container"]["containers"] if i["id"] == name).update(values)


def log(mac: Mac, line: str) -> None:
    with mac.edit() as state:
        state["container"]["logs"].append(line)


def forwarding(mac: Mac, value: int) -> None:
    root(mac, f"/usr/sbin/sysctl -w net.inet.ip.forwarding={value}")


def bridge(mac: Mac, inet: List[List[Any]]) -> None:
    """The first bridge gets other addresses."""
    with mac.edit() as state:
        next(i for i in state["interfaces"] if i["members"])["inet"] = inet


def no_bridges(mac: Mac) -> None:
    with mac.edit() as state:
        state["interfaces"] = [
            i for i in state["interfaces"] if not i["members"] and "vmenet" not in i["name"]
        ]


def tunnel(mac: Mac, route: str) -> None:
    """A company's VPN with one route of its own."""
    mac.add_interface("utun5", "10.50.0.9", 32)
    with mac.edit() as state:
        state["routes"].append([route, "utun5"])


def task(mac: Mac, name: str, **values: Any) -> None:
    """One of the tool's own tasks."""
    given = {"yes": True, **values}
    session = Session(machine_of(mac), Settings(), Screen(as_json=True), given)
    session.screen.data = lambda value: None  # type: ignore[method-assign]
    session.screen.warn = lambda lines: None  # type: ignore[method-assign]
    assert getattr(session, name)() == 0


def always(mac: Mac) -> None:
    """A container, and our rules beside vmnet's."""
    mac.start_container()
    task(mac, "setup", always=True)


# -- A. the way out


@_fault("ruleset reloaded", F01="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.reload_main()


@_fault("the guide's one line", F01="present")
def _(mac: Mac) -> None:
    # `echo nat… | pfctl -ef -` for an uplink that the Mac does not use now.
    mac.start_container()
    mac.reload_main("nat on en1 from 192.168.64.0/24 to any -> (en1)\n")


@_fault("dns create", F01="present")
def _(mac: Mac) -> None:
    mac.start_container()
    assert mac.dns_create("test")


@_fault("ours is called no more", F01="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")
    mac.reload_main("pass all\n")


@_fault("own pf rules gone", F02="present")
def _(mac: Mac) -> None:
    append(mac, "/private/etc/pf.conf", "pass in quick on en0 inet proto tcp from any to any\n")
    assert mac.load_pf_conf()
    mac.start_container()


@_fault("VPN after the container", F03="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on()


@_fault("VPN of two halves", F03="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on(full=False)


@_fault("VPN gone again", F03="present")
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    mac.vpn_off()


@_healthy("split tunnel of nobody's concern")
def _(mac: Mac) -> None:
    mac.start_container()
    tunnel(mac, "10.60.0.0/16")


@_healthy("VPN after setup")
def _(mac: Mac) -> None:
    always(mac)
    mac.vpn_on()


@_healthy("dock after setup")
def _(mac: Mac) -> None:
    always(mac)
    mac.dock()


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


@_fault("VPN client's pf rule", F05="present")
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    assert mac.reload_main(VPN_BLOCK)


@_fault("VPN client's anchor", F05="present", probe=True)
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    root(mac, "/sbin/pfctl -a mullvad -f -", "block drop quick on utun4 all\n")
    mac.internet(False, "utun4")


@_fault("dead under a VPN", F03="possible", F05="possible", probe=True)
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()
    mac.internet(False, "utun4")


@_fault("container's route taken", F06="present")
def _(mac: Mac) -> None:
    mac.start_container()
    tunnel(mac, "192.168.64.0/25")


@_fault("stale after the dock", F07="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.stale_vmnet()
    mac.dock()


@_fault("dead without a VPN", F03="possible", F07="possible", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    mac.internet(False, "en0")


@_fault("one bridge for two", F08="present")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    mac.start_container("other", network="more")
    with mac.edit() as state:
        state["interfaces"] = [i for i in state["interfaces"] if i["name"] != "bridge101"]
    bridge(mac, [["192.168.64.1", 24], ["192.168.65.1", 24]])


@_fault("bridge gone, two networks", F08="possible", F37="possible")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    no_bridges(mac)


@_fault("another program on vmnet", F09="present")
def _(mac: Mac) -> None:
    mac.install_container("0.9.0")
    mac.start_container()
    with mac.edit() as state:
        first = next(i for i in state["interfaces"] if i["members"])
        more = {"name": "bridge105", "members": ["vmenet9"], "inet": [["192.168.205.1", 24]]}
        state["interfaces"].append({**first, **more})


@_fault("forwarding off", F11="present")
def _(mac: Mac) -> None:
    mac.start_container()
    forwarding(mac, 0)


@_fault("macOS 15", F12="present")
def _(mac: Mac) -> None:
    _fifteen(mac)
    mac.vmnet_nat(False)
    mac.start_container()


def _fifteen(mac: Mac) -> None:
    system(mac, "15.6")
    mac.fail("container network", 64, "Error: Plugin 'container-network' not found.")


@_fault("macOS 15, another subnet", F13="present")
def _(mac: Mac) -> None:
    _fifteen(mac)
    mac.vmnet_nat(False)
    mac.start_container()
    bridge(mac, [["192.168.105.1", 24]])


@_fault("static rule, then dock", F14="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    forwarding(mac, 1)
    mac.foreign_enable("pfctl")
    mac.reload_main("nat on en0 from 192.168.64.0/24 to any -> (en0)\n")
    mac.dock()


@_fault("rule for an old subnet", F15="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", f"nat on en0 from {WEB} to any -> (en0)\n")
    mac.foreign_enable("pfctl")
    with mac.edit() as state:
        state["container"]["networks"][0]["cidr"] = "192.168.65.0/24"
    mac.start_container()
    forwarding(mac, 1)


@_fault("TCP dead, no filter", F17="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    guest(mac, tcp_dead=True)


@_fault("TCP dead, a filter", F17="possible", F19="possible", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    guest(mac, tcp_dead=True)
    _filter(mac, "com.example.lulu.extension", "LuLu")


def _filter(mac: Mac, bundle: str, name: str) -> None:
    with mac.edit() as state:
        item = {"team": "AB12CD34EF", "bundle": bundle, "version": "2.6.0/2.6.0", "name": name}
        state["extensions"].append(item)


@_fault("firewall blocks all", F18="present")
def _(mac: Mac) -> None:
    mac.start_container()
    with mac.edit() as state:
        state["firewall"].update({"on": True, "block_all": True})


@_fault("LAN has the same addresses", F48="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.change_address("en0", "192.168.64.37")


@_fault("isolation table holds the LAN", F48="present")
def _(mac: Mac) -> None:
    mac.start_container()
    anchor = "com.apple.internet-sharing/network_isolation"
    table = "table <network_isolation_table_v4> persist { 192.168.64.0/24 192.168.0.0/16 }\n"
    rule = "block drop quick inet from <network_isolation_table_v4> to <network_isolation_table_v4>"
    root(mac, f"/sbin/pfctl -a {anchor} -f -", table + rule + "\n")


@_fault("anchor's file gone", F49="present")
def _(mac: Mac) -> None:
    mac.start_container()
    append(mac, "/private/etc/pf.conf", 'load anchor "mine" from "/etc/pf.anchors/mine"\n')


@_fault("anchor's file gone, idle", F49="present")
def _(mac: Mac) -> None:
    append(mac, "/private/etc/pf.conf", 'load anchor "mine" from "/etc/pf.anchors/mine"\n')


# -- B. names


def _sockets(mac: Mac, command: str) -> None:
    with mac.edit() as state:
        rows = [r for r in state["sockets"] if (r["command"], r["family"]) != MDNS4]
        for protocol in ("UDP", "TCP"):
            row = {"command": command, "pid": 512, "user": "root", "family": "IPv4"}
            rows.append({**row, "proto": protocol, "address": "127.0.0.1", "port": 53})
        state["sockets"] = rows


@_fault("dnsmasq holds port 53", F21="present")
def _(mac: Mac) -> None:
    mac.start_container()
    _sockets(mac, "dnsmasq")


@_fault("dnsmasq, from inside", F21="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    _sockets(mac, "dnsmasq")
    mac.guest_dns(False)


@_fault("gateway resolves nothing", F22="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    mac.guest_dns(False)


@_fault("builder's old resolver", F23="present")
def _(mac: Mac) -> None:
    mac.install_container("0.10.0")
    mac.start_container("buildkit")
    container(mac, "buildkit", dns=["192.168.65.1"])


@_fault("image's old resolver", F24="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    guest(mac, resolver="192.168.1.1")


@_fault("container's resolver silent", F25="present")
def _(mac: Mac) -> None:
    mac.start_container()
    assert mac.dns_create("cont", None)


# -- C. published ports

DENIED = "backend - connect failed: connect(descriptor:addr:size:): No route to host) (errno: 65)"


@_fault("local network denied", F27="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    log(mac, DENIED)


@_fault("denied on macOS 27", F27="possible", F28="possible", probe=True)
def _(mac: Mac) -> None:
    system(mac, "27.0")
    mac.start_container()
    log(mac, DENIED)


@_fault("denied, Homebrew", F27="possible", F29="possible", probe=True)
def _(mac: Mac) -> None:
    mac.install_container("1.2.2", homebrew=True)
    mac.start_container()
    log(mac, DENIED)


@_fault("redirects gone", F32="present")
def _(mac: Mac) -> None:
    assert mac.dns_create("test")
    root(mac, "/sbin/pfctl -a com.apple.container -F all")
    mac.start_container()


# -- D. the service


@_fault("service not started", F33="present")
def _(mac: Mac) -> None:
    mac.service("unregistered")


@_fault("service not running, 0.8", F33="present")
def _(mac: Mac) -> None:
    mac.install_container("0.8.0")
    mac.service("not running")


@_fault("vmnet refuses", F34="present", below=("F33",))
def _(mac: Mac) -> None:
    mac.service("not running")
    log(mac, "failed to create vmnet network with status vmnet_return_t(rawValue: 1001)")


@_fault("pf hangs", F35="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container")
    mac.hang("pfctl")


@_fault("container hangs", F35="possible", F36="possible")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container")


@_fault("one command hangs", F36="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.hang("container network list")


@_fault("running without a bridge", F37="present")
def _(mac: Mac) -> None:
    mac.start_container()
    no_bridges(mac)


@_fault("asked as root", F38="present")
def _(mac: Mac) -> None:
    mac.service("unregistered")
    mac.garble("/usr/bin/id", "0\n")


# -- E. IPv6, sizes, proxies, isolation, reboots


@_fault("IPv6 dead, image plain", F39="possible", F40="possible", probe=True)
def _(mac: Mac) -> None:
    mac.add_image("nanoclaw-agent:latest", [])
    mac.start_container()


@_fault("large mtu", F41="present")
def _(mac: Mac) -> None:
    mac.start_container()
    container(mac, mtu=9000)


@_fault("TLS inspected", F42="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    mac.curl(60)
    with mac.edit() as state:
        state["proxy"]["HTTPSEnable"] = 1


@_fault("host-only leaks", F43="present")
def _(mac: Mac) -> None:
    _two(mac)
    rule = "nat on en0 from 192.168.0.0/16 to any -> (en0)\n"
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule)


@_fault("host-only leaks by a rule for all", F43="present")
def _(mac: Mac) -> None:
    _two(mac)
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", "nat on en0 from any to any -> (en0)\n")


def _two(mac: Mac) -> None:
    mac.add_network("private", "192.168.128.0/24", "hostOnly")
    mac.start_container()
    mac.start_container("inner", network="private")


@_fault("sysctl.conf ignored", F45="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    append(mac, "/private/etc/sysctl.conf", "net.inet.ip.forwarding=1\n")
    mac.reboot()
    mac.start_container()


@_fault("setup gone with a reboot", F45="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")
    mac.reboot()
    mac.start_container()


@_fault("pf off", F46="present")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.foreign_disable()


@_fault("ours, and pf off", F46="present")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")
    mac.foreign_disable()


@_fault("rule names a bridge", F47="present")
def _(mac: Mac) -> None:
    append(mac, "/private/etc/pf.conf", "pass quick on bridge100 from bridge100:network to any\n")


# -- healthy


@_healthy("plain vmnet")
def _(mac: Mac) -> None:
    mac.start_container()


@_healthy("ours after setup")
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")


@_healthy("ours after persist", probe=False)
def _(mac: Mac) -> None:
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "persist")


@_healthy("ours bridges a reload over")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.reload_main()
    task(mac, "setup")


@_healthy("another tool bridges it over")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.reload_main()
    rule = f"nat on en0 from {WEB} to any -> (en0)\n"
    root(mac, "/sbin/pfctl -a com.apple/yolo-vmnet-nat -f -", rule)


@_healthy("VPN before the container")
def _(mac: Mac) -> None:
    mac.vpn_on()
    mac.start_container()


@_healthy("VPN with ours")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on()
    task(mac, "setup")


@_healthy("VPN of two halves with ours")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.vpn_on(full=False)
    task(mac, "setup")


@_healthy("two uplinks")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.dock()


@_healthy("host-only beside NAT")
def _(mac: Mac) -> None:
    _two(mac)


@_healthy("two NAT networks")
def _(mac: Mac) -> None:
    mac.add_network("more", "192.168.65.0/24")
    mac.start_container()
    mac.start_container("other", network="more")


@_healthy("no container runs")
def _(mac: Mac) -> None:
    del mac


@_healthy("container is not installed")
def _(mac: Mac) -> None:
    mac.install_container(None)


def _generation(number: int) -> Callable[[Mac], None]:
    def play(mac: Mac) -> None:
        mac.container_generation(number)
        mac.start_container()

    return play


for _number, _version in {7: "0.7", 12: "0.12", 1: "1.2"}.items():
    _healthy(f"container {_version}")(_generation(_number))


@_healthy("without sudo")
def _(mac: Mac) -> None:
    mac.start_container()
    mac.refuse_sudo()


@_healthy("filters and a firewall")
def _(mac: Mac) -> None:
    mac.start_container()
    _filter(mac, "com.example.lulu.extension", "LuLu")
    with mac.edit() as state:
        state["firewall"].update({"on": True, "stealth": True})


@_healthy("a managed firewall")
def _(mac: Mac) -> None:
    mac.start_container()
    with mac.edit() as state:
        state["firewall"].update({"on": True, "managed": True})


@_healthy("programs that are not there")
def _(mac: Mac) -> None:
    mac.start_container()
    for name in ("usr/sbin/lsof", "usr/sbin/scutil", "usr/bin/systemextensionsctl"):
        (mac.path / name).unlink()


@_healthy("macOS 15 with ours")
def _(mac: Mac) -> None:
    _fifteen(mac)
    mac.vmnet_nat(False)
    mac.start_container()
    task(mac, "setup")


@_healthy("split tunnel with ours", probe=False)
def _(mac: Mac) -> None:
    mac.start_container()
    tunnel(mac, "10.60.0.0/16")
    rule = f"nat on utun5 from {WEB} to any -> (utun5)\n"
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule)


def remarked(found: Any) -> Tuple[str, ...]:
    """The notes of an answer."""
    return tuple(d.fault.id for d in found.remarks)


def told(found: Any) -> Dict[str, str]:
    """What an answer tells at the top: id -> state."""
    return {d.fault.id: d.finding.state for d in found.found}
