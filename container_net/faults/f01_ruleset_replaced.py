"""The main pf ruleset was reloaded, and vmnet's NAT is cut off."""

from __future__ import annotations

from dataclasses import replace

from ..text import N_
from .case import Case, Finding
from .common import NO_INTERNET, PACKET_LOSS, RESTART
from .fault import Fault, Step, Symptom, said
from .sources import issue, pull
from .way import by_pairs

FAULT = Fault(
    id="F01",
    name="ruleset-replaced",
    section="way",
    title=N_("The main pf ruleset was reloaded, and vmnet's NAT is cut off"),
    symptoms=(
        Symptom(r"could not resolve host", "curl: (6) Could not resolve host: api.anthropic.com"),
        Symptom(r"curl: \(28\)", "curl: (28) Connection timed out after 5001 milliseconds"),
        PACKET_LOSS,
        NO_INTERNET,
        Symptom(
            r"Use of -f option, could result in flushing of rules",
            "pfctl: Use of -f option, could result in flushing of rules",
        ),
        said(
            r"after .{0,30}dns create",
            N_("no network in any container after `container system dns create`"),
            r"dns create.{0,30}끊",
        ),
    ),
    cause=N_(
        "Something reloaded the main pf ruleset: `pfctl -f`, a firewall tool, or `container system "
        "dns create --localhost`. The reload drops the line that calls "
        "`com.apple.internet-sharing`: vmnet's NAT rules are still there, but nothing calls them. "
        "macOS itself may take the line `com.apple/*` along when the last container stops: then "
        "this tool's rules are there and not called."
    ),
    cure=(
        Step(
            N_(
                "Load this tool's rules: they are called through `com.apple/*`, which a reload of "
                "the stock /etc/pf.conf keeps. Running containers stay up."
            ),
            "invoke net.setup",
        ),
        RESTART,
        Step(
            N_(
                "Update container to 1.5.0 or later, which no longer reloads the main ruleset. "
                "Do not reload it by hand either while containers run."
            )
        ),
    ),
    auto="ask",
    versions=N_("by a localhost domain: container 0.9.0 to 1.4.1; by a reload: every version"),
    evidence=(issue(1241), pull(2256)),
    yields_to=("pf-disabled",),
)


def recognise(case: Case) -> Finding:
    """The call of vmnet's anchor is gone from the main ruleset."""
    finding = by_pairs(case, FAULT)
    if case.version is not None and case.version >= (1, 5):
        # It is new enough.
        return replace(finding, steps=FAULT.cure[:-1])
    return finding
