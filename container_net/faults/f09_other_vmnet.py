"""Another vmnet program runs beside container, and both lose the network."""

from __future__ import annotations

from ..text import N_
from .bridges import container_bridges
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F09",
    name="other-vmnet",
    section="way",
    title=N_("Another vmnet program runs beside container, and both lose the network"),
    symptoms=(
        said(
            r"\bUTM\b.{0,60}lose",
            N_("with a UTM machine running, both it and the containers lose the network"),
            r"\bUTM.{0,60}끊",
        ),
        said(
            r"\blume\b",
            N_("lume machines and containers do not get along"),
            r"\blume",
        ),
    ),
    cause=N_(
        "lume, UTM, QEMU and others use vmnet too. With container 0.9.0 two programs at once on "
        "vmnet lose their network."
    ),
    cure=(
        Step(
            N_("See which other programs have a virtual network open."),
            "ps -axo pid,comm | grep -iE 'lume|utm|qemu|tart'",
        ),
        Step(
            N_(
                "Run one of them at a time, or use another version of container; 0.8.0 was "
                "reported to be fine."
            )
        ),
    ),
    auto="no",
    versions=N_("container 0.9.0"),
    evidence=(issue(1219),),
    yields_to=("lan-overlap",),
)


def recognise(case: Case) -> Finding:
    """container 0.9.0 and another program on vmnet at the same time."""
    served = case.served()
    if not served:
        return Finding(FAULT.id, ABSENT)
    known = {n.gateway for n in case.facts.networks.value or ()} | {s.gateway for s, _b in served}
    foreign = [
        i for i in container_bridges(case) if i.inet and not any(a.ip in known for a in i.inet)
    ]
    if not foreign or need(case.facts.container_version) != "0.9.0":
        return Finding(FAULT.id, ABSENT)
    told = f"{foreign[0].name}: {foreign[0].inet[0].ip}, {', '.join(foreign[0].members)}"
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(case.facts.container_version, case.facts.container_version.value or ""),
            quote(case.facts.interfaces, told),
        ),
    )
