"""What follows from facts and settings: uplinks, subnets, who translates what, what is wanted."""

from __future__ import annotations

import dataclasses
import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Dict, Optional, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_net import desired, parse, persist, plan, render
from container_net.desired import Uplinks, desire
from container_net.facts import FILES, HELPERS_FOLDER, anchor_path
from container_net.machine import MacPath, temporary
from container_net.model import (
    BadInput,
    Boot,
    Daemon,
    Facts,
    FileFact,
    Interface,
    Missing,
    Network,
    Port,
    Problem,
    Reading,
    Reference,
    Route,
    Rule,
    State,
    Subnet,
)
from container_net.settings import DEFAULT_UPLINKS, NEVER_UPLINK, Settings, parse_allowed
from container_net.status import other_subnet

SESSION = "7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF"
ANCHOR = "com.apple/250.container-net"
NET = IPv4Network("192.168.64.0/24")
OTHER = IPv4Network("10.9.0.0/16")
UNREAD: Reading[Any] = Reading(None, "command", Problem.OTHER, "it could not be read")


def rules(*texts: str) -> Reading[Tuple[Rule, ...]]:
    return Reading(tuple(Rule(text) for text in texts), source="sudo /sbin/pfctl")


def facts(**changes: Any) -> Facts:
    """A Mac on which everything was read and nothing is there: no route, no network, no rule."""
    empty: Dict[str, Any] = {
        "simulated": True,
        "container_path": None,
        "sudo": Reading(True),
        "os_version": Reading("26.1"),
        "boot_session": Reading(SESSION),
        "forwarding": Reading(0),
        "default_route": Reading(None, source="/sbin/route -n get default"),
        "public_route": Reading(None, source="/sbin/route -n get 8.8.8.8"),
        "ports": Reading(()),
        "interfaces": Reading(()),
        "container_version": Reading("1.2.2"),
        "container_service": Reading("running"),
        "networks": Reading(()),
        "containers": Reading(()),
        "pf_enabled": Reading(False),
        "references": Reading(()),
        "main_nat": Reading(()),
        "main_rules": Reading(()),
        "anchor": ANCHOR,
        "anchor_nat": Reading(()),
        "anchor_rules": Reading(()),
        "sharing_nat": Reading(()),
        "sharing_children": {"base_v4": Reading(()), "shared_v4": Reading(())},
        "anchors": Reading(()),
        "foreign_nat": {},
        "pf_conf_error": Reading(""),
        "daemon": Reading(Daemon(False)),
        "files": {"pf_conf": Reading(FileFact("/private/etc/pf.conf"))},
        "state": Reading(None),
        "boot": Reading(None),
        "state_files": False,
    }
    return dataclasses.replace(Facts(**empty), **changes)


def route(interface: str, gateway: str = "10.0.0.1") -> Reading[Optional[Route]]:
    return Reading(Route(interface, gateway), source="/sbin/route -n get x")


def ports(*devices: str) -> Reading[Tuple[Port, ...]]:
    return Reading(tuple(Port(device, "Port") for device in devices))


def interface(name: str, *addresses: str, members: Sequence[str] = ()) -> Interface:
    return Interface(name, ("UP",), tuple(map(IPv4Interface, addresses)), tuple(members))


CALL = 'nat-anchor "com.apple.internet-sharing" all'
CALLS = rules('nat-anchor "com.apple/*" all', CALL)
SHARED = rules('nat-anchor "base_v4" all', 'nat-anchor "shared_v4" all')
VMNET = "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei"
BRIDGE = "no nat on bridge100 inet from 192.168.64.1 to 192.168.64.0/24"


def uplinks(found: Facts, settings: Optional[Settings] = None) -> Uplinks:
    return desire(found, settings or Settings()).uplinks


# -- uplinks


def test_needed_is_what_the_routes_answer_and_spare_are_the_other_ports() -> None:
    found = facts(
        default_route=route("en0"), public_route=route("en0"), ports=ports("en0", "en5", "en7")
    )
    assert uplinks(found) == Uplinks(("en0",), ("en5", "en7"))


def test_only_en_ports_are_spare() -> None:
    found = facts(default_route=route("en0"), ports=ports("en0", "bridge0", "fw0", "en1"))
    assert uplinks(found).spare == ("en1",)


def test_a_split_vpn_makes_two_needed_uplinks_and_is_said() -> None:
    made = uplinks(facts(default_route=route("en0"), public_route=route("utun4", "")))
    assert made.needed == ("en0", "utun4")
    assert "split VPN" in made.notes[0]
    assert "en0 by default, utun4 for public" in made.notes[0]


def test_a_full_vpn_makes_the_tunnel_the_only_needed_uplink() -> None:
    found = facts(
        default_route=route("utun4", ""), public_route=route("utun4", ""), ports=ports("en0")
    )
    assert uplinks(found) == Uplinks(("utun4",), ("en0",))


def test_no_route_is_known_and_said() -> None:
    made = uplinks(facts(ports=ports("en0")))
    assert (made.needed, made.spare, made.why) == ((), ("en0",), "")
    assert "no default route" in made.notes[0]


def test_routes_that_could_not_be_read_are_the_reason_why_needed_is_not_known() -> None:
    made = uplinks(facts(default_route=UNREAD, public_route=UNREAD))
    assert made.needed == ()
    assert "it could not be read" in made.why
    assert made.notes == ()
    half = uplinks(facts(default_route=UNREAD, public_route=route("en0")))
    assert half.needed == ("en0",)
    assert half.why == "it could not be read"


@pytest.mark.parametrize(
    "name", ["bridge100", "vmenet0", "lo0", "awdl0", "llw0", "ap1", "bridge250"]
)
def test_some_interfaces_are_never_uplinks_whatever_the_route_says(name: str) -> None:
    found = facts(default_route=route(name), public_route=route("en0"), ports=ports("en0"))
    made = uplinks(found)
    assert made.needed == ("en0",)
    assert name in made.notes[0]
    assert "/sbin/route -n get x" in made.notes[0]


def test_given_uplinks_are_taken_instead_of_those_found() -> None:
    found = facts(
        default_route=route("en0"),
        ports=ports("en0", "en5"),
        interfaces=Reading((interface("en0"), interface("en5"))),
    )
    made = uplinks(found, Settings(uplinks=("en5",)))
    assert (made.needed, made.spare, made.why) == (("en5",), (), "")


def test_a_given_uplink_need_not_be_there_yet() -> None:
    found = facts(interfaces=Reading((interface("lo0"), interface("en0"))))
    assert uplinks(found, Settings(uplinks=("utun9",))).needed == ("utun9",)
    assert names(found, Settings(uplinks=("utun9", "en0"))) == ("utun9", "en0")


# -- the interfaces that get rules


def names(found: Facts, settings: Optional[Settings] = None) -> Tuple[str, ...]:
    return desire(found, settings or Settings()).names


def test_every_interface_that_can_lead_out_gets_a_rule_whatever_is_connected() -> None:
    everywhere = names(facts())
    assert len(everywhere) == 90
    assert everywhere == DEFAULT_UPLINKS
    for name in ("en0", "en31", "utun0", "utun31", "ipsec7", "ppp7", "bridge0", "bridge9"):
        assert name in everywhere
    for change in (
        {"default_route": route("en0"), "ports": ports("en5", "en0")},
        {"default_route": route("utun4", ""), "interfaces": Reading((interface("utun4"),))},
        {"default_route": UNREAD, "ports": UNREAD, "interfaces": UNREAD},
    ):
        assert names(facts(**change)) == everywhere


def test_an_uplink_beyond_those_gets_one_too_and_keeps_it() -> None:
    found = facts(default_route=route("utun40", ""), ports=ports("en33", "en0"))
    assert set(names(found)) - {*DEFAULT_UPLINKS} == {"utun40", "en33"}
    live = rules(*(f"nat on {n} inet from {NET} to any -> ({n}:0)" for n in ("en0", "utun40")))
    assert set(names(facts(anchor_nat=live))) - {*DEFAULT_UPLINKS} == {"utun40"}


def test_a_bridge_with_a_vmenet_member_gets_none() -> None:
    bridge = interface("bridge3", "192.168.64.1/24", members=["vmenet0"])
    assert "bridge3" not in names(facts(interfaces=Reading((bridge,))))
    assert "bridge3" in names(facts(interfaces=Reading((interface("bridge3"),))))


# -- subnets


def network(name: str, cidr: str, mode: str = "nat", gateway: str = "") -> Network:
    return Network(name, mode, IPv4Network(cidr), IPv4Address(gateway) if gateway else None)


def subnets(found: Facts, *given_ones: str) -> Tuple[Subnet, ...]:
    settings = Settings(subnets=tuple(map(IPv4Network, given_ones)))
    return desire(found, settings).subnets


def test_without_a_network_the_guides_own_subnet_is_served() -> None:
    assert subnets(facts()) == (Subnet(NET, "nat", IPv4Address("192.168.64.1"), "default"),)
    assert subnets(facts(networks=UNREAD))[0].origin == "default"


def test_networks_that_are_listed_are_served() -> None:
    found = facts(
        networks=Reading(
            (
                network("default", "192.168.66.0/24", gateway="192.168.66.7"),
                network("more", "10.9.0.0/16"),
                Network("new", "nat"),
            )
        )
    )
    assert subnets(found) == (
        Subnet(IPv4Network("192.168.66.0/24"), "nat", IPv4Address("192.168.66.7"), "network list"),
        Subnet(OTHER, "nat", IPv4Address("10.9.0.1"), "network list"),
    )


def test_a_subnet_that_is_listed_twice_is_served_once() -> None:
    found = facts(networks=Reading((network("a", "10.9.0.0/16"), network("b", "10.9.0.0/16"))))
    assert [s.cidr for s in subnets(found)] == [OTHER]


def test_a_host_only_network_is_known_and_not_served() -> None:
    found = facts(
        default_route=route("en0"),
        networks=Reading((network("quiet", "192.168.128.0/24", "hostOnly"),)),
    )
    made = desire(found, Settings())
    assert [(s.cidr, s.mode, s.origin) for s in made.subnets] == [
        (NET, "nat", "default"),
        (IPv4Network("192.168.128.0/24"), "hostOnly", "network list"),
    ]
    assert [s.cidr for s in made.nat_subnets] == [NET]


def test_a_mode_that_is_missing_is_nat_for_the_default_network_only() -> None:
    found = facts(
        networks=Reading(
            (network("default", "192.168.66.0/24", ""), network("x", "10.9.0.0/16", ""))
        )
    )
    made = desire(found, Settings())
    assert [s.cidr for s in made.subnets] == [IPv4Network("192.168.66.0/24")]
    assert any("network x skipped: unknown mode ?" in note for note in made.notes)


def test_an_unknown_mode_is_left_out_and_said_on_one_line() -> None:
    found = facts(networks=Reading((network("x", "10.9.0.0/16", "bridged\n\x1b[31m"),)))
    made = desire(found, Settings())
    assert [s.origin for s in made.subnets] == ["default"]
    note = next(note for note in made.notes if "network x" in note)
    assert "bridged / ?[31m" in note


def test_given_subnets_are_served_instead_with_the_gateway_that_is_listed() -> None:
    found = facts(
        networks=Reading(
            (
                network("default", "192.168.66.0/24", gateway="192.168.66.7"),
                network("quiet", "192.168.128.0/24", "hostOnly"),
            )
        )
    )
    assert [
        (str(s.cidr), s.mode, str(s.gateway), s.origin)
        for s in subnets(found, "192.168.66.0/24", "10.9.0.0/16")
    ] == [
        ("192.168.66.0/24", "nat", "192.168.66.7", "given"),
        ("10.9.0.0/16", "nat", "10.9.0.1", "given"),
        ("192.168.128.0/24", "hostOnly", "192.168.128.1", "network list"),
    ]


LAN = Reading((interface("en0", "192.168.64.5/24"),))


def test_a_subnet_that_a_neighbour_lives_on_is_left_out_and_said() -> None:
    for found in (
        facts(interfaces=LAN),
        facts(interfaces=LAN, networks=Reading((network("default", "192.168.64.0/25"),))),
    ):
        made = desire(found, Settings())
        assert made.subnets == ()
        assert any("overlaps en0 of this Mac (192.168.64.5/24)" in n for n in made.notes)
        assert bool(made.overlaps) == bool(found.networks.value)


def test_a_given_subnet_that_a_neighbour_lives_on_is_refused() -> None:
    said = r"subnets contains 192\.168\.64\.0/24, which overlaps en0 .*64\.5/24\)"
    with pytest.raises(BadInput, match=said):
        subnets(facts(interfaces=LAN), "192.168.64.0/24")


@pytest.mark.parametrize(
    "bridge",
    [
        interface("bridge100", "192.168.64.1/24"),
        interface("bridge7", "192.168.64.1/24", members=["vmenet0"]),
    ],
)
def test_the_containers_own_bridge_is_no_neighbour(bridge: Interface) -> None:
    found = facts(interfaces=Reading((bridge,)))
    assert [s.cidr for s in subnets(found)] == [NET]
    assert [s.cidr for s in subnets(found, "192.168.64.0/24")] == [NET]


def test_the_thunderbolt_bridge_is_a_neighbour() -> None:
    found = facts(interfaces=Reading((interface("bridge0", "192.168.64.1/24"),)))
    assert subnets(found) == ()


def test_a_host_only_network_is_not_given_a_way_out() -> None:
    quiet = Reading((network("quiet", "10.9.4.0/24", "hostOnly"),))
    for given_one in ("10.9.4.0/24", "10.9.0.0/16"):
        with pytest.raises(BadInput, match="host-only"):
            subnets(facts(networks=quiet), given_one)


# -- bridges


def test_a_bridge_is_found_by_its_gateway_and_not_by_its_number() -> None:
    subnet = Subnet(NET, "nat", IPv4Address("192.168.64.1"), "default")
    bridges = (
        interface("bridge100", "192.168.65.1/24"),
        interface("bridge103", "192.168.64.1/24", members=["vmenet3"]),
    )
    assert desired.bridge_of(facts(interfaces=Reading(bridges)), subnet) == "bridge103"
    assert desired.bridge_of(facts(interfaces=Reading(bridges[:1])), subnet) is None
    assert desired.bridge_of(facts(interfaces=UNREAD), subnet) is None
    neighbour = facts(interfaces=Reading((interface("en0", "192.168.64.1/24"),)))
    assert desired.bridge_of(neighbour, subnet) is None


def test_a_bridge_counts_unless_it_is_known_to_be_host_only() -> None:
    quiet = Reading((network("quiet", "10.9.0.0/16", "hostOnly", "10.9.0.1"),))
    one = interface("bridge100", "10.9.0.1/16")
    two = interface("bridge101", "192.168.64.1/24")
    assert desired.nat_bridge_up(facts(interfaces=Reading((one, two)), networks=quiet)) is True
    assert desired.nat_bridge_up(facts(interfaces=Reading((one,)), networks=quiet)) is False
    assert desired.nat_bridge_up(facts(interfaces=Reading((one,)), networks=UNREAD)) is True
    assert desired.nat_bridge_up(facts(interfaces=Reading((interface("en0"),)))) is False
    assert desired.nat_bridge_up(facts(interfaces=UNREAD)) is None


# -- what is ours

TOKEN = Reference("4711", "pfctl", "15053025")


def boot(**changes: Any) -> Reading[Optional[Boot]]:
    return Reading(dataclasses.replace(Boot(SESSION, token=TOKEN), **changes))


def test_our_token_is_token_pid_name_and_boot_session_together() -> None:
    found = facts(boot=boot(), references=Reading((Reference("1", "x", "2"), TOKEN)))
    assert desired.our_token(found).value is True


@pytest.mark.parametrize(
    "change",
    [
        {"references": Reading(())},
        {"references": Reading((dataclasses.replace(TOKEN, pid="4712"),))},
        {"references": Reading((dataclasses.replace(TOKEN, name="launchd"),))},
        {"references": Reading((dataclasses.replace(TOKEN, token="15053026"),))},
        {"boot": Reading(None)},
        {"boot": boot(token=None)},
        {"boot": boot(token=None, references=(TOKEN,), journalled=True)},
        {"boot": boot(session="0C0FFEE0-1111-4222-8333-444455556666")},
        {"boot_session": Reading("0C0FFEE0-1111-4222-8333-444455556666")},
    ],
    ids=[
        "gone",
        "other pid",
        "other name",
        "other number",
        "no journal",
        "none taken",
        "only journalled",
        "other boot",
        "rebooted",
    ],
)
def test_anything_less_is_not_ours(change: Dict[str, Any]) -> None:
    found = facts(**{"boot": boot(), "references": Reading((TOKEN,)), **change})
    assert desired.our_token(found).value is False


@pytest.mark.parametrize("name", ["references", "boot_session", "boot"])
def test_our_token_is_unknown_where_one_of_the_three_was_not_read(
    name: str,
) -> None:
    values: Dict[str, Any] = {"boot": boot(), "references": Reading((TOKEN,)), name: UNREAD}
    reading = desired.our_token(facts(**values))
    assert reading.value is None
    assert not reading.known
    assert reading.why == "it could not be read"


@pytest.mark.parametrize(
    ("journal", "ours"),
    [
        (boot(forwarding=0), True),
        (boot(forwarding=1), False),
        (boot(forwarding=None), False),
        (boot(forwarding=0, session="0C0FFEE0-1111"), False),
        (Reading(None), False),
        (UNREAD, False),
    ],
)
def test_forwarding_is_ours_where_this_boots_journal_says_it_was_0(
    journal: Reading[Optional[Boot]], ours: bool
) -> None:
    assert desired.forwarding_is_ours(facts(forwarding=Reading(1), boot=journal)) is ours


def test_a_mac_is_managed_while_something_of_ours_is_in_force() -> None:
    assert not desired.managed(facts())
    assert not desired.managed(facts(anchor_nat=UNREAD, state=UNREAD))
    # What setup did in a former boot is over; what was persisted is not.
    assert not desired.managed(facts(state=Reading(State(ANCHOR))))
    assert desired.managed(facts(state=Reading(State(ANCHOR, persisted={"daemon": "yes"}))))
    this_boot = {"boot": Reading(Boot(SESSION)), "boot_session": Reading(SESSION)}
    assert desired.managed(facts(**this_boot))
    assert not desired.managed(facts(**{**this_boot, "boot_session": Reading("another-boot")}))
    assert desired.managed(facts(anchor_nat=rules("nat on en0 all -> (en0:0)")))


# -- desire


BROKEN: Dict[str, Any] = {
    "default_route": route("en0"),
    "public_route": route("en0"),
    "ports": ports("en5", "en0"),
    "networks": Reading((network("default", "192.168.64.0/24"), network("b", "10.9.0.0/16"))),
}


NAT_EN0 = "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei"


def text_of(found: Facts, settings: Optional[Settings] = None, **options: Any) -> str:
    return render.anchor(desire(found, settings or Settings(uplinks=("en0", "utun3")), **options))


def test_every_nat_subnet_gets_a_rule_on_every_uplink() -> None:
    assert render.rules(text_of(facts(**BROKEN))).nat == (
        NAT_EN0,
        "nat on utun3 inet from 192.168.64.0/24 to any -> (utun3:0) extfilter ei",
        "nat on en0 inet from 10.9.0.0/16 to any -> (en0:0) extfilter ei",
        "nat on utun3 inet from 10.9.0.0/16 to any -> (utun3:0) extfilter ei",
    )


def test_a_fence_alone_translates_nothing_and_guards_nothing() -> None:
    made = desire(facts(**BROKEN), Settings(uplinks=("en0",), fence=True))
    text = render.anchor(dataclasses.replace(made, nat=False))
    assert render.rules(text).nat == ()
    assert not [r for r in render.rules(text).filter if "from !" in r or " on en0 " in r]
    assert "block drop in quick inet from 10.9.0.0/16 to 172.16.0.0/12" in text


def test_the_fence_lets_dns_dhcp_and_what_is_allowed_through_before_it_blocks() -> None:
    allow = parse_allowed("fence_allow", "192.168.64.1:3001,10.1.0.0/16")
    found = facts(networks=Reading((network("default", "192.168.64.0/24"),)))
    text = text_of(found, Settings(uplinks=("en0",), fence_allow=allow, fence=True, guard=False))
    assert render.rules(text).filter == (
        "pass out quick inet from 192.168.64.1 to 192.168.64.0/24 flags S/SA keep state",
        "pass in quick inet proto udp from 192.168.64.0/24 to 192.168.64.1 port = 53 no state",
        "pass in quick inet proto tcp from 192.168.64.0/24 to 192.168.64.1 port = 53 no state",
        "pass in quick inet proto udp from 192.168.64.0/24 to 192.168.64.1 port = 67 no state",
        "pass in quick inet proto tcp from 192.168.64.0/24 to 192.168.64.1 port = 3001 no state",
        "pass in quick inet proto udp from 192.168.64.0/24 to 192.168.64.1 port = 3001 no state",
        "pass in quick inet from 192.168.64.0/24 to 10.1.0.0/16 no state",
        "block drop in quick inet from 192.168.64.0/24 to 192.168.64.1",
        "block drop in quick inet from 192.168.64.0/24 to 10.0.0.0/8",
        "block drop in quick inet from 192.168.64.0/24 to 172.16.0.0/12",
        "block drop in quick inet from 192.168.64.0/24 to 192.168.0.0/16",
        "block drop in quick inet from 192.168.64.0/24 to 100.64.0.0/10",
        "block drop in quick inet from 192.168.64.0/24 to 169.254.0.0/16",
        "block drop in quick inet from 192.168.64.0/24 to 127.0.0.0/8",
    )


@pytest.mark.parametrize(
    ("noted", "asked", "wanted"),
    [
        (None, {}, None),
        (None, {"fence": True}, ()),
        (("10.0.0.1:80",), {}, ("10.0.0.1:80",)),
        (("10.0.0.1:80",), {"fence": True}, ("10.0.0.1:80",)),
        (("10.0.0.1:80",), {"fence": False}, None),
        ((), {"fence": True, "fence_allow": parse_allowed("", "10.0.0.2")}, ("10.0.0.2",)),
    ],
)
def test_the_fence_stays_as_it_was_set_up_until_it_is_told_otherwise(
    noted: Optional[Tuple[str, ...]], asked: Dict[str, Any], wanted: Optional[Tuple[str, ...]]
) -> None:
    found = facts(state=Reading(State(ANCHOR, fence=noted)))
    made = desire(found, Settings(**asked)).fence
    assert (None if made is None else tuple(map(str, made))) == wanted


def test_the_guard_keeps_others_out_and_their_names_out_of_use() -> None:
    assert render.rules(text_of(facts(**BROKEN))).filter == (
        "block drop in quick on ! lo0 inet from ! 192.168.64.0/24 to 192.168.64.0/24",
        "block drop in quick on ! lo0 inet from ! 10.9.0.0/16 to 10.9.0.0/16",
        "block drop in quick on en0 inet from 192.168.64.0/24 to any",
        "block drop in quick on utun3 inet from 192.168.64.0/24 to any",
        "block drop in quick on en0 inet from 10.9.0.0/16 to any",
        "block drop in quick on utun3 inet from 10.9.0.0/16 to any",
    )


@pytest.mark.parametrize(
    ("change", "options", "stands"),
    [
        ({}, {}, True),
        ({"forwarding": Reading(1)}, {}, False),
        ({"forwarding": UNREAD}, {}, False),
        ({"forwarding": Reading(1), "boot": boot(forwarding=0)}, {}, True),
        ({"forwarding": Reading(1), "boot": boot(forwarding=1)}, {}, False),
        ({"forwarding": Reading(1), "boot": boot(forwarding=0, session="0C0FFEE0-1")}, {}, False),
        ({"forwarding": Reading(1)}, {"keep": True}, True),
        (
            {
                "forwarding": Reading(1),
                "state": Reading(State(ANCHOR, persisted={"daemon": "x"})),
            },
            {},
            True,
        ),
    ],
)
def test_the_guard_stands_only_there(
    change: Dict[str, Any], options: Dict[str, Any], stands: bool
) -> None:
    quiet = (
        network("default", "192.168.64.0/24"),
        network("quiet", "192.168.128.0/24", "hostOnly", "192.168.128.1"),
    )
    values = {**BROKEN, "networks": Reading(quiet), **change}
    assert bool(render.rules(text_of(facts(**values), **options)).filter) is stands
    off = text_of(facts(**values), Settings(guard=False, uplinks=("en0",)), **options)
    assert render.rules(off).filter == ()
    assert render.rules(off).nat == (NAT_EN0,)


def test_a_host_only_network_gets_out_nowhere_whether_its_bridge_is_up_or_not() -> None:
    quiet = (
        network("default", "192.168.64.0/24"),
        network("quiet", "192.168.128.0/24", "hostOnly", "192.168.128.1"),
    )
    text = text_of(facts(**{**BROKEN, "networks": Reading(quiet)}), Settings(uplinks=("en0",)))
    assert render.rules(text).nat == (NAT_EN0,)
    assert render.rules(text).filter == (
        "block drop in quick on ! lo0 inet from ! 192.168.64.0/24 to 192.168.64.0/24",
        "block drop in quick on ! lo0 inet from ! 192.168.128.0/24 to 192.168.128.0/24",
        "block drop in quick on en0 inet from 192.168.64.0/24 to any",
        "pass in quick on ! lo0 inet from 192.168.128.0/24 to 224.0.0.0/4 no state",
        "pass in quick on ! lo0 inet from 192.168.128.0/24 to 255.255.255.255 no state",
        "block drop in quick on ! lo0 inet from 192.168.128.0/24 to ! 192.168.128.0/24",
    )
    assert text.startswith("set ruleset-optimization none\n")
    assert text.endswith("\n")
    loaded = tuple(Rule(line + " round-robin") for line in render.rules(text).nat)
    assert parse.same_rules(loaded, render.rules(text).nat)


# -- properties

NAMES = st.sampled_from(["en0", "en1", "en5", "utun3", "bridge100", "lo0"])
ROUTES = st.one_of(
    st.just(UNREAD), st.just(Reading(None)), NAMES.map(lambda name: Reading(Route(name)))
)
CIDRS = st.sampled_from(["192.168.64.0/24", "10.9.0.0/16", "10.9.4.0/24", "172.16.0.0/12"])
MACS = st.builds(
    facts,
    forwarding=st.sampled_from([Reading(0), Reading(1), UNREAD]),
    pf_enabled=st.sampled_from([Reading(False), Reading(True), UNREAD]),
    default_route=ROUTES,
    public_route=ROUTES,
    ports=st.one_of(st.just(UNREAD), st.lists(NAMES, unique=True).map(lambda n: ports(*n))),
    interfaces=st.one_of(
        st.just(UNREAD),
        st.lists(
            st.builds(interface, NAMES, CIDRS.map(lambda cidr: cidr.replace("0/", "1/"))),
            max_size=3,
        ).map(lambda found: Reading(tuple(found))),
    ),
    networks=st.one_of(
        st.just(UNREAD),
        st.lists(
            st.builds(
                network, st.just("x"), CIDRS, st.sampled_from(["nat", "hostOnly", "", "other"])
            ),
            max_size=3,
        ).map(lambda found: Reading(tuple(found))),
    ),
    main_nat=st.sampled_from([UNREAD, rules(), CALLS]),
    sharing_nat=st.sampled_from([UNREAD, rules(), SHARED]),
    sharing_children=st.sampled_from(
        [{}, {"shared_v4": UNREAD}, {"shared_v4": rules(VMNET), "base_v4": rules(BRIDGE)}]
    ),
)


@given(MACS, st.booleans())
def test_whatever_the_mac_no_rule_is_wanted_where_none_may_be(mac: Facts, keep: bool) -> None:
    made = desire(mac, Settings(), keep=keep)
    quiet = {str(s.cidr) for s in made.subnets if s.mode == "hostOnly"}
    served = {str(s.cidr) for s in made.nat_subnets}
    found = render.rules(render.anchor(made))
    for rule in found.nat:
        assert not NEVER_UPLINK.fullmatch(rule.split()[2])
        assert rule.split()[5] in served - quiet
    assert len(set(found.nat)) == len(found.nat)
    assert not any(
        "pass quick" in rule or "pass in quick inet from" in rule for rule in found.filter
    )
    assert not set(made.uplinks.needed) & set(made.uplinks.spare)
    assert all(note.isprintable() for note in made.notes)


# -- plans

OLDER = Reference("12", "pfctl", "7")
THEIRS = Reference("99", "launchd", "8")
HOOKED: Dict[str, Any] = {**BROKEN, "main_nat": rules('nat-anchor "com.apple/*" all')}
CUT_OFF = boot(token=None, journalled=True, references=(OLDER,))


@pytest.mark.parametrize(
    ("journal", "references", "left"),
    [
        (CUT_OFF, (OLDER, TOKEN, THEIRS), (TOKEN,)),
        (CUT_OFF, (OLDER, THEIRS), ()),
        (CUT_OFF, None, ()),
        (boot(token=None, references=(OLDER,)), (TOKEN,), ()),
        (boot(journalled=True), (OLDER, TOKEN), ()),
        (boot(token=None, journalled=True, session="another boot"), (TOKEN,), ()),
        (Reading(None), (TOKEN,), ()),
    ],
    ids=["new", "none new", "unread", "no journal", "written down", "other boot", "no file"],
)
def test_what_a_cut_off_run_left_is_what_pfctl_holds_since_its_journal(
    journal: Reading[Optional[Boot]],
    references: Optional[Tuple[Reference, ...]],
    left: Tuple[Reference, ...],
) -> None:
    there = UNREAD if references is None else Reading(references)
    assert plan.left_behind(facts(boot=journal, references=there)) == left


def pf_change(**changes: Any) -> plan.Change:
    found = facts(**{**HOOKED, "boot": CUT_OFF, "pf_enabled": Reading(True), **changes})
    made = plan.setup(found, desire(found, Settings()))
    return next(c for c in made.changes if c.what == "pf")


def test_the_one_reference_of_a_cut_off_run_is_adopted_while_it_keeps_pf_on() -> None:
    change = pf_change(references=Reading((OLDER, TOKEN)))
    assert change.do == (plan.Adopt(TOKEN),)
    assert TOKEN.token in change.title
    ours = {"boot": boot(), "references": Reading((TOKEN,))}
    assert change.holds(facts(pf_enabled=Reading(True), **ours))
    assert not change.holds(facts(pf_enabled=Reading(False), **ours))
    assert not change.holds(facts(pf_enabled=Reading(True)))
    # `pfctl -d` has ended it: only a new one enables pf.
    assert pf_change(references=Reading((OLDER, TOKEN)), pf_enabled=Reading(False)).do == (
        plan.Enable(),
    )


@pytest.mark.parametrize(("on", "said"), [(True, "-pf enabled by others"), (False, "-pf disabled")])
def test_a_plan_says_whether_pf_is_on_by_others(on: bool, said: str) -> None:
    change = pf_change(boot=Reading(None), pf_enabled=Reading(on))
    assert change.title == "enable pf with a reference of our own"
    assert said in change.diff.splitlines()
    assert "+pf enabled, with a reference of ours" in change.diff.splitlines()


def test_setup_goes_on_with_the_subnets_that_overlap_nothing() -> None:
    found = facts(**HOOKED, interfaces=Reading((interface("en0", "10.9.3.7/16"),)))
    assert desire(found, Settings()).overlaps
    assert plan.setup(found, desire(found, Settings())).changes
    alone = dataclasses.replace(found, networks=Reading((network("b", "10.9.0.0/16"),)))
    none = dataclasses.replace(desire(alone, Settings()), subnets=())
    with pytest.raises(Missing, match=re.escape(other_subnet())):
        plan.setup(alone, none)
    with pytest.raises(Missing, match="--subnets"):
        plan.setup(alone, dataclasses.replace(none, overlaps=()))


def test_of_two_references_none_is_adopted_or_released() -> None:
    two = Reading((OLDER, TOKEN, Reference("4712", "pfctl", "15053026")))
    change = pf_change(references=two)
    assert change.do == (plan.Enable(),)
    assert "2 references" in change.title
    found = facts(**HOOKED, boot=CUT_OFF, references=two, pf_enabled=Reading(True))
    made = plan.teardown(found)
    assert made.changes == ()
    assert [text for text in made.remains if "any of 2" in text]


@pytest.mark.parametrize(
    ("journal", "references", "released"),
    [
        (boot(), (TOKEN, OLDER), TOKEN),
        (CUT_OFF, (TOKEN, OLDER), TOKEN),
        (boot(), (OLDER,), None),
        (boot(session="another boot"), (TOKEN,), None),
    ],
    ids=["ours", "left by a cut-off run", "gone", "other boot"],
)
def test_teardown_releases_the_reference_that_is_ours(
    journal: Reading[Optional[Boot]],
    references: Tuple[Reference, ...],
    released: Optional[Reference],
) -> None:
    made = plan.teardown(facts(boot=journal, references=Reading(references)))
    assert [c.do for c in made.changes] == ([(plan.Release(released),)] if released else [])
    assert made.remains == ()
    for change in made.changes:
        assert change.holds(facts(references=Reading((OLDER,))))
        assert not change.holds(facts(references=Reading(references)))
        assert not change.holds(facts(references=UNREAD))


def test_the_journal_of_setup_says_what_was_there_before() -> None:
    found = facts(**HOOKED, references=Reading((THEIRS,)))
    made = plan.setup(found, desire(found, Settings()))
    assert [c.what for c in made.changes] == ["anchor", "pf", "forwarding"]
    assert made.boot == Boot(SESSION, forwarding=0, references=(THEIRS,), journalled=True)
    # What an earlier run of this boot has written down stays: it was first.
    found = facts(**HOOKED, boot=boot(forwarding=1), references=Reading((TOKEN,)))
    made = plan.setup(found, desire(found, Settings()))
    assert made.boot == dataclasses.replace(
        Boot(SESSION), forwarding=1, references=(TOKEN,), journalled=True
    )
    on = facts(
        **HOOKED,
        boot=boot(),
        references=Reading((TOKEN,)),
        pf_enabled=Reading(True),
        forwarding=Reading(1),
    )
    made = plan.setup(on, desire(on, Settings()))
    assert [c.what for c in made.changes] == ["anchor"]
    assert made.boot == boot().value


def test_a_ruleset_of_ours_is_undone_to_the_lines_that_were_live_in_their_order() -> None:
    found = facts(
        **HOOKED, anchor_nat=rules("nat 1", "nat 2"), anchor_rules=rules("block 1", "block 2")
    )
    wanted = desire(found, Settings())
    change = plan.setup(found, wanted).changes[0]
    before = render.AS_WRITTEN + "nat 1\nnat 2\nblock 1\nblock 2\n"
    assert change.undo == (plan.Command(("/sbin/pfctl", "-a", ANCHOR, "-f", "-"), before),)
    assert all(isinstance(c, plan.Command) and c.stdin for c in change.do)
    written = render.rules(render.anchor(wanted))
    there = {"anchor_nat": rules(*written.nat), "anchor_rules": rules(*written.filter)}
    assert written.nat
    assert written.filter
    assert change.title.startswith(f"load {len(written.nat) + len(written.filter)} rules")
    assert "current uplink: en0)" in change.title
    assert "-block 2" in change.diff
    assert "+" + written.filter[-1] in change.diff
    assert change.holds(facts(**there))
    for name in there:
        assert not change.holds(facts(**{**there, name: Reading(())}))
    nothing = facts(**HOOKED)
    flush = plan.setup(nothing, desire(nothing, Settings())).changes[0].undo
    assert flush == (plan.Command(("/sbin/pfctl", "-a", ANCHOR, "-F", "all")),)


def test_teardown_empties_the_anchor_and_sees_that_it_is_empty() -> None:
    (change,) = plan.teardown(facts(anchor_rules=rules("block 1"))).changes
    assert change.what == "anchor"
    assert "-block 1" in change.diff
    assert change.holds(facts())
    assert not change.holds(facts(anchor_nat=rules("nat 1")))
    assert not change.holds(facts(anchor_rules=rules("block 1")))
    assert not change.holds(facts(anchor_nat=UNREAD))


@pytest.mark.parametrize("up", [False, True])
def test_forwarding_goes_back_unless_a_container_network_may_need_it(up: bool) -> None:
    bridge = interface("bridge100", "192.168.64.1/24")
    interfaces = Reading((interface("en0"), *([bridge] if up else [])))
    found = facts(forwarding=Reading(1), boot=boot(token=None, forwarding=0), interfaces=interfaces)
    made = plan.teardown(found)
    assert [c.what for c in made.changes] == ([] if up else ["forwarding"])
    assert [("sysctl -w" in text) for text in made.remains] == ([True] if up else [])
    for change in made.changes:
        assert change.holds(facts(forwarding=Reading(0)))
        assert not change.holds(facts(forwarding=Reading(1)))
        assert not change.holds(facts(forwarding=UNREAD))
    gone = plan.teardown(dataclasses.replace(found, forwarding=Reading(0)))
    assert (gone.changes, gone.remains) == ((), ())


def test_an_anchor_in_which_nothing_is_wanted_is_emptied() -> None:
    found = facts(**HOOKED, anchor_nat=rules("nat 1"))
    wanted = dataclasses.replace(desire(found, Settings()), nat=False, fence=None)
    change = plan.setup(found, wanted).changes[0]
    assert change.title == f"empty the anchor {ANCHOR}"
    assert change.holds(facts())
    assert not change.holds(found)


def test_one_route_that_could_not_be_read_stops_nothing_and_both_do() -> None:
    one = facts(**{**HOOKED, "public_route": UNREAD})
    assert desire(one, Settings()).uplinks.why
    assert plan.setup(one, desire(one, Settings())).changes
    none = dataclasses.replace(one, default_route=UNREAD)
    with pytest.raises(Missing, match="cannot read the uplinks: it could not be read"):
        plan.setup(none, desire(none, Settings()))


def test_without_apples_call_the_file_or_the_command_is_named() -> None:
    called = {**HOOKED, "main_nat": rules()}
    found = facts(**called, files={"pf_conf": file_of("pf_conf", PF_CONF)})
    with pytest.raises(Missing, match=r": sudo pfctl -f /etc/pf\.conf && invoke net\.setup$"):
        plan.setup(found, desire(found, Settings()))
    found = facts(**called, files={"pf_conf": file_of("pf_conf", b"pass all\n")})
    with pytest.raises(Missing, match=r"or anchor line\.$"):
        plan.setup(found, desire(found, Settings()))


def test_what_is_forgotten_are_our_files_and_what_a_killed_run_leaves_of_them() -> None:
    folder = "/private/var/db/container-net"
    (change,) = plan.teardown(facts(state_files=True)).changes
    assert change.what == "state"
    gone = change.do[0]
    assert isinstance(gone, plan.Command)
    assert gone.argv[:2] == ("/bin/rm", "-f")
    half_written = (
        *FILES.values(),
        anchor_path(ANCHOR),
        *(f"{folder}/{name}" for name in ("state.json", "boot")),
        *(f"{folder}/original/{name}" for name in ("pf.conf", "sysctl.conf")),
    )
    assert set(map(str, gone.argv[2:])) == {
        *(f"{folder}/{name}" for name in ("state.json", "boot", "loaded", "look")),
        *(f"{folder}/original/{name}" for name in ("pf.conf", "sysctl.conf")),
        *(f"{folder}/{name}" for name in ("boot.new", "run.out", "run.err", "run.rules")),
        *(str(temporary(MacPath(path))) for path in half_written),
        anchor_path(ANCHOR) + ".new",
    }
    assert change.do[1:] == (plan.RemoveFolder(f"{folder}/original"), plan.RemoveFolder(folder))
    assert change.holds(facts())
    assert not change.holds(facts(state_files=True))


# -- what stays

PF_CONF = b'nat-anchor "com.apple/*"\n'


def file_of(name: str, content: Optional[bytes] = None, **more: Any) -> Reading[FileFact]:
    path = FILES.get(name, anchor_path(ANCHOR))
    return Reading(FileFact(path, content, 0o644 if content is not None else 0, **more))


def bare(**changes: Any) -> Facts:
    """A Mac before its first `persist`: Apple's pf.conf, and nothing of ours."""
    names = ("sysctl_conf", "plist", "script", "anchor_file")
    files = {**{name: file_of(name) for name in names}, "pf_conf": file_of("pf_conf", PF_CONF)}
    return facts(**{**HOOKED, "files": files, "helpers_folder": False, **changes})


def kept_plan(found: Facts, settings: Optional[Settings] = None, **parts: bool) -> plan.Plan:
    settings = settings or Settings()
    wanted = desire(found, settings, keep=True)
    runtime = plan.setup(found, wanted)
    return persist.persist(found, wanted, settings, persist.Parts(**parts), runtime, sysroot=None)


def after(found: Facts, made: plan.Plan, *, back: bool = False) -> Facts:
    """The Mac once a plan is carried out; with `back`, once its files are undone."""
    values = dict(found.files)
    names = {r.value.path: name for name, r in values.items() if r.value is not None}
    for change in made.changes:
        for action in change.undo if back else change.do:
            name = names.get(getattr(action, "path", ""), "")
            if isinstance(action, plan.WriteFile):
                values[name] = file_of(name, action.content)
            elif isinstance(action, plan.RemoveFile):
                values[name] = file_of(name)
    loaded = bool(made.state and "daemon" in made.state.persisted) and not back
    rules_of_ours = render.rules(render.anchor(desire(found, Settings(), keep=True)))
    return dataclasses.replace(
        found,
        files=values,
        state=Reading(made.state),
        daemon=Reading(Daemon(loaded)),
        helpers_folder=True,
        anchor_nat=rules(*rules_of_ours.nat),
        anchor_rules=rules(*rules_of_ours.filter),
    )


def contents(found: Facts) -> Dict[str, Optional[bytes]]:
    return {name: r.value.content for name, r in found.files.items() if r.value is not None}


def judged(found: Facts) -> Dict[str, str]:
    return persist.judge(found, desire(found, Settings(), keep=True), None)


PARTS = ("sysctl_conf", "pf_conf", "anchor_file", "daemon")


def put(found: Facts, name: str, reading: Reading[FileFact]) -> Facts:
    return dataclasses.replace(found, files={**found.files, name: reading})


def test_persist_makes_what_judge_calls_ok_and_asks_for_nothing_more() -> None:
    found = bare()
    assert judged(found) == dict.fromkeys(PARTS, "absent")
    made = kept_plan(found)
    assert (made.remains, made.incomplete) == ((), False)
    assert made.originals == (FILES["pf_conf"], FILES["sysctl_conf"])
    there = after(found, made)
    assert judged(there) == dict.fromkeys(PARTS, "ok")
    again = kept_plan(there)
    assert [c.what for c in again.changes if c.what not in ("pf", "forwarding")] == []
    assert again.state == made.state
    assert persist.recorded_parts(there) == persist.Parts(pf_conf=True, daemon=True)
    for change in made.changes[3:]:
        assert change.holds(there), change.what
        assert not change.holds(found), change.what
    assert after(found, made, back=True).files == found.files


def test_what_persist_made_is_written_down_and_what_was_there_is_not() -> None:
    found = bare()
    made = kept_plan(found).state
    assert made is not None
    assert set(made.made) == {
        HELPERS_FOLDER,
        anchor_path(ANCHOR),
        *(FILES[name] for name in ("sysctl_conf", "plist", "script")),
    }
    there = put(bare(helpers_folder=True), "sysctl_conf", file_of("sysctl_conf", b"a=1\n"))
    made = kept_plan(there, daemon=False).state
    assert made is not None
    assert HELPERS_FOLDER not in made.made
    assert FILES["sysctl_conf"] not in made.made
    assert "daemon" not in made.persisted
    made = kept_plan(found, daemon=False).state
    assert made is not None
    assert HELPERS_FOLDER not in made.made
    made = kept_plan(found, Settings(guard=False, uplinks=("en0",)), pf_conf=False).state
    assert made is not None
    assert "pf_conf" not in made.persisted
    assert (made.persisted["guard"], made.persisted["uplinks_origin"]) == ("no", "given")


def test_a_helpers_folder_is_made_only_where_there_is_none() -> None:
    change = next(c for c in kept_plan(bare()).changes if c.what == "script")
    assert change.do[0] == plan.MakeFolder(HELPERS_FOLDER)
    assert change.undo[-1] == plan.RemoveFolder(HELPERS_FOLDER)
    there = next(c for c in kept_plan(bare(helpers_folder=True)).changes if c.what == "script")
    assert (there.do, there.undo) == (change.do[1:], change.undo[:-1])
    written = there.do[0]
    assert isinstance(written, plan.WriteFile)
    assert (written.mode, written.was) == (0o755, bare().files["script"].value)


@pytest.mark.parametrize(
    ("part", "state", "change"),
    [
        *(
            (part, "drifted", {name: file_of(name)})
            for part, name in (
                ("sysctl_conf", "sysctl_conf"),
                ("anchor_file", "anchor_file"),
                ("daemon", "plist"),
                ("daemon", "script"),
            )
        ),
        ("pf_conf", "drifted", {"pf_conf": file_of("pf_conf", PF_CONF)}),
        ("anchor_file", "drifted", {"anchor_file": file_of("anchor_file", b"nat 1\n")}),
        ("daemon", "drifted", {"plist": file_of("plist", b"<plist/>")}),
        ("daemon", "drifted", {"script": file_of("script", b"#!/bin/sh\n")}),
        *(
            (part, "unknown", {name: UNREAD})
            for part, name in (
                ("sysctl_conf", "sysctl_conf"),
                ("pf_conf", "pf_conf"),
                ("anchor_file", "anchor_file"),
                ("daemon", "plist"),
                ("daemon", "script"),
            )
        ),
        ("anchor_file", "unknown", {"anchor_nat": UNREAD}),
        ("anchor_file", "unknown", {"anchor_rules": UNREAD}),
        ("anchor_file", "drifted", {"anchor_nat": Reading(())}),
        ("anchor_file", "drifted", {"anchor_rules": Reading(())}),
        ("daemon", "unknown", {"daemon": UNREAD}),
        ("daemon", "drifted", {"daemon": Reading(Daemon(False))}),
        ("daemon", "disabled", {"daemon": Reading(Daemon(True, disabled=True))}),
        ("daemon", "drifted", {"networks": Reading((network("x", "10.7.0.0/16"),))}),
        ("daemon", "drifted", {"default_route": route("en77")}),
        ("", "ok", {"networks": UNREAD}),
    ],
)
def test_each_part_is_judged_by_itself(part: str, state: str, change: Dict[str, Any]) -> None:
    found = bare()
    there = after(found, kept_plan(found))
    for name, value in change.items():
        if name in there.files:
            there = put(there, name, value)
        else:
            there = dataclasses.replace(there, **{name: value})
    expected = {**dict.fromkeys(PARTS, "ok"), **({part: state} if part else {})}
    assert judged(there) == expected


def test_subnets_and_uplinks_that_were_given_do_not_move() -> None:
    given = Settings(uplinks=("en0",), subnets=(NET,))
    found = bare(networks=Reading(()))
    there = after(found, kept_plan(found, given))
    moved = dataclasses.replace(
        there, networks=Reading((network("x", "10.7.0.0/16"),)), default_route=route("en77")
    )
    assert judged(moved)["daemon"] == "ok"


def test_a_daemon_whose_files_and_job_are_gone_is_absent_or_drifted_by_the_record() -> None:
    found = bare()
    there = after(found, kept_plan(found))
    for name in ("plist", "script"):
        there = put(there, name, file_of(name))
    there = dataclasses.replace(there, daemon=Reading(Daemon(False)))
    assert judged(there)["daemon"] == "drifted"
    assert judged(dataclasses.replace(there, state=Reading(None)))["daemon"] == "absent"
    running = dataclasses.replace(found, daemon=Reading(Daemon(True)))
    assert judged(running)["daemon"] == "drifted"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (UNREAD, "it could not be read"),
        (file_of("pf_conf", PF_CONF, link="/nix/pf.conf"), "/nix/pf.conf"),
        (file_of("pf_conf", PF_CONF, stays="it is locked"), "it is locked"),
        (file_of("pf_conf"), "missing"),
        (file_of("pf_conf", b"pass all\n"), "nat-anchor"),
    ],
    ids=["unread", "link", "stays", "missing", "no hook"],
)
def test_a_pf_conf_that_is_not_ours_to_edit_keeps_the_rest_going(
    found: Reading[FileFact], said: str
) -> None:
    made = kept_plan(put(bare(), "pf_conf", found))
    whats = [c.what for c in made.changes]
    assert not {"pf_conf", "anchor_file"} & {*whats}
    assert {"sysctl_conf", "script", "plist", "daemon"} <= {*whats}
    assert made.incomplete
    assert len(made.remains) == 1
    assert said in made.remains[0]
    assert made.state is not None
    assert "pf_conf" not in made.state.persisted
    assert made.originals == (FILES["sysctl_conf"],)


def test_a_pf_conf_that_pf_rejects_is_left_alone_unless_our_own_missing_file_is_why() -> None:
    error = Reading("line 3: syntax error")
    made = kept_plan(bare(pf_conf_error=error))
    assert "line 3: syntax error" in made.remains[0]
    assert not {"pf_conf", "anchor_file"} & {c.what for c in made.changes}
    found = bare()
    there = put(after(found, kept_plan(found)), "anchor_file", file_of("anchor_file"))
    there = dataclasses.replace(there, pf_conf_error=error)
    again = kept_plan(there)
    assert (again.remains, [c.what for c in again.changes if c.what == "anchor_file"]) == (
        (),
        ["anchor_file"],
    )


def test_a_pf_conf_that_nobody_asked_for_is_not_even_looked_at() -> None:
    linked = put(bare(), "pf_conf", file_of("pf_conf", PF_CONF, link="/nix/pf.conf"))
    made = kept_plan(linked, pf_conf=False)
    assert (made.remains, made.incomplete) == ((), False)
    assert not {"pf_conf", "anchor_file"} & {c.what for c in made.changes}


def test_the_boot_script_holds_the_recorded_rules_and_nat_subnets() -> None:
    inner = network("inner", "192.168.128.0/24", "hostOnly")
    found = bare(networks=Reading((*HOOKED["networks"].value, inner)))
    made = kept_plan(found)
    assert made.state is not None
    script = contents(after(found, made))["script"]
    assert script is not None
    assert b"SUBNETS='192.168.64.0/24 10.9.0.0/16'\n" in script
    wanted = render.anchor(desire(found, Settings(), keep=True))
    assert "192.168.128.0/24" in wanted
    assert all(line.encode() in script for line in wanted.splitlines())
    assert b"ANCHOR_FILE_WANTED=yes\n" in script
    unasked = kept_plan(found, pf_conf=False).state
    assert unasked is not None
    assert "ANCHOR_FILE_WANTED=no\n" in persist.script(unasked.persisted, ANCHOR, None)
    recorded = {**made.state.persisted, "subnets": "nat,oops,1 " + made.state.persisted["subnets"]}
    assert persist.script(recorded, ANCHOR, None).encode() == script


def test_a_sysctl_conf_that_is_left_alone_is_not_recorded() -> None:
    link = file_of("sysctl_conf", b"a=1\n", link="/nix/sysctl.conf")
    made = kept_plan(put(bare(), "sysctl_conf", link))
    assert [text for text in made.remains if "/nix/sysctl.conf" in text]
    assert made.state is not None
    assert "sysctl_conf" not in made.state.persisted
    assert {"pf_conf", "anchor_file"} <= {c.what for c in made.changes}


def test_unpersist_takes_away_what_is_found_and_nothing_else() -> None:
    assert persist.unpersist(bare()) == ((), ())
    found = bare()
    there = after(found, kept_plan(found))
    changes, remains = persist.unpersist(there)
    assert remains == ()
    assert [c.what for c in changes] == [
        "daemon",
        "plist",
        "script",
        "folder",
        "sysctl_conf",
        "pf_conf",
        "anchor_file",
    ]
    gone = after(there, plan.Plan(changes))
    assert contents(gone) == contents(found)
    for change in changes:
        assert change.holds(gone), change.what
        assert change.what == "folder" or not change.holds(there), change.what
    # Without a record nothing was made by us: the folder stays, and an empty file too.
    unrecorded = dataclasses.replace(there, state=Reading(None))
    changes, _remains = persist.unpersist(unrecorded)
    assert "folder" not in [c.what for c in changes]
    assert contents(after(there, plan.Plan(changes)))["sysctl_conf"] == b""
    changes, _remains = persist.unpersist(dataclasses.replace(there, helpers_folder=False))
    assert "folder" not in [c.what for c in changes]


def test_the_anchors_file_stays_while_a_line_of_pf_conf_loads_it() -> None:
    found = bare()
    there = after(found, kept_plan(found))
    line = f'load anchor "x" from "/etc/pf.anchors/{ANCHOR.split("/")[1]}"\n'.encode()
    theirs = put(there, "pf_conf", file_of("pf_conf", PF_CONF + line))
    changes, remains = persist.unpersist(theirs)
    assert "anchor_file" not in [c.what for c in changes]
    assert len(remains) == 1
    assert anchor_path(ANCHOR) in remains[0]
    changes, remains = persist.unpersist(put(theirs, "anchor_file", UNREAD))
    assert ("anchor_file" in [c.what for c in changes], remains) == (False, ())
    lone = b"# >>> container-net: anchor >>>\n"
    changes, remains = persist.unpersist(put(there, "pf_conf", file_of("pf_conf", PF_CONF + lone)))
    assert "pf_conf" not in [c.what for c in changes]
    assert FILES["pf_conf"] in remains[0]
