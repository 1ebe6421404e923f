"""The Korean catalogue against the texts of the code: `texts.py` renews it, `--check` complains.

Complaints, each a line: a text without Korean, one that is fuzzy, an entry that no code shows, and
placeholders that differ.
"""

from __future__ import annotations

import ast
import io
import string
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Set

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))
from container_net.tasks import net  # noqa: E402 - the checkout's own
from container_net.text import CATALOGUE  # noqa: E402

PATH = TOP / "container_net" / CATALOGUE
MARKS = ("_", "N_")
HEAD = r"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\n"
"Language: ko\n"

"""


def shown() -> Set[str]:
    """Every text that the code marks, and the descriptions of the tasks.

    Babel's own extraction is blind inside f-strings before Python 3.12.
    """
    found = {(task.__doc__ or "").strip() for task in net.tasks.values()}
    for path in (TOP / "container_net").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in MARKS:
                found |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
    return found


def _name(function: ast.expr) -> str:
    return getattr(function, "id", "") or getattr(function, "attr", "")


def fields(message: str) -> Set[str]:
    """The placeholders of a text."""
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(message) if name}


def stored() -> Catalog:
    """The catalogue as it lies in the tree."""
    with PATH.open("rb") as file:
        return read_po(file, locale="ko")


def complaints(texts: Set[str], catalog: Catalog) -> List[str]:
    """What is wrong with a catalogue for these texts."""
    entries = {str(entry.id): entry for entry in catalog if entry.id}
    found = [f"no Korean: {text!r}" for text in sorted(texts) if text not in entries]
    found += [f"no code shows: {text!r}" for text in sorted(entries) if text not in texts]
    for text, entry in sorted(entries.items()):
        if not entry.string:
            found.append(f"no Korean: {text!r}")
        elif entry.fuzzy:
            found.append(f"fuzzy: {text!r}")
        elif fields(str(entry.string)) != fields(text):
            found.append(f"other placeholders: {text!r}")
    return found + [f"obsolete: {text!r}" for text in sorted(map(str, catalog.obsolete))]


def renew(known: Mapping[str, str]) -> None:
    """Add what is new, with an empty translation where none is known; drop what no code shows."""
    catalog = Catalog(locale="ko", fuzzy=False)
    for text in sorted(shown()):
        catalog.add(text, known.get(text, ""))
    out = io.BytesIO()
    # Without dates and line numbers, so that a diff shows texts and nothing else.
    write_po(out, catalog, width=96, no_location=True, omit_header=True, sort_output=True)
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_bytes(HEAD.encode() + out.getvalue().rstrip() + b"\n")


if __name__ == "__main__":
    if "--check" in sys.argv:
        told = complaints(shown(), stored())
        print("\n".join(told) or "The Korean catalogue is complete.")
        raise SystemExit(bool(told))
    known: Dict[str, str] = {str(e.id): str(e.string) for e in stored() if e.id}
    renew(known)
