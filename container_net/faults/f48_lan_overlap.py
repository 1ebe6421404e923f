"""The container network overlaps the local network."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Any

from ..model import Reading
from ..text import N_, _
from .bridges import container_bridges
from .case import ABSENT, PRESENT, Case, Finding, need, quote
from .common import RESTART
from .fault import Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F48",
    name="lan-overlap",
    section="way",
    title=N_("The container network overlaps the local network"),
    symptoms=(
        said(
            r"\bMac loses.{0,10} LAN\b",
            N_("the Mac loses its LAN while containers run"),
            r"Mac.{0,30}\bLAN",
        ),
        said(
            r"container.{0,30}\bnot the LAN\b",
            N_("containers reach the internet, but not the LAN"),
            r"컨테이너.{0,30}\bLAN",
        ),
    ),
    cause=N_(
        "The subnet of a container network, or an entry of vmnet's isolation table, overlaps the "
        "network that the Mac itself is in; or a bridge has taken the route of that network."
    ),
    cure=(
        Step(
            N_("Compare the isolation table with the Mac's own addresses and routes."),
            "sudo pfctl -a com.apple.internet-sharing/network_isolation "
            "-t network_isolation_table_v4 -T show; netstat -rn -f inet",
        ),
        Step(
            N_(
                "Choose another container subnet: `subnet` under `[network]` in "
                "~/.config/container/config.toml, for example 192.168.210.0/24."
            )
        ),
        RESTART,
    ),
    auto="no",
    versions=N_("macOS 15 to 26"),
    evidence=(
        issue(11901, "actions/runner-images"),
        "OrbStack and UTM (three public reports of 2026)",
    ),
)


def recognise(case: Case) -> Finding:
    """A container network, or what vmnet isolates, overlaps the network that the Mac lives in."""
    if case.stopped:
        return Finding(FAULT.id, ABSENT)
    bridged = {i.name for i in container_bridges(case)}
    own = [
        (i.name, address.network)
        for i in need(case.facts.interfaces)
        for address in i.inet
        if i.name not in bridged
        and re.fullmatch(r"en[0-9]+", i.name)
        and address.network.prefixlen < 32
    ]
    for bridge in container_bridges(case):
        for address in bridge.inet:
            for name, lan in own:
                if lan.overlaps(address.network):
                    told = f"{bridge.name}: {address.network}"
                    return _overlap(case.facts.interfaces, told, name, lan)
    listed = [] if case.system == 15 else [n for n in need(case.facts.networks) if n.cidr]
    for network in listed:
        for name, lan in own:
            if network.cidr is not None and lan.overlaps(network.cidr):
                return _overlap(case.facts.networks, f"{network.id}: {network.cidr}", name, lan)
    if not bridged:
        return Finding(FAULT.id, ABSENT)
    for row in need(case.extra.table):
        for name, lan in own:
            if row.interface in bridged and row.to == lan:
                return _overlap(case.extra.table, row.line, name, lan)
    for entry in need(case.extra.isolation):
        for name, lan in own:
            if entry.overlaps(lan):
                return _overlap(case.extra.isolation, str(entry), name, lan)
    return Finding(FAULT.id, ABSENT)


def _overlap(reading: Reading[Any], text: str, name: str, lan: IPv4Network) -> Finding:
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(reading, text),
            _("{name} of this Mac lives in {network}").format(name=name, network=lan),
        ),
    )
