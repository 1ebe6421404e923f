"""Every lawful vmnet against the tool as it is and each deliberate breakage of it.

Green on each vmnet, and each breakage red in the step that should notice, with the machine put
back. `nox -s vmnets` goes through all. Without CONTAINER_NET_VMNETS=all every vmnet sees the
tool as it is and the breakage nearest to what a vmnet may do itself, and the first one sees all.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable, Dict, List, Tuple

import pytest
from integration.guests import SimGuest, SimShared
from integration.host import SimHost
from integration.matrix import GREEN
from integration.mutations import MUTATIONS, broken
from integration.story import STEPS, Broken, Keeper, tell
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import picture

from simmac.vmnet import MANNERS

RELOADED = "main ruleset reloaded"
# The step, and words of the reason.
NOTICED: Dict[str, Tuple[str, str]] = {
    "no forwarding": ("setup", "forwarding is not 1"),
    "wrong uplink": ("setup", "the anchor lacks 'nat on en0"),
    "rule in the wrong anchor": ("setup", "the anchor lacks 'nat on en0"),
    "leaked token": ("setup", "2 more references"),
    RELOADED: ("setup", "the main ruleset (nat) is not as it was"),
    "token kept at teardown": ("teardown", "exit 4"),
    "file left at teardown": ("teardown", "exit 4"),
}
# Steps that a breakage of teardown's has nothing to do with.
BETWEEN = (STEPS[3], STEPS[4], *STEPS[6:9])


def cells() -> List[Tuple[str, str]]:
    """(breakage, vmnet), as far as they are wanted here."""
    whole = os.environ.get("CONTAINER_NET_VMNETS") == "all"
    return [
        (name, manner)
        for name in (GREEN, *MUTATIONS)
        for manner in MANNERS
        if whole or name in (GREEN, RELOADED) or manner == "prompt"
    ]


def world(sim: SimHost) -> Dict[str, Any]:
    """All of the simulated Mac but what a guest of the suite leaves of vmnet's own."""
    found = picture(sim.mac)
    found.pop("container")
    found.pop("vmnet")
    # A rule that the tool itself never saw as its own lies where nobody calls it.
    for name in ("local", "local/250.container-net"):
        found["pf"]["anchors"].pop(name, None)
    return found


def test_every_breakage_is_in_the_table() -> None:
    assert list(NOTICED) == list(MUTATIONS)


@pytest.mark.parametrize(("name", "manner"), cells())
def test_each_vmnet_is_green_and_each_breakage_red(
    sim: SimHost, record_property: Callable[[str, object], None], name: str, manner: str
) -> None:
    sim.mac.vmnet_manner(manner)
    before = world(sim)
    ended, error = "green", None
    try:
        with broken(name) if name != GREEN else contextlib.nullcontext(), Keeper(sim) as keeper:
            # vmnet as it is comes and goes before the guest does.
            shared = SimShared(sim) if name == GREEN else None
            # A breakage of teardown's is no other after what the first vmnet has seen between.
            short = manner != "prompt" and NOTICED.get(name, ("",))[0] == "teardown"
            tell(keeper, SimGuest(sim), shared, BETWEEN if short else ())
    except Broken as failure:
        ended, error = failure.step, failure
    record_property("ended", [name, manner, ended])
    assert world(sim) == before
    if name == GREEN:
        assert error is None, error
        # What is asked of the tool where Apple's calls go, is asked exactly there.
        assert (f"ok: {STEPS[8]}" in sim.evidence.notes) is (manner == "owner")
        return
    step, why = NOTICED[name]
    assert error is not None, f"{name} was not noticed"
    assert (error.step, error.left) == (step, ())
    assert why in str(error)
