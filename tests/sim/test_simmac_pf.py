"""The simulated pf: its grammar, its anchors and transactions, its tokens, and packets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_net.simmac import Answer, Mac, build
from container_net.simmac.pf_grammar import parse
from container_net.simmac.pf_rules import echo

OURS = "com.apple/250.ours"
NAT = "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)"


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    """A Mac with a container running, on which vmnet translates nothing."""
    return build(tmp_path / "mac", "broken")


def pfctl(mac: Mac, *words: str, text: str = "", root: bool = True) -> Answer:
    return mac.answer(["/sbin/pfctl", *words], text.encode(), root=root)


def load(mac: Mac, text: str, anchor: str = OURS) -> None:
    found = pfctl(mac, "-a", anchor, "-f", "-", text=text)
    assert found.code == 0, found


def shown(mac: Mac, *words: str) -> List[str]:
    return pfctl(mac, *words).out.decode().splitlines()


def read(text: str, lenient: bool = False) -> tuple[List[str], List[str]]:
    """(rules as echoed, errors) of a text, on a Mac with one address on en0."""
    found = parse(
        text,
        "stdin",
        "",
        addresses=lambda name: [("192.168.1.37", 24)] if name == "en0" else [],
        read=lambda _: None,
        lenient_end=lenient,
    )
    return [echo(rule) for _, rule in found.rules], found.errors


# -- grammar


@pytest.mark.parametrize(
    ("line", "echoed"),
    [
        (
            "nat on en0 from 10.2/16 to any -> (en0)",
            "nat on en0 inet from 10.2.0.0/16 to any -> (en0) round-robin",
        ),
        (
            "nat on en0 from 10.0.0.9/8 to ! 10/8 -> (en0:0) extfilter ei",
            "nat on en0 inet from 10.0.0.0/8 to ! 10.0.0.0/8 -> (en0:0) extfilter ei",
        ),
        (
            "no nat on bridge100 from 10.0.0.1 to 10.0.0.0/24",
            "no nat on bridge100 inet from 10.0.0.1 to 10.0.0.0/24",
        ),
        (
            "rdr inet from any to 203.0.113.9 -> 127.0.0.1 # web",
            "rdr inet from any to 203.0.113.9 -> 127.0.0.1",
        ),
        ("block in all", "block drop in all"),
        (
            "block return out quick on en0 proto tcp to any port 25",
            "block return out quick on en0 proto tcp from any to any port = 25",
        ),
        ("pass", "pass all flags S/SA keep state"),
        ("pass quick on en0 flags any keep state", "pass quick on en0 all flags any keep state"),
        (
            "pass in proto udp to port { 53 }",
            "pass in proto udp from any to any port = 53 keep state",
        ),
        ("pass out tag mark rtable 2", "pass out all flags S/SA keep state tag mark rtable 2"),
        ("block in ! tagged mark", "block drop in all ! tagged mark"),
        (
            "pass from <friends> to en0:network no state",
            "pass inet from <friends> to 192.168.1.0/24 no state",
        ),
        ("scrub in all no-df", "scrub in all no-df fragment reassemble"),
        ('anchor "x/*" in on en0', 'anchor "x/*" in on en0 all'),
        ('dummynet-anchor "x"', 'dummynet-anchor "x" all'),
        ("antispoof for en0 inet", "block drop in on ! en0 inet from 192.168.1.0/24 to any"),
    ],
)
def test_a_rule_is_echoed_as_pf_prints_it(line: str, echoed: str) -> None:
    rules, errors = read(line + "\n")
    assert errors == []
    assert rules[0] == echoed


def test_lists_macros_and_continued_lines_are_expanded() -> None:
    text = 'ports = "{ 80, 443 }"\nif = en0\npass in on $if proto tcp \\\n  to any port $ports\n'
    assert read(text) == (
        [
            "pass in on en0 proto tcp from any to any port = 80 flags S/SA keep state",
            "pass in on en0 proto tcp from any to any port = 443 flags S/SA keep state",
        ],
        [],
    )


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("nonsense\n", ["stdin:1: syntax error"]),
        (
            "pass all\nnat on\npass all\nblock x\n",
            ["stdin:2: syntax error", "stdin:4: syntax error"],
        ),
        ("pass all", ["stdin:1: syntax error"]),
        ("# nothing but a remark", []),
        ("pass all\r\n", ["stdin:1: syntax error"]),
        ("pass from $nobody\n", ["stdin:1: macro 'nobody' not defined", "stdin:1: syntax error"]),
        ("nat on en0 from any to any\n", ["stdin:1: translation rule requires '-> address'"]),
        (
            "pass from 999.1.1.1\n",
            ["no IP address found for 999.1.1.1", "stdin:1: could not parse host specification"],
        ),
        (
            "pass from ppp0:network\n",
            ["no IP address found for ppp0:network", "stdin:1: could not parse host specification"],
        ),
        ("pass \\\nnonsense\n", ["stdin:2: syntax error"]),
        ("# hidden \\\nnonsense\npass\n", []),
        ("pass inet from fe80::1\n", ["stdin:1: rule expands to no valid combination"]),
        ("set nothing on\n", ["stdin:1: syntax error"]),
        ('load anchor "x"\n', ["stdin:1: syntax error"]),
    ],
)
def test_an_error_is_told_with_its_line(text: str, errors: List[str]) -> None:
    assert read(text)[1] == errors


STATEMENTS = [
    "set skip on lo0",
    'scrub-anchor "a"',
    'nat-anchor "a"',
    'rdr-anchor "a"',
    'dummynet-anchor "a"',
    'anchor "a"',
]
STAGES = [1, 2, 4, 4, 5, 6]


@given(st.lists(st.integers(0, 5), max_size=6))
def test_statements_must_stand_in_order(numbers: List[int]) -> None:
    text = "".join(STATEMENTS[number] + "\n" for number in numbers)
    stages = [STAGES[number] for number in numbers]
    _, errors = read(text)
    assert bool(errors) == (stages != sorted(stages))
    assert all("Rules must be in order: options" in error for error in errors)


@given(st.text(alphabet=st.sampled_from(list("nat pas{}<>()!\\\n\"'$#=/:.,-10ex")), max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    rules, errors = read(text)
    assert isinstance(rules, list)
    assert all(re.match(r"stdin:\d+: |no IP address", error) for error in errors)


# -- anchors and transactions


def test_a_bad_load_keeps_the_old_rules(mac: Mac) -> None:
    load(mac, NAT + "\n")
    found = pfctl(mac, "-a", OURS, "-f", "-", text="nat on en1 from any\n")
    assert found.code == 1
    assert found.err.endswith(b"pfctl: Syntax error in config file: pf rules not loaded\n")
    assert shown(mac, "-a", OURS, "-s", "nat") == [NAT]


def test_a_load_replaces_all_kinds_of_one_anchor_only(mac: Mac) -> None:
    load(mac, NAT + "\nblock in all\n")
    load(mac, "block out all\n", "com.apple/300.other")
    load(mac, NAT + "\n")
    assert shown(mac, "-a", OURS, "-s", "rules") == []
    assert shown(mac, "-a", "com.apple/300.other", "-s", "rules") == ["block drop out all"]
    assert shown(mac, "-s", "nat")[0] == 'nat-anchor "com.apple/*" all'


def test_an_emptied_anchor_is_freed_unless_pf_keeps_it(mac: Mac) -> None:
    load(mac, NAT + "\n")
    assert f"  {OURS}" in shown(mac, "-a", "com.apple", "-s", "Anchors")
    pfctl(mac, "-a", OURS, "-F", "all")
    assert b"DIOCGETRULES: Invalid argument" in pfctl(mac, "-a", OURS, "-s", "nat").err
    mac.keep_empty(OURS)
    kept = pfctl(mac, "-a", OURS, "-s", "nat")
    assert (kept.code, kept.out) == (0, b"")
    assert b"Invalid argument" not in kept.err


def test_a_called_anchor_stays_though_empty(mac: Mac) -> None:
    pfctl(mac, "-a", "com.apple/200.AirDrop", "-F", "all")
    assert "  com.apple/200.AirDrop" in shown(mac, "-v", "-s", "Anchors")


def test_loading_nothing_empties_an_anchor(mac: Mac) -> None:
    load(mac, NAT + "\n")
    load(mac, "")
    assert shown(mac, "-a", OURS, "-s", "nat") == []


def test_a_missing_file_of_load_anchor_fails_the_whole_load(mac: Mac) -> None:
    line = 'load anchor "com.apple/250.ours" from "/etc/pf.anchors/250.ours"\n'
    conf = mac.path / "etc/pf.conf"
    conf.write_text(conf.read_text() + line)
    for words in (["-n", "-f", "/etc/pf.conf"], ["-f", "/etc/pf.conf"]):
        found = pfctl(mac, *words)
        assert found.code == 1
        assert b"cannot open the main config file!" in found.err
    (mac.path / "etc/pf.anchors/250.ours").write_text("")
    assert pfctl(mac, "-f", "/etc/pf.conf").code == 0
    (mac.path / "etc/pf.anchors/250.ours").write_text(NAT + "\n")
    assert pfctl(mac, "-f", "/etc/pf.conf").code == 0
    assert shown(mac, "-a", OURS, "-s", "nat") == [NAT]


def test_a_dry_run_needs_no_root_and_changes_nothing(mac: Mac) -> None:
    before = mac.state["pf"]["anchors"].copy()
    found = pfctl(mac, "-n", "-f", "-", text="pass all\n", root=False)
    assert found.code == 0
    assert b"ALTQ" not in found.err
    assert mac.state["pf"]["anchors"] == before


def test_without_root_pf_is_shut(mac: Mac) -> None:
    for words in (["-s", "info"], ["-a", OURS, "-F", "all"], ["-E"]):
        assert pfctl(mac, *words, root=False) == Answer(
            1, b"", b"pfctl: /dev/pf: Permission denied\n"
        )


def test_anchor_names_with_an_underscore_are_refused(mac: Mac) -> None:
    found = pfctl(mac, "-a", "com.apple/_x", "-s", "nat")
    assert found.code == 1
    assert b"cannot be modified from the command line" in found.err


@pytest.mark.parametrize("word", ["nothing", ""])
def test_an_unknown_word_shows_the_usage(mac: Mac, word: str) -> None:
    found = pfctl(mac, "-s", word)
    assert found.code == 1
    assert b"usage: pfctl" in found.err


# -- tokens


def enabled(mac: Mac) -> bool:
    return shown(mac, "-s", "info")[0].startswith("Status: Enabled")


def take(mac: Mac) -> str:
    found = pfctl(mac, "-E")
    match = re.search(rb"^Token : (\d{19,20})$", found.err, re.M)
    assert found.code == 0
    assert match
    return match.group(1).decode()


def test_pf_is_on_while_somebody_holds_a_token(mac: Mac) -> None:
    first, second = take(mac), take(mac)
    assert first != second
    assert b"1 more pf enable reference(s) remaining" in pfctl(mac, "-X", first).err
    assert enabled(mac)
    assert pfctl(mac, "-X", first).err.endswith(b"pfctl: pf: token invalid\n")
    assert pfctl(mac, "-X", second).err.endswith(b"pf disabled\n")
    assert not enabled(mac)
    assert pfctl(mac, "-X", second).code == 1


def test_a_stray_e_keeps_pf_on_after_the_last_token(mac: Mac) -> None:
    token = take(mac)
    assert pfctl(mac, "-e").code == 1
    assert pfctl(mac, "-X", token).code == 0
    assert enabled(mac)


def test_d_kills_all_tokens_and_numbers_can_come_back(mac: Mac) -> None:
    theirs = mac.foreign_enable()
    ours = take(mac)
    assert pfctl(mac, "-d").code == 0
    assert shown(mac, "-s", "References") == ["No pf starter references held"]
    assert pfctl(mac, "-X", ours).code == 1
    mac.tokens_come_back()
    assert {take(mac), take(mac)} == {ours, str(theirs)}


def test_actions_have_a_fixed_order_in_one_call(mac: Mac) -> None:
    take(mac)
    found = pfctl(mac, "-ef", "/etc/pf.conf")
    assert (found.code, found.err.splitlines()[-1]) == (1, b"pfctl: pf already enabled")
    assert pfctl(mac, "-a", OURS, "-Ef", "-", text=NAT + "\n").code == 0
    assert shown(mac, "-a", OURS, "-s", "nat") == [NAT]
    assert pfctl(mac, "-a", OURS, "-Ef", "-", text="x\n").code == 1
    assert len(shown(mac, "-s", "References")) == 4


# -- packets


def test_a_packet_needs_forwarding_a_rule_and_an_enabled_pf(mac: Mac) -> None:
    assert mac.egress() == "forwarding is 0"
    mac.answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"], root=True)
    assert mac.egress() == "not translated"
    load(mac, NAT + "\n")
    assert mac.egress() == "not translated"
    take(mac)
    assert mac.egress() == "ok"


def test_counters_prove_that_a_rule_is_evaluated(working: Mac) -> None:
    assert "Evaluations: 0 " in shown(working, "-a", OURS, "-v", "-s", "nat")[1]
    working.egress()
    line = shown(working, "-a", OURS, "-v", "-s", "nat")[1]
    assert "Evaluations: 1 " in line
    assert "Packets: 12 " in line
    assert b"killed 1 states" in pfctl(working, "-k", "192.168.64.0/24").err
    assert b"killed 0 states" in pfctl(working, "-k", "192.168.64.0/24").err


@pytest.fixture
def working(mac: Mac) -> Mac:
    """The Mac with our rule, forwarding and pf on."""
    mac.answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"], root=True)
    load(mac, NAT + "\n")
    take(mac)
    return mac


def test_the_first_translation_wins_in_the_order_of_names(working: Mac) -> None:
    load(working, "no nat from 192.168.64.0/24 to any\n", "com.apple/900.late")
    assert working.egress() == "ok"
    load(working, "no nat from 192.168.64.0/24 to any\n", "com.apple/100.early")
    assert working.egress() == "not translated"


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        (
            "block drop in quick on bridge100 inet from 192.168.64.0/24 to ! 192.168.64.0/24",
            "blocked",
        ),
        ("block out on en0 from 192.168.1.37", "blocked"),
        ("block out on en0 from 192.168.64.0/24", "ok"),
        ("block all\npass quick all", "ok"),
        ("pass quick on bridge100\nblock in on bridge100", "ok"),
        ("block in on bridge100 proto tcp to any port 443", "blocked"),
        ("block in on bridge100 proto udp to any port 443", "ok"),
        ("table <t> { 192.168.64.0/24 }\nblock in from <t> to any", "blocked"),
        ("block in on bridge101 all", "ok"),
    ],
)
def test_filter_rules_decide_and_see_the_translated_address(
    working: Mac, rule: str, result: str
) -> None:
    load(working, rule + "\n", "com.apple/300.filter")
    assert working.egress().split(":")[0] == result


def test_a_tunnel_without_an_address_leaks_and_hides_later_rules(working: Mac) -> None:
    load(working, "nat on utun4 inet from 192.168.64.0/24 to any -> (utun4:0)\n" + NAT + "\n")
    working.vpn_on(address=None)
    trace = working.trace()
    assert (trace.result, trace.source) == ("leaks: utun4 has no address", "192.168.64.3")
    working.vpn_on(address="10.9.0.5")
    assert working.egress() == "ok"


def test_a_neighbour_gets_in_unless_a_rule_stops_him(working: Mac) -> None:
    assert working.neighbour() == "ok"
    load(working, "block drop in quick on en0 inet from any to 192.168.64.0/24\n", "com.apple/2")
    assert working.neighbour().startswith("blocked: block drop in quick on en0")
    assert working.egress() == "ok"


@pytest.mark.parametrize(
    ("setup", "text", "code"),
    [("", "404", 0), ("dns", "000", 6), ("tls", "000", 35), ("dead", "000", 28)],
)
def test_curl_in_a_guest_tells_what_it_met(working: Mac, setup: str, text: str, code: int) -> None:
    if setup == "dns":
        working.guest_dns(False)
    elif setup == "tls":
        working.curl(35)
    elif setup == "dead":
        working.internet(False)
    command = "run --rm --entrypoint curl nanoclaw-agent:latest -s4 --connect-timeout 5 "
    words = (command + "-o /dev/null -w %{http_code} https://api.anthropic.com").split()
    found = working.answer(["/usr/local/bin/container", *words])
    assert (found.out.decode(), found.code) == (text, code)


def test_rules_can_be_shown_in_full(working: Mac) -> None:
    found: Optional[str] = pfctl(working, "-s", "all").out.decode()
    assert found
    assert "Status: Enabled" in found
    assert "TOKENS:" in found
