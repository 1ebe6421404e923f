"""What doctor reads beside the facts: parsers on text alone, and the script on a real shell."""

from __future__ import annotations

import os
import subprocess
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from budget import examples
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from container_net import parse, probes
from container_net.machine import CommandResult
from container_net.parse import Unreadable

SAMPLES = Path(__file__).parents[1] / "samples"
PARSERS: List[Callable[[CommandResult], Any]] = [
    probes.user_id,
    probes.builder,
    probes.netstat,
    probes.resolvers,
    probes.proxy,
    probes.extensions,
    probes.firewall,
    probes.sockets,
    parse.anchors,
    probes.isolation,
    parse.pf_conf_error,
    probes.log_lines,
    probes.guest_table,
]


def sample(name: str) -> CommandResult:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    return CommandResult("x", 0, "".join(text.splitlines(keepends=True)[1:]))


def said(out: str, code: int = 0, err: str = "") -> CommandResult:
    return CommandResult("x", code, out, err)


@settings(max_examples=examples(300))
@given(
    out=st.text(alphabet=st.characters(max_codepoint=255), max_size=200),
    err=st.text(alphabet=st.characters(max_codepoint=255), max_size=60),
    code=st.sampled_from([0, 1, 64]),
)
def test_any_text_is_data_or_unreadable(out: str, err: str, code: int) -> None:
    def check(parser: Callable[[CommandResult], Any]) -> None:
        why = "data"
        try:
            parser(said(out, code, err))
        except Unreadable as error:
            why = str(error)
        assert why

    each(((parser.__name__, parser) for parser in PARSERS), check)


def test_netstat_writes_networks_in_short() -> None:
    found = {row.to: row.interface for row in probes.netstat(sample("netstat_inet_container.txt"))}
    assert found[IPv4Network("127.0.0.0/8")] == "lo0"
    assert found[IPv4Network("192.168.64.0/24")] == "bridge100"
    lines = "Destination        Gateway            Flags               Netif Expire\n"
    more = (
        lines + "0/1  10.8.0.1  UGSc  utun4\n10.60/16  link#9  UCS  utun5\n10.8.0.2  x  UH  utun4\n"
    )
    assert [str(row.to) for row in probes.netstat(said(more))] == [
        "0.0.0.0/1",
        "10.60.0.0/16",
        "10.8.0.2/32",
    ]


def test_a_last_line_without_its_newline_was_cut_off() -> None:
    whole = sample("netstat_inet_container.txt").out
    with pytest.raises(Unreadable, match="cut off"):
        probes.netstat(said(whole[:-3]))


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (probes.user_id, "501\n"),
        (parse.anchors, "  com.apple\n  com.apple/250.container-net\n"),
        (probes.isolation, "   192.168.64.0/24\n   192.168.65.0/24\n"),
        (probes.guest_table, "container-net-probe 1\ngateway ok x\nend\n"),
    ],
)
def test_what_was_cut_off_within_a_line_is_not_believed(
    parser: Callable[[CommandResult], Any], text: str
) -> None:
    parser(said(text))
    for cut in range(1, len(text)):
        if text[cut - 1] != "\n":
            with pytest.raises(Unreadable):
                parser(said(text[:cut]))


def test_lsof_tells_holders_from_connections() -> None:
    rows = probes.sockets(sample("lsof_resolver.txt"))
    assert {(s.family, s.protocol, s.address, s.port) for s in rows} == {
        (family, protocol, "*", 53) for family in ("IPv4", "IPv6") for protocol in ("UDP", "TCP")
    }
    head = "COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\n"
    towards = "curl 9 dev 5u IPv4 0x1 0t0 UDP 192.168.1.37:50123->1.1.1.1:53\n"
    named = "dnsmasq 8 root 4u IPv4 0x2 0t0 UDP 127.0.0.1:53\n"
    assert [s.command for s in probes.sockets(said(head + towards + named))] == ["dnsmasq"]


def test_nobody_on_a_port_is_exit_1_and_silence_and_silence_alone_is_not() -> None:
    assert probes.sockets(said("", 1)) == ()
    with pytest.raises(Unreadable):
        probes.sockets(said("", 0))


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        (
            "Firewall is enabled. (State = 1)\nFirewall has block all state set to disabled.\n",
            False,
        ),
        (
            "Firewall is enabled. (State = 2)\n"
            "Firewall is set to block all non-essential incoming connections\n",
            True,
        ),
        # What was once chosen does nothing while the firewall is off.
        (
            "Firewall is disabled. (State = 0)\n"
            "Firewall is set to block all non-essential incoming connections\n",
            False,
        ),
    ],
)
def test_the_firewall_blocks_only_while_it_is_on(text: str, blocks: bool) -> None:
    more = text + "Firewall stealth mode is off\n"
    assert probes.firewall(said(more)).block_all is blocks


def test_a_firewall_that_contradicts_itself_or_is_managed_is_not_known() -> None:
    for text in (
        "Firewall is enabled. (State = 2)\nFirewall has block all state set to disabled.\n",
        "Firewall settings cannot be modified from command line on managed Mac computers.\n",
    ):
        with pytest.raises(Unreadable):
            probes.firewall(said(text))


def test_resolvers_have_a_port_of_their_own() -> None:
    text = (
        "DNS configuration\n\nresolver #1\n  nameserver[0] : 192.168.1.1\n\n"
        "resolver #2\n  domain   : cont\n  nameserver[0] : 127.0.0.1\n  port     : 2053\n"
    )
    found = probes.resolvers(said(text))
    assert [(r.domain, r.servers, r.port) for r in found] == [
        ("", ("192.168.1.1",), 53),
        ("cont", ("127.0.0.1",), 2053),
    ]


@pytest.mark.parametrize("port", ["\u00b2", "9" * 5000, "-1", "", "53x"])
def test_a_port_that_is_no_number_is_passed_over(port: str) -> None:
    text = f"DNS configuration\n\nresolver #1\n  nameserver[0] : 10.0.0.1\n  port     : {port}\n"
    (found,) = probes.resolvers(said(text))
    assert found.port == 53


@pytest.mark.parametrize("to", ["10.\u00b2", "10/" + "9" * 5000, "9" * 5000 + ".1", "10.1.2.3.4"])
def test_a_route_to_what_is_no_network_is_passed_over(to: str) -> None:
    text = f"Routing tables\n\nInternet:\nDestination Gateway Flags Netif\n{to} 10.0.0.1 UGSc en0\n"
    assert probes.netstat(said(text)) == ()


def test_only_network_extensions_that_are_in_force_count() -> None:
    text = (
        "2 extension(s)\n"
        "--- com.apple.system_extension.endpoint_security\n"
        "enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n"
        "*\t*\tAB\tcom.example.av (1/1)\tAV\t[activated enabled]\n"
        "--- com.apple.system_extension.network_extension\n"
        "enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n"
        "*\t*\tAB\tcom.example.filter (1/1)\tFilter\t[activated enabled]\n"
        "\t\tAB\tcom.example.old (1/1)\tOld\t[terminated waiting to uninstall on reboot]\n"
    )
    (found,) = probes.extensions(said(text))
    assert "com.example.filter" in found


@pytest.mark.parametrize(
    "text",
    [
        '[{"status":"running","configuration":{"id":"web"},"networks":[{"network":"default",'
        '"address":"192.168.64.3\\/24","gateway":"192.168.64.1"}]}]',
        '[{"status":"running","configuration":{"id":"web"},"networks":[{"network":"default",'
        '"ipv4Address":"192.168.64.3/24","ipv4Gateway":"192.168.64.1"}]}]',
        '[{"id":"web","configuration":{},"status":{"state":"running","networks":[{"network":'
        '"default","ipv4Address":"192.168.64.3/24","ipv4Gateway":"192.168.64.1"}]}}]',
    ],
)
def test_addresses_of_containers_in_all_generations(text: str) -> None:
    ((found,),) = (run.attachments for run in parse.containers(said(text)))
    assert (found.container, found.network, found.running) == ("web", "default", True)
    assert (found.address, found.gateway) == (
        IPv4Address("192.168.64.3"),
        IPv4Address("192.168.64.1"),
    )


def test_what_pf_says_of_a_file_is_told_without_its_banner() -> None:
    banner = "pfctl: Use of -f option, could result in flushing of rules\n\n"
    err = banner + "/etc/pf.conf:3: syntax error\n"
    assert parse.pf_conf_error(said("", 1, err)) == "/etc/pf.conf:3: syntax error"
    assert parse.pf_conf_error(said("", 0, err)) == ""
    with pytest.raises(Unreadable):
        parse.pf_conf_error(said("", 1, "pfctl: /etc/pf.conf: Permission denied\n"))


# -- the script in the container


def run_script(folder: Path, *tools: str) -> probes.Guest:
    """The script on this machine's shell, with no tools but those named; each says its words."""
    for name in ("sh", "true"):
        (folder / name).symlink_to(f"/bin/{name}")
    for tool in tools:
        name, _space, body = tool.partition(" ")
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    target = probes.Target("image")
    words = ["192.168.64.1", target.address, "443", target.resolver, target.host, target.url]
    done = subprocess.run(
        ["/bin/sh", "-c", probes.SCRIPT, "probe", *words],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return probes.guest_table(said(done.stdout, done.returncode))


def test_an_image_without_tools_gives_a_table_that_says_so(tmp_path: Path) -> None:
    guest = run_script(tmp_path)
    read = {"resolver", "proxy"}
    states = {name: row.state for name, row in guest.rows.items() if name not in read}
    assert set(states.values()) == {"none"}
    assert set(states) == set(probes.ROWS) - read


def test_each_row_follows_its_tool(tmp_path: Path) -> None:
    guest = run_script(
        tmp_path,
        'ping [ "$5" = 192.168.64.1 ]',
        'nslookup [ "$2" = 1.1.1.1 ] && echo "Name: $1"; exit 0',
        'curl case "$*" in *time_connect*) printf 0.000000; exit 28 ;; *-6*) printf 000; exit 7 ;;'
        " *) printf 404 ;; esac",
    )
    assert {name: guest.state(name) for name in probes.ROWS if name != "resolver"} == {
        "mtu": "none",
        "proxy": "ok",
        "gateway": "ok",
        "address": "failed",
        "tcp": "failed",
        "dns-gateway": "failed",
        "dns-public": "ok",
        "dns-own": "failed",
        "https4": "ok",
        "https6": "failed",
    }
    assert guest.rows["https4"].detail == "404"
    assert guest.rows["https6"].detail == "7"


@pytest.mark.parametrize(
    ("says", "row"),
    [
        ("exit 0", ("ok", "200")),
        ("server returned error: HTTP/1.1 404 Not Found", ("ok", "404")),
        ("bad address 'api.example.test'", ("failed", "6")),
        ("can't connect to remote host (192.0.2.1): Connection refused", ("failed", "7")),
        ("download timed out", ("failed", "28")),
        ("TLS error from peer (alert code 40): handshake failure", ("failed", "35")),
        ("not an http or ftp url: https://api.example.test", ("none", "wget")),
    ],
)
def test_what_busybox_wget_says(tmp_path: Path, says: str, row: Tuple[str, str]) -> None:
    said_so = says if says.startswith("exit") else f'echo "wget: {says}" >&2; exit 1'
    guest = run_script(tmp_path, f'wget [ "$1" != --version ] || exit 1; {said_so}')
    assert (guest.state("https4"), guest.rows["https4"].detail) == row
    assert guest.state("https6") == "none"


def test_hostile_arguments_stay_words(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    mark = tmp_path / "mark"
    hostile = f"$(touch {mark}); touch {mark}"
    done = subprocess.run(
        ["/bin/sh", "-c", probes.SCRIPT, "probe", *[hostile] * 6],
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith("end\n")
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "container-net-probe 1\ngateway ok x\n",
        "container-net-probe 1\ngateway ok x\ngateway failed x\nend\n",
        "container-net-probe 1\ngateway perhaps x\nend\n",
        "container-net-probe 2\ngateway ok x\nend\n",
    ],
)
def test_half_a_table_is_none(text: str) -> None:
    with pytest.raises(Unreadable):
        probes.guest_table(said(text))
