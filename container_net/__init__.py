"""container-net: a working way to the internet for the containers of Apple's `container`."""

from __future__ import annotations

from typing import Any

__all__ = ["__version__", "net"]

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """`net`, the Invoke collection, is made when it is asked for."""
    if name == "net":
        from .tasks import net

        return net
    raise AttributeError(name)
