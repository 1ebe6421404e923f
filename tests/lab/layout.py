"""Names and addresses of the lab (docs/lab.md), and what it needs of the machine.

Addresses are for documentation (RFC 5737, RFC 3849), but for Apple's own container subnet.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import List, Tuple

__all__ = [
    "CORPORATE",
    "CORPORATE_NET",
    "DEAD_V6",
    "DNS",
    "DOCK",
    "HOSTS",
    "HOST_ONLY",
    "MOVED",
    "PATH",
    "PREFIX",
    "RUN",
    "SUBNET",
    "VPN_ADDRESS",
    "VPN_DNS",
    "VPN_GATEWAY",
    "WEB",
    "WEB_NAME",
    "WEB_TOO",
    "WIFI",
    "WIFI_GATEWAY",
    "lacking",
]

# Every namespace bears it, then who made it: `cnlab-4711-vm`, `cnlab-up-vm`.
PREFIX = "cnlab"
HOSTS = ("vm", "mac", "net", "vpn")
# Root's own folder: nobody else puts anything there.
RUN = Path("/run/container-net-lab")

SUBNET = "192.168.64.0/24"
HOST_ONLY = "203.0.113.0/25"
MOVED = "203.0.113.128/25"  # where the container network goes in fault F15

WIFI, WIFI_GATEWAY = ("192.0.2.37", 26), "192.0.2.1"
DOCK, DOCK_GATEWAY = ("192.0.2.78", 26), "192.0.2.65"
VPN_ADDRESS, VPN_GATEWAY = "192.0.2.130", "192.0.2.129"
VPN_NET = "192.0.2.128/26"
CORPORATE, CORPORATE_NET = "192.0.2.193", "192.0.2.192/26"  # behind the VPN only
TRANSIT = ("198.51.100.129", "198.51.100.130", 30)  # between vpn and net

WEB, WEB_TOO = "198.51.100.10", "198.51.100.11"
WEB_NAME = "api.anthropic.com"  # the guide's own check; here a name of the lab's DNS
DNS = "198.51.100.53"
VPN_DNS = DNS
GUEST_V6 = "2001:db8:64::"
DEAD_V6 = "2001:db8:ffff::10"

# Where the lab's programs are looked for, whatever the caller's own path is.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = (
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("dnsmasq", "dnsmasq-base"),
    ("curl", "curl"),
    ("ping", "iputils-ping"),
    ("perl", "perl-base"),
)


def lacking() -> Tuple[str, ...]:
    """What this machine lacks for a lab, in words, with the Debian package; empty: nothing."""
    found: List[str] = []
    if not Path("/proc/self/ns/net").exists():
        return ("network namespaces (Linux)",)
    if os.geteuid() != 0:
        found.append("root")
    found += [
        f"{tool} ({package})" for tool, package in NEEDED if not shutil.which(tool, path=PATH)
    ]
    if importlib.util.find_spec("trustme") is None:
        found.append("trustme (dependency group test)")
    if not found and not _allowed():
        found.append("permission to make network namespaces and to translate in them")
    return tuple(found)


def _allowed() -> bool:
    """Whether root may do here what a lab does; in many containers it may not."""
    name = f"{PREFIX}-{os.getpid()}-try"
    script = (
        "add table ip t; add chain ip t n { type nat hook postrouting priority srcnat; }; "
        "add rule ip t n masquerade"
    )
    add, nft, remove = (
        ["ip", "netns", "add", name],
        ["ip", "netns", "exec", name, "nft", script],
        ["ip", "netns", "del", name],
    )
    try:
        return all(
            subprocess.run(argv, capture_output=True, check=False).returncode == 0
            for argv in (add, nft)
        )
    finally:
        subprocess.run(remove, capture_output=True, check=False)


if __name__ == "__main__":
    print(", ".join(lacking()))
