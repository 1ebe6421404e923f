"""How much a test may spend: all of it on one Python, a tenth on the others.

What large input spaces show does not depend on the Python; Nox says which one is thorough. What
does not depend on it at all (shell scripts, packages, the tree) is marked `once`, and left out on
the others.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Sequence, TypeVar

__all__ = ["THOROUGH", "examples", "some", "within"]

Row = TypeVar("Row")

THOROUGH = os.environ.get("CONTAINER_NET_THOROUGH", "yes") != "no"


def examples(number: int) -> int:
    """How many examples of `number` a property test is to try, or characters of a long text."""
    return number if THOROUGH else max(number // 10, 10)


def some(rows: Sequence[Row], first: int = 0) -> Sequence[Row]:
    """The rows of a long table that are to be tried: all, or each tenth from `first` on."""
    return rows if THOROUGH else rows[first % 10 :: 10]


def within(seconds: float, call: Callable[[], Any]) -> None:
    """Fail where a call takes more CPU time than that, three times: a busy machine is no failure.

    Nor is what a first call compiles.
    """
    taken = []
    for _time in range(3):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
        if taken[-1] < seconds:
            return
    raise AssertionError(f"{min(taken):.2f} s of CPU time, where {seconds:g} s are allowed")
