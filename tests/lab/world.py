"""The lab: a simulated Mac whose effects are real, and what can be done and measured there.

with Lab(tmp_path) as lab:
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()
    lab.fetch()            # Fetched(code=28, …): nothing is translated
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from lab import layout
from lab.carrier import Carrier, dnsmasq, names
from lab.namespaces import Failed, Namespaces
from lab.serve import ECHO
from sim.support import Ran, run

from simmac import Mac, build
from simmac.carrier import FILE
from simmac.store import PRIVATE, is_served

__all__ = ["Fetched", "Lab"]

HERE = Path(__file__).resolve().parent
# By default there are rules for ninety, which costs a second of each test.
UPLINKS = "en0-en5,utun4-utun7"
URL = f"https://{layout.WEB_NAME}"


class Fetched(NamedTuple):
    """What curl in a guest ended with: exit code, HTTP status, the source that the server saw."""

    code: int
    status: str
    source: str


@functools.cache
def _certificates() -> Tuple[bytes, bytes]:
    """The lab's authority, and the key and certificates of its servers, made once a process."""
    import trustme

    ca = trustme.CA()
    served = ca.issue_cert(layout.WEB_NAME, layout.WEB, layout.WEB_TOO, layout.CORPORATE)
    return ca.cert_pem.bytes(), served.private_key_and_cert_chain_pem.bytes()


class Lab:
    """Namespaces, their servers, and the Mac. `folder` is used for files; the Mac lies in it."""

    def __init__(self, folder: Path, tag: str = "") -> None:
        self.spaces = Namespaces(tag or str(os.getpid()))
        self.folder = folder
        self.ca = folder / "ca.pem"
        if is_served(str(folder / "mac")):
            self.mac = Mac(folder / "mac")
        else:
            self._lay()
        self.carrier = Carrier(self.mac.path, self.spaces, folder, self.ca)

    def _lay(self) -> None:
        """A Mac with no container running, with the lab's addresses from the first moment on."""
        self.mac = build(self.folder / "mac", "idle")
        with self.mac.edit() as state:
            for item in state["interfaces"]:
                if item["name"] == "en0":
                    item.update(inet=[list(layout.WIFI)], gateway=layout.WIFI_GATEWAY)
                    item["dns"] = layout.WIFI_GATEWAY
        resolver = self.mac.path / "private/var/run/resolv.conf"
        resolver.write_text(f"nameserver {layout.WIFI_GATEWAY}\n", encoding="utf-8")
        self.mac.forget_log()

    def renew(self) -> None:
        """The Mac as it was at first; hosts and whoever works in them stay."""
        file = self.mac.path / PRIVATE / FILE
        carried = file.read_text(encoding="utf-8")
        self._lay()
        file.write_text(carried, encoding="utf-8")
        with self.mac.edit() as state:
            state["epoch"] += 1  # something new, for which the carrier looks at everything

    # -- up and down

    def up(self) -> Lab:
        """Make everything; what was made is taken down again where something fails."""
        atexit.register(self.down)
        try:
            self.spaces.up()
            self._files()
            self._cables()
            self._servers()
            self.carrier.start()
        except BaseException:
            self.down()
            raise
        return self

    def down(self) -> None:
        """Take everything down; the files stay."""
        atexit.unregister(self.down)
        with contextlib.suppress(Failed):
            self.carrier.stop()
        self.spaces.down()

    def __enter__(self) -> Lab:
        return self.up()

    def __exit__(self, *_: object) -> None:
        self.down()

    def _files(self) -> None:
        """Certificates, and the programs of a guest."""
        ca, served = _certificates()
        self.ca.write_bytes(ca)
        (self.folder / "server.pem").write_bytes(served)
        tools = self.folder / "bin"
        tools.mkdir(exist_ok=True)
        shutil.copy(HERE / "nslookup.pl", tools / "nslookup")

    def _cables(self) -> None:
        """What does not change: ports without their cables plugged in, and the ways behind them."""
        net = self.spaces.name("net")
        mac_lines, net_lines = [], []
        for port, gateway in (("en0", layout.WIFI_GATEWAY), ("en5", layout.DOCK_GATEWAY)):
            mac_lines += [
                f"link add {port} type veth peer name to-{port} netns {net}",
                f"link set {port} up",
            ]
            net_lines.append(f"addr add {gateway}/26 dev to-{port}")
        self.spaces.batch("mac", mac_lines)
        near, far, length = layout.TRANSIT
        self.spaces.batch(
            "vpn",
            [
                f"link add out type veth peer name to-vpn netns {net}",
                "link set out up",
                f"addr add {near}/{length} dev out",
                f"route add default via {far}",
                f"addr add {layout.CORPORATE}/32 dev lo",
            ],
        )
        self.spaces.batch(
            "net",
            [
                *net_lines,
                "link set to-vpn up",
                f"addr add {far}/{length} dev to-vpn",
                # The VPN's own network is behind it, the company's is not told to anybody.
                f"route add {layout.VPN_NET} via {near}",
                *(f"addr add {a}/32 dev lo" for a in (layout.WEB, layout.WEB_TOO, layout.DNS)),
            ],
        )
        for host in ("net", "vpn"):
            self.spaces.sysctl(host, "net.ipv4.ip_forward", 1)
        # Many connections between few hosts (figures): queues long enough for all of them.
        for host in ("net", "mac", "vm"):
            self.spaces.sysctl(host, "net.ipv4.tcp_max_syn_backlog", 8192)
        self.spaces.sysctl("net", "net.core.somaxconn", 8192)

    def _servers(self) -> None:
        self._serve({"net": (layout.WEB, layout.WEB_TOO), "vpn": (layout.CORPORATE,)})
        self.spaces.run(
            "net",
            [
                *dnsmasq(self.folder / "dns.pid"),
                f"--listen-address={layout.DNS}",
                *names([layout.WEB, layout.DEAD_V6]),
            ],
        )

    def _serve(self, hosts: Mapping[str, Sequence[str]]) -> None:
        argv = [sys.executable, "-u", str(HERE / "serve.py"), str(self.folder / "server.pem")]
        for host, addresses in hosts.items():
            argv += [f"/run/netns/{self.spaces.name(host)}", *addresses]
        process = self.spaces.start("net", argv, stdout=subprocess.PIPE)
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise Failed(f"the server in {', '.join(hosts)} did not start")

    # -- what happens to the Mac

    def dock(self) -> None:
        """The dock's port becomes the way out. The resolver stays, so no file is touched."""
        self._to_port("en5", layout.DOCK, layout.DOCK_GATEWAY)

    def wifi(self) -> None:
        """Back on Wi-Fi, and the dock unplugged."""
        self._to_port("en0", layout.WIFI, layout.WIFI_GATEWAY, unplugged="en5")

    def _to_port(
        self, name: str, address: Tuple[str, int], gateway: str, unplugged: str = ""
    ) -> None:
        with self.mac.edit() as state:
            for item in state["interfaces"]:
                if item["name"] == name:
                    item.update(active=True, inet=[list(address)], gateway=gateway)
                    item["dns"] = layout.WIFI_GATEWAY
                if item["name"] == unplugged:
                    item.update(active=False, inet=[], gateway=None)
        self.mac.set_uplink(name)

    def vpn_on(self, full: bool = True, name: str = "utun4", address: bool = True) -> None:
        """A VPN; without an address it is one that pf cannot translate to."""
        self.mac.vpn_on(full, name, layout.VPN_ADDRESS if address else None)

    def vpn_off(self) -> None:
        self.mac.vpn_off()

    def company(self, name: str = "utun5") -> None:
        """A company's split tunnel, which takes its own network only (F04)."""
        self.mac.add_interface(name, layout.VPN_ADDRESS, 32)
        with self.mac.edit() as state:
            state["routes"].append([layout.CORPORATE_NET, name])

    # -- what is done and measured

    def run(self, *words: str) -> Ran:
        """A task on the Mac; what it loads are rules for a few interfaces."""
        few = ("--uplinks", UPLINKS) if words[0] in ("net.setup", "net.persist") else ()
        return run(self.mac, *words, *few)

    def fetch(
        self, url: str = URL, network: str = "default", options: Sequence[str] = ("-4",)
    ) -> Fetched:
        """curl in a guest, as the guide's check does it, with 3 s for the connection."""
        found = self.carrier.guest(
            network,
            [
                *("curl", "-s", *options, "--connect-timeout", "3", "-m", "8"),
                *("-w", "\n%{http_code}", url),
            ],
        )
        body, _, status = str(found["out"]).rpartition("\n")
        return Fetched(int(found["code"]), status, body.strip())

    def ping(self, address: str, network: str = "default") -> bool:
        """Whether a guest gets an echo."""
        command = ["ping", "-c", "1", "-W", "1", address]
        return bool(self.carrier.guest(network, command)["code"] == 0)

    def resolves(self, server: str = "", network: str = "default") -> bool:
        """Whether a guest gets the address of a name."""
        command = ["nslookup", layout.WEB_NAME, *([server] if server else [])]
        return bool(self.carrier.guest(network, command)["code"] == 0)

    def leaks(self) -> int:
        """Packets with a container's own address that came to `net` or `vpn` since watched."""
        total = 0
        for host in ("net", "vpn"):
            listed = self.spaces.run(host, ["nft", "list", "table", "ip", "watch"])
            total += int(listed.split("packets ")[1].split()[0])
        return total

    def watch(self) -> None:
        """Count from now on what arrives untranslated."""
        nets = f"{layout.SUBNET}, {layout.HOST_ONLY}, {layout.MOVED}"
        script = (
            "table ip watch\ndelete table ip watch\ntable ip watch {\nchain every {\n"
            "type filter hook prerouting priority -350;\n"
            f"ip saddr {{ {nets} }} counter\n}}\n}}\n"
        )
        for host in ("net", "vpn"):
            self.spaces.run(host, ["nft", "-f", "-"], script)

    @contextlib.contextmanager
    def download(self) -> Iterator[List[str]]:
        """A download in a guest that goes on; the sources that the server saw, as they come."""
        lines: List[str] = []
        environ = {"CURL_CA_BUNDLE": str(self.ca)}
        process = self.spaces.start(
            "vm", ["curl", "-sN", f"{URL}/stream"], environ, stdout=subprocess.PIPE
        )
        stream = process.stdout
        assert stream is not None

        def read() -> None:
            for line in stream:
                lines.append(line.decode().strip())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            self.until(lambda: bool(lines), 5)
            yield lines
        finally:
            with contextlib.suppress(OSError):
                process.kill()
            process.wait()
            reader.join(3)
            self.spaces.end(process)

    @staticmethod
    def until(holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it came to hold within so many seconds."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def clients(self, what: str, count: int, host: str = "vm") -> subprocess.Popen[str]:
        """Many connections from a guest to the echo server (clients.py)."""
        argv = [sys.executable, "-u", str(HERE / "clients.py"), what, str(count)]
        return subprocess.Popen(
            self.spaces.inside(host, [*argv, layout.WEB, str(ECHO)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
