"""What `first-aid.sh` prints names nobody, and is else what was read, to the byte."""

from __future__ import annotations

import json
import random
import time
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from faults.test_first_aid import live_and_written_down
from first_aid import aid, awks

from container_net.pasted import Key, Output, read
from simmac import Mac, build

CONF: Key = ("file", "/private/etc/sysctl.conf")
SECRET = "alice-s3cret"


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return build(tmp_path / "mac", "healthy")


def outputs(mac: Mac, user: str = "", awk: Optional[Path] = None) -> Dict[Key, Output]:
    # What this is about is the script's; its questions are answered at once.
    copy = mac.snapshot(mac.path.with_name(f"mac{time.monotonic_ns()}"))
    live_and_written_down(copy)
    answer = aid(copy, user=user, awk=awk)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert all(row.isascii() for row in answer.stdout.splitlines() if row.startswith("{"))
    return dict(read(answer.stdout).outputs)


def printed(mac: Mac, text: str, user: str = "") -> str:
    """A text of a file of the Mac, as it is printed."""
    (mac.path / CONF[1][1:]).write_text(text, encoding="latin-1")
    return outputs(mac, user)[CONF].out


def blobs() -> List[bytes]:
    rare = random.Random(7)
    # Without digits there is nothing to mask.
    letters = bytes(b for b in range(256) if chr(b) not in "0123456789")
    return [
        bytes(range(256)),
        b'\\"\\\\"</code>&lt;&amp;lt;\r\n\t\\u0041%s%d\x1b[2J',
        b"no newline at the end",
        b"\n\n\n\n\n",
        *(bytes(rare.choices(letters, k=k)) for k in (1, 40, 900, 2999, 9000)),
    ]


def files(mac: Mac, made: List[bytes], awk: Optional[Path] = None) -> List[bytes]:
    """What is printed of files that /etc/pf.conf loads."""
    with (mac.path / "private/etc/pf.conf").open("a", encoding="ascii") as conf:
        for number, blob in enumerate(made):
            (mac.path / f"private/etc/pf.anchors/b{number}").write_bytes(blob)
            conf.write(f'load anchor "b{number}" from "/etc/pf.anchors/b{number}"\n')
    found = outputs(mac, "alice", awk)
    names = [f"/private/etc/pf.anchors/b{number}" for number in range(len(made))]
    return [found["file", name].out.encode("latin-1") for name in names]


def test_every_byte_comes_through(mac: Mac) -> None:
    assert files(mac, blobs()) == blobs()


# Without private addresses, which are others in each run.
PIECES = (
    *("lo0: flags=8049<UP,LOOPBACK> mtu 16384\n", "\tinet6 ::1 prefixlen 64\n", "fe80::1."),
    *("\tinet6 fe80::9c1:52ff:fe7a:1%utun0 x\n", "\tinet 127.0.0.1 netmask 0xff000000\n"),
    *("a4:cf:99:2b:10:41", "7C1D5B7E-0C55-4E0B-9C9E-5B1C6C3F0A01", " /Users/alice/x ", "é"),
    *("\\/Users\\/bob\\/", "https://al:pw@h.example/x", "build.office.corp ", "a.b.local"),
    *("token 17400000000000000001 ", "0123456789abcdef", "1:2:3:4:5:6:7:8", "10:41:07", "<b>"),
    *("pf.conf:12: x", "8.8.8.8 1.1.1.1,", "17.5.0.0/16", "web-1 ", "dead:beef", "Alice", "&amp;"),
    *('"id":"web"', '"arguments":["a\\"b", "c"]', "f", "0", ":", "::", ".", "-", "/", " ", "\n"),
)


def test_every_awk_masks_alike(mac: Mac, tmp_path: Path) -> None:
    """mawk may miss the leftmost match of a pattern that begins with a star."""
    rare = random.Random(5)
    made = ["".join(rare.choices(PIECES, k=rare.randint(1, 200))).encode() for _time in range(12)]
    found = awks(tmp_path)
    if len(found) < 2:
        pytest.skip("this machine lacks another awk")
    first, *others = (files(mac, made, awk) for awk in found.values())
    assert first != made
    for other in others:
        assert other == first


def test_names_of_people_and_machines_are_masked_everywhere_alike(mac: Mac) -> None:
    given = """\
/Users/alice/x \\/Users\\/alice\\/y Alice malice alice-x alice.
https://alice:pw@git.corp.example:8443/z
build.office.corp office.corp
7C1D5B7E-0C55-4E0B-9C9E-5B1C6C3F0A01 7c1d5b7e-0c55-4e0b-9c9e-5b1c6c3f0a01
a4:cf:99:2b:10:41 fe80::9c1:52ff:fe7a:1%utun0 [2001:db8::7]:53 fe80::1.
token 17400000000000000001 123456789012 12345678901 v123456789012
at 10:41:07, pf.conf:12: a::zz 0x0000000000000001 /usr/local/bin local.container-net root
"""
    seen = printed(mac, given, "alice")
    expected = """\
/Users/<user-1>/x \\/Users\\/<user-1>\\/y <user-1> malice alice-x <user-1>.
https://<host-1>:8443/z
<host-2> <host-3>
00000000-0000-4000-8000-a00000000001 00000000-0000-4000-8000-a00000000001
<mac-1> <ipv6-1>%utun0 [<ipv6-2>]:53 <ipv6-3>.
token 100000000000000001 100000000000000002 12345678901 v123456789012
at 10:41:07, pf.conf:12: a::zz 0x0000000000000001 /usr/local/bin local.container-net root
"""
    assert seen == expected


@pytest.mark.parametrize("pretty", [False, True])
def test_a_container_gives_away_neither_its_name_nor_what_it_was_started_with(
    pretty: bool, mac: Mac
) -> None:
    listed = json.loads(outputs(mac)["container", "ls"].out)
    listed[0]["configuration"].update(
        id="alices-agent",
        initProcess={
            "executable": "/bin/sh",
            "arguments": ["-c", f'echo "{SECRET}]" \\', SECRET],
            "environment": ["PATH=/bin", f'KEY="{SECRET}"]}}', f"É={SECRET}"],
        },
    )
    listed[0]["id"] = "alices-agent"
    form: Dict[str, Any] = {"indent": 2} if pretty else {"separators": (",", ":")}
    said = json.dumps(listed, ensure_ascii=False, **form)
    mac.garble("container ls", said.replace("/", "\\/") + "\n")
    mac.garble(
        "/usr/sbin/scutil --dns",
        "DNS configuration\n\nresolver #1\n  search domain[0] : deep.example.net\n"
        "  domain   : office.example\n  nameserver[0] : 10.20.0.1\n",
    )
    mac.garble("/usr/sbin/networksetup", "alices-agent at OFFICE.example, in deep.example.net\n")
    found = outputs(mac)
    everything = json.dumps([[o.out, o.err] for o in found.values()])
    assert SECRET not in everything
    shown = json.loads(found["container", "ls"].out)[0]
    assert shown["configuration"]["initProcess"] == {
        "executable": "/bin/sh",
        "arguments": [],
        "environment": [],
    }
    name, at, domain, place, search = found["networksetup", "ports"].out.replace(",", "").split()
    assert {at, place} == {"at", "in"}
    assert all(word.startswith("<host-") for word in (name, domain, search))
    assert shown["id"] == shown["configuration"]["id"] == name


KEPT = [
    *("8.8.8.8", "127.0.0.1", "127.0.0.0/8", "169.254.1.9", "224.0.0.251", "255.255.255.0"),
    *("0.0.0.0/0", "128.0.0.0/1", "192.168.64.7", "192.168.127.0/24", "192.168.100.1"),
    *("256.1.1.1", "1.2.3.4.5", "1.2.3"),
]


def private() -> List[str]:
    rare = random.Random(11)
    found = []
    for net in ("10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10", "192.168.0.0/18"):
        for bits in (12, 16, 20, 24, 30, 32):
            for _time in range(3):
                # In a few /16, so that many share their first bits.
                at = IPv4Network(net)
                host = rare.choice((0, 1, 2)) << 16 | rare.getrandbits(16)
                address = at[host % at.num_addresses]
                if bits < at.prefixlen:
                    continue
                found.append(str(IPv4Network((str(address), bits), strict=False)))
                found.append(str(address))
    return found


def common(one: IPv4Address, other: IPv4Address) -> int:
    return 32 - (int(one) ^ int(other)).bit_length()


def test_private_addresses_keep_what_they_share_and_no_other_value(mac: Mac) -> None:
    given = private()
    seen = printed(mac, "".join(f"{word}\n" for word in [*KEPT, *given])).splitlines()
    assert seen[: len(KEPT)] == KEPT
    after = seen[len(KEPT) :]
    pairs = [(IPv4Network(a), IPv4Network(b)) for a, b in zip(given, after)]  # strict: no host bits
    for (a, b), (was, now) in zip(pairs, zip(given, after)):
        assert b.is_private or b.subnet_of(IPv4Network("100.64.0.0/10"))
        assert ("/" in was) == ("/" in now)
        assert a.prefixlen == b.prefixlen
        if "/" not in was:
            assert was != now
            assert was.rsplit(".", 1)[1] == now.rsplit(".", 1)[1]
    hosts = [(a[0], b[0]) for a, b in pairs if a.prefixlen == 32]
    for one, its in hosts:
        for other, others in hosts:
            assert min(common(one, other), 24) == min(common(its, others), 24)
    for a, x in pairs:
        for b, y in pairs:
            assert a.overlaps(b) == x.overlaps(y)


def test_public_addresses_are_numbered_and_no_two_runs_are_alike(mac: Mac) -> None:
    given = "1.1.1.1 9.9.9.9 1.1.1.1 (17.2.3.4) 17.2.3.4:443 17.2.3.0/24 10.20.30.40\n"
    seen = printed(mac, given)
    words = seen.replace("(", "").replace(")", "").split()
    assert words[0] == words[2]
    assert words[3] + ":443" == words[4]
    assert words[5].endswith(".0/24")
    assert all(IPv4Address(w) in IPv4Network("198.18.0.0/15") for w in words[:4])
    # One of 2^15 at the most is the same by chance.
    assert any(printed(mac, given).split()[-1] != seen.split()[-1] for _time in range(4))


def test_short_networks_of_a_routing_table_are_masked_as_whole_ones(mac: Mac) -> None:
    table = "Routing tables\n\nInternet:\nDestination Gateway Flags Netif Expire\n"
    rows = ["10.20 link#4 UCS en0", "10.20.30/23 link#4 UCS en0", "17.5 link#5 UCS en0"]
    rows += ["192.168.64 link#9 UCS bridge100", "10.20.30.40 link#4 UHLWIi en0"]
    mac.garble("/usr/sbin/netstat", table + "".join(f"{row}\n" for row in rows))
    seen = outputs(mac)["netstat", "inet"].out.splitlines()[4:]
    first = [row.split()[0] for row in seen]
    assert first[0].count(".") == 1
    assert first[0] != "10.20"
    assert first[1].startswith(first[0] + ".")
    assert first[1].endswith("/23")
    assert first[2].startswith("198.1")
    assert first[3] == "192.168.64"
    assert first[4].startswith(first[0] + ".")
