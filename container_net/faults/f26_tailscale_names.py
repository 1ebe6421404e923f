"""Short names of Tailscale do not resolve in containers."""

from __future__ import annotations

from ..text import N_
from .fault import Fault, Step, said
from .sources import issue

FAULT = Fault(
    id="F26",
    name="tailscale-names",
    section="names",
    title=N_("Short names of Tailscale do not resolve in containers"),
    symptoms=(
        said(
            r"Tailscale.{0,20} short name",
            N_("Tailscale short names fail, full names work"),
            r"Tailscale.{0,20}짧은 이름",
        ),
        said(r"\bMagicDNS\b", N_("MagicDNS names fail in containers"), r"\bMagicDNS"),
    ),
    cause=N_(
        "A container does not take over the Mac's list of search domains in its order, so a short "
        "name is completed wrongly or not at all."
    ),
    cure=(
        Step(N_("Use the full name, such as `host.tailnet-name.ts.net`.")),
        Step(
            N_("Or give the search domain. DOMAIN is yours, IMAGE is your image."),
            "container run --dns-search DOMAIN IMAGE",
        ),
    ),
    auto="no",
    versions=N_("container 0.6"),
    evidence=(issue(817),),
    unseen="which names are meant is not known",
)
