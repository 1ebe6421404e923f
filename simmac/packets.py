"""A connection's way through the simulated Mac: filter, forwarding, routes, translation, and back
(macos.md, 5).

A packet comes in by an interface, unless the Mac itself sends it, and goes out by the one of its
route, unless it is for the Mac. pf looks at it at both places, and at its answer again where no
state was made: by `keep state`, or by a translation.
"""

from __future__ import annotations

from . import net, pf_kernel
from .pf_rules import echo
from .vmnet import bridge_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from .pf_rules import Rule

    State = Dict[str, Any]

__all__ = ["INTERNET", "Trace", "neighbour", "reaches", "trace"]

INTERNET = "160.79.104.10"
LOOPBACK = "lo0"
NO_ANSWER = "no answer from the internet"


class Trace:
    """What became of a packet.

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
    way = _Way(state, _guest(subnet), net.address(target), "tcp", port)
    return way.follow(bridge["name"])


def neighbour(state: State, subnet: str, uplink: str) -> str:
    """Whether a packet of somebody on the uplink's network gets into a subnet: "ok", or what stops
    it."""
    item = net.find(state, uplink)
    if item is None or not item["inet"]:
        return "no uplink"
    source = net.address(item["inet"][0][0]) + 1
    way = _Way(state, source, _guest(subnet), "tcp", 443)
    found = way.follow(uplink, answered=False)
    elsewhere = found.uplink is not None or found.result == "no route"
    return "no bridge" if elsewhere and not way.local else found.result


def reaches(
    state: State, source: str, target: str, port: int, *, proto: str, via: Optional[str]
) -> Trace:
    """Follow a connection between any two addresses; see Mac.reaches."""
    src, dst = _address(source), _address(target)
    if via is None and not _is_own(state, src):
        back = net.route_to(state, src)
        if back is None:
            return Trace("the source is nowhere")
        via = back.interface
    return _Way(state, src, dst, proto, port).follow(via)


def _guest(subnet: str) -> int:
    return net.network(subnet)[0] + 3


def _address(text: str) -> int:
    return _guest(text) if "/" in text else net.address(text)


def _is_own(state: State, number: int) -> bool:
    return any(
        net.address(text) == number for item in state["interfaces"] for text, _ in item["inet"]
    )


class _Way:
    """One connection, and pf's looks at it so far. `local`: it ended in a network of the Mac's."""

    def __init__(self, state: State, source: int, target: int, proto: str, port: int) -> None:
        self.state = state
        self.pf = state["pf"]
        self.source = source
        self.target = target
        self.proto = proto
        self.port = port
        self.stateless: List[pf_kernel.Packet] = []
        self.local = False

    def follow(self, via: Optional[str], answered: bool = True) -> Trace:
        """What becomes of it; it comes in by `via`, or from the Mac itself."""
        found = self._go(via)
        if found.result == "ok" and answered:
            found.result = self._come_back()
        return found

    def _go(self, via: Optional[str]) -> Trace:
        self.pf["counters"]["searches"] += 1 if via is None else 2
        if via is not None:
            stopped = self._stopped(self._packet("in", via))
            if stopped:
                return Trace(stopped)
            if _is_own(self.state, self.target):
                return Trace("ok")
            if self.state["sysctl"]["net.inet.ip.forwarding"] != "1" and not self._within(via):
                return Trace("forwarding is 0")
        elif _is_own(self.state, self.target):
            stopped = self._stopped(self._packet("out", LOOPBACK))
            return Trace(stopped or self._stopped(self._packet("in", LOOPBACK)) or "ok")
        found = net.route_to(self.state, self.target)
        if found is None:
            return Trace("no route")
        return self._leave(found.interface, forwarded=via is not None)

    def _leave(self, uplink: str, forwarded: bool) -> Trace:
        state, source = self.state, net.dotted(self.source)
        leaving = self._packet("out", uplink)
        rule = pf_kernel.translation(state, leaving) if self.pf["enabled"] else None
        outside: Optional[str] = source
        if rule is not None and not rule.get("no"):
            outside = pf_kernel.translated_source(state, rule)
            # A utun without an address: nothing is translated, and no later rule is tried.
            leaving.src = net.address(outside or source)
        translated = leaving.src != self.source
        stopped = self._stopped(leaving, translated)
        if stopped:
            return Trace(stopped)
        item = net.find(state, uplink)
        if item is not None and item["members"]:
            self.local = True
            return Trace("ok", uplink, source)
        if not forwarded:
            # What the Mac sends has the uplink's address anyhow.
            return Trace("ok" if state["internet"] else NO_ANSWER, uplink, outside)
        if rule is None or rule.get("no"):
            return Trace("not translated", uplink, source)
        if outside is None:
            return Trace(f"leaks: {uplink} has no address", uplink, source)
        if item is None or not any(outside == own for own, _ in item["inet"]):
            return Trace("translated to a foreign address", uplink, outside)
        if not state["internet"] or uplink in state["dead_uplinks"]:
            return Trace(NO_ANSWER, uplink, outside)
        self._note(uplink, rule)
        return Trace("ok", uplink, outside)

    def _come_back(self) -> str:
        for packet in reversed(self.stateless):
            rule = self._decides(packet.back())
            if rule is not None and rule["action"] == "block":
                return f"no answer, blocked: {echo(rule)}"
        return "ok"

    # -- pf

    def _packet(self, direction: str, iface: str) -> pf_kernel.Packet:
        return pf_kernel.Packet(
            direction, iface, self.source, self.target, proto=self.proto, port=self.port
        )

    def _decides(self, packet: pf_kernel.Packet) -> Optional[Rule]:
        return pf_kernel.filter_verdict(self.state, packet) if self.pf["enabled"] else None

    def _stopped(self, packet: pf_kernel.Packet, translated: bool = False) -> str:
        """The rule that stops a packet, as text; empty when none does. pf's own default passes
        without a state."""
        rule = self._decides(packet)
        if rule is not None and rule["action"] == "block":
            return f"blocked: {echo(rule)}"
        if not translated and (rule is None or rule.get("state") == "no state"):
            self.stateless.append(packet)
        return ""

    def _within(self, via: str) -> bool:
        """Whether the packet stays on the network that it comes from."""
        found = net.route_to(self.state, self.target)
        return found is not None and found.interface == via

    def _note(self, uplink: str, rule: Rule) -> None:
        self.pf["states"].append(
            {
                "from": net.dotted(self.source),
                "to": net.dotted(self.target),
                "via": uplink,
                "rule": echo(rule),
            }
        )
        self.pf["counters"]["inserts"] += 1
