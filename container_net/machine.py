"""The only door to a Mac: run a command, read, write and remove a file.

Machine wraps an Invoke `Context`: the local Mac, a simulated one, `invoke.MockContext` in a test.
Paths are always a Mac's; a sysroot is put before them here and nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shlex
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import (
    Any,
    Callable,
    ContextManager,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import CommandTimedOut
from invoke.runners import Local

from .model import BadInput, FileFact, Missing, NetError
from .runner import Following, GroupRunner
from .text import _

__all__ = [
    "MARKER",
    "Argv",
    "CommandFailed",
    "CommandResult",
    "MacPath",
    "Machine",
    "open_machine",
    "stays",
]

MARKER = ".container-net-simulated"
"""The file that tells a simulated Mac from any other folder."""

READ_LIMIT = 5.0
CHANGE_LIMIT = 15.0
# `chflags`: no such file can be replaced, and a copy by `cp -p` could not even be removed.
_LOCKED = stat.UF_IMMUTABLE | stat.UF_APPEND | stat.SF_IMMUTABLE | stat.SF_APPEND
# Side by side: the waiting is the commands', not ours (nine of 200 ms took 0.23 s).
_WORKERS = 24

MacPath = PurePosixPath
Argv = Sequence[Union[str, PurePosixPath]]
T = TypeVar("T")


@dataclass(frozen=True)
class CommandResult:
    """What a command said. `code` is None where the limit was reached.

    `out` and `err` are latin-1 text: `.encode("latin-1")` gives the bytes.
    """

    shown: str
    code: Optional[int]
    out: str = ""
    err: str = ""

    @property
    def timed_out(self) -> bool:
        return self.code is None

    @property
    def missing(self) -> bool:
        """The program is not there."""
        return self.code == 127


class CommandFailed(NetError):
    """A command that had to succeed did not. The message quotes it and what it said."""

    code = 4
    kind = "change-failed"

    def __init__(self, answer: CommandResult) -> None:
        said = (answer.err.strip() or answer.out.strip()).splitlines()
        if answer.timed_out:
            why = _("it did not answer in time")
        elif said:
            why = " / ".join(line for line in said if line)[:300]
        else:
            why = _("exit status {code}").format(code=answer.code)
        super().__init__(_("{command} failed: {why}").format(command=answer.shown, why=why))
        self.answer = answer


@contextlib.contextmanager
def _silently(_text: str) -> Iterator[None]:
    yield


def temporary(target: PurePosixPath) -> PurePosixPath:
    """Where a file's new content waits: beside it, in a folder that only root can write."""
    return target.with_name(f".{target.name}.container-net")


def stays(path: str, info: Any) -> str:
    """Why a new file in this one's place would lose something of it; empty where it would not.

    `info` is an `os.stat_result`, or has its names.
    """
    if info.st_nlink > 1:
        return _(
            "{path} has {count} hard links and replacing it would break them; left "
            "alone. To detach it: sudo cp -p {path} {path}.own && sudo mv {path}.own "
            "{path}"
        ).format(path=path, count=info.st_nlink)
    if getattr(info, "st_flags", 0) & _LOCKED:
        return _(
            "{path} is locked (ls -lO shows it); left alone. "
            "To unlock it: sudo chflags nouchg,noschg,nouappnd,nosappnd {path}"
        ).format(path=path)
    return ""


class Machine:
    """A Mac behind an Invoke Context.

    `sysroot` is None for a real Mac, else the folder that stands for `/`. `container_user` is the
    user whose `container` is asked where we run as root (fault F38), else None.
    """

    def __init__(
        self,
        context: Context,
        sysroot: Optional[str] = None,
        container_user: Optional[str] = None,
    ) -> None:
        self.sysroot = sysroot
        self.container_user = container_user
        self.waiting: Callable[[str], ContextManager[None]] = _silently
        """Tells a person what is waited for; with an empty text nothing."""
        self.interrupted = threading.Event()
        """Somebody wants this run to end: no further change is begun."""
        self._cancel = threading.Event()
        self._context = _prepared(context, self._cancel)

    # -- paths

    def path(self, path: Union[str, PurePosixPath]) -> str:
        """Where a Mac's path lies on this machine."""
        return (self.sysroot or "") + str(path)

    # -- commands

    def run(
        self,
        argv: Argv,
        *,
        root: bool = False,
        user: Optional[str] = None,
        stdin: str = "",
        timeout: float = READ_LIMIT,
        waits: str = "",
    ) -> CommandResult:
        """Run a program by its absolute path. Elements that are `MacPath` get the sysroot.

        `timeout` is in seconds; `waits` is shown meanwhile to a person. Nothing raises for a
        command's failure; the CommandResult says it.
        """
        words = [self.path(argv[0])]
        words += [self.path(w) if isinstance(w, PurePosixPath) else w for w in argv[1:]]
        shown = shlex.join(str(w) for w in argv)
        if root:
            words = [self.path("/usr/bin/sudo"), "-n", *words]
            shown = "sudo " + shown
        elif user is not None:
            words = [self.path("/usr/bin/sudo"), "-n", "-u", user, *words]
        try:
            with self.waiting(waits):
                result = self._context.run(
                    shlex.join(words),
                    # Always given: a user's own configuration would change what is read.
                    hide=True,
                    warn=True,
                    pty=False,
                    echo=False,
                    dry=False,
                    shell="/bin/sh",
                    encoding="latin-1",
                    in_stream=io.StringIO(stdin) if stdin else False,
                    timeout=timeout,
                )
        except CommandTimedOut as error:
            leftover = getattr(error.result, "leftover", None)
            if root and leftover:
                self._kill_as_root(leftover)
            return CommandResult(shown, None, error.result.stdout, error.result.stderr)
        return CommandResult(shown, result.exited, result.stdout, result.stderr)

    def follow(self, argv: Argv) -> Following:
        """Start a program that is read while it goes on; the caller's `with` ends it.

        Raises OSError where it cannot be started.
        """
        return Following([self.path(argv[0]), *map(str, argv[1:])], self._cancel)

    def _kill_as_root(self, group: int) -> None:
        """A root command past its limit: its group can be ended from the root side only."""
        self.run(["/bin/kill", "-KILL", "--", f"-{group}"], root=True, timeout=2.0)

    def ask_for_root(self) -> bool:
        """Let sudo ask for the password on the terminal, once. False where there is none."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        # Not through the Runner: the person types here.
        try:
            return subprocess.call([self.path("/usr/bin/sudo"), "-v"], timeout=300) == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def must(self, argv: Argv, *, stdin: str = "", root: bool = True) -> CommandResult:
        """Run a command of a change; it ends or times out, whatever the user presses.

        Raises CommandFailed.
        """
        answer = self.run(argv, root=root, stdin=stdin, timeout=CHANGE_LIMIT)
        if answer.code != 0:
            raise CommandFailed(answer)
        return answer

    def side_by_side(self, calls: Sequence[Callable[[], T]]) -> List[T]:
        """Run independent reads at the same time; the answers come in the order of the calls."""
        if not calls:
            return []
        pool = ThreadPoolExecutor(min(_WORKERS, len(calls)))
        try:
            futures = [pool.submit(call) for call in calls]
            return [future.result() for future in futures]
        except BaseException:
            self._cancel.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def foreseen(self, calls: Callable[[], Sequence[Callable[[], Any]]]) -> ContextManager[None]:
        """What the block will read for certain: where asking takes long, all of it is asked at
        once. Here it does not, and `calls` is not even called."""
        del calls
        return contextlib.nullcontext()

    # -- who works here

    @property
    def pid(self) -> str:
        """The process on that Mac which lives as long as this run: the lock bears it."""
        return str(os.getpid())

    def is_ours(self, pid: str) -> bool:
        return pid == self.pid

    def alive(self, pid: str) -> bool:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    # -- files

    def read(self, path: str) -> FileFact:
        """A file as it lies there; of a file that is not there the content is None.

        Raises OSError where it may not be read.
        """
        try:
            info = self._lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return FileFact(path)
        if stat.S_ISLNK(info.st_mode):
            return FileFact(path, None, 0, info.st_uid, info.st_gid, self._readlink(path))
        content = self._content(path)
        mode, why = stat.S_IMODE(info.st_mode), stays(path, info)
        return FileFact(path, content, mode, info.st_uid, info.st_gid, stays=why)

    def _lstat(self, path: Union[str, PurePosixPath]) -> os.stat_result:
        return os.lstat(self.path(path))

    def _readlink(self, path: str) -> str:
        return os.readlink(self.path(path))

    def _content(self, path: str) -> bytes:
        try:
            with open(self.path(path), "rb") as file:
                return file.read()
        except PermissionError:
            answer = self.run(["/bin/cat", MacPath(path)], root=True)
            if answer.code != 0:
                raise
            return answer.out.encode("latin-1")

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.path(path))

    def names(self, folder: str) -> List[str]:
        """What is in a folder; nothing where it cannot be read."""
        try:
            return sorted(os.listdir(self.path(folder)))
        except OSError:
            return []

    def root_owner(self) -> Tuple[int, int]:
        """Who is root here: the owner of `/`, or of the folder that stands for it."""
        info = self._lstat("/")
        return info.st_uid, info.st_gid

    def check_private(self, path: str) -> None:
        """That a file and its folders belong to root and nobody else can write them.

        Raises CommandFailed's kin with the place and its mode: launchd would refuse it, and root
        must never run what a user can write (macos.md, 8).
        """
        owner = self.root_owner()[0]
        place = PurePosixPath(path)
        for each in (place, *place.parents):
            info = self._lstat(each)
            if stat.S_ISLNK(info.st_mode) or info.st_uid != owner or info.st_mode & 0o022:
                raise Missing(
                    _(
                        "{path} must be owned by root and writable by root only (mode {mode})"
                    ).format(path=each, mode=f"{stat.S_IMODE(info.st_mode):04o}")
                )

    def _begin(self, draft: PurePosixPath, original: Optional[str], mode: int) -> None:
        """A draft that may hold what is private, before it does."""
        if self.exists(str(draft)):
            self.must(["/bin/rm", "-f", draft])
        if original is not None:
            self.must(["/bin/cp", "-p", MacPath(original), draft])
        elif mode & 0o044 != 0o044:
            self.must(["/usr/bin/tee", draft])
        else:
            return
        now = stat.S_IMODE(self._lstat(draft).st_mode)
        if now & 0o777 & ~mode or not now & 0o200:
            self.must(["/bin/chmod", f"{mode & 0o777 | 0o200:04o}", draft])

    def write(
        self,
        path: str,
        content: bytes,
        *,
        mode: int = 0o644,
        check: Optional[Callable[[str], Argv]] = None,
        like: Optional[str] = None,
    ) -> None:
        """Replace a file atomically, as root.

        The draft begins as a copy of the file that is there, or of `like`: so on a Mac its ACL and
        extended attributes stay. It is never readable by more than `mode` says, so that what was
        private is so at every moment. A file with a second name (hard link), or a locked one, is
        left alone.

        The content goes by standard input into a temporary file in the same folder, which only root
        can write; it is read back and, with `check` (from the temporary path to a command), tested
        there; then it is renamed over the target. The owner of a file that was there is kept.
        Raises CommandFailed or Missing; the target is then as it was.
        """
        target = PurePosixPath(path)
        draft = temporary(target)
        before = self.read(path)
        if before.link is not None:
            raise Missing(
                _(
                    "{path} is a symbolic link to {link}, managed by another tool; left alone."
                ).format(path=path, link=before.link)
            )
        original = path if before.content is not None else like
        why = self.read(original).stays if original is not None else ""
        if why:
            raise Missing(why)
        try:
            self._begin(draft, original, mode)
            self.must(["/usr/bin/tee", draft], stdin=content.decode("latin-1"))
            if self._content(str(draft)) != content:
                raise Missing(
                    _("{path} could not be written completely; is the disk full?").format(path=path)
                )
            info = self._lstat(draft)
            if stat.S_IMODE(info.st_mode) != mode:
                self.must(["/bin/chmod", f"{mode:04o}", draft])
            owner = (
                (before.owner, before.group) if before.content is not None else self.root_owner()
            )
            if info.st_uid != owner[0] or (before.content is not None and info.st_gid != owner[1]):
                self.must(["/usr/sbin/chown", f"{owner[0]}:{owner[1]}", draft])
            if check is not None:
                answer = self.run(check(str(draft)), timeout=CHANGE_LIMIT)
                if answer.code != 0:
                    raise CommandFailed(answer)
            if self.read(path) != before:
                raise Missing(
                    _(
                        "{path} was changed by another program just now; run the command again."
                    ).format(path=path)
                )
            self.must(["/bin/mv", "-f", draft, target])
        except BaseException:
            if self.exists(str(draft)):
                self.run(["/bin/rm", "-f", draft], root=True)
            raise

    def remove(self, path: str) -> None:
        """Remove a file of ours, as root. Raises CommandFailed."""
        self.must(["/bin/rm", "-f", MacPath(path)])

    def make_folder(self, path: str) -> None:
        """Make a folder of root's, mode 0755. Raises CommandFailed."""
        self.must(["/bin/mkdir", MacPath(path)])
        if stat.S_IMODE(self._lstat(path).st_mode) != 0o755:
            self.must(["/bin/chmod", "0755", MacPath(path)])


def _prepared(context: Context, cancel: threading.Event) -> Context:
    """The context with a Runner whose limits hold, where it would use Invoke's own."""
    if type(context) is not Context or context.config.runners.local is not Local:
        return context
    runner = functools.partial(GroupRunner, cancel=cancel)
    config = Config(lazy=True, overrides={"runners": {"local": runner}})
    return Context(config)


def open_machine(context: Context, sysroot: Optional[str]) -> Machine:
    """The Mac that a run works on: the real one, the folder given, or the built-in simulated one.

    Raises BadInput for a folder that will not do.
    """
    real = sys.platform == "darwin"
    if sysroot is None:
        if real:
            return Machine(context, None, _container_user())
        from .rehearsal import folder

        return Machine(context, folder())
    if not os.path.isdir(sysroot):
        raise BadInput(_("sysroot is {path}: no such folder.").format(path=sysroot))
    if real and os.geteuid() == 0:
        raise BadInput(_("sysroot is for rehearsals and refused for root."))
    if real and not os.path.exists(os.path.join(sysroot, MARKER)):
        raise BadInput(
            _("sysroot is {path}: not a simulated Mac (no {marker} in it).").format(
                path=sysroot, marker=MARKER
            )
        )
    return Machine(context, sysroot)


def _container_user() -> Optional[str]:
    """Under `sudo invoke`: the person; container's services live in their session (F38)."""
    user = os.environ.get("SUDO_USER", "")
    return user if os.geteuid() == 0 and user not in ("", "root") else None
