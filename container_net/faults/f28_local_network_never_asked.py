"""macOS 27 beta never asks for the local network permission."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .common import ENTRY_THERE, RESET
from .f27_local_network_denied import denied
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F28",
    name="local-network-never-asked",
    section="ports",
    title=N_("macOS 27 beta never asks for the local network permission"),
    symptoms=(
        RESET,
        Symptom(r"Failed to reset LocalNetwork", "tccutil: Failed to reset LocalNetwork"),
        said(
            r"\breset.{0,20} macOS 27\b",
            N_("published ports reset on macOS 27, and there is nothing to allow"),
            r"macOS 27.{0,20}포트",
        ),
    ),
    cause=N_(
        "A regression of the macOS 27 beta: the question for the local network never comes, and "
        "`container-runtime-linux` is not in the list, so there is nothing to switch on."
    ),
    cure=(
        Step(
            N_(
                "Allow the container subnet by hand, on Ethernet. SUBNET is printed by `invoke "
                "net.detect`."
            ),
            "sudo defaults write com.apple.network.local-network "
            "AllowedEthernetLocalNetworkAddresses -array 'SUBNET'",
        ),
        Step(
            N_("And on Wi-Fi."),
            "sudo defaults write com.apple.network.local-network "
            "AllowedWiFiLocalNetworkAddresses -array 'SUBNET'",
        ),
        Step(N_("Reboot the Mac; without a reboot it has no effect.")),
    ),
    auto="ask",
    versions=N_("macOS 27.0 beta"),
    evidence=(issue(2029), issue(919), "Apple Feedback FB24249006, FB24027799"),
    distinguish=(Distinguish("local-network-denied", ENTRY_THERE),),
    yields_to=("tls-inspected",),
    needs_probe=True,
    systems=(27, 99),
)


def recognise(case: Case) -> Finding:
    """The same on macOS 27, where the question may never come."""
    return denied(case, FAULT)
