"""A container on an internal network reaches the internet."""

from __future__ import annotations

import re
from typing import Tuple

from ..desired import leaks
from ..model import Rule, Subnet
from ..text import N_
from .case import ABSENT, PRESENT, Case, Finding, need, quote, rules
from .fault import Fault, Step, said
from .sources import issue, pull

FAULT = Fault(
    id="F43",
    name="internal-leaks",
    section="ipv6",
    title=N_("A container on an internal network reaches the internet"),
    symptoms=(
        said(
            r"--internal\b",
            N_("a container on an `--internal` network reaches 1.1.1.1"),
            r"--internal\b",
        ),
        said(
            r"hostOnly",
            N_("a hostOnly network has internet access"),
            r"hostOnly",
        ),
    ),
    cause=N_(
        "Forwarding is one switch for the whole Mac. While it is on, a container of an internal "
        "(hostOnly) network whose gateway is set gets its packets forwarded too."
    ),
    cure=(
        Step(
            N_(
                "Let this tool set up again: it translates NAT networks only, and where it "
                "switched forwarding on, its guard blocks internal networks. Do not use "
                "`--no-guard`."
            ),
            "invoke net.setup",
        ),
        Step(
            N_(
                "If forwarding was on before this tool came, the guard stays out of it; give the "
                "container no network at all if that is what you want. IMAGE is your image."
            ),
            "container run --network none IMAGE",
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("container 0.9.0 and later, which have `--internal`"),
    evidence=(issue(2062), pull(2072)),
    yields_to=("bridge-at-boot",),
)


def recognise(case: Case) -> Finding:
    """A rule in force translates a host-only subnet, forwarding is on, and nothing stops it."""
    if case.stopped:
        return Finding(FAULT.id, ABSENT)
    closed = [s for s in case.desired.subnets if s.mode == "hostOnly"]
    if not closed or need(case.facts.forwarding) == 0 or not need(case.facts.pf_enabled):
        return Finding(FAULT.id, ABSENT)
    need(case.facts.networks)
    bridges = {address.ip: i.name for i in need(case.facts.interfaces) for address in i.inet}
    for subnet in closed:
        bridge = bridges.get(subnet.gateway)
        if bridge is None or _guarded(rules(case.facts.anchor_rules), subnet, bridge):
            continue
        for _subnet, nat in leaks(case.facts, (subnet,), case.uplinks()):
            return Finding(
                FAULT.id,
                PRESENT,
                (
                    quote(case.facts.networks, f"hostOnly {subnet.cidr}"),
                    quote(case.facts.forwarding, "1"),
                    nat.line,
                ),
            )
    return Finding(FAULT.id, ABSENT)


def _guarded(live: Tuple[Rule, ...], subnet: Subnet, bridge: str) -> bool:
    closed = re.escape(str(subnet.cidr))
    start = re.compile(rf"block (drop )?in quick on (?:{bridge}|! lo0) .*from {closed} ")
    return any(start.match(rule.text) for rule in live)
