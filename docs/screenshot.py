"""Makes docs/status.svg and docs/status.ko.svg from a real run on a simulated Mac.

    python docs/screenshot.py [FOLDER]

A test compares the pictures in the repository with new ones.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Iterable, List

from invoke.config import Config
from invoke.context import Context
from rich.console import Console

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

from container_net import report, text  # noqa: E402 - the checkout's own, wherever this is started
from container_net.machine import Machine  # noqa: E402
from container_net.options import Options  # noqa: E402
from container_net.session import Session  # noqa: E402
from container_net.settings import Settings  # noqa: E402
from simmac import Mac, build  # noqa: E402

COLUMNS = {"en": 112, "ko": 116}


class Recorder(report.Screen):
    """A screen that keeps the lines."""

    def show(self, lines: Iterable[report.Line]) -> None:
        self.lines: List[report.Line] = [*getattr(self, "lines", []), *lines]

    def warn(self, lines: Iterable[report.Line]) -> None:
        self.show(lines)


def session(mac: Mac, screen: Recorder) -> Session:
    context = Context(Config(lazy=True, overrides={"runners": {"local": mac.runner()}}))
    return Session(Machine(context, str(mac.path)), Settings(), screen, Options(yes=True))


def picture(language: str) -> str:
    """The story as SVG: status, setup (not shown whole), status again."""
    text.use(language)
    with tempfile.TemporaryDirectory() as scratch:
        mac = build(Path(scratch) / "mac", "broken")
        before, quiet, after = Recorder(), Recorder(), Recorder()
        session(mac, before).status()
        session(mac, quiet).setup()
        session(mac, after).status()
    text.use(None)
    console = Console(record=True, width=COLUMNS[language], file=open("/dev/null", "w"))  # noqa: SIM115
    for command, lines in (
        ("invoke net.status", before.lines[3:]),
        ("invoke net.setup", [r for r in quiet.lines if r and r[0][0] == "  ✓ "]),
        ("invoke net.status", after.lines[3:]),
    ):
        console.print(f"[bold]$[/] {command}", highlight=False)
        for row in lines:
            console.print(report.rich_text(row), soft_wrap=False, highlight=False)
        console.print()
    return report.exported(console, "container-net", f"container-net-{language}")


def main(folder: Path) -> None:
    for language, name in (("en", "status.svg"), ("ko", "status.ko.svg")):
        (folder / name).write_text(picture(language), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "docs")
