"""Look at a Mac: probes (a command and a parser), run side by side, and what follows from them.

The chain of commands that wait for one another is at most three long: what the user may read, then
what root may read, then vmnet's anchors of unforeseen names.
"""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from . import parse
from .machine import CommandResult, Machine, MacPath
from .model import Boot, Daemon, Facts, Image, Problem, Reading, Rule, State
from .reading import Parser, Probe, file, no_root, take
from .settings import Settings
from .text import _

__all__ = [
    "BOOT_FILE",
    "DAEMON_LABEL",
    "FILES",
    "STATE_FILE",
    "STATE_FOLDER",
    "anchor_path",
    "gather",
    "gather_with",
    "image",
    "own_files",
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
# The address that the guide asks for: the two answers differ under a split VPN (macos.md, 1).
PUBLIC_ADDRESS = "8.8.8.8"
SHARING = "com.apple.internet-sharing"
# vmnet's IPv4 translation anchors (macos.md, 5), read at once; others only when they are called.
SHARING_CHILDREN = ("base_v4", "shared_v4")

# Anchors of the system, whose rules are read by name or never translate.
_APPLE = re.compile(r"com\.apple(/(200\.AirDrop|250\.ApplicationFirewall).*)?|com\.apple\..*")

T = TypeVar("T")


def _pfctl(*words: str, parser: Parser = parse.rules) -> Probe:
    return Probe(("/sbin/pfctl", *words), parser, root=True)


def _probes(anchor: str) -> Dict[str, Probe]:
    """The probes that need nothing but sudo, by the name of the fact."""
    return {
        "os_version": Probe(("/usr/bin/sw_vers", "-productVersion"), parse.os_version),
        "boot_session": Probe(
            ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"), parse.boot_session
        ),
        "forwarding": Probe(("/usr/sbin/sysctl", "-n", "net.inet.ip.forwarding"), parse.forwarding),
        "default_route": Probe(("/sbin/route", "-n", "get", "default"), parse.default_route),
        "public_route": Probe(("/sbin/route", "-n", "get", PUBLIC_ADDRESS), parse.default_route),
        "ports": Probe(("/usr/sbin/networksetup", "-listallhardwareports"), parse.ports),
        "interfaces": Probe(("/sbin/ifconfig", "-a"), parse.interfaces),
        "job": Probe(("/bin/launchctl", "print", f"system/{DAEMON_LABEL}"), parse.job),
        "disabled_jobs": Probe(("/bin/launchctl", "print-disabled", "system"), parse.disabled_jobs),
        "pf_enabled": _pfctl("-s", "info", parser=parse.pf_enabled),
        "references": _pfctl("-s", "References", parser=parse.references),
        "main_nat": _pfctl("-s", "nat"),
        "main_rules": _pfctl("-s", "rules"),
        "anchor_nat": _pfctl("-a", anchor, "-v", "-s", "nat"),
        "anchor_rules": _pfctl("-a", anchor, "-s", "rules"),
        "sharing_nat": _pfctl("-a", SHARING, "-s", "nat"),
        "anchors": _pfctl("-v", "-s", "Anchors", parser=parse.anchors),
        # Without root it looks at the file and at nothing of the kernel's (macos.md, 13).
        "pf_conf_error": Probe(
            ("/sbin/pfctl", "-n", "-f", MacPath(FILES["pf_conf"])), parse.pf_conf_error
        ),
    }


def _status(answer: CommandResult) -> Tuple[str, str]:
    """The service's state, and where container keeps its data."""
    return parse.service(answer), parse.app_root(answer)


_CONTAINER_PROBES: Mapping[str, Tuple[Tuple[str, ...], Parser]] = {
    "container_version": (("--version",), parse.container_version),
    "container_service": (("system", "status", "--format", "json"), _status),
    "networks": (("network", "list", "--format", "json"), parse.networks),
    "containers": (("ls", "--format", "json"), parse.containers),
}


def container_command(machine: Machine) -> Optional[str]:
    """The path of the `container` command, None where it is not installed."""
    return next((path for path in CONTAINER if machine.exists(path)), None)


def gather(machine: Machine, settings: Settings) -> Facts:
    """Read everything once. Nothing is changed, and nothing here asks for a password."""
    return gather_with(machine, settings, lambda _anchor: {})[0]


def gather_with(
    machine: Machine, settings: Settings, more: Callable[[str], Mapping[str, Probe]]
) -> Tuple[Facts, Dict[str, Reading[Any]]]:
    """The facts, and the readings of what `more` asks besides, given our anchor's name."""
    with machine.foreseen(lambda: _foreseen(machine, settings, more(settings.anchor))):
        return _gather(machine, settings, more)


def _foreseen(
    machine: Machine, settings: Settings, more: Mapping[str, Probe]
) -> List[Callable[[], Any]]:
    """Everything that a look begins with, whatever it will find."""
    paths = (STATE_FILE, BOOT_FILE, *FILES.values(), anchor_path(settings.anchor))
    calls: List[Callable[[], Any]] = [partial(file, machine, path) for path in paths]
    places = (STATE_FOLDER, HELPERS_FOLDER, *CONTAINER)
    calls += [partial(machine.exists, path) for path in places]
    calls.append(partial(_sudo, machine))
    plain = [p for p in {**_probes(settings.anchor), **more}.values() if not p.root]
    inner = [Probe(words, parser, container=True) for words, parser in _CONTAINER_PROBES.values()]
    for probe in (*plain, *inner):
        for container in CONTAINER if probe.container else ("",):
            argv = (container, *probe.argv) if container else probe.argv
            calls.append(partial(take, machine, dataclasses.replace(probe, argv=argv)))
    return calls


def _gather(
    machine: Machine, settings: Settings, more: Callable[[str], Mapping[str, Probe]]
) -> Tuple[Facts, Dict[str, Reading[Any]]]:
    state, boot, state_files = own_files(machine)
    anchor = state.value.anchor if state.value is not None else settings.anchor
    own, asked = _probes(anchor), more(anchor)
    probes = {**own, **asked}
    container = container_command(machine)
    for name, (words, parser) in _CONTAINER_PROBES.items():
        probes[name] = Probe(words, parser, container=True)

    def call(probe: Probe) -> Callable[[], Reading[Any]]:
        if probe.container:
            probe = dataclasses.replace(probe, argv=(container or "", *probe.argv))
            return partial(take, machine, probe, machine.container_user)
        return partial(take, machine, probe)

    absent: Reading[Any] = Reading(problem=Problem.NOT_INSTALLED)
    found = {n: absent for n, p in probes.items() if p.container and container is None}
    calls = {n: call(p) for n, p in probes.items() if not p.root and n not in found}
    calls["sudo"] = partial(_sudo, machine)
    for name, path in {**FILES, "anchor_file": anchor_path(anchor)}.items():
        calls["file " + name] = partial(file, machine, path)
    found.update(_side_by_side(machine, calls))

    second: Dict[str, Callable[[], Reading[Any]]] = {}
    privileged = {name: probe for name, probe in probes.items() if probe.root}
    if found["sudo"].value:
        second = {name: call(probe) for name, probe in privileged.items()}
        for child in SHARING_CHILDREN:
            second["child " + child] = call(_child(child))
    else:
        found.update({name: no_root(probe) for name, probe in privileged.items()})
    if container is not None and not found["container_service"].known:
        # Before 0.10 there is no --format here.
        plain = Probe(("system", "status"), _status, container=True)
        second["container_service"] = call(plain)
    found.update(_side_by_side(machine, second))

    third = {f"child {c}": call(_child(c)) for c in _called_children(found["sharing_nat"])}
    third = {name: ask for name, ask in third.items() if name not in found}
    for path in found["anchors"].value or ():
        if path != anchor and not _APPLE.fullmatch(path):
            third["foreign " + path] = call(_pfctl("-a", path, "-s", "nat"))
    third["kernel"] = partial(_kernel, machine, found["container_service"])
    found.update(_side_by_side(machine, third))
    if found["container_service"].value is not None:
        state_of, _root = found["container_service"].value
        found["container_service"] = Reading(state_of, found["container_service"].source)

    def named(kind: str) -> Dict[str, Reading[Any]]:
        return {n[len(kind) + 1 :]: r for n, r in found.items() if n.startswith(kind + " ")}

    facts = Facts(
        simulated=machine.sysroot is not None,
        container_path=container,
        anchor=anchor,
        sharing_children=named("child"),
        foreign_nat=named("foreign"),
        files=named("file"),
        daemon=_daemon(found["job"], found["disabled_jobs"]),
        state=state,
        boot=boot,
        state_files=state_files,
        helpers_folder=machine.exists(HELPERS_FOLDER),
        **{name: found[name] for name in _PLAIN},
    )
    return facts, {name: found[name] for name in asked}


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
    "kernel",
    "networks",
    "containers",
    "pf_enabled",
    "references",
    "main_nat",
    "main_rules",
    "anchor_nat",
    "anchor_rules",
    "sharing_nat",
    "anchors",
    "pf_conf_error",
)


def reread(machine: Machine, facts: Facts, names: Sequence[str]) -> Facts:
    """The facts with some of them read again: names of commands' facts, of `FILES`, `boot`, or
    `children` for the rules of vmnet's anchors. What needs root stays as it is where there is none.
    """
    probes = _probes(facts.anchor)
    calls: Dict[str, Callable[[], Reading[Any]]] = {}
    for name in names:
        if name in probes:
            if facts.sudo.value or not probes[name].root:
                calls[name] = partial(take, machine, probes[name])
        elif name == "children":
            for child in facts.sharing_children:
                calls["child " + child] = partial(take, machine, _child(child))
        elif name in _CONTAINER_PROBES:
            if facts.container_path is not None:
                words, parser = _CONTAINER_PROBES[name]
                probe = Probe((facts.container_path, *words), parser)
                calls[name] = partial(take, machine, probe, machine.container_user)
        elif name == "daemon":
            calls["job"] = partial(take, machine, probes["job"])
            calls["disabled_jobs"] = partial(take, machine, probes["disabled_jobs"])
        elif name in facts.files:
            path = {**FILES, "anchor_file": anchor_path(facts.anchor)}[name]
            calls["file " + name] = partial(file, machine, path)
    found = _side_by_side(machine, calls)
    values: Dict[str, Any] = {
        name: found[name] for name in names if name in _PLAIN and name in found
    }
    if "children" in names:
        values["sharing_children"] = {
            name: found["child " + name] for name in facts.sharing_children
        }
    if "job" in found:
        values["daemon"] = _daemon(found["job"], found["disabled_jobs"])
    files = {name: found["file " + name] for name in facts.files if "file " + name in found}
    if files:
        values["files"] = {**facts.files, **files}
    if "state" in names or "boot" in names:
        state, boot, state_files = own_files(machine)
        values.update(state=state, boot=boot, state_files=state_files)
    return dataclasses.replace(facts, **values)


def image(machine: Machine, facts: Facts, name: str) -> Reading[Optional[Image]]:
    """What `container image inspect` knows of an image."""
    if facts.container_path is None:
        return Reading(problem=Problem.NOT_INSTALLED)
    probe = Probe((facts.container_path, "image", "inspect", name), parse.image)
    return take(machine, probe, machine.container_user)


# -- pieces


def _side_by_side(
    machine: Machine, calls: Mapping[str, Callable[[], Reading[Any]]]
) -> Dict[str, Reading[Any]]:
    return dict(zip(calls, machine.side_by_side(list(calls.values()))))


def _sudo(machine: Machine) -> Reading[bool]:
    answer = machine.run(["/usr/bin/true"], root=True)
    return Reading(answer.code == 0, source="sudo -n true")


def _kernel(machine: Machine, status: Reading[Tuple[str, str]]) -> Reading[Optional[bool]]:
    """Whether a kernel is there for guests (container.md, 1)."""
    if status.value is None:
        return status.lost()
    root = status.value[1]
    kernel = f"{root.rstrip('/')}/kernels/default.kernel-arm64"
    there = machine.exists(kernel) if root else None
    return Reading(there, kernel if root else "")


def _child(name: str) -> Probe:
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


def own_files(
    machine: Machine,
) -> Tuple[Reading[Optional[State]], Reading[Optional[Boot]], bool]:
    """state.json, the record of this boot, and whether there is anything of ours at all."""
    state = _own(machine, STATE_FILE, parse.state_file)
    boot = _own(machine, BOOT_FILE, parse.boot_file)
    return state, boot, machine.exists(STATE_FOLDER)


def _own(machine: Machine, path: str, parser: Callable[[bytes], T]) -> Reading[Optional[T]]:
    reading = file(machine, path)
    if reading.value is None:
        return reading.lost()
    if reading.value.link is not None:
        said = _("{path} is a symbolic link").format(path=path)
        return Reading(source=path, problem=Problem.OTHER, said=said)
    if reading.value.content is None:
        return Reading(None, source=path)
    try:
        return Reading(parser(reading.value.content), source=path)
    except parse.Unreadable as error:
        said = _("{path} is unusable: {why}").format(path=path, why=error)
        return Reading(source=path, problem=Problem.OTHER, said=said)


def _daemon(job: Reading[Any], disabled: Reading[Any]) -> Reading[Daemon]:
    for reading in (job, disabled):
        if reading.value is None:
            return reading.lost()
    assert job.value is not None
    assert disabled.value is not None
    loaded, state, _last = job.value
    return Reading(Daemon(loaded, DAEMON_LABEL in disabled.value, state), source=job.source)
