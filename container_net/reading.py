"""A probe: a command and the parser of what it says; and the reading that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .machine import Argv, CommandResult, Machine
from .model import FileFact, Problem, Reading
from .parse import Unreadable

__all__ = ["Parser", "Probe", "file", "no_root", "reading", "take"]

Parser = Callable[[CommandResult], Any]


@dataclass(frozen=True)
class Probe:
    """A command, and the parser of what it says. `container`: words of the container command."""

    argv: Argv
    parser: Parser
    root: bool = False
    container: bool = False


def take(machine: Machine, probe: Probe, user: Optional[str] = None) -> Reading[Any]:
    """Run it and read its answer."""
    return reading(machine.run(probe.argv, root=probe.root, user=user), probe.parser)


def no_root(probe: Probe) -> Reading[Any]:
    """The reading of a probe that was not made, because it needs root."""
    return Reading(source=" ".join(("sudo", *map(str, probe.argv))), problem=Problem.NO_ROOT)


def reading(answer: CommandResult, parser: Parser, source: str = "") -> Reading[Any]:
    """What a parser makes of an answer; where that is nothing, the problem."""
    source = source or answer.shown
    if answer.timed_out:
        return Reading(source=source, problem=Problem.NO_ANSWER)
    absent = answer.code == 1 and re.match(r"sudo: .*: command not found", answer.err)
    if answer.missing or absent:
        return Reading(source=source, problem=Problem.NO_PROGRAM)
    try:
        return Reading(parser(answer), source)
    except Unreadable as error:
        return Reading(source=source, problem=Problem.UNREADABLE, said=str(error))


def file(machine: Machine, path: str) -> Reading[FileFact]:
    """A file as it lies there; a file that is not there is known to have no content."""
    try:
        return Reading(machine.read(path), path)
    except OSError as error:
        return Reading(source=path, problem=Problem.OTHER, said=f"{path}: {error.strerror}")
