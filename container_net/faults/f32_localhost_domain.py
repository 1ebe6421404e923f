"""The localhost domain works no more after a reboot."""

from __future__ import annotations

from ..text import N_, _
from .case import ABSENT, PRESENT, Case, Finding, need, quote, rules
from .fault import Fault, Step, said

FAULT = Fault(
    id="F32",
    name="localhost-domain",
    section="ports",
    title=N_("The localhost domain works no more after a reboot"),
    symptoms=(
        said(
            r"host\.container\.internal",
            N_("host.container.internal is dead since the reboot"),
            r"host\.container\.internal",
        ),
    ),
    cause=N_(
        "`container system dns create --localhost` leaves a redirect in pf, and nothing loads it "
        "again after a reboot (documented by container)."
    ),
    cure=(
        Step(
            N_("See whether the redirect is loaded; an empty answer means it is not."),
            "sudo pfctl -a com.apple.container -s nat",
        ),
        Step(
            N_(
                'Load that anchor only. It needs the line `rdr-anchor "com.apple.container"` in '
                "the active ruleset."
            ),
            "sudo pfctl -a com.apple.container -f /etc/pf.anchors/com.apple.container",
        ),
        Step(
            N_("From container 1.5 on the anchor has another name, and its file the old one."),
            "sudo pfctl -a com.apple/container -f /etc/pf.anchors/com.apple.container",
        ),
    ),
    auto="ask",
    versions=N_("container 0.9 and later"),
    evidence=("apple/container (how-to)",),
    consequence_of=("anchor-file-missing", "bridge-at-boot"),
    yields_to=("bridge-at-boot",),
)


def recognise(case: Case) -> Finding:
    """container's redirects stand in its file, and pf has none of them."""
    content = (need(case.extra.redirect_file).content or b"").decode("latin-1")
    wanted = [line for line in content.splitlines() if line.startswith("rdr ")]
    if not wanted or case.facts.container_path is None:
        return Finding(FAULT.id, ABSENT)
    live = rules(case.extra.redirects) + rules(case.extra.new_redirects)
    if any(rule.text.startswith("rdr ") for rule in live):
        return Finding(FAULT.id, ABSENT)
    new = case.version is not None and case.version >= (1, 5)
    reading = case.extra.new_redirects if new else case.extra.redirects
    return Finding(
        FAULT.id,
        PRESENT,
        (
            quote(case.extra.redirect_file, wanted[0]),
            _("{command} shows no redirect").format(command=reading.source),
        ),
        # container.md, 3
        steps=FAULT.cure[-1:] if new else FAULT.cure[:-1],
    )
