"""Rules for four uplinks in place of eighty, for tests to whose point their number adds nothing.

With all of them: tests/sim/test_story.py and test_contract.py. What a Mac has besides, such as en5
at a dock, is added to these as it is to the eighty.
"""

from __future__ import annotations

from typing import Iterator
from unittest import mock

import pytest

from container_net import desired

__all__ = ["few_uplinks"]


@pytest.fixture(scope="module", autouse=True)
def few_uplinks() -> Iterator[None]:
    """For every test of a module that imports it."""
    with mock.patch.object(desired, "DEFAULT_UPLINKS", ("en0", "en1", "utun0", "utun3")):
        yield
