"""`net.watch` while packets flow: what happens to a Mac in the lab is on the screen at once."""

from __future__ import annotations

import signal
import time
from typing import Callable

import pytest
from lab.layout import DOCK, VPN_ADDRESS, WIFI
from lab.world import Lab
from sim.support import run
from sim.terminal import ENTER, LEAVE, WITHIN, Terminal, monitors, quickest


@pytest.mark.waits
def test_dock_vpn_sleep_and_a_container_that_stops(lab: Lab) -> None:
    lab.mac.vmnet_nat(False)
    lab.mac.start_container()
    assert run(lab.mac, "net.setup", "--yes").code == 0
    assert lab.fetch().status == "404"
    seen = Terminal(lab.mac)
    try:
        seen.wait_for("Everything on this Mac works.", timeout=30)
        time.sleep(2)

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
        # Not in the middle of a look: what stands for a sleep here is seen while it waits.
        time.sleep(4)
        seen.process.send_signal(signal.SIGSTOP)
        time.sleep(19)
        seen.process.send_signal(signal.SIGCONT)
        seen.wait_for("not seen: asleep, or the clock was set")
        seen.process.send_signal(signal.SIGINT)
        assert seen.process.wait(10) == 0
        assert (seen.said.count(ENTER), seen.said.count(LEAVE)) == (1, 1)
        assert monitors(lab.mac) == []
    finally:
        seen.close()
