"""Bridges of containers, and containers without one."""

from __future__ import annotations

from typing import List, Tuple

from ..model import Attachment, Interface
from ..text import _
from .case import Case, Contradiction, need, quote

__all__ = ["container_bridges", "homeless", "without_bridge"]


def container_bridges(case: Case) -> List[Interface]:
    """Bridges with a vmenet member."""
    return [
        i
        for i in need(case.facts.interfaces)
        if any(member.startswith("vmenet") for member in i.members)
    ]


def without_bridge(case: Case) -> List[Attachment]:
    """Running containers whose gateway no interface bears, and whose packets no bridge gets.

    Raises Contradiction where a route leads to a bridge that `ifconfig` does not show.
    """
    held = {address.ip for i in need(case.facts.interfaces) for address in i.inet}
    names = {i.name for i in need(case.facts.interfaces)}
    found = []
    for row in need(case.extra.attachments):
        if not row.running or row.gateway is None or row.gateway in held:
            continue
        reading = case.extra.container_routes.get(row.address) if row.address else None
        if reading is None:
            continue
        if not reading.known:
            need(reading)
        route = reading.value
        if route is not None and route.interface not in names:
            raise Contradiction(
                quote(reading, f"interface: {route.interface}"),
                _("{command} shows no {name}").format(
                    command=case.facts.interfaces.source, name=route.interface
                ),
            )
        if route is None or not route.interface.startswith("bridge"):
            found.append(row)
    return found


def homeless(case: Case, row: Attachment) -> Tuple[str, ...]:
    """Evidence for a container of `without_bridge`."""
    bridges = ", ".join(
        f"{i.name} ({', '.join(str(a.ip) for a in i.inet)})" for i in container_bridges(case)
    )
    return (
        quote(case.extra.attachments, f"{row.container}: running, gateway {row.gateway}"),
        _("{command} shows {gateway} on no interface; bridges: {bridges}").format(
            command=case.facts.interfaces.source, gateway=row.gateway, bridges=bridges or "-"
        ),
    )
