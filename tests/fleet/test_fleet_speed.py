"""What twenty Macs cost. The session runs it first, in a process of its own."""

from __future__ import annotations

import json
import time
from typing import Callable, List, Tuple

import pytest
from fleet.farm import Farm, names

from simmac import Mac, builder

Scene = Callable[[str], Mac]


def timed(farm: Farm, hosts: List[str]) -> Tuple[float, int]:
    """The seconds that a run takes from its start to its end; how many Macs it told of."""
    begun = time.monotonic()
    started = farm.start("net.status", "--json", "--hosts", ",".join(hosts))
    out, err = started.communicate()
    took = time.monotonic() - begun
    assert started.returncode == 0, out + err
    return took, len(json.loads(out)["hosts"])


def test_twenty_macs_are_looked_at_in_little_more_time_than_one(farm: Farm, scene: Scene) -> None:
    """At most three times as long, and a quarter of a second a Mac: they share this machine."""
    for name in names(20):
        farm.add(name, scene("healthy"))
    timed(farm, ["mini-1"])
    # A machine that is busy with something else just then is asked once more.
    for _attempt in range(3):
        one, _count = timed(farm, ["mini-1"])
        for host in farm.hosts.values():
            host.forget_log()
        every, count = timed(farm, names(20))
        assert count == 20
        for host in farm.hosts.values():
            assert (host.connections, host.channels) == (1, 1), host.name
        allowed = 3 * one + 20 * 0.25
        print(f"\none: {one:.2f} s, twenty: {every:.2f} s, allowed: {allowed:.2f} s")
        if every <= allowed:
            break
    else:
        if builder.PROGRAM == builder.STARTS:
            pytest.skip("no C compiler here: most of it is the start of a Python for each program")
        pytest.fail("twenty took too long")
