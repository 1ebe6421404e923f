"""Rules for six uplinks in place of eighty, for tests to whose point their number adds nothing.

With all of them: tests/sim/test_story.py and test_contract.py. What a Mac has besides is added to
these as it is to the eighty; en5 at a dock and a VPN's utun4 come when the rules are loaded.
"""

from __future__ import annotations

from typing import Iterator
from unittest import mock

import pytest

from container_net import desired

__all__ = ["few_uplinks"]


@pytest.fixture
def few_uplinks() -> Iterator[None]:
    """In this process: not for tests that start the real `invoke` too."""
    few = ("en0", "en1", "en5", "utun0", "utun3", "utun4")
    with mock.patch.object(desired, "DEFAULT_UPLINKS", few):
        yield
