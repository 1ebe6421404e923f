"""Wrong settings, hostile names and texts that make no sense: one sentence, and nothing changed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest
from invoke.runners import Result
from sim.support import (
    BOOT,
    STATE,
    Ran,
    anchor_rules,
    changed,
    hanging,
    picture,
    run,
    timed_out,
    tokens,
    twisted,
)

from simmac import Mac

New = Callable[..., Mac]
PWNED = "pwned-by-a-name"
# What ends a quotation, starts a command, or looks like one of our own lines.
EVIL = [
    f"; touch {PWNED}",
    f"$(touch {PWNED})",
    f"`touch {PWNED}`",
    f"\ntouch {PWNED}\n",
    f'" & touch {PWNED} & "',
    f"' ; touch {PWNED} ; '",
    "-rf",
    "../../../../etc/passwd",
    "\x1b[2J\x07\x00",
    "{{ 7 * 7 }} {% for x in y %}",
    "%s %n {0} {why}",
    "컨테이너 \u202e",
]


class Same:
    """A Mac on which nothing may change, and how it is, once for all tests that only look."""

    def __init__(self, mac: Mac) -> None:
        self.mac, self.before = mac, picture(mac)

    def is_unchanged(self) -> None:
        assert changed(self.before, picture(self.mac)) == []


@pytest.fixture(scope="module")
def broken(scenes: Callable[[str], Mac], tmp_path_factory: pytest.TempPathFactory) -> Same:
    return Same(scenes("broken").snapshot(tmp_path_factory.mktemp("broken") / "mac"))


@pytest.fixture(scope="module")
def healthy(scenes: Callable[[str], Mac], tmp_path_factory: pytest.TempPathFactory) -> Same:
    return Same(scenes("healthy").snapshot(tmp_path_factory.mktemp("healthy") / "mac"))


@pytest.fixture(scope="module")
def set_up(scenes: Callable[[str], Mac], tmp_path_factory: pytest.TempPathFactory) -> Same:
    mac = scenes("broken").snapshot(tmp_path_factory.mktemp("set-up") / "mac")
    assert run(mac, "net.setup").code == 0
    return Same(mac)


def untouched(mac: Mac, before: Dict[str, Any], where: Path) -> None:
    """Nothing changed, and no name became a command, here or where the test runs."""
    assert changed(before, picture(mac)) == []
    assert not list(where.rglob(PWNED))
    assert not Path(PWNED).exists()


def one_sentence(ran: Ran) -> str:
    """What was said on stderr, which is one line and no traceback."""
    assert len(ran.err.splitlines()) == 1, ran
    assert "Traceback" not in ran.err
    assert ran.err.startswith("container-net: ")
    return ran.err


# -- settings


WRONG: List[Tuple[str, str]] = [
    ("subnets", "192.168.64.1/24"),
    ("subnets", "192.168.64.0"),
    ("subnets", "192.168.64.0/33"),
    ("subnets", "fd00::/64"),
    ("subnets", "localhost/24"),
    ("subnets", "8.8.8.0/24"),
    ("subnets", "0.0.0.0/0"),
    ("subnets", "10.0.0.0/7"),
    ("subnets", "127.0.0.0/8"),
    ("subnets", "224.0.0.0/24"),
    ("subnets", "169.254.0.0/16"),
    ("subnets", "192.168.64.0/31"),
    ("subnets", "192.168.64.0/24,192.168.64.0/25"),
    ("subnets", "192.168.64.0/24,,"),
    ("subnets", "192.168.1.0/24"),
    ("uplinks", "eth zero"),
    ("uplinks", "en0;reboot"),
    ("uplinks", "en5-en0"),
    ("uplinks", "bridge100"),
    ("uplinks", "lo0"),
    ("uplinks", "EN0"),
    ("anchor", "mine"),
    ("anchor", "com.apple/_hidden"),
    ("anchor", "com.apple/a/b"),
    ("anchor", "com.apple/" + "x" * 64),
    ("anchor", "com.apple/250.ApplicationFirewall"),
    ("anchor", "com.apple/com.apple.container"),
    ("anchor", 'com.apple/x" all'),
    ("image", "image; reboot"),
    ("image", "-v"),
    ("url", "https://example.com/;reboot"),
    ("url", "file:///etc/passwd"),
    ("url", "https://exa mple.com"),
    ("expect", "20"),
    ("expect", "OK"),
    ("sysroot", "relative/path"),
    ("sysroot", "/no/such/folder"),
    ("sysroot", "/tmp/../etc"),
    ("sysroot", "/tmp/a b"),
    ("lang", "fr"),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_wrong_setting_is_named_with_its_value_and_nothing_changes(
    broken: Same, key: str, value: str, tmp_path: Path
) -> None:
    mac = broken.mac
    named = value.rsplit(",", maxsplit=1)[-1] if key == "subnets" else value
    task = "net.setup" if key not in ("image", "url", "expect") else "net.verify"
    ran = run(mac, task, f"--{key}={value}")
    assert ran.code == 2, ran
    assert key in one_sentence(ran)
    assert named[:40] in ran.err
    ran = run(mac, "net.setup", "--json", environ={f"INVOKE_NET_{key.upper()}": value})
    assert ran.code == 2, ran
    assert ran.data["error"]["code"] == 2
    assert key in ran.data["error"]["message"].lower()
    if key != "sysroot":  # in these tests it comes by the environment, which counts more
        ran = run(mac, "net.plan", net_config={key: value})
        assert ran.code == 2, ran
        one_sentence(ran)
    untouched(mac, broken.before, tmp_path)


@pytest.mark.parametrize("key", ["subnets", "uplinks", "anchor", "image", "url", "expect", "lang"])
def test_a_hostile_setting_is_refused_on_one_line(broken: Same, key: str, tmp_path: Path) -> None:
    mac = broken.mac
    for evil in EVIL:
        ran = run(mac, "net.setup", net_config={key: evil})
        assert ran.code == 2, (evil, ran)
        assert "\x1b" not in one_sentence(ran)
    untouched(mac, broken.before, tmp_path)


@pytest.mark.parametrize("guard", ["maybe", "", "2", 2, None, ["yes"], {"on": True}])
def test_a_boolean_that_is_none_is_refused(broken: Same, guard: object) -> None:
    mac = broken.mac
    if isinstance(guard, str):
        ran = run(mac, "net.setup", INVOKE_NET_GUARD=guard)
        assert ran.code == 2, ran
        assert "INVOKE_NET_GUARD" in one_sentence(ran)
    ran = run(mac, "net.plan", net_config={"guard": guard})
    # Nothing at all, as an empty line of YAML has it, is no value.
    assert ran.code == (0 if guard is None else 2), ran
    broken.is_unchanged()


@pytest.mark.parametrize("config", [5, 1.5, True, "text", ["a", "b"], [], {"subnet": "x"}, {"": 1}])
def test_a_configuration_of_the_wrong_shape_is_refused(broken: Same, config: object) -> None:
    mac = broken.mac
    ran = run(mac, "net.setup", net_config=config)
    assert ran.code == 2, ran
    assert "net" in one_sentence(ran)
    broken.is_unchanged()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("subnets", 5),
        ("subnets", {"a": 1}),
        ("subnets", [5]),
        ("uplinks", [None]),
        ("anchor", 5),
        ("image", ["a"]),
        ("url", 5),
        ("expect", {}),
        ("force", "perhaps"),
        ("lang", 5),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(broken: Same, key: str, value: object) -> None:
    mac = broken.mac
    ran = run(mac, "net.setup", net_config={key: value})
    assert ran.code == 2, ran
    assert f"net.{key}" in one_sentence(ran)
    broken.is_unchanged()


def test_an_unknown_setting_is_named(broken: Same) -> None:
    mac = broken.mac
    ran = run(mac, "net.setup", INVOKE_NET_SUBNET="10.0.0.0/24")
    assert ran.code == 2
    assert "unknown setting INVOKE_NET_SUBNET" in one_sentence(ran)
    assert "INVOKE_NET_SUBNETS" in ran.err
    broken.is_unchanged()


# -- names that come from outside


def foreign(mac: Mac, texts: Sequence[str]) -> None:
    """Those texts, wherever a Mac shows something that others have named."""
    with mac.edit() as state:
        state["pf"]["references"] += len(texts)
        state["pf"]["enabled"] = True
        [first] = state["container"]["containers"]
        for number, text in enumerate(texts, 70):
            state["container"]["networks"].append(
                {"id": text, "cidr": f"192.168.{number}.0/24", "mode": "nat"}
            )
            state["container"]["containers"].append({**first, "id": text, "image": text})
            state["container"]["images"].append(
                {"name": text, "env": [text, f"NODE_OPTIONS={text}"]}
            )
            name = text.split("\n", maxsplit=1)[0] or "x"
            state["pf"]["tokens"].append({"pid": 7, "name": name, "token": number, "at": 1})
            state["disabled"][text] = True


# The last one alone: with it there is nothing that setup could do.
@pytest.mark.parametrize("evil", [EVIL[:4], EVIL[4:8], EVIL[8:-1], EVIL[-1:]], ids=str)
def test_a_hostile_name_is_shown_at_most_and_never_run(
    new: New, evil: List[str], tmp_path: Path
) -> None:
    mac = new("broken")
    foreign(mac, evil)
    before = picture(mac)
    for task in ("net.status", "net.detect", "net.verify", "net.plan", "net.render"):
        ran = run(mac, task)
        assert ran.code in (0, 1, 3), ran
        assert "Traceback" not in ran.err
        assert "\x1b" not in ran.out + ran.err, "a name must not write to the screen"
        assert json.loads(run(mac, task, "--json").out)["schema"] == 1
    untouched(mac, before, tmp_path)
    ran = run(mac, "net.setup")
    assert ran.code == (3 if evil == EVIL[-1:] else 0), ran
    if ran.code == 0:
        assert mac.egress() == "ok"
        assert run(mac, "net.plan", "--json").changes == []
        assert run(mac, "net.teardown").code == 0
    assert not list(tmp_path.rglob(PWNED))
    left = changed(before, picture(mac))
    assert left in ([], ["sysctl net.inet.ip.forwarding: 0 -> 1"])


@pytest.mark.parametrize("evil", EVIL)
def test_a_hostile_mode_of_a_network_is_left_out_and_said(
    new: New, evil: str, tmp_path: Path
) -> None:
    mac = new("broken")
    with mac.edit() as state:
        state["container"]["networks"].append(
            {"id": "other", "cidr": "192.168.70.0/24", "mode": evil}
        )
    found = run(mac, "net.detect", "--json")
    assert found.code == 0
    assert [s["cidr"] for s in found.data["subnets"]] == ["192.168.64.0/24"]
    assert any("other" in note for note in found.data["notes"])
    assert not list(tmp_path.rglob(PWNED))


def answering(mac: Mac, command: Tuple[str, ...], out: str, err: str = "", code: int = 0) -> Any:
    """A Runner in which one command says something else."""

    def twist(argv: List[str], _answer: Callable[[], Result]) -> Any:
        if tuple(argv[: len(command)]) != command:
            return None
        return Result(
            stdout=out, stderr=err, command=" ".join(argv), exited=code, encoding="latin-1"
        )

    return twisted(mac, twist)


PARTS = (0.3, 0.6, 0.9, 1.0)
READS: List[Tuple[Tuple[str, ...], str]] = [
    (("/sbin/route", "-n", "get", "default"), "uplink"),
    (("/sbin/route", "-n", "get", "8.8.8.8"), "uplink"),
    (("/sbin/ifconfig", "-a"), "gateway"),
    (("/usr/sbin/sysctl", "-n", "net.inet.ip.forwarding"), "forwarding"),
    (("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"), ""),
    (("/usr/sbin/networksetup",), ""),
    (("/usr/bin/sw_vers",), ""),
    (("/usr/local/bin/container", "--version"), ""),
    (("/usr/local/bin/container", "system", "status"), ""),
    (("/usr/local/bin/container", "network", "list"), ""),
    (("/usr/local/bin/container", "ls"), "vm"),
    (("/sbin/pfctl", "-s", "info"), "nat"),
    (("/sbin/pfctl", "-s", "References"), ""),
    (("/sbin/pfctl", "-s", "nat"), "nat"),
    # Our rule comes first and translates as well: vmnet's covers the pair either way.
    (("/sbin/pfctl", "-a", "com.apple/250.container-net", "-v", "-s", "nat"), ""),
    (("/sbin/pfctl", "-a", "com.apple/250.container-net", "-s", "rules"), ""),
    (("/sbin/pfctl", "-a", "com.apple.internet-sharing/shared_v4"), "nat"),
    (("/bin/launchctl", "print", "system/local.container-net"), ""),
    (("/bin/launchctl", "print-disabled"), ""),
]


@pytest.mark.parametrize("text", ["???\n\x1b[31mWHAT\x07\n", "[{" + "[" * 9000])
@pytest.mark.parametrize(("command", "hop"), READS, ids=lambda value: str(value)[-40:])
def test_an_answer_that_makes_no_sense_is_unknown_with_the_text_as_evidence(
    healthy: Same, command: Tuple[str, ...], hop: str, text: str
) -> None:
    mac = healthy.mac
    runner = answering(mac, command, text, code=1)
    seen = run(mac, "net.status", "--json", runner=runner)
    assert seen.code in (0, 1), seen
    if hop:
        assert seen.hops[hop] == "unknown", seen
        assert seen.data["ok"] is not True
        evidence = next(h["evidence"] for h in seen.data["path"] if h["hop"] == hop)
        if "???" in text:
            assert "???" in evidence
    if "\x1b" in text:
        assert "\x1b" not in seen.out + run(mac, "net.status", runner=runner).out
    healthy.is_unchanged()


def end_of(text: str, part: float) -> int:
    """Where a text is cut: in the middle of a line."""
    at = int(len(text) * part)
    while at and text[at - 1] == "\n":
        at -= 1
    return at


def cutting(mac: Mac, command: Tuple[str, ...], part: float) -> Any:
    """A Runner in which the answer of one command ends in the middle of a line."""

    def twist(argv: List[str], answer: Callable[[], Result]) -> Any:
        if tuple(argv[: len(command)]) != command:
            return None
        said = answer()
        return Result(
            stdout=said.stdout[: end_of(said.stdout, part)],
            stderr=said.stderr,
            command=said.command,
            exited=said.exited,
            encoding="latin-1",
        )

    return twisted(mac, twist)


@pytest.mark.parametrize("scene", ["healthy", "set up"])
def test_an_answer_that_was_cut_off_makes_nothing_broken(
    healthy: Same, set_up: Same, scene: str
) -> None:
    mac = healthy.mac if scene == "healthy" else set_up.mac
    told: List[Tuple[List[str], str]] = []

    def listen(argv: List[str], answer: Callable[[], Result]) -> Result:
        said = answer()
        told.append((argv, said.stdout))
        return said

    whole = run(mac, "net.status", "--json", runner=twisted(mac, listen))
    tried = 0
    for command, _hop in READS:
        answers = [said for argv, said in told if tuple(argv[: len(command)]) == command]
        # Of a short answer several parts are the same; and status does not ask everything.
        cuts = {tuple(end_of(said, part) for said in answers): part for part in PARTS}
        cuts.pop(tuple(map(len, answers)), None)
        for part in cuts.values():
            seen = run(mac, "net.status", "--json", runner=cutting(mac, command, part))
            named = (command, part, seen)
            assert seen.data["ok"] is not False, named
            assert "broken" not in seen.hops.values(), named
            assert {h for h in seen.hops if seen.hops[h] != "unknown"} <= {
                h for h in seen.hops if seen.hops[h] == whole.hops.get(h)
            }, named
        tried += len(cuts)
    assert tried > 50


@pytest.mark.parametrize(("command", "_hop"), READS, ids=lambda value: str(value)[-40:])
def test_setup_changes_nothing_it_could_not_read_first_or_all_is_well(
    new: New, command: Tuple[str, ...], _hop: str
) -> None:
    mac = new("broken")
    before = picture(mac)
    ran = run(mac, "net.setup", runner=answering(mac, command, "gibberish\n", code=1))
    assert ran.code in (0, 3, 4), ran
    if ran.code:
        assert changed(before, picture(mac)) == [], ran
        assert "gibberish" in ran.err
    else:
        assert mac.egress() == "ok"
        assert len(tokens(mac)) == 1


def test_commands_that_never_answer_are_unknown_too(new: New) -> None:
    mac = new("healthy")

    def twist(argv: List[str], _answer: Callable[[], Result]) -> None:
        if argv[0] in ("/sbin/pfctl", "/usr/local/bin/container"):
            raise timed_out(argv)

    seen = run(mac, "net.status", "--json", runner=twisted(mac, twist))
    assert seen.hops["nat"] == seen.hops["vm"] == "unknown"
    assert seen.data["ok"] is None
    assert (seen.data["pf"]["enabled"], seen.data["container"]["cli"]) == (None, None)
    assert "did not answer in time" in seen.out


@pytest.mark.parametrize(
    "rule",
    [
        "nat on en0 inet from 192.168.64.0/24 to any port = 80 -> (en0:0)",
        "nat on en0 inet from <who> to any -> (en0:0)",
        "nat on en0 inet proto tcp from 192.168.64.0/24 to any -> (en0:0)",
    ],
)
def test_a_rule_of_vmnets_that_is_not_understood_is_no_coverage(new: New, rule: str) -> None:
    mac = new("healthy")
    shared = ("/sbin/pfctl", "-a", "com.apple.internet-sharing/shared_v4")
    runner = answering(mac, shared, rule + "\n")
    seen = run(mac, "net.status", "--json", runner=runner)
    assert seen.hops["nat"] == "unknown", seen
    assert rule[:60] in seen.out
    # Neither known to work nor known to be broken: nothing is changed but on an order.
    ran = run(mac, "net.setup", runner=runner)
    assert ran.code == 3
    assert "unrecognised vmnet rule" in ran.err
    assert not anchor_rules(mac)
    assert run(mac, "net.setup", "--always", runner=runner).code == 0
    assert anchor_rules(mac)


@pytest.mark.parametrize(
    "rule", ["no nat on en0 inet from 192.168.64.0/24 to any", "no nat on en0 all"]
)
def test_an_exception_before_vmnets_rule_is_no_coverage(new: New, rule: str) -> None:
    mac = new("healthy")
    text = rule + "\nnat on en0 inet from 192.168.64.0/24 to any -> (en0:0) extfilter ei\n"
    shared = ("/sbin/pfctl", "-a", "com.apple.internet-sharing/shared_v4")
    seen = run(mac, "net.status", "--json", runner=answering(mac, shared, text))
    assert seen.hops["nat"] != "ok", seen


# -- our own files


def test_a_state_file_cut_anywhere_stops_a_change_and_no_look(new: New) -> None:
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    for path in (STATE, BOOT):
        place = mac.path / path[1:]
        whole = place.read_bytes()
        # At every byte: tests/unit/test_parse.py. Here what a task makes of it.
        for length in {*range(0, len(whole) - 3, 9), *range(len(whole) - 3, len(whole))}:
            place.write_bytes(whole[:length])
            ran = run(mac, "net.teardown")
            if ran.code == 0:
                # Only the final newline of the JSON may be missing.
                assert (path, length) == (STATE, len(whole) - 1)
                return
            assert ran.code == 2, (path, length, ran)
            if length % 45 == 0:
                before = picture(mac)
                for task in ("net.setup", "net.plan", "net.persist"):
                    ran = run(mac, task)
                    assert ran.code == 2, (path, length, ran)
                    assert path in one_sentence(ran)
                    assert "sudo rm" in ran.err
                assert run(mac, "net.status").code in (0, 1)
                assert changed(before, picture(mac)) == []
        place.write_bytes(whole)


HOSTILE_STATES: List[Any] = [
    {"schema": 2, "anchor": "com.apple/250.container-net"},
    {"schema": 10**30, "anchor": "com.apple/250.container-net"},
    {"schema": "1", "anchor": "com.apple/250.container-net"},
    {"schema": True, "anchor": "com.apple/250.container-net"},
    {"schema": 1},
    {"schema": 1, "anchor": "com.apple"},
    {"schema": 1, "anchor": 'com.apple/x" all'},
    {"schema": 1, "anchor": "com.apple/../../x"},
    {"schema": 1, "anchor": "com.apple/250.container-net", "seen": {"a": "b"}},
    {"schema": 1, "anchor": "com.apple/250.container-net", "persisted": {"a": {}}},
    {"schema": 1, "anchor": "com.apple/250.container-net", "made": "/etc"},
    [],
    "text",
    None,
]


@pytest.mark.parametrize("content", HOSTILE_STATES, ids=lambda c: str(c)[:60])
def test_a_state_file_that_is_not_ours_or_too_new_stops_a_change(new: New, content: Any) -> None:
    mac = new("broken")
    place = mac.path / STATE[1:]
    place.parent.mkdir()
    place.write_text(json.dumps(content))
    before = picture(mac)
    for task in ("net.setup", "net.persist", "net.teardown", "net.plan"):
        ran = run(mac, task)
        assert ran.code == 2, ran
        assert STATE in one_sentence(ran)
        if isinstance(content, dict) and content["schema"] == 2:
            assert "schema 2" in ran.err
            assert "newer container-net" in ran.err
        assert changed(before, picture(mac)) == []
    assert run(mac, "net.status").code == 1
    ran = run(mac, "net.status", "--json")
    assert ran.data["schema"] == 1


@pytest.mark.parametrize(
    "persisted",
    [
        {"subnets": "nat,$(touch x),192.168.64.1", "daemon": "yes"},
        {"subnets": "nat,192.168.64.0/24,192.168.64.1' ; touch x ; '", "daemon": "yes"},
        {"uplinks": "en0 en1;reboot", "daemon": "yes", "subnets": ""},
        {"guard": "\n\n", "origin": "\x00", "daemon": "yes", "pf_conf": "\n"},
    ],
    ids=str,
)
def test_what_a_hostile_state_file_says_was_persisted_never_becomes_shell(
    new: New, persisted: Dict[str, str], tmp_path: Path
) -> None:
    mac = new("broken")
    place = mac.path / STATE[1:]
    place.parent.mkdir()
    state = {
        "schema": 1,
        "anchor": "com.apple/250.container-net",
        "persisted": persisted,
        "made": ["/etc/passwd", "/", "/private/etc/pf.conf", "../x"],
    }
    place.write_text(json.dumps(state))
    seen = run(mac, "net.status", "--json")
    assert seen.code == 1, seen
    assert run(mac, "net.persist", "--yes").code == 0
    script = (mac.path / "Library/PrivilegedHelperTools/local.container-net").read_text()
    assert "touch x" not in script
    assert "reboot" not in script.replace("reboots", "")
    assert run(mac, "net.teardown").code == 0
    # What it says was made by us is removed only if it is ours by its own content.
    assert (mac.path / "private/etc/pf.conf").exists()
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "container-net-boot 1\nend\n",
        "container-net-boot 2\nboot AAAAAAAA-BBBB\nend\n",
        "container-net-boot 1\nboot AAAAAAAA-BBBB\nforwarding 7\nend\n",
        "container-net-boot 1\nboot AAAAAAAA-BBBB\ntoken 1 pfctl 2\ntoken 1 pfctl 3\nend\n",
        "container-net-boot 1\nboot AAAAAAAA-BBBB\ntoken 1 $(reboot) 2\nend\n",
        "container-net-boot 1\nboot AAAAAAAA-BBBB\ntoken 1 pfctl -1\nend\n",
        "container-net-boot 1\nboot AAAAAAAA-BBBB\nsurprise\nend\n",
        "\x00\xff\n",
    ],
)
def test_a_boot_file_that_is_not_ours_stops_a_change(new: New, text: str) -> None:
    mac = new("broken")
    place = mac.path / BOOT[1:]
    place.parent.mkdir()
    place.write_bytes(text.encode("latin-1"))
    before = picture(mac)
    for task in ("net.setup", "net.teardown"):
        ran = run(mac, task)
        assert ran.code == 2, ran
        assert BOOT in one_sentence(ran)
        assert changed(before, picture(mac)) == []


def test_a_boot_file_cannot_make_us_give_back_what_is_not_ours(new: New) -> None:
    mac = new("broken")
    foreign_token = mac.foreign_enable("InternetSharing")
    row = mac.state["pf"]["tokens"][0]
    place = mac.path / BOOT[1:]
    place.parent.mkdir()
    session = mac.state["sysctl"]["kern.bootsessionuuid"]
    place.write_text(
        f"container-net-boot 1\nboot {session}\ntoken {row['pid']} pfctl {foreign_token}\nend\n"
    )
    assert run(mac, "net.teardown").code == 0
    assert mac.state["pf"]["tokens"] == [row], "the name is not pfctl"


def test_our_files_as_links_are_not_followed(new: New) -> None:
    mac = new("broken")
    place = mac.path / STATE[1:]
    place.parent.mkdir()
    elsewhere = mac.path / "Users/dev/evil.json"
    elsewhere.write_text(json.dumps({"schema": 1, "anchor": "com.apple/250.container-net"}))
    place.symlink_to(elsewhere)
    before = picture(mac)
    ran = run(mac, "net.setup")
    assert ran.code == 2
    assert "symbolic link" in ran.err
    assert changed(before, picture(mac)) == []


def test_a_file_of_ours_that_only_root_reads_is_read_through_sudo(new: New) -> None:
    """The fallback to `sudo cat` answers on the simulated Mac as well."""
    mac = new("broken")
    assert run(mac, "net.setup").code == 0
    told = mac.answer([str(mac.path) + "/usr/bin/sudo", "-n", "/bin/cat", str(mac.path) + STATE])
    assert json.loads(told.out)["schema"] == 1
    assert not hanging(mac)
    assert threading.active_count() < 60
