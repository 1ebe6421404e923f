"""vmnet moved to another subnet, and the NAT rule has the old one."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .common import PERSIST, SETUP
from .fault import Fault, Step, said
from .sources import issue
from .way import by_pairs

FAULT = Fault(
    id="F15",
    name="old-subnet",
    section="way",
    title=N_("vmnet moved to another subnet, and the NAT rule has the old one"),
    symptoms=(
        said(
            r"worked yesterday",
            N_("it worked yesterday and is dead today"),
            r"어제.{0,10}됐",
        ),
        said(
            r"new default network",
            N_("after a restart of the service containers are in a new default network"),
            r"새 기본 네트워크",
        ),
    ),
    cause=N_(
        "When the old subnet is still held, vmnet takes the next one: 192.168.65.0/24, "
        "192.168.66.0/24 and so on. A rule for the old subnet then fits no container."
    ),
    cure=(
        SETUP,
        PERSIST,
        Step(
            N_(
                "You can ask for a fixed subnet with `subnet` under `[network]` in "
                "~/.config/container/config.toml; vmnet does not promise to keep it."
            )
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("container 0.6 to 1.x"),
    evidence=(issue(835), issue(148), issue(1836), issue(5313, "utmapp/UTM")),
    yields_to=("pf-disabled",),
)


def recognise(case: Case) -> Finding:
    """A rule of ours or of a recipe has a subnet that no network has any more."""
    return by_pairs(case, FAULT)
