"""What the lines of the unified log tell, and what they do not."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterable, List, Optional, Tuple

import pytest

from container_net import history, text
from container_net.history import CLOCK, CUT, GAP, RUN, START, Row
from container_net.model import BadInput

NOON = datetime(2026, 11, 1, 12, 0, tzinfo=timezone.utc).timestamp()
MINUTE = 60.0
HOUR = 3600.0
WAY = "ended the states of 192.168.64.0/24: the way out is utun4, it was en0"
LOADED = "loaded our rules into com.apple/250.container-net"


def line(at: float, message: str, process: str = "", **more: Any) -> bytes:
    """A line of `log show --style ndjson`, in the order of fields of macOS 26."""
    stamp = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+0000")
    row = {
        "timezoneName": "", "messageType": "Default", "eventType": "logEvent", "source": None,
        "formatString": "%s", "userID": 0, "subsystem": "", "threadID": 1,
        "bootUUID": "D06FC2F9-7873-451F-910A-C09816584969", "processImagePath": process,
        "timestamp": stamp, "eventMessage": message, "processID": 1, **more,
    }  # fmt: skip
    return json.dumps(row, separators=(",", ":")).replace("/", "\\/").encode()


def said(at: float, message: str, tag: str = "container-net: ") -> bytes:
    return line(at, tag + message, "/usr/bin/logger")


def ended(at: float, ran: int = 125, how: str = "exit(0)") -> bytes:
    return line(
        at,
        f"exited due to {how}, ran for {ran}ms",
        "/sbin/launchd",
        subsystem="system/local.container-net [812]",
    )


def sync(at: float, what: str) -> bytes:
    return line(at, f"=== system {what}", "", eventType="timesyncEvent")


def minutes(first: float, last: float) -> List[bytes]:
    """Runs that found nothing to do."""
    return [ended(first + MINUTE * n) for n in range(int((last - first) / MINUTE) + 1)]


def told(
    lines: Iterable[bytes], since: float = NOON, now: float = NOON + HOUR, cut: Tuple[str, ...] = ()
) -> Tuple[List[Tuple[str, float, float]], Tuple[Row, ...]]:
    found, _runs = history.rows(lines, since, now, cut)
    return [(r.kind, r.at - NOON, r.until - NOON) for r in found], found


def test_an_hour_of_runs_with_nothing_to_do_is_rest() -> None:
    found, runs = history.rows(minutes(NOON, NOON + HOUR), NOON, NOON + HOUR)
    assert (found, runs) == ((), 61)


def test_a_way_out_that_changed_is_told_with_its_time_and_what_it_took() -> None:
    lines = minutes(NOON, NOON + HOUR)
    lines[10:11] = [said(NOON + 600.5, WAY), ended(NOON + 600.75, ran=500)]
    shown, (row,) = told(lines)
    assert shown == [(RUN, 600.5, 600.5)]
    assert row.seconds == 0.5
    assert history.sentence(row) == "way out en0 → utun4; states of 192.168.64.0/24 ended"


def test_the_message_without_its_tag_is_known_and_another_program_s_is_not() -> None:
    lines = [*minutes(NOON, NOON + HOUR), said(NOON + HOUR, "somebody else's", tag="")]
    assert told([*lines, said(NOON + HOUR, LOADED, tag="")])[0] == [(RUN, HOUR, HOUR)]
    assert told([*lines, said(NOON + HOUR, LOADED, tag="container-net[7]: ")])[0] == [
        (RUN, HOUR, HOUR)
    ]


def test_what_one_run_did_is_one_row() -> None:
    lines = [said(NOON, LOADED), said(NOON + 1, WAY), ended(NOON + 1.2, ran=1300)]
    _shown, found = told(lines, now=NOON + MINUTE)
    assert [(len(row.acts), row.seconds) for row in found] == [(2, 1.3)]
    assert history.sentence(found[0]) == (
        "way out en0 → utun4; states of 192.168.64.0/24 ended; our rules loaded"
    )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([], ""),
        ([sync(NOON + 1800, "boot: 6F0C2B1E-3A57-4C2D-9C57-0F3B6E0B8A11")], START),
        ([sync(NOON + 1800, "wallclock time adjusted")], CLOCK),
    ],
)
def test_a_time_without_runs_is_a_gap_and_never_rest(more: List[bytes], why: str) -> None:
    lines = [*minutes(NOON, NOON + 600), *more, *minutes(NOON + 1800, NOON + HOUR)]
    shown, found = told(lines)
    assert shown[0] == (GAP, 600, NOON + 1800 - NOON - (0 if why == START else 0.125))
    assert found[0].why == why
    assert [row.kind for row in found] == ([GAP, START] if why == START else [GAP])


def test_a_log_that_begins_late_or_ends_early_leaves_gaps_at_its_edges() -> None:
    shown, _rows = told(minutes(NOON + 1200, NOON + 2400))
    assert [kind for kind, _at, _until in shown] == [GAP, GAP]
    assert (shown[0][1], shown[1][2]) == (0, HOUR)
    assert told([])[0] == [(GAP, 0, HOUR)]


def test_two_minutes_late_is_no_gap() -> None:
    lines = [*minutes(NOON, NOON + 600), *minutes(NOON + 720, NOON + HOUR)]
    assert told(lines)[0] == []


def test_a_clock_that_is_put_back_is_told_and_hides_nothing() -> None:
    back = NOON + 600
    lines = [
        *minutes(NOON, NOON + HOUR),
        sync(back, "wallclock time adjusted"),
        said(back + 1, WAY),
        *minutes(back + 1, back + 600),
    ]
    shown, found = told(lines, now=back + 600)
    assert [row.kind for row in found] == [CLOCK, RUN]
    assert shown[0] == (CLOCK, HOUR, 600)
    assert history.sentence(found[0]) == "the clock was put back by 50 min"


def test_a_fraction_of_a_second_is_no_clock_that_was_set() -> None:
    lines = [*minutes(NOON, NOON + 600), ended(NOON + 599.9), *minutes(NOON + 660, NOON + HOUR)]
    assert told(lines)[0] == []


def test_hours_that_a_day_has_twice_are_reckoned_by_their_offset() -> None:
    """01:59 EDT and 01:00 EST are a minute apart."""
    summer = ended(NOON).replace(b"+0000", b"-0400").replace(b" 12:00", b" 01:59")
    winter = ended(NOON).replace(b"+0000", b"-0500").replace(b" 12:00", b" 01:00")
    at = datetime(2026, 11, 1, 5, 59, tzinfo=timezone.utc).timestamp()
    assert history.rows([summer, winter], at, at + MINUTE) == ((), 2)


def test_the_same_failure_every_minute_is_one_row() -> None:
    words = "the way out cannot be read, so no states are ended (why); the next event tries again"
    lines = [
        each
        for n in range(30)
        for each in (
            said(NOON + n * MINUTE, words),
            ended(NOON + n * MINUTE + 0.1, 100, "exit(1)"),
        )
    ]
    shown, (row,) = told(lines, now=NOON + 29 * MINUTE)
    assert (shown, row.count) == ([(RUN, 0, 29 * MINUTE)], 30)
    assert history.sentence(row) == words + " (30 times)"
    # A run without it in between: it had come to an end.
    lines[20:22] = [ended(NOON + 10 * MINUTE)]
    assert [row.count for row in told(lines, now=NOON + 29 * MINUTE)[1]] == [10, 19]


def test_a_run_that_was_killed_is_told() -> None:
    _shown, (row,) = told([ended(NOON, 35000, "SIGKILL | sent by launchd[1]")], now=NOON)
    assert (row.acts[0].kind, row.seconds) == ("failed", 35.0)


def test_without_launchd_s_lines_what_lies_between_is_a_gap() -> None:
    lines = [said(NOON, LOADED), said(NOON + 600, LOADED)]
    _shown, found = told(lines, now=NOON + 600)
    assert [row.kind for row in found] == [RUN, GAP, RUN]
    assert found[0].seconds is None


def test_a_log_that_was_not_read_to_its_end_leaves_a_gap_however_short() -> None:
    _shown, found = told(minutes(NOON, NOON + HOUR - MINUTE), cut=("no answer in 60 s",))
    assert [(row.kind, row.why) for row in found] == [(GAP, CUT)]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"", b"{", b"[]", b'{"timestamp":"2026-11-01 12:00:00.000000+0000"}', b"\xff\xfe",
        b'Filtering the log data using "process == \\"logger\\""',
        b'{"count":3,"finished":1}',
        said(NOON, LOADED).replace(b"2026-11-01", b"2026-13-41"),
        said(NOON, LOADED).replace(b"+0000", b"*0000"),
        line(NOON, "x", "/usr/bin/logger").replace(b'"x"', b"7"),
    ],
)  # fmt: skip
def test_lines_that_make_no_sense_are_read_over(nonsense: bytes) -> None:
    lines = minutes(NOON, NOON + HOUR)
    assert history.rows([nonsense, *lines, nonsense], NOON, NOON + HOUR) == ((), 61)


def test_a_message_cannot_paint_the_screen() -> None:
    row = told([said(NOON, "x\x1b[2J\ny")], now=NOON)[1][0]
    assert history.sentence(row) == "x?[2J / y"


def test_every_message_of_the_script_is_of_a_kind() -> None:
    """One that history does not know would be shown as it stands, and be of no kind."""
    template = Path(__file__).parents[2] / "templates" / "reconcile.sh.j2"
    script = template.read_text("utf-8")
    words = re.findall(
        r"""(?:\blog|said=|write_anchor_file) ?(?:'([^']+)'|"([^"$]*\$?[^"]+)")""", script
    )
    shown = {a or b for a, b in words} - {"$said", "$1 ($why); the next event tries again"}
    values = {
        "$ANCHOR_FILE": "/a/b", "$ANCHOR": "com.apple/x", "$STATE_DIR": "/s", "${token##* }": "77",
        "$subnet": "192.168.64.0/24", "$way": "en0", "$before": "-", "$why": "2 new references",
    }  # fmt: skip
    assert len(shown) >= 9
    for each in shown:
        message = each
        for name, value in values.items():
            message = message.replace(name, value)
        assert "$" not in message, message
        assert history._act(message).kind != "other", message


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.1, "0.1 s"), (42.4, "42 s"), (300, "5 min"), (3900, "1 h 5 min"),
        (2 * 86400 + 3600, "2 d 1 h"),
    ],
)  # fmt: skip
def test_a_length_of_time_as_people_say_it(seconds: float, words: str) -> None:
    assert history.span(seconds) == words


@pytest.mark.parametrize("since", ["", "2", "h", "2w", "yesterday", "2099-01-01", "2026-02-30"])
def test_a_since_that_will_not_do_is_named(since: str) -> None:
    with pytest.raises(BadInput, match="--since is"):
        history._from(since, NOON)


def test_since_is_told_to_log_show_in_its_own_words() -> None:
    assert history._from("2h", NOON) == (("--last", "2h"), NOON - 7200)
    words, first = history._from("2026-11-01T09:30", NOON + 86400)
    assert words == ("--start", "2026-11-01 09:30:00")
    assert datetime.fromtimestamp(first) == datetime(2026, 11, 1, 9, 30)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_row_has_words_in_both_languages(language: Optional[str]) -> None:
    text.use(language)
    try:
        for kind, why in (
            (GAP, ""),
            (GAP, START),
            (GAP, CLOCK),
            (GAP, CUT),
            (START, ""),
            (CLOCK, ""),
        ):
            assert history.sentence(Row(kind, NOON, NOON, why=why))
    finally:
        text.use(None)
