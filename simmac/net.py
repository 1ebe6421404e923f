"""Interfaces, addresses and routes, and the programs that show them (macos.md, 1, 7, 9).

An interface is a dictionary in the state: `name`, `flags`, `mtu`, `inet` (list of [address,
prefix]), `inet6`, `mac`, `port` (its hardware port's name or None), `gateway`, `dns`, `active`,
`members`. Addresses are dotted text in the state and numbers in the reckoning.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from .world import Call

__all__ = [
    "Route",
    "address",
    "dotted",
    "find",
    "holds",
    "interface",
    "mask_of",
    "network",
    "primary",
    "route_to",
    "uplinks",
]

Interface = "Dict[str, Any]"


# -- addresses


def address(text: str) -> int:
    """The number of a dotted address. Raises ValueError."""
    parts = text.split(".")
    if len(parts) != 4:
        raise ValueError(text)
    number = 0
    for part in parts:
        if not part.isdigit() or int(part) > 255 or len(part) > 3:
            raise ValueError(text)
        number = number << 8 | int(part)
    return number


def dotted(number: int) -> str:
    """An address as text."""
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def mask_of(prefix: int) -> int:
    """The netmask of a prefix length."""
    return (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF


def network(text: str) -> Tuple[int, int]:
    """(first address, prefix) of `A.B.C.D/N` or of one address. Raises ValueError."""
    host, slash, length = text.partition("/")
    prefix = int(length) if slash else 32
    if not 0 <= prefix <= 32:
        raise ValueError(text)
    return address(host) & mask_of(prefix), prefix


def holds(net: Tuple[int, int], number: int) -> bool:
    """Whether an address lies in a network."""
    return number & mask_of(net[1]) == net[0]


# -- interfaces


def interface(name: str, **more: Any) -> Dict[str, Any]:
    """A new interface, with everything that is not told left as on an idle Ethernet port."""
    made: Dict[str, Any] = {
        "name": name,
        "flags": "8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST>",
        "mtu": 1500,
        "inet": [],
        "inet6": [],
        "mac": None,
        "port": None,
        "gateway": None,
        "dns": None,
        "active": True,
        "members": [],
    }
    made.update(more)
    return made


def find(state: Dict[str, Any], name: str) -> Optional[Dict[str, Any]]:
    """The interface of that name."""
    for item in state["interfaces"]:
        if item["name"] == name:
            return dict_of(item)
    return None


def dict_of(item: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = item
    return found


def uplinks(state: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Interfaces with a router behind them, the primary one first."""
    ready = [i for i in state["interfaces"] if i["active"] and i["gateway"] and i["inet"]]
    return sorted(ready, key=lambda item: item["name"] != state["primary"])


def primary(state: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The interface of the unscoped default route, or None."""
    vpn = state["vpn"]
    if vpn is not None and vpn["full"]:
        return find(state, vpn["name"])
    found = find(state, state["primary"]) if state["primary"] else None
    if found is None or not found["active"] or not found["inet"] or not found["gateway"]:
        return None
    return found


class Route:
    """Where packets to an address go: `net` is (first address, prefix)."""

    def __init__(self, net: Tuple[int, int], name: str, gateway: Optional[str]) -> None:
        self.net = net
        self.interface = name
        self.gateway = gateway


def _routes(state: Dict[str, Any]) -> List[Route]:
    routes = []
    for item in state["interfaces"]:
        if not item["active"]:
            continue
        for text, prefix in item["inet"]:
            if prefix < 32:
                first = address(text) & mask_of(prefix)
                routes.append(Route((first, prefix), item["name"], None))
    for text, name in state["routes"]:
        routes.append(Route(network(text), name, None))
    vpn = state["vpn"]
    if vpn is not None and not vpn["full"]:
        # A split tunnel that takes everything all the same (macos.md, 1).
        routes += [Route((0, 1), vpn["name"], None), Route((1 << 31, 1), vpn["name"], None)]
    main = primary(state)
    if main is not None:
        routes.append(Route((0, 0), main["name"], main["gateway"]))
    return routes


def route_to(
    state: Dict[str, Any], target: Optional[int], scope: Optional[str] = None
) -> Optional[Route]:
    """The route to an address; of None, the default route. `scope` asks one interface's own."""
    if scope is not None:
        item = find(state, scope)
        if item is not None and item["gateway"] and item["inet"] and item["active"]:
            return Route((0, 0), scope, item["gateway"])
        return None
    routes = _routes(state)
    if target is None:
        fitting = [r for r in routes if r.net == (0, 0)]
    else:
        fitting = [r for r in routes if holds(r.net, target)]
    return max(fitting, key=lambda route: route.net[1]) if fitting else None


# -- /sbin/route


ROUTE_USAGE = "usage: route [-dnqtv] command [[modifiers] args]"


def route(call: Call) -> int:
    """`route -n get [-inet] [-ifscope IF] default|ADDRESS`; exits 0 without a route.

    `route -n monitor` tells of changes until it is ended.
    """
    words = [w for w in call.argv[1:] if w not in ("-n", "-v", "-q", "-t", "-d", "-nv")]
    if words == ["monitor"]:
        call.goes_on = True
        return 0
    if not words or words[0] != "get":
        if words and words[0] in ("add", "delete", "change", "flush"):
            return _alter(call, words)
        if words:
            call.warn(f"route: bad keyword: {words[0]}")
        raise call.fail(ROUTE_USAGE, 64)
    call.looked = True
    scope, target = _destination(call, words[1:])
    number: Optional[int] = None
    if target not in ("default", "0.0.0.0"):  # noqa: S104  (a route's name, no socket)
        try:
            number = network(target)[0]
        except ValueError:
            raise call.fail(f"route: bad address: {target}", 68) from None
    found = route_to(call.state, number, scope)
    if found is None:
        call.warn("route: writing to routing socket: not in table")
        return 0
    _show_route(call, target, found, scope)
    return 0


def _destination(call: Call, words: List[str]) -> Tuple[Optional[str], str]:
    scope: Optional[str] = None
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag == "-ifscope":
            if not words:
                raise call.fail(ROUTE_USAGE, 64)
            scope = words.pop(0)
            if find(call.state, scope) is None:
                raise call.fail("route: bad interface name", 1)
        elif flag not in ("-inet", "-host", "-net"):
            call.warn(f"route: bad keyword: {flag[1:]}")
            raise call.fail(ROUTE_USAGE, 64)
    if not words:
        raise call.fail(ROUTE_USAGE, 64)
    return scope, words[0]


def _show_route(call: Call, target: str, found: Route, scope: Optional[str]) -> None:
    first, prefix = found.net
    call.say(f"   route to: {target}")
    # An address of zeros is printed as a word, whatever its mask (route.c, routename).
    call.say(f"destination: {dotted(first) if first else 'default'}")
    call.say(f"       mask: {dotted(mask_of(prefix)) if prefix else 'default'}")
    flags = ["UP"]
    if found.gateway:
        call.say(f"    gateway: {found.gateway}")
        flags += ["GATEWAY", "DONE", "STATIC", "PRCLONING"]
    else:
        flags += ["DONE", "CLONING", "STATIC"] if prefix > 1 else ["DONE", "STATIC", "PRCLONING"]
    flags.append("IFSCOPE" if scope else "GLOBAL")
    call.say(f"  interface: {found.interface}")
    call.say(f"      flags: <{','.join(flags)}>")
    item = find(call.state, found.interface)
    mtu = item["mtu"] if item else 1500
    call.say(" recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire")
    call.say("".join(f"{n:8d}  " for n in (0, 0, 0, 0, 0, 0)) + f"{mtu:8d}  {0:8d} ")


def _alter(call: Call, words: List[str]) -> int:
    """`route add -net SUBNET -interface IF` and `route delete -net SUBNET` (fault F06)."""
    if not call.root:
        raise call.fail("route: must be root to alter routing table", 77)
    plain = [w for w in words[1:] if not w.startswith("-")]
    if not plain:
        raise call.fail(ROUTE_USAGE, 64)
    call.state["routes"] = [r for r in call.state["routes"] if r[0] != plain[0]]
    if words[0] == "add" and len(plain) > 1:
        call.state["routes"].append([plain[0], plain[1]])
    call.world.effect()
    call.say(f"{words[0]} net {plain[0]}")
    return 0


def told(state: Dict[str, Any]) -> Dict[str, Any]:
    """What `route monitor` tells the changes of: interfaces, their addresses, default routes."""
    found: Dict[str, Any] = {}
    for number, item in enumerate(state["interfaces"], 1):
        name = item["name"]
        found["link " + name] = (number, name, item["flags"], bool(item["active"]))
        for text, prefix in item["inet"]:
            found[f"address {name} {text}"] = (name, text, prefix)
    for target in (None, address("8.8.8.8")):
        way = route_to(state, target)
        if way is not None:
            where = "default" if way.net == (0, 0) else dotted(way.net[0])
            gateway = way.gateway or way.interface
            found["route " + where] = (where, gateway, dotted(mask_of(way.net[1])))
    return found


def changes(before: Dict[str, Any], after: Dict[str, Any]) -> List[str]:
    """The messages of `route -n monitor` between two of `told`, as a Mac prints them."""
    lines: List[str] = []

    def message(size: int, kind: str, detail: str, names: str, values: str) -> None:
        import time

        lines.append(f"\ngot message of size {size} on {time.ctime()}")
        lines.append(f"{kind}: len {size}, {detail}")
        if kind.startswith(("RTM_ADD", "RTM_DELETE")):
            lines.append("locks:  inits: ")
        lines.append(f"sockaddrs: <{names}>\n {values}")

    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        what = key.split()[0]
        one: Any = new or old
        if what == "link":
            detail = f"if# {one[0]}, flags:{one[2][one[2].index('<') :]}"
            message(112, "RTM_IFINFO: iface status change", detail, "IFP", one[1])
        elif what == "address":
            kind = "RTM_NEWADDR: address being added to iface"
            if new is None:
                kind = "RTM_DELADDR: address being removed from iface"
            values = f"{dotted(mask_of(one[2]))} {one[0]} {one[1]} {one[1]}"
            message(124, kind, "metric 0, flags:<UP>", "NETMASK,IFP,IFA,BRD", values)
        else:
            for kind, row in (("RTM_DELETE: Delete Route", old), ("RTM_ADD: Add Route", new)):
                if row is not None:
                    detail = "pid: 132, seq 1, errno 0, flags:<UP,GATEWAY,DONE,STATIC,PRCLONING>"
                    message(144, kind, detail, "DST,GATEWAY,NETMASK", " ".join(row))
    return lines


# -- /sbin/ifconfig


def ifconfig(call: Call) -> int:
    """`ifconfig -a | -l | [-v] IF`."""
    words = call.argv[1:]
    verbose = "-v" in words
    plain = [w for w in words if not w.startswith("-")]
    items = call.state["interfaces"]
    if "-l" in words:
        call.say(" ".join(item["name"] for item in items))
        return 0
    if plain:
        item = find(call.state, plain[0])
        if item is None:
            raise call.fail(f"ifconfig: interface {plain[0]} does not exist")
        items = [item]
    for number, item in enumerate(items, 1):
        _show_interface(call, item, number if verbose else None)
    return 0


def _show_interface(call: Call, item: Dict[str, Any], index: Optional[int]) -> None:
    call.say(f"{item['name']}: flags={item['flags']} mtu {item['mtu']}")
    if index is not None:
        call.say(f"\tindex {index}")
    if item.get("options"):
        call.say(f"\toptions={item['options']}")
    if item["mac"]:
        call.say(f"\tether {item['mac']}")
    for text in item["inet6"]:
        call.say(f"\tinet6 {text} prefixlen 64")
    for text, prefix in item["inet"]:
        call.say(f"\tinet {text} {_netmask(item, text, prefix)}")
    for member in item["members"]:
        call.say(f"\tmember: {member} flags=10003<LEARNING,DISCOVER,CSUM>")
        call.say("\t        ifmaxaddr 0 port 24 priority 0 path cost 0")
    if item["port"] and item["mac"]:
        call.say("\tmedia: autoselect")
    if (item["port"] and item["mac"]) or item["members"]:
        call.say(f"\tstatus: {'active' if item['active'] else 'inactive'}")


def _netmask(item: Dict[str, Any], text: str, prefix: int) -> str:
    mask = mask_of(prefix)
    if item["name"].startswith("utun"):
        return f"--> {text} netmask {mask:#010x}"
    if item["name"].startswith("lo"):
        return f"netmask {mask:#010x}"
    broadcast = dotted(address(text) | ~mask & 0xFFFFFFFF)
    return f"netmask {mask:#010x} broadcast {broadcast}"


# -- /usr/sbin/networksetup, scutil, netstat


def networksetup(call: Call) -> int:
    """`networksetup -listallhardwareports`: hardware only, no utun and no bridge of vmnet's."""
    if call.argv[1:] != ["-listallhardwareports"]:
        raise call.fail("networksetup: only -listallhardwareports is simulated", 4)
    for item in call.state["interfaces"]:
        if item["port"]:
            call.say("")
            call.say(f"Hardware Port: {item['port']}")
            call.say(f"Device: {item['name']}")
            call.say(f"Ethernet Address: {item['mac'] or 'N/A'}")
    call.say("")
    call.say("VLAN Configurations")
    call.say("===================")
    return 0


def scutil(call: Call) -> int:
    """`scutil --nwi | --dns | --proxy`."""
    what = call.argv[1] if len(call.argv) > 1 else ""
    if what == "--nwi":
        _show_nwi(call)
    elif what == "--dns":
        _show_dns(call)
    elif what == "--proxy":
        call.say("<dictionary> {")
        for key, value in call.state["proxy"].items():
            call.say(f"  {key} : {value}")
        call.say("}")
    else:
        raise call.fail("usage: scutil --nwi | --dns | --proxy", 64)
    return 0


def _show_nwi(call: Call) -> None:
    state = call.state
    first = primary(state)
    shown = [i for i in uplinks(state) if first is None or i["name"] != first["name"]]
    if first is not None:
        shown.insert(0, first)
    shown = [item for item in shown if item["inet"]]
    call.say("Network information")
    for family, key in (("IPv4", "inet"), ("IPv6", "inet6")):
        call.say(f"\n{family} network interface information")
        rows = [item for item in shown if item[key]]
        for item in rows:
            names = [f for f, k in (("IPv4", "inet"), ("IPv6", "inet6")) if item[k]] + ["DNS"]
            value = 4 + (1 if item["inet"] else 0) + (2 if item["inet6"] else 0)
            text = item[key][0][0] if key == "inet" else item[key][0]
            call.say(f"{item['name']:>8} : flags      : {value:#x} ({','.join(names)})")
            call.say(f"           address    : {text}")
            call.say("           reach      : 0x00000002 (Reachable)\n")
        if not rows:
            call.say(f"   No {family} states found\n")
        reach = "0x00000002 (Reachable)" if rows else "0x00000000 (Not Reachable)"
        call.say(f"   REACH : flags {reach}")
    if shown:
        call.say(f"\nNetwork interfaces: {' '.join(item['name'] for item in shown)}")


def _show_dns(call: Call) -> None:
    call.say("DNS configuration")
    first = primary(call.state)
    number = 1
    if first is not None and first["dns"]:
        call.say(f"\nresolver #{number}\n  nameserver[0] : {first['dns']}")
        call.say(f"  if_index : 12 ({first['name']})\n  flags    : Request A records")
        call.say("  reach    : 0x00000002 (Reachable)")
        number += 1
    for domain in call.state["domains"]:
        call.say(f"\nresolver #{number}\n  domain   : {domain}\n  nameserver[0] : 127.0.0.1")
        call.say(f"  port     : {_resolver_port(call, domain)}")
        number += 1


def _resolver_port(call: Call, domain: str) -> str:
    """The port in a domain's file: another one for domains that mean the Mac (container.md, 1)."""
    place = call.world.host(f"/etc/resolver/containerization.{domain}")
    with open(place, encoding="utf-8") as file:
        ports = [line.split()[1] for line in file if line.startswith("port ")]
    return ports[0] if ports else "53"


def netstat(call: Call) -> int:
    """`netstat -rn -f inet`."""
    state = call.state
    first = primary(state)
    call.say("Routing tables\n\nInternet:")
    call.say("Destination        Gateway            Flags               Netif Expire")
    index = {item["name"]: number for number, item in enumerate(state["interfaces"], 1)}
    if first is not None:
        gateway = first["gateway"] or f"link#{index[first['name']]}"
        flags = "UGScg" if first["gateway"] else "UCSg"
        call.say(f"{'default':18} {gateway:18} {flags:19} {first['name']:>5}")
    for item in uplinks(state):
        if first is None or item["name"] != first["name"]:
            call.say(f"{'default':18} {item['gateway']:18} {'UGScIg':19} {item['name']:>5}")
    for item in state["interfaces"]:
        if item["name"].startswith("bridge") and item["members"]:
            link = f"link#{index[item['name']]}"
            call.say(f"{'default':18} {link:18} {'UCSIg':19} {item['name']:>5}      !")
    for found in _routes(state):
        if found.net != (0, 0):
            link = f"link#{index.get(found.interface, 0)}"
            call.say(f"{_short(found.net):18} {link:18} {'UCS':19} {found.interface:>5}")
    return 0


def _short(net: Tuple[int, int]) -> str:
    """A network as netstat writes it: `192.168.64`, `10/8`, `0/1`."""
    parts = dotted(net[0]).split(".")
    if net[1] % 8 == 0 and net[1] >= 16:
        return ".".join(parts[: net[1] // 8])
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return f"{'.'.join(parts)}/{net[1]}"


# -- /usr/sbin/lsof


def lsof(call: Call) -> int:
    """`lsof -nP -iUDP:53 -iTCP:53`: who holds a resolver's port. Exit 1 when nobody does."""
    ports = {w.rsplit(":", 1)[1] for w in call.argv[1:] if w.startswith("-i") and ":" in w}
    rows = [r for r in call.state["sockets"] if not ports or str(r["port"]) in ports]
    if not call.root:
        rows = [r for r in rows if r["user"] == call.user]
    if not rows:
        return 1
    call.say("COMMAND     PID           USER   FD   TYPE             DEVICE SIZE/OFF NODE NAME")
    for number, row in enumerate(rows):
        node = row["proto"] + f" {row['address']}:{row['port']}"
        if row["proto"] == "TCP":
            node += " (LISTEN)"
        call.say(
            f"{row['command'][:9]:9} {row['pid']:>5} {row['user']:>14} {6 + number:>3}u  "
            f"{row['family']} 0x{number + 1:016x}      0t0  {node}"
        )
    return 0
