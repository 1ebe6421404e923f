"""docs/troubleshooting.md, in both languages, from the catalogue.

`python -m container_net.faults.document` writes the files, `--check` exits with 1 where one is
stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from .. import text
from ..text import _
from . import BY_NAME, FAULTS, GUIDE
from .fault import SECTIONS, Fault, Step

__all__ = ["FILES", "document", "main"]

TOP = Path(__file__).resolve().parents[2]
FILES: Dict[str, Path] = {
    "en": TOP / "docs" / "troubleshooting.md",
    "ko": TOP / "docs" / "troubleshooting.ko.md",
}
_OTHER = {"en": ("troubleshooting.ko.md", "한국어"), "ko": ("troubleshooting.md", "English")}


def document(language: str) -> str:
    """The whole page in a language. The language of the process is English afterwards."""
    text.use(language)
    try:
        return "\n".join(_page(language)) + "\n"
    finally:
        text.use(None)


def _page(language: str) -> List[str]:
    name, title = _OTHER[language]
    rows = [
        f"# {_('Troubleshooting')}",
        "",
        f"[{title}]({name})",
        "",
        "<!-- python -m container_net.faults.document -->",
        "",
        *_guide(),
        f"## {_('Run the doctor')}",
        "",
        _(
            "Reads the Mac, changes nothing, and names the fault with its evidence and cure. A "
            "container that runs is asked from inside."
        ),
        "",
        *_block("invoke net.doctor"),
        _("Where none runs, `--probe` starts one to measure from, and removes it afterwards."),
        "",
        *_block("invoke net.doctor --probe"),
        _("Explains a message or a log from this catalogue alone, even without a Mac."),
        _(
            "The messages of curl, Node, Python, Go, cargo, apt, git, `container` and many more "
            "are known by the layer they speak of, which leads to the likeliest faults."
        ),
        "",
        *_block(
            'invoke net.doctor --symptom "curl: (28) Connection timed out"\n'
            "container logs NAME | invoke net.doctor --symptom -"
        ),
        _("For a bug report: addresses, names and tokens are masked in the file."),
        "",
        *_block("invoke net.doctor --probe --report report.md"),
        _(
            "Judges what somebody pasted as if it were the Mac, on any machine: a report, an "
            "issue, a terminal log. Says what it read, what it found, and what to ask for next."
        ),
        "",
        *_block(
            "invoke net.doctor --from report.md\n"
            "gh issue view NUMBER --comments | invoke net.doctor --from -"
        ),
        *_contents(),
    ]
    for section, title in SECTIONS.items():
        rows += [f"## {_(title)}", ""]
        for fault in FAULTS:
            rows += _fault(fault) if fault.section == section else []
    return _no_blank_end(rows)


def _no_blank_end(rows: List[str]) -> List[str]:
    while rows[-1] == "":
        rows = rows[:-1]
    return rows


def _cell(content: str) -> str:
    return content.replace("|", "\\|").replace("\n", " ")


def _guide() -> List[str]:
    heads = (_("Symptom"), _("Cause"), _("Cure"), _("Check first"), _("More"))
    rows = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in GUIDE:
        cells = (
            _(row.symptom),
            _(row.cause),
            "<br>".join(_inline(step) for step in row.cure),
            _inline(row.first_check),
            ", ".join(map(_to, row.faults)),
        )
        rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    return [*rows, ""]


def _inline(step: Step) -> str:
    return f"{_(step.text)} `{step.command}`" if step.command else _(step.text)


def _contents() -> List[str]:
    rows = [f"## {_('All faults')}", ""]
    for section, title in SECTIONS.items():
        rows += [f"**{_(title)}**", ""]
        rows += [f"- {_to(f.name)} {_(f.title)}" for f in FAULTS if f.section == section]
        rows.append("")
    return rows


def _to(name: str) -> str:
    """A link to a fault, by its name."""
    number = BY_NAME[name].id
    return f"[{number}](#{number.lower()})"


def _block(command: str) -> List[str]:
    return ["```sh", *command.splitlines(), "```", ""]


def _auto() -> Dict[str, str]:
    return {
        "yes": _("yes, `invoke net.doctor --fix` does it"),
        "ask": _("no: it stops containers or changes what belongs to others; do it by hand"),
        "no": _("no, it takes a person"),
        "none": _("no known cure"),
    }


def _fault(fault: Fault) -> List[str]:
    rows = [
        f'<a id="{fault.id.lower()}"></a>',
        "",
        f"### {fault.id} `{fault.name}`: {_(fault.title)}",
        "",
    ]
    rows += [f"**{_('How it shows')}**", ""]
    for symptom in fault.symptoms:
        shown = f"`{symptom.example}`" if symptom.verbatim else _(symptom.example)
        rows.append(f"- {shown}")
    rows += ["", f"**{_('Cause')}**", "", _(fault.cause), "", f"**{_('Cure')}**", ""]
    for number, step in enumerate(fault.cure, 1):
        rows += [f"{number}. {_(step.text)}", ""]
        if step.command:
            rows += [f"   {line}".rstrip() for line in _block(step.command)]
    if fault.distinguish:
        rows += [f"**{_('How to tell them apart')}**", ""]
        rows += [f"- {_to(d.other)}: {_(d.how)}" for d in fault.distinguish]
        rows.append("")
    if fault.consequence_of:
        causes = ", ".join(map(_to, fault.consequence_of))
        rows += [_("Can be a consequence of: {faults}").format(faults=causes), ""]
    rows += [
        f"- {_('Fixed automatically?')} {_auto()[fault.auto]}",
        f"- {_('Versions')}: {_(fault.versions)}",
        f"- {_('Known from')}: {', '.join(_link(item) for item in fault.evidence)}",
        "",
    ]
    return rows


def _link(item: str) -> str:
    if "://" not in item:
        return item
    parts = item.split("/")
    return f"[{'/'.join(parts[3:5])}#{parts[-1]}]({item})"


def main(words: Optional[Sequence[str]] = None) -> int:
    """Write the documents; with `--check`, say which are stale."""
    check = "--check" in (sys.argv[1:] if words is None else words)
    stale = False
    for language, path in FILES.items():
        wanted = document(language)
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            continue
        stale = True
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
        print(path)
    return int(check and stale)


if __name__ == "__main__":
    raise SystemExit(main())
