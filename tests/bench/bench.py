"""`nox -s bench`: speed and memory of the tasks, as ratios and differences measured in one run.

The Mac is a folder of trivial sh scripts that take a given time each, so that what is measured is
the tool and not a simulation. Figures are of the machine that runs this; the limits are the
project's promises, and the exit status is 1 where one is not kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

TOP = Path(__file__).parents[2]
INVOKE = [sys.executable, "-m", "invoke"]
RUNS = 7

# What a Mac with a running container and nothing translated answers; state is kept in files.
PROGRAMS: Dict[str, str] = {
    "usr/bin/sudo": 'shift\nexec "$@"\n',
    "usr/bin/true": "",
    "usr/bin/sw_vers": "echo 26.1\n",
    "usr/sbin/sysctl": """
        case "$*" in
            *bootsessionuuid) echo 11111111-2222-3333-4444-555555555555 ;;
            "-n net.inet.ip.forwarding") read -r v <"$D/forwarding"; echo "$v" ;;
            *=1) echo 1 >"$D/forwarding"; echo "net.inet.ip.forwarding: 0 -> 1" ;;
        esac
        """,
    "sbin/route": """
        echo "   route to: default"
        echo "  interface: en0"
        """,
    "usr/sbin/networksetup": """
        printf '\\nHardware Port: Wi-Fi\\nDevice: en0\\nEthernet Address: N/A\\n'
        """,
    "sbin/ifconfig": """
        printf 'en0: flags=8863<UP> mtu 1500\\n\\tinet 192.0.2.7 netmask 0xffffff00\\n'
        printf 'bridge100: flags=8a63<UP> mtu 1500\\n'
        printf '\\tinet 192.168.64.1 netmask 0xffffff00\\n\\tmember: vmenet0 flags=3\\n'
        """,
    "bin/launchctl": """
        case "$1" in print) exit 113 ;; esac
        """,
    "usr/local/bin/container": """
        case "$*" in
            --version) echo "container CLI version 1.2.2 (build: release)" ;;
            "system status"*) echo '{"status":"running"}' ;;
            "network list"*) echo '[{"id":"default","configuration":{"mode":"nat"},'
                echo '"status":{"ipv4Subnet":"192.168.64.0/24","ipv4Gateway":"192.168.64.1"}}]' ;;
            "ls"*) echo '[{"id":"a","status":{"state":"running","networks":[]}}]' ;;
        esac
        """,
    "sbin/pfctl": """
        case "$*" in
            "-n -f -") while read -r l; do :; done ;;
            *"-f -") : >"$D/nat"; : >"$D/filter"
                while read -r l; do
                    case "$l" in
                        nat*) echo "$l" >>"$D/nat" ;;
                        block*) echo "$l" >>"$D/filter" ;;
                    esac
                done ;;
            "-s info") read -r v <"$D/pf"; echo "Status: $v" ;;
            "-s References") while read -r l; do echo "$l"; done <"$D/references" ;;
            "-s nat") echo 'nat-anchor "com.apple/*" all' ;;
            *250.container-net*nat) while read -r l; do echo "$l"; done <"$D/nat" ;;
            *250.container-net*rules) while read -r l; do echo "$l"; done <"$D/filter" ;;
            -E) echo Enabled >"$D/pf"
                printf 'TOKENS:\\nPID Name TOKEN TIME\\n77 pfctl 4242 0 days 00:00:01\\n' \\
                    >"$D/references"
                printf 'pf enabled\\nToken : 4242\\n' >&2 ;;
        esac
        """,
}
# What only the doctor asks; a healthy answer to each.
PROGRAMS.update(
    {
        "usr/bin/id": "echo 501\n",
        "usr/sbin/netstat": "printf 'Routing tables\\n\\nInternet:\\nDestination Netif\\n'\n",
        "usr/sbin/scutil": "echo 'DNS configuration'\n",
        "usr/sbin/lsof": "exit 1\n",
        "usr/bin/systemextensionsctl": "echo '0 extension(s)'\n",
        "usr/libexec/ApplicationFirewall/socketfilterfw": "echo 'Firewall is disabled.'\n",
    }
)
HOST_PROGRAMS = ("tee", "chmod", "chown", "cp", "mv", "rm", "mkdir", "rmdir", "ln", "cat", "kill")
PLACES = {"tee": "usr/bin", "chown": "usr/sbin"}


def lay(folder: Path, delay: float) -> None:
    """Lay the Mac into a folder; each of its programs takes `delay` seconds."""
    for name, body in PROGRAMS.items():
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        # sudo only passes on: what it starts has the delay.
        wait = f"sleep {delay}\n" if delay and name != "usr/bin/sudo" else ""
        program.write_text(f'#!/bin/sh\nD="{folder}"\n{wait}{textwrap.dedent(body)}')
        program.chmod(0o755)
    for name in HOST_PROGRAMS:
        place = folder / PLACES.get(name, "bin") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        real = next(Path(p) / name for p in ("/usr/bin", "/bin") if (Path(p) / name).exists())
        place.symlink_to(real)
    for name in ("private/etc/pf.anchors", "private/var/db", "private/var/run"):
        (folder / name).mkdir(parents=True)
    (folder / ".container-net-simulated").touch()
    (folder / "forwarding").write_text("0\n")
    (folder / "pf").write_text("Disabled\n")
    (folder / "references").write_text("No pf starter references held\n")
    (folder / "nat").touch()
    (folder / "filter").touch()


def timed(command: Sequence[str], env: Dict[str, str], codes: Tuple[int, ...] = (0,)) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=TOP, capture_output=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode not in codes:
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
    return taken


def best(*measures: Callable[[], float]) -> List[float]:
    """The least disturbed run of each, taken in turn, after one to warm up."""
    for measure in measures:
        measure()
    rounds = [[measure() for measure in measures] for _ in range(RUNS)]
    return [min(column) for column in zip(*rounds)]


def environment(folder: Path) -> Dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("INVOKE_")}
    return {**kept, "INVOKE_NET_SYSROOT": str(folder), "LC_ALL": "C"}


def main() -> int:
    kept: List[bool] = []

    def figure(name: str, value: float, limit: float, unit: str) -> None:
        ok = value <= limit
        kept.append(ok)
        print(f"{'ok  ' if ok else 'MISS'}  {name:<68} {value:7.2f} {unit}  (limit {limit} {unit})")

    with tempfile.TemporaryDirectory(prefix="container-net-bench-") as scratch:
        base = Path(scratch)
        slow, quick = base / "slow", base / "quick"
        lay(slow, 0.2)
        lay(quick, 0)
        empty = base / "empty"
        empty.mkdir()
        (empty / "tasks.py").write_text("from invoke import Collection\nns = Collection()\n")

        bare = dict(environment(quick))
        listing, nothing = best(
            lambda: timed([*INVOKE, "--list"], bare),
            lambda: timed([*INVOKE, "-r", str(empty), "--list"], bare, (0, 1)),
        )
        figure(
            "(c) invoke --list, with our collection / with an empty one",
            listing / nothing,
            1.25,
            "x",
        )

        timed([*INVOKE, "net.setup"], environment(slow))
        status, again = best(
            lambda: timed([*INVOKE, "net.status"], environment(slow)),
            lambda: timed([*INVOKE, "net.setup"], environment(slow)),
        )
        figure(
            "(a) net.status beyond invoke --list, commands of 200 ms", status - listing, 1.1, "s"
        )
        doctor = best(lambda: timed([*INVOKE, "net.doctor"], environment(slow), (0, 1)))[0]
        figure("net.doctor beyond invoke --list, commands of 200 ms", doctor - listing, 0.7, "s")
        figure("(b) net.setup with nothing to change / net.status", again / status, 1.5, "x")

        number = iter(range(1000))

        def first_setup() -> float:
            folder = base / f"first{next(number)}"
            lay(folder, 0)
            return timed([*INVOKE, "net.setup"], environment(folder))

        first, look = best(
            first_setup, lambda: timed([*INVOKE, "net.status"], environment(quick), (0, 1))
        )
        figure("(d) the first net.setup / net.status", first / look, 1.6, "x")

        timed([*INVOKE, "net.setup"], environment(quick))
        for task in ("status", "detect", "plan", "verify", "setup", "render", "doctor", "env"):
            command = [*INVOKE, f"net.{task}"]
            figure(f"peak memory of net.{task}", peak(command, environment(quick)), 60, "MiB")

        for name in ("bench_reconcile.py", "bench_lab.py"):
            script = Path(__file__).with_name(name)
            done = subprocess.run([sys.executable, str(script)], cwd=TOP, check=False)
            kept.append(done.returncode == 0)
    return 0 if all(kept) else 1


def peak(command: Sequence[str], env: Dict[str, str]) -> float:
    """Peak memory of one process in MiB, the largest of it and its children."""
    probe = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *command], env=env, cwd=TOP, capture_output=True, check=True
    )
    # Kilobytes on Linux, bytes on a Mac.
    return int(done.stdout) / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
