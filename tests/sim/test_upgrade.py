"""A Mac that version 0.1 set up: seen as ours, replaced without a gap, and given back whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from sim.support import (
    ANCHOR,
    ANCHOR_FILE,
    BOOT,
    STATE,
    SlowMac,
    anchor_rules,
    changed,
    dead_holder,
    picture,
    run,
    tokens,
)

from container_net.settings import DEFAULT_UPLINKS
from simmac import Mac

New = Callable[[str], Mac]
S = "192.168.64.0/24"
SCRIPT = "Library/PrivilegedHelperTools/local.container-net"
# What 0.1 loaded on a Mac with these ports.
OLD = [
    *(f"nat on {u} inet from {S} to any -> ({u}:0)" for u in ("en0", "en1", "en5")),
    *(f"block drop in quick on {u} inet from any to {S}" for u in ("en0", "en1", "en5")),
]


def old(mac: Mac, *, kept: bool) -> None:
    """Make of a Mac that this version set up what 0.1 would have left."""
    rules = "".join(f"{rule}\n" for rule in OLD)
    root = ["/usr/bin/sudo", "-n"]
    loaded = mac.answer([*root, "/sbin/pfctl", "-a", ANCHOR, "-f", "-"], rules.encode())
    assert loaded.code == 0
    assert anchor_rules(mac) == OLD
    state = mac.path / STATE[1:]
    data: Dict[str, Any] = json.loads(state.read_text())
    data.update(version="0.1.0")
    del data["fence"]
    if kept:
        persisted = {
            "sysctl_conf": "yes",
            "subnets": f"nat,{S},192.168.64.1",
            "origin": "network list",
            "uplinks": "",
            "guard": "yes",
            "pf_conf": "yes",
            "daemon": "yes",
        }
        data.update(persisted=persisted)
        (mac.path / ANCHOR_FILE[1:]).write_text(rules)
        boot = mac.path / BOOT[1:]
        boot.write_text(boot.read_text().replace("end\n", "echo 1234567890 512\nend\n"))
        # It loads its own rules at every run: once more after ours, and they would be gone.
        (mac.path / SCRIPT).write_text(
            f"#!/bin/sh\n'{mac.path}/sbin/pfctl' -a {ANCHOR} -f '{mac.path}{ANCHOR_FILE}'\n"
        )
    state.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def made(new: New, *, kept: bool, scene: str = "broken") -> Tuple[SlowMac, Dict[str, Any]]:
    """A Mac of 0.1, and what it was before anything of ours."""
    mac = SlowMac(new(scene).path)
    before = picture(mac)
    task = "net.persist" if kept else "net.setup"
    assert run(mac, task, "--always").code == 0
    old(mac, kept=kept)
    return mac, before


def given_back(before: Dict[str, Any], mac: Mac) -> List[str]:
    """What teardown leaves, but for forwarding while a bridge is up."""
    assert run(mac, "net.teardown").code == 0
    return [name for name in changed(before, picture(mac)) if "forwarding" not in name]


def everywhere(mac: Mac) -> bool:
    rules = anchor_rules(mac)
    return all(
        f"nat on {u} inet from {S} to any -> ({u}:0) extfilter ei" in rules for u in DEFAULT_UPLINKS
    )


@pytest.mark.parametrize("kept", [False, True])
def test_its_rules_are_seen_as_ours_and_work(new: New, kept: bool) -> None:
    mac, _before = made(new, kept=kept)
    seen = run(mac, "net.status", "--json")
    assert seen.code == 0, seen
    assert seen.hops["nat"] == "ok"
    assert seen.data["persistent"]["daemon"] == ("drifted" if kept else "absent")


def test_the_plan_shows_the_change_and_changes_nothing(new: New) -> None:
    mac, _before = made(new, kept=True)
    was = picture(mac)
    assert run(mac, "net.plan", "--persist", "--json").changes == [
        "anchor",
        "anchor_file",
        "script",
        "daemon",
    ]
    assert changed(was, picture(mac)) == []


@pytest.mark.parametrize(
    ("kept", "task"), [(False, "net.setup"), (True, "net.persist"), (True, "net.setup")]
)
def test_it_is_replaced_without_a_moment_in_which_containers_are_cut_off(
    new: New, kept: bool, task: str
) -> None:
    mac, before = made(new, kept=kept)
    had = tokens(mac)
    cut: List[str] = []

    def effect() -> None:
        if mac.egress() != "ok":
            cut.append(mac.egress())

    assert mac.egress() == "ok"
    mac.on_effect(effect)
    ran = run(mac, task)
    mac.on_effect(None)
    assert ran.code == 0, ran
    assert cut == []
    assert everywhere(mac)
    assert tokens(mac) == had, "the reference of before is kept"
    assert run(mac, "net.plan", *(["--persist"] if kept else []), "--json").changes == []
    assert given_back(before, mac) == []


def test_the_new_daemon_takes_over(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.persist", "--always").code == 0
    mac.settle()
    old(mac, kept=True)
    assert run(mac, "net.persist").code == 0
    mac.settle()
    mac.reboot()
    mac.settle()
    assert everywhere(mac)
    mac.service("running")
    mac.start_container()
    assert mac.egress() == "ok"
    assert run(mac, "net.status", "--json").data["persistent"]["daemon"] == "ok"


@pytest.mark.parametrize("kept", [False, True])
def test_teardown_of_this_version_takes_the_old_one_off_whole(new: New, kept: bool) -> None:
    mac, before = made(new, kept=kept)
    assert given_back(before, mac) == []


def test_a_crash_at_any_moment_of_the_upgrade_is_mended_by_the_next_run(
    new: New, tmp_path: Path
) -> None:
    mac, before = made(new, kept=True)
    snapshots: List[Path] = []
    mac.on_effect(lambda: snapshots.append(mac.snapshot(tmp_path / f"crash{len(snapshots)}").path))
    assert run(mac, "net.persist").code == 0
    mac.on_effect(None)
    assert len(snapshots) > 10
    for path in snapshots:
        crashed = SlowMac(path)
        dead_holder(crashed)
        assert len(tokens(crashed)) == 1
        again = SlowMac(crashed.snapshot(tmp_path / f"{path.name}again").path)
        assert run(again, "net.persist").code == 0
        assert again.egress() == "ok"
        assert everywhere(again)
        assert given_back(before, again) == []
        assert given_back(before, crashed) == []
