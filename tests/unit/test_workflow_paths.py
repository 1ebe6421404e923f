"""The workflow `macos` runs whenever something that it depends on has changed."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Dict, Iterator, List, Set

import pytest

pytestmark = pytest.mark.once
TOP = Path(__file__).resolve().parents[2]
WORKFLOW = TOP / ".github" / "workflows" / "macos.yml"
# What names the files that it reads, line by line.
SCRIPTS = (WORKFLOW, TOP / "check", TOP / "onboard", TOP / "requirements" / "environment.sh")
# What is read without being named there: by Nox and pytest, by invoke, by the templates' link.
READ = {"noxfile.py", "pyproject.toml", "requirements/integration.txt", "tasks.py"}


def paths() -> Dict[str, List[str]]:
    """The patterns of `paths:` by event."""
    found: Dict[str, List[str]] = {}
    event, inside = "", False
    for line in WORKFLOW.read_text(encoding="utf-8").split("\nconcurrency:")[0].splitlines():
        name = re.fullmatch(r"  (\w+):", line)
        if name:
            event, inside = name.group(1), False
        elif line == "    paths:":
            inside = True
        elif inside and line.startswith("      - "):
            found.setdefault(event, []).append(line[8:].strip("\"' "))
    return found


def covered(file: str, patterns: List[str]) -> bool:
    return any(
        file.startswith(pattern[:-2]) if pattern.endswith("/**") else file == pattern
        for pattern in patterns
    )


@functools.lru_cache(None)
def depends_on() -> Set[str]:
    """Files of the tree that the run imports or reads."""
    found = set(READ)
    for script in SCRIPTS:
        text = re.sub(r"\$top/|\./", "", script.read_text(encoding="utf-8"))
        here = set(re.findall(r"[\w./-]*\w", text))
        found |= {word for word in here if not word.startswith(("/", ".")) and _file(word)}
    found |= {str(path.relative_to(TOP)) for path in SCRIPTS}
    waiting = [TOP / "noxfile.py", TOP / "tests" / "conftest.py"]
    waiting += (TOP / "tests" / "integration").glob("*.py")
    waiting += [TOP / name for name in found if name.endswith(".py")]
    seen: Set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += imported(path)
    found |= {str(path.relative_to(TOP)) for path in seen}
    return found | {str(path.relative_to(TOP)) for path in (TOP / "templates").iterdir()}


def _file(word: str) -> bool:
    return (TOP / word).is_file()


def imported(path: Path) -> Iterator[Path]:
    """The files of the tree that a module imports, wherever in it."""
    package = path.relative_to(TOP).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(filter(None, (base, node.module or "")))
            wanted = [start, *(f"{start}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in wanted:
            yield from modules(name)


@functools.lru_cache(None)
def modules(name: str) -> List[Path]:
    """The files of the tree that a module of that name may be."""
    places = [root.joinpath(*name.split(".")) for root in (TOP, TOP / "tests")]
    files = [file for p in places for file in (p.with_suffix(".py"), p / "__init__.py")]
    return [file for file in files if file.is_file()]


@pytest.mark.parametrize("event", ["push", "pull_request"])
def test_whatever_the_run_depends_on_starts_it(event: str) -> None:
    patterns = paths()[event]
    assert [file for file in sorted(depends_on()) if not covered(file, patterns)] == []


def test_no_pattern_could_be_left_out() -> None:
    patterns, files = paths()["push"], depends_on()
    for pattern in patterns:
        others = [each for each in patterns if each != pattern]
        assert any(not covered(file, others) for file in files), pattern


def test_both_events_have_the_same_patterns() -> None:
    found = paths()
    assert found["push"] == found["pull_request"]
    assert found["push"] == sorted(found["push"])


def test_what_is_imported_is_found() -> None:
    found = depends_on()
    assert {"tests/sim/support.py", "tests/lab/layout.py", "simmac/pfctl.py"} <= found
    assert {"container_net/plan.py", "requirements/check.txt", "check"} <= found
