"""What the documents say is true: their commands run, and their list of programs is closed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Tuple

import pytest
from sim.support import run

from simmac import Mac

TOP = Path(__file__).parents[2]
DOCUMENTS = sorted([*TOP.glob("README*.md"), *(TOP / "docs").glob("*.md")])
ENGLISH = [
    p for p in DOCUMENTS if not p.name.endswith(".ko.md") and "<!-- run -->" in p.read_text("utf-8")
]
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[a-z-]+) -->\n)?```(?P<kind>\w*)\n(?P<body>.*?)```", re.DOTALL
)

# Commands that are not run here, each with its reason.
ELSEWHERE = {
    "./onboard": "test_onboard runs it, as a newcomer would",
    "./onboard --fleet": "as ./onboard",
    "./check": "it is what runs this test",
    "uvx container-net onboard": "needs uv and an index: nox -s release",
    "uvx container-net net.status": "nox -s release",
    "pipx run container-net net.status": "nox -s release",
    ".venv/bin/invoke net.watch": "it does not end by itself; test_watch_run runs it",
    "uvx --from /path/to/clone container-net net.status": "needs uv; test_tree builds the wheel",
    "pipx run --spec /path/to/clone container-net net.status": "as uvx",
}


def blocks(path: Path, mark: str) -> Iterator[str]:
    for match in BLOCK.finditer(path.read_text(encoding="utf-8")):
        if match.group("mark") == mark:
            yield match.group("body")


def lines(path: Path, mark: str) -> List[str]:
    return [line for body in blocks(path, mark) for line in body.splitlines() if line.strip()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_command_of_a_document_is_run_or_has_its_reason(path: Path) -> None:
    ours = re.compile(r"(\.venv/bin/|\./|uvx|pipx|INVOKE_)")
    told = {line for mark in ("run", "by-hand", "shown") for line in lines(path, mark)}
    loose = [
        line
        for match in BLOCK.finditer(path.read_text(encoding="utf-8"))
        if match.group("kind") in ("sh", "bash") and match.group("mark") is None
        for line in match.group("body").splitlines()
        if ours.match(line) and line not in told and line not in ELSEWHERE
    ]
    # A command shown without being run must be one that another document's test runs.
    run_somewhere = {line for other in DOCUMENTS for line in lines(other, "run")}
    assert [x for x in loose if x not in run_somewhere and x + " --yes" not in run_somewhere] == []


def korean(path: Path) -> Path:
    return path.with_name(f"{path.stem}.ko.md")


@pytest.mark.parametrize("path", ENGLISH, ids=lambda p: p.name)
def test_the_korean_edition_has_the_same_commands(path: Path) -> None:
    assert lines(korean(path), "run") == lines(path, "run")


@pytest.mark.parametrize("path", ENGLISH, ids=lambda p: p.name)
def test_the_commands_work_as_they_stand(
    path: Path, new: Callable[..., Mac], tmp_path: Path
) -> None:
    mac = new()
    # The invoke of this environment stands where a reader's own stands.
    there = tmp_path / "checkout"
    there.mkdir()
    for name in ("container_net", "simmac", "templates", "tasks.py"):
        (there / name).symlink_to(TOP / name)
    (there / ".venv").symlink_to(Path(sys.prefix))
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "INVOKE_NET_SYSROOT": str(mac.path),
    }
    for line in lines(path, "run"):
        if line in ELSEWHERE:
            continue
        command = line.replace("/tmp/container-net-mac", str(tmp_path / "mac"))
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=there,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        # A status of a Mac with no way out is 1: that is its answer.
        fine = (0, 1) if line.endswith(("net.status", "net.status --json", ".svg")) else (0,)
        assert done.returncode in fine, (line, done.stdout, done.stderr)


def test_by_hand_takes_everything_off(new: Callable[..., Mac]) -> None:
    mac = new("idle")
    before = mac.files()
    assert run(mac, "net.persist", "--always").code == 0
    mac.settle()
    for line in lines(TOP / "docs" / "security.md", "by-hand"):
        by_hand(mac, line)
    assert mac.answer(["/sbin/pfctl", "-s", "References"], root=True).out.startswith(b"No pf")
    after = mac.files()
    # They were not there before; the page says so.
    for path in ("/private/etc/sysctl.conf", "/Library/PrivilegedHelperTools"):
        after.pop(path, None)
    assert changed(before, after) == []


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> List[str]:
    return sorted(k for k in {*before, *after} if before.get(k) != after.get(k))


PLACES = ("/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/")


def by_hand(mac: Mac, line: str) -> None:
    """A line as a person types it, on the simulated Mac; `sed -i ''` is BSD's form of -i."""
    token = re.search(r'"\$\(awk .*? (\S+)\)"', line)
    if token:
        text = (mac.path / token.group(1).lstrip("/")).read_text()
        found = re.search(r"^token \d+ \S+ (\d+)$", text, re.MULTILINE)
        assert found, text
        line = line.replace(token.group(0), found.group(1))
    words = shlex.split(line)
    assert words.pop(0) == "sudo"
    if words[:3] == ["sed", "-i", ""]:
        target = mac.path / words[-1].lstrip("/")
        subprocess.run(["sed", "-i", *words[3:-1], str(target)], check=True)
        return
    if words[:2] == ["rm", "-rf"]:
        shutil.rmtree(mac.path / words[2].lstrip("/"))
        return
    program = next(p + words[0] for p in PLACES if (mac.path / (p + words[0]).lstrip("/")).exists())
    paths = [str(mac.path) + w if w.startswith("/") else w for w in words[1:]]
    answer = mac.answer([program, *paths], root=True)
    assert answer.code == 0, (line, answer)
    mac.settle()


# -- the closed list of programs


def forms(path: Path) -> List[Tuple[str, re.Pattern[str]]]:
    """The documented forms: capital words stand for a value, `…` for anything, [x] for x or not."""
    found = []
    for body in blocks(path, "programs"):
        for line in body.splitlines():
            for entry in re.split(r"\s{2,}", line.strip()):
                if entry.startswith("/"):
                    found.append((entry, pattern(entry)))
    return found


def pattern(entry: str) -> re.Pattern[str]:
    words = []
    for word in entry.split():
        if word == "…":
            words.append(r"( \S.*)?")
        elif word == "SCRIPT":
            words.append(r" (?s:.+)")
        elif word.startswith("["):
            words.append(f"( {re.escape(word[1:-1])})?")
        elif "|" in word:
            words.append(" (" + "|".join(map(re.escape, word.split("|"))) + ")")
        else:
            text = re.escape(word)
            words.append(" " + re.sub(r"\b[A-Z]{1,}[A-Z0-9]*\b(?!\\?\.)", r"\\S+", text))
    return re.compile("".join(words).strip())


def test_no_program_is_started_that_the_documents_do_not_list(new: Callable[..., Mac]) -> None:
    listed = forms(TOP / "docs" / "how-it-works.md")
    assert len(listed) > 30
    started = set()
    for scene in ("broken", "healthy", "idle", "two-networks"):
        mac = new(scene)
        for words in (
            ["net.detect"], ["net.render"], ["net.plan"], ["net.setup", "--always"],
            ["net.status"], ["net.verify"], ["net.persist", "--always"], ["net.status"],
            ["net.plan", "--persist"], ["net.doctor", "--probe"], ["net.history"],
            ["net.teardown"],
        ):  # fmt: skip
            run(mac, *words)
            mac.settle()
        mac.reboot()
        started |= {" ".join(record.argv) for record in mac.log}
    missing = [s for s in sorted(started) if not any(p.fullmatch(s) for _entry, p in listed)]
    assert missing == []


def test_both_languages_list_the_same_programs() -> None:
    english = [e for e, _p in forms(TOP / "docs" / "how-it-works.md")]
    assert english == [e for e, _p in forms(TOP / "docs" / "how-it-works.ko.md")]


@pytest.mark.parametrize("name", ["status.svg", "status.ko.svg"])
def test_the_screenshots_are_of_this_version(name: str, tmp_path: Path) -> None:
    script = TOP / "docs" / "screenshot.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    assert (tmp_path / name).read_text("utf-8") == (TOP / "docs" / name).read_text("utf-8")
