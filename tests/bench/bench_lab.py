"""Figures of real packets, in the lab of network namespaces (docs/lab.md): figures of Linux.

Nothing here is a figure of a Mac: Linux forwards and translates, and launchd is a simulation
without its pause of up to 10 s between two runs of a job. Where no lab can be, it says so and
exits with 0.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, List, Tuple

TOP = Path(__file__).parents[2]
sys.path[:0] = [str(TOP), str(TOP / "tests")]

from lab import layout  # noqa: E402

if TYPE_CHECKING:
    from lab.world import Lab

PROBE_EVERY = 10  # ms
HELD, PARALLEL = 1000, 5000
LIMITS = {"dock": 1.0, "vpn": 10.0}  # s; a person switches, and does not wait longer


def main() -> int:
    missing = layout.lacking()
    if missing:
        print(f"left out  figures of the lab: this machine lacks {', '.join(missing)}")
        return 0
    from lab.world import Lab
    from sim.support import run

    kept: List[bool] = []

    def figure(name: str, value: float, ok: bool, unit: str, limit: str) -> None:
        kept.append(ok)
        print(f"{'ok  ' if ok else 'MISS'}  {name:<68} {value:7.2f} {unit}  (limit {limit} {unit})")

    print("figures of Linux (network namespaces), not of a Mac:")
    with tempfile.TemporaryDirectory(prefix="cnlab-") as scratch, Lab(Path(scratch)) as lab:
        lab.mac.vmnet_nat(False)
        lab.mac.start_container()
        assert run(lab.mac, "net.persist", "--yes").code == 0
        assert lab.fetch().status == "404"

        events: List[Tuple[str, Callable[[], None], str, str]] = [
            ("dock", lab.dock, layout.DOCK[0], "Wi-Fi to dock, whose rule is there already"),
            ("vpn", lab.vpn_on, layout.VPN_ADDRESS, "dock to VPN, whose rule the daemon loads"),
        ]
        for name, act, source, words in events:
            taken = switched(lab, act, source)
            limit = LIMITS[name]
            title = f"(l) switch to first translated packet: {words}"
            figure(title, taken, taken <= limit, "s", str(limit))
        lab.vpn_off()
        lab.wifi()
        lab.mac.tick(60)

        with holding(lab) as held:
            flushes = lab.carrier.flushes
            assert run(lab.mac, "net.setup", "--yes").code == 0
            lab.mac.tick(120)  # the daemon, twice
            lab.mac.start_container("other")
            lab.mac.stop_container("other")
            assert lab.carrier.flushes == flushes
        figure(
            f"(m) of {HELD} open connections, kept over events that change nothing",
            held[0],
            held[0] == HELD,
            "",
            str(HELD),
        )
        done, seconds = opened(lab)
        figure(
            f"(n) of {PARALLEL} new connections at the same time, translated and answered",
            done,
            done == PARALLEL,
            "",
            str(PARALLEL),
        )
        print(f"      they took {seconds:.2f} s")
    return 0 if all(kept) else 1


def switched(lab: Lab, act: Callable[[], None], source: str) -> float:
    """Seconds from the beginning of an event until a new connection came from another address."""
    process = lab.clients("probe", PROBE_EVERY)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        begun = time.monotonic()
        act()
        end = begun + 60
        for line in process.stdout:
            address, at = line.split()
            if address == source:
                return float(at) - begun
            if time.monotonic() > end:
                break
        raise SystemExit(f"nothing came from {source} within 60 s")
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def holding(lab: Lab) -> Iterator[List[int]]:
    """Open connections; how many still answer stands in the list at the end."""
    process = lab.clients("hold", HELD)
    assert process.stdout is not None
    ready = process.stdout.readline().split()
    if ready != ["ready", str(HELD)]:
        raise SystemExit(f"connections did not open: {ready}")
    found: List[int] = []
    yield found
    out, _ = process.communicate("\n", timeout=90)
    found.append(int(out.split()[0]))


def opened(lab: Lab) -> Tuple[int, float]:
    """How many of many parallel connections were answered, and the seconds that they took."""
    process = lab.clients("open", PARALLEL)
    out, _ = process.communicate(timeout=120)
    done, _, seconds = out.split()
    return int(done), float(seconds)


if __name__ == "__main__":
    sys.exit(main())
