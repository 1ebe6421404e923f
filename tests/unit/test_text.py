"""Every text that users read exists in both languages, and nothing is left over."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path
from typing import Iterator, Set, Tuple

import pytest

from container_net import text
from container_net.ko import TEXTS
from container_net.options import HELP
from container_net.tasks import net

PACKAGE = Path(__file__).parents[2] / "container_net"
MARKS = ("_", "N_")


def marked_texts() -> Iterator[Tuple[str, str]]:
    """(place, text) of every literal that goes through the door."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) != 1:
                continue
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if name not in MARKS:
                continue
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", argument.value
    for task in net.tasks.values():
        yield f"task {task.name}", task.__doc__ or ""
    for name, help_text in HELP.items():
        yield f"option {name}", help_text


def fields(message: str) -> Set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(message) if name}


def test_every_text_has_a_korean_one() -> None:
    missing = [f"{place}: {message!r}" for place, message in marked_texts() if message not in TEXTS]
    assert missing == []


def test_no_korean_text_is_left_over() -> None:
    known = {message for _place, message in marked_texts()}
    assert sorted(set(TEXTS) - known) == []


@pytest.mark.parametrize("message", sorted(TEXTS))
def test_a_korean_text_is_korean_and_keeps_the_fields(message: str) -> None:
    korean = TEXTS[message]
    assert re.search("[가-힣]", korean), korean
    assert fields(korean) == fields(message)


def test_the_locale_chooses_the_language() -> None:
    assert text.language_of({"LANG": "ko_KR.UTF-8"}) == "ko"
    assert text.language_of({"LC_ALL": "en_US.UTF-8", "LANG": "ko_KR.UTF-8"}) == "en"
    assert text.language_of({}) == "en"
