"""A NAT rule stands in an anchor that pf never looks at."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .common import SETUP
from .fault import Fault, Step, said
from .way import by_pairs

FAULT = Fault(
    id="F52",
    name="anchor-not-called",
    section="way",
    title=N_("A NAT rule stands in an anchor that pf never looks at"),
    symptoms=(
        said(
            r"nat anchor.{0,40}does nothing",
            N_("my nat anchor is loaded and does nothing"),
            r"앵커.{0,20}동작하지",
        ),
    ),
    cause=N_(
        "An `anchor` line calls an anchor's filter rules only. For its NAT rules the main ruleset "
        "needs a `nat-anchor` line, and has none."
    ),
    cure=(
        SETUP,
        Step(
            N_(
                "Or call the anchor yourself: a `nat-anchor` line with its name in /etc/pf.conf, "
                "before the first rdr-anchor line."
            )
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("pf how-to of 2026", "pf.conf(5)"),
    yields_to=("ruleset-replaced",),
)


def recognise(case: Case) -> Finding:
    """A rule that fits stands in another program's anchor, which nothing calls for translation."""
    return by_pairs(case, FAULT)
