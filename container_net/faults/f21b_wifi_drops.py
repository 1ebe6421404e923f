"""Wi-Fi drops when bridges come and go."""

from __future__ import annotations

from ..text import N_
from .f20_vpn_disconnects import WHO_DROPS
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F21b",
    name="wifi-drops",
    section="way",
    title=N_("Wi-Fi drops when bridges come and go"),
    symptoms=(
        Symptom(r"status: inactive", "en0: status: inactive"),
        said(
            r"Wi-?Fi.{0,20} drops",
            N_("Wi-Fi drops for a moment when containers start or stop"),
            r"Wi-?Fi.{0,20}끊",
        ),
    ),
    cause=N_(
        "macOS configures its network anew when a bridge comes or goes, and the Wi-Fi goes away "
        "for a moment. Seen with OrbStack; not yet seen with container."
    ),
    cure=(
        Step(
            N_(
                "No cure is known. What you can do: keep one container running, so that bridges "
                "come and go less often, or use Ethernet."
            )
        ),
    ),
    auto="none",
    versions=N_("macOS 26.5"),
    evidence=(issue(2559, "orbstack/orbstack"),),
    distinguish=(Distinguish("vpn-disconnects", WHO_DROPS),),
    unseen="it lasts a moment, and idle ports look the same",
)
