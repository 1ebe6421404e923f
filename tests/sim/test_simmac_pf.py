"""The simulated pf: its grammar, its anchors and transactions, its tokens, and packets."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simmac import Answer, Mac, build
from simmac.pf_grammar import parse
from simmac.pf_optimizer import optimize
from simmac.pf_rules import echo

OURS = "com.apple/250.ours"
NAT = "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)"
CASES = Path(__file__).resolve().parents[3] / "shared" / "reference" / "pf-cases"

needs_cases = pytest.mark.skipif(
    not CASES.is_dir(), reason="the cases of real pfctl are not beside this checkout"
)


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


def test_a_text_that_was_read_before_is_read_anew_where_the_mac_is_another() -> None:
    text = 'include "more"\nnat on en0 from en0:network to any -> (en0:0)\n'

    def rules(address: str, more: str) -> List[str]:
        found = parse(
            text, "stdin", "", addresses=lambda _: [(address, 24)], read=lambda _: f"{more} all\n"
        )
        return [echo(rule) for _, rule in optimize(found).rules]

    first = rules("192.168.1.37", "nat-anchor a")
    assert rules("192.168.1.38", "nat-anchor a") == first
    assert rules("10.0.0.1", "nat-anchor a") == [first[0], first[1].replace("192.168.1", "10.0.0")]
    assert rules("192.168.1.37", "nat-anchor b") == ['nat-anchor "b" all', first[1]]


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
        (
            "nat on utun29 inet from 192.168.64.0/24 to any -> (utun29:0) extfilter ei",
            "nat on utun29 inet from 192.168.64.0/24 to any -> (utun29:0) extfilter ei",
        ),
        (
            "nat on !en0 from 10.0.0.0/8 to any -> (en0:0)",
            "nat on ! en0 inet from 10.0.0.0/8 to any -> (en0:0)",
        ),
        (
            "block in quick on ! lo0 from ! 192.168.64.0/24 to 192.168.64.0/24",
            "block drop in quick on ! lo0 inet from ! 192.168.64.0/24 to 192.168.64.0/24",
        ),
        (
            "block drop in quick on utun7 inet from 192.168.64.0/24 to any",
            "block drop in quick on utun7 inet from 192.168.64.0/24 to any",
        ),
        (
            "block in quick on ! lo0 from 192.168.128.0/24 to ! 192.168.128.0/24",
            "block drop in quick on ! lo0 inet from 192.168.128.0/24 to ! 192.168.128.0/24",
        ),
        (
            "pass in quick proto udp from 192.168.64.0/24 to 192.168.64.1 port 53 no state",
            "pass in quick inet proto udp from 192.168.64.0/24 to 192.168.64.1 port = 53 no state",
        ),
        (
            "pass in quick proto tcp from any to 192.168.64.1 port domain",
            "pass in quick inet proto tcp from any to 192.168.64.1 port = 53 flags S/SA keep state",
        ),
        (
            "pass out quick from 192.168.64.1 to 192.168.64.0/24",
            "pass out quick inet from 192.168.64.1 to 192.168.64.0/24 flags S/SA keep state",
        ),
        (
            "block in quick from urpf-failed to 192.168.64.0/24",
            "block drop in quick inet from urpf-failed to 192.168.64.0/24",
        ),
        ("pass in on en0 reply-to en1", "pass in on en0 reply-to en1 all flags S/SA keep state"),
        (
            "pass in on en0 route-to (utun3 10.8.0.1) inet no state",
            "pass in on en0 route-to (utun3 10.8.0.1) inet all no state",
        ),
        (
            "pass in route-to { (en0 10.0.0.1), en1 } no state",
            "pass in route-to { (en0 10.0.0.1), en1 } round-robin all no state",
        ),
        (
            "pass inet proto icmp icmp-type 8 code 0",
            "pass inet proto icmp all icmp-type echoreq code 0 keep state",
        ),
        (
            "pass inet proto icmp icmp-type unreach code needfrag",
            "pass inet proto icmp all icmp-type unreach code needfrag keep state",
        ),
        (
            "pass inet6 proto icmp6 icmp6-type neighbrsol",
            "pass inet6 proto ipv6-icmp all icmp6-type neighbrsol keep state",
        ),
        (
            "pass in proto tcp to port mysql:mdns no state",
            "pass in proto tcp from any to any port 3306:5353 no state",
        ),
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


def test_a_list_of_icmp_types_by_macro_is_expanded() -> None:
    text = 'types = "{ echoreq, 3 code 4 }"\npass in inet proto icmp icmp-type $types\n'
    assert read(text) == (
        [
            "pass in inet proto icmp all icmp-type echoreq keep state",
            "pass in inet proto icmp all icmp-type unreach code needfrag keep state",
        ],
        [],
    )


def test_a_quoted_macro_may_stand_on_two_lines() -> None:
    text = 'ports = "{ 80,\n 443 }"\npass out proto tcp to port $ports no state\nnonsense\n'
    rules, errors = read(text)
    assert [rule.split("port ")[1] for rule in rules] == ["= 80 no state", "= 443 no state"]
    assert errors == ["stdin:4: syntax error"]


ORDER = "Rules must be in order: options, normalization, queueing, translation, filtering"
NAT_LINE = "nat on en0 from 192.168.64.0/24 to any -> (en0)\n"


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"pass all\nset {statement}\npass out all\n"
            for statement in (
                "skip on lo0",
                "skip on { lo0 utun0 }",
                "state-policy if-bound",
                "hostid 7",
                "ruleset-optimization none",
                "require-order yes",
            )
        ),
        "table <x> { }\n",
        "table <x> persist { }\n",
        "set require-order no\npass all\n" + NAT_LINE + "scrub in all\nset debug loud\n",
        "set require-order no\npass all\n" + NAT_LINE + "set require-order yes\n" + NAT_LINE,
        'anchor "x" {\npass in all\nanchor "y"\n}\n',
        'anchor "x" {\npass in all\n}\nanchor "y" {\npass in all\n}\nanchor "x"\n',
        "anchor in {\npass in all\n}\nanchor out {\npass out all\n}\n",
        "",
        "# only remarks\n\n# and no end",
    ],
)
def test_pf_takes(text: str) -> None:
    assert read(text)[1] == []


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("pass all\nset block-policy return\n", [f"stdin:2: {ORDER}"]),
        ("set require-order maybe\n", ["stdin:1: syntax error"]),
        ("pass all\n" + NAT_LINE + "set require-order no\n", [f"stdin:2: {ORDER}"]),
        (
            "set require-order no\nset require-order yes\npass all\n" + NAT_LINE,
            [f"stdin:4: {ORDER}"],
        ),
        ("pass all\n" + NAT_LINE.strip(), ["stdin:2: syntax error"]),
        ('anchor "x" {\npass all\nnat-anchor "y"\n}\n', [f"stdin:3: {ORDER}"]),
        (f'anchor "x" {{\n{NAT_LINE}}}\n', ["stdin:2: syntax error"]),
        (
            'anchor "x" {\npass all\n}\nanchor "x" {\npass all\n}\n',
            ["stdin:6: inline anchor 'x' already exists"],
        ),
        (
            'anchor "_x"\n',
            ["stdin:1: anchor names beginning with '_' are reserved for internal use"],
        ),
        ("pass proto tcp to port nowhere\n", ["stdin:1: unknown port nowhere"]),
        ("pass proto tcp to port { 80, }\n", ["stdin:1: syntax error"]),
        ("pass proto tcp icmp-type 8\n", ["stdin:1: icmp-type mismatch"]),
        ("pass proto icmp icmp-type x\n", ["stdin:1: unknown icmp-type x"]),
        ("pass proto icmp icmp-type 3 code x\n", ["stdin:1: unknown icmp-code x"]),
        (
            "pass to urpf-failed\n",
            ['stdin:1: "urpf-failed" is not permitted in a destination address'],
        ),
        ('b = en0\na = "$b"\npass on $a\n', ["stdin:3: syntax error"]),
        (
            "nat on en0 from any to any->(en0)\n",
            ["no IP address found for any-", "stdin:1: could not parse host specification"],
        ),
        ('a = "open\npass all\n', ["stdin:1: syntax error"]),
        ("table <x> { (en0) }\n", ["stdin:1: (en0) is not permitted inside tables"]),
    ],
)
def test_pf_refuses(text: str, errors: List[str]) -> None:
    assert read(text)[1] == errors


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
    "set block-policy drop",
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


def test_an_emptied_anchor_is_listed_until_the_mac_restarts(mac: Mac) -> None:
    load(mac, NAT + "\n")
    for empty in (["-a", OURS, "-F", "all"], ["-a", OURS, "-f", "-"]):
        pfctl(mac, *empty)
        assert f"  {OURS}" in shown(mac, "-a", "com.apple", "-s", "Anchors")
        kept = pfctl(mac, "-a", OURS, "-s", "nat")
        assert (kept.code, kept.out) == (0, b"")
        assert b"Invalid argument" not in kept.err
    mac.reboot()
    assert f"  {OURS}" not in shown(mac, "-a", "com.apple", "-s", "Anchors")
    assert b"DIOCGETRULES: Invalid argument" in pfctl(mac, "-a", OURS, "-s", "nat").err


def test_an_anchor_that_never_held_a_rule_is_not_listed_unless_pf_keeps_it(mac: Mac) -> None:
    pfctl(mac, "-a", OURS, "-F", "all")
    load(mac, "")
    assert b"DIOCGETRULES: Invalid argument" in pfctl(mac, "-a", OURS, "-s", "nat").err
    mac.keep_empty(OURS)
    assert f"  {OURS}" in shown(mac, "-a", "com.apple", "-s", "Anchors")


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


@needs_cases
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("stock.conf", ""),
        ("03-require-order-late.conf", ""),
        ("03-require-order-late.after", f"/etc/pf.conf:4: {ORDER}"),
        ("04-require-order-no-then-yes.conf", ""),
        ("04-require-order-no-then-yes.after", f"/etc/pf.conf:6: {ORDER}"),
        ("05-guide-line-first.conf", f"/etc/pf.conf:23: {ORDER}"),
        ("guide-appended.conf", f"/etc/pf.conf:28: {ORDER}"),
    ],
)
def test_a_case_of_real_pfctl_is_taken_or_refused_alike(mac: Mac, name: str, says: str) -> None:
    (mac.path / "etc/pf.conf").write_text((CASES / name).read_text())
    (mac.path / "etc/pf.anchors/250.container-net").write_text("")
    found = pfctl(mac, "-n", "-f", "/etc/pf.conf", root=False)
    said = [line for line in found.err.decode().splitlines() if line.startswith("/etc")]
    assert said == ([says] if says else [])
    assert found.code == (1 if says else 0)


@needs_cases
def test_the_guides_line_without_its_newline_is_a_syntax_error(mac: Mac) -> None:
    text = (CASES / "guide-appended.conf").read_text()
    (mac.path / "etc/pf.conf").write_text(text.rstrip("\n"))
    found = pfctl(mac, "-n", "-f", "/etc/pf.conf", root=False)
    assert b"/etc/pf.conf:28: syntax error\n" in found.err


STOCK_STATEMENTS = (
    'scrub-anchor "com.apple/*"',
    'nat-anchor "com.apple/*"',
    'rdr-anchor "com.apple/*"',
    'dummynet-anchor "com.apple/*"',
    'anchor "com.apple/*"',
    'load anchor "com.apple" from "/etc/pf.anchors/com.apple"',
)


@pytest.mark.parametrize(
    ("before", "taken"),
    [(0, False), (1, True), (2, True), (3, True), (4, False), (5, False), (6, False)],
)
def test_the_guides_line_is_taken_between_scrub_anchor_and_dummynet_anchor_only(
    mac: Mac, before: int, taken: bool
) -> None:
    lines = [*STOCK_STATEMENTS[:before], NAT_LINE.strip(), *STOCK_STATEMENTS[before:]]
    (mac.path / "etc/pf.conf").write_text("".join(line + "\n" for line in lines))
    found = pfctl(mac, "-n", "-f", "/etc/pf.conf", root=False)
    # As the first line it is taken, and the line behind it is blamed.
    blamed = f"/etc/pf.conf:{max(before + 1, 2)}: {ORDER}\n".encode()
    assert found.code == (0 if taken else 1)
    assert (blamed in found.err) == (not taken)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (b"", True),
        (b"# nothing\n", True),
        (b"# nothing", True),
        (b"pass all\n", True),
        (b"pass all", False),
        (b"pass all\r\n", False),
        (b"# nothing\r\n", True),
    ],
)
def test_a_file_that_is_loaded_into_an_anchor_has_whole_lines(
    mac: Mac, text: bytes, taken: bool
) -> None:
    conf = mac.path / "etc/pf.conf"
    conf.write_text(conf.read_text() + f'load anchor "{OURS}" from "/etc/pf.anchors/ours"\n')
    (mac.path / "etc/pf.anchors/ours").write_bytes(text)
    found = pfctl(mac, "-f", "/etc/pf.conf")
    assert found.code == (0 if taken else 1)
    assert (b"/etc/pf.anchors/ours:1: syntax error" in found.err) == (not taken)


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


def test_rules_for_interfaces_to_come_load_at_once_and_wait(working: Mac) -> None:
    lines = [
        f"nat on {name}{number} inet from 192.168.64.0/24 to any -> ({name}{number}:0) extfilter ei"
        for name in ("en", "utun")
        for number in range(95)
    ]
    start = time.perf_counter()
    load(working, "".join(line + "\n" for line in lines))
    assert time.perf_counter() - start < 0.5  # about 0.04 s on an idle machine
    assert shown(working, "-a", OURS, "-s", "nat") == lines
    assert working.trace().source == "192.168.1.37"
    working.vpn_on(name="utun29", address="10.9.0.5")
    assert (working.trace().uplink, working.trace().source) == ("utun29", "10.9.0.5")
    working.vpn_on(name="utun94", full=False, address="10.7.0.5")
    assert (working.trace().uplink, working.trace().source) == ("utun94", "10.7.0.5")
    working.vpn_on(name="utun94", address=None)
    assert working.trace().result == "leaks: utun94 has no address"
    working.vpn_on(name="utun95", address="10.6.0.5")
    assert working.trace().result == "not translated"


# -- who reaches whom

S, H = "192.168.64.0/24", "192.168.128.0/24"
GATEWAY, LAN, PUBLIC = "192.168.64.1", "192.168.1.50", "160.79.104.10"
WHO = {
    "guest": S,
    "hidden": H,  # a guest of a host-only network
    "forger": "192.168.64.9",
    "gateway": GATEWAY,
    "hidden-gateway": "192.168.128.1",
    "mac": "192.168.1.37",
    "lan": LAN,
    "office": "10.1.2.3",
    "internet": PUBLIC,
}
KEEP_ORDER = "set ruleset-optimization none\n"
GUARD = f"block drop in quick on ! lo0 inet from ! {S} to {S}\n"
NO_FORGERS = f"block drop in quick on en0 inet from {S} to any\n"
NO_STRAYS = f"block drop in quick inet from urpf-failed to {S}\n"
HIDDEN = f"block drop in quick on ! lo0 inet from {H} to ! {H}\n"
FENCE = (
    f"pass in quick inet proto udp from {S} to {GATEWAY} port 53 no state\n"
    f"pass in quick inet proto tcp from {S} to {GATEWAY} port 53\n"
    f"block drop in quick inet from {S} to 10.0.0.0/8\n"
    f"block drop in quick inet from {S} to 192.168.0.0/16\n"
)
WITH_OUT = FENCE + f"pass out quick inet from {GATEWAY} to {S}\n"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Mac:
    """A Mac with a container network and a host-only one, both translated by us; vmnet has no rule
    here, so that ours alone decide."""
    mac = build(tmp_path_factory.mktemp("two") / "mac", "broken")
    mac.add_network("hidden", H, "hostOnly")
    mac.start_container("other", network="hidden")
    mac.answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"], root=True)
    load(mac, "".join(f"nat on en0 inet from {subnet} to any -> (en0:0)\n" for subnet in (S, H)))
    take(mac)
    return mac


@pytest.mark.parametrize(
    ("rules", "way", "result"),
    [
        # pf's own default passes.
        ("", "guest to internet tcp 443", "ok"),
        ("", "guest to internet icmp 0", "ok"),
        ("", "hidden to internet tcp 443", "ok"),
        ("", "hidden to guest tcp 22", "ok"),
        ("", "lan to guest tcp 22", "ok"),
        ("", "gateway to guest tcp 22", "ok"),
        # The guard: nothing comes in but answers, and what the Mac itself sends.
        (GUARD, "guest to internet tcp 443", "ok"),
        (GUARD, "guest to internet udp 53", "ok"),
        (GUARD, "lan to guest tcp 22", "blocked"),
        (GUARD, "lan to guest icmp 0", "blocked"),
        (GUARD, "internet to guest udp 22", "blocked"),
        (GUARD, "hidden to guest tcp 22", "blocked"),
        (GUARD, "gateway to guest tcp 22", "ok"),
        (GUARD, "guest to gateway udp 53", "ok"),
        (GUARD, "guest to guest tcp 22", "ok"),
        (GUARD, "lan to mac tcp 22", "ok"),
        (GUARD, "forger to guest tcp 22 via en0", "ok"),
        (NO_FORGERS, "forger to guest tcp 22 via en0", "blocked"),
        (NO_FORGERS, "forger to mac tcp 22 via en0", "blocked"),
        (NO_FORGERS, "guest to internet tcp 22", "ok"),
        (NO_STRAYS, "forger to guest tcp 22 via en0", "blocked"),
        (NO_STRAYS, "lan to guest tcp 22", "ok"),
        (NO_STRAYS, "guest to guest tcp 22", "ok"),
        # A host-only network stays by itself.
        (HIDDEN, "hidden to internet tcp 443", "blocked"),
        (HIDDEN, "hidden to guest tcp 22", "blocked"),
        (HIDDEN, "hidden to lan tcp 22", "blocked"),
        (HIDDEN, "hidden to mac tcp 22", "blocked"),
        (HIDDEN, "hidden to hidden-gateway udp 53", "ok"),
        (HIDDEN, "hidden to hidden tcp 22", "ok"),
        (HIDDEN, "guest to internet tcp 443", "ok"),
        # The fence: no private network, but names; and the Mac gets its answers.
        (FENCE, "guest to internet tcp 443", "ok"),
        (FENCE, "guest to office tcp 443", "blocked"),
        (FENCE, "guest to lan tcp 443", "blocked"),
        (FENCE, "guest to gateway udp 53", "ok"),
        (FENCE, "guest to gateway tcp 53", "ok"),
        (FENCE, "guest to gateway tcp 22", "blocked"),
        (FENCE, "guest to gateway icmp 0", "blocked"),
        (FENCE, "gateway to guest tcp 22", "no answer, blocked"),
        (WITH_OUT, "gateway to guest tcp 22", "ok"),
        (WITH_OUT, "gateway to guest icmp 0", "ok"),
        (WITH_OUT, "guest to lan tcp 443", "blocked"),
        # States, flags, types and ports.
        ("block in all\npass in quick flags A/SA\n", "guest to internet tcp 22", "blocked"),
        ("block in all\npass in quick flags A/SA\n", "guest to internet udp 53", "ok"),
        ("block out all\npass in no state\n", "lan to gateway tcp 22", "no answer, blocked"),
        ("block out all\npass in\n", "lan to gateway tcp 22", "ok"),
        ("block in proto icmp icmp-type echoreq\n", "guest to internet icmp 0", "blocked"),
        ("block in proto icmp icmp-type unreach\n", "guest to internet icmp 0", "ok"),
        ("block in proto udp to port 50:60\n", "guest to internet udp 53", "blocked"),
        ("block in proto udp to port 50:60\n", "guest to internet tcp 53", "ok"),
        ("block in proto udp from port 1:1024\n", "guest to internet udp 53", "ok"),
        ("block in from any to no-route\n", "guest to internet udp 53", "ok"),
    ],
)
def test_with_these_rules_one_reaches_another(two: Mac, rules: str, way: str, result: str) -> None:
    load(two, KEEP_ORDER + rules, "com.apple/260.filter")
    source, _, target, proto, port, *via = way.split(" ")
    found = two.reaches(WHO[source], WHO[target], int(port), proto, via=via[1] if via else None)
    assert re.sub(r": .*", "", found) == result, found


def test_what_stops_a_connection_is_named(mac: Mac) -> None:
    mac.answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=1"], root=True)
    take(mac)
    load(mac, GUARD)
    assert mac.reaches(LAN, S, 22) == "blocked: " + GUARD.strip()
    load(mac, FENCE)
    assert mac.reaches(GATEWAY, S, 22).startswith("no answer, blocked: block drop in quick inet")
    load(mac, "")
    mac.answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=0"], root=True)
    assert mac.reaches(S, PUBLIC) == mac.reaches(LAN, S) == "forwarding is 0"
    assert mac.reaches(S, GATEWAY) == mac.reaches(S, S) == mac.reaches(GATEWAY, GATEWAY) == "ok"
    mac.internet(False)
    assert mac.reaches("192.168.1.37", PUBLIC) == "no answer from the internet"
    mac.unplug()
    assert mac.reaches(PUBLIC, S) == "the source is nowhere"
    assert mac.reaches(GATEWAY, PUBLIC) == "no route"


def test_a_neighbour_gets_in_unless_a_rule_stops_him(working: Mac) -> None:
    assert working.neighbour() == "ok"
    load(working, "block drop in quick on en0 inet from any to 192.168.64.0/24\n", "com.apple/2")
    assert working.neighbour().startswith("blocked: block drop in quick on en0")
    assert working.neighbour("192.168.99.0/24") == "no bridge"
    assert working.neighbour(uplink="en1") == "no uplink"
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
