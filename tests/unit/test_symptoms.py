"""Messages of programs by layer: every row finds its example, and leads where its layer leads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import List, Optional, Tuple

import pytest
from budget import within
from each import each
from unit.test_faults_catalogue import PARSER, combinations

from container_net import doctor_report
from container_net.faults import BY_NAME
from container_net.faults.fault import Searched, compiled, literals
from container_net.faults.layers import LAYERS
from container_net.faults.match import LIMIT
from container_net.faults.stories import CONCEPTS, STORIES, Story, told
from container_net.faults.symptoms import WORDS, Words, leads
from container_net.report import Screen

REPORTS = Path(__file__).parents[3] / "shared" / "reports"


def names(text: str) -> List[str]:
    return [match.fault.id for match in leads(text)[1]]


def layers(text: str) -> List[str]:
    return [lead.layer.id for lead in leads(text)[0]]


def test_a_row_finds_its_example_and_leads_to_its_layer() -> None:
    each(((words.example, words) for words in WORDS), _leads_to_its_layer)


def _leads_to_its_layer(words: Words) -> None:
    assert compiled(words.pattern).search(words.example)
    found, matches = leads(words.example)
    assert words.layer in [lead.layer.id for lead in found]
    first = BY_NAME[[*words.first, *LAYERS[words.layer].faults][0]].id
    if words.layer == "service":
        first = "F33"
    if all(m.row is None and m.symptom is None for m in matches):
        assert matches[0].fault.id == first


def test_a_pattern_takes_linear_time_and_its_source_is_an_address() -> None:
    each(((words.pattern, words) for words in WORDS), _is_linear_and_has_a_source)


def _is_linear_and_has_a_source(words: Words) -> None:
    assert combinations(PARSER.parse(words.pattern)) <= 100
    assert len("".join(literals(words.pattern))) >= 4
    assert re.fullmatch(
        r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+|"
        r"https://github\.com/[\w.-]+/[\w.-]+/blob/HEAD/[\w./-]+",
        words.source,
    )


def test_every_layer_has_rows_and_leads_to_faults_of_the_catalogue() -> None:
    assert {words.layer for words in WORDS} == set(LAYERS)
    for layer in LAYERS.values():
        assert set(layer.faults) <= set(BY_NAME)
        assert len(set(layer.faults)) == len(layer.faults) > 1
    assert all(set(words.first) <= set(BY_NAME) for words in WORDS)
    patterns = [words.pattern for words in WORDS]
    assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize(
    ("text", "layer", "first"),
    [
        ("Error: getaddrinfo ENOTFOUND git.example.test", "name", ["F22", "F21"]),
        (
            "lookup go.test on 192.168.64.1:53: read udp 10.0.2.15:4000->10.0.2.3:53: i/o timeout",
            "name",
            ["F22", "F21"],
        ),
        ("dial tcp 203.0.113.9:443: i/o timeout", "no-answer", ["F01", "F11"]),
        ("TypeError: fetch failed", "no-answer", ["F01", "F39"]),
        (
            "TypeError: fetch failed\n  cause: Error: getaddrinfo ENOTFOUND git.example.test",
            "name",
            ["F22", "F21"],
        ),
        ("connect ENETUNREACH 203.0.113.9:443 - Local (0.0.0.0:0)", "unreachable", ["F31", "F32"]),
        ("connect ECONNREFUSED 192.168.64.1:4000", "refused", ["F30", "F44"]),
        ("OSError: [Errno 65] No route to host", "no-route", ["F54", "F27"]),
        ("read ECONNRESET", "reset", ["F41", "F42"]),
        ("x509: certificate signed by unknown authority", "tls", ["F42"]),
        (
            'Error: interrupted: "XPC connection error: Connection invalid"',
            "service",
            ["F33", "F34"],
        ),
        ('$ sudo container system status\n{"status":"unregistered"}', "service", ["F33", "F38"]),
        ("the bridge conflicts with my home network", "overlap", ["F48"]),
        ('"active pf rules have no rdr-anchor for com.apple/*"', "ruleset", ["F01"]),
        ("my container has no internet since today", "network", ["F01"]),
    ],
)
def test_a_message_leads_to_its_layer_and_first_faults(
    text: str, layer: str, first: List[str]
) -> None:
    assert layers(text)[0] == layer
    assert names(text)[: len(first)] == first


def test_who_is_not_named_root_was_not_asked_as_root() -> None:
    assert "F38" not in names('{"status":"unregistered"}')
    assert "F38" in names('# whoami\nroot\n{"status":"unregistered"}')


@pytest.mark.parametrize(
    "text", ["the cat sat on the keyboard", "lorem ipsum dolor sit amet", "1\n"]
)
def test_silence_only_where_nothing_is_about_the_network(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leads(text) == ((), ())
    assert doctor_report.symptom(Screen(), text) == 1
    assert "pfctl -s nat" in " ".join(capsys.readouterr().out.split())


def test_the_layer_and_its_source_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    message = "wget: download timed out"
    assert doctor_report.symptom(Screen(), message) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == LAYERS["no-answer"].title
    assert message in out
    assert doctor_report.symptom(Screen(as_json=True), message) == 0
    (told,) = json.loads(capsys.readouterr().out)["layers"]
    assert told["id"] == "no-answer"
    assert told["source"].startswith("https://github.com/")


@pytest.mark.once
@pytest.mark.parametrize(
    "piece", ["lookup ", "a", "conflicts with ", " connection timed out", "lookup a on ", "[Errno "]
)
def test_a_quarter_of_a_mebibyte_takes_less_than_a_quarter_of_a_second(piece: str) -> None:
    text = piece * (LIMIT // 4 // len(piece) + 1)
    within(0.25, lambda: leads(text))


# -- stories


def concepts(story: Story) -> List[str]:
    return [*"|".join(story.tells).split("|"), *story.without]


def test_a_story_is_told_by_its_example_and_leads_to_its_faults() -> None:
    each(((", ".join(story.tells), story) for story in STORIES), _is_told_by_its_example)


def _is_told_by_its_example(story: Story) -> None:
    assert story in [found for found, _start, _end in told(Searched(story.example))]
    assert set(story.faults) <= set(BY_NAME)
    assert set(concepts(story)) <= set(CONCEPTS)
    assert names(story.example)[0] == BY_NAME[story.faults[0]].id
    assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", story.source)


def test_every_concept_is_part_of_a_story_and_its_patterns_take_linear_time() -> None:
    assert {concept for story in STORIES for concept in concepts(story)} == set(CONCEPTS)
    for concept, patterns in CONCEPTS.items():
        assert len(set(patterns)) == len(patterns), concept
        for pattern in patterns:
            assert combinations(PARSER.parse(pattern)) <= 100, pattern
            assert literals(pattern), pattern


@pytest.mark.parametrize(
    "text",
    [
        "No VPN here. Containers cannot reach the internet.",
        "I do not use a VPN; containers are offline.",
        "Containers time out. Turning the VPN off makes no difference.",
        "Tailscale off makes no difference, and containers are offline.",
    ],
)
def test_what_a_text_denies_is_not_told(text: str) -> None:
    assert "F03" not in names(text)[:1]
    assert not [story for story, _s, _e in told(Searched(text)) if "a VPN" in concepts(story)]


@pytest.mark.parametrize(
    ("text", "system", "version", "gone"),
    [
        ("3 packets transmitted, 0 packets received, 100% packet loss", 26, None, "F12"),
        ("Recv failure: Connection reset by peer", 26, None, "F28"),
        ("Temporary failure resolving 'deb.example.test'", 26, (1, 0, 0), "F23"),
    ],
)
def test_what_cannot_be_in_these_versions_is_not_offered(
    text: str, system: int, version: Optional[Tuple[int, ...]], gone: str
) -> None:
    assert gone in names(text)
    assert gone not in [match.fault.id for match in leads(text, system, version)[1]]


def test_a_localhost_domain_reloads_nothing_from_1_5_on() -> None:
    text = "After `container system dns create a.test --localhost 203.0.113.1` nothing gets out."
    searched = Searched(text)
    assert [s.faults[0] for s, _a, _b in told(searched, (1, 4, 1))] == ["ruleset-replaced"]
    assert told(searched, (1, 5, 0)) == []


def test_a_message_of_one_fault_is_surer_than_a_story() -> None:
    text = "With the VPN up nothing gets out. default kernel not configured for architecture arm64"
    assert names(text)[:2] == ["F53", "F03"]


# -- reports that were handed out, where they lie beside the clone

HANDED_OUT: Tuple[Tuple[str, str, List[str]], ...] = (
    ("02-*/errors_of_1.5.txt", "symptom", ["F01"]),
    ("06-*/symptom.txt", "symptom", ["F48"]),
    ("07-*/symptom1.txt", "symptom", ["F54", "F27", "F06"]),
    ("07-*/symptom2.txt", "symptom", ["F54", "F27", "F06"]),
    ("08-*/symptom1.txt", "symptom", ["F33"]),
    ("08-*/symptom2.txt", "symptom", ["F33"]),
    ("08-*/symptom3.txt", "symptom", ["F33"]),
    ("09-*/symptom1.txt", "from", ["F01"]),
    ("09-*/symptom2.txt", "from", ["F03"]),
    ("09-*/symptom3.txt", "from", ["F06"]),
    ("08-*/symptom3.txt", "from", ["F33"]),
)


@pytest.mark.skipif(not REPORTS.is_dir(), reason="no reports beside the clone")
@pytest.mark.parametrize(("name", "how", "first"), HANDED_OUT)
def test_a_report_that_was_handed_out(name: str, how: str, first: List[str]) -> None:
    from container_net import from_text

    (path,) = REPORTS.glob(name)
    text = path.read_text(encoding="utf-8")
    if how == "symptom":
        found = names(text)
    else:
        found = [d.fault.id for d in from_text.judge(text).answer.found]
    assert found[: len(first)] == first


@pytest.mark.skipif(not REPORTS.is_dir(), reason="no reports beside the clone")
def test_no_line_of_the_runtimes_meets_silence() -> None:
    (path,) = REPORTS.glob("03-*/lines.txt")
    for line in path.read_text(encoding="utf-8").splitlines():
        assert names(line), line
