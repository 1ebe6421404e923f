"""A report of our own reads back, over every scene, to the very same diagnosis."""

from __future__ import annotations

import html
import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from faults.played import SETTINGS, Played, examine
from faults.scenes import machine_of

from container_net import doctor, doctor_report, from_text
from container_net.doctor import Examination as Answer
from container_net.settings import Settings
from container_net.tape import Tape
from simmac import Mac

# What GitHub takes as an issue's text.
ISSUE = 65_536


def written(mac: Mac, probe: bool) -> Any:
    tape = Tape(machine_of(mac))
    found = examine(tape, probe)
    return found, doctor_report.markdown(found, SETTINGS, tape)


def diagnosis(answer: Answer) -> Dict[str, Any]:
    return {
        "told": [
            (d.fault.id, d.finding.state, d.finding.apart, [f.id for f in d.consequences])
            for d in answer.found
        ],
        "all": {name: finding.state for name, finding in answer.findings.items()},
        "unknown": sorted((u.faults, u.privilege, u.core) for u in answer.unknown),
        "offline": answer.offline,
        "code": answer.code,
    }


def test_a_report_reads_back_to_the_same_diagnosis(played: Played) -> None:
    report = doctor_report.markdown(played.found, SETTINGS, played.tape)
    assert len(report) < ISSUE
    told = from_text.judge(report)
    assert told.own
    assert diagnosis(told.answer) == diagnosis(played.found)


@pytest.mark.parametrize("form", ["escaped", "quoted", "in a comment"])
def test_a_report_that_was_pasted_somewhere_reads_back(
    form: str, blank: Mac, tmp_path: Path
) -> None:
    mac = blank.snapshot(tmp_path / "mac")
    mac.start_container()
    mac.reload_main()
    found, report = written(mac, True)
    pasted = {
        "escaped": html.escape(report),
        "quoted": "".join(f"> {row}\n" for row in report.splitlines()),
        "in a comment": f"Here it is:\n\n{report}\n\nThanks, and good luck!\n",
    }[form]
    assert diagnosis(from_text.judge(pasted).answer) == diagnosis(found)


def test_a_report_that_was_cut_is_never_surer(blank: Mac, tmp_path: Path) -> None:
    mac = blank.snapshot(tmp_path / "mac")
    mac.start_container()
    mac.reload_main()
    found, report = written(mac, False)
    whole = {name: f.state for name, f in found.findings.items()}
    for at in range(report.index('{"container-net"'), len(report), 1500):
        told = from_text.judge(report[:at])
        for name, finding in told.answer.findings.items():
            if finding.state in ("present", "possible"):
                assert finding.state == whole[name], (at, name)
        assert told.code == 1


def test_the_settings_of_the_run_are_in_the_report(blank: Mac, tmp_path: Path) -> None:
    mac = blank.snapshot(tmp_path / "mac")
    mac.start_container()
    mac.reload_main()
    given = Settings(subnets=(IPv4Network("192.168.64.0/24"),), anchor="com.apple/300.mine")
    tape = Tape(machine_of(mac))
    found = doctor.examine(tape, given)
    told = from_text.judge(doctor_report.markdown(found, given, tape))
    assert told.answer.facts.anchor == "com.apple/300.mine"
    assert diagnosis(told.answer) == diagnosis(found)


@pytest.mark.parametrize(
    "header",
    [
        '{"container-net": "9", "anchor": 3, "subnets": ["127.0.0.0/8"], "target": {"port": "x"}}',
        '{"container-net": "9", "subnets": ["10.0.0.0/8"], "target": {"port": 1, "image": []}}',
        '{"container-net": {}, "simulated": "\\u001b[2J", "asks_as_root": []}',
    ],
)
def test_a_hostile_header_is_only_text(header: str) -> None:
    rows = [
        '{"key": ["sw_vers"], "code": 0, "out": "26.1\\n"}',
        '{"key": ["ifconfig", "-a"], "code": 0, '
        '"out": "en0: flags=1<UP>\\n\\tinet 10.0.0.9 netmask 0xff000000\\n"}',
        '{"key": [], "code": "x"}',
    ]
    told = from_text.judge("\n".join(["```json", header, *rows, "```", ""]))
    assert told.code == 1
    for line in from_text.lines(told):
        assert all(shown.isprintable() for shown, _style in line)


# What macOS itself lists, on every Mac (macos.md, 9).
OF_EVERY_MAC = """\

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5
  flags    : Request A records
  reach    : 0x00000000 (Not Reachable)
  order    : 300000
"""


def test_the_domain_of_every_mac_is_no_name_to_be_masked(blank: Mac, tmp_path: Path) -> None:
    mac = blank.snapshot(tmp_path / "mac")
    mac.start_container()
    said = mac.answer(["/usr/sbin/scutil", "--dns"]).out.decode()
    mac.garble("/usr/sbin/scutil --dns", said + OF_EVERY_MAC)
    found, report = written(mac, False)
    assert "/usr/local/bin/container" in report
    assert '"local.container-net"' in report
    assert '"out": "00000000-0000-4000-8000-a00000000001\\n"' in report
    assert diagnosis(from_text.judge(report).answer) == diagnosis(found)


@pytest.mark.parametrize("indent", [None, 2])
def test_what_a_container_was_started_with_is_in_no_report(
    indent: Optional[int], blank: Mac, tmp_path: Path
) -> None:
    mac = blank.snapshot(tmp_path / "mac")
    mac.start_container()
    said = mac.answer(["/usr/local/bin/container", "ls", "--format", "json"]).out.decode()
    started = {
        "executable": "/bin/sh",
        "arguments": ["-c", 'echo "s3cret]" \\'],
        "environment": ["PATH=/bin", 'KEY="s3cret"]}', "NODE_OPTIONS=s3cret"],
    }
    listed = json.loads(said)
    listed[0]["configuration"]["initProcess"] = started
    mac.garble("container ls", json.dumps(listed, indent=indent) + "\n")
    found, report = written(mac, False)
    assert "s3cret" not in report
    assert '\\"executable\\"' in report
    assert diagnosis(from_text.judge(report).answer) == diagnosis(found)
