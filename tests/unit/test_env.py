"""`net.env`: the lines it prints, and what it reads out of Dockerfiles, runners and agents."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_net import env
from container_net.model import BadInput

SET = "NODE_OPTIONS=--dns-result-order=ipv4first"


def test_the_lines_are_those_of_the_template() -> None:
    assert env.docker_line() == f"ENV {SET}"
    assert env.run_arguments() == f"-e {SET}"


DOCKERFILES: List[Tuple[str, str, str]] = [
    ("set", f"FROM node:22\nENV {SET}\n", "ok"),
    ("the old form", f"FROM node:22\nENV {SET.replace('=', ' ', 1)}\n", "ok"),
    (
        "among others, quoted",
        f'FROM a\nENV A=1 NODE_OPTIONS="--x {SET.split("=", 1)[1]}" B=2\n',
        "ok",
    ),
    ("over two lines", f"FROM a\nENV A=1 \\\n    {SET}\n", "ok"),
    ("in small letters", f"from a\nenv {SET}\n", "ok"),
    ("in the stage it is built from", f"FROM a AS base\nENV {SET}\nFROM base\nRUN x\n", "ok"),
    ("in another stage only", f"FROM a AS tools\nENV {SET}\nFROM b\n", "broken"),
    ("in a comment only", f"FROM a\n# ENV {SET}\n", "broken"),
    ("for one RUN only", f"FROM a\nRUN export {SET}\n", "broken"),
    ("as ARG only", f"FROM a\nARG {SET}\n", "broken"),
    ("overridden later", f"FROM a\nENV {SET}\nENV NODE_OPTIONS=--inspect\n", "broken"),
    ("another value", "FROM a\nENV NODE_OPTIONS=--max-old-space-size=512\n", "broken"),
    ("from a variable", "FROM a\nARG X\nENV NODE_OPTIONS=$X\n", "unknown"),
    ("not set", "FROM a\n", "broken"),
    ("no FROM", "hello\n", "unknown"),
]


@pytest.mark.parametrize(("name", "text", "state"), DOCKERFILES, ids=[d[0] for d in DOCKERFILES])
def test_a_dockerfile(name: str, text: str, state: str) -> None:
    finding = env.judge("Dockerfile", text)
    assert (finding.kind, finding.state) == ("dockerfile", state)
    assert (finding.cure is not None) == (state == "broken")


RUNNERS: List[Tuple[str, str, str, str]] = [
    ("two elements", "r.ts", f"spawn('container', ['run', '-e', '{SET}', image])", "ok"),
    ("one element", "r.ts", f"spawn('container', ['run', '--env={SET}', image])", "ok"),
    ("one text", "r.sh", f"container run --rm -e {SET} image\n", "ok"),
    ("a template", "r.ts", f"exec(`container run -e {SET} ${{image}}`)", "ok"),
    ("python", "r.py", f'run(["container", "run", "-e", "{SET}", image])', "ok"),
    (
        "other options too",
        "r.sh",
        f"container run -e '{SET.replace('=', '=--x ', 1)}' image\n",
        "ok",
    ),
    ("in a comment only", "r.ts", f"// -e {SET}\nspawn('container', ['run', image])", "broken"),
    ("in a comment of sh", "r.sh", f"# -e {SET}\ncontainer run image\n", "broken"),
    ("not at all", "r.ts", "spawn('container', ['run', image])", "broken"),
    ("set and not passed", "r.ts", f"env.X = '{SET}'; spawn('container', ['run', i])", "unknown"),
    ("names at run time", "r.ts", "spawn('container', ['run', '-e', `${k}=${v}`])", "unknown"),
]


@pytest.mark.parametrize(("name", "file", "text", "state"), RUNNERS, ids=[r[0] for r in RUNNERS])
def test_a_runner(name: str, file: str, text: str, state: str) -> None:
    finding = env.judge(file, text)
    assert (finding.kind, finding.state) == ("runner", state)


AGENTS: List[Tuple[str, str, str]] = [
    ("exit(0)", "main().then(() => process.exit(0));\n", "ok"),
    ("exit()", "await main();\nprocess.exit();\n", "ok"),
    ("in a comment only", "main(); // process.exit(0)\n", "broken"),
    ("in a text only", "log('process.exit(0)');\n", "broken"),
    ("an address with slashes is no comment", "get('https://x'); process.exit(0)\n", "ok"),
    ("for a failure only", "main().catch(() => process.exit(1));\n", "broken"),
    ("exitCode does not end it", "process.exitCode = 0;\n", "broken"),
    ("nothing", "main();\n", "broken"),
]


@pytest.mark.parametrize(("name", "text", "state"), AGENTS, ids=[a[0] for a in AGENTS])
def test_an_agent(name: str, text: str, state: str) -> None:
    finding = env.judge("agent-runner/src/index.ts", text)
    assert (finding.kind, finding.state) == ("agent", state)


def test_the_evidence_quotes_the_line_and_its_number() -> None:
    assert env.judge("Dockerfile", f"FROM a\n\nENV {SET}\n").evidence == f"line 3: ENV {SET}"


def test_what_is_neither_is_unknown() -> None:
    assert env.judge("notes.txt", "hello").state == "unknown"


@pytest.mark.parametrize("content", [None, b"a\0b", b"x" * (1024 * 1024 + 1)])
def test_what_is_no_source_file_is_refused(content: object, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    if isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(BadInput, match="--check is"):
        env.check(str(path))


@given(st.text(max_size=300), st.sampled_from(["Dockerfile", "a.ts", "run.sh", "x"]))
def test_any_text_gets_an_answer(text: str, name: str) -> None:
    assert env.judge(name, text).state in ("ok", "broken", "unknown")


@pytest.mark.parametrize(
    ("variable", "prefers"),
    [
        (SET, True),
        (f"{SET} --inspect", True),
        ("NODE_OPTIONS=--dns-result-order=verbatim", False),
        (f"X{SET}", False),
        ("PATH=/bin", False),
    ],
)
def test_an_environment_variable(variable: str, prefers: bool) -> None:
    assert env.prefers_ipv4(variable) is prefers
