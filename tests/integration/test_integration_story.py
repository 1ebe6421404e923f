"""The story on each host there is: a real Mac, the lab, the simulated Mac."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration import guests
from integration.guests import LabGuest, SimGuest, SimShared, choose
from integration.host import Evidence, Host, MacHost, SimHost
from integration.state import record
from integration.stories import every
from integration.story import STEPS, Keeper, tell
from sim.support import picture


def told(host: Host) -> None:
    """Every step was gone through."""
    notes = host.evidence.notes
    gone = [step for step in STEPS if f"ok: {step}" not in notes]
    assert set(gone) <= {STEPS[0], STEPS[8]}
    assert STEPS[8] not in gone or any(n.startswith(f"left out: {STEPS[8]} (") for n in notes)


def test_the_story_on_the_simulated_mac(sim: SimHost) -> None:
    before = picture(sim.mac)
    guest = choose(sim, [SimGuest(sim)], sim.evidence)
    with Keeper(sim) as keeper:
        tell(keeper, guest, SimShared(sim))
    told(sim)
    # What the suite itself cannot see is looked at from outside.
    after = picture(sim.mac)
    for image in (before, after):
        image.pop("container")
        image.pop("vmnet")
        image["pf"]["anchors"].pop(guests.CONTROL, None)
    assert after == before


def test_the_story_with_tasks_as_a_person_starts_them(sim: SimHost) -> None:
    sim.processes = True
    with Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim))
    told(sim)


@pytest.mark.timeout(300)
def test_the_story_in_the_lab(evidence: Evidence, tmp_path: Path) -> None:
    from lab import layout

    missing = layout.lacking()
    if missing:
        pytest.skip(f"no lab here: this machine lacks {', '.join(missing)}")
    from lab.world import Lab

    with Lab(tmp_path) as lab:
        host = SimHost(evidence, tmp_path, subnet=layout.SUBNET, mac=lab.mac)
        host.name = "lab"
        guest = choose(host, [LabGuest(host, lab)], evidence)
        with Keeper(host) as keeper:
            tell(keeper, guest)
    told(host)


# Emulating a Linux, which boots for each time that it comes, takes the longest.
@pytest.mark.timeout(4500)
def test_the_story_on_this_mac(mac_evidence: Evidence, tmp_path: Path) -> None:
    """macOS itself, once for each guest that works. What vmnet leaves behind when a guest was tried
    is no doing of the tool's, so the machine is recorded after that."""
    evidence = mac_evidence
    host = MacHost(evidence)
    untouched = record(host)
    evidence.text("state-untouched.txt", untouched.text)
    _doctor(host, "doctor-before")
    host.subnet = guests.free_subnet(host)
    host.settings["INVOKE_NET_SUBNETS"] = host.subnet
    folder = evidence.folder or tmp_path
    kinds = guests.answering()
    evidence.note(f"subnet {host.subnet}; this machine itself gets {', '.join(kinds)}")
    shared = guests.Shared(host, guests.free_subnet(host, guests.SHARED_SUBNETS), folder, kinds)
    try:
        candidates = guests.mac_guests(host, folder, kinds)
        every(host, candidates, shared, [("Apple's container", _container)])
    finally:
        _doctor(host, "doctor-after")


def _doctor(host: Host, name: str) -> None:
    """The doctor's report, for people and for programs, whatever it found."""
    for suffix, words in ((".txt", ()), (".json", ("--json",))):
        ran = host.task("net.doctor", *words)
        assert ran.code != 70, ran.err
        host.evidence.text(name + suffix, ran.out or ran.err)


def _container(keeper: Keeper) -> None:
    """The guide's own check, where `container` can run: on a self-hosted Mac of Apple silicon."""
    host = keeper.host
    program = next(
        (
            p
            for p in ("/usr/local/bin/container", "/opt/homebrew/bin/container")
            if Path(p).exists()
        ),
        None,
    )
    if program is None or host.ask(program, "system", "status").code != 0:
        host.evidence.note("left out: the guide's container check (no `container` runs here)")
        return
    with keeper.named("the guide's container check"):
        settings = {"INVOKE_NET_SUBNETS": "auto"}
        ran = keeper.task("net.setup", "--yes", "--always", **settings)
        assert ran.code == 0, ran.out + ran.err
        ran = keeper.task("net.verify", **settings)
        assert ran.code == 0, ran.out + ran.err
        ran = keeper.task("net.teardown", "--yes", **settings)
        assert ran.code == 0, ran.out + ran.err
