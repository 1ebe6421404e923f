"""What a scene is, and the pieces that scenes are made of."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from invoke.config import Config
from invoke.context import Context

from container_net.machine import Machine
from container_net.options import Options
from container_net.report import Screen
from container_net.session import Session
from container_net.settings import Settings
from simmac import Mac

WEB = "192.168.64.0/24"


def machine_of(mac: Mac) -> Machine:
    """The Machine of a simulated Mac that answers in this process."""
    config = Config(overrides={"runners": {"local": mac.runner()}})
    return Machine(Context(config), str(mac.path))


@dataclass(frozen=True)
class Scene:
    """What happens to an idle Mac, and the states of faults that must be told.

    `below` are faults that are told below another one, as its consequences.
    """

    name: str
    play: Callable[[Mac], None]
    expect: Mapping[str, str] = field(default_factory=dict)
    probe: bool = False
    below: Tuple[str, ...] = ()


FAULTS: List[Scene] = []

HEALTHY: List[Scene] = []


def fault(
    name: str, *, probe: bool = False, below: Tuple[str, ...] = (), **expect: str
) -> Callable[[Callable[[Mac], None]], Callable[[Mac], None]]:
    def add(play: Callable[[Mac], None]) -> Callable[[Mac], None]:
        FAULTS.append(Scene(name, play, expect, probe, below))
        return play

    return add


def healthy(
    name: str, *, probe: Optional[bool] = None
) -> Callable[[Callable[[Mac], None]], Callable[[Mac], None]]:
    def add(play: Callable[[Mac], None]) -> Callable[[Mac], None]:
        for with_probe in (False, True) if probe is None else (probe,):
            HEALTHY.append(Scene(name + (", probe" if with_probe else ""), play, {}, with_probe))
        return play

    return add


def root(mac: Mac, command: str, stdin: str = "") -> None:
    words = ["/usr/bin/sudo", "-n", *shlex.split(command)]
    assert mac.answer(words, stdin.encode()).code == 0, command


def append(mac: Mac, path: str, text: str) -> None:
    place = mac.path / path.lstrip("/")
    before = place.read_text(encoding="utf-8") if place.exists() else ""
    place.write_text(before + text, encoding="utf-8")


def system(mac: Mac, version: str) -> None:
    with mac.edit() as state:
        state["os"]["version"] = version


def guest(mac: Mac, **values: Any) -> None:
    with mac.edit() as state:
        state["guest"].update(values)


def container(mac: Mac, name: str = "web", **values: Any) -> None:
    with mac.edit() as state:
        next(i for i in state["container"]["containers"] if i["id"] == name).update(values)


def log(mac: Mac, line: str) -> None:
    with mac.edit() as state:
        state["container"]["logs"].append(line)


def forwarding(mac: Mac, value: int) -> None:
    root(mac, f"/usr/sbin/sysctl -w net.inet.ip.forwarding={value}")


def bridge(mac: Mac, inet: List[List[Any]]) -> None:
    """The first bridge gets other addresses."""
    with mac.edit() as state:
        next(i for i in state["interfaces"] if i["members"])["inet"] = inet


def no_bridges(mac: Mac) -> None:
    with mac.edit() as state:
        state["interfaces"] = [
            i for i in state["interfaces"] if not i["members"] and "vmenet" not in i["name"]
        ]


def tunnel(mac: Mac, route: str) -> None:
    """A company's VPN with one route of its own."""
    mac.add_interface("utun5", "10.50.0.9", 32)
    with mac.edit() as state:
        state["routes"].append([route, "utun5"])


def task(mac: Mac, name: str, **values: Any) -> None:
    """One of the tool's own tasks."""
    options = Options(yes=True, **values)
    session = Session(machine_of(mac), Settings(), Screen(as_json=True), options)
    session.screen.data = lambda value: None  # type: ignore[method-assign]
    session.screen.warn = lambda lines: None  # type: ignore[method-assign]
    assert getattr(session, name)() == 0


def always(mac: Mac) -> None:
    """A container, and our rules beside vmnet's."""
    mac.start_container()
    task(mac, "setup", always=True)


def fifteen(mac: Mac) -> None:
    system(mac, "15.6")
    mac.fail("container network", 64, "Error: Plugin 'container-network' not found.")


def filter(mac: Mac, bundle: str, name: str) -> None:
    with mac.edit() as state:
        item = {"team": "AB12CD34EF", "bundle": bundle, "version": "2.6.0/2.6.0", "name": name}
        state["extensions"].append(item)


def two(mac: Mac) -> None:
    mac.add_network("private", "192.168.128.0/24", "hostOnly")
    mac.start_container()
    mac.start_container("inner", network="private")


def _generation(number: int) -> Callable[[Mac], None]:
    def play(mac: Mac) -> None:
        mac.container_generation(number)
        mac.start_container()

    return play


for _number, _version in {7: "0.7", 12: "0.12", 1: "1.2"}.items():
    healthy(f"container {_version}")(_generation(_number))


def remarked(found: Any) -> Tuple[str, ...]:
    """The notes of an answer."""
    return tuple(d.fault.id for d in found.remarks)


def told(found: Any) -> Dict[str, str]:
    """What an answer tells at the top: id -> state."""
    return {d.fault.id: d.finding.state for d in found.found}
