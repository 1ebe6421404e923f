"""Containers have IPv6 addresses, but no IPv6 internet."""

from __future__ import annotations

from ..text import N_
from .case import Case, Finding
from .common import APP_OR_PATH
from .f39_node_ipv6_first import ipv6
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue, pull

FAULT = Fault(
    id="F40",
    name="no-ipv6",
    section="ipv6",
    title=N_("Containers have IPv6 addresses, but no IPv6 internet"),
    symptoms=(
        Symptom(
            r"immediate connect fail for [0-9a-f:]{2,40}",
            "* Immediate connect fail for 2606:4700::1111: Network is unreachable",
        ),
        said(
            r"IPv6.{0,40} unreachable",
            N_("IPv6 addresses on the internet are unreachable from containers"),
            r"IPv6.{0,40}닿지",
        ),
    ),
    cause=N_(
        "vmnet gives containers private IPv6 addresses (fd..) and translates them to another "
        "private address of the Mac, which no router on the internet answers. container also does "
        "not pass the IPv6 gateway on to containers."
    ),
    cure=(
        Step(
            N_(
                "No cure is known. What you can do: use IPv4, and tell programs to try it first; "
                "for Node.js with this line in the Dockerfile (`net.env` prints it)."
            ),
            "ENV NODE_OPTIONS=--dns-result-order=ipv4first",
        ),
    ),
    auto="none",
    versions=N_("every version"),
    evidence=(
        issue(2560, "canonical/multipass"),
        issue(460),
        issue(1034),
        pull(1174),
    ),
    distinguish=(Distinguish("node-ipv6-first", APP_OR_PATH),),
    yields_to=("large-mtu",),
    needs_probe=True,
)


def recognise(case: Case) -> Finding:
    """The same: the program, or the path."""
    return ipv6(case, FAULT, "node-ipv6-first")
