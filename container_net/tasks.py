"""The Invoke collection `net`: read options, call one function, print, exit.

`from container_net import net` and `Collection(net)` mount it in another repository's tasks.py.
Imports that cost time wait until a task runs: `invoke --list` must not pay for them.
"""

from __future__ import annotations

import os
import sys
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Set, Tuple

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

if TYPE_CHECKING:
    from .session import Session

__all__ = ["net"]

# Option: (default, help). Text options have no default, so that "not given" can be told.
_OPTIONS: Mapping[str, Tuple[object, str]] = {
    "json": (False, "One JSON object on stdout and nothing else."),
    "lang": (None, "Language of the report: en or ko (default: from the locale)."),
    "sysroot": (None, "Work on a simulated Mac in this folder."),
    "subnets": (None, "Container subnets, comma-separated (default: detected)."),
    "uplinks": (None, "Uplinks, such as en0,utun0-utun7 (default: all that can lead out)."),
    "anchor": (None, "The pf anchor, a direct child of com.apple/."),
    "force": (False, "Take a subnet that is public or wider than /8."),
    "image": (None, "Image whose curl makes the guide's check."),
    "url": (None, "Address that the check fetches."),
    "expect": (None, "HTTP status that the check expects."),
    "always": (False, "Load our rules also where vmnet's own work."),
    "fence": (False, "Let containers reach the internet and nothing private."),
    "no_fence": (False, "Take the fence down."),
    "fence_allow": (None, "What the fence lets through: ADDRESS[/BITS][:PORT], comma-separated."),
    "verbose": (False, "Show every rule."),
    "no_guard": (False, "Leave out the rules that keep neighbours out and host-only networks in."),
    "no_pf_conf": (False, "Leave /etc/pf.conf as it is."),
    "no_daemon": (False, "Install no boot daemon."),
    "yes": (False, "Do not ask."),
    "persist": (False, "What net.persist would change."),
    "teardown": (False, "What net.teardown would change."),
    "probe": (False, "Look from inside a container as well; it is removed afterwards."),
    "address": (
        None,
        "Address that the probe reaches for, with or without a port (default: 1.1.1.1).",
    ),
    "resolver": (None, "Resolver outside that the probe asks (default: 1.1.1.1)."),
    "host": (None, "Name that the probe looks up (default: that of --url)."),
    "symptom": (
        None,
        "Explain this message, or with - a log on standard input, from the catalogue alone.",
    ),
    "fix": (False, "Do what this tool may do by itself about what was found."),
    "report": (None, "Write a Markdown report for a bug report into this file, masked."),
    "out": (None, "Write the files into this folder instead of showing them."),
    "check": ([], "Look into this Dockerfile or runner source; may be given several times."),
}
_EVERYWHERE = ("json", "lang", "sysroot")
_PLACE = ("subnets", "uplinks", "anchor", "force")
_PROBE = ("image", "url", "expect")
_RULES = ("no_guard", "fence", "no_fence", "fence_allow")
_SHORT = {"json": "j", "yes": "y", "image": "i", "url": "u", "out": "o"}


class _NetTask(Task):  # type: ignore[type-arg]
    """A task with chosen short flags instead of guessed ones."""

    def arg_opts(self, name: str, default: str, taken_names: Set[str]) -> Dict[str, Any]:
        opts = super().arg_opts(name, default, taken_names)
        if name in _SHORT:
            opts["names"] = [*opts["names"], _SHORT[name]]
        return opts


def _task(*names: str) -> Callable[[Callable[[Session], int]], _NetTask]:
    """Make a task of a function from a session to an exit code, with these options."""

    def make(body: Callable[[Session], int]) -> _NetTask:
        options = (*names, *_EVERYWHERE)

        def call(c: Context, **values: Any) -> None:
            try:
                code = _run(c, body, values)
            except KeyboardInterrupt:
                # Before the first module is there, or after the last word.
                sys.stderr.write("container-net: interrupted\n")
                code = 130
            if code:
                raise Exit(code=code)

        call.__name__ = body.__name__
        call.__doc__ = _translated(body.__doc__ or "")
        kind = Parameter.POSITIONAL_OR_KEYWORD
        call.__signature__ = Signature(  # type: ignore[attr-defined]
            [Parameter("c", kind)]
            + [Parameter(name, kind, default=_OPTIONS[name][0]) for name in options]
        )
        return _NetTask(
            call,
            name=body.__name__,
            help={name.replace("_", "-"): _translated(_OPTIONS[name][1]) for name in options},
            auto_shortflags=False,
            iterable=[name for name in options if isinstance(_OPTIONS[name][0], list)],
        )

    return make


def _translated(text: str) -> str:
    from .text import _, language_of, use

    if language_of(os.environ) == "en":
        return text
    use("ko")
    try:
        return _(text)
    finally:
        use(None)


def _run(c: Context, body: Callable[[Session], int], values: Dict[str, Any]) -> int:
    """Everything around a task: language, settings, errors in one sentence, exit codes."""
    from . import report, text
    from .model import Interrupted, NetError

    text.use(values.get("lang") or text.language_of(os.environ))
    screen = report.Screen(as_json=bool(values.get("json")))
    try:
        from .session import interruptible, open_session

        if values.get("symptom") is not None:
            # From the catalogue alone: no Mac is looked at, not even a simulated one.
            from . import doctor_report

            return doctor_report.symptom(screen, values["symptom"])
        with interruptible():
            return body(open_session(c, screen, values))
    except NetError as error:
        screen.data(report.error_data(error))
        if not screen.as_json:
            screen.warn([report.line(f"container-net: {error}", "broken")])
        return error.code
    except KeyboardInterrupt:
        # Before the block in which all signals are Interrupted.
        stopped = Interrupted(text._("interrupted"))
        screen.data(report.error_data(stopped))
        if not screen.as_json:
            screen.warn([report.line(f"container-net: {stopped}", "broken")])
        return stopped.code
    except Exception as error:
        if os.environ.get("CONTAINER_NET_TRACEBACK"):
            raise
        wrapped = NetError(
            text._(
                "an error of container-net itself ({kind}: {what}); CONTAINER_NET_TRACEBACK=1 "
                "before the command shows where"
            ).format(kind=type(error).__name__, what=" ".join(str(error).split())[:300])
        )
        screen.data(report.error_data(wrapped))
        if not screen.as_json:
            screen.warn([report.line(f"container-net: {wrapped}", "broken")])
        return wrapped.code


@_task(*_PLACE)
def detect(session: Session) -> int:
    """Show uplinks, subnets, bridge and versions, and how each was found."""
    return session.detect()


@_task("out", *_RULES, "verbose", *_PLACE)
def render(session: Session) -> int:
    """Show every fragment and file exactly as it would be written."""
    return session.render()


@_task(
    *("persist", "teardown", "always", *_RULES, "no_pf_conf", "no_daemon", "verbose"),
    *(*_PLACE, *_PROBE),
)
def plan(session: Session) -> int:
    """Show the changes that setup (or persist, or teardown) would make."""
    return session.plan()


@_task("always", *_RULES, "yes", "verbose", *_PLACE, *_PROBE)
def setup(session: Session) -> int:
    """Give containers their way out, for this boot: rules, pf, forwarding."""
    return session.setup()


@_task(
    *("always", *_RULES, "no_pf_conf", "no_daemon", "yes", "verbose"),
    *(*_PLACE, *_PROBE),
)
def persist(session: Session) -> int:
    """Make it stay: over reboots, new networks and system updates."""
    return session.persist()


@_task(*_PLACE)
def status(session: Session) -> int:
    """Draw the packet's way, hop by hop, and mark the first broken one."""
    return session.status()


@_task(*_PROBE, *_PLACE)
def verify(session: Session) -> int:
    """Measure: forwarding, bridge, and what a container really gets."""
    return session.verify()


@_task("probe", "address", "resolver", "host", "symptom", "fix", "report", "yes", *_PLACE, *_PROBE)
def doctor(session: Session) -> int:
    """Find what is wrong, with the evidence and the cure."""
    return session.doctor()


@_task("yes", *_PLACE)
def teardown(session: Session) -> int:
    """Take everything back as it was found."""
    return session.teardown()


@_task("check")
def env(session: Session) -> int:
    """Print the IPv4-first lines for a Dockerfile and for container run."""
    return session.env()


def _collection() -> Collection:
    made = Collection("net")
    for each in (detect, render, plan, setup, persist, status, verify, doctor, teardown, env):
        made.add_task(each, default=each is status)
    return made


net = _collection()
