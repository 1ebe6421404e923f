"""What macOS does for containers by itself: bridges, vmnet's own rules, and a packet's way out.

macos-facts, 5 and 7; faults, 0. A bridge is there while a container of its network runs. vmnet
translates through anchors of its own, which it calls from a main ruleset that it writes anew.
"""

from __future__ import annotations

from . import net, pf_kernel
from .pf_grammar import parse
from .pf_rules import anchor_call, echo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    State = Dict[str, Any]

__all__ = ["Trace", "bridge_of", "lose_calls", "network_of", "refresh", "start", "stop", "trace"]

SHARING = "com.apple.internet-sharing"
PROCESS = "InternetSharing"
CALLED = ("scrub", "nat", "rdr", "dummynet", "filter")
FIRST_BRIDGE = 100
INTERNET = "160.79.104.10"


# -- networks and bridges


def network_of(state: State, name: str) -> Optional[Dict[str, Any]]:
    """The container network of that name: `id`, `cidr`, `mode`."""
    for item in state["container"]["networks"]:
        if item["id"] == name:
            found: Dict[str, Any] = item
            return found
    return None


def gateway(network: Dict[str, Any]) -> str:
    """The first address of a container network, which the Mac has on the bridge."""
    return net.dotted(net.network(network["cidr"])[0] + 1)


def bridge_of(state: State, network: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The bridge of a network, while there is one."""
    for item in state["interfaces"]:
        if item["members"] and [gateway(network), net.network(network["cidr"])[1]] in item["inet"]:
            return net.dict_of(item)
    return None


def _running(state: State, network: Dict[str, Any]) -> bool:
    return any(
        item["network"] == network["id"] and item["running"]
        for item in state["container"]["containers"]
    )


def _bridged(state: State) -> List[Dict[str, Any]]:
    return [item for item in state["container"]["networks"] if bridge_of(state, item)]


def start(state: State, network: Dict[str, Any], pid: int) -> None:
    """A network gets its first container: the bridge comes, and vmnet's rules with it."""
    if bridge_of(state, network) is not None:
        return
    first = not _bridged(state)
    number = FIRST_BRIDGE
    while net.find(state, f"bridge{number}") is not None:
        number += 1
    member = 0
    while net.find(state, f"vmenet{member}") is not None:
        member += 1
    flags = "8963<UP,BROADCAST,SMART,RUNNING,PROMISC,SIMPLEX,MULTICAST>"
    state["interfaces"].append(net.interface(f"vmenet{member}", flags=flags))
    state["interfaces"].append(
        net.interface(
            f"bridge{number}",
            flags="8a63<UP,BROADCAST,SMART,RUNNING,ALLMULTI,SIMPLEX,MULTICAST>",
            options="63<RXCSUM,TXCSUM,TSO4,TSO6>",
            mac=f"82:0f:1c:5a:6b:{number:02x}",
            inet=[[gateway(network), net.network(network["cidr"])[1]]],
            members=[f"vmenet{member}"],
        )
    )
    if state["vmnet"]["nat"] or state["vmnet"]["token"] is not None:
        if first:
            pinned = net.primary(state)
            state["vmnet"]["stale"] = False
            state["vmnet"]["uplink"] = pinned["name"] if pinned and pinned["inet"] else None
            state["sysctl"]["net.inet.ip.forwarding"] = "1"
            state["vmnet"]["token"] = pf_kernel.start_reference(state, pid, PROCESS)
            _write_main(state, pid)
        refresh(state, pid)


def stop(state: State, network: Dict[str, Any], pid: int) -> None:
    """A network lost its last container: its bridge goes, and vmnet's rules with the last one."""
    bridge = bridge_of(state, network)
    if bridge is None or _running(state, network):
        return
    gone = {bridge["name"], *bridge["members"]}
    state["interfaces"] = [item for item in state["interfaces"] if item["name"] not in gone]
    inside = net.network(network["cidr"])
    kept = [row for row in state["pf"]["states"] if not net.holds(inside, net.address(row["from"]))]
    state["pf"]["states"] = kept
    if state["vmnet"]["token"] is None:
        return
    if _bridged(state):
        refresh(state, pid)
        return
    lose_calls(state)
    anchors = state["pf"]["anchors"]
    for path in [name for name in anchors if name.startswith(SHARING)]:
        del anchors[path]
    pf_kernel.collect(state["pf"])
    token = state["vmnet"]["token"]
    if any(r["token"] == token and r["name"] == PROCESS for r in state["pf"]["tokens"]):
        pf_kernel.stop_reference(state, token)
    state["vmnet"]["token"] = None


# -- vmnet's rules


def _write_main(state: State, pid: int) -> None:
    """vmnet writes the main ruleset anew; lines of others in it are gone (faults, 0)."""
    main = state["pf"]["anchors"][""]
    for kind in CALLED:
        lines = [anchor_call(kind, "com.apple/*")]
        if kind != "dummynet":
            lines.append(anchor_call(kind, SHARING))
        main[kind] = [{**line, **_counters(pid)} for line in lines]
    main["binat"] = []
    pf_kernel.collect(state["pf"])


def _counters(pid: int) -> Dict[str, int]:
    return {"evaluations": 0, "packets": 0, "bytes": 0, "pid": pid}


def lose_calls(state: State) -> None:
    """The main ruleset no longer calls vmnet's anchors; the anchors stay (fault F01)."""
    main = state["pf"]["anchors"][""]
    for kind in CALLED:
        main[kind] = [r for r in main[kind] if not str(r.get("call", "")).startswith(SHARING)]


def refresh(state: State, pid: int) -> None:
    """vmnet's own anchors for today's bridges and uplink, unless they went stale."""
    if state["vmnet"]["token"] is None or not _bridged(state):
        return
    uplink = _uplink(state)
    nat, isolation, subnets = [], [], []
    for network in _bridged(state):
        bridge = bridge_of(state, network)
        name = bridge["name"] if bridge else ""
        cidr = network["cidr"]
        subnets.append(cidr)
        isolation.append(f"pass quick on {name} inet from {cidr} to {cidr} flags any keep state")
        if network["mode"] == "nat":
            if uplink:
                nat.append(f"nat on {uplink} inet from {cidr} to any -> ({uplink}:0) extfilter ei")
            nat.append(f"no nat on {name} inet from {gateway(network)} to {cidr}")
    table = "network_isolation_table_v4"
    isolation.append(f"block drop quick inet from <{table}> to <{table}>")
    isolation.insert(0, f"table <{table}> persist {{ {' '.join(subnets)} }}")
    calls = [f'nat-anchor "{name}"' for name in ("base_v4", "shared_v4")]
    _load(state, SHARING, [*calls, 'anchor "network_isolation"'], pid)
    _load(state, f"{SHARING}/shared_v4", nat, pid)
    _load(state, f"{SHARING}/network_isolation", isolation, pid)


def _uplink(state: State) -> Optional[str]:
    """The uplink vmnet's rule names (faults, F03, F07).

    It is that of the default route when the first container starts, a tunnel's included. From one
    port to another it follows; to a tunnel or away from one it does not.
    """
    kept: Optional[str] = state["vmnet"]["uplink"]
    if kept is not None and (state["vmnet"]["stale"] or kept.startswith("utun")):
        return kept
    ready = net.uplinks(state)
    found: Optional[str] = ready[0]["name"] if ready else kept
    state["vmnet"]["uplink"] = found
    return found


def _load(state: State, path: str, lines: List[str], pid: int) -> None:
    text = "".join(line + "\n" for line in lines)
    parsed = parse(text, path, path, addresses=lambda _: [], read=lambda _: None)
    pf_kernel.install(state, path, [parsed], ["nat", "rdr", "filter"], pid)


# -- a packet's way


class Trace:
    """What became of a packet from a container.

    `result` is "ok" or why it got no answer; `uplink` by what it left the Mac, or None; `source`
    the address it left with.
    """

    def __init__(
        self, result: str, uplink: Optional[str] = None, source: Optional[str] = None
    ) -> None:
        self.result = result
        self.uplink = uplink
        self.source = source


def trace(state: State, subnet: str, target: str = INTERNET, port: int = 443) -> Trace:
    """Follow one connection from the second guest of a subnet to an address and back."""
    network = next((n for n in state["container"]["networks"] if n["cidr"] == subnet), None)
    bridge = bridge_of(state, network) if network else None
    if bridge is None:
        return Trace("no bridge")
    source = net.dotted(net.network(subnet)[0] + 3)
    number = net.address(target)
    pf = state["pf"]
    pf["counters"]["searches"] += 2
    entering = pf_kernel.Packet("in", bridge["name"], net.address(source), number, port=port)
    stopped = _blocked(state, entering)
    if stopped:
        return Trace(f"blocked: {stopped}")
    if state["sysctl"]["net.inet.ip.forwarding"] != "1":
        return Trace("forwarding is 0")
    found = net.route_to(state, number)
    if found is None:
        return Trace("no route")
    return _leave(state, source, number, port, found.interface)


def _leave(state: State, source: str, number: int, port: int, uplink: str) -> Trace:
    pf = state["pf"]
    leaving = pf_kernel.Packet("out", uplink, net.address(source), number, port=port)
    outside: Optional[str] = source
    rule = None
    if pf["enabled"]:
        rule = pf_kernel.translation(state, leaving)
        if rule is not None and not rule.get("no"):
            outside = pf_kernel.translated_source(state, rule)
            # A utun without an address: nothing is translated, and no later rule is tried.
            leaving.src = net.address(outside or source)
    stopped = _blocked(state, leaving)
    if stopped:
        return Trace(f"blocked: {stopped}")
    item = net.find(state, uplink)
    if item is not None and item["members"]:
        return Trace("ok", uplink, source)
    if rule is None or rule.get("no"):
        return Trace("not translated", uplink, source)
    if outside is None:
        return Trace(f"leaks: {uplink} has no address", uplink, source)
    if item is None or not any(outside == own for own, _ in item["inet"]):
        return Trace("translated to a foreign address", uplink, outside)
    if not state["internet"] or uplink in state["dead_uplinks"]:
        return Trace("no answer from the internet", uplink, outside)
    pf["states"].append(
        {"from": source, "to": net.dotted(number), "via": uplink, "rule": echo(rule)}
    )
    pf["counters"]["inserts"] += 1
    return Trace("ok", uplink, outside)


def _blocked(state: State, packet: pf_kernel.Packet) -> str:
    """The rule that stops a packet, as text; empty when none does."""
    if not state["pf"]["enabled"]:
        return ""
    rule = pf_kernel.filter_verdict(state, packet)
    return echo(rule) if rule is not None and rule["action"] == "block" else ""


def neighbour(state: State, subnet: str, uplink: str) -> str:
    """Whether somebody on the uplink's network gets into a subnet: "ok", or what stops it."""
    inside = net.network(subnet)[0] + 3
    item = net.find(state, uplink)
    if item is None or not item["inet"]:
        return "no uplink"
    source = net.address(item["inet"][0][0]) + 1
    stopped = _blocked(state, pf_kernel.Packet("in", uplink, source, inside))
    if stopped:
        return f"blocked: {stopped}"
    if state["sysctl"]["net.inet.ip.forwarding"] != "1":
        return "forwarding is 0"
    found = net.route_to(state, inside)
    if found is None or not found.interface.startswith("bridge"):
        return "no bridge"
    stopped = _blocked(state, pf_kernel.Packet("out", found.interface, source, inside))
    return f"blocked: {stopped}" if stopped else "ok"
