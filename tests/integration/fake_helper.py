"""Stands for vmnet-helper in tests: its command line, its one line of JSON, and a gateway behind.

The gateway answers ARP and echoes to itself; a SYN is answered where the file in FAKE_INTERNET is
there. Options that vmnet-helper does not know, or some of the three addresses alone, end it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from pathlib import Path


def main() -> int:
    """Answer frames until the end. Exit status as vmnet-helper's."""
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    from integration.peers import arp_reply, echo_reply, parts, tcp_reply

    parser = argparse.ArgumentParser()
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--fd", type=int)
    way.add_argument("--socket")
    parser.add_argument("--operation-mode", choices=["shared", "host", "bridged"])
    for name in ("start-address", "end-address", "subnet-mask"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    if options.socket:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    else:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0, options.fd)
    told = {
        "vmnet_start_address": options.start_address,
        "vmnet_mac_address": "02:00:00:00:00:0a",
        "vmnet_max_packet_size": 1514,
    }
    print(json.dumps(told), flush=True)
    print(" ".join(sys.argv[1:]), file=sys.stderr, flush=True)
    if options.socket:
        door.bind(options.socket)
        _, client = door.recvfrom(10, socket.MSG_PEEK)
        door.connect(client)
    while True:
        frame = door.recv(2000)
        if frame[12:14] == b"\x08\x06":
            answers = arp_reply(frame)
        elif frame[12:14] != b"\x08\x00":
            answers = []  # a real kernel speaks IPv6 too
        elif parts(frame)[0] == 1:
            answers = echo_reply(frame)
        elif os.path.exists(os.environ["FAKE_INTERNET"]):
            answers = tcp_reply(0x12)(frame)
        else:
            answers = []
        for answer in answers:
            door.send(answer)


if __name__ == "__main__":
    raise SystemExit(main())
