"""requirements/release.py: what may be released, and the formula; `nox -s release` builds."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from container_net import __version__

pytestmark = pytest.mark.once
TOP = Path(__file__).resolve().parents[2]
CHANGELOG = """\
# Changelog

## 0.3.0, not released

- Next.

## 0.2.1, 1 December 2026

- One.
- Two.

## 0.2.0
"""


def load() -> Any:
    spec = importlib.util.spec_from_file_location("release", TOP / "requirements/release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = load()


def locked() -> List[Dict[str, Any]]:
    """What a lock says of the pinned packages, with a mirror's address of an sdist."""
    found = []
    for asked, hashes in release.pinned().items():
        name, version = asked.split("==")
        sdist = {"url": f"https://mirror.test/{name}.tar.gz", "hashes": {"sha256": hashes[-1]}}
        found.append({"name": name, "version": version, "sdist": sdist})
    return found


ABOUT = {
    "version": __version__,
    "repository": "somebody/container-net",
    "file": f"container_net-{__version__}.tar.gz",
    "sha256": "0" * 64,
}


def test_the_packages_and_the_extra_have_one_version() -> None:
    assert release.version() == __version__


def test_versions_that_differ_are_no_release(tmp_path: Path) -> None:
    for name in ("container_net/__init__.py", "simmac/pyproject.toml", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(TOP / name, tmp_path / name)
    assert release.version(tmp_path) == __version__
    with (tmp_path / "simmac/pyproject.toml").open("r+", encoding="utf-8") as file:
        text = file.read().replace(f'version = "{__version__}"', 'version = "0.0.9"')
        file.seek(0)
        file.write(text)
        file.truncate()
    with pytest.raises(release.Wrong, match=r"0\.0\.9"):
        release.version(tmp_path)


def test_the_notes_are_the_section_of_the_changelog(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    assert release.notes("0.2.1", True, tmp_path) == "- One.\n- Two.\n"
    assert release.notes("0.3.0", False, tmp_path) == "- Next.\n"
    for version, why in (("0.3.0", "not released"), ("0.2.0", "no section"), ("0.2", "no section")):
        with pytest.raises(release.Wrong, match=why):
            release.notes(version, True, tmp_path)
    assert release.notes(__version__, False)


def test_a_tag_of_another_version_builds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["build", str(tmp_path / "made"), "v9.9.9"]) == 1
    assert "v9.9.9" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert release.main(["publish"]) == 2


def test_builds_that_differ_are_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(checkout: Path, into: Path) -> None:
        (into / "same").write_text("same")
        (into / "place").write_text(str(checkout))

    monkeypatch.setattr(release, "_build", made)
    with pytest.raises(release.Wrong, match=r"two builds differ: place$"):
        release.build(tmp_path / "made")
    assert not (tmp_path / "made" / "SHA256SUMS").exists()


def test_the_formula_names_every_pinned_sdist_and_is_ruby(tmp_path: Path) -> None:
    packages = locked()
    text = release.rendered(ABOUT, packages)
    for package in packages:
        assert f'resource "{package["name"]}" do' in text
        assert package["sdist"]["url"] in text
    assert "{" not in text.replace("#{bin}", "")
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("this machine lacks ruby")
    file = tmp_path / "container-net.rb"
    file.write_text(text, encoding="utf-8")
    said = subprocess.run([ruby, "-wc", str(file)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "Syntax OK\n", "")


@pytest.mark.parametrize("change", ["other", "none", "version"])
def test_a_package_whose_sdist_is_not_pinned_is_in_no_formula(change: str) -> None:
    packages = locked()
    if change == "other":
        packages[0]["sdist"]["hashes"]["sha256"] = "1" * 64
    elif change == "none":
        del packages[0]["sdist"]
    else:
        packages[0]["version"] = "0"
    with pytest.raises(release.Wrong, match="is not pinned"):
        release.rendered(ABOUT, packages)


@pytest.mark.parametrize("value", ['"; system("x")', "a b", "#{x}", ""])
def test_nothing_but_plain_values_gets_into_the_formula(value: str) -> None:
    with pytest.raises(release.Wrong, match="not for a formula"):
        release.rendered({**ABOUT, "repository": value}, locked())
    packages = locked()
    packages[0]["sdist"]["url"] = value
    with pytest.raises(release.Wrong, match="not for a formula"):
        release.rendered(ABOUT, packages)


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9))
    with pytest.raises(release.Wrong, match=r"3\.11"):
        release.formula(tmp_path, "somebody/container-net")
