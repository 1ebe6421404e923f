"""The Mac's default route leads to a VM's bridge."""

from __future__ import annotations

from ..desired import is_container_bridge
from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said

FAULT = Fault(
    id="F51",
    name="default-route-on-bridge",
    section="way",
    title=N_("The Mac's default route leads to a VM's bridge"),
    symptoms=(
        Symptom(r"ERR_ADDRESS_UNREACHABLE", "net::ERR_ADDRESS_UNREACHABLE"),
        Symptom(r"UCSg {1,12}bridge1\d\d", "default  link#26  UCSg  bridge100"),
        said(
            r"IPv4 is dead on the whole Mac",
            N_("IPv4 is dead on the whole Mac while a VM runs"),
            r"Mac 전체.{0,20}IPv4",
        ),
    ),
    cause=N_(
        "vmnet gives its bridge a default route that belongs to the bridge alone. Here it has "
        "become the Mac's own: IPv4 packets of every program go to the VM's network."
    ),
    cure=(
        Step(
            N_(
                "Quit the program whose VM made the bridge, or turn Wi-Fi off and on; macOS then "
                "sets the route again."
            )
        ),
        Step(
            N_("Or set it by hand. BRIDGE is the bridge, HOST your router's address."),
            "sudo route -n delete default -interface BRIDGE; sudo route -n add default HOST",
        ),
    ),
    auto="no",
    versions=N_("macOS 15 and later"),
    evidence=("https://github.com/anthropics/claude-code/issues/27174",),
    yields_to=("service-not-running",),
)


def recognise(case: Case) -> Finding:
    """`route -n get` answers with a bridge of vmnet's."""
    bridges = {i.name for i in need(case.facts.interfaces) if is_container_bridge(i)}
    for reading in (case.facts.default_route, case.facts.public_route):
        if not reading.known:
            need(reading)
        if reading.value is not None and reading.value.interface in bridges:
            name = reading.value.interface
            evidence = tuple(
                quote(r, f"interface: {r.value.interface}")
                for r in (case.facts.default_route, case.facts.public_route)
                if r.value is not None
            )
            return Finding(FAULT.id, PRESENT, evidence, fill=(("BRIDGE", name),))
    return Finding(FAULT.id, ABSENT)
