"""The builder keeps the resolver of an old subnet."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import List, Optional

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, need, quote
from .fault import Fault, Step, Symptom, said
from .sources import issue, pull

FAULT = Fault(
    id="F23",
    name="builder-resolver",
    section="names",
    title=N_("The builder keeps the resolver of an old subnet"),
    symptoms=(
        Symptom(
            r"temporary failure resolving", "Temporary failure resolving 'archive.example.org'"
        ),
        Symptom(
            r"DNS: transient error \(try again later\)",
            "WARNING: fetching APKINDEX.tar.gz: DNS: transient error (try again later)",
        ),
        Symptom(
            r"temporary failure in name resolution",
            "pip: [Errno -3] Temporary failure in name resolution",
        ),
        said(
            r"container build.{0,40}DNS",
            N_("`container build` fails with DNS errors while `container run` works"),
            r"container build.{0,40}DNS",
        ),
    ),
    cause=N_(
        "The builder container wrote the gateway's address into its settings when it was made. "
        "vmnet has since moved to another subnet, and the old address answers no more."
    ),
    cure=(
        Step(
            N_("Compare the builder's resolver with today's gateway."),
            "container inspect buildkit && container network list",
        ),
        Step(
            N_("Delete the builder and let it be made anew; this empties the build cache."),
            "container builder stop && container builder delete && container builder start",
        ),
        Step(N_("container 0.11.0 and later do this by themselves: update if yours is older.")),
    ),
    auto="ask",
    versions=N_("container before 0.11.0"),
    evidence=(issue(148), issue(656), issue(1033), pull(1370)),
    yields_to=("image-resolver",),
    until=(0, 11),
)


def recognise(case: Case) -> Finding:
    """The builder has the gateway of an old subnet written into it."""
    if case.stopped:
        return Finding(FAULT.id, ABSENT)
    servers = need_builder(case)
    if not servers:
        return Finding(FAULT.id, ABSENT)
    baked = _private(servers[0])
    known = {n.gateway for n in need(case.facts.networks)}
    if baked is None or baked in known:
        return Finding(FAULT.id, ABSENT)
    evidence = (
        quote(case.extra.builder, f"nameservers: {servers[0]}"),
        quote(case.facts.networks, ", ".join(str(g) for g in sorted(known - {None}, key=str))),
    )
    version = case.version
    if version is not None and version < (0, 11):
        return Finding(FAULT.id, PRESENT, evidence)
    # From 0.11 on the builder is told anew at each start; what it has may be the user's wish.
    return Finding(FAULT.id, POSSIBLE, evidence)


def need_builder(case: Case) -> Optional[List[str]]:
    """The builder's nameservers; None where there is no builder. Raises Unread."""
    if not case.extra.builder.known:
        need(case.extra.builder)
    return list(case.extra.builder.value) if case.extra.builder.value is not None else None


def _private(text: str) -> Optional[IPv4Address]:
    """An address that can be a gateway of vmnet's; a public resolver was asked for by a person."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return None
    return address if address.is_private and not address.is_loopback else None
