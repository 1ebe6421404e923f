"""Faults with real packets: what they do to them, that doctor names them first, what mends them."""

from __future__ import annotations

from typing import List

import pytest
from lab.layout import DNS, WEB
from lab.scenes import SCENES
from lab.world import Lab


def named(lab: Lab) -> List[str]:
    """What `net.doctor --probe` tells, with the lab's addresses in place of public ones.

    In a guest the probe's own script runs.
    """
    places = (f"--address={WEB}", f"--resolver={DNS}")
    found = lab.run("net.doctor", "--probe", "--json", *places)
    assert found.data["probe"] is not None, found
    assert [u for u in found.data["unknown"] if "container" in u["fact"]] == []
    return [told["id"] for told in (*found.data["faults"], *found.data["remarks"])]


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_fault_shows_in_packets_and_doctor_names_it_first(lab: Lab, name: str) -> None:
    scene = SCENES[name]
    scene.play(lab)
    said = scene.packets(lab)
    assert all(said.values()), said
    assert named(lab)[:1] == [name]
    if scene.cure:
        mended = lab.run(*scene.cure)
        assert mended.code == 0, mended
        said = scene.mended(lab)
        assert all(said.values()), said
        assert name not in named(lab)


def test_doctor_finds_nothing_where_packets_flow(lab: Lab) -> None:
    lab.mac.start_container()
    assert lab.fetch().status == "404"
    assert named(lab) == []


def test_an_internet_that_does_not_answer_is_no_fault_of_translation(lab: Lab) -> None:
    lab.mac.start_container()
    lab.mac.internet(False)
    assert lab.fetch().code == 28
    assert lab.run("net.status", "--json").first_broken is None
    lab.mac.internet(True)
    assert lab.fetch().status == "404"
