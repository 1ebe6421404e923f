"""Faults that are about packets, played in the lab, and what packets then do.

Each scene begins on a Mac whose containers get out, unless its fault is that they never did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Tuple

from faults.scenes.f05_vpn_filter import VPN_BLOCK
from lab.layout import CORPORATE, DNS, HOST_ONLY, MOVED, SUBNET, WEB
from lab.world import Lab

from simmac import Mac

__all__ = ["SCENES", "Scene", "root", "working"]

Play = Callable[[Lab], None]
Packets = Callable[[Lab], Dict[str, bool]]


@dataclass(frozen=True)
class Scene:
    """A fault: how it comes about, and how it shows in packets.

    `packets` gives statements about packets, all of which must hold while the fault is there.
    `cure` are the words of the task that mends it, empty where it is not ours to mend; `mended`
    are statements that hold then.
    """

    fault: str
    title: str
    play: Play
    packets: Packets
    cure: Tuple[str, ...] = ()
    mended: Packets = lambda lab: {"the container gets out": lab.fetch().status == "404"}


SCENES: Dict[str, Scene] = {}


def scene(
    fault: str, title: str, packets: Packets, cure: str = "", **more: Packets
) -> Callable[[Play], Play]:
    def add(play: Play) -> Play:
        SCENES[fault] = Scene(fault, title, play, packets, tuple(cure.split()), **more)
        return play

    return add


# -- pieces


def root(mac: Mac, command: str, stdin: str = "") -> None:
    """A command that root gives on the Mac."""
    answer = mac.answer(command.split(), stdin.encode(), root=True)
    if answer.code:
        raise ValueError(f"{command}: {answer}")


def working(lab: Lab) -> None:
    """macOS 26 as it should be: a container runs and vmnet translates."""
    lab.mac.start_container()


def dead(lab: Lab) -> Dict[str, bool]:
    """Translation or forwarding is missing: the Mac answers, and nothing behind it."""
    return {
        "the gateway answers": lab.ping("192.168.64.1"),
        "names are resolved at the gateway": lab.resolves(),
        "the fetch runs out of time": lab.fetch().code == 28,
    }


# -- the scenes


@scene("F01", "the main ruleset is loaded anew", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    working(lab)
    lab.mac.reload_main()


@scene("F03", "a VPN takes the default route", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    working(lab)
    lab.vpn_on()


def behind_the_tunnel(lab: Lab) -> Dict[str, bool]:
    return {
        "the internet answers": lab.fetch().status == "404",
        "the company does not": lab.fetch(f"https://{CORPORATE}").code == 28,
    }


@scene(
    "F04",
    "a company's network behind a split tunnel",
    behind_the_tunnel,
    "net.setup --yes --always",
    mended=lambda lab: {"the company answers": lab.fetch(f"https://{CORPORATE}").status == "404"},
)
def _(lab: Lab) -> None:
    working(lab)
    lab.company()


def stopped(lab: Lab) -> Dict[str, bool]:
    return {
        "the gateway answers": lab.ping("192.168.64.1"),
        "addresses do not": lab.fetch(f"https://{WEB}").code == 28,
    }


@scene("F05", "the VPN client's own filter stops what it has not marked", stopped)
def _(lab: Lab) -> None:
    lab.vpn_on()
    working(lab)
    if not lab.mac.reload_main(VPN_BLOCK):
        raise ValueError("the rules did not load")


@scene("F07", "vmnet's rule stays with the former port", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    working(lab)
    lab.mac.stale_vmnet()
    lab.dock()


@scene("F11", "something sets forwarding to 0", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    working(lab)
    root(lab.mac, "/usr/sbin/sysctl -w net.inet.ip.forwarding=0")


@scene("F12", "macOS 15, where vmnet translates nothing", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    with lab.mac.edit() as state:
        state["os"]["version"] = "15.6"
    lab.mac.fail("container network", 64, "Error: Plugin 'container-network' not found.")
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()


@scene("F14", "a rule written for Wi-Fi, and now the dock", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()
    root(lab.mac, "/usr/sbin/sysctl -w net.inet.ip.forwarding=1")
    lab.mac.foreign_enable("pfctl")
    lab.mac.reload_main(
        'nat-anchor "com.apple/*"\n'
        f"nat on en0 from {SUBNET} to any -> (en0)\n"
        'anchor "com.apple/*"\n'
    )
    lab.dock()


def dead_elsewhere(lab: Lab) -> Dict[str, bool]:
    return {
        "the gateway answers": lab.ping(MOVED.replace(".128/25", ".129")),
        "the fetch runs out of time": lab.fetch().code == 28,
    }


@scene("F15", "the container network has moved", dead_elsewhere, "net.setup --yes")
def _(lab: Lab) -> None:
    lab.mac.vmnet_nat(False)
    rule = f"nat on en0 from {SUBNET} to any -> (en0)\n"
    root(lab.mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule)
    lab.mac.foreign_enable("pfctl")
    with lab.mac.edit() as state:
        state["container"]["networks"][0]["cidr"] = MOVED
    lab.mac.start_container()
    root(lab.mac, "/usr/sbin/sysctl -w net.inet.ip.forwarding=1")


def nameless(lab: Lab) -> Dict[str, bool]:
    return {
        "addresses answer": lab.fetch(f"https://{WEB}").status == "404",
        "the gateway resolves nothing": not lab.resolves(),
        "another resolver does": lab.resolves(DNS),
        "the fetch by name ends with 6 or 28": lab.fetch().code in (6, 28),
    }


@scene("F21", "another program holds port 53", nameless)
def _(lab: Lab) -> None:
    working(lab)
    with lab.mac.edit() as state:
        rows = [r for r in state["sockets"] if r["family"] != "IPv4"]
        for protocol in ("UDP", "TCP"):
            rows.append(
                {
                    **{"command": "dnsmasq", "pid": 512, "user": "root", "family": "IPv4"},
                    **{"proto": protocol, "address": "127.0.0.1", "port": 53},
                }
            )
        state["sockets"] = rows


@scene("F22", "the gateway's resolver asks nobody who answers", nameless)
def _(lab: Lab) -> None:
    working(lab)
    lab.mac.guest_dns(False)


def half(lab: Lab) -> Dict[str, bool]:
    return {
        "IPv4 answers": lab.fetch().status == "404",
        "IPv6 does not": lab.fetch(options=("-6",)).code in (7, 28),
    }


@scene("F39", "the name has an IPv6 address, and the way there is dead", half)
def _(lab: Lab) -> None:
    lab.mac.add_image("nanoclaw-agent:latest", [])
    working(lab)


def inner(lab: Lab) -> Dict[str, bool]:
    return {
        "the network that should be closed gets out": lab.fetch(f"https://{WEB}", "private").status
        == "404"
    }


def closed(lab: Lab) -> Dict[str, bool]:
    return {
        "the closed network gets no answer": lab.fetch(f"https://{WEB}", "private").code == 28,
        "the open one does": lab.fetch().status == "404",
    }


# The guard comes with what sets forwarding at boot; setup alone leaves vmnet's forwarding to vmnet.
@scene("F43", "a closed network gets out", inner, "net.persist --yes --always", mended=closed)
def _(lab: Lab) -> None:
    lab.mac.add_network("private", HOST_ONLY, "hostOnly")
    working(lab)
    lab.mac.start_container("inner", network="private")
    rule = "nat on en0 from 203.0.113.0/24 to any -> (en0)\n"
    root(lab.mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule)


@scene("F46", "pf is switched off", dead, "net.setup --yes")
def _(lab: Lab) -> None:
    working(lab)
    lab.mac.foreign_disable()
