"""The door for texts: the catalogue is read as it lies there, and what lint says against it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from container_net import text

TOP = Path(__file__).parents[2]
PO = (TOP / "container_net" / text.CATALOGUE).read_text(encoding="utf-8")


def test_entries_are_joined_and_unescaped() -> None:
    found = text.catalogue(
        'msgid ""\nmsgstr ""\n"Language: ko\\n"\n\n'
        '#, python-brace-format\nmsgid ""\n"say \\"{a}\\" "\n"and C:\\\\n"\nmsgstr "{a}\\n둘"\n'
    )
    assert found == {'say "{a}" and C:\\n': "{a}\n둘"}


def test_what_is_fuzzy_or_empty_is_not_shown() -> None:
    assert text.catalogue('#, fuzzy\nmsgid "a"\nmsgstr "하나"\n\nmsgid "b"\nmsgstr ""\n') == {}


def test_the_catalogue_is_served_in_korean_only() -> None:
    text.use("ko")
    try:
        assert text._("nothing was changed") == "바뀐 것은 없습니다"
        assert text._("no such text") == "no such text"
    finally:
        text.use(None)
    assert text._("nothing was changed") == "nothing was changed"


def test_the_locale_chooses_the_language() -> None:
    assert text.language_of({"LANG": "ko_KR.UTF-8"}) == "ko"
    assert text.language_of({"LC_ALL": "en_US.UTF-8", "LANG": "ko_KR.UTF-8"}) == "en"
    assert text.language_of({}) == "en"


# -- lint's look at it (nox -s lint has Babel)


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("babel")
    monkeypatch.setattr(sys, "path", [str(TOP / "requirements"), *sys.path])
    return importlib.import_module("texts")


def test_babel_reads_what_we_read(texts: Any) -> None:
    stored = {str(e.id): str(e.string) for e in texts.stored() if e.id}
    assert stored == text.catalogue(PO)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('msgid "known {a}"\nmsgstr ""\n', "no Korean: 'known {a}'"),
        ('#, fuzzy\nmsgid "known {a}"\nmsgstr "안다 {a}"\n', "fuzzy: 'known {a}'"),
        ('msgid "known {a}"\nmsgstr "안다 {b}"\n', "other placeholders: 'known {a}'"),
        ('msgid "gone"\nmsgstr "없다"\n', "no code shows: 'gone'"),
        ('#~ msgid "old"\n#~ msgstr "옛"\n', "obsolete: 'old'"),
        ("", "no Korean: 'known {a}'"),
    ],
)
def test_each_kind_of_mistake_is_named(
    texts: Any, entry: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "x.po"
    place.write_text(texts.HEAD + entry, encoding="utf-8")
    monkeypatch.setattr(texts, "PATH", place)
    assert complaint in texts.complaints({"known {a}"}, texts.stored())
