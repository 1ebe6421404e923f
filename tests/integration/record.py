"""Makes samples of what a real Mac said, in the form of tests/samples, masked.

    python tests/integration/record.py EVIDENCE OUT [--scene idle]

EVIDENCE is the artifact of a run (commands.jsonl in it). Each command becomes OUT/NAME.txt: a first
line `# stdout, exit 0, SCENE, root: COMMAND`, and what it printed. The scene is the one of the
simulated Mac that is to say the same; a person chooses it, and moves into tests/samples what they
want to keep: tests/sim/test_simmac_samples.py then holds the simulated Mac to it.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Match, Optional, Sequence, Tuple

__all__ = ["Mask", "main", "samples"]

# What has no meaning for anybody else. A MAC address goes before IPv6.
UUID = r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"
MAC = r"\b[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}\b"
V6 = r"(?<![\w:.])(?=[0-9a-f:]*::|(?:[0-9a-f]+:){7})[0-9a-f:]+(?:%\w+)?(?![\w:.])"
V4 = r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"
TOKEN = r"\b\d{15,20}\b"
USER = r"(?<=/Users/)[^/\s\"']+"
# In one pass: what was put in is not looked at again.
PATTERN = re.compile(
    f"(?P<uuid>{UUID})|(?P<mac>{MAC})|(?P<v6>{V6})|(?P<v4>{V4})|(?P<token>{TOKEN})|(?P<user>{USER})"
)
# Addresses that every Mac has, that the tool itself names, or that are for documents.
PLAIN = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.0.0.0/8", "1.1.1.1/32", "8.8.8.8/32"),
        *("9.9.9.9/32", "192.168.64.0/22", "192.168.200.0/23", "192.168.210.0/23"),
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    )
)


class Mask:
    """Replaces what names a machine or a person, the same by the same throughout a run."""

    def __init__(self) -> None:
        self._given: Dict[Tuple[str, str], str] = {}
        self._count: Dict[str, int] = {}

    def text(self, text: str) -> str:
        """The text with its secrets replaced; everything else stays to the byte."""
        return PATTERN.sub(self._replaced, text)

    def _replaced(self, match: Match[str]) -> str:
        return self._instead(str(match.lastgroup), match.group())

    def _instead(self, kind: str, found: str) -> str:
        key = (kind, found.lower())
        if key not in self._given:
            self._given[key] = self._new(kind, found)
        return self._given[key]

    def _new(self, kind: str, found: str) -> str:
        if kind == "user":
            return found if found == "Shared" else "dev"
        if kind == "v4" and not _hidden(found):
            return found
        if kind == "v6" and found.split("%", maxsplit=1)[0] in ("::", "::1", "fe80::1"):
            return found
        number = self._count[kind] = self._count.get(kind, 0) + 1
        if kind == "uuid":
            return f"00000000-0000-4000-8000-{number:012X}"
        if kind == "mac":
            return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        if kind == "token":
            return str(10**17 + number)
        if kind == "v6":
            scope = found.partition("%")
            near = "fe80::" if found.startswith("fe80:") else "2001:db8::"
            return f"{near}{number + 1:x}{scope[1]}{scope[2]}"
        return f"192.0.2.{number}" if number < 255 else f"198.51.100.{number % 254 + 1}"


def _hidden(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False  # a version number, for one
    return not any(address in network for network in PLAIN)


def samples(rows: Sequence[Dict[str, Any]], scene: str) -> Iterator[Tuple[str, str]]:
    """(file name, content) of each command's first answer, and of each other one that differs.

    Tasks of the tool are left out: their output is ours, not the Mac's.
    """
    mask = Mask()
    seen: Dict[str, List[str]] = {}
    for row in rows:
        argv: List[str] = [str(word) for word in row["argv"]]
        if not argv or not argv[0].startswith("/"):
            continue
        root = ", root" if row["root"] else ""
        for stream in ("out", "err"):
            if not row[stream]:
                continue
            command = mask.text(shlex.join(argv))
            head = f"# std{stream}, exit {row['code']}, {scene}{root}: {command}\n"
            content = head + mask.text(str(row[stream]))
            name = _name(argv, stream)
            if content not in seen.setdefault(name, []):
                seen[name].append(content)
                number = len(seen[name])
                yield f"{name}{'' if number == 1 else f'_{number}'}.txt", content


def _name(argv: Sequence[str], stream: str) -> str:
    words = [argv[0].rsplit("/", 1)[-1], *argv[1:]]
    text = "_".join(re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_") for word in words)
    text = re.sub(r"_+", "_", text).strip("_").lower()[:80]
    return text if stream == "out" else f"{text}.stderr"


def main(words: Optional[Sequence[str]] = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="record.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("evidence", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scene", default="idle")
    options = parser.parse_args(words)
    try:
        lines = (options.evidence / "commands.jsonl").read_text(encoding="utf-8").splitlines()
        options.out.mkdir(parents=True, exist_ok=True)
        count = 0
        for name, content in samples([json.loads(line) for line in lines], options.scene):
            (options.out / name).write_text(content, encoding="utf-8")
            count += 1
    except (OSError, ValueError, KeyError) as error:
        print(f"record.py: {error}", file=sys.stderr)
        return 2
    print(f"{count} samples in {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
