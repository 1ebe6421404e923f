"""Rules as data, and as pf prints them back (macos.md, 4).

A rule is a plain dictionary, so that it can lie in the state. Keys that are absent say "not given".

    action   pass block scrub nat rdr binat dummynet, or anchor with one of the kinds in front
    no quick dir log iface iface_not af proto tag tagged rtable label
    src dst  hosts; sport dport: ports as printed
    call     of an anchor: the path called, as written
    pool     of a translation: the addresses behind `->`; `pool_options` behind them
    packets evaluations bytes     counters
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    Rule = Dict[str, Any]
    Host = Dict[str, Any]

__all__ = ["ANY", "KINDS", "anchor_call", "echo", "kind_of"]

ANY: Host = {"type": "any", "text": "any"}

# Which of a ruleset's lists a rule goes to.
KINDS = ("scrub", "nat", "rdr", "binat", "dummynet", "filter")


def kind_of(rule: Rule) -> str:
    """The list of the ruleset that holds it."""
    action = str(rule["action"])
    if action in ("pass", "block", "anchor"):
        return "filter"
    return action[: -len("-anchor")] if action.endswith("-anchor") else action


def anchor_call(kind: str, call: str) -> Rule:
    """A line such as `nat-anchor "com.apple/*" all`."""
    action = "anchor" if kind == "filter" else f"{kind}-anchor"
    rule: Rule = {"action": action, "call": call, "src": ANY, "dst": ANY}
    if kind == "scrub":
        rule["reassemble"] = True
    return rule


def echo(rule: Rule, dry: bool = False) -> str:
    """The rule in pf's own words. `dry` is `pfctl -n -v`, where a wildcard loses its parent."""
    parts = _head(rule, dry)
    if rule.get("dir"):
        parts.append(rule["dir"])
    if rule.get("log"):
        parts.append("log")
    if rule.get("quick"):
        parts.append("quick")
    if rule.get("iface"):
        parts.append(f"on {'! ' if rule.get('iface_not') else ''}{rule['iface']}")
    if rule.get("route"):
        parts.append(rule["route"])
    if rule.get("af"):
        parts.append(rule["af"])
    if rule.get("proto"):
        parts.append(f"proto {rule['proto']}")
    parts.append(_from_to(rule))
    parts += _options(rule)
    if rule.get("pool"):
        parts.append("-> " + _pool(rule))
    return " ".join(parts)


def _head(rule: Rule, dry: bool) -> List[str]:
    action = rule["action"]
    if "call" in rule:
        name = rule["call"]
        if dry and name.endswith("/*"):
            name = "/*"
        return [action] if name.startswith("_") else [f'{action} "{name}"']
    if action == "block":
        return [f"block {rule.get('policy', 'drop')}"]
    return ["no", action] if rule.get("no") else [action]


def _from_to(rule: Rule) -> str:
    ends = (rule["src"], rule["dst"])
    ports = (rule.get("sport"), rule.get("dport"))
    if all(e["type"] == "any" and not e.get("not") for e in ends) and not any(ports):
        return "all"
    texts = []
    for word, end, port in zip(("from", "to"), ends, ports):
        sign = "! " if end.get("not") else ""
        texts.append(f"{word} {sign}{end['text']}" + (f" port {port}" if port else ""))
    return " ".join(texts)


def _options(rule: Rule) -> List[str]:
    parts = [f"{key} {rule[key]}" for key in ("user", "group") if rule.get(key)]
    if rule.get("flags"):
        parts.append(f"flags {rule['flags']}")
    parts += [f"{key} {rule[key]}" for key in ("icmp-type", "icmp6-type", "tos") if rule.get(key)]
    if rule.get("state"):
        parts.append(rule["state"])
    if rule.get("probability"):
        parts.append(f"probability {rule['probability']}")
    if rule.get("fragment"):
        parts.append("fragment")
    if rule.get("allow-opts"):
        parts.append("allow-opts")
    parts += rule.get("scrub", [])
    if rule.get("reassemble"):
        parts.append("fragment reassemble")
    if rule.get("label"):
        parts.append(f'label "{rule["label"]}"')
    parts += [f"{key} {rule[key]}" for key in ("queue", "pipe", "tag") if rule.get(key)]
    if rule.get("tagged"):
        parts.append(f"{'! ' if rule.get('tagged_not') else ''}tagged {rule['tagged']}")
    if rule.get("rtable"):
        parts.append(f"rtable {rule['rtable']}")
    return parts


def _pool(rule: Rule) -> str:
    texts = [host["text"] for host in rule["pool"]]
    text = texts[0] if len(texts) == 1 else "{ " + ", ".join(texts) + " }"
    return " ".join([text, *rule.get("pool_options", [])])
