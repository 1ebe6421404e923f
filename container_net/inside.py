"""Measured from inside, with what is there: a container that runs, else one that is started."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import islice
from typing import Callable, Iterator, Optional, Tuple
from urllib.parse import urlsplit

from . import facts as facts_module
from . import parse, probes
from .desired import Desired
from .machine import Machine
from .model import Facts, Problem, Reading
from .probes import Guest, Target
from .reading import Probe, take
from .settings import Settings
from .text import _

__all__ = ["PULLED", "downloadable", "images", "measure", "of", "runs"]

PULLED = "docker.io/library/alpine:3"
"""A small image with a shell, for a Mac that has none."""
PULL_LIMIT = 180.0
TRIES = 3
"""Of several containers or images, so many are asked: some have no shell."""

# Those that have a shell and start quickly come first; of the others nobody knows.
_SMALL = re.compile(r"(^|/)(alpine|busybox|curl|debian|ubuntu|python|node)(:|$)")
# What container keeps for itself, and images that are made to have no shell.
_NEVER = re.compile(r"vminit|builder-shim|buildkit|distroless|(^|/)(scratch|hello-world)(:|$)")


def downloadable(image: str) -> str:
    """What to download where nothing is here to measure with: the image that somebody named; that
    of the guide is built, and on no registry."""
    return PULLED if image == Settings.image else image


def runs(facts: Facts, desired: Desired) -> Iterator[Tuple[str, str, IPv4Address]]:
    """Containers that run on a NAT network: name, image, gateway."""
    if facts.container_service.value != "running":
        return
    gateways = {n.id: n.gateway for n in facts.networks.value or ()}
    for run in facts.containers.value or ():
        asked = run.running and run.id != probes.BUILDER and not _NEVER.search(run.image)
        for place in run.attachments if asked else ():
            gateway = place.gateway or gateways.get(place.network)
            if gateway is not None and any(gateway in s.cidr for s in desired.nat_subnets):
                yield run.id, run.image, gateway
                break


def images(machine: Machine, facts: Facts, wanted: str) -> Reading[Tuple[str, ...]]:
    """Images to start a container from: the wanted one; where nobody named one, any that is here
    and may have a shell, the likeliest first."""
    there = facts_module.image(machine, facts, wanted)
    if there.value is not None:
        return Reading((wanted,), there.source)
    downloads = {"image": downloadable(wanted)}
    if wanted == Settings.image:
        said = _("no image on this Mac to measure with; --pull downloads {image}")
    else:
        said = _("image {image} not found on this Mac; --pull downloads it")
    lost: Reading[Tuple[str, ...]] = Reading(
        source=there.source, problem=Problem.OTHER, said=said.format(**downloads)
    )
    if not there.known or facts.container_path is None:
        return there.lost()
    if wanted != Settings.image:
        return lost
    words = (facts.container_path, "image", "list", "--format", "json")
    listed = take(machine, Probe(words, parse.images), machine.container_user)
    fit = [name for name in listed.value or () if not _NEVER.search(name)]
    fit.sort(key=lambda name: not _SMALL.search(name))
    return Reading(tuple(fit), listed.source) if fit else lost


def measure(
    machine: Machine,
    facts: Facts,
    desired: Desired,
    target: Target,
    pull: Optional[Callable[[str], bool]] = None,
) -> Optional[Tuple[Reading[Guest], str]]:
    """What a container reaches, and the image of the one that was asked.

    A container that runs is asked by `container exec`, which leaves nothing. Where `target.start`,
    one is started otherwise, and taken away; `pull` says whether an image may be downloaded where
    none is here. None where nobody may be asked.
    """
    container = facts.container_path
    if container is None or facts.container_service.value != "running":
        return _refused(facts, target) if target.start else None
    last: Optional[Tuple[Reading[Guest], str]] = None
    for name, image, gateway in islice(runs(facts, desired), TRIES):
        last = probes.guest(machine, container, str(gateway), target, running=name), image
        if last[0].known:
            return last
    if not target.start:
        return None
    found = images(machine, facts, target.image)
    wanted = downloadable(target.image)
    if found.problem is Problem.OTHER and pull is not None and pull(wanted):
        found = _downloaded(machine, container, wanted)
    if found.value is None:
        return last or (found.lost(), target.image)
    subnet = next(iter(desired.nat_subnets), None)
    by_name = {n.id: n.gateway for n in facts.networks.value or ()}
    first = by_name.get("default") or (subnet.gateway if subnet is not None else None)
    if first is None:
        return _not_asked(_("no NAT network found")), target.image
    for image in found.value[:TRIES]:
        asked = replace(target, image=image)
        last = probes.guest(machine, container, str(first), asked), image
        if last[0].known:
            break
    return last


def of(
    machine: Machine,
    facts: Facts,
    desired: Desired,
    settings: Settings,
    pull: Optional[Callable[[str], bool]] = None,
) -> Optional[Tuple[Reading[Guest], str]]:
    """`measure` with what the settings name; a container may be started."""
    host = urlsplit(settings.url).hostname or ""
    target = Target(settings.image, host=host, url=settings.url, start=True)
    return measure(machine, facts, desired, target, pull)


def _downloaded(machine: Machine, container: str, image: str) -> Reading[Tuple[str, ...]]:
    """An image that was downloaded, as `images` has it; else what container said."""
    words = [container, "image", "pull", image]
    waits = _("Downloading {image}").format(image=image)
    answer = machine.run(words, user=machine.container_user, timeout=PULL_LIMIT, waits=waits)
    if answer.code == 0 and not answer.timed_out:
        return Reading((image,), answer.shown)
    why = parse.excerpt(answer.err) or parse.excerpt(answer.out) or _("it printed nothing")
    said = _("`{command}` failed: {text}").format(command=answer.shown, text=why)
    return Reading(source=answer.shown, problem=Problem.OTHER, said=said)


def _refused(facts: Facts, target: Target) -> Optional[Tuple[Reading[Guest], str]]:
    if facts.container_path is None:
        return None
    state = facts.container_service.value or facts.container_service.why
    return _not_asked(_("container's service: {state}").format(state=state)), target.image


def _not_asked(why: str) -> Reading[Guest]:
    return Reading(source="container run", problem=Problem.OTHER, said=why)
