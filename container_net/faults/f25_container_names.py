"""Container names resolve on the Mac only now and then."""

from __future__ import annotations

from ..text import N_, _
from .case import ABSENT, PRESENT, Case, Contradiction, Finding, need, quote
from .fault import Fault, Step, Symptom
from .sources import issue

FAULT = Fault(
    id="F25",
    name="container-names",
    section="names",
    title=N_("Container names resolve on the Mac only now and then"),
    symptoms=(
        Symptom(
            r"ping: cannot resolve .{1,60}: Unknown host",
            "ping: cannot resolve hotline.cont: Unknown host",
        ),
    ),
    cause=N_(
        "The Mac asks container's own resolver (127.0.0.1, port 2053) for names of the container "
        "domain, and that answers at times only."
    ),
    cure=(
        Step(
            N_("See whether the resolver is registered, and whether somebody listens."),
            "scutil --dns | grep -B4 'port *: 2053'; sudo lsof -nP -iUDP:2053",
        ),
        Step(
            N_("Let macOS read its resolvers anew; this helps in part of the cases."),
            "sudo killall -HUP mDNSResponder",
        ),
        Step(N_("Use the container's address until it is mended.")),
    ),
    auto="ask",
    versions=N_("container 1.0"),
    evidence=(issue(1693),),
    yields_to=("internal-leaks",),
)


def recognise(case: Case) -> Finding:
    """macOS asks container's resolver for a domain, and nobody listens there."""
    if case.stopped:
        return Finding(FAULT.id, ABSENT)
    asked = [r for r in need(case.extra.resolvers) if r.port == 2053]
    if not asked or need(case.facts.container_service) != "running":
        return Finding(FAULT.id, ABSENT)
    listening = need(case.extra.container_sockets)
    if any(s.port != 2053 for s in listening):
        raise Contradiction(quote(case.extra.container_sockets, listening[0].line))
    if listening:
        return Finding(FAULT.id, ABSENT)
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(case.extra.resolvers, f"domain: {asked[0].domain}, port: 2053"),
            _("{command} shows nobody").format(command=case.extra.container_sockets.source),
        ),
    )
