"""The files of `net.render --out`, installed by somebody else: docs/fleet.md, for MDM."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Callable

import pytest
from sim.support import BOOT, changed, picture, run

from simmac import Mac

TOP = Path(__file__).parents[2]
LABEL = "local.container-net"
# The row of each file in the document: path, owner, mode.
ROW = re.compile(r"^\| `(\S+)` \| `(/\S+)` \| root:wheel \| (\d+) \|$", re.MULTILINE)


def install(mac: Mac, folder: Path, document: str = "fleet.md") -> None:
    """What the document's table says, and nothing else."""
    rows = ROW.findall((TOP / "docs" / document).read_text(encoding="utf-8"))
    assert [name for name, _place, _mode in rows] == [LABEL, f"{LABEL}.plist"]
    for name, place, mode in rows:
        target = mac.path / place[1:]
        target.parent.mkdir(exist_ok=True)
        target.parent.chmod(0o755)
        shutil.copy(folder / name, target)
        target.chmod(int(mode, 8))


@pytest.fixture
def rendered(new: Callable[..., Mac], tmp_path: Path) -> Callable[[Mac], Path]:
    def render(mac: Mac) -> Path:
        before = picture(mac)
        # As an administrator does, for Macs of one kind: nothing is looked up on them.
        words = ("net.render", "--out", str(tmp_path / "out"), "--subnets", "192.168.64.0/24")
        assert run(mac, *words).code == 0
        assert changed(before, picture(mac)) == []
        return tmp_path / "out"

    return render


@pytest.mark.parametrize("document", ["fleet.md", "fleet.ko.md"])
def test_two_files_of_roots_are_enough_without_python(
    new: Callable[..., Mac], rendered: Callable[[Mac], Path], document: str
) -> None:
    mac = new("broken")
    install(mac, rendered(mac), document)
    assert mac.egress() != "ok"
    # What a package's postinstall does; a reboot does it too.
    plist = f"{mac.path}/Library/LaunchDaemons/{LABEL}.plist"
    assert mac.answer(["/bin/launchctl", "bootstrap", "system", plist], root=True).code == 0
    mac.settle()
    assert mac.egress() == "ok"
    mac.reboot()
    mac.service("running")
    mac.start_container()
    mac.vmnet_nat(False)
    mac.tick(120)
    mac.settle()
    assert mac.egress() == "ok"
    text = (mac.path / f"Library/PrivilegedHelperTools/{LABEL}").read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "python" not in text.lower()
    assert not any("container-net" in row.argv[0] or "python" in row.argv[0] for row in mac.log)


def test_it_is_taken_off_by_the_tool_or_by_hand(
    new: Callable[..., Mac], rendered: Callable[[Mac], Path]
) -> None:
    mac = new("idle")
    before = picture(mac)
    install(mac, rendered(mac))
    plist = f"{mac.path}/Library/LaunchDaemons/{LABEL}.plist"
    assert mac.answer(["/bin/launchctl", "bootstrap", "system", plist], root=True).code == 0
    mac.settle()
    assert (mac.path / BOOT[1:]).exists()
    ran = run(mac, "net.teardown", "--yes")
    assert ran.code == 0, ran
    left = [row for row in changed(before, picture(mac)) if "PrivilegedHelperTools:" not in row]
    assert left == []
