"""Who answers the guest made of packets: answers built byte by byte and without scapy, so that one
misreading of a header cannot hide on both sides."""

from __future__ import annotations

import socket
import struct
from typing import Callable, List, Optional, Tuple

__all__ = [
    "GATEWAY",
    "GATEWAY_MAC",
    "GUEST",
    "GUEST_MAC",
    "WEB",
    "Peer",
    "arp_reply",
    "dns_reply",
    "echo_reply",
    "ether",
    "mac",
    "packed",
    "parts",
    "tcp_reply",
]

GUEST_MAC, GATEWAY_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:01"
GUEST, GATEWAY, WEB = "192.168.200.253", "192.168.200.1", "198.51.100.10"

Peer = Callable[[bytes], List[bytes]]


def packed(address: str) -> bytes:
    return socket.inet_aton(address)


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether(kind: int, payload: bytes, source: str = GATEWAY_MAC, to: str = GUEST_MAC) -> bytes:
    return mac(to) + mac(source) + struct.pack("!H", kind) + payload


def ip(source: str, to: str, protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0, 60, protocol, 0)
    head += packed(source) + packed(to)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ether(0x0800, head + payload)


def pseudo(source: str, to: str, protocol: int, payload: bytes) -> bytes:
    return packed(source) + packed(to) + struct.pack("!BBH", 0, protocol, len(payload))


def parts(frame: bytes) -> Tuple[int, bytes]:
    """(protocol, what is behind the IP header) of a frame that carries IP; its checksum holds."""
    assert frame[12:14] == b"\x08\x00"
    head = frame[14:34]
    assert checksum(head) == 0
    length = struct.unpack("!H", head[2:4])[0]
    return head[9], frame[34 : 14 + length]


# -- peers


def arp_reply(frame: bytes) -> List[bytes]:
    if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\x01":
        return []
    assert frame[38:42] == packed(GATEWAY)
    body = b"\0\x01\x08\0\x06\x04\0\x02" + mac(GATEWAY_MAC) + packed(GATEWAY)
    return [ether(0x0806, body + frame[22:28] + frame[28:32])]


def echo_reply(frame: bytes, source: Optional[str] = None, number: int = 0) -> List[bytes]:
    protocol, body = parts(frame)
    if protocol != 1 or body[0] != 8:
        return []
    assert checksum(body) == 0
    whose = struct.pack("!H", struct.unpack("!H", body[4:6])[0] ^ number)
    answer = b"\0\0\0\0" + whose + body[6:]
    answer = answer[:2] + struct.pack("!H", checksum(answer)) + answer[4:]
    return [ip(source or socket.inet_ntoa(frame[30:34]), GUEST, 1, answer)]


def tcp_reply(flags: int, ack: int = 1, ports: Tuple[int, int] = (0, 0)) -> Peer:
    def answer(frame: bytes) -> List[bytes]:
        protocol, body = parts(frame)
        if protocol != 6 or not body[13] & 0x02:
            return []
        source, target = struct.unpack("!HH", body[:4])
        number = struct.unpack("!I", body[4:8])[0]
        to = socket.inet_ntoa(frame[30:34])
        assert checksum(pseudo(GUEST, to, 6, body) + body) == 0
        head = struct.pack(
            "!HHIIBBHHH",
            target + ports[0],
            source + ports[1],
            99,
            number + ack,
            0x50,
            flags,
            0,
            0,
            0,
        )
        head = (
            head[:16] + struct.pack("!H", checksum(pseudo(to, GUEST, 6, head) + head)) + head[18:]
        )
        return [ip(to, GUEST, 6, head)]

    return answer


def dns_reply(frame: bytes, number: int = 0) -> List[bytes]:
    protocol, body = parts(frame)
    if protocol != 17:
        return []
    source, target = struct.unpack("!HH", body[:4])
    assert target == 53
    asked = body[8:]
    said = struct.pack("!H", struct.unpack("!H", asked[:2])[0] + number) + b"\x81\x80" + asked[4:]
    head = struct.pack("!HHHH", 53, source, 8 + len(said), 0)
    return [ip(socket.inet_ntoa(frame[30:34]), GUEST, 17, head + said)]
