"""Name resolution: who holds port 53, and what a container is told to ask (faults.md, 1 B)."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import List, Optional

from ..probes import Socket
from ..text import _
from .case import ABSENT, POSSIBLE, PRESENT, Case, Contradiction, Finding, need, quote

__all__ = ["NAMES"]


def _own(socket: Socket) -> bool:
    """mDNSResponder, whose name lsof cuts at nine characters."""
    return socket.command.startswith("mDNSRespo")


def _specific(case: Case) -> List[Socket]:
    """Other programs that hold port 53 on one IPv4 address."""
    return [
        s
        for s in need(case.extra.sockets)
        if s.port == 53 and s.family == "IPv4" and s.address != "*" and not _own(s)
    ]


def f21(case: Case) -> Finding:
    """A program holds IPv4:53, so mDNSResponder, which answers containers, has IPv6 only."""
    if not case.served():
        return Finding("F21", ABSENT)
    others = _specific(case)
    ours = [s for s in need(case.extra.sockets) if s.port == 53 and _own(s)]
    if not others or any(s.family == "IPv4" for s in ours):
        return Finding("F21", ABSENT)
    evidence = tuple(quote(case.extra.sockets, s.line) for s in others[:3])
    if not ours:
        # Without a row of mDNSResponder's the list may have been cut off.
        return Finding("F21", POSSIBLE, evidence)
    return Finding("F21", PRESENT, (*evidence, quote(case.extra.sockets, ours[0].line)))


def f22(case: Case) -> Finding:
    """Addresses are reached and the gateway's resolver does not answer, while port 53 is free."""
    guest = case.guest()
    if guest is None or guest.state("dns-gateway") != "failed":
        return Finding("F22", ABSENT)
    if guest.state("gateway") == "failed" or guest.state("tcp") == "failed":
        return Finding("F22", ABSENT)
    if case.extra.sockets.known and _specific(case):
        return Finding("F22", ABSENT)
    seen = (case.row("dns-gateway"), case.row("dns-public"))
    if guest.state("dns-public") == "ok":
        return Finding("F22", PRESENT if case.extra.sockets.known else POSSIBLE, seen)
    return Finding("F22", POSSIBLE, seen)


def f23(case: Case) -> Finding:
    """The builder has the gateway of an old subnet written into it."""
    if case.stopped:
        return Finding("F23", ABSENT)
    servers = need_builder(case)
    if not servers:
        return Finding("F23", ABSENT)
    baked = _private(servers[0])
    known = {n.gateway for n in need(case.facts.networks)}
    if baked is None or baked in known:
        return Finding("F23", ABSENT)
    evidence = (
        quote(case.extra.builder, f"nameservers: {servers[0]}"),
        quote(case.facts.networks, ", ".join(str(g) for g in sorted(known - {None}, key=str))),
    )
    version = case.version
    if version is not None and version < (0, 11):
        return Finding("F23", PRESENT, evidence)
    # From 0.11 on the builder is told anew at each start; what it has may be the user's wish.
    return Finding("F23", POSSIBLE, evidence)


def need_builder(case: Case) -> Optional[List[str]]:
    """The builder's nameservers; None where there is no builder. Raises Unread."""
    if not case.extra.builder.known:
        need(case.extra.builder)
    return list(case.extra.builder.value) if case.extra.builder.value is not None else None


def _private(text: str) -> Optional[IPv4Address]:
    """An address that can be a gateway of vmnet's; a public resolver was asked for by a person."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return None
    return address if address.is_private and not address.is_loopback else None


def f24(case: Case) -> Finding:
    """The image names a resolver of its own, which does not answer; the gateway's does."""
    guest = case.guest()
    if guest is None or "resolver" not in guest.rows:
        return Finding("F24", ABSENT)
    named = guest.rows["resolver"].detail
    gateways = {str(s.gateway) for s in case.desired.nat_subnets}
    if named in gateways or guest.state("dns-gateway") != "ok":
        return Finding("F24", ABSENT)
    if guest.state("dns-own") != "failed":
        return Finding("F24", ABSENT)
    return Finding(
        "F24",
        PRESENT,
        tuple(case.row(name) for name in ("resolver", "dns-own", "dns-gateway")),
    )


def f25(case: Case) -> Finding:
    """macOS asks container's resolver for a domain, and nobody listens there."""
    if case.stopped:
        return Finding("F25", ABSENT)
    asked = [r for r in need(case.extra.resolvers) if r.port == 2053]
    if not asked or need(case.facts.container_service) != "running":
        return Finding("F25", ABSENT)
    listening = need(case.extra.container_sockets)
    if any(s.port != 2053 for s in listening):
        raise Contradiction(quote(case.extra.container_sockets, listening[0].line))
    if listening:
        return Finding("F25", ABSENT)
    return Finding(
        "F25",
        PRESENT,
        (
            quote(case.extra.resolvers, f"domain: {asked[0].domain}, port: 2053"),
            _("{command} shows nobody").format(command=case.extra.container_sockets.source),
        ),
    )


NAMES = {"F21": f21, "F22": f22, "F23": f23, "F24": f24, "F25": f25}
