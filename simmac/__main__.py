"""`python -m simmac build|play|show DIR`: a simulated Mac from the command line."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from typing import Any, List, Optional, Sequence

from .builder import SCENES, build
from .mac import Mac

EVENTS = [
    "add-image",
    "add-interface",
    "add-network",
    "change-address",
    "container-generation",
    "curl",
    "disk-full",
    "dns-create",
    "dns-delete",
    "dock",
    "fail",
    "foreign-disable",
    "foreign-enable",
    "garble",
    "guest-dns",
    "hang",
    "install-container",
    "internet",
    "lenient-newline",
    "keep-empty",
    "load-pf-conf",
    "read-only",
    "reboot",
    "refuse-sudo",
    "reload-main",
    "remove-image",
    "remove-network",
    "rotate-log",
    "service",
    "set-clock",
    "set-uplink",
    "sleep",
    "stale-vmnet",
    "start-container",
    "stop-container",
    "system-update",
    "tick",
    "tokens-come-back",
    "unfail",
    "ungarble",
    "unhang",
    "unplug",
    "vmnet-manner",
    "vmnet-nat",
    "vpn-off",
    "vpn-on",
    "wifi",
]

WORDS = {"none": None, "true": True, "yes": True, "on": True, "false": False, "no": False}


def value(text: str) -> Any:
    """An argument of an event: a number, yes or no, none, or text."""
    if text.lower() in (*WORDS, "off"):
        return WORDS.get(text.lower(), False)
    return int(text) if text.isdigit() else text


def play(mac: Mac, event: str, words: Sequence[str]) -> None:
    """Let an event happen. Arguments are values, or NAME=VALUE. Raises TypeError."""
    act = getattr(mac, event.replace("-", "_"))
    names = inspect.signature(act).parameters
    plain: List[Any] = []
    named = {}
    for word in words:
        name, sign, text = word.partition("=")
        if sign and name in names:
            named[name] = value(text)
        else:
            plain.append(value(word))
    act(*plain, **named)


def main(words: Optional[Sequence[str]] = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m simmac")
    actions = parser.add_subparsers(dest="action", required=True)
    building = actions.add_parser("build", help="lay a simulated Mac into a folder")
    building.add_argument("folder")
    building.add_argument("--scene", choices=sorted(SCENES), default="broken")
    playing = actions.add_parser("play", help="let something happen to it")
    playing.add_argument("folder")
    playing.add_argument("event", choices=EVENTS, metavar="EVENT", help=", ".join(EVENTS))
    playing.add_argument("arguments", nargs="*", help="values, or NAME=VALUE")
    showing = actions.add_parser("show", help="print its state as JSON")
    showing.add_argument("folder")
    options = parser.parse_args(words)
    try:
        if options.action == "build":
            print(build(options.folder, options.scene).path)
        elif options.action == "play":
            play(Mac(options.folder), options.event, options.arguments)
        else:
            print(json.dumps(Mac(options.folder).state, indent=2))
    except (OSError, TypeError, ValueError) as error:
        print(f"simmac: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
