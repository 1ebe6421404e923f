"""The guide's story with real packets: broken, set up, moved about, kept, taken back."""

from __future__ import annotations

import json
import subprocess
import threading
from ipaddress import IPv4Address, IPv4Network
from typing import Callable, Dict, List

import pytest
from lab.layout import DOCK, HOSTS, VPN_ADDRESS, WEB, WEB_TOO, WIFI
from lab.scenes import root
from lab.world import Lab
from sim.support import ANCHOR, files, run

GATEWAY = "192.168.64.1"


@pytest.fixture
def broken(lab: Lab) -> Lab:
    """A container runs, and nothing translates: no forwarding, no rule, pf off."""
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()
    return lab


@pytest.fixture
def ready(broken: Lab) -> Lab:
    """After net.setup."""
    assert broken.run("net.setup", "--yes").code == 0
    return broken


def counted(lab: Lab, uplink: str = "en0") -> int:
    """Flows that our rule for an uplink has translated, as pfctl tells."""
    told = lab.mac.answer(["/sbin/pfctl", "-a", ANCHOR, "-v", "-s", "nat"], root=True)
    rows = told.out.decode().splitlines()
    place = next(n for n, row in enumerate(rows) if row.startswith(f"nat on {uplink} "))
    return int(rows[place + 1].split("Packets:")[1].split()[0])


def check(lab: Lab) -> Dict[str, str]:
    """The guide's own check, by net.verify: state and evidence."""
    found = lab.run("net.verify", "--json").data["checks"]
    return next(row for row in found if row["check"] == "container")


@pytest.mark.timeout(240)
@pytest.mark.waits  # the longest of all are not begun last
def test_the_guides_story_from_broken_to_kept_and_back(broken: Lab) -> None:
    lab = broken
    mac, before = lab.mac, files(broken.mac)

    # Before: the Mac itself answers, also for names; behind it there is nothing.
    assert lab.ping(GATEWAY)
    assert lab.resolves()
    assert not lab.ping(WEB)
    assert lab.fetch().code == 28
    assert "28" in check(lab)["evidence"]
    assert run(mac, "net.status", "--json").first_broken == "forwarding"

    assert run(mac, "net.setup", "--yes").code == 0
    assert (check(lab)["state"], "404" in check(lab)["evidence"]) == ("ok", True)
    assert lab.fetch() == (0, "404", WIFI[0])
    assert lab.fetch(f"https://{WEB_TOO}") == (0, "404", WIFI[0])
    assert lab.ping(WEB)
    assert run(mac, "net.status", "--json").code == 0
    flows = counted(lab)
    assert flows > 0
    lab.fetch()
    assert counted(lab) > flows

    # The dock in the middle of a download: what comes after it works.
    with lab.download() as lines:
        assert lines[0] == WIFI[0]
        lab.dock()
        assert lab.fetch() == (0, "404", DOCK[0])
    lab.wifi()
    assert lab.fetch() == (0, "404", WIFI[0])

    # A VPN takes over; its tunnel was not there when the rules were loaded, and no daemon is.
    lab.vpn_on()
    assert lab.fetch() == (0, "404", VPN_ADDRESS)
    assert run(mac, "net.status", "--json").code == 0
    assert run(mac, "net.plan", "--json").changes == []
    lab.vpn_off()
    assert lab.fetch() == (0, "404", WIFI[0])

    # Kept: after a reboot it works without a hand on it, also under a VPN.
    assert run(mac, "net.persist", "--yes").code == 0
    mac.reboot()
    mac.start_container()
    assert lab.fetch() == (0, "404", WIFI[0])
    lab.vpn_on()
    assert lab.fetch() == (0, "404", VPN_ADDRESS)
    lab.vpn_off()
    mac.tick(60)
    assert lab.fetch() == (0, "404", WIFI[0])

    assert run(mac, "net.teardown", "--yes").code == 0
    assert lab.fetch().code == 28
    assert files(mac) == before


# -- each piece alone


Act = Callable[[Lab], None]


def _forwarding(value: int) -> Act:
    return lambda lab: root(lab.mac, f"/usr/sbin/sysctl -w net.inet.ip.forwarding={value}")


def _rules(text: str) -> Act:
    return lambda lab: root(lab.mac, f"/sbin/pfctl -a {ANCHOR} -f -", text)


def _main(text: str = "") -> Act:
    def load(lab: Lab) -> None:
        assert lab.mac.reload_main(text) if text else lab.mac.load_pf_conf()

    return load


RULE = "nat on {} inet from 192.168.64.0/24 to any -> ({}:0)\n"
CONTROLS: Dict[str, List[object]] = {
    # what is taken away, the hop that must be marked, how it is put back
    "forwarding off": [_forwarding(0), "forwarding", _forwarding(1)],
    "rule missing": [_rules(""), "nat", _rules(RULE.format("en0", "en0"))],
    "hook missing": [_main("pass all\n"), "nat", _main()],
    "pf disabled": [
        lambda lab: lab.mac.foreign_disable(),
        "nat",
        lambda lab: root(lab.mac, "/sbin/pfctl -E"),
    ],
    "wrong uplink": [
        _rules(RULE.format("en5", "en5")),
        "nat",
        _rules(RULE.format("en0", "en0")),
    ],
}


@pytest.mark.parametrize("name", CONTROLS)
def test_each_piece_missing_alone_kills_the_packets_and_is_the_hop_marked(
    ready: Lab, name: str
) -> None:
    take, hop, put_back = CONTROLS[name]
    assert callable(take)
    assert callable(put_back)
    assert ready.fetch().status == "404"
    take(ready)
    assert ready.fetch().code == 28
    assert ready.ping(GATEWAY)
    hops = ready.run("net.status", "--json").hops
    assert [k for k, state in hops.items() if state == "broken"] == [hop], hops
    put_back(ready)
    assert ready.fetch().status == "404"


# -- what else is said about packets


def test_what_is_not_translated_leaves_with_the_containers_own_address(ready: Lab) -> None:
    ready.watch()
    assert ready.fetch().status == "404"
    assert ready.leaks() == 0
    ready.mac.foreign_disable()
    assert ready.fetch().code == 28
    assert ready.leaks() > 0


def test_a_flow_that_began_untranslated_is_translated_from_the_next_packet_on(broken: Lab) -> None:
    root(broken.mac, "/usr/sbin/sysctl -w net.inet.ip.forwarding=1")
    # Somebody else's pf, without a rule for it.
    broken.mac.foreign_enable()
    broken.watch()
    # The same flow all along: Linux alone would keep it as it began.
    ping = broken.spaces.start(
        "vm", ["ping", "-n", "-i", "0.2", "-c", "100", WEB], stdout=subprocess.PIPE
    )
    assert broken.until(lambda: broken.leaks() > 1, 5)
    assert broken.run("net.setup", "--yes").code == 0
    assert ping.stdout is not None
    assert ping.stdout.readline().startswith(b"PING")
    timer = threading.Timer(10, ping.kill)
    timer.start()
    assert b"bytes from" in ping.stdout.readline()
    timer.cancel()


def test_killing_states_is_carried_over_and_reading_is_not(ready: Lab) -> None:
    ready.fetch()
    listed = ["conntrack", "-L", "-s", "192.168.64.0/24"]
    assert "192.168.64.2" in ready.spaces.run("mac", listed)
    before = ready.carrier.flushes
    for task in ("net.status", "net.setup", "net.plan", "net.verify"):
        assert ready.run(task).code == 0
    assert ready.carrier.flushes == before
    root(ready.mac, "/sbin/pfctl -k 192.168.64.0/24")
    assert ready.carrier.flushes == before + 1
    assert "192.168.64.2" not in ready.spaces.run("mac", listed)


def test_a_tunnel_without_an_address_lets_packets_out_untranslated(ready: Lab) -> None:
    ready.vpn_on(address=False)
    _rules(RULE.format("utun4", "utun4") + RULE.format("en0", "en0"))(ready)
    ready.watch()
    assert ready.fetch().code == 28
    assert ready.leaks() > 0


def test_a_neighbour_does_not_get_into_containers_through_the_mac(ready: Lab) -> None:
    # Somebody on the Wi-Fi network who sends packets for containers to the Mac.
    ready.spaces.ip("net", f"route add 192.168.64.0/24 via {WIFI[0]}")
    ping = ["ping", "-c", "1", "-W", "1", "-I", "192.0.2.1", "192.168.64.2"]
    with pytest.raises(Exception, match="exit 1"):
        ready.spaces.run("net", ping)
    assert ready.fetch().status == "404"
    assert ready.run("net.teardown", "--yes").code == 0
    assert ready.run("net.setup", "--yes", "--no-guard").code == 0
    assert "1 received" in ready.spaces.run("net", ping)


def test_what_a_hand_does_in_the_namespace_is_what_the_mac_tells(ready: Lab) -> None:
    seen = ready.run("net.detect", "--json").data["uplinks"]["needed"]
    assert seen == ["en0"]
    with ready.mac.edit() as state:
        en5 = next(i for i in state["interfaces"] if i["name"] == "en5")
        en5.update(active=True, inet=[list(DOCK)], gateway="192.0.2.65")
    ready.spaces.ip("mac", "route replace default via 192.0.2.65 dev en5")
    assert ready.run("net.detect", "--json").data["uplinks"]["needed"] == ["en5"]
    assert ready.fetch() == (0, "404", DOCK[0])
    # A cable pulled out and put in again.
    ready.spaces.ip("mac", "link set en5 down")
    assert ready.run("net.detect", "--json").data["uplinks"]["needed"] == []
    ready.spaces.ip("mac", "link set en5 up")
    ready.spaces.ip("mac", "route replace default via 192.0.2.65 dev en5")
    assert ready.run("net.detect", "--json").data["uplinks"]["needed"] == ["en5"]
    assert ready.fetch() == (0, "404", DOCK[0])
    nwi = ready.mac.answer(["/usr/sbin/scutil", "--nwi"]).out.decode()
    assert nwi.splitlines()[-1].split()[2] == "en5"
    ready.spaces.ip("mac", "addr del 192.0.2.37/26 dev en0")
    told = ready.mac.answer(["/sbin/ifconfig", "en0"]).out.decode()
    assert "inet " not in told.replace("inet6 ", "")


def test_nothing_leaves_the_namespaces_and_their_addresses_are_nobodys(ready: Lab) -> None:
    ready.vpn_on()
    allowed = [
        IPv4Network(text)
        for text in ("192.168.64.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    ]
    links: List[str] = []
    for host in HOSTS:
        for link in json.loads(ready.spaces.ip(host, "-j addr show")):
            if link.get("link_type") in ("ether", "loopback"):  # not a kernel's own idle tunnels
                links.append(link["ifname"])
            for row in link["addr_info"]:
                if row["family"] == "inet" and row["scope"] == "global":
                    assert any(IPv4Address(row["local"]) in net for net in allowed), row
                elif row["family"] == "inet6" and row["scope"] == "global":
                    assert row["local"].startswith("2001:db8:"), row
    # Every cable has both its ends here.
    ends = ["en0", "to-en0", "en5", "to-en5", "utun4", "to-utun4", "out", "to-vpn"]
    assert sorted(links) == sorted([*ends, "eth0", "vmenet0", "bridge100", *["lo"] * len(HOSTS)])
    # Where everything ends there is no way further.
    assert ready.spaces.ip("net", "route show default") == ""


def test_a_copy_of_the_folder_is_another_mac(
    ready: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = ready.mac.snapshot(tmp_path_factory.mktemp("copy") / "mac")
    root(copy, "/usr/sbin/sysctl -w net.inet.ip.forwarding=0")
    assert ready.fetch().status == "404"
    ready.spaces.ip("mac", f"addr del {WIFI[0]}/{WIFI[1]} dev en0")
    for mac, there in ((copy, True), (ready.mac, False)):
        told = mac.answer(["/sbin/ifconfig", "en0"]).out.decode()
        assert (WIFI[0] in told) == there
