"""A pf rule names a bridge that does not exist at boot."""

from __future__ import annotations

import re

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom
from .sources import issue

FAULT = Fault(
    id="F47",
    name="bridge-at-boot",
    section="ipv6",
    title=N_("A pf rule names a bridge that does not exist at boot"),
    symptoms=(
        Symptom(
            r"no IP address found for bridge\d{1,4}:network",
            "no IP address found for bridge100:network",
        ),
        Symptom(r"pf rules not loaded", "pfctl: Syntax error in config file: pf rules not loaded"),
    ),
    cause=N_(
        "A rule with `bridge100:network` needs the bridge when it is loaded. At boot no container "
        "runs, there is no bridge, and pf refuses the whole file."
    ),
    cure=(
        Step(
            N_("See which line it is; this only reads."),
            "pfctl -n -f /etc/pf.conf; grep -n 'bridge[0-9]*:network' /etc/pf.conf "
            "/etc/pf.anchors/*",
        ),
        Step(
            N_(
                "Write the subnet as numbers, such as 192.168.64.0/24, or take the line out: this "
                "tool's own rules have numbers and do the same."
            ),
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(1966, "canonical/multipass"),),
    yields_to=("anchor-file-missing",),
)


def recognise(case: Case) -> Finding:
    """A rule of /etc/pf.conf needs a bridge that is not there at boot."""
    error = need(case.facts.pf_conf_error)
    if re.search(r"no IP address found for bridge[0-9]+:network", error):
        return Finding(FAULT.id, PRESENT, (quote(case.facts.pf_conf_error, error),))
    content = (need(case.facts.files["pf_conf"]).content or b"").decode("latin-1")
    texts = {case.facts.files["pf_conf"].source: content, **case.extra.loaded_texts}
    for name, text in texts.items():
        found = re.search(r"^[^#\n]*bridge[0-9]{3,}:network.*$", text, re.MULTILINE)
        if found and not error:
            return Finding(FAULT.id, POSSIBLE, (f"{name} → {found.group().strip()}",))
    return Finding(FAULT.id, ABSENT)
