"""A Mac behind SSH: a Machine whose Context is Fabric's Connection.

All goes through one /bin/sh on that Mac, on one channel of one connection. What is asked side by
side goes there in one piece and comes back in one (`templates/remote.sh`); nothing else is needed
there. Its PID is what our lock bears: with the connection it ends, as a run that was killed does.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import logging
import os
import re
import secrets
import shlex
import socket
import stat
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import (
    Any,
    Callable,
    ContextManager,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
    Union,
)

import fabric
import paramiko
from invoke.exceptions import CommandTimedOut
from invoke.runners import Result, Runner
from paramiko.hostkeys import HostKeyEntry

from .machine import READ_LIMIT, Machine, T, stays
from .model import BadInput, FileFact, Missing
from .runner import result_of
from .text import _

__all__ = ["Lost", "RemoteMachine", "Unreachable", "configuration", "connect"]

# What goes wrong is told in a sentence of ours; without a handler it would be on stderr as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

PRELUDE = (Path(__file__).parent / "templates" / "remote.sh").read_text(encoding="utf-8")
CONNECT_LIMIT = 10.0
# What the far side itself needs beyond a command's limit: SIGTERM, a second, SIGKILL, the way.
SLACK = 10.0
# No Mac has so much to say in one step.
MOST = 16 << 20
# sshd drops crowds of unfinished logins (MaxStartups 10:30:100), and a jump host sees all of them.
_LOGINS = threading.BoundedSemaphore(4)


class Unreachable(Missing):
    """A host that could not be reached, trusted or logged in to."""

    kind = "unreachable"


class Lost(Missing):
    """A connection that ended before everything was answered."""

    kind = "lost"


@dataclass(frozen=True)
class _Ask:
    """A command as sh reads it, its input, and its limit in seconds.

    With a `path` it is a function of remote.sh that takes any number of them.
    """

    command: str
    stdin: bytes = b""
    limit: float = READ_LIMIT
    path: str = ""


@dataclass(frozen=True)
class _Answer:
    """`code` is None where the limit was reached, or the answer never came."""

    code: Optional[int] = None
    out: bytes = b""
    err: bytes = b""


class _Wanted(BaseException):
    """Something that is asked side by side is not answered yet."""

    def __init__(self, ask: _Ask) -> None:
        super().__init__(ask)
        self.ask = ask


class _Info(NamedTuple):
    """What `stat` says, by the names of `os.stat_result`."""

    st_mode: int
    st_uid: int
    st_gid: int
    st_nlink: int
    st_flags: int


# -- trust


def _known(connection: fabric.Connection) -> Dict[str, paramiko.PKey]:
    """The host's keys that the user's files know, by their kind; those revoked left out."""
    config = connection.ssh_config
    own = config.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")
    general = config.get("globalknownhostsfile", "/etc/ssh/ssh_known_hosts")
    found = paramiko.HostKeys()
    revoked: Set[str] = set()
    for word in shlex.split(f"{own} {general}"):
        try:
            text = Path(os.path.expanduser(word)).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for row in map(str.strip, text.splitlines()):
            if row.startswith("@revoked"):
                revoked.update(row.split()[3:4])
            elif row and row[0] not in "#@":
                with contextlib.suppress(paramiko.SSHException, ValueError):
                    entry = HostKeyEntry.from_line(row)
                    for name in entry.hostnames if entry is not None else ():
                        found.add(name, entry.key.get_name(), entry.key)
    keys = found.lookup(config.get("hostkeyalias", _name(connection))) or {}
    return {kind: key for kind, key in keys.items() if key.get_base64() not in revoked}


def _name(connection: fabric.Connection) -> str:
    """As known_hosts has it."""
    return connection.host if connection.port == 22 else f"[{connection.host}]:{connection.port}"


def _trust_nobody_new(connection: fabric.Connection) -> None:
    """Fabric adds unknown keys silently; here, and on every jump host, they are refused."""
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    known = connection.client.get_host_keys()
    for kind, key in _known(connection).items():
        known.add(_name(connection), kind, key)
    limits = dict.fromkeys(("banner_timeout", "auth_timeout", "channel_timeout"), CONNECT_LIMIT)
    kwargs = {**limits, **connection.connect_kwargs}
    # As ssh does: those of the configuration that are not there are passed over.
    names = [os.path.expanduser(name) for name in kwargs.pop("key_filename", ())]
    kwargs["key_filename"] = [name for name in names if os.path.exists(name)]
    kwargs["look_for_keys"] = connection.ssh_config.get("identitiesonly", "no") != "yes"
    connection._set(
        connect_kwargs=kwargs, connect_timeout=connection.connect_timeout or int(CONNECT_LIMIT)
    )
    if isinstance(connection.gateway, fabric.Connection):
        _trust_nobody_new(connection.gateway)


def _untrusted(connection: fabric.Connection, error: paramiko.SSHException) -> Optional[str]:
    """The sentence for a key that is unknown or changed; None where it is something else."""
    hops = [connection]
    while isinstance(hops[-1].gateway, fabric.Connection):
        hops.append(hops[-1].gateway)
    if isinstance(error, paramiko.BadHostKeyException):
        at = next((hop for hop in hops if hop.host == error.hostname), connection)
        return _(
            "its host key is not the one in known_hosts: another machine, or another one in "
            "between. Nothing was sent. If the Mac was set up anew: ssh-keygen -R {name} && "
            "ssh {host} true"
        ).format(name=shlex.quote(_name(at)), host=at.original_host)
    match = re.search(r"Server '(.*)' not found in known_hosts", str(error))
    if match is None:
        return None
    at = next((hop for hop in hops if _name(hop) == match.group(1)), connection)
    return _(
        "its host key is not in known_hosts; nothing was sent. To accept it after comparing its "
        "fingerprint: ssh {host} true"
    ).format(host=at.original_host)


# -- the shell over there


class _Shell:
    """/bin/sh on one channel. Raises Lost, Unreachable."""

    def __init__(self, connection: fabric.Connection, root: str, password: str) -> None:
        self._nonce = secrets.token_hex(16)
        self._buffer = b""
        self._channel = connection.create_session()
        # Whatever the user's login shell is, this is sh from here on.
        self._channel.exec_command("exec /bin/sh")
        begin = f"nonce={self._nonce} root={shlex.quote(root)} pw={shlex.quote(password)}\n"
        until = time.monotonic() + CONNECT_LIMIT
        self._send(f"{begin}{PRELUDE}".encode(), until)
        kind, what = self._hello(until)
        if kind != "mac":
            self.close()
            said = _("it is no Mac ({what})") if not root else _("no simulated Mac there ({what})")
            raise Unreachable(said.format(what=root or what))
        self.pid = what

    def _hello(self, until: float) -> Tuple[str, str]:
        head = f"{self._nonce} ".encode()
        # What somebody's login files print comes before it.
        while True:
            for row in self._buffer.split(b"\n")[:-1]:
                words = row[len(head) :].decode("utf-8", "replace").split()
                if row.startswith(head) and len(words) == 2:
                    self._buffer = b""
                    return words[0], "".join(c for c in words[1] if c.isprintable())[:40]
            if not self._more(until):
                self.close()
                raise Unreachable(_("its /bin/sh does not answer"))

    def _send(self, data: bytes, until: float) -> None:
        try:
            self._channel.settimeout(max(until - time.monotonic(), 0.1))
            self._channel.sendall(data)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Lost(_("the connection was lost")) from error

    def _more(self, until: float) -> bool:
        """Wait for more bytes. False: out of time. Raises Lost."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        try:
            while self._channel.recv_stderr_ready():
                self._channel.recv_stderr(65536)
            self._channel.settimeout(min(left, 1.0))
            data = self._channel.recv(65536)
        except socket.timeout:
            return time.monotonic() < until
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Lost(_("the connection was lost")) from error
        if not data:
            raise Lost(_("the connection was lost"))
        self._buffer += data
        if len(self._buffer) > MOST:
            raise Lost(_("its answers make no sense"))
        return True

    def step(self, asks: Sequence[_Ask]) -> Tuple[List[_Answer], bool]:
        """The answers, in order; and whether all came. Those that did not are None."""
        rows = []
        for number, ask in enumerate(asks):
            given = base64.b64encode(ask.stdin).decode("ascii")
            rows.append(f"one {number} {ask.limit:g} '{given}' {ask.command}")
        limits = sorted({f"{ask.limit:g}" for ask in asks})
        naps = [f'limit {limit} 4>&- & naps="$naps $!"\n' for limit in limits]
        text = "".join(["{ { naps=\n", *naps, " |\n".join(rows), "\nkill $naps\n"])
        text += "} </dev/null 5>&1 >&4 | watch; } 4>&1\n"
        until = time.monotonic() + max(ask.limit for ask in asks) + SLACK
        self._send(text.encode("latin-1"), until)
        found: Dict[int, _Answer] = {}
        while True:
            late = self._taken(found, len(asks))
            if late is not None:
                break
            if not self._more(until):
                # Who was ended by its limit would have been told at the end.
                whole = {n: answer for n, answer in found.items() if (answer.code or 0) < 128}
                return [whole.get(n, _Answer()) for n in range(len(asks))], False
        if len(found) != len(asks) or not late <= set(found):
            raise Lost(_("its answers make no sense"))
        found.update({n: replace(found[n], code=None) for n in late})
        return [found[n] for n in range(len(asks))], True

    def _taken(self, found: Dict[int, _Answer], count: int) -> Optional[Set[int]]:
        """Take what came whole off the buffer; once all has come, the numbers of what was late."""
        try:
            while True:
                head, _begin = _line(self._buffer, 0)
                match = re.fullmatch(rb"([0-9a-f]{32}) end((?: [0-9]{1,4})*)", head)
                if match is not None and match.group(1).decode() == self._nonce:
                    self._buffer = b""
                    return set(map(int, match.group(2).split()))
                number, answer, used = self._frame(count)
                found[number], self._buffer = answer, self._buffer[used:]
        except _Short:
            return None

    def _frame(self, count: int) -> Tuple[int, _Answer, int]:
        """The frame that the buffer begins with, and its length. Raises _Short, Lost."""
        head, begin = _line(self._buffer, 0)
        match = re.fullmatch(rb"([0-9a-f]{32}) ([0-9]{1,4}) ([0-9]{1,3}) ([0-9]{1,10})", head)
        if match is None or match.group(1).decode() != self._nonce or int(match.group(2)) >= count:
            raise Lost(_("its answers make no sense"))
        middle = begin + int(match.group(4))
        size, rest = _line(self._buffer, middle)
        if not re.fullmatch(rb"[0-9]{1,10}", size):
            raise Lost(_("its answers make no sense"))
        end = rest + int(size)
        if len(self._buffer) < end:
            raise _Short
        out, err = self._buffer[begin:middle], self._buffer[rest:end]
        return int(match.group(2)), _Answer(int(match.group(3)), out, err), end

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._channel.close()


class _Short(Exception):
    """A frame has not come whole yet."""


def _line(data: bytes, start: int) -> Tuple[bytes, int]:
    """A line and where the next begins. Raises _Short."""
    end = data.find(b"\n", start)
    if end == -1:
        if len(data) - start > 2000:
            raise Lost(_("its answers make no sense"))
        raise _Short
    return data[start:end], end + 1


class _Door:
    """Everything that is asked of one Mac: one thing at a time, or what is side by side at once."""

    def __init__(self, connection: fabric.Connection, root: str, password: str) -> None:
        self.connection = connection
        self.pids: Set[str] = set()
        self._root = root
        self._password = password
        self._shell: Optional[_Shell] = None
        self._answers: Optional[Dict[_Ask, _Answer]] = None
        self._direct = True

    def open(self) -> _Shell:
        """The shell, after a login where there was none. Raises Unreachable, Lost."""
        if self._shell is None:
            if self.pids and not self.connection.is_connected:
                raise Lost(_("the connection was lost"))
            self._login()
            try:
                self._shell = _Shell(self.connection, self._root, self._password)
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise Lost(_("the connection was lost")) from error
            self.pids.add(self._shell.pid)
        return self._shell

    def _login(self) -> None:
        connection = self.connection
        try:
            with _LOGINS:
                connection.open()
            connection.transport.set_keepalive(5)
        except paramiko.AuthenticationException as error:
            said = _("{user} may not log in there (no key of yours is accepted)")
            if isinstance(error, paramiko.PasswordRequiredException):
                said = _("your key has a passphrase: ssh-add it first")
            raise Unreachable(said.format(user=connection.user)) from error
        except paramiko.SSHException as error:
            said = _untrusted(connection, error) or _("SSH failed: {why}")
            raise Unreachable(said.format(why=_printable(error))) from error
        except (OSError, EOFError, ValueError) as error:
            why = getattr(error, "strerror", None) or _printable(error) or type(error).__name__
            raise Unreachable(_("not reachable: {why}").format(why=why)) from error

    def step(self, asks: Sequence[_Ask]) -> List[_Answer]:
        """One round trip. Raises Unreachable, Lost."""
        shell = self.open()
        merged = _merged(asks)
        try:
            answers, complete = shell.step(list(merged))
        except BaseException:
            self._drop()
            raise
        if not complete:
            # Something there does not end even so. The next step has a shell of its own.
            self._drop()
        found = {ask: answer for asked, answer in zip(merged.values(), answers) for ask in asked}
        return [found[ask] for ask in asks]

    def _drop(self) -> None:
        if self._shell is not None:
            self._shell.close()
        self._shell = None

    def ask(self, ask: _Ask) -> _Answer:
        if self._answers is None:
            return self.step([ask])[0]
        if ask not in self._answers:
            if not self._direct:
                raise _Wanted(ask)
            self._answers[ask] = self.step([ask])[0]
        return self._answers[ask]

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """What was asked in the block is not asked again in it."""
        outer = self._answers
        self._answers = {} if outer is None else outer
        try:
            yield
        finally:
            self._answers = outer

    def together(self, calls: Sequence[Callable[[], T]]) -> List[T]:
        """The results of calls that only read: what each asks first goes there in one step, then
        what each asks next. A call is begun anew until all that it asks is answered."""
        results: Dict[int, T] = {}
        with self.looking():
            assert self._answers is not None
            while len(results) < len(calls):
                wanted: Dict[_Ask, None] = {}
                self._direct = False
                try:
                    for number, call in enumerate(calls):
                        if number not in results:
                            try:
                                results[number] = call()
                            except _Wanted as more:
                                wanted[more.ask] = None
                finally:
                    self._direct = True
                if wanted:
                    self._answers.update(zip(wanted, self.step(list(wanted))))
        return [results[number] for number in range(len(calls))]

    def close(self) -> None:
        self._drop()
        with contextlib.suppress(Exception):
            self.connection.close()
        gateway = self.connection.gateway
        while isinstance(gateway, fabric.Connection):
            with contextlib.suppress(Exception):
                gateway.close()
            gateway = gateway.gateway


def _printable(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def _merged(asks: Sequence[_Ask]) -> Dict[_Ask, List[_Ask]]:
    """What is asked to what it answers: those that take paths are asked once for all of theirs."""
    found: Dict[_Ask, List[_Ask]] = {}
    paths: Dict[str, List[_Ask]] = {}
    for ask in asks:
        if ask.path:
            paths.setdefault(ask.command, []).append(ask)
        else:
            found[ask] = [ask]
    for verb, several in paths.items():
        found[_Ask(f"{verb} {shlex.join(ask.path for ask in several)}")] = several
    return found


class _Connection(fabric.Connection):  # type: ignore[misc]
    """A Connection whose commands go through the door."""

    def _remote_runner(self) -> Runner:
        return _ShellRunner(self, self._door)

    def run(self, command: str, **kwargs: Any) -> Result:
        """As Fabric's, which would open the connection itself."""
        found = self._run(self._remote_runner(), command, **kwargs)
        assert isinstance(found, Result)
        return found


class _ShellRunner(Runner):
    """The door behind Invoke's interface, as GroupRunner is on this machine."""

    def __init__(self, context: fabric.Connection, door: _Door) -> None:
        super().__init__(context)
        self._door = door

    def run(self, command: str, **kwargs: Any) -> Result:
        """Run one command; raises CommandTimedOut. Only `timeout` and `in_stream` matter."""
        stream, timeout = kwargs.get("in_stream"), kwargs.get("timeout")
        stdin = stream.read().encode("latin-1") if stream else b""
        ask = _Ask(command, stdin, READ_LIMIT if timeout is None else timeout)
        answer = self._door.ask(ask)
        result = result_of(command, answer.code, answer.out, answer.err)
        if answer.code is None:
            raise CommandTimedOut(result, timeout=int(ask.limit))
        return result


# -- the Mac


class RemoteMachine(Machine):
    """A Mac behind SSH; `close()` it. Methods raise Unreachable and Lost besides.

    `password` is for its sudo, where `sudo -n` is refused; empty: there is none.
    """

    def __init__(
        self, connection: fabric.Connection, sysroot: Optional[str] = None, password: str = ""
    ) -> None:
        self._door = _Door(connection, sysroot or "", password)
        connection._set(_door=self._door)
        super().__init__(connection, sysroot)

    def open(self) -> None:
        """Log in, and see that it is a Mac."""
        self._door.open()

    def close(self) -> None:
        self._door.close()

    def ask_for_root(self) -> bool:
        return False

    def side_by_side(self, calls: Sequence[Callable[[], T]]) -> List[T]:
        return self._door.together(calls)

    def foreseen(self, calls: Callable[[], Sequence[Callable[[], Any]]]) -> ContextManager[None]:
        return self._foreseen(calls)

    @contextlib.contextmanager
    def _foreseen(self, calls: Callable[[], Sequence[Callable[[], Any]]]) -> Iterator[None]:
        with self._door.looking():
            self._door.together(calls())
            yield

    @property
    def pid(self) -> str:
        return self._door.open().pid

    def is_ours(self, pid: str) -> bool:
        return pid in self._door.pids

    def alive(self, pid: str) -> bool:
        return self._door.ask(_Ask(f"alive {shlex.quote(pid)}")).code == 0

    # -- files

    def _told(self, verb: str, path: Union[str, PurePosixPath]) -> Dict[str, str]:
        """What `verb` of remote.sh says of a path, by the word that begins its line: the numbers of
        `fact`, the base64 of `data` and `link`. Raises OSError."""
        place = self.path(path)
        answer = self._door.ask(_Ask(verb, path=place))
        if answer.code != 0:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), str(path))
        found: Dict[str, str] = {}
        at: Optional[str] = None
        for row in answer.out.decode("latin-1").split("\n"):
            if at is not None:
                found[at] = found.get(at, "") + row
                at = None if row == "." else at
                continue
            word, _space, name = row.partition(" ")
            *numbers, name = name.split(" ", 5) if word == "fact" else (name,)
            key = word if name == place else f"{word} {name}"
            if word in ("link", "data"):
                at = key
            else:
                found[key] = " ".join(numbers)
        if "closed" in found:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return found

    def _info(self, path: Union[str, PurePosixPath], found: Dict[str, str]) -> _Info:
        """Raises OSError where there is nothing, or nothing is said of it."""
        if "there" not in found:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        words = found.get("fact", "").split()
        if len(words) != 5 or not all(re.fullmatch("[0-9]{1,20}", word) for word in words):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return _Info(int(words[0], 8), *map(int, words[1:]))

    def read(self, path: str) -> FileFact:
        try:
            found = self._told("files", path)
            info = self._info(path, found)
        except FileNotFoundError:
            return FileFact(path)
        if stat.S_ISLNK(info.st_mode):
            link = _bytes(path, found.get("link", "")).decode("utf-8", "surrogateescape")
            return FileFact(path, None, 0, info.st_uid, info.st_gid, link.rstrip("\n"))
        if not stat.S_ISREG(info.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        mode, why = stat.S_IMODE(info.st_mode), stays(path, info)
        content = self._of(path, found)
        return FileFact(path, content, mode, info.st_uid, info.st_gid, stays=why)

    def _of(self, path: str, found: Dict[str, str]) -> bytes:
        try:
            return _bytes(path, found.get("data", ""))
        except PermissionError:
            answer = self._door.ask(_Ask(f"private {shlex.quote(self.path(path))}"))
            whole = _bytes(path, "".join(answer.out.decode("latin-1").split()) + ".")
            if answer.code != 0 or not whole.endswith(b"x"):
                raise
            return whole[:-1]

    def _content(self, path: str) -> bytes:
        return self._of(path, self._told("files", path))

    def _lstat(self, path: Union[str, PurePosixPath]) -> Any:
        return self._info(path, self._told("facts", path))

    def exists(self, path: str) -> bool:
        return "there" in self._told("there", path)

    def names(self, folder: str) -> List[str]:
        """Nothing, too, where the Mac is not there any more: this is asked on the way out."""
        try:
            answer = self._door.ask(_Ask(f"names {shlex.quote(self.path(folder))}"))
        except Lost:
            return []
        return sorted(answer.out.decode("utf-8", "replace").splitlines())


def _bytes(path: str, coded: str) -> bytes:
    """Base64 that a dot ends. Raises OSError where it came otherwise: `!`, or cut off."""
    try:
        if coded.endswith("."):
            return base64.b64decode(coded[:-1], validate=True)
    except ValueError:
        pass
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


# -- hosts


def configuration() -> fabric.Config:
    """Fabric's own, with ~/.ssh/config in it. Raises BadInput."""
    try:
        return fabric.Config()
    except (ValueError, OSError, paramiko.SSHException) as error:
        said = _("~/.ssh/config cannot be used: {why}.")
        raise BadInput(said.format(why=_printable(error))) from None


_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,64}@)?[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")


def connect(
    host: str, config: Optional[fabric.Config] = None, like: Optional[fabric.Connection] = None
) -> fabric.Connection:
    """A Connection to `[USER@]HOST[:PORT]`, with what ~/.ssh/config says; not opened yet, and one
    that will trust no unknown key. `like` is somebody's own Connection to the same host.

    Raises BadInput.
    """
    if not _HOST.fullmatch(host):
        raise BadInput(_("--hosts has {host}: give [USER@]HOST[:PORT].").format(host=repr(host)))
    try:
        made = _Connection(host, config=config) if like is None else _again(like, _Connection)
    except (ValueError, KeyError, OSError, paramiko.SSHException) as error:
        said = _("~/.ssh/config cannot be used: {why}.")
        raise BadInput(said.format(why=_printable(error))) from None
    _trust_nobody_new(made)
    return made


def _again(like: fabric.Connection, kind: Type[fabric.Connection]) -> fabric.Connection:
    """The same, not opened: what its owner's policy let in is not looked at again."""
    gateway = like.gateway
    if isinstance(gateway, fabric.Connection):
        gateway = _again(gateway, fabric.Connection)
    return kind(
        like.original_host,
        user=like.user,
        port=like.port,
        config=like.config,
        gateway=gateway if gateway is not None else False,
        connect_kwargs=dict(like.connect_kwargs),
    )
