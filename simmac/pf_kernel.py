"""pf inside the kernel: rulesets in a tree of anchors, tokens, and what a packet meets.

macos.md, 4 to 6; macos.md, 12. In the state, `pf["anchors"]` is {path: ruleset}, the
main ruleset's path being "". A ruleset has a list for each kind of rule, and its tables. `keep` has
the paths that pf lists though nothing may be left there.
"""

from __future__ import annotations

import os

from . import net
from .pf_rules import KINDS, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Set

    from .pf_grammar import Parsed
    from .pf_rules import Host, Rule

    State = Dict[str, Any]

__all__ = [
    "Packet",
    "absolute",
    "children",
    "collect",
    "delete_by_owner",
    "delete_by_ticket",
    "empty",
    "exists",
    "filter_verdict",
    "fresh",
    "insert",
    "install",
    "start",
    "start_reference",
    "stop",
    "stop_reference",
    "translated_source",
    "translation",
]


def empty() -> Dict[str, Any]:
    """A ruleset without a rule."""
    made: Dict[str, Any] = {kind: [] for kind in KINDS}
    made["tables"] = {}
    return made


def fresh() -> State:
    """pf as the kernel has it after a boot."""
    return {
        "enabled": False,
        "ever": False,
        "since": 0,
        "references": 0,
        "tokens": [],
        "dead": [],
        "anchors": {"": empty()},
        "keep": [],
        "skip": [],
        "states": [],
        "counters": {"searches": 0, "inserts": 0, "removals": 0, "match": 0},
    }


# -- the tree of anchors


def absolute(parent: str, call: str) -> str:
    """The full path that a call line in an anchor names."""
    if call.startswith("/"):
        return call.lstrip("/")
    return f"{parent}/{call}" if parent else call


def _bare(path: str) -> str:
    return path[:-2] if path.endswith("/*") else path


def _ancestors(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def children(pf: State, path: str) -> List[str]:
    """The direct children of an anchor, as full paths, in the order in which pf visits them."""
    lead = f"{path}/" if path else ""
    found = {
        lead + name[len(lead) :].split("/")[0]
        for name in (*pf["anchors"], *pf["keep"])
        if name and name.startswith(lead) and name != path
    }
    # The kernel's tree is ordered by the bytes of the whole path.
    return sorted(found, key=lambda name: name.encode())


def exists(pf: State, path: str) -> bool:
    """Whether the kernel knows an anchor of that path."""
    return path in pf["anchors"] or any(f"{kept}/".startswith(f"{path}/") for kept in pf["keep"])


def collect(pf: State) -> None:
    """Free anchors that hold nothing and that no line calls (pf_remove_if_empty_ruleset).

    pf goes on listing those that once held a rule until the Mac restarts (macos.md, 12).
    """
    anchors = pf["anchors"]
    while True:
        wanted = {""}
        for path, ruleset in anchors.items():
            if _held(pf, path):
                wanted.update([path, *_ancestors(path)])
            for kind in KINDS:
                for rule in ruleset[kind]:
                    if "call" in rule:
                        called = _bare(absolute(path, rule["call"]))
                        wanted.update([called, *_ancestors(called)])
        gone = [path for path in anchors if path not in wanted]
        for path in gone:
            del anchors[path]
        for path in sorted(wanted - set(anchors)):
            anchors[path] = empty()
        if not gone:
            return


def install(state: State, anchor: str, files: List[Parsed], kinds: Iterable[str], pid: int) -> None:
    """Commit what was parsed: the rulesets named are replaced, all at once; others stay."""
    pf = state["pf"]
    kinds = list(kinds)
    # The ruleset that was loaded is replaced even where the file holds nothing for it.
    paths = {anchor}
    for parsed in files:
        paths.update(path for path, _ in parsed.rules)
        paths.update(parsed.tables)
        paths.update(path for path, _ in parsed.loads)
    for path in paths:
        ruleset = pf["anchors"].setdefault(path, empty())
        for kind in kinds:
            ruleset[kind] = []
        if "filter" in kinds:
            ruleset["tables"] = {}
    for parsed in files:
        for path, tables in parsed.tables.items():
            pf["anchors"][path]["tables"].update(tables)
        for path, rule in parsed.rules:
            _append(pf["anchors"][path], rule, kinds, pid)
        if anchor == "" and parsed.skip:
            pf["skip"] = list(parsed.skip)
    _list(pf, paths)
    collect(pf)


def _list(pf: State, paths: Iterable[str]) -> None:
    """Anchors that hold something are listed until the Mac restarts."""
    pf["keep"] += sorted(path for path in {*paths} - {"", *pf["keep"]} if _held(pf, path))


def _held(pf: State, path: str) -> bool:
    ruleset = pf["anchors"][path]
    return any(ruleset[key] for key in ruleset)


def _append(ruleset: Dict[str, Any], rule: Rule, kinds: List[str], pid: int) -> None:
    if kind_of(rule) in kinds:
        ruleset[kind_of(rule)].append(
            {**rule, "evaluations": 0, "packets": 0, "bytes": 0, "pid": pid}
        )


# -- single rules, as programs of Apple's put them in and take them out (macos.md, 5)


def insert(pf: State, path: str, rules: Iterable[Rule], owner: str, pid: int) -> None:
    """DIOCINSERTRULE: rules behind those that are there, each with a ticket and an owner. What
    pfctl loads has neither."""
    ruleset = pf["anchors"].setdefault(path, empty())
    for rule in rules:
        pf["ticket"] = pf.get("ticket", 0) + 1
        _append(ruleset, {**rule, "ticket": pf["ticket"], "owner": owner}, list(KINDS), pid)
    _list(pf, [path])


def delete_by_ticket(pf: State, owner: str) -> None:
    """DIOCDELETERULE for every ticket that `owner` was given (pf_delete_rule_by_ticket); equal
    lines that somebody else has loaded stay."""
    for ruleset in pf["anchors"].values():
        for kind in KINDS:
            ruleset[kind] = [r for r in ruleset[kind] if r.get("owner") != owner]
    collect(pf)


def delete_by_owner(pf: State, owner: str) -> None:
    """DIOCDELETERULE without a ticket (pf_delete_rule_by_owner): the owner's rules, as far as calls
    lead to them; and every call, nobody's too, of an anchor that has no rule of that kind itself.
    """
    for kind in KINDS:
        _thin(pf, "", kind, owner)
    collect(pf)


def _thin(pf: State, path: str, kind: str, owner: str) -> None:
    kept = []
    for rule in pf["anchors"].get(path, empty())[kind]:
        of = rule.get("owner", "")
        if "call" not in rule:
            goes = of == owner
        elif of in (owner, ""):
            called = _bare(absolute(path, rule["call"]))
            _thin(pf, called, kind, owner)
            goes = not pf["anchors"].get(called, empty())[kind]
        else:
            goes = False
        if not goes:
            kept.append(rule)
    if path in pf["anchors"]:
        pf["anchors"][path][kind] = kept


# -- enable references (macos.md, 4)


def start_reference(state: State, pid: int, name: str) -> int:
    """DIOCSTARTREF, `pfctl -E`: pf is on, and a token says who wants it."""
    pf = state["pf"]
    # A token is a hash of a kernel address: a number can be handed out again.
    if state["tokens_come_back"] and pf["dead"]:
        token = int(pf["dead"].pop())
    else:
        token = int.from_bytes(os.urandom(8), "big") | 1 << 62
    pf["tokens"].insert(0, {"pid": pid, "name": name, "token": token, "at": state["clock"]})
    pf["references"] += 1
    _switch(state, True)
    return token


def stop_reference(state: State, token: int) -> Optional[int]:
    """DIOCSTOPREF, `pfctl -X`: how many references remain, None for an unknown token."""
    pf = state["pf"]
    kept = [row for row in pf["tokens"] if row["token"] != token]
    if len(kept) == len(pf["tokens"]):
        return None
    pf["tokens"] = kept
    pf["dead"].append(token)
    pf["references"] -= 1
    if pf["references"] == 0:
        _switch(state, False)
    return int(pf["references"])


def start(state: State) -> bool:
    """DIOCSTART, `pfctl -e`: False (EEXIST) when on, with an anonymous reference all the same."""
    pf = state["pf"]
    was_on = bool(pf["enabled"])
    if pf["references"] == len(pf["tokens"]):
        pf["references"] += 1
    _switch(state, True)
    return not was_on


def stop(state: State) -> bool:
    """DIOCSTOP, `pfctl -d`: False when off; every token dies, whoever held it."""
    pf = state["pf"]
    if not pf["enabled"]:
        return False
    pf["dead"] += [row["token"] for row in pf["tokens"]]
    pf["tokens"], pf["references"] = [], 0
    _switch(state, False)
    return True


def _switch(state: State, on: bool) -> None:
    pf = state["pf"]
    if pf["enabled"] != on:
        pf["enabled"], pf["since"], pf["ever"] = on, state["clock"], True


# -- packets


EPHEMERAL = 49152


class Packet:
    """One packet as a rule sees it. `direction` is in or out; addresses are numbers.

    It is the first of a connection to `port`, or the answer to that: with SYN or with SYN and ACK,
    an echo request or its reply.
    """

    def __init__(
        self,
        direction: str,
        iface: str,
        src: int,
        dst: int,
        *,
        proto: str = "tcp",
        port: int = 443,
        answer: bool = False,
    ) -> None:
        self.direction = direction
        self.iface = iface
        self.src = src
        self.dst = dst
        self.proto = proto
        self.sport, self.dport = (port, EPHEMERAL) if answer else (EPHEMERAL, port)
        self.flags = {"S", "A"} if answer else {"S"}
        self.icmp = "echorep" if answer else "echoreq"

    def back(self) -> Packet:
        """Its answer, where it passes the same place on its way back."""
        direction = "out" if self.direction == "in" else "in"
        return Packet(
            direction,
            self.iface,
            self.dst,
            self.src,
            proto=self.proto,
            port=self.dport,
            answer=True,
        )


PACKETS, BYTES = 12, 4096  # what one fetch of a page comes to


def translation(state: State, packet: Packet) -> Optional[Rule]:
    """The first nat (or `no nat`) rule that fits, in pf's order; None without one."""
    pf = state["pf"]
    found = _first(state, pf, "", "nat", packet)
    if found is not None:
        _count(found)
    return found


def _first(state: State, pf: State, path: str, kind: str, packet: Packet) -> Optional[Rule]:
    for rule in pf["anchors"].get(path, empty())[kind]:
        rule["evaluations"] += 1
        if not _fits(state, path, rule, packet):
            continue
        if "call" not in rule:
            found: Rule = rule
            return found
        for child in _called(pf, path, rule):
            inner = _first(state, pf, child, kind, packet)
            if inner is not None:
                return inner
    return None


def _called(pf: State, path: str, rule: Rule) -> List[str]:
    target = absolute(path, rule["call"])
    if target.endswith("/*"):
        return children(pf, _bare(target))
    return [target]


def filter_verdict(state: State, packet: Packet) -> Optional[Rule]:
    """The rule that decides: the last that fits, or the first with `quick`; None passes."""
    pf = state["pf"]
    if packet.iface in pf["skip"]:
        return None
    found, _ = _last(state, pf, "", packet, None)
    if found is not None:
        _count(found)
    return found


def _last(
    state: State, pf: State, path: str, packet: Packet, best: Optional[Rule]
) -> tuple[Optional[Rule], bool]:
    for rule in pf["anchors"].get(path, empty())["filter"]:
        rule["evaluations"] += 1
        if not _fits(state, path, rule, packet):
            continue
        if "call" not in rule:
            best = rule
            if rule.get("quick"):
                return best, True
            continue
        for child in _called(pf, path, rule):
            best, done = _last(state, pf, child, packet, best)
            if done:
                return best, True
    return best, False


def _count(rule: Rule) -> None:
    rule["packets"] += PACKETS
    rule["bytes"] += BYTES


def _fits(state: State, path: str, rule: Rule, packet: Packet) -> bool:
    if rule.get("dir") and rule["dir"] != packet.direction:
        return False
    if rule.get("iface") and (rule["iface"] == packet.iface) == bool(rule.get("iface_not")):
        return False
    if rule.get("af") == "inet6" or rule.get("proto", packet.proto) != packet.proto:
        return False
    if rule.get("sport") and not _port_fits(rule["sport"], packet.sport):
        return False
    if rule.get("dport") and not _port_fits(rule["dport"], packet.dport):
        return False
    if rule.get("flags") and packet.proto == "tcp" and not _flags_fit(rule["flags"], packet.flags):
        return False
    if rule.get("icmp-type") and rule["icmp-type"].split(" ")[0] != packet.icmp:
        return False
    if rule.get("tagged") and not rule.get("tagged_not"):
        return False
    return _host_fits(state, path, rule["src"], packet.src, packet.iface) and _host_fits(
        state, path, rule["dst"], packet.dst, packet.iface
    )


def _flags_fit(text: str, flags: Set[str]) -> bool:
    """`S/SA`: of S and A, S alone."""
    if text == "any":
        return True
    wanted, _, looked_at = text.partition("/")
    return flags & set(looked_at) == set(wanted)


def _port_fits(text: str, port: int) -> bool:
    words = text.split()
    if len(words) == 1:
        low, high = words[0].split(":")
        return int(low) <= port <= int(high)
    if len(words) == 2:
        number = int(words[1])
        return {
            "=": port == number,
            "!=": port != number,
            "<": port < number,
            ">": port > number,
            "<=": port <= number,
            ">=": port >= number,
        }[words[0]]
    inside = int(words[0]) < port < int(words[2])
    return inside if words[1] == "><" else not inside


def _host_fits(state: State, path: str, host: Host, number: int, iface: str) -> bool:
    kind = host["type"]
    if kind == "any":
        hit = True
    elif kind == "net":
        hit = net.holds((host["net"][0], host["net"][1]), number)
    elif kind == "table":
        hit = any(net.holds(net.network(text), number) for text in _table(state, path, host))
    elif kind == "dynamic":
        hit = _own_address(state, host, number)
    elif kind == "no-route":
        hit = net.route_to(state, number) is None
    elif kind == "urpf-failed":
        back = net.route_to(state, number)
        hit = back is None or back.interface != iface
    else:
        hit = False
    return hit != bool(host.get("not"))


def _table(state: State, path: str, host: Host) -> List[str]:
    anchors = state["pf"]["anchors"]
    # A table is looked for in the rule's own anchor, then in the main ruleset.
    for place in (path, ""):
        found = anchors.get(place, empty())["tables"].get(host["table"])
        if found is not None:
            return list(found)
    return []


def _own_address(state: State, host: Host, number: int) -> bool:
    item = net.find(state, host["iface"])
    for text, prefix in item["inet"] if item else []:
        first = net.address(text)
        if host["network"] and net.holds((first & net.mask_of(prefix), prefix), number):
            return True
        if first == number:
            return True
    return False


def translated_source(state: State, rule: Rule) -> Optional[str]:
    """The address a nat rule gives to a packet; None where its interface has none.

    Without an address pf translates nothing and looks at no later rule (macos.md, 5): the
    private source leaks.
    """
    for host in rule["pool"]:
        if host["type"] == "net":
            return str(host["text"].split("/")[0])
        if host["type"] == "dynamic":
            item = net.find(state, host["iface"])
            if item is not None and item["inet"]:
                return str(item["inet"][0][0])
    return None
