"""The rule is loaded, but pf is off."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .fault import Fault, Step, Symptom
from .way import by_pairs

FAULT = Fault(
    id="F46",
    name="pf-disabled",
    section="ipv6",
    title=N_("The rule is loaded, but pf is off"),
    symptoms=(
        Symptom(r"\bStatus: Disabled\b", "Status: Disabled                    Debug: Urgent"),
        Symptom(r"pfctl: pf not enabled", "pfctl: pf not enabled"),
    ),
    cause=N_("macOS has pf switched off until somebody asks for it; rules then do nothing."),
    cure=(
        Step(
            N_(
                "Let this tool switch it on. It keeps the token, and `invoke net.teardown` gives "
                "it back; others who use pf are not disturbed."
            ),
            "invoke net.setup",
        ),
        Step(N_("Never switch pf off with `pfctl -d`: that takes it from everybody who uses it.")),
    ),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("macOS pf (enable references)",),
)


def recognise(case: Case) -> Finding:
    """The rule for the way is there, and pf is off."""
    return by_pairs(case, FAULT)
