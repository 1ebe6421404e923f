"""pf's rules as nftables: which, in which order, for which packets; anywhere, without root."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from lab.nftables import Place, compile_rules

from simmac import Mac, build

HOOK = 'nat-anchor "com.apple/*"\nanchor "com.apple/*"\n'
OURS = "com.apple/250.container-net"


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    """pf is on, its main ruleset the stock one, and nothing else is loaded."""
    made = build(tmp_path / "mac", "idle")
    made.foreign_enable()
    return made


def load(mac: Mac, text: str, anchor: str = OURS) -> None:
    argv = ["/sbin/pfctl", "-a", anchor, "-f", "-"] if anchor else ["/sbin/pfctl", "-f", "-"]
    answer = mac.answer(argv, text.encode(), root=True)
    assert answer.code == 0, answer


def chain(mac: Mac, name: str) -> List[str]:
    """The rules of a chain, without counter and comment; `known flows` left out."""
    rows = compile_rules(mac.state)[0].splitlines()
    begin = rows.index(f"chain {name} {{") + 2
    inside = rows[begin : rows.index("}", begin)]
    plain = [row.split(" comment ")[0].replace(" counter", "").strip() for row in inside]
    return [row for row in plain if not row.startswith("ct state")]


NAT = "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)\n"
WANTED = 'oifname "en0" ip saddr { 192.168.64.0/24 } masquerade'


def test_a_rule_that_the_hook_calls_is_carried_over(mac: Mac) -> None:
    load(mac, NAT)
    assert chain(mac, "nat") == [WANTED]
    script, places = compile_rules(mac.state)
    assert 'comment "0"' in script
    assert places[0] == Place(OURS, "nat", 0)


def test_nothing_is_carried_over_while_pf_is_off_or_the_hook_missing(mac: Mac) -> None:
    load(mac, NAT)
    mac.foreign_disable()
    assert "chain" not in compile_rules(mac.state)[0]
    mac.foreign_enable()
    assert chain(mac, "nat") == [WANTED]
    mac.reload_main("pass all\n")
    assert chain(mac, "nat") == []


def test_children_of_the_wildcard_come_in_byte_order_and_before_later_lines(mac: Mac) -> None:
    load(mac, NAT.replace("64.0", "66.0"), "com.apple/300.late")
    load(mac, NAT)
    load(mac, NAT.replace("64.0", "67.0"), "com.apple/300.late/child")
    load(mac, "nat on en0 inet from 192.168.65.0/24 to any -> (en0)\n" + HOOK, "")
    # A wildcard visits direct children only; the main ruleset's own rule stands before it.
    sources = [row.split("{ ")[1].split(" }")[0] for row in chain(mac, "nat")]
    assert sources == ["192.168.65.0/24", "192.168.64.0/24", "192.168.66.0/24"]


def test_no_nat_and_an_interface_without_an_address_end_the_search(mac: Mac) -> None:
    mac.add_interface("utun4")
    load(mac, "no nat on en0 inet from 192.168.64.1 to any\n" + NAT.replace("en0", "utun4") + NAT)
    assert chain(mac, "nat") == [
        'oifname "en0" ip saddr { 192.168.64.1/32 } accept',
        'oifname "utun4" ip saddr { 192.168.64.0/24 } accept',
        WANTED,
    ]


def test_quick_rules_come_first_and_the_others_backwards(mac: Mac) -> None:
    load(
        mac,
        "block drop in on en0 inet from any to 10.0.0.0/8\n"
        "pass in on en0 inet from any to 10.1.0.0/16\n"
        "block drop in quick on en0 inet from any to 10.1.2.0/24\n",
    )
    assert chain(mac, "in") == [
        'iifname "en0" ip daddr { 10.1.2.0/24 } drop',
        'iifname "en0" ip daddr { 10.1.0.0/16 } accept',
        'iifname "en0" ip daddr { 10.0.0.0/8 } drop',
    ]
    assert chain(mac, "out") == []


def test_tables_ports_and_negations_are_carried_over(mac: Mac) -> None:
    load(
        mac,
        "table <inside> persist { 192.168.64.0/24 192.168.65.0/24 }\n"
        "block drop out quick on ! en0 inet proto tcp from <inside> to ! 10.0.0.0/8 port 25\n"
        "block return in quick inet proto udp from any to any port 1000:2000\n"
        "block drop quick on utun4 from any to any ! tagged their_pass\n"
        "block drop quick on utun4 from any to any tagged their_pass\n"
        "block drop quick inet6 all\n",
    )
    assert chain(mac, "out") == [
        'oifname != "en0" ip saddr { 192.168.64.0/24, 192.168.65.0/24 } '
        "ip daddr != { 10.0.0.0/8 } meta l4proto tcp th dport 25 drop",
        'oifname "utun4" drop',
    ]
    assert chain(mac, "in") == [
        "meta l4proto udp th dport 1000-2000 reject",
        'iifname "utun4" drop',
    ]


def test_a_call_with_conditions_passes_them_on(mac: Mac) -> None:
    load(mac, 'nat-anchor "com.apple/*" on en5\n', "")
    load(mac, NAT.replace("on en0 ", ""))
    assert chain(mac, "nat") == ['oifname "en5" ip saddr { 192.168.64.0/24 } masquerade']


def test_counters_go_on_and_are_no_change_of_rules(mac: Mac) -> None:
    load(mac, NAT)
    before = compile_rules(mac.state)[0]
    with mac.edit() as state:
        state["pf"]["anchors"][OURS]["nat"][0].update(packets=7, bytes=420)
    assert compile_rules(mac.state)[0] == before
    assert "counter packets 7 bytes 420" in compile_rules(mac.state, counters=True)[0]
