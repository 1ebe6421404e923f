"""`python -m sim.hasty WORDS`: the real `invoke`, to which times are over sooner.

For tests of what happens then, to whom the number of seconds says nothing more.
"""

from __future__ import annotations

import subprocess
import sys

from invoke.main import program
from sim.support import ROOT, environment

from container_net import watch
from container_net.machine import READ_LIMIT, Machine
from simmac import Mac

__all__ = ["LIMIT", "start"]

# Seconds that a program has for its answer.
LIMIT = READ_LIMIT / 5


def start(mac: Mac, *words: str) -> subprocess.Popen[str]:
    """As sim.support's."""
    return subprocess.Popen(
        [sys.executable, "-m", "sim.hasty", *words],
        cwd=ROOT,
        env=environment(mac, PYTHONPATH=f"{ROOT}/tests"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


if __name__ == "__main__":
    assert Machine.run.__kwdefaults__ is not None
    Machine.run.__kwdefaults__["timeout"] = LIMIT
    # Until what no event tells is looked at.
    watch.SLOW = 1.0
    program.run()
