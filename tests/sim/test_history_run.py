"""`net.history` over a day that was played: what happened, and of which times nothing is known."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Tuple

import pytest
from sim.support import ANCHOR, process, run

from simmac import Mac

HOUR = 3600


def rows(mac: Mac, *words: str) -> List[Dict[str, Any]]:
    found = process(mac, "net.history", "--json", *words)
    assert found.code == 0, found.err
    rows: List[Dict[str, Any]] = json.loads(found.out)["rows"]
    return rows


def quiet(mac: Mac, minutes: int) -> None:
    """launchd's lines of so many runs that found nothing to do: real ones would take an hour."""
    for _ in range(minutes):
        with mac.edit() as state:
            state["clock"] += 60
        mac.note(
            "exited due to exit(0), ran for 110ms",
            subsystem="system/local.container-net [900]",
        )
    with mac.edit() as state:
        for job in state["jobs"].values():
            job["next"] = state["clock"] + 60


@pytest.fixture
def kept(new: Callable[..., Mac]) -> Mac:
    mac = new("healthy")
    assert run(mac, "net.persist", "--always").code == 0
    mac.settle()
    return mac


def shown(found: List[Dict[str, Any]]) -> List[Tuple[str, str]]:
    return [(row["kind"], row["text"]) for row in found]


def test_a_day_with_a_vpn_a_sleep_a_restart_and_a_clock(kept: Mac) -> None:
    quiet(kept, 60)
    kept.vpn_on()
    quiet(kept, 30)
    kept.sleep(2 * HOUR)
    kept.tick(60)
    kept.vpn_off()
    quiet(kept, 60)
    kept.reboot()
    quiet(kept, 60)
    kept.set_clock(-1800)
    quiet(kept, 60)
    kept.foreign_disable()
    kept.tick(60)
    found = rows(kept, "--since", "7h")
    way = "states of 192.168.64.0/24 ended"
    why = "asleep, off, no boot daemon, or no longer in the log"
    assert shown(found) == [
        ("gap", f"nothing is known for 57 min: {why}"),
        ("run", "our rules loaded"),
        ("run", f"way out en0 → utun4; {way}"),
        ("gap", f"nothing is known for 2 h 0 min: {why}"),
        ("run", f"way out utun4 → en0; {way}"),
        ("start", "the Mac started"),
        ("run", "our rules loaded; pf enabled; IP forwarding set to 1"),
        ("clock", "the clock was put back by 30 min"),
        ("run", "pf enabled"),
    ]  # fmt: skip
    assert all(row["seconds"] > 0 for row in found if row["kind"] == "run")


def test_a_log_that_was_rotated_is_a_gap_and_not_a_quiet_time(kept: Mac) -> None:
    quiet(kept, 30)
    kept.vpn_on()
    quiet(kept, 62)
    assert [row["kind"] for row in rows(kept, "--since", "1h")] == []
    kept.rotate_log(600)
    (gap,) = rows(kept, "--since", "1h")
    assert (gap["kind"], gap["text"].split(":")[0]) == ("gap", "nothing is known for 50 min")


def test_a_switched_off_daemon_is_told_and_nothing_is_called_rest(kept: Mac) -> None:
    quiet(kept, 10)
    assert run(kept, "net.teardown").code == 0
    kept.sleep(HOUR)
    said = process(kept, "net.history", "--since", "2h").out
    assert "nothing is known for 1 h 0 min" in said
    assert "the boot daemon is not running" in said


def test_the_table_has_day_time_and_duration(kept: Mac) -> None:
    said = process(kept, "net.history", "--since", "2m", environ={"TZ": "UTC"})
    assert said.out.splitlines()[:1] == ["2026-02-02"]
    assert " 02:41:40  our rules loaded  " in said.out


def test_a_log_that_may_not_be_read_is_missing_and_one_that_hangs_is_cut_off(kept: Mac) -> None:
    kept.fail("log", 77, "log: Must be admin to run 'show' command")
    said = process(kept, "net.history")
    assert (said.code, said.out) == (3, "")
    assert "Must be admin" in said.err


def test_nothing_is_changed_and_no_root_is_asked(kept: Mac) -> None:
    before = kept.files()
    kept.forget_log()
    kept.refuse_sudo()
    assert rows(kept, "--since", "2026-02-02")
    assert kept.files() == before
    assert not any(record.root for record in kept.log)


# -- the doctor looks back


def flushed(mac: Mac) -> None:
    answer = mac.answer(["/sbin/pfctl", "-a", ANCHOR, "-F", "all"], root=True)
    assert answer.code == 0


def test_the_doctor_tells_a_fault_that_is_over_with_its_times(kept: Mac) -> None:
    kept.tick(600)
    flushed(kept)
    kept.tick(60)
    kept.vpn_on()
    kept.tick(60)
    said = run(kept, "net.doctor", TZ="UTC")
    assert said.code == 0
    assert "no fault found" in said.out
    (gone,) = [r for r in said.out.splitlines() if "F02" in r]
    assert re.fullmatch(r"until 02:5\d:40: F02  .+ → our rules loaded  \d\.\d s", gone)
    assert "way out en0 → utun4" in said.out
    data = json.loads(run(kept, "net.doctor", "--json").out)
    # The first is net.persist's own first run, of which nobody knows what it found.
    assert [e["fault"] for e in data["earlier"]] == [None, "F02", None]


def test_a_mac_that_has_just_started_had_no_fault(kept: Mac) -> None:
    kept.tick(60)
    kept.sleep(2 * HOUR)
    kept.reboot()
    assert json.loads(run(kept, "net.doctor", "--json").out)["earlier"] == []


def test_a_log_that_cannot_be_read_is_not_a_quiet_hour(kept: Mac) -> None:
    kept.fail("log", 77, "log: Must be admin to run 'show' command")
    assert json.loads(run(kept, "net.doctor", "--json").out)["earlier"] is None
    assert "its log could not be read" in run(kept, "net.doctor").out


def test_without_a_daemon_the_log_is_not_asked(new: Callable[..., Mac]) -> None:
    mac = new("healthy")
    assert json.loads(run(mac, "net.doctor", "--json").out)["earlier"] == []
    assert not any(record.argv[0] == "/usr/bin/log" for record in mac.log)


def test_korean(kept: Mac) -> None:
    kept.vpn_on()
    said = process(kept, "net.history", "--lang", "ko", "--since", "1h").out
    assert "나가는 길 en0 → utun4" in said
