"""What a run prints can be pasted as it stands, and lines stay in columns in both languages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

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
