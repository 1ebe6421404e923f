"""container was asked as root, whose services are not the user's."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said

FAULT = Fault(
    id="F38",
    name="asked-as-root",
    section="service",
    title=N_("container was asked as root, whose services are not the user's"),
    symptoms=(
        Symptom(r'"status" ?: ?"unregistered"', '{"status":"unregistered"}'),
        said(
            r"sudo container [a-rt-z]",
            N_("`sudo container ls` shows nothing"),
            r"sudo container [a-rt-z]",
        ),
    ),
    cause=N_(
        "container's services belong to the user who started them (launchd domain `gui/<uid>`). "
        "Asked with sudo, it looks at root's and finds none."
    ),
    cure=(
        Step(
            N_("Run it without sudo, as the user who started the service."),
            "container system status",
        ),
        Step(
            N_("Run this tool without sudo as well; it asks for sudo where it needs it."),
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=("apple/container source (launchd labels)",),
)


def recognise(case: Case) -> Finding:
    """container is asked as root, who has no services of it."""
    if case.facts.container_path is None or not case.asks_as_root:
        return Finding(FAULT.id, ABSENT)
    if need(case.extra.user) != 0 or need(case.facts.container_service) == "running":
        return Finding(FAULT.id, ABSENT)
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(case.extra.user, "0"),
            quote(case.facts.container_service, need(case.facts.container_service)),
        ),
    )
