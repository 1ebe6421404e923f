"""What a user types, on a real Mac and on a simulated one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from integration import guests
from integration.guests import SimGuest, choose, free_subnet
from integration.host import ROOT, Evidence, MacHost, SimHost
from integration.story import Broken, Keeper
from integration.users import SYSTEM_PATH, Checkout, pythons, use
from sim.support import picture


@pytest.fixture
def checkout_path(tmp_path: Path) -> str:
    """A PATH on which this machine says that it is a Mac."""
    folder = tmp_path / "bin"
    folder.mkdir()
    uname = folder / "uname"
    uname.write_text("#!/bin/sh\necho Darwin\n")
    uname.chmod(0o755)
    return f"{folder}:{SYSTEM_PATH}"


def copied(keeper: Keeper, sim: SimHost, folder: Path, path: str) -> Checkout:
    """With an environment as onboard leaves it, whose packages are those of this test."""
    made = Checkout(keeper, folder, path, INVOKE_NET_SYSROOT=str(sim.mac.path))
    programs = made.folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    # The simulated Mac's programs are answered in `invoke` itself, as nothing here is about them.
    # The story with tasks as a person starts them has them as processes.
    tests = f'PYTHONPATH="{ROOT / "tests"}" '
    for name, set_, words in (("invoke", tests, " -m sim.answered"), ("python", "", "")):
        (programs / name).write_text(f'#!/bin/sh\n{set_}exec "{sys.executable}"{words} "$@"\n')
        (programs / name).chmod(0o755)
    finished = made.folder / ".venv" / ".container-net-finished"
    shutil.copy(made.folder / "requirements" / "run.txt", finished)
    return made


def test_what_a_user_types_on_the_simulated_mac(
    sim: SimHost, tmp_path: Path, checkout_path: str
) -> None:
    before = picture(sim.mac)
    with Keeper(sim) as keeper:
        checkout = copied(keeper, sim, tmp_path / "clone", checkout_path)
        use(keeper, checkout, SimGuest(sim))
    after = picture(sim.mac)
    for image in (before, after):
        image.pop("container")
        image.pop("vmnet")
    assert after == before
    assert not checkout.folder.exists()
    assert sim.evidence.folder is not None
    assert "report-ko.md" in {path.name for path in sim.evidence.folder.iterdir()}
    typed = [" ".join(row.argv) for row in sim.evidence.said if row.argv[0].startswith(".")]
    assert typed.count("./onboard --yes") == 2
    assert typed.count(".venv/bin/invoke net.plan") == 2


def test_an_onboard_that_stops_is_a_failure_and_everything_is_put_back(
    sim: SimHost, tmp_path: Path, checkout_path: str
) -> None:
    before = picture(sim.mac)["pf"]
    keeper = Keeper(sim)
    checkout = copied(keeper, sim, tmp_path / "clone", checkout_path)
    script = checkout.folder / "onboard"
    script.write_text(script.read_text().replace("exec .venv/bin/invoke", "exit 7;"))
    with pytest.raises(Broken, match="exit 7") as failure, keeper:
        use(keeper, checkout, SimGuest(sim))
    assert failure.value.step == "./onboard --yes"
    assert failure.value.left == ()
    assert picture(sim.mac)["pf"] == before


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("whose", ["Apple's", "a newer one"])
def test_what_a_user_types_on_this_mac(whose: str, mac_evidence: Evidence, tmp_path: Path) -> None:
    path = pythons().get(whose)
    if path is None:
        pytest.skip(f"{whose}: this suite runs on the only Python there is")
    host = MacHost(mac_evidence)
    host.subnet = free_subnet(host)
    host.settings["INVOKE_NET_SUBNETS"] = host.subnet
    folder = mac_evidence.folder or tmp_path
    # An emulated Linux would boot twice more, and prove nothing more about Python.
    candidates = guests.mac_guests(host, folder, guests.answering())[1:]
    guest = choose(host, candidates, mac_evidence)
    mac_evidence.note(f"what a user types, with {whose} Python")
    with Keeper(host) as keeper:
        use(keeper, Checkout(keeper, tmp_path / "clone", path), guest)
