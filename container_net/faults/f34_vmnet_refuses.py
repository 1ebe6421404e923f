"""vmnet refuses to make a network."""

from __future__ import annotations

import re

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, log_line, need, quote
from .fault import Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F34",
    name="vmnet-refuses",
    section="service",
    title=N_("vmnet refuses to make a network"),
    symptoms=(
        Symptom(
            r"failed to create vmnet network with status",
            "failed to create vmnet network with status vmnet_return_t(rawValue: 1001)",
        ),
        Symptom(r"vmnet_return_t\(rawValue: 1\d{3}\)", "vmnet_return_t(rawValue: 1009)"),
        said(
            r"Internet Sharing is on",
            N_("Internet Sharing is on, and container does not start"),
            r"인터넷 공유.{0,10}켜",
        ),
    ),
    cause=N_(
        "vmnet is taken or has failed: macOS's Internet Sharing is switched on, another program "
        "uses vmnet, or the subnet asked for will not do."
    ),
    cure=(
        Step(
            N_("Read what container and macOS's sharing service say."),
            "container system logs --last 10m; launchctl print system/com.apple.NetworkSharing",
        ),
        Step(
            N_(
                "Switch Internet Sharing off (System Settings > General > Sharing), quit other "
                "programs with virtual networks, and start the service again."
            ),
            "container system start",
        ),
        Step(N_("If it is refused still, reboot the Mac.")),
    ),
    auto="no",
    versions=N_("container 0.6 to 0.10"),
    evidence=(issue(863), issue(1319), issue(36, "lima-vm/vde_vmnet")),
    consequence_of=("pf-helper-hangs",),
    yields_to=("asked-as-root",),
)

_VMNET = re.compile(
    r"failed to create vmnet network with status|vmnet_return_t\(rawValue: 1\d{3}\)"
)


def recognise(case: Case) -> Finding:
    """container's log: vmnet made no network, and the service or the bridge is not there."""
    if case.facts.container_path is None:
        return Finding(FAULT.id, ABSENT)
    line = log_line(case, _VMNET)
    if line is None or case.served():
        return Finding(FAULT.id, ABSENT)
    service = case.facts.container_service
    return Finding(
        FAULT.id, PRESENT if case.stopped else POSSIBLE, (line, quote(service, need(service)))
    )
