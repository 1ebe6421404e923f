"""The boot script: on the simulated Mac under its launchd, then on the stage, step by step."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from sim.reconcile_support import (
    ANCHOR,
    ANCHOR_FILE,
    LOCK,
    SESSION,
    STATE_DIR,
    SUBNETS,
    Net,
    Stage,
    nat,
    render,
)

from container_net.simmac import Mac, build

S = "192.168.64.0/24"
HOST_ONLY = Net("192.168.66.0/24", "192.168.66.1", "hostOnly")
LOAD = f"pfctl -a {ANCHOR} -f -"
SHELLS = [["/bin/sh"], *([shell, *more] for shell, *more in (("dash",), ("bash", "--posix")))]

MakeStage = Callable[..., Stage]


def filed(path: Path) -> List[str]:
    """The rules of the anchor file; pfctl is told to take them as they are written."""
    first, *rules = path.read_text().splitlines() or ["", ""]
    assert first == ("set ruleset-optimization none" if rules != [""] else "")
    return [rule for rule in rules if rule]


def guard(*pairs: Tuple[str, str]) -> List[str]:
    return [
        f"block drop in quick on {uplink} inet from any to {subnet}" for subnet, uplink in pairs
    ]


def rules(*uplinks: str) -> List[str]:
    pairs = [(S, uplink) for uplink in uplinks]
    return nat(*pairs) + guard(*pairs)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeStage]:
    stages: List[Stage] = []

    def build(**settings: Any) -> Stage:
        shell = settings.pop("shell", ())
        stages.append(Stage(tmp_path / f"mac{len(stages)}", shell, settings))
        return stages[-1]

    yield build
    for stage in stages:
        for pid in stage.processes():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stage(make: MakeStage) -> Stage:
    return make()


@pytest.fixture
def settled(stage: Stage) -> Stage:
    """A stage on which the script has done its work."""
    assert stage.run() == 0
    return stage


def quicken(script: Path) -> None:
    """The watchdog ticks every second, for tests that wait for many ticks."""
    text = script.read_text()
    assert text.count("\nTICK=5\n") == 1
    script.write_text(text.replace("\nTICK=5\n", "\nTICK=1\n"))


def assert_settled(stage: Stage) -> None:
    """Everything in force, and the inverse of everything on record."""
    assert stage.anchor == rules("en0", "en5")
    assert filed(stage.path(ANCHOR_FILE)) == stage.anchor
    assert stage.get("forwarding") == "1"
    assert stage.get("pf") == "Enabled"
    [row] = stage.references
    pid, name, token = row.split()[:3]
    assert stage.boot == [
        "container-net-boot 1",
        f"boot {SESSION}",
        "forwarding 0",
        f"token {pid} {name} {token}",
        f"egress {S} en0",
        "end",
    ]
    assert stage.leftovers() == []


# -- on the simulated Mac

LABEL = "local.container-net"
SCRIPT = f"/Library/PrivilegedHelperTools/{LABEL}"
PLIST = f"/Library/LaunchDaemons/{LABEL}.plist"
PRIVATE = "192.168.128.0/24"


def persisted(path: Path, scene: str, **settings: Any) -> Mac:
    """A Mac with the daemon's files in place and bootstrapped, its first run done."""
    mac = build(path, scene)
    put(mac, SCRIPT, render(sysroot=str(mac.path), **settings), 0o755)
    put(mac, PLIST, render("launchd.plist.j2", program=SCRIPT), 0o644)
    bootstrapped = mac.answer(["/bin/launchctl", "bootstrap", "system", PLIST], root=True)
    assert bootstrapped.code == 0, bootstrapped
    mac.settle()
    return mac


def put(mac: Mac, path: str, text: str, mode: int) -> None:
    file = mac.path / path[1:]
    file.parent.mkdir(mode=0o755, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return persisted(tmp_path / "mac", "broken")


def live(mac: Mac, *words: str) -> List[str]:
    """What pfctl prints."""
    found = mac.answer(["/sbin/pfctl", *words], root=True)
    return found.out.decode().splitlines()


def live_rules(mac: Mac) -> List[str]:
    return live(mac, "-a", ANCHOR, "-s", "nat") + live(mac, "-a", ANCHOR, "-s", "rules")


def references_of_pfctl(mac: Mac) -> List[List[str]]:
    """PID, name and token of each."""
    return [row.split()[:3] for row in live(mac, "-s", "References") if " pfctl " in row]


def forwarding(mac: Mac) -> str:
    return str(mac.state["sysctl"]["net.inet.ip.forwarding"])


def kills(mac: Mac) -> List[List[str]]:
    return [r.argv[1:] for r in mac.log if r.argv[:2] == ["/sbin/pfctl", "-k"]]


def minute(mac: Mac) -> None:
    """The net below: a run that no file has announced."""
    mac.tick(60)
    mac.settle()


def assert_in_force(mac: Mac) -> None:
    assert forwarding(mac) == "1"
    assert len(references_of_pfctl(mac)) == 1
    assert live(mac, "-s", "info")[0].startswith("Status: Enabled")
    assert mac.egress() == "ok"
    job = mac.state["jobs"][f"system/{LABEL}"]
    assert (job["state"], job["exit"]) == ("not running", 0), mac.messages
    assert filed(mac.path / ANCHOR_FILE[1:]) == live_rules(mac)


def test_the_first_run_opens_the_way_out(mac: Mac) -> None:
    assert_in_force(mac)
    assert live_rules(mac) == rules("en0", "en1", "en5")
    # The guard: a neighbour on the uplink's network does not get in.
    assert mac.neighbour().startswith("blocked")


def test_ten_reboots_leave_one_token(mac: Mac) -> None:
    for _ in range(10):
        mac.reboot()
        mac.settle()
        mac.start_container()
        assert_in_force(mac)


def test_it_starts_before_the_network_and_before_pf_conf_and_converges(mac: Mac) -> None:
    (mac.path / STATE_DIR[1:] / "boot").unlink()
    (mac.path / STATE_DIR[1:]).rmdir()
    mac.reboot(early=True)
    mac.settle()
    minute(mac)
    mac.start_container()
    assert_in_force(mac)


def test_wifi_dock_vpn_and_back(mac: Mac) -> None:
    hardware = ["en0", "en1", "en5"]
    steps: List[Tuple[str, Callable[[], None], List[str]]] = [
        ("dock", mac.dock, hardware),
        ("vpn", mac.vpn_on, [*hardware, "utun4"]),
        ("vpn off", mac.vpn_off, hardware),
        ("split", lambda: mac.vpn_on(full=False), [*hardware, "utun4"]),
        ("no vpn", mac.vpn_off, hardware),
        ("wifi", mac.wifi, hardware),
        ("a tunnel without an address", lambda: mac.vpn_on(address=None), hardware),
    ]
    before = rules(*hardware)
    for name, step, uplinks in steps:
        mac.forget_log()
        step()
        minute(mac)
        assert live_rules(mac) == rules(*uplinks), name
        assert mac.loads == (0 if rules(*uplinks) == before else 1), name
        # Each of these steps moves the subnet's egress, once, after the load.
        assert kills(mac) == [["-k", S]], name
        words = [" ".join(r.argv) for r in mac.log]
        if mac.loads:
            load = next(i for i, w in enumerate(words) if w.endswith(f"-a {ANCHOR} -f -"))
            assert load < words.index(f"/sbin/pfctl -k {S}"), name
        before = rules(*uplinks)
        if "without" not in name:
            assert_in_force(mac)
        mac.forget_log()
        minute(mac)
        assert (mac.loads, kills(mac)) == (0, []), name


def test_a_change_that_touches_no_file_is_seen_within_one_interval(mac: Mac) -> None:
    mac.forget_log()
    mac.dock(same_dns=True)
    assert kills(mac) == []
    minute(mac)
    assert kills(mac) == [["-k", S]]
    assert_in_force(mac)


def test_a_new_port_gets_a_rule(mac: Mac) -> None:
    mac.add_interface("en9", hardware_port="Another LAN")
    mac.settle()
    assert live_rules(mac) == rules("en0", "en1", "en5", "en9")


def test_ten_containers_come_and_go_without_a_load_or_a_write(tmp_path: Path) -> None:
    mac = persisted(tmp_path / "mac", "idle")
    minute(mac)
    mac.forget_log()
    files, said = mac.files(), len(mac.messages)
    for number in range(10):
        mac.start_container(f"c{number}")
        minute(mac)
    for number in range(10):
        mac.stop_container(f"c{number}")
    minute(mac)
    assert mac.loads == 0
    assert len(mac.messages) == said
    assert mac.files() == files


def test_vmnet_goes_stale_or_loses_its_calls_and_ours_carry_on(tmp_path: Path) -> None:
    mac = persisted(tmp_path / "mac", "healthy")
    assert_in_force(mac)
    mac.stale_vmnet()
    mac.vpn_on()
    minute(mac)
    assert_in_force(mac)
    assert mac.reload_main()
    mac.forget_log()
    minute(mac)
    assert_in_force(mac)
    assert mac.loads == 0


def test_vmnet_starts_and_replaces_the_main_ruleset(tmp_path: Path) -> None:
    mac = persisted(tmp_path / "mac", "idle")
    mac.start_container()
    assert 'nat-anchor "com.apple/*" all' in live(mac, "-s", "nat")
    assert_in_force(mac)


def test_a_reload_of_pf_conf_by_others_brings_the_rules_of_today(mac: Mac) -> None:
    conf = mac.path / "private/etc/pf.conf"
    conf.write_text(conf.read_text() + f'load anchor "{ANCHOR}" from "{ANCHOR_FILE}"\n')
    mac.vpn_on()
    minute(mac)
    today = live_rules(mac)
    assert mac.load_pf_conf()
    assert live_rules(mac) == today
    assert_in_force(mac)


def test_a_deleted_anchor_file_is_back_at_the_next_run(mac: Mac) -> None:
    conf = mac.path / "private/etc/pf.conf"
    conf.write_text(conf.read_text() + f'load anchor "{ANCHOR}" from "{ANCHOR_FILE}"\n')
    (mac.path / ANCHOR_FILE[1:]).unlink()
    assert not mac.load_pf_conf()
    minute(mac)
    assert mac.load_pf_conf()
    assert_in_force(mac)


def test_a_system_update_does_not_cost_the_way_out(mac: Mac) -> None:
    mac.system_update()
    mac.settle()
    mac.start_container()
    assert_in_force(mac)


def test_another_program_enables_pf_and_somebody_disables_it(mac: Mac) -> None:
    mac.foreign_enable()
    minute(mac)
    assert len(references_of_pfctl(mac)) == 1
    mac.foreign_disable()
    minute(mac)
    assert_in_force(mac)
    # pf is on again by another's hand, and our token is dead all the same.
    mac.tokens_come_back()
    mac.foreign_disable()
    mac.foreign_enable()
    minute(mac)
    assert_in_force(mac)


@pytest.mark.waits
def test_pfctl_hangs_and_nothing_piles_up(mac: Mac) -> None:
    quicken(mac.path / SCRIPT[1:])
    mac.hang("pfctl")
    mac.foreign_disable()
    for _ in range(2):
        before = len(mac.messages)
        minute(mac)
        assert mac.state["jobs"][f"system/{LABEL}"]["exit"] == 1
        [said] = mac.messages[before:]
        assert "took too long" in said
        assert processes_of(mac) == []
        assert not (mac.path / LOCK[1:]).is_symlink()
    mac.unhang()
    minute(mac)
    assert_in_force(mac)


def processes_of(mac: Mac) -> List[str]:
    """Living processes that were started in the Mac's folder."""
    rows = subprocess.run(
        ["ps", "-A", "-o", "command="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [row for row in rows if str(mac.path) in row]


def test_no_process_is_left_after_a_run(mac: Mac) -> None:
    assert processes_of(mac) == []
    minute(mac)
    assert processes_of(mac) == []


def test_a_host_only_network_stays_inside(tmp_path: Path) -> None:
    subnets = [*SUBNETS, Net(PRIVATE, "192.168.128.1", "hostOnly")]
    mac = persisted(tmp_path / "mac", "two-networks", subnets=subnets)
    assert mac.egress() == "ok"
    assert mac.egress(PRIVATE).startswith("blocked")
    assert forwarding(mac) == "1"
    # Its bridge goes and comes under another number.
    mac.stop_container("inner")
    minute(mac)
    assert live_rules(mac) == rules("en0", "en1", "en5")
    mac.start_container("inner", network="private")
    minute(mac)
    assert mac.egress(PRIVATE).startswith("blocked")


def test_an_unreadable_answer_changes_nothing(mac: Mac) -> None:
    before = live_rules(mac), references_of_pfctl(mac), forwarding(mac), mac.files()
    for program in ("route", "networksetup", "ifconfig", "sysctl", "pfctl -s References"):
        mac.garble(program, "?? ' $(touch x)\n")
        minute(mac)
        mac.ungarble()
        assert (live_rules(mac), references_of_pfctl(mac), forwarding(mac), mac.files()) == before
    minute(mac)
    assert_in_force(mac)


# -- the whole run


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: Path(s[0]).name)
def test_the_first_run_does_everything_and_the_second_nothing(
    make: MakeStage, shell: List[str]
) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    stage = make(shell=shell)
    assert stage.run() == 0
    assert_settled(stage)
    order = [c for c in stage.calls() if c.startswith((LOAD, "pfctl -n", "pfctl -E", "sysctl -w"))]
    assert order == ["pfctl -n -f -", LOAD, "pfctl -E", "sysctl -w net.inet.ip.forwarding=1"]
    assert len(stage.log) == 4
    files = [stage.path(ANCHOR_FILE), stage.path(STATE_DIR + "/boot")]
    before = [(f.stat().st_ino, f.stat().st_mtime_ns) for f in files]

    assert stage.run() == 0

    assert [(f.stat().st_ino, f.stat().st_mtime_ns) for f in files] == before
    assert stage.log == []
    assert stage.calls("mv") == stage.calls("pfctl -a com.apple/250.container-net -f") == []
    assert len(stage.calls()) <= 12
    assert len(stage.calls("sleep")) == 1
    assert_settled(stage)
    assert stage.processes() == {}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_an_event_that_changes_nothing_starts_few_processes(settled: Stage, tmp_path: Path) -> None:
    trace, forking = tmp_path / "trace", "trace=clone,clone3,fork,vfork"
    done = subprocess.run(
        ["strace", "-f", "-q", "-e", forking, "-o", str(trace), *settled.command()], check=False
    )
    assert done.returncode == 0
    forks = [
        line for line in trace.read_text().splitlines() if " = " in line and "= -1" not in line
    ]
    # Itself, the watchdog, twelve programs.
    assert 1 + len(forks) <= 14


def test_what_stands_in_the_environment_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"touch {tmp_path}/sprung\n")
    hostile = {
        "PATH": str(tmp_path),
        "IFS": "/e0",
        "ENV": str(trap),
        "BASH_ENV": str(trap),
        "LC_ALL": "ko_KR.UTF-8",
        "CDPATH": "/",
        "R": "/nowhere",
        "ANCHOR": "",
        "UPLINKS": "en9",
        "STATE_DIR": str(tmp_path),
        "TICK": "0",
        "locked": "yes",
        "token": "1:pfctl:1",
        **{f"BASH_FUNC_{name}%%": f"() {{ touch {tmp_path}/sprung; }}" for name in (
            "printf", "read", "kill", "wait", "umask", "false", "log", "run", "main",
        )},
    }  # fmt: skip
    assert stage.start(env=hostile).wait(60) == 0
    assert_settled(stage)
    assert not (tmp_path / "sprung").exists()


def test_it_takes_no_arguments(stage: Stage) -> None:
    assert subprocess.run([*stage.command(), "-x"], check=False).returncode == 64
    assert stage.calls() == []


@pytest.mark.parametrize(
    "settings",
    [
        {"anchor": "com.apple"},
        {"anchor": "com.apple/a/b"},
        {"anchor": "x'; touch sprung; '"},
        {"anchor": "com.apple/a$(touch sprung)"},
        {"anchor_file": "pf.anchors/x"},
        {"anchor_file": "/private/etc/../x"},
        {"state_dir": ""},
        {"lock": "/a b"},
        {"version": "1\ntouch sprung", "lock": ""},
        {"uplinks": ["en0", "en0;reboot"]},
        {"uplinks": ["bridge100"]},
        {"subnets": []},
        {"subnets": [Net("192.168.64.0/33", "192.168.64.1")]},
        {"subnets": [Net("192.168.64.0", "192.168.64.1")]},
        {"subnets": [Net("192.168.64.256/24", "192.168.64.1")]},
        {"subnets": [Net("192.168.64.0/24", "gateway")]},
        {"subnets": [Net("192.168.64.0/24", "192.168.64.1", "bridged")]},
        {"subnets": [Net("192.168.64.0/24", "192.168.64.1' x '")]},
        {"subnets": [Net("any", "192.168.64.1")]},
    ],
    ids=str,
)
def test_damaged_data_of_its_own_stop_it(make: MakeStage, settings: Dict[str, Any]) -> None:
    stage = make(**settings)
    assert stage.start(cwd=stage.root).wait(60) == 78
    assert [c.split()[0] for c in stage.calls()] == ["logger"]
    assert not (stage.root / "sprung").exists()


# -- killed, ended, hung: nothing stays, the next run converges


@pytest.mark.parametrize("moment", ["kill.before", "kill.after"])
def test_killed_at_any_command_the_next_run_converges(make: MakeStage, moment: str) -> None:
    survived = 0
    for number in range(1, 40):
        stage = make()
        stage.put(**{moment.replace(".", "_"): str(number)})
        first = stage.start()
        code = first.wait(60)
        # launchd ends what is left of a job's process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        if code == 0:
            survived += 1
            break
        assert code == -signal.SIGKILL
        (stage.fake / moment).unlink()
        assert stage.run() == 0, (number, stage.log)
        assert_settled(stage)
    # The number has gone past the last command, so every one has been tried.
    assert survived == 1
    assert number > 20


def test_ended_by_launchd_it_leaves_nothing(stage: Stage) -> None:
    stage.hang("networksetup")
    started = stage.start()
    wait_for(lambda: bool(stage.calls("networksetup")))
    started.send_signal(signal.SIGTERM)
    assert started.wait(5) == 143
    assert stage.processes() == {}
    assert stage.leftovers() == []


@pytest.mark.waits
def test_a_hung_pfctl_is_given_up_in_time(stage: Stage) -> None:
    stage.hang("pfctl")
    begin = time.monotonic()
    assert stage.run() == 1
    # 10 s at most for the program; a busy machine takes longer for what comes before and after.
    assert 5 <= time.monotonic() - begin < 30
    assert stage.log[-1].startswith(f"the rules of {ANCHOR} cannot be read (/sbin/pfctl took too")
    assert len(stage.calls("pfctl")) == 1
    assert stage.processes() == {}
    assert stage.leftovers() == []
    # The anchor file, without which /etc/pf.conf does not load, was made all the same.
    assert stage.path(ANCHOR_FILE).read_text() == ""
    assert stage.get("forwarding") == "0"

    stage.hang("pfctl", False)
    assert stage.run() == 0
    assert_settled(stage)


@pytest.mark.parametrize("shell", SHELLS[1:], ids=lambda s: Path(s[0]).name)
@pytest.mark.waits
def test_every_program_hangs_and_the_run_ends_all_the_same(
    make: MakeStage, shell: List[str]
) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    stage = make(shell=shell)
    quicken(stage.script)
    for program in ("sysctl", "route", "networksetup", "ifconfig", "pfctl"):
        stage.hang(program)
    begin = time.monotonic()
    assert stage.run() == 1
    # Ticks of a second in place of five: nine for the run.
    assert time.monotonic() - begin < 30
    assert stage.processes() == {}
    assert stage.leftovers() == []


@pytest.mark.waits
def test_a_program_that_cannot_be_killed_keeps_the_lock(stage: Stage) -> None:
    quicken(stage.script)
    text = stage.script.read_text()
    # A process inside the kernel does not die of SIGKILL; here the signal is not sent.
    assert text.count('kill -KILL "$child" 2>/dev/null') == 2
    stage.script.write_text(text.replace('kill -KILL "$child" 2>/dev/null', ":"))
    stage.hang("pfctl")
    assert stage.run() == 1
    holder = int(os.readlink(stage.path(LOCK)))
    assert list(stage.processes()) == [holder]

    stage.hang("pfctl", False)
    assert stage.run() == 0
    assert stage.calls("pfctl") == []

    os.kill(holder, signal.SIGKILL)
    wait_for(lambda: not stage.processes())
    assert stage.run() == 0
    assert_settled(stage)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# -- the lock


@pytest.mark.waits
def test_a_living_holder_is_waited_for_and_then_left_alone(settled: Stage) -> None:
    settled.path(LOCK).symlink_to(str(os.getpid()))
    assert settled.run() == 0
    assert {c.split()[0] for c in settled.calls()} == {"ln", "readlink", "sleep"}
    assert settled.log == []
    assert os.readlink(settled.path(LOCK)) == str(os.getpid())

    second = settled.start()
    time.sleep(0.5)
    settled.path(LOCK).unlink()
    assert second.wait(10) == 0
    assert settled.calls("pfctl -s info")


def dead_pid() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_a_dead_holder_is_succeeded(settled: Stage) -> None:
    settled.path(LOCK).symlink_to(str(dead_pid()))
    assert settled.run() == 0
    assert settled.calls("pfctl -s info")
    assert settled.leftovers() == []


def test_who_died_while_succeeding_is_succeeded_too(settled: Stage) -> None:
    dead, successor = dead_pid(), dead_pid()
    settled.path(LOCK).symlink_to(str(dead))
    settled.path(f"{LOCK}.{dead}").symlink_to(str(successor))
    assert settled.run() == 0
    assert settled.calls("pfctl -s info")
    assert settled.leftovers() == []


@pytest.mark.waits
def test_never_two_hold_it_however_many_find_a_dead_holder(settled: Stage) -> None:
    ifconfig = settled.path("/sbin/ifconfig")
    inside = settled.fake / "inside"
    ifconfig.write_text(
        ifconfig.read_text()
        + f"/bin/mkdir {inside} || echo two >>{settled.fake}/two\nsleep 0.05\n/bin/rmdir {inside}\n"
    )
    # Whoever has to wait does so for a moment, not for a second.
    sleep = settled.path("/bin/sleep")
    before, exec_, last = sleep.read_text().rpartition("exec ")
    sleep.write_text(f'{before}[ "$1" != 1 ] || set -- 0.1\n{exec_}{last}')
    for _ in range(10):
        settled.path(LOCK).symlink_to(str(dead_pid()))
        running = [settled.start() for _ in range(6)]
        assert [r.wait(60) for r in running] == [0] * 6, settled.log
    assert not (settled.fake / "two").exists()
    assert settled.leftovers() == []


@pytest.mark.waits
def test_a_lock_that_cannot_be_made_is_said(settled: Stage) -> None:
    settled.path(LOCK).write_text("not a link")
    assert settled.run() == 1
    assert settled.log == [
        f"nothing was looked at ({LOCK} cannot be made); the next event tries again"
    ]


# -- what cannot be read leads to no action


@pytest.mark.parametrize("program", ["route", "networksetup", "ifconfig", "sysctl", "pfctl"])
@pytest.mark.parametrize("way", ["nonsense", "gone"])
def test_without_a_readable_answer_nothing_is_taken_away(
    settled: Stage, program: str, way: str
) -> None:
    if way == "nonsense":
        settled.nonsense(program)
    else:
        [path] = [p for f in ("sbin", "usr/sbin") for p in (settled.root / f).glob(program)]
        path.unlink()
    boot = settled.boot
    assert settled.run() == 1
    assert_settled(settled)
    assert settled.boot == boot
    assert len(settled.log) == 1
    changes = (LOAD, "pfctl -E", "pfctl -k", "sysctl -w")
    assert [c for c in settled.calls() if c.startswith(changes)] == []


def test_unreadable_references_mean_no_token(stage: Stage) -> None:
    stage.put(references="12 pfctl what")
    assert stage.run() == 1
    assert stage.calls("pfctl -E") == []
    assert "the pf references cannot be read, so none is taken" in stage.log[-1]
    assert stage.get("forwarding") == "0"


def test_unknown_ports_take_no_rule_away_but_a_new_uplink_gets_one(settled: Stage) -> None:
    settled.nonsense("networksetup")
    settled.put(default="en9", public="en9")
    assert settled.run() == 1
    assert settled.anchor == rules("en0", "en5", "en9")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_leads_to_no_wrong_conclusion(settled: Stage) -> None:
    settled.path(STATE_DIR + "/run.out").symlink_to("/dev/full")
    assert settled.run() == 1
    assert "no room in" in settled.log[-1]
    assert settled.anchor == rules("en0", "en5")
    assert not settled.calls("pfctl -k")


def test_rules_that_pf_refuses_are_not_loaded_and_not_filed(stage: Stage) -> None:
    (stage.fake / "refuse").touch()
    assert stage.run() == 1
    assert stage.calls(LOAD) == []
    assert stage.path(ANCHOR_FILE).read_text() == ""
    assert stage.log[-1] == (
        "pf does not take the rules (stdin:1: syntax error); the next event tries again"
    )


# -- uplinks


@pytest.mark.parametrize(
    ("default", "public", "interfaces", "uplinks"),
    [
        ("en0", "en0", {}, ["en0", "en5"]),
        ("en5", "en5", {}, ["en0", "en5"]),
        ("-", "-", {}, ["en0", "en5"]),
        ("en10", "en10", {}, ["en0", "en10", "en5"]),
        ("utun4", "utun4", {"utun4": "10.8.0.2"}, ["en0", "en5", "utun4"]),
        ("utun4", "utun4", {"utun4": ""}, ["en0", "en5"]),
        ("utun4", "utun4", {"utun40": "10.8.0.2"}, ["en0", "en5"]),
        ("en0", "utun4", {"utun4": "10.8.0.2"}, ["en0", "en5", "utun4"]),
        ("bridge100", "bridge100", {"bridge100": "192.168.64.1"}, ["en0", "en5"]),
        ("lo0", "vmenet0", {"lo0": "127.0.0.1"}, ["en0", "en5"]),
        ("en0;reboot", "EN0", {}, ["en0", "en5"]),
    ],
)
def test_rules_stand_for_needed_and_spare_uplinks(
    stage: Stage, default: str, public: str, interfaces: Dict[str, str], uplinks: List[str]
) -> None:
    stage.put(default=default, public=public)
    stage.interfaces(en0="192.168.1.5", **interfaces)
    assert stage.run() == 0
    assert stage.anchor == rules(*uplinks)


def test_given_uplinks_are_the_only_ones(make: MakeStage) -> None:
    stage = make(uplinks=["utun4", "en7"])
    stage.interfaces(en0="192.168.1.5", utun4="10.8.0.2")
    assert stage.run() == 0
    assert stage.anchor == rules("en7", "utun4")
    assert stage.calls("networksetup") == []
    stage.interfaces(en0="192.168.1.5", utun4="")
    assert stage.run() == 0
    assert stage.anchor == rules("en7")


def test_without_any_uplink_there_is_no_rule(settled: Stage) -> None:
    settled.ports("bridge0")
    settled.put(default="-", public="-")
    assert settled.run() == 0
    assert settled.anchor == []
    assert settled.path(ANCHOR_FILE).read_text() == ""
    assert settled.run() == 0
    assert settled.log == []


# -- rules


def test_no_guard_where_it_is_switched_off(make: MakeStage) -> None:
    stage = make(guard=False, subnets=[*SUBNETS, HOST_ONLY])
    stage.interfaces(en0="192.168.1.5", bridge101="192.168.66.1")
    assert stage.run() == 0
    assert stage.anchor == nat((S, "en0"), (S, "en5"))


def test_a_host_only_network_is_guarded_while_its_bridge_is_there(make: MakeStage) -> None:
    stage = make(subnets=[*SUBNETS, HOST_ONLY])
    assert stage.run() == 0
    assert stage.anchor == rules("en0", "en5")
    # An interface of that address that is no container bridge is none of ours.
    stage.interfaces(en0="192.168.66.1", bridge0="192.168.66.1")
    assert stage.run() == 0
    assert stage.calls(LOAD) == []
    stage.interfaces(en0="192.168.1.5", bridge101="192.168.66.1", bridge102="192.168.66.11")
    assert stage.run() == 0
    assert stage.anchor == [
        *rules("en0", "en5"),
        f"pass in quick on bridge101 inet from {HOST_ONLY.cidr} to 224.0.0.0/4 no state",
        f"pass in quick on bridge101 inet from {HOST_ONLY.cidr} to 255.255.255.255 no state",
        f"block drop in quick on bridge101 inet from {HOST_ONLY.cidr} to ! {HOST_ONLY.cidr}",
    ]


def test_several_subnets_keep_their_order(make: MakeStage) -> None:
    other = "192.168.10.0/24"
    stage = make(subnets=[*SUBNETS, Net(other, "192.168.10.1")])
    stage.ports("en0")
    assert stage.run() == 0
    assert stage.anchor == nat((S, "en0"), (other, "en0")) + guard((S, "en0"), (other, "en0"))


@pytest.mark.parametrize(
    "live",
    [
        [],
        rules("en0"),
        rules("en5", "en0"),
        [*rules("en0", "en5"), "pass quick on en0 all"],
        ["nat on en0 inet from any to any -> (en0:0)", *rules("en0", "en5")[1:]],
    ],
)
def test_only_rules_that_differ_are_loaded(settled: Stage, live: List[str]) -> None:
    settled.put(anchor="\n".join(live))
    assert settled.run() == 0
    assert len(settled.calls(LOAD)) == 1
    assert_settled(settled)


@pytest.mark.parametrize("echo", [" round-robin", "  "])
def test_words_that_pf_adds_are_no_difference(settled: Stage, echo: str) -> None:
    live = [r + echo if r.startswith("nat") else r for r in settled.anchor]
    settled.put(anchor="\n".join(live))
    assert settled.run() == 0
    assert settled.calls(LOAD) == []


def test_an_unforeseen_echo_leads_to_one_load_and_not_to_one_a_minute(stage: Stage) -> None:
    stage.put(echo="rtable 3")
    assert stage.run() == 0
    assert any("read back differently" in line for line in stage.log)
    assert any(line.startswith("echo ") for line in stage.boot)
    for _ in range(2):
        assert stage.run() == 0
        assert stage.calls(LOAD) == []
        assert stage.log == []
    # What is wanted changes: one load.
    stage.put(default="en9", public="en9")
    assert stage.run() == 0
    assert len(stage.calls(LOAD)) == 1
    assert stage.run() == 0
    assert stage.calls(LOAD) == []


def test_an_anchor_that_somebody_empties_is_not_taken_for_another_form(stage: Stage) -> None:
    (stage.fake / "swallow").touch()
    assert stage.run() == 0
    assert stage.anchor == []
    assert not any(line.startswith("echo ") for line in stage.boot)
    (stage.fake / "swallow").unlink()
    assert stage.run() == 0
    assert_settled(stage)


# -- the anchor file


def test_a_missing_anchor_file_is_made_though_nothing_else_differs(settled: Stage) -> None:
    settled.path(ANCHOR_FILE).unlink()
    assert settled.run() == 0
    assert_settled(settled)
    assert settled.calls(LOAD) == []
    assert len(settled.log) == 1


def test_an_anchor_file_of_other_days_is_brought_up_to_date(settled: Stage) -> None:
    settled.path(ANCHOR_FILE).write_text("nat on en9 inet from any to any -> (en9:0)\n")
    assert settled.run() == 0
    assert_settled(settled)
    assert settled.calls(LOAD) == []


def test_the_file_is_written_before_the_load(settled: Stage) -> None:
    settled.ports("en0", "en5", "en7")
    assert settled.run() == 0
    calls = [c.replace(str(settled.root), "") for c in settled.calls()]
    assert calls.index(f"mv -f {ANCHOR_FILE}.new {ANCHOR_FILE}") < calls.index(LOAD)
    assert filed(settled.path(ANCHOR_FILE)) == settled.anchor


def test_an_anchor_file_that_cannot_be_written_does_not_cost_the_way_out(stage: Stage) -> None:
    stage.path(ANCHOR_FILE).mkdir()
    assert stage.run() == 1
    assert stage.anchor == rules("en0", "en5")
    assert f"{ANCHOR_FILE} cannot be written" in stage.log
    assert list(stage.path(ANCHOR_FILE).iterdir()) == []


def test_no_anchor_file_where_none_is_wanted(make: MakeStage) -> None:
    stage = make(anchor_file_wanted=False)
    assert stage.run() == 0
    assert stage.anchor == rules("en0", "en5")
    assert list(stage.path(ANCHOR_FILE).parent.iterdir()) == []


def test_files_are_readable_by_all_and_writable_by_root(stage: Stage) -> None:
    old = os.umask(0o077)
    try:
        assert stage.run() == 0
    finally:
        os.umask(old)
    for path, mode in ((STATE_DIR, 0o755), (STATE_DIR + "/boot", 0o644), (ANCHOR_FILE, 0o644)):
        assert stage.path(path).stat().st_mode & 0o777 == mode


# -- the token


def test_pf_switched_off_by_others_is_switched_on_with_a_new_token(settled: Stage) -> None:
    settled.put(references="", pf="Disabled")
    assert settled.run() == 0
    assert_settled(settled)


def test_a_row_that_is_listed_while_pf_is_off_is_not_held(settled: Stage) -> None:
    settled.put(pf="Disabled")
    assert settled.run() == 0
    assert len(settled.calls("pfctl -E")) == 1


def test_the_same_number_of_another_process_is_not_ours(settled: Stage) -> None:
    token = settled.references[0].split()[2]
    settled.put(references=f"99 pfctl {token} 0 days 00:00:00")
    assert settled.run() == 0
    assert len(settled.calls("pfctl -E")) == 1


def test_pf_held_by_others_alone_is_not_enough(stage: Stage) -> None:
    stage.put(pf="Enabled", references="77 Some Tool 4711 1 day 00:00:05")
    assert stage.run() == 0
    assert len(stage.calls("pfctl -E")) == 1
    assert len(stage.references) == 2


def journalled(stage: Stage, *rows: str) -> None:
    stage.path(STATE_DIR + "/boot").write_text(
        "\n".join(["container-net-boot 1", f"boot {SESSION}", "journal enable", *rows, "end", ""])
    )


def test_the_one_new_reference_of_a_run_that_was_cut_off_is_adopted(settled: Stage) -> None:
    journalled(settled, "reference 77 Some_Tool 4711")
    settled.put(
        references="77 Some Tool 4711 0 days 00:00:05\n88 pfctl 4712 0 days 00:00:01\n"
        "99 other 4713 0 days 00:00:00"
    )
    assert settled.run() == 0
    assert settled.calls("pfctl -E") == []
    assert "token 88 pfctl 4712" in settled.boot


def test_of_two_new_references_none_is_adopted_and_that_is_said(settled: Stage) -> None:
    journalled(settled)
    settled.put(references="88 pfctl 4712 0 days 00:00:01\n89 pfctl 4713 0 days 00:00:00")
    assert settled.run() == 0
    assert len(settled.calls("pfctl -E")) == 1
    assert len(settled.references) == 3
    assert any(line.startswith("2 new pf references") for line in settled.log)


def test_the_references_are_journalled_before_the_enable(stage: Stage) -> None:
    stage.put(references="77 Some Tool 4711 0 days 00:00:05", kill_at="pfctl -E")
    assert stage.run() == -signal.SIGKILL
    assert stage.boot == [
        "container-net-boot 1",
        f"boot {SESSION}",
        "journal enable",
        "reference 77 Some_Tool 4711",
        "end",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "container-net-boot 2\nboot {s}\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\nend",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\nend\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 other 4712\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712 x\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 999999999999999999999\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\nforwarding 7\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\negress x en0\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\negress 1.2.3.0/24 $(id)\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\n$(touch sprung)\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\n* *\nend\n",
        "container-net-boot 1\nboot 11111111-OTHER-BOOT\ntoken 88 pfctl 4712\nend\n",
        "\0\1\2\xff",
    ],
)
def test_a_damaged_or_foreign_record_is_begun_anew(settled: Stage, text: str) -> None:
    settled.put(references="88 pfctl 4712 0 days 00:00:01")
    settled.path(STATE_DIR + "/boot").write_text(text.replace("{s}", SESSION), "latin-1")
    assert settled.start(cwd=settled.root).wait(60) == 0
    assert len(settled.calls("pfctl -E")) == 1
    assert settled.calls("pfctl -k") == []
    assert settled.boot[-1] == "end"
    assert "4712" not in "\n".join(settled.boot)
    assert not (settled.root / "sprung").exists()


def test_a_sound_record_is_read(settled: Stage) -> None:
    """The counterpart of the damaged ones: the same text, whole, is believed."""
    settled.put(references="88 pfctl 4712 0 days 00:00:01")
    lines = ["container-net-boot 1", f"boot {SESSION}", "forwarding 0", "token 88 pfctl 4712"]
    lines += [f"egress {S} en0", "echo 4038471504 75", "end"]
    settled.path(STATE_DIR + "/boot").write_text("\n".join(lines) + "\n")
    assert settled.run() == 0
    assert settled.calls("pfctl -E") == []
    assert settled.boot == lines


# -- forwarding and egress


def test_forwarding_that_is_already_on_is_not_recorded_as_ours(stage: Stage) -> None:
    stage.put(forwarding="1")
    assert stage.run() == 0
    assert stage.calls("sysctl -w") == []
    assert not [line for line in stage.boot if line.startswith("forwarding")]


def test_forwarding_reset_later_keeps_the_first_record(settled: Stage) -> None:
    settled.put(forwarding="0")
    assert settled.run() == 0
    assert_settled(settled)


def test_no_forwarding_without_the_guard(stage: Stage) -> None:
    (stage.fake / "refuse").touch()
    assert stage.run() == 1
    assert stage.get("forwarding") == "0"


@pytest.mark.parametrize(
    ("default", "public", "kills", "egress"),
    [
        ("en0", "en0", 0, "en0"),
        ("en5", "en5", 1, "en5"),
        ("en0", "utun4", 1, "utun4"),
        ("en5", "-", 1, "en5"),
        ("-", "-", 1, "-"),
        ("utun4", "en0", 0, "en0"),
    ],
)
def test_states_end_only_when_the_egress_changed(
    settled: Stage, default: str, public: str, kills: int, egress: str
) -> None:
    settled.put(default=default, public=public)
    settled.interfaces(en0="192.168.1.5", utun4="10.8.0.2")
    assert settled.run() == 0
    calls = settled.calls()
    assert calls.count(f"pfctl -k {S}") == kills
    if LOAD in calls and kills:
        assert calls.index(LOAD) < calls.index(f"pfctl -k {S}")
    assert f"egress {S} {egress}" in settled.boot
    assert settled.run() == 0
    assert settled.calls("pfctl -k") == []


def test_a_route_that_cannot_be_read_ends_no_states(settled: Stage) -> None:
    settled.nonsense("route")
    assert settled.run() == 1
    assert settled.calls("pfctl -k") == []
    assert f"egress {S} en0" in settled.boot
