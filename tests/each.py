"""Long tables in one test: every row is tried, and each that fails is told by its name."""

from __future__ import annotations

from typing import Callable, Iterable, List, Optional, Tuple, TypeVar

import pytest

__all__ = ["each"]

Row = TypeVar("Row")


def each(rows: Iterable[Tuple[str, Row]], check: Callable[[Row], object]) -> None:
    """Check every row; rows are (name, row).

    For tables of hundreds: pytest spends more on so many tests of their own than they take.
    """
    told: List[str] = []
    first: Optional[BaseException] = None
    for name, row in rows:
        try:
            check(row)
        except (Exception, pytest.fail.Exception) as error:
            first = first or error
            told.append(f"{name}: {type(error).__name__}: {error}")
    if first is not None:
        raise AssertionError("\n".join([f"{len(told)} failed", *told])) from first
