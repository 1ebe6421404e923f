"""macOS denies a program on the Mac the local network."""

from __future__ import annotations

from ..text import N_
from .common import FORWARDER
from .fault import Distinguish, Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F54",
    name="host-program-denied",
    section="ports",
    title=N_("macOS denies a program on the Mac the local network"),
    symptoms=(
        Symptom(
            r"not allowed to use local network",
            "nehelper: not allowed to use local network: no application identity",
        ),
        Symptom(r"\[Errno 65\]", "OSError: [Errno 65] No route to host"),
        said(
            r"\bworks in Terminal",
            N_("a program cannot connect to the LAN; the same command works in Terminal"),
            r"터미널에서는",
        ),
    ),
    cause=N_(
        "Since macOS 15 a program needs a permission for the local network, containers' addresses "
        "included. An agent of launchd, a program of Homebrew's and what tmux started are asked "
        "for none, or belong to a program that has none: their connections fail with errno 65. "
        "Terminal, SSH, root and Apple's own programs get through. Neither routes nor NAT have a "
        "part in it."
    ),
    cure=(
        Step(
            N_("Try the same address from Terminal. HOST and PORT are yours."),
            "/usr/bin/nc -vz -G 5 HOST PORT",
        ),
        Step(
            N_(
                "If that gets through, switch the program on in System Settings > Privacy & "
                "Security > Local Network, and start it again."
            )
        ),
        Step(
            N_(
                "If it is not in that list, let launchd start it as a daemon, from "
                "/Library/LaunchDaemons: daemons need no permission, agents do."
            )
        ),
    ),
    auto="no",
    versions=N_("macOS 15 and later"),
    evidence=(
        issue(71206, "NousResearch/hermes-agent"),
        issue(37994, "anthropics/claude-code"),
        issue(4, "cdzombak/runner"),
        issue(2201, "orbstack/orbstack"),
        "Apple TN3179",
    ),
    distinguish=(Distinguish("local-network-denied", FORWARDER),),
    unseen="macOS tells the permissions of programs to nobody but System Settings",
    systems=(15, 99),
)
