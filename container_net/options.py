"""What a task was told on its command line, as it was written, and the help to each option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

__all__ = ["HELP", "Options"]


@dataclass(frozen=True)
class Options:
    """The options of a run. A text is None, and a switch False, where it was not given.

    Those that are settings too (`settings.KEYS`) are parsed there, with `INVOKE_NET_...` and
    invoke.yaml; a task that has no such option leaves it as it is here.
    """

    json: bool = False
    lang: Optional[str] = None
    sysroot: Optional[str] = None
    subnets: Optional[str] = None
    uplinks: Optional[str] = None
    anchor: Optional[str] = None
    force: bool = False
    image: Optional[str] = None
    url: Optional[str] = None
    expect: Optional[str] = None
    always: bool = False
    fence: bool = False
    no_fence: bool = False
    fence_allow: Optional[str] = None
    no_guard: bool = False
    no_pf_conf: bool = False
    no_daemon: bool = False
    yes: bool = False
    verbose: bool = False
    persist: bool = False
    teardown: bool = False
    probe: bool = False
    address: Optional[str] = None
    resolver: Optional[str] = None
    host: Optional[str] = None
    symptom: Optional[str] = None
    fix: bool = False
    report: Optional[str] = None
    out: Optional[str] = None
    check: Tuple[str, ...] = ()


HELP: Mapping[str, str] = {
    "json": "One JSON object on stdout and nothing else.",
    "lang": "Language of the report: en or ko (default: from the locale).",
    "sysroot": "Work on a simulated Mac in this folder.",
    "subnets": "Container subnets, comma-separated (default: detected).",
    "uplinks": "Uplinks, such as en0,utun0-utun7 (default: all that can lead out).",
    "anchor": "The pf anchor, a direct child of com.apple/.",
    "force": "Take a subnet that is public or wider than /8.",
    "image": "Image whose curl makes the guide's check.",
    "url": "Address that the check fetches.",
    "expect": "HTTP status that the check expects.",
    "always": "Load our rules even where vmnet's own work.",
    "fence": "Let containers reach the internet and nothing private.",
    "no_fence": "Take the fence down.",
    "fence_allow": "What the fence lets through: ADDRESS[/BITS][:PORT], comma-separated.",
    "no_guard": "Leave out the rules that keep neighbours out and host-only networks in.",
    "no_pf_conf": "Leave /etc/pf.conf as it is.",
    "no_daemon": "Install no boot daemon.",
    "yes": "Do not ask.",
    "verbose": "Show every rule.",
    "persist": "What net.persist would change.",
    "teardown": "What net.teardown would change.",
    "probe": "Look from inside a container as well; it is removed afterwards.",
    "address": "Address that the probe connects to, with or without a port (default: 1.1.1.1).",
    "resolver": "Resolver outside that the probe asks (default: 1.1.1.1).",
    "host": "Name that the probe looks up (default: that of --url).",
    "symptom": "Explain this message, or with - a log on standard input, from the catalogue alone.",
    "fix": "Fix what can be fixed automatically.",
    "report": "Write a Markdown report for a bug report into this file, masked.",
    "out": "Write the files into this folder instead of showing them.",
    "check": "Check this Dockerfile or runner source (repeatable).",
}
