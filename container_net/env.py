"""IPv4 first for Node.js in a container: the lines to write, and whether files have them.

Our translation carries IPv4 only, and Node takes IPv6 addresses first where a name has both (the
guide; fault F39). What is judged here is source text, by its form and not by running it: what this
cannot read is `unknown`, with what was seen.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from . import render
from .model import BadInput, Image
from .settings import Settings
from .text import _

__all__ = [
    "SourceCheck",
    "check",
    "docker_line",
    "judge",
    "prefers_ipv4",
    "run_arguments",
    "setting",
]

LARGEST = 1024 * 1024
SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")


@dataclass(frozen=True)
class SourceCheck:
    """What a file says: its kind (dockerfile, runner, agent, unknown) and its state."""

    path: str
    kind: str
    state: str
    evidence: str
    cure: Optional[str] = None


def setting() -> str:
    """`NODE_OPTIONS=…`, from templates/container.env.j2."""
    return render.template("container.env.j2").strip()


def docker_line() -> str:
    return f"ENV {setting()}"


def run_arguments() -> str:
    return f"-e {setting()}"


def runs_node(image: Image) -> bool:
    """Whether an image is there to run Node.js: Node's own say so in their environment, and the
    agent's does."""
    own = any(value.startswith("NODE_VERSION=") for value in image.env or ())
    return own or image.name.rsplit("/", 1)[-1] == Settings.image


def prefers_ipv4(variable: str) -> bool:
    """Whether an environment's `NAME=value` makes Node take IPv4 first."""
    name, _equals, value = variable.partition("=")
    return name == "NODE_OPTIONS" and _option() in value.split()


def _option() -> str:
    return setting().split("=", 1)[1]


def check(path: str) -> SourceCheck:
    """Read a file and judge it. Raises BadInput where it cannot be read as text."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(
            _("--check is {path}: cannot read: {why}.").format(path=path, why=error.strerror)
        ) from None
    if len(content) > LARGEST or b"\0" in content:
        raise BadInput(
            _("--check is {path}: not a source file (binary, or over 1 MiB).").format(path=path)
        )
    return judge(path, content.decode("utf-8", "replace"))


def judge(path: str, text: str) -> SourceCheck:
    """The verdict on a file, by its name and its text."""
    name = Path(path).name.lower()
    if name.startswith(("dockerfile", "containerfile")) or name.endswith(".dockerfile"):
        return _dockerfile(path, text)
    code = _without_comments(name, text)
    if _starts_containers(code):
        return _runner(path, code)
    if name.endswith(SCRIPTS):
        return _agent(path, code)
    return SourceCheck(
        path,
        "unknown",
        "unknown",
        _("not a Dockerfile, a program that starts containers, or a JavaScript agent"),
    )


def _line(text: str, position: int) -> str:
    """`line 12: what stands there`, for a position in the text."""
    number = text.count("\n", 0, position) + 1
    shown = text.split("\n")[number - 1].strip()
    return _("line {number}: {text}").format(
        number=number, text="".join(c if c.isprintable() else "?" for c in shown)[:160]
    )


# -- Dockerfile


def _dockerfile(path: str, text: str) -> SourceCheck:
    """The last stage counts, with what it takes over from the stages that it is built from."""
    stages: Dict[str, Optional[Tuple[str, int]]] = {}
    current: Optional[Tuple[str, int]] = None
    name = ""
    count = 0
    for position, words in _instructions(text):
        keyword = words[0].upper()
        if keyword == "FROM" and len(words) > 1:
            images = [w for w in words[1:] if not w.startswith("--")]
            current = stages.get(images[0].lower()) if images else None
            named = len(images) == 3 and images[1].upper() == "AS"
            name = images[2].lower() if named else str(count)
            count += 1
        elif keyword == "ENV":
            for key, value in _pairs(words[1:]):
                if key == "NODE_OPTIONS":
                    current = (value, position)
        stages[name] = current
    if count == 0:
        return SourceCheck(path, "dockerfile", "unknown", _("no FROM line"))
    if current is None:
        return SourceCheck(
            path,
            "dockerfile",
            "broken",
            _("the last stage sets no NODE_OPTIONS"),
            _("add the line: {line}").format(line=docker_line()),
        )
    value, position = current
    if prefers_ipv4(f"NODE_OPTIONS={value}"):
        return SourceCheck(path, "dockerfile", "ok", _line(text, position))
    if "$" in value:
        return SourceCheck(path, "dockerfile", "unknown", _line(text, position))
    return SourceCheck(
        path,
        "dockerfile",
        "broken",
        _line(text, position),
        _("add {option} to this value").format(option=_option()),
    )


def _instructions(text: str) -> List[Tuple[int, List[str]]]:
    """Position and words of each instruction: comment lines out, continued lines joined."""
    found: List[Tuple[int, List[str]]] = []
    joined, start, position = "", 0, 0
    for line in text.split("\n"):
        bare = line.strip()
        if not bare.startswith("#"):
            if not joined:
                start = position
            joined += (bare[:-1] if bare.endswith("\\") else bare) + " "
            if not bare.endswith("\\"):
                if joined.strip():
                    found.append((start, _split(joined)))
                joined = ""
        position += len(line) + 1
    if joined.strip():
        found.append((start, _split(joined)))
    return found


def _split(line: str) -> List[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _pairs(words: List[str]) -> List[Tuple[str, str]]:
    """`ENV A=1 B=2`, or the old `ENV A the rest`."""
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))]
    return [(key, value) for key, _equals, value in (w.partition("=") for w in words)]


# -- programs


def _without_comments(name: str, text: str) -> str:
    """The text with comments blanked; every character that stays keeps its place."""
    marks = r"//[^\n]*|/\*.*?\*/" if name.endswith(SCRIPTS) else r"(?<!\S)#[^\n]*"
    strings = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"""
    pattern = re.compile(f"({strings})|{marks}", re.DOTALL)
    return pattern.sub(lambda m: m.group(1) or re.sub(r"[^\n]", " ", m.group(0)), text)


def _starts_containers(code: str) -> bool:
    """A program that names `container` or `docker`, and `run` as a word of its command."""
    return bool(
        re.search(r"\b(?:container|docker)\b", code, re.IGNORECASE)
        and re.search(r"""["'`]run["'`]|\b(?:container|docker)\s+run\b""", code)
    )


def _runner(path: str, code: str) -> SourceCheck:
    value = rf"NODE_OPTIONS=[^\"'`\n]*{re.escape(_option())}"
    # `-e NAME=…` as words of one text, or as neighbours in a list; `--env` and `--env=` too.
    given = re.search(rf"""(?:-e|--env)(?:=|\s+|["'`]\s*,\s*)["'`]?{value}""", code)
    if given:
        return SourceCheck(path, "runner", "ok", _line(code, given.start()))
    # Named without the value, or any name that is put together at run time.
    anywhere = re.search("NODE_OPTIONS", code) or re.search(
        r"""(?:-e|--env)(?:=|\s+|["'`]\s*,\s*)["'`]?\$""", code
    )
    if anywhere:
        return SourceCheck(
            path,
            "runner",
            "unknown",
            _line(code, anywhere.start()),
            _("pass it to the container as: {arguments}").format(arguments=run_arguments()),
        )
    return SourceCheck(
        path,
        "runner",
        "broken",
        _("starts containers without passing NODE_OPTIONS"),
        _("pass it to the container as: {arguments}").format(arguments=run_arguments()),
    )


def _agent(path: str, code: str) -> SourceCheck:
    """The guide's fourth trouble: the container hangs after its result, without process.exit."""
    bare = re.sub(
        r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""",
        lambda m: re.sub(r"[^\n]", " ", m.group(0)),
        code,
    )
    found = re.search(r"\bprocess\.exit\(\s*0?\s*\)", bare)
    if found:
        return SourceCheck(path, "agent", "ok", _line(code, found.start()))
    cure = _("call process.exit(0) after the result, and rebuild the image")
    soft = re.search(r"\bprocess\.exitCode\b", bare)
    if soft:
        return SourceCheck(path, "agent", "broken", _line(code, soft.start()), cure)
    return SourceCheck(path, "agent", "broken", _("no process.exit(0) in the code"), cure)
