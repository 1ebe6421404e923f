"""TLS fails behind a company's proxy."""

from __future__ import annotations

import re

from ..text import N_
from .case import ABSENT, POSSIBLE, PRESENT, Case, Finding, quote
from .fault import Fault, Step, Symptom, said
from .sources import issue

FAULT = Fault(
    id="F42",
    name="tls-inspected",
    section="ipv6",
    title=N_("TLS fails behind a company's proxy"),
    symptoms=(
        Symptom(
            r"x509: certificate signed by unknown authority",
            "x509: certificate signed by unknown authority",
        ),
        Symptom(
            r"self.signed certificate in certificate chain",
            "curl: (60) SSL certificate problem: self signed certificate in certificate chain",
        ),
        said(
            r"proxy.{0,10} ignored",
            N_("the proxy is ignored when an image is pulled"),
            r"프록시.{0,20}무시",
        ),
    ),
    cause=N_(
        "Zscaler, Netskope or another proxy opens TLS and signs it anew with a certificate that "
        "the image does not know. For pulls, container reads the proxy from variables in capitals "
        "only."
    ),
    cure=(
        Step(N_("See which proxy macOS has."), "scutil --proxy"),
        Step(
            N_("Give the proxy in capitals. HOST and PORT are those of the proxy; IMAGE is yours."),
            "HTTP_PROXY=http://HOST:PORT HTTPS_PROXY=http://HOST:PORT container image pull IMAGE",
        ),
        Step(N_("Put the company's root certificate into the image, and update its list there.")),
    ),
    auto="no",
    versions=N_("container up to 1.x"),
    evidence=(issue(578), issue(7061, "ddev/ddev")),
    yields_to=("lan-overlap",),
    needs_probe=True,
)

# curl's exit codes (its man page): TLS that does not come about, a certificate nobody knows.
_TLS = ("35", "60")

_INSPECTS = re.compile(r"zscaler|netskope|umbrella|forcepoint|palo ?alto", re.IGNORECASE)


def recognise(case: Case) -> Finding:
    """TLS does not come about in a container, and the Mac has a proxy or an inspecting filter."""
    guest = case.guest()
    if guest is None or guest.state("https4") != "failed":
        return Finding(FAULT.id, ABSENT)
    if guest.rows["https4"].detail not in _TLS:
        return Finding(FAULT.id, ABSENT)
    seen = case.row("https4")
    proxies = case.extra.proxy.value or {}
    told = [f"{key} : {proxies[key]}" for key in ("HTTPEnable", "HTTPSEnable") if key in proxies]
    if any(line.endswith(" : 1") for line in told):
        return Finding(FAULT.id, PRESENT, (seen, quote(case.extra.proxy, ", ".join(told))))
    filters = [name for name in case.extra.extensions.value or () if _INSPECTS.search(name)]
    if filters:
        return Finding(FAULT.id, PRESENT, (seen, quote(case.extra.extensions, filters[0])))
    return Finding(FAULT.id, POSSIBLE, (seen,))
