"""The story once for each guest that works on a machine, and the table of what each one proved."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from integration.guests import Guest, Unsuited, suited
from integration.host import Host
from integration.story import Broken, Keeper, leave_alone, tell

__all__ = ["Row", "Several", "every", "summary"]

NO_VMNET = (
    "**No vmnet was involved**: no interface of vmnet's could be had here, so nothing above says "
    "what macOS does for containers. What is proven is the tool on macOS's pf and launchd."
)
More = Tuple[str, Callable[[Keeper], None]]


@dataclass(frozen=True)
class Row:
    """A guest and what became of its story: `verdict` is green, red or left out; `words` are the
    steps that held, or the reason."""

    guest: str
    verdict: str
    words: str
    vmnet: bool = False


class Several(AssertionError):
    """More than one story did not hold."""

    def __init__(self, errors: Sequence[Broken]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n\n".join(map(str, errors)))


def every(
    host: Host, candidates: Sequence[Guest], shared: Optional[Guest], more: Sequence[More] = ()
) -> List[Row]:
    """Each guest that works has its story, `shared` as it is too, and what is in `more` by name.

    The table is written whatever happens. Raises Broken or Several once all have been told, and
    AssertionError where no guest can be had.
    """
    rows: List[Row] = []
    errors: List[Broken] = []

    def one(name: str, vmnet: bool, act: Callable[[Keeper], None], tried: bool = True) -> None:
        first = len(host.evidence.notes)
        host.evidence.story = name
        host.evidence.note(f"== {name}")
        try:
            with Keeper(host) as keeper:
                act(keeper)
        except Broken as error:
            # A guest that came when it was tried has to come again.
            if not tried and isinstance(error.__cause__, Unsuited) and not error.left:
                rows.append(Row(name, "left out", str(error.__cause__)))
                return
            errors.append(error)
            host.evidence.note(f"RED: {error}")
            rows.append(Row(name, "red", str(error).splitlines()[0], vmnet))
            return
        finally:
            host.evidence.story = ""
        rows.append(_told(name, vmnet, host.evidence.notes[first:]))

    try:
        serve, others = suited(host, candidates, host.evidence)
        for guest in serve:
            one(guest.name, guest.vmnet, lambda keeper, g=guest: tell(keeper, g))  # type: ignore[misc]
        if shared is not None:
            one(shared.name, shared.vmnet, lambda keeper: leave_alone(keeper, shared), tried=False)
        for name, act in more:
            one(name, False, act)
        rows += [Row(guest.name, "left out", why) for guest, why in others]
    finally:
        _write(host, rows)
    if errors:
        raise errors[0] if len(errors) == 1 else Several(errors)
    return rows


def _told(name: str, vmnet: bool, notes: Sequence[str]) -> Row:
    held = [note[4:] for note in notes if note.startswith("ok: ")]
    gone = [note for note in notes if note.startswith("left out: ")]
    if not held:
        return Row(name, "left out", "; ".join(gone))
    return Row(name, "green", "; ".join([*held, *gone]), vmnet)


def summary(host: Host, rows: Sequence[Row]) -> str:
    """The table, for GitHub's page of a run."""
    lines = [f"# The story on {host.name}, once for each guest", ""]
    lines += ["| guest | verdict | what it proved, or why not |", "| --- | --- | --- |"]
    lines += [f"| {_cell(r.guest)} | {r.verdict} | {_cell(r.words)} |" for r in rows]
    if not any(row.vmnet for row in rows):
        lines += ["", NO_VMNET]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:600]


def _write(host: Host, rows: Sequence[Row]) -> None:
    text = summary(host, rows)
    host.evidence.text("stories.md", text)
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    if named and host.name == "mac":
        with Path(named).open("a", encoding="utf-8") as file:
            file.write(text)
