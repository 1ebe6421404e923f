"""A simulated Mac: a folder with a small macOS userland in it, for rehearsals and tests.

It shares no code with the tool, so that one misreading cannot hide on both sides. What its programs
say and how they exit is taken from docs/reference and the recorded samples.

    mac = build("/tmp/mac", scene="broken")
    mac.answer(["/usr/sbin/sysctl", "-n", "net.inet.ip.forwarding"]).out     # b"0\\n"

The folder's programs, started as processes, answer from the same state with the same engine.
"""

from __future__ import annotations

# Nothing is imported here before it is asked for: each of the folder's programs passes this line.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .builder import build
    from .engine import Answer
    from .mac import Mac

__all__ = ["Answer", "Mac", "build"]


def __getattr__(name: str) -> Any:
    if name == "build":
        from .builder import build

        return build
    if name == "Mac":
        from .mac import Mac

        return Mac
    if name == "Answer":
        from .engine import Answer

        return Answer
    raise AttributeError(name)
