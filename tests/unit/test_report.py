"""What a run prints can be pasted as it stands, and lines stay in columns in both languages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_net import report


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `invoke` that is on the PATH, and another that is not."""
    for name in ("on-path/invoke", ".venv/bin/invoke", "bin/container-net"):
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "on-path"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("on-path/invoke", "invoke net."),
        (".venv/bin/invoke", ".venv/bin/invoke net."),
        ("bin/container-net", "container-net net."),
        # Started by its bare name, or from within Python.
        ("/nowhere/invoke", "invoke net."),
        ("/usr/lib/python3/invoke/__main__.py", "invoke net."),
    ],
)
def test_commands_are_printed_as_this_run_was_started(
    program: str, shown: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(elsewhere / program)])
    assert report.invocation() == shown


def test_without_any_invoke_on_the_path_the_bare_name_still_does(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["invoke"])
    assert report.invocation() == "invoke net."


def test_a_korean_letter_takes_two_columns() -> None:
    assert len(report._pad("업링크", 10)) == 7
    assert len(report._pad("uplink", 10)) == 10


# -- lines of a terminal


def texts_of(row: report.Line, columns: int) -> List[str]:
    return ["".join(text for text, _style in part) for part in report.wrapped(row, columns)]


def test_a_line_breaks_between_words_and_hangs_under_its_text() -> None:
    row = (("    cause: ", "dim"), ("one two three four five six seven eight nine ten eleven", ""))
    assert texts_of(row, 40) == [
        "    cause: one two three four five six ",
        "           seven eight nine ten eleven",
    ]
    assert texts_of(row, 200) == ["".join(text for text, _style in row)]


def test_a_command_and_a_path_are_never_broken() -> None:
    command = "container stop --all && container system stop && container system start"
    path = "/Library/Application-Support/a-folder-that-is-longer-than-the-line/file.conf"
    row = (("       ", ""), (command, "cure"), (" see " + path, ""))
    shown = texts_of(row, 60)
    assert any(command in line for line in shown)
    assert any(path in line for line in shown)


@given(
    words=st.lists(st.text(alphabet="abc가나", min_size=1, max_size=12), min_size=1, max_size=40),
    columns=st.integers(min_value=60, max_value=200),
)
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(
    words: List[str], columns: int
) -> None:
    row = (("    seen: ", "dim"), (" ".join(words), ""))
    shown = texts_of(row, columns)
    assert all(report._width(line.rstrip()) <= columns for line in shown)
    assert " ".join(" ".join(shown).split()) == " ".join(("seen:", *words))
