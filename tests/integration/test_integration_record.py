"""Samples made of a run: in the form of tests/samples, and without what names a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from integration import record
from integration.guests import SimGuest
from integration.host import SimHost
from integration.record import Mask
from integration.story import Keeper

HEADER = re.compile(r"# (stdout|stderr), exit (\d+), (\S+)((?:, \S+)*): (.*)")


def test_a_run_gives_samples_that_the_simulated_mac_can_be_held_to(
    sim: SimHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Keeper(sim) as keeper:
        keeper.open(SimGuest(sim))
        keeper.task("net.setup", "--yes")
    folder, out = sim.evidence.folder, tmp_path / "samples"
    assert folder is not None
    assert record.main([str(folder), str(out), "--scene", "bare"]) == 0
    assert "samples in" in capsys.readouterr().out
    found = {path.name: path.read_text() for path in out.iterdir()}
    assert "sysctl_n_net_inet_ip_forwarding.txt" in found
    assert "pfctl_s_references.txt" in found
    assert not any(name.startswith("invoke") for name in found)
    for name, text in found.items():
        match = HEADER.match(text.split("\n", 1)[0])
        assert match, name
        assert match.group(3) == "bare"
    first = found["sysctl_n_net_inet_ip_forwarding.txt"]
    assert first.endswith("/usr/sbin/sysctl -n net.inet.ip.forwarding\n0\n")
    assert ", root: /sbin/pfctl -s References\n" in found["pfctl_s_references.txt"]
    # The token that the run took is a number of ours.
    rows = [t for n, t in found.items() if n.startswith("pfctl_s_references") and "TOKENS" in t]
    assert rows
    numbers = [n for text in rows for n in re.findall(r"\b\d{15,}\b", text)]
    assert len(numbers) > 1
    assert all(re.fullmatch(r"1000000000000000\d\d", n) for n in numbers)


TEXT = """\
en0: flags=8863<UP> mtu 1500
\tether 3c:22:fb:aa:bb:cc
\tinet6 fe80::1c7e:abcd:1:2%en0 prefixlen 64 secured scopeid 0xe
\tinet6 2a02:8071:1234::55 prefixlen 64
\tinet 10.79.9.105 netmask 0xffffff00 broadcast 10.79.9.255
bridge100: inet 192.168.64.1, DNS 8.8.8.8, lo0 127.0.0.1, mask 255.255.255.0, ::1
4711 pfctl 11012949885072952621 3 days 12:34:56
7C1D5B7E-0C55-4E0B-9C9E-5B1C6C3F0A01 /Users/jane/x 10.79.9.105 3c:22:fb:aa:bb:cc
container CLI version 1.2.2 (26.1)
"""
MASKED = """\
en0: flags=8863<UP> mtu 1500
\tether 02:00:00:00:00:01
\tinet6 fe80::2%en0 prefixlen 64 secured scopeid 0xe
\tinet6 2001:db8::3 prefixlen 64
\tinet 192.0.2.1 netmask 0xffffff00 broadcast 192.0.2.2
bridge100: inet 192.168.64.1, DNS 8.8.8.8, lo0 127.0.0.1, mask 255.255.255.0, ::1
4711 pfctl 100000000000000001 3 days 12:34:56
00000000-0000-4000-8000-000000000001 /Users/dev/x 192.0.2.1 02:00:00:00:00:01
container CLI version 1.2.2 (26.1)
"""


def test_what_names_a_machine_is_masked_and_the_rest_stays_to_the_byte() -> None:
    mask = Mask()
    assert mask.text(TEXT) == MASKED
    # The same by the same, in another text too.
    assert mask.text("10.79.9.105") == "192.0.2.1"


def test_evidence_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record.main([str(tmp_path / "none"), str(tmp_path / "out")]) == 2
    assert "record.py: " in capsys.readouterr().err
