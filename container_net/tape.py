"""The raw outputs of a run, kept for a report, so that `--from` can read it back as if it were the
Mac: one JSON object a line, bounded, and masked so that what belongs together still does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from ipaddress import IPv4Address, IPv4Network
from pathlib import PurePosixPath
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from .machine import READ_LIMIT, Argv, CommandResult, Machine
from .model import FileFact
from .pasted import Key, Output, key, real

__all__ = ["Pseudonyms", "Tape", "rows"]

ONE_LIMIT = 16_000
"""Characters of one output; a longer one is left out, since half of it would be believed."""
ALL_LIMIT = 44_000
"""Characters of all of them: an issue on GitHub takes 65,536."""
PACKED = 3_000
"""A longer output is compressed: many rules of ours, or our own script."""


class Tape(Machine):
    """A Machine that also keeps what was answered."""

    def __init__(self, machine: Machine) -> None:
        # The same Mac by the same Context: nothing is prepared a second time.
        self.__dict__.update(vars(machine))
        self.outputs: Dict[Key, Output] = {}

    def run(
        self,
        argv: Argv,
        *,
        root: bool = False,
        user: Optional[str] = None,
        stdin: str = "",
        timeout: float = READ_LIMIT,
        waits: str = "",
    ) -> CommandResult:
        answer = super().run(argv, root=root, user=user, stdin=stdin, timeout=timeout, waits=waits)
        asked = key([str(word) for word in argv])
        if asked is not None and asked[0] != "file":
            self.outputs[asked] = Output(asked, _kept(asked, answer.out), answer.err, answer.code)
        return answer

    def read(self, path: str) -> FileFact:
        asked = ("file", real(path))
        try:
            fact = super().read(path)
        except OSError as error:
            self.outputs[asked] = Output(asked, "", error.strerror or "?", None)
            raise
        content = (fact.content or b"").decode("latin-1")
        there = fact.content is not None or fact.link is not None
        self.outputs[asked] = Output(asked, content, fact.link or "", 0 if there else 1)
        return fact

    def exists(self, path: Union[str, PurePosixPath]) -> bool:
        there = super().exists(str(path))
        asked = ("exists", str(path))
        self.outputs[asked] = Output(asked, "", code=0 if there else 1)
        return there


# Arguments and variables of a container's process: passwords are there, and no parser reads them.
_STARTED = re.compile(
    r'("(?:arguments|environment)"\s*:\s*)\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*)?)*\]'
)


def _kept(asked: Key, text: str) -> str:
    """What of an output may be in a report at all."""
    if asked == ("launchctl", "disabled"):
        # The list tells what is installed: only its frame and our job stay.
        rows = text.splitlines(True)
        return "".join(row for row in rows if "=>" not in row or "container-net" in row)
    return _STARTED.sub(r"\1[]", text) if asked[0] == "container" else text


class Pseudonyms:
    """Other values of the same form, for parsers: addresses keep what they share with others.

    Addresses that vmnet gives (192.168.64 to 127), and those that name no machine (loopback,
    link-local, multicast), stay. Private networks stay private; the host's part stays.
    """

    V4 = re.compile(
        r"(?<![0-9.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:(\\?/)([0-9]{1,2}))?(?![0-9]|\.[0-9])"
    )
    SHORT = re.compile(r"(?m)^((?:[0-9]{1,3}\.){1,2}[0-9]{1,3})(/[0-9]{1,2})?(?=[ \t]+\S+[ \t]+U)")
    KEPT = ("8.8.8.8",)

    def __init__(self, seed: Optional[bytes] = None) -> None:
        self._seed = os.urandom(16) if seed is None else seed
        self._seen: Dict[Tuple[str, str], int] = {}

    def number(self, kind: str, value: str) -> int:
        return self._seen.setdefault(
            (kind, value), 1 + sum(1 for other, _value in self._seen if other == kind)
        )

    def put(self, kind: str, value: str) -> str:
        number = self.number(kind, value)
        if kind == "uuid":
            # Twelve digits would be taken for a token.
            return f"00000000-0000-4000-8000-a{number:011d}"
        if kind == "token":
            return str(100_000_000_000_000_000 + number)
        return f"<{kind}-{number}>"

    def addresses(self, text: str) -> str:
        text = self.V4.sub(lambda m: self._v4(m.group(1), m.group(2) or "", m.group(3)), text)
        return self.SHORT.sub(self._short, text)

    def _v4(self, dotted: str, slash: str, bits: Optional[str]) -> str:
        try:
            before = IPv4Address(dotted)
        except ValueError:
            return dotted + slash + (bits or "")
        after = IPv4Address(self._other(before))
        if bits is not None and int(bits) <= 32:
            mask = IPv4Network((0, int(bits))).netmask
            if int(before) & ~int(mask) & 0xFFFFFFFF == 0:
                # A network stays one: pf and the routing table write no host's bits.
                after = IPv4Address(int(after) & int(mask))
        return str(after) + slash + (bits or "")

    def _short(self, match: re.Match[str]) -> str:
        parts = match.group(1).split(".")
        dotted = ".".join(parts + ["0"] * (4 - len(parts)))
        bits = (match.group(2) or f"/{8 * len(parts)}")[1:]
        other = self._v4(dotted, "/", bits).split("/")[0].split(".")
        return ".".join(other[: len(parts)]) + (match.group(2) or "")

    def _other(self, address: IPv4Address) -> int:
        a, b, c, d = address.packed
        if str(address) in self.KEPT or address.is_loopback or address.is_link_local:
            return int(address)
        if a in (0, 255) or a >= 224 or str(address) == "128.0.0.0":
            return int(address)
        if (a, b) == (192, 168):
            kept = 64 <= c < 128
            c = c if kept else (c & 0xC0) | self._flip(c & 0x3F, 6, f"c{c >> 6}")
        elif a == 10:
            b, c = self._flip(b, 8, "ten"), self._flip(c, 8, f"ten{b}")
        elif a == 172 and 16 <= b < 32:
            b, c = 16 | self._flip(b & 15, 4, "b"), self._flip(c, 8, f"b{b}")
        elif a == 100 and 64 <= b < 128:
            b, c = 64 | self._flip(b & 63, 6, "cgn"), self._flip(c, 8, f"cgn{b}")
        else:
            number = self.number("ipv4", str(address)) - 1
            return int(IPv4Address("198.18.0.0")) + number % 0x1FFFF + 1
        return int(IPv4Address(bytes((a, b, c, d))))

    def _flip(self, value: int, bits: int, name: str) -> int:
        """Another value; two that share their first bits still share as many."""
        for bit in range(bits - 1, -1, -1):
            place = f"{name}/{bit}/{value >> (bit + 1)}".encode()
            # The last bit always: no value stays what it was.
            flip = not bit or hashlib.sha256(self._seed + place).digest()[0] & 1
            value ^= (1 << bit) if flip else 0
        return value


def rows(outputs: Mapping[Key, Output], header: Mapping[str, Any], mask: Any) -> List[str]:
    """The lines of the section: first what the run was, then every output, the short ones first."""
    lines = [json.dumps({"container-net": header["version"], **_masked(header, mask)})]
    left = ALL_LIMIT
    made: Iterable[str] = sorted(
        (_row(o, mask) for o in outputs.values()), key=lambda r: (len(r), r)
    )
    for line in made:
        if len(line) > min(ONE_LIMIT, left):
            break
        left -= len(line)
        lines.append(line)
    return lines


def _row(made: Output, mask: Any) -> str:
    # What is asked names addresses and images; the names of commands and files are no secret.
    home = made.key[0] == "exists" or made.key[1:2] in (("image",), ("probe",))
    named = mask if home else mask.addresses
    data: Dict[str, Any] = {"key": [named(word) for word in made.key], "code": made.code}
    for name, text in (("out", _shorter(made)), ("err", made.err)):
        if text:
            data[name] = mask(text)
    if len(data.get("out", "")) > PACKED:
        packed = zlib.compress(data.pop("out").encode("utf-8"), 9)
        data["packed"] = base64.b64encode(packed).decode("ascii")
    return json.dumps(data)


def _shorter(made: Output) -> str:
    """Rules with the counters that are read, and without the columns between them."""
    if made.key[:2] != ("pfctl", "show"):
        return made.out
    counted = re.sub(r"(?m)^  \[ Inserted:.*\]\n", "", made.out)
    return re.sub(r"(?<=[0-9]) {2,}(?=[A-Z\]])", " ", counted)


def _masked(value: Any, mask: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: _masked(inner, mask) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(inner, mask) for inner in value]
    return value
