"""The gateway's resolver does not answer."""

from __future__ import annotations

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding
from .f21_port_53_taken import specific
from .fault import Fault, Step, Symptom
from .sources import issue, pull

FAULT = Fault(
    id="F22",
    name="gateway-dns",
    section="names",
    title=N_("The gateway's resolver does not answer"),
    symptoms=(
        Symptom(
            r"temporary failure in name resolution",
            "ping: example.com: Temporary failure in name resolution",
        ),
        Symptom(r"\bEAI_AGAIN\b", "getaddrinfo EAI_AGAIN api.anthropic.com"),
        Symptom(r"resolving timed out", "curl: (28) Resolving timed out after 5000 milliseconds"),
        Symptom(r"wget: bad address", "wget: bad address 'example.com'"),
        Symptom(r"could not resolve host", "curl: (6) Could not resolve host: example.com"),
    ),
    cause=N_(
        "Addresses are reached and names are not, and nobody else holds port 53: the resolver at "
        "the gateway is not up, or the DNS of a VPN does not answer containers."
    ),
    cure=(
        Step(
            N_(
                "Give the container a resolver of its own; config.toml has no key for it. IMAGE is "
                "your image; with a VPN, give the VPN's resolver instead of 1.1.1.1."
            ),
            "container run --dns 1.1.1.1 IMAGE",
        ),
        Step(
            N_("For builds the builder needs it; it is deleted and made anew."),
            "container builder stop && container builder delete && container builder start "
            "--dns 1.1.1.1",
        ),
    ),
    auto="no",
    versions=N_("container 0.3 to 1.x"),
    evidence=(
        issue(656),
        issue(480),
        issue(469),
        issue(1693),
        issue(345),
        pull(50, "kstenerud/yoloai"),
        "bot-bottle (macOS 26.5.1, container 1.0.0)",
    ),
    consequence_of=(
        "port-53-taken",
        "ruleset-replaced",
        "vpn-not-followed",
        "stale-nat",
        "forwarding-off",
        "subnet-disagrees",
        "running-without-network",
    ),
    yields_to=("lan-overlap",),
    needs_probe=True,
)


def recognise(case: Case) -> Finding:
    """Addresses are reached and the gateway's resolver does not answer, while port 53 is free."""
    guest = case.guest()
    if guest is None or guest.state("dns-gateway") != "failed":
        return Finding(FAULT.id, ABSENT)
    if guest.state("gateway") == "failed" or guest.state("tcp") == "failed":
        return Finding(FAULT.id, ABSENT)
    if case.extra.sockets.known and specific(case):
        return Finding(FAULT.id, ABSENT)
    seen = (case.row("dns-gateway"), case.row("dns-public"))
    if guest.state("dns-public") == "ok":
        return Finding(FAULT.id, PRESENT if case.extra.sockets.known else POSSIBLE, seen)
    return Finding(FAULT.id, POSSIBLE, seen)
