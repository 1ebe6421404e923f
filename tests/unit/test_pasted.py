"""Pasted text → outputs: prompts and none, forms of quoting, tables, cuts, and hostile text."""

from __future__ import annotations

import html
import json
from typing import List, Optional

import pytest
from budget import within
from hypothesis import given
from hypothesis import strategies as st

from container_net import pasted
from container_net.pasted import Key, Transcript, key, read

NAT: Key = ("pfctl", "show", "", "nat", "")
SHARED: Key = ("pfctl", "show", "com.apple.internet-sharing/shared_v4", "nat", "")
RULES = """\
nat-anchor "com.apple/*" all
nat-anchor "com.apple.internet-sharing" all
rdr-anchor "com.apple/*" all
"""


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("pfctl -s nat", NAT),
        ("/sbin/pfctl -sn", NAT),
        ("pfctl -s n", NAT),
        ("pfctl -vsn", (*NAT[:4], "v")),
        ("pfctl -a com.apple.internet-sharing/shared_v4 -v -s nat", (*SHARED[:4], "v")),
        ("pfctl -s References", ("pfctl", "show", "", "References", "")),
        ("pfctl -n -f /etc/pf.conf", ("pfctl", "check", "", "/private/etc/pf.conf")),
        ("pfctl -nvf /private/etc/pf.conf", ("pfctl", "check", "", "/private/etc/pf.conf")),
        ("route get default", ("route", "default")),
        ("route -n get 0.0.0.0", ("route", "default")),
        ("netstat -rn", ("netstat", "inet")),
        ("netstat -nr -f inet", ("netstat", "inet")),
        ("sysctl net.inet.ip.forwarding", ("sysctl", "net.inet.ip.forwarding")),
        ("sysctl -w net.inet.ip.forwarding=1", ("sysctl", "net.inet.ip.forwarding")),
        ("lsof -nP -i :53", ("lsof", "53")),
        ("lsof -nP -iUDP:53 -iTCP:53", ("lsof", "53")),
        ("container ls -a", ("container", "ls")),
        ("container list --all --format json", ("container", "ls")),
        ("container network ls --format=json", ("container", "networks")),
        ("container system logs --last 10m", ("container", "logs")),
        ("cat /etc/pf.conf", ("file", "/private/etc/pf.conf")),
        ("pfctl shows nothing at all", None),
        ("route the packets elsewhere", None),
        ("container does not start", None),
        ("cat", None),
        ("rm -rf /", None),
    ],
)
def test_a_command_is_known_by_what_it_asks(typed: str, asked: Optional[Key]) -> None:
    assert key(typed.split()) == asked


PROMPTS = (
    "$ sudo pfctl -s nat",
    "% sudo pfctl -s nat",
    "jo@mini ~ % sudo pfctl -s nat",
    "jo@mini src $ sudo /sbin/pfctl -sn",
    "bash-3.2$ sudo pfctl -s nat",
    "bash-3.2# pfctl -s nat",
    "\u279c  ~ sudo pfctl -s nat",
    "\u276f sudo pfctl -s nat",
    "sudo pfctl -s nat",
    "`sudo pfctl -s nat`",
    "- `sudo pfctl -s nat`:",
    "1. sudo pfctl -s nat",
    "Output of: `sudo pfctl -s nat`",
    "$ sudo pfctl -s nat 2>/dev/null",
    "$ sudo pfctl -s nat  # the main ruleset",
)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("form", ["{p}\n{o}\n", "{p}\n```\n{o}```\n", "```\n{p}\n{o}```\n"])
def test_an_output_below_its_prompt(prompt: str, form: str) -> None:
    found = read(form.format(p=prompt, o=RULES)).outputs[NAT]
    assert found.out == RULES
    assert found.sure


@pytest.mark.parametrize(
    "change",
    [
        html.escape,
        lambda t: html.escape(html.escape(t)),
        lambda t: "".join(f"> {row}\n" for row in t.splitlines()),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\x1b[1m" + t.replace("all", "\x1b[31mall\x1b[0m"),
        lambda t: f"<details><pre>{t}</pre></details>",
        lambda t: t.replace(" ", "\u00a0"),
        lambda t: t.replace("nat-anchor", "nat-\u200banchor"),
    ],
)
def test_a_form_of_quoting_changes_nothing(change) -> None:  # type: ignore[no-untyped-def]
    assert read(change("$ pfctl -s nat\n" + RULES + "\n")).outputs[NAT].out == RULES


def test_rules_that_were_joined_into_one_line_are_apart_again() -> None:
    joined = "$ pfctl -s nat\n" + RULES.replace("\n", " ").strip() + "\n"
    assert read(joined).outputs[NAT].out == RULES


SAMPLES = {
    ("netstat", "inet"): """\
Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            10.20.0.1          UGScg                 en7
10.20/16           link#14            UCS                   en7
""",
    ("route", "default"): """\
   route to: default
destination: default
       mask: default
    gateway: 10.20.0.1
  interface: en7
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
 recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire
       0         0         0         0         0         0      1500         0
""",
    ("ifconfig", "-a"): """\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
\tinet 127.0.0.1 netmask 0xff000000
en7: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tinet 10.20.0.9 netmask 0xffff0000 broadcast 10.20.255.255
""",
    ("scutil", "--dns"): """\
DNS configuration

resolver #1
  search domain[0] : example.test
  nameserver[0] : 10.20.0.1
  flags    : Request A records
""",
    ("scutil", "--proxy"): "<dictionary> {\n  HTTPEnable : 0\n  HTTPSEnable : 1\n}\n",
    ("networksetup", "ports"): "Hardware Port: Wi-Fi\nDevice: en0\nEthernet Address: N/A\n",
    ("lsof", "53"): """\
COMMAND   PID   USER   FD   TYPE DEVICE SIZE/OFF NODE NAME
dnsmasq   512   root    4u  IPv4 0x9f31      0t0  UDP 127.0.0.1:53
""",
    ("pfctl", "show", "", "References", ""): """\
TOKENS:
PID      Process Name                 TOKEN                    TIMESTAMP
402      pfctl                        118218831412             0 days 02:01:07
""",
    ("sysctl", "net.inet.ip.forwarding"): "net.inet.ip.forwarding: 1\n",
    ("sw_vers",): "ProductName:\t\tmacOS\nProductVersion:\t\t26.1\nBuildVersion:\t\t25B78\n",
    ("pfctl", "show", "", "info", ""): "Status: Disabled for 0 days 00:20:11\nDebug: Urgent\n",
}


@pytest.mark.parametrize("asked", list(SAMPLES), ids=str)
def test_an_output_without_a_prompt_is_known_by_its_shape(asked: Key) -> None:
    found = read("It fails since Monday.\n\n" + SAMPLES[asked] + "\nAny help?\n").outputs
    assert asked in found
    assert found[asked].out.strip()


def test_what_ends_with_the_text_may_go_on_and_is_not_sure() -> None:
    whole, cut = read("$ pfctl -s nat\n" + RULES), read("$ pfctl -s nat\n" + RULES[:-20])
    assert whole.outputs[NAT].sure
    assert not cut.outputs[NAT].sure
    assert not read("$ pfctl -s nat\n" + RULES.splitlines()[0] + "\n\n").outputs[NAT].sure


def test_an_answer_told_in_two_ways_is_not_sure() -> None:
    text = "$ sysctl net.inet.ip.forwarding\nnet.inet.ip.forwarding: {}\n"
    name: Key = ("sysctl", "net.inet.ip.forwarding")
    assert read(text.format(1) + text.format(1)).outputs[name].sure
    twice = read(text.format(0) + text.format(1)).outputs[name]
    assert (twice.out, twice.sure) == ("1\n", False)


def test_a_filtered_output_is_never_whole() -> None:
    found = read("$ netstat -rn | grep default\ndefault 10.20.0.1 UGScg en7\n\n").outputs
    assert not found[("netstat", "inet")].sure
    assert NAT not in read("$ sudo pfctl -s nat | grep com.apple\n" + RULES + "\n").outputs


def test_tables_become_what_the_parsers_take() -> None:
    text = """\
$ container ls
ID   IMAGE         OS     ARCH   STATE    ADDR
api  api:latest    linux  arm64  running  192.168.71.5
$ container network list
NETWORK  SUBNET
default  192.168.71.0/24
$ container system status
FIELD              VALUE
status             running
install.root       /usr/local/
"""
    from container_net import doctor
    from container_net.settings import Settings

    found = doctor.examine(Transcript(read(text)), Settings())
    row = (found.extra.attachments.value or ())[0]
    assert (row.container, str(row.address), str(row.gateway)) == (
        *("api", "192.168.71.5", "192.168.71.1"),
    )
    assert [str(n.cidr) for n in found.facts.networks.value or ()] == ["192.168.71.0/24"]
    assert found.facts.container_service.value == "running"


@pytest.mark.parametrize(
    ("text", "system", "version"),
    [
        (
            "- OS: macOS 26.1\n- Container: container CLI version 0.12.3 (build: release)",
            "26.1",
            "0.12.3",
        ),
        ("macOS Tahoe 26.4.1, container 1.5.0", "26.4.1", "1.5.0"),
        ("It worked on macOS 26.1 and fails on macOS 26.2.", None, None),
        ("node 22.1.0 in a container", None, None),
    ],
)
def test_versions_in_sentences(text: str, system: Optional[str], version: Optional[str]) -> None:
    found = read(text).outputs
    assert (("sw_vers",) in found) == (system is not None)
    if system is not None:
        assert found[("sw_vers",)].out == system + "\n"
    assert (("container", "version") in found) == (version is not None)
    if version is not None:
        assert version in found[("container", "version")].out


def test_a_quoted_file_is_answered_and_anything_else_is_not_read() -> None:
    rules = 'scrub-anchor "com.apple/*"\n\nnat on en7 from 10.9.0.0/24 to any -> (en7)\n'
    text = f"$ cat /etc/pf.conf\n# mine\n{rules}"
    machine = Transcript(read(text))
    content = machine.read("/private/etc/pf.conf").content or b""
    assert content.startswith(b"# mine\n")
    assert b"nat on en7" in content
    with pytest.raises(OSError, match="not in the text"):
        machine.read("/private/etc/sysctl.conf")
    answer = machine.run(["/sbin/route", "-n", "get", "default"])
    assert answer.code != 0
    assert "not in the text" in answer.err


# -- hostile text

PIECES: List[str] = [
    *(f"{prompt}\n" for prompt in PROMPTS),
    *SAMPLES.values(),
    RULES,
    "```\n",
    "[{",
    '[{"configuration": {',
    '{"container-net": "1"}\n{"key": ["sw_vers"], "code": 0, "packed": "eJw="}\n',
    "\x1b]0;",
    "&lt;",
    "<pre>",
    "\u202e",
    "default " * 9,
    "\n\n",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=40)), max_size=12))
def test_any_text_is_read_without_a_word(parts: List[str]) -> None:
    found = read("".join(parts))
    for row in (found.plain, *(o.out for o in found.outputs.values())):
        assert "\x1b" not in row or found.header


@pytest.mark.once
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "[",
            "[{",
            '{"a":',
            "<",
            "&amp;",
            "\x1b[",
            "\x1b]",
            "> ",
            "$ ",
            "pfctl ",
            "pfctl -s nat\n",
        ),
        *('nat-anchor "', "nat on en0 from any to any -> (en0) ", "default ", "`", "# ", "```\n"),
        *("\n", " ", "\t", "en0: flags=1<", "\r", "a@b", "sudo ", "container ", "macOS ", "1.2.3."),
        *(
            "resolver #1\n",
            "route to: x\n",
            "en0: flags=8863<UP> mtu 1\n",
            "[{}]\n",
            '[{"a": "b"},\n',
        ),
        *("Status: Enabled\n", "x" * 3000 + "\n", "- OS: macOS 26.1\n", "0123456789", "/sbin/"),
        *("<a ", "</p", "lsof -i :53 \n", "ID IMAGE OS ARCH STATE\na b c d running\n"),
    ],
    ids=repr,
)
def test_a_quarter_of_a_mebibyte_of_anything_takes_less_than_half_a_second(piece: str) -> None:
    text = piece * (pasted.LIMIT // 4 // len(piece) + 1)
    within(0.5, lambda: read(text))


def test_what_was_redirected_is_no_output_and_no_rule_stands_in_a_script() -> None:
    script = (
        "sudo pfctl -s nat > pf.conf\necho 'nat on utun0 from any to any -> utun0' >> pf.conf\n"
    )
    assert dict(read(script).outputs) == {}
    kept = read('$ sudo pfctl -s nat 2>/dev/null\nnat-anchor "com.apple/*" all\n\n')
    assert list(kept.outputs) == [("pfctl", "show", "", "nat", "")]


def test_what_was_listed_before_a_restart_of_the_service_is_of_another_network() -> None:
    listed = (
        "$ container network list\nNETWORK  STATE    SUBNET\ndefault  running  192.168.66.0/24\n"
    )
    assert ("container", "networks") in read(listed).outputs
    assert ("container", "networks") not in read(listed + "$ container system stop\n").outputs


def test_the_builder_and_a_guest_are_known_by_what_they_say_of_themselves() -> None:
    builder = [{"configuration": {"id": "buildkit", "dns": {"nameservers": ["192.168.64.1"]}}}]
    pasted = read(f"$ container inspect buildkit | jq\n{json.dumps(builder, indent=2)}\n")
    assert ("container", "inspect", "buildkit") in pasted.outputs
    guest = read("# ip a\n2: eth0: <UP>\n    inet 192.168.65.7/24 scope global eth0\n")
    assert "192.168.65.7" in guest.outputs["container", "ls"].out
    assert dict(read("    inet 192.168.5.15/24 scope global eth0\n").outputs) == {}


def test_commands_are_part_of_what_a_text_tells() -> None:
    pasted = read("$ sudo pfctl -f /etc/pf.conf\n\nNothing works since.\n")
    assert "pfctl -f" in pasted.prose
    assert "pfctl -f" not in pasted.plain
