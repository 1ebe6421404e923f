"""`python -m lab.daemon` holds the lab of `invoke lab.up` until it is told to end.

The checkout and its tests/ are on the path. The folder /run/container-net-lab is made by whoever
starts it. `ready` in it says that the lab stands; what went wrong stands in `log`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Optional

from lab.layout import RUN
from lab.world import Lab


def stop(_number: int, _frame: Optional[FrameType]) -> None:
    raise SystemExit(0)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    with Lab(RUN, "up") as lab:
        lab.mac.vmnet_nat(False)
        lab.mac.start_container()
        (RUN / "ready").write_text(f"{os.getpid()}\n", encoding="ascii")
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
