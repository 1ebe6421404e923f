"""One container command hangs and holds up the others."""

from __future__ import annotations

from ..text import N_, _
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding
from .common import ALL_OR_ONE, RESTART
from .f35_pf_helper_hangs import all_hang, container_readings, hung, pf_hangs
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F36",
    name="command-hangs",
    section="service",
    title=N_("One container command hangs and holds up the others"),
    symptoms=(
        Symptom(r"\[6/6\] Starting container", "[6/6] Starting container [28m 52s]"),
        said(
            r"network create.{0,20} hangs",
            N_("`container network create --subnet` hangs"),
            r"network create.{0,30}멈",
        ),
    ),
    cause=N_(
        "container waits for its helpers without a time limit. One call that is never answered "
        "holds up those behind it."
    ),
    cure=(
        Step(
            N_("Find the hung command and end it by its number."),
            "ps -axo pid,etime,command | grep '[c]ontainer '",
        ),
        RESTART,
    ),
    auto="no",
    versions=N_("container 0.9 to 1.0"),
    evidence=(issue(1177), issue(1884)),
    consequence_of=("pf-helper-hangs",),
    distinguish=(Distinguish("pf-helper-hangs", ALL_OR_ONE),),
)


def recognise(case: Case) -> Finding:
    """Some container commands hang and others answer; or all, and pf answers."""
    waited = hung(case)
    if not waited or pf_hangs(case) is not None:
        return Finding(FAULT.id, ABSENT)
    evidence = tuple(reading.why for reading in waited[:3])
    if all_hang(case):
        return Finding(FAULT.id, POSSIBLE, evidence, apart=("pf-helper-hangs",))
    answered = next((r for r in container_readings(case) if r.known), None)
    if answered is None:
        return Finding(FAULT.id, POSSIBLE, evidence)
    return Finding(
        FAULT.id,
        PRESENT,
        (*evidence, _("{command} answers").format(command=answered.source)),
    )
