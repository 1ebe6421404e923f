"""Faults between the Mac and its containers, which no NAT cures (faults.md, 1 C)."""

from __future__ import annotations

from .entry import N_, Distinguish, Fault, Section, Step, Symptom, said
from .evidence import issue, pull

__all__ = ["PORTS"]

_ENTRY_THERE = N_(
    "Open System Settings > Privacy & Security > Local Network. If `container-runtime-linux` is in "
    "the list, switch it on: F27. If it is not there on macOS 27 and no question ever came: F28."
)

_RESET = Symptom(
    r"Recv failure: Connection reset by peer",
    "curl: (56) Recv failure: Connection reset by peer",
)

_F27 = Fault(
    id="F27",
    title=N_("macOS denies container the local network, so published ports reset"),
    symptoms=(
        _RESET,
        Symptom(
            r"backend - connect failed",
            "backend - connect failed: connect(descriptor:addr:size:): No route to host) "
            "(errno: 65)",
        ),
        Symptom(r"\(errno: 65\)", "No route to host) (errno: 65)"),
    ),
    cause=N_(
        "`container-runtime-linux`, which forwards published ports, has no permission for the "
        "local network (Privacy & Security). The container's own address works; 127.0.0.1 with "
        "the published port does not. NAT has no part in it."
    ),
    cure=(
        Step(
            N_(
                "Compare the published port with the container's address. PORT and CONTAINER_IP "
                "are yours."
            ),
            "curl -s -o /dev/null -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:PORT "
            "http://CONTAINER_IP:PORT",
        ),
        Step(
            N_(
                "Switch `container-runtime-linux` on in System Settings > Privacy & Security > "
                "Local Network; only a person can do that."
            )
        ),
        Step(
            N_("Then restart the service. This stops all containers."),
            "container stop --all && container system stop && container system start",
        ),
    ),
    auto="no",
    versions=N_("macOS 26.1 to 26.6.2"),
    evidence=(
        issue(919),
        issue(1180),
        issue(1702),
        issue(2067),
        issue(2029),
        issue(427),
    ),
    consequence_of=("F28", "F29"),
    distinguish=(Distinguish("F28", _ENTRY_THERE),),
)

_F28 = Fault(
    id="F28",
    title=N_("macOS 27 beta never asks for the local network permission"),
    symptoms=(
        _RESET,
        Symptom(r"Failed to reset LocalNetwork", "tccutil: Failed to reset LocalNetwork"),
        said(
            r"macOS 27\b",
            N_("published ports reset on macOS 27, and there is nothing to allow"),
            r"macOS 27\b",
        ),
    ),
    cause=N_(
        "A regression of the macOS 27 beta: the question for the local network never comes, and "
        "`container-runtime-linux` is not in the list, so there is nothing to switch on."
    ),
    cure=(
        Step(
            N_(
                "Allow the container subnet by hand, on Ethernet. SUBNET is printed by `invoke "
                "net.detect`."
            ),
            "sudo defaults write com.apple.network.local-network "
            "AllowedEthernetLocalNetworkAddresses -array 'SUBNET'",
        ),
        Step(
            N_("And on Wi-Fi."),
            "sudo defaults write com.apple.network.local-network "
            "AllowedWiFiLocalNetworkAddresses -array 'SUBNET'",
        ),
        Step(N_("Reboot the Mac; without a reboot it has no effect.")),
    ),
    auto="ask",
    versions=N_("macOS 27.0 beta"),
    evidence=(issue(2029), issue(919), "Apple Feedback FB24249006, FB24027799"),
    distinguish=(Distinguish("F27", _ENTRY_THERE),),
)

_F29 = Fault(
    id="F29",
    title=N_("The local network permission is lost with a Homebrew install"),
    symptoms=(
        _RESET,
        said(
            r"Homebrew.{0,60}port",
            N_("with the Homebrew build published ports reset, with the installer they work"),
            r"Homebrew.{0,60}포트",
        ),
    ),
    cause=N_(
        "macOS ties the permission to the path of the program. Homebrew puts each version into a "
        "folder of its own, so the permission does not hold."
    ),
    cure=(
        Step(
            N_("See where container is installed; `installRoot` says it."),
            "container system status --format json",
        ),
        Step(
            N_(
                "If it is not /usr/local/, install the signed package from container's release "
                "page and allow `container-runtime-linux` once more."
            )
        ),
    ),
    auto="no",
    versions=N_("macOS 27 beta; container 1.2.0"),
    evidence=(pull(8656, "ddev/ddev"),),
)

_F30 = Fault(
    id="F30",
    title=N_("A service on the Mac cannot bind the gateway's address"),
    symptoms=(
        Symptom(r"\bEADDRNOTAVAIL\b", "Error: listen EADDRNOTAVAIL: 192.168.64.1:3001"),
        Symptom(
            r"can't assign requested address",
            "bind: can't assign requested address",
        ),
    ),
    cause=N_(
        "The gateway's address exists only while a container runs: before the first container "
        "there is no bridge to bind to."
    ),
    cure=(
        Step(
            N_("Start a container first and keep it running. IMAGE is any image with a shell."),
            "container run -d IMAGE sleep 1000000",
        ),
        Step(
            N_(
                "Or let the service listen on 0.0.0.0 and keep strangers out with a password or "
                "the firewall: it is then open to the local network too."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(856), issue(1813), issue(1881), pull(1609, "nanocoai/nanoclaw")),
    consequence_of=("F10",),
)

_F31 = Fault(
    id="F31",
    title=N_("Containers do not know host.docker.internal"),
    symptoms=(
        Symptom(r"host\.docker\.internal", "Could not resolve host: host.docker.internal"),
        Symptom(r"unknown option .{0,2}--add-host", "Error: Unknown option '--add-host'"),
    ),
    cause=N_("container has neither this name nor the option `--add-host`; both belong to Docker."),
    cure=(
        Step(
            N_(
                "Use the gateway's address for the Mac; `invoke net.detect` prints it, usually "
                "192.168.64.1. The service on the Mac has to listen there or on 0.0.0.0."
            ),
            "invoke net.detect",
        ),
        Step(
            N_(
                "Or make a name for it. With releases before the one of 2026-09-10 this reloads "
                "the main pf ruleset and cuts off running containers: run `invoke net.setup` "
                "after it."
            ),
            "sudo container system dns create host.container.internal --localhost 203.0.113.113",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(
        "apple/container (how-to)",
        pull(972, "nanocoai/nanoclaw"),
        pull(1523, "nanocoai/nanoclaw"),
        issue(2589, "nanocoai/nanoclaw"),
    ),
)

_F32 = Fault(
    id="F32",
    title=N_("The localhost domain works no more after a reboot"),
    symptoms=(
        said(
            r"host\.container\.internal",
            N_("host.container.internal is dead since the reboot"),
            r"host\.container\.internal",
        ),
    ),
    cause=N_(
        "`container system dns create --localhost` leaves a redirect in pf, and nothing loads it "
        "again after a reboot (documented by container)."
    ),
    cure=(
        Step(
            N_("See whether the redirect is loaded; an empty answer means it is not."),
            "sudo pfctl -a com.apple.container -s nat",
        ),
        Step(
            N_(
                'Load that anchor only. It needs the line `rdr-anchor "com.apple.container"` in '
                "the active ruleset."
            ),
            "sudo pfctl -a com.apple.container -f /etc/pf.anchors/com.apple.container",
        ),
    ),
    auto="ask",
    versions=N_("container 0.9 to 1.2.2"),
    evidence=("apple/container (how-to)",),
    consequence_of=("F49", "F47"),
)

PORTS = Section(N_("Published ports and the Mac itself"), (_F27, _F28, _F29, _F30, _F31, _F32))
