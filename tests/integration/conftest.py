"""Hosts for the story, and what was seen and chosen, printed at the end.

The tests may run in several processes: what is printed comes with the report of each test.
CONTAINER_NET_EVIDENCE names the folder where a Mac's evidence is kept.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from integration.failure import annotation
from integration.host import Evidence, SimHost, guard
from integration.matrix import SEEN, table
from macs import resident, scenes

from simmac import Mac

__all__ = ["resident", "scenes"]

_stories: Dict[str, List[str]] = {}
_errors: List[str] = []


def _kept(request: pytest.FixtureRequest, evidence: Evidence) -> Iterator[Evidence]:
    yield evidence
    if request.node.name.startswith(("test_the_story", "test_what_a_user_types")):
        request.node.user_properties.append(("notes", evidence.notes))


@pytest.fixture
def evidence(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Evidence]:
    yield from _kept(request, Evidence(tmp_path / "evidence"))


@pytest.fixture
def sim(evidence: Evidence, tmp_path: Path, scenes: Callable[[str], Mac]) -> SimHost:
    """A simulated Mac without `container`, as a hosted one."""
    return SimHost(evidence, tmp_path, mac=scenes("bare").snapshot(tmp_path / "mac"))


@pytest.fixture
def mac_evidence(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Evidence]:
    """What is kept of a run on a real Mac; a Mac whose owner has not agreed is left out by name."""
    why = guard(sys.platform, dict(os.environ))
    if why:
        pytest.skip(why)
    place = os.environ.get("CONTAINER_NET_EVIDENCE")
    folder = Path(place).resolve() if place else tmp_path / "evidence"
    if not request.node.name.startswith("test_the_story"):
        folder /= re.sub(r"\W+", "-", request.node.name).strip("-")
    yield from _kept(request, Evidence(folder))


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A failure becomes a line that GitHub shows beside the file."""
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        error = call.excinfo.value
        lines = [annotation(one, item.name) for one in getattr(error, "errors", [error])]
        item.user_properties.append(("errors", lines))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In the process that prints."""
    if report.when != "teardown":
        return
    found: Dict[str, Any] = dict(report.user_properties)
    if "notes" in found:
        _stories[report.nodeid.partition("::")[2]] = found["notes"]
    if "ended" in found:
        name, manner, ended = found["ended"]
        SEEN[name, manner] = ended
    properties: List[Any] = report.user_properties
    _errors.extend(line for name, lines in properties if name == "errors" for line in lines)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each story's notes: the guest that was chosen and why, its steps, the exceptions used."""
    for name, notes in _stories.items():
        terminalreporter.section(name.replace("_", " "))
        for note in notes:
            terminalreporter.line(note)
    if SEEN:
        terminalreporter.section("vmnets that may be, and the tool broken on purpose")
        for row in table():
            terminalreporter.line(row)
    if os.environ.get("GITHUB_ACTIONS"):
        for line in _errors:
            terminalreporter.ensure_newline()
            terminalreporter.line(line)
