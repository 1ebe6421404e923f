"""The door to a Mac behind SSH gives what the local one gives, and nothing can pass for it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from each import each
from fleet.farm import Farm, Host, keygen
from invoke.context import Context

from container_net import facts, probes, remote
from container_net.machine import CommandFailed, Machine, MacPath
from container_net.model import NetError, Problem
from container_net.settings import Settings
from simmac import Mac

Scene = Callable[[str], Mac]


@contextmanager
def over_ssh(host: Host, **options: Any) -> Iterator[remote.RemoteMachine]:
    assert host.mac is not None
    connection = remote.connect(host.name, remote.configuration())
    machine = remote.RemoteMachine(connection, str(host.mac.path), **options)
    try:
        yield machine
    finally:
        machine.close()


def here(host: Host) -> Machine:
    assert host.mac is not None
    return Machine(Context(), str(host.mac.path))


@pytest.fixture
def host(farm: Farm, scene: Scene) -> Host:
    return farm.add("mini-1", scene("broken"))


# -- what is read


@pytest.mark.parametrize("name", ["bare", "broken", "healthy", "idle", "two-networks", "vpn"])
def test_the_facts_are_those_that_are_read_there(farm: Farm, scene: Scene, name: str) -> None:
    host = farm.add("mini-1", scene(name))
    with over_ssh(host) as machine:
        found = facts.gather(machine, Settings())
    told = facts.gather(here(host), Settings())
    for key, value in vars(told).items():
        assert getattr(found, key) == value, key
    assert (host.connections, host.channels) == (1, 1)


def test_a_look_is_at_most_three_steps(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: List[int] = []
    step = remote._Shell.step

    def counted(self: Any, asks: Any) -> Any:
        steps.append(len(asks))
        return step(self, asks)

    monkeypatch.setattr(remote._Shell, "step", counted)
    with over_ssh(host) as machine:
        facts.gather(machine, Settings())
        assert len(steps) <= 3, steps
        steps.clear()
        probes.gather(machine, Settings())
        assert len(steps) <= 4, steps


def test_what_the_doctor_reads_is_the_same(host: Host) -> None:
    with over_ssh(host) as machine:
        found = probes.gather(machine, Settings())[1]
    assert found == probes.gather(here(host), Settings())[1]


def test_files_are_the_same_to_the_byte(host: Host) -> None:
    assert host.mac is not None
    etc = host.mac.path / "private/etc"
    (etc / "all").write_bytes(bytes(range(256)) * 300)
    (etc / "empty").write_bytes(b"")
    (etc / "no-newline").write_bytes(b"x")
    (etc / "a name").write_bytes(b"there /etc/pf.conf\ndata /etc/pf.conf\n.\n")
    (etc / "link").symlink_to("pf.conf")
    (etc / "dangling").symlink_to("nowhere\nat all")
    (etc / "narrow").write_bytes(b"secret")
    (etc / "narrow").chmod(0o600)
    (etc / "twice").hardlink_to(etc / "narrow") if hasattr(Path, "hardlink_to") else os.link(
        etc / "narrow", etc / "twice"
    )
    paths = [f"/private/etc/{name}" for name in sorted(os.listdir(etc)) if (etc / name).is_file()]
    paths += ["/private/etc/dangling", "/private/etc/absent", "/private/no/folder"]
    local = here(host)
    with over_ssh(host) as machine:
        # One by one, and side by side.
        single = [machine.read(path) for path in paths]
        together = machine.side_by_side([lambda p=path: machine.read(p) for path in paths])  # type: ignore[misc]
        there = [machine.exists(path) for path in paths]
        with pytest.raises(OSError, match="directory"):
            machine.read("/private/etc")
        assert machine.names("/private/etc") == local.names("/private/etc")
    assert single == together
    assert there == [local.exists(path) for path in paths]
    for path, found in zip(paths, single):
        told = local.read(path)
        # Who owns it is told by the simulated Mac over there, by this machine here.
        assert (found.content, found.mode, found.link, found.stays) == (
            told.content, told.mode, told.link, told.stays,
        )  # fmt: skip


def test_what_only_root_may_read_is_read_by_root(host: Host) -> None:
    with over_ssh(host) as machine:
        assert machine._of("/private/etc/pf.conf", {"data": "!."}) == (
            here(host).read("/private/etc/pf.conf").content
        )
        with pytest.raises(PermissionError):
            machine._of("/private/etc/absent", {"data": "!."})


# -- commands


def test_input_and_output_are_bytes(host: Host) -> None:
    data = bytes(range(1, 256)) * 40
    with over_ssh(host) as machine:
        path = MacPath("/private/etc/of-ours")
        machine.must(["/usr/bin/tee", path], stdin=data.decode("latin-1"))
        assert machine.read(str(path)).content == data
        answer = machine.run(["/bin/cat", path], root=True)
        assert (answer.code, answer.out.encode("latin-1")) == (0, data)


def test_data_never_becomes_shell_syntax(host: Host) -> None:
    words = ["'", '"', "$(reboot)", "`x`", "a b", "\n", "*", "\\", "!", "-n", "|", "\xc3\xa9"]

    def check(word: str) -> None:
        said = "end" if word == "-n" else f"{word} end\n"
        assert machine.run(["/bin/echo", word, "end"]).out == said

    with over_ssh(host) as machine:
        each(((repr(word), word) for word in words), check)


def test_an_answer_cannot_pass_for_another(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that knows the secret of the frames."""
    monkeypatch.setattr("secrets.token_hex", lambda _count: "a" * 32)
    assert host.mac is not None
    frame = f"{'a' * 32} 1 0 5\n1234\n0\n{'a' * 32} end\n"
    (host.mac.path / "private/etc/evil").write_text(frame)
    with over_ssh(host) as machine:
        calls = [
            lambda: machine.run(["/bin/cat", MacPath("/private/etc/evil")]),
            lambda: machine.run(["/bin/echo", "good"]),
            lambda: machine.run(["/bin/cat", MacPath("/private/etc/absent")]),
        ]
        evil, good, absent = machine.side_by_side(calls)
    assert (evil.out, good.out, absent.code) == (frame, "good\n", 1)
    assert "No such file" in absent.err


def test_a_missing_program_is_told_as_here(host: Host) -> None:
    with over_ssh(host) as machine:
        assert machine.run(["/usr/bin/absent"]).missing
        assert machine.run(["/usr/bin/absent"], root=True).code == 1
        with pytest.raises(CommandFailed):
            machine.must(["/bin/cat", "/private/absent"])


@pytest.mark.waits
def test_what_hangs_costs_nobody_else_his_answer(host: Host) -> None:
    assert host.mac is not None
    host.mac.hang("route")
    started = time.monotonic()
    with over_ssh(host) as machine:
        found = facts.gather(machine, Settings())
        assert found.default_route.value is None
        assert "in time" in found.default_route.why or found.default_route.problem is not None
        assert found.forwarding.value == 0
        assert found.main_nat.known
    assert time.monotonic() - started < 25
    assert host.channels == 1


@pytest.mark.waits
@pytest.mark.parametrize("words", ["trap '' TERM; sleep 30", "sleep 30 & wait"])
def test_a_limit_holds_whatever_the_command_does(
    host: Host, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert host.mac is not None
    monkeypatch.setattr(remote, "SLACK", 2.0)
    program = host.mac.path / "usr/bin/stubborn"
    program.write_text(f"#!/bin/sh\necho begun\n{words}\n")
    program.chmod(0o755)
    started = time.monotonic()
    with over_ssh(host) as machine:
        stubborn, quick = machine.side_by_side(
            [
                lambda: machine.run(["/usr/bin/stubborn"], timeout=0.5),
                lambda: machine.run(["/bin/echo", "x"]),
            ]
        )
        assert stubborn.timed_out
        # What holds the pipes ends with the whole step, and may take others' answers with it.
        assert quick.out == "x\n" or quick.timed_out
        assert machine.run(["/bin/echo", "y"]).out == "y\n"
    assert time.monotonic() - started < 20


def test_what_is_written_after_the_end_of_a_command_is_not_its_status(host: Host) -> None:
    assert host.mac is not None
    program = host.mac.path / "usr/bin/parent"
    program.write_text("#!/bin/sh\n{ sleep 0.3; echo 1.7; } &\necho begun\nexit 3\n")
    program.chmod(0o755)
    with over_ssh(host) as machine:
        parent = machine.run(["/usr/bin/parent"])
        assert (parent.code, parent.out) == (3, "begun\n")
        assert machine.run(["/bin/echo", "y"]).out == "y\n"


# -- writing, and the lock


def test_a_file_is_replaced_as_here(host: Host) -> None:
    assert host.mac is not None
    place = host.mac.path / "private/etc/pf.conf"
    with over_ssh(host) as machine:
        machine.write("/private/etc/pf.conf", b"new\n\0\xff")
        assert place.read_bytes() == b"new\n\0\xff"
        assert not list(place.parent.glob(".*container-net*"))
        with pytest.raises(NetError, match="failed"):
            machine.write("/private/etc/pf.conf", b"bad", check=lambda _draft: ["/usr/bin/false"])
        host.mac.disk_full(after=1)
        with pytest.raises(NetError):
            machine.write("/private/etc/pf.conf", b"too long for it")
        host.mac.disk_full(False)
        (place.parent / "linked").symlink_to("pf.conf")
        with pytest.raises(NetError, match="symbolic link"):
            machine.write("/private/etc/linked", b"x")
    assert place.read_bytes() == b"new\n\0\xff"
    assert not list(place.parent.glob(".*container-net*"))


def test_the_lock_bears_a_process_there_that_ends_with_the_connection(host: Host) -> None:
    with over_ssh(host) as machine:
        pid = machine.pid
        assert machine.alive(pid)
        assert machine.is_ours(pid)
        os.kill(int(pid), 0)
        assert not machine.alive("999999999")
    until = time.monotonic() + 10
    with over_ssh(host) as machine:
        while machine.alive(pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not machine.alive(pid)


# -- trust


def refused(host: Host) -> str:
    with over_ssh(host) as machine, pytest.raises(remote.Unreachable) as error:
        machine.open()
    return str(error.value)


def test_an_unknown_key_is_refused_with_the_line_that_accepts_it(farm: Farm, host: Host) -> None:
    (farm.home / ".ssh/known_hosts").write_text("")
    assert "ssh mini-1 true" in refused(host)
    assert "Accepted" not in host.log
    assert host.sessions == 0


def test_a_man_in_the_middle_is_sent_not_one_command(farm: Farm, host: Host) -> None:
    host.stop()
    host.key = keygen(host.folder / "other_key")
    host.forget_log()
    host.start(farm.authorized)
    said = refused(host)
    assert f"ssh-keygen -R '[127.0.0.1]:{host.port}'" in said
    assert host.connections == 1
    assert "userauth-request" not in host.log
    assert host.sessions == host.channels == 0


def test_a_revoked_key_is_refused(farm: Farm, host: Host) -> None:
    place = farm.home / ".ssh/known_hosts"
    place.write_text(place.read_text() + "@revoked " + place.read_text())
    refused(host)
    assert host.sessions == 0


def test_a_users_files_and_aliases_are_read(farm: Farm, host: Host) -> None:
    known = farm.home / ".ssh/known_hosts"
    _name, rest = known.read_text().split(" ", 1)
    (farm.home / "others").write_text("the-alias " + rest)
    known.write_text("")
    config = farm.home / ".ssh/config"
    more = f"Host mini-1\n  UserKnownHostsFile {farm.home}/others\n  HostKeyAlias the-alias\n"
    config.write_text(more + config.read_text())
    with over_ssh(host) as machine:
        machine.open()
    # A user's wish to accept everything is not for a tool that becomes root.
    config.write_text("Host *\n  StrictHostKeyChecking no\n" + config.read_text())
    (farm.home / "others").write_text("")
    refused(host)


def test_a_jump_host_is_gone_through_and_not_trusted_blindly(farm: Farm, host: Host) -> None:
    jump = farm.add("jump")
    config = farm.home / ".ssh/config"
    config.write_text("Host mini-1\n  ProxyJump jump\n" + config.read_text())
    with over_ssh(host) as machine:
        machine.open()
    assert (jump.connections, host.connections) == (1, 1)
    known = farm.home / ".ssh/known_hosts"
    kept = [row for row in known.read_text().splitlines() if f":{jump.port} " not in row]
    known.write_text("\n".join(kept) + "\n")
    host.forget_log()
    assert "ssh jump true" in refused(host)
    assert host.connections == 0


# -- what may be wrong


def test_who_may_not_log_in_is_told(farm: Farm, host: Host) -> None:
    (farm.home / ".ssh/id_farm").unlink()
    keygen(farm.home / ".ssh/id_other")
    assert re.search("may not log in|No authentication", refused(host))


def test_a_host_that_is_no_mac_says_so(farm: Farm, host: Host) -> None:
    machine = remote.RemoteMachine(remote.connect("mini-1", remote.configuration()))
    try:
        with pytest.raises(remote.Unreachable, match=r"it is no Mac \(\w+\)"):
            machine.open()
    finally:
        machine.close()


def test_nobody_there(host: Host) -> None:
    host.stop()
    assert "not reachable" in refused(host)


def test_a_server_that_says_nothing(
    farm: Farm, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "CONNECT_LIMIT", 1.0)
    host.stop()
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", host.port))
        silent.listen()
        started = time.monotonic()
        assert "SSH" in refused(host)
        assert time.monotonic() - started < 8


@pytest.mark.parametrize("noise", ["yes hello | head -n 5000", "printf 'no newline'"])
def test_what_login_files_print_is_read_over(farm: Farm, scene: Scene, noise: str) -> None:
    force = f'ForceCommand {noise}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    host = farm.add("loud", scene("healthy"), force)
    if "newline" in noise:
        # Then our first line is not one of its own: nothing is believed.
        assert "does not answer" in quickly_refused(host)
    else:
        with over_ssh(host) as machine:
            assert facts.gather(machine, Settings()).forwarding.value == 1


def quickly_refused(host: Host) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "CONNECT_LIMIT", 2.0)
        return refused(host)


@pytest.mark.parametrize(
    "force", ["true", "cat", "yes garbage", "head -c 3000000 /dev/zero", "exec sleep 60"]
)
def test_garbage_for_answers_is_no_mac(farm: Farm, scene: Scene, force: str) -> None:
    host = farm.add("odd", scene("healthy"), f"ForceCommand {force}")
    assert re.search("does not answer|lost", quickly_lost(host))


def quickly_lost(host: Host) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "CONNECT_LIMIT", 2.0)
        with over_ssh(host) as machine, pytest.raises((remote.Unreachable, remote.Lost)) as error:
            machine.open()
    return str(error.value)


def test_a_server_that_closes_in_the_middle(host: Host) -> None:
    assert host.mac is not None
    host.mac.hang("sw_vers")
    killer = threading.Timer(1.5, host.stop)
    with over_ssh(host) as machine:
        machine.open()
        killer.start()
        with pytest.raises(remote.Lost, match="connection was lost"):
            facts.gather(machine, Settings())
        # It is not opened again: what comes next would be done on a Mac left in the middle.
        with pytest.raises(remote.Lost):
            machine.run(["/bin/echo", "x"])
    killer.join()


def test_a_shell_that_dies_is_a_lost_connection(host: Host) -> None:
    with over_ssh(host) as machine:
        os.kill(int(machine.pid), signal.SIGKILL)
        with pytest.raises(remote.Lost):
            machine.run(["/bin/echo", "x"])


# -- sudo's password


def processes() -> str:
    rows = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            rows.append(place.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            rows.append(place.with_name("environ").read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(rows)


def test_a_password_is_for_sudo_alone_and_on_no_list(host: Host) -> None:
    assert host.mac is not None
    secret = "open'sesame 42"
    host.mac.refuse_sudo(password=secret)
    with over_ssh(host) as machine:
        assert facts.gather(machine, Settings()).sudo.value is False
    seen: List[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.append(processes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with over_ssh(host, password=secret) as machine:
            found = facts.gather(machine, Settings())
            machine.write("/private/etc/of-ours", b"content")
            assert machine.read("/private/etc/of-ours").content == b"content"
    finally:
        ended.set()
        watcher.join()
    assert found.sudo.value is True
    assert found.main_nat.known
    assert any("pfctl" in rows for rows in seen)
    assert not any("sesame" in rows for rows in seen)
    assert "sesame" not in host.log
    assert not any("sesame" in word for record in host.mac.log for word in record.argv)


def test_a_wrong_password_is_no_root(host: Host) -> None:
    assert host.mac is not None
    host.mac.refuse_sudo(password="right")
    with over_ssh(host, password="wrong") as machine:
        assert facts.gather(machine, Settings()).sudo.value is False


# Such as the bash 3.2 that Apple publishes, built for this machine.
MORE = [word for word in [os.environ.get("CONTAINER_NET_SH", "")] if word]


@pytest.mark.waits
@pytest.mark.parametrize("shell", ["bash --posix", "dash", "zsh --emulate sh", "busybox sh", *MORE])
def test_every_sh_gives_the_same_facts(farm: Farm, scene: Scene, shell: str) -> None:
    """bash in POSIX mode is what a Mac has; dash and zsh may be chosen there."""
    program = shutil.which(shell.split(maxsplit=1)[0], path="/bin:/usr/bin")
    if program is None:
        pytest.skip("not on this machine")
    rest = shell.split()[1:]
    host = farm.add(
        "mini-1", scene("two-networks"), f"ForceCommand exec {program} {' '.join(rest)}"
    )
    assert host.mac is not None
    told = vars(facts.gather(here(host), Settings()))
    host.mac.hang("sw_vers")
    with over_ssh(host) as machine:
        found = facts.gather(machine, Settings())
        answer = machine.run(["/usr/bin/tee", MacPath("/private/etc/x")], root=True, stdin="a\nb")
        assert (answer.code, answer.out) == (0, "a\nb")
        assert machine.run(["/usr/bin/absent"]).missing
    assert [name for name, value in vars(found).items() if value != told[name]] == ["os_version"]
    assert found.os_version.problem is Problem.NO_ANSWER
