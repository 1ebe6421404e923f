"""The boot script: on the simulated Mac under its launchd, then on the stage, step by step."""

from __future__ import annotations

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
    RULES,
    SESSION,
    STATE_DIR,
    SUBNET,
    UPLINKS,
    Stage,
    render,
    rules,
    text,
)

from container_net import parse
from simmac import Mac, build

S = SUBNET
OTHER = "192.168.10.0/24"
LIVE = rules(S)
MACS_LIVE = rules(S, uplinks=UPLINKS)
MACS_RULES = text(MACS_LIVE)
LOADED = f"loaded our rules into {ANCHOR}"
LOAD = f"pfctl -a {ANCHOR} -f -"
SHELLS = [["/bin/sh"], *([shell, *more] for shell, *more in (("dash",), ("bash", "--posix")))]

MakeStage = Callable[..., Stage]
Persisted = Callable[[str], Mac]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeStage]:
    stages: List[Stage] = []

    def build(**settings: Any) -> Stage:
        shell = settings.pop("shell", ())
        stages.append(Stage(tmp_path / f"mac{len(stages)}", shell, settings))
        return stages[-1]

    yield build
    for stage in stages:
        stage.end()


@pytest.fixture
def stage(make: MakeStage) -> Stage:
    return make()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run leaves that did everything."""
    folder = tmp_path_factory.mktemp("settled")
    stage = Stage(folder / "mac")
    assert stage.run() == 0
    stage.keep(folder / "done")
    return folder / "done"


@pytest.fixture
def settled(stage: Stage, done: Path) -> Stage:
    """A stage on which the script has done its work."""
    stage.go_back(done)
    return stage


def quicken(script: Path) -> None:
    """The watchdog comes after a second or two, for tests that wait for it."""
    found = script.read_text()
    for before, after in (("LIMIT=20", "LIMIT=2"), ("GRACE=5", "GRACE=1")):
        assert found.count(f"\n{before}\n") == 1
        found = found.replace(f"\n{before}\n", f"\n{after}\n")
    script.write_text(found)


def assert_settled(stage: Stage) -> None:
    """Everything in force, and the inverse of everything on record."""
    assert stage.anchor == LIVE
    assert stage.path(ANCHOR_FILE).read_text() == RULES
    session, rules_sum, *echo = (row for row in stage.loaded.splitlines() if "ALTQ" not in row)
    assert session == SESSION
    assert f"\nRULES_SUM='{rules_sum}'\n" in stage.script.read_text()
    assert echo == [*LIVE, ""]
    assert stage.get("forwarding") == "1"
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


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Persisted:
    """Each scene with the daemon's files in place and bootstrapped, its first run done: once."""
    made: Dict[str, Mac] = {}

    def build_once(scene: str) -> Mac:
        if scene not in made:
            mac = made[scene] = build(tmp_path_factory.mktemp(scene) / "mac", scene)
            put(mac, SCRIPT, script_of(mac), 0o755)
            put(mac, PLIST, render("launchd.plist.j2", program=SCRIPT), 0o644)
            bootstrapped = mac.answer(["/bin/launchctl", "bootstrap", "system", PLIST], root=True)
            assert bootstrapped.code == 0, bootstrapped
            mac.settle()
        return made[scene]

    return build_once


@pytest.fixture
def persisted(built: Persisted, tmp_path: Path) -> Persisted:
    def copy(scene: str) -> Mac:
        mac = built(scene).snapshot(tmp_path / "mac")
        # The file of the other Mac's, but for its folder.
        (mac.path / SCRIPT[1:]).unlink()
        put(mac, SCRIPT, script_of(mac), 0o755)
        return mac

    return copy


def script_of(mac: Mac) -> str:
    return render(sysroot=str(mac.path), rules=MACS_RULES)


def put(mac: Mac, path: str, text: str, mode: int) -> None:
    file = mac.path / path[1:]
    file.parent.mkdir(mode=0o755, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


@pytest.fixture
def mac(persisted: Persisted) -> Mac:
    return persisted("broken")


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


def boot_session(mac: Mac) -> str:
    return str(mac.state["sysctl"]["kern.bootsessionuuid"])


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
    assert (mac.path / ANCHOR_FILE[1:]).read_text() == MACS_RULES
    assert live_rules(mac) == MACS_LIVE


def test_the_first_run_opens_the_way_out(mac: Mac) -> None:
    assert_in_force(mac)
    # The guard: a neighbour on the uplink's network does not get in.
    assert mac.neighbour().startswith("blocked")


def test_reboots_leave_one_token(mac: Mac) -> None:
    left = []
    for _ in range(3):
        mac.reboot()
        mac.settle()
        mac.start_container()
        assert_in_force(mac)
        files = [mac.path / f"{STATE_DIR}/{name}"[1:] for name in ("boot", "loaded")]
        kept = "".join(file.read_text() for file in files)
        for number in (boot_session(mac), " ".join(references_of_pfctl(mac)[0])):
            assert number in kept
            kept = kept.replace(number, "N")
        left.append((kept, sorted(p for p in mac.files() if p.startswith("/private"))))
    # What the next one finds is what this one found, and so on for ever.
    assert left[0] == left[1] == left[2]


def test_it_starts_before_the_network_and_before_pf_conf_and_converges(mac: Mac) -> None:
    shutil.rmtree(mac.path / STATE_DIR[1:])
    mac.reboot(early=True)
    mac.settle()
    minute(mac)
    mac.start_container()
    assert_in_force(mac)


def test_wifi_dock_vpn_and_back(mac: Mac) -> None:
    steps: List[Tuple[str, Callable[[], None]]] = [
        ("dock", mac.dock),
        ("vpn", mac.vpn_on),
        ("vpn off", mac.vpn_off),
        ("split", lambda: mac.vpn_on(full=False)),
        ("no vpn", mac.vpn_off),
        ("wifi", mac.wifi),
        ("a tunnel without an address", lambda: mac.vpn_on(address=None)),
    ]
    for name, step in steps:
        mac.forget_log()
        step()
        if "without" not in name:
            # From the first packet, before the script has looked.
            assert mac.egress() == "ok", name
        minute(mac)
        # Each of these steps moves the subnet's way out, once; no rule has to be loaded for it.
        assert (mac.loads, kills(mac)) == (0, [["-k", S]]), name
        if "without" not in name:
            assert_in_force(mac)
    mac.forget_log()
    minute(mac)
    assert (mac.loads, kills(mac)) == (0, [])


def test_a_change_that_touches_no_file_is_seen_within_one_interval(mac: Mac) -> None:
    mac.forget_log()
    mac.dock(same_dns=True)
    assert kills(mac) == []
    minute(mac)
    assert kills(mac) == [["-k", S]]
    assert_in_force(mac)


def test_an_interface_that_appears_later_has_its_rule_already(mac: Mac) -> None:
    mac.forget_log()
    mac.add_interface("en9", hardware_port="Another LAN")
    minute(mac)
    assert mac.loads == 0
    assert_in_force(mac)


def test_containers_come_and_go_without_a_load_or_a_write(persisted: Persisted) -> None:
    mac = persisted("idle")
    minute(mac)
    mac.forget_log()
    files, said = mac.files(), len(mac.messages)
    for number in range(3):
        mac.start_container(f"c{number}")
        minute(mac)
    for number in range(3):
        mac.stop_container(f"c{number}")
    minute(mac)
    assert mac.loads == 0
    assert len(mac.messages) == said
    assert mac.files() == files


def test_vmnet_goes_stale_or_loses_its_calls_and_ours_carry_on(persisted: Persisted) -> None:
    mac = persisted("healthy")
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


@pytest.mark.parametrize("firewall", [False, True])
def test_a_call_that_went_with_sharing_is_said_once_and_not_put_back(
    persisted: Persisted, firewall: bool
) -> None:
    mac = persisted("idle")
    mac.vmnet_manner("owner")
    if firewall:
        rule = ["/sbin/pfctl", "-a", "com.apple/250.ApplicationFirewall", "-f", "-"]
        assert mac.answer(rule, b"pass quick on lo0 all\n", root=True).code == 0
    said = len(mac.messages)
    mac.start_container()
    minute(mac)
    mac.stop_container()
    minute(mac)
    mac.start_container()
    mac.vpn_on()
    minute(mac)
    # vmnet's own rule does not follow, and ours is not reached.
    assert mac.egress() == "not translated"
    gone = [line for line in mac.messages[said:] if "no more: " in line]
    assert len(gone) == 1
    assert "sudo pfctl -f /etc/pf.conf" in gone[0]
    boot = mac.path / f"{STATE_DIR}/boot"[1:]
    assert "calls gone" in boot.read_text().splitlines()
    mac.load_pf_conf()
    minute(mac)
    assert mac.egress() == "ok"
    assert [line for line in mac.messages if "calls our rules again" in line]
    assert "calls gone" not in boot.read_text()


@pytest.mark.parametrize("text", ["lorem ipsum\n", "{}\n"])
def test_a_main_ruleset_that_cannot_be_read_is_no_call_that_is_gone(
    persisted: Persisted, text: str
) -> None:
    mac = persisted("idle")
    mac.garble("pfctl -s nat", text)
    minute(mac)
    assert not [line for line in mac.messages if "no more: " in line]
    assert any("the main ruleset cannot be read" in line for line in mac.messages)


def test_vmnet_starts_and_replaces_the_main_ruleset(persisted: Persisted) -> None:
    mac = persisted("idle")
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


def test_an_unreadable_answer_changes_nothing(mac: Mac) -> None:

    def state() -> Any:
        # What programs said, lies there until the next run.
        files = {path: file for path, file in mac.files().items() if path != f"{STATE_DIR}/look"}
        return live_rules(mac), references_of_pfctl(mac), forwarding(mac), files

    before = state()
    for program in ("route", "sysctl", "pfctl -s References", "pfctl"):
        mac.garble(program, "?? ' $(touch x)\n")
        minute(mac)
        mac.ungarble()
        assert state() == before
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
    [number] = [row.split()[2] for row in stage.references]
    assert stage.log == [
        f"made {ANCHOR_FILE}, which was missing",
        LOADED,
        f"enabled pf with the token {number}",
        "set net.inet.ip.forwarding to 1, it was 0",
    ]
    files = [stage.path(ANCHOR_FILE), *(stage.path(f"{STATE_DIR}/{n}") for n in ("boot", "loaded"))]
    before = [(f.stat().st_ino, f.stat().st_mtime_ns) for f in files]

    assert stage.run() == 0

    assert [(f.stat().st_ino, f.stat().st_mtime_ns) for f in files] == before
    assert stage.log == []
    assert stage.calls("mv") == stage.calls("pfctl -a com.apple/250.container-net -f") == []
    assert len(stage.calls()) <= 8
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
    # Itself, the watchdog, eight programs.
    assert 1 + len(forks) <= 10


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
        "RULES": "pass quick all",
        "STATE_DIR": str(tmp_path),
        "LIMIT": "0",
        "locked": "yes",
        "token": "1:pfctl:1",
        **{f"BASH_FUNC_{name}%%": f"() {{ touch {tmp_path}/sprung; }}" for name in (
            "printf", "read", "kill", "wait", "umask", "false", "log", "run", "main", "like",
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
        {"version": "1\ntouch sprung", "rules": RULES[:-1]},
        {"rules": ""},
        {"rules": "\n"},
        {"rules": RULES + "'; touch sprung; '\n"},
        {"rules": RULES + "$(touch sprung)\n"},
        {"rules": RULES + "`touch sprung`\n"},
        {"rules": RULES + "pass \\\n"},
        {"rules": RULES + "pass on *\n"},
        {"rules": RULES + "pass\r\n"},
        {"rules": RULES + "# \u00e9\n"},
        {"rules": RULES + "\npass\n"},
        {"subnets": ["192.168.64.0/333"]},
        {"subnets": ["192.168.64.0"]},
        {"subnets": [S, "192.168.64/24"]},
        {"subnets": ["192.168.64.0.0/24"]},
        {"subnets": ["192.168.64.0/24' x '"]},
        {"subnets": ["any"]},
        {"subnets": ["192.168.64.0/24/2"]},
    ],
    ids=str,
)
def test_damaged_data_of_its_own_stop_it(make: MakeStage, settings: Dict[str, Any]) -> None:
    stage = make(**settings)
    assert stage.start(cwd=stage.root).wait(60) == 78
    assert [c.split()[0] for c in stage.calls()] == ["logger"]
    assert stage.log == ["the data in this script are damaged: nothing is done"]
    assert not (stage.root / "sprung").exists()


# -- killed, ended, hung: nothing stays, the next run converges


def reboot(stage: Stage, session: str) -> None:
    """What a reboot leaves: the disk."""
    stage.put(session=session, references="", anchor="", forwarding="0")
    for link in stage.path(LOCK).parent.glob("*"):
        link.unlink()


def killed(stage: Stage, then: Callable[[], None]) -> Iterator[List[str]]:
    """The stage as a kill would have left it before or after any command, and `then`; once for each
    different one, with what was there. A run that finds the same does the same."""
    left, seen = [], []
    for moment in stage.moments():
        if stage.picture(moment) in left:
            continue
        left.append(stage.picture(moment))
        stage.go_back(moment)
        then()
        now = stage.picture()
        if now not in seen:
            seen.append(now)
            yield sorted(now)


@pytest.mark.parametrize("rebooted", [False, True])
def test_killed_at_any_command_the_next_run_converges(stage: Stage, rebooted: bool) -> None:
    if rebooted:
        stage.put(session="11111111-OTHER-BOOT")
    count = 0
    for found in killed(stage, lambda: reboot(stage, SESSION) if rebooted else None):
        count += 1
        assert stage.run() == 0, (found, stage.log)
        assert_settled(stage)
        assert stage.run() == 0
        assert stage.log == []
    assert count > (13 if rebooted else 17)


def test_killed_while_it_mends_the_next_run_converges(settled: Stage) -> None:
    settled.put(anchor="", references="", forwarding="0", way="en5")
    settled.path(ANCHOR_FILE).unlink()
    count = 0
    for found in killed(settled, lambda: settled.put(way="en0")):
        count += 1
        assert settled.run() == 0, (found, settled.log)
        assert_settled(settled)
    assert count > 14


def test_a_real_kill_leaves_one_of_those_moments(stage: Stage, tmp_path: Path) -> None:
    stage.keep(tmp_path / "start")
    moments = [stage.picture(moment) for moment in stage.moments()]
    for call in ("pfctl -n -f -", LOAD, "pfctl -E", "sysctl -w net.inet.ip.forwarding=1"):
        stage.go_back(tmp_path / "start")
        stage.put(kill_at=call)
        assert stage.run() == -signal.SIGKILL
        stage.end()
        assert stage.picture() in moments
        (stage.fake / "kill.at").unlink()
        assert stage.run() == 0
        assert_settled(stage)


def test_ended_by_launchd_it_leaves_nothing(stage: Stage) -> None:
    stage.hang("pfctl")
    started = stage.start()
    wait_for(lambda: bool(stage.calls("pfctl")))
    started.send_signal(signal.SIGTERM)
    assert started.wait(5) == 143
    assert stage.processes() == {}
    assert stage.leftovers() == []


@pytest.mark.waits
def test_a_hung_pfctl_is_given_up_in_time(stage: Stage) -> None:
    quicken(stage.script)
    stage.hang("pfctl")
    begin = time.monotonic()
    assert stage.run() == 1
    # A busy machine takes longer for what comes before and after.
    assert 2 <= time.monotonic() - begin < 20
    assert stage.log == [
        f"made {ANCHOR_FILE}, which was missing",
        f"the rules of {ANCHOR} cannot be read (/sbin/pfctl took too long and was ended);"
        " the next event tries again",
    ]
    assert len(stage.calls("pfctl")) == 1
    assert stage.processes() == {}
    assert stage.leftovers() == []
    # The anchor file, without which /etc/pf.conf does not load, was made all the same.
    assert stage.path(ANCHOR_FILE).read_text() == RULES
    assert stage.get("forwarding") == "0"

    stage.hang("pfctl", False)
    assert stage.run() == 0
    assert_settled(stage)


def test_a_run_is_given_twenty_seconds(settled: Stage) -> None:
    assert settled.run() == 0
    assert settled.calls("sleep") == ["sleep 20"]


@pytest.mark.parametrize("shell", SHELLS[1:], ids=lambda s: Path(s[0]).name)
@pytest.mark.waits
def test_every_program_hangs_and_the_run_ends_all_the_same(
    make: MakeStage, shell: List[str]
) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    stage = make(shell=shell)
    quicken(stage.script)
    stage.path(ANCHOR_FILE).write_text(RULES)
    for program in ("sysctl", "route", "pfctl", "logger"):
        stage.hang(program)
    begin = time.monotonic()
    assert stage.run() == 1
    assert time.monotonic() - begin < 30
    assert stage.processes() == {}
    assert stage.leftovers() == []


@pytest.mark.waits
def test_a_program_that_cannot_be_killed_is_waited_for_under_the_lock(stage: Stage) -> None:
    quicken(stage.script)
    found = stage.script.read_text()
    # A process inside the kernel does not die of SIGKILL; here the signal is not sent.
    assert found.count('kill -KILL "$child" 2>/dev/null') == 2
    stage.script.write_text(found.replace('kill -KILL "$child" 2>/dev/null', ":"))
    stage.hang("pfctl")
    first = stage.start()
    wait_for(lambda: bool(stage.calls("pfctl")))
    assert os.readlink(stage.path(LOCK)) == str(first.pid)
    second = stage.start()
    assert second.wait(20) == 0
    assert stage.calls("pfctl") == []
    assert first.poll() is None

    [hung] = [pid for pid, command in stage.processes().items() if command.endswith("sleep 600")]
    os.kill(hung, signal.SIGKILL)
    assert first.wait(20) == 1
    assert stage.processes() == {}
    stage.hang("pfctl", False)
    assert stage.run() == 0
    assert_settled(stage)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# -- the lock


def shorten(stage: Stage, seconds: str) -> None:
    """Whoever has to wait for the lock says so, and waits for a moment in place of a second."""
    sleep = stage.path("/bin/sleep")
    found = sleep.read_text()
    assert found.count("\nmoment()") == 1
    moment = f'[ "$1" != 1 ] || set -- {seconds}'
    sleep.write_text(found.replace("\nmoment()", f"\n{moment}\nmoment()"))


@pytest.mark.waits
def test_a_living_holder_is_waited_for_and_then_left_alone(settled: Stage) -> None:
    shorten(settled, "0.3")
    settled.path(LOCK).symlink_to(str(os.getpid()))
    assert settled.run() == 0
    assert {c.split()[0] for c in settled.calls()} == {"ln", "readlink", "sleep"}
    assert settled.calls("sleep 1") == ["sleep 1"] * 4
    assert settled.log == []
    assert os.readlink(settled.path(LOCK)) == str(os.getpid())

    second = settled.start()
    wait_for(lambda: "sleep 1" in settled.calls())
    settled.path(LOCK).unlink()
    assert second.wait(10) == 0
    assert settled.calls("pfctl -s References")


def dead_pid() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_a_dead_holder_is_succeeded(settled: Stage) -> None:
    settled.path(LOCK).symlink_to(str(dead_pid()))
    assert settled.run() == 0
    assert settled.calls("pfctl -s References")
    assert settled.leftovers() == []


def test_who_died_while_succeeding_is_succeeded_too(settled: Stage) -> None:
    dead, successor = dead_pid(), dead_pid()
    settled.path(LOCK).symlink_to(str(dead))
    settled.path(f"{LOCK}.{dead}").symlink_to(str(successor))
    assert settled.run() == 0
    assert settled.calls("pfctl -s References")
    assert settled.leftovers() == []


@pytest.mark.waits
def test_never_two_hold_it_however_many_find_a_dead_holder(settled: Stage) -> None:
    route = settled.path("/sbin/route")
    inside = settled.fake / "inside"
    route.write_text(
        route.read_text()
        + f"/bin/mkdir {inside} || echo two >>{settled.fake}/two\nsleep 0.05\n/bin/rmdir {inside}\n"
    )
    # There is always something to do, so that nobody comes to `route` without the lock.
    settled.put(forwarding="0")
    sysctl = settled.path("/usr/sbin/sysctl")
    kept = 'echo "${2#*=}" >"$S/forwarding"'
    assert sysctl.read_text().count(kept) == 1
    sysctl.write_text(sysctl.read_text().replace(kept, ":"))
    shorten(settled, "0.1")
    for _ in range(4):
        settled.path(LOCK).symlink_to(str(dead_pid()))
        running = [settled.start() for _ in range(6)]
        assert [r.wait(60) for r in running] == [0] * 6, settled.log
    assert not (settled.fake / "two").exists()
    assert settled.leftovers() == []


@pytest.mark.waits
def test_a_lock_that_cannot_be_made_is_said(settled: Stage) -> None:
    shorten(settled, "0.1")
    settled.path(LOCK).write_text("not a link")
    settled.put(forwarding="0")
    assert settled.run() == 1
    assert settled.log == [
        f"nothing was looked at ({LOCK} cannot be made); the next event tries again"
    ]


# -- what cannot be read leads to no action


@pytest.mark.parametrize("program", ["route", "sysctl", "pfctl"])
@pytest.mark.parametrize("way", ["nonsense", "gone"])
def test_without_a_readable_answer_nothing_is_changed(
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


@pytest.mark.parametrize(
    "row",
    [
        "12 pfctl what",
        "12 pfctl what 0 days 00:00:01",
        "x pfctl 4711 0 days 00:00:01",
        "12 pfctl 4711 8 0 days 00:00:01",
        "12 4711 0 days 00:00:01",
        "pfctl: DIOCGETSTARTERS: Operation not permitted",
        "$(touch sprung) * pfctl",
    ],
)
def test_unreadable_references_mean_no_token(stage: Stage, row: str) -> None:
    stage.put(references=row)
    assert stage.start(cwd=stage.root).wait(60) == 1
    assert stage.calls("pfctl -E") == []
    assert "the pf references cannot be read, so none is taken (" in stage.log[-1]
    assert stage.get("forwarding") == "0"
    assert not (stage.root / "sprung").exists()


def test_an_error_of_pfctl_is_no_empty_anchor(settled: Stage) -> None:
    pfctl = settled.path("/sbin/pfctl")
    denied = (
        "case $* in *'-s nat') echo 'pfctl: DIOCGETRULES: Permission denied' >&2; exit 0 ;; esac"
    )
    pfctl.write_text(pfctl.read_text().replace("\ncase $* in", f"\n{denied}\ncase $* in", 1))
    assert settled.run() == 1
    assert settled.calls(LOAD) == []
    assert settled.log == [
        f"the rules of {ANCHOR} cannot be read (pfctl: DIOCGETRULES: Permission denied);"
        " the next event tries again"
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("name", ["look", "run.out"])
def test_a_full_disk_leads_to_no_wrong_conclusion(settled: Stage, name: str) -> None:
    if name == "run.out":
        settled.put(forwarding="0")
    settled.path(f"{STATE_DIR}/{name}").symlink_to("/dev/full")
    assert settled.run() == 1
    assert "no room in" in settled.log[-1]
    assert settled.anchor == LIVE
    assert not settled.calls("pfctl -k")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_what_cannot_be_noted_is_not_loaded(settled: Stage) -> None:
    settled.put(anchor="")
    for name in ("loaded", "run.rules"):
        file = settled.path(f"{STATE_DIR}/{name}")
        file.unlink(missing_ok=True)
        file.mkdir()
        assert settled.run() == 1
        assert settled.calls(LOAD) == []
        assert settled.log == [
            f"the rules cannot be loaded (no room in {STATE_DIR}); the next event tries again"
        ]
        file.rmdir()


def test_rules_that_pf_refuses_are_not_loaded(stage: Stage) -> None:
    (stage.fake / "refuse").touch()
    assert stage.run() == 1
    assert stage.calls(LOAD) == []
    assert stage.log[-1] == (
        "pf does not take the rules (stdin:1: syntax error); the next event tries again"
    )
    assert stage.get("forwarding") == "0"


# -- rules


def test_exactly_the_rules_are_checked_and_loaded(stage: Stage) -> None:
    pfctl = stage.path("/sbin/pfctl")
    keep = f"case $* in *'-f -') tee {stage.fake}/fed.$$ | {{ cat >/dev/null; }} ;; esac"
    pfctl.write_text(pfctl.read_text().replace("\ncase $* in", f"\n{keep}\ncase $* in", 1))
    stage.run()
    fed = [f.read_text() for f in stage.fake.glob("fed.*")]
    assert fed == [RULES, RULES]


def test_several_subnets_keep_their_order(make: MakeStage) -> None:
    both = rules(S, OTHER)
    stage = make(subnets=[S, OTHER], rules=text(both))
    assert stage.run() == 0
    assert stage.anchor == both
    assert stage.boot[-3:] == [f"egress {S} en0", f"egress {OTHER} en0", "end"]
    assert stage.run() == 0
    assert stage.log == []


def test_comments_among_the_rules_are_kept_in_the_file(make: MakeStage) -> None:
    with_comments = "# made by container-net\n" + RULES
    stage = make(rules=with_comments)
    for _ in range(2):
        assert stage.run() == 0
        assert stage.path(ANCHOR_FILE).read_text() == with_comments
        assert stage.anchor == LIVE
    assert stage.log == []


def test_host_only_networks_alone_have_rules_and_no_states(make: MakeStage) -> None:
    rule = f"block drop in quick on ! lo0 inet from {OTHER} to ! {OTHER}"
    stage = make(subnets=[], rules=text([rule]))
    assert stage.run() == 0
    assert stage.anchor == [rule]
    stage.put(way="en5")
    assert stage.run() == 0
    assert stage.log == []


@pytest.mark.parametrize(
    "live",
    [
        [],
        LIVE[1:],
        LIVE[:-1],
        [LIVE[1], LIVE[0], *LIVE[2:]],
        [*LIVE, "pass quick on en0 all"],
        ["nat on en0 inet from any to any -> (en0:0)", *LIVE[1:]],
        [r for r in LIVE if r.startswith("nat")],
        [r for r in LIVE if r.startswith("block")],
    ],
    ids=range(8),
)
def test_only_rules_that_differ_are_loaded(settled: Stage, live: List[str]) -> None:
    settled.put(anchor="\n".join(live))
    assert settled.run() == 0
    assert len(settled.calls(LOAD)) == 1
    assert settled.log == [LOADED]
    assert_settled(settled)
    assert settled.run() == 0
    assert settled.calls(LOAD) == []


@pytest.mark.parametrize("suffix", ["round-robin", "rtable 3", "<__automatic_1f3a_0>"])
def test_pf_may_echo_rules_in_a_form_of_its_own(stage: Stage, suffix: str) -> None:
    stage.put(echo=suffix)
    assert stage.run() == 0
    for _ in range(2):
        assert stage.run() == 0
        assert stage.calls(LOAD) == []
        assert stage.log == []
    # Another form after the next load is remembered likewise.
    stage.put(echo="tag x", anchor="")
    assert stage.run() == 0
    assert len(stage.calls(LOAD)) == 1
    assert stage.run() == 0
    assert (stage.calls(LOAD), stage.log) == ([], [])


@pytest.mark.parametrize("kind", ["", "nat", "block"])
def test_an_anchor_that_somebody_empties_after_the_load_is_not_remembered(
    stage: Stage, kind: str
) -> None:
    stage.put(swallow=kind)
    (stage.fake / "swallow").write_text(f"{kind}\n")
    assert stage.run() == 1
    gone = "nat" if kind == "nat" else "filter"
    assert stage.log[-1] == (
        f"the loaded {gone} rules are gone again (pf lists none); the next event tries again"
    )
    assert stage.loaded == ""
    assert stage.get("forwarding") == "0"
    (stage.fake / "swallow").unlink()
    assert stage.run() == 0
    assert_settled(stage)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: "",
        lambda t: t[:-2],
        lambda t: t + "pass\n",
        lambda t: t.replace(SESSION, "11111111-OTHER-BOOT"),
        lambda t: "\n".join(row for row in t.split("\n") if len(row) != 32),
        lambda t: t.replace(t.split("\n")[1], t.split("\n")[1][::-1]),
        lambda t: "\n".join(t.split("\n")[:2]),
        lambda t: "\n".join(t.split("\n")[:2]) + "\n",
        lambda t: "$(touch sprung)\n" + t,
        lambda t: "\0\1\2\n*\n",
    ],
    ids=range(10),
)
def test_what_is_remembered_wrongly_leads_to_one_load(
    settled: Stage, spoil: Callable[[str], str]
) -> None:
    settled.path(STATE_DIR + "/loaded").write_text(spoil(settled.loaded))
    assert settled.start(cwd=settled.root).wait(60) == 0
    assert settled.log == [LOADED]
    assert_settled(settled)
    assert not (settled.root / "sprung").exists()


def test_other_noise_of_pfctl_is_no_other_rule(settled: Stage) -> None:
    text = settled.loaded
    settled.path(STATE_DIR + "/loaded").write_text(text.replace("No ALTQ support in kernel\n", ""))
    assert settled.run() == 0
    assert (settled.calls(LOAD), settled.log) == ([], [])
    assert settled.loaded != text


def test_what_another_boot_remembers_is_void(settled: Stage) -> None:
    """Though pf lists the very same rules: /etc/pf.conf has loaded them."""
    settled.put(session="11111111-OTHER-BOOT", references="", forwarding="0")
    assert settled.run() == 0
    assert len(settled.calls(LOAD)) == 1
    assert settled.loaded.startswith("11111111-OTHER-BOOT\n")
    # Nothing of it is damaged, it is only old.
    assert settled.log[0] == LOADED


def test_other_rules_are_loaded_though_pf_lists_what_it_listed(settled: Stage) -> None:
    """A script made anew: what was remembered belongs to the rules of the old one."""
    settled.script.write_text(render(sysroot=str(settled.root), rules="# new\n" + RULES))
    assert settled.run() == 0
    assert len(settled.calls(LOAD)) == 1


# -- the anchor file


def test_a_missing_anchor_file_is_made_though_nothing_else_differs(settled: Stage) -> None:
    settled.path(ANCHOR_FILE).unlink()
    assert settled.run() == 0
    assert_settled(settled)
    assert settled.calls(LOAD) == []
    assert settled.log == [f"made {ANCHOR_FILE}, which was missing"]


def test_a_missing_anchor_file_is_made_first_of_all(settled: Stage) -> None:
    settled.path(ANCHOR_FILE).unlink()
    settled.nonsense("sysctl")
    assert settled.run() == 1
    assert settled.path(ANCHOR_FILE).read_text() == RULES


@pytest.mark.parametrize(
    "found", ["", RULES[:-1], RULES + "\n", RULES + "x", RULES.replace("\n", "\r\n"), " " + RULES],
    ids=range(6),
)  # fmt: skip
def test_an_anchor_file_that_says_something_else_is_written_again_with_the_next_load(
    settled: Stage, found: str
) -> None:
    settled.path(ANCHOR_FILE).write_bytes(found.encode())
    settled.put(anchor="")
    assert settled.run() == 0
    assert_settled(settled)
    assert settled.log == [f"wrote {ANCHOR_FILE} again, which held something else", LOADED]
    calls = settled.calls()
    [written] = [c for c in settled.calls("mv") if c.endswith(ANCHOR_FILE)]
    assert calls.index(written) < calls.index(LOAD)


def test_the_file_is_written_before_the_load(stage: Stage) -> None:
    assert stage.run() == 0
    calls = [c.replace(str(stage.root), "") for c in stage.calls()]
    assert calls.index(f"mv -f {ANCHOR_FILE}.new {ANCHOR_FILE}") < calls.index(LOAD)


def test_an_anchor_file_that_cannot_be_written_does_not_cost_the_way_out(stage: Stage) -> None:
    stage.path(ANCHOR_FILE).mkdir()
    assert stage.run() == 1
    assert stage.anchor == LIVE
    assert stage.log[0] == f"{ANCHOR_FILE} cannot be written"
    assert list(stage.path(ANCHOR_FILE).iterdir()) == []
    assert stage.get("forwarding") == "1"


def test_no_anchor_file_where_none_is_wanted(make: MakeStage) -> None:
    stage = make(anchor_file_wanted=False)
    for _ in range(2):
        assert stage.run() == 0
        assert stage.anchor == LIVE
        assert list(stage.path(ANCHOR_FILE).parent.iterdir()) == []
    assert stage.log == []


def test_files_are_readable_by_all_and_writable_by_root(stage: Stage) -> None:
    old = os.umask(0o077)
    try:
        assert stage.run() == 0
    finally:
        os.umask(old)
    for path, mode in (
        (STATE_DIR, 0o755),
        (STATE_DIR + "/boot", 0o644),
        (STATE_DIR + "/loaded", 0o644),
        (ANCHOR_FILE, 0o644),
    ):
        assert stage.path(path).stat().st_mode & 0o777 == mode


# -- the token


def test_pf_switched_off_by_others_is_switched_on_with_a_new_token(settled: Stage) -> None:
    settled.put(references="")
    assert settled.run() == 0
    assert_settled(settled)
    assert settled.log == [f"enabled pf with the token {settled.references[0].split()[2]}"]


@pytest.mark.parametrize(
    "row", ["99 pfctl {t}", "{p} other {t}", "{p} pfctl {u}", "{p} pfctl 4711"]
)
def test_a_reference_that_is_not_ours_in_every_word_does_not_count(
    settled: Stage, row: str
) -> None:
    pid, _, token = settled.references[0].split()[:3]
    settled.put(references=row.format(p=pid, t=token, u=token[:-1]) + " 0 days 00:00:00")
    assert settled.run() == 0
    assert len(settled.calls("pfctl -E")) == 1
    assert len(settled.references) == 2


def test_pf_held_by_others_alone_is_not_enough(stage: Stage) -> None:
    stage.put(references="77 Some Tool 4711 1 day 00:00:05\n78 pfctl 4712 1 day 00:00:05")
    assert stage.run() == 0
    assert len(stage.calls("pfctl -E")) == 1
    assert len(stage.references) == 3
    for _ in range(2):
        assert stage.run() == 0
        assert stage.calls("pfctl -E") == []


def journalled(stage: Stage, *rows: str) -> None:
    stage.path(STATE_DIR + "/boot").write_text(
        "\n".join(["container-net-boot 1", f"boot {SESSION}", "journal enable", *rows, "end", ""])
    )


def test_the_one_new_reference_of_a_run_that_was_cut_off_is_adopted(settled: Stage) -> None:
    # As the tasks journal them, and version 0.1 did: those of other programs too.
    journalled(settled, "reference 77 Some_Tool 4711", "reference 78 pfctl 4710")
    settled.put(
        references="77 Some Tool 4711 0 days 00:00:05\n88 pfctl 4712 0 days 00:00:01\n"
        "99 other 4713 0 days 00:00:00\n78 pfctl 4710 2 days 00:00:00"
    )
    assert settled.run() == 0
    assert settled.calls("pfctl -E") == []
    assert "token 88 pfctl 4712" in settled.boot
    assert settled.log == ["took up the reference 4712 of a run that was cut off"]


def test_of_two_new_references_none_is_adopted_and_that_is_said(settled: Stage) -> None:
    journalled(settled)
    settled.put(references="88 pfctl 4712 0 days 00:00:01\n89 pfctl 4713 0 days 00:00:00")
    assert settled.run() == 0
    assert len(settled.calls("pfctl -E")) == 1
    assert len(settled.references) == 3
    assert settled.log[0] == (
        "2 new references, and which one a run that was cut off took is not known"
    )
    assert not [line for line in settled.boot if "471" in line]


def test_the_references_are_journalled_before_the_enable(stage: Stage) -> None:
    stage.put(
        references="77 Some Tool 4711 0 days 00:00:05\n78 pfctl 4712 0 days 00:00:05",
        kill_at="pfctl -E",
    )
    assert stage.run() == -signal.SIGKILL
    assert stage.boot == [
        "container-net-boot 1",
        f"boot {SESSION}",
        "journal enable",
        "reference 78 pfctl 4712",
        "end",
    ]


def test_an_enable_that_prints_no_token_is_found_in_the_table(stage: Stage) -> None:
    (stage.fake / "silent").touch()
    stage.put(references="78 pfctl 4712 0 days 00:00:05")
    for _ in range(3):
        assert stage.run() == 0
        assert len(stage.references) == 2
    assert [line for line in stage.boot if line.startswith("token")] != []


def test_an_enable_whose_token_is_not_listed_is_said_and_not_noted(stage: Stage) -> None:
    pfctl = stage.path("/sbin/pfctl")
    found = pfctl.read_text()
    assert found.count("Token : 1505302533819157$n") == 1
    pfctl.write_text(found.replace("Token : 1505302533819157$n", "Token : 7"))
    assert stage.run() == 1
    assert stage.log[-1] == (
        "pf was enabled, but by whom is not known (0 new references with the token 7);"
        " the next event tries again"
    )
    assert "journal enable" in stage.boot
    assert stage.get("forwarding") == "0"
    # The next run takes the reference up: none is lost.
    pfctl.write_text(found)
    assert stage.run() == 0
    assert len(stage.references) == 1
    assert stage.calls("pfctl -E") == []


@pytest.mark.parametrize(
    "record",
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
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712*\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 8* pfctl 4*\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\n\tend\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\negress 1.2.3.0/24 \x1b[2J\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\negress x en0\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\negress 1.2.3.0/24 $(id)\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\n$(touch sprung)\nend\n",
        "container-net-boot 1\nboot {s}\ntoken 88 pfctl 4712\n* *\nend\n",
        "container-net-boot 1\nboot 11111111-OTHER-BOOT\ntoken 88 pfctl 4712\nend\n",
        "\0\1\2\xff",
    ],
)
def test_a_damaged_or_foreign_record_is_begun_anew(settled: Stage, record: str) -> None:
    settled.put(references="88 pfctl 4712 0 days 00:00:01")
    settled.path(STATE_DIR + "/boot").write_text(record.replace("{s}", SESSION), "latin-1")
    assert settled.start(cwd=settled.root).wait(60) == 0
    assert len(settled.calls("pfctl -E")) == 1
    assert settled.calls("pfctl -k") == []
    assert len([line for line in settled.log if "was damaged" in line]) <= 1
    assert settled.boot[-1] == "end"
    assert "4712" not in "\n".join(settled.boot)
    assert not (settled.root / "sprung").exists()


@pytest.mark.parametrize("old", [[], ["echo 4038471504 75"]])
def test_a_sound_record_is_read(settled: Stage, old: List[str]) -> None:
    """The counterpart of the damaged ones: the same text, whole, is believed; 0.1's too."""
    settled.put(references="88 pfctl 4712 0 days 00:00:01")
    lines = ["container-net-boot 1", f"boot {SESSION}", "forwarding 0", "token 88 pfctl 4712"]
    lines += [f"egress {S} en0"]
    settled.path(STATE_DIR + "/boot").write_text("\n".join([*lines, *old, "end", ""]))
    assert settled.run() == 0
    assert settled.calls("pfctl -E") == []
    assert settled.log == []
    assert settled.boot == [*lines, "end"]
    # Written anew under the lock, or not at all.
    assert bool(settled.calls("ln")) == bool(settled.calls("mv")) == bool(old)


def test_the_tasks_read_what_the_script_writes_and_it_reads_what_they_write(
    settled: Stage,
) -> None:
    file = settled.path(STATE_DIR + "/boot")
    before = file.read_bytes()
    assert parse.render_boot(parse.boot_file(before)) == before
    stamp = file.stat().st_mtime_ns
    assert settled.run() == 0
    assert file.stat().st_mtime_ns == stamp


# -- forwarding and the way out


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


def test_forwarding_comes_after_the_rules_and_pf(stage: Stage) -> None:
    assert stage.run() == 0
    calls = stage.calls()
    order = [calls.index(c) for c in (LOAD, "pfctl -E", "sysctl -w net.inet.ip.forwarding=1")]
    assert order == sorted(order)


@pytest.mark.parametrize("way", ["en5", "utun4", "-", "ipsec0"])
def test_states_end_once_when_the_way_out_changed(settled: Stage, way: str) -> None:
    settled.put(way=way)
    assert settled.run() == 0
    assert settled.calls("pfctl -k") == [f"pfctl -k {S}"]
    assert settled.log == [f"ended the states of {S}: the way out is {way}, it was en0"]
    assert f"egress {S} {way}" in settled.boot
    assert settled.run() == 0
    assert settled.calls("pfctl -k") == []
    assert settled.log == []


def test_the_states_of_each_subnet_end(make: MakeStage) -> None:
    stage = make(subnets=[S, OTHER])
    assert stage.run() == 0
    assert stage.calls("pfctl -k") == []
    stage.put(way="en5")
    assert stage.run() == 0
    assert stage.calls("pfctl -k") == [f"pfctl -k {S}", f"pfctl -k {OTHER}"]


@pytest.mark.parametrize(
    "way", ["en0;reboot", "EN0", "$(touch sprung)", "en0 x y", "abcdefghijkl1"]
)
def test_a_way_out_that_is_no_interface_ends_no_states(settled: Stage, way: str) -> None:
    settled.put(way=way)
    assert settled.start(cwd=settled.root).wait(60) == 1
    assert settled.log == [
        "the way out cannot be read, so no states are ended (route -n get 8.8.8.8 gave no answer);"
        " the next event tries again"
    ]
    assert settled.calls("pfctl -k") == []
    assert f"egress {S} en0" in settled.boot
    assert not (settled.root / "sprung").exists()


@pytest.mark.parametrize("trouble", ["nonsense", "hang"])
@pytest.mark.waits
def test_a_route_that_cannot_be_read_keeps_nothing_else_from_being_done(
    stage: Stage, trouble: str
) -> None:
    quicken(stage.script)
    getattr(stage, trouble)("route")
    assert stage.run() == 1
    assert stage.anchor == LIVE
    assert stage.get("forwarding") == "1"
    assert len(stage.references) == 1
    assert not [line for line in stage.boot if line.startswith("egress")]
