"""Your own pf rules vanish when a container starts."""

from __future__ import annotations

import re

from ..text import N_, _
from .case import ABSENT, PRESENT, Case, Finding, need, quote, rules
from .fault import Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F02",
    name="own-rules-gone",
    section="way",
    title=N_("Your own pf rules vanish when a container starts"),
    symptoms=(
        said(
            r"pf rules.{0,60}vanish",
            N_("my pf rules vanish when a container starts"),
            r"pf 규칙.{0,30}사라",
        ),
        said(
            r"\bMurus\b",
            N_("Murus loses its rules when a container starts"),
            r"\bMurus",
        ),
    ),
    cause=N_(
        "When vmnet starts, macOS's InternetSharing replaces the active main ruleset. Rules that "
        "were loaded there from a file are gone from then on; rules in an anchor under "
        "`com.apple/*` stay."
    ),
    cure=(
        Step(
            N_(
                "Keep rules of your own in an anchor under `com.apple/*` too, and load only that "
                "anchor. FILE is the file with your rules."
            ),
            "sudo pfctl -a com.apple/300.mine -f FILE",
        ),
    ),
    auto="no",
    versions=N_("macOS 26.4 with container 0.11.0; probably every version"),
    evidence=(issue(402),),
    yields_to=("bridge-at-boot",),
)

_PLAIN = re.compile(r"\s*(no nat|nat|no rdr|rdr|binat|pass|block)\s")


def recognise(case: Case) -> Finding:
    """/etc/pf.conf has rules of its own, and the live ruleset, which vmnet wrote, has none."""
    reading = case.facts.files["pf_conf"]
    content = (need(reading).content or b"").decode("latin-1")
    own = [line.strip() for line in content.splitlines() if _PLAIN.match(line)]
    if not own or not case.served():
        return Finding(FAULT.id, ABSENT)
    if need(case.facts.pf_conf_error):
        # It was never loaded: F47 and F49 say why.
        return Finding(FAULT.id, ABSENT)
    nat, filters = rules(case.facts.main_nat), rules(case.facts.main_rules)
    if any(_PLAIN.match(rule.text + " ") for rule in nat + filters):
        return Finding(FAULT.id, ABSENT)
    ends = [f'{kind}-anchor "com.apple.internet-sharing' for kind in ("nat", "rdr")]
    if not all(any(rule.text.startswith(end) for rule in nat) for end in ends):
        return Finding(FAULT.id, ABSENT)
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(reading, own[0]),
            _("{commands} show no rule of it, and that vmnet wrote the ruleset anew").format(
                commands=f"{case.facts.main_nat.source}, {case.facts.main_rules.source}"
            ),
        ),
    )
