"""One engine answers every request, from a process in the folder or from a test (macos.md, 11).

A request is an argument list, an input and who asks. `sudo` is answered here, because what it runs
is answered in the same call.
"""

from __future__ import annotations

import os

from . import carrier
from .store import Store
from .world import Call, Exit, External, World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional, Sequence

__all__ = ["PROGRAMS", "Answer", "Engine", "Hung", "Monitoring"]

# Where each program lies on a Mac, and what answers for it: module and function.
PROGRAMS: Dict[str, str] = {
    "/sbin/ifconfig": "net.ifconfig",
    "/sbin/pfctl": "pfctl.pfctl",
    "/sbin/route": "net.route",
    "/usr/sbin/chown": "files.chown",
    "/usr/sbin/lsof": "net.lsof",
    "/usr/sbin/netstat": "net.netstat",
    "/usr/sbin/networksetup": "net.networksetup",
    "/usr/sbin/scutil": "net.scutil",
    "/usr/sbin/sysctl": "system.sysctl",
    "/usr/bin/false": "system.false",
    "/usr/bin/id": "system.id_",
    "/usr/bin/log": "unified.log",
    "/usr/bin/logger": "system.logger",
    "/usr/bin/mktemp": "files.mktemp",
    "/usr/bin/plutil": "launchd.plutil",
    "/usr/bin/readlink": "files.readlink",
    "/usr/bin/stat": "files.stat",
    "/usr/bin/sudo": "sudo",
    "/usr/bin/sw_vers": "system.sw_vers",
    "/usr/bin/systemextensionsctl": "system.systemextensionsctl",
    "/usr/bin/tee": "files.tee",
    "/usr/bin/touch": "files.touch",
    "/usr/bin/true": "system.true",
    "/usr/bin/uname": "system.uname",
    "/usr/libexec/ApplicationFirewall/socketfilterfw": "system.socketfilterfw",
    "/usr/local/bin/container": "container.container",
    "/opt/homebrew/bin/container": "container.container",
    "/bin/cat": "files.cat",
    "/bin/chmod": "files.chmod",
    "/bin/cp": "files.cp",
    "/bin/date": "system.date",
    "/bin/kill": "files.kill",
    "/bin/launchctl": "launchd.launchctl",
    "/bin/ln": "files.ln",
    "/bin/mkdir": "files.mkdir",
    "/bin/mv": "files.mv",
    "/bin/rm": "files.rm",
    "/bin/rmdir": "files.rmdir",
}

# Programs that change nothing, however they are called; others say it themselves.
LOOKING = frozenset(
    (
        "/sbin/ifconfig",
        "/usr/sbin/lsof",
        "/usr/sbin/netstat",
        "/usr/sbin/networksetup",
        "/usr/sbin/scutil",
        "/usr/bin/id",
        "/usr/bin/plutil",
        "/usr/bin/readlink",
        "/usr/bin/stat",
        "/usr/bin/sw_vers",
        "/usr/bin/systemextensionsctl",
        "/usr/bin/true",
        "/usr/bin/uname",
        "/usr/libexec/ApplicationFirewall/socketfilterfw",
        "/bin/cat",
        "/bin/date",
    )
)

# Modules whose programs change nothing that pf holds.
WITHOUT_PF = ("files", "system", "unified")

SUDO_REFUSED = "sudo: a password is required"


class Hung(Exception):
    """The program was set to hang. `argv` as on the Mac, `root` whether it ran as root."""

    def __init__(self, argv: List[str], root: bool) -> None:
        super().__init__(argv)
        self.argv = argv
        self.root = root


class Monitoring(Hung):
    """`route monitor`, which goes on until it is ended."""


class Answer:
    """Exit status and both streams of one request."""

    __slots__ = ("code", "err", "out")

    def __init__(self, code: int, out: bytes = b"", err: bytes = b"") -> None:
        self.code = code
        self.out = out
        self.err = err

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Answer):
            return NotImplemented
        return (self.code, self.out, self.err) == (other.code, other.out, other.err)

    def __hash__(self) -> int:
        return hash((self.code, self.out, self.err))

    def __repr__(self) -> str:
        return f"Answer(code={self.code!r}, out={self.out!r}, err={self.err!r})"


class Engine:
    """The programs of one simulated Mac."""

    def __init__(self, root: str) -> None:
        self.store = Store(root)
        self.world = World(self.store)
        # How a program that is not simulated is run, and how a job of launchd is started.
        self.outside: Callable[[External, bytes], Answer] = self._run_outside
        self.launch: Callable[[str], None] = self._launch

    def answer(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        root: bool = False,
        user: str = "dev",
        umask: int = 0o022,
    ) -> Answer:
        """Answer one request. Raises Hung where the program was set to hang."""
        call = Call(
            self.world,
            [self.world.mac(argv[0]), *argv[1:]],
            stdin,
            root=root,
            user=user,
            umask=umask,
        )
        outside: Optional[External] = None
        try:
            with self.store:
                self.world.pf = True
                try:
                    code = self._run(call)
                    if call.goes_on:
                        raise Monitoring(call.argv, call.root)
                except Exit as end:
                    code = end.code
                except External as other:
                    outside, code = other, 0
                except Hung as hung:
                    self.store.record(self._shown(hung.argv), hung.root, None)
                    raise
                pf = call.carried or self.world.pf
                if (call.carried or not call.looked) and self.store.save(pf):
                    self.world.saved()
                self.store.settled()
                self.store.record(self._shown(call.argv), call.root, code)
        finally:
            self.finish()
        if outside is not None:
            return self.outside(outside, stdin)
        return Answer(code, b"".join(call.out), b"".join(call.err))

    def finish(self) -> None:
        """What had to wait until the lock was free."""
        after, self.world.after = self.world.after, []
        for act in after:
            act()
        due, self.world.due = self.world.due, []
        for target in due:
            self.launch(target)

    def _shown(self, argv: List[str]) -> List[str]:
        return [argv[0], *(self.world.mac(word) for word in argv[1:])]

    # -- one program

    def _run(self, call: Call) -> int:
        self._present(call)
        fault = self._fault(call)
        if fault is not None:
            return fault
        call.carried = carrier.look(self.world, call.argv[0])
        answered = PROGRAMS.get(call.argv[0])
        if answered is None:
            raise External(call.argv, call.root)
        if answered == "sudo":
            return self._sudo(call)
        module, _, function = answered.partition(".")
        found = __import__(f"{__package__}.{module}", fromlist=[function])
        call.looked = call.argv[0] in LOOKING
        self.world.pf = module not in WITHOUT_PF
        return int(getattr(found, function)(call))

    def _present(self, call: Call) -> None:
        """The program is there, and may be started."""
        if os.access(self.world.host(call.argv[0]), os.X_OK):
            return
        raise call.fail(f"{call.argv[0]}: No such file or directory", 127)

    def _sudo(self, call: Call) -> int:
        words = call.argv[1:]
        asked, user = "", ""
        while words and words[0].startswith("-"):
            word = words.pop(0)
            if word == "-u" and words:
                user = words.pop(0)
            elif word == "-p" and words:
                words.pop(0)
            elif word == "--":
                break
            else:
                asked += word[1:]
        if self.world.state["refuse_sudo"] and not call.root:
            self._authenticate(call, asked)
        if not words:
            if "v" in asked or "k" in asked:
                return 0
            raise call.fail("usage: sudo -h | -K | -k | -V", 1)
        call.root = user in ("", "root")
        call.user = user if not call.root else call.user
        program = self._found(self.world.mac(words[0]))
        if program is None:
            raise call.fail(f"sudo: {words[0]}: command not found")
        call.argv = [program, *words[1:]]
        return self._run(call)

    def _authenticate(self, call: Call, asked: str) -> None:
        """With `-S` the password is read; without a terminal the ticket is the parent process's."""
        state, parent = self.world.state, os.getppid()
        if parent in state.get("tickets", ()):
            return
        given = call.stdin.split(b"\n")[0].decode("utf-8", "replace")
        if "S" not in asked or not state.get("sudo_password"):
            raise call.fail(SUDO_REFUSED)
        if given != state["sudo_password"]:
            raise call.fail("sudo: 1 incorrect password attempt")
        state.setdefault("tickets", []).append(parent)
        self.store.save()

    def _found(self, program: str) -> Optional[str]:
        """A program by its path, or by its name along sudo's own search path."""
        places = [program]
        if "/" not in program:
            places = [
                f"{folder}/{program}" for folder in ("/bin", "/usr/bin", "/sbin", "/usr/sbin")
            ]
        return next((p for p in places if os.access(self.world.host(p), os.X_OK)), None)

    # -- faults put in by a test

    def _fault(self, call: Call) -> Optional[int]:
        """The exit status that an injected fault gives, or None. Raises Hung."""
        for fault in self.world.state["faults"]:
            if not _concerns(fault["words"], call.argv):
                continue
            if fault["kind"] == "hang":
                raise Hung(call.argv, call.root)
            if fault["kind"] == "garble":
                call.say(fault["text"].encode())
                return 0
            fault["seen"] += 1
            if fault["nth"] is None or fault["nth"] == fault["seen"]:
                call.err.append(fault["err"].encode())
                return int(fault["code"])
        return None

    # -- programs that are not simulated, jobs

    def _run_outside(self, other: External, stdin: bytes) -> Answer:
        import subprocess

        done = subprocess.run(
            self.command(other),
            input=stdin,
            capture_output=True,
            start_new_session=other.root,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def command(self, other: External) -> List[str]:
        """How a program of the folder is started on the host; as root it marks its session."""
        argv = [self.world.host(other.argv[0]), *other.argv[1:]]
        if not other.root:
            return argv
        mark = ': > "$0/root/$$"; exec "$@"'
        return ["/bin/sh", "-c", mark, self.store.private, *argv]

    def _launch(self, target: str) -> None:
        from .launchd import launch

        launch(self.world, target)


def _concerns(words: List[str], argv: List[str]) -> bool:
    """Whether a fault for `pfctl -s nat` fits a call; a program by its name or its path."""
    if words[0] not in (argv[0], argv[0].rsplit("/", 1)[-1]):
        return False
    return argv[1 : len(words)] == words[1:]
