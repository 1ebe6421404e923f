"""The simulated pfctl reorders and folds filter rules as the real one does (field-facts, 6)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, List

import pytest
from sim.support import ANCHOR

from container_net.simmac import Mac

New = Callable[..., Mac]
CASES = Path(__file__).parents[3] / "shared" / "reference" / "pf-cases"
KEEP = "set ruleset-optimization none"


def echoed(mac: Mac, rules: List[str]) -> List[str]:
    """The rules as they come back after a load."""
    root = ["/usr/bin/sudo", "-n", "/sbin/pfctl", "-a", ANCHOR]
    loaded = mac.answer([*root, "-f", "-"], "".join(rule + "\n" for rule in rules).encode())
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


@pytest.mark.parametrize("rules", [IN_TURN, [block("en0", number) for number in range(9)]])
def test_told_not_to_it_keeps_them_as_they_were_written(new: New, rules: List[str]) -> None:
    assert echoed(new("idle"), [KEEP, *rules]) == rules


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
        found = [
            re.sub("__automatic_[0-9a-f]+_", "__automatic_", r) for r in echoed(new("idle"), given)
        ]
        assert found == [row for row in wanted if not row.startswith("table ")]
