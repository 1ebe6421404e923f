"""The door to a Mac: commands, files, and the facts that come through it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from functools import partial
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invoke.config import Config
from invoke.context import Context, MockContext
from invoke.runners import Local, Result

from container_net import facts, machine, runner
from container_net.machine import (
    MARKER,
    CommandFailed,
    CommandResult,
    Machine,
    MacPath,
    open_machine,
    temporary,
)
from container_net.model import BadInput, FileFact, Missing, Reference, Route, Rule
from container_net.settings import Settings

HOSTILE = [
    "; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    '"',
    "'",
    "a\nb",
    "&& x",
    "| x",
    "> pwned",
    "*",
    "~",
    "$HOME",
    "\\",
    "\\n",
    "-x",
    "",
    " ",
    "#",
    "한글",
]


# -- a small sysroot: sudo and what root needs for files, with a log of what root did


OF_THE_HOST = (
    "/bin/cp",
    "/usr/bin/tee",
    "/bin/chmod",
    "/usr/sbin/chown",
    "/bin/mv",
    "/bin/rm",
    "/bin/mkdir",
    "/bin/rmdir",
    "/bin/ln",
    "/bin/cat",
)


class Root:
    """A folder that stands for `/`, with the programs of a write in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.program("/usr/bin/sudo", f'printf "%s\\n" "$*" >> {self.log}\nshift\nexec "$@"')
        for path in OF_THE_HOST:
            host = shutil.which(Path(path).name, path="/bin:/usr/bin:/sbin:/usr/sbin")
            assert host is not None
            place = self.place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(host)
        self.place("/private/etc").mkdir(parents=True)

    def place(self, path: str) -> Path:
        return Path(str(self.folder) + path)

    def program(self, path: str, script: str) -> None:
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():
            place.unlink()
        place.write_text("#!/bin/sh\n" + script + "\n")
        place.chmod(0o755)

    def machine(self) -> Machine:
        return Machine(Context(), str(self.folder))

    def commands(self) -> List[str]:
        """What sudo was asked for, by the names of the programs."""
        if not self.log.exists():
            return []
        prefix = str(self.folder)
        return [line.replace(prefix, "") for line in self.log.read_text().splitlines()]

    def files(self, folder: str = "/private/etc") -> List[str]:
        return sorted(path.name for path in self.place(folder).iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


CONF = "/private/etc/x.conf"


# -- commands


def test_a_sysroot_comes_before_programs_and_paths_and_never_before_text(root: Root) -> None:
    root.program("/sbin/show", 'printf "%s\\n" "$0" "$@"')
    answer = root.machine().run(
        ["/sbin/show", MacPath("/etc/pf.conf"), "/etc/pf.conf", "net.inet.ip.forwarding=1"]
    )
    folder = str(root.folder)
    assert answer == CommandResult(
        "/sbin/show /etc/pf.conf /etc/pf.conf net.inet.ip.forwarding=1",
        0,
        f"{folder}/sbin/show\n{folder}/etc/pf.conf\n/etc/pf.conf\nnet.inet.ip.forwarding=1\n",
    )


def test_without_a_sysroot_paths_are_as_they_are() -> None:
    mac = Machine(Context())
    assert mac.path("/etc/pf.conf") == "/etc/pf.conf"
    assert mac.run(["/bin/echo", MacPath("/etc/pf.conf")]).out == "/etc/pf.conf\n"


def test_root_and_another_user_go_through_the_sudo_of_the_sysroot(root: Root) -> None:
    root.program("/usr/bin/sudo", 'printf "%s\\n" "$@"')
    mac, folder = root.machine(), str(root.folder)
    as_root = mac.run(["/sbin/pfctl", "-s", "info"], root=True)
    assert as_root.out == f"-n\n{folder}/sbin/pfctl\n-s\ninfo\n"
    assert as_root.shown == "sudo /sbin/pfctl -s info"
    as_user = mac.run(["/usr/local/bin/container", "ls"], user="person")
    assert as_user.out == f"-n\n-u\nperson\n{folder}/usr/local/bin/container\nls\n"
    assert as_user.shown == "/usr/local/bin/container ls"


def test_hostile_data_arrives_as_one_argument_each(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.program("/sbin/show", 'printf "%s\\0" "$@"')
    monkeypatch.chdir(root.folder)
    for as_root in (False, True):
        answer = root.machine().run(["/sbin/show", *HOSTILE], root=as_root)
        assert answer.out.encode("latin-1").decode("utf-8").split("\0")[:-1] == HOSTILE
    assert not list(root.folder.rglob("pwned"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text(st.characters(min_codepoint=1, max_codepoint=255)), max_size=4))
def test_any_words_arrive_as_they_are(tmp_path: Path, words: List[str]) -> None:
    root_folder = tmp_path / "mac"
    show = root_folder / "sbin" / "show"
    if not show.exists():
        show.parent.mkdir(parents=True)
        show.write_text('#!/bin/sh\n[ $# -eq 0 ] || printf "%s\\0" "$@"\n')
        show.chmod(0o755)
    answer = Machine(Context(), str(root_folder)).run(["/sbin/show", *words])
    assert answer.out.encode("latin-1").decode("utf-8").split("\0")[:-1] == words


def test_a_program_that_is_not_there_is_missing(root: Root) -> None:
    answer = root.machine().run(["/sbin/pfctl", "-s", "info"])
    assert answer.missing
    assert not answer.timed_out
    assert answer.out == ""


def test_a_command_past_its_limit_is_an_answer(root: Root) -> None:
    root.program("/sbin/hang", "echo half; exec sleep 30")
    answer = root.machine().run(["/sbin/hang"], timeout=0.3)
    assert answer == CommandResult("/sbin/hang", None, "half\n", "")
    assert answer.timed_out
    assert not answer.missing


def test_every_byte_goes_in_and_comes_back(root: Root) -> None:
    content = bytes(range(256)) * 1200
    answer = root.machine().run(["/bin/cat"], stdin=content.decode("latin-1"), root=True)
    assert answer.out.encode("latin-1") == content


def test_a_command_of_root_that_may_not_be_killed_is_killed_from_roots_side(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.program("/sbin/hang", "echo $$; exec sleep 30")
    # Of the arguments -KILL -- -PGID it takes the group.
    kill = "import os, sys; os.kill(int(sys.argv[3]), 9)"
    root.program("/bin/kill", f"exec {sys.executable} -c '{kill}' \"$@\"")

    def refuse(_group: int, _number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refuse)
    monkeypatch.setattr(runner, "GRACE", 0.2)
    started = time.monotonic()
    answer = root.machine().run(["/sbin/hang"], root=True, timeout=0.3)
    assert time.monotonic() - started < 3.5
    assert answer.timed_out
    group = int(answer.out)
    assert root.commands() == ["-n /sbin/hang", f"-n /bin/kill -KILL -- -{group}"]
    assert os.waitpid(group, 0) == (group, signal.SIGKILL)


def test_a_command_of_the_user_is_never_killed_as_root(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.program("/sbin/hang", "echo $$; exec sleep 30")
    killpg = os.killpg

    def refuse(_group: int, _number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refuse)
    monkeypatch.setattr(runner, "GRACE", 0.2)
    answer = root.machine().run(["/sbin/hang"], timeout=0.2)
    assert root.commands() == []
    killpg(int(answer.out), signal.SIGKILL)
    os.waitpid(int(answer.out), 0)


def test_must_succeeds_or_quotes_what_was_said(root: Root) -> None:
    root.program("/sbin/good", 'echo "$@"; cat')
    root.program("/sbin/bad", "echo one >&2; echo; echo two >&2; exit 3")
    root.program("/sbin/mute", "exit 5")
    mac = root.machine()
    assert mac.must(["/sbin/good", "a"], stdin="b").out == "a\nb"
    assert root.commands() == ["-n /sbin/good a"]
    with pytest.raises(CommandFailed) as caught:
        mac.must(["/sbin/bad", "x y"])
    assert str(caught.value) == "sudo /sbin/bad 'x y' failed: one / two"
    assert caught.value.code == 4
    assert caught.value.answer.code == 3
    with pytest.raises(CommandFailed, match=r"^/sbin/mute failed: exit status 5$"):
        mac.must(["/sbin/mute"], root=False)


def test_must_says_when_a_command_did_not_answer(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CHANGE_LIMIT", 0.2)
    root.program("/sbin/hang", "echo pf enabled >&2; exec sleep 30")
    with pytest.raises(CommandFailed, match="did not answer in time"):
        root.machine().must(["/sbin/hang"])


def test_a_look_ends_after_5_seconds_and_a_change_after_15() -> None:
    """As docs/how-it-works.md says."""
    context: Any = MockContext(run={re.compile(".*"): Result("")}, repeat=True)
    mac = Machine(context)
    mac.run(["/sbin/pfctl"])
    mac.must(["/sbin/pfctl"])
    assert [call.kwargs["timeout"] for call in context.run.call_args_list] == [5.0, 15.0]


def test_where_one_of_the_calls_raises_the_others_are_ended(root: Root) -> None:
    root.program("/sbin/hang", f"echo > {root.folder}/started; exec sleep 30")
    mac = root.machine()

    def fail() -> CommandResult:
        while not (root.folder / "started").exists():
            time.sleep(0.01)
        raise KeyError("x")

    started = time.monotonic()
    with pytest.raises(KeyError):
        mac.side_by_side([fail, lambda: mac.run(["/sbin/hang"], timeout=20.0)])
    assert time.monotonic() - started < 8


def test_answers_come_in_the_order_of_the_calls_and_together(root: Root) -> None:
    root.program("/sbin/wait", 'sleep "$1"; echo "$1"')
    mac = root.machine()
    waits = ["0.6", "0.1", "0.5", "0.3", "0.6", "0.4"]
    started = time.monotonic()
    answers = mac.side_by_side([partial(mac.run, ["/sbin/wait", wait]) for wait in waits])
    assert [answer.out.strip() for answer in answers] == waits
    assert time.monotonic() - started < sum(map(float, waits))
    assert mac.side_by_side([]) == []


def test_what_one_of_the_calls_raises_comes_out(root: Root) -> None:
    def fail() -> CommandResult:
        raise KeyError("x")

    mac = root.machine()
    with pytest.raises(KeyError):
        mac.side_by_side([fail, lambda: mac.run(["/bin/echo"])])


def test_nobody_is_asked_for_a_password_without_a_terminal(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115 - closed with the process
    assert root.machine().ask_for_root() is False
    assert root.commands() == []


class Terminal:
    def __init__(self, there: bool) -> None:
        self.isatty = lambda: there


@pytest.mark.parametrize("code", [0, 1])
def test_at_a_terminal_sudo_asks_once_for_itself(
    root: Root, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(True))
    monkeypatch.setattr(sys, "stderr", Terminal(True))
    root.program("/usr/bin/sudo", f'echo "$@" >> {root.log}; exit {code}')
    assert root.machine().ask_for_root() is (code == 0)
    assert root.commands() == ["-v"]


@pytest.mark.parametrize(("stdin", "stderr"), [(True, False), (False, True)])
def test_a_terminal_on_one_side_only_is_none(
    root: Root, stdin: bool, stderr: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(stdin))
    monkeypatch.setattr(sys, "stderr", Terminal(stderr))
    assert root.machine().ask_for_root() is False
    assert root.commands() == []


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "x"), subprocess.TimeoutExpired("sudo", 300)]
)
def test_a_password_that_nobody_gives_is_no_error(
    root: Root, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(True))
    monkeypatch.setattr(sys, "stderr", Terminal(True))
    limits = []

    def call(_words: List[str], timeout: float) -> int:
        limits.append(timeout)
        raise error

    monkeypatch.setattr(subprocess, "call", call)
    assert root.machine().ask_for_root() is False
    assert limits == [300]


# -- whatever the user has configured


HINDRANCES: Dict[str, Any] = {
    "pty": True,
    "echo": True,
    "dry": True,
    "hide": False,
    "warn": False,
    "shell": "/no/such/shell",
    "encoding": "utf-16",
    "fallback": False,
    "in_stream": None,
    "env": {"LC_ALL": "ko_KR.UTF-8"},
    "replace_env": True,
}


def test_the_users_own_invoke_configuration_does_not_change_what_is_read(
    capfd: pytest.CaptureFixture[str],
) -> None:
    configured = Config(overrides={"run": HINDRANCES, "timeouts": {"command": 1}})
    answer = Machine(Context(configured)).run(
        ["/bin/sh", "-c", "echo $LC_ALL; cat; [ -t 0 ] || echo no terminal; exit 7"], stdin="x\n"
    )
    assert (answer.code, answer.out, answer.err) == (7, "C\nx\nno terminal\n", "")
    assert capfd.readouterr() == ("", "")


def test_the_users_own_environment_does_not_either(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("PTY", "ECHO", "DRY", "HIDE", "WARN"):
        monkeypatch.setenv("INVOKE_RUN_" + name, "1")
    monkeypatch.setenv("INVOKE_RUN_SHELL", "/no/such/shell")
    monkeypatch.setenv("INVOKE_TIMEOUTS_COMMAND", "1")
    configured = Config()
    configured.load_shell_env()
    assert configured.run.dry
    assert configured.run.pty
    answer = Machine(Context(configured)).run(["/bin/echo", "read"])
    assert (answer.code, answer.out, answer.err) == (0, "read\n", "")
    assert capfd.readouterr() == ("", "")


def test_a_context_with_a_runner_of_its_own_keeps_it() -> None:
    class Other(Local):
        def run(self, command: str, **_options: Any) -> Result:
            return Result(stdout=command, exited=0)

    context = Context(Config(overrides={"runners": {"local": Other}}))
    assert Machine(context).run(["/sbin/x", "a b"]).out == "/sbin/x 'a b'"


def test_a_mock_context_answers_and_sees_every_option() -> None:
    context: Any = MockContext(
        run={"/usr/bin/sudo -n /sbin/pfctl -s 'a b'": Result("out", exited=3)}
    )
    mac = Machine(context)
    answer = mac.run(["/sbin/pfctl", "-s", "a b"], root=True, stdin="in\r\n", timeout=7.0)
    assert answer == CommandResult("sudo /sbin/pfctl -s 'a b'", 3, "out", "")
    options = context.run.call_args.kwargs
    assert options.pop("in_stream").read() == "in\r\n"
    assert options == {
        "hide": True,
        "warn": True,
        "pty": False,
        "echo": False,
        "dry": False,
        "shell": "/bin/sh",
        "encoding": "latin-1",
        "timeout": 7.0,
    }
    # MockContext knows no answer to this: that must end a test, and not become an answer.
    with pytest.raises(NotImplementedError, match=r"/sbin/pfctl -d"):
        mac.run(["/sbin/pfctl", "-d"])


# -- reading files


def test_a_file_is_read_as_it_lies_there(root: Root) -> None:
    place = root.place(CONF)
    place.write_bytes(b"\x00\xff\r\n")
    place.chmod(0o640)
    info = place.stat()
    assert root.machine().read(CONF) == FileFact(
        CONF, b"\x00\xff\r\n", 0o640, info.st_uid, info.st_gid
    )


def test_a_file_that_is_not_there_has_no_content(root: Root) -> None:
    mac = root.machine()
    assert mac.read(CONF) == FileFact(CONF)
    root.place(CONF).write_text("")
    assert mac.read(CONF + "/below") == FileFact(CONF + "/below")
    assert mac.read(CONF).content == b""


def test_a_link_is_not_followed(root: Root) -> None:
    root.place(CONF).symlink_to("/nix/store/x")
    fact = root.machine().read(CONF)
    assert (fact.content, fact.link) == (None, "/nix/store/x")
    assert root.machine().exists(CONF)
    assert not root.machine().exists("/nix/store/x")


def deny(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_rest: Any, **_more: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(machine, "open", refuse, raising=False)


def test_what_only_root_may_read_is_read_as_root(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256))
    root.place(CONF).write_bytes(content)
    deny(monkeypatch)
    assert root.machine().read(CONF).content == content
    assert root.commands() == [f"-n /bin/cat {CONF}"]


def test_what_even_root_may_not_read_is_an_error(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.place(CONF).write_bytes(b"x")
    root.program("/usr/bin/sudo", "echo 'sudo: a password is required' >&2; exit 1")
    deny(monkeypatch)
    with pytest.raises(PermissionError):
        root.machine().read(CONF)


# -- writing files


@pytest.fixture
def narrow_umask() -> Any:
    former = os.umask(0o077)
    yield
    os.umask(former)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"one\ntwo\n",
        b"no newline",
        bytes(range(256)),
        b"\r\n" * 3,
        "\n".join(HOSTILE).encode(),
        os.urandom(300_000),
    ],
    ids=["empty", "text", "no newline", "all bytes", "CRLF", "hostile", "300 kB"],
)
def test_a_file_is_written_byte_for_byte(root: Root, content: bytes) -> None:
    root.machine().write(CONF, content)
    assert root.place(CONF).read_bytes() == content
    assert root.files() == ["x.conf"]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
@pytest.mark.parametrize("before", [None, 0o600, 0o444])
def test_a_file_has_the_mode_it_was_written_with(
    root: Root, mode: int, before: Optional[int], narrow_umask: None
) -> None:
    if before is not None:
        root.place(CONF).write_text("old")
        root.place(CONF).chmod(before)
    root.machine().write(CONF, b"new", mode=mode)
    assert stat.S_IMODE(root.place(CONF).stat().st_mode) == mode


def test_a_draft_is_a_copy_of_the_file_before_it_has_new_content(root: Root) -> None:
    root.place(CONF).write_text("old")
    root.place(CONF).chmod(0o600)
    root.machine().write(CONF, b"new", mode=0o600)
    draft = "/private/etc/.x.conf.container-net"
    assert root.commands() == [
        f"-n /bin/cp -p {CONF} {draft}",
        f"-n /usr/bin/tee {draft}",
        f"-n /bin/mv -f {draft} {CONF}",
    ]


DRAFT = "/private/etc/.x.conf.container-net"


def note_modes(root: Root) -> None:
    """Note the mode of a draft just before anything is written into it; none: not there."""
    root.program(
        "/usr/bin/tee",
        f'stat -c %a "$1" >> {root.folder}/modes 2>/dev/null || '
        f'stat -f %Lp "$1" >> {root.folder}/modes 2>/dev/null || '
        f"echo none >> {root.folder}/modes\n"
        'exec /usr/bin/tee "$@"',
    )


def seen_modes(root: Root) -> List[str]:
    return (root.folder / "modes").read_text().split()


@pytest.mark.parametrize(
    ("before", "mode", "seen"),
    [
        (0o600, 0o600, ["600"]),
        (0o644, 0o600, ["600"]),
        (0o666, 0o640, ["640"]),
        (0o644, 0o644, ["644"]),
        (0o600, 0o644, ["600"]),
        (None, 0o644, ["none"]),
        (None, 0o600, ["none", "600"]),
        (None, 0o640, ["none", "640"]),
    ],
)
@pytest.mark.parametrize("left", [False, True], ids=["", "a draft was left"])
def test_a_draft_is_narrow_before_it_has_content(
    root: Root, before: Optional[int], mode: int, seen: List[str], left: bool
) -> None:
    note_modes(root)
    if before is not None:
        root.place(CONF).write_text("old")
        root.place(CONF).chmod(before)
    if left:
        root.place(DRAFT).write_text("half")
        root.place(DRAFT).chmod(0o666)
    root.machine().write(CONF, b"private", mode=mode)
    assert seen_modes(root) == seen
    assert root.place(CONF).read_text() == "private"
    assert stat.S_IMODE(root.place(CONF).stat().st_mode) == mode
    assert root.files() == ["x.conf"]


def test_a_copy_is_like_its_original_before_it_has_content(root: Root) -> None:
    note_modes(root)
    root.place(CONF).write_text("private")
    root.place(CONF).chmod(0o600)
    root.machine().write("/private/etc/y.conf", b"private", mode=0o600, like=CONF)
    assert seen_modes(root) == ["600"]
    assert root.commands()[0] == f"-n /bin/cp -p {CONF} /private/etc/.y.conf.container-net"
    assert stat.S_IMODE(root.place("/private/etc/y.conf").stat().st_mode) == 0o600
    assert root.place(CONF).read_text() == "private"


def test_a_file_that_nobody_may_write_is_replaced_all_the_same(root: Root) -> None:
    root.place(CONF).write_text("old")
    root.place(CONF).chmod(0o444)
    root.machine().write(CONF, b"new", mode=0o444)
    assert f"-n /bin/chmod 0644 {DRAFT}" in root.commands(), "root alone could write it else"
    assert root.place(CONF).read_text() == "new"
    assert stat.S_IMODE(root.place(CONF).stat().st_mode) == 0o444


@pytest.mark.parametrize("which", ["the target", "what a copy is like"])
def test_a_file_with_a_second_name_is_left_alone(root: Root, which: str) -> None:
    other = root.folder / "dotfiles.conf"
    other.write_text("old")
    os.link(other, root.place(CONF))
    mac = root.machine()
    target, like = (CONF, None) if which == "the target" else ("/private/etc/copy", CONF)
    with pytest.raises(Missing) as caught:
        mac.write(target, b"old", like=like)
    assert str(caught.value) == (
        f"{CONF} has 2 hard links and replacing it would break them; left alone. "
        f"To detach it: sudo cp -p {CONF} {CONF}.own && sudo mv {CONF}.own {CONF}"
    )
    assert root.commands() == []
    assert root.place(CONF).samefile(other)
    assert other.read_text() == "old"
    # What it says to do does it.
    shutil.copy2(root.place(CONF), root.place(CONF + ".own"))
    root.place(CONF + ".own").rename(root.place(CONF))
    mac.write(CONF, b"new")
    assert (root.place(CONF).read_text(), other.read_text()) == ("new", "old")


@pytest.mark.parametrize(
    ("flags", "locked"),
    [
        (0, False),
        (stat.UF_HIDDEN, False),
        (stat.UF_IMMUTABLE, True),
        (stat.SF_IMMUTABLE, True),
        (stat.UF_APPEND, True),
        (stat.SF_APPEND | stat.UF_HIDDEN, True),
    ],
)
def test_a_locked_file_is_left_alone(
    root: Root, flags: int, locked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux has no such flags: a file of a Mac that `chflags` has locked."""
    root.place(CONF).write_text("old")
    lstat = os.lstat

    def with_flags(path: Any, **more: Any) -> Any:
        info = lstat(path, **more)
        if str(path) != str(root.place(CONF)):
            return info
        names = ("st_mode", "st_uid", "st_gid", "st_nlink")
        return SimpleNamespace(st_flags=flags, **{name: getattr(info, name) for name in names})

    monkeypatch.setattr(os, "lstat", with_flags)
    if not locked:
        root.machine().write(CONF, b"new")
        return
    with pytest.raises(Missing, match=rf"{CONF} is locked .*sudo chflags nouchg.* {CONF}$"):
        root.machine().write(CONF, b"new")
    assert root.commands() == []
    assert root.place(CONF).read_text() == "old"


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes in this Python")
def test_extended_attributes_stay(root: Root) -> None:
    place = root.place(CONF)
    place.write_text("old")
    try:
        os.setxattr(place, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    # GNU's cp takes them along when it is told to; on a Mac -p alone does.
    root.program("/bin/cp", 'exec /bin/cp --preserve=all "$2" "$3"')
    root.machine().write(CONF, b"new")
    assert place.read_text() == "new"
    assert os.getxattr(place, "user.note") == b"kept"


def test_every_step_of_a_write_is_roots_and_the_target_comes_last(root: Root) -> None:
    former = os.umask(0o022)
    try:
        root.machine().write(CONF, b"new")
    finally:
        os.umask(former)
    draft = "/private/etc/.x.conf.container-net"
    assert str(temporary(MacPath(CONF))) == draft
    assert root.commands() == [f"-n /usr/bin/tee {draft}", f"-n /bin/mv -f {draft} {CONF}"]


def test_the_owner_of_a_file_that_was_there_is_kept(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.place(CONF).write_text("old")
    root.program("/usr/sbin/chown", ":")
    info = root.place(CONF).stat()
    foreign = FileFact(CONF, b"old", 0o644, info.st_uid + 1, info.st_gid + 2)
    mac = root.machine()
    monkeypatch.setattr(mac, "read", lambda path: foreign)
    mac.write(CONF, b"new")
    draft = "/private/etc/.x.conf.container-net"
    chown = f"-n /usr/sbin/chown {info.st_uid + 1}:{info.st_gid + 2} {draft}"
    assert chown in root.commands()
    assert root.commands().index(chown) < root.commands().index(f"-n /bin/mv -f {draft} {CONF}")


def test_a_group_of_its_own_is_kept_too(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.place(CONF).write_text("old")
    root.program("/usr/sbin/chown", ":")
    info = root.place(CONF).stat()
    foreign = FileFact(CONF, b"old", 0o644, info.st_uid, info.st_gid + 2)
    mac = root.machine()
    monkeypatch.setattr(mac, "read", lambda path: foreign)
    mac.write(CONF, b"new")
    assert f"-n /usr/sbin/chown {info.st_uid}:{info.st_gid + 2} {DRAFT}" in root.commands()


def test_a_new_file_belongs_to_the_owner_of_the_sysroot(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = root.machine()
    info = root.folder.stat()
    assert mac.root_owner() == (info.st_uid, info.st_gid)
    root.program("/usr/sbin/chown", ":")
    monkeypatch.setattr(mac, "root_owner", lambda: (info.st_uid + 1, 80))
    mac.write(CONF, b"new")
    draft = "/private/etc/.x.conf.container-net"
    assert f"-n /usr/sbin/chown {info.st_uid + 1}:80 {draft}" in root.commands()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_is_really_kept(root: Root) -> None:
    root.place(CONF).write_text("old")
    os.chown(root.place(CONF), 501, 20)
    root.machine().write(CONF, b"new")
    info = root.place(CONF).stat()
    assert (info.st_uid, info.st_gid) == (501, 20)


def test_a_write_replaces_the_file_in_one_step(root: Root) -> None:
    place = root.place(CONF)
    place.write_text("old")
    seen: List[Tuple[str, str]] = []

    def check(draft: str) -> List[str]:
        seen.append((place.read_text(), root.place(draft).read_text()))
        return ["/bin/echo"]

    root.program("/bin/echo", "exit 0")
    with place.open() as opened:
        root.machine().write(CONF, b"new", check=check)
        assert opened.read() == "old"
    assert seen == [("old", "new")]
    assert place.read_text() == "new"


def untouched(root: Root, write: Callable[[], None], kind: type, words: Optional[str]) -> str:
    """The write fails so, the target is the very same file, and no draft is left."""
    place = root.place(CONF)
    before = (place.read_bytes(), place.stat()) if place.exists() else None
    with pytest.raises(kind, match=words) as caught:
        write()
    if before is None:
        assert not place.exists()
    else:
        info = place.stat()
        assert place.read_bytes() == before[0]
        assert (info.st_ino, info.st_mode) == (before[1].st_ino, before[1].st_mode)
    assert [name for name in root.files() if name != "x.conf"] == []
    return str(caught.value)


@pytest.fixture(params=["there", "new"])
def either(request: pytest.FixtureRequest, root: Root) -> Root:
    """The target of a write that will fail: a file, or nothing."""
    if request.param == "there":
        root.place(CONF).write_text("old")
    return root


def test_a_full_disk_that_is_told(either: Root) -> None:
    either.program(
        "/usr/bin/tee", 'head -c 10 > "$1"\necho "tee: No space left on device" >&2\nexit 1'
    )
    untouched(either, lambda: either.machine().write(CONF, b"x" * 50), CommandFailed, "No space")


def test_a_full_disk_that_is_not_told(either: Root) -> None:
    either.program("/usr/bin/tee", 'head -c 10 > "$1"; cat > /dev/null')
    untouched(either, lambda: either.machine().write(CONF, b"x" * 50), Missing, "disk full")


def test_a_folder_that_cannot_be_written(either: Root) -> None:
    either.program("/usr/bin/tee", 'echo "tee: Read-only file system" >&2; exit 1')
    untouched(either, lambda: either.machine().write(CONF, b"x"), CommandFailed, "Read-only")


def test_a_rename_that_fails(either: Root) -> None:
    either.program("/bin/mv", 'echo "mv: Operation not permitted" >&2; exit 1')
    untouched(either, lambda: either.machine().write(CONF, b"x"), CommandFailed, "not permitted")


@pytest.mark.parametrize("program", ["/bin/chmod", "/usr/sbin/chown"])
def test_a_mode_or_an_owner_that_cannot_be_given(
    either: Root, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    either.program(program, 'echo "no" >&2; exit 1')
    mac = either.machine()
    if program.endswith("chown"):
        info = either.folder.stat()
        fact = FileFact(CONF, b"", 0o644, info.st_uid + 1, info.st_gid)
        if either.place(CONF).exists():
            monkeypatch.setattr(mac, "read", lambda path: fact)
        else:
            monkeypatch.setattr(mac, "root_owner", lambda: (fact.owner, fact.group))
    untouched(either, lambda: mac.write(CONF, b"x", mode=0o4711), CommandFailed, "failed: no")


def test_a_check_that_refuses_the_draft(either: Root) -> None:
    either.program("/sbin/pfctl", 'echo "$3:1: syntax error" >&2; exit 1')

    def check(draft: str) -> List[Any]:
        return ["/sbin/pfctl", "-n", "-f", MacPath(draft)]

    message = untouched(
        either, lambda: either.machine().write(CONF, b"x", check=check), CommandFailed, "syntax"
    )
    assert message.startswith("/sbin/pfctl -n -f /private/etc/.x.conf.container-net failed: ")


def test_ctrl_c_in_the_middle_of_a_write(either: Root) -> None:
    def check(_draft: str) -> List[str]:
        raise KeyboardInterrupt

    untouched(
        either, lambda: either.machine().write(CONF, b"x", check=check), KeyboardInterrupt, None
    )


def test_a_file_that_somebody_changes_meanwhile(either: Root) -> None:
    def check(_draft: str) -> List[str]:
        either.place(CONF).write_text("theirs")
        return ["/bin/rm", "-f", "/nowhere"]

    with pytest.raises(Missing, match="changed by another program"):
        either.machine().write(CONF, b"ours", check=check)
    assert either.place(CONF).read_text() == "theirs"
    assert either.files() == ["x.conf"]


def test_a_link_is_left_to_the_tool_that_made_it(root: Root) -> None:
    store = root.folder / "store"
    store.write_text("theirs")
    root.place(CONF).symlink_to(store)
    with pytest.raises(Missing, match=r"x\.conf is a symbolic link to "):
        root.machine().write(CONF, b"ours")
    assert root.place(CONF).is_symlink()
    assert store.read_text() == "theirs"
    assert root.files() == ["x.conf"]
    assert root.commands() == []


def test_a_draft_that_a_crash_left_behind_is_used_up(root: Root) -> None:
    draft = root.place("/private/etc/.x.conf.container-net")
    draft.write_text("half of a former write, and longer than what comes now")
    draft.chmod(0o666)
    root.machine().write(CONF, b"new")
    assert root.place(CONF).read_text() == "new"
    assert stat.S_IMODE(root.place(CONF).stat().st_mode) == 0o644
    assert root.files() == ["x.conf"]


def test_files_and_folders_are_made_and_removed_as_root(root: Root, narrow_umask: None) -> None:
    mac = root.machine()
    mac.make_folder("/private/etc/d")
    assert stat.S_IMODE(root.place("/private/etc/d").stat().st_mode) == 0o755
    with pytest.raises(CommandFailed):
        mac.make_folder("/private/etc/d")
    root.place(CONF).write_text("x")
    mac.remove(CONF)
    mac.remove(CONF)
    assert root.files() == ["d"]
    assert [line.split()[1] for line in root.commands()] == [
        "/bin/mkdir",
        "/bin/chmod",
        "/bin/mkdir",
        "/bin/rm",
        "/bin/rm",
    ]


def test_a_folder_is_not_for_others_to_write_whatever_the_umask(root: Root) -> None:
    former = os.umask(0)
    try:
        root.machine().make_folder("/private/etc/d")
    finally:
        os.umask(former)
    assert stat.S_IMODE(root.place("/private/etc/d").stat().st_mode) == 0o755


# -- what launchd would refuse to run


JOB = "/Library/LaunchDaemons/x.plist"


@pytest.fixture
def private(root: Root) -> Root:
    """A job's file that only root can write, in folders that only root can write."""
    root.folder.chmod(0o755)
    root.place(JOB).parent.mkdir(parents=True)
    for place in (root.place("/Library"), root.place(JOB).parent):
        place.chmod(0o755)
    root.place(JOB).write_text("job")
    root.place(JOB).chmod(0o644)
    root.machine().check_private(JOB)
    return root


@pytest.mark.parametrize("path", [JOB, "/Library/LaunchDaemons", "/Library", "/"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_is_not_run_as_root(private: Root, path: str, mode: int) -> None:
    place = private.place("" if path == "/" else path)
    wide = stat.S_IMODE(place.stat().st_mode) | mode
    place.chmod(wide)
    with pytest.raises(Missing) as caught:
        private.machine().check_private(JOB)
    assert str(caught.value) == (
        f"{path} must be owned by root and writable by root only (mode {wide:04o})"
    )


@pytest.mark.parametrize("path", [JOB, "/Library/LaunchDaemons"])
def test_what_is_a_link_is_not_run_as_root(private: Root, path: str) -> None:
    place = private.place(path)
    place.rename(private.folder / "elsewhere")
    place.symlink_to(private.folder / "elsewhere")
    with pytest.raises(Missing, match=f"^{path} must be owned by root"):
        private.machine().check_private(JOB)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("path", [JOB, "/Library"])
def test_what_is_anothers_is_not_run_as_root(private: Root, path: str) -> None:
    os.chown(private.place(path), 501, 20)
    with pytest.raises(Missing, match=f"^{path} must be owned by root"):
        private.machine().check_private(JOB)


# -- which Mac


def test_a_sysroot_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        open_machine(Context(), str(tmp_path / "nothing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="no such folder"):
        open_machine(Context(), str(tmp_path / "file"))


def test_anywhere_but_on_a_mac_any_folder_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert open_machine(Context(), str(tmp_path)).sysroot == str(tmp_path)


def test_on_a_real_mac_a_sysroot_must_bear_the_marker_and_is_not_for_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "geteuid", lambda: 501)
    with pytest.raises(BadInput, match="not a simulated Mac"):
        open_machine(Context(), str(tmp_path))
    (tmp_path / MARKER).write_text("")
    assert open_machine(Context(), str(tmp_path)).sysroot == str(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(BadInput, match="refused for root"):
        open_machine(Context(), str(tmp_path))


@pytest.mark.parametrize(
    ("euid", "sudo_user", "user"),
    [(0, "person", "person"), (0, "root", None), (0, "", None), (501, "person", None)],
)
def test_under_sudo_container_is_asked_as_the_person(
    euid: int, sudo_user: str, user: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setenv("SUDO_USER", sudo_user)
    mac = open_machine(Context(), None)
    assert mac.sysroot is None
    assert mac.container_user == user


# -- the facts of a Mac, from a table of what its commands say


SESSION = "7B2C1F60-0A3D-4E55-9C1B-52D2F00DBEEF"
ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled\n"
# Command → what it prints. `sudo` stands for the sysroot's own with -n.
TABLE: Dict[str, str] = {
    "/usr/bin/sw_vers -productVersion": "26.1\n",
    "/usr/sbin/sysctl -n kern.bootsessionuuid": SESSION + "\n",
    "/usr/sbin/sysctl -n net.inet.ip.forwarding": "1\n",
    "/sbin/route -n get default": "    gateway: 10.0.0.1\n  interface: en0\n",
    "/sbin/route -n get 8.8.8.8": "  interface: utun4\n",
    "/usr/sbin/networksetup -listallhardwareports": "Hardware Port: Wi-Fi\nDevice: en0\n",
    "/sbin/ifconfig -a": "en0: flags=8863<UP> mtu 1500\n\tinet 10.0.0.5 netmask 0xffffff00\n",
    "/usr/local/bin/container --version": "container CLI version 1.2.2 (build: release)\n",
    "/usr/local/bin/container system status --format json": '{"status":"running"}',
    "/usr/local/bin/container network list --format json": '[{"id":"default","configuration":'
    '{"mode":"nat"},"status":{"ipv4Subnet":"192.168.65.0\\/24","ipv4Gateway":"192.168.65.1"}}]',
    "/usr/local/bin/container ls --format json": "[]",
    "/bin/launchctl print system/local.container-net": "\tstate = running\n",
    "/bin/launchctl print-disabled system": '\t"local.container-net" => disabled\n',
    "sudo /usr/bin/true": "",
    "sudo /sbin/pfctl -v -s Anchors": "  com.apple\n  com.apple/250.container-net\n",
    "/sbin/pfctl -n -f /private/etc/pf.conf": "",
    "sudo /sbin/pfctl -s info": "Status: Enabled for 0 days 00:00:10      Debug: Urgent\n",
    "sudo /sbin/pfctl -s References": "TOKENS:\nPID  Process Name  TOKEN  TIMESTAMP\n"
    "4711     pfctl                        15                       0 days 00:00:00\n",
    "sudo /sbin/pfctl -s nat": 'nat-anchor "com.apple/*" all\n'
    'nat-anchor "com.apple.internet-sharing" all\n',
    "sudo /sbin/pfctl -s rules": 'anchor "com.apple/*" all\n',
    "sudo /sbin/pfctl -a com.apple/250.container-net -v -s nat": (
        "nat on en0 inet from 192.168.65.0/24 to any -> (en0:0)\n"
        "  [ Evaluations: 9  Packets: 3  Bytes: 5  States: 1 ]\n"
    ),
    "sudo /sbin/pfctl -a com.apple/250.container-net -s rules": "",
    "sudo /sbin/pfctl -a com.apple.internet-sharing -s nat": 'nat-anchor "base_v4" all\n'
    'nat-anchor "base_nat66" all\nnat-anchor "other_v4" all\n',
    "sudo /sbin/pfctl -a com.apple.internet-sharing/base_v4 -v -s nat": "",
    "sudo /sbin/pfctl -a com.apple.internet-sharing/shared_v4 -v -s nat": (
        "nat on en0 inet from 192.168.65.0/24 to any -> (en0:0) extfilter ei\n"
    ),
    "sudo /sbin/pfctl -a com.apple.internet-sharing/other_v4 -v -s nat": "no nat on en9 all\n",
}


def table_machine(folder: Path, changes: Dict[str, Any]) -> Machine:
    """A Machine on a mocked Context. A change of None: the command must not be run."""
    answers: Dict[str, Any] = {}
    for command, said in {**TABLE, **changes}.items():
        words = shlex.split(command)
        root = words[0] == "sudo"
        line = [str(folder) + words[1 if root else 0], *words[2 if root else 1 :]]
        line = [str(folder) + word if word == "/private/etc/pf.conf" else word for word in line]
        if root:
            line = [f"{folder}/usr/bin/sudo", "-n", *line]
        result = Result(said, ALTQ if "pfctl" in command else "") if isinstance(said, str) else said
        if result is not None:
            answers[shlex.join(line)] = result
    return Machine(MockContext(run=answers), str(folder))


@pytest.fixture
def mac_folder(tmp_path: Path) -> Path:
    files = {
        "/usr/local/bin/container": "",
        "/private/etc/pf.conf": 'nat-anchor "com.apple/*"\n',
        "/private/var/db/container-net/boot": (
            f"container-net-boot 1\nboot {SESSION}\nforwarding 0\ntoken 4711 pfctl 15\nend\n"
        ),
    }
    for path, content in files.items():
        place = Path(str(tmp_path) + path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return tmp_path


def test_the_facts_of_a_mac(mac_folder: Path) -> None:
    found = facts.gather(table_machine(mac_folder, {}), Settings())
    assert found.os_version.value == "26.1"
    assert found.os_version.source == "/usr/bin/sw_vers -productVersion"
    assert found.boot_session.value == SESSION
    assert found.forwarding.value == 1
    assert found.default_route.value == Route("en0", "10.0.0.1")
    assert found.public_route.value == Route("utun4")
    assert found.interfaces.value is not None
    assert found.interfaces.value[0].inet == (IPv4Interface("10.0.0.5/24"),)
    assert found.container_path == "/usr/local/bin/container"
    assert found.container_version.value == "1.2.2"
    assert found.container_service.value == "running"
    assert found.networks.value is not None
    assert found.networks.value[0].cidr == IPv4Network("192.168.65.0/24")
    assert found.sudo.value is True
    assert found.pf_enabled.value is True
    assert found.pf_enabled.source == "sudo /sbin/pfctl -s info"
    assert found.references.value == (Reference("4711", "pfctl", "15"),)
    assert found.anchor_nat.value == (
        Rule("nat on en0 inet from 192.168.65.0/24 to any -> (en0:0)", 9, 3, 1),
    )
    assert set(found.sharing_children) == {"base_v4", "shared_v4", "other_v4"}
    assert found.sharing_children["other_v4"].value == (Rule("no nat on en9 all"),)
    assert found.daemon.value is not None
    assert found.daemon.value.loaded
    assert found.daemon.value.disabled
    assert found.boot.value is not None
    assert found.boot.value.token == Reference("4711", "pfctl", "15")
    assert found.state.known
    assert found.state.value is None
    pf_conf = found.files["pf_conf"].value
    assert pf_conf is not None
    assert pf_conf.content == b'nat-anchor "com.apple/*"\n'
    assert found.simulated


def test_without_sudo_no_command_of_root_is_started(mac_folder: Path) -> None:
    changes: Dict[str, Any] = {command: None for command in TABLE if command.startswith("sudo ")}
    changes["sudo /usr/bin/true"] = Result("", "sudo: a password is required\n", exited=1)
    found = facts.gather(table_machine(mac_folder, changes), Settings())
    assert found.sudo.value is False
    assert found.forwarding.value == 1
    for reading in (found.pf_enabled, found.references, found.main_nat, found.anchor_nat):
        assert not reading.known
        assert "needs root" in reading.why
    assert found.pf_enabled.source == "sudo /sbin/pfctl -s info"


@pytest.mark.parametrize(
    ("command", "name", "said", "why"),
    [
        ("/usr/sbin/sysctl -n net.inet.ip.forwarding", "forwarding", "7\n", "said: 7"),
        ("/sbin/ifconfig -a", "interfaces", "$(reboot)\x1b\n", r"said: \$\(reboot\)\?"),
        (
            "sudo /sbin/pfctl -s info",
            "pf_enabled",
            Result("", "pfctl: /dev/pf: Permission denied\n", exited=1),
            "Permission denied",
        ),
        ("/usr/bin/sw_vers -productVersion", "os_version", Result(exited=127), "command not found"),
        ("/usr/local/bin/container ls --format json", "containers", "[{", r"said: \[\{"),
    ],
)
def test_what_makes_no_sense_is_unknown_and_the_rest_is_read(
    mac_folder: Path, command: str, name: str, said: object, why: str
) -> None:
    found = facts.gather(table_machine(mac_folder, {command: said}), Settings())
    reading = getattr(found, name)
    assert reading.value is None
    assert not reading.known
    assert re.search(why, reading.why)
    assert found.boot_session.value == SESSION


def test_an_old_container_is_asked_for_its_status_in_words(mac_folder: Path) -> None:
    found = facts.gather(
        table_machine(
            mac_folder,
            {
                "/usr/local/bin/container system status --format json": Result(
                    "", "Error: Unknown option '--format'\n", exited=64
                ),
                "/usr/local/bin/container system status": "apiserver is running\n",
            },
        ),
        Settings(),
    )
    assert found.container_service.value == "running"


def test_without_container_nothing_of_it_is_started(mac_folder: Path) -> None:
    (mac_folder / "usr/local/bin/container").unlink()
    changes: Dict[str, Any] = {command: None for command in TABLE if "/container " in command}
    found = facts.gather(table_machine(mac_folder, changes), Settings())
    assert found.container_path is None
    assert not found.networks.known
    assert "not installed" in found.networks.why


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("boot", b"container-net-boot 1\nboot " + SESSION.encode() + b"\n"),
        ("state.json", b'{"schema": 1, "anchor": "com.app'),
        ("state.json", b'{"schema": 99}'),
    ],
)
def test_a_damaged_file_of_ours_is_unknown_and_named(
    mac_folder: Path, name: str, content: bytes
) -> None:
    folder = mac_folder / "private/var/db/container-net"
    (folder / name).write_bytes(content)
    found = facts.gather(table_machine(mac_folder, {}), Settings())
    reading: Any = found.boot if name == "boot" else found.state
    assert not reading.known
    assert f"/private/var/db/container-net/{name} is unusable: " in reading.why
    assert found.state_files


def test_the_anchor_of_the_state_file_is_the_one_that_is_read(mac_folder: Path) -> None:
    place = mac_folder / "private/var/db/container-net/state.json"
    place.write_text('{"schema": 1, "anchor": "com.apple/mine"}')
    changes: Dict[str, Any] = {c: None for c in TABLE if "-a com.apple/250.container-net" in c}
    changes["sudo /sbin/pfctl -v -s Anchors"] = "  com.apple\n  com.apple/mine\n"
    changes["sudo /sbin/pfctl -a com.apple/mine -v -s nat"] = ""
    changes["sudo /sbin/pfctl -a com.apple/mine -s rules"] = "block drop all\n"
    found = facts.gather(table_machine(mac_folder, changes), Settings())
    assert found.anchor == "com.apple/mine"
    assert found.anchor_rules.value == (Rule("block drop all"),)


def test_only_what_is_named_is_read_again(mac_folder: Path) -> None:
    found = facts.gather(table_machine(mac_folder, {}), Settings())
    again: Dict[str, Any] = dict.fromkeys(TABLE)
    again["/usr/sbin/sysctl -n net.inet.ip.forwarding"] = "0\n"
    (mac_folder / "private/etc/pf.conf").write_text("new\n")
    (mac_folder / "private/etc/sysctl.conf").write_text("new\n")
    read = facts.reread(table_machine(mac_folder, again), found, ("forwarding", "pf_conf"))
    assert read.forwarding.value == 0
    pf_conf, sysctl_conf = read.files["pf_conf"].value, read.files["sysctl_conf"].value
    assert pf_conf is not None
    assert sysctl_conf is not None
    assert pf_conf.content == b"new\n"
    assert sysctl_conf.content is None
    assert read.pf_enabled is found.pf_enabled
