"""`net.watch` while packets flow: what happens to a Mac in the lab is on the screen at once."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Callable, Iterator

import pytest
from lab.layout import DOCK, VPN_ADDRESS, WIFI
from lab.world import Lab
from sim.terminal import ENTER, LEAVE, WITHIN, Terminal, monitors, quickest

from container_net.watch import SLOW, UNSEEN


@pytest.fixture
def first() -> Iterator[None]:
    """Seconds are measured: this comes before whatever other tests run on this machine."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    yield
    os.setpriority(os.PRIO_PROCESS, 0, before)


# Up to three turns of the events on a busy machine.
@pytest.mark.timeout(240)
@pytest.mark.waits
def test_dock_vpn_sleep_and_a_container_that_stops(first: None, lab: Lab) -> None:
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()
    assert lab.run("net.setup", "--yes").code == 0
    assert lab.fetch().status == "404"
    seen, asleep = Terminal(lab.mac), Terminal(lab.mac)
    try:
        for terminal in (seen, asleep):
            terminal.wait_for("Everything on this Mac works.", timeout=30)
        # Not in the middle of a look: what stands for a sleep here is seen while it waits.
        time.sleep(4)
        asleep.process.send_signal(signal.SIGSTOP)
        stopped, place = time.monotonic(), len(asleep.said)

        def works(event: Callable[[], None]) -> Callable[[], None]:
            def act() -> None:
                assert lab.fetch().status == "404"
                event()

            return act

        def again() -> None:
            lab.mac.start_container()
            lab.wifi()

        taken = quickest(
            seen,
            (
                (works(lab.dock), f"uplink: en0 ({WIFI[0]}) → en5 ({DOCK[0]})"),
                (works(lab.vpn_on), f"uplink: en5 ({DOCK[0]}) → utun4 ({VPN_ADDRESS})"),
                (works(lab.vpn_off), f"uplink: utun4 ({VPN_ADDRESS}) → en5 ({DOCK[0]})"),
                (lab.mac.stop_container, "container VM: ok → not running"),
            ),
            again,
        )
        assert max(taken.values()) <= WITHIN, taken
        # Longer than it waits for its next look by more than it puts down to a busy machine.
        time.sleep(max(0.0, stopped + SLOW + UNSEEN + 1 - time.monotonic()))
        asleep.process.send_signal(signal.SIGCONT)
        asleep.wait_for("not seen: asleep, or the clock was set", place)
        asleep.wait_for("container VM: ok → not running", place)
        for terminal in (seen, asleep):
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.process.wait(10) == 0
            assert (terminal.said.count(ENTER), terminal.said.count(LEAVE)) == (1, 1)
        assert monitors(lab.mac) == []
    finally:
        seen.close()
        asleep.close()
