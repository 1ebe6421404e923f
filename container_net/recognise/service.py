"""container's service, published ports, redirects, and what hangs (faults.md, 1 C and 1 D)."""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

from ..model import Reading
from ..text import _
from .case import (
    ABSENT,
    POSSIBLE,
    PRESENT,
    Case,
    Contradiction,
    Finding,
    need,
    quote,
    rules,
    timed_out,
)
from .egress import homeless, without_bridge

__all__ = ["SERVICE"]

_VMNET = re.compile(
    r"failed to create vmnet network with status|vmnet_return_t\(rawValue: 1\d{3}\)"
)
_DENIED = re.compile(r"No route to host.*\(errno: 65\)|\(errno: 65\).*No route to host")


def _log_line(case: Case, pattern: re.Pattern[str]) -> Optional[str]:
    """A line of container's log, where it was read and has one. Raises Unread."""
    if case.extra.logs is None:
        return None
    found = [line for line in need(case.extra.logs) if pattern.search(line)]
    return quote(case.extra.logs, found[-1]) if found else None


def f27(case: Case) -> Finding:
    """container's log: the forwarder of published ports is denied the local network."""
    return _denied(case, "F27")


def f28(case: Case) -> Finding:
    """The same on macOS 27, where the question may never come."""
    return _denied(case, "F28")


def f29(case: Case) -> Finding:
    """The same with Homebrew's build, whose path changes with each version."""
    return _denied(case, "F29")


def _denied(case: Case, fault: str) -> Finding:
    line = _log_line(case, _DENIED) if not case.stopped else None
    if line is None or _misrouted(case):
        return Finding(fault, ABSENT)
    brewed = (case.facts.container_path or "").startswith("/opt/homebrew/")
    among = ["F27"]
    if need(case.facts.os_version) and (case.system or 0) >= 27:
        among.append("F28")
    if brewed:
        among.append("F29")
    if fault not in among:
        return Finding(fault, ABSENT)
    evidence = [line, quote(case.facts.os_version, case.facts.os_version.value or "")]
    if brewed:
        evidence.append(str(case.facts.container_path))
    apart = tuple(other for other in among if other != fault)
    return Finding(fault, POSSIBLE if apart else PRESENT, tuple(evidence), apart=apart)


def _misrouted(case: Case) -> bool:
    """The Mac's own route to a container leads elsewhere (F06): that gives errno 65 as well."""
    return any(
        reading.known
        and (reading.value is None or not reading.value.interface.startswith("bridge"))
        for reading in case.extra.container_routes.values()
    )


def f32(case: Case) -> Finding:
    """container's redirects stand in its file, and pf has none of them."""
    content = (need(case.extra.redirect_file).content or b"").decode("latin-1")
    wanted = [line for line in content.splitlines() if line.startswith("rdr ")]
    if not wanted or case.facts.container_path is None:
        return Finding("F32", ABSENT)
    live = rules(case.extra.redirects)
    if any(rule.text.startswith("rdr ") for rule in live):
        return Finding("F32", ABSENT)
    return Finding(
        "F32",
        PRESENT,
        (
            quote(case.extra.redirect_file, wanted[0]),
            _("{command} shows no redirect").format(command=case.extra.redirects.source),
        ),
    )


# -- the service itself


def f33(case: Case) -> Finding:
    """container's service does not run."""
    facts = case.facts
    if facts.container_path is None:
        return Finding("F33", ABSENT)
    status = need(facts.container_service)
    if status == "running" or _as_root(case):
        return Finding("F33", ABSENT)
    if facts.containers.value or facts.networks.value:
        raise Contradiction(quote(facts.container_service, status), quote(facts.networks, "[…]"))
    return Finding("F33", PRESENT, (quote(facts.container_service, status),))


def f34(case: Case) -> Finding:
    """container's log: vmnet made no network, and the service or the bridge is not there."""
    if case.facts.container_path is None:
        return Finding("F34", ABSENT)
    line = _log_line(case, _VMNET)
    if line is None or case.served():
        return Finding("F34", ABSENT)
    service = case.facts.container_service
    return Finding(
        "F34", PRESENT if case.stopped else POSSIBLE, (line, quote(service, need(service)))
    )


def _container_readings(case: Case) -> Tuple[Reading[Any], ...]:
    facts = case.facts
    return (facts.container_service, facts.networks, facts.containers, case.extra.attachments)


def _hung(case: Case) -> List[Reading[Any]]:
    """container's commands that were waited for in vain, while the Mac itself answers."""
    if case.facts.container_path is None:
        return []
    quick = (case.facts.forwarding, case.facts.default_route, case.facts.interfaces)
    if not all(reading.known for reading in quick):
        return []
    return [reading for reading in _container_readings(case) if timed_out(reading)]


def _all_hang(case: Case) -> bool:
    return len(_hung(case)) == len(_container_readings(case))


def _pf_hangs(case: Case) -> Optional[Reading[Any]]:
    candidates = (case.facts.pf_enabled, case.facts.main_nat, case.facts.anchors)
    return next((reading for reading in candidates if timed_out(reading)), None)


def f35(case: Case) -> Finding:
    """Every container command hangs; where pfctl hangs too, it is pf's helper."""
    hung = _hung(case)
    if not _all_hang(case):
        return Finding("F35", ABSENT)
    evidence = tuple(reading.why for reading in hung[:3])
    pf = _pf_hangs(case)
    if pf is not None:
        return Finding("F35", PRESENT, (*evidence, pf.why))
    return Finding("F35", POSSIBLE, evidence, apart=("F36",))


def f36(case: Case) -> Finding:
    """Some container commands hang and others answer; or all, and pf answers."""
    hung = _hung(case)
    if not hung or _pf_hangs(case) is not None:
        return Finding("F36", ABSENT)
    evidence = tuple(reading.why for reading in hung[:3])
    if _all_hang(case):
        return Finding("F36", POSSIBLE, evidence, apart=("F35",))
    answered = next((r for r in _container_readings(case) if r.known), None)
    if answered is None:
        return Finding("F36", POSSIBLE, evidence)
    return Finding(
        "F36",
        PRESENT,
        (*evidence, _("{command} answers").format(command=answered.source)),
    )


def f37(case: Case) -> Finding:
    """A container counts as running, and its network has no bridge."""
    if case.stopped or (need(case.facts.os_version) and case.system == 15):
        return Finding("F37", ABSENT)
    lost = without_bridge(case)
    if not lost:
        return Finding("F37", ABSENT)
    networks = [n for n in need(case.facts.networks) if n.mode != "hostOnly"]
    evidence = homeless(case, lost[0])
    fill = tuple(
        pair
        for n in networks
        if n.id == lost[0].network
        for pair in (("NAME", n.id), ("SUBNET", str(n.cidr)))
    )
    if len(networks) > 1:
        return Finding("F37", POSSIBLE, evidence, apart=("F08",), fill=fill)
    return Finding("F37", PRESENT, evidence, fill=fill)


def _as_root(case: Case) -> bool:
    return case.asks_as_root and case.extra.user.value == 0


def f38(case: Case) -> Finding:
    """container is asked as root, who has no services of it."""
    if case.facts.container_path is None or not case.asks_as_root:
        return Finding("F38", ABSENT)
    if need(case.extra.user) != 0 or need(case.facts.container_service) == "running":
        return Finding("F38", ABSENT)
    return Finding(
        "F38",
        PRESENT,
        (
            quote(case.extra.user, "0"),
            quote(case.facts.container_service, need(case.facts.container_service)),
        ),
    )


SERVICE = {
    "F27": f27,
    "F28": f28,
    "F29": f29,
    "F32": f32,
    "F33": f33,
    "F34": f34,
    "F35": f35,
    "F36": f36,
    "F37": f37,
    "F38": f38,
}
