"""The macOS firewall blocks all incoming connections."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F18",
    name="firewall-blocks-all",
    section="way",
    title=N_("The macOS firewall blocks all incoming connections"),
    symptoms=(
        Symptom(
            r"cannot be modified from command line on managed Mac computers",
            "Firewall settings cannot be modified from command line on managed Mac computers.",
        ),
        said(
            r"block all incoming",
            N_("the firewall is set to block all incoming connections"),
            r"들어오는 연결.{0,10}차단",
        ),
        said(r"stealth mode", N_("the firewall is in stealth mode"), r"스텔스 모드"),
    ),
    cause=N_(
        "The Application Firewall is set to `Block all incoming connections`, which refuses the "
        "containers' DHCP, DNS and ports as well. In stealth mode a failed ping says nothing."
    ),
    cure=(
        Step(
            N_("Look at the three settings."),
            "/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate --getblockall "
            "--getstealthmode",
        ),
        Step(
            N_(
                "Switch `Block all incoming connections` off in System Settings > Network > "
                "Firewall > Options. On a managed Mac the administrator has to do it; the command "
                "line refuses there, with exit status 0."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(
        "multipass (documentation)",
        issue(5140, "docker/for-mac"),
        issue(19680, "kubernetes/minikube"),
    ),
    yields_to=("pf-disabled",),
)


def recognise(case: Case) -> Finding:
    """The Application Firewall blocks everything that comes in."""
    if case.stopped:
        return Finding(FAULT.id, ABSENT)
    state = need(case.extra.firewall)
    if not state.block_all:
        return Finding(FAULT.id, ABSENT)
    return Finding(FAULT.id, PRESENT, (quote(case.extra.firewall, state.line),))
