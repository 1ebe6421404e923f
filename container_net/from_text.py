"""`net.doctor --from`: a pasted text judged as if it were the Mac, and what to ask for next.

The recognisers run three times. What they see in the outputs that are surely whole is as certain as
on a live Mac. What needs an output that may be cut off, or filtered, is `possible`. What shows only
with a usual Mac around the pasted outputs is a lead, `possible` as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import stat
import sys
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import doctor, doctor_report
from .doctor import Examination
from .faults import BY_ID, stories
from .faults.case import ABSENT, NOTE, POSSIBLE, PRESENT, UNKNOWN, Finding
from .faults.match import LIMIT, Match
from .faults.symptoms import Lead
from .faults.symptoms import leads as leads_of
from .model import BadInput, NetError
from .parse import excerpt
from .pasted import MISSING, Key, Pasted, Transcript, key, read
from .probes import Target
from .report import Line, Screen, line
from .settings import Settings, parse_anchor
from .status import UNKNOWN as UNSURE
from .text import _
from .usual import asked_for, usual

__all__ = ["Told", "data", "judge", "lines", "run"]

# How many commands are asked for at once, and how many words of a text are explained.
ASK = 4
WORDS = 3
_BYTES = 4 * LIMIT


@dataclass(frozen=True)
class Told:
    """What a text tells.

    `answer` is the doctor's; its findings are no more certain than the text is. `unsure` are the
    ids that are only `possible` because an output may go on; `leads` those that show if all else is
    as usual. `words` are faults that messages in the text speak of. `ask` are commands.
    """

    read: Tuple[str, ...]
    answer: Examination
    unsure: Tuple[str, ...]
    leads: Tuple[str, ...]
    words: Tuple[Match, ...]
    layers: Tuple[Lead, ...]
    ask: Tuple[str, ...]
    own: bool = False

    @property
    def empty(self) -> bool:
        return not (self.read or self.words)

    @property
    def code(self) -> int:
        """The doctor's: 0 where no fault was found and nothing that matters is missing, else 1."""
        if self.own:
            return self.answer.code
        return 1 if self.empty or self.words or self.ask else self.answer.code


# -- judging


def _settings(header: Mapping[str, Any]) -> Settings:
    """The settings that a report of ours was written with; what does not fit is left out."""
    made = Settings()
    given = header.get("subnets")
    with contextlib.suppress(KeyError, NetError):
        made = dataclasses.replace(made, anchor=parse_anchor("anchor", header["anchor"]))
    with contextlib.suppress(ValueError):
        nets = tuple(IPv4Network(str(net)) for net in given) if isinstance(given, list) else ()
        made = dataclasses.replace(made, subnets=nets)
    return made


def _target(header: Mapping[str, Any]) -> Optional[Target]:
    values = header.get("target")
    if not isinstance(values, dict) or not isinstance(values.get("port"), int):
        return None
    texts = {f.name: str(values.get(f.name, "")) for f in dataclasses.fields(Target)}
    return dataclasses.replace(
        Target(texts["image"], texts["address"], values["port"], texts["resolver"]),
        host=texts["host"],
        url=texts["url"],
        start=values.get("start") is True,
    )


def judge(text: str) -> Told:
    """What a text tells. Pure; hostile text is only text."""
    pasted = read(text)
    if pasted.header:
        return _own(pasted)
    everything, around = _examine(pasted), _examine(usual(pasted))
    whole = pasted.surely()
    surely = everything if whole == pasted else _examine(whole)
    heard = tuple(_shown(asked) for asked, made in pasted.outputs.items() if not made.derived)
    findings: Dict[str, Finding] = {}
    unsure, leads = [], []
    for name, finding in everything.findings.items():
        sure, far = surely.findings[name], around.findings[name]
        if PRESENT == finding.state == sure.state or finding.state == ABSENT:
            findings[name] = finding
        elif finding.state in (PRESENT, POSSIBLE):
            findings[name] = dataclasses.replace(finding, state=POSSIBLE)
            unsure.append(name)
        elif far.state in (PRESENT, POSSIBLE) and _lead(far, pasted).evidence:
            findings[name] = _lead(far, pasted)
            leads.append(name)
        else:
            findings[name] = finding
    for lead in (_behind_a_tunnel(pasted), _never_matched(pasted)):
        if lead is not None and findings[lead.id].state in (ABSENT, NOTE, UNKNOWN):
            findings[lead.id] = lead
            leads.append(lead.id)
    found = doctor.judge(findings)
    unknown = tuple(item for item in everything.unknown if MISSING not in item.why)
    answer = dataclasses.replace(
        everything, found=found, findings=findings, unknown=unknown, notes=()
    )
    layers, matches = leads_of(pasted.plain, *_versions(everything), pasted.prose)
    if all(lead.layer.id == "network" for lead in layers) and (found or set(heard) - _FORMS):
        # Prose around outputs: they say more.
        layers = ()
        matches = tuple(m for m in matches if m.symptom is not None or m.row or m.story)
    words = _ordered(matches, findings, bool(found))
    if around.findings["F04"].state == NOTE and stories.tells("a VPN", pasted.prose):
        # Many healthy Macs have such a tunnel; whoever writes of a VPN may mean it.
        seen = around.findings["F04"].evidence[0]
        others = tuple(match for match in words if match.fault.id != "F04")
        words = (Match(BY_ID["F04"], 0, seen, None, None, True), *others)
    ask = _ask(pasted, everything, [d.fault.id for d in found] + [m.fault.id for m in words])
    return Told(heard, answer, tuple(unsure), tuple(leads), words, layers, ask)


# What any report has in its form: it says nothing of the network.
_FORMS = {"sw_vers", "container --version"}


def _versions(answer: Examination) -> Tuple[Optional[int], Optional[Tuple[int, ...]]]:
    """The major version of macOS and container's version, where the text names them."""
    system, container = answer.facts.os_version.value, answer.facts.container_version.value
    return (
        int(system.split(".")[0]) if system else None,
        tuple(map(int, container.split("."))) if container else None,
    )


def _examine(pasted: Pasted) -> Examination:
    """The doctor's answer; a log that was pasted is read whether or not something points there."""
    return doctor.examine(Transcript(pasted), Settings(), logs=_LOGS in pasted.outputs)


_LOGS: Key = ("container", "logs")


def _own(pasted: Pasted) -> Told:
    settings, target = _settings(pasted.header), _target(pasted.header)
    try:
        answer = doctor.examine(Transcript(pasted), settings, target)
    except BadInput:
        # Subnets that were given, and that do not fit what the report says of the Mac.
        answer = doctor.examine(Transcript(pasted), Settings(), target)
    heard = tuple(_shown(asked) for asked in pasted.outputs if asked[0] not in ("exists", "true"))
    return Told(heard, answer, (), (), (), (), (), own=True)


def _lead(finding: Finding, pasted: Pasted) -> Finding:
    """What shows with a usual Mac around the text: with the evidence that was pasted, no other."""
    default, public = (("route", name) in pasted.outputs for name in ("default", "8.8.8.8"))
    told = [
        text.replace("get 8.8.8.8 ", "get default ") if default and not public else text
        for text in finding.evidence
    ]
    kept = tuple(t for t in told if any(_mentions(asked, t) for asked in pasted.outputs))
    everything = "\n".join(o.out + o.err for o in pasted.outputs.values())
    fill = tuple((word, value) for word, value in finding.fill if value in everything)
    shown = tuple(dict.fromkeys(kept))
    return Finding(finding.id, POSSIBLE, shown, fill=fill, steps=finding.steps)


_TUNNEL = re.compile(r"(?:utun|tun|ipsec|ppp|gpd)[0-9]+")


def _way_of(pasted: Pasted, target: str) -> str:
    """The interface that `route get` named, empty where it was not pasted."""
    made = pasted.outputs.get(("route", target))
    named = re.search(r"interface: +([a-z]+[0-9]+)\s", made.out) if made is not None else None
    return named.group(1) if named else ""


def _behind_a_tunnel(pasted: Pasted) -> Optional[Finding]:
    """F04: somebody asked the way to a host, and it leads into a tunnel that is not the default."""
    uplink = _way_of(pasted, "default") or _way_of(pasted, "8.8.8.8")
    rules = [(k, o.out) for k, o in pasted.outputs.items() if k[:2] == ("pfctl", "show")]
    vmnets = [(k, m) for k, out in rules for m in re.finditer(r"(?m)^nat on (\S+) .*", out)]
    if not uplink and vmnets:
        uplink = vmnets[0][1].group(1)
    guest = asked_for(pasted)
    for asked in pasted.outputs:
        if asked[0] != "route" or asked[1] in ("default", "8.8.8.8"):
            continue
        way = _way_of(pasted, asked[1])
        if not uplink or way == uplink or not _TUNNEL.fullmatch(way) or asked[1] == guest:
            continue
        if any(m.group(1) == way for _k, m in vmnets):
            continue
        told = [f"{_shown(asked)} → interface: {way}"]
        told += [f"{_shown(k)} → {m.group()}" for k, m in vmnets][:1]
        return Finding("F04", POSSIBLE, tuple(told), fill=(("HOST", asked[1]),))
    return None


_IDLE = re.compile(
    r"(?m)^nat on (\S+) inet from [0-9./]+ to any .*\n"
    r"\s*\[ Evaluations: [1-9][0-9]* +Packets: 0 .*"
)


def _never_matched(pasted: Pasted) -> Optional[Finding]:
    """F05: vmnet's rule on a tunnel is looked at, and no packet of a container ever gets there."""
    for asked, made in pasted.outputs.items():
        if asked[:2] != ("pfctl", "show") or not asked[2].startswith("com.apple.internet-sharing/"):
            continue
        idle = _IDLE.search(made.out)
        if idle is not None and _TUNNEL.fullmatch(idle.group(1)):
            shown = (f"{_shown(asked)} → {row.strip()}" for row in idle.group().split("\n"))
            return Finding("F05", POSSIBLE, tuple(shown), apart=("vpn-not-followed",))
    return None


def _mentions(asked: Key, told: str) -> bool:
    if asked[0] == "pfctl" and asked[1] == "show":
        place = f"-a {asked[2]} " if asked[2] else ""
        return any(f"pfctl {place}{v}-s {asked[3]}" in told for v in ("", "-v "))
    if asked[0] == "netstat":
        return "netstat" in told or "route -n get 1" in told
    if asked[0] == "route":
        return f"route -n get {asked[1]} " in told
    if asked[0] == "file":
        return asked[1] in told
    if asked[0] == "container":
        names = {"ls": "container ls", "networks": "network list", "version": "--version"}
        return names.get(asked[1], asked[1]) in told
    names = {"sw_vers": "sw_vers", "ifconfig": "ifconfig", "networksetup": "networksetup"}
    return names.get(asked[0], asked[0]) in told


def _ordered(
    matches: Sequence[Match], findings: Mapping[str, Finding], found: bool
) -> Tuple[Match, ...]:
    """The likeliest first, and before them what the outputs show; without what they rule out."""

    def place(match: Match) -> int:
        name = match.fault.id
        state = findings[name].state if name in findings else UNKNOWN
        if state == ABSENT and _of_nothing()[name].state == ABSENT:
            # It was not looked for: no output rules it out.
            state = UNKNOWN
        return {PRESENT: 0, POSSIBLE: 1, ABSENT: 3}.get(state, 2)

    kept = [match for match in matches if place(match) < 3]
    return tuple(sorted(kept if kept or found else matches, key=place))


@lru_cache(maxsize=1)
def _of_nothing() -> Mapping[str, Finding]:
    """What the recognisers say of an empty text."""
    return doctor.examine(Transcript(Pasted()), Settings()).findings


# The commands that tell most where nothing points anywhere yet.
_FIRST = (
    "sudo pfctl -s nat",
    "route -n get default",
    "sysctl net.inet.ip.forwarding",
    "container system status",
)


def _ask(pasted: Pasted, answer: Examination, candidates: Sequence[str]) -> Tuple[str, ...]:
    """The commands whose output would decide between the candidates.

    A recogniser names the first thing it lacks; with the usual answer to that, the next.
    """
    open_ones = [name for name in candidates if name in answer.findings]
    if not open_ones:
        lacking = [_short(item.fact) for item in answer.unknown if MISSING in item.why]
        first = [c for c in _FIRST if key(c.replace("sudo ", "").split()) not in pasted.outputs]
        return tuple(first) if lacking else ()
    wanted: Dict[str, None] = {}
    filled, rest = pasted, usual(pasted).outputs
    for _time in range(ASK):
        sources = [
            reading.source
            for name in open_ones
            for reading in answer.findings[name].missing
            if MISSING in reading.why
        ]
        keys = {source: _asked(source) for source in dict.fromkeys(sources)}
        wanted.update(dict.fromkeys(map(_short, keys)))
        more = {asked: rest[asked] for asked in keys.values() if asked in rest}
        if not more or len(wanted) >= ASK:
            break
        filled = dataclasses.replace(filled, outputs={**filled.outputs, **more})
        answer = _examine(filled)
    return tuple(wanted)[:ASK]


def _asked(source: str) -> Key:
    """The key of a reading's source: a command, or a file."""
    found = key(source.replace("sudo ", "", 1).split())
    return found if found is not None else ("file", source)


def _short(source: str) -> str:
    """A command as a person types it: without the folders of programs that are on every PATH."""
    words = source.split(" ")
    at = 1 if words[0] == "sudo" else 0
    if source.startswith("/") and " " not in source and "/etc/" in source:
        return f"cat {source}"
    words[at] = words[at].rsplit("/", 1)[-1]
    told = " ".join(words)
    return told.replace("sysctl -n net", "sysctl net")


_NAMES: Mapping[Tuple[str, ...], str] = {
    ("sw_vers",): "sw_vers",
    ("id",): "id -u",
    ("true",): "sudo -n true",
    ("ifconfig", "-a"): "ifconfig",
    ("netstat", "inet"): "netstat -rn",
    ("networksetup", "ports"): "networksetup -listallhardwareports",
    ("launchctl", "disabled"): "launchctl print-disabled system",
    ("extensions",): "systemextensionsctl list",
    ("firewall",): "socketfilterfw",
    ("container", "version"): "container --version",
    ("container", "status"): "container system status",
    ("container", "networks"): "container network list",
    ("container", "ls"): "container ls",
    ("container", "logs"): "container system logs",
    ("container", "probe"): "container run",
}


def _shown(asked: Key) -> str:
    """A key as a command again."""
    if asked in _NAMES:
        return _NAMES[asked]
    if asked[0] == "pfctl":
        anchor = f"-a {asked[2]} " if asked[2] else ""
        if asked[1] == "show":
            return f"pfctl {anchor}-s {asked[3]}{' -v' if asked[4] else ''}"
        return (
            f"pfctl -n -f {asked[3]}"
            if asked[1] == "check"
            else f"pfctl {anchor}-t {asked[3]} -T show"
        )
    if asked[0] == "route":
        return f"route -n get {asked[1]}"
    if asked[0] == "lsof":
        return f"lsof -nP -i :{asked[1]}"
    if asked[0] == "launchctl":
        return f"launchctl print system/{asked[1]}"
    return asked[1] if asked[0] == "file" else " ".join(asked)


# -- saying it


def lines(told: Told) -> List[Line]:
    """What was read, what was found, and what would decide."""
    if told.empty:
        return [line(_nothing(), UNSURE)]
    shown: List[Line] = []
    if told.read:
        shown.append(
            ((_("Read in the text") + ": ", "head"), (excerpt(", ".join(told.read), 600), ""))
        )
        shown.append(line())
        shown += _answer_lines(told)
        shown += _caveats(told)
    if told.words:
        shown += doctor_report.symptom_lines(told.words[:WORDS], told.layers)
    if told.ask:
        shown += [line(), line(_("These outputs would decide; ask for them:"), "head")]
        shown += [(("    ", ""), (command, "cure")) for command in told.ask]
        shown.append(line(_("Or all at once, masked: invoke net.doctor --report FILE"), "dim"))
    return shown


def _answer_lines(told: Told) -> List[Line]:
    answer = told.answer
    facts = dataclasses.replace(answer.facts, simulated=False)
    if told.own or answer.found:
        return doctor_report.lines(dataclasses.replace(answer, facts=facts), None)
    known = sum(finding.state != UNKNOWN for finding in answer.findings.values())
    text = _("no fault shows in these outputs; they tell enough for {known} of {count}")
    return [line(text.format(known=known, count=len(answer.findings)), UNSURE)]


def _nothing() -> str:
    return _(
        "There is no output of a command and no message about the network in this text; paste what "
        "the failing program printed, or the output of: {commands}"
    ).format(commands=", ".join(_FIRST))


def _caveats(told: Told) -> List[Line]:
    shown: List[Line] = []
    kept = {d.fault.id for d in told.answer.found}
    unsure = [name for name in told.unsure if name in kept]
    leads = [name for name in told.leads if name in kept]
    if unsure:
        text = _("{faults}: if the outputs are whole; the text does not show where they end")
        shown.append(line(text.format(faults=", ".join(unsure)), UNSURE))
    if leads:
        text = _("{faults}: if everything that is not in the text is as usual")
        shown.append(line(text.format(faults=", ".join(leads)), UNSURE))
    return shown


def data(told: Told) -> Dict[str, Any]:
    """The object of `--json`: the doctor's, with what was read, and what to ask for."""
    found = doctor_report.data(told.answer)
    at_hand = {fault["id"] for fault in found["faults"]}
    words = [f for f in doctor_report.symptom_faults(told.words) if f["id"] not in at_hand]
    return {
        **found,
        "read": list(told.read),
        "unsure": list(told.unsure),
        "leads": list(told.leads),
        "symptoms": words,
        "layers": doctor_report.layer_data(told.layers),
        "ask": list(told.ask),
    }


def run(screen: Screen, path: str) -> int:
    """Read a file, or standard input for `-`, and say what it tells.

    Returns the exit code. Raises BadInput.
    """
    told = judge(_text(path))
    screen.show(lines(told))
    screen.data(data(told))
    return told.code


def explain(screen: Screen, given: str) -> int:
    """`--symptom`: what a message means. Where its words say nothing and it is what a command
    printed, that is judged.

    Returns 0 where something is known, else 1. Raises BadInput.
    """
    text = doctor_report.symptom_text(given)
    versions = _versions(_examine(read(text)))
    layers, _matches = leads_of(text, *versions)
    if all(lead.layer.id == "network" for lead in layers):
        told = judge(text)
        if told.read and told.answer.found:
            screen.show(lines(told))
            screen.data(data(told))
            return 0
    return doctor_report.symptom(screen, text, *versions)


def _text(path: str) -> str:
    if path == "-":
        if sys.stdin.isatty():
            raise BadInput(_("--from - reads a text from standard input: pipe one in."))
        return _decoded(_tail(sys.stdin.buffer))
    try:
        # A pipe that nobody writes to would be waited for.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(
                    _("--from is {path}, which is no regular file.").format(path=repr(path))
                )
            return _decoded(_tail(file))
    except OSError as error:
        raise BadInput(
            _("--from is {path}, which cannot be read: {why}.").format(
                path=repr(path), why=error.strerror
            )
        ) from None


def _tail(file: Any) -> bytes:
    tail = b""
    for block in iter(lambda: file.read(1 << 16), b""):
        tail = (tail + block)[-_BYTES:]
    return tail


def _decoded(raw: bytes) -> str:
    utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    return raw.decode("utf-16" if utf16 else "utf-8", "replace")
