"""`nox -s bench`: speed and memory of the tasks, as ratios and differences measured in one run.

The Mac is a folder of trivial sh scripts that take a given time each, so that what is measured is
the tool and not a simulation. Figures are of the machine that runs this; the limits are the
project's promises, and the exit status is 1 where one is not kept.
"""

from __future__ import annotations

import os
import signal
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
        case "$*" in *monitor) exec sleep 600 ;; esac
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
            "-v -s state") i=0
                while [ $i -lt 50 ]; do i=$((i + 1)); echo "ALL tcp 192.0.2.9:443 <- \
192.168.64.3:5$i       ESTABLISHED:ESTABLISHED"; done ;;
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

        figure(
            "net.watch on a Mac where nothing happens, with its commands",
            watched(quick),
            0.6,
            "CPU s/min",
        )
        lay_log(quick, 100_000)
        looked = [*INVOKE, "net.history", "--since", "80d"]
        history = best(lambda: timed(looked, environment(quick)))[0]
        figure(
            "net.history over 100,000 lines of log, beyond invoke --list",
            history - listing,
            1.0,
            "s",
        )
        figure("peak memory of that", peak(looked, environment(quick)), 60, "MiB")

        for name in ("bench_reconcile.py", "bench_lab.py"):
            script = Path(__file__).with_name(name)
            done = subprocess.run([sys.executable, str(script)], cwd=TOP, check=False)
            kept.append(done.returncode == 0)
    return 0 if all(kept) else 1


def watched(folder: Path) -> float:
    """CPU seconds in a minute of `net.watch`, its commands' included; without the first look."""

    def used(seconds: float) -> float:
        process = subprocess.Popen(
            [*INVOKE, "net.watch", "--json"],
            env=environment(folder),
            cwd=TOP,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _pid, status, spent = os.wait4(process.pid, 0)
        process.stdout.close()
        if status:
            sys.exit(f"net.watch: {status}")
        return spent.ru_utime + spent.ru_stime

    return used(61) - used(1)


def lay_log(folder: Path, lines: int) -> None:
    """A unified log of so many lines: a run a minute, one in a hundred with something to say."""
    first = time.time() - lines * 60
    row = (
        '{{"timezoneName":"","messageType":"Default","eventType":"logEvent","source":null,'
        '"formatString":"%s","userID":0,"activityIdentifier":0,"subsystem":"{}","category":"",'
        '"threadID":139361863,"senderImageUUID":"72E310F7-1A63-3C21-926C-BEF6061890C0","backtrace":'
        '{{"frames":[{{"imageOffset":1764,"imageUUID":"72E310F7-1A63-3C21-926C-BEF6061890C0"}}]}},'
        '"bootUUID":"","processImagePath":"{}","senderImagePath":"{}","timestamp":'
        '"{}.000000+0000","machTimestamp":23247436516259,"eventMessage":"{}","processImageUUID":'
        '"72E310F7-1A63-3C21-926C-BEF6061890C0","traceID":13353070231556,"processID":21314,'
        '"senderProgramCounter":1764,"parentActivityIdentifier":0}}\n'
    )
    launchd = ("system\\/local.container-net [812]", "\\/sbin\\/launchd", "\\/sbin\\/launchd")
    logger = ("", "\\/usr\\/bin\\/logger", "\\/usr\\/bin\\/logger")
    ways = ("en0", "utun4")
    with (folder / "log.ndjson").open("w") as file:
        for number in range(lines):
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(first + number * 60))
            if number % 100:
                file.write(row.format(*launchd, stamp, "exited due to exit(0), ran for 120ms"))
            else:
                now, before = ways[number // 100 % 2], ways[number // 100 % 2 - 1]
                said = f"the way out is {now}, it was {before}"
                said = f"container-net: ended the states of 192.168.64.0\\/24: {said}"
                file.write(row.format(*logger, stamp, said))
    for name, body in (
        ("usr/bin/log", f"exec cat {folder}/log.ndjson"),
        ("bin/date", "exec date +%s"),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)


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
