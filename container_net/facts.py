"""Look at a Mac: probes (a command and a parser), run side by side, and what follows from them.

The chain of commands that wait for one another is at most three long: what the user may read, then
what root may read, then vmnet's anchors of unforeseen names.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from . import parse
from .machine import Answer, Argv, Machine, MacPath
from .model import (
    Boot,
    Daemon,
    Facts,
    FileFact,
    Image,
    Reading,
    Rule,
    State,
)
from .settings import Settings
from .text import _

__all__ = [
    "BOOT_FILE",
    "DAEMON_LABEL",
    "FILES",
    "STATE_FILE",
    "STATE_FOLDER",
    "anchor_path",
    "check_pf_conf",
    "gather",
    "image",
    "reread",
]

DAEMON_LABEL = "local.container-net"
STATE_FOLDER = "/private/var/db/container-net"
STATE_FILE = STATE_FOLDER + "/state.json"
BOOT_FILE = STATE_FOLDER + "/boot"
HELPERS_FOLDER = "/Library/PrivilegedHelperTools"
FILES: Mapping[str, str] = {
    "sysctl_conf": "/private/etc/sysctl.conf",
    "pf_conf": "/private/etc/pf.conf",
    "plist": f"/Library/LaunchDaemons/{DAEMON_LABEL}.plist",
    "script": f"{HELPERS_FOLDER}/{DAEMON_LABEL}",
}
# Where Apple's signed installer and Homebrew put the command.
CONTAINER = ("/usr/local/bin/container", "/opt/homebrew/bin/container")
# The address that the guide asks for: the two answers differ under a split VPN (macos-facts, 1).
PUBLIC_ADDRESS = "8.8.8.8"
SHARING = "com.apple.internet-sharing"
# vmnet's IPv4 translation anchors (macos-facts, 5), read at once; others only when they are called.
SHARING_CHILDREN = ("base_v4", "shared_v4")

T = TypeVar("T")
Parser = Callable[[Answer], Any]


@dataclass(frozen=True)
class _Probe:
    """A command, and the parser of what it says."""

    argv: Argv
    parser: Parser
    root: bool = False


def _pfctl(*words: str, parser: Parser = parse.rules) -> _Probe:
    return _Probe(("/sbin/pfctl", *words), parser, root=True)


def _probes(anchor: str) -> Dict[str, _Probe]:
    """The probes that need nothing but sudo, by the name of the fact."""
    return {
        "os_version": _Probe(("/usr/bin/sw_vers", "-productVersion"), parse.os_version),
        "boot_session": _Probe(
            ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"), parse.boot_session
        ),
        "forwarding": _Probe(
            ("/usr/sbin/sysctl", "-n", "net.inet.ip.forwarding"), parse.forwarding
        ),
        "default_route": _Probe(("/sbin/route", "-n", "get", "default"), parse.default_route),
        "public_route": _Probe(("/sbin/route", "-n", "get", PUBLIC_ADDRESS), parse.default_route),
        "ports": _Probe(("/usr/sbin/networksetup", "-listallhardwareports"), parse.ports),
        "interfaces": _Probe(("/sbin/ifconfig", "-a"), parse.interfaces),
        "job": _Probe(("/bin/launchctl", "print", f"system/{DAEMON_LABEL}"), parse.job),
        "disabled_jobs": _Probe(
            ("/bin/launchctl", "print-disabled", "system"), parse.disabled_jobs
        ),
        "pf_enabled": _pfctl("-s", "info", parser=parse.pf_enabled),
        "references": _pfctl("-s", "References", parser=parse.references),
        "main_nat": _pfctl("-s", "nat"),
        "main_rules": _pfctl("-s", "rules"),
        "anchor_nat": _pfctl("-a", anchor, "-v", "-s", "nat"),
        "anchor_rules": _pfctl("-a", anchor, "-s", "rules"),
        "sharing_nat": _pfctl("-a", SHARING, "-s", "nat"),
    }


_CONTAINER_PROBES: Mapping[str, Tuple[Tuple[str, ...], Parser]] = {
    "container_version": (("--version",), parse.container_version),
    "container_service": (("system", "status", "--format", "json"), parse.service),
    "networks": (("network", "list", "--format", "json"), parse.networks),
    "containers": (("ls", "--format", "json"), parse.containers),
}


def _take(machine: Machine, probe: _Probe, user: Optional[str] = None) -> Reading[Any]:
    answer = machine.run(probe.argv, root=probe.root, user=user)
    return _reading(answer, probe.parser)


def _reading(answer: Answer, parser: Parser) -> Reading[Any]:
    if answer.timed_out:
        why = _("{command} did not answer in time").format(command=answer.shown)
        return Reading(why=why, source=answer.shown)
    if answer.missing:
        return Reading(
            why=_("{command}: there is no such program").format(command=answer.shown.split()[0]),
            source=answer.shown,
        )
    try:
        return Reading(parser(answer), source=answer.shown)
    except parse.Unreadable as error:
        why = _("{command} said: {text}").format(command=answer.shown, text=error)
        return Reading(why=why, source=answer.shown)


def container_command(machine: Machine) -> Optional[str]:
    """The path of the `container` command, None where it is not installed."""
    return next((path for path in CONTAINER if machine.exists(path)), None)


def gather(machine: Machine, settings: Settings) -> Facts:
    """Read everything once. Nothing is changed, and nothing here asks for a password."""
    state, boot, state_files = _own_files(machine)
    anchor = state.value.anchor if state.value is not None else settings.anchor
    probes = _probes(anchor)
    container = container_command(machine)
    take = partial(_take, machine)

    calls: Dict[str, Callable[[], Reading[Any]]] = {
        name: partial(take, probe) for name, probe in probes.items() if not probe.root
    }
    calls["sudo"] = partial(_sudo, machine)
    for name, (words, parser) in _CONTAINER_PROBES.items():
        if container is not None:
            calls[name] = partial(take, _Probe((container, *words), parser), machine.container_user)
    for name, path in {**FILES, "anchor_file": anchor_path(anchor)}.items():
        calls["file " + name] = partial(_file, machine, path)
    found = _side_by_side(machine, calls)

    second: Dict[str, Callable[[], Reading[Any]]] = {}
    if found["sudo"].value:
        second = {name: partial(take, probe) for name, probe in probes.items() if probe.root}
        for child in SHARING_CHILDREN:
            second["child " + child] = partial(take, _child(child))
    if container is not None and not found["container_service"].known:
        # Before 0.10 there is no --format here.
        plain = _Probe((container, "system", "status"), parse.service)
        second["container_service"] = partial(take, plain, machine.container_user)
    found.update(_side_by_side(machine, second))
    for name, probe in probes.items():
        if probe.root and name not in found:
            found[name] = Reading(
                why=_("only root can read it; `sudo -v` first lets this run see it"),
                source=" ".join(("sudo", *map(str, probe.argv))),
            )
    for name in _CONTAINER_PROBES:
        if container is None:
            found[name] = Reading(why=_("the container command is not installed"))

    called = _called_children(found["sharing_nat"])
    others = [c for c in called if c not in SHARING_CHILDREN]
    found.update(_side_by_side(machine, {"child " + c: partial(take, _child(c)) for c in others}))
    return Facts(
        simulated=machine.sysroot is not None,
        container_path=container,
        anchor=anchor,
        sharing_children={
            name[len("child ") :]: found[name] for name in found if name.startswith("child ")
        },
        files={name[len("file ") :]: found[name] for name in found if name.startswith("file ")},
        daemon=_daemon(found["job"], found["disabled_jobs"]),
        state=state,
        boot=boot,
        state_files=state_files,
        helpers_folder=machine.exists(HELPERS_FOLDER),
        **{name: found[name] for name in _PLAIN},
    )


_PLAIN = (
    "sudo",
    "os_version",
    "boot_session",
    "forwarding",
    "default_route",
    "public_route",
    "ports",
    "interfaces",
    "container_version",
    "container_service",
    "networks",
    "containers",
    "pf_enabled",
    "references",
    "main_nat",
    "main_rules",
    "anchor_nat",
    "anchor_rules",
    "sharing_nat",
)


def reread(machine: Machine, facts: Facts, names: Sequence[str]) -> Facts:
    """The facts with some of them read again: names of commands' facts, of `FILES`, or `boot`."""
    probes = _probes(facts.anchor)
    calls: Dict[str, Callable[[], Reading[Any]]] = {}
    for name in names:
        if name in probes:
            calls[name] = partial(_take, machine, probes[name])
        elif name == "daemon":
            calls["job"] = partial(_take, machine, probes["job"])
            calls["disabled_jobs"] = partial(_take, machine, probes["disabled_jobs"])
        elif name in facts.files:
            path = {**FILES, "anchor_file": anchor_path(facts.anchor)}[name]
            calls["file " + name] = partial(_file, machine, path)
    found = _side_by_side(machine, calls)
    values: Dict[str, Any] = {name: found[name] for name in names if name in _PLAIN}
    if "job" in found:
        values["daemon"] = _daemon(found["job"], found["disabled_jobs"])
    files = {name: found["file " + name] for name in facts.files if "file " + name in found}
    if files:
        values["files"] = {**facts.files, **files}
    if "state" in names or "boot" in names:
        state, boot, state_files = _own_files(machine)
        values.update(state=state, boot=boot, state_files=state_files)
    return dataclasses.replace(facts, **values)


def image(machine: Machine, facts: Facts, name: str) -> Reading[Optional[Image]]:
    """What `container image inspect` knows of an image."""
    if facts.container_path is None:
        return Reading(why=_("the container command is not installed"))
    probe = _Probe((facts.container_path, "image", "inspect", name), parse.image)
    return _take(machine, probe, machine.container_user)


def check_pf_conf(machine: Machine) -> Optional[str]:
    """What pf says against /etc/pf.conf as it is; None where it takes it."""
    answer = machine.run(["/sbin/pfctl", "-n", "-f", MacPath(FILES["pf_conf"])], root=True)
    if answer.code == 0:
        return None
    lines = [row for row in answer.err.splitlines() if row.strip() and "-f option" not in row]
    told = [row for row in lines if re.search(r":\d+:|cannot open|not loaded", row)]
    return parse.excerpt("\n".join(told or lines[-1:])) or _("it did not answer in time")


# -- pieces


def _side_by_side(
    machine: Machine, calls: Mapping[str, Callable[[], Reading[Any]]]
) -> Dict[str, Reading[Any]]:
    return dict(zip(calls, machine.side_by_side(list(calls.values()))))


def _sudo(machine: Machine) -> Reading[bool]:
    answer = machine.run(["/usr/bin/true"], root=True)
    return Reading(answer.code == 0, source="sudo -n true")


def _child(name: str) -> _Probe:
    return _pfctl("-a", f"{SHARING}/{name}", "-v", "-s", "nat")


def _called_children(sharing: Reading[Tuple[Rule, ...]]) -> List[str]:
    """The children that vmnet's anchor calls for IPv4, by plain name; a wildcard is left to
    `SHARING_CHILDREN`. Names of IPv6 translation are of no use to us."""
    names = []
    for rule in sharing.value or ():
        match = re.match(
            r'nat-anchor "(?:com\.apple\.internet-sharing/)?([A-Za-z0-9._-]+)"', rule.text
        )
        if match and not match.group(1).endswith(("_v6", "nat66")):
            names.append(match.group(1))
    return names


def anchor_path(anchor: str) -> str:
    """The file that holds the rules of an anchor, by its real path."""
    return "/private/etc/pf.anchors/" + anchor.rsplit("/", 1)[1]


def _file(machine: Machine, path: str) -> Reading[FileFact]:
    try:
        return Reading(machine.read(path), source=path)
    except OSError as error:
        return Reading(why=f"{path}: {error.strerror}", source=path)


def _own_files(
    machine: Machine,
) -> Tuple[Reading[Optional[State]], Reading[Optional[Boot]], bool]:
    state = _own(machine, STATE_FILE, parse.state_file)
    boot = _own(machine, BOOT_FILE, parse.boot_file)
    return state, boot, machine.exists(STATE_FOLDER)


def _own(machine: Machine, path: str, parser: Callable[[bytes], T]) -> Reading[Optional[T]]:
    reading = _file(machine, path)
    if reading.value is None:
        return Reading(why=reading.why, source=path)
    if reading.value.link is not None:
        return Reading(why=_("{path} is a symbolic link").format(path=path), source=path)
    if reading.value.content is None:
        return Reading(None, source=path)
    try:
        return Reading(parser(reading.value.content), source=path)
    except parse.Unreadable as error:
        return Reading(
            why=_("{path} cannot be used: {why}").format(path=path, why=error), source=path
        )


def _daemon(job: Reading[Any], disabled: Reading[Any]) -> Reading[Daemon]:
    for reading in (job, disabled):
        if reading.value is None:
            return Reading(why=reading.why, source=reading.source)
    assert job.value is not None
    assert disabled.value is not None
    loaded, state, last = job.value
    return Reading(Daemon(loaded, DAEMON_LABEL in disabled.value, state, last), source=job.source)
