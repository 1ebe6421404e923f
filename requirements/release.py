"""What a release is made of. The workflow and the dry run call the same three steps:

    release.py build DIR [TAG]        sdists and wheels, built twice and compared; notes; checksums
    release.py try DIR                the wheels, by uvx and pipx in homes of their own, rehearse
    release.py formula DIR OWNER/NAME Homebrew's formula, with what the pinned sdists hash to

Each ends with one line on standard error and 1 where something does not hold.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from jinja2 import Environment, StrictUndefined

__all__ = ["Wrong", "build", "formula", "main", "notes", "rendered", "version"]

TOP = Path(__file__).resolve().parents[1]
PROJECTS = (".", "simmac")
# 1 January 2020, as hatchling's own: a release is dated by its tag.
EPOCH = "1577836800"
# What a first day looks like, and the exit code of each.
STORY = {"net.status": 1, "net.setup --yes": 0, "net.verify": 0}


class Wrong(Exception):
    """Why nothing may be released."""


def _run(command: Sequence[str], *, code: int = 0, **more: Any) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if ended.returncode != code:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-20:]
        raise Wrong(f"{' '.join(command)}: exit {ended.returncode}\n" + "\n".join(said))
    return str(ended.stdout)


# -- the version, and what is said of it


def version(top: Path = TOP) -> str:
    """The package's version. Raises Wrong where the simulated Mac's, or the extra's, differs."""
    found = {
        name: re.search(pattern, (top / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name, pattern in {
            "container_net/__init__.py": r'^__version__ = "(.+)"$',
            "simmac/pyproject.toml": r'^version = "(.+)"$',
            "pyproject.toml": r'^rehearsal = \["container-net-simmac==(.+)"\]$',
        }.items()
    }
    versions = {name: match.group(1) if match else "none" for name, match in found.items()}
    if len(set(versions.values())) != 1:
        raise Wrong(f"versions differ: {versions}")
    return versions["pyproject.toml"]


def notes(wanted: str, released: bool, top: Path = TOP) -> str:
    """The section of a version in CHANGELOG.md. Raises Wrong where there is none, or where it says
    `not released` of what is."""
    text = (top / "CHANGELOG.md").read_text(encoding="utf-8")
    form = rf"^## {re.escape(wanted)}((?:,.*)?)\n\n((?:.*\n)*?)(?=## |\Z)"
    section = re.search(form, text, re.MULTILINE)
    if section is None or not section.group(2).strip():
        raise Wrong(f"CHANGELOG.md has no section {wanted}")
    if released and "not released" in section.group(1):
        raise Wrong(f"CHANGELOG.md says of {wanted}:{section.group(1)}")
    return section.group(2).strip() + "\n"


# -- build


def _copy(to: Path) -> None:
    """What git has of the checkout, as it lies there; all of it where there is no git."""
    if not (TOP / ".git").exists():
        shutil.copytree(TOP, to, symlinks=True)
        return
    for name in _run(["git", "ls-files", "-z"], cwd=TOP).split("\0"):
        place = to / name
        if name and os.path.lexists(TOP / name):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, place, follow_symlinks=False)


def _dated() -> Dict[str, str]:
    return {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}


def _build(checkout: Path, into: Path) -> None:
    """An sdist of each project."""
    for project in PROJECTS:
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(into), "-t", "sdist"]
        _run(command, cwd=checkout / project, env=_dated())


def _by_hatchling(sdists: Sequence[Path]) -> None:
    """The wheels from what the sdists hold, beside them."""
    for sdist in sdists:
        with tempfile.TemporaryDirectory() as folder, tarfile.open(sdist) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # since 3.9.17
            archive.extractall(folder)  # noqa: S202 - made by us a moment ago
            command = [sys.executable, "-m", "hatchling", "build", "-d", str(sdist.parent)]
            where = next(Path(folder).iterdir())
            _run([*command, "-t", "wheel"], cwd=where, env=_dated())


def _by_pip(sdists: Sequence[Path]) -> None:
    """The same, as pip makes them of an sdist that it is given."""
    if sdists:
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        _run([*pip, "-w", str(sdists[0].parent), *map(str, sdists)], env=_dated())


def _sums(folder: Path) -> Dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def build(into: Path, tag: str = "") -> None:
    """Build twice, from two copies that differ in place, time and mode, the wheels by two programs.

    Raises Wrong.
    """
    made = version()
    if tag and tag != f"v{made}":
        raise Wrong(f"the tag is {tag}, and the package {made}")
    said = notes(made, bool(tag))
    into.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        twice = [Path(folder) / "one", Path(folder) / "another" / "place"]
        for number, place in enumerate(twice):
            old = os.umask((0o022, 0o077)[number])
            try:
                _copy(place / "checkout")
                (place / "dist").mkdir()
                _build(place / "checkout", place / "dist")
                (_by_hatchling, _by_pip)[number](sorted((place / "dist").glob("*.tar.gz")))
            finally:
                os.umask(old)
        first, second = (_sums(place / "dist") for place in twice)
        if first != second:
            names = sorted({name for name, _digest in {*first.items()} ^ {*second.items()}})
            raise Wrong(f"two builds differ: {', '.join(names)}")
        shutil.copytree(twice[0] / "dist", into / "dist")
    sums = "".join(f"{digest}  {name}\n" for name, digest in first.items())
    (into / "SHA256SUMS").write_text(sums, encoding="ascii")
    (into / "notes.md").write_text(said, encoding="utf-8")
    print(sums, end="")


# -- try


def _ways() -> Dict[str, str]:
    """What of the environment leads to the packages; uv is told what pip has on file."""
    ways = ("PIP_", "UV_", "SSL_", "CURL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy")
    environ = {name: value for name, value in os.environ.items() if name.startswith(ways)}
    for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR"):
        environ.pop(name, None)
    index = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if index:
        environ.setdefault("UV_DEFAULT_INDEX", index)
    return environ


def _home(folder: Path, ways: Mapping[str, str]) -> Dict[str, str]:
    """An environment without anything of the user's, but the way to the packages."""
    folder.mkdir()
    scripts = os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin"))
    own = {"HOME": str(folder), "TMPDIR": str(folder), "UV_PYTHON_DOWNLOADS": "never"}
    return {**ways, **own, "PATH": scripts}


def attempt(made: Path) -> None:
    """Install the wheels as users do, and rehearse. Raises Wrong."""
    dist = (made / "dist").resolve()
    wheel = next(dist.glob("container_net-*.whl"))
    what = f"container-net[rehearsal] @ {wheel.as_uri()}"
    python = ["--python", sys.executable]
    ways = {
        "uvx": (
            ["uvx", *python, "--find-links", str(dist), "--from", what, "container-net"],
            STORY,
        ),
        # The same files, put in place by another program.
        "pipx": (
            [
                *("pipx", "run", *python, f"--pip-args=--find-links={dist}"),
                *("--spec", what, "container-net"),
            ],
            {"net.status": STORY["net.status"]},
        ),
    }
    leading = _ways()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        homes = {name: _home(Path(folder) / name, leading) for name in ways}
        ended = [
            pool.submit(_rehearse, name, command, story, homes[name])
            for name, (command, story) in ways.items()
        ]
        for each in ended:
            print(each.result())


def _rehearse(
    name: str, command: Sequence[str], story: Mapping[str, int], home: Mapping[str, str]
) -> str:
    """What was done by `name`, in a home of its own. Raises Wrong."""
    # Not where a checkout could be imported from.
    where: Dict[str, Any] = {"env": home, "cwd": home["HOME"]}
    said = _run([*command, "--version"], **where)
    if version() not in said:
        raise Wrong(f"{name}: {said}")
    # On a Mac they would look at it.
    rehearsed: Mapping[str, int] = {} if sys.platform == "darwin" else story
    for task, code in rehearsed.items():
        _run([*command, *task.split()], code=code, **where)
    return f"{name}: {said.strip()}, {', '.join(map(str.strip, rehearsed)) or 'no rehearsal'}"


# -- Homebrew


def pinned() -> Dict[str, List[str]]:
    """`name==version` -> the hashes that requirements/run.txt allows."""
    text = (TOP / "requirements" / "run.txt").read_text(encoding="utf-8")
    rows = text.replace("\\\n", " ").splitlines()
    return {row.split()[0]: re.findall(r"--hash=sha256:([0-9a-f]{64})", row) for row in rows}


def rendered(release: Mapping[str, str], packages: Iterable[Mapping[str, Any]]) -> str:
    """The formula. `release`: version, repository, file, sha256. `packages`: those of a lock
    (`[[packages]]` of pylock.toml). Raises Wrong for one without an sdist that is pinned."""
    resources = []
    known = pinned()
    for package in packages:
        asked = f"{package['name']}=={package['version']}"
        sdist = package.get("sdist", {})
        digest = sdist.get("hashes", {}).get("sha256", "")
        if digest not in known.get(asked, ()):
            raise Wrong(f"the sdist of {asked} is not pinned")
        resources.append({"name": package["name"], "url": sdist["url"], "sha256": digest})
    text = (Path(__file__).parent / "container-net.rb.j2").read_text(encoding="utf-8")
    environment = Environment(  # noqa: S701 - Ruby; each value is checked below
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    for value in (*release.values(), *(v for r in resources for v in r.values())):
        if not re.fullmatch(r"[A-Za-z0-9:/._+-]+", value):
            raise Wrong(f"not for a formula: {value!r}")
    return environment.from_string(text).render(release=release, resources=resources)


def formula(made: Path, repository: str) -> None:
    """Write the formula beside the dist. The index says where the sdists are. Raises Wrong."""
    if sys.version_info < (3, 11):
        raise Wrong("the formula needs Python 3.11 or later")
    import tomllib  # type: ignore[import-not-found,unused-ignore]

    lock = made / "pylock.toml"
    form = "--quiet --no-deps --python-version 3.13 --python-platform aarch64-apple-darwin"
    form += " --format pylock.toml"
    run = str(TOP / "requirements" / "run.txt")
    _run(["uv", "pip", "compile", *form.split(), run, "--output-file", str(lock)])
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]
    lock.unlink()
    sdist = next((made / "dist").glob("container_net-*.tar.gz"))
    release = {
        "version": version(),
        "repository": repository,
        "file": sdist.name,
        "sha256": _sums(made / "dist")[sdist.name],
    }
    (made / "container-net.rb").write_text(rendered(release, packages), encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """The command line. 1 where something does not hold, 2 where it makes no sense."""
    try:
        if words[:1] == ["build"] and len(words) in (2, 3):
            build(Path(words[1]), *words[2:])
        elif words[:1] == ["try"] and len(words) == 2:
            attempt(Path(words[1]))
        elif words[:1] == ["formula"] and len(words) == 3:
            formula(Path(words[1]), words[2])
        else:
            print((__doc__ or "").split("\n\n")[1], file=sys.stderr)
            return 2
    except Wrong as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
