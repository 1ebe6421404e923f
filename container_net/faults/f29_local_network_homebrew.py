"""The local network permission is lost with a Homebrew install."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .common import RESET
from .f27_local_network_denied import denied
from .fault import Fault, Step, said
from .sources import pull

FAULT = Fault(
    id="F29",
    name="local-network-homebrew",
    section="ports",
    title=N_("The local network permission is lost with a Homebrew install"),
    symptoms=(
        RESET,
        said(
            r"Homebrew.{0,60}port",
            N_("with the Homebrew build published ports reset, with the installer they work"),
            r"Homebrew.{0,60}포트",
        ),
    ),
    cause=N_(
        "macOS ties the permission to the path of the program. Homebrew puts each version into a "
        "folder of its own, so the permission does not hold."
    ),
    cure=(
        Step(
            N_("See where container is installed; `installRoot` says it."),
            "container system status --format json",
        ),
        Step(
            N_(
                "If it is not /usr/local/, install the signed package from container's release "
                "page and allow `container-runtime-linux` once more."
            )
        ),
    ),
    auto="no",
    versions=N_("macOS 27 beta; container 1.2.0"),
    evidence=(pull(8656, "ddev/ddev"),),
    yields_to=("tls-inspected",),
    needs_probe=True,
    systems=(15, 99),
)


def recognise(case: Case) -> Finding:
    """The same with Homebrew's build, whose path changes with each version."""
    return denied(case, FAULT)
