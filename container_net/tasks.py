"""The Invoke collection `net`: read options, call one function, print, exit.

`from container_net import net` and `Collection(net)` mount it in another repository's tasks.py.
Imports that cost time wait until a task runs: `invoke --list` must not pay for them.
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import Any, Callable, Dict, Optional, Sequence, Set

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task, task

from .options import HELP, Options

__all__ = ["net"]

_SHORT = {"json": "j", "yes": "y", "image": "i", "url": "u", "out": "o"}


class _NetTask(Task):  # type: ignore[type-arg]
    """A task with chosen short flags instead of guessed ones."""

    def arg_opts(self, name: str, default: str, taken_names: Set[str]) -> Dict[str, Any]:
        opts = super().arg_opts(name, default, taken_names)
        if name in _SHORT:
            opts["names"] = [*opts["names"], _SHORT[name]]
        return opts


def _task(body: Callable[..., None]) -> _NetTask:
    """`@task` with the help of options.py and the language of the locale."""
    names = list(inspect.signature(body).parameters)[1:]
    body.__doc__ = _translated(body.__doc__ or "")
    made: _NetTask = task(
        klass=_NetTask,
        auto_shortflags=False,
        # Python keeps `from` to itself.
        help={n.strip("_").replace("_", "-"): _translated(HELP[n]) for n in names},
        iterable=[name for name in names if name == "check"],
    )(body)
    return made


def _translated(text: str) -> str:
    from .text import _, use

    if _language() == "en":
        return text
    use("ko")
    try:
        return _(text)
    finally:
        use(None)


def _language() -> str:
    """The language of the help: that of `--lang` where it is given, else of the locale."""
    from .text import LANGUAGES, language_of

    words = " ".join(sys.argv[1:]).replace("--lang=", "--lang ").split()
    given = words[words.index("--lang") + 1 :][:1] if "--lang" in words else []
    return given[0] if given and given[0] in LANGUAGES else language_of(os.environ)


def _run(c: Context, options: Options, name: str) -> None:
    """A task from its options to its exit code. Raises Exit for any but 0."""
    try:
        code = _exit_code(c, options, name)
    except KeyboardInterrupt:
        # Before the first module is there, or after the last word.
        sys.stderr.write("container-net: interrupted\n")
        code = 130
    if code:
        raise Exit(code=code)


def _exit_code(c: Context, options: Options, name: str) -> int:
    """Everything around a task: language, settings, errors in one sentence, exit codes."""
    from . import report, text
    from .model import Interrupted, NetError

    text.use(options.lang or text.language_of(os.environ))
    screen = report.Screen(as_json=options.json)
    try:
        from .session import interruptible, open_session

        if options.hosts is not None or type(c) is not Context:
            from .fleet import over_ssh, run

            if options.hosts is not None or over_ssh(c):
                with interruptible():
                    return run(c, screen, options, name)
        if options.symptom is not None or options.from_ is not None:
            # No Mac is looked at, not even a simulated one.
            from . import from_text

            if options.symptom is not None:
                return from_text.explain(screen, options.symptom)
            return from_text.run(screen, options.from_ or "")
        with interruptible():
            code: int = getattr(open_session(c, screen, options), name)()
            return code
    except NetError as error:
        return report.failed(screen, error)
    except KeyboardInterrupt:
        # Before the block in which all signals are Interrupted.
        return report.failed(screen, Interrupted(text._("interrupted")))
    except Exception as error:
        if os.environ.get("CONTAINER_NET_TRACEBACK"):
            raise
        said = text._(
            "internal error ({kind}: {what}); set CONTAINER_NET_TRACEBACK=1 to see where"
        ).format(kind=type(error).__name__, what=" ".join(str(error).split())[:300])
        return report.failed(screen, NetError(said))


@_task
def detect(
    c: Context,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Show uplinks, subnets, bridge and versions, and how each was detected."""
    options = Options(
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "detect")


@_task
def render(
    c: Context,
    out: Optional[str] = None,
    no_guard: bool = False,
    fence: bool = False,
    no_fence: bool = False,
    fence_allow: Optional[str] = None,
    verbose: bool = False,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Show every file exactly as it would be written."""
    options = Options(
        out=out,
        no_guard=no_guard,
        fence=fence,
        no_fence=no_fence,
        fence_allow=fence_allow,
        verbose=verbose,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "render")


@_task
def plan(
    c: Context,
    persist: bool = False,
    teardown: bool = False,
    always: bool = False,
    no_guard: bool = False,
    fence: bool = False,
    no_fence: bool = False,
    fence_allow: Optional[str] = None,
    no_pf_conf: bool = False,
    no_daemon: bool = False,
    verbose: bool = False,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    image: Optional[str] = None,
    url: Optional[str] = None,
    expect: Optional[str] = None,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Show the changes that setup (or persist, or teardown) would make."""
    options = Options(
        persist=persist,
        teardown=teardown,
        always=always,
        no_guard=no_guard,
        fence=fence,
        no_fence=no_fence,
        fence_allow=fence_allow,
        no_pf_conf=no_pf_conf,
        no_daemon=no_daemon,
        verbose=verbose,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        image=image,
        url=url,
        expect=expect,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "plan")


@_task
def setup(
    c: Context,
    always: bool = False,
    no_guard: bool = False,
    fence: bool = False,
    no_fence: bool = False,
    fence_allow: Optional[str] = None,
    pull: bool = False,
    yes: bool = False,
    verbose: bool = False,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    image: Optional[str] = None,
    url: Optional[str] = None,
    expect: Optional[str] = None,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Get containers online until the next reboot: rules, pf, IP forwarding."""
    options = Options(
        always=always,
        no_guard=no_guard,
        fence=fence,
        no_fence=no_fence,
        fence_allow=fence_allow,
        pull=pull,
        yes=yes,
        verbose=verbose,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        image=image,
        url=url,
        expect=expect,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "setup")


@_task
def persist(
    c: Context,
    always: bool = False,
    no_guard: bool = False,
    fence: bool = False,
    no_fence: bool = False,
    fence_allow: Optional[str] = None,
    no_pf_conf: bool = False,
    no_daemon: bool = False,
    pull: bool = False,
    yes: bool = False,
    verbose: bool = False,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    image: Optional[str] = None,
    url: Optional[str] = None,
    expect: Optional[str] = None,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Keep containers online across reboots, network changes and system updates."""
    options = Options(
        always=always,
        no_guard=no_guard,
        fence=fence,
        no_fence=no_fence,
        fence_allow=fence_allow,
        no_pf_conf=no_pf_conf,
        no_daemon=no_daemon,
        pull=pull,
        yes=yes,
        verbose=verbose,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        image=image,
        url=url,
        expect=expect,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "persist")


@_task
def status(
    c: Context,
    svg: Optional[str] = None,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Show the path hop by hop, and where traffic stops."""
    options = Options(
        svg=svg,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "status")


@_task
def verify(
    c: Context,
    pull: bool = False,
    image: Optional[str] = None,
    url: Optional[str] = None,
    expect: Optional[str] = None,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Measure what a container really gets."""
    options = Options(
        pull=pull,
        image=image,
        url=url,
        expect=expect,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "verify")


@_task
def doctor(
    c: Context,
    probe: bool = False,
    pull: bool = False,
    address: Optional[str] = None,
    resolver: Optional[str] = None,
    host: Optional[str] = None,
    symptom: Optional[str] = None,
    from_: Optional[str] = None,
    fix: bool = False,
    report: Optional[str] = None,
    yes: bool = False,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    image: Optional[str] = None,
    url: Optional[str] = None,
    expect: Optional[str] = None,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Find out what is wrong, with evidence and cure."""
    options = Options(
        probe=probe,
        pull=pull,
        address=address,
        resolver=resolver,
        host=host,
        symptom=symptom,
        from_=from_,
        fix=fix,
        report=report,
        yes=yes,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        image=image,
        url=url,
        expect=expect,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "doctor")


@_task
def watch(
    c: Context,
    svg: Optional[str] = None,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Show the path as it changes, until Ctrl-C."""
    options = Options(
        svg=svg,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "watch")


@_task
def history(
    c: Context,
    since: Optional[str] = None,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Show what the boot daemon did, and when, and of which times nothing is known."""
    options = Options(
        since=since,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "history")


@_task
def teardown(
    c: Context,
    yes: bool = False,
    subnets: Optional[str] = None,
    uplinks: Optional[str] = None,
    anchor: Optional[str] = None,
    force: bool = False,
    hosts: Optional[str] = None,
    forks: Optional[str] = None,
    ask_sudo: bool = False,
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Revert everything, byte for byte."""
    options = Options(
        yes=yes,
        subnets=subnets,
        uplinks=uplinks,
        anchor=anchor,
        force=force,
        hosts=hosts,
        forks=forks,
        ask_sudo=ask_sudo,
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "teardown")


@_task
def env(
    c: Context,
    check: Sequence[str] = (),
    json: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Print the lines that make Node.js prefer IPv4."""
    options = Options(
        check=tuple(check),
        json=json,
        lang=lang,
        sysroot=sysroot,
    )
    _run(c, options, "env")


@_task
def onboard(
    c: Context,
    yes: bool = False,
    persist: bool = False,
    pull: bool = False,
    lang: Optional[str] = None,
    sysroot: Optional[str] = None,
) -> None:
    """Set up this Mac step by step until a container reached the internet."""
    options = Options(yes=yes, persist=persist, pull=pull, lang=lang, sysroot=sysroot)
    _run(c, options, "onboard")


TASKS = (
    detect, render, plan, setup, persist, status, verify, doctor, watch, history,
    teardown, env, onboard,
)  # fmt: skip


def _collection() -> Collection:
    made = Collection("net")
    for each in TASKS:
        made.add_task(each, default=each is status)
    return made


net = _collection()
