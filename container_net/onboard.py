"""`net.onboard`: from any first state of a Mac to a container that reached the internet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, NamedTuple

from .desired import managed
from .report import line
from .text import _

__all__ = ["run"]


class _Step(NamedTuple):
    title: str
    words: str
    allowed: int = 0
    """An exit code beside 0 with which the next step is taken all the same."""


def run(session: Any) -> int:
    """Each task of a run (session.Session) in its turn, shown as it can be typed.

    Returns the exit code of the first that fails, else that of net.verify: 3 where it could not
    measure all.

    On the built-in simulated Mac it is a rehearsal, which asks nothing.
    """
    rehearsal = bool(session.machine.sysroot) and session.settings.sysroot is None
    if rehearsal:
        said = _("This is not a Mac: a rehearsal on a simulated one. Nothing here is changed.")
        session.screen.show([line(said)])
    verified = 0
    for step in _steps(session.options.persist, rehearsal):
        session.screen.show(
            [line(), line(step.title, "head"), line(f"$ invoke {step.words}", "dim"), line()]
        )
        name = step.words.split()[0].rpartition(".")[2]
        code: int = getattr(_of(session, step.words, rehearsal), name)()
        if step.words == "net.verify":
            verified = code
        if code not in (0, step.allowed):
            return code
    last = _("To look at any time: invoke net.status")
    if not session.options.persist and managed(session.look()[0]):
        last = _("To keep it across reboots: invoke net.persist")
    session.screen.show([line(), line(last)])
    return verified


def _steps(keep: bool, rehearsal: bool) -> Iterator[_Step]:
    if rehearsal:
        yield _Step(_("How things stand"), "net.status", 1)
        yield _Step(_("What setup would change"), "net.plan")
    yes = " --yes" if rehearsal else ""
    yield _Step(_("Setup"), f"net.setup{yes}")
    yield _Step(_("Does it work?"), "net.verify", 3)
    if keep:
        yield _Step(_("Keep it across reboots"), f"net.persist{yes}")
    if rehearsal:
        yield _Step(_("What teardown would revert"), "net.plan --teardown")


def _of(session: Any, words: str, rehearsal: bool) -> Any:
    """A run of one task, with what a person was asked before; each agrees to its own changes."""
    given: Any = {"persist": False, "teardown": words.endswith("--teardown")}
    given["yes"] = session.options.yes or rehearsal
    return replace(session, options=replace(session.options, **given), asked=False, reason="")
