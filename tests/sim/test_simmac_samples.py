"""The simulated Mac says what a Mac was recorded to say.

Two sets: the reference folder beside the repository, where it is there, and our own samples in
tests/samples, each of which names its scene and its command in the first line.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import pytest

from simmac import Answer, Mac, build

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "samples"
OWN = ROOT / "tests" / "samples"

HEADER = re.compile(r"# (stdout|stderr), exit (\d+)")
BANNER = """\
pfctl: Use of -f option, could result in flushing of rules
present in the main ruleset added by the system at startup.
See /etc/pf.conf for further details.

"""
ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled\n"

Setup = Callable[[Mac], None]


class Case(NamedTuple):
    """How a sample is made: a command, who gives it, in which state of which scene."""

    command: str
    root: bool = False
    scene: str = "idle"
    setup: Optional[Setup] = None
    stdin: str = ""
    how: str = "exact"
    """exact, lines (the sample's lines occur in this order), start, statements, transcript"""


def _pf_conf(lines: Sequence[str]) -> Setup:
    def setup(mac: Mac) -> None:
        (mac.path / "etc/pf.conf").write_text("\n".join(lines) + "\n")

    return setup


def _pf(*steps: str) -> Setup:
    def setup(mac: Mac) -> None:
        for step in steps:
            assert mac.answer(shlex.split(step), root=True).code == 0

    return setup


def _tokens(*rows: Tuple[int, int]) -> Setup:
    def setup(mac: Mac) -> None:
        with mac.edit() as state:
            state["pf"]["tokens"] = [
                {"pid": pid, "name": "pfctl", "token": token, "at": state["clock"]}
                for pid, token in rows
            ]

    return setup


def _forwarding(value: str) -> Setup:
    def setup(mac: Mac) -> None:
        with mac.edit() as state:
            state["sysctl"]["net.inet.ip.forwarding"] = value

    return setup


def _two_references(mac: Mac) -> None:
    mac.foreign_enable()
    with mac.edit() as state:
        state["pf"]["tokens"].insert(0, {"pid": 9, "name": "pfctl", "token": 42, "at": 0})
        state["pf"]["references"] += 1


def _one_reference(mac: Mac) -> None:
    with mac.edit() as state:
        state["pf"].update({"enabled": True, "references": 1})
        state["pf"]["tokens"] = [{"pid": 9, "name": "pfctl", "token": 42, "at": 0}]


def _fixed_token(mac: Mac) -> None:
    mac.tokens_come_back()
    with mac.edit() as state:
        state["pf"]["dead"] = [11012949885072952621]


def _names(mac: Mac) -> None:
    from simmac.net import interface

    names = (REFERENCE / "ifconfig_l_container_running.txt").read_text().split("\n")[1]
    with mac.edit() as state:
        state["interfaces"] = [interface(name) for name in names.split()]


def _ports(mac: Mac) -> None:
    from simmac.net import interface

    with mac.edit() as state:
        state["interfaces"] = [
            interface("en0", port="Wi-Fi", mac="3c:22:fb:12:34:56"),
            interface("en1", port="Thunderbolt 1", mac="36:a1:0b:22:33:40"),
            interface("bridge0", port="Thunderbolt Bridge"),
            interface("en5", port="USB 10/100/1000 LAN", mac="00:e0:4c:68:01:02"),
        ]


def _both_families(mac: Mac) -> None:
    with mac.edit() as state:
        for item in state["interfaces"]:
            if item["name"] == "en0":
                item["inet"] = [["192.168.0.106", 24]]
                item["inet6"] = ["2602:ae:15a4:8001:424:837a:870:6095"]


def _agent(mac: Mac) -> None:
    program = "/Users/robert/Library/Application Support/cc-director/launcher/cc-launcher"
    with mac.edit() as state:
        state["jobs"]["gui/501/com.devthrottle.cc-launcher"] = {
            "label": "com.devthrottle.cc-launcher",
            "path": "/Users/robert/Library/LaunchAgents/com.devthrottle.cc-launcher.plist",
            "program": program,
            "arguments": [program, "--managed"],
            "run_at_load": True,
            "watch": [],
            "interval": None,
            "next": None,
            "state": "not running",
            "runs": 2,
            "exit": "134: Abort trap",
            "pid": None,
        }


def _sysctl_conf(mac: Mac) -> None:
    text = "kern.maxfiles=10485760\nkern.maxfilesperproc=1048576\n"
    (mac.path / "etc/sysctl.conf").write_text(text)
    mac.reboot()


def _router(address: str) -> Setup:
    def setup(mac: Mac) -> None:
        with mac.edit() as state:
            for item in state["interfaces"]:
                if item["name"] == "en0":
                    item["gateway"] = address

    return setup


FLUSHED = "/sbin/pfctl -a com.example/x -F"
NAT = "nat on en0 from 10.200.0.0/16 to any -> (en0)\n"
AGENT = "gui/501/com.devthrottle.cc-launcher"
ABSENT_AGENT = "gui/501/com.chirality.ci.runatload.login.owner"
CONCORDIUM = "/Library/Concordium Node/LaunchDaemons/software.concordium.mainnet.node.plist"

CASES = {
    "etc_pf.anchors_com.apple_stock.txt": Case(
        "/bin/cat /etc/pf.anchors/com.apple", how="statements"
    ),
    "etc_pf.conf_stock.txt": Case("/bin/cat /etc/pf.conf", how="statements"),
    "ifconfig_bridge100_absent.stderr.txt": Case("/sbin/ifconfig bridge100"),
    "ifconfig_bridge100_inet_container.txt": Case(
        "/sbin/ifconfig bridge100", scene="broken", how="lines"
    ),
    "ifconfig_l_container_running.txt": Case("/sbin/ifconfig -l", setup=_names),
    "launchctl_bootout_1.stderr.txt": Case("/bin/launchctl bootout system/com.example.job"),
    "launchctl_bootout_3.stderr.txt": Case("/bin/launchctl bootout system/com.example.job", True),
    "launchctl_bootout_5.stderr.txt": Case("/bin/launchctl bootout system /Library/x.plist", True),
    "launchctl_bootstrap_5.stderr.txt": Case(
        "/bin/launchctl bootstrap system /Library/x.plist", True
    ),
    "launchctl_load_bad_owner.stderr.txt": Case(
        f"/bin/launchctl load {shlex.quote(CONCORDIUM)}", True
    ),
    "launchctl_print_absent_gui.stderr.txt": Case(f"/bin/launchctl print {ABSENT_AGENT}"),
    "launchctl_print_absent_system.stderr.txt": Case("/bin/launchctl print system/com.example.job"),
    "launchctl_print_present.txt": Case(f"/bin/launchctl print {AGENT}", setup=_agent),
    "networksetup_listallhardwareports.txt": Case(
        "/usr/sbin/networksetup -listallhardwareports", setup=_ports
    ),
    "pfctl_E_ok.stderr.txt": Case("/sbin/pfctl -E", True, setup=_fixed_token),
    "pfctl_F_all_main.stderr.txt": Case("/sbin/pfctl -F all", True),
    "pfctl_X_last.stderr.txt": Case("/sbin/pfctl -X 42", True, setup=_one_reference),
    "pfctl_X_others_remain.stderr.txt": Case("/sbin/pfctl -X 42", True, setup=_two_references),
    "pfctl_X_stale_pf_disabled.stderr.txt": Case("/sbin/pfctl -X 42", True),
    "pfctl_a_X_F_all.stderr.txt": Case(f"{FLUSHED} all", True),
    "pfctl_a_X_F_nat.stderr.txt": Case(f"{FLUSHED} nat", True),
    "pfctl_a_com.apple_sr.txt": Case("/sbin/pfctl -a com.apple -sr", True),
    "pfctl_a_missing_anchor_sAnchors.stderr.txt": Case(
        "/sbin/pfctl -a com.example/peer -s Anchors", True
    ),
    "pfctl_a_missing_anchor_sn.stderr.txt": Case("/sbin/pfctl -a com.example/peer -sn", True),
    "pfctl_banner_f.txt": Case("/sbin/pfctl -nf /etc/pf.conf"),
    "pfctl_d_disabled.stderr.txt": Case("/sbin/pfctl -d", True),
    "pfctl_ef_already_enabled.stderr.txt": Case(
        "/sbin/pfctl -ef /etc/pf.conf", True, setup=_pf("/sbin/pfctl -E")
    ),
    "pfctl_ef_enabled_now.stderr.txt": Case("/sbin/pfctl -ef /etc/pf.conf", True),
    "pfctl_nvf_dry_run_print.stdout.txt": Case(
        "/sbin/pfctl -nvf -",
        stdin=(
            'nat-anchor "com.apple/*"\nnat-anchor "com.apple.internet-sharing"\n'
            'rdr-anchor "com.apple/*"\nrdr-anchor "com.apple.internet-sharing"\n'
        ),
    ),
    "pfctl_rules_order.stderr.txt": Case(
        "/sbin/pfctl -nf /etc/pf.conf",
        setup=_pf_conf(["pass all", *["#"] * 10, "scrub in all"]),
    ),
    "pfctl_s_Anchors_plain.txt": Case("/sbin/pfctl -s Anchors", True),
    "pfctl_s_References_none.txt": Case("/sbin/pfctl -s References", True),
    "pfctl_s_References_one.txt": Case(
        "/sbin/pfctl -s References", True, setup=_tokens((4063, 15053025338191571182))
    ),
    "pfctl_s_References_two.txt": Case(
        "/sbin/pfctl -s References",
        True,
        setup=_tokens((4077, 9084387343160548126), (4063, 15053025338191571182)),
    ),
    "pfctl_s_info_disabled.txt": Case("/sbin/pfctl -s info", True),
    "pfctl_s_info_enabled_head.txt": Case(
        "/sbin/pfctl -s info", True, setup=_pf("/sbin/pfctl -E"), how="start"
    ),
    "pfctl_s_info_not_root.txt": Case("/sbin/pfctl -s info"),
    "pfctl_sn_stock.stdout.txt": Case("/sbin/pfctl -sn", True),
    "pfctl_sn_user_rule_normalised.txt": Case(
        "/sbin/pfctl -a com.apple/x -sn",
        True,
        setup=lambda mac: _loaded(mac, "com.apple/x", NAT),
    ),
    "pfctl_sr_stock.stdout.txt": Case("/sbin/pfctl -sr", True),
    "pfctl_syntax_error_file.stderr.txt": Case(
        "/sbin/pfctl -f /etc/pf.conf",
        True,
        setup=_pf_conf([*["#"] * 23, "pass in from bridge100:network to any"]),
    ),
    "pfctl_syntax_error_stdin.stderr.txt": Case("/sbin/pfctl -f -", True, stdin="nat nonsense\n"),
    "pfctl_v_s_Anchors.txt": Case(
        "/sbin/pfctl -v -s Anchors",
        True,
        setup=lambda mac: _loaded(mac, "com.apple/200.AirDrop/Bonjour", "pass all\n"),
    ),
    "pfctl_vmnet_shared_v4_nat.txt": Case(
        "/sbin/pfctl -a com.apple.internet-sharing/shared_v4 -s nat", True, "healthy"
    ),
    "route_get_default_en0.txt": Case("/sbin/route -n get default", setup=_router("192.168.1.1")),
    "route_get_no_route.txt": Case("/sbin/route -n get default", setup=lambda mac: mac.unplug()),
    "scutil_nwi.txt": Case("/usr/sbin/scutil --nwi", setup=_both_families),
    "sudo_n_no_credential.stderr.txt": Case(
        "/usr/bin/sudo -n /usr/bin/true", setup=lambda mac: mac.refuse_sudo()
    ),
    "sysctl_conf_ignored_bigsur.txt": Case("", setup=_sysctl_conf, how="transcript"),
    "sysctl_n_read.txt": Case("/usr/sbin/sysctl -n net.inet.ip.forwarding", setup=_forwarding("1")),
    "sysctl_read.txt": Case("/usr/sbin/sysctl net.inet.ip.forwarding", setup=_forwarding("1")),
    "sysctl_unknown_oid.txt": Case("/usr/sbin/sysctl net.inet.ip.fw.enable"),
    "sysctl_w_not_root.stderr.txt": Case("/usr/sbin/sysctl -w net.inet.ip.forwarding=1"),
    "sysctl_w_not_root.stdout.txt": Case("/usr/sbin/sysctl -w net.inet.ip.forwarding=1"),
    "sysctl_w_ok.txt": Case("/usr/sbin/sysctl -w net.inet.ip.forwarding=1", True),
}


def _loaded(mac: Mac, anchor: str, text: str) -> None:
    found = mac.answer(["/sbin/pfctl", "-a", anchor, "-f", "-"], text.encode(), root=True)
    assert found.code == 0, found


def _sample(path: Path) -> Tuple[str, int, str]:
    """(stream, exit status, text) of a sample."""
    first, text = path.read_text().split("\n", 1)
    match = HEADER.match(first)
    assert match, f"{path.name}: {first}"
    return match.group(1), int(match.group(2)), text


def _without_extras(said: str, sample: str) -> str:
    """Lines that pfctl adds to every call, where whoever recorded the sample left them out."""
    for extra in (BANNER, ALTQ):
        if extra not in sample:
            said = said.replace(extra, "")
    return said


def _statements(text: str) -> List[str]:
    return [line for line in text.split("\n") if not line.startswith("#")]


def _compare(how: str, said: str, sample: str) -> None:
    if how == "exact":
        assert said == sample
    elif how == "start":
        assert said.startswith(sample)
    elif how == "statements":
        assert [s for s in _statements(said) if s] == [s for s in _statements(sample) if s]
        assert len(said.split("\n\n")) == len(sample.split("\n\n"))
    else:
        rest = iter(said.splitlines())
        assert all(line in rest for line in sample.splitlines()), said


def _transcript(mac: Mac, text: str) -> None:
    places = {"cat": "/bin/cat", "sysctl": "/usr/sbin/sysctl"}
    for block in text.split("$ sudo ")[1:]:
        command, said = block.split("\n", 1)
        words = shlex.split(command)
        found = mac.answer([places[words[0]], *words[1:]], root=True)
        assert found == Answer(0, said.encode())


needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the reference samples are not beside this checkout"
)


@needs_reference
@pytest.mark.parametrize("name", sorted(CASES))
def test_reference_sample_is_what_the_simulated_mac_says(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    stream, code, text = _sample(REFERENCE / name)
    mac = build(tmp_path / "mac", case.scene)
    if case.setup is not None:
        case.setup(mac)
    if case.how == "transcript":
        _transcript(mac, text)
        return
    found = mac.answer(shlex.split(case.command), case.stdin.encode(), case.root)
    said = (found.out if stream == "stdout" else found.err).decode()
    keep = BANNER if name == "pfctl_banner_f.txt" else text
    _compare(case.how, _without_extras(said, keep), text)
    assert found.code == code


@needs_reference
def test_every_reference_sample_has_a_case() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(CASES)


OWN_HEADER = re.compile(r"# (stdout|stderr), exit (\d+), (\S+)((?:, \S+)*): (.*)")


@pytest.mark.parametrize("path", sorted(OWN.glob("*.txt")), ids=lambda path: str(path.stem))
def test_own_sample_is_what_the_simulated_mac_says(path: Path, tmp_path: Path) -> None:
    first, text = path.read_text().split("\n", 1)
    match = OWN_HEADER.match(first)
    assert match, first
    stream, code, scene, options, command = match.groups()
    mac = build(tmp_path / "mac", scene)
    stdin = b""
    if "<<<" in command:
        command, _, given = command.partition(" <<< ")
        stdin = given.encode() + b"\n"
    found = mac.answer(shlex.split(command), stdin, root="root" in options)
    assert (found.out if stream == "stdout" else found.err).decode() == text
    assert found.code == int(code)


def test_there_are_own_samples() -> None:
    assert len(list(OWN.glob("*.txt"))) >= 20
