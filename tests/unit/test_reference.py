"""What a comment cites is there: `macos.md, 5` is section 5 of docs/reference/macos.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple

import pytest

pytestmark = pytest.mark.once
TOP = Path(__file__).parents[2]
REFERENCE = TOP / "docs" / "reference"
CITED = re.compile(r"\b(macos|container)\.md, ((?:\d+(?:, | and | to |; )?)+)")
FORMER = re.compile("|".join(f"{name}-fac" + "ts" for name in ("macos", "container", "field")))


def sources() -> Iterator[Tuple[str, str]]:
    for folder in ("container_net", "simmac", "templates", "tests"):
        for path in sorted((TOP / folder).rglob("*")):
            if path.suffix in (".py", ".j2") and path.is_file():
                yield str(path.relative_to(TOP)), path.read_text(encoding="utf-8")


def sections(page: str) -> Set[int]:
    text = (REFERENCE / f"{page}.md").read_text(encoding="utf-8")
    return {int(number) for number in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)}


def citations() -> Dict[str, Set[Tuple[str, int]]]:
    return {
        name: {
            (page, int(number))
            for page, numbers in CITED.findall(text)
            for number in re.findall(r"\d+", numbers)
        }
        for name, text in sources()
    }


def test_every_citation_resolves() -> None:
    there = {(page, n) for page in ("macos", "container") for n in sections(page)}
    cited = citations()
    assert sum(map(len, cited.values())) > 30
    assert {name: made - there for name, made in cited.items() if made - there} == {}


def test_no_citation_names_a_page_that_is_not_in_the_tree() -> None:
    assert [name for name, text in sources() if FORMER.search(text)] == []


@pytest.mark.parametrize("page", ["macos", "container"])
def test_sections_are_numbered_in_order(page: str) -> None:
    text = (REFERENCE / f"{page}.md").read_text(encoding="utf-8")
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
