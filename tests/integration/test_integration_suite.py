"""The suite can be trusted: it notices a broken tool, and puts the machine back all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from integration import pick
from integration.guests import (
    SUBNETS,
    Guest,
    SimFlushed,
    SimGuest,
    SimShared,
    Unsuited,
    choose,
    free_subnet,
)
from integration.host import CONSENT, Evidence, Host, MacHost, SimHost, guard
from integration.mutations import broken
from integration.state import (
    ANCHOR,
    EXCEPTIONS,
    WENT_WITH_SHARING,
    State,
    differences,
    look,
    main_text,
    record,
    rest,
    sharing,
)
from integration.stories import Several
from integration.story import STEPS, Broken, Keeper, tell
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import picture

Played = Callable[..., str]


def world(sim: SimHost) -> Dict[str, Any]:
    """All of the simulated Mac but what a guest of the suite leaves of vmnet's own."""
    found = picture(sim.mac)
    found.pop("container")
    found.pop("vmnet")
    return found


# -- whatever happens in the middle, the machine is put back


# Where the machine is another one than in the step before; the last is undone by the tool already.
ELSEWHERE = (STEPS[0], STEPS[1], STEPS[2], STEPS[5], STEPS[7], STEPS[9])


@pytest.mark.parametrize("step", ELSEWHERE)
def test_a_failure_in_a_step_is_named_and_the_machine_put_back(
    sim: SimHost, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world(sim)
    note = sim.evidence.note

    def fails(text: str) -> None:
        note(text)
        if text == f"ok: {step}":
            raise AssertionError("on purpose")

    monkeypatch.setattr(sim.evidence, "note", fails)
    with pytest.raises(Broken, match="on purpose") as failure, Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim), SimShared(sim))
    assert failure.value.step == step
    assert failure.value.left == ()
    assert world(sim) == before


def test_the_machine_is_put_back_without_the_tool(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world(sim)
    task = sim.task

    def gone(*words: str, **settings: str) -> Any:
        if words[0] == "net.teardown":
            raise RuntimeError("the tool does not start")
        return task(*words, **settings)

    monkeypatch.setattr(sim, "task", gone)
    with pytest.raises(Broken) as failure, Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim))
    assert failure.value.step == "teardown"
    assert failure.value.left == ("teardown: the tool does not start",)
    done = [line for line in sim.evidence.notes if line.startswith("put back by hand: ")]
    assert any("gave token" in line for line in done)
    assert any("pf.conf" in line for line in done)
    assert world(sim) == before


def test_an_interrupted_run_puts_the_machine_back(sim: SimHost) -> None:
    before = world(sim)

    def cancelled() -> None:
        with Keeper(sim) as keeper:
            keeper.task("net.persist", "--yes", "--always")
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        cancelled()
    sim.settle()
    assert world(sim) == before


def test_what_cannot_be_put_back_is_a_failure(sim: SimHost) -> None:
    with pytest.raises(Broken, match="not as it was") as failure, Keeper(sim):
        (sim.mac.path / "private/etc/pf.anchors/somebody").write_text("pass\n")
    assert failure.value.step == "nothing is left"
    assert "pf.anchors/somebody" in failure.value.left[0]


def test_a_reference_that_others_hold_is_not_given_back(sim: SimHost) -> None:
    token = 0

    def story() -> None:
        nonlocal token
        with broken("leaked token"), Keeper(sim) as keeper:
            token = sim.mac.foreign_enable("pfctl")
            tell(keeper, SimGuest(sim))

    with pytest.raises(Broken) as failure:
        story()
    assert failure.value.step == "setup"
    assert [t["token"] for t in sim.mac.state["pf"]["tokens"]] == [token]


@pytest.mark.parametrize("task", ["net.setup", "net.persist"])
def test_a_machine_on_which_the_tool_is_set_up_is_not_touched(sim: SimHost, task: str) -> None:
    assert sim.task(task, "--yes", "--always").code == 0
    sim.settle()
    before = world(sim)
    with pytest.raises(AssertionError, match=r"net\.teardown first"):
        Keeper(sim).__enter__()
    assert world(sim) == before


# -- the guest is chosen by evidence


class Told(Guest):
    """A guest that answers as it is told; the last answers hold with a rule loaded by hand."""

    def __init__(self, host: SimHost, name: str, *answers: bool, absent: str = "") -> None:
        super().__init__(host, host.subnet)
        self.name = name
        self.answers = answers
        self.absent = absent
        self.is_up = False

    def open(self) -> None:
        if self.absent:
            raise Unsuited(self.absent)
        self.is_up = True

    def close(self) -> None:
        self.is_up = False

    def gateway(self) -> Dict[str, bool]:
        assert self.is_up
        return {"arp": self.answers[0]}

    def internet(self) -> Dict[str, bool]:
        assert self.is_up
        by_hand = any(a.startswith("com.apple/249") for a in record(self.host).anchors)
        return {"tcp": self.answers[2] if by_hand else self.answers[1]}


def test_the_first_guest_with_the_symptom_that_can_be_helped_is_taken(sim: SimHost) -> None:
    before = world(sim)
    guests = [
        Told(sim, "no VM", absent="virtualization does not nest"),
        Told(sim, "a dead gateway", False, False, True),
        Told(sim, "one with the internet", True, True, True),
        Told(sim, "one that macOS does not forward", True, False, False),
        Told(sim, "the right one", True, False, True),
        Told(sim, "another right one", True, False, True),
    ]
    assert choose(sim, guests, sim.evidence).name == "the right one"
    said = "\n".join(sim.evidence.notes)
    for why in ("does not nest", "gateway does not answer", "has the internet", "loaded by hand"):
        assert why in said
    assert not any(guest.is_up for guest in guests)
    # What was loaded by hand is gone without a trace.
    assert world(sim) == before


def test_a_guest_with_the_symptom_is_better_than_none(sim: SimHost) -> None:
    guests = [Told(sim, "none", absent="absent"), Told(sim, "doubtful", True, False, False)]
    assert choose(sim, guests, sim.evidence).name == "doubtful"
    assert "none gets out with rules loaded by hand" in "\n".join(sim.evidence.notes)


def test_no_guest_at_all_is_a_failure_with_the_evidence(sim: SimHost) -> None:
    guests = [Told(sim, "a", absent="not installed"), Told(sim, "b", True, True, True)]
    with pytest.raises(AssertionError, match=r"(?s)a: not installed.*b: it has the internet"):
        choose(sim, guests, sim.evidence)


def test_a_subnet_that_the_machine_lives_on_is_not_taken(sim: SimHost) -> None:
    assert free_subnet(sim) == SUBNETS[0]
    sim.mac.add_interface("en7", "192.168.200.14", 16)
    assert free_subnet(sim) == SUBNETS[2]
    with pytest.raises(AssertionError, match="overlaps"):
        free_subnet(sim, SUBNETS[:2])


# -- only a Mac whose owner agreed


def test_a_mac_is_touched_only_where_its_owner_agreed() -> None:
    assert "Linux" in guard("Linux", {CONSENT: "1"})
    assert CONSENT in guard("darwin", {})
    assert CONSENT in guard("darwin", {CONSENT: "yes"})
    assert guard("darwin", {CONSENT: "1"}) == ""


@pytest.mark.skipif(sys.platform == "darwin", reason="on a Mac it is the Mac that is meant")
def test_no_other_machine_is_ever_taken_for_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONSENT, "1")
    with pytest.raises(AssertionError, match="no macOS"):
        MacHost(Evidence())


def test_commands_and_tasks_of_a_real_mac_are_real_processes(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be tried of it elsewhere: no sudo, and a simulated Mac behind the tasks."""
    host = object.__new__(MacHost)
    Host.__init__(host, Evidence())
    said = host.ask("/bin/sh", "-c", "cat; echo no >&2; exit 3", stdin="caf\xe9\n")
    assert (said.code, said.out, said.err) == (3, "caf\xe9\n", "no\n")
    assert host.ask("/nonexistent/pfctl").code == 127
    monkeypatch.setattr("integration.host.LIMIT", 0.2)
    assert host.ask("/bin/sleep", "5").code == 124
    monkeypatch.setenv("INVOKE_NET_LANG", "ko")
    monkeypatch.setenv("INVOKE_NET_SYSROOT", "/nonexistent")
    ran = host.task("net.detect", "--json", INVOKE_NET_SYSROOT=str(sim.mac.path))
    assert (ran.code, ran.data["schema"]) == (0, 1)
    assert [row.argv[0] for row in host.evidence.said][-1] == "invoke"


@pytest.fixture
def played(sim: SimHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    """The run on a Mac, with a simulated one in its place and guests as given; GitHub's summary."""
    from integration import guests, test_integration_story

    place = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    monkeypatch.setattr(sim, "name", "mac")
    monkeypatch.setattr(test_integration_story, "MacHost", lambda _: sim)
    monkeypatch.setattr(guests, "answering", lambda: ("tcp",))

    def play(shared: Guest, *candidates: Guest) -> str:
        monkeypatch.setattr(guests, "mac_guests", lambda *_: list(candidates))
        monkeypatch.setattr(guests, "Shared", lambda *_: shared)
        try:
            test_integration_story.test_the_story_on_this_mac(sim.evidence, tmp_path)
        finally:
            summary = place.read_text()
        return summary

    return play


def test_the_run_on_a_mac_tells_the_story_once_for_each_guest(sim: SimHost, played: Played) -> None:
    before = world(sim)
    absent = Told(sim, "a small VM", absent="virtualization does not nest")
    said = played(SimShared(sim), absent, SimGuest(sim), SimFlushed(sim))
    rows = {row.split(" | ")[0].strip("| "): row for row in said.splitlines() if row[:1] == "|"}
    assert "| left out | virtualization does not nest |" in rows["a small VM"]
    for guest in (SimGuest, SimFlushed):
        assert f"| {guest.name} | green | the guest has the symptom; setup; " in rows[guest.name]
        assert "nothing is left" in rows[guest.name]
    assert "| green | shared mode is left alone |" in rows[SimShared.name]
    assert "| left out | " in rows["Apple's container"]
    assert "No vmnet was involved" not in said
    assert world(sim) == before
    assert sim.evidence.folder is not None
    kept = {str(p.relative_to(sim.evidence.folder)) for p in sim.evidence.folder.rglob("*.*")}
    assert kept >= {
        *("commands.jsonl", "notes.txt", "stories.md", "doctor-before.json", "doctor-after.txt"),
        "state-untouched.txt",
        *(f"a-host-only-network-simulated/state-{name}.txt" for name in ("before", "after")),
        *(f"a-NAT-network-simulated-its-rules-flushed/state-{n}.txt" for n in ("before", "after")),
    }
    text = (sim.evidence.folder / "commands.jsonl").read_text()
    assert f'"story": "{SimFlushed.name}"' in text


def test_a_red_story_keeps_the_others_and_the_table(sim: SimHost, played: Played) -> None:
    before = world(sim)
    with broken("no forwarding"), pytest.raises(Several) as failure:
        played(SimShared(sim), SimGuest(sim), SimFlushed(sim))
    assert [error.step for error in failure.value.errors] == ["setup", "setup"]
    assert sim.evidence.folder is not None
    said = (sim.evidence.folder / "stories.md").read_text()
    assert said.count("| red | setup: forwarding is not 1 |") == 2
    assert "| green | shared mode is left alone |" in said
    places = [p.parent.name for p in sim.evidence.folder.rglob("failure.txt")]
    assert len(places) == 2
    assert world(sim) == before


def test_a_guest_that_does_not_come_again_is_red(sim: SimHost, played: Played) -> None:
    class Once(SimGuest):
        times = 0

        def open(self) -> None:
            self.times += 1
            if self.times > 1:
                raise Unsuited("it does not come again")
            super().open()

    with pytest.raises(Broken, match="it does not come again") as failure:
        played(SimShared(sim), Once(sim))
    assert failure.value.step == "the guest has the symptom"


def test_a_run_without_vmnet_says_so(sim: SimHost, played: Played) -> None:
    class Pair(SimGuest):
        name, vmnet = "a feth pair, played", False

    shared = Told(sim, "vmnet in shared mode", absent="it cannot be had")
    # However its story ends, and this one ends soon.
    with broken("no forwarding"), pytest.raises(Broken):
        played(shared, Told(sim, "vmnet in host mode", absent="not installed"), Pair(sim))
    assert sim.evidence.folder is not None
    said = (sim.evidence.folder / "stories.md").read_text()
    assert "| a feth pair, played | red |" in said
    assert "**No vmnet was involved**" in said


@pytest.mark.parametrize("may_fail", [True, False])
def test_a_vmnet_that_does_not_translate_is_said_and_judged_by_where_it_is(
    sim: SimHost, may_fail: bool
) -> None:
    shared = Told(sim, "shared", True, False, False)
    shared.may_fail = may_fail
    if may_fail:
        with Keeper(sim) as keeper:
            tell(keeper, SimGuest(sim), shared)
        assert any(STEPS[0] in n for n in sim.evidence.notes if n.startswith("left out"))
        return
    with pytest.raises(Broken, match="vmnet itself") as failure, Keeper(sim) as keeper:
        tell(keeper, SimGuest(sim), shared)
    assert failure.value.step == STEPS[0]


PICKED: List[Tuple[str, Dict[str, str], Tuple[str, ...], List[str]]] = [
    ("darwin", {CONSENT: "1"}, ("Linux",), ["mac", "sim"]),
    ("darwin", {}, (), ["sim"]),
    ("linux", {CONSENT: "1"}, (), ["lab", "sim"]),
    ("linux", {}, ("root",), ["sim"]),
]


@pytest.mark.parametrize(("platform", "environ", "lacking", "wanted"), PICKED)
def test_the_best_host_comes_first(
    platform: str, environ: Dict[str, str], lacking: Tuple[str, ...], wanted: List[str]
) -> None:
    assert pick.hosts(platform, environ, lacking) == wanted
    assert bool(pick.reason(platform, environ)) == (platform == "darwin" and not environ)


@pytest.mark.skipif(sys.platform == "darwin", reason="says something else on a Mac")
def test_the_host_is_printed_and_never_called_macos_here() -> None:
    program = Path(pick.__file__)
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(("integration on lab", "integration on sim"))
    assert "this is no macOS" in done.stdout


# -- comparing


def test_a_difference_is_allowed_only_by_name(sim: SimHost) -> None:
    now = record(sim)
    forwarded = replace(now, forwarding="1")
    assert [d.what for d in differences(now, forwarded)[0]] == ["forwarding"]
    left, used = differences(now, replace(forwarded, bridges=("bridge100",)))
    assert left == []
    assert used[0].startswith(EXCEPTIONS[0].name)
    emptied: State = replace(now, anchors={**now.anchors, ANCHOR: ()})
    assert differences(now, emptied)[0] == []
    full = replace(now, anchors={**now.anchors, ANCHOR: ("pass all",)})
    assert [d.what for d in differences(now, full)[0]] == [f"anchor {ANCHOR}"]
    other = replace(now, references=((7, "InternetSharing", 12345),))
    assert differences(now, other)[0] == []
    ours = replace(now, references=((7, "pfctl", 12345),))
    assert [d.what for d in differences(now, ours)[0]] == ["reference of pfctl"]
    off = replace(now, disabled='"local.container-net" => disabled')
    on = replace(now, disabled='"local.container-net" => enabled')
    assert differences(off, on)[0] == []
    assert [d.what for d in differences(now, on)[0]] == ["launchd's disabled list"]


def test_a_look_counts_once_two_agree_and_the_last_one_after_a_while(
    sim: SimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.mac.vmnet_manner("late")
    guest = SimGuest(sim)
    at_rest = look(sim)
    with guest.up():
        pass
    assert sharing(look(sim))
    rest(sim)
    assert differences(at_rest, look(sim))[0] == []
    # Somebody who never stops at it.
    pause = sim.pause

    def busy(seconds: float) -> None:
        pause(seconds)
        sim.mac.foreign_enable("socketfilterfw")

    monkeypatch.setattr(sim, "pause", busy)
    assert len(look(sim).references) > 5
    assert any("no two looks agreed" in note for note in sim.evidence.notes)


def test_calls_may_go_with_sharing_and_nothing_else_may(sim: SimHost) -> None:
    allowed = (WENT_WITH_SHARING,)
    now = record(sim)
    calls = dict.fromkeys(now.main, ())
    assert differences(now, replace(now, main=calls))[0] != []
    assert differences(now, replace(now, main=calls), allowed)[0] == []
    for lines in (("pass all",), ('nat-anchor "other" all', *now.main["nat"])):
        other = replace(now, main={**now.main, "nat": lines})
        assert [d.what for d in differences(now, other, allowed)[0]] == ["main ruleset, nat"]
    # A call of one anchor is somebody's; Apple's call all that is below.
    foreign = replace(now, main={**now.main, "nat": (*now.main["nat"], 'nat-anchor "other" all')})
    assert [d.what for d in differences(foreign, now, allowed)[0]] == ["main ruleset, nat"]


@pytest.mark.parametrize("scene", ["idle", "healthy", "broken", "vpn"])
def test_a_recorded_main_ruleset_can_be_loaded_again(tmp_path: Path, scene: str) -> None:
    from simmac import build

    host = SimHost(Evidence(), tmp_path, mac=build(tmp_path / "mac", scene))
    live = record(host).main
    host.must("/sbin/pfctl", "-f", "-", root=True, stdin=main_text(live))
    assert record(host).main == live


def test_evidence_is_written_as_it_comes(sim: SimHost) -> None:
    sim.ask("/usr/bin/sw_vers", "-productVersion")
    sim.evidence.note("seen")
    assert sim.evidence.folder is not None
    lines = (sim.evidence.folder / "commands.jsonl").read_text().splitlines()
    assert '"argv": ["/usr/bin/sw_vers", "-productVersion"]' in lines[-1]
    assert (sim.evidence.folder / "notes.txt").read_text() == "seen\n"
