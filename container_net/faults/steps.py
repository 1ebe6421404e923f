"""Steps that several cures share. The gentlest comes first in every cure that uses them."""

from __future__ import annotations

from .entry import N_, Step

__all__ = ["PERSIST", "RESTART", "SETUP"]

SETUP = Step(
    N_(
        "Let this tool set forwarding and load its own rules under `com.apple/*`; running "
        "containers stay up and the main ruleset is not touched."
    ),
    "invoke net.setup",
)

PERSIST = Step(
    N_(
        "Keep it so: the boot daemon loads the same rules at every boot, and again when "
        "something removes them."
    ),
    "invoke net.persist",
)

RESTART = Step(
    N_(
        "When it suits you, stop all containers and restart the service; vmnet then builds its "
        "network and its NAT anew."
    ),
    "container stop --all && container system stop && container system start",
)
