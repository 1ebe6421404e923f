"""What macOS does for containers by itself: bridges, and vmnet's own rules.

macos.md, 5 and 7. A bridge is there while a container of its network runs. vmnet
translates through anchors of its own, which it calls from the main ruleset. How it does so, and how
it cleans up, is not established (macos.md, 15): MANNERS has the ways that Apple's kernel allows.
"""

from __future__ import annotations

from . import net, pf_kernel
from .pf_grammar import parse
from .pf_rules import anchor_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    State = Dict[str, Any]

__all__ = ["MANNERS", "bridge_of", "lose_calls", "network_of", "refresh", "start", "stop", "tidy"]

SHARING = "com.apple.internet-sharing"
PROCESS = "InternetSharing"
CALLED = ("scrub", "nat", "rdr", "dummynet", "filter")
FIRST_BRIDGE = 100
# Whether it writes the main ruleset anew with its first bridge, or puts its calls behind the lines
# that are there; what it takes away with the last one; how many seconds later; and whether its
# emptied anchors stay listed until the next boot, as anybody else's do.
MANNERS: Dict[str, Dict[str, Any]] = {
    "prompt": {"writes": True, "removes": "all", "later": 0, "listed": False},
    "late": {"writes": True, "removes": "all", "later": 7, "listed": False},
    "listed": {"writes": True, "removes": "all", "later": 0, "listed": True},
    "ticket": {"writes": False, "removes": "ticket", "later": 0, "listed": True},
    "owner": {"writes": False, "removes": "owner", "later": 0, "listed": True},
}


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
        if state["vmnet"].get("due") is not None:
            # It has not noticed yet that nobody was left, and takes its lines to be there.
            state["vmnet"]["due"] = None
        elif first:
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
    state["vmnet"]["due"] = state["clock"] + _manner(state)["later"]
    tidy(state)


def tidy(state: State) -> None:
    """The time for vmnet's own cleaning up may have come."""
    due = state["vmnet"].get("due")
    if due is None or state["clock"] < due:
        return
    pf, manner = state["pf"], _manner(state)
    own = [name for name in pf["anchors"] if name.startswith(SHARING)]
    if manner["removes"] == "all":
        lose_calls(state)
        for path in own:
            del pf["anchors"][path]
    else:
        for path in own:
            pf["anchors"][path]["tables"] = {}
        by_ticket = manner["removes"] == "ticket"
        remove = pf_kernel.delete_by_ticket if by_ticket else pf_kernel.delete_by_owner
        remove(pf, SHARING)
    if not manner["listed"]:
        pf["keep"] = [path for path in pf["keep"] if not path.startswith(SHARING)]
    pf_kernel.collect(pf)
    token = state["vmnet"]["token"]
    if any(r["token"] == token and r["name"] == PROCESS for r in pf["tokens"]):
        pf_kernel.stop_reference(state, token)
    state["vmnet"].update({"token": None, "due": None})


def _manner(state: State) -> Dict[str, Any]:
    # A Mac that was laid before there were manners has none.
    return MANNERS[state["vmnet"].get("manner", "prompt")]


# -- vmnet's rules


def _write_main(state: State, pid: int) -> None:
    """vmnet's calls come into the main ruleset. Where it is written anew, lines of others go."""
    main = state["pf"]["anchors"][""]
    calls = {kind: [anchor_call(kind, SHARING)] for kind in CALLED if kind != "dummynet"}
    if not _manner(state)["writes"]:
        for rules in calls.values():
            pf_kernel.insert(state["pf"], "", rules, SHARING, pid)
        return
    for kind in CALLED:
        lines = [anchor_call(kind, "com.apple/*"), *calls.get(kind, [])]
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
    """vmnet's lines in one of its anchors, in place of those that it put there before."""
    text = "".join(line + "\n" for line in lines)
    parsed = parse(text, path, path, addresses=lambda _: [], read=lambda _: None)
    pf = state["pf"]
    if _manner(state)["removes"] == "all":
        pf_kernel.install(state, path, [parsed], ["nat", "rdr", "filter"], pid)
        return
    ruleset = pf["anchors"].setdefault(path, pf_kernel.empty())
    for kind in CALLED:
        ruleset[kind] = [rule for rule in ruleset[kind] if rule.get("owner") != SHARING]
    ruleset["tables"] = dict(parsed.tables.get(path, {}))
    pf_kernel.insert(pf, path, [rule for _, rule in parsed.rules], SHARING, pid)
    pf_kernel.collect(pf)
