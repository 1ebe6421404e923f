"""`net.watch` on a terminal, in a pipe, and how it ends: a real process, a real pseudo-terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple
from xml.etree import ElementTree

import pytest
from sim import hasty
from sim.support import ROOT, environment, run, start
from sim.terminal import CURSOR, ENTER, ESCAPES, LEAVE, WITHIN, Terminal, monitors, quickest

from container_net import watch
from simmac import Mac


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    made: List[Terminal] = []

    def make(mac: Mac, *words: str, **options: Any) -> Terminal:
        made.append(Terminal(mac, *words, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


# -- what is on the screen


def test_events_are_on_the_screen_within_a_second(
    new: Callable[..., Mac], terminal: Callable[..., Terminal]
) -> None:
    mac = new("healthy")
    seen = terminal(mac)
    seen.wait_for("Everything on this Mac works.")
    seen.wait_for("192.168.1.37")

    def again() -> None:
        mac.vpn_off()
        mac.wifi()
        mac.start_container()

    taken = quickest(
        seen,
        (
            (mac.dock, "uplink: en0 (192.168.1.37) → en5 (10.20.3.14)"),
            (mac.vpn_on, "uplink: en5 (10.20.3.14) → utun4 (10.8.0.2)"),
            (mac.stop_container, "container VM: ok → not running"),
        ),
        again,
    )
    assert max(taken.values()) <= WITHIN, taken


def test_what_changed_says_since_when_and_nothing_else_does(
    new: Callable[..., Mac], terminal: Callable[..., Terminal]
) -> None:
    mac = new("healthy")
    seen = terminal(mac, module="sim.answered")
    seen.wait_for("Everything on this Mac works.")
    assert not re.search(r"since \d", seen.text)
    place = len(seen.said)
    mac.vpn_on()
    seen.wait_for("What changed:", place)
    shown = ESCAPES.sub(b"", seen.said[place:]).decode().replace("\r", "\n")
    (row,) = {r.strip() for r in shown.splitlines() if "utun4 (10.8.0.2)  since" in r}
    assert re.search(r"since \d\d:\d\d:\d\d$", row)
    assert "192.168.64.1 on bridge100  since" not in shown


def test_without_root_it_says_what_it_cannot_see(
    new: Callable[..., Mac], terminal: Callable[..., Terminal]
) -> None:
    mac = new("healthy")
    mac.refuse_sudo()
    seen = terminal(mac, module="sim.answered")
    seen.wait_for("not seen without root: rules, counters, connections")


def test_what_containers_send_is_named(
    new: Callable[..., Mac], terminal: Callable[..., Terminal]
) -> None:
    mac = new("healthy")
    mac.start_container("db")
    assert mac.egress() == "ok"
    seen = terminal(mac, module="sim.answered")
    seen.wait_for("What the containers send:")
    assert re.search(r"db\s+→ 160\.79\.104\.10\s+connections: 1, 1\.8 kB", seen.text)


# -- how it ends


def restored(seen: Terminal) -> None:
    assert termios.tcgetattr(seen.slave) == seen.before
    assert (seen.said.count(ENTER), seen.said.count(LEAVE)) == (1, 1)
    assert seen.said.rindex(CURSOR) > seen.said.rindex(ENTER)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 130), (signal.SIGHUP, 130)]
)
@pytest.mark.parametrize("when", ["looking", "waiting"])
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(
    new: Callable[..., Mac], terminal: Callable[..., Terminal], number: int, code: int, when: str
) -> None:
    mac = new("healthy")
    seen = terminal(mac)
    if when == "waiting":
        seen.wait_for("looked at")
    else:
        while ENTER not in seen.said:
            time.sleep(0.005)
    seen.process.send_signal(number)
    assert seen.process.wait(10) == code
    time.sleep(0.1)
    restored(seen)
    assert monitors(mac) == []
    assert "Traceback" not in seen.text


def test_ctrl_c_as_a_person_types_it(
    new: Callable[..., Mac], terminal: Callable[..., Terminal]
) -> None:
    mac = new("healthy")
    seen = terminal(mac)
    seen.wait_for("looked at")
    os.write(seen.master, b"\x03\x03")
    assert seen.process.wait(10) == 0
    time.sleep(0.1)
    restored(seen)


@pytest.mark.parametrize("ignored", [(), (signal.SIGHUP,)], ids=["hangup", "nohup"])
def test_a_closed_window_ends_it_and_its_child(
    new: Callable[..., Mac], terminal: Callable[..., Terminal], ignored: Tuple[int, ...]
) -> None:
    mac = new("healthy")
    seen = terminal(mac, ignored=ignored)
    seen.wait_for("looked at")
    assert monitors(mac)
    seen.shut()
    # Under nohup nobody tells it; it finds out when it writes.
    mac.dock()
    seen.process.wait(10)
    assert monitors(mac) == []


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_under_tmux_the_screen_comes_back(new: Callable[..., Mac], tmp_path: Path) -> None:
    mac = new("healthy")
    socket = f"container-net-{os.getpid()}"

    def tmux(*words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", socket, "-f", "/dev/null", *words],
            capture_output=True, text=True, check=False, env=environment(mac, TERM="xterm"),
        )  # fmt: skip
        return done.stdout

    def wait(words: str) -> str:
        end = time.monotonic() + 20
        while words not in (text := tmux("capture-pane", "-p")):
            assert time.monotonic() < end, text
            time.sleep(0.05)
        return text

    command = f"echo what was here; {sys.executable} -m invoke net.watch; echo it was $?"
    script = tmp_path / "script"
    script.write_text(f"trap : INT\ncd {ROOT}\n{command}\nexec sleep 60\n")
    tmux("new-session", "-d", "-x", "120", "-y", "40", f"/bin/sh {script}")
    try:
        text = wait("looked at")
        assert "what was here" not in text
        mac.vpn_on()
        wait("utun4 (10.8.0.2)")
        tmux("send-keys", "C-c")
        assert wait("it was 0").split("\n")[:2] == ["what was here", "it was 0"]
        assert monitors(mac) == []
    finally:
        tmux("kill-server")


# -- in a pipe


def until(lines: Iterator[str], words: str) -> str:
    return next(each for each in lines if words in each)


def test_a_pipe_gets_plain_lines_with_a_time(new: Callable[..., Mac]) -> None:
    mac = new("healthy")
    process = start(mac, "net.watch")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    first = until(lines, "uplink")
    assert re.fullmatch(r"[\d-]{10} [\d:]{8}  uplink: ok: en0 \(192\.168\.1\.37\)\n", first)
    mac.vpn_on()
    assert "en0 (192.168.1.37) → utun4 (10.8.0.2)" in until(lines, "uplink: ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out
    assert monitors(mac) == []


def test_json_is_one_object_a_line(new: Callable[..., Mac]) -> None:
    mac = new("healthy")
    mac.start_container("db")
    mac.egress()
    process = start(mac, "net.watch", "--json")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert (first["why"], first["ok"], first["changes"], first["listening"]) == (
        "start", True, [], True,
    )  # fmt: skip
    assert first["sends"] == [
        {"container": "db", "target": "160.79.104.10", "connections": 1, "sent": 1840}
    ]
    assert first["nat"]["vmnet"]["states"] == 1
    mac.dock()
    second = json.loads(process.stdout.readline())
    assert second["why"] == "event"
    assert [c["hop"] for c in second["changes"]] == ["nat", "uplink"]
    assert set(second["since"]) == {"nat", "uplink"}
    process.terminate()
    rest = process.communicate(timeout=10)[0]
    assert process.returncode == 130
    assert [json.loads(row)["schema"] for row in rest.splitlines()] == [1] * len(rest.splitlines())


def test_a_reader_that_goes_away_ends_it(new: Callable[..., Mac]) -> None:
    mac = new("healthy")
    process = start(mac, "net.watch")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    mac.dock()
    assert process.wait(10) == 0
    assert process.stderr.read() == ""
    assert monitors(mac) == []


def test_a_route_that_tells_nothing_is_said_and_the_slow_look_goes_on(
    new: Callable[..., Mac],
) -> None:
    mac = new("healthy")
    (mac.path / "sbin/route").rename(mac.path / "sbin/route.real")
    wrapper = mac.path / "sbin/route"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *monitor*) exit 1 ;; esac\nexec {sys.executable} -I -S '
        f'{ROOT}/simmac/stub.py {mac.path}/sbin/route "$@"\n'
    )
    wrapper.chmod(0o755)
    process = hasty.start(mac, "net.watch", "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["ok"] is True
    mac.dock()
    seen = json.loads(process.stdout.readline())
    assert seen["listening"] is False
    process.terminate()
    process.communicate(timeout=10)


@pytest.mark.waits
def test_a_sleep_is_told_and_not_taken_for_a_quiet_time(new: Callable[..., Mac]) -> None:
    """A process that was stopped: time passed, and nothing of it was seen."""
    mac = new("healthy")
    process = hasty.start(mac, "net.watch")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    until(lines, "internet")
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGSTOP)
    mac.vpn_on()
    # Longer than it waits for its next look by more than it puts down to a busy machine.
    time.sleep(1 + watch.UNSEEN + 1)
    os.kill(process.pid, signal.SIGCONT)
    assert "not seen: asleep, or the clock was set" in until(lines, "not seen")
    assert "utun4" in until(lines, "uplink: ")
    process.terminate()
    process.communicate(timeout=10)


def test_nothing_is_changed(new: Callable[..., Mac]) -> None:
    mac = new("healthy")
    before, rules = mac.files(), mac.state["pf"]["anchors"]
    mac.forget_log()
    process = start(mac, "net.watch", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=10)
    assert mac.files() == before
    assert mac.state["pf"]["anchors"] == rules
    asked = [r.argv for r in mac.log if r.argv[0] == "/sbin/pfctl"]
    assert asked
    assert all("-s" in argv or argv[1] == "-n" for argv in asked)


# -- a picture


def words_of(picture: Path) -> str:
    """The text of a picture; it has to be XML."""
    tree = ElementTree.fromstring(picture.read_text("utf-8"))
    return " ".join("".join(tree.itertext()).replace("\xa0", " ").split())


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_picture_of_status_is_masked_and_calls_nobody(
    new: Callable[..., Mac], tmp_path: Path, language: str
) -> None:
    mac = new("healthy")
    mac.vpn_on(address="100.64.7.9")
    picture = tmp_path / "status.svg"
    plain = run(mac, "net.status", "--lang", language)
    drawn = run(mac, "net.status", "--svg", str(picture), "--lang", language)
    assert (drawn.code, drawn.out) == (plain.code, plain.out)
    assert str(picture) in drawn.err
    words = words_of(picture)
    assert "100.64.7.9" in plain.out
    assert "100.64.7.9" not in words
    assert "utun4 (100." in words
    # vmnet's own addresses are the same on every Mac, and what a reader needs.
    assert "192.168.64.1" in words
    assert not re.search(r"url\(http|@import|href", picture.read_text("utf-8"))
    assert picture.stat().st_mode & 0o777 == 0o600


def test_a_picture_of_watch_is_the_last_screen(
    new: Callable[..., Mac], terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    mac = new("healthy")
    mac.start_container("secret-name")
    mac.egress()
    picture = tmp_path / "watch.svg"
    seen = terminal(mac, "--svg", str(picture), module="sim.answered")
    seen.wait_for("secret-name")
    place = len(seen.said)
    mac.change_address("en0", "192.168.1.99")
    seen.wait_for("What changed:", place)
    seen.process.send_signal(signal.SIGTERM)
    assert seen.process.wait(10) == 130
    words = words_of(picture)
    assert re.search(r"What changed: .* uplink: en0", words)
    assert re.search(r"<host-\d> → 198\.18\.", words)
    for secret in ("secret-name", "192.168.1.99", "192.168.1.37", "160.79.104.10"):
        assert secret not in words


@pytest.mark.parametrize("task", ["net.status", "net.watch"])
def test_a_picture_where_none_can_lie_is_bad_input(new: Callable[..., Mac], task: str) -> None:
    for path in ("/", "/nonexistent/x.svg"):
        told = run(new("idle"), task, "--svg", path)
        assert told.code == 2
        assert f"--svg is {path}" in told.err
