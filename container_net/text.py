"""The one door for what users read: English in the code, Korean in `container_net.ko`.

The language belongs to the process, as a locale does: it is chosen once, when a task starts.
"""

from __future__ import annotations

import gettext
from typing import Mapping, Optional

__all__ = ["LANGUAGES", "_", "language_of", "use"]

LANGUAGES = ("en", "ko")


class _Table(gettext.NullTranslations):
    """Translations from a plain dictionary: no compiled catalogue, no build step."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self._texts = texts

    def gettext(self, message: str) -> str:
        return self._texts.get(message, message)


_current: gettext.NullTranslations = gettext.NullTranslations()


def _(message: str) -> str:
    """The text in the chosen language. Call it with a literal, and `.format(...)` the answer."""
    return _current.gettext(message)


def language_of(environ: Mapping[str, str]) -> str:
    """`ko` where the locale says Korean, else `en`. POSIX order: LC_ALL, LC_MESSAGES, LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:
            return "ko" if value.startswith("ko") else "en"
    return "en"


def use(language: Optional[str]) -> None:
    """Choose the language of everything that is said from now on; `None` means English."""
    global _current  # noqa: PLW0603 - a process has one language, as it has one locale
    if language == "ko":
        from .ko import TEXTS

        _current = _Table(TEXTS)
    else:
        _current = gettext.NullTranslations()
