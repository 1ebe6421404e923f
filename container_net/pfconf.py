"""/etc/pf.conf and /etc/sysctl.conf: where our lines go in, and how they come out again.

Bytes in, bytes out; nothing is read, written or run here. A file is cut into physical lines, our
own lines are told from everybody else's, and every answer is made of the foreign lines in their
own order plus the blocks that are wanted. A line is ours only where that can be proven: it is a
marker line, or it stands between two of them and is exactly a line that we write. What cannot be
proven is kept, or refused with the line numbers and what to do.

The scanner follows pf's own lexer and grammar (pfctl's parse.y: `lgetc`, `yylex`,
`check_rulestate`, as published by OpenBSD and FreeBSD; Apple adds `scrub-anchor` and `dummynet`):

- `\\` before a line feed joins lines, in comments too; before anything else, a carriage return for
  instance, it does not, and a `\\` that another one precedes does not either.
- A quote opens a text only where a word could begin, and the text runs over line ends.
- In braces a line end does not end the statement.
- `load anchor`, tables, macros and some `set` options have no place in pf's order; the rest must
  come as options, normalization, queueing, translation, filtering.
- A last statement without a line feed is a syntax error, a last comment without one is not.
"""

from __future__ import annotations

import enum
import re
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Dict, FrozenSet, Iterable, List, Optional, Sequence, Set, Tuple

from .text import _

__all__ = [
    "ANCHOR",
    "FORWARDING",
    "HOOK",
    "Edit",
    "Refused",
    "Scan",
    "Section",
    "Statement",
    "Token",
    "block_state",
    "has_hook",
    "insert_pf_conf",
    "insert_sysctl_conf",
    "loaded_files",
    "remove_pf_conf",
    "remove_sysctl_conf",
    "scan",
]

HOOK = "hook"
ANCHOR = "anchor"
FORWARDING = "forwarding"

_PF_NAMES = (HOOK, ANCHOR)
_SYSCTL_NAMES = (FORWARDING,)


class Refused(ValueError):
    """No safe result is possible; `reason` is a sentence for the user, with line numbers."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Edit:
    """What a file becomes. `notes` are sentences for the user, also where nothing changes."""

    content: bytes
    changed: bool
    notes: Tuple[str, ...] = ()


# --- pf.conf as pf reads it -------------------------------------------------------------------


class Section(enum.Enum):
    """The part of pf's order that a statement belongs to, or why it belongs to none."""

    OPTIONS = "options"
    NORMALIZATION = "normalization"
    QUEUEING = "queueing"
    TRANSLATION = "translation"
    DUMMYNET = "dummynet"
    FILTERING = "filtering"
    LOAD_ANCHOR = "load anchor"
    MACRO = "macro"
    TABLE = "table"
    INCLUDE = "include"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Token:
    """A word, a quoted text (without its quotes), a `$macro`, or a single character."""

    text: bytes
    quoted: bool = False
    macro: bool = False
    glued: bool = False  # nothing stands between it and the token before


@dataclass(frozen=True)
class Statement:
    """One statement: bytes `start` to `end` (whole lines), first line `line` (from 1)."""

    section: Section
    start: int
    end: int
    line: int
    tokens: Tuple[Token, ...]


class _Open(enum.Enum):
    QUOTE = "quote"
    BRACE = "brace"
    BACKSLASH = "backslash"


@dataclass(frozen=True)
class Scan:
    """A whole pf.conf. `joined` are the offsets of lines that belong to the line before them.

    `escaped` are those of them that a backslash joins. `unfinished` says what is still open at the
    end of the file, and in which line it was opened.
    """

    statements: Tuple[Statement, ...]
    joined: FrozenSet[int]
    escaped: FrozenSet[int]
    unfinished: Optional[Tuple[int, _Open]] = None

    def first(self, *sections: Section) -> Optional[Statement]:
        return next((s for s in self.statements if s.section in sections), None)


_EOF = -1
_NEWLINE, _BACKSLASH = 0x0A, 0x5C
_ALNUM = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD_START = frozenset(_ALNUM + b":_")
_WORD = frozenset(_ALNUM + b"\"$%&'*+-.:;?@[\\]^_`|~")
_MACRO = frozenset(_ALNUM + b"_")

_SECTIONS: Dict[bytes, Section] = {
    b"set": Section.OPTIONS,
    b"scrub": Section.NORMALIZATION,
    b"scrub-anchor": Section.NORMALIZATION,
    b"altq": Section.QUEUEING,
    b"queue": Section.QUEUEING,
    b"nat": Section.TRANSLATION,
    b"rdr": Section.TRANSLATION,
    b"binat": Section.TRANSLATION,
    b"nat-anchor": Section.TRANSLATION,
    b"rdr-anchor": Section.TRANSLATION,
    b"binat-anchor": Section.TRANSLATION,
    b"dummynet": Section.DUMMYNET,
    b"dummynet-anchor": Section.DUMMYNET,
    b"pass": Section.FILTERING,
    b"block": Section.FILTERING,
    b"match": Section.FILTERING,
    b"anchor": Section.FILTERING,
    b"antispoof": Section.FILTERING,
    b"table": Section.TABLE,
    b"include": Section.INCLUDE,
}
_NEGATED = frozenset({b"scrub", b"nat", b"rdr", b"binat", b"dummynet"})
# The options that parse.y holds to the order; the others may stand anywhere.
_ORDERED_OPTIONS = frozenset(
    {
        b"optimization",
        b"timeout",
        b"limit",
        b"loginterface",
        b"block-policy",
        b"fail-policy",
        b"fingerprints",
        b"debug",
        b"reassemble",
    }
)
_EARLY = (Section.OPTIONS, Section.NORMALIZATION, Section.QUEUEING)


class _Reader:
    """pf's `lgetc`: characters of a file, continued lines made one."""

    def __init__(self, conf: bytes) -> None:
        self.conf = conf
        self.pos = 0
        self.joined: Set[int] = set()
        self.escaped: Set[int] = set()

    def get(self) -> int:
        conf, size = self.conf, len(self.conf)
        while self.pos < size and conf[self.pos] == _BACKSLASH:
            self.pos += 1
            if self.pos < size and conf[self.pos] == _NEWLINE:
                self.pos += 1
                self.joined.add(self.pos)
                self.escaped.add(self.pos)
                continue
            break
        if self.pos >= size:
            return _EOF
        self.pos += 1
        return conf[self.pos - 1]

    def skip_comment(self) -> int:
        """Read to the end of the line; the character that ended it."""
        while True:
            char = self.get()
            if char in (_NEWLINE, _EOF):
                return char

    def run(self, allowed: FrozenSet[int]) -> bytes:
        """The longest run of allowed characters from here."""
        found = bytearray()
        while True:
            before = self.pos
            char = self.get()
            if char not in allowed:
                self.pos = before
                return bytes(found)
            found.append(char)

    def quoted(self, quote: int) -> Tuple[bytes, bool]:
        """A quoted text after its opening quote, and whether it was closed."""
        conf, size = self.conf, len(self.conf)
        found = bytearray()
        while self.pos < size:
            char = conf[self.pos]
            self.pos += 1
            if char == quote:
                return bytes(found), True
            if char == _NEWLINE:
                self.joined.add(self.pos)
                continue
            if char == _BACKSLASH and self.pos < size:
                if conf[self.pos] == quote:
                    char = quote
                    self.pos += 1
                elif conf[self.pos] == _NEWLINE:
                    self.pos += 1
                    self.joined.add(self.pos)
                    continue
            found.append(char)
        return bytes(found), False


def _section(tokens: Sequence[Token]) -> Section:
    first = tokens[0]
    second = tokens[1] if len(tokens) > 1 else Token(b"")
    bare = not first.quoted and not first.macro
    if bare and first.text in _SECTIONS:
        return _SECTIONS[first.text]
    if bare and first.text == b"no" and second.text in _NEGATED:
        return _SECTIONS[second.text]
    if bare and first.text == b"load":
        return Section.LOAD_ANCHOR if second.text == b"anchor" else Section.UNKNOWN
    if second.text == b"=" and not second.quoted and not first.macro:
        return Section.MACRO
    return Section.UNKNOWN


def scan(conf: bytes) -> Scan:
    """The statements of a pf.conf, as pf's lexer cuts them.

    Never fails: what is not known keeps its place as `Section.UNKNOWN`. Statements inside an inline
    `anchor "x" { … }` are part of that statement.
    """
    reader = _Reader(conf)
    statements: List[Statement] = []
    tokens: List[Token] = []
    start = depth = 0
    line, last = 1, -1
    unfinished: Optional[_Open] = None

    def finish() -> None:
        nonlocal start, line
        if tokens:
            found = Statement(_section(tokens), start, reader.pos, line, tuple(tokens))
            statements.append(found)
            tokens.clear()
        line += conf.count(b"\n", start, reader.pos)
        start = reader.pos

    while unfinished is None:
        char = reader.get()
        if char == ord("#"):
            char = reader.skip_comment()
        if char == _EOF:
            if depth:
                unfinished = _Open.BRACE
            elif len(conf) in reader.escaped:
                unfinished = _Open.BACKSLASH
            break
        if char == _NEWLINE:
            if depth:
                reader.joined.add(reader.pos)
            else:
                finish()
            continue
        if char in b" \t":
            continue
        begin = reader.pos - 1
        if char in b"\"'":
            text, closed = reader.quoted(char)
            tokens.append(Token(text, quoted=True, glued=begin == last))
            unfinished = None if closed else _Open.QUOTE
        elif char == ord("$"):
            tokens.append(Token(reader.run(_MACRO), macro=True, glued=begin == last))
        else:
            rest = reader.run(_WORD) if char in _WORD_START else b""
            tokens.append(Token(bytes((char,)) + rest, glued=begin == last))
            depth = max(0, depth + (char == ord("{")) - (char == ord("}")))
        last = reader.pos
    opened = conf.count(b"\n") if unfinished is _Open.BACKSLASH else line
    finish()
    return Scan(
        tuple(statements),
        frozenset(reader.joined),
        frozenset(reader.escaped),
        None if unfinished is None else (opened, unfinished),
    )


def _texts(tokens: Iterable[Token]) -> List[Token]:
    """Tokens that touch made one: an unquoted `com.apple/*` is three to the lexer."""
    found: List[Token] = []
    for token in tokens:
        if token.glued and found and not (token.macro or token.quoted or found[-1].quoted):
            found[-1] = Token(found[-1].text + token.text, macro=found[-1].macro)
        else:
            found.append(token)
    return found


# After the name, only these leave a hook that every IPv4 packet takes; `on en1` or `proto tcp`
# would make one that containers miss.
_UNCONDITIONAL = frozenset({b"all", b"inet", b"from", b"to", b"any"})


def _is_hook(statement: Statement) -> bool:
    texts = _texts(statement.tokens)
    if statement.section is not Section.TRANSLATION or texts[0].text != b"nat-anchor":
        return False
    return (
        len(texts) > 1
        and texts[1].text == b"com.apple/*"
        and not texts[1].macro
        and all(not t.quoted and not t.macro and t.text in _UNCONDITIONAL for t in texts[2:])
    )


def has_hook(current: bytes) -> bool:
    """Whether pf.conf calls every child of `com.apple` for translation, in our block or outside.

    A hook with a condition (`on en1`, `inet6`, `proto tcp`) is none: it would miss packets of
    containers. Neither is one in a comment, in quotes, or behind an `include`, which is not read.
    """
    return any(_is_hook(statement) for statement in scan(current).statements)


def _loaded_file(statement: Statement) -> Optional[bytes]:
    texts = _texts(statement.tokens)
    words = [b"" if t.quoted else t.text for t in texts]
    if statement.section is not Section.LOAD_ANCHOR or b"from" not in words:
        return None
    path = texts[words.index(b"from") + 1 :]
    if not path or any(t.macro for t in path):
        return None
    return b" ".join(t.text for t in path)


def loaded_files(current: bytes) -> Tuple[str, ...]:
    """The FILE of every `load anchor … from FILE`, in order, ours too.

    A missing one costs the Mac its whole boot ruleset (F49). A FILE that is a macro is left out.
    Bytes that are no UTF-8 come as surrogates, so that `open` finds the file.
    """
    found = (_loaded_file(statement) for statement in scan(current).statements)
    return tuple(path.decode("utf-8", "surrogateescape") for path in found if path is not None)


# --- our lines among others -------------------------------------------------------------------

_MARKER = re.compile(
    rb"# (?:>>> container-net: ([a-z]+) >>>(?: \(newline added, ([0-9a-f]{8})\))?"
    rb"|<<< container-net: ([a-z]+) <<<)"
)
_LOAD_LINE = re.compile(
    rb'load anchor "com\.apple/([A-Za-z0-9._-]{1,63})"'
    rb' from "(?:/[A-Za-z0-9._/-]*)?/etc/pf\.anchors/\1"'
)
_HOOK_LINE = b'nat-anchor "com.apple/*"'
_FORWARDING_LINE = b"net.inet.ip.forwarding=1"
_SETTER = re.compile(rb"[ \t]*net\.inet\.ip\.forwarding[ \t]*=")
_EDGES = b" \t\r\n"


class _Claim(enum.Enum):
    NONE = 0  # not a line that we write
    LIKE = 1  # a line that we write, and that others write too
    SURE = 2  # a line that bears our name, or that we are about to write


@dataclass(frozen=True)
class _Marker:
    name: str
    opens: bool
    check: Optional[bytes]
    exact: bool


@dataclass(frozen=True)
class _Block:
    """A pair of markers. Numbers are indexes of physical lines, `spot` one of foreign lines."""

    name: str
    first: int
    last: int
    own: Tuple[bytes, ...]
    strangers: Tuple[int, ...]
    exact: bool
    spot: int


@dataclass(frozen=True)
class _Reading:
    """A file as foreign lines and our blocks. `cuts` are the spots where lines of ours stand."""

    file: str
    foreign: Tuple[bytes, ...]
    origin: Tuple[int, ...]
    blocks: Tuple[_Block, ...]
    lone: Tuple[Tuple[int, str], ...]
    cuts: FrozenSet[int]
    added: Optional[int]

    @property
    def unended(self) -> bool:
        """The last foreign line has no newline; then no block of ours is behind it."""
        return bool(self.foreign) and not self.foreign[-1].endswith(b"\n")

    def of(self, name: str) -> List[_Block]:
        return [block for block in self.blocks if block.name == name]

    def absent(self, name: str) -> bool:
        return not self.of(name) and name not in (other for _at, other in self.lone)


def _is_apples(line: bytes) -> bool:
    """A line that `container system dns` puts in and takes out by this text (container.md, 3)."""
    return b"com.apple.container" in line


def _check(line: bytes) -> bytes:
    return b"%08x" % (zlib.crc32(line[:-1] if line.endswith(b"\n") else line) & 0xFFFFFFFF)


def _marker(line: bytes, names: Sequence[str]) -> Optional[_Marker]:
    text = line.strip(_EDGES)
    match = _MARKER.fullmatch(text)
    if match is None:
        return None
    name = (match.group(1) or match.group(3)).decode("ascii")
    if name not in names:
        return None
    opens = match.group(1) is not None
    return _Marker(name, opens, match.group(2), line == text + b"\n")


def _claim(name: str, line: bytes, known: bytes) -> _Claim:
    text = line.strip(_EDGES)
    if name == ANCHOR:
        match = _LOAD_LINE.fullmatch(text)
        if match is None:
            return _Claim.NONE
        return _Claim.SURE if b"container-net" in match.group(1) or text == known else _Claim.LIKE
    wanted = _HOOK_LINE if name == HOOK else _FORWARDING_LINE
    return _Claim.LIKE if text == wanted else _Claim.NONE


def _content(name: str, rendered: bytes) -> bytes:
    """The one line of a block. What could not be told as ours again must not be written."""
    text = rendered[:-1] if rendered.endswith(b"\n") else rendered
    if text != text.strip(_EDGES) or _claim(name, text, b"") is _Claim.NONE or _is_apples(text):
        msg = f"not a line that the block {name} can hold: {rendered!r}"
        raise ValueError(msg)
    return text


@dataclass
class _Sorter:
    """Tells our lines from others; the one place where that is decided."""

    file: str
    names: Sequence[str]
    lines: Sequence[bytes]
    known: bytes
    ours: Set[int] = field(default_factory=set)
    pairs: List[Tuple[int, int, str, Tuple[int, ...]]] = field(default_factory=list)
    lone: List[Tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        found = ((at, _marker(line, self.names)) for at, line in enumerate(self.lines))
        self.markers = {at: marker for at, marker in found if marker is not None}

    def sort(self) -> None:
        order = sorted(self.markers)
        self.ours.update(order)
        skip = -1
        for here, there in zip(order, [*order[1:], -1]):
            marker, other = self.markers[here], self.markers.get(there)
            if here == skip:
                continue
            if marker.opens and other and not other.opens and other.name == marker.name:
                self._pair(here, there, marker.name)
                skip = there
            else:
                self._alone(here, marker)

    def _pair(self, first: int, last: int, name: str) -> None:
        inside = range(first + 1, last)
        claims = {at: _claim(name, self.lines[at], self.known) for at in inside}
        sure = [at for at in inside if claims[at] is _Claim.SURE]
        like = [at for at in inside if claims[at] is _Claim.LIKE]
        strangers = any(
            claims[at] is _Claim.NONE
            and self.lines[at].strip(_EDGES)
            and not _is_apples(self.lines[at])
            for at in inside
        )
        same = len({self.lines[at].strip(_EDGES) for at in like}) == 1
        # Among lines of others, a line that others write as well proves nothing; the hook and the
        # setting, which have one form only, are proven by being the only one.
        plain = same and (not strangers or (len(like) == 1 and name != ANCHOR))
        own = sure or like
        if not sure and like and not plain:
            raise Refused(
                _(
                    "{file}, lines {first} to {last}: our block was edited, and which of its lines "
                    "are ours cannot be told. Delete these lines, except those that you wrote, and "
                    "run this again."
                ).format(file=self.file, first=first + 1, last=last + 1)
            )
        self.ours.update(own)
        self.pairs.append((first, last, name, tuple(own)))

    def _alone(self, at: int, marker: _Marker) -> None:
        self.lone.append((at, marker.name))
        beside = at + 1 if marker.opens else at - 1
        if not 0 <= beside < len(self.lines):
            return
        claim = _claim(marker.name, self.lines[beside], self.known)
        if claim is _Claim.SURE:
            self.ours.add(beside)
        elif claim is _Claim.LIKE:
            raise Refused(
                _(
                    "{file}, line {line}: one of our two markers is missing, and line {other} may "
                    "be ours or yours. Delete line {line}, and line {other} too if you did not "
                    "write it, and run this again."
                ).format(file=self.file, line=at + 1, other=beside + 1)
            )


def _read(current: bytes, file: str, names: Sequence[str], known: bytes = b"") -> _Reading:
    lines = _lines(current)
    sorter = _Sorter(file, names, lines, known)
    sorter.sort()
    origin = tuple(at for at in range(len(lines)) if at not in sorter.ours)
    foreign = tuple(lines[at] for at in origin)
    blocks = []
    for first, last, name, own in sorter.pairs:
        blocks.append(
            _Block(
                name=name,
                first=first,
                last=last,
                own=tuple(lines[at] for at in own),
                strangers=tuple(
                    at
                    for at in range(first + 1, last)
                    if at not in own and not _is_apples(lines[at])
                ),
                exact=sorter.markers[first].exact and sorter.markers[last].exact,
                spot=bisect_left(origin, own[0] if own else first),
            )
        )
    return _Reading(
        file=file,
        foreign=foreign,
        origin=origin,
        blocks=tuple(blocks),
        lone=tuple(sorter.lone),
        cuts=frozenset(bisect_left(origin, at) for at in sorter.ours),
        added=_added(sorter, foreign, origin),
    )


def _lines(data: bytes) -> List[bytes]:
    """Physical lines as pf counts them: a line feed ends one, a carriage return does not."""
    return [line for line in re.split(rb"(?<=\n)", data) if line]


def _added(sorter: _Sorter, foreign: Sequence[bytes], origin: Sequence[int]) -> Optional[int]:
    """The number of foreign lines before a newline that is ours to take back, if that is proven.

    The opening marker keeps a check of the line that got the newline. Whoever wrote other lines
    behind that one needs the newline now, except Apple's tool, which will take its lines out again.
    """
    for at, marker in sorter.markers.items():
        spot = bisect_left(origin, at)
        if marker.check is None or spot == 0 or _check(foreign[spot - 1]) != marker.check:
            continue
        behind = foreign[spot:]
        if not behind:
            return spot
        # Nobody but pf.conf has a tool of Apple's at work.
        if FORWARDING not in sorter.names and all(map(_is_apples, behind)):
            return spot if behind[-1].endswith(b"\n") else None
    return None


def _offsets(lines: Sequence[bytes]) -> List[int]:
    """The offset of each line, and of the end."""
    return [0, *accumulate(map(len, lines))]


def _terminated(lines: Sequence[bytes]) -> Tuple[bytes, ...]:
    if lines and not lines[-1].endswith(b"\n"):
        return (*lines[:-1], lines[-1] + b"\n")
    return tuple(lines)


def _refuse_binary(current: bytes, file: str) -> None:
    at = current.find(b"\0")
    if at >= 0:
        raise Refused(
            _("{file}, line {line}: a zero byte; this is not a text file.").format(
                file=file, line=current.count(b"\n", 0, at) + 1
            )
        )


def _compose(
    foreign: Sequence[bytes],
    spots: Dict[str, int],
    contents: Dict[str, bytes],
    added: Optional[int],
) -> bytes:
    out: List[bytes] = []
    for at in range(len(foreign) + 1):
        for name in (HOOK, ANCHOR, FORWARDING):
            if spots.get(name) != at:
                continue
            mark = b""
            if added == at:
                mark = b" (newline added, %s)" % _check(foreign[at - 1])
                added = None
            label = name.encode("ascii")
            out.append(b"# >>> container-net: %s >>>%s\n" % (label, mark))
            out.append(contents[name] + b"\n")
            out.append(b"# <<< container-net: %s <<<\n" % label)
        out.extend(foreign[at : at + 1])
    return b"".join(out)


def _settled(reading: _Reading, name: str, content: bytes, spot: int) -> bool:
    """Whether the block stands as `_compose` would write it; Apple's lines inside do no harm."""
    blocks = reading.of(name)
    return (
        len(blocks) == 1
        and all(other != name for _at, other in reading.lone)
        and blocks[0].exact
        and blocks[0].own == (content + b"\n",)
        and not blocks[0].strangers
        and blocks[0].spot == spot
    )


def _refuse_joins(reading: _Reading, layout: Scan, spots: Iterable[int]) -> None:
    """Taking our lines out must not join two foreign lines that they kept apart."""
    offsets = _offsets(reading.foreign)
    for cut in sorted(reading.cuts.difference(spots)):
        behind = reading.foreign[cut : cut + 1]
        if cut and behind and behind[0].strip(_EDGES) and offsets[cut] in layout.escaped:
            raise Refused(
                _(
                    "{file}, line {line} ends in a backslash, and without our lines the next one "
                    "would be joined to it. Put an empty line after it and run this again."
                ).format(file=reading.file, line=reading.origin[cut - 1] + 1)
            )


def _repairs(reading: _Reading) -> List[str]:
    """What was found of our blocks that we did not leave so, as sentences."""
    notes = [
        _("{file}, line {line}: a marker of ours without its partner; it is taken out.").format(
            file=reading.file, line=at + 1
        )
        for at, _name in reading.lone
    ]
    for name in sorted({block.name for block in reading.blocks}):
        blocks = reading.of(name)
        notes += [
            _("{file}, line {line}: our block for a second time; it is taken out.").format(
                file=reading.file, line=block.first + 1
            )
            for block in blocks[1:]
        ]
        notes += [
            _("{file}, line {line}: inside our block, but not ours; it is kept.").format(
                file=reading.file, line=at + 1
            )
            for block in blocks
            for at in block.strangers
        ]
    return notes


def _remove(current: bytes, file: str, names: Sequence[str], known: bytes = b"") -> Edit:
    reading = _read(current, file, names, known)
    layout = scan(b"".join(_terminated(reading.foreign))) if HOOK in names else None
    notes = _repairs(reading) + _unmarked(reading, layout, known)
    if not reading.cuts:
        return Edit(current, False, tuple(notes))
    if layout is not None:
        _refuse_joins(reading, layout, ())
    content = b"".join(_unterminated(reading, layout))
    return Edit(content, content != current, tuple(notes))


def _unterminated(reading: _Reading, layout: Optional[Scan]) -> Sequence[bytes]:
    """The foreign lines, with the newline that we added taken back.

    Where Apple's lines have come behind, the line that had none goes to the end, as it would stand
    if Apple's tool had met the file without us ("before the last line", container.md, 3); so the
    file has its first bytes when that tool has taken its lines out.
    """
    lines, added = reading.foreign, reading.added
    if added is None:
        return lines
    offsets = _offsets(lines)
    begin = added - 1
    while layout is not None and begin > 0 and offsets[begin] in layout.joined:
        begin -= 1
    moved = (*lines[begin : added - 1], lines[added - 1][:-1])
    return (*lines[:begin], *lines[added:], *moved)


# --- pf.conf ----------------------------------------------------------------------------------


def _unmarked(reading: _Reading, layout: Optional[Scan], known: bytes) -> List[str]:
    """Lines that load our anchor without our markers: not ours, but worth a word (F49)."""
    if layout is None:
        return []
    lines = [
        reading.origin[statement.line - 1] + 1
        for statement in layout.statements
        if statement.section is Section.LOAD_ANCHOR
        and _claim(ANCHOR, reading.foreign[statement.line - 1], known) is _Claim.SURE
    ]
    return [
        _(
            "pf.conf, line {line} loads our anchor and has no markers of ours, so it is left "
            "alone. Delete it before the file that it names goes: without that file nothing of "
            "pf.conf is loaded."
        ).format(line=line)
        for line in lines
    ]


@dataclass(frozen=True)
class _Pf:
    """A pf.conf read for placing: `layout` is that of the foreign lines alone."""

    reading: _Reading
    layout: Scan
    offsets: Tuple[int, ...]

    @property
    def end(self) -> int:
        return len(self.reading.foreign)

    @property
    def hooked(self) -> bool:
        return any(map(_is_hook, self.layout.statements))

    def line(self, statement: Statement) -> int:
        return self.reading.origin[statement.line - 1] + 1

    def is_boundary(self, spot: int) -> bool:
        if spot == self.end:
            return self.layout.unfinished is None
        return self.offsets[spot] not in self.layout.joined

    def refuse_unfinished(self) -> None:
        if self.layout.unfinished is None:
            return
        line, what = self.layout.unfinished
        texts = {
            _Open.QUOTE: _(
                "pf.conf, line {line}: a quote is opened in this statement and never closed, so "
                "nothing can stand behind it. Close it and run this again."
            ),
            _Open.BRACE: _(
                "pf.conf, line {line}: a brace is opened in this statement and never closed, so "
                "nothing can stand behind it. Close it and run this again."
            ),
            _Open.BACKSLASH: _(
                "pf.conf, line {line}: the last line ends in a backslash, which joins whatever "
                "follows to it. Take the backslash away, or put an empty line after it, and run "
                "this again."
            ),
        }
        raise Refused(texts[what].format(line=self.reading.origin[line - 1] + 1))

    def anchor_spot(self) -> int:
        """Where the block stands, or the end: `load anchor` has no place in pf's order."""
        for block in self.reading.of(ANCHOR)[:1]:
            if self.is_boundary(block.spot) and not self.reading.unended:
                return block.spot
        self.refuse_unfinished()
        return self.end

    def hook_spot(self) -> int:
        """Where the block stands if pf's order allows it there, or a place of our choice."""
        for block in self.reading.of(HOOK)[:1]:
            if self.is_boundary(block.spot) and self._in_order(block.spot):
                return block.spot
        return self._first_hook_spot()

    def _unordered(self) -> bool:
        return any(
            [t.text for t in s.tokens[:3]] == [b"set", b"require-order", b"no"]
            for s in self.layout.statements
        )

    def _is_early(self, statement: Statement) -> bool:
        """Held by pf to come before translation."""
        if statement.section is Section.OPTIONS:
            return len(statement.tokens) > 1 and statement.tokens[1].text in _ORDERED_OPTIONS
        return statement.section in _EARLY

    def _in_order(self, spot: int) -> bool:
        if self._unordered():
            return True
        before = [s for s in self.layout.statements if s.start < self.offsets[spot]]
        behind = self.layout.statements[len(before) :]
        late = any(s.section is Section.FILTERING for s in before)
        return not late and not any(map(self._is_early, behind))

    def _first_hook_spot(self) -> int:
        """Right before the first translation statement, which is in order whatever surrounds it.

        Without one, right before the first statement that must come later (stock: `dummynet-anchor`
        and `anchor` follow, macos.md, 5), unless a line of unknown kind stands in the way; and
        before a `load anchor`, since Apple's tool puts its `anchor` line before the first of them
        (container.md, 3), and a hook behind that would be out of order.
        """
        self.refuse_unfinished()
        layout = self.layout
        behind = layout.first(Section.TRANSLATION)
        if behind is None:
            behind = layout.first(Section.DUMMYNET, Section.FILTERING)
            before = [s for s in layout.statements if behind is None or s.start < behind.start]
            for statement in reversed(before):
                if self._is_early(statement) or self._unordered():
                    break
                if statement.section is Section.LOAD_ANCHOR:
                    behind = statement
                if statement.section in (Section.INCLUDE, Section.UNKNOWN):
                    raise Refused(
                        _(
                            "pf.conf, line {line}: to which part of pf's order this belongs cannot "
                            'be told from here, and nat-anchor "com.apple/*" must stand among the '
                            "translation rules. Write that line there yourself, before the first "
                            "filter rule, and run this again."
                        ).format(line=self.line(statement))
                    )
        spot = self.end if behind is None else behind.line - 1
        if not self._in_order(spot):
            self._refuse_order(spot)
        return spot

    def _refuse_order(self, spot: int) -> None:
        at = self.offsets[spot]
        early = [s for s in self.layout.statements if self._is_early(s) and s.start >= at]
        behind = early[0] if early else self.layout.first(Section.TRANSLATION)
        before = self.layout.first(*(_LATER if early else (Section.FILTERING,)))
        assert behind is not None
        assert before is not None
        raise Refused(
            _(
                "pf.conf, line {line} stands behind line {other}, but pf wants options, "
                "normalization, queueing, translation, filtering in this order. Put that right and "
                "run this again."
            ).format(line=self.line(behind), other=self.line(before))
        )


_LATER = (Section.TRANSLATION, Section.DUMMYNET, Section.FILTERING)


def _pf(current: bytes, known: bytes) -> _Pf:
    reading = _read(current, "pf.conf", _PF_NAMES, known)
    lines = _terminated(reading.foreign)
    return _Pf(reading, scan(b"".join(lines)), tuple(_offsets(lines)))


def insert_pf_conf(original: bytes, *, anchor_block: bytes, hook_block: bytes) -> Edit:
    """pf.conf with our blocks: `anchor` at the end, `hook` where the file has no hook of its own.

    `anchor_block` and `hook_block` are the rendered lines, one each. Blocks that stand where they
    may stand are left there, an old line in them is replaced, and broken ones are put right.
    Raises `Refused`; `ValueError` for a line that would not be known as ours again.
    Sources: docs/decisions.md, "/etc/pf.conf block"; macos.md, 4 and 5.
    """
    _refuse_binary(original, "pf.conf")
    contents = {HOOK: _content(HOOK, hook_block), ANCHOR: _content(ANCHOR, anchor_block)}
    pf = _pf(original, contents[ANCHOR])
    reading = pf.reading
    spots = {} if pf.hooked else {HOOK: pf.hook_spot()}
    spots[ANCHOR] = pf.anchor_spot()
    notes = _unmarked(reading, pf.layout, contents[ANCHOR])
    if all(_settled(reading, name, contents[name], spot) for name, spot in spots.items()) and all(
        reading.absent(name) for name in _PF_NAMES if name not in spots
    ):
        return Edit(original, False, tuple(notes))
    return _rebuild(original, reading, spots, contents, notes=notes, layout=pf.layout)


def _rebuild(
    original: bytes,
    reading: _Reading,
    spots: Dict[str, int],
    contents: Dict[str, bytes],
    *,
    notes: Sequence[str],
    layout: Optional[Scan] = None,
) -> Edit:
    added = reading.added
    if reading.unended:
        added = len(reading.foreign)
    if added is not None and added not in spots.values():
        # Whoever keeps the check of the line before must stand behind that line.
        spots = {**spots, FORWARDING if FORWARDING in spots else ANCHOR: added}
    if layout is not None:
        _refuse_joins(reading, layout, spots.values())
    content = _compose(_terminated(reading.foreign), spots, contents, added)
    return Edit(content, content != original, (*_repairs(reading), *notes))


def remove_pf_conf(current: bytes, *, anchor_block: Optional[bytes] = None) -> Edit:
    """pf.conf without our blocks: after `insert_pf_conf`, its first bytes. Raises `Refused`.

    `anchor_block`, the line that was written, is needed only where a block was damaged and its
    anchor has not `container-net` in its name; without it such a block is refused.
    """
    known = b"" if anchor_block is None else _content(ANCHOR, anchor_block)
    return _remove(current, "pf.conf", _PF_NAMES, known)


# --- sysctl.conf ------------------------------------------------------------------------------


def _setters(reading: _Reading) -> List[int]:
    return [at for at, line in enumerate(reading.foreign) if _SETTER.match(line)]


def _sysctl_spot(reading: _Reading) -> int:
    """Where the block stands, unless the name is set again behind it: the last one counts."""
    setters = _setters(reading)
    for block in reading.of(FORWARDING)[:1]:
        if not reading.unended and all(at < block.spot for at in setters):
            return block.spot
    return len(reading.foreign)


def insert_sysctl_conf(original: bytes, *, block: bytes) -> Edit:
    """sysctl.conf with our block at the end, behind every other line that sets the same name.

    `block` is the rendered line. Raises `Refused`, or `ValueError` for a line that would not be
    known as ours again. Source: macos.md, 3.
    """
    _refuse_binary(original, "sysctl.conf")
    contents = {FORWARDING: _content(FORWARDING, block)}
    reading = _read(original, "sysctl.conf", _SYSCTL_NAMES)
    spot = _sysctl_spot(reading)
    notes = [
        _("sysctl.conf, line {line} sets the same name: {text}").format(
            line=reading.origin[at] + 1, text=_shown(reading.foreign[at])
        )
        for at in _setters(reading)
    ]
    if _settled(reading, FORWARDING, contents[FORWARDING], spot):
        return Edit(original, False, tuple(notes))
    return _rebuild(original, reading, {FORWARDING: spot}, contents, notes=notes)


def remove_sysctl_conf(current: bytes) -> Edit:
    """sysctl.conf without our block: after `insert_sysctl_conf`, its first bytes.

    Raises `Refused`. An empty result means that nothing but our block was in the file.
    """
    return _remove(current, "sysctl.conf", _SYSCTL_NAMES)


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()


# --- what status asks -------------------------------------------------------------------------


def block_state(current: bytes, name: str, expected: bytes) -> str:
    """`ok`, `absent` or `drifted`: `ok` exactly where an insert of `expected` would keep the block.

    `name` is HOOK, ANCHOR or FORWARDING, `expected` the rendered line. A hook block beside a hook
    of the file's own is `drifted`; whether the file needs one says `has_hook`.
    """
    content = _content(name, expected)
    names = _SYSCTL_NAMES if name == FORWARDING else _PF_NAMES
    markers = (_marker(line, names) for line in _lines(current))
    if not any(marker is not None and marker.name == name for marker in markers):
        return "absent"
    try:
        kept = _is_kept(current, name, content)
    except Refused:
        kept = False
    return "ok" if kept else "drifted"


def _is_kept(current: bytes, name: str, content: bytes) -> bool:
    if name == FORWARDING:
        reading = _read(current, "sysctl.conf", _SYSCTL_NAMES)
        spot = _sysctl_spot(reading)
    else:
        pf = _pf(current, content if name == ANCHOR else b"")
        if name == HOOK and pf.hooked:
            return False
        reading = pf.reading
        spot = pf.hook_spot() if name == HOOK else pf.anchor_spot()
    return _settled(reading, name, content, spot)
