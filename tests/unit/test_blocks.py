"""Our block in pf.conf and sysctl.conf: it goes in, it comes out, nobody else's line moves."""

from __future__ import annotations

import random
from typing import Callable, List, Tuple

import pytest
from budget import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from container_net.blocks import (
    ANCHOR,
    FORWARDING,
    Refused,
    has_hook,
    insert,
    loaded_files,
    remove,
    state,
)
from simmac.pf_grammar import parse

LOAD = b'load anchor "com.apple/250.container-net" from "/etc/pf.anchors/250.container-net"\n'
ONE = b"net.inet.ip.forwarding=1\n"
HOOK = b'nat-anchor "com.apple/*"\n'
APPLES = b'load anchor "com.apple.container" from "/etc/pf.anchors/com.apple.container"\n'
BLOCK = b"# >>> container-net: anchor >>>\n" + LOAD + b"# <<< container-net: anchor <<<\n"
FORWARDING_BLOCK = (
    b"# >>> container-net: forwarding >>>\n" + ONE + b"# <<< container-net: forwarding <<<\n"
)
# What version 0.1 wrote where the file had no hook.
OLD_HOOK = b"# >>> container-net: hook >>>\n" + HOOK + b"# <<< container-net: hook <<<\n"
STOCK = b"""#
# Default PF configuration file.
#
scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
load anchor "com.apple" from "/etc/pf.anchors/com.apple"
"""


def put(conf: bytes) -> bytes:
    return insert(conf, ANCHOR, LOAD)


# -- in and out


def test_the_block_stands_at_the_end_and_goes_without_a_trace() -> None:
    assert put(STOCK) == STOCK + BLOCK
    assert put(put(STOCK)) == put(STOCK)
    assert remove(put(STOCK), ANCHOR) == STOCK
    assert remove(STOCK, ANCHOR) == STOCK


@pytest.mark.parametrize("tail", [b"pass all", b"# comment", b"pass \\\n all", b"\xff\xfe", b"x\r"])
def test_a_newline_that_was_missing_goes_again(tail: bytes) -> None:
    conf = STOCK + tail
    made = put(conf)
    assert made.startswith(conf + b"\n# >>> container-net: anchor >>> (newline added, ")
    assert put(made) == made
    assert remove(made, ANCHOR) == conf


def test_a_newline_that_is_needed_by_a_later_line_stays() -> None:
    made = put(STOCK + b"pass all") + b"block in\n"
    assert remove(made, ANCHOR) == STOCK + b"pass all\nblock in\n"
    # Not ours to take: somebody wrote the line anew.
    rewritten = put(STOCK + b"pass all").replace(b"pass all", b"pass quick all")
    assert remove(rewritten, ANCHOR) == STOCK + b"pass quick all\n"


def test_lines_inside_the_block_that_are_not_ours_stay() -> None:
    inside = STOCK + BLOCK.replace(LOAD, LOAD + APPLES)
    assert put(inside) == inside
    assert remove(inside, ANCHOR) == STOCK + APPLES


def test_an_old_line_and_a_second_block_are_replaced() -> None:
    old = BLOCK.replace(b"250.container-net", b"300.mine")
    assert put(STOCK + old) == STOCK + BLOCK
    assert put(STOCK + BLOCK + b"pass all\n" + BLOCK) == STOCK + b"pass all\n" + BLOCK
    assert remove(STOCK + BLOCK + b"pass all\n" + BLOCK, ANCHOR) == STOCK + b"pass all\n"


def test_a_hook_of_version_0_1_goes_and_is_asked_for_by_name() -> None:
    bare = STOCK.replace(HOOK, b"")
    assert remove(OLD_HOOK + bare + BLOCK, ANCHOR) == bare
    with pytest.raises(Refused, match=r'put nat-anchor "com\.apple/\*" before'):
        put(OLD_HOOK + bare + BLOCK)
    assert put(OLD_HOOK + STOCK + BLOCK) == STOCK + BLOCK


def test_a_marker_alone_is_refused_with_its_line() -> None:
    for lone in (BLOCK.splitlines(keepends=True)[0], BLOCK.splitlines(keepends=True)[2]):
        for change in (put, lambda conf: remove(conf, ANCHOR)):
            with pytest.raises(Refused, match=r"pf\.conf, line 10: one of our two markers"):
                change(STOCK + lone)
        assert state(STOCK + lone, ANCHOR, LOAD) == "drifted"


def test_of_two_markers_that_do_not_fit_the_lone_one_is_named() -> None:
    begin, _line, end = BLOCK.splitlines(keepends=True)
    other = end.replace(b"anchor", b"forwarding")
    assert other != end
    # The first begin has no end; the end has no begin; an end of another name ends nothing.
    for content, number in (
        (STOCK + begin + BLOCK, 10),
        (STOCK + BLOCK + end, 13),
        (STOCK + begin + other, 11),
    ):
        with pytest.raises(Refused, match=rf"pf\.conf, line {number}: one of our two markers"):
            put(content)


def test_a_refusal_names_the_file_that_it_is_about() -> None:
    lone = b"a=1\n# >>> container-net: forwarding >>>\n"
    with pytest.raises(Refused, match=r"^sysctl\.conf, line 2: one of our two markers"):
        insert(lone, FORWARDING, b"net.inet.ip.forwarding=1\n")
    with pytest.raises(Refused, match=r"^sysctl\.conf, line 2: one of our two markers"):
        remove(lone, FORWARDING)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Refused, match="line 10: a zero byte"):
        put(STOCK + b"\0")


# -- the hook


@pytest.mark.parametrize(
    ("line", "there"),
    [
        (b'nat-anchor "com.apple/*"', True),
        (b"nat-anchor com.apple/*", True),
        (b'\tnat-anchor "com.apple/*" all # Apple', True),
        (b'nat-anchor "com.apple/*"\r', True),
        (b'# nat-anchor "com.apple/*"', False),
        (b'nat-anchor "com.apple/*" on en1', False),
        (b'nat-anchor "com.apple/*" inet6', False),
        (b'nat-anchor "com.apple"', False),
        (b'rdr-anchor "com.apple/*"', False),
    ],
)
def test_the_hook_is_a_call_without_a_condition(line: bytes, there: bool) -> None:
    conf = b"set skip on lo0\n" + line + b"\n"
    assert has_hook(conf) is there
    if there:
        assert remove(put(conf), ANCHOR) == conf
    else:
        with pytest.raises(Refused):
            put(conf)


def test_files_that_are_loaded() -> None:
    conf = b'# load anchor "no" from "/no"\nload anchor "a" from "/etc/a"\n load anchor b from /b\n'
    assert loaded_files(conf) == ("/etc/a", "/b")


# -- sysctl.conf


def test_the_last_setter_of_sysctl_conf_is_ours() -> None:
    conf = b"kern.maxfiles=1\n net.inet.ip.forwarding = 0\n"
    made = insert(conf, FORWARDING, ONE)
    assert made == conf + FORWARDING_BLOCK
    assert insert(made, FORWARDING, ONE) == made
    later = made + b"net.inet.ip.forwarding=0\n"
    assert state(later, FORWARDING, ONE) == "drifted"
    moved = insert(later, FORWARDING, ONE)
    assert moved == conf + b"net.inet.ip.forwarding=0\n" + FORWARDING_BLOCK
    assert remove(moved, FORWARDING) == conf + b"net.inet.ip.forwarding=0\n"
    assert insert(made + b"kern.x=1\n", FORWARDING, ONE) == made + b"kern.x=1\n"


def test_an_empty_file_is_empty_again() -> None:
    assert insert(b"", FORWARDING, ONE) == FORWARDING_BLOCK
    assert remove(FORWARDING_BLOCK, FORWARDING) == b""


# -- ten thousand files

EARLY = [
    b"set skip on lo0",
    b"set block-policy drop",
    b"scrub in all",
    b'scrub-anchor "com.apple/*"',
]
EARLY += [b'ext = "en0"', b"table <bad> persist { 10.0.0.0/8, 192.0.2.1 }"]
TRANSLATION = [b"nat on en0 from 10.1.0.0/16 to any -> (en0)", b'rdr-anchor "com.apple/*"']
TRANSLATION += [
    b"no nat on en0 from any to 10.0.0.0/8",
    b"nat on en0 \\\n from 10.2.0.0/16 to any -> (en0)",
]
FILTER = [b"block in all", b"pass out quick on en0 proto tcp from any to any port 443 keep state"]
FILTER += [
    b'anchor "com.apple/*"',
    b'anchor "mine" {\n  pass all\n}',
    b"block return in quick \\\n all",
]
FILTER += [b'load anchor "com.apple" from "/etc/pf.anchors/com.apple"', b"pass in on lo0 all"]
FREE = [b"", b"# comment", b"   # one more", b"# ends in a backslash \\", b"\t", b"# \xed\x95\x9c"]
WRONG = [b"no such statement", b'x = "open', b"pass in on {", b"nat on en0", b"\xff\xfe"]


def pf_conf(chance: random.Random) -> bytes:
    """A pf.conf with Apple's hook: most are right and in pf's order, some are wrong somewhere."""
    parts: List[bytes] = []
    for kind, hook in ((EARLY, False), (TRANSLATION, True), (FILTER, False)):
        some = [chance.choice(kind) for _each in range(chance.randrange(4))]
        some += [chance.choice(FREE) for _each in range(chance.randrange(3))]
        chance.shuffle(some)
        # Behind a comment that a backslash continues, the hook would be part of the comment.
        parts += [*some, b"", HOOK.strip()] if hook else some
    if chance.random() < 0.2:
        parts.insert(chance.randrange(len(parts)), chance.choice(WRONG))
    conf = b"\n".join(parts) + b"\n" * chance.randrange(3)
    return conf.replace(b"\n", b"\r\n") if chance.random() < 0.05 else conf


def taken(conf: bytes) -> bool:
    """Whether the simulated Mac's pf accepts it, files that it loads aside."""
    text = conf.decode("latin-1")
    return not parse(text, "pf.conf", "", addresses=lambda _n: [], read=lambda _p: "").errors


def test_ten_thousand_files_keep_their_bytes_and_stay_acceptable() -> None:
    chance, accepted = random.Random(20261127), 0
    for _each in range(examples(10_000)):
        conf = pf_conf(chance)
        made = put(conf)
        assert put(made) == made, conf
        assert remove(made, ANCHOR) == conf, conf
        assert state(made, ANCHOR, LOAD) == "ok", conf
        if taken(conf):
            accepted += 1
            assert taken(made), made
    assert accepted > examples(10_000) // 3


MARKS = [
    *BLOCK.splitlines(),
    *OLD_HOOK.splitlines(),
    b"pass all",
    b"# x",
    APPLES.strip(),
    b"",
    b"\xff",
]


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(st.sampled_from(MARKS), max_size=10), st.booleans())
def test_whatever_was_done_to_the_file_nobody_elses_line_is_lost(
    pieces: List[bytes], final: bool
) -> None:
    conf = HOOK + b"\n".join(pieces) + (b"\n" if final else b"")
    others = [b"pass all", b"# x", APPLES.strip(), b"\xff"]
    for change in changes():
        try:
            made = change(conf)
        except Refused:
            continue
        for line in others:
            assert made.split(b"\n").count(line) == conf.split(b"\n").count(line)
        assert change(made) == made


def changes() -> Tuple[Callable[[bytes], bytes], ...]:
    return (put, lambda conf: remove(conf, ANCHOR))
