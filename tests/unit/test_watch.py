"""What `net.watch` makes of events, counters and states, without a Mac."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Optional, Sequence, Tuple

import pytest
from rich.console import Console

from container_net import parse, status, watch
from container_net.machine import CommandResult
from container_net.model import Attachment, Connection, ContainerRun, Facts, Problem, Reading, Rule
from container_net.status import BROKEN, OK, Hop, Status
from container_net.watch import Change, Flow, Look, Rate

SUBNET = IPv4Network("192.168.64.0/24")
HEAD = b"got message of size 176 on Wed Jul 23 15:30:00 2026"


@pytest.mark.parametrize(
    "message",
    [
        b"RTM_NEWADDR: address being added to iface: len 124, metric 0, flags:<UP>",
        b"RTM_DELADDR: address being removed from iface: len 124, metric 0, flags:<UP>",
        b"RTM_IFINFO: iface status change: len 112, if# 18, flags:<UP,POINTOPOINT>",
        b"RTM_ADD: Add Route: len 144, pid: 0, seq 0, errno 0, flags:<UP,GATEWAY,DONE,STATIC>",
        b"RTM_CHANGE: Change Metrics or flags: len 144, pid: 9, seq 1, errno 0, flags:<UP>",
    ],
)
def test_a_change_of_the_network_is_an_event(message: bytes) -> None:
    assert watch.is_event(message)


@pytest.mark.parametrize(
    "message",
    [
        b"RTM_GET: Report Metrics: len 164, pid: 9588, seq 1, errno 0",
        b"RTM_MISS: Lookup failed on this address: len 92, pid: 0",
        b"RTM_ADD: Add Route: len 140, pid: 7, seq 1, errno 0, flags:<UP,HOST,DONE,LLINFO>",
        b"RTM_DELETE: Delete Route: len 140, pid: 7, seq 1, errno 0, flags:<HOST,DONE>",
        HEAD, b"locks:  inits: ", b" 10.8.0.2 utun4 RTM_ADD: ", b"",
    ],
)  # fmt: skip
def test_what_comes_and_goes_all_day_is_none(message: bytes) -> None:
    assert not watch.is_event(message)


# -- pf's state table


def states(text: str, err: str = "") -> Tuple[Connection, ...]:
    return parse.connections(CommandResult("pfctl -v -s state", 0, text, err))


OUT = """\
ALL tcp 192.168.64.3:49152 -> 192.168.1.37:61234 -> 160.79.104.10:443       ESTABLISHED:ESTABLISHED
   [3482910 + 131072] wscale 6  [8871 + 65535] wscale 7
   age 00:01:02, expires in 23:59:59, 12:10 pkts, 1840:4200 bytes, rule 0
"""
IN = """\
ALL tcp 160.79.104.10:443 <- 192.168.64.3:49152       ESTABLISHED:ESTABLISHED
   age 00:01:02, expires in 23:59:59, 11:10 pkts, 1800:4200 bytes
"""


@pytest.mark.parametrize("text", [OUT, IN, OUT + IN, IN + OUT])
def test_a_connection_is_counted_once_whichever_states_it_has(text: str) -> None:
    (one,) = states(text)
    assert (str(one.source), one.source_port) == ("192.168.64.3", "49152")
    assert (str(one.target), one.target_port) == ("160.79.104.10", "443")
    assert (one.sent, one.received) == (1840 if OUT in text else 1800, 4200)


def test_other_protocols_and_ipv6() -> None:
    said = """\
ALL icmp 192.168.64.3:7 -> 192.168.1.37:7 -> 1.1.1.1:8       0:0
ALL udp fd00::1[5353] -> ff02::fb[5353]       SINGLE:NO_TRAFFIC
   age 00:00:01, expires in 00:00:30, 1:0 pkts, 9:9 bytes
ALL esp 10.0.0.1 -> 10.0.0.2       MULTIPLE:MULTIPLE
"""
    assert [(c.protocol, c.sent) for c in states(said)] == [("icmp", 0), ("esp", 0)]
    assert states("", "No ALTQ support in kernel\nALTQ related functions disabled\n") == ()


@pytest.mark.parametrize(
    ("text", "err"),
    [
        (OUT[:-1], ""),
        ("nonsense\n", ""),
        ("ALL tcp 999.1.1.1:1 -> 1.1.1.1:2       A:B\n", ""),
        ("", "pfctl: /dev/pf: Permission denied\n"),
    ],
)
def test_states_that_make_no_sense_are_unreadable(text: str, err: str) -> None:
    with pytest.raises(parse.Unreadable):
        states(text, err)


def test_the_counters_of_a_rule() -> None:
    said = (
        "nat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei\n"
        "  [ Evaluations: 9         Packets: 7         Bytes: 420         States: 3     ]\n"
        "  [ Inserted: uid 0 pid 88 ]\n"
    )
    (rule,) = parse.rules(CommandResult("pfctl", 0, said))
    assert (rule.evaluations, rule.packets, rule.states) == (9, 7, 3)
    (rule,) = parse.rules(CommandResult("pfctl", 0, said.replace("  States: 3     ", "")))
    assert (rule.packets, rule.states) == (7, None)


# -- looks


def made(**values: Any) -> Facts:
    """Facts of which nothing is known but what is given."""
    unknown: Reading[Any] = Reading(problem=Problem.NO_ROOT)
    base: dict[str, Any] = {f.name: unknown for f in dataclasses.fields(Facts)}
    base.update(
        simulated=True, container_path=None, anchor="com.apple/x", sharing_children={},
        foreign_nat={}, files={}, state_files=False, helpers_folder=True,
    )  # fmt: skip
    return Facts(**{**base, **values})


def look(
    hops: Sequence[Hop] = (), tick: float = 0.0, found: Optional[Facts] = None, **more: Any
) -> Look:
    seen = Status(True, tuple(hops), (), more.get("fence"))
    desired: Any = None
    return Look(1000.0 + tick, tick, found or made(), desired, seen, Reading())


def counted(packets: int, states: int) -> Facts:
    rule = Rule("nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)", 9, packets, states)
    return made(anchor_nat=Reading((rule, rule)))


def test_a_rate_is_what_was_counted_between_two_looks() -> None:
    first, second = look(found=counted(100, 2)), look(tick=10, found=counted(150, 4))
    assert watch.rates(first, second) == {"ours": Rate(10.0, 0.4, 8)}
    assert watch.rates(None, first) == {"ours": Rate(None, None, 4)}


def test_counters_that_were_begun_anew_are_no_negative_rate() -> None:
    first, second = look(found=counted(100, 2)), look(tick=10, found=counted(5, 2))
    assert watch.rates(first, second)["ours"].packets == 1.0


def test_what_could_not_be_read_has_no_rate() -> None:
    assert watch.rates(look(), look(tick=10)) == {}


def test_changes_are_hops_that_became_others() -> None:
    before = look([Hop("nat", OK, "a"), Hop("uplink", OK, "en0")], fence=Hop("fence", OK, "up"))
    now = look([Hop("nat", BROKEN, "none"), Hop("uplink", OK, "en0")])
    assert [(c.hop, c.now and c.now.state) for c in watch.changes(before, now)] == [
        ("nat", BROKEN),
        ("fence", None),
    ]
    assert watch.changes(before, before) == ()


def test_a_counter_alone_is_no_change() -> None:
    """`(12 packets)` stands in the evidence of `net.status`."""
    rule = Rule("nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)", 9, 12, 3)
    seen: list[Facts] = []

    def judge(found: Facts, _desired: Any) -> Status:
        seen.append(found)
        return Status(True, (), ())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(status, "look", judge)
        watch.judged(made(anchor_nat=Reading((rule,))), None)  # type: ignore[arg-type]
    assert seen[0].anchor_nat.value == (dataclasses.replace(rule, packets=None),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            Change(0, "uplink", Hop("uplink", OK, "en0"), Hop("uplink", OK, "utun4")),
            "uplink: en0 → utun4",
        ),
        (Change(0, "nat", Hop("nat", OK, "a"), Hop("nat", BROKEN, "b")), "NAT: ok → broken: b"),
        (Change(0, "fence", Hop("fence", OK, "a")), "fence: ok"),
        (
            Change(0, "unseen", seconds=7200),
            "2 h 0 min not seen: asleep, or the clock was set",
        ),
    ],
)
def test_a_change_in_words(change: Change, words: str) -> None:
    assert watch.told(change) == words


# -- who sends what


def test_flows_are_summed_by_container_and_address_and_named() -> None:
    web = IPv4Address("192.168.64.3")
    place = Attachment("web", "default", True, web, None, None)
    found = made(containers=Reading((ContainerRun("web", True, (), "", (place,)),)))
    there, other = IPv4Address("160.79.104.10"), IPv4Address("192.168.64.9")
    table = [
        Connection("tcp", web, "1", there, "443", 100, 5),
        Connection("tcp", web, "2", there, "443", 50, 5),
        Connection("tcp", other, "3", there, "443", 7, 5),
        Connection("tcp", there, "9", web, "8080", 3, 900),
        Connection("tcp", there, "9", IPv4Address("192.168.1.37"), "22", 3, 900),
    ]
    assert watch.flows(table, found, [SUBNET]) == (
        Flow("web", "160.79.104.10", 3, 1050),
        Flow("192.168.64.9", "160.79.104.10", 1, 7),
    )


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1840, "1.8 kB"), (2_500_000, "2.5 MB")]
)
def test_bytes_as_people_read_them(count: int, words: str) -> None:
    assert watch.size(count) == words


# -- how eagerly events are followed


class Speaking:
    """What stands for `route -n monitor`: it says what it was told to."""

    def __init__(self, said: Optional[bytes]) -> None:
        self.said = said

    def take(self) -> Optional[bytes]:
        return self.said


EVENT = HEAD + b"\nRTM_IFINFO: iface status change: len 112, if# 4, flags:<UP>\n"


def waits(idle: int, heard: float) -> Optional[float]:
    """Seconds until the look after an event, behind so many events that changed nothing."""
    seen = watch.Watch(None, lambda *_: None)  # type: ignore[arg-type]
    seen._idle, seen._heard = idle, time.monotonic() - heard
    assert seen._hear(Speaking(EVENT))  # type: ignore[arg-type]
    due = seen._due.get("event")
    return None if due is None else round(due - time.monotonic(), 1)


@pytest.mark.parametrize(
    ("idle", "heard", "wait"), [(0, 1, 0.2), (1, 1, 1.2), (3, 1, 4.2), (3, 60, 0.2)]
)
def test_events_that_change_nothing_are_followed_ever_less_until_it_is_quiet(
    idle: int, heard: float, wait: float
) -> None:
    assert waits(idle, heard) == wait


def test_a_message_in_two_pieces_is_one_and_noise_is_none() -> None:
    seen = watch.Watch(None, lambda *_: None, listening=True)  # type: ignore[arg-type]
    for piece in (EVENT[:60], b"", b"RTM_GET: Report Metrics\n"):
        assert seen._hear(Speaking(piece))  # type: ignore[arg-type]
    assert "event" not in seen._due
    seen._rest = b""
    for piece in (EVENT[:60], EVENT[60:]):
        assert seen._hear(Speaking(piece))  # type: ignore[arg-type]
    assert "event" in seen._due
    assert not seen._hear(Speaking(None))  # type: ignore[arg-type]
    assert not seen.listening


def test_a_signal_while_the_screen_is_taken_ends_it_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = Console.show_cursor

    def interrupted(console: Console, show: bool = True) -> bool:
        if not show:
            os.kill(os.getpid(), signal.SIGTERM)
        return shown(console, show)

    monkeypatch.setattr(Console, "show_cursor", interrupted)
    with pytest.raises(KeyboardInterrupt) as ended, watch._signals(), watch._drawn():
        pytest.fail("it went on")
    assert ended.value.args == (signal.SIGTERM,)
