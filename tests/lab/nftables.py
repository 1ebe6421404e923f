"""pf's live rules as nftables: what pf would evaluate now, in the order in which it decides.

pf takes the first `nat` rule that fits, and of the filter rules the first `quick` one that fits,
else the last one that fits (macos.md, 4 and 5). nftables takes the first. So `quick` rules come
first and the others backwards. What cannot be carried over stands in docs/lab.md.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from simmac import net, pf_kernel
from simmac.pf_rules import echo

__all__ = ["TABLE", "Place", "compile_rules"]

TABLE = "simmac"
State = Mapping[str, Any]
NEVER: Tuple[str, ...] = ("user", "group", "icmp-type", "icmp6-type", "probability", "fragment")


class Place(NamedTuple):
    """Where a rule stands in pf: anchor, kind, number in its list."""

    path: str
    kind: str
    number: int


class _Found(NamedTuple):
    place: Place
    rule: Dict[str, Any]
    callers: Tuple[Tuple[str, Dict[str, Any]], ...]  # the call lines above it, with their anchors


def compile_rules(state: State, counters: bool = False) -> Tuple[str, List[Place]]:
    """The nft script that replaces the table, and the places that its comments number.

    Rules are numbered by their comments. With `counters` they go on from what the state says.
    An empty table where pf is off.
    """
    pf = state["pf"]
    lines = [f"table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    places: List[Place] = []
    if pf["enabled"]:
        maker = _Maker(state, places, counters)
        lines += [
            "chain nat {",
            "type nat hook postrouting priority srcnat;",
            *maker.nat(),
            "}",
        ]
        for way, hook, priority in (("in", "prerouting", 0), ("out", "postrouting", 150)):
            lines += [
                f"chain {way} {{",
                f"type filter hook {hook} priority {priority};",
                # A packet of a known flow meets no rule (macos.md, 5).
                "ct state established,related accept",
                *maker.filter(way),
                "}",
            ]
    return "\n".join([*lines, "}"]) + "\n", places


class _Maker:
    def __init__(self, state: State, places: List[Place], counters: bool) -> None:
        self.state = state
        self.places = places
        self.counters = counters

    # -- pf's tree in pf's order

    def _flat(
        self, kind: str, path: str = "", callers: Tuple[Tuple[str, Dict[str, Any]], ...] = ()
    ) -> Iterator[_Found]:
        pf = self.state["pf"]
        for number, rule in enumerate(pf["anchors"].get(path, pf_kernel.empty())[kind]):
            if "call" not in rule:
                yield _Found(Place(path, kind, number), rule, callers)
                continue
            target = pf_kernel.absolute(path, rule["call"])
            called = [target]
            if target.endswith("/*"):
                called = pf_kernel.children(pf, target[:-2])
            for child in called:
                yield from self._flat(kind, child, (*callers, (path, rule)))

    # -- the two kinds

    def nat(self) -> Iterator[str]:
        for found in self._flat("nat"):
            fits = self._fits(found, "out")
            if fits is None:
                continue
            yield f"{fits} {self._counter(found)} {self._translate(found.rule)} {self._end(found)}"

    def _translate(self, rule: Dict[str, Any]) -> str:
        if rule.get("no"):
            return "accept"
        for host in rule["pool"]:
            if host["type"] == "net":
                return f"snat to {host['text'].split('/')[0]}"
            if host["type"] == "dynamic":
                item = net.find(dict(self.state), host["iface"])
                if item is not None and item["inet"]:
                    return "masquerade"
        # Its interface has no address: nothing is translated, and no later rule is tried.
        return "accept"

    def filter(self, way: str) -> Iterator[str]:
        for name in self.state["pf"]["skip"]:
            yield f"{_interface(name, way)} accept"
        every = list(self._flat("filter"))
        quick = [found for found in every if found.rule.get("quick")]
        for found in [*quick, *reversed([f for f in every if not f.rule.get("quick")])]:
            fits = self._fits(found, way)
            if fits is None:
                continue
            verdict = "accept"
            if found.rule["action"] == "block":
                verdict = "drop" if found.rule.get("policy", "drop") == "drop" else "reject"
            yield f"{fits} {self._counter(found)} {verdict} {self._end(found)}"

    def _counter(self, found: _Found) -> str:
        if not self.counters:
            return "counter"
        return f"counter packets {found.rule['packets']} bytes {found.rule['bytes']}"

    def _end(self, found: _Found) -> str:
        self.places.append(found.place)
        return (
            f'comment "{len(self.places) - 1}" # {found.place.path or "main"}: {echo(found.rule)}'
        )

    # -- which packets

    def _fits(self, found: _Found, way: str) -> Optional[str]:
        parts = []
        for path, rule in (*found.callers, (found.place.path, found.rule)):
            fits = self._one(path, rule, way)
            if fits is None:
                return None
            parts += fits
        return " ".join(parts)

    def _one(self, path: str, rule: Dict[str, Any], way: str) -> Optional[List[str]]:
        """The expressions of one line; None where no packet of that direction fits."""
        if rule.get("dir") and rule["dir"] != way:
            return None
        if rule.get("af") == "inet6" or rule.get("sport") or any(rule.get(k) for k in NEVER):
            return None
        if rule.get("tagged") and not rule.get("tagged_not"):
            return None  # nobody sets tags here
        parts = []
        if rule.get("iface"):
            parts.append(_interface(rule["iface"], way, bool(rule.get("iface_not"))))
        for key, field in (("src", "ip saddr"), ("dst", "ip daddr")):
            nets = self._nets(path, rule[key])
            negated = bool(rule[key].get("not"))
            if nets is None:
                if negated:
                    return None
                continue
            if nets:
                sign = "!= " if negated else ""
                parts.append(f"{field} {sign}{{ {', '.join(nets)} }}")
            elif not negated:
                return None
        if rule.get("proto"):
            parts.append(f"meta l4proto {rule['proto']}")
        if rule.get("dport"):
            parts.append(_port(rule["dport"]))
        return parts

    def _nets(self, path: str, host: Dict[str, Any]) -> Optional[Sequence[str]]:
        """The networks a host stands for; None: any; empty: nothing."""
        kind = host["type"]
        if kind == "any":
            return None
        if kind == "net":
            return [f"{net.dotted(host['net'][0])}/{host['net'][1]}"]
        if kind == "table":
            for place in (path, ""):
                anchor = self.state["pf"]["anchors"].get(place, pf_kernel.empty())
                if host["table"] in anchor["tables"]:
                    return [str(text) for text in anchor["tables"][host["table"]]]
        if kind == "dynamic":
            item = net.find(dict(self.state), host["iface"])
            rows = item["inet"] if item else []
            if host["network"]:
                return [
                    f"{net.dotted(net.address(text) & net.mask_of(prefix))}/{prefix}"
                    for text, prefix in rows
                ]
            return [str(text) for text, _ in rows]
        return []


def _interface(name: str, way: str, negated: bool = False) -> str:
    field = "iifname" if way == "in" else "oifname"
    return f'{field} {"!= " if negated else ""}"{"lo" if name == "lo0" else name}"'


def _port(text: str) -> str:
    """pf's words for a destination port: `80:90`, `= 443`, `!= 22`, `1 >< 9`, `1 <> 9`."""
    words = text.split()
    if len(words) == 1:
        return f"th dport {words[0].replace(':', '-')}"
    if len(words) == 2:
        return f"th dport {'' if words[0] == '=' else words[0] + ' '}{words[1]}"
    low, high = int(words[0]), int(words[2])
    if words[1] == "><":
        return f"th dport {low + 1}-{high - 1}"
    return f"th dport != {low}-{high}"
