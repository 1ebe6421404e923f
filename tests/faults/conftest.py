"""What the tests of faults share: nothing is asked side by side, and the matrix is printed once."""

from __future__ import annotations

import pytest
from sim.support import one_after_another

from container_net.machine import Machine


@pytest.fixture(autouse=True, scope="session")
def _one_after_another() -> None:
    """Threads win nothing where one lock serves all that is asked."""
    Machine.side_by_side = one_after_another  # type: ignore[method-assign,assignment]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The confusion matrix, by whichever process of pytest's has the terminal."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "matrix" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"\n{value}")
