"""container and vmnet disagree on the subnet."""

from __future__ import annotations

from ..text import N_
from .bridges import homeless, without_bridge
from .case import ABSENT, PRESENT, Case, Finding, need
from .common import RESTART
from .fault import Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F13",
    name="subnet-disagrees",
    section="way",
    title=N_("container and vmnet disagree on the subnet"),
    symptoms=(
        said(
            r"cannot reach .{0,20}gateway",
            N_("a container cannot reach even its gateway"),
            r"게이트웨이.{0,20}닿지",
        ),
        Symptom(r"192\.168\.105\.1\b", "inet 192.168.105.1 netmask 0xffffff00"),
    ),
    cause=N_(
        "container gave its containers addresses of one subnet, and vmnet put the bridge into "
        "another. The gateway that containers know is on no interface of the Mac."
    ),
    cure=(
        Step(
            N_("Compare the gateway that container names with the addresses of the bridges."),
            "container ls && ifconfig -a | grep -A4 bridge",
        ),
        RESTART,
        Step(
            N_(
                "If it comes back, fix the subnet: `subnet` under `[network]` in "
                "~/.config/container/config.toml, or on releases before 1.0 this command."
            ),
            "container system property set network.subnet 192.168.64.1/24",
        ),
    ),
    auto="ask",
    versions=N_("macOS 15 only"),
    evidence=(issue(109), issue(148), issue(272), "yolo-jail (doctor)"),
    yields_to=("service-not-running",),
    systems=(15, 15),
)


def recognise(case: Case) -> Finding:
    """macOS 15: the gateway that containers were told is on no interface."""
    if case.stopped or (need(case.facts.os_version) and case.system != 15):
        return Finding(FAULT.id, ABSENT)
    lost = without_bridge(case)
    if not lost:
        return Finding(FAULT.id, ABSENT)
    return Finding(FAULT.id, PRESENT, homeless(case, lost[0]))
