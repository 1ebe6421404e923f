"""The one door for what users read: English in the code, Korean in `locale/`.

The language belongs to the process, as a locale does: it is chosen once, when a task starts. The
catalogue is read as it lies in the tree, a .po: nothing is compiled, and nothing need be built.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Dict, Mapping, Optional

__all__ = ["LANGUAGES", "N_", "_", "catalogue", "language_of", "use"]

LANGUAGES = ("en", "ko")
CATALOGUE = "locale/ko/LC_MESSAGES/container_net.po"

_texts: Mapping[str, str] = {}


def _(message: str) -> str:
    """The text in the chosen language. Call it with a literal, and `.format(...)` the answer."""
    return _texts.get(message, message)


def N_(message: str) -> str:  # noqa: N802 - the name that gettext tools look for
    """Mark a literal for translation and return it unchanged; `_()` translates it at output."""
    return message


def catalogue(text: str) -> Dict[str, str]:
    """The entries of a .po, msgid to msgstr, but those that are fuzzy or empty."""
    found: Dict[str, str] = {}
    for entry in text.split("\n\n"):
        parts = {"msgid": "", "msgstr": ""}
        at = ""
        for line in entry.splitlines():
            word, _space, quoted = line.partition(" ")
            if line.startswith("#"):
                continue
            if word in parts:
                at = word
            else:
                quoted = line
            parts[at] += quoted[1:-1]
        if parts["msgid"] and parts["msgstr"] and "#, fuzzy" not in entry:
            found[_plain(parts["msgid"])] = _plain(parts["msgstr"])
    return found


def _plain(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), quoted)


def language_of(environ: Mapping[str, str]) -> str:
    """`ko` where the locale says Korean, else `en`. POSIX order: LC_ALL, LC_MESSAGES, LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:
            return "ko" if value.startswith("ko") else "en"
    return "en"


def use(language: Optional[str]) -> None:
    """Choose the language of everything that is said from now on; `None` means English."""
    global _texts  # noqa: PLW0603 - a process has one language, as it has one locale
    _texts = _korean() if language == "ko" else {}


@functools.cache
def _korean() -> Mapping[str, str]:
    return catalogue((Path(__file__).parent / CATALOGUE).read_text(encoding="utf-8"))
