"""Addresses of the threads that the catalogue rests on, so that a row names only the number."""

from __future__ import annotations

__all__ = ["issue", "pull"]


def issue(number: int, repository: str = "apple/container") -> str:
    """The address of an issue thread on GitHub."""
    return f"https://github.com/{repository}/issues/{number}"


def pull(number: int, repository: str = "apple/container") -> str:
    """The address of a pull request on GitHub."""
    return f"https://github.com/{repository}/pull/{number}"
