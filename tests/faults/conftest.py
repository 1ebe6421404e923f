"""The confusion matrix is printed once, by whichever process of pytest's has the terminal."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "matrix" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"\n{value}")
