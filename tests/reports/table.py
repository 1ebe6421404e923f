"""`nox -s reports`: what the tool says of reports in the form of the public ones, as a table.

A file of cases/ is a report: `key: value` lines, a line `---`, and what somebody pasted.

    kind      the row of the table
    truth     what was wrong, in a sentence
    accept    the faults that are a right answer; `none`: nothing may be offered; `thin`: words may
              lead somewhere, and no fault may be said to be there
    reject    faults that may not be offered at all
    also      faults that are there besides, and may be said to be
    source    where it was learned: repository#number
    seen      `before`: written before anybody knew what the tool said of any of them; `after`:
              when the kinds that failed had been mended, as new to the tool as those; and so on
    first     the verdict of the first run
    miss      why the answer is still not right: a known miss

Names, addresses and tokens in them are made up; the wording is ours. Words for pytest's -k choose
cases: `nox -s reports -- vpn`.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, List, Sequence, Tuple

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))

from container_net.faults.case import PRESENT  # noqa: E402
from container_net.faults.match import Match  # noqa: E402
from container_net.faults.symptoms import leads  # noqa: E402
from container_net.from_text import WORDS, Told, judge  # noqa: E402

__all__ = [
    "CASES",
    "KEYS",
    "SEEN",
    "VERDICTS",
    "Answer",
    "Case",
    "answer",
    "cases",
    "parsed",
    "verdict",
]

CASES = HERE / "cases"
KEYS = ("kind", "truth", "accept", "reject", "also", "source", "seen", "first", "miss")
SEEN = ("before", "after", "after 2", "after 3", "after 4")
VERDICTS = ("right", "thin", "wrong", "silent")


@dataclass(frozen=True, eq=False)
class Case:
    """A report and its truth. `accept` is ids, or `none`, or `thin`."""

    name: str
    said: Dict[str, str]
    text: str

    def ids(self, key: str) -> FrozenSet[str]:
        return frozenset(self.said.get(key, "").split())


@dataclass(frozen=True)
class Answer:
    """What is shown of a report: ids, the likeliest first.

    `present` are said to be there; `outputs` those that outputs of commands show; `words` those
    that messages lead to, with the ones of these that the catalogue knows the very words of.
    """

    present: Tuple[str, ...]
    outputs: Tuple[str, ...]
    words: Tuple[str, ...]
    known: FrozenSet[str]

    @property
    def shown(self) -> Tuple[str, ...]:
        return tuple(dict.fromkeys((*self.outputs, *self.words)))


def parsed(path: Path) -> Case:
    """A file of cases/. Raises ValueError."""
    head, line, text = path.read_text(encoding="utf-8").partition("\n---\n")
    said = {}
    for row in head.split("\n"):
        key, colon, value = row.partition(": ")
        if not colon or key not in KEYS or key in said:
            raise ValueError(f"{path.name}: {row!r}")
        said[key] = value
    if not line:
        raise ValueError(f"{path.name}: no line ---")
    return Case(path.stem, said, text)


def cases() -> List[Case]:
    return [parsed(path) for path in sorted(CASES.glob("*.md"))]


def answer(text: str) -> Answer:
    """What `--from` shows of a text; where it has no output of a command, what `--symptom` does."""
    told = judge(text)
    matches = told.words if told.read else leads(text)[1]
    return _answer(told, matches[:WORDS])


def _answer(told: Told, words: Sequence[Match]) -> Answer:
    findings = [f for d in told.answer.found for f in (d.finding, *d.consequences)]
    return Answer(
        tuple(f.id for f in findings if f.state == PRESENT),
        tuple(f.id for f in findings),
        tuple(m.fault.id for m in words),
        frozenset(m.fault.id for m in words if m.symptom is not None or m.row is not None),
    )


def verdict(case: Case, said: Answer) -> str:
    """One of VERDICTS. `thin`: the right fault is shown, and not first."""
    accept, shown = case.ids("accept"), said.shown
    if set(said.present) - accept - case.ids("also") or set(shown) & case.ids("reject"):
        return "wrong"
    if accept == {"none"}:
        return "wrong" if said.outputs or said.known else "thin" if shown else "right"
    if accept == {"thin"}:
        return "right"
    if not shown:
        return "silent"
    return "right" if shown[0] in accept else "thin" if accept & set(shown) else "wrong"


# -- the table


def _share(verdicts: Iterable[str]) -> str:
    counted = Counter(verdicts)
    total = sum(counted.values())
    return f"{counted['right']} of {total} right ({100 * counted['right'] / (total or 1):.0f} %)"


def _row(name: str, verdicts: Sequence[str]) -> str:
    counted = Counter(verdicts)
    return f"{name:12}" + "".join(f"{counted[v] or '':>8}" for v in VERDICTS)


def main(words: Sequence[str]) -> int:
    """Print the table. Exit status 1 where a case that is no known miss is not right."""
    chosen = [c for c in cases() if not words or any(w in c.name for w in words)]
    said = {case.name: answer(case.text) for case in chosen}
    found = {case.name: verdict(case, said[case.name]) for case in chosen}
    broken = 0
    for case in chosen:
        if found[case.name] != "right":
            known = case.said.get("miss")
            broken += known is None
            marked = [f"{i}!" if i in said[case.name].present else i for i in said[case.name].shown]
            print(f"{found[case.name]:7} {case.name}: {' '.join(sorted(case.ids('accept')))}")
            print(f"{'':8}said: {' '.join(marked) or 'nothing'}")
            print(f"{'':8}{known or case.said['truth']}")
    print(f"\n{'':12}" + "".join(f"{v:>8}" for v in VERDICTS))
    for kind in sorted({case.said["kind"] for case in chosen}):
        print(_row(kind, [found[c.name] for c in chosen if c.said["kind"] == kind]))
    print(_row("all", list(found.values())))
    print(f"\n{_share(found.values())}; '!' is said to be there")
    for seen in sorted({c.said["seen"] for c in chosen}, key=SEEN.index):
        first = [c.said["first"] for c in chosen if c.said["seen"] == seen and "first" in c.said]
        print(f"on the first run, written {seen}: {_share(first)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
