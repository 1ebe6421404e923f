"""The boot script rendered, and a stage to run it on: a folder of trivial programs.

The stage is no Mac: its programs print what a file beside them says. It is there for what the
simulated Mac does not offer: a kill at a chosen command, programs that hang or print nonsense, a
count of processes, other shells, and a run time in which nothing but the script's own is measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["EVERY", "RULES", "SUBNET", "UPLINKS", "Stage", "render", "rules", "text"]

TEMPLATES = Path(__file__).parents[2] / "templates"
ANCHOR = "com.apple/250.container-net"
ANCHOR_FILE = "/private/etc/pf.anchors/250.container-net"
STATE_DIR = "/private/var/db/container-net"
LOCK = "/private/var/run/container-net.lock"
SESSION = "0C0FFEE0-1111-4222-8333-444455556666"


SUBNET = "192.168.64.0/24"
# The script parses no rule, so that two of each kind are enough.
FEW = ("en0", "utun4")
# One of each kind, and those that the simulated Mac comes to have.
UPLINKS = ("en0", "en1", "en5", "en9", "utun3", "utun4", "ipsec0", "ppp0", "bridge0")
# As many as a Mac's are.
EVERY = tuple(
    f"{kind}{number}"
    for kind, count in (("en", 32), ("utun", 32), ("ipsec", 8), ("ppp", 8), ("bridge", 10))
    for number in range(count)
)


def rules(*subnets: str, uplinks: Sequence[str] = FEW) -> List[str]:
    """Rules as a Mac's own would be, in the words in which pf echoes them."""
    found = []
    for subnet in subnets:
        found += [
            f"nat on {uplink} inet from {subnet} to any -> ({uplink}:0) extfilter ei"
            for uplink in uplinks
        ]
    for subnet in subnets:
        found.append(f"block drop in quick on ! lo0 inet from ! {subnet} to {subnet}")
        found += [
            f"block drop in quick on {uplink} inet from {subnet} to any" for uplink in uplinks
        ]
    return found


def text(lines: Sequence[str]) -> str:
    """The anchor file: rules, and what pfctl has to be told before."""
    return "".join(f"{line}\n" for line in ("set ruleset-optimization none", *lines))


RULES = text(rules(SUBNET))
ENVIRONMENT = Environment(
    loader=FileSystemLoader(str(TEMPLATES)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)


def render(template: str = "reconcile.sh.j2", **changes: Any) -> str:
    """A template with the values of a usual Mac, some of them changed."""
    values: Dict[str, Any] = {
        "version": "0.0.0",
        "sysroot": "",
        "label": "local.container-net",
        "anchor": ANCHOR,
        "anchor_file": ANCHOR_FILE,
        "anchor_file_wanted": True,
        "state_dir": STATE_DIR,
        "lock": LOCK,
        "rules": RULES,
        "subnets": [SUBNET],
        "program": "/Library/PrivilegedHelperTools/local.container-net",
        "interval": 60,
    }
    values.update(changes)
    values.setdefault("rules_sum", hashlib.sha256(str(values["rules"]).encode()).hexdigest()[:32])
    return ENVIRONMENT.get_template(template).render(values)


# Each program notes its call and answers from files. `kill.at` names the call at which the script
# (the programs' parent) is killed before the program acts; where there is a folder `moments`, what
# a kill would leave is copied to it before and after each.
_HEAD = r"""#!/bin/sh
S=@STAGE@
said="${0##*/} $*"
said=${said% }
echo "$said" >>"$S/calls"
[ ! -e "$S/hang/${0##*/}" ] || exec /bin/sleep 600
[ ! -e "$S/nonsense/${0##*/}" ] || { echo '$(reboot) `reboot` ; * \ nonsense'; exit 0; }
if [ -e "$S/kill.at" ]; then
    read -r line <"$S/kill.at"
    [ "$line" != "$said" ] || { kill -KILL "$PPID" && exit; }
fi
moment() {
    read -r n <"$S/moment"
    echo $((n + 1)) >"$S/moment"
    (cd "$S" && /bin/cp -R -P ../private @KERNEL@ "moments/$n")
}
# The watchdog's own child comes at no moment of the script.
if [ -e "$S/moments" ] && [ "${0##*/}" != sleep ]; then
    moment
    trap moment EXIT
fi
"""
_PROGRAMS = {
    "/sbin/route": r"""
read -r via <"$S/way"
if [ "$via" = - ]; then
    echo 'route: writing to routing socket: not in table' >&2
else
    printf '   route to: x\ndestination: x\n  interface: %s\n      flags: <UP>\n' "$via"
fi
""",
    "/usr/sbin/sysctl": r"""
case $* in
-w*) read -r old <"$S/forwarding"; echo "${2#*=}" >"$S/forwarding"; echo "x: $old -> ${2#*=}" ;;
*) for f in session forwarding; do read -r line <"$S/$f"; echo "$line"; done ;;
esac
""",
    "/sbin/pfctl": r"""
echo 'No ALTQ support in kernel' >&2
echo 'ALTQ related functions disabled' >&2
show() {
    while read -r line; do
        case $line in $2) echo "$line" ;; esac
    done <"$1"
}
case $* in
'-s References')
    if [ -s "$S/references" ]; then
        printf 'TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n'
        show "$S/references" '*'
    else
        echo 'No pf starter references held'
    fi ;;
'-s nat') [ -e "$S/uncalled" ] || echo 'nat-anchor "com.apple/*" all' ;;
-a*'-s nat' | -a*'-s rules')
    [ -s "$S/anchor" ] || echo 'pfctl: DIOCGETRULES: Invalid argument' >&2
    case $4 in nat) kind=nat ;; *) kind='[bp]' ;; esac
    # Sooner done than a shell does it, where there are many.
    [ ! -e "$S/many" ] || exec sed -n "/^$kind/p" "$S/anchor"
    show "$S/anchor" "$kind*" ;;
'-n -f -') [ ! -e "$S/refuse" ] || { echo 'stdin:1: syntax error' >&2; exit 1; } ;;
-a*'-f -')
    suffix='' swallow=- taken=''
    [ ! -e "$S/echo" ] || { read -r suffix <"$S/echo"; suffix=" $suffix"; }
    [ ! -e "$S/swallow" ] || read -r swallow <"$S/swallow"
    while read -r line; do
        case $line in
        'set '* | '#'* | $swallow*) ;;
        *) taken="$taken$line$suffix
" ;;
        esac
    done
    printf %s "$taken" >"$S/anchor" ;;
-E)
    read -r n <"$S/next"
    echo $((n + 1)) >"$S/next"
    echo "$$     pfctl               1505302533819157$n     0 days 00:00:00" >>"$S/references"
    echo 'pf enabled' >&2
    [ -e "$S/silent" ] || echo "Token : 1505302533819157$n" >&2 ;;
'-k '*) ;;
*) echo "usage: $*" >&2; exit 1 ;;
esac
""",
    "/usr/bin/logger": 'shift 2; echo "$*" >>"$S/log"\n',
}
# What pf and the kernel keep, beside the folder `private`.
_KERNEL = ("anchor", "forwarding", "next", "references")
# Of the machine the stage stands on; started through a script that notes the call.
_HOST = {
    "/bin/ln": "ln",
    "/bin/rm": "rm",
    "/bin/mv": "mv",
    "/bin/mkdir": "mkdir",
    "/bin/sleep": "sleep",
    "/usr/bin/cmp": "cmp",
    "/usr/bin/readlink": "readlink",
}


@dataclass
class Stage:
    """A folder to run the script on. `settings` go to the template."""

    root: Path
    shell: Sequence[str] = ()
    settings: Dict[str, Any] = field(default_factory=dict)
    groups: List[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fake = self.root / "stage"
        for folder in ("stage/hang", "stage/nonsense", "private/etc/pf.anchors", "private/var/run"):
            (self.root / folder).mkdir(parents=True)
        (self.root / STATE_DIR[1:]).parent.mkdir(parents=True)
        head = _HEAD.replace("@STAGE@", shlex.quote(str(self.fake)))
        head = head.replace("@KERNEL@", " ".join(_KERNEL))
        for path, body in _PROGRAMS.items():
            self._program(path, head + body)
        for path, name in _HOST.items():
            found = next(p for p in (Path("/bin"), Path("/usr/bin")) if (p / name).exists())
            real = f'{found / name} "$@"'
            self._program(path, f'{head}[ -e "$S/moments" ] || exec {real}\n{real}\n')
        self.put(
            way="en0", forwarding="0", session=SESSION,
            references="", anchor="", next="1000", calls="", log="",
        )  # fmt: skip
        self.script = self.root / "reconcile"
        self.script.write_text(render(sysroot=str(self.root), **self.settings))
        self.script.chmod(0o755)

    def _program(self, path: str, text: str) -> None:
        target = self.root / path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)

    # -- what the programs say

    def put(self, **files: str) -> None:
        """Files that the programs answer from, one line each."""
        for name, text in files.items():
            (self.fake / name.replace("_", ".")).write_text(text + "\n" if text else "")

    def get(self, name: str) -> str:
        return (self.fake / name).read_text().strip()

    def hang(self, program: str, hangs: bool = True) -> None:
        flag = self.fake / "hang" / program
        flag.touch() if hangs else flag.unlink()

    def nonsense(self, program: str, nonsense: bool = True) -> None:
        flag = self.fake / "nonsense" / program
        flag.touch() if nonsense else flag.unlink()

    # -- running

    def command(self) -> List[str]:
        return [*self.shell, str(self.script)]

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        """The script, in a session of its own as under launchd, with nothing in its environment."""
        self.put(calls="", log="")
        options = {"env": {}, "start_new_session": True, "stdin": subprocess.DEVNULL, **options}
        started = subprocess.Popen(self.command(), **options)
        self.groups.append(started.pid)
        return started

    def run(self) -> int:
        # Without a limit: with one, Popen looks at growing intervals.
        return self.start().wait()

    def calls(self, word: str = "") -> List[str]:
        """The programs of the last run with their arguments; those that begin with `word`."""
        return [c for c in self.get("calls").splitlines() if c.startswith(word)]

    @property
    def log(self) -> List[str]:
        return self.get("log").splitlines()

    @property
    def anchor(self) -> List[str]:
        return self.get("anchor").splitlines()

    @property
    def references(self) -> List[str]:
        return self.get("references").splitlines()

    def path(self, path: str) -> Path:
        return self.root / path[1:]

    @property
    def loaded(self) -> str:
        """What is remembered of the last load."""
        return self.path(STATE_DIR + "/loaded").read_text()

    @property
    def boot(self) -> List[str]:
        file = self.path(STATE_DIR + "/boot")
        return file.read_text().splitlines() if file.exists() else []

    def leftovers(self) -> List[str]:
        """Files of the script that should be gone after a run."""
        found = [*self.path(STATE_DIR).glob("*"), *self.path(LOCK).parent.glob("*")]
        found += self.path(ANCHOR_FILE).parent.glob("*.new")
        return sorted(p.name for p in found if p.name not in ("boot", "loaded", "look"))

    # -- what a kill leaves

    def moments(self) -> List[Path]:
        """Run the script; what a kill would have left before and after each of its commands."""
        folder = self.fake / "moments"
        for number in range(100):
            (folder / str(number)).mkdir(parents=True)
        self.put(moment="0")
        assert self.run() == 0
        folder.rename(self.root / "moments")
        return [self.root / "moments" / str(number) for number in range(int(self.get("moment")))]

    def keep(self, moment: Path) -> None:
        """Make a moment of what there is now."""
        shutil.copytree(self.root / "private", moment / "private", symlinks=True)
        for name in _KERNEL:
            shutil.copyfile(self.fake / name, moment / name)

    def go_back(self, moment: Path) -> None:
        """Everything is as it was at that moment."""
        shutil.rmtree(self.root / "private")
        shutil.copytree(moment / "private", self.root / "private", symlinks=True)
        for name in _KERNEL:
            shutil.copyfile(moment / name, self.fake / name)

    def picture(self, moment: Optional[Path] = None) -> Dict[str, str]:
        """All that is kept, now or at that moment, but what programs said last; numbers of
        processes and tokens are one."""
        private, kernel = (moment or self.root) / "private", moment or self.fake
        found = {}
        for place in (*private.rglob("*"), *(kernel / name for name in _KERNEL)):
            if place.name in ("look", "run.out", "next"):
                continue
            within = place.relative_to(kernel if place.parent == kernel else private)
            name = re.sub(r"\.\d+$", ".N", str(within))
            if place.is_symlink() or place.is_dir():
                found[name] = "link" if place.is_symlink() else "folder"
            else:
                found[name] = re.sub(r"\d+ +pfctl +\d+", "N pfctl N", place.read_text())
        return found

    # -- processes

    def end(self) -> None:
        """As launchd ends what is left of a job's process group."""
        for group in self.groups:
            # macOS says so where only a zombie is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)

    def processes(self) -> Dict[int, str]:
        """Living processes of the runs so far: those of their process groups, by PID."""
        rows = subprocess.run(
            ["ps", "-A", "-o", "pid=,pgid=,stat=,command="],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        found = {}
        for row in rows:
            pid, group, state, command = [*row.split(None, 3), ""][:4]
            if int(group) in self.groups and not state.startswith("Z"):
                found[int(pid)] = command
        return found
