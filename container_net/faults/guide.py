"""The trouble table of the guide: its four rows, and the faults that show in the same way.

The first three point to faults of the catalogue. The fourth, a container that hangs after its
result, is no fault of the network but of the agent runner in the image: `G04`.
"""

from __future__ import annotations

from typing import Tuple

from ..text import N_
from .fault import GuideRow, Step, Symptom, said
from .g04_agent_hangs import HANGS, REBUILD

__all__ = ["ROWS"]

ROWS: Tuple[GuideRow, ...] = (
    GuideRow(
        id="G01",
        symptom=N_("A command in a container ends with `curl: (28) Connection timed out`"),
        symptoms=(
            Symptom(r"curl: \(28\) connection time", "curl: (28) Connection timed out"),
            Symptom(r"curl: \(28\) failed to connect", "curl: (28) Failed to connect to 1.1.1.1"),
        ),
        cause=N_(
            "IP forwarding is off. On macOS 26 more often: vmnet's NAT is cut off (F01), or it "
            "does not follow a VPN or a change of network (F03, F07)."
        ),
        cure=(
            Step(N_("Let this tool set what is missing."), "invoke net.setup"),
            Step(
                N_("Or by hand, as the guide has it; it lasts until the next reboot."),
                "sudo sysctl -w net.inet.ip.forwarding=1",
            ),
        ),
        first_check=Step(
            N_("Is forwarding on? 1 is on, 0 is off."), "sysctl net.inet.ip.forwarding"
        ),
        faults=(
            "forwarding-off",
            "ruleset-replaced",
            "vpn-not-followed",
            "stale-nat",
            "old-uplink",
            "old-subnet",
            "pf-disabled",
            "vpn-filter",
        ),
    ),
    GuideRow(
        id="G02",
        symptom=N_("HTTP works, HTTPS times out"),
        symptoms=(
            said(
                r"HTTPS.{0,20} time",
                N_("HTTP works, HTTPS times out"),
                r"HTTPS.{0,10}시간 ?초과",
            ),
        ),
        cause=N_(
            "Names resolve to IPv6 addresses first, and the NAT is for IPv4 only: Node tries IPv6 "
            "and waits."
        ),
        cure=(
            Step(
                N_(
                    "Add NODE_OPTIONS=--dns-result-order=ipv4first to the Dockerfile and to "
                    "`container run -e`; the tool prints the lines."
                ),
                "invoke net.env",
            ),
        ),
        first_check=Step(
            N_("Do the image's Dockerfile and the runner have the setting?"),
            "invoke net.env --check Dockerfile",
        ),
        faults=("node-ipv6-first", "no-ipv6", "large-mtu"),
    ),
    GuideRow(
        id="G03",
        symptom=N_("A command in a container ends with `Could not resolve host`"),
        symptoms=(
            Symptom(r"could not resolve host", "curl: (6) Could not resolve host: example.com"),
        ),
        cause=N_(
            "DNS queries do not get through: there is no bridge, the NAT rule is missing or not "
            "called (F01), or the resolver at the gateway does not answer (F21, F22)."
        ),
        cure=(
            Step(N_("Let this tool set what is missing."), "invoke net.setup"),
            Step(
                N_("If it is still so, see whether another program holds port 53 of the Mac."),
                "sudo lsof -nP -iUDP:53 -iTCP:53",
            ),
        ),
        first_check=Step(
            N_(
                "Is there a bridge while a container runs, and a NAT rule that is called? This "
                "shows both, hop by hop."
            ),
            "invoke net.status",
        ),
        faults=(
            "ruleset-replaced",
            "port-53-taken",
            "gateway-dns",
            "no-container",
            "forwarding-off",
            "subnet-disagrees",
            "pf-disabled",
        ),
    ),
    GuideRow(
        id="G04",
        symptom=N_("The container hangs after its result"),
        symptoms=HANGS,
        cause=N_("The agent runner in the image does not call `process.exit(0)`."),
        cure=REBUILD,
        first_check=Step(
            N_(
                "Is the container still listed as running after its result? If so, it is the "
                "image and not the network."
            ),
            "container ls",
        ),
        faults=("agent-hangs",),
    ),
)
