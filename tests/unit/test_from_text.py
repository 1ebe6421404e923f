"""`net.doctor --from`: what a text tells, how surely, what to ask for, and that nothing is run."""

from __future__ import annotations

import html
import io
import json
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from budget import some, within
from hypothesis import given
from hypothesis import strategies as st
from invoke.context import MockContext
from unit.test_pasted import PIECES

from container_net import doctor, from_text, runner, text
from container_net.faults.match import LIMIT
from container_net.from_text import Told, judge
from container_net.model import BadInput
from container_net.report import Screen
from container_net.tasks import net


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program may be started, and no Mac asked, whatever a text says."""

    def refuse(*_words: object, **_more: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(runner, "execute", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr("os.posix_spawn", refuse)
    monkeypatch.setattr("os.system", refuse)
    monkeypatch.setattr("container_net.rehearsal.folder", refuse)


def states(told: Told) -> Dict[str, str]:
    """The faults that are told, with those below others."""
    found = {d.fault.id: d.finding.state for d in told.answer.found}
    return {**found, **{f.id: f.state for d in told.answer.found for f in d.consequences}}


RELOADED = """\
Since I ran `sudo pfctl -f /etc/pf.conf` nothing gets out of my containers (macOS 26.2).

```console
jo@mini ~ % sudo pfctl -s nat
No ALTQ support in kernel
ALTQ related functions disabled
nat-anchor "com.apple/*" all
rdr-anchor "com.apple/*" all
```
"""
TUNNEL = """\
$ route -n get default
   route to: default
  interface: utun7
      flags: <UP,DONE,CLONING,STATIC>
$ sudo pfctl -a com.apple.internet-sharing/shared_v4 -s nat
nat on en4 inet from 192.168.71.0/24 to any -> (en4:0) extfilter ei

and that is all
"""
STOLEN = """\
Destination        Gateway            Flags               Netif Expire
default            10.20.0.1          UGScg                 en0
192.168.64         link#31            UCS                 utun9
192.168.64.2       link#31            UHWIi               utun9

"""
STOPPED = '$ container system status --format json\n{"status":"unregistered","appRoot":""}\n\n'
FORWARDING = """\
$ sysctl net.inet.ip.forwarding
net.inet.ip.forwarding: 0
$ container system status
apiserver is running

"""
DISABLED = "$ sudo pfctl -s info\nStatus: Disabled for 0 days 00:41:10           Debug: Urgent\n\n"
DENIED = """\
$ container system logs --last 5m
2026-11-02 10:11:12.1 linux: connect(descriptor:addr:size:): No route to host) (errno: 65)
2026-11-02 10:11:13.4 linux: listening

$ sw_vers -productVersion
26.2

"""
HEALTHY = """\
$ sudo pfctl -s nat
nat-anchor "com.apple/*" all
nat-anchor "com.apple.internet-sharing" all
rdr-anchor "com.apple/*" all
rdr-anchor "com.apple.internet-sharing" all
$ sysctl net.inet.ip.forwarding
net.inet.ip.forwarding: 1
$ route -n get default
   route to: default
  interface: en0
$ sudo pfctl -s info
Status: Enabled for 3 days 00:20:11           Debug: Urgent

"""
BEHIND = """\
$ route -n get default
  interface: en0
$ route -n get 10.77.0.15
  interface: utun6
$ sudo pfctl -a com.apple.internet-sharing/shared_v4 -s nat
nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei

"""
IDLE = """\
$ sudo pfctl -a com.apple.internet-sharing/shared_v4 -v -s nat
nat on utun3 inet from 192.168.64.0/24 to any -> (utun3:0) extfilter ei
  [ Evaluations: 90        Packets: 0         Bytes: 0           States: 0     ]

"""
CASES: Tuple[Tuple[str, str, str, str], ...] = (
    ("a reload", RELOADED, "F01", "possible"),
    ("a tunnel", TUNNEL, "F03", "possible"),
    ("a route", STOLEN, "F06", "possible"),
    ("not started", STOPPED, "F33", "present"),
    ("forwarding", FORWARDING, "F11", "possible"),
    ("pf is off", DISABLED, "F46", "possible"),
    ("a log", DENIED, "F27", "present"),
    ("behind a tunnel", BEHIND, "F04", "possible"),
    ("a rule that never matched", IDLE, "F05", "possible"),
)


@pytest.mark.parametrize(("_name", "pasted", "fault", "state"), CASES, ids=[c[0] for c in CASES])
def test_what_was_pasted_leads_to_its_fault(
    _name: str, pasted: str, fault: str, state: str
) -> None:
    told = judge(pasted)
    assert states(told) == {fault: state}
    assert told.answer.found[0].finding.evidence


def test_what_an_output_shows_that_may_go_on_is_only_possible() -> None:
    status = (
        "$ container system status\napiserver is not running and not registered with launchd\n\n"
    )
    assert states(judge(status)) == {"F33": "present"}
    cut = judge(status[:-20])
    assert states(cut) == {"F33": "possible"}
    assert cut.unsure == ("F33",)


@pytest.mark.parametrize(("version", "told"), [("1.4.1", True), ("1.5.0", False)])
def test_who_has_the_release_that_mends_it_is_not_told_to_update(version: str, told: bool) -> None:
    (found, *_more) = judge(f"{RELOADED}\ncontainer CLI version {version}\n").answer.found
    steps = doctor.cure(found.fault, found.finding)
    assert (found.fault.id, any("Update container" in step.text for step in steps)) == ("F01", told)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_evidence_quotes_what_was_pasted_and_nothing_that_was_filled_in(case: Any) -> None:
    told = judge(case[1])
    for line in told.answer.found[0].finding.evidence:
        quoted = line.split(" → ")[-1] if " → " in line else line.split(" has no ")[0]
        last = quoted.split()[-1]
        assert last in case[1] or last in " ".join(told.read), line


def test_outputs_that_show_nothing_wrong_are_told_so_and_more_is_asked_for() -> None:
    told = judge(HEALTHY)
    assert states(told) == {}
    assert told.ask == ("container system status",)
    assert len(told.read) == 4


def test_what_would_decide_is_the_next_thing_that_the_recogniser_lacks() -> None:
    ask = judge(RELOADED).ask
    assert 1 < len(ask) <= from_text.ASK
    assert not any("pfctl -s nat" in command for command in ask)
    assert any("ifconfig" in command for command in ask)


def test_a_text_without_a_word_about_the_network_says_what_to_paste() -> None:
    told = judge("Roses are red.\nViolets are blue.\n")
    assert told.empty
    (only,) = from_text.lines(told)
    assert "pfctl -s nat" in only[0][0]


# -- the task


def run_task(capsys: pytest.CaptureFixture[str], **values: Any) -> Tuple[int, str]:
    from invoke.exceptions import Exit

    code = 0
    try:
        net.tasks["doctor"](MockContext(), **{"json": False, "lang": "en", **values})
    except Exit as stop:
        code = stop.code or 0
    text.use(None)
    return code, capsys.readouterr().out


def test_the_task_reads_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "issue.md"
    path.write_text(RELOADED)
    code, out = run_task(capsys, from_=str(path))
    assert code == 1
    assert "pfctl -s nat" in out.splitlines()[0]
    assert "F01" in out
    assert "ask for them" in out


def test_the_task_reads_standard_input_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(STOPPED.encode("utf-16"))))
    code, out = run_task(capsys, from_="-", json=True)
    data = json.loads(out)
    assert code == 1
    assert data["schema"] == 1
    assert [(f["id"], f["state"]) for f in data["faults"]] == [("F33", "present")]
    assert data["read"] == ["container system status"]


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadInput):
            from_text.run(Screen(), str(path))
    stdin = io.StringIO("")
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(BadInput):
        from_text.run(Screen(), "-")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput):
        from_text.run(Screen(), str(tmp_path / "pipe"))


def test_nothing_of_a_text_reaches_the_terminal_but_letters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evil"
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    path.write_text(
        RELOADED.replace("rdr-anchor", evil + "rdr-anchor")
        + f'{{"status":"unregistered","x":"\\u001b[2J{evil}"}}\n'
        + f"curl: (28) {evil} Connection timed out\n"
    )
    _code, out = run_task(capsys, from_=str(path))
    assert not [c for c in out if c != "\n" and not c.isprintable()]


# -- what a change of the form may do

RANK = {"": 0, "unknown": 0, "absent": 0, "possible": 1, "present": 2}


def surer(variant: Told, whole: Told) -> List[str]:
    """The faults that a variant is surer of than the whole text.

    What is only said `if the outputs are whole`, or `if the rest is as usual`, is not sure at all.
    """
    before, after = states(whole), states(variant)
    said = {*variant.unsure, *variant.leads}
    return [
        name
        for name, state in after.items()
        if name not in said and RANK[state] > RANK[before.get(name, "")]
    ]


def wrapped(whole: str, width: int) -> str:
    rows: List[str] = []
    for row in whole.split("\n"):
        left = row
        while len(left) > width:
            at = left.rfind(" ", 0, width)
            at = at if at > 0 else width
            rows.append(left[:at])
            left = left[at:].lstrip()
        rows.append(left)
    return "\n".join(rows)


def shuffled(whole: str, seed: int) -> str:
    blocks = whole.split("\n\n")
    random.Random(seed).shuffle(blocks)
    return "\n\n".join(blocks)


TEXTS = [case[1] for case in CASES] + [HEALTHY, "\n".join(case[1] for case in CASES[:2])]


@pytest.mark.parametrize("whole", TEXTS, ids=[*(c[0] for c in CASES), "healthy", "two"])
def test_no_form_of_a_text_is_surer_than_the_text(whole: str) -> None:
    told = judge(whole)
    variants = [whole[:at] for at in range(0, len(whole), 97)]
    variants += [whole[at:] for at in range(0, len(whole), 194)]
    rows = whole.splitlines(keepends=True)
    cuts = range(1, len(rows), 2)
    variants += ["".join(part) for at in cuts for part in (rows[:at], rows[at:])]
    variants += [wrapped(whole, width) for width in (40, 72)]
    variants += [
        shuffled(whole, 1),
        whole.replace("\n", "\r\n"),
        "".join(f"jo@mini ~ % {row}\n" for row in whole.splitlines()),
        "\n".join(reversed(whole.splitlines())),
        whole.replace("\n", " "),
        whole.replace(" ", ""),
    ]
    for variant in some(variants, TEXTS.index(whole)):
        after = judge(variant)
        assert surer(after, told) == [], variant
        assert from_text.lines(after)
        json.dumps(from_text.data(after))


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=30)), max_size=10))
def test_any_text_is_judged_and_told(parts: List[str]) -> None:
    told = judge("".join(parts))
    for line in from_text.lines(told):
        for shown, _style in line:
            assert not [c for c in shown if not c.isprintable()], shown
    json.dumps(from_text.data(told))
    assert told.code in (0, 1)


def test_the_same_text_in_another_form_tells_the_same() -> None:
    for _name, whole, fault, state in CASES:
        for variant in (html.escape(whole), "".join(f"> {r}\n" for r in whole.splitlines())):
            assert states(judge(variant)) == {fault: state}


@pytest.mark.once
def test_a_mebibyte_is_judged_in_less_than_a_second() -> None:
    whole = "\n".join(TEXTS)
    within(1.0, lambda: judge(whole * (LIMIT // len(whole) + 1)))
    for whole in TEXTS:
        within(0.5, partial(judge, whole * (LIMIT // 8 // len(whole) + 1)))


def test_the_usual_mac_that_stands_in_shows_no_fault_by_itself() -> None:
    from container_net.pasted import Pasted, Transcript
    from container_net.settings import Settings
    from container_net.usual import usual

    found = doctor.examine(Transcript(usual(Pasted())), Settings())
    assert {f.state for f in found.findings.values()} == {"absent"}
    assert found.unknown == ()
    assert found.code == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '$ sudo pfctl -s nat\nnat-anchor "com.apple/*" all\nrdr-anchor "com.apple/*" all\n',
            "F01",
        ),
        ("192.168.64         link#31            UCS                 utun9\n", "F06"),
    ],
)
def test_a_symptom_that_is_what_a_command_printed_is_judged_as_such(
    text: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert from_text.explain(Screen(), text) == 0
    out = capsys.readouterr().out
    assert f"? {fault}" in out
    assert "Nothing in this text" not in out


def test_a_message_is_judged_by_the_versions_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    message = "curl: (56) Recv failure: Connection reset by peer"
    for system, offered in (("26.2", False), ("27.0", True)):
        assert from_text.explain(Screen(), f"{message}\nmacOS {system}\n") == 0
        assert ("F28" in capsys.readouterr().out) == offered


def test_a_message_stays_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert from_text.explain(Screen(), '{"status":"unregistered"}') == 0
    assert "container's service is not started." in capsys.readouterr().out
