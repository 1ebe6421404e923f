"""Who sends the packets: the guests of each host, and which one is taken, by evidence.

A guest serves where its gateway answers and the internet does not: the very symptom that the tool
is for. Whether macOS forwards an interface of vmnet at all, nobody has written down; so a rule that
the suite loads by hand, without the tool, tells a guest that can be helped from one that cannot.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

from integration.host import Evidence, Host, SimHost
from integration.packets import DNS_NAME, TCP_PORT, PacketGuest, SocketWire
from integration.state import FORWARDING, LATE, hook_back, record, references, rest, uplink

if TYPE_CHECKING:
    from lab.world import Lab

__all__ = [
    "CONTROL",
    "PUBLIC",
    "SHARED_SUBNETS",
    "SUBNETS",
    "BpfWire",
    "Feth",
    "FlushedShared",
    "Guest",
    "HelperGuest",
    "LabGuest",
    "Shared",
    "SimFlushed",
    "SimGuest",
    "SimShared",
    "SmallLinux",
    "Unsuited",
    "answering",
    "by_hand",
    "choose",
    "free_subnet",
    "mac_guests",
    "suited",
]

# Public addresses that answer HTTPS and DNS alike.
PUBLIC = ("1.1.1.1", "8.8.8.8", "9.9.9.9")
# GitHub's own Macs have been seen with their uplink in 192.168.64.0/24.
SUBNETS = ("192.168.200.0/24", "192.168.210.0/24", "172.30.200.0/24")
SHARED_SUBNETS = ("192.168.201.0/24", "192.168.211.0/24", "172.30.201.0/24")
# Beside the tool's anchor, called by the same line of Apple's.
CONTROL = "com.apple/249.container-net-control"
HELPERS = (
    "/opt/vmnet-helper/bin/vmnet-helper",
    "/opt/homebrew/opt/vmnet-helper/libexec/vmnet-helper",
    "/usr/local/opt/vmnet-helper/libexec/vmnet-helper",
)
GUEST_MAC = "02:c0:de:00:00:0a"
SUDO = ("/usr/bin/sudo", "-n")


class Unsuited(Exception):
    """This guest cannot be had on this machine, with the reason."""


class Guest:
    """Somebody on a subnet behind the machine. Opened and closed any number of times."""

    name = ""
    kinds: Tuple[str, ...] = ("tcp", "dns")
    """What `internet` tries."""
    owns: Tuple[str, ...] = ()
    """Anchors that it works on itself, by the beginning of their names."""
    vmnet = True
    """Whether it is an interface of vmnet's."""
    may_fail = False
    """Whether it may be absent, or without what it is for, without that being the tool's fault."""

    def __init__(self, host: Host, subnet: str) -> None:
        self.host = host
        self.subnet = subnet
        hosts = list(ipaddress.IPv4Network(subnet).hosts())
        self.gateway_address = str(hosts[0])
        self.last_address = str(hosts[-1])
        self.address = str(hosts[-2])

    def open(self) -> None:
        """Bring it up. Raises Unsuited; nothing of it is left then."""

    def close(self) -> None:
        """Take it down; without harm where it is not up."""

    def gateway(self) -> Dict[str, bool]:
        """What the gateway answers."""
        raise AssertionError("each guest says how")

    def internet(self) -> Dict[str, bool]:
        """What the internet answers, by kind."""
        raise AssertionError("each guest says how")

    @contextlib.contextmanager
    def up(self) -> Iterator[Guest]:
        self.open()
        try:
            yield self
        finally:
            self.close()


# -- simulated, and in the lab


class SimGuest(Guest):
    """A host-only network of the simulated Mac: vmnet gives it a bridge and no translation."""

    name = "a host-only network, simulated"
    kinds = ("tcp",)

    def __init__(self, host: SimHost, network: str = "private", mode: str = "hostOnly") -> None:
        super().__init__(host, host.subnet)
        self.mac = host.mac
        self.network = network
        self.mode = mode

    def open(self) -> None:
        forwarding = self.mac.state["sysctl"][FORWARDING]
        self.mac.add_network(self.network, self.subnet, self.mode)
        self.mac.start_container(self.network, self.network)
        # The simulated vmnet sets it with its first bridge, for the NAT networks it may get.
        with self.mac.edit() as state:
            state["sysctl"][FORWARDING] = forwarding

    def close(self) -> None:
        self.mac.remove_network(self.network)

    def gateway(self) -> Dict[str, bool]:
        return {"bridge": self.mac.egress(self.subnet) != "no bridge"}

    def internet(self) -> Dict[str, bool]:
        return {"tcp": self.mac.egress(self.subnet) == "ok"}


class SimShared(SimGuest):
    """A NAT network of the simulated Mac, which vmnet translates by itself."""

    name = "a NAT network, simulated"

    def __init__(self, host: SimHost) -> None:
        super().__init__(host, "shared", "nat")
        self.subnet = "192.168.201.0/24"

    def open(self) -> None:
        self.mac.add_network(self.network, self.subnet, self.mode)
        self.mac.start_container(self.network, self.network)

    def close(self) -> None:
        super().close()
        with self.mac.edit() as state:
            state["sysctl"][FORWARDING] = "0"


class SimFlushed(SimGuest):
    """A NAT network of the simulated Mac, vmnet's own translation of it taken away."""

    name = "a NAT network, simulated, its rules flushed"
    owns = ("com.apple.internet-sharing",)

    def __init__(self, host: SimHost) -> None:
        super().__init__(host, "flushed", "nat")

    def open(self) -> None:
        super().open()
        self.host.must("/sbin/pfctl", "-a", FlushedShared.anchor, "-F", "nat", root=True)


class LabGuest(Guest):
    """A namespace behind the lab's Mac, where vmnet does not translate: real packets on Linux."""

    name = "a namespace of the lab"
    vmnet = False

    def __init__(self, host: SimHost, lab: Lab) -> None:
        super().__init__(host, host.subnet)
        self.lab = lab

    def open(self) -> None:
        self.lab.mac.vmnet_nat(False)
        self.lab.mac.start_container()

    def close(self) -> None:
        with contextlib.suppress(ValueError, KeyError, StopIteration):
            self.lab.mac.stop_container()

    def gateway(self) -> Dict[str, bool]:
        return {"icmp": self.lab.ping(self.gateway_address)}

    def internet(self) -> Dict[str, bool]:
        from lab import layout

        return {"tcp": self.lab.fetch().code == 0, "dns": self.lab.resolves(layout.DNS)}


# -- vmnet-helper


class HelperGuest(Guest):
    """An interface of vmnet, opened by vmnet-helper and played by packets.

    macOS 26: as the user, over a socketpair (`--fd`). macOS 15: as root, which drops to the user
    by itself, over a bound socket (`--socket`), since sudo closes other descriptors.
    """

    mode = "host"
    name = "vmnet in host mode"

    def __init__(self, host: Host, subnet: str, folder: Path, kinds: Tuple[str, ...]) -> None:
        super().__init__(host, subnet)
        self.kinds = kinds
        # The path of a UNIX socket holds 104 bytes on macOS, which pytest's folders exceed.
        self.folder = folder
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._door: Optional[socket.socket] = None
        self._short: Optional[str] = None
        self._guest: Optional[PacketGuest] = None
        self._as_root = False

    def command(self, program: str, way: Sequence[str]) -> List[str]:
        """vmnet-helper's own options (docs/integration.md there): all three addresses, or none."""
        mask = str(ipaddress.IPv4Network(self.subnet).netmask)
        return [
            program,
            *way,
            f"--operation-mode={self.mode}",
            f"--start-address={self.gateway_address}",
            f"--end-address={self.last_address}",
            f"--subnet-mask={mask}",
        ]

    def open(self) -> None:
        program = next((p for p in _helpers() if os.access(p, os.X_OK)), None)
        if program is None:
            raise Unsuited("vmnet-helper is not installed")
        self._as_root = _macos() < 26
        try:
            told = self._start_by_socket(program) if self._as_root else self._start_by_fd(program)
        except (OSError, ValueError) as error:
            self.close()
            raise Unsuited(f"vmnet-helper: {error}; {self._log()}") from error
        self.host.evidence.note(f"{self.name}: {json.dumps(told, sort_keys=True)}")
        self._attach(str(told.get("vmnet_mac_address") or GUEST_MAC))

    def _attach(self, mac: str) -> None:
        """Who plays the guest: here packets."""
        assert self._door is not None
        self._guest = PacketGuest(
            SocketWire(self._door), mac, self.address, self.gateway_address, patience=1.0
        )

    def _start(self, command: List[str], **more: Any) -> Dict[str, Any]:
        """Start it, and what it says about the interface: one line of JSON."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"vmnet-helper-{self.mode}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, **more
            )
        assert self._process.stdout is not None
        timer = _later(30, lambda: self._signal(signal.SIGKILL))
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise ValueError("it said nothing about an interface")
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError(f"it said {line[:200]!r}")
        return found

    def _start_by_fd(self, program: str) -> Dict[str, Any]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._door = ours
        for end in (ours, theirs):
            # The size of the peer's queue; vmnet-helper's own tests take 4 MiB.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        number = theirs.fileno()
        try:
            return self._start(self.command(program, [f"--fd={number}"]), pass_fds=[number])
        finally:
            theirs.close()

    def _start_by_socket(self, program: str) -> Dict[str, Any]:
        self._short = tempfile.mkdtemp(prefix="cn", dir="/tmp")
        place, own = f"{self._short}/helper", f"{self._short}/guest"
        found = self._start([*SUDO, *self.command(program, [f"--socket={place}"])])
        door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._door = door
        door.bind(own)
        end = time.monotonic() + 10
        while True:
            try:
                door.connect(place)
                return found
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def close(self) -> None:
        self._guest = None
        if self._process is not None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait(5)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None

    def _signal(self, number: int) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        if self._as_root:
            # sudo is root's; it passes a signal on to what it started.
            self.host.ask("/bin/kill", f"-{number}", str(process.pid), root=True)
        else:
            process.send_signal(number)

    def _log(self) -> str:
        with contextlib.suppress(OSError):
            place = self.folder / f"vmnet-helper-{self.mode}.log"
            return place.read_text(encoding="utf-8", errors="replace")[-400:].strip()
        return ""

    def _packets(self) -> PacketGuest:
        assert self._guest is not None, "the guest is not up"
        return self._guest

    def gateway(self) -> Dict[str, bool]:
        guest = self._packets()
        mac = guest.arp()
        return {"arp": mac is not None, "icmp": mac is not None and guest.ping()}

    def internet(self) -> Dict[str, bool]:
        return _tried(self._packets(), self.kinds)


class FlushedShared(HelperGuest):
    """vmnet in shared mode, its own translation taken away while the guest is up.

    Only vmnet's child anchor is touched. vmnet may write its rules again at any time, so they are
    looked at before each judgement. Nothing is loaded in their place: they come with the next
    interface, and lines that somebody else has loaded vmnet may never remove.
    """

    mode = "shared"
    name = "vmnet in shared mode, its rules flushed"
    anchor = "com.apple.internet-sharing/shared_v4"
    owns = ("com.apple.internet-sharing",)

    def open(self) -> None:
        # What vmnet has not yet cleaned up goes; what others live by stays.
        if not self.host.wait(lambda: not self._rules(), LATE, 1):
            raise Unsuited(f"others use {self.anchor}, who would lose their rules too")
        super().open()
        # vmnet loads its rules a moment after the interface is there.
        if not self.host.wait(lambda: bool(self._rules()), 10):
            self.close()
            raise Unsuited(f"vmnet loaded no rules into {self.anchor}: there is nothing to flush")
        self._flush()

    def _rules(self) -> List[str]:
        return self.host.ask("/sbin/pfctl", "-a", self.anchor, "-s", "nat", root=True).lines

    def _flush(self) -> None:
        self.host.must("/sbin/pfctl", "-a", self.anchor, "-F", "nat", root=True)

    def internet(self) -> Dict[str, bool]:
        for _ in range(3):
            if self._rules():
                self.host.evidence.note("vmnet wrote its rules again; flushed once more")
                self._flush()
            found = super().internet()
            if not self._rules():
                return found
        raise AssertionError("vmnet writes its rules faster than they can be looked at")


class Shared(HelperGuest):
    """vmnet in shared mode as it is: a Mac that works."""

    mode = "shared"
    name = "vmnet in shared mode"

    def open(self) -> None:
        # vmnet-helper's own tests get out by it on macOS 26; of 15 nothing is known.
        self.may_fail = _macos() < 26
        super().open()


# -- a pair of fake Ethernet interfaces


class BpfWire:
    """Frames of an interface through a BPF device (bpf(4)).

    What is read is a run of records: struct bpf_hdr (timestamp of 8 bytes, captured length, length
    on the wire, length of the header itself), the frame, and padding to 4 bytes.
    """

    # _IOW('B', …) and _IOR('B', …) of macOS's net/bpf.h; struct ifreq has 32 bytes.
    SETIF, IMMEDIATE, HEADERS_COMPLETE = 0x8020426C, 0x80044270, 0x80044275
    LENGTH, PROMISCUOUS, SEE_SENT = 0x40044266, 0x20004269, 0x80044277

    def __init__(self, device: int, size: int) -> None:
        self._device = device
        self._size = size
        self._waiting: List[bytes] = []

    @classmethod
    def on(cls, interface: str) -> BpfWire:
        """The first free device, bound to an interface. Raises OSError; root only."""
        for number in range(256):
            try:
                device = os.open(f"/dev/bpf{number}", os.O_RDWR)
                break
            except OSError as error:
                if error.errno != 16 or number == 255:  # EBUSY: the next one
                    raise
        try:
            fcntl.ioctl(device, cls.IMMEDIATE, struct.pack("I", 1))
            fcntl.ioctl(device, cls.HEADERS_COMPLETE, struct.pack("I", 1))
            fcntl.ioctl(device, cls.SEE_SENT, struct.pack("I", 0))
            fcntl.ioctl(device, cls.SETIF, struct.pack("16s16x", interface.encode()))
            fcntl.ioctl(device, cls.PROMISCUOUS)
            size = struct.unpack("I", fcntl.ioctl(device, cls.LENGTH, struct.pack("I", 0)))[0]
        except OSError:
            os.close(device)
            raise
        return cls(device, size)

    def send(self, frame: bytes) -> None:
        os.write(self._device, frame)

    def receive(self, seconds: float) -> Optional[bytes]:
        import select

        if not self._waiting:
            if not select.select([self._device], [], [], seconds)[0]:
                return None
            self._waiting = list(self.frames(os.read(self._device, self._size)))
        return self._waiting.pop(0) if self._waiting else None

    @staticmethod
    def frames(data: bytes) -> Iterator[bytes]:
        """The frames in what one read gave."""
        place = 0
        while place + 18 <= len(data):
            captured, _, head = struct.unpack_from("=IIH", data, place + 8)
            if head < 18 or place + head + captured > len(data):
                return
            yield data[place + head : place + head + captured]
            place += (head + captured + 3) & ~3

    def close(self) -> None:
        os.close(self._device)


class Feth(Guest):
    """A pair of fake Ethernet interfaces behind a bridge of our own; no vmnet at all.

    The guest has another MAC than the peer's own, and the peer no address: else the Mac's kernel
    would take the packets for its own. /dev/bpf is opened in this process, and is root's: the
    workflow opens it to the user first. The gateway's address is on a bridge, since on any other
    interface the tool would not serve a subnet.
    """

    name = "a feth pair"
    vmnet = False
    near, far, bridge = "feth4200", "feth4201", "bridge420"

    def __init__(self, host: Host, subnet: str, kinds: Tuple[str, ...]) -> None:
        super().__init__(host, subnet)
        self.kinds = kinds
        self._wire: Optional[BpfWire] = None
        self._guest: Optional[PacketGuest] = None

    def open(self) -> None:
        if not os.access("/dev/bpf0", os.R_OK | os.W_OK):
            raise Unsuited("/dev/bpf0 cannot be opened by this user")
        prefix = ipaddress.IPv4Network(self.subnet).prefixlen
        steps = (
            (self.near, "create"),
            (self.far, "create"),
            (self.near, "peer", self.far),
            (self.near, "up"),
            (self.far, "up"),
            (self.bridge, "create"),
            (self.bridge, "addm", self.near),
            (self.bridge, "inet", f"{self.gateway_address}/{prefix}", "up"),
        )
        try:
            for words in steps:
                self.host.must("/sbin/ifconfig", *words, root=True)
            self._wire = BpfWire.on(self.far)
        except (AssertionError, OSError) as error:
            self.close()
            raise Unsuited(f"a feth pair: {error}") from error
        self._guest = PacketGuest(
            self._wire, GUEST_MAC, self.address, self.gateway_address, patience=1.0
        )

    def close(self) -> None:
        self._guest = None
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        there = self.host.ask("/sbin/ifconfig", "-a").out
        for name in (self.bridge, self.far, self.near):
            if re.search(rf"^{name}:", there, re.M):
                self.host.ask("/sbin/ifconfig", name, "destroy", root=True)

    def gateway(self) -> Dict[str, bool]:
        assert self._guest is not None, "the guest is not up"
        mac = self._guest.arp()
        return {"arp": mac is not None, "icmp": mac is not None and self._guest.ping()}

    def internet(self) -> Dict[str, bool]:
        assert self._guest is not None, "the guest is not up"
        return _tried(self._guest, self.kinds)


# -- a small Linux


class SmallLinux(HelperGuest):
    """A real guest kernel on vmnet in host mode: Debian's installer in QEMU without acceleration,
    since virtualization does not nest on GitHub's Macs. It boots in half a minute.

    `CONTAINER_NET_LINUX` names a folder with `linux` and `initrd.gz` of Debian's netboot images for
    arm64. What is asked in it goes over the serial console, to an `init` of our own.
    """

    name = "a small Linux, emulated, on vmnet in host mode"
    BOOT = 300.0
    ANSWER = "cn-answer"
    INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in virtio_pci virtio_net; do modprobe $module; done
n=0
while [ ! -e /sys/class/net/eth0 ] && [ $n -lt 30 ]; do sleep 1; n=$((n + 1)); done
ip link set eth0 up
ip address add "$cn_address" dev eth0
ip route add default via "$cn_gateway"
stty -echo
echo
echo cn-answer 0
while read -r line; do
    sh -c "$line" </dev/null 2>&1
    echo
    echo "cn-answer $?"
done
"""

    def __init__(self, host: Host, subnet: str, folder: Path) -> None:
        # The installer has no program that asks for a name's address.
        super().__init__(host, subnet, folder, ("tcp",))
        self._qemu: Optional[subprocess.Popen[bytes]] = None

    def open(self) -> None:
        place = os.environ.get("CONTAINER_NET_LINUX", "")
        if not place or not (Path(place) / "linux").exists():
            raise Unsuited("CONTAINER_NET_LINUX names no folder with a kernel")
        path = os.pathsep.join([os.environ.get("PATH", ""), "/opt/homebrew/bin", "/usr/local/bin"])
        program = shutil.which("qemu-system-aarch64", path=path)
        if program is None:
            raise Unsuited("QEMU is not installed")
        self._program, self._images = program, Path(place)
        try:
            super().open()
            said = self._until(self.BOOT)
        except OSError as error:
            self.close()
            raise Unsuited(f"QEMU: {error}") from error
        if said is None:
            self.close()
            raise Unsuited(f"the emulated Linux did not come up within {self.BOOT:.0f} s")

    def _attach(self, mac: str) -> None:
        """QEMU gets our end of the socket."""
        assert self._door is not None
        prefix = ipaddress.IPv4Network(self.subnet).prefixlen
        initrd = self.folder / "initrd"
        initrd.write_bytes(_with_init((self._images / "initrd.gz").read_bytes(), self.INIT))
        words = ("console=ttyAMA0 rdinit=/cn-init quiet", f"cn_address={self.address}/{prefix}")
        number = self._door.fileno()
        command = [
            *(self._program, "-M", "virt", "-accel", "tcg", "-cpu", "cortex-a57", "-m", "512"),
            *("-nodefaults", "-display", "none", "-serial", "stdio"),
            *("-kernel", str(self._images / "linux"), "-initrd", str(initrd)),
            *("-append", f"{' '.join(words)} cn_gateway={self.gateway_address}"),
            *("-netdev", f"dgram,id=net,local.type=fd,local.str={number}"),
            *("-device", f"virtio-net-pci,netdev=net,mac={mac},romfile="),
        ]
        with (self.folder / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[number],
            )

    def _until(self, seconds: float) -> Optional[str]:
        """What the console says up to the next answer's end; None where none comes in time."""
        import select

        assert self._qemu is not None
        assert self._qemu.stdout is not None
        heard, end = b"", time.monotonic() + seconds
        with (self.folder / "console.log").open("ab") as log:
            while time.monotonic() < end:
                if not select.select([self._qemu.stdout], [], [], 1)[0]:
                    continue
                piece = os.read(self._qemu.stdout.fileno(), 4096)
                if not piece:
                    return None
                log.write(piece)
                log.flush()
                heard += piece
                if re.search(rb"^cn-answer \d+\s*\n", heard, re.M):
                    return heard.decode("utf-8", "replace")
        return None

    def inside(self, command: str, seconds: float = 30) -> str:
        """What a command prints in it, and the line that ends an answer. Raises AssertionError."""
        assert self._qemu is not None, "the guest is not up"
        assert self._qemu.stdin is not None
        self._qemu.stdin.write(command.encode() + b"\n")
        self._qemu.stdin.flush()
        said = self._until(seconds)
        assert said is not None, f"the emulated Linux does not answer: {command}"
        return said

    def gateway(self) -> Dict[str, bool]:
        said = self.inside(f"ping -c 3 -w 6 {self.gateway_address}")
        return {"icmp": f"{self.ANSWER} 0" in said}

    def internet(self) -> Dict[str, bool]:
        ask = "wget -t 1 -T 4 -O /dev/null http://{}:443/"
        return {"tcp": any("connected." in self.inside(ask.format(to)) for to in PUBLIC)}

    def close(self) -> None:
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait(10)
            for pipe in (self._qemu.stdin, self._qemu.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self._qemu = None
        super().close()


def _with_init(initrd: bytes, script: str) -> bytes:
    """An initrd with `/cn-init` behind what it holds: archives of cpio's newc form may follow one
    another (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def entry(name: str, data: bytes, mode: int) -> bytes:
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        return _padded(_padded(head) + data)

    init = entry("cn-init", script.encode(), 0o100755)
    return _padded(initrd) + init + entry("TRAILER!!!", b"", 0)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


# -- what they share


def _tried(guest: PacketGuest, kinds: Sequence[str]) -> Dict[str, bool]:
    """Each kind over the public addresses, until one answers. Raises AssertionError without a
    gateway: silence would then prove nothing."""
    assert guest.arp() is not None, "the gateway does not answer ARP"
    ways = {"tcp": lambda to: guest.tcp(to) == "syn-ack", "dns": guest.dns}
    return {kind: any(ways[kind](to) for to in PUBLIC) for kind in kinds}


def _dns_question() -> str:
    """A question for the A record of a name, in hexadecimal."""
    name = b"".join(bytes([len(p)]) + p.encode() for p in DNS_NAME.split(".")) + b"\0"
    return (b"\x4c\x4e\x01\0\0\x01\0\0\0\0\0\0" + name + b"\0\x01\0\x01").hex()


def _later(seconds: float, act: Any) -> Any:
    import threading

    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _macos() -> int:
    return int(platform.mac_ver()[0].split(".")[0] or 0)


def _helpers() -> Tuple[str, ...]:
    given = os.environ.get("CONTAINER_NET_VMNET_HELPER")
    return (given,) if given else HELPERS


def answering() -> Tuple[str, ...]:
    """What this machine itself gets from the internet: only that can be asked of a guest.

    Raises AssertionError where it does not get a connection.
    """
    found = []
    for kind in ("tcp", "dns"):
        if any(_answers(kind, to) for to in PUBLIC):
            found.append(kind)
    assert "tcp" in found, f"this machine itself reaches none of {', '.join(PUBLIC)}"
    return tuple(found)


def _answers(kind: str, to: str) -> bool:
    try:
        if kind == "tcp":
            socket.create_connection((to, TCP_PORT), 4).close()
            return True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            door.settimeout(4)
            door.connect((to, 53))
            door.send(bytes.fromhex(_dns_question()))
            return bool(door.recv(2000))
    except OSError:
        return False


def free_subnet(host: Host, candidates: Sequence[str] = SUBNETS) -> str:
    """The first subnet that overlaps no address of this machine. Raises AssertionError."""
    said = host.must("/sbin/ifconfig", "-a").out
    taken = []
    for address, mask in re.findall(r"\sinet (\S+) (?:--> \S+ )?netmask 0x([0-9a-f]{8})", said):
        netmask = ipaddress.IPv4Address(int(mask, 16))
        taken.append(ipaddress.IPv4Network(f"{address}/{netmask}", strict=False))
    for text in candidates:
        if not any(ipaddress.IPv4Network(text).overlaps(other) for other in taken):
            return text
    raise AssertionError(f"this machine lives on {taken}, which overlaps all of {candidates}")


def mac_guests(host: Host, folder: Path, kinds: Tuple[str, ...]) -> List[Guest]:
    """The guests of a Mac, in the order in which they are wanted."""
    return [
        SmallLinux(host, host.subnet, folder),
        HelperGuest(host, host.subnet, folder, kinds),
        FlushedShared(host, host.subnet, folder, kinds),
        Feth(host, host.subnet, kinds),
    ]


# -- the choice


def choose(host: Host, candidates: Sequence[Guest], evidence: Evidence) -> Guest:
    """The first guest whose gateway answers while the internet does not, and which a rule loaded by
    hand gives the internet. Raises AssertionError with the evidence where there is none.

    Where no guest gets out by hand, the first that has the symptom is taken all the same: the tool
    is then the judge, and the notes say what was seen.
    """
    return suited(host, candidates, evidence, first=True)[0][0]


def suited(
    host: Host, candidates: Sequence[Guest], evidence: Evidence, *, first: bool = False
) -> Tuple[List[Guest], List[Tuple[Guest, str]]]:
    """(every guest that serves, in their order; the others, and why not); see `choose`. `first`:
    those behind the first that serves are not looked at."""
    serve: List[Guest] = []
    others: List[Tuple[Guest, str]] = []
    doubtful: Optional[Guest] = None
    before = record(host)
    for guest in candidates:
        if serve and first:
            break
        try:
            # Without Apple's calls no rule loaded by hand could help.
            hook_back(host)
            with guest.up():
                why, symptom = _looked_at(host, guest)
            rest(host, before)
        except (Unsuited, AssertionError) as error:
            why, symptom = str(error), False
        if not why:
            serve.append(guest)
            continue
        others.append((guest, why))
        doubtful = doubtful or (guest if symptom else None)
    seen = [f"{guest.name}: {why}" for guest, why in others]
    for guest in serve:
        evidence.note(f"guest: {guest.name}")
    if serve:
        for line in seen:
            evidence.note(f"  not {line}")
        return serve, others
    evidence.note("guests: none gets out with rules loaded by hand\n  " + "\n  ".join(seen))
    assert doubtful is not None, "no guest can be had here:\n  " + "\n  ".join(seen)
    return [doubtful], [pair for pair in others if pair[0] is not doubtful]


def _looked_at(host: Host, guest: Guest) -> Tuple[str, bool]:
    """(why it does not serve, or nothing; whether it has the symptom)."""
    gateway = guest.gateway()
    if not all(gateway.values()):
        return f"its gateway does not answer: {gateway}", False
    before = guest.internet()
    if any(before.values()):
        return f"it has the internet already: {before}", False
    with by_hand(host, guest.subnet):
        after = guest.internet()
    if not all(after.values()):
        return f"not even with a rule loaded by hand it gets out: {after}", True
    return "", True


@contextlib.contextmanager
def by_hand(host: Host, subnet: str) -> Iterator[None]:
    """Forwarding, pf and a rule without the tool, and all of it taken back."""
    way = uplink(host)
    forwarding = host.must("/usr/sbin/sysctl", "-n", FORWARDING).out.strip()
    rule = f"nat on {way} inet from {subnet} to any -> ({way}:0)\n"
    held, token = references(host), ""
    try:
        host.must("/sbin/pfctl", "-a", CONTROL, "-f", "-", root=True, stdin=rule)
        told = host.must("/sbin/pfctl", "-E", root=True)
        token = (re.findall(r"Token : (\d+)", told.err) or [""])[0]
        host.must("/usr/sbin/sysctl", "-w", f"{FORWARDING}=1", root=True)
        yield
    finally:
        host.ask("/usr/sbin/sysctl", "-w", f"{FORWARDING}={forwarding}", root=True)
        host.ask("/sbin/pfctl", "-a", CONTROL, "-F", "all", root=True)
        new = {str(row[2]) for row in set(references(host)) - set(held)}
        if token in new:
            host.ask("/sbin/pfctl", "-X", token, root=True)
