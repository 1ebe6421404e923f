"""What the templates of the boot daemon render, for every combination of settings."""

from __future__ import annotations

import itertools
import os
import plistlib
import re
import shutil
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import pytest
from jinja2 import UndefinedError
from sim.reconcile_support import SUBNETS, TEMPLATES, Net, render

SHELLCHECK = shutil.which("shellcheck") or shutil.which(
    "shellcheck", path=str(Path(sys.executable).parent)
)
HOST_ONLY = Net("192.168.66.0/24", "192.168.66.1", "hostOnly")
COMBINATIONS: List[Dict[str, Any]] = [
    {
        "sysroot": sysroot,
        "anchor_file_wanted": wanted,
        "guard": guard,
        "uplinks": uplinks,
        "subnets": subnets,
    }
    for sysroot, wanted, guard, uplinks, subnets in itertools.product(
        ("", "/tmp/mac"),
        (True, False),
        (True, False),
        ((), ("en0", "utun4")),
        (SUBNETS, (*SUBNETS, HOST_ONLY), (HOST_ONLY,)),
    )
]


# Any two values of two settings meet in one of these. shellcheck takes 20 seconds for every
# combination, which only CI spends.
PAIRS = [COMBINATIONS[n] for n in (2, 9, 19, 28, 36, 47)]


def test_any_two_settings_meet_in_a_script_for_shellcheck() -> None:
    def pairs(settings: Dict[str, Any]) -> Set[Tuple[Tuple[str, str], ...]]:
        items = [(name, repr(value)) for name, value in settings.items()]
        return set(itertools.combinations(items, 2))

    everywhere = set().union(*map(pairs, COMBINATIONS))
    assert everywhere - set().union(*map(pairs, PAIRS)) == set()


def test_settings_change_no_line_of_the_script_but_their_own() -> None:
    checked = [render(**settings).splitlines() for settings in PAIRS]
    for settings in COMBINATIONS:
        lines = render(**settings).splitlines()
        assert len(lines) == len(checked[0])
        for line, *others in zip(lines, *checked):
            assert line in others, settings
            if len({*others}) > 1:
                assert re.fullmatch(r"[A-Z_]+=(yes|no|'[^']*')", line), line


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed")
def test_shellcheck_passes_for_combinations_of_settings(tmp_path: Path) -> None:
    files = []
    for number, settings in enumerate(COMBINATIONS if os.environ.get("CI") else PAIRS):
        file = tmp_path / f"{number}.sh"
        file.write_text(render(**settings))
        files.append(str(file))
    assert SHELLCHECK is not None
    command = [SHELLCHECK, "--shell=sh"]
    # Half of them each, side by side.
    halves = [
        subprocess.Popen([*command, *half], stdout=subprocess.PIPE, text=True)
        for half in (files[::2], files[1::2])
    ]
    said = [half.communicate()[0] for half in halves]
    assert ([half.returncode for half in halves], said) == ([0, 0], ["", ""])


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_script_parses(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(render())
    done = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_addresses_may_be_objects() -> None:
    class Subnet:
        cidr = IPv4Network("192.168.64.0/24")
        gateway = IPv4Address("192.168.64.1")
        mode = "nat"

    assert render(subnets=[Subnet()]) == render()


def test_every_program_is_named_by_an_absolute_path_below_the_sysroot() -> None:
    script = render()
    code = [line.split("#")[0] for line in script.splitlines() if not line.startswith("#!")]
    text = "\n".join(code)
    direct = set(re.findall(r'"\$R(/[a-z]+(?:/[a-z]+)*/[a-z]+)"', text))
    through_run = set(re.findall(r"\brun (/\S+)", text))
    assert direct == {
        "/bin/ln", "/bin/mkdir", "/bin/mv", "/bin/rm", "/bin/sleep",
        "/usr/bin/logger", "/usr/bin/readlink",
    }  # fmt: skip
    assert through_run == {
        "/sbin/ifconfig", "/sbin/pfctl", "/sbin/route",
        "/usr/bin/cksum", "/usr/sbin/networksetup", "/usr/sbin/sysctl",
    }  # fmt: skip


def test_pfctl_is_asked_for_nothing_that_touches_more_than_our_anchor() -> None:
    script = render()
    forms = re.findall(r"(?:run /sbin/pfctl|ask_pf) (.*?)(?: \|\|.*)?$", script, re.MULTILINE)
    assert sorted(forms) == sorted(
        [
            '"$@"',
            "-s info",
            "-s References",
            '-a "$ANCHOR" -s "$kind"',
            "-n -f -",
            '-a "$ANCHOR" -f -',
            "-E",
            '-k "$subnet"',
        ]
    )


def test_the_script_evaluates_no_data_and_has_no_temporary_file_outside_root_folders() -> None:
    script = render()
    code = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"\beval\b|<<|/tmp|mktemp|`", code)
    # What it reads of the environment is what every shell sets itself.
    assert "com.apple.container" not in script
    assert set(re.findall(r"\$\{?([A-Z][A-Z_]+)", code)) <= {
        "ANCHOR", "ANCHOR_FILE", "ANCHOR_FILE_WANTED", "BOOT", "ERR", "GUARD", "LAST",
        "LOCK", "NL", "OUT", "RULES", "STATE_DIR", "SUBNETS", "TICK", "UPLINKS",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["version", "sysroot", "guard", "subnets", "anchor_file_wanted"])
def test_a_missing_value_is_an_error(name: str) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The same template without one of its values, which render() always gives.
    environment = Environment(
        loader=FileSystemLoader(str(TEMPLATES)), undefined=StrictUndefined, autoescape=True
    )
    values = {
        "version": "1", "sysroot": "", "label": "l", "anchor": "a", "anchor_file": "/f",
        "anchor_file_wanted": True, "state_dir": "/s", "lock": "/l", "guard": True,
        "uplinks": [], "subnets": SUBNETS,
    }  # fmt: skip
    del values[name]
    with pytest.raises(UndefinedError):
        environment.get_template("reconcile.sh.j2").render(values)


# -- the plist


@pytest.mark.parametrize(
    ("label", "program"),
    [
        ("local.container-net", "/Library/PrivilegedHelperTools/local.container-net"),
        ("a.b&c", "/Library/<x>/it's"),
    ],
)
def test_the_plist_says_what_launchd_needs_and_no_more(label: str, program: str) -> None:
    text = render("launchd.plist.j2", label=label, program=program)
    assert plistlib.loads(text.encode()) == {
        "Label": label,
        "ProgramArguments": [program],
        "RunAtLoad": True,
        "WatchPaths": [
            "/private/var/run/resolv.conf",
            "/Library/Preferences/SystemConfiguration/NetworkInterfaces.plist",
        ],
        "StartInterval": 60,
        "ProcessType": "Background",
    }
    assert text.endswith("</plist>\n")
