"""The Mac's VPN disconnects when a container starts."""

from __future__ import annotations

from ..text import N_
from .fault import Distinguish, Fault, Step, said
from .sources import issue

WHO_DROPS = N_(
    "Read the VPN client's own log: a disconnect because of a network change is F20. If the "
    "Wi-Fi itself went away and came back, it is F21b."
)

FAULT = Fault(
    id="F20",
    name="vpn-disconnects",
    section="way",
    title=N_("The Mac's VPN disconnects when a container starts"),
    symptoms=(
        said(
            r"VPN disconnects",
            N_("the VPN disconnects when a container starts"),
            r"VPN.{0,10}끊",
        ),
        said(
            r"\bAnyConnect\b",
            N_("AnyConnect reconnects every time a container starts"),
            r"\bAnyConnect",
        ),
    ),
    cause=N_(
        "The bridge that a container brings is a change of network in the eyes of the VPN client "
        "(Cisco AnyConnect), and it drops its connection."
    ),
    cure=(
        Step(
            N_(
                "No cure on the Mac's side is known. What you can do: keep one container running, "
                "so that the bridge stays; or ask the VPN's administrator to change the settings "
                "for trusted networks or split tunnelling."
            )
        ),
    ),
    auto="none",
    versions=N_("macOS 26.0; container 0.1 to 0.5"),
    evidence=(issue(762),),
    distinguish=(Distinguish("wifi-drops", WHO_DROPS),),
    unseen="only the VPN client's own log shows it",
)
