"""How much a test may spend: all of it on one Python, a tenth on the others.

What large input spaces show does not depend on the Python; Nox says which one is thorough.
"""

from __future__ import annotations

import os

__all__ = ["THOROUGH", "examples"]

THOROUGH = os.environ.get("CONTAINER_NET_THOROUGH", "yes") != "no"


def examples(number: int) -> int:
    """How many examples of `number` a property test is to try."""
    return number if THOROUGH else max(number // 10, 10)
