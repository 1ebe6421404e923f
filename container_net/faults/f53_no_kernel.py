"""container has no Linux kernel, so no container starts."""

from __future__ import annotations

from ..status import KERNEL
from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom
from .sources import issue

FAULT = Fault(
    id="F53",
    name="no-kernel",
    section="service",
    title=N_("container has no Linux kernel, and no container starts"),
    symptoms=(
        Symptom(
            r"default kernel not configured for architecture",
            "default kernel not configured for architecture arm64",
        ),
        Symptom(r"No default kernel configured", "No default kernel configured."),
    ),
    cause=N_(
        "Every container is a virtual machine and boots a Linux kernel, which is no part of the "
        "package. `container system start` asks whether to download it; where it was started by a "
        "script, or the answer was no, there is none. The service runs all the same."
    ),
    cure=(Step(N_("Let container download the kernel that it recommends."), KERNEL),),
    auto="ask",
    versions=N_("every version"),
    evidence=(issue(1328), issue(1347), "apple/container source"),
    yields_to=("service-not-running",),
)


def recognise(case: Case) -> Finding:
    """The service runs, and its default kernel is not there."""
    facts = case.facts
    if facts.kernel.value is not False or facts.container_service.value != "running":
        return Finding(FAULT.id, ABSENT)
    if any(run.running for run in need(facts.containers)):
        # One that runs has booted a kernel, wherever it came from.
        return Finding(FAULT.id, ABSENT)
    return Finding(FAULT.id, PRESENT, (quote(facts.kernel, "not there"),))
