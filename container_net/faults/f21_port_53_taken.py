"""A local resolver holds port 53, and containers get no DNS."""

from __future__ import annotations

from typing import List

from ..probes import Socket
from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F21",
    name="port-53-taken",
    section="names",
    title=N_("A local resolver holds port 53, and containers get no DNS"),
    symptoms=(
        Symptom(r"nslookup: read: Connection refused", "nslookup: read: Connection refused"),
        Symptom(
            r"connection timed out; no servers could be reached",
            ";; connection timed out; no servers could be reached",
        ),
        Symptom(
            r"temporary error \(try again later\)",
            "WARNING: fetching APKINDEX.tar.gz: temporary error (try again later)",
        ),
        Symptom(
            r"could not contact DNS servers",
            "curl: (6) Could not resolve host: example.com (Could not contact DNS servers)",
        ),
        said(
            r"\bdnsmasq\b", N_("dnsmasq runs on the Mac and containers have no DNS"), r"\bdnsmasq"
        ),
        said(
            r"\bdnscrypt",
            N_("dnscrypt-proxy runs on the Mac and containers have no DNS"),
            r"\bdnscrypt",
        ),
    ),
    cause=N_(
        "Containers ask the gateway's port 53, which the Mac's mDNSResponder answers. A program "
        "that holds port 53 at one IPv4 address (dnsmasq, dnscrypt-proxy, cloudflared or WARP, "
        "Zscaler, AdGuard, Umbrella, unbound) keeps mDNSResponder from listening on IPv4."
    ),
    cure=(
        Step(
            N_(
                "See who holds port 53. Healthy is mDNSResponder on `*:53` for IPv4 and IPv6, and "
                "nobody else."
            ),
            "sudo lsof -nP -iUDP:53 -iTCP:53",
        ),
        Step(
            N_(
                "Stop the other program, move it to another port or let it listen on `*:53`, and "
                "restart the service. This stops all containers."
            ),
            "container stop --all && container system stop && container system start",
        ),
        Step(
            N_("Or go past the gateway's resolver, for each container. IMAGE is your image."),
            "container run --dns 1.1.1.1 IMAGE",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(402), issue(1033), issue(1287), issue(1307)),
    yields_to=("lan-overlap",),
)


def recognise(case: Case) -> Finding:
    """A program holds IPv4:53, so mDNSResponder, which answers containers, has IPv6 only."""
    if not case.served():
        return Finding(FAULT.id, ABSENT)
    others = specific(case)
    ours = [s for s in need(case.extra.sockets) if s.port == 53 and own(s)]
    if not others or any(s.family == "IPv4" for s in ours):
        return Finding(FAULT.id, ABSENT)
    evidence = tuple(quote(case.extra.sockets, s.line) for s in others[:3])
    if not ours:
        # Without a row of mDNSResponder's the list may have been cut off.
        return Finding(FAULT.id, POSSIBLE, evidence)
    return Finding(FAULT.id, PRESENT, (*evidence, quote(case.extra.sockets, ours[0].line)))


def own(socket: Socket) -> bool:
    """mDNSResponder, whose name lsof cuts at nine characters."""
    return socket.command.startswith("mDNSRespo")


def specific(case: Case) -> List[Socket]:
    """Other programs that hold port 53 on one IPv4 address."""
    return [
        s
        for s in need(case.extra.sockets)
        if s.port == 53 and s.family == "IPv4" and s.address != "*" and not own(s)
    ]
