"""The fence: containers reach the internet and nothing private, with our NAT and with vmnet's."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

import pytest
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import ANCHOR, anchor_rules, changed, picture, run

from simmac import Mac

pytestmark = pytest.mark.usefixtures("few_uplinks")
New = Callable[..., Mac]
S = "192.168.64.0/24"
GATEWAY = "192.168.64.1"
ALLOWED = f"{GATEWAY}:3001"
PRIVATE: List[Tuple[str, int]] = [
    ("192.168.1.1", 80),
    ("192.168.1.37", 22),
    (GATEWAY, 22),
    (GATEWAY, 3000),
    ("10.8.0.1", 443),
    ("172.20.0.5", 443),
    ("100.100.1.1", 443),
    ("169.254.10.1", 80),
]


def reached(mac: Mac) -> Dict[str, str]:
    return {f"{a}:{p}": mac.reaches(S, a, p) for a, p in PRIVATE}


def fenced(mac: Mac, *words: str) -> None:
    ran = run(mac, "net.setup", "--fence", *words)
    assert ran.code == 0, ran


@pytest.mark.parametrize("scene", ["healthy", "broken", "vpn"])
def test_internet_yes_and_nothing_private(new: New, scene: str) -> None:
    mac = new(scene)
    before = picture(mac)
    fenced(mac)
    assert mac.egress() == "ok"
    assert mac.reaches(S, "8.8.8.8", 443) == "ok"
    for place, said in reached(mac).items():
        assert said.startswith("blocked: block drop in quick inet from"), (place, said)
    # Names are looked up at the gateway, over UDP and TCP.
    assert mac.reaches(S, GATEWAY, 53, "udp") == mac.reaches(S, GATEWAY, 53) == "ok"
    # The Mac's own connection to a container, as to a published port, gets its answer.
    assert mac.reaches(GATEWAY, S, 8080) == "ok"
    assert run(mac, "net.teardown").code == 0
    left = changed(before, picture(mac))
    assert [name for name in left if "forwarding" not in name] == []


def test_what_is_allowed_passes_and_nothing_beside_it(new: New) -> None:
    mac = new("broken")
    fenced(mac, "--fence-allow", f"{ALLOWED},10.8.0.0/16:443")
    for proto in ("tcp", "udp"):
        assert mac.reaches(S, GATEWAY, 3001, proto) == "ok"
    said = reached(mac)
    assert not said.pop("10.8.0.1:443").startswith("blocked")
    assert all(each.startswith("blocked") for each in said.values()), said
    assert mac.reaches(S, "10.8.0.1", 80).startswith("blocked")


def test_other_containers_are_out_of_reach(new: New) -> None:
    mac = new("healthy")
    mac.add_network("blue", "192.168.70.0/24")
    mac.start_container("blue-1", network="blue")
    fenced(mac)
    assert mac.reaches(S, "192.168.70.0/24").startswith("blocked")
    assert mac.reaches("192.168.70.0/24", S).startswith("blocked")
    assert mac.egress("192.168.70.0/24") == "ok"


def test_where_vmnet_translates_only_the_fence_is_loaded(new: New) -> None:
    mac = new("healthy")
    fenced(mac)
    assert not [rule for rule in anchor_rules(mac) if rule.startswith("nat ") or "from !" in rule]
    assert mac.state["sysctl"]["net.inet.ip.forwarding"] == "1"
    assert run(mac, "net.plan", "--json").changes == []
    # vmnet's rule goes stale: now there is a reason for ours, and the fence stays.
    mac.vpn_on()
    assert run(mac, "net.status", "--json").first_broken == "nat"
    assert run(mac, "net.setup").code == 0
    assert mac.egress() == "ok"
    assert all(each.startswith("blocked") for each in reached(mac).values())


def test_it_stays_until_it_is_taken_down(new: New) -> None:
    mac = new("broken")
    fenced(mac, "--fence-allow", ALLOWED)
    for task in ("net.setup", "net.persist"):
        assert run(mac, task).code == 0
        assert mac.reaches(S, GATEWAY, 3001) == "ok"
        assert mac.reaches(S, GATEWAY, 22).startswith("blocked")
    mac.reboot()
    mac.settle()
    mac.service("running")
    mac.start_container()
    assert mac.reaches(S, GATEWAY, 22).startswith("blocked")
    assert mac.egress() == "ok"
    # The boot daemon is told too, or it would put the fence up again within a minute.
    assert run(mac, "net.setup", "--no-fence").code == 0
    mac.tick(60)
    mac.settle()
    assert mac.reaches(S, GATEWAY, 22) == "ok"
    assert run(mac, "net.status", "--json").data["fence"] is None


def test_status_says_whether_it_stands(new: New) -> None:
    mac = new("healthy")
    assert run(mac, "net.status", "--json").data["fence"] is None
    fenced(mac, "--fence-allow", ALLOWED)
    seen = run(mac, "net.status", "--json")
    assert seen.data["fence"]["state"] == "ok"
    assert ALLOWED in seen.data["fence"]["evidence"]
    mac.answer(["/usr/bin/sudo", "-n", "/sbin/pfctl", "-a", ANCHOR, "-F", "all"])
    seen = run(mac, "net.status", "--json")
    assert (seen.code, seen.data["fence"]["state"], seen.data["ok"]) == (1, "broken", False)
    assert "fence" in run(mac, "net.status").out
    assert seen.data["fence"]["cure"] == "invoke net.setup --fence"
    assert run(mac, *seen.data["fence"]["cure"].split()[1:]).code == 0
    # The exceptions were not forgotten.
    assert mac.reaches(S, GATEWAY, 3001) == "ok"
    assert run(mac, "net.status", "--json").data["fence"]["state"] == "ok"


def check(mac: Mac) -> Tuple[str, str]:
    found = run(mac, "net.verify", "--json").data["checks"]
    (fence,) = [each for each in found if each["check"] == "fence"]
    return fence["state"], fence["evidence"]


def test_verify_measures_it_from_a_container(new: New) -> None:
    mac = new("broken")
    assert not [c for c in run(mac, "net.verify", "--json").data["checks"] if c["check"] == "fence"]
    fenced(mac)
    assert check(mac) == ("ok", "192.168.1.37 was not reached")


def test_verify_does_not_take_silence_alone_for_a_fence(new: New) -> None:
    mac = new("broken")
    fenced(mac)
    # Another program's rule, called earlier, drops the packet: ours count nothing.
    mac.answer(
        ["/usr/bin/sudo", "-n", "/sbin/pfctl", "-a", "com.apple/100.other", "-f", "-"],
        f"block drop in quick inet from {S} to 192.168.0.0/16\n".encode(),
    )
    assert check(mac)[0] == "unknown"


def test_without_the_guides_image_whatever_is_there_measures_it(new: New) -> None:
    mac = new("broken")
    mac.remove_image("nanoclaw-agent:latest")
    fenced(mac)
    assert check(mac) == ("ok", "192.168.1.37 was not reached")
    # Another program's rule drops the packet first: the one ping that ours counts is no proof.
    mac.answer(
        ["/usr/bin/sudo", "-n", "/sbin/pfctl", "-a", "com.apple/100.other", "-f", "-"],
        f"block drop in quick inet from {S} to 192.168.0.0/16\n".encode(),
    )
    assert check(mac)[0] == "unknown"
