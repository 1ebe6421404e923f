"""Doctor on a simulated Mac, through processes: time, Ctrl-C, what it leaves, what it mends."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from invoke.config import Config
from invoke.context import Context

from container_net import doctor, doctor_report, probes
from container_net.machine import READ_LIMIT, Machine
from container_net.options import Options
from container_net.report import Screen
from container_net.session import Session
from container_net.settings import Settings
from simmac import Mac, build

TOP = Path(__file__).resolve().parents[2]


def machine(mac: Mac) -> Machine:
    return Machine(Context(), str(mac.path))


def session(mac: Mac, **values: Any) -> Session:
    config = Config(overrides={"runners": {"local": mac.runner()}})
    screen = Screen(as_json=bool(values.get("json")))
    settings = Settings(sysroot=str(mac.path))
    return Session(Machine(Context(config), str(mac.path)), settings, screen, Options(**values))


def run(mac: Mac, capsys: pytest.CaptureFixture[str], **values: Any) -> Tuple[int, str]:
    code = doctor_report.run(session(mac, **values))
    return code, capsys.readouterr().out


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return build(tmp_path / "mac", "healthy")


# -- what is said


def test_a_healthy_mac_gets_one_line_and_exit_0(
    mac: Mac, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = run(mac, capsys)
    assert code == 0
    assert len(out.splitlines()) == 1
    assert "no fault found" in out
    assert "container exec web" in out


def test_without_sudo_it_says_what_it_did_not_see_and_stays_calm(
    mac: Mac, capsys: pytest.CaptureFixture[str]
) -> None:
    mac.refuse_sudo()
    code, out = run(mac, capsys)
    assert code == 0
    assert len(out.splitlines()) == 1
    assert "sudo -v" in out
    code, out = run(mac, capsys, json=True)
    unknown = json.loads(out)["unknown"]
    assert unknown
    assert all(item["root_only"] for item in unknown)
    assert {"F01", "F03"} <= {fault for item in unknown for fault in item["faults"]}


def test_a_fault_is_told_with_evidence_cure_and_link(
    mac: Mac, capsys: pytest.CaptureFixture[str]
) -> None:
    mac.reload_main()
    code, out = run(mac, capsys)
    assert code == 1
    assert "✗ F01" in out
    assert "sudo /sbin/pfctl -s nat" in out
    assert "container system stop && container system start" in out
    assert "https://github.com/apple/container/issues/1241" in out


def test_json_is_one_object_of_the_promised_form(
    mac: Mac, capsys: pytest.CaptureFixture[str]
) -> None:
    mac.reload_main()
    code, out = run(mac, capsys, json=True)
    data = json.loads(out)
    assert code == 1
    assert data["schema"] == 1
    (fault,) = data["faults"]
    assert fault["id"] == "F01"
    assert fault["state"] == "present"
    assert fault["auto"] == "ask"
    assert fault["evidence"]
    assert all(isinstance(line, str) for line in fault["cure"] + fault["evidence"])
    assert data["unknown"] == []


def test_the_answer_is_korean_where_asked_for(mac: Mac, capsys: pytest.CaptureFixture[str]) -> None:
    from container_net import text

    text.use("ko")
    assert "문제가 없습니다" in run(mac, capsys)[1]
    mac.reload_main()
    out = run(mac, capsys)[1]
    assert "원인" in out
    assert "cause" not in out


def test_the_probe_prints_its_table(mac: Mac, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(mac, capsys, probe=True)
    assert code == 0
    for title in ("gateway (ping)", "internet address (TCP)", "HTTPS, IPv4", "HTTPS, IPv6"):
        assert title in out
    asked = [record.argv[1:3] for record in mac.log if record.argv[1:2] in (["run"], ["exec"])]
    assert asked == [["exec", "web"]]


def test_where_none_runs_the_probe_starts_one_and_takes_it_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = build(tmp_path / "mac", "idle")
    code, out = run(mac, capsys, probe=True)
    assert (code, "HTTPS, IPv4" in out) == (0, True)
    (started,) = [record for record in mac.log if record.argv[1:2] == ["run"]]
    assert "--rm" in started.argv


def test_the_probe_without_any_image_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = build(tmp_path / "mac", "idle")
    mac.remove_image("nanoclaw-agent:latest")
    mac.remove_image("docker.io/curlimages/curl:latest")
    code, out = run(mac, capsys, probe=True)
    assert code == 1
    assert "--pull downloads docker.io/library/alpine:3" in out


def test_a_way_that_is_dead_without_a_reason_is_not_called_healthy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = build(tmp_path / "mac", "idle")
    mac.vmnet_nat(False)
    code, out = run(mac, capsys, probe=True)
    assert code == 1
    assert "keep a container running" in out


# -- what is done


def test_fix_goes_through_setup_and_looks_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = build(tmp_path / "mac", "vpn")
    assert mac.egress() != "ok"
    code, out = run(mac, capsys, fix=True, yes=True)
    assert code == 0
    assert out.index("✗ F03") < out.index("invoke net.setup") < out.index("no fault found")
    assert mac.egress() == "ok"


def test_fix_with_json_is_still_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = build(tmp_path / "mac", "vpn")
    code, out = run(mac, capsys, fix=True, yes=True, json=True)
    assert (code, json.loads(out)["faults"]) == (0, [])


def test_fix_leaves_what_is_not_marked_yes(mac: Mac, capsys: pytest.CaptureFixture[str]) -> None:
    mac.reload_main()
    before = mac.state["pf"]
    code, out = run(mac, capsys, fix=True, yes=True)
    assert code == 1
    assert "Nothing here can be fixed automatically" in out
    assert mac.state["pf"] == before


def test_a_tunnel_of_its_own_is_a_note_and_no_fault(
    mac: Mac, capsys: pytest.CaptureFixture[str]
) -> None:
    mac.add_interface("utun5", "10.50.0.9", 32)
    with mac.edit() as state:
        state["routes"].append(["10.60.0.0/16", "utun5"])
    code, out = run(mac, capsys)
    assert code == 0
    assert "note: F04" in out
    assert "utun5" in out
    assert "invoke net.setup --always" in out
    found = doctor.examine(machine(mac), Settings())
    assert doctor.fix_for(found, Settings()) is None
    assert [r["id"] for r in doctor_report.data(found)["remarks"]] == ["F04"]


def test_looking_changes_nothing(mac: Mac, capsys: pytest.CaptureFixture[str]) -> None:
    files, before = mac.files(), mac.state
    run(mac, capsys, probe=True)
    after = mac.state
    assert mac.files() == files
    for part in ("container", "sysctl", "interfaces", "routes", "jobs"):
        assert after[part] == before[part], part


def test_a_report_has_what_was_read_and_no_address(
    mac: Mac, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac.reload_main()
    token = mac.foreign_enable()
    path = tmp_path / "report.md"
    assert run(mac, capsys, report=str(path), probe=True)[0] == 1
    content = path.read_text(encoding="utf-8")
    assert "### F01" in content
    assert "com.apple/*" in content
    assert "extfilter ei" in content
    told, raw = content.split("## Raw outputs")
    for secret in ("1.1.1.1", "a4:cf:99", str(token), "7C1D5B7E", "fe80:", '"web', " web"):
        assert secret not in content, secret
    assert "api.anthropic.com" not in content
    # For parsers the addresses are others, but those that vmnet gives everybody.
    assert "192.168." not in told
    for interface in mac.state["interfaces"]:
        for address, _length in interface["inet"]:
            assert address.startswith(("127.", "192.168.64.")) or address not in raw, address


# -- time

# Everything below is measured with processes, on a machine that may be busy.
SLACK = 1.5


def used(mac: Mac) -> List[str]:
    """The programs that a run starts."""
    mac.forget_log()
    doctor.examine(machine(mac), Settings())
    return sorted({record.argv[0] for record in mac.log})


@pytest.fixture
def sooner(monkeypatch: pytest.MonkeyPatch) -> float:
    """Every time limit is a fifth of what it is, and so is what a run may take: the seconds."""
    monkeypatch.setitem(Machine.run.__kwdefaults__ or {}, "timeout", READ_LIMIT / 5)
    monkeypatch.setattr(probes, "GUEST_LIMIT", probes.GUEST_LIMIT / 5)
    monkeypatch.setattr(doctor, "EARLIER_LIMIT", doctor.EARLIER_LIMIT / 5)
    return 20 / 5 + SLACK


@pytest.mark.waits
def test_20_seconds_are_enough_where_every_command_hangs(mac: Mac, sooner: float) -> None:
    programs = used(mac)
    assert len(programs) > 8
    for program in programs:
        mac.hang(program)
    target = doctor.target_of(Settings(), Options(probe=True))
    begin = time.monotonic()
    found = doctor.examine(machine(mac), Settings(), target)
    assert time.monotonic() - begin < sooner
    assert found.found == ()
    assert found.code == 1
    assert len(found.unknown) > 10


@pytest.mark.waits
def test_20_seconds_are_enough_where_everything_but_sudo_hangs(mac: Mac, sooner: float) -> None:
    for program in set(used(mac)) - {"/usr/bin/sudo", "/usr/bin/true"}:
        mac.hang(program)
    begin = time.monotonic()
    found = doctor.examine(machine(mac), Settings())
    assert time.monotonic() - begin < sooner
    assert found.found == ()


def test_a_run_takes_as_long_as_its_slowest_probe(mac: Mac) -> None:
    def spent() -> float:
        begin = time.monotonic()
        doctor.examine(machine(mac), Settings())
        return time.monotonic() - begin

    usual = min(spent() for _ in range(2))
    for program in ("usr/sbin/netstat", "usr/bin/systemextensionsctl", "usr/sbin/lsof"):
        place = mac.path / program
        # The slow one says nothing; only its time matters here.
        place.unlink()
        place.write_text("#!/bin/sh\nexec /bin/sleep 2\n", encoding="utf-8")
        place.chmod(0o755)
    assert spent() < 2 + 0.5 + usual + SLACK


# -- Ctrl-C

DRIVER = """
import sys
from invoke import Context
from container_net import doctor, probes
from container_net.machine import Machine
machine = Machine(Context(), sys.argv[1])
print("go", flush=True)
try:
    probes.guest(machine, "/usr/local/bin/container", "192.168.64.1", probes.Target("image"))
except KeyboardInterrupt:
    sys.exit(130)
"""

# A `container` that behaves as Apple's does: it takes its container away when it is ended.
CONTAINER = """#!/bin/sh
case $1 in
run)
    : >"$0.running"
    trap 'rm -f "$0.running"; exit 143' TERM
    while :; do sleep 0.1; done
    ;;
delete) echo "$*" >>"$0.deleted" ;;
esac
"""


def test_ctrl_c_leaves_no_container(tmp_path: Path) -> None:
    place = tmp_path / "usr/local/bin/container"
    place.parent.mkdir(parents=True)
    place.write_text(CONTAINER)
    place.chmod(0o755)
    running, deleted = place.with_name("container.running"), place.with_name("container.deleted")
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        cwd=TOP,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 20
        while not running.exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(20) == 130
    finally:
        child.kill()
        child.wait()
    # The client ends its container, and is not waited for.
    until = time.monotonic() + 10
    while running.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not running.exists()
    # And for a client that could not: by its name, which nobody else's container has.
    assert deleted.read_text().startswith("delete --force container-net-probe-")


def test_a_run_that_never_ends_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = build(tmp_path / "mac", "idle")
    monkeypatch.setattr("container_net.probes.GUEST_LIMIT", 0.5)
    mac.hang("container run")
    target = doctor.target_of(Settings(), Options(probe=True))
    found = doctor.examine(machine(mac), Settings(), target)
    assert found.extra.guest is not None
    assert not found.extra.guest.known
    assert any(record.argv[1:3] == ["delete", "--force"] for record in mac.log)
    assert found.code == 1


def test_a_changed_option_reaches_the_container(mac: Mac) -> None:
    values: Dict[str, Any] = {"probe": True, "address": "9.9.9.9", "resolver": "9.9.9.10"}
    settings = dataclasses.replace(Settings(), url="https://example.com/x")
    doctor.examine(machine(mac), settings, doctor.target_of(settings, Options(**values)))
    (run_record,) = [record for record in mac.log if record.argv[1:2] == ["exec"]]
    assert run_record.argv[-6:] == [
        "192.168.64.1",
        "9.9.9.9",
        "443",
        "9.9.9.10",
        "example.com",
        "https://example.com/x",
    ]
