"""What was set up stays over reboots, networks, updates and Apple's own tools, and comes off whole.

Most tests here need no run of the boot script and use a Mac whose launchd is slow; the others run
the real script, as launchd does.
"""

from __future__ import annotations

import itertools
import os
import plistlib
import stat
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from invoke.runners import Result
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import (
    ANCHOR,
    ANCHOR_FILE,
    STATE,
    Ran,
    SlowMac,
    anchor_rules,
    asked,
    changed,
    files,
    loads,
    picture,
    run,
    tokens,
    twisted,
)

from simmac import Mac

pytestmark = pytest.mark.usefixtures("few_uplinks")
New = Callable[..., Mac]
PF_CONF = "private/etc/pf.conf"
SYSCTL_CONF = "private/etc/sysctl.conf"
SCRIPT = "Library/PrivilegedHelperTools/local.container-net"
PLIST = "Library/LaunchDaemons/local.container-net.plist"
LINE = f'load anchor "{ANCHOR}" from "/etc/pf.anchors/250.container-net"'
APPLES = 'load anchor "com.apple.container" from "/etc/pf.anchors/com.apple.container"'
OK = dict.fromkeys(("sysctl_conf", "pf_conf", "anchor_file", "daemon"), "ok")
TOUCHED = (PF_CONF, SYSCTL_CONF, SCRIPT, PLIST, ANCHOR_FILE[1:])


def slow(mac: Mac) -> SlowMac:
    return SlowMac(mac.path)


def quiet(new: New) -> SlowMac:
    """Everything can be put back here, forwarding too: no bridge is up."""
    mac = slow(new("idle"))
    mac.vmnet_nat(False)
    return mac


def persist(mac: Mac, *words: str) -> Ran:
    return run(mac, "net.persist", "--always", *words)


def kept(mac: Mac) -> Dict[str, str]:
    found: Dict[str, str] = run(mac, "net.status", "--json").data["persistent"]
    return found


def text(mac: Mac, path: str) -> str:
    return (mac.path / path).read_bytes().decode("latin-1")


def put(mac: Mac, path: str, content: str) -> None:
    (mac.path / path).write_bytes(content.encode("latin-1"))


def boots(mac: Mac) -> None:
    """pf takes the ruleset that a boot loads."""
    checked = mac.answer(["/sbin/pfctl", "-n", "-f", "/etc/pf.conf"])
    assert checked.code == 0, checked


# -- persisted, seen, taken off


def test_persist_makes_all_parts_and_teardown_leaves_no_trace(new: New) -> None:
    mac = quiet(new)
    before = picture(mac)
    planned = run(mac, "net.plan", "--persist", "--always", "--json")
    assert planned.changes == [
        "anchor",
        "pf",
        "forwarding",
        "anchor_file",
        "pf_conf",
        "sysctl_conf",
        "script",
        "plist",
        "daemon",
    ]
    diffs = {c["what"]: c["diff"] for c in planned.data["changes"]}
    assert f"+{LINE}" in diffs["pf_conf"]
    assert "+net.inet.ip.forwarding=1" in diffs["sysctl_conf"]
    assert changed(before, picture(mac)) == []
    assert set(kept(mac).values()) == {"absent"}

    ran = persist(mac)
    assert ran.code == 0, ran
    assert "background item, local.container-net" in ran.err
    assert kept(mac) == OK
    boots(mac)
    held, working = tokens(mac), files(mac)
    again = persist(mac)
    assert "Nothing to change." in again.out
    assert (tokens(mac), files(mac)) == (held, working)
    assert run(mac, "net.plan", "--json").changes == []

    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []
    assert run(mac, "net.teardown", "--json").changes == []


def test_modes_and_owners_are_roots_and_nobody_elses(new: New) -> None:
    mac = quiet(new)
    assert persist(mac).code == 0
    wanted = {
        SCRIPT: 0o755,
        PLIST: 0o644,
        SYSCTL_CONF: 0o644,
        PF_CONF: 0o644,
        ANCHOR_FILE[1:]: 0o644,
        "Library/PrivilegedHelperTools": 0o755,
        "private/var/db/container-net": 0o755,
        STATE[1:]: 0o644,
    }
    for path, mode in wanted.items():
        assert stat.S_IMODE((mac.path / path).stat().st_mode) == mode, path
        assert mac.state["owners"].get(f"/{path}", [0, 0]) == [0, 0], path
    job = plistlib.loads((mac.path / PLIST).read_bytes())
    assert job["ProgramArguments"] == [f"/{SCRIPT}"]
    assert job["RunAtLoad"] is True
    assert "EnvironmentVariables" not in job
    assert text(mac, SCRIPT).startswith("#!/bin/sh\n")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_users_file_keeps_its_mode_and_its_owner(new: New, mode: int) -> None:
    mac = quiet(new)
    put(mac, SYSCTL_CONF, "kern.maxfiles=65536\n")
    for path in (PF_CONF, SYSCTL_CONF):
        (mac.path / path).chmod(mode)
    before = picture(mac)
    assert persist(mac).code == 0
    for path in (PF_CONF, SYSCTL_CONF):
        assert stat.S_IMODE((mac.path / path).stat().st_mode) == mode
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_what_is_private_is_so_at_every_moment(new: New, mode: int) -> None:
    mac = quiet(new)
    secret = b"# a line for root's eyes\n"
    for path in (PF_CONF, SYSCTL_CONF):
        place = mac.path / path
        place.write_bytes(secret + (place.read_bytes() if place.exists() else b""))
        place.chmod(mode)
    before, wide = picture(mac), []

    def twist(argv: List[str], answer: Callable[[], Result]) -> Result:
        done = answer()
        for path, (kind, found, content) in files(mac).items():
            if kind == "file" and secret in content and found & ~mode:
                wide.append((argv, path, oct(found)))
        return done

    assert run(mac, "net.persist", "--always", runner=twisted(mac, twist)).code == 0
    assert (mac.path / "private/var/db/container-net/original/pf.conf").exists()
    assert run(mac, "net.teardown", runner=twisted(mac, twist)).code == 0
    assert wide == []
    assert changed(before, picture(mac)) == []


@pytest.mark.parametrize("path", [PF_CONF, SYSCTL_CONF])
def test_a_file_with_a_second_name_is_left_alone_and_the_rest_is_done(new: New, path: str) -> None:
    mac = quiet(new)
    place = mac.path / path
    place.touch()
    before = picture(mac)
    other = mac.path / "private/etc/another-name"
    os.link(place, other)
    ran = persist(mac)
    assert ran.code == 1, ran
    assert "has 2 hard links" in ran.out
    assert place.samefile(other)
    assert kept(mac)["daemon"] == "ok"
    other.unlink()
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


def test_copies_of_users_files_are_kept_until_teardown_is_done(new: New) -> None:
    mac = quiet(new)
    first = text(mac, PF_CONF)
    assert persist(mac).code == 0
    copy = mac.path / "private/var/db/container-net/original/pf.conf"
    assert copy.read_text() == first
    mac.dns_create("box")
    assert persist(mac).code == 0
    assert copy.read_text() == first, "the first one is the original"
    mac.dns_delete("box")
    assert run(mac, "net.teardown").code == 0
    assert not copy.parent.parent.exists()


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (("--no-pf-conf",), {"pf_conf", "anchor_file"}),
        (("--no-daemon",), {"daemon"}),
        (("--no-pf-conf", "--no-daemon"), {"pf_conf", "anchor_file", "daemon"}),
    ],
)
def test_a_part_can_be_left_out(new: New, words: Tuple[str, ...], absent: set[str]) -> None:
    mac = quiet(new)
    before = picture(mac)
    assert persist(mac, *words).code == 0
    assert {name for name, state in kept(mac).items() if state == "absent"} == absent
    assert {state for name, state in kept(mac).items() if name not in absent} == {"ok"}
    assert run(mac, "net.plan", "--persist", "--always", *words, "--json").changes == []
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


def test_what_vmnet_does_by_itself_is_not_persisted_unless_asked_for(new: New) -> None:
    mac = slow(new("healthy"))
    before = picture(mac)
    ran = run(mac, "net.persist")
    assert ran.code == 0
    assert "this Mac works" in ran.out
    assert "invoke net.persist --always" in ran.out
    assert changed(before, picture(mac)) == []
    assert persist(mac).code == 0
    seen = run(mac, "net.status", "--json")
    assert any("redundant" in note for note in seen.data["notes"])
    mac.reload_main()
    assert mac.egress() == "ok", "vmnet's call line is lost, ours is there"
    assert run(mac, "net.status", "--json").data["ok"] is True


def test_containers_come_and_go_without_a_load(new: New) -> None:
    mac = slow(new("healthy"))
    assert persist(mac).code == 0
    mac.forget_log()
    for number in range(10):
        mac.start_container(f"c{number}")
        mac.stop_container(f"c{number}")
    mac.stop_container()
    mac.start_container()
    assert mac.egress() == "ok"
    assert loads(mac) == 0
    assert run(mac, "net.plan", "--persist", "--always", "--json").changes == []


def test_vmnet_replaces_the_main_ruleset_and_ours_is_still_called(new: New) -> None:
    mac = slow(new("idle"))
    assert persist(mac).code == 0
    mac.start_container()
    assert run(mac, "net.status", "--json").data["pf"]["hook"] is True
    assert mac.egress() == "ok"


# -- drift, and what mends it


def _stock_pf_conf(mac: Mac) -> None:
    put(mac, PF_CONF, text(mac, PF_CONF).split("# >>>")[0])


def _no_anchor_file(mac: Mac) -> None:
    (mac.path / ANCHOR_FILE[1:]).unlink()


def _stale_anchor_file(mac: Mac) -> None:
    put(mac, ANCHOR_FILE[1:], "nat on en7 inet from 192.168.64.0/24 to any -> (en7:0)\n")


def _no_sysctl_block(mac: Mac) -> None:
    put(mac, SYSCTL_CONF, "")


def _edited_script(mac: Mac) -> None:
    put(mac, SCRIPT, text(mac, SCRIPT) + "# more\n")


def _no_plist(mac: Mac) -> None:
    (mac.path / PLIST).unlink()


def _not_loaded(mac: Mac) -> None:
    mac.answer(["/bin/launchctl", "bootout", "system/local.container-net"], root=True)


def _switched_off(mac: Mac) -> None:
    mac.answer(["/bin/launchctl", "disable", "system/local.container-net"], root=True)


def _new_network(mac: Mac) -> None:
    mac.add_network("blue", "192.168.70.0/24")


@pytest.mark.parametrize(
    ("event", "part", "state"),
    [
        (_stock_pf_conf, "pf_conf", "drifted"),
        (_no_anchor_file, "anchor_file", "drifted"),
        (_stale_anchor_file, "anchor_file", "drifted"),
        (_no_sysctl_block, "sysctl_conf", "drifted"),
        (_edited_script, "daemon", "drifted"),
        (_no_plist, "daemon", "drifted"),
        (_not_loaded, "daemon", "drifted"),
        (_switched_off, "daemon", "disabled"),
        (_new_network, "daemon", "drifted"),
    ],
)
def test_drift_is_seen_and_persist_mends_it_and_teardown_removes_it(
    new: New, event: Callable[[Mac], None], part: str, state: str
) -> None:
    mac = quiet(new)
    mac.start_container()
    assert persist(mac).code == 0
    before_event = mac.snapshot(mac.path.with_name("other"))
    event(mac)
    assert kept(mac)[part] == state
    shown = run(mac, "net.status").out
    assert "invoke net.persist" in shown
    assert persist(mac).code == 0
    assert kept(mac) == OK
    assert run(mac, "net.plan", "--persist", "--always", "--json").changes == []
    boots(mac)
    # And without mending: it all comes off.
    other = slow(before_event)
    event(other)
    assert run(other, "net.teardown").code == 0
    for path in (SCRIPT, PLIST, ANCHOR_FILE[1:], STATE[1:]):
        assert not (other.path / path).exists()
    assert "container-net" not in text(other, PF_CONF)
    assert other.state["jobs"] == {}
    boots(other)


def test_a_system_update_is_survived_and_mended(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    assert persist(mac).code == 0
    mac.system_update()
    mac.settle()
    mac.service("running")
    mac.start_container()
    assert mac.egress() == "ok", "the daemon does not need the file"
    assert len(tokens(mac)) == 1
    assert kept(mac)["pf_conf"] == "drifted"
    assert run(mac, "net.persist").code == 0
    assert kept(mac) == OK
    boots(mac)


# -- reboots and networks, with the real script


def test_the_rules_of_many_networks_are_loaded_once_a_boot(new: New) -> None:
    """pfctl reorders filter rules and folds six of a kind into a table unless told not to."""
    mac = new("idle")
    mac.vmnet_nat(False)
    for number in range(1, 7):
        mac.add_network(f"n{number}", f"192.168.{70 + number}.0/24")
    assert persist(mac).code == 0
    assert kept(mac) == OK
    mac.reboot()
    mac.settle()
    assert not any("<" in rule for rule in anchor_rules(mac))
    assert kept(mac) == OK
    had = loads(mac)
    mac.tick(60)
    mac.settle()
    assert loads(mac) == had


def test_it_works_after_each_reboot_with_one_token(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    before = picture(mac)
    assert persist(mac).code == 0
    for _ in range(2):
        mac.reboot()
        mac.settle()
        mac.service("running")
        assert mac.state["sysctl"]["net.inet.ip.forwarding"] == "1"
        assert len(tokens(mac)) == 1
        mac.start_container()
        assert mac.egress() == "ok"
        assert run(mac, "net.plan", "--persist", "--always", "--json").changes == []
        assert kept(mac) == OK
        mac.stop_container()
    assert run(mac, "net.teardown").code == 0
    left = [row for row in changed(before, picture(mac)) if "bootsessionuuid" not in row]
    assert left == []


def test_the_daemon_may_start_before_network_and_ruleset(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    assert persist(mac).code == 0
    mac.reboot(early=True)
    mac.settle()
    mac.tick(60)
    mac.settle()
    mac.service("running")
    mac.start_container()
    assert mac.egress() == "ok"
    assert kept(mac) == OK


def test_task_and_script_make_the_same_rules_wherever_the_mac_goes(new: New) -> None:
    """After each event the script's rules are those that setup wants: nothing is left to do."""
    mac = new("idle")
    mac.vmnet_nat(False)
    mac.add_network("private", "192.168.128.0/24", "hostOnly")
    mac.start_container()
    mac.start_container("inner", network="private")
    assert persist(mac).code == 0
    events: List[Tuple[str, Callable[[], object]]] = [
        ("dock", mac.dock),
        ("dock, same DNS", lambda: mac.dock(same_dns=True)),
        ("vpn", mac.vpn_on),
        ("vpn off", mac.vpn_off),
        ("split vpn", lambda: mac.vpn_on(full=False)),
        ("vpn without address", lambda: mac.vpn_on(address=None)),
        ("off again", mac.vpn_off),
        ("wifi", mac.wifi),
        ("host-only bridge gone", lambda: mac.stop_container("inner")),
        ("no network", mac.unplug),
        ("wifi again", lambda: mac.set_uplink("en0")),
    ]
    for name, event in events:
        event()
        mac.tick(60)
        mac.settle()
        left = run(mac, "net.plan", "--json")
        assert left.changes == [], (name, left.data)
        assert kept(mac)["anchor_file"] == "ok", name
        if name not in ("no network", "vpn without address"):
            assert mac.egress() == "ok", name
        assert len(tokens(mac)) == 1, name


def test_pf_disabled_by_another_program_is_enabled_again(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    assert persist(mac).code == 0
    mac.foreign_disable()
    assert tokens(mac) == []
    mac.tick(60)
    mac.settle()
    assert len(tokens(mac)) == 1
    assert run(mac, "net.plan", "--json").changes == []
    (mac.path / ANCHOR_FILE[1:]).unlink()
    mac.tick(60)
    mac.settle()
    boots(mac)
    assert kept(mac) == OK
    assert run(mac, "net.teardown").code == 0
    assert tokens(mac) == []


# -- Apple's own tools


@pytest.mark.parametrize("newline", [True, False])
@pytest.mark.parametrize(
    "order",
    [
        order
        for order in itertools.permutations(["persist", "create", "delete", "teardown"])
        if order.index("create") < order.index("delete")
        and order.index("persist") < order.index("teardown")
    ],
    ids="-".join,
)
def test_container_dns_and_we_leave_each_others_lines_alone(
    new: New, order: Tuple[str, ...], newline: bool
) -> None:
    mac = quiet(new)
    if not newline:
        mac.lenient_newline()
        put(mac, PF_CONF, text(mac, PF_CONF).rstrip("\n"))
    first = text(mac, PF_CONF)
    there = set()
    for step in order:
        if step == "persist":
            assert persist(mac).code == 0
            there.add(LINE)
        elif step == "teardown":
            assert run(mac, "net.teardown").code == 0
            there.discard(LINE)
        elif step == "create":
            assert mac.dns_create("box")
            there.add(
                'load anchor "com.apple.container" from "/etc/pf.anchors/com.apple.container"'
            )
        else:
            assert mac.dns_delete("box")
            there = {line for line in there if "com.apple.container" not in line}
        rows = text(mac, PF_CONF).splitlines()
        assert {row for row in rows if row.startswith("load anchor")} - {
            'load anchor "com.apple" from "/etc/pf.anchors/com.apple"'
        } == there, step
        ours = [row for row in rows if "container-net" in row]
        assert not [row for row in ours if "com.apple.container" in row]
        boots(mac)
    left = text(mac, PF_CONF)
    # Apple's own tool ends the last line; that newline is its own where it came first.
    assert left == first or (not newline and left == first + "\n")


def test_a_reload_by_apples_tool_brings_all_rules_back(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    mac.start_container()
    assert persist(mac).code == 0
    mac.vpn_on()
    mac.tick(60)
    mac.settle()
    assert mac.egress() == "ok"
    assert mac.dns_create("box")
    rule = "nat on utun4 inet from 192.168.64.0/24 to any -> (utun4:0) extfilter ei"
    assert rule in anchor_rules(mac)
    assert mac.egress() == "ok"


# -- users' own files


STOCK = "".join(
    f"{line}\n"
    for line in (
        'scrub-anchor "com.apple/*"',
        'nat-anchor "com.apple/*"',
        'rdr-anchor "com.apple/*"',
        'dummynet-anchor "com.apple/*"',
        'anchor "com.apple/*"',
        'load anchor "com.apple" from "/etc/pf.anchors/com.apple"',
    )
)
PF_CONFS = {
    "stock": STOCK,
    "no final newline": STOCK[:-1],
    "own rules": STOCK + "block in quick proto tcp to port 23\npass all\n",
    "macros and continued lines": 'ext = "en0"\n' + STOCK + "pass in on $ext \\\n  proto tcp\n",
    "comments behind": STOCK + "# the end, really\n\n\n",
}
WITHOUT_A_HOOK = {
    "no hook": 'scrub-anchor "com.apple/*"\nanchor "com.apple/*"\npass all\n',
    "empty": "",
    "blank lines only": "\n\n",
}


@pytest.mark.parametrize("name", PF_CONFS)
def test_a_users_pf_conf_is_kept_and_comes_back_byte_for_byte(new: New, name: str) -> None:
    mac = quiet(new)
    mac.lenient_newline()
    put(mac, PF_CONF, PF_CONFS[name])
    before = picture(mac)
    ran = persist(mac)
    assert ran.code == 0, ran
    rows = text(mac, PF_CONF).splitlines()
    assert [r for r in PF_CONFS[name].splitlines() if r not in rows] == []
    assert LINE in rows
    assert any(row.startswith('nat-anchor "com.apple/*"') for row in rows)
    assert text(mac, PF_CONF).endswith("\n")
    boots(mac)
    assert mac.load_pf_conf()
    mac.start_container()
    assert mac.egress() == "ok"
    mac.stop_container()
    mac.reload_main(STOCK)
    assert run(mac, "net.teardown").code == 0
    assert files(mac) == before["files"]


@pytest.mark.parametrize("name", WITHOUT_A_HOOK)
def test_a_pf_conf_without_apples_hook_is_left_alone_and_the_line_is_named(
    new: New, name: str
) -> None:
    mac = quiet(new)
    put(mac, PF_CONF, WITHOUT_A_HOOK[name])
    before = files(mac)
    ran = persist(mac)
    assert ran.code == 1
    assert 'put nat-anchor "com.apple/*" before its first nat, rdr or anchor line' in ran.out
    assert text(mac, PF_CONF) == WITHOUT_A_HOOK[name]
    # The rest is in force: the daemon loads the rules.
    mac.start_container()
    assert mac.egress() == "ok"
    mac.stop_container()
    assert run(mac, "net.teardown").code == 0
    assert files(mac) == before


SYSCTL_CONFS = {
    "absent": None,
    "empty": "",
    "other names": "kern.maxfiles=65536\n# mine\n",
    "no final newline": "kern.maxfiles=65536",
    "CRLF": "kern.maxfiles=65536\r\n",
    "the same name": "net.inet.ip.forwarding=0\n",
}


@pytest.mark.parametrize("name", SYSCTL_CONFS)
def test_a_users_sysctl_conf_is_kept_and_comes_back_byte_for_byte(new: New, name: str) -> None:
    mac = quiet(new)
    content = SYSCTL_CONFS[name]
    if content is not None:
        put(mac, SYSCTL_CONF, content)
    before = picture(mac)
    assert persist(mac).code == 0
    rows = text(mac, SYSCTL_CONF).splitlines()
    assert rows[-2:] == ["net.inet.ip.forwarding=1", "# <<< container-net: forwarding <<<"]
    assert [r for r in (content or "").splitlines() if r not in rows] == []
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


def test_another_line_with_the_same_name_is_said(new: New) -> None:
    mac = quiet(new)
    put(mac, SYSCTL_CONF, "kern.x=1\nnet.inet.ip.forwarding=0\n")
    ran = persist(mac)
    assert ran.code == 0
    assert "net.inet.ip.forwarding=0" in ran.out


def test_a_pf_conf_that_did_not_parse_is_shown_and_left_alone(new: New) -> None:
    mac = quiet(new)
    put(mac, PF_CONF, STOCK + "frobnicate all\n")
    first = text(mac, PF_CONF)
    ran = persist(mac)
    assert ran.code == 1, ran
    assert "/etc/pf.conf:7: syntax error" in ran.out.replace("/private", "")
    assert text(mac, PF_CONF) == first
    states = kept(mac)
    assert states["daemon"] == "ok", "the rest is done"
    assert (states["pf_conf"], states["anchor_file"]) == ("absent", "absent"), "and no file for it"
    assert run(mac, "net.teardown").code == 0
    assert text(mac, PF_CONF) == first


@pytest.mark.parametrize("path", [PF_CONF, SYSCTL_CONF])
def test_a_link_that_another_tool_keeps_is_left_alone_and_said(new: New, path: str) -> None:
    mac = quiet(new)
    place, store = mac.path / path, mac.path / "Users/dev/store"
    store.write_text(place.read_text() if place.exists() else "kern.x=1\n")
    place.unlink(missing_ok=True)
    place.symlink_to(store)
    before = files(mac)
    ran = persist(mac)
    assert ran.code == 1, ran
    assert "symbolic link" in ran.out
    assert place.is_symlink()
    assert store.read_bytes() == before[f"/{store.relative_to(mac.path)}"][2]
    assert run(mac, "net.teardown").code == 0
    assert files(mac) == before


def damage(mac: Mac, path: str, how: str) -> str:
    """Somebody edits inside our block; the line of theirs that must never be lost."""
    rows = text(mac, path).splitlines(keepends=True)
    start = next(n for n, row in enumerate(rows) if ">>> container-net" in row)
    end = next(n for n, row in enumerate(rows) if "<<< container-net" in row)
    theirs = "# a line of theirs\n"
    if how == "a line inside":
        rows.insert(start + 1, theirs)
    elif how == "duplicated":
        rows += rows[start : end + 1]
    elif how == "first marker gone":
        del rows[start]
    elif how == "last marker gone":
        del rows[end]
    elif how == "indented":
        rows[start : end + 1] = ["    " + row for row in rows[start : end + 1]]
    elif how == "line changed":
        rows[start + 1] = "# was here\n"
    if how != "a line inside":
        rows.append(theirs)
    put(mac, path, "".join(rows))
    return theirs


@pytest.mark.parametrize(
    "how",
    [
        "a line inside",
        "duplicated",
        "first marker gone",
        "last marker gone",
        "indented",
        "line changed",
    ],
)
@pytest.mark.parametrize("path", [PF_CONF, SYSCTL_CONF])
def test_an_edited_block_is_repaired_or_told_and_no_foreign_line_is_lost(
    new: New, path: str, how: str
) -> None:
    mac = quiet(new)
    assert persist(mac).code == 0
    theirs = damage(mac, path, how)
    other = slow(mac.snapshot(mac.path.with_name("other")))
    ran = persist(mac)
    assert theirs in text(mac, path)
    boots(mac)
    if ran.code == 0:
        assert kept(mac) == OK
        ours = [r for r in text(mac, path).splitlines() if ">>> container-net" in r]
        assert len(ours) == 1
    else:
        assert ran.code == 1, ran
        assert path.rsplit("/", 1)[1] in ran.out
    ran = run(other, "net.teardown")
    assert ran.code in (0, 1, 4), ran
    assert theirs in text(other, path)
    boots(other)
    if LINE in text(other, path):
        assert (other.path / ANCHOR_FILE[1:]).exists()
        assert path.rsplit("/", 1)[1] in ran.out + ran.err


# -- what root runs, nobody else can write


@pytest.mark.parametrize("place", ["Library/LaunchDaemons", "Library", "Library/X"])
def test_a_folder_that_others_can_write_stops_before_launchd_is_asked(new: New, place: str) -> None:
    mac = quiet(new)
    if place.endswith("X"):
        place = "Library/PrivilegedHelperTools"
        (mac.path / place).mkdir()
    (mac.path / place).chmod(0o775)
    before = picture(mac)
    ran = persist(mac)
    assert ran.code in (3, 4), ran
    assert place in ran.err
    assert not [argv for argv in asked(mac) if argv[:2] == ("/bin/launchctl", "bootstrap")]
    assert changed(before, picture(mac)) == []


def test_a_folder_that_was_there_stays_with_what_is_in_it(new: New) -> None:
    mac = quiet(new)
    folder = mac.path / "Library/PrivilegedHelperTools"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    before = picture(mac)
    assert persist(mac).code == 0
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []
    # One that we made stays where another program has moved in.
    folder.rmdir()
    assert persist(mac).code == 0
    (folder / "com.example.helper").write_text("")
    assert run(mac, "net.teardown").code == 0
    assert [p.name for p in folder.iterdir()] == ["com.example.helper"]


@pytest.mark.parametrize("code", [5, 37])
def test_launchd_is_asked_again_while_the_old_job_goes_down(
    new: New, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = quiet(new)
    monkeypatch.setattr("container_net.apply.time.sleep", lambda _seconds: None)
    mac.fail("launchctl bootstrap", code=code, err=f"Bootstrap failed: {code}: x", nth=1)
    assert persist(mac).code == 0
    assert kept(mac) == OK


@pytest.mark.parametrize("code", [3, 36, 113])
def test_a_job_that_is_not_there_need_not_be_booted_out(new: New, code: int) -> None:
    mac = quiet(new)
    mac.fail("launchctl bootout", code=code, err="Boot-out failed", nth=1)
    assert persist(mac).code == 0
    assert kept(mac) == OK


def test_enable_is_asked_only_where_the_job_is_switched_off(new: New) -> None:
    mac = quiet(new)
    assert persist(mac).code == 0
    assert not [a for a in asked(mac) if a[:2] == ("/bin/launchctl", "enable")]
    _switched_off(mac)
    assert persist(mac).code == 0
    assert kept(mac)["daemon"] == "ok"


def test_the_script_is_bound_to_its_own_folder(new: New) -> None:
    mac = quiet(new)
    assert persist(mac).code == 0
    script = text(mac, SCRIPT)
    assert f"R='{mac.path}'" in script
    rendered: Dict[str, Any] = run(mac, "net.render", "--json").data["files"]
    assert rendered["local.container-net.plist"] == text(mac, PLIST)
    written = {p for p in asked(mac) if p[0] == "/usr/bin/tee"}
    assert all(word.startswith("/private/") or word.startswith("/Library/") for _, word in written)
    assert not list(Path("/Library").glob("*/local.container-net*"))
