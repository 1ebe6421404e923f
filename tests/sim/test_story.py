"""The main job on a simulated Mac: broken, planned, set up, working, seen, taken back."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

import pytest
from invoke.runners import Result
from sim.support import (
    ANCHOR,
    LOCK,
    anchor_rules,
    asked,
    changed,
    files,
    holds,
    loads,
    picture,
    run,
    tokens,
    twisted,
)

from container_net.machine import Machine
from container_net.settings import DEFAULT_UPLINKS
from simmac import Mac
from simmac.builder import SCENES

New = Callable[..., Mac]


def nat(*uplinks: str, subnet: str = "192.168.64.0/24") -> List[str]:
    return [f"nat on {u} inet from {subnet} to any -> ({u}:0) extfilter ei" for u in uplinks]


EVERYWHERE = nat(*DEFAULT_UPLINKS)


def nat_of(mac: Mac) -> List[str]:
    return [rule for rule in anchor_rules(mac) if rule.startswith("nat ")]


# -- from broken to working and back


def test_the_story_from_broken_to_working_and_back(new: New) -> None:
    mac = new("broken")
    before = picture(mac)
    assert mac.egress() == "forwarding is 0"

    seen = run(mac, "net.status", "--json")
    assert (seen.code, seen.data["ok"], seen.first_broken) == (1, False, "forwarding")
    assert run(mac, "net.verify").code == 1

    planned = run(mac, "net.plan", "--json")
    assert (planned.code, planned.changes) == (0, ["anchor", "pf", "forwarding"])
    assert changed(before, picture(mac)) == []

    assert run(mac, "net.setup").code == 0
    assert mac.egress() == "ok"
    verified = run(mac, "net.verify", "--json")
    assert (verified.code, verified.data["ok"]) == (0, True)
    fetched = next(c for c in verified.data["checks"] if c["check"] == "container")
    assert "404" in fetched["evidence"]
    seen = run(mac, "net.status", "--json")
    assert (seen.code, seen.data["ok"]) == (0, True)
    holds(mac)

    held, working = tokens(mac), picture(mac)
    assert loads(mac) == 1
    mac.forget_log()
    again = run(mac, "net.setup")
    assert again.code == 0
    assert "Nothing to change." in again.out
    assert (tokens(mac), loads(mac)) == (held, 0)
    assert changed(working, picture(mac)) == []
    assert not {argv[0] for argv in asked(mac)} & {"/usr/bin/tee", "/bin/mv", "/bin/ln"}

    assert run(mac, "net.teardown").code == 0
    # What cannot come back is forwarding, while a NAT bridge is up (docs/decisions.md, promise 3).
    left = changed(before, picture(mac))
    assert left == ["sysctl net.inet.ip.forwarding: 0 -> 1"]
    assert run(mac, "net.teardown", "--json").changes == []


def test_teardown_says_why_forwarding_stays_and_gives_it_back_without_a_bridge(new: New) -> None:
    mac = new("broken")
    before = picture(mac)
    assert run(mac, "net.setup").code == 0
    planned = run(mac, "net.plan", "--teardown", "--json")
    assert len(planned.data["remains"]) == 1
    assert "IP forwarding, because a container network is up" in planned.data["remains"][0]
    mac.stop_container()
    assert run(mac, "net.plan", "--teardown", "--json").data["remains"] == []
    assert run(mac, "net.teardown").code == 0
    assert mac.state["sysctl"]["net.inet.ip.forwarding"] == "0"
    mac.start_container()
    assert changed(before, picture(mac)) == []


def test_an_emptied_anchor_that_pf_keeps_is_no_change_left(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    before = picture(mac)
    mac.keep_empty(ANCHOR)
    assert run(mac, "net.setup").code == 0
    assert run(mac, "net.teardown").code == 0
    # pf keeps it until the next boot (docs/decisions.md, promise 3).
    left = changed(before, picture(mac))
    assert [row for row in left if ANCHOR not in row] == []
    assert anchor_rules(mac) == []
    assert run(mac, "net.plan", "--teardown", "--json").changes == []


def test_every_change_is_journalled_before_it_is_made(new: New) -> None:
    mac = new("broken")
    seen: List[str] = []

    def look() -> None:
        boot = mac.path / "private/var/db/container-net/boot"
        text = boot.read_text() if boot.exists() else ""
        state = mac.state
        if state["pf"]["tokens"]:
            seen.append("token")
            assert "journal enable" in text or "token " in text
        if state["sysctl"]["net.inet.ip.forwarding"] == "1":
            seen.append("forwarding")
            assert "forwarding 0" in text
        if ANCHOR in state["pf"]["anchors"]:
            seen.append("anchor")
            assert (mac.path / "private/var/db/container-net/state.json").exists()

    mac.on_effect(look)
    assert run(mac, "net.setup").code == 0
    assert {"token", "forwarding", "anchor"} <= set(seen)


def test_sudo_is_asked_once_at_most_and_never_for_a_password(new: New) -> None:
    mac = new("broken")
    asked: List[List[str]] = []
    runner = mac.runner()

    class Listening(runner):  # type: ignore[misc,valid-type]
        """Notes what sudo is started with."""

        def run(self, command: str, **kwargs: object) -> object:
            words = command.split()
            if words[0].endswith("/usr/bin/sudo"):
                asked.append(words[1:2])
            return super().run(command, **kwargs)

    for task in ("net.setup", "net.setup", "net.status", "net.teardown"):
        assert run(mac, task, runner=Listening).code == 0
    assert asked
    assert all(words == ["-n"] for words in asked)


# -- scenes


OUTCOMES: Dict[str, Dict[str, object]] = {
    # exit code and first broken hop of status; whether setup changes something; egress after it
    "broken": {"status": (1, "forwarding"), "changes": True, "egress": "ok"},
    "healthy": {"status": (0, None), "changes": False, "egress": "ok"},
    "idle": {"status": (0, None), "changes": False, "egress": "no bridge"},
    "bare": {"status": (0, None), "changes": True, "egress": "no bridge"},
    "vpn": {"status": (1, "nat"), "changes": True, "egress": "ok"},
    "two-networks": {"status": (0, None), "changes": False, "egress": "ok"},
}


@pytest.mark.parametrize("scene", SCENES)
def test_each_scene_is_seen_set_up_and_restored(new: New, scene: str) -> None:
    wanted = OUTCOMES[scene]
    mac = new(scene)
    # vmnet sets forwarding with its first container, and the check runs one.
    run(mac, "net.verify")
    before = picture(mac)
    seen = run(mac, "net.status", "--json")
    assert (seen.code, seen.first_broken) == wanted["status"]
    assert changed(before, picture(mac)) == []
    for task in ("net.detect", "net.render", "net.plan", "net.verify"):
        ran = run(mac, task)
        assert ran.code in (0, 1, 3), ran
        assert changed(before, picture(mac)) == [], task

    # Without container nothing can be measured: such a Mac is set up on an order only.
    order = ["--always"] if scene == "bare" else []
    ran = run(mac, "net.setup", "--json", *order)
    assert ran.code == 0, ran
    assert bool(ran.changes) == wanted["changes"]
    assert run(mac, "net.plan", "--json").changes == []
    assert mac.egress() == wanted["egress"]
    if not wanted["changes"]:
        assert changed(before, picture(mac)) == []
    seen = run(mac, "net.status", "--json")
    assert seen.first_broken is None, seen

    assert run(mac, "net.teardown").code == 0
    allowed = ["sysctl net.inet.ip.forwarding: 0 -> 1"] if scene == "broken" else []
    assert changed(before, picture(mac)) == allowed


@pytest.mark.parametrize("scene", ["healthy", "two-networks", "idle"])
def test_a_mac_that_works_is_left_alone_and_told_so(new: New, scene: str) -> None:
    mac = new(scene)
    ran = run(mac, "net.setup")
    assert ran.code == 0
    assert "this Mac works" in ran.out
    assert "invoke net.setup --always" in ran.out
    assert loads(mac) == 0
    assert anchor_rules(mac) == []
    assert not (mac.path / "private/var/db/container-net").exists()


def test_always_loads_ours_beside_vmnets_and_status_calls_it_redundant(new: New) -> None:
    mac = new("healthy")
    before = picture(mac)
    assert run(mac, "net.setup", "--always").code == 0
    assert nat_of(mac) == EVERYWHERE
    assert mac.egress() == "ok"
    seen = run(mac, "net.status", "--json")
    assert (seen.code, seen.data["ok"]) == (0, True)
    assert any("redundant" in note for note in seen.data["notes"])
    # Forwarding is vmnet's: then nothing is guarded.
    assert [r for r in anchor_rules(mac) if not r.startswith("nat ")] == []
    # Once loaded it stays, without --always.
    assert run(mac, "net.plan", "--json").changes == []
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == []


def test_the_container_check_decides_while_no_bridge_is_up(new: New) -> None:
    works, broken = new("idle"), new("idle")
    broken.vmnet_nat(False)
    ran = run(works, "net.setup")
    assert "this Mac works" in ran.out
    assert "HTTP status 404" in ran.out
    ran = run(broken, "net.setup", "--json")
    assert ran.changes == ["anchor", "pf", "forwarding"]


def _no_image(mac: Mac) -> None:
    mac.remove_image("nanoclaw-agent:latest")
    mac.remove_image("docker.io/curlimages/curl:latest")


def _never_started(mac: Mac) -> None:
    mac.service("unregistered")


@pytest.mark.parametrize("task", ["net.setup", "net.persist", "net.plan"])
@pytest.mark.parametrize(
    ("scene", "happen", "why", "cure"),
    [
        ("idle", _no_image, "no image on this Mac to measure with", "--pull"),
        ("idle", _never_started, "container's service: unregistered", "ontainer system start"),
        ("bare", lambda _mac: None, "container is not installed", "nstall it from github.com"),
    ],
    ids=["no image", "service never started", "not installed"],
)
def test_nothing_is_changed_without_evidence(  # noqa: PLR0917
    new: New, scene: str, happen: Callable[[Mac], None], why: str, cure: str, task: str
) -> None:
    mac = new(scene)
    happen(mac)
    before = picture(mac)
    ran = run(mac, task, *([] if task == "net.plan" else ["--yes"]))
    assert ran.code == 3, ran
    for part in ("nothing was changed", why, cure, "--always"):
        assert part in ran.err
    assert changed(before, picture(mac)) == []
    # An order is as good as evidence.
    assert run(mac, "net.setup", "--always").code == 0
    assert nat_of(mac)


def test_a_fence_that_is_asked_for_needs_no_evidence(new: New) -> None:
    mac = new("idle")
    _no_image(mac)
    ran = run(mac, "net.setup", "--fence")
    assert ran.code == 0, ran
    assert "not measured" in ran.out
    assert not nat_of(mac)
    assert anchor_rules(mac)


def test_what_cannot_be_read_is_no_evidence(new: New) -> None:
    mac = new("healthy")
    mac.reload_main()

    def twist(argv: List[str], _answer: Callable[[], Result]) -> Optional[Result]:
        # Another anchor may translate; the tree that would say so is not readable.
        return Result("what?", exited=1) if argv == ["/sbin/pfctl", "-v", "-s", "Anchors"] else None

    before = picture(mac)
    ran = run(mac, "net.setup", runner=twisted(mac, twist))
    assert ran.code == 3, ran
    assert "nothing was changed: cannot read: sudo /sbin/pfctl -v -s Anchors" in ran.err
    assert changed(before, picture(mac)) == []
    assert run(mac, "net.setup").code == 0
    assert mac.egress() == "ok"


# -- what counts as covered


def test_a_reload_of_the_main_ruleset_does_not_read_as_covered(new: New) -> None:
    mac = new("healthy")
    mac.reload_main()
    assert mac.egress() == "not translated"
    seen = run(mac, "net.status", "--json")
    assert (seen.code, seen.first_broken) == (1, "nat")
    assert seen.data["pf"]["vmnet_rules"], "vmnet's own rules are still there"
    assert "F01" in seen.out
    assert run(mac, "net.setup", "--json").changes == ["anchor", "pf"]
    assert mac.egress() == "ok"
    holds(mac)


def test_a_vpn_loses_vmnets_rule_and_setup_serves_every_way_out(new: New) -> None:
    mac = new("vpn")
    assert mac.egress() == "not translated"
    assert run(mac, "net.setup").code == 0
    assert nat_of(mac) == EVERYWHERE
    for event in (None, mac.vpn_off, mac.dock, mac.wifi, lambda: mac.vpn_on(full=False)):
        if event is not None:
            event()
        assert mac.egress() == "ok", event
    seen = run(mac, "net.status", "--json")
    assert seen.first_broken is None


def test_a_split_vpn_has_two_ways_out_which_is_said(new: New) -> None:
    mac = new("broken")
    mac.vpn_on(full=False)
    found = run(mac, "net.detect", "--json")
    assert found.data["uplinks"]["needed"] == ["en0", "utun4"]
    assert any("split VPN" in note for note in found.data["notes"])
    assert run(mac, "net.setup").code == 0
    assert nat_of(mac) == EVERYWHERE
    assert mac.egress() == "ok"


def test_a_vpn_without_an_address_breaks_the_way_at_the_uplink(new: New) -> None:
    mac = new("broken")
    mac.vpn_on(address=None)
    assert run(mac, "net.setup").code == 0
    seen = run(mac, "net.status", "--json")
    assert seen.code == 1
    assert seen.hops["uplink"] == "broken"
    assert "utun4 has no IPv4 address" in run(mac, "net.status").out


def test_no_way_out_of_the_mac_itself(new: New) -> None:
    mac = new("broken")
    mac.unplug()
    seen = run(mac, "net.status", "--json")
    assert seen.hops["uplink"] == "broken"
    assert seen.data["uplinks"]["needed"] == []
    assert run(mac, "net.setup").code == 0
    mac.set_uplink("en0")
    assert mac.egress() == "ok"


def test_the_dock_is_served_before_it_is_plugged_in(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    mac.dock()
    assert mac.egress() == "ok"
    assert mac.trace().uplink == "en5"
    assert run(mac, "net.plan", "--json").changes == []


# -- the hook, pf, and others in pf


def test_without_the_hook_setup_stops_and_explains(new: New) -> None:
    mac = new("healthy")
    assert mac.reload_main("pass all\n")
    before = picture(mac)
    for task in ("net.plan", "net.setup", "net.persist"):
        ran = run(mac, task)
        assert ran.code == 3, ran
        assert 'nat-anchor "com.apple/*"' in ran.err
        assert "sudo pfctl -f /etc/pf.conf" in ran.err
        assert len(ran.err.splitlines()) == 1
        assert changed(before, picture(mac)) == []


def test_tokens_of_others_stay_and_ours_is_one(new: New) -> None:
    mac = new("broken")
    foreign = mac.foreign_enable()
    before = picture(mac)
    assert run(mac, "net.setup").code == 0
    assert len(tokens(mac)) == 1
    mac.foreign_release(foreign)
    assert mac.egress() == "ok", "our own reference keeps pf on"
    assert run(mac, "net.teardown").code == 0
    assert not mac.state["pf"]["enabled"]
    assert len(changed(before, picture(mac))) > 1


def test_a_disabled_pf_gets_a_new_token_and_the_dead_one_is_forgotten(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    first = tokens(mac)
    mac.foreign_disable()
    assert run(mac, "net.status", "--json").first_broken == "nat"
    assert run(mac, "net.setup", "--json").changes == ["pf"]
    assert tokens(mac) != first
    holds(mac)


def test_a_number_that_is_handed_out_again_is_not_ours(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    mac.foreign_disable()
    mac.tokens_come_back()
    # Another pfctl gets our dead number, with a PID of its own.
    again = mac.foreign_enable("pfctl")
    assert run(mac, "net.status", "--json").data["pf"]["token_held"] is False
    assert run(mac, "net.teardown").code == 0
    assert tokens(mac) == [again], "what is not provably ours is left"


def test_a_reboot_voids_the_token_and_forwarding_of_before(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    mac.reboot()
    mac.service("running")
    mac.vmnet_nat(True)
    found = run(mac, "net.status", "--json")
    assert found.data["pf"]["token_held"] is False
    mac.vmnet_nat(False)
    mac.start_container()
    assert run(mac, "net.setup").code == 0
    holds(mac)


# -- one condition broken at a time


def _no_forwarding(mac: Mac) -> None:
    mac.answer(["/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=0"], root=True)


def _no_rule(mac: Mac) -> None:
    mac.answer(["/sbin/pfctl", "-a", ANCHOR, "-F", "all"], root=True)


def _no_hook(mac: Mac) -> None:
    assert mac.reload_main('scrub-anchor "com.apple/*"\nanchor "com.apple/*"\n')


def _no_pf(mac: Mac) -> None:
    mac.foreign_disable()


def _other_uplink(mac: Mac) -> None:
    mac.add_interface("en40", "10.77.0.5", gateway="10.77.0.1", dns="10.77.0.1")
    mac.set_uplink("en40")


def _no_uplink(mac: Mac) -> None:
    mac.unplug()


@pytest.mark.parametrize(
    ("breaking", "hop", "egress"),
    [
        (_no_forwarding, "forwarding", "forwarding is 0"),
        (_no_rule, "nat", "not translated"),
        (_no_hook, "nat", "not translated"),
        (_no_pf, "nat", "not translated"),
        (_other_uplink, "nat", "not translated"),
        (_no_uplink, "uplink", "no route"),
    ],
)
def test_each_condition_alone_breaks_the_way_and_status_marks_exactly_that_hop(
    new: New, breaking: Callable[[Mac], None], hop: str, egress: str
) -> None:
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    assert mac.egress() == "ok"
    breaking(mac)
    assert mac.egress() == egress
    seen = run(mac, "net.status", "--json")
    assert seen.code == 1
    assert [name for name, state in seen.hops.items() if state == "broken"] == [hop]
    marked = [row for row in run(mac, "net.status").out.splitlines() if "◀" in row]
    assert len(marked) == 1
    assert run(mac, "net.verify").code == 1
    if hop == "uplink" or breaking is _no_hook:
        return
    assert run(mac, "net.setup").code == 0
    holds(mac)


# -- the guard


def test_neighbours_stay_out_only_where_we_set_forwarding(new: New) -> None:
    ours, vmnets, bare = new("broken"), new("healthy"), new("broken")
    assert run(ours, "net.setup").code == 0
    subnet = "192.168.64.0/24"
    assert (
        ours.neighbour()
        == f"blocked: block drop in quick on ! lo0 inet from ! {subnet} to {subnet}"
    )
    # Nobody passes for a container either, from the LAN or from a VPN.
    ours.vpn_on()
    for uplink in ("en0", "utun4"):
        said = ours.reaches("192.168.64.9", "1.1.1.1", via=uplink)
        assert said == f"blocked: block drop in quick on {uplink} inet from {subnet} to any"
    assert run(vmnets, "net.setup", "--always").code == 0
    assert vmnets.neighbour() == "ok", "as it was before us"
    assert run(bare, "net.setup", "--no-guard").code == 0
    assert bare.neighbour() == "ok"
    assert bare.egress() == "ok"


def test_the_guard_can_be_a_setting(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup", INVOKE_NET_GUARD="no").code == 0
    assert [r for r in anchor_rules(mac) if r.startswith("block")] == []


def test_a_host_only_network_stays_inside_where_we_set_forwarding(new: New) -> None:
    mac = new("idle")
    mac.vmnet_nat(False)
    mac.add_network("private", "192.168.128.0/24", "hostOnly")
    mac.start_container()
    mac.start_container("inner", network="private")
    assert run(mac, "net.setup").code == 0
    assert mac.egress() == "ok"
    assert mac.egress("192.168.128.0/24") == (
        "blocked: block drop in quick on ! lo0 inet from 192.168.128.0/24 to ! 192.168.128.0/24"
    )
    assert mac.reaches("192.168.128.0/24", "192.168.128.1", 53, "udp") == "ok"
    assert mac.reaches("192.168.1.1", "192.168.128.0/24").startswith("blocked")
    assert nat_of(mac) == EVERYWHERE
    assert "192.168.128.0/24 to 224.0.0.0/4 no state" in "\n".join(anchor_rules(mac))
    # Its bridge comes and goes with its containers; the rules name none.
    mac.stop_container("inner")
    assert run(mac, "net.plan", "--json").changes == []


# -- subnets and uplinks, found and given


def test_several_networks_are_served(new: New) -> None:
    mac = new("broken")
    mac.add_network("blue", "192.168.70.0/24")
    mac.start_container("blue-1", network="blue")
    assert run(mac, "net.setup").code == 0
    assert mac.egress("192.168.70.0/24") == "ok"
    assert mac.egress() == "ok"
    mac.remove_network("blue")
    assert run(mac, "net.setup", "--json").changes == ["anchor"]
    assert nat_of(mac) == EVERYWHERE


@pytest.mark.parametrize("count", [2, 3, 6, 8])
def test_the_guard_of_many_networks_is_read_back_as_it_was_loaded(new: New, count: int) -> None:
    """pfctl reorders filter rules and folds six of a kind into a table unless told not to."""
    mac = new("broken")
    # Forwarding is 0, so that it is ours to set: then there is a guard.
    mac.answer(["/usr/bin/sudo", "-n", "/usr/sbin/sysctl", "-w", "net.inet.ip.forwarding=0"])
    for number in range(1, count):
        mac.add_network(f"n{number}", f"192.168.{70 + number}.0/24")
    before = picture(mac)
    ran = run(mac, "net.setup", "--always")
    assert ran.code == 0, ran
    guards = [r for r in anchor_rules(mac) if r.startswith("block")]
    assert len(guards) == (len(DEFAULT_UPLINKS) + 1) * count
    assert not any("<" in rule for rule in guards)
    holds(mac)
    assert run(mac, "net.teardown").code == 0
    left = changed(before, picture(mac))
    assert [name for name in left if "forwarding" not in name] == []


@pytest.mark.parametrize("generation", [7, 12, 1])
def test_networks_are_found_in_every_generation_of_container(new: New, generation: int) -> None:
    mac = new("broken")
    mac.container_generation(generation)
    mac.add_network("blue", "192.168.70.0/24")
    found = run(mac, "net.detect", "--json")
    assert [s["cidr"] for s in found.data["subnets"]] == ["192.168.64.0/24", "192.168.70.0/24"]
    assert run(mac, "net.setup").code == 0
    assert mac.egress() == "ok"


def test_given_subnets_and_uplinks_are_served_and_no_others(new: New) -> None:
    mac = new("broken")
    words = ("--subnets", "192.168.64.0/24,10.50.0.0/16", "--uplinks", "en0")
    assert run(mac, "net.setup", *words).code == 0
    assert nat_of(mac) == nat("en0") + nat("en0", subnet="10.50.0.0/16")
    assert run(mac, "net.plan", *words, "--json").changes == []


def test_given_by_environment_and_by_configuration(new: New) -> None:
    one, other = new("broken"), new("broken")
    assert run(one, "net.setup", INVOKE_NET_UPLINKS="en0", INVOKE_NET_SUBNETS="auto").code == 0
    assert run(other, "net.setup", net_config={"uplinks": ["en0"], "guard": False}).code == 0
    assert nat_of(one) == nat_of(other) == nat("en0")
    assert len(anchor_rules(other)) == 1


def test_a_found_subnet_that_overlaps_is_left_out_and_a_given_one_is_refused(new: New) -> None:
    mac = new("broken")
    mac.add_network("blue", "192.168.1.0/25")
    found = run(mac, "net.detect")
    assert found.code == 0
    assert "the container network 192.168.1.0/25 overlaps en0" in found.out
    assert run(mac, "net.setup").code == 0
    assert nat_of(mac) == EVERYWHERE
    before = picture(mac)
    ran = run(mac, "net.setup", "--subnets", "192.168.1.0/25")
    assert ran.code == 2
    assert "en0" in ran.err
    assert changed(before, picture(mac)) == []


def test_where_every_subnet_overlaps_nothing_is_done(new: New) -> None:
    mac = new("bare")
    mac.change_address("en0", "192.168.64.7")
    before = picture(mac)
    ran = run(mac, "net.setup")
    assert ran.code == 3, ran
    assert "overlaps en0" in ran.err
    assert "--subnets" in ran.err
    assert changed(before, picture(mac)) == []


def test_another_anchor_is_used_throughout(new: New) -> None:
    mac = new("broken")
    before = picture(mac)
    name = "com.apple/250.other-name"
    assert run(mac, "net.setup", "--anchor", name).code == 0
    assert anchor_rules(mac, name)
    assert anchor_rules(mac) == []
    assert mac.egress() == "ok"
    # The name is remembered; another one is refused until the first is gone.
    assert run(mac, "net.plan", "--json").changes == []
    ran = run(mac, "net.setup", "--anchor", "com.apple/250.third")
    assert ran.code == 2
    assert name in ran.err
    assert run(mac, "net.teardown").code == 0
    assert changed(before, picture(mac)) == ["sysctl net.inet.ip.forwarding: 0 -> 1"]


# -- without root


def test_without_sudo_plan_and_setup_stop_and_status_goes_on(new: New) -> None:
    mac = new("broken")
    mac.refuse_sudo()
    before = picture(mac)
    for task in ("net.plan", "net.setup", "net.persist", "net.teardown"):
        ran = run(mac, task)
        assert ran.code == 3, ran
        assert "sudo -v" in ran.err
        assert changed(before, picture(mac)) == []
    seen = run(mac, "net.status", "--json")
    pf = seen.data["pf"]
    assert (pf["enabled"], pf["token_held"], pf["hook"]) == (None, None, None)
    assert (pf["rules"], pf["vmnet_rules"]) == ([], [])
    assert seen.hops["nat"] == "unknown"
    assert seen.hops["forwarding"] == "broken", "what the user may read is still judged"
    assert "sudo -v" in next(h for h in seen.data["path"] if h["hop"] == "nat")["evidence"]
    assert run(mac, "net.detect").code == 0
    assert run(mac, "net.render").code == 0


# -- looking


def test_render_shows_and_writes_the_same_texts(new: New) -> None:
    mac = new("broken")
    out = mac.path.parent / "out"
    shown = run(mac, "net.render", "--json").data["files"]
    assert run(mac, "net.render", "--out", str(out)).code == 0
    assert {p.name: p.read_text() for p in out.iterdir()} == shown
    rules = [r for r in shown["pf.anchor"].splitlines() if not r.startswith("#")]
    assert run(mac, "net.setup").code == 0
    assert rules == ["set ruleset-optimization none", *anchor_rules(mac)]
    assert shown["pf.anchor"].startswith("# container-net ")
    assert "en0" in shown["pf.anchor"].splitlines()[0]


def test_looking_changes_nothing_and_takes_no_lock(new: New) -> None:
    mac = new("broken")
    before = files(mac)
    for task in ("net.status", "net.detect", "net.plan", "net.plan --persist", "net.render"):
        run(mac, *task.split())
    assert files(mac) == before
    assert not [argv for argv in asked(mac) if LOCK in argv]


def test_what_was_seen_last_decides_where_nothing_can_be_tried(new: Callable[..., Mac]) -> None:
    mac = new("healthy")
    assert run(mac, "net.setup", "--always").code == 0
    mac.reboot()
    # container's service not started yet: nothing to look at, and nothing to try.
    assert run(mac, "net.plan", "--json").changes == []
    assert run(mac, "net.setup").code == 0
    assert anchor_rules(mac) == []
    assert run(mac, "net.setup", "--always", "--json").changes != []


def test_commands_wait_for_one_another_at_most_three_deep(
    new: Callable[..., Mac], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: List[int] = []
    real = Machine.side_by_side

    def counted(self: Machine, calls: Sequence[Callable[[], Any]]) -> List[Any]:
        if calls:
            rounds.append(len(calls))
        return real(self, calls)

    monkeypatch.setattr(Machine, "side_by_side", counted)
    assert run(new("healthy"), "net.status").code == 0
    assert 1 <= len(rounds) <= 3
