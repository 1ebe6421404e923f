"""Fragments and files from the templates, exactly as they would be written."""

from __future__ import annotations

import functools
import itertools
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from . import __version__
from .desired import Desired, Rules
from .model import Facts, Subnet
from .settings import Allowed
from .text import _

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "anchor",
    "anchor_file",
    "anchor_of",
    "compact",
    "everything",
    "pf_conf",
    "rules",
    "summed_up",
    "template",
]


# Before rules that pfctl must not reorder or fold into tables, as pf.anchor.j2 has it.
AS_WRITTEN = "set ruleset-optimization none\n"
# Threads of many Macs come at once, and each would compile it.
_COMPILING = threading.Lock()


@functools.cache
def _environment() -> Environment:
    # Jinja takes a while to import; `invoke --list` does not need it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(str(Path(__file__).parent / "templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - pf.conf and sh, not HTML; values are validated data
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def template(name: str, **values: object) -> str:
    """A template filled in. A value that is missing is an error, never an empty text."""
    with _COMPILING:
        found = _environment().get_template(name)
    return found.render(**values)


# What the fence keeps containers from: private (RFC 1918), shared (RFC 6598) and link-local
# addresses (RFC 3927), and the Mac itself, which a redirect of its own may lead to.
PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
)


def anchor(desired: Desired) -> str:
    """The rules of our anchor as text, with a final newline; empty where there are none."""
    return anchor_of(desired.subnets, desired.names, desired.guard, desired.fence, nat=desired.nat)


def anchor_of(
    subnets: Sequence[Subnet],
    names: Sequence[str],
    guard: bool,
    fence: Optional[Sequence[Allowed]],
    *,
    nat: bool = True,
) -> str:
    """The rules for these subnets, as `anchor`; `fence` holds its exceptions."""
    served = [s for s in subnets if s.mode == "nat"]
    host_only = [s for s in subnets if s.mode == "hostOnly"]
    guard = guard and nat
    return template(
        "pf.anchor.j2",
        nat=[s.cidr for s in served] if nat else [],
        uplinks=names,
        guarded=[s.cidr for s in served] if guard else [],
        isolated=[s.cidr for s in host_only] if guard else [],
        fenced=[] if fence is None else served,
        allowed=[
            (a.network if a.network.prefixlen < 32 else a.network[0], a.port) for a in fence or ()
        ],
        privates=PRIVATE,
    )


def pf_conf(name: str) -> str:
    """The line that loads our anchor's rules with /etc/pf.conf."""
    return template("pf.conf.j2", anchor=name, anchor_file=anchor_file(name))


def rules(text: str) -> Rules:
    """The rules in a rendered anchor, translation and filter apart, as pfctl lists them."""
    lines = tuple(line for line in text.splitlines() if line and not line.startswith(("#", "set ")))
    return Rules(
        tuple(line for line in lines if line.startswith("nat ")),
        tuple(line for line in lines if not line.startswith("nat ")),
    )


def everything(facts: Facts, desired: Desired) -> Dict[str, str]:
    """Every fragment by its file name, each with a header that says from which facts."""
    header = (
        f"# container-net {__version__}; current uplink: "
        + (", ".join(desired.uplinks.needed) or "none")
        + "; subnets: "
        + (", ".join(f"{s.cidr} ({s.mode}, {s.origin})" for s in desired.subnets) or "none")
        + "\n"
    )
    files = {
        "sysctl.conf": template("sysctl.conf.j2"),
        "pf.conf": pf_conf(facts.anchor),
        "pf.anchor": anchor(desired),
        "container.env": template("container.env.j2"),
    }
    return {name: header + text for name, text in files.items()}


def anchor_file(name: str) -> str:
    """Where the rules of an anchor lie for `load anchor … from`; /etc is a link on a Mac."""
    return "/etc/pf.anchors/" + name.rsplit("/", 1)[1]


_ON = re.compile(r"(.*\bon )([a-z]+[0-9]+)( .*)")


def summed_up(lines: Sequence[str]) -> List[str]:
    """The lines, with rules that differ in nothing but the interface as one line."""

    def parts(line: str) -> Tuple[str, str, str]:
        # Most lines of a long diff are no rules.
        match = _ON.fullmatch(line) if "on " in line else None
        if match is None:
            return line, "", ""
        before, name, after = match.groups()
        return before, after.replace(f"({name}:0)", "(...:0)"), name

    shown: List[str] = []
    at = 0
    for (before, after), same in itertools.groupby(map(parts, lines), lambda found: found[:2]):
        names = [name for _before, _after, name in same]
        if len(names) < 3 or not names[0]:
            shown += lines[at : at + len(names)]
        else:
            count = _("({count} rules)").format(count=len(names))
            shown.append(f"{before}{compact(names)}{after}  {count}")
        at += len(names)
    return shown


def compact(names: Sequence[str]) -> str:
    """Interface names as people write them: en0-en31, utun0-utun31."""
    spans: List[Tuple[str, int, int]] = []
    for name in names:
        kind = name.rstrip("0123456789")
        number = int(name[len(kind) :])
        if spans and spans[-1][0] == kind and spans[-1][2] == number - 1:
            spans[-1] = (kind, spans[-1][1], number)
        else:
            spans.append((kind, number, number))
    return ", ".join(f"{k}{a}" if a == b else f"{k}{a}-{k}{b}" for k, a, b in spans)
