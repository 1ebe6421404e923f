"""What pfctl makes of filter rules before it loads them, unless it is told not to (field-facts, 6).

`ruleset-optimization basic`, the default: within a run of quick rules of one action it groups them
by interface, and folds six or more that differ in one address into a table of a random name. Other
rules, translation above all, are left alone. Only these two effects are played.
"""

from __future__ import annotations

import itertools
import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    Rule = Dict[str, Any]
    Placed = Tuple[str, Rule]

__all__ = ["optimize"]

FOLDED_FROM = 6


def optimize(rules: List[Placed], tables: Dict[str, Dict[str, List[str]]]) -> List[Placed]:
    """The rules in the order in which pf gets them; what was folded is added to `tables`."""
    found: List[Placed] = []
    for key, placed in itertools.groupby(rules, _run):
        run = list(placed)
        found += _fold(_grouped(run), tables) if key else run
    return found


def _run(placed: Placed) -> Any:
    """What rules of one run have in common; None where a rule stays in its place."""
    path, rule = placed
    if rule["action"] not in ("pass", "block") or not rule.get("quick"):
        return None
    return path, rule["action"]


def _grouped(run: List[Placed]) -> List[Placed]:
    interfaces = [rule.get("iface", "") for _path, rule in run]
    return sorted(run, key=lambda placed: interfaces.index(placed[1].get("iface", "")))


def _fold(run: List[Placed], tables: Dict[str, Dict[str, List[str]]]) -> List[Placed]:
    found: List[Placed] = []
    for _, alike in itertools.groupby(run, _but_for_the_address):
        same = list(alike)
        path, rule = same[0]
        networks = [each["dst"]["text"] for _path, each in same]
        if len(same) < FOLDED_FROM or rule["dst"]["type"] != "net" or rule["dst"].get("not"):
            found += same
            continue
        name = f"__automatic_{random.getrandbits(32):x}_{len(tables.get(path, {}))}"
        tables.setdefault(path, {})[name] = networks
        folded = {"type": "table", "text": f"<{name}>", "table": name}
        found.append((path, {**rule, "dst": folded}))
    return found


def _but_for_the_address(placed: Placed) -> Any:
    path, rule = placed
    return path, {k: v for k, v in rule.items() if k != "dst"}
