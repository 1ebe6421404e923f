"""What pfctl makes of filter rules before it loads them, unless it is told not to: `set
ruleset-optimization basic`, its default (macos.md, 13).

Within a block of adjacent rules that do the same (`block drop quick`, say) the order means nothing.
There pfctl leaves out what another rule covers, folds six or more rules that differ in one address
into a table, and puts rules that have a field in common together, so that the kernel can skip them
at once. A rule with a label or a probability, and the call of an anchor, stay where they are, and
so does translation.
"""

from __future__ import annotations

import os

from . import net
from .pf_rules import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Set

    from .pf_grammar import Parsed
    from .pf_rules import Host, Rule

__all__ = ["AUTOMATIC", "optimize"]

AUTOMATIC = "__automatic_"  # PF_OPT_TABLE_PREFIX
FOLD = 6  # so many rules, and a table is faster
ALONE = ("call", "label", "probability")
# Fields in which rules of one block may differ; the rest is what they do.
CONDITIONS = (
    "iface",
    "iface_not",
    "dir",
    "af",
    "proto",
    "src",
    "sport",
    "dst",
    "dport",
    "flags",
    "icmp-type",
    "icmp6-type",
    "tagged",
    "tagged_not",
    "tos",
    "user",
    "group",
)
# What the kernel can skip rules by, in its order.
SKIPS = ("iface", "dir", "af", "proto", "src", "sport", "dst", "dport")
# Fields that fit everything where they are not given.
WIDE = ("iface", "dir", "proto", "sport", "dport")


def optimize(parsed: Parsed, level: Optional[str] = None, dry: bool = False) -> Parsed:
    """What pfctl loads of a file: its filter rules ruleset by ruleset, and the tables with them.

    `level` is none, basic, or None for the default. `dry` is `pfctl -n`, which makes no tables and
    so gives them no random name.
    """
    if level == "none":
        return parsed
    if level not in parsed.optimized:
        found = _optimized(parsed, dry)
        # Tables get another name each time.
        if found.tables != parsed.tables:
            return found
        parsed.optimized[level] = found
    return parsed.optimized[level]


def _optimized(parsed: Parsed, dry: bool) -> Parsed:
    name = AUTOMATIC if dry else f"{AUTOMATIC}{int.from_bytes(os.urandom(4), 'big'):x}_"
    filters: Dict[str, List[Rule]] = {}
    done = []
    for path, rule in parsed.rules:
        if kind_of(rule) == "filter":
            filters.setdefault(path, []).append(rule)
        else:
            done.append((path, rule))
    made = 0
    made_tables = {path: dict(found) for path, found in parsed.tables.items()}
    for path, rules in filters.items():
        tables: Dict[str, List[str]] = {}
        for block in _blocks(rules):
            folded = _folded(_uncovered(block), name, made, tables)
            done += [(path, rule) for rule in _reordered(folded)]
        if tables:
            made_tables.setdefault(path, {}).update(tables)
            made += len(tables)
    return parsed.with_(done, made_tables)


def _blocks(rules: List[Rule]) -> List[List[Rule]]:
    blocks: List[List[Rule]] = []
    before = None
    for rule in rules:
        what = {key: value for key, value in rule.items() if key not in CONDITIONS}
        if what != before or any(rule.get(key) for key in ALONE):
            blocks.append([])
        blocks[-1].append(rule)
        before = what
    return blocks


# -- leaving out


def _uncovered(block: List[Rule]) -> List[Rule]:
    kept: List[Rule] = []
    for rule in block:
        if not any(_covers(other, rule) for other in kept):
            kept = [other for other in kept if not _covers(rule, other)]
            kept.append(rule)
    return kept


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether every packet that fits the one fits the other."""
    for key in CONDITIONS:
        if key in ("src", "dst"):
            if not _holds(wide[key], narrow[key]):
                return False
        elif wide.get(key) != narrow.get(key) and (wide.get(key) or key not in WIDE):
            return False
    return True


def _holds(wide: Host, narrow: Host) -> bool:
    if wide == narrow:
        return True
    if wide.get("not") or narrow.get("not"):
        return False
    if wide["type"] == "net" and narrow["type"] == "net":
        first, prefix = narrow["net"]
        return prefix > wide["net"][1] and net.holds((wide["net"][0], wide["net"][1]), first)
    return bool(wide["type"] == "any")


# -- folding


def _folded(block: List[Rule], name: str, made: int, tables: Dict[str, List[str]]) -> List[Rule]:
    """Rules that are alike but for one address become one rule with a table.

    `made` tables there are already.
    """
    alike: Dict[str, List[List[int]]] = {key: _alike(block, key) for key in ("dst", "src")}
    taken: Set[int] = set()
    done: List[Rule] = []
    for number, rule in enumerate(block):
        if number in taken:
            continue
        done.append(rule)
        for key in ("dst", "src"):
            fold = [other for other in alike[key][number] if other not in taken]
            if len(fold) < FOLD:
                continue
            table = f"{name}{made + len(tables)}"
            tables[table] = [str(block[other][key]["text"]) for other in fold]
            host: Host = {"type": "table", "text": f"<{table}>", "table": table}
            if rule[key].get("not"):
                host["not"] = True
            done[-1] = {**rule, key: host}
            taken.update(fold)
            break
    return done


def _alike(block: List[Rule], key: str) -> List[List[int]]:
    """For each rule, those that differ from it at most in this address."""
    groups: Dict[str, List[int]] = {}
    found = []
    for number, rule in enumerate(block):
        host = rule[key]
        group: List[int] = []
        if host["type"] in ("net", "net6"):
            rest = [rule.get(other) for other in CONDITIONS if other != key]
            group = groups.setdefault(repr((host.get("not"), host["type"], rest)), group)
        group.append(number)
        found.append(group)
    return found


# -- reordering


def _reordered(block: List[Rule]) -> List[Rule]:
    """The largest group of rules with a field in common comes first, and so on with the rest."""
    by_field = [_groups(block, key) for key in SKIPS]
    # A field in which all agree, or no two, is of no use.
    by_field = [groups for groups in by_field if 1 < len(groups[0]) < len(block)]
    groups_first: List[Rule] = []
    rest: List[Rule] = []
    left = list(range(len(block)))
    while True:
        largest = max((groups[0] for groups in by_field), key=len, default=[])
        if len(largest) < 2:
            break
        chosen = [block[number] for number in largest]
        # More than two may have more in common; those then stand before all others.
        if len(chosen) > 2:
            groups_first += _reordered(chosen)
        else:
            rest += chosen
        gone = set(largest)
        left = [number for number in left if number not in gone]
        for groups in by_field:
            for group in groups:
                group[:] = [number for number in group if number not in gone]
            groups.sort(key=len, reverse=True)
    return groups_first + rest + [block[number] for number in left]


def _groups(block: List[Rule], key: str) -> List[List[int]]:
    """Rules by what they have in a field, the larger groups first; what has nothing is alone."""
    found: Dict[Any, List[int]] = {}
    for number, rule in enumerate(block):
        found.setdefault(_value(rule, key) or number, []).append(number)
    return sorted(found.values(), key=lambda group: (-len(group), group[-1]))


def _value(rule: Rule, key: str) -> str:
    """What rules must share in a field; empty where it is not given."""
    if key in ("src", "dst"):
        host = rule[key]
        return "" if host["type"] == "any" else f"{host.get('not', False)} {host['text']}"
    return f"{rule.get('iface_not', '')}{rule[key]}" if rule.get(key) else ""
