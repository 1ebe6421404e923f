"""pf rejects /etc/pf.conf, so none of it is loaded at boot."""

from __future__ import annotations

import re
from typing import List

from ..model import FileFact, Reading
from ..text import N_, _
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom

FAULT = Fault(
    id="F50",
    name="pf-conf-rejected",
    section="way",
    title=N_("pf rejects /etc/pf.conf, so none of it is loaded at boot"),
    symptoms=(
        Symptom(r"Rules must be in order", "/etc/pf.conf:3: Rules must be in order: options, ..."),
        Symptom(r"pf\.conf:\d{1,5}: syntax error", "/etc/pf.conf:28: syntax error"),
        Symptom(
            r"pfctl: Syntax error in config file",
            "pfctl: Syntax error in config file: pf rules not loaded",
        ),
        Symptom(r"invalid pf config", 'invalid pf config "/etc/pf.conf"'),
    ),
    cause=N_(
        "One line that pf does not accept makes it drop the whole file: not only that line, but "
        "Apple's anchors too are missing after the next boot. A `nat` line before `scrub-anchor`, "
        "or after `anchor`, is such a line: options, normalization, queueing, translation and "
        "filtering must come in this order."
    ),
    cure=(
        Step(N_("See what pf says; this only reads."), "pfctl -n -f /etc/pf.conf"),
        Step(
            N_(
                "Take that line out with an editor (this tool's own rules do its work), until the "
                "command above says nothing. LINE is the number after the colon."
            ),
            "sudo nano +LINE /etc/pf.conf",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=("nanoclaw (documentation)", "pf.conf(5)"),
    yields_to=("bridge-at-boot",),
)

_OTHERS = re.compile(r"no IP address found for bridge[0-9]+:network|cannot open")
_RULE = re.compile(r"\s*(no )?(nat|rdr|binat|pass|block)\b")
_AT = re.compile(r"pf\.conf:([0-9]{1,6}):")


def recognise(case: Case) -> Finding:
    """`pfctl -n -f /etc/pf.conf` complains, of nothing that has an entry of its own."""
    error = need(case.facts.pf_conf_error)
    gone = [path for path, there in case.extra.loads.items() if not there]
    if not error or _OTHERS.search(error) or gone:
        return Finding(FAULT.id, ABSENT)
    evidence = [quote(case.facts.pf_conf_error, error)]
    at = _AT.search(error)
    conf = case.facts.files["pf_conf"]
    lines = (need(conf).content or b"").decode("utf-8", "replace").splitlines()
    if at is None or not 1 <= int(at.group(1)) <= len(lines):
        return Finding(FAULT.id, PRESENT, tuple(evidence))
    number = int(at.group(1))
    evidence.append(_line(conf, lines, number))
    if "in order" in error:
        # pf blames the line that came too late; the rule before it stands too early.
        early = [n for n in range(number - 1) if _RULE.match(lines[n])]
        evidence += [_line(conf, lines, n + 1) for n in early[-1:]]
    return Finding(FAULT.id, PRESENT, tuple(evidence), fill=(("LINE", str(number)),))


def _line(conf: Reading[FileFact], lines: List[str], number: int) -> str:
    return quote(conf, _("line {line}: {text}").format(line=number, text=lines[number - 1]))
