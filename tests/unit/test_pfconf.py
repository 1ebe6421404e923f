"""Our blocks in pf.conf and sysctl.conf: they go in, they come out, nobody else's line moves."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path
from typing import Callable, List, Optional, Tuple

import pytest
from budget import examples
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from container_net import text
from container_net.pfconf import (
    ANCHOR,
    FORWARDING,
    HOOK,
    Edit,
    Refused,
    Section,
    block_state,
    has_hook,
    insert_pf_conf,
    insert_sysctl_conf,
    loaded_files,
    remove_pf_conf,
    remove_sysctl_conf,
    scan,
)

LOAD = b'load anchor "com.apple/250.container-net" from "/etc/pf.anchors/250.container-net"\n'
NAT = b'nat-anchor "com.apple/*"\n'
ONE = b"net.inet.ip.forwarding=1\n"
POW = b'load anchor "com.apple/250.PowFirewall" from "/etc/pf.anchors/250.PowFirewall"\n'

ANCHOR_BLOCK = b"# >>> container-net: anchor >>>\n" + LOAD + b"# <<< container-net: anchor <<<\n"
HOOK_BLOCK = b"# >>> container-net: hook >>>\n" + NAT + b"# <<< container-net: hook <<<\n"
FORWARDING_BLOCK = (
    b"# >>> container-net: forwarding >>>\n" + ONE + b"# <<< container-net: forwarding <<<\n"
)

STOCK = b"""#
# Default PF configuration file.
#
# See pf.conf(5) for syntax.
#

#
# com.apple anchor point
#
scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
load anchor "com.apple" from "/etc/pf.anchors/com.apple"
"""

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "samples"


def put(conf: bytes) -> bytes:
    return insert_pf_conf(conf, anchor_block=LOAD, hook_block=NAT).content


def take(conf: bytes) -> bytes:
    return remove_pf_conf(conf).content


def put_sysctl(conf: bytes) -> bytes:
    return insert_sysctl_conf(conf, block=ONE).content


def take_sysctl(conf: bytes) -> bytes:
    return remove_sysctl_conf(conf).content


def or_none(function: Callable[[bytes], bytes], conf: bytes) -> Optional[bytes]:
    try:
        return function(conf)
    except Refused:
        return None


# --- Apple's tool -----------------------------------------------------------------------------

APPLE = "com.apple.container"
KEYWORDS = ("scrub-anchor", "nat-anchor", "rdr-anchor", "dummynet-anchor", "anchor", "load anchor")
APPLE_LOAD = f'load anchor "{APPLE}" from "/etc/pf.anchors/{APPLE}"'
# What Foundation's CharacterSet.newlines holds.
NEWLINES = re.compile("[\n\x0b\x0c\r\x85\u2028\u2029]")


def apple_create(conf: bytes, *, old: bool = False) -> bytes:
    """`container system dns create --localhost`, as PacketFilter.swift edits /etc/pf.conf.

    `old` is the form up to 0.12: a keyword that finds no place goes behind the last line instead
    of before it. A file that is no UTF-8 makes it throw, and stays as it is.
    """
    try:
        content = conf.decode("utf-8")
    except UnicodeDecodeError:
        return conf
    lines = NEWLINES.split(content)
    for rank, keyword in enumerate(KEYWORDS[:-1]):
        wanted = f'{keyword} "{APPLE}"'
        if wanted in content:
            continue
        places = (at for at, line in enumerate(lines) if line.startswith(KEYWORDS[rank:]))
        lines.insert(next(places, len(lines) if old else len(lines) - 1), wanted)
    if APPLE_LOAD not in content:
        lines.insert(len(lines) - 1, APPLE_LOAD)
    return "\n".join(lines).encode("utf-8")


def apple_delete(conf: bytes) -> bytes:
    """`container system dns delete` of the last domain."""
    try:
        content = conf.decode("utf-8")
    except UnicodeDecodeError:
        return conf
    return "\n".join(line for line in NEWLINES.split(content) if APPLE not in line).encode("utf-8")


# --- generated files --------------------------------------------------------------------------

EARLY = (
    b"set block-policy drop",
    b"set timeout { tcp.first 120,\\\n  tcp.established 86400 }",
    b"set limit { states 10000,\n  frags 5000 }",
    b"scrub in all fragment reassemble",
    b'scrub-anchor "corp/*"',
    b"no scrub on lo0 all",
    b"scrub in \\\n  on en0 \\\n  all",
    b"altq on en0 cbq bandwidth 10Mb queue { std }",
    b"queue std bandwidth 100% cbq(default)",
)
TRANSLATION = (
    b"nat on en0 inet from 10.8.0.0/24 to any -> (en0)",
    b'rdr-anchor "corp"',
    b"no nat on en0 from 10.9.0.0/24 to any",
    b"rdr pass on lo0 inet proto tcp from any to any port 80 -> 127.0.0.1 port 8080 # web",
    b"nat on $ext_if \\\n  from { 10.1.0.0/16,\n  10.2.0.0/16 } to any -> ($ext_if)",
    b'nat-anchor "com.apple.internet-sharing"',
    b'nat-anchor "com.apple/*" on en7',
    b"binat on en0 from 10.0.0.9 to any -> 192.0.2.9",
)
LATER = (
    b'dummynet-anchor "corp"',
    b"dummynet out proto tcp from any to any pipe 1",
)
FILTER = (
    b"pass out all keep state",
    b"block drop in quick on en0 from <bad> to any",
    b'anchor "corp/*"',
    b'anchor "inline" {\n  pass in proto tcp\n  block out all # } "\n}',
    b"antispoof for en0",
    b"pass in \\\n  proto tcp to port { 22, \\\n  443 }",
    b'block in log label "no # comment \\" here" all',
    b"pass in from don't",
)
FREE = (
    b"",
    b"   ",
    b"# a comment",
    b"# na\xefve latin-1 \xa7",
    "# 주석".encode(),
    b'# nat-anchor "com.apple/*"',
    b"# this goes on \\\npass in all",
    b"# and this does not \\\\",
    b"# carriage \r return",
    b'ext_if = "en0"',
    b"ext_if=en0",
    b'text = "two\nlines # not a comment"',
    b"table <bad> persist { 192.0.2.1, 192.0.2.2 }",
    b"table <lan> const { 10.0.0.0/8, \\\n  172.16.0.0/12 }",
    b"set skip on lo0",
    b'load anchor "corp" from "/etc/pf.anchors/corp"',
    POW[:-1],
    # What looks like our markers and is not.
    b"# >>> container-net >>>",
    b"#>>> container-net: anchor >>>",
    b"# >>> container-net: anchor >>> edited",
    b"# >>> container-net: other >>>",
    b"# <<< container-net: forwarding <<<",
    b"# <<< container-net: anchor >>>",
    b"pass in all # >>> container-net: anchor >>>",
    b"# >>> container-net: hook >>> (newline added)",
)
OWN_HOOKS = (
    b'nat-anchor "com.apple/*"',
    b"nat-anchor 'com.apple/*' all",
    b"nat-anchor com.apple/* # ours",
    b'\tnat-anchor \\\n "com.apple/*" inet from any to any',
)


@st.composite
def pf_files(
    draw: st.DrawFn, *, utf8: bool = False, hook: Optional[bool] = None, ended: bool = False
) -> bytes:
    """A pf.conf in pf's order, with everything that may stand around.

    With a hook of its own, without one, or (None) either; `ended`: with a final newline.
    """
    free = [piece for piece in FREE if not utf8 or (b"\r" not in piece and is_utf8(piece))]
    hook = draw(st.booleans()) if hook is None else hook
    hooks = [draw(st.sampled_from(OWN_HOOKS))] if hook else []
    pieces: List[bytes] = []
    for kinds, few in (
        (EARLY, ()),
        (TRANSLATION, hooks),
        (LATER, ()),
        (FILTER, ()),
    ):
        some = draw(st.lists(st.sampled_from((*kinds, *free)), max_size=4))
        at = draw(st.integers(0, len(some)))
        pieces += [*some[:at], *few, *some[at:]]
    conf = b"".join(piece + b"\n" for piece in pieces)
    if not utf8 and draw(st.integers(0, 9)) == 0:
        conf = conf.replace(b"\n", b"\r\n")
    return conf[:-1] if not ended and draw(st.booleans()) else conf


def is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


MARKS = tuple(
    mark + end
    for name in (b"anchor", b"hook", b"forwarding")
    for mark in (
        b"# >>> container-net: %s >>>" % name,
        b"# <<< container-net: %s <<<" % name,
        b"  # >>> container-net: %s >>>" % name,
        b"# >>> container-net: %s >>> (newline added, 00000000)" % name,
    )
    for end in (b"", b"\r")
)
DAMAGED = (LOAD[:-1], NAT[:-1], ONE[:-1], POW[:-1], b"\t" + LOAD[:-1], LOAD[:-1] + b"\r")
SYSCTL = (
    b"",
    b"# comment",
    b"kern.maxfiles=10485760",
    b"net.inet.ip.forwarding=0",
    b"net.inet.ip.forwarding = 1",
    b"#net.inet.ip.forwarding=1",
    b"net.inet.ip.forwarding_x=1",
    b"net.inet6.ip6.forwarding=1",
    b"; \xff\xfe",
    b"# >>> container-net: anchor >>>",
    b"# >>> container-net: forwarding",
    b"ends in a backslash \\",
)


def joined(pieces: List[bytes], final: bool) -> bytes:
    return b"\n".join(pieces) + (b"\n" if final and pieces else b"")


sysctl_files = st.builds(
    joined, st.lists(st.sampled_from((*SYSCTL, ONE[:-1])), max_size=8), st.booleans()
)
wrecks = st.builds(
    joined,
    st.lists(
        st.one_of(
            st.sampled_from(MARKS),
            st.sampled_from(DAMAGED),
            st.sampled_from((*FREE, *TRANSLATION, *FILTER, *EARLY)),
            st.sampled_from((ANCHOR_BLOCK[:-1], HOOK_BLOCK[:-1], FORWARDING_BLOCK[:-1])),
            st.binary(max_size=12),
            st.sampled_from((f'nat-anchor "{APPLE}"'.encode(), APPLE_LOAD.encode())),
        ),
        max_size=12,
    ),
    st.booleans(),
)

MARKER = re.compile(
    rb"# (>>> container-net: (anchor|hook|forwarding) >>>( \(newline added, [0-9a-f]{8}\))?"
    rb"|<<< container-net: (anchor|hook|forwarding) <<<)"
)


def lines_of_others(conf: bytes) -> List[bytes]:
    """The lines that nobody could take for ours, in order, without their ends."""
    ours = {line.strip() for line in (LOAD, NAT, ONE, POW)}
    lines = [line.rstrip(b"\r") for line in conf.split(b"\n")]
    return [
        line
        for line in lines
        if line.strip() and not MARKER.fullmatch(line.strip()) and line.strip() not in ours
    ]


# --- the scanner ------------------------------------------------------------------------------


def sections(conf: bytes) -> List[Tuple[int, str, bytes]]:
    return [(s.line, s.section.value, conf[s.start : s.end]) for s in scan(conf).statements]


@pytest.mark.parametrize(
    ("conf", "section"),
    [
        (b"set skip on lo0\n", Section.OPTIONS),
        (b"scrub in all\n", Section.NORMALIZATION),
        (b"no scrub in all\n", Section.NORMALIZATION),
        (b'scrub-anchor "x"\n', Section.NORMALIZATION),
        (b"altq on en0 priq queue a\n", Section.QUEUEING),
        (b"queue a priority 1\n", Section.QUEUEING),
        (b"nat on en0 from any to any -> (en0)\n", Section.TRANSLATION),
        (b"no rdr on en0\n", Section.TRANSLATION),
        (b"binat on en0 from 10.0.0.1 to any -> 192.0.2.1\n", Section.TRANSLATION),
        (b'nat-anchor "x"\n', Section.TRANSLATION),
        (b'rdr-anchor "x"\n', Section.TRANSLATION),
        (b'binat-anchor "x"\n', Section.TRANSLATION),
        (b'dummynet-anchor "x"\n', Section.DUMMYNET),
        (b"no dummynet quick on lo0\n", Section.DUMMYNET),
        (b"pass\n", Section.FILTERING),
        (b"block all\n", Section.FILTERING),
        (b"antispoof for en0\n", Section.FILTERING),
        (b'anchor "x" all\n', Section.FILTERING),
        (b'load anchor "x" from "y"\n', Section.LOAD_ANCHOR),
        (b"load balance\n", Section.UNKNOWN),
        (b'include "/etc/pf.extra"\n', Section.INCLUDE),
        (b"table <t> { 10.0.0.1 }\n", Section.TABLE),
        (b'ext="en0"\n', Section.MACRO),
        (b"ext = en0\n", Section.MACRO),
        (b'"ext" = en0\n', Section.MACRO),
        (b"$rules\n", Section.UNKNOWN),
        (b"Pass all\n", Section.UNKNOWN),
        (b'"pass" all\n', Section.UNKNOWN),
        (b"no way\n", Section.UNKNOWN),
        (b"{ pass }\n", Section.UNKNOWN),
        (b"\xffpass\n", Section.UNKNOWN),
        (b"natural on en0\n", Section.UNKNOWN),
    ],
)
def test_each_statement_knows_its_section(conf: bytes, section: Section) -> None:
    (statement,) = scan(conf).statements
    assert (statement.section, statement.start, statement.end) == (section, 0, len(conf))


@pytest.mark.parametrize(
    ("conf", "found"),
    [
        (b"", []),
        (b"# only \\\npass a comment\n", []),
        (b"pass # a \\\n comment goes on\nblock", [(1, "filtering"), (3, "filtering")]),
        (b"# two backslashes \\\\\npass\n", [(2, "filtering")]),
        (b"# backslash and carriage return \\\r\npass\n", [(2, "filtering")]),
        (b"pass \\\n in\nblock\n", [(1, "filtering"), (3, "filtering")]),
        (b"\\\n\\\n nat on en0\n", [(1, "translation")]),
        (b"\n\n  \tpass\n", [(3, "filtering")]),
        (b'x = "a\nnat on en0\n"\npass\n', [(1, "macro"), (4, "filtering")]),
        (b'x = "a \\" # b"\npass\n', [(1, "macro"), (2, "filtering")]),
        (b'x = "a \\\\" # b\npass\n"\n', [(1, "macro")]),
        (b"x = 'a \" b'\npass\n", [(1, "macro"), (2, "filtering")]),
        (b"pass in from don't\nblock\n", [(1, "filtering"), (2, "filtering")]),
        (b"pass a/'x\ny'\nblock\n", [(1, "filtering"), (3, "filtering")]),
        (b"table <t> {\n 10.0.0.1 # }\n 10.0.0.2 }\npass\n", [(1, "table"), (4, "filtering")]),
        (b'anchor "a" {\n nat on x\n}\npass\n', [(1, "filtering"), (4, "filtering")]),
        (b'x = "{"\npass\n', [(1, "macro"), (2, "filtering")]),
        (b"pass }\nblock\n", [(1, "filtering"), (2, "filtering")]),
        (b"pass\r\nblock\r\n", [(1, "filtering"), (2, "filtering")]),
    ],
)
def test_statements_begin_where_pf_begins_them(conf: bytes, found: List[Tuple[int, str]]) -> None:
    assert [(line, section) for line, section, _text in sections(conf)] == found


@pytest.mark.parametrize(
    ("conf", "line", "what"),
    [
        (b'pass\nx = "open\n\n', 2, "quote"),
        (b"pass\ntable <t> {\n1\n", 2, "brace"),
        (b"pass\n# open \\\n", 2, "backslash"),
        (b"pass \\\n in \\\n", 2, "backslash"),
    ],
)
def test_what_is_still_open_at_the_end_is_named(conf: bytes, line: int, what: str) -> None:
    unfinished = scan(conf).unfinished
    assert unfinished is not None
    assert (unfinished[0], unfinished[1].value) == (line, what)


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(pf_files(), wrecks, st.binary(max_size=80)))
def test_statements_are_whole_lines_in_order_and_never_overlap(conf: bytes) -> None:
    end = 0
    for statement in scan(conf).statements:
        assert end <= statement.start < statement.end <= len(conf)
        assert statement.start == 0 or conf[statement.start - 1 : statement.start] == b"\n"
        assert statement.end == len(conf) or conf[statement.end - 1 : statement.end] == b"\n"
        assert statement.line == conf.count(b"\n", 0, statement.start) + 1
        end = statement.end


def test_a_long_file_is_scanned_in_reasonable_time() -> None:
    conf = b"pass in quick proto tcp from 10.0.0.1 to any port 443\n" * 5000
    assert len(scan(conf).statements) == 5000


# --- the hook and the loaded files ------------------------------------------------------------


@pytest.mark.parametrize(
    ("conf", "there"),
    [
        (STOCK, True),
        (b'nat-anchor "com.apple/*"', True),
        (b"nat-anchor 'com.apple/*' all\n", True),
        (b"nat-anchor com.apple/*\n", True),
        (b'nat-anchor "com.apple/*" inet from any to any # x\n', True),
        (b'nat-anchor \\\n\t"com.apple/*"\n', True),
        (HOOK_BLOCK, True),
        (b"", False),
        (b'# nat-anchor "com.apple/*"\n', False),
        (b'# so \\\nnat-anchor "com.apple/*"\n', False),
        (b'x = "\nnat-anchor com.apple/*\n"\n', False),
        (b'rdr-anchor "com.apple/*"\n', False),
        (b'nat-anchor "com.apple"\n', False),
        (b'nat-anchor "com.apple/*" on en7\n', False),
        (b'nat-anchor "com.apple/*" inet6\n', False),
        (b'nat-anchor "com.apple/*" proto tcp\n', False),
        (b'nat-anchor "com.apple/*" from 10.0.0.0/8 to any\n', False),
        (b'nat-anchor "com.apple/*" "all"\n', False),
        (b'nat-anchor "com.apple/* all"\n', False),
        (b"nat-anchor $apple\n", False),
        (b'anchor "x" {\nnat-anchor "com.apple/*"\n}\n', False),
    ],
)
def test_the_hook_is_a_statement_without_a_condition(conf: bytes, there: bool) -> None:
    assert has_hook(conf) is there


def test_every_file_that_pf_would_load_is_listed() -> None:
    conf = (
        STOCK
        + b'load anchor x from /etc/pf.anchors/x # y\n# load anchor "n" from "/n"\n'
        + b'load anchor "m" from $m\nload anchor \\\n "c" from \\\n "/a dir/c"\n'
        + b'load anchor "from" from "/etc/caf\xe9"\nload anchor "broken"\n'
        + LOAD
    )
    assert loaded_files(conf) == (
        "/etc/pf.anchors/com.apple",
        "/etc/pf.anchors/x",
        "/a dir/c",
        "/etc/caf\udce9",
        "/etc/pf.anchors/250.container-net",
    )


# --- in and out -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (STOCK, STOCK + ANCHOR_BLOCK),
        (b"", HOOK_BLOCK + ANCHOR_BLOCK),
        (b"# nothing\n", b"# nothing\n" + HOOK_BLOCK + ANCHOR_BLOCK),
        (
            b"set skip on lo0\nscrub in all\n# filter\npass all\n",
            b"set skip on lo0\nscrub in all\n# filter\n"
            + HOOK_BLOCK
            + b"pass all\n"
            + ANCHOR_BLOCK,
        ),
        (
            b"scrub in \\\n  all\nt = a\n# goes on \\\nnat no\nnat \\\n on en0 from a to b -> c\n"
            b"pass all\nset skip on lo0\n",
            b"scrub in \\\n  all\nt = a\n# goes on \\\nnat no\n"
            + HOOK_BLOCK
            + b"nat \\\n on en0 from a to b -> c\npass all\nset skip on lo0\n"
            + ANCHOR_BLOCK,
        ),
        (
            b'scrub in\nt = x\nload anchor "a" from "b"\npass\nload anchor "b" from "b"\n',
            b"scrub in\nt = x\n"
            + HOOK_BLOCK
            + b'load anchor "a" from "b"\npass\nload anchor "b" from "b"\n'
            + ANCHOR_BLOCK,
        ),
        (
            b'set require-order no\nscrub in\ninclude "a"\npass\n',
            b'set require-order no\nscrub in\ninclude "a"\n'
            + HOOK_BLOCK
            + b"pass\n"
            + ANCHOR_BLOCK,
        ),
        (
            b'load anchor "a" from "b"\nrdr-anchor "a"\ndummynet-anchor "a"\nanchor "a"\n',
            b'load anchor "a" from "b"\n'
            + HOOK_BLOCK
            + b'rdr-anchor "a"\ndummynet-anchor "a"\nanchor "a"\n'
            + ANCHOR_BLOCK,
        ),
        (
            b'scrub-anchor "a"\ndummynet-anchor "a"\nanchor "a"\n',
            b'scrub-anchor "a"\n'
            + HOOK_BLOCK
            + b'dummynet-anchor "a"\nanchor "a"\n'
            + ANCHOR_BLOCK,
        ),
        # What is included before a translation rule, or after one, is in order with the hook there.
        (
            b'include "a"\nrdr-anchor "x"\ninclude "b"\npass\n',
            b'include "a"\n' + HOOK_BLOCK + b'rdr-anchor "x"\ninclude "b"\npass\n' + ANCHOR_BLOCK,
        ),
        (
            b'include "macros"\nscrub in\npass\n',
            b'include "macros"\nscrub in\n' + HOOK_BLOCK + b"pass\n" + ANCHOR_BLOCK,
        ),
        (
            b'set require-order no\npass\ninclude "a"\nscrub in\nnat-anchor "x"\n',
            b'set require-order no\npass\ninclude "a"\nscrub in\n'
            + HOOK_BLOCK
            + b'nat-anchor "x"\n'
            + ANCHOR_BLOCK,
        ),
    ],
)
def test_blocks_stand_where_pf_allows_them(before: bytes, after: bytes) -> None:
    edit = insert_pf_conf(before, anchor_block=LOAD, hook_block=NAT)
    assert edit == Edit(after, True, ())
    assert remove_pf_conf(after) == Edit(before, True, ())


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        (b'include "a"\npass\n', "line 1: to which part"),
        (b"set limit states 1\n$x\npass\n", "line 2: to which part"),
        (b"scrub in\nfoo\n", "line 2: to which part"),
        (b"pass\nnat on en0 from a to b -> c\n", "line 2 stands behind line 1"),
        (b"pass\nscrub in\n", "line 2 stands behind line 1"),
        (b'rdr-anchor "a"\n\nset limit states 9\n', "line 3 stands behind line 1"),
        (b'pass\nx = "open\n', "line 2: a quote"),
        (b"pass\ntable <t> {\n", "line 2: a brace"),
        (b"pass \\\n", "line 1: the last line ends in a backslash"),
        (b"# comment \\", "line 1: the last line ends in a backslash"),
        (b"a\n\0\n", "line 2: a zero byte"),
    ],
)
def test_no_place_is_guessed(conf: bytes, says: str) -> None:
    with pytest.raises(Refused, match=re.escape(says)):
        put(conf)


def test_the_hook_is_left_out_where_the_file_has_one_and_comes_out_when_it_gets_one() -> None:
    ours = put(b"pass all\n")
    assert HOOK_BLOCK in ours
    theirs = b'nat-anchor "com.apple/*" all\n' + ours
    assert put(theirs) == b'nat-anchor "com.apple/*" all\npass all\n' + ANCHOR_BLOCK


def test_a_hook_with_a_condition_is_not_enough() -> None:
    conf = b'nat-anchor "com.apple/*" on en7\n'
    assert put(conf) == HOOK_BLOCK + conf + ANCHOR_BLOCK


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/reference/samples")
def test_the_stock_file_of_a_mac_comes_back() -> None:
    stock = (SAMPLES / "etc_pf.conf_stock.txt").read_bytes()
    stock = stock[stock.index(b"#\n# Default") :] if b"#\n# Default" in stock else stock
    assert put(stock) == stock + ANCHOR_BLOCK
    assert take(put(stock)) == stock


def placed(conf: bytes) -> Optional[bytes]:
    try:
        return put(conf)
    except Refused:
        return None


@settings(max_examples=examples(700), deadline=None)
@given(pf_files())
@example(b"pass all")
@example(b"# comment")
@example(b"\n")
@example(b" ")
@example(b"pass \\\n in")
def test_insert_then_remove_gives_the_first_bytes(conf: bytes) -> None:
    after = placed(conf)
    assume(after is not None)
    assert after is not None
    assert after.endswith(b"\n")
    assert b"com.apple.container" not in after.replace(conf, b"")
    assert put(after) == after
    assert take(after) == conf
    assert remove_pf_conf(conf) == Edit(conf, False, remove_pf_conf(conf).notes)
    assert block_state(after, ANCHOR, LOAD) == "ok"
    assert block_state(after, HOOK, NAT) == ("absent" if has_hook(conf) else "ok")
    assert block_state(conf, ANCHOR, LOAD) == block_state(conf, HOOK, NAT) == "absent"
    assert has_hook(after)
    assert loaded_files(after)[-1] == "/etc/pf.anchors/250.container-net"


@settings(max_examples=examples(500), deadline=None)
@given(pf_files(hook=False))
def test_the_hook_follows_what_comes_early_and_precedes_what_filters(conf: bytes) -> None:
    after = placed(conf)
    assume(after is not None and HOOK_BLOCK in after)
    assert after is not None
    at = after.index(HOOK_BLOCK)
    # Nothing of ours here knows how pf cuts lines: whole statements are looked for by their text.
    for piece in EARLY:
        for match in re.finditer(rb"^%s\r?$" % re.escape(piece), after, re.MULTILINE):
            assert match.end() < at
    for piece in (*LATER, *FILTER):
        for match in re.finditer(rb"^%s\r?$" % re.escape(piece), after, re.MULTILINE):
            assert match.start() > at


def test_most_generated_files_are_taken() -> None:
    """The properties above would prove little if nearly every file were refused."""
    pieces = random.Random(7)
    taken = 0
    for _round in range(300):
        conf = b""
        for kinds in (EARLY, TRANSLATION, LATER, FILTER):
            some = pieces.choices((*kinds, *FREE), k=pieces.randrange(5))
            conf += b"".join(piece + b"\n" for piece in some)
        taken += placed(conf) is not None
    assert taken > 200


@settings(max_examples=examples(700), deadline=None)
@given(sysctl_files)
@example(b"net.inet.ip.forwarding=0")
def test_insert_then_remove_gives_the_first_bytes_of_sysctl_conf(conf: bytes) -> None:
    after = put_sysctl(conf)
    assert after.endswith(FORWARDING_BLOCK) or b"(newline added, " in after
    assert put_sysctl(after) == after
    assert take_sysctl(after) == conf
    assert block_state(after, FORWARDING, ONE) == "ok"
    assert block_state(conf, FORWARDING, ONE) == "absent"


def test_a_final_newline_that_was_not_there_goes_again() -> None:
    after = put(STOCK[:-1])
    assert after.startswith(STOCK + b"# >>> container-net: anchor >>> (newline added, ")
    assert after.endswith(LOAD + b"# <<< container-net: anchor <<<\n")
    assert take(after) == STOCK[:-1]


@pytest.mark.parametrize(
    ("edited", "left"),
    [
        # A rule that was written between the last line and our block needs its newline.
        (lambda c: c.replace(b"# >>>", b"pass all\n# >>>"), b"# one\npass all\n"),
        # So does one that was changed, and one that has another behind it.
        (lambda c: c.replace(b"# one", b"pass"), b"pass\n"),
        (lambda c: c + b"pass all\n", b"# one\npass all\n"),
        (lambda c: c + b"pass all", b"# one\npass all"),
        (lambda c: c + b"# com.apple.container", b"# one\n# com.apple.container"),
    ],
)
def test_a_newline_that_somebody_needs_now_stays(
    edited: Callable[[bytes], bytes], left: bytes
) -> None:
    assert take(edited(put(STOCK + b"# one"))) == STOCK + left


def test_a_line_behind_our_block_gets_the_newline_it_lacks_and_loses_it_again() -> None:
    conf = put(STOCK) + b"# more"
    assert block_state(conf, ANCHOR, LOAD) == "drifted"
    after = put(conf)
    assert after.startswith(STOCK + b"# more\n# >>> container-net: anchor >>> (newline added, ")
    assert block_state(after, ANCHOR, LOAD) == "ok"
    assert take(after) == STOCK + b"# more"
    setting = put_sysctl(b"a=1\n") + b"b=2"
    assert block_state(setting, FORWARDING, ONE) == "drifted"
    assert put_sysctl(setting).endswith(ONE + LAST_OF_TWO % b"forwarding")
    assert take_sysctl(put_sysctl(setting)) == b"a=1\nb=2"


def test_a_statement_without_an_end_is_moved_behind_apples_lines_as_a_whole() -> None:
    conf = STOCK + b"pass \\\n in"
    assert take(apple_create(put(conf))).endswith(APPLE_LOAD.encode() + b"\npass \\\n in")


def test_a_changed_anchor_name_replaces_the_line_in_place() -> None:
    new = LOAD.replace(b"250.container-net", b"300.mine")
    after = put(STOCK) + b"# later\n"
    edit = insert_pf_conf(after, anchor_block=new, hook_block=NAT)
    assert edit.content == after.replace(LOAD, new)
    assert block_state(after, ANCHOR, new) == "drifted"
    assert block_state(edit.content, ANCHOR, new) == "ok"
    assert take(edit.content) == STOCK + b"# later\n"


@pytest.mark.parametrize(
    "line",
    [
        b"# a comment\n",
        LOAD + LOAD,
        b"\n" + LOAD,
        b" " + LOAD,
        LOAD[:-1] + b"\r\n",
        b'load anchor "com.apple/a" from "/etc/pf.anchors/b"\n',
        b'load anchor "com.apple/com.apple.container" from "/etc/pf.anchors/com.apple.container"\n',
        b"",
    ],
)
def test_a_line_that_we_could_not_know_again_is_never_written(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line that the block anchor can hold"):
        insert_pf_conf(STOCK, anchor_block=line, hook_block=NAT)


def test_the_file_may_be_named_by_its_real_path() -> None:
    real = LOAD.replace(b'"/etc', b'"/private/etc')
    after = insert_pf_conf(STOCK, anchor_block=real, hook_block=NAT).content
    assert after == STOCK + ANCHOR_BLOCK.replace(LOAD, real)
    assert take(after) == STOCK


def test_an_unmarked_line_like_ours_is_somebody_elses_and_said() -> None:
    conf = STOCK + LOAD
    edit = insert_pf_conf(conf, anchor_block=LOAD, hook_block=NAT)
    assert edit.content == conf + ANCHOR_BLOCK
    assert any("line 16 loads our anchor" in note for note in edit.notes)
    removed = remove_pf_conf(edit.content)
    assert removed.content == conf
    assert any("line 16 loads our anchor" in note for note in removed.notes)


# --- damage -----------------------------------------------------------------------------------

BEGIN, END = b"# >>> container-net: anchor >>>\n", b"# <<< container-net: anchor <<<\n"
CUSTOM = LOAD.replace(b"250.container-net", b"300.mine")


@pytest.mark.parametrize(
    ("name", "conf", "clean"),
    [
        ("begin lost", STOCK + LOAD + END, STOCK),
        ("end lost", STOCK + BEGIN + LOAD, STOCK),
        ("end lost, more behind", STOCK + BEGIN + LOAD + b"pass\n", STOCK + b"pass\n"),
        ("line lost", STOCK + BEGIN + END, STOCK),
        ("only a begin", STOCK + BEGIN + b"pass\n", STOCK + b"pass\n"),
        ("doubled", STOCK + ANCHOR_BLOCK + ANCHOR_BLOCK, STOCK),
        ("doubled elsewhere", ANCHOR_BLOCK + STOCK + ANCHOR_BLOCK, STOCK),
        ("line doubled", STOCK + BEGIN + LOAD + LOAD + END, STOCK),
        ("half doubled", STOCK + BEGIN + LOAD + ANCHOR_BLOCK, STOCK),
        ("swapped", STOCK + END + LOAD + BEGIN, STOCK + LOAD),
        ("indented", STOCK + b"  " + BEGIN + b"\t" + LOAD + b" " + END, STOCK),
        ("markers indented", STOCK + b"  " + BEGIN + LOAD + b" " + END, STOCK),
        ("markers with CRLF", STOCK + ANCHOR_BLOCK.replace(b">\n", b">\r\n"), STOCK),
        ("CRLF", STOCK + ANCHOR_BLOCK.replace(b"\n", b"\r\n"), STOCK),
        ("final newline lost", STOCK + ANCHOR_BLOCK[:-1], STOCK),
        ("a line inside", STOCK + BEGIN + b"pass\n" + LOAD + END, STOCK + b"pass\n"),
        ("a line behind it", STOCK + BEGIN + LOAD + b"pass\n" + END, STOCK + b"pass\n"),
        ("someone's line inside", STOCK + BEGIN + LOAD + POW + END, STOCK + POW),
        ("commented out", STOCK + BEGIN + b"#" + LOAD + END, STOCK + b"#" + LOAD),
        ("a blank line inside", STOCK + BEGIN + b"\n" + LOAD + END, STOCK + b"\n"),
        ("inside the hook", BEGIN + HOOK_BLOCK + LOAD + END + b"pass\n", b"pass\n"),
        ("name edited", STOCK + BEGIN + CUSTOM + END, STOCK),
    ],
)
def test_a_damaged_block_is_put_right(name: str, conf: bytes, clean: bytes) -> None:
    assert block_state(conf, ANCHOR, LOAD) == "drifted"
    assert take(conf) == clean
    repaired = put(conf)
    assert block_state(repaired, ANCHOR, LOAD) == "ok"
    assert take(repaired) == clean
    assert put(repaired) == repaired


def test_a_moved_block_stays_where_it_does_no_harm() -> None:
    moved = ANCHOR_BLOCK + STOCK
    assert put(moved) == moved
    assert block_state(moved, ANCHOR, LOAD) == "ok"
    assert take(moved) == STOCK


@pytest.mark.parametrize(
    "conf",
    [
        b"pass in proto tcp to port { 22,\n" + ANCHOR_BLOCK + b"443 }\n",
        b'x = "\n' + ANCHOR_BLOCK + b'"\n',
    ],
)
def test_a_block_inside_a_statement_is_moved_to_the_end(conf: bytes) -> None:
    with_hook = put(conf)
    assert with_hook.endswith(ANCHOR_BLOCK)
    assert block_state(conf, ANCHOR, LOAD) == "drifted"
    assert take(with_hook) == take(conf)


def test_a_moved_hook_goes_back_to_its_place() -> None:
    conf = b"scrub in all\npass all\n" + HOOK_BLOCK + b"block all\n"
    assert block_state(conf, HOOK, NAT) == "drifted"
    assert put(conf) == (b"scrub in all\n" + HOOK_BLOCK + b"pass all\nblock all\n" + ANCHOR_BLOCK)


def test_a_hook_that_the_user_moved_within_its_section_stays() -> None:
    conf = b'rdr-anchor "a"\n' + HOOK_BLOCK + b'include "b"\npass\n' + ANCHOR_BLOCK
    assert block_state(conf, HOOK, NAT) == "ok"
    assert put(conf) == conf


FIRST_OF_TWO = b"# >>> container-net: %s >>>\n"
LAST_OF_TWO = b"# <<< container-net: %s <<<\n"


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        (STOCK + FIRST_OF_TWO % b"hook" + NAT, "Delete line 16, and line 17 too"),
        (STOCK + NAT + LAST_OF_TWO % b"hook", "Delete line 17, and line 16 too"),
        (b'\nnat-anchor "com.apple/*"\n' + LAST_OF_TWO % b"hook", "Delete line 3, and line 2 too"),
        (STOCK + BEGIN + POW, "Delete line 16, and line 17 too"),
        (STOCK + POW + END, "Delete line 17, and line 16 too"),
        (STOCK + BEGIN + CUSTOM + POW + END, "lines 16 to 19: our block was edited"),
        (STOCK + BEGIN + b"#" + LOAD + POW + END, "lines 16 to 19: our block was edited"),
        (
            FIRST_OF_TWO % b"hook" + NAT + b"pass\n" + NAT + LAST_OF_TWO % b"hook",
            "lines 1 to 5: our block was edited",
        ),
    ],
)
def test_what_may_be_somebody_elses_is_refused_with_line_numbers(conf: bytes, says: str) -> None:
    with pytest.raises(Refused, match=re.escape(says)) as insert:
        put(conf)
    with pytest.raises(Refused, match=re.escape(says)) as remove:
        take(conf)
    assert insert.value.reason == str(remove.value)
    assert "drifted" in (block_state(conf, HOOK, NAT), block_state(conf, ANCHOR, LOAD))


def test_a_known_line_of_ours_is_told_from_others() -> None:
    conf = STOCK + BEGIN + CUSTOM + POW + END
    assert remove_pf_conf(conf, anchor_block=CUSTOM).content == STOCK + POW
    repaired = insert_pf_conf(conf, anchor_block=CUSTOM, hook_block=NAT).content
    assert repaired == STOCK + ANCHOR_BLOCK.replace(LOAD, CUSTOM) + POW


def test_lines_that_our_block_keeps_apart_are_never_joined() -> None:
    conf = b"pass in \\\n" + ANCHOR_BLOCK + b"block all\n"
    with pytest.raises(Refused, match="line 1 ends in a backslash"):
        take(conf)
    comment = b'nat-anchor "com.apple/*"\n# goes on \\\n' + ANCHOR_BLOCK + b"block all\n"
    with pytest.raises(Refused, match="line 2 ends in a backslash"):
        put(comment)
    assert take(conf.replace(b"block all\n", b"\nblock all\n")) == b"pass in \\\n\nblock all\n"
    assert take(conf.replace(b"block all\n", b"")) == b"pass in \\\n"


def test_repairs_are_told() -> None:
    notes = remove_pf_conf(ANCHOR_BLOCK + BEGIN + b"pass\n" + LOAD + END + BEGIN).notes
    assert [re.sub(r"[^0-9]", "", note) for note in notes] == ["8", "4", "5"]
    assert "without its partner" in notes[0]
    assert "for a second time" in notes[1]
    assert "it is kept" in notes[2]


@settings(max_examples=examples(500), deadline=None)
@given(wrecks)
def test_whatever_was_done_to_the_file_nobody_elses_line_is_lost(conf: bytes) -> None:
    removed, inserted = or_none(take, conf), or_none(put, conf)
    if removed is not None:
        assert sorted(lines_of_others(removed)) == sorted(lines_of_others(conf))
        assert not any(
            re.search(rb"(?m)^[ \t]*%s[ \t\r]*$" % re.escape(mark), removed)
            for mark in (BEGIN[:-1], END[:-1], HOOK_BLOCK.split(b"\n")[0])
        )
        assert take(removed) == removed
    if inserted is not None:
        assert sorted(lines_of_others(inserted)) == sorted(lines_of_others(conf))
        assert inserted.endswith(b"\n")
        assert put(inserted) == inserted
        assert block_state(inserted, ANCHOR, LOAD) == "ok"
        assert has_hook(inserted)
        if removed is not None:
            assert take(inserted) == removed


@settings(max_examples=examples(700), deadline=None)
@given(wrecks)
def test_a_block_is_ok_exactly_where_an_insert_changes_nothing(conf: bytes) -> None:
    edit = None
    try:
        edit = insert_pf_conf(conf, anchor_block=LOAD, hook_block=NAT)
    except Refused:
        return
    anchor, hook = block_state(conf, ANCHOR, LOAD), block_state(conf, HOOK, NAT)
    bare = re.sub(re.escape(HOOK_BLOCK), b"", conf)
    fine = anchor == "ok" and (hook == "ok" or (hook == "absent" and has_hook(bare)))
    assert edit.changed is not fine
    assert edit.changed is (edit.content != conf)


@settings(max_examples=examples(500), deadline=None)
@given(wrecks)
def test_whatever_was_done_to_sysctl_conf_nobody_elses_line_is_lost(conf: bytes) -> None:
    removed, inserted = or_none(take_sysctl, conf), or_none(put_sysctl, conf)
    if removed is not None:
        assert sorted(lines_of_others(removed)) == sorted(lines_of_others(conf))
        assert take_sysctl(removed) == removed
    if inserted is not None:
        assert sorted(lines_of_others(inserted)) == sorted(lines_of_others(conf))
        assert put_sysctl(inserted) == inserted
        assert block_state(inserted, FORWARDING, ONE) == "ok"
        assert removed is None or take_sysctl(inserted) == removed


@settings(max_examples=examples(500), deadline=None)
@given(pf_files(), st.data())
def test_one_line_of_ours_lost_or_repeated_is_repaired_or_refused(
    conf: bytes, data: st.DataObject
) -> None:
    after = placed(conf)
    assume(after is not None)
    assert after is not None
    lines = re.split(rb"(?<=\n)", after)[:-1]
    ours = [
        at
        for at, line in enumerate(lines)
        if MARKER.fullmatch(line.strip()) and b"forwarding" not in line
    ]
    ours += [at + 1 for at in ours if b">>>" in lines[at]]
    at = data.draw(st.sampled_from(ours))
    change = data.draw(st.sampled_from(("lose", "repeat", "indent", "CRLF")))
    line = lines[at]
    lines[at] = {
        "lose": b"",
        "repeat": line + line,
        "indent": b"    " + line,
        "CRLF": line[:-1] + b"\r\n",
    }[change]
    damaged = b"".join(lines)
    removed = or_none(take, damaged)
    # With its marker the word of the added newline may be lost; then the newline stays.
    assert removed is None or removed in (conf, conf + b"\n")
    repaired = or_none(put, damaged)
    if repaired is not None and removed is not None:
        assert take(repaired) == removed


# --- Apple's tool and ours --------------------------------------------------------------------

APPLE_LINES = [*(f'{keyword} "{APPLE}"' for keyword in KEYWORDS[:-1]), APPLE_LOAD]


def test_the_model_of_apples_tool_edits_the_stock_file_as_apples_does() -> None:
    created = apple_create(STOCK).decode()
    assert created.splitlines()[9:] == [
        'scrub-anchor "com.apple.container"',
        'scrub-anchor "com.apple/*"',
        'nat-anchor "com.apple.container"',
        'nat-anchor "com.apple/*"',
        'rdr-anchor "com.apple.container"',
        'rdr-anchor "com.apple/*"',
        'dummynet-anchor "com.apple.container"',
        'dummynet-anchor "com.apple/*"',
        'anchor "com.apple.container"',
        'anchor "com.apple/*"',
        'load anchor "com.apple" from "/etc/pf.anchors/com.apple"',
        'load anchor "com.apple.container" from "/etc/pf.anchors/com.apple.container"',
    ]
    assert apple_create(created.encode()) == created.encode()
    assert apple_delete(created.encode()) == STOCK
    assert apple_delete(apple_create(b"")) == b""


STEPS = {
    "insert": put,
    "remove": take,
    "create": apple_create,
    "delete": apple_delete,
}
BARE = b"pass all\n"
UNHOOKED = b'scrub in all\nnat on en0 from 10.0.0.0/8 to any -> (en0)\nrdr-anchor "a"\nanchor "a"\n'


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize(
    "conf",
    [STOCK, BARE, UNHOOKED, b"# only\n# comments\n", b"\n", b"nat \\\n on en0\npass \\\n in\n"],
)
def test_in_every_order_all_is_gone_in_the_end(conf: bytes, final: bool) -> None:
    conf = conf if final else conf[:-1]
    for length in range(5):
        for steps in itertools.product(STEPS, repeat=length):
            now = conf
            for step in steps:
                try:
                    now = STEPS[step](now)
                except Refused:
                    # Apple's tool has put its lines where pf does not take them.
                    assert step == "insert", steps
                    assert APPLE.encode() in now, steps
                    assert conf not in (STOCK, STOCK[:-1]), steps
                    continue
                if step == "insert":
                    assert block_state(now, ANCHOR, LOAD) == "ok", steps
                    assert has_hook(now), steps
            assert apple_delete(take(now)) == conf, steps
            assert take(apple_delete(now)) == conf, steps


@settings(max_examples=examples(500), deadline=None)
@given(
    pf_files(utf8=True),
    st.lists(st.sampled_from(tuple(STEPS)), max_size=7),
    st.booleans(),
    st.booleans(),
)
@example(b"# one", ["insert", "create", "remove", "insert", "delete"], True, False)
def test_ours_and_apples_lines_survive_each_other(
    conf: bytes, steps: List[str], ours_first: bool, old: bool
) -> None:
    # The old form needs a keyword in the file, or it leaves one that pf cannot read.
    assume(not old or re.search(rb"(?m)^(load )?anchor ", conf))
    # A last line that continues another (behind a backslash, in a text or in braces) and has no
    # end: Apple's tool cuts the two apart.
    assume(conf.endswith(b"\n") or conf.rfind(b"\n") + 1 not in scan(conf).joined)
    now = conf
    for step in steps:
        others = lines_of_others(now)
        was = block_state(now, ANCHOR, LOAD), block_state(now, HOOK, NAT)
        try:
            now = apple_create(now, old=old) if step == "create" else STEPS[step](now)
        except Refused:
            assume(False)
        if step == "create":
            assert [line for line in APPLE_LINES if line.encode() not in now] == []
        if step in ("create", "delete"):
            assert block_state(now, ANCHOR, LOAD) == was[0]
            # Before a `load anchor` above other things, Apple's own lines are out of order.
            assert block_state(now, HOOK, NAT) == was[1] or b"load anchor" in conf
        else:
            assert sorted(lines_of_others(now)) == sorted(others)
            assert block_state(now, ANCHOR, LOAD) == ("ok" if step == "insert" else "absent")
    end = apple_delete(take(now)) if ours_first else take(apple_delete(now))
    assert end == conf


RANKS = {
    "set": 0,
    "scrub": 1,
    "scrub-anchor": 1,
    "nat": 3,
    "rdr": 3,
    "nat-anchor": 3,
    "rdr-anchor": 3,
    "dummynet-anchor": 4,
    "anchor": 5,
    "pass": 5,
}
ONE_LINERS = (
    ("set block-policy drop", "scrub in all", 'scrub-anchor "a"', "# one"),
    ("nat on en0 from 10.0.0.0/8 to any -> (en0)", 'rdr-anchor "a"', 'nat-anchor "a"', ""),
    ('dummynet-anchor "a"', 'load anchor "c" from "c"'),
    ("pass all", 'anchor "a"', 'load anchor "a" from "a"', "table <t> { 10.0.0.1 }"),
)


def is_in_order(conf: bytes) -> bool:
    words = [line.split()[0] for line in conf.decode().splitlines() if line.split()]
    ranks = [RANKS[word] for word in words if word in RANKS]
    return ranks == sorted(ranks)


@settings(max_examples=examples(500), deadline=None)
@given(st.tuples(*(st.lists(st.sampled_from(kinds), max_size=3) for kinds in ONE_LINERS)))
@example(([], [], [], ['load anchor "a" from "a"', "pass all"]))
def test_where_apples_lines_would_be_in_order_they_are_with_ours_too(
    parts: Tuple[List[str], ...],
) -> None:
    conf = "".join(line + "\n" for part in parts for line in part).encode()
    assume(is_in_order(conf))
    assert is_in_order(put(conf))
    assert not is_in_order(apple_create(conf)) or is_in_order(apple_create(put(conf)))
    assert not is_in_order(apple_create(conf)) or is_in_order(put(apple_create(conf)))


@settings(max_examples=examples(300), deadline=None)
@given(pf_files(utf8=True, hook=True, ended=True))
def test_our_block_changes_nothing_for_apples_tool(conf: bytes) -> None:
    """With a final newline, what Apple's tool leaves is the same with us and without us."""
    assume(has_hook(conf))
    after = placed(conf)
    assume(after is not None)
    assert after is not None
    assert take(apple_create(after)) == apple_create(conf)
    assert put(apple_create(conf)) == apple_create(conf) + ANCHOR_BLOCK


def test_a_file_that_apples_tool_cannot_read_keeps_its_bytes() -> None:
    conf = b"# caf\xe9\n" + STOCK
    assert apple_create(conf) == conf
    assert take(put(conf)) == conf


# --- sysctl.conf ------------------------------------------------------------------------------


def test_the_block_stands_behind_other_lines_of_the_same_name_and_says_so() -> None:
    conf = b"a=1\nnet.inet.ip.forwarding=0\n"
    edit = insert_sysctl_conf(conf, block=ONE)
    assert edit.content == conf + FORWARDING_BLOCK
    assert edit.notes == ("sysctl.conf, line 2 sets the same name: net.inet.ip.forwarding=0",)
    later = edit.content + b" net.inet.ip.forwarding = 0\n"
    assert block_state(later, FORWARDING, ONE) == "drifted"
    moved = conf + b" net.inet.ip.forwarding = 0\n" + FORWARDING_BLOCK
    assert insert_sysctl_conf(later, block=ONE).content == moved


def test_lines_behind_the_block_that_set_other_names_do_no_harm() -> None:
    conf = b"a=1\n" + FORWARDING_BLOCK + b"b=2\n"
    assert put_sysctl(conf) == conf
    assert take_sysctl(conf) == b"a=1\nb=2\n"


def test_a_lone_marker_beside_a_line_that_many_write_is_refused() -> None:
    conf = b"a=1\n" + ONE + LAST_OF_TWO % b"forwarding"
    for function in (put_sysctl, take_sysctl):
        with pytest.raises(Refused, match="Delete line 3, and line 2 too"):
            function(conf)
    assert block_state(conf, FORWARDING, ONE) == "drifted"
    with pytest.raises(Refused, match="line 1: a zero byte"):
        put_sysctl(b"\0")


def test_nothing_is_moved_in_sysctl_conf() -> None:
    after = put_sysctl(b"a=1") + b"# com.apple.container\n"
    assert take_sysctl(after) == b"a=1\n# com.apple.container\n"


def test_a_users_own_line_stays_when_ours_goes() -> None:
    conf = ONE + ONE
    assert take_sysctl(put_sysctl(conf)) == conf


# --- texts ------------------------------------------------------------------------------------


def test_a_refusal_speaks_korean() -> None:
    text.use("ko")
    try:
        with pytest.raises(Refused, match="따옴표"):
            put(b'x = "open\n')
    finally:
        text.use(None)
