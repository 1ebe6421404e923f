"""What the templates of the boot daemon render, for every combination of settings."""

from __future__ import annotations

import itertools
import plistlib
import re
import shutil
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import pytest
from jinja2 import UndefinedError
from sim.reconcile_support import RULES, SUBNET, TEMPLATES, render, rules, text

# The pinned one of the lint session: releases differ in what they remark.
SHELLCHECK = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
OTHER = "192.168.66.0/24"
COMBINATIONS: List[Dict[str, Any]] = [
    {"sysroot": sysroot, "anchor_file_wanted": wanted, "rules": found, "subnets": subnets}
    for sysroot, wanted, found, subnets in itertools.product(
        ("", "/tmp/mac"),
        (True, False),
        (RULES, "# nothing but this\n", text(rules(SUBNET, OTHER))),
        ([SUBNET], [SUBNET, OTHER], []),
    )
]


# shellcheck takes its time. A setting changes no line but its own (the next test), so every value
# in one script is enough.
FOR_SHELLCHECK = [COMBINATIONS[n] for n in (0, 17, 31)]


def test_every_value_is_in_a_script_for_shellcheck() -> None:
    def values(some: List[Dict[str, Any]]) -> Set[Tuple[str, str]]:
        return {(name, repr(value)) for each in some for name, value in each.items()}

    assert values(FOR_SHELLCHECK) == values(COMBINATIONS)


def test_settings_change_no_line_of_the_script_but_their_own() -> None:
    def code(settings: Dict[str, Any]) -> List[str]:
        script = render(**settings)
        assert script.count(f"\nRULES='{settings['rules']}'\n") == 1
        return script.replace(settings["rules"], "").splitlines()

    first = code(COMBINATIONS[0])
    for settings in COMBINATIONS:
        lines = code(settings)
        assert len(lines) == len(first)
        for line, other in zip(lines, first):
            if line != other:
                assert re.fullmatch(r"[A-Z_]+=(yes|no|'[^']*')", line), line


def test_it_stays_short() -> None:
    assert len((TEMPLATES / "reconcile.sh.j2").read_text().splitlines()) <= 467


@pytest.mark.skipif(SHELLCHECK is None, reason="the lint session has it")
def test_shellcheck_passes_for_every_value_of_the_settings(tmp_path: Path) -> None:
    files = []
    for number, settings in enumerate(FOR_SHELLCHECK):
        file = tmp_path / f"{number}.sh"
        file.write_text(render(**settings))
        files.append(str(file))
    assert SHELLCHECK is not None
    command = [SHELLCHECK, "--shell=sh", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_script_parses(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(render())
    done = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_addresses_may_be_objects() -> None:
    assert render(subnets=[IPv4Network(SUBNET)]) == render()


def test_no_value_ends_its_quotes_or_its_comment() -> None:
    spoilt = "x'; touch sprung; '\ntouch sprung\n"
    for name in ("version", "sysroot", "anchor", "anchor_file", "state_dir", "lock"):
        assert len(render(**{name: spoilt}).splitlines()) == len(render().splitlines())
        assert "'; touch" not in render(**{name: spoilt})
    assert "x?; touch sprung; ?\ntouch sprung\n'\n" in render(rules=spoilt)


def test_every_program_is_named_by_an_absolute_path_below_the_sysroot() -> None:
    script = render()
    code = [line.split("#")[0] for line in script.splitlines() if not line.startswith("#!")]
    text = "\n".join(code)
    direct = set(re.findall(r'"\$R(/[a-z]+(?:/[a-z]+)*/[a-z]+)"', text))
    through_run = set(re.findall(r"\b(?:run|start) (/\S+)", text))
    assert direct == {
        "/bin/ln", "/bin/mkdir", "/bin/mv", "/bin/rm", "/bin/sleep",
        "/usr/bin/logger", "/usr/bin/readlink",
    }  # fmt: skip
    assert through_run == {
        "/sbin/pfctl", "/sbin/route", "/usr/bin/cmp", "/usr/sbin/sysctl",
    }  # fmt: skip


def test_pfctl_is_asked_for_nothing_that_touches_more_than_our_anchor() -> None:
    script = render()
    forms = re.findall(
        r"(?:run /sbin/pfctl|start /sbin/pfctl|ask_pf) (.*?)(?= \|\| | &&|$)", script, re.MULTILINE
    )
    assert sorted(forms) == sorted(
        [
            '"$@"',
            "-s References",
            "-s nat",
            '-a "$ANCHOR" -s nat',
            '-a "$ANCHOR" -s rules',
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
        "ANCHOR", "ANCHOR_FILE", "ANCHOR_FILE_WANTED", "ANSWER", "BOOT", "FEED", "GRACE", "LIMIT",
        "LOADED", "LOCK", "NL", "OUT", "RULES", "RULES_SUM", "STATE_DIR", "SUBNETS",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["version", "sysroot", "rules", "subnets", "anchor_file_wanted"])
def test_a_missing_value_is_an_error(name: str) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The same template without one of its values, which render() always gives.
    environment = Environment(
        loader=FileSystemLoader(str(TEMPLATES)), undefined=StrictUndefined, autoescape=True
    )
    values = {
        "version": "1", "sysroot": "", "label": "l", "anchor": "a", "anchor_file": "/f",
        "anchor_file_wanted": True, "state_dir": "/s", "lock": "/l", "rules": RULES,
        "subnets": [SUBNET], "rules_sum": "0a",
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
