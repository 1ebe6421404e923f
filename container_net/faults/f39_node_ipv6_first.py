"""Node tries IPv6 first, and HTTPS times out."""

from __future__ import annotations

from ..env import prefers_ipv4, runs_node
from ..text import N_
from .case import ABSENT, POSSIBLE, Case, Finding
from .common import APP_OR_PATH
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue, pull

FAULT = Fault(
    id="F39",
    name="node-ipv6-first",
    section="ipv6",
    title=N_("Node tries IPv6 first, and HTTPS times out"),
    symptoms=(
        said(
            r"HTTPS.{0,20} time",
            N_("HTTP works, HTTPS times out"),
            r"HTTPS.{0,10}시간 ?초과",
        ),
        Symptom(r"\bETIMEDOUT\b", "npm error code ETIMEDOUT"),
        Symptom(r"\bUND_ERR_CONNECT_TIMEOUT\b", "code: 'UND_ERR_CONNECT_TIMEOUT'"),
    ),
    cause=N_(
        "Names resolve to IPv6 addresses (AAAA) first. The NAT is for IPv4 only, so those "
        "addresses lead nowhere, and Node waits for them instead of going on with IPv4."
    ),
    cure=(
        Step(
            N_("Add this line to the Dockerfile; `net.env` prints it with all that belongs to it."),
            "ENV NODE_OPTIONS=--dns-result-order=ipv4first",
        ),
        Step(
            N_("Or try it once. IMAGE is your image."),
            "container run -e NODE_OPTIONS=--dns-result-order=ipv4first IMAGE",
        ),
        Step(N_("Node 20 and later fall back to IPv4 by themselves in most cases.")),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(pull(178, "nanocoai/nanoclaw"), issue(1531, "nodejs/undici")),
    distinguish=(Distinguish("no-ipv6", APP_OR_PATH),),
    yields_to=("large-mtu",),
    needs_probe=True,
)


def recognise(case: Case) -> Finding:
    """HTTPS works over IPv4 and not over IPv6, and the image does not prefer IPv4."""
    return ipv6(case, FAULT, "no-ipv6")


def ipv6(case: Case, fault: Fault, apart: str) -> Finding:
    """HTTPS works over IPv4 and not over IPv6: no output tells the program from the path."""
    guest = case.guest()
    if guest is None or guest.state("https4") != "ok" or guest.state("https6") != "failed":
        return Finding(fault.id, ABSENT)
    image = case.extra.image.value if case.extra.image is not None else None
    if image is None or not runs_node(image) or any(map(prefers_ipv4, image.env or ())):
        # IPv6 leads nowhere on most Macs; this image does not mind.
        return Finding(fault.id, ABSENT)
    return Finding(
        fault.id,
        POSSIBLE,
        (case.row("https4"), case.row("https6")),
        apart=(apart,),
    )
