"""Laying a simulated Mac into a folder, in one of the states in which Macs are found."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Union

from . import net, pf_kernel
from .engine import PROGRAMS
from .mac import Mac
from .store import MARKER, PRIVATE, Store

__all__ = ["SCENES", "build"]

IMAGE = "nanoclaw-agent:latest"
CURL_IMAGE = "docker.io/curlimages/curl:latest"

# A simulated program hands its path and words to an engine that it starts; PROGRAM is what each Mac
# is built with.
STUB = Path(__file__).absolute().with_name("stub.py")
STARTS = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {shlex.quote(str(STUB))} "$0" "$@"\n'
PROGRAM = STARTS

# Programs that only filter or wait: the host's own do as well.
HOST_PROGRAMS = {
    "/bin": "sh dash echo expr ls ps sleep test",
    "/usr/bin": (
        "awk basename cksum cmp comm cut diff dirname env find grep head od printf sed sort tail "
        "tr uniq wc xargs"
    ),
}

FOLDERS = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/libexec/ApplicationFirewall",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/Library/LaunchDaemons",
    "/Library/Preferences/SystemConfiguration",
    "/Users/dev",
    "/private/etc/pf.anchors",
    "/private/etc/resolver",
    "/private/tmp",
    "/private/var/db",
    "/private/var/run",
    "/private/var/folders",
    "/private/var/log",
]

# The statements are the system's, in its order; the words around them are ours.
PF_CONF = """\
#
# The packet filter's main ruleset, read once when the system starts. Reading it
# does not switch the filter on: whoever needs pf takes a reference with
# pfctl -E and gives it back with pfctl -X, and the filter is off again when
# the last reference is gone.
#
# Do not flush this ruleset. Anchors hang from the lines below, and services\x20
# of the system add lines of their own while they run.
#
# pf.conf(5) describes the syntax.
#

#
# Where the system's own anchors hang
#
scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
load anchor "com.apple" from "/etc/pf.anchors/com.apple"
"""

PF_ANCHOR = """\
#
# Anchors of the system, called from the main ruleset in /etc/pf.conf.
#

#
# AirDrop
#
anchor "200.AirDrop/*"

#
# Application Firewall
#
anchor "250.ApplicationFirewall/*"
"""


def _interfaces() -> List[Dict[str, Any]]:
    virtual = "8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST>"
    tunnel = "8051<UP,POINTOPOINT,RUNNING,MULTICAST>"
    return [
        net.interface(
            "lo0",
            flags="8049<UP,LOOPBACK,RUNNING,MULTICAST>",
            mtu=16384,
            inet=[["127.0.0.1", 8]],
            inet6=["::1"],
        ),
        net.interface("gif0", flags="8010<POINTOPOINT,MULTICAST>", mtu=1280, active=False),
        net.interface("stf0", flags="0<>", mtu=1280, active=False),
        net.interface(
            "en0",
            options="6460<TSO4,TSO6,CHANNEL_IO,PARTIAL_CSUM,ZEROINVERT_CSUM>",
            mac="a4:cf:99:2b:10:41",
            port="Wi-Fi",
            inet=[["192.168.1.37", 24]],
            gateway="192.168.1.1",
            dns="192.168.1.1",
        ),
        net.interface("en1", mac="36:7d:da:10:c4:80", port="Thunderbolt 1", active=False),
        net.interface("bridge0", port="Thunderbolt Bridge", active=False),
        net.interface("en5", mac="00:e0:4c:9d:22:17", port="USB 10/100/1000 LAN", active=False),
        net.interface("awdl0", mac="7e:11:42:0c:5d:09"),
        net.interface("llw0", mac="7e:11:42:0c:5d:09", flags=virtual),
        net.interface("utun0", flags=tunnel, mtu=1500, inet6=["fe80::9c1:52ff:fe7a:1%utun0"]),
        net.interface("utun1", flags=tunnel, mtu=1380, inet6=["fe80::9c1:52ff:fe7a:2%utun1"]),
    ]


def _state() -> Dict[str, Any]:
    """A Mac that has just booted, with container installed and started."""
    return {
        "os": {"version": "26.1", "build": "25B78"},
        "epoch": 1_770_000_000,
        "clock": 100,
        "pid": 4056,
        "sysctl": {
            "net.inet.ip.forwarding": "0",
            "net.inet6.ip6.forwarding": "0",
            "kern.bootsessionuuid": "7C1D5B7E-0C55-4E0B-9C9E-5B1C6C3F0A01",
            "kern.maxfiles": "49152",
            "kern.maxfilesperproc": "24576",
            "kern.osproductversion": "26.1",
            "hw.model": "Mac16,1",
        },
        "interfaces": _interfaces(),
        "primary": "en0",
        "vpn": None,
        "routes": [],
        "internet": True,
        "dead_uplinks": [],
        "proxy": {"HTTPEnable": 0, "HTTPSEnable": 0},
        "sockets": _sockets(),
        "extensions": [],
        "firewall": {"on": False, "block_all": False, "stealth": False, "managed": False},
        "pf": pf_kernel.fresh(),
        "vmnet": {
            "manner": "prompt",
            "nat": True,
            "stale": False,
            "uplink": None,
            "token": None,
            "due": None,
        },
        "container": {
            "version": "1.2.2",
            "generation": 1,
            "service": "running",
            "subnet": None,
            "networks": [{"id": "default", "cidr": "192.168.64.0/24", "mode": "nat"}],
            "containers": [],
            "images": [
                {"name": IMAGE, "env": ["NODE_OPTIONS=--dns-result-order=ipv4first"]},
                {"name": CURL_IMAGE, "env": []},
            ],
            "logs": [],
        },
        "guest": {
            "curl": None,
            "dns_broken": False,
            "http": {"*": "200", "api.anthropic.com": "404"},
        },
        "domains": [],
        "jobs": {},
        "disabled": {},
        "owners": {},
        "faults": [],
        "refuse_sudo": False,
        "disk": None,
        "read_only": [],
        "tokens_come_back": False,
        "lenient_newline": False,
    }


def _sockets() -> List[Dict[str, Any]]:
    return [
        {
            "command": "mDNSResponder",
            "pid": 391,
            "user": "_mdnsresponder",
            "family": family,
            "proto": proto,
            "address": "*",
            "port": 53,
        }
        for family in ("IPv4", "IPv6")
        for proto in ("UDP", "TCP")
    ]


# -- the folder


def build(path: Union[str, os.PathLike[str]], scene: str = "broken") -> Mac:
    """Lay a simulated Mac into a folder, which is made where it is absent.

    A folder that bears the marker is laid anew. Raises ValueError for an unknown scene,
    FileExistsError for a folder that holds something else.
    """
    if scene not in SCENES:
        raise ValueError(f"no scene {scene!r}; there are {', '.join(SCENES)}")
    root = Path(path).absolute()
    if root.exists() and any(root.iterdir()):
        if not (root / MARKER).is_file():
            raise FileExistsError(f"{root} is not empty and no simulated Mac")
        for entry in root.iterdir():
            if entry.name == PRIVATE:
                # The lock stays: whoever has it open is locked out, and locks others out.
                for file in entry.iterdir():
                    if file.name != "lock":
                        shutil.rmtree(file) if file.is_dir() else file.unlink()
            elif entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    root.mkdir(parents=True, exist_ok=True)
    _lay_folders(root)
    _lay_programs(root)
    _lay_files(root)
    store = Store(str(root))
    store.create(_state())
    mac = Mac(root)
    mac.kernel(True)
    mac.load_pf_conf()
    SCENES[scene](mac)
    mac.forget_log()
    return mac


def _lay_folders(root: Path) -> None:
    for name in FOLDERS:
        place = root
        for part in Path(name).parts[1:]:
            place = place / part
            place.mkdir(exist_ok=True)
            # Whatever the host's umask: launchd looks at these modes.
            place.chmod(0o755)
    for link in ("etc", "var", "tmp"):
        (root / link).symlink_to(f"private/{link}")


def _lay_programs(root: Path) -> None:
    for name in PROGRAMS:
        if not name.startswith("/opt/"):
            _program(root, name, PROGRAM)
    for folder, names in HOST_PROGRAMS.items():
        for name in names.split():
            found = shutil.which(name, path="/usr/bin:/bin:/usr/local/bin")
            if found is not None:
                (root / folder[1:] / name).symlink_to(found)


def _program(root: Path, name: str, text: str) -> None:
    place = root / name[1:]
    place.write_text(text, encoding="utf-8")
    place.chmod(0o755)


def _lay_files(root: Path) -> None:
    files = {
        "private/etc/pf.conf": PF_CONF,
        "private/etc/pf.anchors/com.apple": PF_ANCHOR,
        "private/var/run/resolv.conf": "nameserver 192.168.1.1\n",
        "Library/Preferences/SystemConfiguration/NetworkInterfaces.plist": (
            '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict/></plist>\n'
        ),
    }
    for name, text in files.items():
        place = root / name
        place.write_text(text, encoding="utf-8")
        place.chmod(0o644)


# -- scenes


def _broken(mac: Mac) -> None:
    """A container runs, and nothing of vmnet's works: no forwarding, no rule, pf off."""
    mac.vmnet_nat(False)
    mac.start_container()


def _healthy(mac: Mac) -> None:
    """macOS 26 as it should be: vmnet translates by itself."""
    mac.start_container()


def _idle(mac: Mac) -> None:
    """container is there, and no container runs."""
    del mac


def _bare(mac: Mac) -> None:
    """No container command."""
    mac.install_container(None)


def _vpn(mac: Mac) -> None:
    """A container runs, and then a VPN takes the default route (fault F03)."""
    mac.start_container()
    mac.vpn_on()


def _two_networks(mac: Mac) -> None:
    """A NAT network and a host-only one, a container in each."""
    mac.add_network("private", "192.168.128.0/24", "hostOnly")
    mac.start_container()
    mac.start_container("inner", network="private")


SCENES: Dict[str, Callable[[Mac], None]] = {
    "broken": _broken,
    "healthy": _healthy,
    "idle": _idle,
    "bare": _bare,
    "vpn": _vpn,
    "two-networks": _two_networks,
}
