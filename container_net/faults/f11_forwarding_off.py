"""IP forwarding is off."""

from __future__ import annotations

from ..text import N_, _
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .common import NO_INTERNET, PACKET_LOSS, PERSIST, SETUP
from .fault import Fault, Step, Symptom
from .way import before_this_boot, of

FAULT = Fault(
    id="F11",
    name="forwarding-off",
    section="way",
    title=N_("IP forwarding is off"),
    symptoms=(
        Symptom(r"curl: \(28\) connection time", "curl: (28) Connection timed out"),
        Symptom(r"curl: \(28\) failed to connect", "curl: (28) Failed to connect to 1.1.1.1"),
        Symptom(r"net\.inet\.ip\.forwarding: 0", "net.inet.ip.forwarding: 0"),
        PACKET_LOSS,
        NO_INTERNET,
    ),
    cause=N_(
        "net.inet.ip.forwarding is 0, so the Mac drops every packet that is not for itself. "
        "Another tool, or an `undo` of one, set it back while a bridge was up."
    ),
    cure=(
        SETUP,
        Step(
            N_("Or by hand, as the guide has it; it lasts until the next reboot."),
            "sudo sysctl -w net.inet.ip.forwarding=1",
        ),
        PERSIST,
    ),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("XNU source (ip_input.c)",),
    yields_to=("gone-after-reboot",),
)


def recognise(case: Case) -> Finding:
    """Forwarding is 0 while a NAT bridge is up."""
    forwarding = need(case.facts.forwarding)
    served = case.served()
    if forwarding == 1 or not served or before_this_boot(case):
        return Finding(FAULT.id, ABSENT)
    if case.system == 15 and of(case, "macos-15-no-nat"):
        return Finding(FAULT.id, ABSENT)
    subnet, bridge = served[0]
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(case.facts.forwarding, str(forwarding)),
            _("{gateway} is on {bridge}").format(gateway=subnet.gateway, bridge=bridge),
        ),
    )
