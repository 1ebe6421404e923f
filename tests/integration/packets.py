"""A guest made of packets: ARP, ICMP, TCP and DNS over a wire of Ethernet frames.

The wire is vmnet-helper's datagram socket, one frame a datagram, or a BPF device. The guest has no
kernel behind it, so nothing answers for it: what it sends and what it takes for an answer is here.
"""

from __future__ import annotations

import importlib
import itertools
import socket
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional, Protocol

__all__ = ["DNS_NAME", "TCP_PORT", "PacketGuest", "SocketWire", "Wire"]


class _Scapy:
    """A module of scapy's, which is there for this suite alone, once it is used: it takes longer
    than everything else that is imported. Not scapy.all, which looks at every interface and route
    of the machine meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)


_inet = _Scapy("scapy.layers.inet")
_l2 = _Scapy("scapy.layers.l2")
_dns = _Scapy("scapy.layers.dns")

BROADCAST = "ff:ff:ff:ff:ff:ff"
TCP_PORT = 443
DNS_NAME = "example.com"
# The largest frame that vmnet-helper hands over without its offloading options (--enable-tso).
FRAME = 1514
PATIENCE = 2.0
TRIES = 3
# Frames shorter than this are padded, as Ethernet does; vmnet-helper drops a first one of less
# than 64 bytes, which it takes for the greeting of a virtual machine (programs/helper.c).
LEAST = 64


class Wire(Protocol):
    """Where Ethernet frames go and come from."""

    def send(self, frame: bytes) -> None: ...

    def receive(self, seconds: float) -> Optional[bytes]:
        """The next frame, or None where none came within so many seconds."""


class SocketWire:
    """A connected datagram socket: each datagram is a frame."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door

    def send(self, frame: bytes) -> None:
        self._door.send(frame)

    def receive(self, seconds: float) -> Optional[bytes]:
        self._door.settimeout(max(seconds, 0.001))
        try:
            return self._door.recv(65536)
        except (socket.timeout, TimeoutError):
            return None


@dataclass
class PacketGuest:
    """One address of a subnet, with a MAC of its own.

    Each question is sent `TRIES` times, `patience` seconds apart at most, and ends with the first
    answer that fits: the ports, sequence and transaction numbers are looked at, so that another
    question's late answer is none.
    """

    wire: Wire
    mac: str
    address: str
    gateway: str
    patience: float = PATIENCE
    tries: int = TRIES
    _gateway_mac: str = ""

    def __post_init__(self) -> None:
        # Every run asks from other ports: a state that pf keeps from the last one decides nothing.
        self._ports = itertools.count(20000 + int(time.time() * 10) % 20000)
        self._numbers = itertools.count(1)

    # -- the gateway

    def arp(self) -> Optional[str]:
        """The gateway's MAC address, or None. It learns ours by the question."""
        question = _l2.Ether(src=self.mac, dst=BROADCAST) / _l2.ARP(
            op=1, hwsrc=self.mac, psrc=self.address, pdst=self.gateway
        )

        def fits(frame: Any) -> Optional[str]:
            if _l2.ARP not in frame:
                return None
            said = frame[_l2.ARP]
            ours = said.op == 2 and said.psrc == self.gateway and said.pdst == self.address
            return str(said.hwsrc) if ours else None

        found: Optional[str] = self._ask(question, fits)
        self._gateway_mac = found or self._gateway_mac
        return found

    def ping(self, target: str = "") -> bool:
        """Whether an echo comes back from an address; without one, from the gateway."""
        target = target or self.gateway
        number = next(self._ports)
        echo = _inet.ICMP(type=8, id=number, seq=next(self._numbers)) / (b"container-net" * 2)

        def fits(frame: Any) -> Optional[bool]:
            if _inet.ICMP not in frame or frame[_inet.IP].src != target:
                return None
            said = frame[_inet.ICMP]
            return True if said.type == 0 and said.id == number else None

        return bool(self._ask(self._packet(target) / echo, fits))

    # -- the internet

    def tcp(self, target: str, port: int = TCP_PORT) -> str:
        """What a SYN gets: `syn-ack`, `rst`, or `nothing`. A connection is reset at once."""
        source, number = next(self._ports), 0x10000000 + next(self._numbers)
        syn = _inet.TCP(
            sport=source, dport=port, flags="S", seq=number, options=[("MSS", 1240)], window=64240
        )

        def fits(frame: Any) -> Any:
            if _inet.TCP not in frame or frame[_inet.IP].src != target:
                return None
            said = frame[_inet.TCP]
            ends = (said.sport, said.dport) == (port, source)
            return said if ends and (said.ack == number + 1 or said.flags.R) else None

        said = self._ask(self._packet(target) / syn, fits)
        if said is None:
            return "nothing"
        if said.flags.R:
            return "rst"
        if not (said.flags.S and said.flags.A):
            return "nothing"
        end = _inet.TCP(sport=source, dport=port, flags="R", seq=number + 1)
        self.wire.send(_padded(self._packet(target) / end))
        return "syn-ack"

    def dns(self, server: str, name: str = DNS_NAME) -> bool:
        """Whether a name server answers a question about a name."""
        source, number = next(self._ports), next(self._numbers) & 0xFFFF
        question = _inet.UDP(sport=source, dport=53) / _dns.DNS(
            id=number, rd=1, qd=_dns.DNSQR(qname=name, qtype="A")
        )

        def fits(frame: Any) -> Optional[bool]:
            if _inet.UDP not in frame or frame[_inet.IP].src != server:
                return None
            said = frame[_inet.UDP]
            if (said.sport, said.dport) != (53, source) or _dns.DNS not in frame:
                return None
            return True if frame[_dns.DNS].qr == 1 and frame[_dns.DNS].id == number else None

        return bool(self._ask(self._packet(server) / question, fits))

    # -- pieces

    def _packet(self, target: str) -> Any:
        """Ethernet and IP in front, by way of the gateway. Raises RuntimeError before `arp`."""
        if not self._gateway_mac:
            raise RuntimeError("the gateway's MAC address is not known: ask with arp() first")
        return _l2.Ether(src=self.mac, dst=self._gateway_mac) / _inet.IP(
            src=self.address, dst=target, ttl=64
        )

    def _ask(self, question: Any, fits: Callable[[Any], Any]) -> Any:
        """The first answer that fits, or None. The gateway may ask who we are in between."""
        frame = _padded(question)
        for _ in range(self.tries):
            self.wire.send(frame)
            for said in self._frames(self.patience):
                found = fits(said)
                if found is not None:
                    return found
        return None

    def _frames(self, seconds: float) -> Iterator[Any]:
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            raw = self.wire.receive(left) if left > 0 else None
            if raw is None:
                return
            frame = _l2.Ether(raw)
            if not self._answer_arp(frame):
                yield frame

    def _answer_arp(self, frame: Any) -> bool:
        """A kernel would: say who has our address where somebody asks."""
        if _l2.ARP not in frame:
            return False
        asked = frame[_l2.ARP]
        if asked.op != 1 or asked.pdst != self.address:
            return False
        answer = _l2.Ether(src=self.mac, dst=asked.hwsrc) / _l2.ARP(
            op=2, hwsrc=self.mac, psrc=self.address, hwdst=asked.hwsrc, pdst=asked.psrc
        )
        self.wire.send(_padded(answer))
        return True


def _padded(packet: Any) -> bytes:
    frame = bytes(packet)
    if len(frame) > FRAME:
        raise ValueError(f"a frame of {len(frame)} bytes does not fit the wire")
    return frame.ljust(LEAST, b"\0")
