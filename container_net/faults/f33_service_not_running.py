"""container's service is not running."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, PRESENT, Case, Contradiction, Finding, need, quote
from .fault import Fault, Step, Symptom
from .sources import issue

FAULT = Fault(
    id="F33",
    name="service-not-running",
    section="service",
    title=N_("container's service is not running"),
    symptoms=(
        Symptom(
            r"apiserver is not running and not registered with launchd",
            "apiserver is not running and not registered with launchd",
        ),
        Symptom(r"apiserver is not running", "apiserver is not running"),
        Symptom(r'"status" ?: ?"not running"', '{"status":"not running"}'),
    ),
    cause=N_("The service of container has not been started since the Mac booted, or it ended."),
    cure=(Step(N_("Start it."), "container system start"),),
    auto="ask",
    versions=N_("every version"),
    evidence=(issue(1280), "apple/container source"),
    consequence_of=("vmnet-refuses", "pf-helper-hangs", "asked-as-root"),
    yields_to=("vmnet-refuses",),
)


def recognise(case: Case) -> Finding:
    """container's service does not run."""
    facts = case.facts
    if facts.container_path is None:
        return Finding(FAULT.id, ABSENT)
    status = need(facts.container_service)
    if status == "running" or _as_root(case):
        return Finding(FAULT.id, ABSENT)
    if facts.containers.value or facts.networks.value:
        raise Contradiction(quote(facts.container_service, status), quote(facts.networks, "[…]"))
    return Finding(FAULT.id, PRESENT, (quote(facts.container_service, status),))


def _as_root(case: Case) -> bool:
    return case.asks_as_root and case.extra.user.value == 0
