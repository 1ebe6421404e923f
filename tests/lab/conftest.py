"""A lab for each test that asks for one; without what it needs, such tests are left out by name."""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

import pytest
from lab import layout
from lab.namespaces import sweep
from macs import resident

if TYPE_CHECKING:
    from lab.world import Lab

__all__ = ["resident"]

TASKS = Path(__file__).with_name("test_lab_tasks.py")
"""Whose tests hold a lock on it: they look at what is on the machine."""


@pytest.fixture(scope="session")
def able() -> None:
    """This machine can hold a lab."""
    missing = layout.lacking()
    if missing:
        pytest.skip(f"no lab here: this machine lacks {', '.join(missing)}")
    with TASKS.open("rb") as lock, contextlib.suppress(BlockingIOError):
        # Where a test of `lab.down` is at work in another process, it sweeps.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # What a killed run has left behind.
        sweep()


@pytest.fixture
def lab(able: None, tmp_path: Path) -> Iterator[Lab]:
    """A Mac with no container running, in namespaces of its own."""
    from lab.world import Lab

    with Lab(tmp_path) as made:
        yield made
