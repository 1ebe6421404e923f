"""Our lines in /etc/pf.conf and /etc/sysctl.conf: one block at the end, taken out byte for byte.

Bytes in, bytes out. A block is a marker, our line, and another marker. Whether pf accepts the
result is asked of pf itself (`pfctl -n -f` on the draft), so nothing here knows pf's grammar but
two things: Apple's call of `com.apple/*`, without which our anchor would never be reached, and the
lines that Apple's own tool puts into the file, which may come to stand inside our block
(container.md, 3).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import List, Optional, Tuple

from .text import _

__all__ = [
    "ANCHOR",
    "FORWARDING",
    "Refused",
    "has_hook",
    "insert",
    "loaded_files",
    "remove",
    "state",
]

ANCHOR, FORWARDING = "anchor", "forwarding"
# `hook` is what version 0.1 wrote where the file had no call of com.apple/*.
_MARKER = re.compile(
    rb"[ \t]*# (?:(>>>)|<<<) container-net: (anchor|hook|forwarding) (?:>>>|<<<)"
    rb"(?: \(newline added, ([0-9a-f]{8})\))?[ \t\r]*\n?"
)
_OURS = re.compile(
    rb'[ \t]*(load anchor "com\.apple/[^"\n]+" from "/etc/pf\.anchors/[^"\n]+"'
    rb'|nat-anchor "com\.apple/\*"|net\.inet\.ip\.forwarding=1)[ \t\r]*\n?'
)
_HOOK = re.compile(
    rb'^[ \t]*nat-anchor[ \t]+"?com\.apple/\*"?(?:[ \t]+(?:inet[ \t]+)?(?:all|from any to any))?'
    rb"[ \t]*(?:#.*)?\r?$",
    re.MULTILINE,
)
_LOADS = re.compile(r'^\s*load\s+anchor\s+\S+\s+from\s+"?([^"\s#]+)', re.MULTILINE)
_SETTER = re.compile(rb"[ \t]*net\.inet\.ip\.forwarding[ \t]*=")


class Refused(ValueError):
    """No safe result is possible; `reason` is a sentence for the user, with the line number."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class _File:
    """A file with our blocks told from the rest: `lines` are everybody else's, in order.

    `own` are our lines, `at` the number of other lines before the last block, `added` whether the
    newline before the block is ours and nothing came behind it.
    """

    lines: Tuple[bytes, ...]
    own: Tuple[bytes, ...] = ()
    blocks: int = 0
    at: int = 0
    added: bool = False

    @property
    def rest(self) -> bytes:
        """The file without us."""
        text = b"".join(self.lines)
        return text[:-1] if self.added else text


def _split(content: bytes) -> List[bytes]:
    """Lines as pf counts them: a line feed ends one, a carriage return does not."""
    return [line for line in re.split(rb"(?<=\n)", content) if line]


def _check(line: bytes) -> bytes:
    return b"%08x" % zlib.crc32(line.rstrip(b"\n"))


def _read(content: bytes, file: str) -> _File:
    """Raises Refused where a marker stands alone: which lines are ours cannot be told then."""
    if b"\0" in content:
        number = content[: content.index(b"\0")].count(b"\n") + 1
        raise Refused(
            _("{file}, line {line}: a zero byte; this is not a text file.").format(
                file=file, line=number
            )
        )
    lines: List[bytes] = []
    own: List[bytes] = []
    opened: Optional[Tuple[int, bytes]] = None
    blocks, at, check = 0, 0, b""
    for number, line in enumerate(_split(content), 1):
        match = _MARKER.fullmatch(line)
        if match is None:
            if opened is not None and _OURS.fullmatch(line):
                own.append(line)
            else:
                lines.append(line)
            continue
        begins = match.group(1) is not None
        if begins == (opened is not None) or (opened and opened[1] != match.group(2)):
            raise Refused(_lone(file, opened[0] if opened and begins else number))
        if begins:
            opened, at, check = (number, match.group(2)), len(lines), match.group(3) or b""
            blocks += 1
        else:
            opened = None
    if opened is not None:
        raise Refused(_lone(file, opened[0]))
    added = bool(check and lines and at == len(lines) and _check(lines[-1]) == check)
    return _File(tuple(lines), tuple(own), blocks, at, added)


def _lone(file: str, line: int) -> str:
    return _(
        "{file}, line {line}: one of our two markers is missing. Delete this line, and the line of "
        "ours beside it, then try again."
    ).format(file=file, line=line)


def has_hook(content: bytes) -> bool:
    """Whether pf.conf calls every child of `com.apple` for translation, without a condition."""
    return _HOOK.search(content) is not None


def loaded_files(content: bytes) -> Tuple[str, ...]:
    """The files that `load anchor … from` lines name."""
    return tuple(dict.fromkeys(_LOADS.findall(content.decode("latin-1"))))


def insert(content: bytes, name: str, line: bytes) -> bytes:
    """The file with our block, at its end; unchanged where the block stands and is in force.

    `line` is the rendered line with its newline. Raises Refused.
    """
    file = "pf.conf" if name == ANCHOR else "sysctl.conf"
    found = _read(content, file)
    if name == ANCHOR and not has_hook(found.rest):
        raise Refused(
            _(
                '{file} does not call Apple\'s anchors: put nat-anchor "com.apple/*" before its '
                "first nat, rdr or anchor line, then try again."
            ).format(file=file)
        )
    if found.blocks == 1 and found.own == (line,) and not _overridden(found, name):
        return content
    rest = found.rest
    mark = b""
    if rest and not rest.endswith(b"\n"):
        mark = b" (newline added, %s)" % _check(rest[rest.rfind(b"\n") + 1 :])
        rest += b"\n"
    label = name.encode("ascii")
    return b"%s# >>> container-net: %s >>>%s\n%s# <<< container-net: %s <<<\n" % (
        *(rest, label, mark),
        *(line, label),
    )


def _overridden(found: _File, name: str) -> bool:
    """Whether a line behind the block sets the same name again: the last one counts."""
    return name == FORWARDING and any(map(_SETTER.match, found.lines[found.at :]))


def remove(content: bytes, name: str) -> bytes:
    """The file without our block: after `insert`, its first bytes. Raises Refused."""
    found = _read(content, "pf.conf" if name == ANCHOR else "sysctl.conf")
    return found.rest if found.blocks else content


def state(content: bytes, name: str, line: bytes) -> str:
    """`ok`, `absent` or `drifted`: `ok` exactly where `insert` would change nothing."""
    if not any(map(_MARKER.fullmatch, _split(content))):
        return "absent"
    try:
        return "ok" if insert(content, name, line) == content else "drifted"
    except Refused:
        return "drifted"
