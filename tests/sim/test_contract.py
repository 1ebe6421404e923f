"""What scripts may rely on: JSON, exit codes, streams, and a sysroot that somebody else made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from sim.support import ROOT, asked, changed, environment, holds, picture, process, run, start

from container_net import __version__
from container_net.settings import DEFAULT_UPLINKS
from simmac import Mac
from simmac.builder import SCENES

New = Callable[..., Mac]
HOPS = ["vm", "gateway", "forwarding", "nat", "uplink", "internet"]
STATES = {"ok", "broken", "unknown", "not running"}


def is_text_or_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value != "")


# -- net.status --json, schema 1


def check_status(data: Dict[str, Any]) -> None:
    """The contract of status, field by field."""
    assert data["schema"] == 1
    assert data["version"] == __version__
    assert data["ok"] in (True, False, None)
    assert data["host"]["os"] is None or re.fullmatch(r"macOS [0-9.]+", data["host"]["os"])
    assert isinstance(data["host"]["simulated"], bool)
    assert data["container"]["cli"] is None or re.fullmatch(r"[0-9.]+", data["container"]["cli"])
    assert data["container"]["service"] in ("running", "not running", "unregistered", None)
    for kind in ("needed", "spare"):
        assert all(re.fullmatch(r"[a-z]+[0-9]+", name) for name in data["uplinks"][kind])
    assert data["forwarding"] in (0, 1, None)
    assert not isinstance(data["forwarding"], bool)
    for subnet in data["subnets"]:
        assert re.fullmatch(r"[0-9.]+/[0-9]+", subnet["cidr"])
        assert subnet["mode"] in ("nat", "hostOnly")
        assert re.fullmatch(r"[0-9.]+", subnet["gateway"])
        assert subnet["bridge"] is None or re.fullmatch(r"bridge[0-9]+", subnet["bridge"])
    pf = data["pf"]
    for key in ("enabled", "token_held", "hook"):
        assert pf[key] in (True, False, None)
    assert pf["anchor"] == "com.apple/250.container-net"
    for key in ("rules", "vmnet_rules"):
        assert all(isinstance(rule, str) for rule in pf[key])
    assert [hop["hop"] for hop in data["path"]] == HOPS
    for hop in data["path"]:
        assert hop["state"] in STATES
        assert isinstance(hop["evidence"], str)
        assert hop["evidence"]
        assert is_text_or_none(hop["cure"])
    assert set(data["persistent"]) == {"sysctl_conf", "pf_conf", "anchor_file", "daemon"}
    for state in data["persistent"].values():
        assert state in ("ok", "absent", "drifted", "disabled", "unknown")
    broken = [hop for hop in data["path"] if hop["state"] == "broken"]
    assert (data["ok"] is False) == bool(broken)


@pytest.mark.parametrize("scene", SCENES)
def test_status_keeps_its_contract_in_every_scene(new: New, scene: str) -> None:
    mac = new(scene)
    for _ in range(2):
        ran = run(mac, "net.status", "--json")
        check_status(ran.data)
        assert ran.code == (1 if ran.data["ok"] is False else 0)
        assert ran.err == ""
        run(mac, "net.setup", "--always")


def test_status_says_what_a_healthy_mac_is(new: New) -> None:
    data = run(new("healthy"), "net.status", "--json").data
    assert data["host"] == {"os": "macOS 26.1", "simulated": True}
    assert data["container"] == {"cli": "1.2.2", "service": "running"}
    assert (data["uplinks"]["needed"], data["uplinks"]["spare"]) == (["en0"], ["en1", "en5"])
    assert data["forwarding"] == 1
    subnet = {k: data["subnets"][0][k] for k in ("cidr", "mode", "gateway", "bridge")}
    assert subnet == {
        "cidr": "192.168.64.0/24",
        "mode": "nat",
        "gateway": "192.168.64.1",
        "bridge": "bridge100",
    }
    assert data["pf"]["rules"] == []
    assert "nat on en0 inet from 192.168.64.0/24 to any" in data["pf"]["vmnet_rules"][0]
    assert (data["pf"]["enabled"], data["pf"]["hook"], data["pf"]["token_held"]) == (
        True,
        True,
        False,
    )
    assert data["ok"] is True


@pytest.mark.parametrize("service", ["not running", "unregistered"])
def test_status_names_a_service_that_does_not_run(new: New, service: str) -> None:
    mac = new("idle")
    mac.service(service)
    data = run(mac, "net.status", "--json").data
    check_status(data)
    assert data["container"]["service"] == service
    assert data["path"][0]["state"] == "not running"


# -- the other objects


def test_plan_has_its_contract(new: New) -> None:
    data = run(new("broken"), "net.plan", "--json").data
    assert data["schema"] == 1
    assert [change["what"] for change in data["changes"]] == ["anchor", "pf", "forwarding"]
    for change in data["changes"]:
        assert {"what", "target", "diff"} <= set(change)
        assert all(isinstance(value, str) for value in change.values())
        assert change["diff"].splitlines()[0].startswith("--- ")
    assert "+nat on en0 inet from 192.168.64.0/24 to any -> (en0:0)" in data["changes"][0]["diff"]


def test_detect_and_verify_have_theirs(new: New) -> None:
    mac = new("broken")
    data = run(mac, "net.detect", "--json").data
    assert {"schema", "version", "host", "container", "uplinks", "subnets", "notes"} <= set(data)
    data = run(mac, "net.verify", "--json").data
    assert (data["schema"], data["ok"]) == (1, False)
    names = [check["check"] for check in data["checks"]]
    assert names == ["forwarding", "bridge", "translation", "image", "container"]
    for check in data["checks"]:
        assert check["state"] in STATES
        assert is_text_or_none(check["cure"])


TASKS = [
    ["net.detect"],
    ["net.render"],
    ["net.plan"],
    ["net.plan", "--persist"],
    ["net.plan", "--teardown"],
    ["net.setup"],
    ["net.setup"],
    ["net.status"],
    ["net.verify"],
    ["net.persist", "--no-daemon"],
    ["net.teardown"],
]


def test_json_is_one_object_and_nothing_else(new: New) -> None:
    mac = new("broken")
    for words in TASKS:
        ran = run(mac, *words, "--json")
        assert ran.code in (0, 1), ran
        found, end = json.JSONDecoder().raw_decode(ran.out)
        assert ran.out[end:] == "\n", words
        assert found["schema"] == 1
        assert found["version"] == __version__


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["net.setup", "--subnets", "x"], 2, "bad-input"),
        (["net.plan", "--persist", "--teardown"], 2, "bad-input"),
        (["net.status", "--lang", "fr"], 2, "bad-input"),
    ],
)
def test_an_error_is_an_object_too(new: New, words: List[str], code: int, kind: str) -> None:
    ran = run(new("broken"), *words, "--json")
    assert ran.code == code
    error = ran.data["error"]
    assert (ran.data["schema"], error["code"], error["kind"]) == (1, code, kind)
    assert error["message"]
    assert ran.err == ""


def test_what_is_missing_and_what_failed_have_their_codes(new: New) -> None:
    mac = new("broken")
    mac.refuse_sudo()
    ran = run(mac, "net.setup", "--json")
    assert (ran.code, ran.data["error"]["kind"]) == (3, "missing")
    mac.refuse_sudo(False)
    mac.fail("pfctl -E", err="pfctl: no")
    ran = run(mac, "net.setup", "--json")
    assert (ran.code, ran.data["error"]["kind"]) == (4, "change-failed")
    assert "pfctl: no" in ran.data["error"]["message"]


def test_an_error_of_ours_is_one_sentence_with_the_way_to_its_traceback(
    new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = new("broken")

    def broken(*_: object) -> None:
        raise RuntimeError("something\nodd")

    monkeypatch.setattr("container_net.status.look", broken)
    ran = run(mac, "net.status")
    assert ran.code == 70
    assert "RuntimeError: something odd" in ran.err
    assert "CONTAINER_NET_TRACEBACK=1" in ran.err
    assert len(ran.err.splitlines()) == 1
    ran = run(mac, "net.status", "--json")
    assert (ran.code, ran.data["error"]["code"]) == (70, 70)
    with pytest.raises(RuntimeError):
        run(mac, "net.status", CONTAINER_NET_TRACEBACK="1")


def test_an_error_of_ours_in_the_middle_of_a_change_is_walked_back(
    new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = new("broken")
    before = picture(mac)

    def broken(*_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr("container_net.parse.token", broken)
    ran = run(mac, "net.setup")
    assert ran.code == 70, ran
    monkeypatch.undo()
    assert changed(before, picture(mac)) == []
    assert run(mac, "net.setup").code == 0
    holds(mac)


# -- Invoke's own ways in


def test_net_alone_is_status(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net").out == run(mac, "net.status").out
    assert run(mac, "net", "--json").data == run(mac, "net.status", "--json").data


def test_dry_setup_behaves_as_plan(new: New) -> None:
    mac = new("broken")
    before = picture(mac)
    dry, plan = run(mac, "--dry", "net.setup", "--json"), run(mac, "net.plan", "--json")
    assert dry.code == 0
    assert dry.data == plan.data
    assert run(mac, "--dry", "net.setup").out.strip() == run(mac, "net.plan").out.strip()
    for words in (["net.persist"], ["net.teardown"]):
        assert run(mac, "--dry", *words).code == 0
    assert changed(before, picture(mac)) == []
    assert run(mac, "net.persist", "--no-daemon").code == 0
    before = picture(mac)
    assert run(mac, "--dry", "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


@pytest.mark.parametrize("flags", [["-e"], ["--pty"], ["-w"], ["--hide", "both"], ["-T", "1"]])
def test_invokes_own_flags_change_nothing_of_what_is_read(new: New, flags: List[str]) -> None:
    mac = new("broken")
    wanted = run(mac, "net.status", "--json").data
    ran = run(mac, *flags, "net.status", "--json")
    assert ran.data == wanted


def test_a_users_configuration_of_run_changes_nothing(new: New) -> None:
    mac = new("broken")
    wanted = run(mac, "net.status", "--json").data
    environ = {"INVOKE_RUN_ECHO": "1", "INVOKE_RUN_PTY": "1", "INVOKE_RUN_SHELL": "/bin/false"}
    environ["BASH_ENV"] = "/nonexistent"
    assert run(mac, "net.status", "--json", environ=environ).data == wanted


@pytest.mark.parametrize("words", [["net.nothing"], ["net.status", "--nothing"]])
def test_what_invoke_does_not_know_is_invokes_own_complaint(new: New, words: List[str]) -> None:
    ran = run(new("broken"), *words)
    assert ran.code == 1
    assert ran.out == ""


def test_every_option_has_a_help_and_every_task_a_line(new: New) -> None:
    mac = new("broken")
    listed = run(mac, "--list").out
    for name in ("detect", "render", "plan", "setup", "status", "verify", "teardown", "env"):
        row = next(line for line in listed.splitlines() if f"net.{name} " in line)
        assert len(row.split(f"net.{name}", 1)[1].strip(" ()")) > 20
        shown = run(mac, "--help", f"net.{name}")
        assert shown.code == 0
        assert "--json" in shown.out


@pytest.mark.parametrize("words", [("--lang", "ko"), ("--lang=ko",)])
def test_the_language_asked_for_is_that_of_the_help_too(new: New, words: Tuple[str, ...]) -> None:
    mac = new("broken")
    assert "다음 재부팅까지" in process(mac, "net.setup", *words, "--help").out
    assert "Get containers" in process(mac, "net.setup", "--help").out


def test_every_report_names_the_version_and_the_rehearsal(new: New) -> None:
    mac = new("broken")
    for task in ("net.detect", "net.plan", "net.status", "net.verify", "net.setup", "net.teardown"):
        out = run(mac, task).out
        assert out.startswith(f"container-net {__version__}"), task
        assert "simulated Mac" in out


def test_korean_says_the_same_in_korean(new: New) -> None:
    mac = new("broken")
    english, korean = run(mac, "net.status"), run(mac, "net.status", "--lang", "ko")
    assert re.search("[가-힣]", korean.out)
    assert not re.search("[가-힣]", english.out)
    assert len(korean.out.splitlines()) == len(english.out.splitlines())
    by_locale = run(mac, "net.status", LC_ALL="ko_KR.UTF-8")
    assert by_locale.out == korean.out
    data = run(mac, "net.status", "--lang", "ko", "--json").data
    check_status(data)


def test_what_a_change_costs_is_said_on_stderr_before_it_with_yes_and_json_too(new: New) -> None:
    for words in (["net.setup"], ["net.setup", "--yes"], ["net.setup", "--json"]):
        mac = new("broken")
        ran = run(mac, *words)
        assert "iCloud Private Relay" in ran.err, words
        assert "iCloud Private Relay" not in run(mac, *words).err, "nothing is changed any more"
    mac = new("broken")
    mac.fail("pfctl -E")
    assert "iCloud Private Relay" in run(mac, "net.setup").err


# -- real processes


def test_without_a_terminal_nothing_ever_asks(new: New) -> None:
    """A pipe that never says anything: a question would wait for it for ever."""
    mac = new("broken")
    reading, writing = os.pipe()
    try:
        ran = process(mac, "net.setup", stdin=reading, timeout=60)
    finally:
        os.close(reading)
        os.close(writing)
    assert ran.code == 0, ran
    assert "[y/N]" not in ran.out + ran.err
    holds(mac)
    mac.refuse_sudo()
    assert process(mac, "net.setup", timeout=60).code == 3
    assert not [argv for argv in asked(mac) if argv[1:] == ("-v",)]


@pytest.mark.parametrize("words", [["net.status"], ["net.setup"], ["net.status", "--json"]])
def test_a_pipe_closed_by_its_reader_ends_quietly(new: New, words: List[str]) -> None:
    mac = new("broken")
    started = start(mac, *words)
    assert started.stdout is not None
    assert started.stderr is not None
    # `| head -0`: the reader has gone before the first line.
    started.stdout.close()
    err = started.stderr.read()
    started.wait(60)
    assert "Traceback" not in err
    assert "Broken pipe" not in err
    assert "Exception ignored" not in err
    if words == ["net.setup"]:
        # Whoever does not read on has asked for it all the same: all or nothing.
        assert started.returncode == 0
        holds(mac)


def test_half_read_output_leaves_no_half_done_setup(new: New) -> None:
    mac = new("broken")
    before = picture(mac)
    started = start(mac, "net.setup")
    assert started.stdout is not None
    assert started.stderr is not None
    for line in started.stdout:
        if "✓" in line:
            break
    started.stdout.close()
    err = started.stderr.read()
    started.wait(60)
    assert "Traceback" not in err
    if started.returncode == 0:
        holds(mac)
    else:
        assert changed(before, picture(mac)) == []


def test_the_real_invoke_and_the_one_in_process_say_the_same(new: New) -> None:
    mac = new("broken")
    ran = process(mac, "net.status", "--json")
    assert (ran.code, ran.data) == (1, run(mac, "net.status", "--json").data)
    assert ran.err == ""


def test_mounted_in_another_repository(new: New, tmp_path: Path) -> None:
    mac = new("broken")
    (tmp_path / "tasks.py").write_text(
        "from invoke.collection import Collection\n"
        "from container_net import net\n"
        "ns = Collection(mine=net)\n"
    )
    (tmp_path / "invoke.yaml").write_text("net:\n  uplinks: [en0]\n")
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "mine.plan", "--json"],
        cwd=tmp_path,
        env=environment(mac, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    diff = json.loads(done.stdout)["changes"][0]["diff"]
    assert "nat on en0 " in diff
    assert "nat on en1 " not in diff


# -- a sysroot that a stranger made from docs/how-it-works.md: small sh scripts, a few files


PROGRAMS: Dict[str, str] = {
    "usr/bin/sudo": '[ "$1" = -n ] && shift\nexec "$@"',
    "usr/bin/true": "exit 0",
    "usr/bin/sw_vers": "echo 26.2",
    "sbin/route": (
        "printf '   route to: x\\ndestination: default\\n    gateway: 10.9.8.1\\n"
        "  interface: en3\\n      flags: <UP,GATEWAY>\\n'"
    ),
    "usr/sbin/networksetup": (
        "printf '\\nHardware Port: Wi-Fi\\nDevice: en3\\nEthernet Address: 02:00:00:00:00:01\\n"
        "\\nVLAN Configurations\\n===================\\n'"
    ),
    "sbin/ifconfig": (
        "printf 'lo0: flags=8049<UP,LOOPBACK> mtu 16384\\n\\tinet 127.0.0.1 netmask 0xff000000\\n"
        "en3: flags=8863<UP,BROADCAST> mtu 1500\\n"
        "\\tinet 10.9.8.7 netmask 0xffffff00 broadcast 10.9.8.255\\n"
        "bridge102: flags=8863<UP> mtu 1500\\n"
        "\\tinet 192.168.64.1 netmask 0xffffff00 broadcast 192.168.64.255\\n"
        "\\tmember: vmenet0 flags=3<LEARNING,DISCOVER>\\n'"
    ),
    "usr/sbin/sysctl": (
        "case $2 in\n"
        "kern.bootsessionuuid) echo 11111111-2222-3333-4444-555555555555 ;;\n"
        "net.inet.ip.forwarding) cat $D/forwarding ;;\n"
        "net.inet.ip.forwarding=*) echo ${2#*=} >$D/forwarding; echo done ;;\n"
        "esac"
    ),
    "usr/local/bin/container": (
        'case "$*" in\n'
        "--version) echo 'container CLI version 1.4.0' ;;\n"
        "'system status --format json') echo '{\"status\":\"running\"}' ;;\n"
        "'network list --format json') echo '[]' ;;\n"
        '\'ls --format json\') echo \'[{"id":"a","status":{"state":"running"}}]\' ;;\n'
        "'image inspect'*) echo 'Error: image not found' >&2; exit 1 ;;\n"
        "esac"
    ),
    "bin/launchctl": (
        'case "$1" in\n'
        "print) echo 'Could not find service \"x\" in domain for system' >&2; exit 113 ;;\n"
        "print-disabled) printf '\\tdisabled services = {\\n\\t}\\n' ;;\n"
        "esac"
    ),
    "sbin/pfctl": (
        'case "$*" in\n'
        "'-s info') echo Status: $(cat $D/pf) for 0 days ;;\n"
        "'-s References') if [ -s $D/token ]; then\n"
        "  echo TOKENS:; echo 'PID Process Name TOKEN TIMESTAMP'\n"
        '  echo "77 pfctl $(cat $D/token) 0 days 00:00:01"\n'
        "  else echo 'No pf starter references held'; fi ;;\n"
        "'-s nat') echo 'nat-anchor \"com.apple/*\" all' ;;\n"
        "'-s rules') ;;\n"
        "'-n -f -') cat >/dev/null ;;\n"
        "'-a com.apple/250.container-net -f -') grep -v '^set ' >$D/anchor ;;\n"
        "'-a com.apple/250.container-net -F all') : >$D/anchor ;;\n"
        "'-a com.apple/250.container-net -v -s nat') grep '^nat' $D/anchor ;;\n"
        "'-a com.apple/250.container-net -s rules') grep -v '^nat' $D/anchor ;;\n"
        "-a*) ;;\n"
        "-E) echo 4242 >$D/token; echo Enabled >$D/pf; echo 'Token : 4242' >&2 ;;\n"
        "'-X 4242') : >$D/token; echo Disabled >$D/pf ;;\n"
        "*) exit 1 ;;\n"
        "esac\nexit 0"
    ),
}
HOST = {
    "bin/cp": "cp",
    "usr/bin/tee": "tee",
    "bin/chmod": "chmod",
    "usr/sbin/chown": "chown",
    "bin/mv": "mv",
    "bin/rm": "rm",
    "bin/mkdir": "mkdir",
    "bin/rmdir": "rmdir",
    "bin/ln": "ln",
    "bin/cat": "cat",
    "bin/kill": "kill",
}


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder with the closed list's programs and nothing of ours in it."""
    root = tmp_path / "strange"
    notes = root / "notes"
    notes.mkdir(parents=True)
    for folder in ("private/etc/pf.anchors", "private/var/db", "private/var/run", "Library"):
        (root / folder).mkdir(parents=True)
    (root / "private/etc/pf.conf").write_text('nat-anchor "com.apple/*"\nanchor "com.apple/*"\n')
    for name, text in {"forwarding": "0", "pf": "Disabled", "token": "", "anchor": ""}.items():
        (notes / name).write_text(text + "\n" if text else "")
    path = "PATH=/usr/bin:/bin:/usr/sbin:/sbin"
    for name, body in {
        **PROGRAMS,
        **{name: f'exec {program} "$@"' for name, program in HOST.items()},
    }.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'#!/bin/sh\n{path}\nD={notes}\necho "$0 $*" >>$D/calls\n{body}\n')
        place.chmod(0o755)
    # What the tool knows a simulated Mac by, where it runs on a real one.
    (root / ".container-net-simulated").write_text("")
    return root


class Strange:
    """That folder, for the drivers."""

    def __init__(self, path: Path) -> None:
        self.path = path


def test_a_sysroot_made_by_a_stranger_serves_as_well(stranger: Path) -> None:
    mac: Any = Strange(stranger)
    notes = stranger / "notes"

    def everything() -> Dict[str, bytes]:
        return {
            str(p.relative_to(stranger)): p.read_bytes()
            for p in stranger.rglob("*")
            if p.is_file() and p.name != "calls"
        }

    before = everything()
    seen = process(mac, "net.status", "--json")
    check_status(seen.data)
    assert (seen.code, seen.first_broken) == (1, "forwarding")
    assert seen.data["host"]["os"] == "macOS 26.2"
    assert seen.data["subnets"][0]["bridge"] == "bridge102"
    done = process(mac, "net.setup")
    assert done.code == 0, done
    subnet = "192.168.64.0/24"
    assert (notes / "anchor").read_text().splitlines() == [
        *(f"nat on {u} inet from {subnet} to any -> ({u}:0) extfilter ei" for u in DEFAULT_UPLINKS),
        f"block drop in quick on ! lo0 inet from ! {subnet} to {subnet}",
        *(f"block drop in quick on {u} inet from {subnet} to any" for u in DEFAULT_UPLINKS),
    ]
    assert (notes / "forwarding").read_text() == "1\n"
    assert process(mac, "net.plan", "--json").changes == []
    seen = process(mac, "net.status", "--json")
    assert (seen.code, seen.data["ok"]) == (0, True)
    assert process(mac, "net.teardown").code == 0
    # The bridge is up: forwarding stays, and nothing else.
    left = {name for name, content in everything().items() if before.get(name) != content}
    assert left == {"notes/forwarding"}
    assert set(everything()) == set(before)
    # Nothing beyond the closed list was started, and each by its path in the folder.
    called = {line.split()[0] for line in (notes / "calls").read_text().splitlines()}
    assert called <= {str(stranger / name) for name in {**PROGRAMS, **HOST}}
