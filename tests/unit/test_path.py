"""Who translates: the one judge, rule by rule."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Dict, NamedTuple, Optional, Tuple

import pytest
from unit.test_desired import (
    BRIDGE,
    CALL,
    CALLS,
    NET,
    SHARED,
    UNREAD,
    VMNET,
    facts,
    interface,
    ports,
    route,
    rules,
)

from container_net import desired, path
from container_net.model import Facts, FileFact, Interface, Reading, Rule, State, Subnet

# -- covered by vmnet


def working(*texts: str, **changes: Any) -> Facts:
    """A Mac on which vmnet translates the subnet on en0."""
    values: Dict[str, Any] = {
        "forwarding": Reading(1),
        "pf_enabled": Reading(True),
        "main_nat": CALLS,
        "sharing_nat": SHARED,
        "sharing_children": {"base_v4": rules(), "shared_v4": rules(*(texts or (VMNET, BRIDGE)))},
        "default_route": route("en0"),
        "public_route": route("en0"),
        "ports": ports("en0"),
    }
    return facts(**{**values, **changes})


class Judged(NamedTuple):
    """By vmnet: yes, no, or not known; and the rule or the reason."""

    state: Optional[bool]
    why: str


def verdict(found: Facts, uplink: str = "en0", subnet: IPv4Network = NET) -> Judged:
    made = path.who(found, subnet, uplink)
    state = None if made.who == path.UNKNOWN else made.who == path.VMNET
    rule = made.nat.rule.text if made.nat is not None else ""
    assert made.why or rule
    assert state is not False or made.who == path.NOBODY
    return Judged(state, made.why or rule)


def test_a_mac_on_which_all_of_it_holds_is_covered_by_the_rule_that_is_named() -> None:
    assert verdict(working()) == Judged(True, VMNET)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pf_enabled": Reading(False)}, "pf is disabled"),
        ({"main_nat": rules('nat-anchor "com.apple/*" all')}, "nothing calls them (F01)"),
        ({"main_nat": rules('rdr-anchor "com.apple.internet-sharing" all')}, "(F01)"),
        ({"main_nat": rules('nat-anchor "com.apple.internet-sharing2" all')}, "(F01)"),
        ({"sharing_nat": rules()}, "nothing calls them (F01)"),
        ({"sharing_nat": rules('nat-anchor "base_v4" all')}, "nothing calls them (F01)"),
        ({"sharing_children": {"base_v4": rules(), "shared_v4": rules()}}, "no NAT rule for"),
        ({"sharing_children": {"shared_v4": rules(BRIDGE)}}, "no NAT rule for"),
    ],
    ids=[
        "pf",
        "call line lost",
        "rdr call only",
        "another anchor's call",
        "child's call lost",
        "other child called",
        "no rules",
        "no nat rule",
    ],
)
def test_each_condition_alone_makes_it_uncovered(change: Dict[str, Any], why: str) -> None:
    made = verdict(working(**change))
    assert made.state is False
    assert why in made.why


@pytest.mark.parametrize("name", ["pf_enabled", "main_nat", "sharing_nat", "sharing_children"])
def test_whatever_was_not_read_makes_it_unknown(name: str) -> None:
    change: Dict[str, Any] = {name: UNREAD}
    if name == "sharing_children":
        change = {name: {"base_v4": rules(), "shared_v4": UNREAD}}
    assert verdict(working(**change)) == Judged(None, "it could not be read")


def test_what_was_not_read_does_not_matter_where_it_is_not_called() -> None:
    found = working(sharing_nat=rules('nat-anchor "shared_v4" all'))
    found = dataclasses.replace(
        found, sharing_children={**found.sharing_children, "base_v4": UNREAD}
    )
    assert verdict(found).state is True


def test_without_any_rule_of_vmnets_nothing_is_said_about_lost_calls() -> None:
    assert verdict(facts(forwarding=Reading(1), pf_enabled=Reading(True))) == Judged(
        False, "vmnet has no NAT rules now"
    )


@pytest.mark.parametrize(
    ("main", "sharing"),
    [
        ('nat-anchor "com.apple.internet-sharing" all', 'nat-anchor "*" all'),
        ('nat-anchor "com.apple.internet-sharing/*" all', ""),
        (
            'nat-anchor "com.apple.internet-sharing" all',
            'nat-anchor "com.apple.internet-sharing/shared_v4" all',
        ),
    ],
    ids=["in vmnet's anchor", "in the main ruleset", "by the full path"],
)
def test_calls_may_be_wildcards_or_paths(main: str, sharing: str) -> None:
    found = working(main_nat=rules(main), sharing_nat=rules(sharing) if sharing else rules())
    assert verdict(found).state is True


@pytest.mark.parametrize(
    ("text", "uplink"),
    [
        ("nat on en5 inet from 192.168.64.0/24 to any -> (en5:0) extfilter ei", "en0"),
        ("nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei", "utun4"),
        ("nat on en0 inet from 192.168.65.0/24 to any -> (en0:0)", "en0"),
        ("nat on en0 inet from 192.168.64.0/25 to any -> (en0:0)", "en0"),
        ("nat on en0 inet from 192.168.64.0/24 to 10.0.0.0/8 -> (en0:0)", "en0"),
        ("nat on ! en0 inet from 192.168.64.0/24 to any -> 10.0.0.5", "en0"),
        ("rdr on en0 inet from 192.168.64.0/24 to any -> 127.0.0.1", "en0"),
        ("nat on en0 inet6 from fd00::/64 to any -> (en0:0)", "en0"),
    ],
    ids=["stale", "stale under a VPN", "other", "part", "to some", "elsewhere", "rdr", "inet6"],
)
def test_a_rule_for_something_else_covers_nothing(text: str, uplink: str) -> None:
    assert verdict(working(text), uplink).state is False


@pytest.mark.parametrize(
    "text",
    [
        "nat on en0 inet from 192.168.0.0/16 to any -> (en0:0)",
        "nat on en0 inet from any to any -> (en0) round-robin",
        "nat on en0 inet all -> (en0) round-robin",
        "nat inet from 192.168.64.0/24 to any -> 10.0.0.5",
        "nat on ! bridge100 inet from 192.168.64.0/24 to any -> 10.0.0.5",
        "nat on en0 from 192.168.64.0/24 to any -> (en0:0)",
    ],
)
def test_a_rule_that_holds_the_pair_covers_it(text: str) -> None:
    assert verdict(working(text)) == Judged(True, text)


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        (("no nat on en0 inet from 192.168.64.0/24 to any", VMNET), False),
        (("no nat on en0 inet from any to any", VMNET), False),
        (("no nat inet from 192.168.0.0/16 to any", VMNET), False),
        ((VMNET, "no nat on en0 inet from 192.168.64.0/24 to any"), True),
        (("no nat on en5 inet from 192.168.64.0/24 to any", VMNET), True),
        (("no nat on en0 inet from 192.168.64.0/24 to 10.0.0.0/8", VMNET), True),
        (("no nat on en0 inet from 192.168.65.0/24 to any", VMNET), True),
    ],
    ids=["earlier", "any", "anywhere", "later", "elsewhere", "to some", "other"],
)
def test_an_earlier_exemption_wins(texts: Tuple[str, ...], state: bool) -> None:
    assert verdict(working(*texts)).state is state


def test_an_exemption_in_an_earlier_child_wins() -> None:
    children = {
        "base_v4": rules("no nat on en0 inet from any to any"),
        "shared_v4": rules(VMNET),
    }
    assert verdict(working(sharing_children=children)).state is False
    later = rules('nat-anchor "shared_v4" all', 'nat-anchor "base_v4" all')
    assert verdict(working(sharing_children=children, sharing_nat=later)).state is True


@pytest.mark.parametrize(
    "text",
    [
        "nat on en0 inet from <nat_sources> to any -> (en0:0)",
        "nat on en0 inet proto tcp from 192.168.64.0/24 to any -> (en0:0)",
        "no nat on en0 inet proto udp from 192.168.64.0/24 to any",
        "nat on en0 inet from ! 10.0.0.0/8 to any -> (en0:0)",
        "nat on en0 inet from 192.168.64.0/24 port 53 to any -> (en0:0)",
    ],
)
def test_a_rule_in_foreign_syntax_makes_it_unknown_with_the_rule_as_evidence(text: str) -> None:
    made = verdict(working(text, VMNET))
    assert made.state is None
    assert text in made.why
    assert verdict(working(VMNET, text)).state is True
    assert verdict(working(text), "en5").state is False


def test_it_works_without_us_where_forwarding_is_on_too() -> None:
    assert path.works(working(), NET, "en0") is True
    assert path.works(working(forwarding=Reading(0)), NET, "en0") is False
    assert path.works(working(forwarding=UNREAD), NET, "en0") is None
    assert path.works(working(pf_enabled=UNREAD), NET, "en0") is None
    assert path.works(working(anchor_nat=rules(OURS), sharing_nat=rules()), NET, "en0") is False


# -- ours, and another program's

OURS = "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei"
GUIDE = "nat on en0 from 192.168.64.0/24 to any -> (en0) round-robin"


def tool(place: str) -> Dict[str, Any]:
    """Another tool's anchor with the guide's rule."""
    return {place: rules(GUIDE)}


@pytest.mark.parametrize(
    ("change", "owner"),
    [
        ({"anchor_nat": rules(OURS)}, path.OURS),
        ({"main_nat": rules(GUIDE)}, path.OTHER),
        ({"foreign_nat": tool("com.apple/100.tool")}, path.OTHER),
        (
            {"foreign_nat": tool("com.apple/100.tool"), "anchor_nat": rules(OURS)},
            path.OTHER,
        ),
        (
            {"foreign_nat": {"com.apple/300.tool": rules(GUIDE)}, "anchor_nat": rules(OURS)},
            path.OURS,
        ),
        ({"foreign_nat": tool("tool"), "sharing_nat": rules()}, path.NOBODY),
        ({"foreign_nat": tool("com.apple/1/2"), "sharing_nat": rules()}, path.NOBODY),
    ],
    ids=["ours", "guide", "earlier", "earlier than ours", "later", "not called", "two below"],
)
def test_the_first_rule_in_pfs_order_decides(change: Dict[str, Any], owner: str) -> None:
    assert path.who(working(**change), NET, "en0").who == owner


def test_without_ours_the_next_one_counts() -> None:
    found = working(anchor_nat=rules(OURS))
    assert path.who(found, NET, "en0").who == path.OURS
    assert path.who(found, NET, "en0", without_ours=True).who == path.VMNET


def test_nobody_is_sure_only_where_all_anchors_are_known() -> None:
    found = working(sharing_nat=rules(), anchors=UNREAD)
    assert path.who(found, NET, "en0").who == path.UNKNOWN
    assert path.who(working(anchors=UNREAD), NET, "en0").who == path.VMNET


def test_another_programs_rule_says_what_it_costs() -> None:
    found = working(main_nat=rules(GUIDE))
    said = path.foreign(path.who(found, NET, "en0"), NET)
    for part in (GUIDE, "main ruleset", "covers en0 only"):
        assert part in said


# -- what mends a lost hook


@pytest.mark.parametrize(
    ("conf", "error", "sentence", "command"),
    [
        ('nat-anchor "com.apple/*"\n', "", "containers keep", "sudo pfctl -f /etc/pf.conf && "),
        ('nat-anchor "com.apple/*"\n', "/etc/pf.conf:3: syntax error", "pf.conf:3", ""),
        ("# nothing\n", "", "lacks Apple's line", ""),
        ('# nat-anchor "com.apple/*"\n', "", "lacks Apple's line", ""),
    ],
)
def test_a_lost_hook_is_mended_by_what_pf_accepts(
    conf: str, error: str, sentence: str, command: str
) -> None:
    file = Reading(FileFact("/private/etc/pf.conf", conf.encode()))
    found = facts(files={"pf_conf": file}, pf_conf_error=Reading(error))
    said = path.remedy(found)
    assert sentence in said[0]
    assert said[1] == (command + "invoke net.setup" if command else "")
    assert path.remedy(working()) == ("", "invoke net.setup")


def test_a_tunnel_is_known_by_its_kind_or_by_what_macos_says() -> None:
    odd = Interface("gif9", ("UP", "POINTOPOINT"))
    found = facts(interfaces=Reading((odd, interface("en0", "10.0.0.5/24"))))
    names = ("utun4", "tun0", "ipsec0", "ppp0", "gpd0", "gif9")
    assert all(path.is_tunnel(found, name) for name in names)
    assert not path.is_tunnel(found, "en0")


# -- the hook


@pytest.mark.parametrize(
    ("texts", "there"),
    [
        (('nat-anchor "com.apple/*" all',), True),
        ((CALL, 'nat-anchor "com.apple/250.container-net" all'), True),
        ((), False),
        ((CALL,), False),
        (('nat-anchor "com.apple" all',), False),
        (('nat-anchor "/*" all',), False),
        (('rdr-anchor "com.apple/*" all',), False),
        (('nat-anchor "com.apple/250.container-net2" all',), False),
        (('anchor "com.apple/*" all',), False),
    ],
)
def test_the_hook_is_a_call_of_our_anchor_in_the_live_ruleset(
    texts: Tuple[str, ...], there: bool
) -> None:
    assert path.hook(facts(main_nat=rules(*texts))) is there


def test_the_hook_is_not_known_where_the_ruleset_was_not_read() -> None:
    assert path.hook(facts(main_nat=UNREAD)) is None


def test_the_hook_is_that_of_the_anchor_in_use() -> None:
    main = rules('nat-anchor "com.apple/mine" all')
    assert path.hook(facts(main_nat=main, anchor="com.apple/mine")) is True
    assert path.hook(facts(main_nat=main)) is False


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ("nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei", True),
        # As version 0.1 wrote them.
        ("nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)", True),
        ("nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) round-robin", True),
        ("nat on en0 inet from 192.168.0.0/16 to any -> (en0:0)", True),
        ("nat on en5 inet from 192.168.64.0/24 to any -> (en5:0)", False),
        ("nat on en0 inet from 192.168.65.0/24 to any -> (en0:0)", False),
        ("no nat on en0 inet from 192.168.64.0/24 to any", False),
        ("nat on en0 inet from <x> to any -> (en0:0)", False),
    ],
)
def test_our_rule_for_a_pair_is_the_first_that_takes_it(text: str, is_ours: bool) -> None:
    live = rules("nat on en9 inet from any to any -> (en9:0)", text)
    found = facts(pf_enabled=Reading(True), main_nat=CALLS, anchor_nat=live)
    made = path.who(found, NET, "en0")
    assert (made.who == path.OURS) is is_ours
    assert not is_ours or (made.nat is not None and made.nat.rule == Rule(text))


@pytest.mark.parametrize(
    "rule",
    [
        "nat on en0 inet from 192.168.64.0/24 to any port = 53 -> (en0:0)",
        "no nat on en0 inet from 192.168.64.0/24 to any port = 53",
        "no nat inet from <x> to any",
        "nat on en0 inet from 999.1.1.1 to any -> (en0:0)",
        "nat on en0 inet from 192.168.64.1/24 to any -> (en0:0)",
    ],
)
def test_a_rule_that_is_not_understood_is_neither_coverage_nor_its_absence(rule: str) -> None:
    facts = working(rule, "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei")
    assert verdict(facts).state is None


# -- what was seen

INNER = IPv4Network("192.168.128.0/24")
SERVED = (
    Subnet(NET, "nat", IPv4Address("192.168.64.1"), "network list"),
    Subnet(INNER, "hostOnly", IPv4Address("192.168.128.1"), "network list"),
)
BOTH_UP: Dict[str, Any] = {
    "interfaces": Reading(
        (interface("bridge100", "192.168.64.1/24"), interface("bridge101", "192.168.128.1/24"))
    )
}
LEAK = "nat on en0 inet from 192.168.128.0/24 to any -> (en0)"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({}, {f"{NET} en0": True}),
        ({"forwarding": Reading(0)}, {f"{NET} en0": False}),
        ({"forwarding": UNREAD}, {}),
        ({"main_nat": UNREAD}, {}),
        ({"sharing_children": {"shared_v4": rules()}}, {f"{NET} en0": False}),
        ({"interfaces": Reading(())}, {}),
    ],
    ids=["covered", "no forwarding", "forwarding unread", "nat unread", "no rule", "no bridge"],
)
def test_what_vmnet_covers_is_noted_where_a_bridge_is_up_and_all_was_read(
    change: Dict[str, Any], seen: Dict[str, bool]
) -> None:
    assert desired.seen_now(working(**{**BOTH_UP, **change}), SERVED, ("en0",)) == seen


def test_what_was_seen_last_counts_if_every_nat_subnet_was_covered_on_every_uplink() -> None:
    def last(seen: Dict[str, bool], *uplinks: str) -> bool:
        return desired.seen_last(facts(state=Reading(State("x", seen=seen))), SERVED, uplinks)

    assert last({f"{NET} en0": True}, "en0")
    assert not last({f"{NET} en0": True}, "en0", "en5")
    assert not last({f"{NET} en0": False}, "en0")
    assert not last({f"{NET} en0": True})
    assert not desired.seen_last(facts(), SERVED, ("en0",))


@pytest.mark.parametrize(
    ("change", "leaks"),
    [
        ({}, True),
        ({"forwarding": Reading(0)}, False),
        ({"interfaces": Reading((interface("bridge100", "192.168.64.1/24"),))}, False),
        ({"sharing_children": {"shared_v4": rules(VMNET)}}, False),
        ({"main_nat": UNREAD}, False),
        ({"pf_enabled": Reading(False)}, False),
    ],
    ids=["translated", "no forwarding", "no bridge", "no rule", "unread", "pf off"],
)
def test_a_host_only_network_leaks_where_a_live_rule_translates_it(
    change: Dict[str, Any], leaks: bool
) -> None:
    found = working(**{**BOTH_UP, "sharing_children": {"shared_v4": rules(VMNET, LEAK)}, **change})
    leaking = desired.leaks(found, SERVED, ("en0",))
    assert [(subnet.cidr, nat.rule.text) for subnet, nat in leaking] == (
        [(INNER, LEAK)] if leaks else []
    )
