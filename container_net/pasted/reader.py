"""From a text to the outputs in it: cleaned, walked once, line by line. Never raises."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .keys import PROGRAMS, Key, key, real
from .outputs import (
    OUTPUTS,
    VERSIONS,
    Output,
    container_output,
    is_builder,
    joined,
    json_key,
    route_output,
    routes,
    rules_output,
)
from .shapes import ALWAYS, BEGIN, BY_NAME, GUESS, KINDS, RULE_LINE, Kind, kind_of

__all__ = ["LIMIT", "Pasted", "clean", "read"]

LIMIT = 1 << 20
"""Characters of a text that are looked at: the last 1 MiB, as of a log."""
LINES = 20_000
"""Lines of it, the last ones: a log of two weeks has fewer, and noise has more."""
OUTPUT_LINES = 2_000
"""Lines of one output; the cut leaves no newline at the end, so that no parser believes it."""

# Where vmnet puts its networks; any other guest has an eth0 as well.
_ETH0 = re.compile(
    r"\binet (?:addr:)?(192\.168\.(?:6[4-9]|7[0-9])\.[0-9]{1,3})(?:/24|  ?Bcast).{0,80}"
    r"(?:\beth0\b|Mask)"
)
_RESTART = re.compile(r"\bcontainer (?:system|s) (?:stop|start|restart)\b")
_OF_THE_SERVICE: Tuple[Key, ...] = (
    *(("container", "ls"), ("container", "networks"), ("container", "status")),
)
_BUILDER: Key = ("container", "inspect", "buildkit")
_COMMAND_LENGTH = 400
_JSON_LENGTH = 1 << 18
_JSON_TRIES = 40


@dataclass(frozen=True)
class Pasted:
    """A text as outputs and files, by key. `plain` is the text, cleaned, without its outputs and
    the commands that gave them; `prose` is the same with the commands.

    `header` is what a report of our own says of the run that wrote it; empty in any other text.
    """

    outputs: Mapping[Key, Output] = field(default_factory=dict)
    plain: str = ""
    prose: str = ""
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


_CALL = re.compile(rf"(?<![\w./-])(?:/[\w./-]{{1,80}}/)?(?:{'|'.join(PROGRAMS)})(?=[\s`'\"]|$)")
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


class _Line(NamedTuple):
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
    fences = [_FENCE.match(row) is not None for row in rows]
    markdown = any(fences)
    found: List[_Line] = []
    fenced = False
    for row, fence in zip(rows, fences):
        if fence:
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
def _call(row: str) -> Optional[Tuple[Optional[Key], bool]]:
    """The command of a line, None where it says nothing here; whether its output is filtered."""
    match = _CALL.search(row)
    if match is None or not _BEFORE.fullmatch(row[: match.start()]):
        return None
    rest = row[match.start() :].rstrip("`*:'\" ")
    rest = re.sub(r"\s+#\s.*$", "", rest)
    if re.search(r"(?<![0-9&])>{1,2}\s*(?!/dev/)[^\s&>]", rest):
        return None, True  # what it says went into a file
    filtered = re.search(r"\s*\|", rest) is not None
    rest = re.split(r"\s*(?:\||&&|;|\d?>)", rest, maxsplit=1)[0]
    try:
        found = key(shlex.split(rest))
    except ValueError:
        return None
    return (found, filtered) if found is not None else None


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
    return Pasted(dict(reader.found), "\n".join(reader.rest), "\n".join(reader.prose))


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
                _asked([str(word) for word in data["key"]]),
                _unpacked(str(data["packed"])) if "packed" in data else str(data.get("out", "")),
                str(data.get("err", "")),
                data["code"] if data["code"] is None else int(data["code"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            break
        outputs[made.key] = made
    return Pasted(outputs, header=header if isinstance(header, dict) else {})


def _asked(words: List[str]) -> Key:
    """A row's key; `first-aid.sh` gives the command itself, by its path, and a file as named."""
    asked = key(words) if words and words[0].startswith("/") else None
    if asked is None and words[:1] == ["file"]:
        asked = ("file", *map(real, words[1:]))
    return asked if asked is not None else tuple(words)


def _unpacked(text: str) -> str:
    """A compressed output: by zlib, or by gzip, then as JSON has it (`first-aid.sh`).

    Raises ValueError, also where it is larger than any of ours.
    """
    raw = base64.b64decode(text, validate=True)
    zipped = raw.startswith(b"\x1f\x8b")
    try:
        inflate = zlib.decompressobj(zlib.MAX_WBITS | (16 if zipped else 0))
        out = inflate.decompress(raw, _JSON_LENGTH)
    except zlib.error:
        raise ValueError("not packed") from None
    if not inflate.eof:
        raise ValueError("cut off, or too large")
    return str(json.loads(out)) if zipped else out.decode("utf-8")


class _Reader:
    """Walks the lines once, collecting outputs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _lines(text)
        self.found: Dict[Key, Output] = {}
        self.rest: List[str] = []
        self.prose: List[str] = []

    def add(self, made: Output) -> None:
        """The last of several answers stands; where they differ, none of them is sure."""
        if made.out.count("\n") > OUTPUT_LINES:
            made = replace(made, out="\n".join(made.out.split("\n")[:OUTPUT_LINES]), sure=False)
        before = self.found.get(made.key)
        if before is not None and (before.out, before.err) != (made.out, made.err):
            made = replace(made, sure=False)
        self.found[made.key] = made

    def keep(self, *rows: str) -> None:
        """What is no output."""
        self.rest += rows
        self.prose += rows

    # One pass: `at` only grows, and an output is looked at once for each kind that begins there.
    def walk(self) -> None:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            if line.call is not None:
                self.keep("")
                self.prose[-1] = line.text
                if _RESTART.search(line.text[:_COMMAND_LENGTH]):
                    # What was listed before is of another network.
                    for asked in _OF_THE_SERVICE:
                        self.found.pop(asked, None)
                at = self._after_call(at + 1, line.call, line.filtered)
                continue
            begins = not line.edge and BEGIN.match(line.text)
            kind = next((k for k in KINDS if k.begin.match(line.text)), None) if begins else None
            if kind is None or line.edge:
                self.keep(line.text)
                at += 1
                continue
            end, closed = self._extent(at, kind)
            rows = [row.text for row in self.lines[at:end]]
            if not self._unprompted(kind, rows, closed):
                self.keep(*rows)
            at = max(end, at + 1)

    def _extent(self, at: int, kind: Kind) -> Tuple[int, bool]:
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
    def _belongs(kind: Kind, line: _Line) -> bool:
        if line.edge:
            return False
        return bool(kind.more.fullmatch(line.text[:2000]) or kind.begin.match(line.text))

    def _after_call(self, at: int, asked: Key, filtered: bool) -> int:
        """Take the output below a command; returns the line after it."""
        name = kind_of(asked)
        kind = BY_NAME.get(name or "")
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
            self.keep(*rows)
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
        return re.match(rf"{RULE_LINE}$|load anchor |[#]|[a-z.]+=[0-9]+$", following) is not None

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
        name = kind_of(asked)
        if name == "rules":
            return None if filtered else rules_output(asked, rows, closed)
        if name == "check":
            told = [r for r in rows if re.search(r":[0-9]+: |^pfctl: ", r)]
            return Output(asked, "", "\n".join(told) + "\n", 1, closed) if told else None
        maker = OUTPUTS.get(name or "")
        if maker is not None:
            return maker(asked, rows, closed, filtered)
        if asked[0] == "container":
            return container_output(asked, rows, closed)
        if filtered or name == "other":
            return None
        return Output(asked, joined(rows), sure=closed)

    # -- outputs without one

    def _unprompted(self, kind: Kind, rows: List[str], closed: bool) -> bool:
        """Take an output that no command stands above; whether it was taken."""
        asked = GUESS[kind.name](rows) if kind.name in GUESS else ALWAYS.get(kind.name)
        if asked is None:
            return False
        made = self._made(asked, rows, closed and kind.whole, False)
        if asked[0] == "file":
            made = Output(asked, joined(rows), sure=False)
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
            if is_builder(data):
                made = Output(_BUILDER, json.dumps(data) + "\n")
                self.found.setdefault(_BUILDER, made)
            asked = json_key(data)
            if asked is not None and (
                asked not in self.found or not self.found[asked].out.lstrip().startswith(("[", "{"))
            ):
                code = 0 if asked[1] != "status" or data.get("status") == "running" else 1
                self.found[asked] = Output(asked, json.dumps(data) + "\n", code=code)

    def versions(self) -> None:
        """macOS and container, where a form or a sentence names exactly one version of each."""
        for asked, pattern, form in VERSIONS:
            if asked in self.found:
                continue
            named = dict.fromkeys(m.group(1) for m in pattern.finditer(self.text))
            if len(named) == 1:
                self.add(Output(asked, form.format(next(iter(named))), sure=True))

    def _attached(self) -> None:
        """A container by the address that it says it has (`ip a`), where no list was pasted."""
        asked: Key = ("container", "ls")
        inside = _ETH0.search("\n".join(self.rest))
        if inside is None or asked in self.found or ("container", "status") in self.found:
            return
        attached = {
            "network": "default",
            "ipv4Address": f"{inside.group(1)}/24",
            "ipv4Gateway": inside.group(1).rsplit(".", 1)[0] + ".1",
        }
        row = {
            "id": "eth0 of the container",
            "status": {"state": "running", "networks": [attached]},
        }
        row["configuration"] = {"id": "eth0 of the container", "image": {"reference": ""}}
        self.add(Output(asked, json.dumps([row]) + "\n", sure=False, derived=True))

    def derive(self) -> None:
        """Routes that the routing table or the network information tells, where none was asked."""
        table = self.found.get(("netstat", "inet"))
        rows = routes(table.out) if table is not None else []
        for network, name, flags in rows:
            if (
                network.prefixlen == 0
                and "I" not in flags
                and ("route", "default") not in self.found
            ):
                self.add(route_output("default", name, False))
        self._attached()
        nwi = self.found.get(("scutil", "--nwi"))
        if nwi is not None and ("route", "default") not in self.found:
            first = re.search(r"IPv4 network interface information\s+([a-z]+[0-9]+) :", nwi.out)
            if first:
                self.add(route_output("default", first.group(1), False))
