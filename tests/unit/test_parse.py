"""What commands say → data. The forms are those of docs/reference."""

from __future__ import annotations

import dataclasses
import json
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from budget import examples
from each import each
from hypothesis import example, given, settings
from hypothesis import strategies as st

from container_net import parse
from container_net.machine import CommandResult
from container_net.model import (
    Boot,
    ContainerRun,
    Image,
    Interface,
    Network,
    Port,
    Reference,
    Route,
    Rule,
    State,
)
from container_net.parse import Unreadable

SAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "samples"

ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled\n"
NO_ANCHOR = "pfctl: DIOCGETRULES: Invalid argument\n"
DENIED = "pfctl: /dev/pf: Permission denied\n"


def said(out: str = "", err: str = "", code: Optional[int] = 0) -> CommandResult:
    return CommandResult("command", code, out, err)


# -- route


def route_text(interface: str, gateway: str = "") -> str:
    return (
        "   route to: default\n"
        "destination: default\n"
        "       mask: default\n"
        + (f"    gateway: {gateway}\n" if gateway else "")
        + f"  interface: {interface}\n"
        "      flags: <UP,DONE,STATIC,PRCLONING,GLOBAL>\n"
        " recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire\n"
        "       0         0         0         0         0         0      1380         0 \n"
    )


@pytest.mark.parametrize(
    ("answer", "route"),
    [
        (said(route_text("en7", "172.20.10.1")), Route("en7", "172.20.10.1")),
        (said(route_text("utun4")), Route("utun4", "")),
        (said(route_text("bridge100", "link#23")), Route("bridge100", "link#23")),
        (said(route_text("en0", "fe80::1%en0")), Route("en0", "fe80::1%en0")),
        (said("", "route: writing to routing socket: not in table\n"), None),
        (said("", "route: route has not been found\n", 1), None),
    ],
    ids=["gateway", "VPN without gateway", "link", "scoped", "no route, exit 0", "FreeBSD text"],
)
def test_a_route_is_read_by_its_interface_line(
    answer: CommandResult, route: Optional[Route]
) -> None:
    assert parse.default_route(answer) == route


@pytest.mark.parametrize(
    "answer",
    [
        said(),
        said("   route to: default\n"),
        said(route_text("en0") + route_text("en1")),
        said(route_text("en0;reboot")),
        said("", "route: bad keyword: gett\n", 64),
    ],
    ids=["nothing", "no interface", "two answers", "hostile name", "usage"],
)
def test_a_route_that_makes_no_sense_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.default_route(answer)


# -- sysctl, sw_vers, networksetup


@pytest.mark.parametrize(
    ("parser", "answer", "value"),
    [
        (parse.forwarding, said("0\n"), 0),
        (parse.forwarding, said("1\n"), 1),
        (
            parse.boot_session,
            said("7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF\n"),
            "7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF",
        ),
        (parse.os_version, said("26.1\n"), "26.1"),
        (parse.os_version, said("26\n"), "26"),
        (parse.os_version, said("15.6.1\n"), "15.6.1"),
    ],
)
def test_one_word_answers(
    parser: Callable[[CommandResult], Any], answer: CommandResult, value: Any
) -> None:
    assert parser(answer) == value


@pytest.mark.parametrize(
    ("parser", "answer"),
    [
        (parse.forwarding, said("2\n")),
        (parse.forwarding, said("")),
        (parse.forwarding, said("net.inet.ip.forwarding: 1\n")),
        (parse.forwarding, said("1\n", "", 1)),
        (parse.forwarding, said("", "sysctl: unknown oid 'net.inet.ip.forwarding'\n", 1)),
        (parse.boot_session, said("short\n")),
        (parse.boot_session, said("0C0FFEE0 1111\n")),
        (parse.boot_session, said("7B2C1F60-0A3D-4E55\nend\n")),
        (parse.os_version, said("ProductVersion: 26.1\n")),
        (parse.os_version, said("26.1\x1b[31m\n")),
    ],
)
def test_other_words_are_unreadable(
    parser: Callable[[CommandResult], Any], answer: CommandResult
) -> None:
    with pytest.raises(Unreadable):
        parser(answer)


PORTS = """
Hardware Port: Ethernet
Device: en8
Ethernet Address: 02:00:5e:10:00:01

Hardware Port: Wi-Fi
Device: en0
Ethernet Address: 02:00:5e:10:00:02

Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: N/A

VLAN Configurations
===================
"""


def test_hardware_ports_keep_their_order_and_names() -> None:
    assert parse.ports(said(PORTS)) == (
        Port("en8", "Ethernet"),
        Port("en0", "Wi-Fi"),
        Port("bridge0", "Thunderbolt Bridge"),
    )


def test_a_mac_without_ports_has_none_and_silence_is_unreadable() -> None:
    assert parse.ports(said("\nVLAN Configurations\n===================\n")) == ()
    with pytest.raises(Unreadable):
        parse.ports(said(""))
    with pytest.raises(Unreadable):
        parse.ports(said(PORTS, "", 4))


# -- ifconfig

IFCONFIG = (
    "lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384\n"
    "\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>\n"
    "\tinet 127.0.0.1 netmask 0xff000000\n"
    "\tinet6 ::1 prefixlen 128 \n"
    "XHC20: flags=0<> mtu 0\n"
    "en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500\n"
    "\tether 02:00:5e:10:00:02\n"
    "\tinet 10.4.7.21 netmask 0xfffffc00 broadcast 10.4.7.255\n"
    "\tinet 10.4.7.22 netmask 0xffffffff broadcast 10.4.7.22\n"
    "\tstatus: active\n"
    "bridge101: flags=8a63<UP,BROADCAST,SMART,RUNNING,ALLMULTI,SIMPLEX,MULTICAST> mtu 1500\n"
    "\tinet 192.168.65.1 netmask 0xffffff00 broadcast 192.168.65.255\n"
    "\tConfiguration:\n"
    "\t\tid 0:0:0:0:0:0 priority 0 hellotime 0 fwddelay 0\n"
    "\tmember: vmenet0 flags=3<LEARNING,DISCOVER>\n"
    "\t        ifmaxaddr 0 port 21 priority 0 path cost 0\n"
    "\tmember: vmenet3 flags=10003<LEARNING,DISCOVER,CSUM>\n"
    "utun6: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1380\n"
    "\tinet 100.99.1.2 --> 100.99.1.1 netmask 0xffffffff\n"
)


def test_interfaces_have_flags_addresses_and_members() -> None:
    lo0, usb, en0, bridge, utun = parse.interfaces(said(IFCONFIG))
    assert lo0 == Interface(
        "lo0", ("UP", "LOOPBACK", "RUNNING", "MULTICAST"), (IPv4Interface("127.0.0.1/8"),), ()
    )
    assert usb == Interface("XHC20")
    assert en0.inet == (IPv4Interface("10.4.7.21/22"), IPv4Interface("10.4.7.22/32"))
    assert bridge.members == ("vmenet0", "vmenet3")
    assert utun.inet == (IPv4Interface("100.99.1.2/32"),)
    assert utun.flags == ("UP", "POINTOPOINT", "RUNNING", "MULTICAST")


EN0 = "en0: flags=8863<UP,RUNNING> mtu 1500\n"


@pytest.mark.parametrize(
    "answer",
    [
        said(""),
        said(EN0 + "\tinet 10.0.0.1 netmask 0xff00ff00 broadcast 10.0.0.255\n"),
        said(EN0 + "\tinet 10.0.0.1 netmask 0xffff broadcast 10.0.0.255\n"),
        said(EN0 + "\tinet 10.0.0.1 netmask 255.255.255.0\n"),
        said(EN0 + "\tinet 10.0.0.256 netmask 0xffffff00\n"),
        said(EN0 + "\tinet 10.0.0 netmask 0xffffff00\n"),
        said("\tinet 10.0.0.1 netmask 0xffffff00\n" + EN0),
        said(EN0 + "Segmentation fault: 11\n"),
        said(EN0, "", 1),
        said("", "ifconfig: interface bridge100 does not exist\n", 1),
    ],
    ids=[
        "nothing",
        "mask with a hole",
        "short mask",
        "dotted mask",
        "no address",
        "cut address",
        "address before any name",
        "a crash in the middle",
        "failed",
        "absent",
    ],
)
def test_interfaces_that_make_no_sense_are_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.interfaces(answer)


def test_the_line_that_made_no_sense_is_the_evidence() -> None:
    with pytest.raises(Unreadable, match=r"10\.0\.0\.1 netmask 0xff00ff00"):
        parse.interfaces(said(EN0 + "\tinet 10.0.0.1 netmask 0xff00ff00\n"))


# -- container


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("container CLI version 1.1.0 (build: release, commit: 0123abc)\n", "1.1.0"),
        ("container CLI version 0.4.1\n", "0.4.1"),
        ("container version v2.0\n", "2.0"),
    ],
)
def test_the_version_of_container(text: str, version: str) -> None:
    assert parse.container_version(said(text)) == version


@pytest.mark.parametrize("answer", [said("container\n"), said("version 1.2.2\n", "", 1), said()])
def test_no_version_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.container_version(answer)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (said('{"status":"running","appRoot":"\\/Users\\/p\\/Library"}\n'), "running"),
        (said('{"status":"not running"}\n', "", 1), "not running"),
        (said('{"status":"unregistered"}\n', "", 1), "unregistered"),
        (said("Verifying apiserver is running...\napiserver is running\n"), "running"),
        (said("apiserver is not running\n", "", 1), "not running"),
        (
            said("", "apiserver is not running and not registered with launchd\n", 1),
            "unregistered",
        ),
    ],
)
def test_the_service_in_json_and_in_words(answer: CommandResult, status: str) -> None:
    assert parse.service(answer) == status


@pytest.mark.parametrize(
    "answer",
    [
        said('{"status":"starting"}'),
        said('{"status":["running"]}'),
        said('{"status":"runn'),
        said("[]"),
        said("7"),
        said("null"),
        said("", "Error: Unknown option '--format'\n", 64),
        said("[" * 100_000),
    ],
)
def test_a_service_that_makes_no_sense_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.service(answer)


DEFAULT = Network("default", "nat", IPv4Network("192.168.66.0/24"), IPv4Address("192.168.66.1"))
GENERATIONS = {
    "0.7": '[{"id":"default","state":"running","config":{"id":"default","mode":"nat"},'
    '"status":{"address":"192.168.66.0\\/24","gateway":"192.168.66.1"}}]',
    "0.12": '[{"id":"default","state":"running","config":{"mode":"nat"},'
    '"status":{"ipv4Subnet":"192.168.66.0\\/24","ipv4Gateway":"192.168.66.1",'
    '"ipv6Subnet":"fd00:1::\\/64"}}]',
    "1.0": '[{"id":"default","configuration":{"name":"default","creationDate":771,"mode":"nat",'
    '"labels":{"com.apple.container.resource.role":"builtin"},"plugin":"container-network-vmnet",'
    '"options":{}},"status":{"ipv4Subnet":"192.168.66.0/24","ipv4Gateway":"192.168.66.1"}}]',
}


@pytest.mark.parametrize("generation", sorted(GENERATIONS))
def test_the_default_network_reads_the_same_in_every_generation(generation: str) -> None:
    assert parse.networks(said(GENERATIONS[generation])) == (DEFAULT,)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ('[{"id":"a"}]', Network("a")),
        ('[{"config":{"id":"a"}}]', Network("a")),
        ('[{"configuration":{"name":"a","mode":"hostOnly"}}]', Network("a", "hostOnly")),
        (
            '[{"id":"a","config":{"mode":"nat","subnet":"10.9.0.1\\/24"}}]',
            Network("a", "nat", IPv4Network("10.9.0.0/24")),
        ),
        (
            '[{"id":"a","configuration":{"ipv4Subnet":"10.9.0.0/24"},"status":{}}]',
            Network("a", "", IPv4Network("10.9.0.0/24")),
        ),
        (
            '[{"id":"a","status":{"ipv4Gateway":"10.9.0.1/24"}}]',
            Network("a", "", None, IPv4Address("10.9.0.1")),
        ),
        (
            '[{"id":"a","config":[1],"status":null,"labels":7}]',
            Network("a"),
        ),
        ('[{"id":"a","status":{"ipv4Subnet":7,"ipv4Gateway":null}}]', Network("a")),
    ],
)
def test_every_field_of_a_network_but_its_name_may_be_missing(text: str, network: Network) -> None:
    assert parse.networks(said(text)) == (network,)


def test_no_networks_are_none() -> None:
    assert parse.networks(said("[]\n")) == ()


@pytest.mark.parametrize(
    "answer",
    [
        said(""),
        said("{}"),
        said("[7]"),
        said('[{"config":{"mode":"nat"}}]'),
        said('[{"id":"a","status":{"ipv4Subnet":"192.168.66"}}]'),
        said('[{"id":"a","status":{"ipv4Subnet":"fd00::/64"}}]'),
        said('[{"id":"a","status":{"ipv4Gateway":"$(reboot)"}}]'),
        said("[" * 100_000),
        said("NETWORK  SUBNET\ndefault  192.168.66.0/24\n"),
        said("[]", "Error: interrupted", 1),
    ]
    + [said(GENERATIONS["1.0"][:n]) for n in range(1, len(GENERATIONS["1.0"]), 23)],
)
def test_networks_that_make_no_sense_are_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.networks(answer)


@pytest.mark.parametrize(
    "text",
    [
        '[{"status":"running","configuration":{"id":"web","image":{"reference":"nginx:1"}},'
        '"networks":[{"network":"default","hostname":"web","address":"192.168.66.3\\/24",'
        '"gateway":"192.168.66.1"}]}]',
        '[{"status":"running","configuration":{"id":"web","image":{"reference":"nginx:1"}},'
        '"networks":[{"network":"default","ipv4Address":"192.168.66.3\\/24","mtu":1280}]}]',
        '[{"id":"web","configuration":{"id":"web","image":{"reference":"nginx:1"}},'
        '"status":{"state":"running","networks":[{"network":"default","variant":"reserved"}],'
        '"startedDate":800000000}}]',
    ],
    ids=["0.7", "0.12", "1.0"],
)
def test_a_container_reads_the_same_in_every_generation(text: str) -> None:
    assert bare(parse.containers(said(text))) == [
        ContainerRun("web", True, ("default",), "nginx:1")
    ]


def bare(found: Tuple[ContainerRun, ...]) -> List[ContainerRun]:
    """Without the places in networks, which tests/unit/test_doctor_probes.py looks at."""
    return [dataclasses.replace(run, attachments=()) for run in found]


@pytest.mark.parametrize(
    ("text", "container"),
    [
        ('[{"status":"stopped"}]', ContainerRun("?", False)),
        ('[{"id":"a","status":{"state":"stopping"}}]', ContainerRun("a", False)),
        ('[{"id":"a","status":"running","networks":[1,{}]}]', ContainerRun("a", True)),
        ('[{"id":"a","status":"running","configuration":7}]', ContainerRun("a", True)),
    ],
)
def test_fields_of_a_container_may_be_missing(text: str, container: ContainerRun) -> None:
    assert bare(parse.containers(said(text))) == [container]


@pytest.mark.parametrize(
    "answer",
    [
        said('[{"id":"a"}]'),
        said('[{"id":"a","status":{}}]'),
        said('[{"id":"a","status":"running","networks":"default"}]'),
        said('[{"id":"a","status":"runn'),
        said("{}"),
        said("", "Error: XPC connection error\n", 1),
    ],
)
def test_containers_that_make_no_sense_are_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.containers(answer)


@pytest.mark.parametrize(
    ("answer", "image"),
    [
        (
            said('[{"name":"agent:1","variants":[{"config":{"config":{"Env":["A=1","B=2"]}}}]}]'),
            Image("agent:1", ("A=1", "B=2")),
        ),
        (said('[{"name":"agent:1","config":{"env":["A=1",7]}}]'), Image("agent:1", ("A=1",))),
        (
            said('[{"name":"a","variants":[{"Env":["A=1"]},{"Env":["A=2"]}]}]'),
            Image("a", ("A=1", "A=2")),
        ),
        (said('[{"name":"agent:1","variants":[{"Env":[]}]}]'), Image("agent:1", ())),
        (said('[{"index":{}}]'), Image("?", None)),
        (said("[]"), None),
        (said("", "Error: image not found: agent:1\n", 1), None),
        (said("", "Error: notFound: agent:1\n", 1), None),
    ],
)
def test_the_environment_of_an_image_wherever_it_stands(
    answer: CommandResult, image: Optional[Image]
) -> None:
    assert parse.image(answer) == image


@pytest.mark.parametrize("answer", [said("", "Error: XPC\n", 1), said("{}"), said('[{"name":')])
def test_an_image_that_makes_no_sense_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.image(answer)


# -- pfctl


@pytest.mark.parametrize(
    ("out", "enabled"),
    [
        ("Status: Enabled for 3 days 01:02:03           Debug: Urgent\n\nState Table\n", True),
        ("Status: Disabled                              Debug: Urgent\n", False),
        ("Status: Disabled for 0 days 00:10:00          Debug: Urgent\n", False),
    ],
)
def test_pf_is_enabled_or_not(out: str, enabled: bool) -> None:
    assert parse.pf_enabled(said(out, ALTQ)) is enabled


@pytest.mark.parametrize(
    "answer",
    [
        said("", DENIED, 1),
        said("", ALTQ),
        said("Status: Enabledish\n"),
        said("Status: Enabled for 0 days\n", "", 1),
        said("nat-anchor all\nStatus: Enabled for 0 days\n"),
    ],
)
def test_a_status_that_makes_no_sense_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.pf_enabled(answer)


TOKENS = (
    "TOKENS:\n"
    "PID      Process Name                 TOKEN                    TIMESTAMP\n"
    "911      pfctl                        18446744073709551615     12 days 03:04:05\n"
    "77       Internet Sharing Dæmon (x)   4                        1 day 00:00:00\n"
    "78       a-very-long-process-name-of-more-than-28-chars 5 0 days 00:00:01\n"
)


def test_references_have_pid_name_and_token_and_names_may_have_spaces() -> None:
    assert parse.references(said(TOKENS, ALTQ)) == (
        Reference("911", "pfctl", "18446744073709551615"),
        Reference("77", "Internet Sharing Dæmon (x)", "4"),
        Reference("78", "a-very-long-process-name-of-more-than-28-chars", "5"),
    )


def test_no_references_are_none() -> None:
    assert parse.references(said("No pf starter references held\n", ALTQ)) == ()


@pytest.mark.parametrize(
    "answer",
    [
        said("", DENIED, 1),
        said("", ALTQ),
        said(TOKENS + "911      pfctl   1844674\n"),
        said(TOKENS[: TOKENS.index("12 days")]),
        said(TOKENS, "pfctl: DIOCGETSTARTERS: Device busy\n"),
        said("PID name TOKEN\n1 pfctl 2 0 days 00:00:00\n"),
    ],
    ids=["not root", "silence", "cut row", "cut table", "complaint, exit 0", "no head"],
)
def test_references_that_make_no_sense_are_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.references(answer)


def test_rules_are_the_lines_and_the_counters_belong_to_the_line_above() -> None:
    verbose = (
        "nat on en9 inet from 10.9.0.0/24 to any -> (en9:0)\n"
        "  [ Evaluations: 41        Packets: 12        Bytes: 960         States: 2     ]\n"
        "  [ Inserted: uid 0 pid 5150 ]\n"
        "nat on en8 inet from 10.9.0.0/24 to any -> (en8:0)\n"
        "  [ Evaluations: 7         Packets: 0         Bytes: 0           States: 0     ]\n"
        "  [ Inserted: uid 0 pid 5150 ]\n"
    )
    assert parse.rules(said(verbose, ALTQ)) == (
        Rule("nat on en9 inet from 10.9.0.0/24 to any -> (en9:0)", 41, 12, 2),
        Rule("nat on en8 inet from 10.9.0.0/24 to any -> (en8:0)", 7, 0, 0),
    )
    assert parse.rules(said("@0 block drop in all\n")) == (Rule("@0 block drop in all"),)


def test_a_missing_anchor_and_an_empty_one_have_no_rules() -> None:
    assert parse.rules(said("", NO_ANCHOR)) == ()
    assert parse.rules(said("", ALTQ + NO_ANCHOR)) == ()
    assert parse.rules(said("", ALTQ)) == ()


@pytest.mark.parametrize(
    "answer",
    [
        said("", DENIED, 1),
        said("", DENIED),
        said("nat-anchor all\n", NO_ANCHOR),
        said("", NO_ANCHOR + "pfctl: something else\n"),
        said("", "", 1),
        said("}\n"),
        said("-> en0\n"),
    ],
)
def test_rules_that_make_no_sense_are_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.rules(answer)


def test_counters_beyond_reason_are_left_out() -> None:
    counters = "  [ Evaluations: " + "9" * 5000 + "  Packets: 1  Bytes: 1  States: 1 ]\n"
    assert parse.rules(said("nat on en0 all\n" + counters)) == (Rule("nat on en0 all"),)


def test_the_token_is_on_stderr() -> None:
    assert parse.token(said("", ALTQ + "pf enabled\nToken : 18446744073709551615\n")) == (
        "18446744073709551615"
    )


@pytest.mark.parametrize(
    "answer",
    [
        said("Token : 5\n", "pf enabled\n"),
        said("", "pf enabled\nToken : five\n"),
        said("", "pf enabled\nToken : 5\n", 1),
        said("", "Token : " + "1" * 21 + "\n"),
        said("", DENIED, 1),
    ],
)
def test_no_token_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.token(answer)


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        (
            "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0) round-robin",
            "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0)",
            True,
        ),
        (
            "nat on en0 from 10.9.0.0/24 to any -> ( en0:0 )",
            "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0)",
            True,
        ),
        (
            "block in quick on en0 inet from any to 10.9.0.0/24",
            "block drop in quick on en0 inet from any to 10.9.0.0/24",
            True,
        ),
        (
            "nat on en0 inet from 10.9.0.0/24 to any -> (en0)",
            "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0)",
            False,
        ),
        (
            "nat on en1 inet from 10.9.0.0/24 to any -> (en0:0)",
            "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0)",
            False,
        ),
        (
            "block in on en0 inet from any to 10.9.0.0/24",
            "block drop in quick on en0 inet from any to 10.9.0.0/24",
            False,
        ),
    ],
)
def test_rules_are_compared_by_their_words(live: str, wanted: str, same: bool) -> None:
    assert parse.same_rules((Rule(live),), (wanted,)) is same


def test_the_number_of_rules_counts_and_their_order_where_it_means_something() -> None:
    a, b = "nat on en0 all -> (en0:0)", "nat on en1 all -> (en1:0)"
    assert parse.same_rules((Rule(a), Rule(b)), (a, b))
    assert parse.same_rules((Rule(b), Rule(a)), (a, b))
    allow = "pass in quick inet from 10.1.0.0/16 to 10.1.0.1 no state"
    deny = "block drop in quick inet from 10.1.0.0/16 to 10.0.0.0/8"
    other = "block drop in quick inet from 10.2.0.0/16 to 10.0.0.0/8"
    on_en0 = "block drop in quick on en0 inet from 10.1.0.0/16 to any"
    assert not parse.same_rules((Rule(deny), Rule(allow)), (allow, deny))
    assert parse.same_rules(tuple(map(Rule, (other, allow, deny))), (allow, deny, other))
    assert parse.same_rules(tuple(map(Rule, (on_en0, allow, deny))), (allow, on_en0, deny))
    assert not parse.same_rules((Rule(a), Rule(a)), (a, b))
    assert not parse.same_rules((Rule(a),), (a, b))
    assert not parse.same_rules((Rule(a), Rule(b)), (a,))
    assert parse.same_rules((), ())


# -- launchctl

JOB = (
    "system/local.container-net = {\n"
    "\tactive count = 0\n"
    "\tpath = /Library/LaunchDaemons/local.container-net.plist\n"
    "\ttype = LaunchDaemon\n"
    "\tstate = not running\n"
    "\n"
    "\tprogram = /Library/PrivilegedHelperTools/local.container-net\n"
    "\truns = 12\n"
    "\tlast exit code = 0\n"
    "\tjob state = exited\n"
    "}\n"
)


def test_a_job_is_loaded_or_not() -> None:
    assert parse.job(said(JOB)) == (True, "not running", "0")
    assert parse.job(said(JOB.replace("\tlast exit code = 0\n", ""))) == (True, "not running", "")
    absent = 'Bad request.\nCould not find service "local.x" in domain for system\n'
    assert parse.job(said("", absent, 113)) == (False, "", "")
    assert parse.job(said("", "", 113)) == (False, "", "")
    assert parse.job(said("", absent, 3)) == (False, "", "")


@pytest.mark.parametrize(
    "answer",
    [
        said(""),
        said("\tjob state = exited\n"),
        said("", "Could not communicate with launchd\n", 1),
        said(JOB, "", 5),
    ],
)
def test_a_job_that_makes_no_sense_is_unreadable(answer: CommandResult) -> None:
    with pytest.raises(Unreadable):
        parse.job(answer)


@pytest.mark.parametrize(("on", "off"), [("enabled", "disabled"), ("false", "true")])
def test_disabled_jobs_before_and_after_macos_13(on: str, off: str) -> None:
    text = (
        "\n\tdisabled services = {\n"
        f'\t\t"com.apple.ftpd" => {off}\n'
        f'\t\t"com.openssh.sshd" => {on}\n'
        f'\t\t"local.container-net" => {off}\n'
        "\t}\n"
    )
    assert parse.disabled_jobs(said(text)) == ("com.apple.ftpd", "local.container-net")
    with pytest.raises(Unreadable):
        parse.disabled_jobs(said(text, "", 1))


# -- evidence


def test_evidence_is_one_line_without_control_characters() -> None:
    assert parse.excerpt("one\r\n\n  two\x1b[31m\x00 \n") == "one / two?[31m?"
    assert parse.excerpt("a" * 300) == "a" * 157 + "..."
    assert parse.excerpt("한글 텍스트") == "한글 텍스트"


@given(st.text(), st.integers(min_value=3, max_value=200))
def test_evidence_is_always_printable_and_short(text: str, limit: int) -> None:
    shown = parse.excerpt(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said("", "pfctl: /dev/pf: Permission denied\n", 1), "/dev/pf: Permission denied"),
        (said("what is this\n"), "what is this"),
        (said("", "", 9), "exit status 9"),
        (said(""), "it printed nothing"),
    ],
)
def test_what_could_not_be_read_is_quoted(answer: CommandResult, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        parse.forwarding(answer)


# -- no parser crashes

PARSERS: Dict[str, Callable[[CommandResult], Any]] = {
    "anchors": parse.anchors,
    "connections": parse.connections,
    "pf_conf_error": parse.pf_conf_error,
    "default_route": parse.default_route,
    "forwarding": parse.forwarding,
    "boot_session": parse.boot_session,
    "os_version": parse.os_version,
    "ports": parse.ports,
    "interfaces": parse.interfaces,
    "container_version": parse.container_version,
    "service": parse.service,
    "images": parse.images,
    "networks": parse.networks,
    "containers": parse.containers,
    "image": parse.image,
    "pf_enabled": parse.pf_enabled,
    "references": parse.references,
    "rules": parse.rules,
    "token": parse.token,
    "job": parse.job,
    "disabled_jobs": parse.disabled_jobs,
}

FRAGMENTS = [
    *(line + "\n" for text in (PORTS, IFCONFIG, TOKENS, JOB) for line in text.splitlines()),
    *(line + "\n" for line in route_text("en0", "10.0.0.1").splitlines()),
    "Token : 7\n",
    "Status: Enabled for 0 days 00:00:00\n",
    "  [ Evaluations: 1  Packets: 2  Bytes: 3  States: 4 ]\n",
    "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0)\n",
    "\tinet ",
    "netmask 0x",
    "inet 1.2.3.4 netmask 0x00000001\n",
    "member: ",
    " days 00:00:00\n",
    "\x85",
    "\x1f",
    "\x00",
    "[",
    "{",
    '"',
    NO_ANCHOR,
    ALTQ,
]
KEYS = [
    *("id", "name", "mode", "config", "configuration", "status", "state", "networks", "network"),
    *("address", "gateway", "subnet", "ipv4Subnet", "ipv4Gateway"),
    *("image", "reference", "Env", "env"),
]
WORDS = st.sampled_from(
    ["running", "nat", "default", "192.168.64.0/24", "192.168.64.1", "::1", "1/2/3", "\ud800", ""]
)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text()),
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text()), children, max_size=5),
    ),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(KEYS), TREES), max_size=3)
LINES = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=8).map("".join),
)
# No program complains in JSON, and making it takes longest.
ANSWERS = st.builds(
    CommandResult,
    st.just("command"),
    st.sampled_from([0, 0, 0, 1, 113, -9, None]),
    st.one_of(LINES, st.one_of(TREES, OBJECTS).map(json.dumps)),
    LINES,
)


@settings(max_examples=examples(300))
@given(ANSWERS)
@example(CommandResult("command", 0, "\n", ""))
def test_a_parser_answers_or_says_unreadable(answer: CommandResult) -> None:
    def check(parser: Callable[[CommandResult], Any]) -> None:
        said = "something"
        try:
            parser(answer)
        except Unreadable as error:
            said = str(error)
        assert said
        assert said.isprintable()

    # All of them are given each answer: making one takes longer than reading it.
    each(PARSERS.items(), check)


STATUS = "apiserver is not running and not registered with launchd\n"
WHOLE: Dict[str, str] = {
    "default_route": route_text("en10", "10.0.0.1"),
    "forwarding": "1\n",
    "boot_session": "7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF\n",
    "os_version": "26.15\n",
    "ports": PORTS,
    "interfaces": IFCONFIG,
    "container_version": "container CLI version 1.2.22 (build: release)\n",
    "service": STATUS,
    "pf_enabled": "Status: Enabled for 0 days 00:00:10      Debug: Urgent\n",
    "references": TOKENS,
    "rules": "nat on en0 inet from 10.9.0.0/24 to any -> (en0:0) extfilter ei\n",
    "job": JOB,
    "disabled_jobs": 'disabled services = {\n\t"local.container-net" => disabled\n}\n',
}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_was_cut_off_within_a_line_is_not_believed(name: str) -> None:
    parser, text = PARSERS[name], WHOLE[name]
    parser(said(text))
    for cut in range(1, len(text)):
        if text[cut - 1] != "\n":
            with pytest.raises(Unreadable):
                parser(said(text[:cut]))


def test_a_token_that_was_cut_off_is_not_believed() -> None:
    text = ALTQ + "pf enabled\nToken : 11012949885072952\n"
    assert parse.token(said("", text)) == "11012949885072952"
    for cut in range(len(text)):
        with pytest.raises(Unreadable):
            parse.token(said("", text[:cut]))


def test_the_words_of_an_old_container_may_come_on_either_stream() -> None:
    assert parse.service(said("", STATUS, 1)) == "unregistered"
    with pytest.raises(Unreadable, match="cut off at: apiserver is not running and not registe"):
        parse.service(said("", STATUS[:40], 1))


@pytest.mark.parametrize(
    ("out", "root"),
    [
        ('{"status":"running","appRoot":"\\/Users\\/p\\/Data\\/"}\n', "/Users/p/Data/"),
        ('{"status":"unregistered","appRoot":""}\n', ""),
        ('{"status":"running","appRoot":"Data"}\n', ""),
        ('{"status":"running","appRoot":7}\n', ""),
        ("[]", ""),
        ("apiserver is running\n", ""),
    ],
)
def test_app_root_is_an_absolute_path_or_nothing(out: str, root: str) -> None:
    assert parse.app_root(said(out)) == root


def test_every_parser_of_answers_is_among_them() -> None:
    others = {"boot_file", "state_file", "render_boot", "render_state"}
    others |= {"app_root", "excerpt", "same_rules", "whole"}
    functions = {name for name in parse.__all__ if name.islower()} - others
    assert functions == set(PARSERS)


# -- our own files

DIGITS = "0123456789"
PIDS = st.text(DIGITS, min_size=1, max_size=10)
NUMBERS = st.text(DIGITS, min_size=1, max_size=20)
# What the parser of references can have read, with its spaces flattened.
NAMES = (
    st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=30)
    .map(parse.flat_name)
    .filter(lambda name: not any(c.isspace() for c in name))
)
UPLINKS = st.one_of(st.just("-"), st.from_regex(r"[a-z][a-z0-9]{0,8}[0-9]", fullmatch=True))
SUBNETS = st.ip_addresses(v=4).map(lambda address: f"{address}/24")


def boots() -> st.SearchStrategy[Boot]:
    common: Dict[str, Any] = {
        "session": st.from_regex(r"[0-9A-F-]{8,36}", fullmatch=True),
        "forwarding": st.sampled_from([None, 0, 1]),
        "egress": st.lists(st.tuples(SUBNETS, UPLINKS), max_size=3).map(tuple),
        "uncalled": st.booleans(),
        "echo": st.one_of(st.just(""), NUMBERS, st.builds("{} {}".format, NUMBERS, NUMBERS)),
    }
    references = st.lists(st.builds(Reference, PIDS, NAMES, NUMBERS), max_size=3).map(tuple)
    return st.one_of(
        st.builds(Boot, **common),
        st.builds(Boot, token=st.builds(Reference, PIDS, st.just("pfctl"), NUMBERS), **common),
        st.builds(Boot, references=references, journalled=st.just(True), **common),
    )


COMPONENTS = st.from_regex(r"[A-Za-z0-9-][A-Za-z0-9._-]{0,62}", fullmatch=True).filter(
    lambda name: (
        "com.apple" not in name.lower() and name not in ("200.AirDrop", "250.ApplicationFirewall")
    )
)
STATES = st.builds(
    State,
    anchor=COMPONENTS.map("com.apple/{}".format),
    version=st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}", fullmatch=True),
    seen=st.dictionaries(st.text(max_size=20), st.booleans(), max_size=3),
    persisted=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=3),
    made=st.lists(st.text(max_size=40), max_size=3).map(tuple),
)


@given(boots())
def test_a_boot_file_reads_back_as_it_was_written(boot: Boot) -> None:
    assert parse.boot_file(parse.render_boot(boot)) == boot


@given(STATES)
def test_a_state_file_reads_back_as_it_was_written(state: State) -> None:
    assert parse.state_file(parse.render_state(state)) == state


@given(boots(), st.data())
def test_a_boot_file_that_was_cut_off_is_never_taken(boot: Boot, data: st.DataObject) -> None:
    content = parse.render_boot(boot)
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(Unreadable):
        parse.boot_file(content[:cut])


@given(STATES, st.data())
def test_a_state_file_that_was_cut_off_is_never_taken(state: State, data: st.DataObject) -> None:
    content = parse.render_state(state)
    # Without its very last byte, a newline, nothing of it is missing.
    assert content.endswith(b"}\n")
    assert parse.state_file(content[:-1]) == state
    cut = data.draw(st.integers(0, len(content) - 2))
    with pytest.raises(Unreadable):
        parse.state_file(content[:cut])


@given(st.binary())
def test_any_bytes_are_a_file_of_ours_or_unreadable(content: bytes) -> None:
    for parser in (parse.boot_file, parse.state_file):
        with pytest.raises(Unreadable):
            parser(content)


BOOT = (
    b"container-net-boot 1\n"
    b"boot 7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF\n"
    b"forwarding 0\n"
    b"token 4711 pfctl 15\n"
    b"egress 192.168.64.0/24 en0\n"
    b"egress 10.9.0.0/24 -\n"
    b"end\n"
)


def test_the_boot_file_line_by_line() -> None:
    boot = Boot(
        session="7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF",
        forwarding=0,
        token=Reference("4711", "pfctl", "15"),
        egress=(("192.168.64.0/24", "en0"), ("10.9.0.0/24", "-")),
    )
    assert parse.boot_file(BOOT) == boot
    assert parse.render_boot(boot) == BOOT


def test_a_token_takes_the_place_of_the_journalled_references() -> None:
    others = (Reference("77", "Internet Sharing", "4"),)
    before = Boot("0C0FFEE0-1111", references=others, journalled=True)
    assert b"journal enable\nreference 77 Internet_Sharing 4\n" in parse.render_boot(before)
    assert parse.boot_file(parse.render_boot(before)).references == (
        Reference("77", "Internet_Sharing", "4"),
    )
    token = Reference("8", "pfctl", "5")
    after = parse.render_boot(
        Boot("0C0FFEE0-1111", references=others, journalled=True, token=token)
    )
    assert b"token 8 pfctl 5\n" in after
    assert b"reference" not in after
    assert b"journal" not in after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"container-net-boot 1", b"container-net-boot 2"),
        (b"container-net-boot 1", b"container-net-boot"),
        (b"boot 7B", b"boot $(reboot) 7B"),
        (b"boot 7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF\n", b""),
        (b"forwarding 0\n", b"boot 0C0FFEE0-1111\n"),
        (b"forwarding 0", b"forwarding 2"),
        (b"forwarding 0", b"forwarding 0\nforwarding 1"),
        (b"token 4711 pfctl 15", b"token 4711 launchd 15"),
        (b"token 4711 pfctl 15", b"token 4711 pfctl 15\ntoken 4712 pfctl 16"),
        (b"token 4711 pfctl 15", b"token pfctl 15"),
        (b"egress 192.168.64.0/24 en0", b"egress 192.168.64.0/24 en0;reboot"),
        (b"egress 192.168.64.0/24 en0", b"egress 192.168.64.0/24  en0"),
        (b"forwarding 0", b"colour blue"),
        (b"forwarding 0", b""),
        (b"forwarding 0", b"forwarding 0\r"),
        (b"end\n", b"end\n\n"),
        (b"end\n", b"end\nforwarding 0\n"),
        (b"end\n", b"end\nforwarding 0"),
        (b"end\n", b"end"),
        (b"end\n", b"END\n"),
    ],
)
def test_a_boot_file_that_is_not_ours_is_unreadable(old: bytes, new: bytes) -> None:
    assert old in BOOT
    with pytest.raises(Unreadable):
        parse.boot_file(BOOT.replace(old, new))


STATE: Dict[str, Any] = {
    "schema": 1,
    "version": "0.1.0",
    "anchor": "com.apple/250.container-net",
    "seen": {"192.168.64.0/24 en0": True},
    "persisted": {},
    "made": ["/private/var/db/container-net"],
}


def test_a_state_file_may_know_more_and_less_than_we_do() -> None:
    anchor = "com.apple/250.container-net"
    least = json.dumps({"schema": 1, "anchor": anchor, "later": [1]}).encode()
    assert parse.state_file(least) == State(anchor)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema 2, but this version knows only 1; use a newer container-net"),
        ({"schema": 0}, "not written by container-net"),
        ({"schema": "1"}, "not written by container-net"),
        ({"schema": True}, "not written by container-net"),
        ({"schema": None}, "not written by container-net"),
        ({"anchor": "com.apple/../x"}, "not written by container-net"),
        ({"anchor": "com.apple.internet-sharing"}, "not written by container-net"),
        ({"anchor": None}, "not written by container-net"),
        ({"seen": {"a": 1}}, "not written by container-net"),
        ({"seen": []}, "not written by container-net"),
        ({"persisted": {"a": None}}, "not written by container-net"),
        ({"made": "x"}, "not written by container-net"),
        ({"made": [1]}, "not written by container-net"),
    ],
)
def test_a_state_file_that_is_not_ours_is_unreadable(change: Dict[str, Any], words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        parse.state_file(json.dumps({**STATE, **change}).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"null", b"\xff\xfe{}", b"[" * 100_000])
def test_a_state_file_that_is_no_object_is_damaged(content: bytes) -> None:
    with pytest.raises(Unreadable, match="truncated or damaged"):
        parse.state_file(content)


def test_the_version_in_a_state_file_is_fit_for_a_screen() -> None:
    content = json.dumps({**STATE, "version": "1\x1b[31m\n2"}).encode()
    assert parse.state_file(content).version == "1?[31m / 2"


# -- the reference samples: real output, kept beside the repository where it is developed

Check = Callable[[Any], bool]


def unreadable(
    parser: Callable[[CommandResult], Any],
) -> Tuple[Callable[[CommandResult], Any], Check]:
    """The parser must refuse the sample, with its text as evidence."""

    def refused(answer: CommandResult) -> str:
        with pytest.raises(Unreadable) as caught:
            parser(answer)
        return str(caught.value)

    return refused, lambda text: text.startswith(("pfctl: ", "ifconfig: ", "sysctl: "))


CONCERNED: Dict[str, List[Tuple[Callable[[CommandResult], Any], Check]]] = {
    "ifconfig_bridge100_absent.stderr.txt": [unreadable(parse.interfaces)],
    "ifconfig_bridge100_inet_container.txt": [
        (
            parse.interfaces,
            lambda found: (
                len(found) == 1
                and found[0].name == "bridge100"
                and found[0].inet[0].network.prefixlen == 24
            ),
        )
    ],
    "launchctl_print_absent_gui.stderr.txt": [(parse.job, lambda job: job[0] is False)],
    "launchctl_print_absent_system.stderr.txt": [(parse.job, lambda job: job[0] is False)],
    "launchctl_print_present.txt": [
        (parse.job, lambda job: job[:2] == (True, "not running") and ": " in job[2])
    ],
    "networksetup_listallhardwareports.txt": [
        (
            parse.ports,
            lambda ports: (
                [p.device for p in ports] == ["en0", "en1", "bridge0", "en5"]
                and all(p.name for p in ports)
            ),
        )
    ],
    "pfctl_E_ok.stderr.txt": [(parse.token, lambda token: token.isdigit() and len(token) == 20)],
    "pfctl_ef_enabled_now.stderr.txt": [unreadable(parse.token)],
    "pfctl_a_com.apple_sr.txt": [(parse.rules, lambda rules: len(rules) == 2)],
    "pfctl_a_missing_anchor_sn.stderr.txt": [(parse.rules, lambda rules: rules == ())],
    "pfctl_s_References_none.txt": [(parse.references, lambda held: held == ())],
    "pfctl_s_References_one.txt": [
        (parse.references, lambda held: [r.name for r in held] == ["pfctl"])
    ],
    "pfctl_s_References_two.txt": [
        (
            parse.references,
            lambda held: (
                [r.name for r in held] == ["pfctl"] * 2
                and len({r.token for r in held}) == len({r.pid for r in held}) == 2
            ),
        )
    ],
    "pfctl_s_info_disabled.txt": [(parse.pf_enabled, lambda enabled: enabled is False)],
    "pfctl_s_info_enabled_head.txt": [(parse.pf_enabled, lambda enabled: enabled is True)],
    "pfctl_s_info_not_root.txt": [
        unreadable(parse.pf_enabled),
        unreadable(parse.rules),
        unreadable(parse.references),
        unreadable(parse.token),
    ],
    "pfctl_sn_stock.stdout.txt": [
        (parse.rules, lambda rules: rules[0].text.startswith('nat-anchor "com.apple/*"'))
    ],
    "pfctl_sn_user_rule_normalised.txt": [
        (
            parse.rules,
            lambda rules: parse.same_rules(
                rules, (rules[0].text.replace(" inet", "").replace(" round-robin", ""),)
            ),
        )
    ],
    "pfctl_sr_stock.stdout.txt": [(parse.rules, lambda rules: len(rules) == 2)],
    "pfctl_vmnet_shared_v4_nat.txt": [
        (
            parse.rules,
            lambda rules: (
                [r.text.split()[0] for r in rules] == ["nat", "no"]
                and rules[0].text.endswith("extfilter ei")
            ),
        )
    ],
    "route_get_default_en0.txt": [
        (parse.default_route, lambda route: route.interface == "en0" and route.gateway != "")
    ],
    "route_get_no_route.txt": [(parse.default_route, lambda route: route is None)],
    "sysctl_n_read.txt": [(parse.forwarding, lambda value: value == 1)],
    "sysctl_unknown_oid.txt": [unreadable(parse.forwarding), unreadable(parse.boot_session)],
}
# Answers that no parser reads: what files hold, what changes say, and questions that we do not ask.
UNCONCERNED = {
    "etc_pf.anchors_com.apple_stock.txt",
    "etc_pf.conf_stock.txt",
    "ifconfig_l_container_running.txt",
    "launchctl_bootout_1.stderr.txt",
    "launchctl_bootout_3.stderr.txt",
    "launchctl_bootout_5.stderr.txt",
    "launchctl_bootstrap_5.stderr.txt",
    "launchctl_load_bad_owner.stderr.txt",
    "pfctl_F_all_main.stderr.txt",
    "pfctl_X_last.stderr.txt",
    "pfctl_X_others_remain.stderr.txt",
    "pfctl_X_stale_pf_disabled.stderr.txt",
    "pfctl_a_X_F_all.stderr.txt",
    "pfctl_a_X_F_nat.stderr.txt",
    "pfctl_a_missing_anchor_sAnchors.stderr.txt",
    "pfctl_banner_f.txt",
    "pfctl_d_disabled.stderr.txt",
    "pfctl_ef_already_enabled.stderr.txt",
    "pfctl_nvf_dry_run_print.stdout.txt",
    "pfctl_rules_order.stderr.txt",
    "pfctl_s_Anchors_plain.txt",
    "pfctl_syntax_error_file.stderr.txt",
    "pfctl_syntax_error_stdin.stderr.txt",
    "pfctl_v_s_Anchors.txt",
    "scutil_nwi.txt",
    "sudo_n_no_credential.stderr.txt",
    "sysctl_conf_ignored_bigsur.txt",
    "sysctl_read.txt",
    "sysctl_w_not_root.stderr.txt",
    "sysctl_w_not_root.stdout.txt",
    "sysctl_w_ok.txt",
}


def sample(name: str) -> CommandResult:
    """A sample as an answer: its first line names the stream and the exit code."""
    head, _newline, body = (SAMPLES / name).read_text(encoding="utf-8").partition("\n")
    stream, code = head[2:].split(" (")[0].split(", exit ")
    return said(**{{"stdout": "out", "stderr": "err"}[stream]: body}, code=int(code))


@pytest.mark.parametrize("name", sorted(CONCERNED))
def test_a_reference_sample_is_read(name: str) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"no folder {SAMPLES}")
    for parser, check in CONCERNED[name]:
        assert check(parser(sample(name)))


def test_every_reference_sample_is_accounted_for() -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"no folder {SAMPLES}")
    assert {path.name for path in SAMPLES.iterdir()} == set(CONCERNED) | UNCONCERNED
