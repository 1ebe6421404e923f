"""From what somebody pasted to what commands said: outputs by command, whatever stands around them.

A command is known by what it asks, not by how it was typed: `key` gives the same key for
`sudo pfctl -sn` and for `("/sbin/pfctl", "-s", "nat")`. `Transcript` is a Machine that answers from
such a text, so that the parsers of a live Mac judge it; what the text does not have is unreadable.
Nothing here starts a program or reads a file.
"""

from __future__ import annotations

from .keys import Key, key, real
from .machine import MISSING, Transcript
from .outputs import Output
from .reader import LIMIT, Pasted, clean, read

__all__ = [
    "LIMIT",
    "MISSING",
    "Key",
    "Output",
    "Pasted",
    "Transcript",
    "clean",
    "key",
    "read",
    "real",
]
