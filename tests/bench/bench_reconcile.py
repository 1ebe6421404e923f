"""What one event costs that changes nothing: the boot script's time, programs and processes.

Run by tests/bench/bench.py, or alone. The programs are trivial, so that what is measured is the
script; the exit status is 1 where a promise is not kept.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from sim.reconcile_support import EVERY, SUBNET, Stage, rules, text

RUNS = 15
MILLISECONDS = 100
# Of its time to that of a plain script which starts the same programs.
RATIO = 2.0
PROGRAMS = 8
PROCESSES = 16

FORKS = ("clone", "clone3", "fork", "vfork")


def quickest(stage: Stage) -> float:
    """The least disturbed of several runs, in milliseconds."""
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        # Without a limit: with one, Popen looks at growing intervals, and rounds up to 64 ms.
        if stage.start().wait() != 0:
            sys.exit("\n".join(["the script failed on trivial programs:", *stage.log]))
        taken.append(time.perf_counter() - started)
    return min(taken) * 1000


def programs_alone(stage: Stage) -> float:
    """The same programs, one after the other, with no answer read, in milliseconds."""
    found = {path.name: path for path in stage.root.glob("*/*") if path.is_file()}
    found.update({path.name: path for path in stage.root.glob("usr/*/*")})
    plain = stage.root / "plain"
    lines = []
    for call in stage.calls():
        name, *words = call.split()
        words = ["0"] if name == "sleep" else words
        lines.append(
            " ".join(shlex.quote(w) for w in (str(found[name]), *words)) + " >/dev/null 2>&1"
        )
    plain.write_text("\n".join(lines) + "\n")
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([*stage.shell, str(plain)], env={}, check=False)
        taken.append(time.perf_counter() - started)
    return min(taken) * 1000


def processes(stage: Stage, trace: Path) -> Optional[int]:
    """All processes of one run, subshells and the script's own included; None without strace."""
    if shutil.which("strace") is None:
        return None
    traced = ["strace", "-f", "-q", "-e", f"trace={','.join(FORKS)}", "-o", str(trace)]
    subprocess.run([*traced, *stage.command()], check=True, env={})
    rows = [row.split(None, 1)[1] for row in trace.read_text().splitlines()]
    # A call that another process cut in two has its result on the line `<... resumed>`.
    done = [row for row in rows if row.startswith((*FORKS, "<... ")) and " = " in row]
    return 1 + sum(1 for row in done if row.rsplit(" = ", 1)[1].strip().isdigit())


def shells() -> List[Tuple[str, Sequence[str]]]:
    """What `sh` is on the machines that run this: /bin/sh, and bash as macOS starts it."""
    bash = shutil.which("bash")
    return [("/bin/sh", ["/bin/sh"]), *([("bash --posix", [bash, "--posix"])] if bash else [])]


def main() -> int:
    kept = True

    def figure(name: str, value: float, limit: float, unit: str) -> None:
        nonlocal kept
        ok = value <= limit
        kept = kept and ok
        print(f"{'ok  ' if ok else 'MISS'}  {name:<68} {value:7.2f} {unit}  (limit {limit} {unit})")

    with tempfile.TemporaryDirectory(prefix="container-net-bench-") as scratch:
        for number, (name, shell) in enumerate(shells()):
            every = text(rules(SUBNET, uplinks=EVERY))
            stage = Stage(Path(scratch) / str(number), shell, {"rules": every})
            stage.put(many="yes")
            stage.run()
            taken, started = quickest(stage), len(stage.calls())
            figure(f"(e) the boot script, nothing to change, {name}", taken, MILLISECONDS, "ms")
            figure("    to its programs alone", taken / programs_alone(stage), RATIO, "x")
            figure("    programs it starts", started, PROGRAMS, "")
            count = processes(stage, Path(scratch) / "trace")
            if count is None:
                print("      processes in all: not counted, strace is not installed")
            else:
                figure("    processes in all", count, PROCESSES, "")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
