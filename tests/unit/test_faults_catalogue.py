"""The fault catalogue is complete, well formed, in both languages, and finds what people paste."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import sys
import time
from pathlib import Path
from typing import Any, Iterator, List, Set, Tuple

import pytest
from budget import examples, within
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

import container_net.faults as package
from container_net import text as door
from container_net.faults import BY_ID, BY_NAME, FAULTS, GUIDE, ORDER, REGISTRY, texts
from container_net.faults.fault import (
    AUTO,
    PLACEHOLDERS,
    SECTIONS,
    Step,
    Symptom,
    compiled,
    literals,
)
from container_net.faults.match import LIMIT, explain
from container_net.text import N_

# The parser of `re` has no public name: `re._parser` since 3.11, `sre_parse` before.
PARSER: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")

ROWS = (*(f"F{number:02}" for number in range(1, 50)), "F21b")

# The column "auto" of the reference; where it says more than one word, what this tool does itself.
AUTO_OF = {
    "yes": "F03 F11 F12 F14 F15 F43 F45 F46 F49",
    "ask": "F01 F06 F07 F13 F23 F25 F28 F32 F33 F37",
    "no": "F02 F04 F08 F09 F10 F16 F17 F18 F19 F21 F22 F24 F26 F27 F29 F30 F31 F34 F36 F38 F39 F41 "
    "F42 F44 F47 F48",
    "none": "F05 F20 F21b F35 F40",
}

KOREAN = door.catalogue(
    (Path(package.__file__).parents[1] / door.CATALOGUE).read_text(encoding="utf-8")
)
TEXTS = {text: KOREAN[text] for text in texts()}
HANGUL = re.compile("[\uac00-\ud7a3]")


def every_symptom() -> Iterator[Tuple[str, Symptom]]:
    for fault in FAULTS:
        for symptom in fault.symptoms:
            yield fault.id, symptom
    for row in GUIDE:
        for symptom in row.symptoms:
            yield row.id, symptom


def every_pattern() -> List[Tuple[str, str]]:
    found = {pattern for _, symptom in every_symptom() for pattern in symptom.patterns}
    return [(pattern, pattern) for pattern in sorted(found)]


def every_step() -> Iterator[Tuple[str, Step]]:
    for fault in FAULTS:
        for step in fault.cure:
            yield fault.id, step
    for row in GUIDE:
        for step in (*row.cure, row.first_check):
            yield row.id, step


# --- complete ------------------------------------------------------------------------------------


def test_every_row_of_the_reference_is_there_and_nothing_is_twice() -> None:
    ids = [fault.id for fault in FAULTS]
    assert set(ids) >= {*ROWS, "G04"}
    assert sorted(set(ids)) == sorted(ids)
    assert list(BY_ID) == ids


def test_the_reference_names_the_same_rows() -> None:
    reference = Path(__file__).parents[2].parent / "shared" / "reference" / "faults.md"
    if not reference.exists():
        pytest.skip(f"no reference beside the checkout ({reference.name})")
    rows = re.findall(r"^\| (F\d\d[a-z]?) \|", reference.read_text(encoding="utf-8"), re.M)
    assert sorted(rows) == sorted(ROWS)


@pytest.mark.parametrize("auto", AUTO)
def test_auto_is_what_the_reference_says(auto: str) -> None:
    present = {fault.id for fault in FAULTS if fault.auto == auto and fault.id in ROWS}
    assert present == set(AUTO_OF[auto].split())


def test_every_fault_has_all_its_parts() -> None:
    for fault in FAULTS:
        assert fault.symptoms, fault.id
        assert fault.cure, fault.id
        assert fault.evidence, fault.id
        assert fault.title.strip(), fault.id
        assert fault.cause.strip(), fault.id
        assert fault.versions.strip(), fault.id
        assert fault.auto in AUTO, fault.id


def test_titles_are_short_plain_and_told_apart() -> None:
    titles = [fault.title for fault in FAULTS]
    assert len(set(titles)) == len(titles)
    for title in titles:
        assert len(title) <= 80, title
        assert not title.endswith("."), title


def test_where_no_cure_is_known_the_cure_says_so_and_what_one_can_do() -> None:
    for fault in FAULTS:
        first = fault.cure[0].text
        told = "No cure" in first and "What you can do" in first
        assert told == (fault.auto == "none"), fault.id


def test_a_fault_that_the_tool_mends_names_the_command() -> None:
    for fault in FAULTS:
        if fault.auto == "yes":
            commands = [step.command or "" for step in fault.cure]
            assert any("invoke net." in command for command in commands), fault.id


def test_no_cure_reloads_or_empties_the_main_ruleset() -> None:
    for where, step in every_step():
        for part in re.split(r"&&|;|\|", step.command or ""):
            words = part.split()
            if not any(word.endswith("pfctl") for word in words):
                continue
            flags = "".join(word[1:] for word in words if re.match(r"-[A-Za-z]+$", word))
            assert not set(flags) & set("deEFX"), (where, part)
            if "f" in flags:
                assert "n" in flags or "a" in flags, (where, part)


def test_capital_words_of_commands_are_known_placeholders_or_names() -> None:
    names = {"INVOKE_NET_UPLINKS", "NODE_OPTIONS", "HTTP_PROXY", "HTTPS_PROXY", "HUP", "LISTEN"}
    names |= {"UDP", "TCP", "TCP:LISTEN", "ENV"}
    seen: Set[str] = set()
    for where, step in every_step():
        for word in re.findall(r"(?<![A-Za-z/.-])[A-Z][A-Z_]{2,}(?![a-z])", step.command or ""):
            assert word in names or word in PLACEHOLDERS, (where, word)
            seen.add(word)
        for word in PLACEHOLDERS:
            if re.search(rf"\b{word}\b", step.command or ""):
                assert re.search(rf"\b{word}\b", step.text) or where == "F28", (where, word)
    assert set(PLACEHOLDERS) <= seen


def test_links_are_full_addresses_of_threads() -> None:
    link = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/[1-9]\d*")
    urls = [text for fault in FAULTS for text in fault.evidence if "://" in text]
    assert len(urls) > 80
    for url in urls:
        assert link.fullmatch(url), url
    for fault in FAULTS:
        assert len(set(fault.evidence)) == len(fault.evidence), fault.id
        for text in fault.evidence:
            assert "://" in text or re.search(r"[A-Za-z]{2}", text), fault.id


@pytest.mark.parametrize(
    ("fault", "url"),
    [
        ("F01", "https://github.com/apple/container/issues/1241"),
        ("F01", "https://github.com/apple/container/pull/2256"),
        ("F03", "https://github.com/apple/containerization/issues/723"),
        ("F06", "https://github.com/apple/container/pull/1882"),
        ("F23", "https://github.com/apple/container/pull/1370"),
        ("F43", "https://github.com/apple/container/pull/2072"),
    ],
)
def test_evidence_of_the_reference_is_linked(fault: str, url: str) -> None:
    assert url in BY_ID[fault].evidence


def test_consequences_name_other_faults_and_never_go_in_a_circle() -> None:
    def causes(fault: str, path: Tuple[str, ...]) -> None:
        assert fault not in path, (*path, fault)
        for other in BY_ID[fault].consequence_of:
            causes(BY_NAME[other].id, (*path, fault))

    for fault in FAULTS:
        causes(fault.id, ())


def test_faults_that_start_everything_else_are_under_nothing() -> None:
    for fault in ("F01", "F11", "F35"):
        assert BY_ID[fault].consequence_of == ()
    assert "ruleset-replaced" in BY_ID["F22"].consequence_of


def test_what_tells_two_faults_apart_is_said_at_both() -> None:
    pairs = {
        (fault.id, BY_NAME[pair.other].id, pair.how)
        for fault in FAULTS
        for pair in fault.distinguish
    }
    assert pairs
    for one, other, how in pairs:
        assert one != other
        assert (other, one, how) in pairs
        assert one in how, how
        assert other in how, how


def test_the_guide_has_its_four_rows_and_they_point_to_faults() -> None:
    assert [row.id for row in GUIDE] == ["G01", "G02", "G03", "G04"]
    assert [BY_NAME[row.faults[0]].id for row in GUIDE] == ["F11", "F39", "F01", "G04"]
    for row in GUIDE:
        assert set(row.faults) <= set(BY_NAME), row.id
        assert len(set(row.faults)) == len(row.faults), row.id
        assert row.cure, row.id
        assert row.first_check.command, row.id


def test_the_guides_own_remedies_are_in_its_rows() -> None:
    said = [
        " ".join(f"{step.text} {step.command}" for step in (*row.cure, row.first_check))
        for row in GUIDE
    ]
    assert "sysctl -w net.inet.ip.forwarding=1" in said[0]
    assert "NODE_OPTIONS=--dns-result-order=ipv4first" in said[1]
    assert "bridge" in said[2]
    assert "NAT rule" in said[2]
    assert "Rebuild the image" in said[3]
    assert "process.exit(0)" in said[3]


# --- both languages ------------------------------------------------------------------------------


def marked() -> Set[str]:
    """Every literal that the modules of the package mark with `N_`."""
    found = set()
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "N_":
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), (path.name, node.lineno)
                found.add(str(argument.value))
    return found


def test_every_text_is_a_marked_literal() -> None:
    assert marked() == set(texts())


def test_the_mark_changes_nothing() -> None:
    assert N_("as it is") == "as it is"


def test_the_korean_keeps_commands_numbers_and_ids() -> None:
    # What stands in backticks, ids of faults, addresses and placeholders are the same in every
    # language. Words of macOS's own windows in backticks are translated as macOS does.
    windows = {"Block all incoming connections", "undo"}
    for text, korean in TEXTS.items():
        for quoted in re.findall(r"`([^`]+)`", text):
            assert quoted in windows or f"`{quoted}`" in korean, (text, quoted)
        for token in re.findall(r"\bF\d\d[a-z]?\b|\b\d+\.\d+\.\d+\.\d+\b|\d{4}-\d\d-\d\d", text):
            assert token in korean, (text, token)
        for word in PLACEHOLDERS:
            assert len(re.findall(rf"\b{word}\b", text, re.A)) <= len(
                re.findall(rf"\b{word}\b", korean, re.A)
            ), (text, word)


def test_a_sentence_in_one_language_is_a_sentence_in_the_other() -> None:
    for text, korean in TEXTS.items():
        whole = text.endswith((".", "?"))
        assert korean.endswith((".", "?")) == whole, text
        if text.endswith("."):
            assert re.search(r"니다(\([^)]*\))?\.$", korean), korean


def test_no_text_is_empty_or_untidy() -> None:
    for text in (*TEXTS, *TEXTS.values()):
        assert text == text.strip()
        assert "  " not in text
        assert "\n" not in text


# --- patterns ------------------------------------------------------------------------------------


def test_every_pattern_finds_its_own_example() -> None:
    for where, symptom in every_symptom():
        assert compiled(symptom.pattern).search(symptom.example), (where, symptom)


def test_the_words_of_people_are_found_in_korean_too() -> None:
    for where, symptom in every_symptom():
        assert bool(symptom.korean) == (not symptom.verbatim), (where, symptom)
        if symptom.korean:
            korean = TEXTS[symptom.example]
            assert compiled(symptom.korean).search(korean), (where, symptom.korean, korean)


def combinations(parsed: Any) -> int:
    """How many ways a match can be tried from one place; fails on anything but the small syntax."""
    ways = 1
    simple = {"LITERAL", "ANY", "IN", "AT", "NOT_LITERAL"}
    for operation, argument in parsed:
        name = str(operation)
        if name == "MAX_REPEAT":
            low, high, inner = argument
            assert high != PARSER.MAXREPEAT, "an unbounded repeat"
            assert len(inner) == 1, "a repeat of more than one item"
            assert str(inner[0][0]) in simple, "a repeat of a repeat"
            ways *= high - low + 1
        else:
            assert name in simple, name
    return ways


def test_a_pattern_cannot_take_more_than_linear_time() -> None:
    def check(pattern: str) -> None:
        assert combinations(PARSER.parse(pattern)) <= 100
        # One Hangul syllable says as much as three letters, and takes three bytes.
        assert len("".join(literals(pattern)).encode()) >= 4

    each(every_pattern(), check)


def test_the_literals_of_a_pattern_are_those_that_re_sees() -> None:
    def check(pattern: str) -> None:
        runs: List[str] = [""]
        for operation, argument in PARSER.parse(pattern):
            if str(operation) == "LITERAL":
                runs[-1] += chr(argument)
            else:
                runs.append("")
        assert literals(pattern) == tuple(run for run in runs if run)

    each(every_pattern(), check)


@pytest.mark.parametrize(
    ("pattern", "runs"),
    [
        (r"curl: \(28\)", ("curl: (28)",)),
        (r"\bbridge\d{1,4}:network", ("bridge", ":network")),
        (r"Wi-?Fi", ("Wi", "Fi")),
        (r"a[]x]b", ("a", "b")),
        (r"x.{0,30}y z", ("x", "y z")),
        (r"\d", ()),
    ],
)
def test_literals_of_a_pattern(pattern: str, runs: Tuple[str, ...]) -> None:
    assert literals(pattern) == runs


# --- explain -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "row", "first"),
    [
        # The guide's table, as it stands there, and as the mission repeats it in English.
        ("curl: (28) Connection timed out", "G01", "F11"),
        ("HTTP 기동은 성공, HTTPS는 시간 초과", "G02", "F39"),
        ("HTTP works, HTTPS times out (IPv6)", "G02", "F39"),
        ("Could not resolve host", "G03", "F01"),
        ("컨테이너의 결과를 받은 후 멈춤(Hang)", "G04", "G04"),
        ("the container hangs after its result", "G04", "G04"),
    ],
)
def test_a_symptom_of_the_guide_leads_to_the_guides_row(text: str, row: str, first: str) -> None:
    best = explain(text)[0]
    assert best.fault.id == first
    assert best.row is not None
    assert best.row.id == row
    assert best.quote == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curl: (6) Could not resolve host: api.anthropic.com", "F01"),
        ("curl: (28) Resolving timed out after 5000 milliseconds", "F22"),
        ("SYN-SENT  0  1  192.168.64.3:51514  1.1.1.1:443", "F03"),
        ("block return out quick all ! tagged cisco_anyconnect_vpn_pass", "F05"),
        ("ping: sendto: No route to host", "F06"),
        ("ifconfig: interface bridge101 does not exist", "F10"),
        ("net.inet.ip.forwarding: 0", "F11"),
        ("Private Relay Unavailable", "F16"),
        ("software installed on this Mac is incompatible with Private Relay", "F16"),
        ("cannot be modified from command line on managed Mac computers", "F18"),
        ("nslookup: read: Connection refused", "F21"),
        (";; connection timed out; no servers could be reached", "F21"),
        ("WARNING: fetching https://x/APKINDEX: temporary error (try again later)", "F21"),
        ("getaddrinfo EAI_AGAIN registry.example.org", "F22"),
        ("E: Temporary failure resolving 'archive.example.org'", "F23"),
        ("fetching https://x: DNS: transient error (try again later)", "F23"),
        ("ping: cannot resolve hotline.cont: Unknown host", "F25"),
        ("curl: (56) Recv failure: Connection reset by peer", "F27"),
        ("backend - connect failed: connect(): No route to host) (errno: 65)", "F27"),
        ("tccutil: Failed to reset LocalNetwork", "F28"),
        ("Error: listen EADDRNOTAVAIL: address not available 192.168.64.1:3001", "F30"),
        ("Error: Unknown option '--add-host'", "F31"),
        ("apiserver is not running and not registered with launchd", "F33"),
        ("apiserver is not running", "F33"),
        ("failed to create vmnet network with status vmnet_return_t(rawValue: 1001)", "F34"),
        ("2508 PFUserDeleteRules  (in PacketFilter)", "F35"),
        ("[6/6] Starting container [49m 38s]", "F36"),
        ('{"status":"unregistered"}', "F38"),
        ("x509: certificate signed by unknown authority", "F42"),
        ("Status: Disabled                              Debug: Urgent", "F46"),
        ("no IP address found for bridge100:network", "F47"),
        ("stdin:1: pf rules not loaded", "F47"),
        ("pfctl: cannot open the main config file!: No such file or directory", "F49"),
        ("en0: status: inactive", "F21b"),
    ],
)
def test_a_message_leads_to_its_fault_first(text: str, expected: str) -> None:
    assert [match.fault.id for match in explain(text)][:1] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curl: (6) Could not resolve host: x.org (Could not contact DNS servers)", "F21"),
        ("curl: (28) Connection timed out after 5001 milliseconds", "F01"),
        ("curl: (28) Failed to connect to 1.1.1.1 port 443 after 5002 ms", "F03"),
        ("3 packets transmitted, 0 packets received, 100% packet loss", "F11"),
        ("Recv failure: Connection reset by peer, on macOS 27", "F28"),
        ("pip: [Errno -3] Temporary failure in name resolution", "F23"),
        ("VPN을 켠 뒤로 컨테이너에 네트워크가 없음", "F03"),
        ("재부팅한 후 컨테이너에 네트워크가 없어요", "F45"),
        ("The VPN disconnects when a container starts", "F20"),
        ("there is no internet in my container", "F01"),
        ("컨테이너에서 인터넷이 안 돼요", "F11"),
    ],
)
def test_a_message_leads_to_its_fault_among_the_first_three(text: str, expected: str) -> None:
    assert expected in [match.fault.id for match in explain(text)][:3]


def test_every_example_leads_to_its_own_fault() -> None:
    for fault in FAULTS:
        for symptom in fault.symptoms:
            found = [match.fault.id for match in explain(symptom.example)]
            assert fault.id in found, (fault.id, symptom.example, found)


def test_every_fault_is_the_first_answer_to_one_of_its_examples() -> None:
    for fault in FAULTS:
        firsts = {
            matches[0].fault.id
            for symptom in fault.symptoms
            for matches in (explain(symptom.example), explain(TEXTS.get(symptom.example, "")))
            if matches
        }
        assert fault.id in firsts, fault.id


def test_a_text_without_a_known_message_gives_nothing() -> None:
    assert explain("") == ()
    assert explain("all is well\n200\n") == ()


def test_case_and_place_in_a_long_log_do_not_matter() -> None:
    log = "one line of a log\n" * 500 + "  NSLOOKUP: READ: CONNECTION REFUSED\r\n" + "end\n" * 500
    (best, *_others) = explain(log)
    assert best.fault.id == "F21"
    assert best.quote == "NSLOOKUP: READ: CONNECTION REFUSED"


def test_a_message_does_not_reach_over_a_line_break() -> None:
    assert explain("ping: cannot resolve\nhotline.cont: Unknown host") == ()


def test_the_longer_literal_comes_first_and_the_guide_before_both() -> None:
    found = explain(";; connection timed out; no servers could be reached\nCould not resolve host")
    assert [match.fault.id for match in found][:3] == ["F01", "F21", "F22"]
    scores = [match.score for match in found]
    assert scores == sorted(scores, reverse=True)


def test_only_the_end_of_a_very_long_text_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("container_net.faults.match.LIMIT", 1000)
    message = "nslookup: read: Connection refused\n"
    assert explain(message + "." * 1000) == ()
    assert explain("." * 1000 + "\n" + message)[0].fault.id == "F21"


def test_a_quote_of_a_long_line_is_short_and_holds_the_match() -> None:
    (best, *_others) = explain("a " * 5000 + "nslookup: read: Connection refused" + " b" * 5000)
    assert len(best.quote) <= 200
    assert "nslookup: read: Connection refused" in best.quote


MESSAGES = st.sampled_from(sorted({symptom.example for _, symptom in every_symptom()}))
PIECES = st.one_of(st.text(max_size=60), MESSAGES, st.sampled_from(["\n", "\r\n", "\0", "curl: ("]))


@given(st.lists(PIECES, max_size=30))
@settings(max_examples=examples(150), deadline=1000)
def test_any_text_is_explained_without_an_error_and_always_alike(pieces: List[str]) -> None:
    text = "".join(pieces)
    found = explain(text)
    assert found == explain(text)
    ids = [match.fault.id for match in found]
    assert len(set(ids)) == len(ids)
    for match in found:
        assert match.score >= 0
        assert match.quote.strip() == match.quote


@pytest.mark.once
def test_text_made_to_be_slow_is_explained_in_linear_time() -> None:
    # For every pattern, its own example without the last character, over and over: each place
    # begins a match that fails as late as it can. Four times the text may take about four times
    # as long; twelve times would mean that the time grows faster than the text.
    def seconds(size: int) -> float:
        started = time.process_time()
        for _, symptom in every_symptom():
            nearly = symptom.example[:-1]
            explain((nearly * (size // len(nearly) + 1))[:size])
        return time.process_time() - started

    seconds(1_000)
    small, large = seconds(8_000), seconds(32_000)
    assert large < 12 * small + 0.5


@pytest.mark.once
def test_a_mebibyte_takes_less_than_two_seconds() -> None:
    line = "2026-01-02 container-runtime-linux: could not resolve; retry, status 5\n"
    log = line * (LIMIT // len(line) + 1)
    within(2.0, lambda: explain(log))


def test_names_are_unique_and_relations_name_faults() -> None:
    assert len(BY_NAME) == len(BY_ID) == len(FAULTS)
    for fault in FAULTS:
        assert fault.section in SECTIONS
        assert {*fault.consequence_of, *fault.yields_to} <= set(BY_NAME), fault.id
        assert {pair.other for pair in fault.distinguish} <= set(BY_NAME), fault.id
        # Shown by a command's output, or it is said why not.
        assert (fault.id in REGISTRY) != bool(fault.unseen), fault.id


def test_the_order_has_every_fault_after_those_that_it_yields_to() -> None:
    assert sorted(ORDER) == sorted(REGISTRY)
    for place, fault in enumerate(ORDER):
        before = {BY_ID[other].name for other in ORDER[:place]}
        assert set(BY_ID[fault].yields_to) <= before, fault


def test_the_order_is_by_number_but_for_relations_and_refuses_a_circle() -> None:
    made = [dataclasses.replace(BY_NAME[n], yields_to=()) for n in ("pf-disabled", "split-tunnel")]
    assert package._order(made) == ("F04", "F46")
    made[1] = dataclasses.replace(made[1], yields_to=("pf-disabled",))
    assert package._order(made) == ("F46", "F04")
    made[0] = dataclasses.replace(made[0], yields_to=("split-tunnel",))
    with pytest.raises(ValueError, match="yield to one another"):
        package._order(made)
