"""What all tests share: English as the language, property tests without a clock, a Mac played.

CONTAINER_NET_PLAY=darwin: the tests, and the code under them, take this machine for a Mac and its
user for an ordinary one. What they start as a process of its own is not played.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Iterator, List

import pytest
from budget import THOROUGH, examples
from hypothesis import settings

from container_net import text

# A machine that is busy with something else is no failure, so there is no deadline. In CI the same
# examples every time: a red build is then one that can be looked at.
TRIES = examples(100)
settings.register_profile("container-net", deadline=None, max_examples=TRIES)
settings.register_profile(
    "container-net-ci", deadline=None, max_examples=TRIES, derandomize=True, print_blob=True
)
settings.load_profile("container-net-ci" if os.environ.get("CI") else "container-net")

PLAYED = os.environ.get("CONTAINER_NET_PLAY", "")
if PLAYED:
    # Before any test module is imported: some of them ask while they are.
    sys.platform = PLAYED

# A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that:
# the tests of Ctrl-C are about a tool in the foreground.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Tests that mostly wait come first: others fill the time, which nothing does at the end."""
    if not THOROUGH:
        left_out = [item for item in items if item.get_closest_marker("once")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The language belongs to the process: whatever a test chose is forgotten after it."""
    text.use(None)
    yield
    text.use(None)


if PLAYED:

    @pytest.fixture(autouse=True)
    def ordinary_user(
        monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """On a Mac that is played: the first user that macOS makes."""
        tmp_path_factory.getbasetemp()  # pytest looks whose the folder is
        monkeypatch.setattr(os, "getuid", lambda: 501)
        monkeypatch.setattr(os, "geteuid", lambda: 501)
