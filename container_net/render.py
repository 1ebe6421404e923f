"""Fragments and files from the templates, exactly as they would be written."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Dict

from . import __version__
from .desired import Desired, Rules
from .model import Facts

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["anchor", "anchor_file", "everything", "pf_conf", "rules", "template"]

HOOK = 'nat-anchor "com.apple/*"\n'
# Before rules that pfctl must not reorder or fold into tables, as pf.anchor.j2 has it.
AS_WRITTEN = "set ruleset-optimization none\n"


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
    return _environment().get_template(name).render(**values)


def anchor(desired: Desired) -> str:
    """The rules of our anchor as text, with a final newline; empty where there are none."""
    return template(
        "pf.anchor.j2",
        pairs=desired.pairs,
        guarded=desired.guarded,
        isolated=desired.isolated,
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
        f"# container-net {__version__}; uplinks: "
        + (", ".join(desired.uplinks.needed + desired.uplinks.spare) or "none")
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
