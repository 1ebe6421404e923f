"""The guest made of packets, against a peer on the other end of a socketpair.

The pair stands for vmnet-helper's; the peer builds its answers byte by byte and without scapy, so
that one misreading of a header cannot hide on both sides.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from integration.packets import LEAST, PacketGuest, SocketWire

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


class Line:
    """Both ends of a wire, and what the peer has heard."""

    def __init__(self, pair: Tuple[socket.socket, socket.socket]) -> None:
        self.ours, self.theirs = pair
        self.heard: List[bytes] = []
        self.peer: Peer = lambda _: []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                frame = self.theirs.recv(2000)
            except OSError:
                return
            if not frame:
                return
            self.heard.append(frame)
            is_arp = frame[12:14] == b"\x08\x06"
            for answer in arp_reply(frame) if is_arp else self.peer(frame):
                self.theirs.send(answer)

    def guest(self, tries: int = 2) -> PacketGuest:
        return PacketGuest(SocketWire(self.ours), GUEST_MAC, GUEST, GATEWAY, 0.2, tries)


@pytest.fixture
def line() -> Iterator[Line]:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    made = Line(pair)
    yield made
    pair[1].shutdown(socket.SHUT_RDWR)
    for end in pair:
        end.close()
    made.thread.join(2)


@pytest.fixture
def guest(line: Line) -> PacketGuest:
    found = line.guest()
    assert found.arp() == GATEWAY_MAC
    return found


# -- the gateway


def test_arp_finds_the_gateway_and_tells_it_who_we_are(line: Line) -> None:
    assert line.guest().arp() == GATEWAY_MAC
    asked = line.heard[0]
    assert asked[:6] == b"\xff" * 6
    assert (asked[6:12], asked[22:28]) == (mac(GUEST_MAC), mac(GUEST_MAC))
    assert asked[28:32] == packed(GUEST)
    # vmnet-helper takes a shorter first frame for a greeting and drops it.
    assert len(asked) >= LEAST


def test_nobody_answers_an_arp_for_another_address(line: Line) -> None:
    line.theirs.send(
        ether(
            0x0806,
            b"\0\x01\x08\0\x06\x04\0\x02"
            + mac(GATEWAY_MAC)
            + packed("192.168.200.7")
            + mac(GUEST_MAC)
            + packed(GUEST),
        )
    )
    guest = line.guest(tries=1)
    # Its own question is answered, but not by the frame that lay there before.
    assert guest.arp() == GATEWAY_MAC
    assert len(line.heard) == 1


def test_nothing_is_sent_beyond_the_gateway_before_it_is_known(line: Line) -> None:
    with pytest.raises(RuntimeError, match="arp"):
        line.guest().ping()
    assert line.heard == []


def test_the_gateway_gets_an_answer_when_it_asks_for_the_guest(
    line: Line, guest: PacketGuest
) -> None:
    def asks_first(frame: bytes) -> List[bytes]:
        body = b"\0\x01\x08\0\x06\x04\0\x01" + mac(GATEWAY_MAC) + packed(GATEWAY)
        who = ether(0x0806, body + b"\0" * 6 + packed(GUEST), to="ff:ff:ff:ff:ff:ff")
        return [who, *echo_reply(frame)]

    line.peer = asks_first
    assert guest.ping()
    assert guest.ping()  # frames keep their order: what was sent before it has arrived
    answers = [f for f in line.heard if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\x02"]
    assert answers
    assert {(f[22:28], f[28:32]) for f in answers} == {(mac(GUEST_MAC), packed(GUEST))}


def test_an_echo_counts_only_from_the_address_that_was_asked(
    line: Line, guest: PacketGuest
) -> None:
    line.peer = echo_reply
    assert guest.ping()
    assert guest.ping(WEB)
    line.peer = lambda frame: echo_reply(frame, source=GATEWAY)
    assert not guest.ping(WEB)
    line.peer = lambda frame: echo_reply(frame, number=1)
    assert not guest.ping(WEB)
    line.peer = lambda _: []
    assert not guest.ping()


# -- the internet


TCP: Dict[str, Tuple[Peer, str]] = {
    "an answer": (tcp_reply(0x12), "syn-ack"),
    "a refusal": (tcp_reply(0x14), "rst"),
    "silence": (lambda _: [], "nothing"),
    "another connection's number": (tcp_reply(0x12, ack=5), "nothing"),
    "another port of theirs": (tcp_reply(0x12, ports=(1, 0)), "nothing"),
    "another port of ours": (tcp_reply(0x12, ports=(0, 1)), "nothing"),
    "no answer to a SYN": (tcp_reply(0x10), "nothing"),
}


@pytest.mark.parametrize("name", TCP)
def test_a_syn_gets(line: Line, guest: PacketGuest, name: str) -> None:
    line.peer, said = TCP[name]
    assert guest.tcp(WEB) == said


def test_a_connection_is_taken_down_again(line: Line, guest: PacketGuest) -> None:
    line.peer = tcp_reply(0x12)
    assert guest.tcp(WEB) == "syn-ack"
    line.peer = echo_reply
    assert guest.ping()  # frames keep their order: what was sent before it has arrived
    tcp = [parts(f)[1] for f in line.heard if f[12:14] == b"\x08\x00" and f[23] == 6]
    assert [body[13] for body in tcp] == [0x02, 0x04]
    assert tcp[0][:4] == tcp[1][:4]


def test_each_connection_has_a_port_of_its_own(line: Line, guest: PacketGuest) -> None:
    for _ in range(3):
        guest.tcp(WEB)
    line.peer = echo_reply
    assert guest.ping()
    ports = [parts(f)[1][:2] for f in line.heard if f[12:14] == b"\x08\x00" and f[23] == 6]
    # Two tries each, from the same port.
    assert len(ports) == 6
    assert len(set(ports)) == 3


def test_a_name_server_answers_by_its_number(line: Line, guest: PacketGuest) -> None:
    line.peer = dns_reply
    assert guest.dns(WEB)
    line.peer = lambda frame: dns_reply(frame, number=1)
    assert not guest.dns(WEB)
    line.peer = lambda _: []
    assert not guest.dns(WEB)


def test_frames_that_are_none_of_ours_are_passed_over(line: Line, guest: PacketGuest) -> None:
    def noise(frame: bytes) -> List[bytes]:
        lldp = ether(0x88CC, b"\x02\x07\x04" + b"\0" * 43)
        v6 = ether(0x86DD, b"\x60" + b"\0" * 60)
        return [b"\0" * 14, lldp, v6, *tcp_reply(0x12)(frame)]

    line.peer = noise
    assert guest.tcp(WEB) == "syn-ack"
