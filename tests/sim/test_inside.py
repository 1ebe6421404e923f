"""Measured with what is there: a container that runs, any image with a shell, or a small one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from faults.scenes.base import guest, machine_of, root, two
from sim.support import picture, run
from sim.terminal import at_a_terminal

from container_net.options import Options
from container_net.report import Screen
from container_net.session import Session
from container_net.settings import Settings
from simmac import Mac

New = Callable[..., Mac]
ROOT = Path(__file__).parents[2]
IMAGES = ("nanoclaw-agent:latest", "docker.io/curlimages/curl:latest")
PULLED = "docker.io/library/alpine:3"


def without_images(mac: Mac) -> Mac:
    for name in IMAGES:
        mac.remove_image(name)
    mac.forget_log()
    return mac


def asked(mac: Mac) -> List[List[str]]:
    """What `container` was asked to do beside looking."""
    verbs = ("run", "exec", "pull", "delete")
    words = [record.argv[1:] for record in mac.log if "container" in record.argv[0]]
    return [w[:2] for w in words if w and (w[0] in verbs or w[1:2] == ["pull"])]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"tcp_dead": True}, "F17"),
        ({"dns_broken": True}, "F22"),
        ({"curl": 60}, "F42"),
        ({"resolver": "192.168.65.1"}, "F24"),
        ({"ipv6": False}, ""),
    ],
    ids=str,
)
def test_doctor_asks_a_container_that_runs_without_any_image_of_ours(
    new: New, values: Dict[str, Any], fault: str
) -> None:
    mac = without_images(new("healthy"))
    guest(mac, **values)
    before = picture(mac)
    told = run(mac, "net.doctor", "--json")
    assert [item["id"] for item in told.data["faults"]] == ([fault] if fault else [])
    assert asked(mac) == [["exec", "web"]]
    assert picture(mac) == before


def test_a_container_without_a_shell_is_passed_over(new: New) -> None:
    mac = without_images(new("idle"))
    mac.add_image("gcr.example/agent:1", programs=["agent"])
    mac.add_image("node:22")
    mac.start_container("a", image="gcr.example/agent:1")
    mac.start_container("b", image="node:22")
    guest(mac, tcp_dead=True)
    told = run(mac, "net.doctor", "--json")
    assert [item["id"] for item in told.data["faults"]] == ["F17"]
    assert asked(mac) == [["exec", "a"], ["exec", "b"]]


def test_a_doctor_who_could_ask_nobody_says_what_would(new: New) -> None:
    mac = without_images(new("idle"))
    mac.add_image("gcr.example/agent:1", programs=["agent"])
    mac.start_container("a", image="gcr.example/agent:1")
    said = run(mac, "net.doctor")
    assert said.code == 0
    assert "show only inside a container: invoke net.doctor --probe" in said.out


def test_a_host_only_container_is_not_asked_for_the_internet(new: New) -> None:
    mac = without_images(new("idle"))
    mac.add_network("private", "192.168.128.0/24", "hostOnly")
    mac.start_container("inner", network="private")
    mac.forget_log()
    run(mac, "net.doctor", "--json")
    assert asked(mac) == []


def test_verify_measures_by_a_container_that_runs(new: New) -> None:
    mac = without_images(new("healthy"))
    said = run(mac, "net.verify")
    assert asked(mac) == [["exec", "web"]]
    assert said.code == 0
    assert "(container exec web)" in said.out
    assert "HTTP status 404, as expected" in said.out
    guest(mac, curl=28)
    said = run(mac, "net.verify")
    assert said.code == 1
    assert "timed out" in said.out


def test_any_image_with_a_shell_will_do(new: New) -> None:
    mac = without_images(new("idle"))
    for name in ("vminit:0.1", "zeta:1", "gcr.example/distroless/base:1", "debian:12"):
        mac.add_image(name, programs=["agent"] if name == "debian:12" else None)
    said = run(mac, "net.doctor", "--probe")
    tried = [r.argv[r.argv.index("sh") + 1] for r in mac.log if r.argv[1:2] == ["run"]]
    assert tried == ["debian:12", "zeta:1"]
    assert said.code == 0


def test_without_any_image_nothing_is_changed_or_downloaded_unasked(new: New) -> None:
    mac = without_images(new("idle"))
    mac.vmnet_nat(False)
    before = picture(mac)
    for task in ("net.setup", "net.persist", "net.verify"):
        said = run(mac, task, *(() if task == "net.verify" else ("--yes",)))
        assert said.code == 3
        assert PULLED in " ".join((said.out + said.err).split())
        assert "--pull" in said.out + said.err
    assert picture(mac) == before
    assert asked(mac) == []


def test_with_pull_the_evidence_is_got_and_the_guest_gets_out(new: New) -> None:
    mac = without_images(new("idle"))
    mac.vmnet_nat(False)
    said = run(mac, "net.setup", "--yes", "--pull")
    assert said.code == 0
    assert "seen: a container fetches https://api.anthropic.com: curl ended with 28" in said.out
    assert ["image", "pull"] in asked(mac)
    said = run(mac, "net.verify")
    assert "HTTP status 404, as expected" in said.out


def test_the_guides_image_without_curl_is_asked_in_another_way(new: New) -> None:
    mac = new("idle")
    mac.add_image(IMAGES[0], programs=["sh"])
    said = run(mac, "net.verify")
    assert "HTTP status 404, as expected (container run --rm nanoclaw-agent:latest)" in said.out


def test_a_download_that_fails_says_why(new: New) -> None:
    mac = without_images(new("idle"))
    mac.fail("container image pull", 1, "Error: no space left on device")
    said = run(mac, "net.verify", "--pull")
    assert said.code == 3
    assert "no space left on device" in said.out


def test_who_wants_nothing_downloaded_is_asked_once(
    new: New, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = without_images(new("idle"))
    monkeypatch.setattr(Session, "_asks", True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\ny\n"))
    session = Session(machine_of(mac), Settings(), Screen(), Options())
    assert [session.pull(PULLED), session.pull(PULLED)] == [False, False]
    assert capsys.readouterr().err.count("[y/N]") == 1


def test_a_plan_downloads_nothing(new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    mac = without_images(new("idle"))
    monkeypatch.setattr(Session, "_asks", True)
    assert run(mac, "net.plan").code == 3
    assert asked(mac) == []


def test_the_fence_is_measured_by_the_container_that_runs(new: New) -> None:
    mac = without_images(new("healthy"))
    assert run(mac, "net.setup", "--yes", "--fence").code == 0
    mac.forget_log()
    said = run(mac, "net.verify")
    assert said.code == 0
    assert "192.168.1.37 was not reached" in said.out
    assert asked(mac) == [["exec", "web"]] * 2


def test_an_image_that_somebody_named_is_not_replaced_by_another(new: New) -> None:
    mac = new("idle")
    said = run(mac, "net.verify", "--image", "mine:1")
    assert said.code == 3
    assert "image mine:1 not found on this Mac; --pull downloads it" in said.out
    assert asked(mac) == []
    said = run(mac, "net.verify", "--image", "mine:1", "--pull")
    assert "container run --rm mine:1" in said.out
    assert ["image", "pull"] in asked(mac)


def test_a_person_sees_what_is_waited_for_and_a_pipe_does_not(new: New) -> None:
    mac = new("idle")
    sent = at_a_terminal(mac, "net.verify")[1]
    waits = "Measuring in a container of nanoclaw-agent:latest"
    assert waits in sent
    assert "0:00:0" in sent
    # Wiped before the answer is written.
    assert "\x1b[2K" in sent[sent.index(waits) :]
    for words in (("net.verify",), ("net.verify", "--json")):
        piped = run(mac, *words)
        assert waits not in piped.out + piped.err
    assert waits not in at_a_terminal(mac, "net.verify", "--json")[1]


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        ("broken", "net.inet.ip.forwarding = 0; pf is disabled"),
        ("vpn", "no NAT rule for 192.168.64.0/24 on utun4, the current uplink"),
        ("healthy", ""),
    ],
)
def test_a_plan_says_what_was_seen_to_be_broken(new: New, scene: str, reason: str) -> None:
    mac = new(scene)
    plan = run(mac, "net.plan", "--json").data
    assert plan["reason"] == reason
    assert bool(plan["changes"]) == bool(reason)
    assert not reason or f"seen: {reason}" in run(mac, "net.setup", "--yes").out
    ordered = run(new(scene), "net.plan", "--json", "--persist").data
    assert ordered["reason"] == reason


def test_so_does_one_for_what_is_ours_already_and_for_a_leak(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup", "--yes").code == 0
    mac.foreign_disable()
    assert run(mac, "net.plan", "--json").data["reason"] == "pf is disabled"

    mac = new("idle")
    two(mac)
    rule = "nat on en0 from 192.168.0.0/16 to any -> (en0)"
    root(mac, "/sbin/pfctl -a com.apple/300.mine -f -", rule + "\n")
    said = run(mac, "net.plan", "--json").data["reason"]
    assert said.startswith(
        "192.168.128.0/24 is host-only, and nat on en0 inet from 192.168.0.0/16"
    ), said
