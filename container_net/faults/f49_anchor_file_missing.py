"""/etc/pf.conf loads an anchor file that is not there."""

from __future__ import annotations

from ..render import anchor_file
from ..text import N_, _
from .case import ABSENT, POSSIBLE, PRESENT, Case, Contradiction, Finding, need, quote
from .fault import Fault, Step, Symptom

FAULT = Fault(
    id="F49",
    name="anchor-file-missing",
    section="way",
    title=N_("/etc/pf.conf loads an anchor file that is not there"),
    symptoms=(
        Symptom(
            r"cannot open the main config file",
            "pfctl: cannot open the main config file!: No such file or directory",
        ),
        Symptom(r"invalid pf config", 'Error: invalid pf config "/etc/pf.conf"'),
    ),
    cause=N_(
        "/etc/pf.conf has a line `load anchor ... from FILE`, and FILE is gone. pf then loads "
        "nothing of it: the Mac has no pf ruleset after a boot, and `container system dns create` "
        "fails."
    ),
    cure=(
        Step(
            N_("See which line it is; this only reads."),
            "pfctl -n -f /etc/pf.conf; grep 'load anchor' /etc/pf.conf",
        ),
        Step(
            N_(
                "If the line is this tool's, this puts its file back; if you do not need the tool "
                "any more, `invoke net.teardown` takes line and file away."
            ),
            "invoke net.persist",
        ),
        Step(
            N_(
                "If it is another program's, put the file back (an empty one is enough), or take "
                "the line out. FILE is the path in that line."
            ),
            "sudo touch FILE",
        ),
    ),
    auto="yes",
    fix="persist",
    versions=N_("every version"),
    evidence=("pf source", "pf.conf grammar"),
)


def recognise(case: Case) -> Finding:
    """/etc/pf.conf loads a file that is not there, and pf takes nothing of it."""
    gone = [path for path, there in case.extra.loads.items() if not there]
    if not gone:
        need(case.facts.files["pf_conf"])
        return Finding(FAULT.id, ABSENT)
    error = need(case.facts.pf_conf_error)
    missing = _("{path} is not there").format(path=gone[0])
    conf = case.facts.files["pf_conf"]
    if not error:
        raise Contradiction(quote(conf, f"load anchor … from {gone[0]}"), missing)
    if "cannot open" not in error and gone[0] not in error:
        return Finding(FAULT.id, POSSIBLE, (missing, quote(case.facts.pf_conf_error, error)))
    return Finding(
        FAULT.id,
        PRESENT,
        (quote(conf, f"load anchor … from {gone[0]}"), quote(case.facts.pf_conf_error, error)),
        fill=(("FILE", gone[0]),),
        steps=() if _is_ours(case, gone[0]) else (FAULT.cure[0], FAULT.cure[-1]),
    )


def _is_ours(case: Case, file: str) -> bool:
    """Whether it is the file of our anchor; /etc is a link to /private/etc."""
    return file.replace("/private/etc/", "/etc/") == anchor_file(case.facts.anchor)
