"""Who translates a subnet's packets on an uplink, by which rule, and why nobody does. Pure.

The one judge of that question: status, setup, verify, plan and doctor ask it. It walks the live
translation rules in pf's order; the first rule that takes a pair decides (pf.conf(5)).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Iterator, List, Optional, Tuple, Union

from .model import Facts, Reading, Rule
from .parse import excerpt
from .text import _

__all__ = [
    "NOBODY",
    "OTHER",
    "OURS",
    "UNKNOWN",
    "VMNET",
    "Nat",
    "Verdict",
    "foreign",
    "hook",
    "is_tunnel",
    "remedy",
    "rules_of",
    "sharing_called",
    "uncalled",
    "vpn_block",
    "who",
    "works",
]

SHARING = "com.apple.internet-sharing"
OURS, VMNET, OTHER, NOBODY, UNKNOWN = "ours", "vmnet", "other", "nobody", "unknown"

# What vmnet, this tool and the recipes of the web write. pf shows `from any to any` as `all`.
_NAT = re.compile(
    r"(?P<no>no )?nat (?:on (?P<negated>! )?(?P<uplink>[a-z0-9]+) )?(?:inet )?"
    r"(?:all|from (?P<source>any|[0-9.]+(?:/[0-9]+)?) to (?P<to>any|[0-9.]+(?:/[0-9]+)?))"
    r"(?: -> .*)?"
)
_ON = re.compile(r"(?:no )?nat on (?P<uplink>[a-z0-9]+) ")
_CALL = re.compile(r'nat-anchor "(?P<name>[^"]+)"')
_EVERYBODY = IPv4Network("0.0.0.0/0")


@dataclass(frozen=True)
class Nat:
    """A live translation rule: the anchor it stands in, empty for the main ruleset, and whether pf
    gets there. `source` is None where the rule is written in a way not known here."""

    place: str
    rule: Rule
    read: str
    called: bool
    uplink: str = ""
    negated: bool = False
    source: Optional[IPv4Network] = None
    exempts: bool = False
    everywhere: bool = True

    @property
    def line(self) -> str:
        """As evidence: where it was read, and the rule."""
        return f"{self.read} → {self.rule.text}"

    def holds(self, subnet: IPv4Network) -> bool:
        """Whether it speaks of the whole subnet's packets to anywhere."""
        return self.source is not None and self.everywhere and subnet.subnet_of(self.source)

    def on(self, uplink: str) -> bool:
        """Whether it speaks of that uplink."""
        return not self.uplink or (self.uplink == uplink) != self.negated

    def takes(self, subnet: IPv4Network, uplink: str) -> bool:
        return self.on(uplink) and self.holds(subnet)


@dataclass(frozen=True)
class Verdict:
    """Who translates a pair. `nat` is the rule that decides; `why` says why nobody does, or why it
    is not known."""

    who: str
    nat: Optional[Nat] = None
    why: str = ""
    unread: Optional[Reading[Any]] = None

    @property
    def by_others(self) -> bool:
        """vmnet or another program does it, without us."""
        return self.who in (VMNET, OTHER)


@functools.lru_cache(maxsize=4096)  # walked for every uplink and by every recogniser
def _nat(place: str, rule: Rule, read: str, called: bool) -> Optional[Nat]:
    """A rule as a Nat; None for what translates no IPv4 packet."""
    if not rule.text.startswith(("nat ", "no nat ")) or " inet6 " in rule.text:
        return None
    match = _NAT.fullmatch(rule.text)
    on = _ON.match(rule.text)
    if match is None:
        return Nat(place, rule, read, called, on.group("uplink") if on else "")
    try:
        given = match.group("source")
        source = _EVERYBODY if given in (None, "any") else IPv4Network(given)
    except ValueError:
        source = None
    return Nat(
        place,
        rule,
        read,
        called,
        match.group("uplink") or "",
        bool(match.group("negated")),
        source,
        bool(match.group("no")),
        match.group("to") in (None, "any"),
    )


def _content(facts: Facts, path: str) -> Optional[Reading[Tuple[Rule, ...]]]:
    """The translation rules of an anchor; None where no such anchor was seen."""
    if path == facts.anchor:
        return facts.anchor_nat
    if path == SHARING:
        return facts.sharing_nat
    if path.startswith(SHARING + "/"):
        return facts.sharing_children.get(path[len(SHARING) + 1 :])
    return facts.foreign_nat.get(path)


def _paths(facts: Facts) -> List[str]:
    children = [f"{SHARING}/{name}" for name in facts.sharing_children]
    return sorted({facts.anchor, SHARING, *children, *facts.foreign_nat})


def _called_by(facts: Facts, parent: str, rule: Rule) -> List[str]:
    """The anchors that a rule of the ruleset `parent` calls, in pf's order."""
    match = _CALL.match(rule.text)
    if match is None:
        return []
    name = match.group("name")
    # Some versions print a call inside an anchor by its full path, others relative to it.
    if parent and not name.startswith(parent + "/"):
        name = f"{parent}/{name}"
    if not name.endswith("*"):
        return [name]
    above = name[:-2] if name.endswith("/*") else ""
    return [p for p in _paths(facts) if p.rpartition("/")[0] == above]


_Step = Union[Nat, "Reading[Tuple[Rule, ...]]"]


def _walk(
    facts: Facts, place: str, reading: Reading[Tuple[Rule, ...]], depth: int = 0
) -> Iterator[_Step]:
    """What pf looks at, in its order: rules, and readings that could not be read."""
    if reading.value is None:
        yield reading
        return
    for rule in reading.value:
        nat = _nat(place, rule, reading.source, True)
        if nat is not None:
            yield nat
        for path in _called_by(facts, place, rule) if depth < 4 else ():
            inner = _content(facts, path)
            if inner is not None:
                yield from _walk(facts, path, inner, depth + 1)


def rules_of(facts: Facts) -> Tuple[Nat, ...]:
    """Every translation rule that was read; those that pf gets to first, in its order."""
    reached = [s for s in _walk(facts, "", facts.main_nat) if isinstance(s, Nat)]
    seen = {nat.place for nat in reached}
    idle: List[Nat] = []
    for path in _paths(facts):
        reading = _content(facts, path)
        if path not in seen and reading is not None:
            made = (_nat(path, rule, reading.source, False) for rule in reading.value or ())
            idle += [nat for nat in made if nat is not None]
    return (*reached, *idle)


def _owner(facts: Facts, nat: Nat) -> str:
    if nat.place == facts.anchor:
        return OURS
    return VMNET if nat.place.startswith(SHARING) else OTHER


def who(facts: Facts, subnet: IPv4Network, uplink: str, *, without_ours: bool = False) -> Verdict:
    """Who gives packets of `subnet` their way out by `uplink`; forwarding is another question.

    `without_ours`: who would, if our rules were not there.
    """
    if facts.pf_enabled.value is None:
        return Verdict(UNKNOWN, why=facts.pf_enabled.why)
    if not facts.pf_enabled.value:
        return Verdict(NOBODY, why=_("pf is disabled"))
    for step in _walk(facts, "", facts.main_nat):
        if isinstance(step, Reading):
            return Verdict(UNKNOWN, why=step.why, unread=step)
        if without_ours and step.place == facts.anchor:
            continue
        if step.source is None and step.on(uplink) and _owner(facts, step) == VMNET:
            why = _("unrecognised vmnet rule: {rule}").format(rule=excerpt(step.rule.text))
            return Verdict(UNKNOWN, step, why)
        if step.takes(subnet, uplink):
            if step.exempts:
                why = _("a rule exempts it: {rule}").format(rule=step.rule.text)
                return Verdict(NOBODY, step, why)
            return Verdict(_owner(facts, step), step)
    if not facts.anchors.known:
        return Verdict(UNKNOWN, why=facts.anchors.why, unread=facts.anchors)
    return Verdict(NOBODY, why=_why_nobody(facts, subnet, uplink))


def _why_nobody(facts: Facts, subnet: IPv4Network, uplink: str) -> str:
    live = rules_of(facts)
    idle = next((n for n in live if not n.called and n.takes(subnet, uplink)), None)
    if idle is not None and idle.place == facts.anchor:
        return uncalled()
    if any(not n.called and n.holds(subnet) and _owner(facts, n) == VMNET for n in live):
        return _("vmnet's rules are loaded, but nothing calls them (F01)")
    if not sharing_called(facts) and not any(_owner(facts, n) == VMNET for n in live):
        return _("vmnet has no NAT rules now")
    return _("no NAT rule for {subnet} on {uplink}, the current uplink").format(
        subnet=subnet, uplink=uplink
    )


def uncalled() -> str:
    """What is seen where our anchor is loaded and not called, with both of the known causes."""
    return _(
        'the live ruleset does not call our anchor (no nat-anchor "com.apple/*"): another program '
        "replaced it, or macOS took that line along when the last container stopped"
    )


def works(facts: Facts, subnet: IPv4Network, uplink: str) -> Optional[bool]:
    """Whether packets of the subnet get out there without us: forwarding, and a rule of vmnet's or
    another program's. None where it is not known."""
    verdict = who(facts, subnet, uplink, without_ours=True)
    if facts.forwarding.value is None or verdict.who == UNKNOWN:
        return None
    return facts.forwarding.value == 1 and verdict.by_others


def hook(facts: Facts) -> Optional[bool]:
    """Whether the live main ruleset calls our anchor; None where it could not be read."""
    if facts.main_nat.value is None:
        return None
    return any(facts.anchor in _called_by(facts, "", rule) for rule in facts.main_nat.value)


def sharing_called(facts: Facts) -> Optional[bool]:
    """Whether the live main ruleset calls vmnet's anchor; None where it could not be read."""
    if facts.main_nat.value is None:
        return None
    calls = (f'nat-anchor "{SHARING}"', f'nat-anchor "{SHARING}/*"')
    return any(rule.text.startswith(calls) for rule in facts.main_nat.value)


# What VPN clients put into pf to let nothing pass but their own (F05).
_VPN_BLOCK = re.compile(r"block .*! tagged \S*(vpn|anyconnect)\S*", re.IGNORECASE)


def vpn_block(facts: Facts) -> Optional[Rule]:
    """The rule by which a VPN client drops what is not its own; None where there is none."""
    return next((r for r in facts.main_rules.value or () if _VPN_BLOCK.match(r.text)), None)


HOOK = 'nat-anchor "com.apple/*"'
SETUP = "invoke net.setup"
_HOOK_LINE = re.compile(
    r'^[ \t]*nat-anchor[ \t]+"?com\.apple/\*"?[ \t]*(?:all)?[ \t]*(?:#.*)?$', re.MULTILINE
)


def remedy(facts: Facts, task: str = SETUP) -> Tuple[str, str]:
    """What makes our rules work here: a sentence and a command that exits 0 and mends.

    The command is empty where a person must edit /etc/pf.conf first. With the hook in place the
    task alone does it, and the sentence is empty.
    """
    if hook(facts) is not False:
        return "", task
    refused = facts.pf_conf_error
    conf = facts.files["pf_conf"].value
    text = (conf.content or b"").decode("latin-1") if conf is not None else ""
    if refused.value:
        return _("pf does not accept /etc/pf.conf ({error}); correct that line first").format(
            error=refused.value
        ), ""
    if not _HOOK_LINE.search(text):
        return _(
            "/etc/pf.conf lacks Apple's line; put {line} before its first nat-anchor, rdr-anchor "
            "or anchor line"
        ).format(line=HOOK), ""
    return _(
        "load /etc/pf.conf again to bring Apple's anchors back, then our rules; containers keep "
        "running"
    ), f"sudo pfctl -f /etc/pf.conf && {task}"


def foreign(verdict: Verdict, subnet: IPv4Network) -> str:
    """What another program's rule costs, and when it ends, in a sentence."""
    assert verdict.nat is not None
    nat = verdict.nat
    where = _("anchor {anchor}").format(anchor=nat.place) if nat.place else _("main ruleset")
    text = _("another program translates {subnet}: {rule} ({where})").format(
        subnet=subnet, rule=nat.rule.text, where=where
    )
    if nat.uplink and not nat.negated:
        text += "; " + _("it covers {uplink} only and ends with the next change of uplink").format(
            uplink=nat.uplink
        )
    return text


def is_tunnel(facts: Facts, name: str) -> bool:
    """Whether an interface is a tunnel: macOS says POINTOPOINT, whatever a VPN client calls it."""
    found = next((i for i in facts.interfaces.value or () if i.name == name), None)
    known = name.startswith(("utun", "tun", "ipsec", "ppp", "gpd"))
    return known or (found is not None and "POINTOPOINT" in found.flags)
