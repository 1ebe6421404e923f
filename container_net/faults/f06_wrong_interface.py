"""The Mac sends packets for a container to the wrong interface."""

from __future__ import annotations

from ..text import N_, _
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said
from .sources import issue, pull

FAULT = Fault(
    id="F06",
    name="wrong-interface",
    section="way",
    title=N_("The Mac sends packets for a container to the wrong interface"),
    symptoms=(
        Symptom(r"\bping: sendto: No route to host", "ping: sendto: No route to host"),
        Symptom(
            r"\b192\.168\.\d\S{1,4} .{30,53} utun\d",
            "192.168.64.2       link#24            UHWIi               utun6",
        ),
        said(
            r"cannot reach .{0,20}container",
            N_("the Mac cannot reach a container by its address"),
            r"컨테이너.{0,20}접속할 수 없",
        ),
    ),
    cause=N_(
        "Only a default route bound to the bridge leads to the container subnet. A VPN or another "
        "tool with a default route of its own takes the packets; it stays so after the VPN is off "
        "and after a restart of the service."
    ),
    cure=(
        Step(
            N_("See where the packets go. CONTAINER_IP is an address from `container ls`."),
            "route -n get CONTAINER_IP",
        ),
        Step(
            N_(
                "If `interface:` does not name the bridge, add the missing route. It is lost when "
                "the bridge is next made anew. SUBNET and BRIDGE are printed by `invoke "
                "net.detect`."
            ),
            "sudo route -nv add -net SUBNET -interface BRIDGE",
        ),
    ),
    auto="ask",
    versions=N_("macOS 26 and 27"),
    evidence=(
        issue(1881),
        pull(1882),
        issue(989),
        issue(18653, "tailscale/tailscale"),
        "multipass (documentation)",
    ),
    yields_to=("lan-overlap",),
)


def recognise(case: Case) -> Finding:
    """The Mac sends packets for a container elsewhere than to its bridge."""
    if not case.served():
        return Finding(FAULT.id, ABSENT)
    bridges = {address.ip: i.name for i in need(case.facts.interfaces) for address in i.inet}
    for row in need(case.extra.attachments):
        reading = case.extra.container_routes.get(row.address) if row.address else None
        if reading is None or row.gateway is None or row.gateway not in bridges:
            continue
        if not reading.known:
            need(reading)
        bridge, route = bridges[row.gateway], reading.value
        if route is None or route.interface != bridge:
            told = f"interface: {route.interface}" if route else _("no route")
            return Finding(
                FAULT.id,
                PRESENT,
                (
                    quote(reading, told),
                    _("{gateway} is on {bridge}").format(gateway=row.gateway, bridge=bridge),
                ),
                fill=(
                    ("CONTAINER_IP", str(row.address)),
                    ("BRIDGE", bridge),
                    *((("SUBNET", str(s.cidr)) for s, b in case.served() if b == bridge)),
                ),
            )
    return Finding(FAULT.id, ABSENT)
