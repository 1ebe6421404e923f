"""`container-net`: the same tasks as a command of its own, for `uvx` and `pipx`."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.program import Program

from . import __version__
from .tasks import net

__all__ = ["main"]


def main() -> None:
    """Run the collection outside a checkout."""
    Program(
        name="container-net",
        binary="container-net",
        version=__version__,
        namespace=Collection(net),
    ).run()
