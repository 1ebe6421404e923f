"""The tasks on many Macs: what is seen, what is changed, and what becomes of those that fail."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import fabric
import pytest
from fleet.farm import ROOT, Farm, Host, keygen, names
from sim.support import LOCK, Ran, asked, changed, picture, run

from container_net import net
from simmac import Mac

Scene = Callable[[str], Mac]
# What is loaded are rules for these; by default there are ninety, whose number is no point here.
FEW = ("--uplinks", "en0,utun0-utun3")


def mac(host: Host) -> Mac:
    assert host.mac is not None
    return host.mac


def told(ran: Ran) -> Dict[str, Any]:
    found = ran.data["hosts"]
    assert isinstance(found, dict)
    return found


def wait_for(started: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    """Something that the run does over there, while it runs."""
    until = time.monotonic() + 100
    while not seen():
        assert time.monotonic() < until
        assert started.poll() is None
        time.sleep(0.05)


def enabling(host: Host) -> bool:
    """pf is being enabled, in the middle of all changes."""
    return any(words[:2] == ("/sbin/pfctl", "-E") for words in asked(mac(host)))


def restored(before: Dict[str, Any], host: Host) -> List[str]:
    """What differs; forwarding stays where a container network needs it (decisions.md)."""
    return [row for row in changed(before, picture(mac(host))) if "ip.forwarding" not in row]


# -- looking


def test_status_is_a_table_and_an_object_by_host(farm: Farm, scene: Scene) -> None:
    for name, what in (("mini-1", "broken"), ("mini-2", "healthy"), ("mini-3", "bare")):
        farm.add(name, scene(what))
    ran = farm.run("net.status", "--json")
    assert ran.code == 1
    assert list(told(ran)) == ["mini-1", "mini-2", "mini-3"]
    for host in farm.hosts.values():
        alone = run(mac(host), "net.status", "--json").data
        assert {**told(ran)[host.name], "schema": 1, "version": alone["version"]} == alone
    shown = farm.run("net.status")
    rows = {row.split()[0]: row for row in shown.out.splitlines() if row}
    assert re.findall(r"[✓✗·?](?: ◀)?", rows["mini-1"]) == ["✓", "✓", "✗ ◀", "✗", "✓", "?"]
    assert re.findall(r"[✓✗·?](?: ◀)?", rows["mini-2"]) == ["✓", "✓", "✓", "✓", "✓", "?"]
    assert "→ invoke net.setup --hosts mini-1" in shown.out
    assert "mini-3: container VM: container is not installed" in shown.out
    assert "2 of 3 Macs" in shown.out
    korean = farm.run("net.status", "--lang", "ko")
    assert "Mac 3대 중 2대 정상" in korean.out


def test_the_doctor_tells_each_fault_once(farm: Farm, scene: Scene) -> None:
    for name in names(3):
        farm.add(name, scene("healthy" if name == "mini-3" else "broken"))
    ran = farm.run("net.doctor")
    assert ran.code == 1
    assert ran.out.count("F11") == 1
    assert re.search(r"F11 .*  mini-1, mini-2$", ran.out, re.MULTILINE)
    assert "invoke net.setup --hosts mini-1,mini-2" in ran.out
    assert told(farm.run("net.doctor", "--json"))["mini-3"]["faults"] == []


def test_verify_measures_on_each(farm: Farm, scene: Scene) -> None:
    farm.add("mini-1", scene("healthy"))
    farm.add("mini-2", scene("broken"))
    ran = farm.run("net.verify", "--json")
    assert ran.code == 1
    assert [told(ran)[name]["ok"] for name in names(2)] == [True, False]
    assert "◀" in farm.run("net.verify").out


def test_a_plan_groups_those_that_have_the_same(farm: Farm, scene: Scene) -> None:
    for name in names(3):
        farm.add(name, scene("healthy" if name == "mini-2" else "broken"))
    ran = farm.run("net.plan")
    assert "2 Macs, the same 3 changes: mini-1, mini-3" in ran.out
    assert ran.out.count("enable pf with a reference") == 1
    assert ran.code == 0


# -- what is wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hosts", ""], "--hosts names no host"),
        (["--hosts", " , "], "--hosts names no host"),
        (["--hosts", "@nowhere"], "No such file"),
        (["--hosts", "a;reboot"], "give [USER@]HOST[:PORT]"),
        (["--hosts", "-oProxyCommand=x"], "give [USER@]HOST[:PORT]"),
        (["--hosts", "mini-1", "--forks", "0"], "--forks is 0"),
        (["--hosts", "mini-1", "--ask-sudo"], "there is none"),
    ],
)
def test_bad_input_is_one_sentence(scene: Scene, words: List[str], said: str) -> None:
    ran = run(scene("bare"), "net.status", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["--fix"], ["--report", "x"], ["--symptom", "x"], ["--from", "-"]]
)
def test_what_does_not_go_together_is_refused(scene: Scene, words: List[str]) -> None:
    ran = run(scene("bare"), "net.doctor", "--hosts", "mini-1", *words)
    assert ran.code == 2
    assert "exclude each other" in ran.err


def test_without_fabric_it_says_what_to_install(farm: Farm) -> None:
    code = (
        "import sys; sys.modules['fabric'] = None; sys.argv = ['invoke', *sys.argv[1:]];"
        "from invoke.main import program; program.run()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "net.status", "--hosts", "mini-1"],
        cwd=ROOT,
        env=farm.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3
    assert "pip install 'container-net[fleet]'" in ran.stderr


def test_each_fails_by_itself_and_the_others_go_on(farm: Farm, scene: Scene) -> None:
    for name in names(4):
        farm.add(name, scene("healthy"))
    farm.add("linux")
    farm.hosts["mini-2"].stop()
    other = farm.hosts["mini-3"]
    other.stop()
    other.key = keygen(other.folder / "another")
    other.start(farm.authorized)
    listed = farm.folder / "farm.txt"
    port = farm.hosts["mini-4"].port
    rows = ["mini-1  # the first", "", "mini-2", "mini-3, linux", f"127.0.0.1:{port}", "mini-1"]
    listed.write_text("\n".join([*rows, "mini-4", ""]))
    known = farm.home / ".ssh/known_hosts"
    started = farm.start("net.status", "--json", "--hosts", f"@{listed}")
    out, err = started.communicate(timeout=100)
    assert (started.returncode, err) == (3, "")
    found = json.loads(out)
    hosts = found["hosts"]
    assert [h for h in hosts if "error" not in hosts[h]] == ["mini-1"]
    assert "not reachable" in hosts["mini-2"]["error"]["message"]
    assert "ssh-keygen -R" in hosts["mini-3"]["error"]["message"]
    assert "no simulated Mac" in hosts["linux"]["error"]["message"]
    assert hosts["linux"]["error"]["kind"] == "unreachable"
    assert len(found["notes"]) == 2
    assert known.exists()


# -- by fab, and from Python


def test_by_fab_and_from_python(farm: Farm, scene: Scene) -> None:
    for name in names(2):
        farm.add(name, scene("healthy"))
    words = ["-c", "tasks", "-r", str(ROOT), "-H", "mini-1,mini-2", "net.status"]
    started = farm.start(*words, program="fabric")
    out, err = started.communicate(timeout=100)
    assert (started.returncode, err) == (0, "")
    assert re.findall(r"^mini-\d", out, re.MULTILINE) == ["mini-1", "mini-2"]
    host = farm.hosts["mini-1"]
    host.stop()
    host.key = keygen(host.folder / "another")
    host.forget_log()
    host.start(farm.authorized)
    started = farm.start(*words, program="fabric")
    # Fabric itself would take any key.
    assert "host key" in started.communicate(timeout=100)[0]
    assert started.returncode == 3
    assert host.sessions == 0


def test_a_program_may_give_its_own_connection(
    farm: Farm, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host = farm.add("mini-1", scene("healthy"))
    monkeypatch.setenv("INVOKE_NET_SYSROOT", str(mac(host).path))
    connection = fabric.Connection("mini-1")
    net["status"](connection, json=True)
    out = capsys.readouterr().out
    assert json.loads(out)["hosts"]["mini-1"]["ok"] is True
    assert not connection.is_connected


# -- changing


def answer(farm: Farm, words: List[str], replies: List[Tuple[str, str]]) -> Tuple[int, str]:
    """A run at a terminal: what is typed once a question is there."""
    terminal, theirs = os.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", "invoke", *words],
        cwd=ROOT,
        env={**farm.environment(), "TERM": "dumb", "COLUMNS": "150", "NO_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no lock is taken
    )
    os.close(theirs)
    seen = ""
    until = time.monotonic() + 100
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data.decode("utf-8", "replace")
        if replies and replies[0][0] in seen:
            os.write(terminal, replies.pop(0)[1].encode())
    os.close(terminal)
    return started.wait(10), seen


def test_one_question_for_all(farm: Farm, scene: Scene) -> None:
    before = {}
    for name in names(2):
        before[name] = picture(mac(farm.add(name, scene("broken"))))
    words = ["net.setup", *FEW, "--hosts", "mini-1,mini-2"]
    code, seen = answer(farm, words, [("Change 2 Macs? [y/N]", "n\n")])
    assert code == 130, seen
    assert all(not changed(before[name], picture(mac(farm.hosts[name]))) for name in before)
    code, seen = answer(farm, words, [("Change 2 Macs? [y/N]", "y\n")])
    assert code == 0, seen
    assert seen.count("[y/N]") == 1
    assert all(mac(host).egress() == "ok" for host in farm.hosts.values())


def test_a_password_is_asked_once_and_shown_nowhere(farm: Farm, scene: Scene) -> None:
    for name in names(2):
        mac(farm.add(name, scene("broken"))).refuse_sudo(name == "mini-1", password="sesame")
    words = ["net.setup", *FEW, "--yes", "--ask-sudo", "--hosts", "mini-1,mini-2"]
    code, seen = answer(farm, words, [("Password for sudo", "sesame\n")])
    assert code == 0, seen
    assert seen.count("Password") == 1
    assert "sesame" not in seen
    assert all(mac(host).egress() == "ok" for host in farm.hosts.values())
    # Where `sudo -n` is enough, it is not even offered.
    assert not any("-S" in words for words in asked(mac(farm.hosts["mini-2"])))


def test_without_root_a_mac_is_left_alone_and_told(farm: Farm, scene: Scene) -> None:
    for name in names(2):
        mac(farm.add(name, scene("broken"))).refuse_sudo(name == "mini-1")
    before = picture(mac(farm.hosts["mini-1"]))
    ran = farm.run("net.setup", "--json", *FEW)
    assert ran.code == 3
    assert "sudo" in told(ran)["mini-1"]["error"]["message"]
    assert "error" not in told(ran)["mini-2"]
    assert not changed(before, picture(mac(farm.hosts["mini-1"])))


def test_ctrl_c_ends_in_order(farm: Farm, scene: Scene) -> None:
    before = {}
    for name in names(2):
        before[name] = picture(mac(farm.add(name, scene("broken"))))
    started = farm.start("net.persist", *FEW, "--hosts", "mini-1,mini-2", "--forks", "1")
    wait_for(started, lambda: enabling(farm.hosts["mini-1"]))
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, out + err
    assert "Traceback" not in err
    for name, host in farm.hosts.items():
        mac(host).settle()
        assert not changed(before[name], picture(mac(host))), name
    assert "all changes were reverted" in out


def test_another_run_is_waited_for_and_a_dead_one_succeeded(farm: Farm, scene: Scene) -> None:
    with subprocess.Popen(["sleep", "100"]) as other:
        for name, holder in (("mini-1", str(other.pid)), ("mini-2", "999999999")):
            host = farm.add(name, scene("broken"))
            (mac(host).path / LOCK[1:]).symlink_to(holder)
        started = farm.start("net.setup", "--json", *FEW, "--hosts", "mini-1,mini-2")
        first, second = (mac(farm.hosts[name]) for name in names(2))
        wait_for(started, lambda: any(words[0] == "/bin/ln" for words in asked(first)))
        wait_for(started, lambda: second.egress() == "ok")
        assert first.egress() != "ok"
        other.kill()
    started.communicate(timeout=60)
    assert started.returncode == 0
    for each in (first, second):
        assert each.egress() == "ok"
        assert not (each.path / LOCK[1:]).is_symlink()


def test_ctrl_c_ends_a_look_too(farm: Farm, scene: Scene) -> None:
    for name in names(2):
        mac(farm.add(name, scene("healthy"))).hang("route")
    started = farm.start("net.status", "--hosts", "mini-1,mini-2", "--forks", "1")
    wait_for(started, lambda: farm.hosts["mini-1"].sessions > 0)
    started.send_signal(signal.SIGTERM)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    assert "interrupted" in err
    assert "Traceback" not in err
    assert farm.hosts["mini-2"].connections == 0


LAN = "192.168.1.50"
OWN = "192.168.1.37"


def test_the_session_that_one_works_through_is_left_alone(farm: Farm, scene: Scene) -> None:
    """Neither the guard nor the fence drops SSH, from the LAN or from another network."""
    host = farm.add("mini-1", scene("broken"))
    for words in (["net.setup"], ["net.setup", "--fence"], ["net.persist", "--fence"]):
        assert farm.run(*words, *FEW, "--always").code == 0
        mac(host).settle()
        for source in (LAN, "10.20.30.40", "8.8.4.4"):
            assert mac(host).reaches(source, OWN, 22) == "ok", (words, source)
            assert mac(host).reaches(OWN, source, 22) == "ok", (words, source)


# -- twenty


@pytest.mark.waits  # the longest of all is not begun last
@pytest.mark.timeout(900)
def test_of_twenty_three_fail_and_all_are_restored(farm: Farm, scene: Scene) -> None:
    before = {}
    for name in names(20):
        before[name] = picture(mac(farm.add(name, scene("broken"))))
    killed, full, wrong = (farm.hosts[name] for name in ("mini-5", "mini-11", "mini-17"))
    mac(full).disk_full(after=3000)
    wrong.stop()
    right, wrong.key = wrong.key, keygen(wrong.folder / "another")
    wrong.start(farm.authorized)
    words = [*FEW, "--forks", "4", "--hosts", ",".join(farm.hosts)]
    started = farm.start("net.persist", "--json", *words)
    wait_for(started, lambda: enabling(killed))
    killed.stop()
    out = started.communicate(timeout=600)[0]
    hosts = json.loads(out)["hosts"]
    failed = {name: row["error"]["message"] for name, row in hosts.items() if "error" in row}
    print("\n" + "\n".join(f"{name}: {why}" for name, why in failed.items()))
    assert set(failed) == {"mini-5", "mini-11", "mini-17"}
    assert "connection was lost in the middle" in failed["mini-5"]
    assert "No space left" in failed["mini-11"] or "disk full" in failed["mini-11"]
    assert "host key" in failed["mini-17"]
    assert started.returncode == 4
    for name, host in farm.hosts.items():
        mac(host).settle()
        if name not in failed:
            assert mac(host).egress() == "ok"
            assert (mac(host).path / "Library/LaunchDaemons/local.container-net.plist").exists()
    # What a full disk stopped was walked back; what was cut off is as a crash leaves it.
    assert not changed(before["mini-11"], picture(mac(full)))
    assert not changed(before["mini-17"], picture(mac(wrong)))
    assert restored(before["mini-5"], killed)
    mac(full).disk_full(False)
    wrong.stop()
    wrong.key = right
    for host in (wrong, killed):
        host.start(farm.authorized)
    ran = farm.run("net.teardown", "--forks", "4")
    assert ran.code == 0, ran
    for name, host in farm.hosts.items():
        mac(host).settle()
        assert not restored(before[name], host), name
        assert not list((mac(host).path / "private/var/run").glob("container-net*"))


def test_the_next_run_repairs_what_was_cut_off(farm: Farm, scene: Scene) -> None:
    host = farm.add("mini-1", scene("broken"))
    started = farm.start("net.persist", *FEW, "--hosts", "mini-1")
    wait_for(started, lambda: any("-w" in words for words in asked(mac(host))))
    host.stop()
    started.communicate(timeout=60)
    assert started.returncode == 4
    host.start(farm.authorized)
    assert farm.run("net.persist", *FEW).code == 0
    mac(host).settle()
    assert mac(host).egress() == "ok"
    assert not Path(mac(host).path / LOCK[1:]).is_symlink()
