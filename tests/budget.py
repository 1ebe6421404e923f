"""How much a test may spend: all of it on one Python, a tenth on the others.

What large input spaces show does not depend on the Python; Nox says which one is thorough.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable

__all__ = ["THOROUGH", "cpu_seconds", "examples"]

THOROUGH = os.environ.get("CONTAINER_NET_THOROUGH", "yes") != "no"


def examples(number: int) -> int:
    """How many examples of `number` a property test is to try."""
    return number if THOROUGH else max(number // 10, 10)


def cpu_seconds(call: Callable[[], Any]) -> float:
    """CPU time of a call, the least of three: a busy machine only makes it longer."""
    taken = []
    for _time in range(3):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return min(taken)
