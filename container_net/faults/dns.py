"""Faults of name resolution (faults.md, 1 B)."""

from __future__ import annotations

from .entry import N_, Fault, Section, Step, Symptom, said
from .evidence import issue, pull

__all__ = ["DNS"]

_F21 = Fault(
    id="F21",
    title=N_("A local resolver holds port 53, and containers get no DNS"),
    symptoms=(
        Symptom(r"nslookup: read: Connection refused", "nslookup: read: Connection refused"),
        Symptom(
            r"connection timed out; no servers could be reached",
            ";; connection timed out; no servers could be reached",
        ),
        Symptom(
            r"temporary error \(try again later\)",
            "WARNING: fetching APKINDEX.tar.gz: temporary error (try again later)",
        ),
        Symptom(
            r"could not contact DNS servers",
            "curl: (6) Could not resolve host: example.com (Could not contact DNS servers)",
        ),
        said(
            r"\bdnsmasq\b", N_("dnsmasq runs on the Mac and containers have no DNS"), r"\bdnsmasq"
        ),
        said(
            r"\bdnscrypt",
            N_("dnscrypt-proxy runs on the Mac and containers have no DNS"),
            r"\bdnscrypt",
        ),
    ),
    cause=N_(
        "Containers ask the gateway's port 53, which the Mac's mDNSResponder answers. A program "
        "that holds port 53 at one IPv4 address (dnsmasq, dnscrypt-proxy, cloudflared or WARP, "
        "Zscaler, AdGuard, Umbrella, unbound) keeps mDNSResponder from listening on IPv4."
    ),
    cure=(
        Step(
            N_(
                "See who holds port 53. Healthy is mDNSResponder on `*:53` for IPv4 and IPv6, and "
                "nobody else."
            ),
            "sudo lsof -nP -iUDP:53 -iTCP:53",
        ),
        Step(
            N_(
                "Stop the other program, move it to another port or let it listen on `*:53`, and "
                "restart the service. This stops all containers."
            ),
            "container stop --all && container system stop && container system start",
        ),
        Step(
            N_("Or go past the gateway's resolver, for each container. IMAGE is your image."),
            "container run --dns 1.1.1.1 IMAGE",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(402), issue(1033), issue(1287), issue(1307)),
)

_F22 = Fault(
    id="F22",
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
    consequence_of=("F21", "F01", "F03", "F07", "F11", "F13", "F37"),
)

_F23 = Fault(
    id="F23",
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
)

_F24 = Fault(
    id="F24",
    title=N_("An image has the address of an old resolver written into it"),
    symptoms=(
        said(
            r"names time out",
            N_("names time out in one image only, since the network changed"),
            r"이름.{0,20}시간 ?초과",
        ),
        said(
            r"resolv\.conf",
            N_("resolv.conf in the container names an old address"),
            r"resolv\.conf",
        ),
    ),
    cause=N_(
        "An image or a tool wrote the Mac's resolver into the container. After a change of "
        "network that address does not answer any more."
    ),
    cure=(
        Step(
            N_("Compare the resolver in the container with the gateway. NAME is the container."),
            "container exec NAME cat /etc/resolv.conf && container network list",
        ),
        Step(N_("Take the address out of the image; container puts the gateway in by itself.")),
    ),
    auto="no",
    versions=N_("independent of the version"),
    evidence=(pull(252, "agentcage/agentcage"),),
)

_F25 = Fault(
    id="F25",
    title=N_("Container names resolve on the Mac only now and then"),
    symptoms=(
        Symptom(
            r"ping: cannot resolve .{1,60}: Unknown host",
            "ping: cannot resolve hotline.cont: Unknown host",
        ),
    ),
    cause=N_(
        "The Mac asks container's own resolver (127.0.0.1, port 2053) for names of the container "
        "domain, and that answers at times only."
    ),
    cure=(
        Step(
            N_("See whether the resolver is registered, and whether somebody listens."),
            "scutil --dns | grep -B4 'port *: 2053'; sudo lsof -nP -iUDP:2053",
        ),
        Step(
            N_("Let macOS read its resolvers anew; this helps in part of the cases."),
            "sudo killall -HUP mDNSResponder",
        ),
        Step(N_("Use the container's address until it is mended.")),
    ),
    auto="ask",
    versions=N_("container 1.0"),
    evidence=(issue(1693),),
)

_F26 = Fault(
    id="F26",
    title=N_("Short names of Tailscale do not resolve in containers"),
    symptoms=(
        said(
            r"Tailscale.{0,20} short name",
            N_("Tailscale short names fail, full names work"),
            r"Tailscale.{0,20}짧은 이름",
        ),
        said(r"\bMagicDNS\b", N_("MagicDNS names fail in containers"), r"\bMagicDNS"),
    ),
    cause=N_(
        "A container does not take over the Mac's list of search domains in its order, so a short "
        "name is completed wrongly or not at all."
    ),
    cure=(
        Step(N_("Use the full name, such as `host.tailnet-name.ts.net`.")),
        Step(
            N_("Or give the search domain. DOMAIN is yours, IMAGE is your image."),
            "container run --dns-search DOMAIN IMAGE",
        ),
    ),
    auto="no",
    versions=N_("container 0.6"),
    evidence=(issue(817),),
)

DNS = Section(N_("Names (DNS)"), (_F21, _F22, _F23, _F24, _F25, _F26))
