"""What the outputs of the commands look like, and whose an output without a prompt may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from .keys import Key, key

__all__ = [
    "ALWAYS",
    "BEGIN",
    "BY_NAME",
    "GUESS",
    "KINDS",
    "NOISE",
    "RULE_LINE",
    "Kind",
    "kind_of",
    "unglued",
]


@dataclass(frozen=True)
class Kind:
    """The shape of an output. `begin` says that one starts here, prompt or no prompt; `more` that a
    line belongs to it; `blank`: it has empty lines inside. `whole`: its first lines say so
    themselves, so that it needs no prompt to be believed."""

    name: str
    begin: re.Pattern[str]
    more: re.Pattern[str]
    blank: bool = False
    whole: bool = False


def _kind(name: str, begin: str, more: str, blank: bool = False, whole: bool = False) -> Kind:
    return Kind(name, re.compile(begin), re.compile(more), blank, whole)


NOISE = r"No ALTQ support in kernel|ALTQ related functions disabled"
RULE_LINE = (
    r"(?:@[0-9]+ )?(?:no )?(?:(?:nat|rdr|binat|scrub|dummynet)-anchor \"[^\"]+\"(?: .*)?|"
    r"anchor(?: \"[^\"]+\")?(?: (?:all|on|in|out|quick|proto|inet6?|from|tagged).*)?|"
    r"(?:nat|rdr|binat)(?: pass)? (?:on|inet|from|proto|log).*|"
    r"scrub(?: (?:on|in|out|all|from|inet|fragment|proto).*)?|"
    r"dummynet (?:in|out|on|quick|proto|from|pipe).*|"
    r"(?:pass|block|match)(?: (?:drop|return\S*|in|out|log\S*|quick|on|inet6?|proto|from|to|all|"
    r"tagged|!) ?.*)?)"
)
_COUNTER = r"\s*\[ (?:Evaluations|Inserted|Loaded).*\]|\s*\[ .{0,200} \]"
_WORD = {
    "route": r"\s*(?:route to|destination|mask|gateway|interface|if address|local addr|flags|"
    r"recvpipe|sockaddrs|expire)\b.*|[\s0-9,]+|route: .*",
    "ifconfig": r"\s*(?:inet6?|ether|options|nd6|media|status|member|Configuration|id|maxage|root|"
    r"ipfilter|ifmaxaddr|port|agent|link|type|scheduler|state|effective|uplink|downlink|low|"
    r"qosmarking|xflags|eflags|netif|flowswitch|generation|peer|priority|address cache|desc|"
    r"tunnel|rtt|index|capabilities|lladdr|nat64|hwassist|timestamp|multistack|routermode)\b.*",
}
KINDS: Tuple[Kind, ...] = (
    _kind("file", r"load anchor\s+\S+\s+from\s+\S+", r".*", True),
    _kind("rules", RULE_LINE, rf"{RULE_LINE}|{_COUNTER}|{NOISE}|pfctl: .*|load anchor .*|#.*"),
    _kind(
        "ifconfig",
        r"[A-Za-z][A-Za-z0-9]*: flags=[0-9a-f]+<",
        rf"[A-Za-z][A-Za-z0-9]*: flags=.*|{_WORD['ifconfig']}",
    ),
    _kind(
        "netstat",
        r"Routing tables|Internet:$|Destination\s+Gateway\s|default\s+\S+\s+[A-Z][A-Za-z]{1,9}\s+"
        r"[a-z]+[0-9]+|[0-9]{1,3}(?:\.[0-9]{1,3}){1,3}(?:/[0-9]+)?\s+(?:link#|[0-9a-f:.]+)\S*\s+"
        r"U[A-Za-z]{1,9}\s+[a-z]+[0-9]+",
        r"Routing tables|Internet:|Destination\s+Gateway\s.*|\S+\s+\S+\s+[A-Za-z0-9]{1,12}\s+"
        r"[a-z]+[0-9]+(?:\s+[0-9!]\S*)?(?:\s+!)?",
        True,
    ),
    _kind("route", r"\s*route to: +\S+", _WORD["route"]),
    _kind(
        "sysctl",
        r"(?:net\.inet\.ip\.forwarding|kern\.bootsessionuuid) ?[:=] ?\S+",
        r"[a-z][a-z0-9_.]{3,80} ?[:=].*",
        whole=True,
    ),
    _kind(
        "dns",
        r"DNS configuration",
        r"DNS configuration.*|resolver #[0-9]+|\s*(?:search domain|nameserver|if_index|flags|reach|"
        r"order|options|domain|port|timeout|service identifier)\b.*:.*",
        True,
    ),
    _kind("proxy", r"<dictionary> \{$", r"<dictionary> \{|\s*\S+ : .*|\}|\s+\}"),
    _kind(
        "nwi",
        r"Network information",
        r"Network information|IPv[46] network.*|\s+\S.*|REACH :.*|Network interfaces:.*",
        True,
    ),
    _kind(
        "lsof", r"COMMAND\s+PID\s+USER", r"COMMAND\s+PID.*|\S+\s+[0-9]+\s+\S+\s.*(?:UDP|TCP)\s.*"
    ),
    _kind(
        "ports",
        r"Hardware Port: ",
        r"(?:Hardware Port|Device|Ethernet Address): .*|VLAN Conf.*|=+",
        True,
    ),
    _kind(
        "sw_vers",
        r"ProductName:\s|ProductVersion:\s",
        r"(?:Product|Build)[A-Za-z]+:\s.*",
        whole=True,
    ),
    _kind("job", r"system/\S+ = \{", r"system/.*|\s+.*|\}", True),
    _kind("disabled", r"(?:\s*)disabled services = \{", r"\s*disabled services.*|\s+\".*|\}|\s+\}"),
    _kind("info", r"Status: (?:Enabled|Disabled)\b", r"Status: .*", whole=True),
    _kind(
        "references",
        r"TOKENS:$|No pf starter references held",
        r"TOKENS:|PID\s.*|[0-9]+\s+.* days? [0-9:]+|No pf .*",
    ),
    _kind(
        "check",
        r"(?:/private)?/etc/pf\.conf:[0-9]+: ",
        rf"/\S+:[0-9]+: .*|pfctl: .*|{NOISE}|.*not loaded.*",
    ),
    _kind(
        "status",
        r"apiserver is (?:not )?running|FIELD\s+VALUE",
        r"apiserver is .*|FIELD\s+VALUE|[a-z][A-Za-z.]+\s+\S.*",
        whole=True,
    ),
    _kind(
        "ls",
        r"ID\s+IMAGE\s+OS\s+ARCH\s+STATE",
        r"ID\s+IMAGE\s.*|\S+\s+\S+\s+\S+\s+\S+\s+(?:running|stopped|created)\b.*",
    ),
    _kind(
        "networks",
        r"(?:NETWORK|ID)\s+(?:STATE\s+)?SUBNET",
        r"(?:NETWORK|ID)\s.*SUBNET.*|\S+\s+(?:\S+\s+)?[0-9.]+/[0-9]+.*",
    ),
    _kind(
        "firewall",
        r"Firewall is (?:enabled|disabled|blocking).*State = ",
        r"Firewall .*|.*(?:block|stealth).*",
        whole=True,
    ),
    _kind(
        "extensions",
        r"[0-9]+ extension\(s\)",
        r"[0-9]+ extension.*|---.*|enabled\s+active.*|[*\s].*\[.*\]|\s+.*",
    ),
)
# Whether any of them begins, in one look.
BEGIN = re.compile("|".join(f"(?:{kind.begin.pattern})" for kind in KINDS))
BY_NAME = {kind.name: kind for kind in KINDS}
_OF_PROGRAM: Mapping[str, str] = {
    "ifconfig": "ifconfig",
    "netstat": "netstat",
    "route": "route",
    "sysctl": "sysctl",
    "lsof": "lsof",
    "networksetup": "ports",
    "sw_vers": "sw_vers",
    "extensions": "extensions",
    "firewall": "firewall",
}


def kind_of(asked: Key) -> Optional[str]:
    """The name of the shape that a command's output has; None where any text will do."""
    if asked[0] == "pfctl":
        shapes = {"nat": "rules", "rules": "rules", "info": "info", "References": "references"}
        if asked[1] == "show":
            return shapes.get(asked[3], "names" if asked[3] == "Anchors" else "other")
        return {"check": "check", "table": "names"}.get(asked[1], "other")
    if asked[0] == "scutil":
        return asked[1][2:]
    if asked[0] == "launchctl":
        return "disabled" if asked[1] == "disabled" else "job"
    if asked[0] == "container":
        return {"status": "status", "ls": "ls", "networks": "networks"}.get(asked[1], "text")
    return _OF_PROGRAM.get(asked[0], "text")


# Several rules on one line, as a mail program or a form leaves them.
_GLUED = re.compile(
    r"(?<=\S) (?=(?:nat|rdr|binat|scrub|dummynet)-anchor \"|(?<!no )(?:nat|rdr) on [a-z]+[0-9] |"
    r"(?<![-\w\"])anchor \"|load anchor \")"
)


def unglued(rows: Sequence[str]) -> List[str]:
    return [part for row in rows for part in _GLUED.split(row)]


# -- commands that an output without a prompt may belong to


def _guess_rules(rows: Sequence[str]) -> Optional[Key]:
    text = "\n".join(rows)
    if re.search(r"(?m)^load anchor|^[a-z]+-anchor \"[^\"]+\"$", text):
        return ("file", "/private/etc/pf.conf")
    nat = re.search(r"(?m)^(?:nat|rdr)-anchor \"", text)
    if nat:
        return ("pfctl", "show", "", "nat", "")
    if re.search(r"(?m)^nat on .* extfilter ei", text):
        return ("pfctl", "show", "com.apple.internet-sharing/shared_v4", "nat", "")
    if re.search(r"(?m)^anchor \"com\.apple", text):
        return ("pfctl", "show", "", "rules", "")
    return None


def _guess_route(rows: Sequence[str]) -> Optional[Key]:
    match = re.match(r"\s*route to: +(\S+)", rows[0])
    return key(["route", "get", match.group(1)]) if match else None


def _guess_lsof(rows: Sequence[str]) -> Optional[Key]:
    ports = {m for row in rows for m in re.findall(r":(53|2053|domain)\b", row)}
    return ("lsof", "2053" if ports == {"2053"} else "53") if ports else None


def _guess_sysctl(rows: Sequence[str]) -> Key:
    name = re.split(r"[ :=]", rows[0].strip())[0]
    # Without a blank it is a line of the file: sysctl prints `: `, and ` = ` with -e left out.
    return ("file", "/private/etc/sysctl.conf") if f"{name}=" in rows[0] else ("sysctl", name)


def _guess_job(rows: Sequence[str]) -> Optional[Key]:
    match = re.match(r"system/(\S+) = \{", rows[0])
    return ("launchctl", match.group(1)) if match else None


GUESS: Mapping[str, Callable[[Sequence[str]], Optional[Key]]] = {
    "rules": _guess_rules,
    "route": _guess_route,
    "sysctl": _guess_sysctl,
    "lsof": _guess_lsof,
    "job": _guess_job,
}
ALWAYS: Mapping[str, Key] = {
    "file": ("file", "/private/etc/pf.conf"),
    "ifconfig": ("ifconfig", "-a"),
    "netstat": ("netstat", "inet"),
    "dns": ("scutil", "--dns"),
    "proxy": ("scutil", "--proxy"),
    "nwi": ("scutil", "--nwi"),
    "ports": ("networksetup", "ports"),
    "sw_vers": ("sw_vers",),
    "disabled": ("launchctl", "disabled"),
    "info": ("pfctl", "show", "", "info", ""),
    "references": ("pfctl", "show", "", "References", ""),
    "check": ("pfctl", "check", "", "/private/etc/pf.conf"),
    "status": ("container", "status"),
    "ls": ("container", "ls"),
    "networks": ("container", "networks"),
    "firewall": ("firewall",),
    "extensions": ("extensions",),
}
