"""Ping works, but every TCP connection times out."""

from __future__ import annotations

from typing import Optional, Tuple

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, quote
from .common import FILTERS
from .fault import Distinguish, Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F17",
    name="tcp-dead",
    section="way",
    title=N_("Ping works, but every TCP connection times out"),
    symptoms=(
        said(
            r"ping works.{0,20} TCP",
            N_("ping works, but TCP times out, even to the gateway"),
            r"TCP.{0,30}시간 ?초과",
        ),
        said(
            r"TCP connections fail silently",
            N_("TCP connections fail silently while ICMP works"),
            r"TCP 연결.{0,20}실패",
        ),
    ),
    cause=N_(
        "Not known for certain. Losing TCP alone, even towards the gateway, points to a content "
        "filter or a firewall on the Mac."
    ),
    cure=(
        Step(N_("List the network filters that are active."), "systemextensionsctl list"),
        Step(
            N_(
                "Switch them off one by one in System Settings > General > Login Items & "
                "Extensions, and try a container after each."
            )
        ),
    ),
    auto="no",
    versions=N_("macOS 26.4 with container 0.11.0"),
    evidence=(issue(1389),),
    consequence_of=("content-filter",),
    distinguish=(Distinguish("content-filter", FILTERS),),
    yields_to=("lan-overlap",),
    needs_probe=True,
)


def recognise(case: Case) -> Finding:
    """In a container ICMP passes and TCP does not, and no filter is installed."""
    seen = tcp_alone_dead(case)
    if not seen:
        return Finding(FAULT.id, ABSENT)
    filters = installed_filters(case)
    if filters == ():
        return Finding(FAULT.id, PRESENT, seen)
    return Finding(FAULT.id, POSSIBLE, (*seen, *(filters or ())), apart=("content-filter",))


def tcp_alone_dead(case: Case) -> Tuple[str, ...]:
    """Evidence that a container pings an address and opens no connection to it; else empty."""
    guest = case.guest()
    if guest is None or guest.state("address") != "ok" or guest.state("tcp") != "failed":
        return ()
    if case.extra.firewall.value is not None and case.extra.firewall.value.block_all:
        return ()
    return (case.row("address"), case.row("tcp"))


def installed_filters(case: Case) -> Optional[Tuple[str, ...]]:
    """Lines that show network extensions; None where they could not be read."""
    filters = case.extra.extensions
    if filters.value is None:
        return None
    return tuple(quote(filters, name) for name in filters.value[:4])
