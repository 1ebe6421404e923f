"""The guest made of packets, against a peer on the other end of a socketpair.

The pair stands for vmnet-helper's.
"""

from __future__ import annotations

import socket
import threading
from typing import Dict, Iterator, List, Tuple

import pytest
from integration.packets import LEAST, PacketGuest, SocketWire
from integration.peers import (
    GATEWAY,
    GATEWAY_MAC,
    GUEST,
    GUEST_MAC,
    WEB,
    Peer,
    arp_reply,
    dns_reply,
    echo_reply,
    ether,
    mac,
    packed,
    parts,
    tcp_reply,
)


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
