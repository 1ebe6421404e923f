"""A content filter blocks containers."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, POSSIBLE, Case, Finding
from .common import FILTERS
from .f17_tcp_dead import installed_filters, tcp_alone_dead
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F19",
    name="content-filter",
    section="way",
    title=N_("A content filter blocks containers"),
    symptoms=(
        said(r"Little Snitch", N_("Little Snitch is installed"), r"Little Snitch"),
        said(r"\bLuLu\b", N_("LuLu is installed"), r"\bLuLu"),
        said(r"\bESET\b", N_("ESET is installed"), r"\bESET"),
        Symptom(r"\[activated enabled\]", "com.example.filter (1.0/1) Filter [activated enabled]"),
    ),
    cause=N_(
        "A network filter (Little Snitch, LuLu, ESET, Symantec, Zscaler) drops the containers' "
        "packets or the answers of the Mac's resolver; two filters at once also disturb each other."
    ),
    cure=(
        Step(N_("List the network filters that are active."), "systemextensionsctl list"),
        Step(
            N_(
                "Allow `InternetSharing`, `mDNSResponder` and the programs whose names begin with "
                "`container-` in the filter, or switch it off to try."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=("multipass (documentation)", issue(763, "objective-see/LuLu")),
    distinguish=(Distinguish("tcp-dead", FILTERS),),
    yields_to=("lan-overlap",),
    needs_probe=True,
)


def recognise(case: Case) -> Finding:
    """In a container ICMP passes and TCP does not, and a filter is installed."""
    seen, filters = tcp_alone_dead(case), installed_filters(case)
    if not seen or filters == ():
        return Finding(FAULT.id, ABSENT)
    return Finding(FAULT.id, POSSIBLE, (*seen, *(filters or ())), apart=("tcp-dead",))
