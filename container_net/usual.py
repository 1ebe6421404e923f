"""What the commands say on a Mac where nothing is wrong and one container runs.

Stands in for outputs that nobody pasted, so that the recognisers can say which faults the pasted
ones point to, if all else is as usual. A test holds that by itself it shows no fault. The forms are
those of docs/reference.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Dict, Mapping, Optional, Tuple

from .pasted import Key, Output, Pasted

__all__ = ["asked_for", "usual"]

ANCHOR = "com.apple/250.container-net"
SHARING = "com.apple.internet-sharing"
PF_CONF = """\
scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
load anchor "com.apple" from "/etc/pf.anchors/com.apple"
"""
NAT = """\
nat-anchor "com.apple/*" all
nat-anchor "com.apple.internet-sharing" all
rdr-anchor "com.apple/*" all
rdr-anchor "com.apple.internet-sharing" all
"""
RULES = """\
scrub-anchor "com.apple/*" all fragment reassemble
scrub-anchor "com.apple.internet-sharing" all fragment reassemble
anchor "com.apple/*" all
anchor "com.apple.internet-sharing" all
"""
COUNTER = "  [ Evaluations: 9         Packets: 9         Bytes: 900         States: 1     ]\n"


@dataclass(frozen=True)
class _Place:
    """What a text tells of the Mac beside its faults: names and addresses to agree with."""

    uplink: str = "en0"
    subnet: str = "192.168.64.0/24"
    bridge: str = "bridge100"
    others: Tuple[str, ...] = ()
    asked: str = ""
    """An address of the subnet that somebody asked the route of: a container's, then."""
    listed: str = ""
    """The address of a container that is listed."""

    @property
    def gateway(self) -> str:
        return str(IPv4Network(self.subnet)[1])

    @property
    def guest(self) -> str:
        return self.asked or self.listed or str(IPv4Network(self.subnet)[2])


_VMNETS = IPv4Network("192.168.64.0/20")
"""Where vmnet puts its networks, unless it was told otherwise."""


def _asked_for(texts: Mapping[Key, str], subnet: Optional[IPv4Network]) -> Tuple[str, str]:
    """The container that a route was asked of, and its subnet; empty texts where there is none."""
    for asked in texts:
        address: Optional[IPv4Address] = None
        if asked[0] != "route" or asked[1] in ("default", "8.8.8.8"):
            continue
        with contextlib.suppress(ValueError):
            address = IPv4Address(asked[1])
        if address is None:
            continue
        if subnet is None and address in _VMNETS:
            subnet = IPv4Network((int(address) & ~255, 24))
        if subnet is not None and address in subnet and address not in (subnet[0], subnet[1]):
            return asked[1], str(subnet)
    return "", ""


def _place(pasted: Pasted) -> _Place:
    """The uplink of the route, else of a translation rule; the subnet of a network or a rule."""
    texts = {k: o.out for k, o in pasted.outputs.items()}
    everything = "\n".join(out for k, out in texts.items() if k[0] != "file")
    route = texts.get(("route", "default"), "") + texts.get(("route", "8.8.8.8"), "")
    named = re.search(r"interface: +([a-z]+[0-9]+)\s", route) or re.search(
        r"(?m)^nat on ([a-z]+[0-9]+) ", everything
    )
    networks = texts.get(("container", "networks"), "")
    subnet = re.search(r"\"(?:ipv4Subnet|address)\": \"([0-9.]+/[0-9]+)\"", networks) or re.search(
        r"(?m)^nat on \S+ inet from ((?:192\.168|172|10)[0-9.]*/[0-9]+) ", everything
    )
    guest = re.search(r"\"ipv4Address\": \"([0-9.]+/[0-9]+)\"", texts.get(("container", "ls"), ""))
    found = subnet.group(1) if subnet else guest.group(1) if guest else ""
    named_net: Optional[IPv4Network] = None
    with contextlib.suppress(ValueError):
        named_net = IPv4Network(found, strict=False) if found else None
    if named_net is not None and named_net.num_addresses < 8:
        named_net = None
    asked, around = _asked_for(texts, named_net)
    network = named_net or IPv4Network(around or _Place.subnet)
    names = re.findall(r"\b(?:en|utun|ipsec|ppp|tun|tap|gpd|feth)[0-9]{1,3}\b", everything)
    return _Place(
        named.group(1) if named else "en0",
        str(network),
        others=tuple(dict.fromkeys(names)),
        asked=asked,
        listed=guest.group(1).split("/")[0] if guest else "",
    )


def asked_for(pasted: Pasted) -> str:
    """The address of a container that somebody asked the route of, else an empty text."""
    return _place(pasted).asked


def usual(pasted: Pasted) -> Pasted:
    """A text with everything that it lacks filled in, in agreement with what it names."""
    place = _place(pasted)
    mine = pasted.outputs
    outputs = {**_whole_mac(place), **mine}
    for asked in mine:
        if asked[:2] == ("pfctl", "show"):
            # With and without -v it is one list; the text's own stands for both.
            outputs.pop((*asked[:4], "" if asked[4] else "v"), None)
    if _TABLE in mine:
        outputs.pop(("route", place.guest), None)
    nat, rules = mine.get(_NAT), mine.get(_RULES)
    if nat is not None and rules is None and f'nat-anchor "{SHARING}' not in nat.out:
        outputs[_RULES] = Output(_RULES, _without_sharing(RULES))
    if rules is not None and nat is None and f'anchor "{SHARING}' not in rules.out:
        outputs[_NAT] = Output(_NAT, _without_sharing(NAT))
    status = mine.get(_STATUS)
    if status is not None and status.code != 0:
        for asked in (_LS, _NETWORKS):
            if asked not in mine:
                del outputs[asked]
    for asked, merge in ((_IFCONFIG, _interfaces_too), (_TABLE, _routes_too)):
        part = mine.get(asked)
        if part is not None and not part.sure:
            outputs[asked] = Output(asked, merge(part.out, place))
    if _IFCONFIG in mine and f"inet {place.gateway} " not in outputs[_IFCONFIG].out:
        # No bridge of the container's: its packets go where all others do.
        away = Output(("route", place.guest), f"  interface: {place.uplink}\n")
        outputs[away.key] = mine.get(away.key, away)
    return replace(pasted, outputs=outputs)


_NAT: Key = ("pfctl", "show", "", "nat", "")
_RULES: Key = ("pfctl", "show", "", "rules", "")
_STATUS: Key = ("container", "status")
_LS: Key = ("container", "ls")
_NETWORKS: Key = ("container", "networks")
_IFCONFIG: Key = ("ifconfig", "-a")
_TABLE: Key = ("netstat", "inet")


def _without_sharing(text: str) -> str:
    return "".join(row + "\n" for row in text.splitlines() if SHARING not in row)


def _interfaces_too(part: str, place: _Place) -> str:
    """Some interfaces of a Mac, and the usual ones that are not among them."""
    names = re.findall(r"(?m)^([A-Za-z0-9]+): flags=", part)
    blocks = re.split(r"(?m)^(?=[a-z]+[0-9]+: flags=)", _interfaces(place))
    others = [b for b in blocks if b and b.split(":")[0] not in names]
    if any(address in part for address in (f"inet {place.gateway} ",)):
        others = [b for b in others if not b.startswith(place.bridge)]
    return "".join(others) + part


def _routes_too(part: str, place: _Place) -> str:
    """Some rows of a routing table, and the usual ones, where none is for the same network."""
    rows = _table(place).splitlines()[1:]
    if re.search(r"(?m)^default\s", part):
        rows = [r for r in rows if not r.startswith("default")]
    prefix = place.subnet.split("/")[0].rsplit(".", 1)[0]
    if re.search(rf"(?m)^{re.escape(prefix)}", part):
        rows = rows[:1] if rows and rows[0].startswith("default") else []
    return part + "".join(row + "\n" for row in rows)


def _whole_mac(place: _Place) -> Dict[Key, Output]:
    uplink = place.uplink
    rule = f"nat on {uplink} inet from {place.subnet} to any -> ({uplink}:0) extfilter ei\n"
    child = f"{SHARING}/shared_v4"
    network = {
        "id": "default",
        "configuration": {"name": "default", "mode": "nat"},
        "status": {"ipv4Subnet": place.subnet, "ipv4Gateway": place.gateway},
    }
    attached = {
        "network": "default",
        "ipv4Address": f"{place.guest}/{place.subnet.split('/')[1]}",
        "ipv4Gateway": place.gateway,
        "mtu": 1280,
    }
    running = {
        "id": "web",
        "configuration": {"id": "web", "image": {"reference": "web:latest"}},
        "status": {"state": "running", "networks": [attached]},
    }
    said: Dict[Key, str] = {
        ("pfctl", "show", "", "References", ""): "No pf starter references held\n",
        ("pfctl", "table", f"{SHARING}/network_isolation", "network_isolation_table_v4"): "",
        ("container", "logs"): "",
        ("true",): "",
        ("id",): "501\n",
        ("sw_vers",): "26.1\n",
        ("sysctl", "kern.bootsessionuuid"): "00000000-0000-4000-8000-000000000000\n",
        ("sysctl", "net.inet.ip.forwarding"): "1\n",
        ("route", "default"): f"  interface: {place.uplink}\n",
        ("route", "8.8.8.8"): f"  interface: {place.uplink}\n",
        ("networksetup", "ports"): "Hardware Port: Wi-Fi\nDevice: en0\n",
        ("ifconfig", "-a"): _interfaces(place),
        ("launchctl", "disabled"): "\tdisabled services = {\n\t}\n",
        ("pfctl", "show", "", "info", ""): "Status: Enabled for 0 days 01:00:00\n",
        ("pfctl", "show", "", "nat", ""): NAT,
        ("pfctl", "show", "", "rules", ""): RULES,
        ("pfctl", "show", "", "Anchors", ""): f"  com.apple\n  {SHARING}\n  {child}\n",
        ("pfctl", "show", ANCHOR, "nat", "v"): "",
        ("pfctl", "show", ANCHOR, "nat", ""): "",
        ("pfctl", "show", ANCHOR, "rules", ""): "",
        ("pfctl", "show", SHARING, "nat", ""): 'nat-anchor "shared_v4" all\n',
        ("pfctl", "show", child, "nat", "v"): rule + COUNTER,
        ("pfctl", "show", f"{SHARING}/base_v4", "nat", "v"): "",
        ("pfctl", "show", "com.apple.container", "nat", ""): "",
        ("pfctl", "show", "com.apple/container", "nat", ""): "",
        ("pfctl", "check", "", "/private/etc/pf.conf"): "",
        ("netstat", "inet"): _table(place),
        ("route", place.guest): f"  interface: {place.bridge}\n",
        ("scutil", "--dns"): "DNS configuration\n\nresolver #1\n  nameserver[0] : 192.0.2.53\n",
        ("scutil", "--proxy"): "<dictionary> {\n  HTTPEnable : 0\n}\n",
        ("extensions",): "0 extension(s)\n",
        ("firewall",): "Firewall is disabled. (State = 0)\n",
        ("lsof", "53"): _listener(53),
        ("lsof", "2053"): _listener(2053),
        ("container", "version"): "container CLI version 1.2.2\n",
        ("container", "status"): '{"status": "running"}\n',
        ("container", "networks"): json.dumps([network]) + "\n",
        ("container", "ls"): json.dumps([running]) + "\n",
        ("file", "/private/etc/pf.conf"): PF_CONF,
        ("file", "/private/etc/sysctl.conf"): "",
        ("file", "/private/etc/pf.anchors/com.apple"): "",
    }
    found = {asked: Output(asked, out) for asked, out in said.items()}
    for path in _ABSENT:
        found[("file", path)] = Output(("file", path), "", code=1)
    job: Key = ("launchctl", "local.container-net")
    found[job] = Output(job, "", "Could not find service\n", 113)
    inspect: Key = ("container", "inspect", "buildkit")
    found[inspect] = Output(inspect, "", "Error: not found\n", 1)
    return found


_ABSENT = (
    "/private/etc/pf.anchors/250.container-net",
    "/private/etc/pf.anchors/com.apple.container",
    "/Library/LaunchDaemons/local.container-net.plist",
    "/Library/PrivilegedHelperTools/local.container-net",
    "/private/var/db/container-net/state.json",
    "/private/var/db/container-net/boot",
)


def _interfaces(place: _Place) -> str:
    names = dict.fromkeys(("en0", place.uplink, *place.others))
    rows = "lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384\n"
    rows += "\tinet 127.0.0.1 netmask 0xff000000\n"
    for number, name in enumerate(names):
        kind = "BROADCAST" if name.startswith("en") else "POINTOPOINT"
        rows += f"{name}: flags=8863<UP,{kind},RUNNING,MULTICAST> mtu 1500\n"
        rows += f"\tinet 203.0.113.{number + 1} netmask 0xffffffff\n"
    mask = int(IPv4Network(place.subnet).netmask)
    rows += f"{place.bridge}: flags=8863<UP,BROADCAST,RUNNING,MULTICAST> mtu 1500\n"
    rows += f"\tinet {place.gateway} netmask 0x{mask:08x}\n\tmember: vmenet0 flags=3<LEARNING>\n"
    return rows + "vmenet0: flags=8963<UP,BROADCAST,RUNNING,PROMISC,MULTICAST> mtu 1500\n"


def _table(place: _Place) -> str:
    return (
        "Destination        Gateway            Flags               Netif Expire\n"
        f"default            192.0.2.1          UGScg               {place.uplink}\n"
        f"{place.subnet:<18} link#20            UC                  {place.bridge}\n"
    )


def _listener(port: int) -> str:
    rows = "COMMAND     PID           USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\n"
    command = "mDNSRespo" if port == 53 else "container"
    for family in ("IPv4", "IPv6"):
        rows += f"{command}   300 _mdnsresponder   10u  {family} 0x1      0t0  UDP *:{port}\n"
        if port == 53:
            rows += f"{command}   300 _mdnsresponder   11u  {family} 0x2  0t0  TCP *:53 (LISTEN)\n"
    return rows
