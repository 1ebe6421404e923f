"""Real packets: every way out works from the first of them; the fence lets few through."""

from __future__ import annotations

import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Callable, List, Tuple

import pytest
from lab.layout import CORPORATE, DOCK, VPN_ADDRESS, WEB, WIFI, WIFI_GATEWAY
from lab.world import Lab

GATEWAY = "192.168.64.1"
# A host on the LAN and one behind the VPN, by addresses that are private.
LAN_HOST, VPN_HOST = "10.99.0.1", "10.98.0.1"
HELD = 1000


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """After net.setup alone: no daemon is there to follow anything."""
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()
    assert lab.run("net.setup", "--yes").code == 0
    assert lab.fetch().status == "404"
    return lab


def first_answer(lab: Lab, event: Callable[[], None]) -> Tuple[bool, float]:
    """Whether the first echo after an event is answered, and the seconds until then."""
    event()
    begun = time.monotonic()
    return lab.ping(WEB), time.monotonic() - begun


def test_a_tunnel_that_comes_up_later_is_translated_from_the_first_packet_on(ready: Lab) -> None:
    ready.watch()
    taken = []
    for _ in range(3):
        answered, seconds = first_answer(ready, ready.vpn_on)
        assert answered, "not even one packet may be lost"
        taken.append(seconds)
        ready.vpn_off()
    assert min(taken) < 0.2
    ready.vpn_on()
    assert ready.fetch().source == VPN_ADDRESS
    assert ready.leaks() == 0


def test_every_change_of_the_way_out_is_followed_without_a_daemon(ready: Lab) -> None:
    steps: List[Tuple[Callable[[], None], str]] = [
        (ready.dock, DOCK[0]),
        (ready.vpn_on, VPN_ADDRESS),
        (ready.vpn_off, DOCK[0]),
        (ready.wifi, WIFI[0]),
        (lambda: ready.vpn_on(full=False), VPN_ADDRESS),
        (ready.vpn_off, WIFI[0]),
    ]
    for step, source in steps:
        step()
        assert ready.fetch() == (0, "404", source)


def test_a_host_behind_a_split_tunnel_answers(ready: Lab) -> None:
    assert ready.fetch(f"https://{CORPORATE}").status != "404"
    ready.company()
    assert ready.fetch(f"https://{CORPORATE}").status == "404"
    assert ready.fetch().source == WIFI[0]


def test_open_connections_survive_what_changes_nothing(ready: Lab) -> None:
    process = ready.clients("hold", HELD)
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["ready", str(HELD)]
    for task in ("net.setup", "net.status", "net.plan", "net.doctor"):
        ready.run(task)
    ready.company("utun7")
    ready.mac.add_interface("en9", "203.0.113.200", 32)
    out, _ = process.communicate("\n", timeout=90)
    assert int(out.split()[0]) == HELD


def test_who_passes_for_a_container_gets_nothing_out(ready: Lab) -> None:
    """A host on the Wi-Fi that sends with a container's address, to be translated by the Mac."""
    spaces = ready.spaces
    spaces.ip("net", f"route add 198.51.100.200/32 via {WIFI[0]}")
    spaces.ip("net", "addr add 192.168.64.77/32 dev lo")
    counter = (
        "table ip spoof {\nchain out {\ntype filter hook postrouting priority 200;\n"
        "ip daddr 198.51.100.200 counter\n}\n}\n"
    )
    spaces.run("mac", ["nft", "-f", "-"], counter)
    ping = ["ping", "-c", "2", "-i", "0.2", "-W", "1", "-I", "192.168.64.77", "198.51.100.200"]
    with pytest.raises(Exception, match="exit 1"):
        spaces.run("net", ping)
    listed = spaces.run("mac", ["nft", "list", "table", "ip", "spoof"])
    assert "packets 0 " in listed, listed


# -- the fence


@pytest.fixture(params=["our NAT", "vmnet's NAT"])
def fenced(request: pytest.FixtureRequest, lab: Lab) -> Lab:
    lab.mac.vmnet_nat(request.param == "vmnet's NAT")
    lab.mac.start_container()
    lab.mac.add_network("blue", "172.31.7.0/24")
    lab.mac.start_container("blue-1", network="blue")
    lab.spaces.ip("net", f"addr add {LAN_HOST}/32 dev lo")
    lab.spaces.ip("vpn", f"addr add {VPN_HOST}/32 dev lo")
    lab.spaces.ip("mac", f"route add {LAN_HOST}/32 via {WIFI_GATEWAY}")
    return lab


def test_the_fence_stands_between_containers_and_everything_private(fenced: Lab) -> None:
    lab = fenced
    if not lab.ping(LAN_HOST):
        assert lab.run("net.setup", "--yes").code == 0
    assert lab.ping(LAN_HOST), "it is reached while there is no fence"
    assert lab.ping(GATEWAY)
    words = ["net.setup", "--yes", "--fence", "--fence-allow", f"{GATEWAY}:3001"]
    ran = lab.run(*words)
    assert ran.code == 0, ran
    assert lab.fetch().status == "404"
    assert lab.resolves()
    assert not lab.ping(LAN_HOST)
    assert not lab.ping(GATEWAY), "a service of the Mac, but DNS and DHCP"
    assert not lab.ping("172.31.7.1"), "the gateway of another network"
    assert not lab.ping("172.31.7.2"), "a container of another network"
    assert lab.fetch(network="blue").status == "404"
    assert not lab.ping(LAN_HOST, "blue")
    # The Mac's own connection to a container gets its answer.
    assert "1 received" in lab.spaces.run("mac", ["ping", "-c", "1", "-W", "1", "192.168.64.2"])
    assert lab.run("net.setup", "--yes", "--no-fence").code == 0
    assert lab.ping(LAN_HOST)


@pytest.mark.parametrize("fenced", ["vmnet's NAT"], indirect=True)
def test_a_host_behind_a_vpn_is_behind_the_fence(fenced: Lab) -> None:
    lab = fenced
    assert lab.run("net.setup", "--yes", "--always").code == 0
    lab.vpn_on()
    lab.spaces.ip("mac", f"route add {VPN_HOST}/32 dev utun4")
    assert lab.ping(VPN_HOST), "it is reached while there is no fence"
    assert lab.run("net.setup", "--yes", "--always", "--fence").code == 0
    assert not lab.ping(VPN_HOST)
    assert lab.fetch().source == VPN_ADDRESS


@pytest.mark.parametrize("fenced", ["our NAT"], indirect=True)
def test_the_allowed_port_answers_and_its_neighbour_does_not(fenced: Lab) -> None:
    lab = fenced
    servers = [
        lab.spaces.within("mac", partial(TCPServer, (GATEWAY, port), BaseHTTPRequestHandler))
        for port in (3000, 3001)
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        urls = [f"http://{GATEWAY}:{port}/none" for port in (3000, 3001)]
        assert [lab.fetch(url).status for url in urls] == ["501", "501"]
        assert lab.run("net.setup", "--yes", "--fence-allow", f"{GATEWAY}:3001").code == 0
        assert lab.fetch(urls[1]).status == "501"
        assert lab.fetch(urls[0]).code == 28
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
