"""Reports in the form of the public ones: what is said of them, and of variants of them."""

from __future__ import annotations

import html
import ipaddress
import random
import re
import textwrap
from functools import lru_cache
from typing import Callable, Dict, List

import pytest
from budget import examples, some, within
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st
from reports.table import KEYS, SEEN, VERDICTS, Case, answer, cases, verdict

from container_net.faults import BY_ID
from container_net.faults.case import ABSENT, POSSIBLE, PRESENT, UNKNOWN
from container_net.faults.match import LIMIT
from container_net.from_text import judge

ALL = cases()
NAMED = [(case.name, case) for case in ALL]

# Resolvers that everybody pings, and what stands for a network or a mask.
WELL_KNOWN = {"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"}
_ADDRESS = re.compile(r"(?<![\w.:-])([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![\w-]|\.[0-9])")
_ADDRESS6 = re.compile(r"(?<![\w:])((?:[0-9a-f]{1,4}:){2,7}[0-9a-f:]*[0-9a-f])(?![\w:])", re.I)
_SECRET = re.compile(
    r"\b(?:gh[pousr]_|sk-|xox[abp]-|AKIA|eyJ)[A-Za-z0-9_-]{8}|\bBUG-[0-9a-f]{16}|"
    r"\b[\w.+-]+@(?!mini\b|studio\b|Mac|Jos-)[\w-]+\.[a-z]{2,}\b"
)


def test_the_answer_is_right_or_a_known_miss_and_nothing_is_there_that_is_not() -> None:
    def check(case: Case) -> None:
        said = answer(case.text)
        assert set(said.present) <= case.ids("accept") | case.ids("also")
        found = verdict(case, said)
        if "miss" in case.said:
            assert found != "right", "no miss any more: take the line out"
        else:
            assert found == "right"

    each(some(NAMED), check)


def test_a_case_names_its_source_and_knows_its_faults() -> None:
    each(NAMED, _has_its_lines)


def _has_its_lines(case: Case) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+#[0-9]+", case.said["source"])
    assert case.said["seen"] in SEEN
    assert case.said["first"] in VERDICTS
    assert case.ids("accept")
    named = case.ids("accept") | case.ids("reject") | case.ids("also")
    assert named - {"none", "thin"} <= set(BY_ID)
    assert list(case.said) == sorted(case.said, key=KEYS.index)


def test_no_address_name_or_token_of_somebody_else() -> None:
    each(NAMED, _is_nobody_elses)


def _is_nobody_elses(case: Case) -> None:
    for text in _ADDRESS.findall(case.text):
        if text not in WELL_KNOWN and max(map(int, text.split("."))) < 256:
            assert not ipaddress.ip_address(text).is_global, text
    for text in _ADDRESS6.findall(case.text):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue  # a MAC address, a time
        assert not address.is_global, text
    assert not _SECRET.search(case.text)


# -- variants of them


def _cut(text: str, rng: random.Random) -> str:
    first, last = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return text[first:last]


def _shuffled(text: str, rng: random.Random) -> str:
    rows = text.split("\n")
    rng.shuffle(rows)
    return "\n".join(rows)


def _rewrapped(text: str, rng: random.Random) -> str:
    width = rng.randrange(20, 120)
    return "\n".join(
        "\n".join(textwrap.wrap(row, width, break_long_words=False) or [""])
        for row in text.split("\n")
    )


def _prompted(text: str, rng: random.Random) -> str:
    mark = rng.choice(["$ ", "% ", "> ", ">> ", "❯ ", "user@mac ~ % ", "    ", "\t", "| ", "[7] "])
    return "\n".join(mark + row for row in text.split("\n"))


def _escaped(text: str, rng: random.Random) -> str:
    once = html.escape(text, quote=rng.random() < 0.5)
    return rng.choice([once, f"<pre><code>{once}</code></pre>", once.replace("\n", "<br>\n")])


VARIANTS: Dict[str, Callable[[str, random.Random], str]] = {
    "cut": _cut,
    "shuffled": _shuffled,
    "re-wrapped": _rewrapped,
    "prompt-prefixed": _prompted,
    "HTML-escaped": _escaped,
}


RANK = {UNKNOWN: 0, ABSENT: 0, POSSIBLE: 1, PRESENT: 2}


def certain(text: str) -> Dict[str, int]:
    """How surely each fault is said; what is only said `if the rest is as usual` is not."""
    told = judge(text)
    unsure = {*told.unsure, *told.leads}
    found = {name: RANK[finding.state] for name, finding in told.answer.findings.items()}
    return {name: 0 if name in unsure else rank for name, rank in found.items()}


_whole = lru_cache(maxsize=None)(lambda case: certain(case.text))


@pytest.mark.parametrize("how", VARIANTS)
@settings(max_examples=examples(30))
@given(case=st.sampled_from(ALL), seed=st.integers(0, 1 << 32))
def test_a_variant_is_never_more_certain_than_the_whole_text(
    how: str, case: Case, seed: int
) -> None:
    whole = _whole(case)
    part = certain(VARIANTS[how](case.text, random.Random(seed)))
    assert [name for name, rank in part.items() if rank > whole[name]] == []


@pytest.mark.once
@pytest.mark.parametrize("how", VARIANTS)
def test_a_long_variant_is_judged_in_half_a_second(how: str) -> None:
    rng = random.Random(how)
    pieces: List[str] = []
    while sum(map(len, pieces)) < LIMIT // 4:
        pieces.append(VARIANTS[how](rng.choice(ALL).text, rng))
    text = "\n".join(pieces)
    within(0.5, lambda: judge(text))
