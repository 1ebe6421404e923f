"""The tool, broken on purpose, one way at a time: the suite has to notice each.

The tool's functions are replaced while a mutation is on; its source is not touched.
"""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath
from typing import Any, Callable, Dict, Iterator, List
from unittest import mock

from integration.state import ANCHOR

from container_net import desired, plan
from container_net.machine import CommandResult, Machine

__all__ = ["MUTATIONS", "broken"]

Run = Callable[..., CommandResult]
_run: Run = Machine.run


def _no_forwarding() -> Any:
    return mock.patch.object(plan, "_forwarding", return_value=None)


def _wrong_uplink() -> Any:
    """The only rule names the dock's port, which is there and leads nowhere."""
    return mock.patch.object(desired, "_names", return_value=("en5",))


def _wrong_anchor() -> Any:
    """Loaded, read and emptied beside `com.apple/*`, where nobody calls it: to the tool all is
    well."""

    def run(self: Machine, argv: List[Any], **more: Any) -> CommandResult:
        return _run(self, [w if w != ANCHOR else "local/250.container-net" for w in argv], **more)

    return mock.patch.object(Machine, "run", run)


def _leaked_token() -> Any:
    def run(self: Machine, argv: List[Any], **more: Any) -> CommandResult:
        if list(argv[1:]) == ["-E"]:
            _run(self, argv, **more)
        return _run(self, argv, **more)

    return mock.patch.object(Machine, "run", run)


def _main_reloaded() -> Any:
    """As the recipes on the web do it: vmnet's lines are gone."""

    def run(self: Machine, argv: List[Any], **more: Any) -> CommandResult:
        said = _run(self, argv, **more)
        if list(argv[1:]) == ["-a", ANCHOR, "-f", "-"]:
            _run(self, ["/sbin/pfctl", "-f", PurePosixPath("/etc/pf.conf")], root=True)
        return said

    return mock.patch.object(Machine, "run", run)


def _token_kept() -> Any:
    """Teardown forgets to give the reference back."""

    def run(self: Machine, argv: List[Any], **more: Any) -> CommandResult:
        if list(argv[1:2]) == ["-X"]:
            return CommandResult("pfctl -X", 0)
        return _run(self, argv, **more)

    return mock.patch.object(Machine, "run", run)


def _file_left() -> Any:
    """Teardown leaves the boot script where it is."""

    def run(self: Machine, argv: List[Any], **more: Any) -> CommandResult:
        kept = "/Library/PrivilegedHelperTools/local.container-net"
        if str(argv[0]) == "/bin/rm" and kept in map(str, argv):
            return CommandResult("rm", 0)
        return _run(self, argv, **more)

    return mock.patch.object(Machine, "run", run)


MUTATIONS: Dict[str, Callable[[], Any]] = {
    "no forwarding": _no_forwarding,
    "wrong uplink": _wrong_uplink,
    "rule in the wrong anchor": _wrong_anchor,
    "leaked token": _leaked_token,
    "main ruleset reloaded": _main_reloaded,
    "token kept at teardown": _token_kept,
    "file left at teardown": _file_left,
}


@contextlib.contextmanager
def broken(name: str) -> Iterator[None]:
    """The tool with one mutation."""
    with MUTATIONS[name]():
        yield
