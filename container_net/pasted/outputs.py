"""The rows of an output as what the parsers of a live Mac take; tables as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .keys import Key
from .shapes import NOISE, RULE_LINE, unglued

__all__ = [
    "OUTPUTS",
    "VERSIONS",
    "Output",
    "container_output",
    "is_builder",
    "joined",
    "json_key",
    "route_output",
    "routes",
    "rules_output",
]


@dataclass(frozen=True)
class Output:
    """What one command said. `sure`: the text shows where it ends, and nothing was filtered."""

    key: Key
    out: str
    err: str = ""
    code: Optional[int] = 0
    sure: bool = True
    derived: bool = False
    """It follows from another output, and was not pasted itself."""


def joined(rows: Sequence[str]) -> str:
    return _latin("\n".join(rows) + "\n")


def _latin(text: str) -> str:
    """Text in the form of an CommandResult: bytes as latin-1."""
    return text.encode("utf-8", "replace").decode("latin-1")


def rules_output(asked: Key, rows: List[str], closed: bool) -> Optional[Output]:
    errors = [r for r in rows if r.startswith("pfctl: ")]
    rules: List[str] = []
    for row in unglued([r for r in rows if not re.match(rf"pfctl: |{NOISE}", r)]):
        if row.strip():
            rules.append(row)
    if rules and not any(re.match(RULE_LINE, row) for row in rules):
        return None
    if not rules and not errors:
        return Output(asked, "", sure=False)
    err = joined(errors) if errors else ""
    if asked[2] == "" and asked[3] == "nat" and not any(r.startswith("rdr") for r in rules):
        # pf prints redirects after translations: without any, the list may go on.
        closed = False
    return Output(asked, joined(rules) if rules else "", err, sure=closed)


def _ifconfig_output(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Output:
    found: List[str] = []
    words = (
        r"(?<=\S) +(?=(?:inet6?|ether|options=|nd6|media:|status:|member:) ?)|"
        r"(?<=\S) +(?=[a-z]+[0-9]+: flags=)"
    )
    for row in rows:
        for part in re.split(words, row.strip()):
            if part:
                found.append(
                    part if re.match(r"[A-Za-z][A-Za-z0-9]*: flags=", part) else "\t" + part
                )
    single = asked[1] != "-a"
    return Output(("ifconfig", "-a"), joined(found), sure=closed and not single and not filtered)


def _netstat_output(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Optional[Output]:
    if asked[1] == "inet6":
        return None
    head = [n for n, row in enumerate(rows) if row.startswith("Destination")]
    if not head:
        rows = ["Destination        Gateway            Flags               Netif Expire", *rows]
        closed = False
    body = []
    for row in rows:
        if row.startswith("Internet6"):
            break
        body.append(row)
    return Output(("netstat", "inet"), joined(body), sure=closed and not filtered)


def route_output(target: str, interface: str, sure: bool) -> Output:
    return Output(("route", target), f"  interface: {interface}\n", sure=sure, derived=True)


def _take_route(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Output:
    missing = [r for r in rows if r.startswith("route: ")]
    if missing:
        return Output(asked, "", joined(missing), 1, True)
    plain = [r for r in rows if not re.fullmatch(r"[\s0-9,]+|\s*recvpipe.*", r)]
    # One line of it is enough, wherever the rest ends.
    named = any(re.match(r"\s*interface: +\S", r) for r in plain[:-1]) or closed
    return Output(asked, joined(plain), sure=named and not filtered)


def _sysctl_output(asked: Key, rows: List[str], closed: bool, _filtered: bool) -> Optional[Output]:
    for row in rows:
        match = re.fullmatch(
            r"(?:(net\.inet\.ip\.forwarding|kern\.bootsessionuuid) ?[:=] ?)?([0-9A-Za-z-]{1,40})"
            r"(?: -> ([0-9]))?",
            row.strip(),
        )
        name = (match.group(1) if match else None) or asked[1]
        if match and name in ("net.inet.ip.forwarding", "kern.bootsessionuuid"):
            return Output(("sysctl", name), (match.group(3) or match.group(2)) + "\n", sure=closed)
    return None


def _sw_vers_output(
    _asked: Key, rows: List[str], closed: bool, _filtered: bool
) -> Optional[Output]:
    for row in rows:
        match = re.fullmatch(r"\s*(?:ProductVersion:\s*)?([0-9]{2}(?:\.[0-9]{1,2}){0,2})", row)
        if match:
            return Output(("sw_vers",), match.group(1) + "\n", sure=closed)
    return None


def _proxy_output(asked: Key, rows: List[str], closed: bool, _filtered: bool) -> Output:
    if "}" in rows:
        rows, closed = rows[: rows.index("}") + 1], True
    return Output(asked, joined(rows), sure=closed)


def _info_output(_asked: Key, rows: List[str], closed: bool, _filtered: bool) -> Optional[Output]:
    row = next((r for r in rows if r.startswith("Status: ")), None)
    return (
        None
        if row is None
        else Output(("pfctl", "show", "", "info", ""), joined([row]), sure=closed)
    )


def _lsof_output(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Output:
    fixed = [re.sub(r":domain\b", ":53", r).replace("localhost:", "127.0.0.1:") for r in rows]
    return Output(
        asked, joined(fixed), sure=closed and not filtered and fixed[0].startswith("COMMAND")
    )


def _job_output(asked: Key, rows: List[str], closed: bool, _filtered: bool) -> Output:
    if any("Could not find service" in r for r in rows):
        return Output(asked, "", joined(rows), 113, True)
    return Output(asked, joined(rows), sure=closed or rows[-1] == "}")


def _names_output(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Optional[Output]:
    if filtered:
        return None
    errors = [r for r in rows if r.startswith("pfctl: ")]
    names = [r for r in rows if re.fullmatch(r"\s*[\w!./:-]+", r)]
    return Output(
        asked, joined(names) if names else "", joined(errors) if errors else "", sure=closed
    )


OUTPUTS: Mapping[str, Callable[[Key, List[str], bool, bool], Optional[Output]]] = {
    "ifconfig": _ifconfig_output,
    "netstat": _netstat_output,
    "route": _take_route,
    "sysctl": _sysctl_output,
    "sw_vers": _sw_vers_output,
    "proxy": _proxy_output,
    "info": _info_output,
    "lsof": _lsof_output,
    "job": _job_output,
    "names": _names_output,
}


# -- container's tables, as the JSON that the parsers take


def container_output(asked: Key, rows: List[str], closed: bool) -> Optional[Output]:
    text = "\n".join(rows)
    if asked[1] == "version":
        match = re.search(
            r"\bversion\s+v?([0-9]+\.[0-9]+(?:\.[0-9]+)?)|"
            r"^\s*(?:container\s+)v?([0-9]+\.[0-9]+\.[0-9]+)",
            text,
            re.M,
        )
        shown = (match.group(1) or match.group(2)) if match else None
        return Output(asked, f"container CLI version {shown}\n", sure=closed) if shown else None
    if asked[1] == "status":
        return _status_output(asked, rows, closed)
    if "XPC connection" in text or re.match(r"\s*Error: ", text):
        return Output(asked, "", joined(rows), 1, closed)
    if text.lstrip().startswith(("[", "{")):
        return None  # from_json takes it
    if asked[1] in ("ls", "networks"):
        table = _ls_json(rows) if asked[1] == "ls" else _networks_json(rows)
        return None if table is None else Output(asked, json.dumps(table) + "\n", sure=False)
    return Output(asked, joined(rows), sure=closed) if asked[1] == "logs" else None


def _status_output(asked: Key, rows: List[str], closed: bool) -> Optional[Output]:
    for row in rows:
        if re.search(r"apiserver is (?:not )?running", row):
            known = "not running and not registered" if "not registered" in row else "not running"
            running = re.search(r"apiserver is running", row) is not None
            said = "apiserver is running" if running else f"apiserver is {known}"
            return Output(asked, said + "\n", code=0 if running else 1, sure=closed)
        match = re.fullmatch(r"status\s+(running|not running|unregistered)\s*", row)
        if match:
            out = json.dumps({"status": match.group(1)}) + "\n"
            return Output(asked, out, code=0 if match.group(1) == "running" else 1, sure=closed)
    return None


def _first(subnet: str) -> str:
    try:
        return str(next(IPv4Network(subnet, strict=False).hosts()))
    except (ValueError, StopIteration):
        return ""


def _ls_json(rows: Sequence[str]) -> Optional[List[Dict[str, Any]]]:
    """The table of `container ls`; it does not name the network, so that is a guess."""
    if not rows or not re.match(r"ID\s+IMAGE", rows[0]):
        return None
    found = []
    for row in rows[1:]:
        words = row.split()
        if len(words) < 5:
            continue
        address = words[5].split(",")[0] if len(words) > 5 else ""
        match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3}){3})(/[0-9]{1,2})?", address)
        networks = []
        if match:
            length = match.group(2) or "/24"
            gateway = _first(match.group(1) + length)
            networks = [
                {
                    "network": "default",
                    "ipv4Address": match.group(1) + length,
                    "ipv4Gateway": gateway,
                }
            ]
        found.append(
            {
                "id": words[0],
                "configuration": {"id": words[0], "image": {"reference": words[1]}},
                "status": {"state": words[4], "networks": networks},
            }
        )
    return found


def _networks_json(rows: Sequence[str]) -> Optional[List[Dict[str, Any]]]:
    if not rows or "SUBNET" not in rows[0]:
        return None
    found = []
    for row in rows[1:]:
        words = row.split()
        subnet = next((w for w in words[1:] if re.fullmatch(r"[0-9.]+/[0-9]{1,2}", w)), None)
        if subnet:
            status = {"ipv4Subnet": subnet, "ipv4Gateway": _first(subnet)}
            found.append({"id": words[0], "configuration": {"mode": "nat"}, "status": status})
    return found or None


def is_builder(data: Any) -> bool:
    """Whether a piece of JSON is what `container inspect buildkit` prints."""
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        return False
    config, networks = data[0].get("configuration"), data[0].get("networks")
    if not isinstance(config, dict) or not isinstance(config.get("dns"), dict):
        return False
    joins = networks if isinstance(networks, list) else []
    named = (config.get("id"), *(n.get("hostname") for n in joins if isinstance(n, dict)))
    return "buildkit" in named


def json_key(data: Any) -> Optional[Key]:
    """Which of container's lists a piece of JSON is."""
    if isinstance(data, dict):
        ok = data.get("status") in ("running", "not running", "unregistered")
        return ("container", "status") if ok and "configuration" not in data else None
    if not isinstance(data, list) or not data or not all(isinstance(e, dict) for e in data):
        return None
    first = data[0]
    if any(
        "image" in (e.get("configuration") or {})
        for e in data
        if isinstance(e.get("configuration"), dict)
    ):
        return ("container", "ls")
    config = first.get("configuration") or first.get("config")
    if isinstance(config, dict) and ("mode" in config or "plugin" in config):
        return ("container", "networks")
    return None


VERSIONS: Tuple[Tuple[Key, re.Pattern[str], str], ...] = (
    (
        ("sw_vers",),
        re.compile(
            r"(?i)\b(?:macOS|Mac OS X|OS X)(?: (?:Sequoia|Tahoe|Sonoma|version))?[ :]{1,3}v?"
            r"([0-9]{2}(?:\.[0-9]{1,2}){1,2})\b(?!\.[0-9])"
        ),
        "{}\n",
    ),
    (
        ("container", "version"),
        re.compile(
            r"(?i)\b(?:apple[ /])?container(?: CLI)?(?: version)?[ :]{1,3}v?"
            r"([0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2})\b(?!\.[0-9])"
        ),
        "container CLI version {}\n",
    ),
)


def routes(out: str) -> Iterator[Tuple[IPv4Network, str, str]]:
    """Rows of a routing table: network, interface, flags."""
    found = []
    for row in out.split("\n"):
        words = row.split()
        if len(words) < 4 or not re.fullmatch(r"[a-z]+[0-9]+", words[3]):
            continue
        text, _slash, length = ("0", "/", "0") if words[0] == "default" else words[0].partition("/")
        parts = text.split(".")
        if len(parts) > 4 or not all(re.fullmatch(r"[0-9]{1,3}", p) for p in parts):
            continue
        try:
            bits = int(length) if length else 8 * len(parts)
            dotted = ".".join(parts + ["0"] * (4 - len(parts)))
            found.append((IPv4Network((dotted, bits), strict=False), words[3], words[2]))
        except ValueError:
            continue
    return iter(found)
