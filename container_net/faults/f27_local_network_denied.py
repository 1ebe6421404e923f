"""macOS denies container the local network, so published ports reset."""

from __future__ import annotations

import re

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, log_line, need, quote
from .common import ENTRY_THERE, FORWARDER, RESET
from .fault import Distinguish, Fault, Step, Symptom
from .sources import issue

FAULT = Fault(
    id="F27",
    name="local-network-denied",
    section="ports",
    title=N_("macOS denies container the local network, so published ports reset"),
    symptoms=(
        RESET,
        Symptom(
            r"backend - connect failed",
            "backend - connect failed: connect(descriptor:addr:size:): No route to host) "
            "(errno: 65)",
        ),
        Symptom(r"\(errno: 65\)", "No route to host) (errno: 65)"),
    ),
    cause=N_(
        "`container-runtime-linux`, which forwards published ports, has no permission for the "
        "local network (Privacy & Security). The container's own address works; 127.0.0.1 with "
        "the published port does not. NAT has no part in it."
    ),
    cure=(
        Step(
            N_(
                "Compare the published port with the container's address. PORT and CONTAINER_IP "
                "are yours."
            ),
            "curl -s -o /dev/null -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:PORT "
            "http://CONTAINER_IP:PORT",
        ),
        Step(
            N_(
                "Switch `container-runtime-linux` on in System Settings > Privacy & Security > "
                "Local Network; only a person can do that."
            )
        ),
        Step(
            N_("Then restart the service. This stops all containers."),
            "container stop --all && container system stop && container system start",
        ),
    ),
    auto="no",
    versions=N_("macOS 26.1 to 26.6.2"),
    evidence=(
        issue(919),
        issue(1180),
        issue(1702),
        issue(2067),
        issue(2029),
        issue(427),
    ),
    consequence_of=("local-network-never-asked", "local-network-homebrew"),
    distinguish=(
        Distinguish("local-network-never-asked", ENTRY_THERE),
        Distinguish("host-program-denied", FORWARDER),
    ),
    yields_to=("local-network-homebrew",),
    systems=(15, 99),
    needs_probe=True,
)

_DENIED = re.compile(r"No route to host.*\(errno: 65\)|\(errno: 65\).*No route to host")


def recognise(case: Case) -> Finding:
    """container's log: the forwarder of published ports is denied the local network."""
    return denied(case, FAULT)


def denied(case: Case, fault: Fault) -> Finding:
    """The forwarder may not use the local network, and which of three reasons it may be."""
    line = log_line(case, _DENIED) if not case.stopped else None
    if line is None or _misrouted(case):
        return Finding(fault.id, ABSENT)
    brewed = (case.facts.container_path or "").startswith("/opt/homebrew/")
    among = [FAULT.name]
    if need(case.facts.os_version) and (case.system or 0) >= 27:
        among.append("local-network-never-asked")
    if brewed:
        among.append("local-network-homebrew")
    if fault.name not in among:
        return Finding(fault.id, ABSENT)
    evidence = [line, quote(case.facts.os_version, case.facts.os_version.value or "")]
    if brewed:
        evidence.append(str(case.facts.container_path))
    apart = tuple(other for other in among if other != fault.name)
    return Finding(fault.id, POSSIBLE if apart else PRESENT, tuple(evidence), apart=apart)


def _misrouted(case: Case) -> bool:
    """The Mac's own route to a container leads elsewhere (F06): that gives errno 65 as well."""
    return any(
        reading.known
        and (reading.value is None or not reading.value.interface.startswith("bridge"))
        for reading in case.extra.container_routes.values()
    )
