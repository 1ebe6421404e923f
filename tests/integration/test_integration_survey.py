"""The survey asserts nothing, answers every question, and harms nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, List, Sequence

import pytest
from integration import guests, survey
from integration.guests import Feth, Guest, HelperGuest, Shared, SimGuest, SimShared, Unsuited
from integration.host import ROOT, Said, SimHost
from integration.survey import Look, looks
from sim.support import picture


def asked(sim: SimHost) -> List[Look]:
    return list(looks([SimGuest(sim), SimShared(sim)], pauses=(0.0,)))


def test_every_question_is_answered_and_the_machine_is_as_it_was(
    sim: SimHost, tmp_path: Path
) -> None:
    before = picture(sim.mac)
    summary = tmp_path / "summary.md"
    answers = survey.survey(sim, asked(sim), tmp_path, summary)
    after = picture(sim.mac)
    for image in (before, after):
        image.pop("container")
        image.pop("vmnet")
        for name in ("com.apple/249.container-net-control",):
            image["pf"]["anchors"].pop(name, None)
    assert after == before
    full, short = (tmp_path / "survey.md").read_text(), summary.read_text()
    for look, answer in zip(asked(sim), answers):
        assert answer
        assert "not answered" not in answer
        assert full.count(f"## {look.question}\n") == short.count(f"## {look.question}\n") == 1
    assert "$ sudo /sbin/pfctl -s nat    # exit 0, " in full
    assert "$ " not in short
    made = {path.name: path.read_text() for path in (tmp_path / "samples").iterdir()}
    assert made["sw_vers.txt"].startswith("# stdout, exit 0, bare: /usr/bin/sw_vers\n")
    told = "\n".join(answers)
    assert "the internet without a rule of ours: {'tcp': False}" in told
    assert "the internet with a rule by hand: {'tcp': True}" in told
    assert "(utun29:0)" in told
    assert "no last newline: exit 1, CRLF: exit 1, as usual: exit 0" in told


def test_what_names_a_machine_is_masked(sim: SimHost, tmp_path: Path) -> None:
    said = sim.ask("/sbin/ifconfig", "-a").out
    address = re.findall(r"inet (192\.168\.\S+)", said)[0]
    mac = re.findall(r"ether (\S+)", said)[0]
    survey.survey(sim, asked(sim), tmp_path, tmp_path / "summary.md")
    tokens = {str(n) for row in sim.evidence.said for n in re.findall(r"\b\d{17,20}\b", row.out)}
    for name in ("survey.md", "summary.md"):
        text = (tmp_path / name).read_text()
        assert text
        assert [word for word in (address, mac, *tokens) if word in text] == []


def test_a_look_that_fails_is_told_and_the_others_go_on(
    sim: SimHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Absent(SimGuest):
        name = "nobody"

        def open(self) -> None:
            raise Unsuited("vmnet-helper is not installed")

    class Raises(SimGuest):
        name = "somebody"

        def internet(self) -> Any:
            raise OSError("no buffer space")

    candidates: List[Guest] = [Absent(sim), Raises(sim), SimGuest(sim)]
    answers = survey.survey(sim, list(looks(candidates, (0.0,))), tmp_path, None)
    assert answers[-3] == "not answered: Unsuited: vmnet-helper is not installed"
    assert answers[-2] == "not answered: OSError: no buffer space"
    assert "the internet with a rule by hand" in answers[-1]
    assert "Traceback" in (tmp_path / "survey.md").read_text()


@pytest.mark.parametrize("program", ["/sbin/pfctl", "/usr/bin/log", "/sbin/route", "/bin/cat"])
def test_a_command_that_does_not_end_stops_nothing(
    sim: SimHost, tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = sim._ask

    def hangs(argv: Sequence[str], root: bool, stdin: str) -> Said:
        if (argv[0] == program and program != "/sbin/pfctl") or list(argv[1:3]) == ["-s", "nat"]:
            return Said(argv, root, 124, "", "no end within 60 s")
        return ask(argv, root, stdin)

    wanted = asked(sim)
    # The keeper's own look at the machine is not what is tried here.
    monkeypatch.setattr(survey, "Keeper", lambda _: survey_without_keeper())
    monkeypatch.setattr(sim, "_ask", hangs)
    answers = survey.survey(sim, wanted, tmp_path, None)
    assert len(answers) == len(wanted)
    assert "no end within 60 s" in (tmp_path / "survey.md").read_text()


class survey_without_keeper:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_the_suite_keeps_its_time(sim: SimHost, tmp_path: Path) -> None:
    answers = survey.survey(sim, asked(sim), tmp_path, None, budget=-1)
    assert set(answers) == {"left out: -1 s were over"}


def test_every_look_names_the_words_that_it_settles(sim: SimHost, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "reference" / "macos.md").read_text()
    sections = dict(re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", text, re.M | re.S))
    kinds = ("tcp",)
    on_a_mac: List[Guest] = [
        HelperGuest(sim, sim.subnet, tmp_path, kinds),
        Shared(sim, sim.subnet, tmp_path, kinds),
        Feth(sim, sim.subnet, kinds),
    ]
    named = [fact for look in looks(on_a_mac) for fact in look.settles]
    for section, words in named:
        assert words in " ".join(sections[str(section)].split()), words
    # All that is not established is asked for.
    for line in re.findall(r"^- Whether (.*?)\.?$", sections["15"], re.M):
        assert any(words in line for section, words in named if section == 15), line


def test_the_command_always_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert survey.main([str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "survey.md").stat().st_size > 10_000
    assert (tmp_path / "summary.md").stat().st_size > 2_000
    assert "survey of the simulated Mac: this is linux" in capsys.readouterr().out
    monkeypatch.setattr(survey, "SimHost", None)
    assert survey.main([str(tmp_path / "out")]) == 0


def test_on_a_mac_whose_owner_agreed_the_mac_itself_is_looked_at(
    sim: SimHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "guard", lambda *_: "")
    monkeypatch.setattr(survey, "MacHost", lambda _: sim)
    monkeypatch.setattr(survey, "PAUSES", (0.0,))
    monkeypatch.setattr(guests, "answering", lambda: ("tcp",))
    monkeypatch.setattr(guests, "_macos", lambda: 26)
    assert survey.main([str(tmp_path)]) == 0
    text = (tmp_path / "survey.md").read_text()
    # This machine has none of a Mac's guests; the rest is answered all the same.
    for name in ("vmnet in host mode", "vmnet in shared mode", "a feth pair"):
        assert f"## {name}: what comes" in text
    assert text.count("not answered: Unsuited: ") == 3
    assert "(utun29:0)" in text
