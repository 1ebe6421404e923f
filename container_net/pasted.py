"""From what somebody pasted to what commands said: outputs by command, whatever stands around them.

A command is known by what it asks, not by how it was typed: `key` gives the same key for
`sudo pfctl -sn` and for `("/sbin/pfctl", "-s", "nat")`. `Transcript` is a Machine that answers from
such a text, so that the parsers of a live Mac judge it; what the text does not have is unreadable.
Nothing here starts a program or reads a file.
"""

from __future__ import annotations

import base64
import errno
import html
import json
import re
import shlex
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import PurePosixPath
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .machine import READ_LIMIT, Argv, CommandResult, Machine, T
from .model import FileFact

__all__ = [
    "LIMIT",
    "MISSING",
    "Key",
    "Output",
    "Pasted",
    "Transcript",
    "clean",
    "key",
    "read",
    "real",
]

LIMIT = 1 << 20
"""Characters of a text that are looked at: the last 1 MiB, as of a log."""
LINES = 20_000
"""Lines of it, the last ones: a log of two weeks has fewer, and noise has more."""
OUTPUT_LINES = 2_000
"""Lines of one output; the cut leaves no newline at the end, so that no parser believes it."""
MISSING = "this is not in the text"
"""What a command is answered whose output was not pasted; no parser takes it for an answer."""

Key = Tuple[str, ...]

_COMMAND_LENGTH = 400
_JSON_LENGTH = 1 << 18
_JSON_TRIES = 40
CONTAINER = "/usr/local/bin/container"


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


@dataclass(frozen=True)
class Pasted:
    """A text as outputs and files, by key. `plain` is the text, cleaned, without its outputs.

    `header` is what a report of our own says of the run that wrote it; empty in any other text.
    """

    outputs: Mapping[Key, Output] = field(default_factory=dict)
    plain: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)

    def surely(self) -> Pasted:
        """Without what may be cut off, filtered, or told in two ways."""
        return replace(self, outputs={k: o for k, o in self.outputs.items() if o.sure})


# -- the text


_ESCAPES = re.compile(
    r"\x1b(?:\[[0-9;:?<=>]{0,32}[ -/]?[@-~]|\][^\x07\x1b\n]{0,500}(?:\x07|\x1b\\)|[()][0-9A-Z]|.)?"
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9A-Fa-f]{1,6});")
_BREAKS = re.compile(
    r"</?(?:br|p|div|pre|li|tr|details|summary|h[1-6])(?: [^<>\n]{0,200})? ?/?>", re.I
)
_TAGS = re.compile(
    r"</?(?:span|code|b|i|em|strong|a|samp|kbd|tt|td|font)(?: [^<>\n]{0,300})?>", re.I
)


def clean(text: str) -> str:
    """Text without escapes, control characters, HTML and direction marks; lines end in \\n."""
    text = text[-LIMIT:].replace("\r\n", "\n").replace("\r", "\n")
    text = _ESCAPES.sub("", text)
    for _time in range(2):
        if not _ENTITY.search(text):
            break
        text = html.unescape(text)
    if "</" in text or "<br" in text.lower():
        text = _TAGS.sub("", _BREAKS.sub("\n", text))
    text = text.replace("\u00a0", " ").replace("\u2028", "\n").replace("\u2029", "\n")
    text = re.sub(r"\n{4,}", "\n\n\n", _UNSEEN.sub("", text))
    return "\n".join(text.rsplit("\n", LINES)[-LINES:])


# -- what a command asks


_PROGRAMS = (
    *("pfctl", "ifconfig", "netstat", "route", "sysctl", "scutil", "lsof", "networksetup"),
    *("sw_vers", "launchctl", "container", "cat", "id", "systemextensionsctl", "socketfilterfw"),
)
_SHOWS = (
    *("nat", "queue", "rules", "Anchors", "Sources", "states", "info", "Interfaces", "labels"),
    *("timeouts", "memory", "Tables", "osfp", "References", "all"),
)
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def key(words: Sequence[str]) -> Optional[Key]:
    """What a command line asks, however it is spelled; None where it is no command that we know.

    Every word has to make sense: prose that begins with a program's name is no command.
    """
    if not words:
        return None
    name, rest = PurePosixPath(words[0]).name, list(words[1:])
    maker = _MAKERS.get(name)
    return maker(rest) if maker is not None else None


def _options(
    words: List[str], valued: str, flags: str
) -> Optional[Tuple[Dict[str, str], List[str]]]:
    """getopt: options with their values, and the words after them; None for a stranger."""
    found: Dict[str, str] = {}
    words = list(words)
    while words and words[0].startswith("-") and len(words[0]) > 1:
        letters = words.pop(0)[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters and not words:
                    return None
                found[letter], letters = letters or words.pop(0), ""
            elif letter in flags:
                found[letter] = ""
            else:
                return None
    return found, words


def _pfctl(words: List[str]) -> Optional[Key]:
    parsed = _options(words, "aDFfiKkLopstTxX", "AdeEghmnNOPqRrvz")
    if parsed is None:
        return None
    given, rest = parsed
    anchor = given.get("a", "")
    if "t" in given and given.get("T") == "show":
        return ("pfctl", "table", anchor, given["t"])
    if rest:
        return None
    if "f" in given:
        # Loading a file says the same against it as checking it does.
        return ("pfctl", "check", anchor, real(given["f"]))
    if "s" in given:
        what = next((s for s in _SHOWS if s.startswith(given["s"])), None)
        verbose = "v" if "v" in given and what in ("nat", "rules") else ""
        return ("pfctl", "show", anchor, what, verbose) if what else None
    return ("pfctl", "other") if set(given) & set("eEdFxX") else None


def _ifconfig(words: List[str]) -> Optional[Key]:
    names = [w for w in words if re.fullmatch(r"[a-z]+[0-9]+", w)]
    if len(names) == len(words) == 1:
        return ("ifconfig", names[0])
    return ("ifconfig", "-a") if words in ([], ["-a"], ["-av"], ["-a", "-v"]) else None


def _netstat(words: List[str]) -> Optional[Key]:
    parsed = _options(words, "f", "rnalvW")
    if parsed is None or parsed[1] or "r" not in parsed[0]:
        return None
    return ("netstat", "inet6" if parsed[0].get("f") == "inet6" else "inet")


def _route(words: List[str]) -> Optional[Key]:
    words = [w for w in words if w not in ("-n", "-v", "-inet", "-host", "-4")]
    if len(words) != 2 or words[0] not in ("get", "show"):
        return None
    everywhere = ("default", str(IPv4Address(0)), "0", "0/0")
    target = "default" if words[1] in everywhere else words[1]
    return ("route", target) if target == "default" or _ADDRESS.fullmatch(target) else None


def _sysctl(words: List[str]) -> Optional[Key]:
    words = [w for w in words if w not in ("-n", "-w", "-e", "-q")]
    if words == ["-a"]:
        return ("sysctl", "-a")
    if len(words) != 1 or not re.fullmatch(r"[a-z][a-z0-9_.]{1,80}(=[0-9]+)?", words[0]):
        return None
    return ("sysctl", words[0].split("=")[0])


def _scutil(words: List[str]) -> Optional[Key]:
    known = ("--dns", "--proxy", "--nwi")
    return ("scutil", words[0]) if len(words) == 1 and words[0] in known else None


def _lsof(words: List[str]) -> Optional[Key]:
    asked = [
        next(iter(words[n + 1 : n + 2]), "") if w == "-i" else w[2:]
        for n, w in enumerate(words)
        if w.startswith("-i")
    ]
    others = [w for w in words if not w.startswith("-") and w not in asked]
    ports = {re.sub(r"^(?:UDP|TCP|4|6)?:", "", part, flags=re.I) for part in asked}
    if others or len(ports) != 1 or not re.fullmatch(r"[0-9]{1,5}", next(iter(ports))):
        return None
    return ("lsof", next(iter(ports)))


def _networksetup(words: List[str]) -> Optional[Key]:
    return ("networksetup", "ports") if words == ["-listallhardwareports"] else None


def _sw_vers(words: List[str]) -> Optional[Key]:
    ok = all(re.fullmatch(r"--?[A-Za-z]+", w) for w in words)
    return ("sw_vers",) if ok else None


def _launchctl(words: List[str]) -> Optional[Key]:
    if words[:1] == ["print-disabled"] and len(words) == 2:
        return ("launchctl", "disabled")
    if words[:1] == ["print"] and len(words) == 2 and words[1].startswith("system/"):
        return ("launchctl", words[1][len("system/") :])
    return ("launchctl", "list") if words[:1] == ["list"] and len(words) < 3 else None


_CONTAINER_KEYS: Mapping[Tuple[str, ...], Key] = {
    ("--version",): ("container", "version"),
    ("-v",): ("container", "version"),
    ("system", "version"): ("container", "version"),
    ("system", "status"): ("container", "status"),
    ("system", "logs"): ("container", "logs"),
    ("network", "list"): ("container", "networks"),
    ("network", "ls"): ("container", "networks"),
    ("list",): ("container", "ls"),
    ("ls",): ("container", "ls"),
    ("ps",): ("container", "ls"),
}
_CONTAINER_VERBS = (
    *("system", "network", "image", "images", "run", "exec", "build", "builder", "start", "stop"),
    *("create", "delete", "rm", "kill", "logs", "inspect", "stats", "registry", "volume", "copy"),
)


def _container(words: List[str]) -> Optional[Key]:
    plain = [w for w in words if w not in ("--debug", "-a", "--all", "-q", "--quiet")]
    plain = re.sub(r"(?:^|\x00)--format(?:=|\x00)(?:json|table)", "", "\x00".join(plain)).split(
        "\x00"
    )
    plain = [w for w in plain if w]
    logs = plain[:2] == ["system", "logs"]
    known = _CONTAINER_KEYS.get(("system", "logs") if logs else tuple(plain))
    if known is not None:
        return known
    if plain[:1] == ["inspect"] and len(plain) == 2:
        return ("container", "inspect", plain[1])
    if plain[:2] in (["image", "inspect"], ["images", "inspect"]) and len(plain) == 3:
        return ("container", "image", plain[2])
    if plain[:2] == ["network", "inspect"] and len(plain) == 3:
        return ("container", "network", plain[2])
    if (
        plain[:2] == ["run", "--rm"]
        and "probe" in plain
        and any("container-net-probe" in w for w in plain)
    ):
        return ("container", "probe")
    return (
        ("container", "other")
        if plain[:1] and plain[0] in _CONTAINER_VERBS and len(plain) > 1
        else None
    )


def real(path: str) -> str:
    """A path of a Mac as it really is: /etc is /private/etc."""
    return re.sub(r"^/(etc|var|tmp)/", r"/private/\1/", path)


def _cat(words: List[str]) -> Optional[Key]:
    if len(words) == 1 and re.fullmatch(r"/[\w./-]{2,200}", words[0]):
        return ("file", real(words[0]))
    return None


_MAKERS: Mapping[str, Callable[[List[str]], Optional[Key]]] = {
    "pfctl": _pfctl,
    "ifconfig": _ifconfig,
    "netstat": _netstat,
    "route": _route,
    "sysctl": _sysctl,
    "scutil": _scutil,
    "lsof": _lsof,
    "networksetup": _networksetup,
    "sw_vers": _sw_vers,
    "launchctl": _launchctl,
    "container": _container,
    "cat": _cat,
    "id": lambda words: ("id",) if words == ["-u"] else None,
    "true": lambda words: ("true",) if not words else None,
    "systemextensionsctl": lambda words: ("extensions",) if words == ["list"] else None,
    "socketfilterfw": lambda words: (
        ("firewall",) if words and all(w.startswith("--get") for w in words) else None
    ),
}

_CALL = re.compile(rf"(?<![\w./-])(?:/[\w./-]{{1,80}}/)?(?:{'|'.join(_PROGRAMS)})(?=[\s`'\"]|$)")
# What stands before a command: nothing, a bullet, or something that ends like a prompt.
_BEFORE = re.compile(
    r"(?:[\s*+\u2022`'-]*|(?:[0-9]{1,2}[.)]\s*)|"
    r".{0,100}(?:[$%#>\u276f\u279c\u00bb\u2717~)]|\bin [\w./-]{1,60})\s+|"
    r".{0,60}:\s*[`'\"]|\*{2})"
    r"(?:(?:sudo|doas)(?:\s+-[nEHS]|\s+-u\s+\S{1,40})*\s+)?",
)
_PROMPT = re.compile(
    r"\s*(?:\S{1,60}@\S{1,80}.{0,60}[$%#]|[$\u276f\u279c]|bash-[0-9.]+[$#])(?:\s|$)"
)
_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})")
_HEADING = re.compile(r"#{1,6} \S")


_QUOTED = re.compile(r"^(?:\s{0,3}>\s?){1,5}")


@dataclass(frozen=True)
class _Line:
    """A line: its text, and the command it calls, with whether its output is filtered."""

    text: str
    call: Optional[Key] = None
    filtered: bool = False
    edge: bool = False
    """Nothing of an output: a fence, a heading, or another command's prompt."""
    fenced: bool = False


def _lines(text: str) -> List[_Line]:
    """The lines, without the marks of a quotation; a heading is none inside a fence."""
    rows = [
        _QUOTED.sub("", row).rstrip() if ">" in row[:3] else row.rstrip()
        for row in text.split("\n")
    ]
    markdown = any(_FENCE.match(row) for row in rows)
    found: List[_Line] = []
    fenced = False
    for row in rows:
        if _FENCE.match(row):
            fenced = not fenced
            found.append(_Line(row, edge=True, fenced=fenced))
            continue
        called = _call(row) if len(row) <= _COMMAND_LENGTH else None
        heading = not fenced and _HEADING.match(row) and (markdown or row.startswith("##"))
        edge = bool(called or heading or _PROMPT.match(row[:_COMMAND_LENGTH]))
        asked, filtered = called or (None, False)
        found.append(_Line(row, asked, filtered, edge, fenced))
    return found


@lru_cache(maxsize=1024)
def _call(row: str) -> Optional[Tuple[Key, bool]]:
    match = _CALL.search(row)
    if match is None or not _BEFORE.fullmatch(row[: match.start()]):
        return None
    rest = row[match.start() :].rstrip("`*:'\" ")
    rest = re.sub(r"\s+#\s.*$", "", rest)
    filtered = re.search(r"\s*\|", rest) is not None
    rest = re.split(r"\s*(?:\||&&|;|\d?>)", rest, maxsplit=1)[0]
    try:
        found = key(shlex.split(rest))
    except ValueError:
        return None
    return (found, filtered) if found is not None else None


# -- what an output looks like


@dataclass(frozen=True)
class _Kind:
    """The shape of an output. `begin` says that one starts here, prompt or no prompt; `more` that a
    line belongs to it; `blank`: it has empty lines inside. `whole`: its first lines say so
    themselves, so that it needs no prompt to be believed."""

    name: str
    begin: re.Pattern[str]
    more: re.Pattern[str]
    blank: bool = False
    whole: bool = False


def _kind(name: str, begin: str, more: str, blank: bool = False, whole: bool = False) -> _Kind:
    return _Kind(name, re.compile(begin), re.compile(more), blank, whole)


_NOISE = r"No ALTQ support in kernel|ALTQ related functions disabled"
_RULE_LINE = (
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
_KINDS: Tuple[_Kind, ...] = (
    _kind("file", r"load anchor\s+\S+\s+from\s+\S+", r".*", True),
    _kind("rules", _RULE_LINE, rf"{_RULE_LINE}|{_COUNTER}|{_NOISE}|pfctl: .*|load anchor .*|#.*"),
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
        rf"/\S+:[0-9]+: .*|pfctl: .*|{_NOISE}|.*not loaded.*",
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
_BEGIN = re.compile("|".join(f"(?:{kind.begin.pattern})" for kind in _KINDS))
_BY_NAME = {kind.name: kind for kind in _KINDS}
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


def _kind_of(asked: Key) -> Optional[str]:
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


def _unglued(rows: Sequence[str]) -> List[str]:
    return [part for row in rows for part in _GLUED.split(row)]


# -- reading


def read(text: str) -> Pasted:
    """Every output, file and version in a text. Never raises; a text of 1 MiB takes under 1 s."""
    text = clean(text)
    own = _own_report(text)
    if own is not None:
        return own
    reader = _Reader(text)
    reader.walk()
    reader.from_json()
    reader.versions()
    reader.derive()
    return Pasted(dict(reader.found), "\n".join(reader.rest))


_OWN = re.compile(r'^(?:\s{0,3}>\s?){0,5}\{"container-net": ', re.MULTILINE)


def _own_report(text: str) -> Optional[Pasted]:
    """The section of raw outputs in a report of our own: one JSON object a line."""
    start = _OWN.search(text)
    if start is None:
        return None
    rows = [_QUOTED.sub("", row) for row in text[start.start() :].split("\n")]
    try:
        header = json.loads(rows[0])
    except (ValueError, RecursionError):
        return None
    outputs: Dict[Key, Output] = {}
    for row in rows[1:]:
        try:
            data = json.loads(row)
            made = Output(
                tuple(str(word) for word in data["key"]),
                _unpacked(str(data["packed"])) if "packed" in data else str(data.get("out", "")),
                str(data.get("err", "")),
                data["code"] if data["code"] is None else int(data["code"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            break
        outputs[made.key] = made
    return Pasted(outputs, "", header if isinstance(header, dict) else {})


def _unpacked(text: str) -> str:
    """A compressed output. Raises ValueError, also where it is larger than any of ours."""
    try:
        inflate = zlib.decompressobj()
        out = inflate.decompress(base64.b64decode(text, validate=True), _JSON_LENGTH)
    except zlib.error:
        raise ValueError("not packed") from None
    if not inflate.eof:
        raise ValueError("cut off, or too large")
    return out.decode("utf-8")


class _Reader:
    """Walks the lines once, collecting outputs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _lines(text)
        self.found: Dict[Key, Output] = {}
        self.rest: List[str] = []

    def add(self, made: Output) -> None:
        """The last of several answers stands; where they differ, none of them is sure."""
        if made.out.count("\n") > OUTPUT_LINES:
            made = replace(made, out="\n".join(made.out.split("\n")[:OUTPUT_LINES]), sure=False)
        before = self.found.get(made.key)
        if before is not None and (before.out, before.err) != (made.out, made.err):
            made = replace(made, sure=False)
        self.found[made.key] = made

    # One pass: `at` only grows, and an output is looked at once for each kind that begins there.
    def walk(self) -> None:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            if line.call is not None:
                self.rest.append("")
                at = self._after_call(at + 1, line.call, line.filtered)
                continue
            begins = not line.edge and _BEGIN.match(line.text)
            kind = next((k for k in _KINDS if k.begin.match(line.text)), None) if begins else None
            if kind is None or line.edge:
                self.rest.append(line.text)
                at += 1
                continue
            end, closed = self._extent(at, kind)
            rows = [row.text for row in self.lines[at:end]]
            if not self._unprompted(kind, rows, closed):
                self.rest += rows
            at = max(end, at + 1)

    def _extent(self, at: int, kind: _Kind) -> Tuple[int, bool]:
        """Where an output that begins at a line ends, and whether the text shows that end."""
        end = at
        while end < len(self.lines):
            line = self.lines[end]
            if line.edge:
                return end, True
            if not line.text.strip():
                following = self.lines[end + 1] if end + 1 < len(self.lines) else None
                if not kind.blank or following is None or not self._belongs(kind, following):
                    # The empty line after the text's last newline is the end of a whole text.
                    return end, True
            elif not self._belongs(kind, line):
                return end, kind.whole and end > at
            end += 1
        return end, False

    @staticmethod
    def _belongs(kind: _Kind, line: _Line) -> bool:
        if line.edge:
            return False
        return bool(kind.more.fullmatch(line.text[:2000]) or kind.begin.match(line.text))

    def _after_call(self, at: int, asked: Key, filtered: bool) -> int:
        """Take the output below a command; returns the line after it."""
        name = _kind_of(asked)
        kind = _BY_NAME.get(name or "")
        inside = self.lines[at - 1].fenced
        while at + 1 < len(self.lines) and not inside and not self.lines[at].text.strip():
            at += 1
        if at < len(self.lines) and self.lines[at].fenced and not inside:
            at += 1
        if name in ("text", "names", "other") or kind is None:
            end, closed = self._until_edge(at, name == "names")
        else:
            end, closed = self._extent(at, kind)
            if end == at:
                end, closed = self._until_edge(at, False)
        rows = [row.text for row in self.lines[at:end] if not _FENCE.match(row.text)]
        self._prompted(asked, rows, closed and not filtered, filtered)
        if name == "text" or end == at:
            self.rest += rows
        return end

    def _until_edge(self, at: int, words: bool) -> Tuple[int, bool]:
        """To the next fence, prompt or heading, and outside a fence to an empty line."""
        end = at
        while end < len(self.lines) and not self.lines[end].edge:
            text = self.lines[end].text
            if words and text.strip() and not re.fullmatch(r"\s*\S+", text):
                return end, False
            if not text.strip() and not self.lines[end].fenced and not self._file_goes_on(end + 1):
                return end, True
            end += 1
        return end, end < len(self.lines)

    def _file_goes_on(self, at: int) -> bool:
        following = self.lines[at].text if at < len(self.lines) else ""
        return re.match(rf"{_RULE_LINE}$|load anchor |[#]|[a-z.]+=[0-9]+$", following) is not None

    # -- outputs with a prompt

    def _prompted(self, asked: Key, rows: List[str], closed: bool, filtered: bool) -> None:
        rows = list(rows)
        while rows and not rows[0].strip():
            rows.pop(0)
        while rows and not rows[-1].strip():
            rows.pop()
        if not rows:
            if asked[0] in ("file", "lsof") or asked[:1] == ("id",):
                return
            if asked[:2] == ("pfctl", "show") and asked[2] and closed:
                self.add(Output(asked, "", sure=False))
            return
        if any(
            re.search(r"command not found|Permission denied|Operation not permitted", r)
            for r in rows
        ):
            return
        made = self._made(asked, rows, closed, filtered)
        if made is not None:
            self.add(made)

    def _made(self, asked: Key, rows: List[str], closed: bool, filtered: bool) -> Optional[Output]:
        name = _kind_of(asked)
        if name == "rules":
            return None if filtered else _rules_output(asked, rows, closed)
        if name == "check":
            told = [r for r in rows if re.search(r":[0-9]+: |^pfctl: ", r)]
            return Output(asked, "", "\n".join(told) + "\n", 1, closed) if told else None
        maker = _OUTPUTS.get(name or "")
        if maker is not None:
            return maker(asked, rows, closed, filtered)
        if asked[0] == "container":
            return _container_output(asked, rows, closed)
        if filtered or name == "other":
            return None
        return Output(asked, _joined(rows), sure=closed)

    # -- outputs without one

    def _unprompted(self, kind: _Kind, rows: List[str], closed: bool) -> bool:
        """Take an output that no command stands above; whether it was taken."""
        asked = _GUESS[kind.name](rows) if kind.name in _GUESS else _ALWAYS.get(kind.name)
        if asked is None:
            return False
        made = self._made(asked, rows, closed and kind.whole, False)
        if asked[0] == "file":
            made = Output(asked, _joined(rows), sure=False)
        if made is None:
            return False
        if made.key not in self.found:
            self.add(made)
        return True

    # -- JSON, versions, and what follows from other outputs

    def from_json(self) -> None:
        """Lists and objects that `container` printed, wherever they stand."""
        decoder = json.JSONDecoder()
        plain = "\n".join(line.text for line in self.lines)
        tries = 0
        end = -1
        for match in re.finditer(r"(?m)^[^\n\[{]{0,120}?([\[{])\s*[\[{\"\]]", plain):
            if match.start(1) < end or tries >= _JSON_TRIES:
                continue
            tries += 1
            start = match.start(1)
            try:
                data, stop = decoder.raw_decode(plain[start : start + _JSON_LENGTH])
            except (ValueError, RecursionError):
                continue
            end = start + stop
            asked = _json_key(data)
            if asked is not None and (
                asked not in self.found or not self.found[asked].out.lstrip().startswith(("[", "{"))
            ):
                code = 0 if asked[1] != "status" or data.get("status") == "running" else 1
                self.found[asked] = Output(asked, json.dumps(data) + "\n", code=code)

    def versions(self) -> None:
        """macOS and container, where a form or a sentence names exactly one version of each."""
        for asked, pattern, form in _VERSIONS:
            if asked in self.found:
                continue
            named = dict.fromkeys(m.group(1) for m in pattern.finditer(self.text))
            if len(named) == 1:
                self.add(Output(asked, form.format(next(iter(named))), sure=True))

    def derive(self) -> None:
        """Routes that the routing table or the network information tells, where none was asked."""
        table = self.found.get(("netstat", "inet"))
        rows = _routes(table.out) if table is not None else []
        for network, name, flags in rows:
            if (
                network.prefixlen == 0
                and "I" not in flags
                and ("route", "default") not in self.found
            ):
                self.add(_route_output("default", name, False))
        nwi = self.found.get(("scutil", "--nwi"))
        if nwi is not None and ("route", "default") not in self.found:
            first = re.search(r"IPv4 network interface information\s+([a-z]+[0-9]+) :", nwi.out)
            if first:
                self.add(_route_output("default", first.group(1), False))


def _joined(rows: Sequence[str]) -> str:
    return _latin("\n".join(rows) + "\n")


def _latin(text: str) -> str:
    """Text in the form of an CommandResult: bytes as latin-1."""
    return text.encode("utf-8", "replace").decode("latin-1")


def _rules_output(asked: Key, rows: List[str], closed: bool) -> Optional[Output]:
    errors = [r for r in rows if r.startswith("pfctl: ")]
    rules: List[str] = []
    for row in _unglued([r for r in rows if not re.match(rf"pfctl: |{_NOISE}", r)]):
        if row.strip():
            rules.append(row)
    if not rules and not errors:
        return Output(asked, "", sure=False)
    err = _joined(errors) if errors else ""
    if asked[2] == "" and asked[3] == "nat" and not any(r.startswith("rdr") for r in rules):
        # pf prints redirects after translations: without any, the list may go on.
        closed = False
    return Output(asked, _joined(rules) if rules else "", err, sure=closed)


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
    return Output(("ifconfig", "-a"), _joined(found), sure=closed and not single and not filtered)


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
    return Output(("netstat", "inet"), _joined(body), sure=closed and not filtered)


def _route_output(target: str, interface: str, sure: bool) -> Output:
    return Output(("route", target), f"  interface: {interface}\n", sure=sure, derived=True)


def _take_route(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Output:
    missing = [r for r in rows if r.startswith("route: ")]
    if missing:
        return Output(asked, "", _joined(missing), 1, True)
    plain = [r for r in rows if not re.fullmatch(r"[\s0-9,]+|\s*recvpipe.*", r)]
    # One line of it is enough, wherever the rest ends.
    named = any(re.match(r"\s*interface: +\S", r) for r in plain[:-1]) or closed
    return Output(asked, _joined(plain), sure=named and not filtered)


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
    return Output(asked, _joined(rows), sure=closed)


def _info_output(_asked: Key, rows: List[str], closed: bool, _filtered: bool) -> Optional[Output]:
    row = next((r for r in rows if r.startswith("Status: ")), None)
    return (
        None
        if row is None
        else Output(("pfctl", "show", "", "info", ""), _joined([row]), sure=closed)
    )


def _lsof_output(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Output:
    fixed = [re.sub(r":domain\b", ":53", r).replace("localhost:", "127.0.0.1:") for r in rows]
    return Output(
        asked, _joined(fixed), sure=closed and not filtered and fixed[0].startswith("COMMAND")
    )


def _job_output(asked: Key, rows: List[str], closed: bool, _filtered: bool) -> Output:
    if any("Could not find service" in r for r in rows):
        return Output(asked, "", _joined(rows), 113, True)
    return Output(asked, _joined(rows), sure=closed or rows[-1] == "}")


def _names_output(asked: Key, rows: List[str], closed: bool, filtered: bool) -> Optional[Output]:
    if filtered:
        return None
    errors = [r for r in rows if r.startswith("pfctl: ")]
    names = [r for r in rows if re.fullmatch(r"\s*[\w!./:-]+", r)]
    return Output(
        asked, _joined(names) if names else "", _joined(errors) if errors else "", sure=closed
    )


_OUTPUTS: Mapping[str, Callable[[Key, List[str], bool, bool], Optional[Output]]] = {
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


def _container_output(asked: Key, rows: List[str], closed: bool) -> Optional[Output]:
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
        return Output(asked, "", _joined(rows), 1, closed)
    if text.lstrip().startswith(("[", "{")):
        return None  # from_json takes it
    if asked[1] in ("ls", "networks"):
        table = _ls_json(rows) if asked[1] == "ls" else _networks_json(rows)
        return None if table is None else Output(asked, json.dumps(table) + "\n", sure=False)
    return Output(asked, _joined(rows), sure=closed) if asked[1] == "logs" else None


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


def _json_key(data: Any) -> Optional[Key]:
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


_VERSIONS: Tuple[Tuple[Key, re.Pattern[str], str], ...] = (
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


def _routes(out: str) -> Iterator[Tuple[IPv4Network, str, str]]:
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
    return _route(["get", match.group(1)]) if match else None


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


_GUESS: Mapping[str, Callable[[Sequence[str]], Optional[Key]]] = {
    "rules": _guess_rules,
    "route": _guess_route,
    "sysctl": _guess_sysctl,
    "lsof": _guess_lsof,
    "job": _guess_job,
}
_ALWAYS: Mapping[str, Key] = {
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


# -- a Machine that answers from a text


class Transcript(Machine):
    """Answers the commands of the probes from a text, and files that are quoted in it.

    Nothing is ever run or read.
    """

    def __init__(self, pasted: Pasted) -> None:
        # The base's own start would prepare a Context to run programs with.
        header = pasted.header
        self.sysroot = "" if header.get("simulated") else None
        self.container_user = None if header.get("asks_as_root") else "somebody"
        self.pasted = pasted

    @property
    def exact(self) -> bool:
        """Every answer is there, as it was given: a report of our own."""
        return bool(self.pasted.header)

    def find(self, wanted: Key) -> Optional[Output]:
        """The output for a key, or one that says as much."""
        found = self.pasted.outputs.get(wanted)
        if found is None and not self.exact and wanted[:2] == ("pfctl", "show"):
            other = (*wanted[:4], "" if wanted[4] else "v")
            found = self.pasted.outputs.get(other)
            found = _with_counters(found) if found is not None and wanted[4] else found
        if found is None and not self.exact:
            found = self._routed(wanted)
        return found

    def _routed(self, wanted: Key) -> Optional[Output]:
        """`route get ADDRESS` from the routing table, where a row of it is for that address."""
        table = self.pasted.outputs.get(("netstat", "inet"))
        if wanted[0] != "route" or wanted[1] == "default" or table is None:
            return None
        address = IPv4Address(wanted[1])
        rows = [row for row in _routes(table.out) if address in row[0] and "I" not in row[2]]
        rows = [row for row in rows if row[0].prefixlen or table.sure]
        if not rows:
            return None
        best = max(rows, key=lambda row: row[0].prefixlen)
        return _route_output(wanted[1], best[1], table.sure)

    def run(
        self,
        argv: Argv,
        *,
        root: bool = False,
        user: Optional[str] = None,  # noqa: ARG002
        stdin: str = "",  # noqa: ARG002
        timeout: float = READ_LIMIT,  # noqa: ARG002
    ) -> CommandResult:
        shown = ("sudo " if root else "") + shlex.join(str(word) for word in argv)
        wanted = key([str(word) for word in argv])
        found = self.find(wanted) if wanted is not None else None
        if wanted == ("true",) and found is None and not self.exact:
            return CommandResult(shown, 0)
        if found is None:
            return CommandResult(shown, 1, "", MISSING + "\n")
        return CommandResult(shown, found.code, found.out, found.err)

    def side_by_side(self, calls: Sequence[Callable[[], T]]) -> List[T]:
        return [call() for call in calls]

    def ask_for_root(self) -> bool:
        return False

    def read(self, path: str) -> FileFact:
        found = self.find(("file", real(path)))
        if found is None:
            raise OSError(errno.EIO, MISSING)
        if found.code is None:
            raise OSError(errno.EIO, found.err)
        if found.code != 0:
            return FileFact(path)
        return FileFact(path, found.out.encode("latin-1", "replace"), 0o644, link=found.err or None)

    def exists(self, path: str) -> bool:
        """What is not told is taken to be there: that it is missing would be a finding."""
        found = self.find(("exists", path))
        if found is not None:
            return found.code == 0
        if path.startswith("/opt/homebrew/bin/"):
            return path in self.pasted.plain
        return not path.startswith("/private/var/db/container-net")


def _with_counters(found: Output) -> Output:
    """Rules as `-v` shows them; the counters say nothing, and no recogniser reads them."""
    counter = "  [ Evaluations: 0         Packets: 0         Bytes: 0           States: 0     ]"
    rows = [row for row in found.out.split("\n") if row]
    return replace(found, out="".join(f"{row}\n{counter}\n" for row in rows))
