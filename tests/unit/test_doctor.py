"""Doctor without a Mac: order and folding, cures, symptoms, masks, reports, the document."""

from __future__ import annotations

import io
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_net import doctor, doctor_report, from_text, history, text
from container_net.doctor_report import Mask
from container_net.faults import BY_ID, FAULTS, GUIDE, REGISTRY, document
from container_net.faults.case import Finding
from container_net.model import BadInput, Problem, Reading
from container_net.options import Options
from container_net.report import Screen
from container_net.settings import Settings


def findings(**states: str) -> Dict[str, Finding]:
    found = {name: Finding(name, "absent") for name in REGISTRY}
    found.update({name: Finding(name, state, ("seen",)) for name, state in states.items()})
    return found


# -- order and folding


def test_what_is_present_comes_before_what_may_be_and_the_likeliest_cause_first() -> None:
    made = doctor.judge(findings(F04="present", F11="present", F35="possible"))
    assert [d.fault.id for d in made] == ["F11", "F04", "F35"]


def test_a_consequence_is_told_below_its_first_cause_only() -> None:
    (made,) = doctor.judge(findings(F33="present", F34="present"))
    assert made.fault.id == "F34"
    assert [f.id for f in made.consequences] == ["F33"]
    # Only what is certain explains another fault.
    assert len(doctor.judge(findings(F33="present", F34="possible"))) == 2


def test_a_consequence_of_a_consequence_goes_to_the_root() -> None:
    (made,) = doctor.judge(findings(F35="present", F34="present", F33="present"))
    assert made.fault.id == "F35"
    assert {f.id for f in made.consequences} == {"F34", "F33"}


def test_no_fault_is_lost_by_folding() -> None:
    made = doctor.judge(findings(**dict.fromkeys(REGISTRY, "present")))
    told = [d.fault.id for d in made] + [f.id for d in made for f in d.consequences]
    assert sorted(told) == sorted(REGISTRY)


# -- cures


def test_a_cure_is_filled_with_what_is_known() -> None:
    finding = Finding(
        "F06", "present", fill=(("SUBNET", "192.168.64.0/24"), ("BRIDGE", "bridge100"))
    )
    commands = [step.command for step in doctor.cure(BY_ID["F06"], finding)]
    assert "sudo route -nv add -net 192.168.64.0/24 -interface bridge100" in commands
    assert "route -n get CONTAINER_IP" in commands


def test_a_path_with_shell_characters_is_quoted_in_a_cure() -> None:
    finding = Finding("F49", "present", fill=(("FILE", "/etc/a\\1 b; rm -rf $HOME"),))
    commands = [step.command or "" for step in doctor.cure(BY_ID["F49"], finding)]
    assert "sudo touch '/etc/a\\1 b; rm -rf $HOME'" in commands


def test_pairs_that_nothing_tells_apart_say_what_would() -> None:
    pairs = (("F03", "F05"), ("F03", "F07"), ("F35", "F36"), ("F17", "F19"), ("F08", "F37"))
    for first, second in (*pairs, ("F27", "F28"), ("F39", "F40"), ("F27", "F29")):
        for one, other in ((first, second), (second, first)):
            assert doctor.told_apart(Finding(one, "possible", apart=(BY_ID[other].name,)))


# -- options


def test_the_probe_asks_for_what_the_options_say() -> None:
    values: Dict[str, Any] = {"probe": True, "address": "9.9.9.9:853", "host": "example.com"}
    target = doctor.target_of(Settings(), Options(**values))
    assert (target.address, target.port, target.host) == ("9.9.9.9", 853, "example.com")
    assert target.start
    assert not doctor.target_of(Settings(), Options()).start


@pytest.mark.parametrize(
    "values",
    [
        {"address": "one.one.one.one"},
        {"address": "1.1.1.1:0"},
        {"address": "1.1.1.1:99999"},
        {"resolver": "1.1.1"},
        {"resolver": "$(reboot)"},
        {"host": "-e"},
        {"host": "a b"},
        {"host": "a\nb"},
    ],
)
def test_an_option_that_will_not_do_is_refused(values: Dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        doctor.target_of(Settings(), Options(probe=True, **values))


# -- symptoms, from the catalogue alone


@pytest.fixture
def no_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Mac, real or simulated, must not be needed."""

    def refuse(*_words: object) -> None:
        raise AssertionError("a Mac was asked")

    monkeypatch.setattr("container_net.machine.Machine.run", refuse)
    monkeypatch.setattr("container_net.rehearsal.folder", refuse)


def told(message: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert from_text.explain(Screen(), message) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("row", GUIDE, ids=lambda row: row.id)
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.usefixtures("no_mac")
def test_the_guides_rows_answer_with_the_guides_remedy_and_what_to_check_first(
    row: Any, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text.use(language)
    out = told(row.symptoms[0].example, capsys)
    head = out[: out.index("\n? ")]
    assert text._(row.symptom) in head
    assert row.first_check.command in head
    for step in row.cure:
        assert text._(step.text) in head


@pytest.mark.usefixtures("no_mac")
def test_a_log_on_standard_input_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = b"\xff noise\n" * 10_000 + b"nslookup: read: Connection refused\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log)))
    assert "F21" in told("-", capsys)


@pytest.mark.usefixtures("no_mac")
def test_a_symptom_as_json_has_the_form_of_a_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    assert doctor_report.symptom(screen, "curl: (28) Connection timed out") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == 1
    assert data["unknown"] == []
    first = data["faults"][0]
    assert first["id"] == "F11"
    assert first["state"] == "possible"
    assert first["evidence"] == ["curl: (28) Connection timed out"]
    assert first["auto"] == "yes"
    assert "invoke net.setup" in first["cure"]
    assert data["guide"][0]["id"] == "G01"


@pytest.mark.usefixtures("no_mac")
def test_a_symptom_that_nobody_knows_is_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor_report.symptom(Screen(), "the cat sat on the keyboard") == 1
    assert "net.doctor" in capsys.readouterr().out


def test_an_empty_symptom_and_a_terminal_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput):
        from_text.explain(Screen(), "  ")
    stdin = io.StringIO("")
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(BadInput):
        from_text.explain(Screen(), "-")


# -- masks


def test_the_same_value_has_the_same_mask_and_another_value_another() -> None:
    mask = Mask(users=["jane"], hosts=["janes-mac", "cont"])
    out = mask(
        "192.168.64.1 to 10.0.0.7 by 192.168.64.1; fe80::1 and FE80::1 and 2606:4700::1111; "
        "a4:cf:99:2b:10:41; token 11012949885072952621; /Users/jane/x of Jane on janes-mac and "
        "printer.local; 7C1D5B7E-0C55-4E0B-9C9E-5B1C6C3F0A01"
    )
    assert out == (
        "<ipv4-1> to <ipv4-2> by <ipv4-1>; <ipv6-1> and <ipv6-1> and <ipv6-2>; "
        "<mac-1>; token <token-1>; /Users/<user-1>/x of <user-1> on <host-2> and "
        "<host-1>; <uuid-1>"
    )


def test_what_a_reader_needs_is_not_masked() -> None:
    kept = (
        "nat on en0 inet from any to any -> (en0:0) com.apple.internet-sharing/shared_v4 "
        "macOS 26.1 container 1.2.2 /sbin/pfctl -a com.apple/250.container-net -s nat 100% "
        "0x0000000000000001"
    )
    assert Mask(users=["dev"], hosts=["mac"])(kept) == kept


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str), st.sampled_from(" ,;()/'"))
def test_no_address_survives(address: str, around: str) -> None:
    out = Mask()(f"x{around}{address}{around}y")
    assert address not in out
    assert re.search(r"<ipv[46]-1>", out)


@given(st.lists(st.integers(10**14, 2**64 - 1), min_size=1, max_size=5))
def test_no_token_survives(tokens: List[int]) -> None:
    out = Mask()(" ".join(map(str, tokens)))
    assert not re.search(r"\d{5}", out)
    assert len(set(out.split())) == len(set(tokens))


# -- the report file


def test_a_report_is_its_owners_alone_and_replaces_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    doctor_report.write_report(path, "one\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    doctor_report.write_report(path, "two\n")
    assert path.read_text() == "two\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["report.md"]


def test_links_folders_and_pipes_are_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "folder", "pipe", "none/report.md"):
        with pytest.raises(BadInput):
            doctor_report.write_report(tmp_path / name, "x")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".container-net")]


# -- the document


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_document_is_as_the_catalogue_has_it(language: str) -> None:
    path = document.FILES[language]
    assert path.read_text(encoding="utf-8") == document.document(language), (
        "stale: python -m container_net.faults.document"
    )


def test_the_document_begins_with_the_guides_table_and_has_every_fault() -> None:
    page = document.document("en")
    first_table = page.index("\n| ")
    assert "## " not in page[:first_table]
    rows = [line for line in page[first_table:].splitlines() if line.startswith("| ")][2:6]
    assert [row.split(" | ")[0][2:] for row in rows] == [row.symptom for row in GUIDE]
    for fault in FAULTS:
        assert f"### {fault.id} `{fault.name}`: {fault.title}" in page
        assert f'<a id="{fault.id.lower()}"></a>' in page
    anchors = set(re.findall(r'<a id="([a-z0-9]+)"', page))
    assert set(re.findall(r"\]\(#([a-z0-9]+)\)", page)) <= anchors


def test_a_stale_document_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {"en": tmp_path / "docs" / "t.md", "ko": tmp_path / "docs" / "t.ko.md"}
    monkeypatch.setattr(document, "FILES", paths)
    assert document.main(["--check"]) == 1
    assert not paths["en"].exists()
    assert document.main([]) == 0
    assert document.main(["--check"]) == 0
    paths["ko"].write_text("old", encoding="utf-8")
    assert document.main(["--check"]) == 1


def test_what_is_not_there_is_passed_over_in_silence() -> None:
    absent: Reading[Any] = Reading(None, "sudo /usr/sbin/lsof -nP", Problem.NO_PROGRAM)
    assert doctor._quiet(absent)
    assert not doctor._quiet(Reading(None, "x", Problem.NO_ANSWER))


# -- what is over


def _run(at: float, *kinds: str) -> history.Row:
    return history.Row(history.RUN, at, at, tuple(history.Act(kind, kind) for kind in kinds), 0.1)


def test_what_the_daemon_mended_is_told_as_the_fault_that_it_was() -> None:
    rows = [_run(0, "rules"), _run(600, "forwarding"), _run(700, "pf"), _run(900, "way")]
    faults = [each.fault and each.fault.id for each in doctor.earlier(rows)]
    assert faults == ["F02", "F11", "F46", None]


def test_a_start_and_the_first_run_of_which_something_is_known_were_no_fault() -> None:
    gap = history.Row(history.GAP, 0, 600)
    start = history.Row(history.START, 600, 600)
    assert doctor.earlier([start, _run(601, "rules", "pf", "forwarding")]) == ()
    assert [e.fault for e in doctor.earlier([gap, _run(600.5, "rules")])] == [None]
    assert [e.fault and e.fault.id for e in doctor.earlier([gap, _run(900, "rules")])] == ["F02"]
