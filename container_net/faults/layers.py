"""The layers that a message can speak of, and where each leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple

from ..text import N_

__all__ = ["LAYERS", "Layer"]


@dataclass(frozen=True)
class Layer:
    """What failed, in words for the user, and the faults that show so, the likeliest first."""

    id: str
    title: str
    faults: Tuple[str, ...]


LAYERS: Mapping[str, Layer] = {
    layer.id: layer
    for layer in (
        Layer(
            "name",
            N_("A name is not resolved."),
            (
                "gateway-dns",
                "port-53-taken",
                "ruleset-replaced",
                "forwarding-off",
                "pf-disabled",
                "image-resolver",
                "builder-resolver",
                "vpn-not-followed",
            ),
        ),
        Layer(
            "no-answer",
            N_("The other side does not answer: packets or their answers are lost."),
            (
                "ruleset-replaced",
                "forwarding-off",
                "vpn-not-followed",
                "pf-disabled",
                "node-ipv6-first",
                "stale-nat",
                "tcp-dead",
                "vpn-filter",
            ),
        ),
        Layer(
            "refused",
            N_("The other side refuses the connection: nobody listens there."),
            (
                "cannot-bind-gateway",
                "host-reachable",
                "local-network-never-asked",
                "service-not-running",
            ),
        ),
        Layer(
            "unreachable",
            N_("Inside the container there is no route to that network."),
            (
                "host-docker-internal",
                "localhost-domain",
                "no-ipv6",
                "running-without-network",
                "no-container",
            ),
        ),
        Layer(
            "ipv6",
            N_("An IPv6 address is tried, and IPv6 has no way out of a container."),
            ("node-ipv6-first", "no-ipv6"),
        ),
        Layer(
            "no-route",
            N_("The Mac, or a program on it, gets no way to the host."),
            (
                "host-program-denied",
                "local-network-denied",
                "wrong-interface",
                "local-network-never-asked",
                "local-network-homebrew",
                "lan-overlap",
            ),
        ),
        Layer(
            "reset",
            N_("The connection is cut while it is in use."),
            ("large-mtu", "tls-inspected", "local-network-denied", "vpn-filter"),
        ),
        Layer(
            "tls",
            N_("TLS is refused or cut: a certificate is not trusted, or the handshake stalls."),
            ("tls-inspected", "large-mtu", "node-ipv6-first"),
        ),
        Layer(
            "denied",
            N_("macOS denies the permission."),
            (
                "host-program-denied",
                "local-network-denied",
                "local-network-never-asked",
                "local-network-homebrew",
                "asked-as-root",
            ),
        ),
        Layer(
            "service",
            N_("container's service is not started."),
            ("service-not-running", "asked-as-root", "vmnet-refuses"),
        ),
        Layer(
            "ruleset",
            N_("pf's main ruleset lacks what it must call."),
            ("ruleset-replaced", "anchor-file-missing", "localhost-domain", "own-rules-gone"),
        ),
        Layer(
            "vmnet",
            N_("vmnet refuses to make a network for the virtual machine."),
            ("vmnet-refuses", "other-vmnet"),
        ),
        Layer(
            "overlap",
            N_("Two networks have the same addresses."),
            ("lan-overlap", "wrong-interface"),
        ),
        Layer(
            "network",
            N_("It is about the network, and says no more."),
            (
                "ruleset-replaced",
                "forwarding-off",
                "gateway-dns",
                "vpn-not-followed",
                "service-not-running",
            ),
        ),
    )
}
