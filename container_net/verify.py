"""The guide's checks, measured: what a container really gets, not what is configured.

`container run` is the one command here that does something; it leaves nothing (`--rm`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Callable, Dict, Optional, Tuple

from . import env, inside, parse, render
from .desired import Desired, bridge_of
from .facts import image as image_of
from .machine import CommandResult, Machine
from .model import Facts, Image, Reading
from .probes import Guest
from .settings import Settings
from .status import BROKEN, KERNEL, OK, UNKNOWN, look, no_kernel
from .text import _

__all__ = ["Check", "exit_code", "fetch", "verify"]

# The container starts a virtual machine first; curl itself gives up after 5 s (guide).
RUN_LIMIT = 40.0
_NO_PROGRAM = re.compile(r"failed to find target executable|executable file not found")


@dataclass(frozen=True)
class Check:
    """One check: `ok`, `broken`, `unknown` or `not running`, its evidence and its cure."""

    name: str
    title: str
    state: str
    evidence: str
    cure: Optional[str] = None


def _curl_meanings() -> Dict[int, Tuple[str, str]]:
    """curl's exit codes (its man page) and what they mean here: meaning, cure."""
    return {
        6: (
            _("name not resolved: DNS at the gateway does not answer"),
            _("see invoke net.status; if nothing is broken there, try container run --dns 1.1.1.1"),
        ),
        7: (
            _("connection refused, or no route"),
            _("see invoke net.status"),
        ),
        28: (
            _("timed out: packets leave without an answer, or never leave"),
            _(
                "invoke net.setup; if there is nothing to change, look for a VPN or "
                "filter on this Mac"
            ),
        ),
        35: (
            _("TCP works but TLS does not: something inspects or cuts it"),
            _("check for a TLS-inspecting proxy or filter (Zscaler, Netskope)"),
        ),
        60: (
            _("certificate not trusted: TLS inspection, or no CA certificates in the image"),
            _("add the proxy's CA certificate, or ca-certificates, to the image"),
        ),
    }


def fetch(
    machine: Machine,
    facts: Facts,
    desired: Desired,
    settings: Settings,
    *,
    image: Reading[Optional[Image]],
    pull: Optional[Callable[[str], bool]] = None,
) -> Check:
    """The guide's check: a container fetches the URL and gets the expected status. Without the
    guide's image, whatever container or image is there is asked instead."""
    name = "container"
    title = _("a container fetches {url}").format(url=settings.url)
    if facts.container_path is None:
        return Check(
            name,
            title,
            UNKNOWN,
            _("container is not installed"),
            _("install it from github.com/apple/container/releases"),
        )
    if facts.container_service.value in ("not running", "unregistered"):
        return Check(
            name,
            title,
            UNKNOWN,
            _("container's service: {state}").format(state=facts.container_service.value),
            "container system start",
        )
    if facts.kernel.value is False:
        return Check(name, title, UNKNOWN, no_kernel(), KERNEL)
    if image.known and image.value is not None:
        answer = _curl(machine, facts.container_path, settings.image, settings.url)
        if answer.code != 127 and not _NO_PROGRAM.search(answer.err):
            return _judge(name, title, answer, settings)
    found = inside.of(machine, facts, desired, settings, pull)
    return _from_inside(name, title, found, settings)


def _from_inside(
    name: str, title: str, found: Optional[Tuple[Reading[Guest], str]], settings: Settings
) -> Check:
    """The same check by whatever container or image is there (`inside.measure`)."""
    if found is None:
        return Check(name, title, UNKNOWN, _("no container to ask"))
    guest, _image = found
    if guest.value is None:
        return Check(name, title, UNKNOWN, guest.why)
    row = guest.value.rows.get("https4")
    where = guest.source
    if row is None or row.state == "none":
        return Check(
            name,
            title,
            UNKNOWN,
            _("{where}: nothing there can fetch a URL").format(where=where),
            _("name an image that has curl: --image IMAGE"),
        )
    code = int(row.detail) if row.detail.isdecimal() else 0
    if row.state == "ok":
        check = _judge(name, title, CommandResult(where, 0, f"{code:03d}"), settings)
    elif code in _curl_meanings():
        check = _judge(name, title, CommandResult(where, code), settings)
    else:
        check = Check(name, title, BROKEN, _("no HTTPS"), _("see invoke net.status"))
    return replace(check, evidence=f"{check.evidence} ({where})")


def _curl(machine: Machine, container: str, image: str, url: str) -> CommandResult:
    """The guide's command: a container of the image fetches the URL."""
    words = ("-s4", "--connect-timeout", "5", "-o", "/dev/null", "-w", "%{http_code}", url)
    return machine.run(
        [container, "run", "--rm", "--entrypoint", "curl", image, *words],
        user=machine.container_user,
        timeout=RUN_LIMIT,
        waits=_("Measuring in a container of {image}").format(image=image),
    )


# Where nobody listens (RFC 863's service is gone): a host that is reached refuses it.
CLOSED_PORT = 9


def _fence_title() -> str:
    return _("a container reaches nothing private")


def _fence(
    machine: Machine,
    facts: Facts,
    desired: Desired,
    internet: Check,
    answers: Callable[[str], Optional[int]],
) -> Check:
    """A container asks the Mac's own address on the LAN, which must not answer, and pf must have
    counted that it dropped the packets: silence alone could be a stealthy firewall's."""
    name, title = "fence", _fence_title()
    seen = look(facts, desired).fence
    if seen is not None and seen.state != OK:
        return Check(name, title, seen.state, seen.evidence, seen.cure)
    target = _private_target(facts, desired)
    if internet.state != OK or target is None:
        return Check(name, title, UNKNOWN, _("measured only where a container gets out"))
    before = _dropped(machine, facts)
    code = answers(f"http://{target}:{CLOSED_PORT}/")
    after = _dropped(machine, facts)
    if code in (0, 7, 52, 56):
        return Check(
            name,
            title,
            BROKEN,
            _("{address} was reached (curl ended with {code})").format(address=target, code=code),
            "invoke net.setup --fence",
        )
    # A SYN is sent again after a second; the probe's one ping of the gateway is dropped as well.
    if code != 28 or before is None or after is None or after - before < 2:
        return Check(
            name,
            title,
            UNKNOWN,
            _("{address} did not answer, and pf counted no packet that it dropped").format(
                address=target
            ),
        )
    return Check(name, title, OK, _("{address} was not reached").format(address=target))


def _answers(
    machine: Machine,
    facts: Facts,
    desired: Desired,
    settings: Settings,
    image: Reading[Optional[Image]],
) -> Optional[int]:
    """What curl ends with in a container that asks for the URL, 0 for any answer; whatever
    container or image is there is asked, as by `fetch`. None where nobody could ask."""
    if image.value is not None and facts.container_path is not None:
        answer = _curl(machine, facts.container_path, settings.image, settings.url)
        if answer.code != 127 and not _NO_PROGRAM.search(answer.err):
            return None if answer.timed_out else answer.code
    found = inside.of(machine, facts, desired, settings)
    row = found[0].value.rows.get("https4") if found and found[0].value else None
    if row is None or row.state == "none":
        return None
    if row.state == "ok":
        return 0
    return int(row.detail) if row.detail.isdecimal() else None


def _private_target(facts: Facts, desired: Desired) -> Optional[str]:
    """The Mac's address on its first current uplink that the fence must hide."""
    for uplink in desired.uplinks.needed:
        for interface in facts.interfaces.value or ():
            for address in interface.inet if interface.name == uplink else ():
                allowed = any(address.ip in each.network for each in desired.fence or ())
                if any(address.ip in IPv4Network(p) for p in render.PRIVATE) and not allowed:
                    return str(address.ip)
    return None


def _dropped(machine: Machine, facts: Facts) -> Optional[int]:
    """How many packets our `block` rules have dropped; None where that could not be read."""
    words = ["/sbin/pfctl", "-a", facts.anchor, "-v", "-s", "rules"]
    try:
        found = parse.rules(machine.run(words, root=True))
    except parse.Unreadable:
        return None
    return sum(rule.packets or 0 for rule in found if rule.text.startswith("block "))


def _judge(name: str, title: str, answer: CommandResult, settings: Settings) -> Check:
    if answer.timed_out:
        return Check(
            name,
            title,
            UNKNOWN,
            _("container run did not end in {seconds:.0f} s").format(seconds=RUN_LIMIT),
            _("container system stop && container system start"),
        )
    status = answer.out.strip()[-3:]
    if answer.code == 0 and status.isdecimal() and status != "000":
        if int(status) in settings.expect:
            return Check(
                name, title, OK, _("HTTP status {status}, as expected").format(status=status)
            )
        return Check(
            name,
            title,
            BROKEN,
            _("HTTP status {status}, expected {expected}").format(
                status=status, expected=", ".join(map(str, settings.expect))
            ),
            _(
                "the internet answers; is there a proxy, or should another status be "
                "expected (--expect)?"
            ),
        )
    meanings = _curl_meanings()
    if answer.code in meanings:
        meaning, cure = meanings[answer.code]
        return Check(
            name,
            title,
            BROKEN,
            _("curl ended with {code}: {meaning}").format(code=answer.code, meaning=meaning),
            cure,
        )
    if "kernel not configured" in answer.err:
        return Check(name, title, UNKNOWN, no_kernel(), KERNEL)
    said = parse.excerpt(answer.err) or parse.excerpt(answer.out)
    return Check(
        name,
        title,
        UNKNOWN,
        _("container run ended with {code}: {text}").format(
            code=answer.code, text=said or _("it printed nothing")
        ),
    )


def _image_env(image: Reading[Optional[Image]], settings: Settings) -> Optional[Check]:
    """None where nobody named an image and the guide's is not here."""
    name, title = (
        "image",
        _("the image makes Node prefer IPv4 ({name})").format(name="NODE_OPTIONS"),
    )
    if not image.known:
        return Check(name, title, UNKNOWN, image.why)
    if image.value is None:
        if settings.image == Settings.image:
            return None
        absent = _("image {image} not found on this Mac").format(image=settings.image)
        return Check(name, title, UNKNOWN, absent)
    if image.value.env is None:
        return Check(name, title, UNKNOWN, _("container does not show its environment"))
    if any(env.prefers_ipv4(value) for value in image.value.env):
        return Check(name, title, OK, env.setting())
    if not env.runs_node(image.value) and settings.image != Settings.image:
        return Check(name, title, OK, _("not set; only Node.js needs it"))
    return Check(
        name,
        title,
        BROKEN,
        _("not set in {image}").format(image=settings.image),
        _("invoke net.env prints the line for the Dockerfile; rebuild the image"),
    )


def _hop(facts: Facts, desired: Desired, name: str, title: str, hop: str) -> Check:
    """What status says of a hop."""
    seen = next(h for h in look(facts, desired).hops if h.hop == hop)
    return Check(name, title, seen.state, seen.evidence, seen.cure)


def _bridge(facts: Facts, desired: Desired) -> Check:
    name, title = "bridge", _("the bridge is up while a container runs")
    if not facts.interfaces.known:
        return Check(name, title, UNKNOWN, facts.interfaces.why)
    found = [f"{b} ({s.gateway})" for s in desired.nat_subnets for b in [bridge_of(facts, s)] if b]
    if found:
        return Check(name, title, OK, ", ".join(found))
    return _hop(facts, desired, name, title, "gateway")


def verify(
    machine: Machine,
    facts: Facts,
    desired: Desired,
    settings: Settings,
    pull: Optional[Callable[[str], bool]] = None,
) -> Tuple[Check, ...]:
    """All checks, the measuring one last."""
    image = image_of(machine, facts, settings.image)
    internet = fetch(machine, facts, desired, settings, image=image, pull=pull)
    checks = (
        _hop(facts, desired, "forwarding", _("IP forwarding is on"), "forwarding"),
        _bridge(facts, desired),
        _hop(facts, desired, "translation", _("a NAT rule covers the current uplink"), "nat"),
        *filter(None, [_image_env(image, settings)]),
        internet,
    )
    if desired.fence is None:
        return checks

    def answers(url: str) -> Optional[int]:
        return _answers(machine, facts, desired, replace(settings, url=url), image)

    return (*checks, _fence(machine, facts, desired, internet, answers))


def exit_code(checks: Tuple[Check, ...]) -> int:
    """0 all hold, 1 one does not, 3 one could not be measured; a container that does not run now
    is no fault."""
    states = {check.state for check in checks}
    if BROKEN in states:
        return 1
    return 3 if UNKNOWN in states else 0
