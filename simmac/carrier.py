"""The door to whoever carries a simulated Mac's effects over to real interfaces (docs/lab.md).

    DIR/.simmac/carrier      two lines: the socket of the carrier, and the folder it serves

Where that file is, the carrier is told of each change, with the state on disk and before the
command goes on; it is asked what there really is before a program shows it, and it runs what runs
in a guest. Without the file nothing of this happens.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from .world import World

__all__ = ["FILE", "guest", "look", "tell"]

FILE = "carrier"
# Programs that show interfaces, routes or counters.
LOOKING = ("/sbin/ifconfig", "/sbin/route", "/sbin/pfctl", "/usr/sbin/netstat", "/usr/sbin/scutil")


def _ask(world: World, question: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The carrier's answer; None without one. Raises OSError where it is gone."""
    try:
        with open(os.path.join(world.store.private, FILE), encoding="utf-8") as file:
            place, folder = file.read().split("\n")[:2]
    except FileNotFoundError:
        return None
    # A copy of the folder is another Mac, which nobody carries over.
    if folder != os.path.realpath(world.root):
        return None
    import json
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        try:
            door.connect(place)
        except OSError as error:
            raise OSError(f"the carrier of {world.root} does not answer: {error}") from None
        door.sendall(json.dumps(question).encode() + b"\n")
        chunks: List[bytes] = []
        while True:
            chunk = door.recv(65536)
            if not chunk:
                break
            chunks.append(chunk)
    answer: Dict[str, Any] = json.loads(b"".join(chunks))
    if "error" in answer:
        raise OSError(f"the carrier of {world.root}: {answer['error']}")
    return answer


def tell(world: World) -> None:
    """The state on disk is new: wait until it holds outside too."""
    _ask(world, {"ask": "effect"})


def look(world: World, program: str) -> bool:
    """Before a program shows it: interfaces, routes and counters become what there really is.
    Whether there is a carrier to tell it."""
    if program not in LOOKING:
        return False
    seen = _ask(world, {"ask": "look"})
    if seen is None:
        return False
    state = world.state
    for item in state["interfaces"]:
        item.update(seen["interfaces"].get(item["name"], {}))
    if "primary" in seen:
        state["primary"] = seen["primary"]
    if "vpn" in seen:
        state["vpn"] = seen["vpn"]
    for path, kind, index, packets, size in seen["counters"]:
        rule = state["pf"]["anchors"][path][kind][index]
        # What a rule counted before it was loaded there is kept by the carrier.
        rule["evaluations"], rule["packets"], rule["bytes"] = packets, packets, size
    return True


def guest(world: World, network: str, command: List[str]) -> Optional[Dict[str, Any]]:
    """What a command in a guest of that network ends with: `code`, `out`, `err`; None: nobody
    runs it."""
    return _ask(world, {"ask": "guest", "network": network, "command": command})
