"""The simulated pfctl reorders and folds filter rules as the real one does (macos.md, 13)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, List

import pytest
from sim.support import ANCHOR

from simmac import Mac

New = Callable[..., Mac]
CASES = Path(__file__).parents[3] / "shared" / "reference" / "pf-cases"
KEEP = "set ruleset-optimization none"


def echoed(mac: Mac, rules: List[str], *options: str) -> List[str]:
    """The rules as they come back after a load."""
    root = ["/usr/bin/sudo", "-n", "/sbin/pfctl", "-a", ANCHOR]
    loaded = mac.answer(
        [*root, *options, "-f", "-"], "".join(rule + "\n" for rule in rules).encode()
    )
    assert loaded.code == 0, loaded
    found: List[str] = []
    for kind in ("nat", "rules"):
        found += mac.answer([*root, "-s", kind]).out.decode().splitlines()
    return found


def block(interface: str, number: int) -> str:
    return f"block drop in quick on {interface} inet from any to 172.20.{number}.0/24"


IN_TURN = [block("en0", 1), block("en7", 1), block("en0", 2), block("en7", 2)]
BY_INTERFACE = [block("en0", 1), block("en0", 2), block("en7", 1), block("en7", 2)]


def test_quick_rules_are_grouped_by_interface(new: New) -> None:
    assert echoed(new("idle"), IN_TURN) == BY_INTERFACE


def test_six_of_a_kind_become_a_table_and_five_do_not(new: New) -> None:
    five = [block("en0", number) for number in range(5)]
    assert echoed(new("idle"), five) == five
    (rule,) = echoed(new("idle"), [block("en0", number) for number in range(6)])
    assert re.fullmatch(
        r"block drop in quick on en0 inet from any to <__automatic_[0-9a-f]+_0>", rule
    )


def automatic(rules: List[str]) -> List[str]:
    return [re.sub("<__automatic_[0-9a-f]+_", "<__automatic_", rule) for rule in rules]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        # What another rule covers is left out, wherever it stands.
        (["block in quick on en0", "block in quick"], ["block drop in quick all"]),
        (["pass in from 10.0.0.0/8 no state", "pass in from 10.1.0.0/16 no state"], [0]),
        (["pass in proto tcp no state", "pass in proto udp no state"], [0, 1]),
        (["pass in quick no state", "pass in no state"], [0, 1]),
        # Six that differ in the source fold as well, negated ones too, and two tables are two.
        (
            [f"block in from 10.{n}.0.0/16" for n in range(6)],
            ["block drop in inet from <T0> to any"],
        ),
        (
            [f"block in quick from ! 10.{n}.0.0/16" for n in range(6)],
            ["block drop in quick inet from ! <T0> to any"],
        ),
        (
            [f"block {way} from 10.{n}.0.0/16" for n in range(6) for way in ("in", "out")],
            ["block drop in inet from <T0> to any", "block drop out inet from <T1> to any"],
        ),
        # What does something else in between, a label or the call of an anchor keeps blocks apart.
        (
            [*IN_TURN[:2], "pass in quick no state", *IN_TURN[2:]],
            [*IN_TURN[:2], "pass in quick all no state", *IN_TURN[2:]],
        ),
        ([rule + ' label "x"' for rule in IN_TURN], [rule + ' label "x"' for rule in IN_TURN]),
        (
            [*IN_TURN[:2], 'anchor "x"', *IN_TURN[2:]],
            [*IN_TURN[:2], 'anchor "x" all', *IN_TURN[2:]],
        ),
        # What follows an interface's address does not fold.
        ([f"block in quick from (en{n})" for n in range(6)], [0, 1, 2, 3, 4, 5]),
        # Within a group there may be groups.
        (
            [
                *(f"block in quick on en7 from 10.{n}.0.0/16 to 10.9.9.9" for n in (1, 2)),
                *(f"block in quick on en7 from 10.{n}.0.0/16 to 10.9.9.8" for n in (1, 2)),
                block("en0", 1),
            ],
            [0, 2, 1, 3, 4],
        ),
        # A group of three stands before one of two.
        (
            [block("en0", 1), block("en7", 1), block("en0", 2), block("en7", 2), block("en7", 3)],
            [block("en7", 1), block("en7", 2), block("en7", 3), block("en0", 1), block("en0", 2)],
        ),
    ],
)
def test_the_default_makes_of_them(new: New, given: List[str], wanted: List[object]) -> None:
    mac = new("idle")
    kept = echoed(mac, [KEEP, *given])
    texts = [kept[line] if isinstance(line, int) else str(line) for line in wanted]
    found = [rule.replace("__automatic_", "T") for rule in automatic(echoed(mac, given))]
    assert found == texts


def test_a_folded_rule_stops_what_the_rules_stopped(new: New) -> None:
    mac = new("broken")
    mac.answer(["/usr/bin/sudo", "-n", "/sbin/pfctl", "-E"])
    echoed(mac, [f"block in quick from any to 172.20.{n}.0/24" for n in range(6)])
    assert mac.reaches("192.168.64.0/24", "172.20.5.9").startswith("blocked: ")
    assert mac.reaches("192.168.64.0/24", "172.20.6.9") == "forwarding is 0"


@pytest.mark.parametrize("rules", [IN_TURN, [block("en0", number) for number in range(9)]])
def test_told_not_to_it_keeps_them_as_they_were_written(new: New, rules: List[str]) -> None:
    mac = new("idle")
    assert echoed(mac, [KEEP, *rules]) == rules
    assert echoed(mac, [*rules, KEEP]) == rules
    assert echoed(mac, rules, "-o", "none") == rules
    assert echoed(mac, ["set ruleset-optimization basic", *rules], "-o", "none") == rules
    assert echoed(mac, [KEEP, *rules], "-o", "basic") != rules
    assert echoed(mac, ["set ruleset-optimization basic", KEEP, *rules]) != rules


@pytest.mark.parametrize(
    ("conf", "file", "order"),
    [
        ("", "", BY_INTERFACE),
        ("", KEEP, IN_TURN),
        (KEEP, "", IN_TURN),
        (KEEP, "set ruleset-optimization basic", IN_TURN),
        ("set ruleset-optimization basic", KEEP, BY_INTERFACE),
    ],
)
def test_a_file_of_load_anchor_may_say_so_where_pf_conf_does_not_decide(
    new: New, conf: str, file: str, order: List[str]
) -> None:
    mac = new("idle")
    path = mac.path / "etc/pf.conf"
    path.write_text(f'{conf}\n{path.read_text()}load anchor "{ANCHOR}" from "/etc/pf.anchors/x"\n')
    (mac.path / "etc/pf.anchors/x").write_text("\n".join([file, *IN_TURN, ""]))
    assert mac.load_pf_conf()
    rules = mac.answer(["/sbin/pfctl", "-a", ANCHOR, "-s", "rules"], root=True)
    assert rules.out.decode().splitlines() == order


def test_an_unknown_level_is_refused(new: New) -> None:
    found = new("idle").answer(["/sbin/pfctl", "-o", "much", "-n", "-f", "/etc/pf.conf"])
    assert found.code == 1
    assert b"usage: pfctl" in found.err


def test_translation_is_left_alone(new: New) -> None:
    rules = [
        f"nat on {uplink} inet from 172.20.{number}.0/24 to any -> ({uplink}:0)"
        for number in range(4)
        for uplink in ("en0", "en7")
    ]
    assert echoed(new("idle"), rules) == rules


@pytest.mark.skipif(
    not CASES.is_dir(), reason="the cases of real pfctl are not beside the checkout"
)
def test_it_echoes_what_the_real_one_echoed(new: New) -> None:
    for case in ("01-optimizer-2x2", "02-optimizer-1x6"):
        given = (CASES / f"{case}.anchor").read_text().splitlines()
        wanted = (CASES / f"{case}.pfctl-echo").read_text().splitlines()
        loaded = automatic(echoed(new("idle"), given))
        assert loaded == [row for row in wanted if not row.startswith("table ")]
        text = (CASES / f"{case}.anchor").read_bytes()
        dry = new("idle").answer(["/sbin/pfctl", "-n", "-v", "-f", "-"], text)
        assert dry.out.decode().splitlines() == wanted
