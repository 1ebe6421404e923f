"""What a task was told on its command line, as it was written, and the help to each option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from .text import N_

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
    pull: bool = False
    address: Optional[str] = None
    resolver: Optional[str] = None
    host: Optional[str] = None
    symptom: Optional[str] = None
    from_: Optional[str] = None
    fix: bool = False
    report: Optional[str] = None
    since: Optional[str] = None
    svg: Optional[str] = None
    out: Optional[str] = None
    check: Tuple[str, ...] = ()
    hosts: Optional[str] = None
    forks: Optional[str] = None
    ask_sudo: bool = False


HELP: Mapping[str, str] = {
    "json": N_("One JSON object on stdout and nothing else."),
    "lang": N_("Language of the report: en or ko (default: from the locale)."),
    "sysroot": N_("Work on a simulated Mac in this folder."),
    "subnets": N_("Container subnets, comma-separated (default: detected)."),
    "uplinks": N_("Uplinks, such as en0,utun0-utun7 (default: all that can lead out)."),
    "anchor": N_("The pf anchor, a direct child of com.apple/."),
    "force": N_("Accept a subnet that is public or wider than /8."),
    "image": N_("Image to measure with (default: what is here)."),
    "url": N_("URL to fetch."),
    "expect": N_("Expected HTTP status."),
    "always": N_("Load our rules even where vmnet's own work."),
    "fence": N_("Let containers reach the internet but nothing private."),
    "no_fence": N_("Remove the fence."),
    "fence_allow": N_("What the fence lets through: ADDRESS[/BITS][:PORT], comma-separated."),
    "no_guard": N_("Do not load the rules that keep neighbours out and host-only networks in."),
    "no_pf_conf": N_("Do not touch /etc/pf.conf."),
    "no_daemon": N_("Do not install the boot daemon."),
    "yes": N_("Do not ask for confirmation."),
    "verbose": N_("Show every rule."),
    "persist": N_("Across reboots, too, as net.persist does."),
    "teardown": N_("Show what net.teardown would change."),
    "probe": N_("Start a container to measure from, where none runs; it is removed afterwards."),
    "pull": N_("Download an image to measure with, where none is here: a small one, or --image."),
    "address": N_("Address that the probe connects to, with or without a port (default: 1.1.1.1)."),
    "resolver": N_("Outside resolver that the probe asks (default: 1.1.1.1)."),
    "host": N_("Name that the probe looks up (default: that of --url)."),
    "symptom": N_("Explain this message, or - for a log on standard input; needs no Mac."),
    "from_": N_(
        "Judge a text, not this Mac: a report, an issue, a terminal log; - for standard input."
    ),
    "fix": N_("Fix what can be fixed automatically."),
    "report": N_("Write a masked Markdown report for a bug report to this file."),
    "svg": N_("Write a masked picture for a bug report to this file."),
    "since": N_("How far to look back: 30m, 2h, 7d, or a date (default: 24h)."),
    "out": N_("Write the files to this folder instead of showing them."),
    "check": N_("Check this Dockerfile or runner source (repeatable)."),
    "hosts": N_("Macs to work on over SSH, comma-separated, or @FILE with one a line."),
    "forks": N_("How many of them at a time (default: 10)."),
    "ask_sudo": N_("Ask once for the password of sudo on these Macs."),
}
