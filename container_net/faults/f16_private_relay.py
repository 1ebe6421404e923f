"""iCloud Private Relay is off because of pf rules."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, Symptom, said
from .sources import issue, pull

FAULT = Fault(
    id="F16",
    name="private-relay",
    section="way",
    title=N_("iCloud Private Relay is off because of pf rules"),
    symptoms=(
        Symptom(r"Private Relay Unavailable", "Private Relay Unavailable"),
        Symptom(
            r"software installed on this Mac is incompatible",
            "Software installed on this Mac is incompatible with Private Relay.",
        ),
        said(
            r"Private Relay",
            N_("Private Relay switched itself off"),
            r"비공개 릴레이",
        ),
    ),
    cause=N_(
        "While pf is on, macOS switches Private Relay off as soon as any anchor that is not its "
        "own holds rules: lines of your own in /etc/pf.conf, a localhost domain of container, or "
        "this tool's anchor."
    ),
    cure=(
        Step(
            N_(
                "If containers get out without this tool (`invoke net.status` says whether vmnet "
                "covers them), take its rules back."
            ),
            "invoke net.teardown",
        ),
        Step(
            N_(
                "If you do not need a localhost domain of container, remove it. DOMAIN is its name."
            ),
            "sudo container system dns delete DOMAIN",
        ),
        Step(N_("Take rules of your own out of /etc/pf.conf; they go from memory at a reboot.")),
    ),
    auto="no",
    versions=N_("macOS 15 to 26"),
    evidence=(pull(1482), issue(7207, "utmapp/UTM"), issue(1851, "orbstack/orbstack")),
    unseen="macOS shows the state of Private Relay to no command",
)
