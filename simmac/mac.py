"""A simulated Mac from outside: questions to its programs, and what happens to it."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shlex
import shutil
import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type, Union

from invoke.exceptions import CommandTimedOut, UnexpectedExit
from invoke.runners import Result, Runner

from . import carrier, launchd, net, packets, pf_kernel, vmnet
from . import container as programs
from .engine import Answer, Engine, Hung
from .files import owner
from .pf_grammar import parse
from .pf_optimizer import optimize
from .pf_rules import KINDS
from .pfctl import load_file
from .store import PRIVATE, is_served

__all__ = ["Mac", "Record", "words_of"]

RESOLV_CONF = "/private/var/run/resolv.conf"
INTERFACES_PLIST = "/Library/Preferences/SystemConfiguration/NetworkInterfaces.plist"
DOCK = "en5"
WIFI = "en0"


_WORD = re.compile(r"(?:[^\s']|'[^']*')+")


@functools.lru_cache(maxsize=512)
def words_of(command: str) -> Tuple[str, ...]:
    """The words of a command; a tool gives the same few again and again."""
    # What shlex finds, letter by letter and a hundred times slower: shlex.join quotes by ' alone.
    if {'"', "\\"} & set(command):
        return tuple(shlex.split(command))
    return tuple(word.replace("'", "") for word in _WORD.findall(command))


class Record:
    """A request that was answered: arguments as on the Mac and without sudo, who asked, the status
    (None: it hung)."""

    def __init__(self, argv: List[str], root: bool, code: Optional[int]) -> None:
        self.argv = argv
        self.root = root
        self.code = code

    def __repr__(self) -> str:
        return f"{'#' if self.root else '$'} {shlex.join(self.argv)} -> {self.code}"


class Mac:
    """One simulated Mac, by its folder. Raises FileNotFoundError for a folder without the marker.

    Events return when the jobs of launchd that they set going have ended; a request that starts a
    job is answered at once, as launchd does, and `settle()` waits.
    """

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        self.path = Path(path).absolute()
        if not is_served(str(self.path)):
            raise FileNotFoundError(f"{self.path} is no simulated Mac of this version")
        self._engine = Engine(str(self.path))
        self._world = self._engine.world
        self._store = self._engine.store
        self._engine.launch = self._launch
        self._jobs: List[subprocess.Popen[bytes]] = []
        self._counting = threading.Lock()

    # -- questions

    def answer(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        root: bool = False,
        user: str = "dev",
    ) -> Answer:
        """What a program says. Raises engine.Hung where it was set to hang."""
        return self._engine.answer(argv, stdin, root, user)

    def runner(self) -> Type[Runner]:
        """A Runner for Invoke that answers in this process. Any number of threads may use it."""
        mac = self

        class SimulatedRunner(Runner):
            """Commands are split as shlex.join put them together; there is no shell."""

            def run(self, command: str, **kwargs: Any) -> Result:
                return mac.answer_command(command, **kwargs)

        return SimulatedRunner

    def answer_command(self, command: str, **kwargs: Any) -> Result:
        """Answer as `Runner.run` does. `in_stream` holds latin-1 text, and so do the results."""
        stream = kwargs.get("in_stream")
        text = stream.read() if stream else ""
        stdin = text if isinstance(text, bytes) else text.encode("latin-1")
        try:
            found = self.answer(words_of(command), stdin)
        except Hung:
            limit = kwargs.get("timeout")
            if limit is None:
                raise
            raise CommandTimedOut(Result(command=command, exited=-9), limit) from None
        result = Result(
            stdout=found.out.decode("latin-1"),
            stderr=found.err.decode("latin-1"),
            command=command,
            exited=found.code,
            encoding="latin-1",
            hide=("stdout", "stderr"),
        )
        if found.code and not kwargs.get("warn"):
            raise UnexpectedExit(result)
        return result

    def egress(self, subnet: Optional[str] = None, target: str = packets.INTERNET) -> str:
        """Whether a guest reaches an address: "ok", or what stops it."""
        return self.trace(subnet, target).result

    def trace(self, subnet: Optional[str] = None, target: str = packets.INTERNET) -> packets.Trace:
        """A guest's packet, followed; counters of the rules grow. None is the first network."""
        with self.edit() as state:
            cidr = subnet or state["container"]["networks"][0]["cidr"]
            return packets.trace(state, cidr, target)

    def neighbour(self, subnet: Optional[str] = None, uplink: str = WIFI) -> str:
        """Whether somebody on the uplink's network reaches a guest: "ok", or what stops it."""
        with self.edit() as state:
            cidr = subnet or state["container"]["networks"][0]["cidr"]
            return packets.neighbour(state, cidr, uplink)

    def reaches(
        self,
        source: str,
        address: str,
        port: int = 443,
        proto: str = "tcp",
        *,
        via: Optional[str] = None,
    ) -> str:
        """Whether a connection from one address gets to another, and its answer back.

        Either may be a guest's, the Mac's own, or any other; a subnet (`192.168.64.0/24`) stands
        for a guest in it. `proto` is tcp, udp or icmp (an echo request, which has no port). `via`
        is the interface by which it comes in, where that is not the one of the route back to
        `source`: a forged sender. Counters of the rules grow.

        The answer is "ok" or what stops it: "blocked: RULE", with the rule as pf prints it; "no
        answer, blocked: RULE", where it got there; "forwarding is 0", "no route", "not translated",
        "leaks: utun4 has no address", "no answer from the internet". Only pf and the routes are
        asked: not whether anything listens there.
        """
        with self.edit() as state:
            return packets.reaches(state, source, address, port, proto=proto, via=via).result

    @property
    def state(self) -> Dict[str, Any]:
        """The state as it is now; to change it, use `edit`."""
        return self._store.look()

    @property
    def log(self) -> List[Record]:
        """All requests answered since the Mac was built or the log was forgotten."""
        return [Record(r["argv"], r["root"], r["code"]) for r in self._store.records()]

    @property
    def loads(self) -> int:
        """How many rulesets programs have loaded (dry runs do not count)."""
        return sum(1 for record in self.log if _loads(record))

    @property
    def messages(self) -> List[str]:
        """What `logger` was told, oldest first, each `TAG: TEXT`."""
        notes = self._store.noted()
        return [note["text"] for note in notes if note["process"] == "/usr/bin/logger"]

    def note(self, text: str, process: str = "/sbin/launchd", subsystem: str = "") -> None:
        """A message in the unified log, as of now."""
        with self._store:
            self._world.log(process, text, subsystem)

    def rotate_log(self, keep: int) -> None:
        """Of the unified log only the last so many seconds are left."""
        with self._store:
            state = self._store.state
            first = state["epoch"] + state["clock"] - keep
            self._store.keep_notes([n for n in self._store.noted() if n["at"] >= first])

    def files(self) -> Dict[str, Tuple[int, Tuple[int, int], Union[bytes, str, None]]]:
        """Every file on the Mac but its programs: mode, owner, and bytes, a link's text, or None.

        Two of these are equal where nothing that lies on the disk has changed.
        """
        found: Dict[str, Tuple[int, Tuple[int, int], Union[bytes, str, None]]] = {}
        with self._store:
            for top in ("Library", "Users", "private"):
                for place in sorted((self.path / top).rglob("*")):
                    path = "/" + str(place.relative_to(self.path))
                    mode = place.lstat().st_mode
                    content: Union[bytes, str, None] = None
                    if place.is_symlink():
                        content = os.readlink(place)
                    elif place.is_file():
                        content = place.read_bytes()
                    found[path] = (mode, owner(self._world, path), content)
        return found

    def forget_log(self) -> None:
        """Start the log anew."""
        self._store.forget()

    def on_effect(self, callback: Optional[Callable[[], None]]) -> None:
        """Have a function called after each change by a command in this process, before its answer.

        The folder then is as a crash at that moment would leave it.
        """
        self._world.on_effect = callback

    @contextlib.contextmanager
    def edit(self) -> Iterator[Dict[str, Any]]:
        """The state, to be changed at will, and jobs of launchd that became due by it."""
        with self._store:
            yield self._store.state
            if self._store.save():
                carrier.tell(self._world)
        if not self._store_held():
            self._engine.finish()
            self._wait()

    def _store_held(self) -> bool:
        return self._store.depth > 0

    def snapshot(self, to: Union[str, os.PathLike[str]]) -> Mac:
        """A copy of the Mac in another folder, which must not be there yet.

        Its programs are the same files under other names: whoever alters one removes it first.
        """
        with self._store:
            self._store.save()
            _copy(str(self.path), os.fspath(to))
        return Mac(to)

    # -- launchd

    def _launch(self, target: str) -> None:
        job = launchd.launch(self._world, target)
        if job is not None:
            with self._counting:
                self._jobs.append(job)

    def _wait(self, timeout: float = 60.0) -> None:
        with self._counting:
            jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.wait(timeout)

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until no job of launchd runs. Raises TimeoutError after so many seconds."""
        self._wait(timeout)
        end = time.monotonic() + timeout
        while any(job["state"] == "running" for job in self.state["jobs"].values()):
            if time.monotonic() > end:
                raise TimeoutError("a job of launchd is still running")
            time.sleep(0.01)

    def tick(self, seconds: int) -> None:
        """Time passes; jobs with a StartInterval run when they are due, one after the other."""
        end = self.state["clock"] + seconds
        while True:
            with self.edit() as state:
                times = [job["next"] for job in state["jobs"].values() if job["next"] is not None]
                if not times or min(times) > end:
                    state["clock"] = max(state["clock"], end)
                    vmnet.tidy(state)
                    return
                state["clock"] = max(state["clock"], min(times))
                vmnet.tidy(state)
                for target, job in state["jobs"].items():
                    if job["next"] is not None and job["next"] <= state["clock"]:
                        job["next"] += job["interval"]
                        self._world.run_later(target)

    def sleep(self, seconds: int) -> None:
        """The Mac sleeps for so long: time passes, and no job runs meanwhile."""
        with self.edit() as state:
            state["clock"] += seconds
            for job in state["jobs"].values():
                if job["next"] is not None:
                    job["next"] = max(job["next"], state["clock"])

    def set_clock(self, seconds: int) -> None:
        """The clock is put forward by so many seconds, or back."""
        with self.edit() as state:
            state["epoch"] += seconds
            self._world.log("timesync", "=== system wallclock time adjusted")

    def _pass_throttle(self, state: Dict[str, Any]) -> None:
        """launchd waits 10 s between two runs of a job: so much time has passed then."""
        for target in self._world.due:
            job = state["jobs"][target]
            if job["started"] is not None:
                state["clock"] = max(state["clock"], job["started"] + job["throttle"])

    # -- reboot and updates

    def reboot(self, early: bool = False) -> None:
        """The Mac restarts: forwarding 0, pf off, tokens gone, containers and VPN down.

        /etc/pf.conf is loaded and the daemons start. `early` starts the daemons before the network
        is up and before /etc/pf.conf is loaded; both come afterwards.
        """
        for job in list(self.state["jobs"].values()):
            if job["pid"]:
                launchd.terminate(job["pid"])
        self.settle()
        with self.edit() as state:
            self._shut_down(state)
            primary = state["primary"]
            if early:
                state["primary"] = None
            else:
                load_file(self._world, "/etc/pf.conf")
            self._write(RESOLV_CONF, self._resolv(state))
            boot = state["sysctl"]["kern.bootsessionuuid"]
            self._world.log("timesync", f"=== system boot: {boot}")
            launchd.start_system_jobs(self._world)
        if early:
            with self.edit() as state:
                load_file(self._world, "/etc/pf.conf")
                state["primary"] = primary
                self._network_changed(state)

    def _shut_down(self, state: Dict[str, Any]) -> None:
        state["clock"] += 30
        state["sysctl"]["net.inet.ip.forwarding"] = "0"
        state["sysctl"]["kern.bootsessionuuid"] = str(uuid.uuid4()).upper()
        state["container"]["containers"] = []
        if state["container"]["service"] == "running":
            # Its jobs of launchd are the session's; `container system start` registers them anew.
            state["container"]["service"] = "unregistered"
        state["interfaces"] = [
            item
            for item in state["interfaces"]
            if not item["members"] and not item["name"].startswith("vmenet")
        ]
        self._end_vpn(state)
        state["routes"], state["jobs"] = [], {}
        state["pf"] = pf_kernel.fresh()
        state["vmnet"].update({"token": None, "stale": False, "uplink": None, "due": None})
        for folder in ("/private/var/run", "/private/tmp"):
            for entry in Path(self._world.host(folder)).iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()

    def system_update(self) -> None:
        """A macOS update: the stock /etc/pf.conf is back, what stood there is `pf.conf~previous`.

        The update restarts the Mac.
        """
        from .builder import PF_ANCHOR, PF_CONF

        for path, text in (
            ("/private/etc/pf.conf", PF_CONF),
            ("/private/etc/pf.anchors/com.apple", PF_ANCHOR),
        ):
            place = Path(self._world.host(path))
            if place.exists() and place.read_bytes() != text.encode():
                place.rename(place.with_name(place.name + "~previous"))
            place.write_text(text, encoding="utf-8")
            place.chmod(0o644)
        self.reboot()

    # -- networks

    def set_uplink(self, name: str) -> None:
        """Another interface carries the default route; its port is plugged in."""
        with self.edit() as state:
            item = self._need(state, name)
            item["active"] = True
            state["primary"] = name
            self._network_changed(state)

    def unplug(self) -> None:
        """The primary interface loses its link: no default route, unless another can take over."""
        with self.edit() as state:
            item = net.find(state, state["primary"]) if state["primary"] else None
            if item is not None:
                item["active"] = False
            ready = net.uplinks(state)
            state["primary"] = ready[0]["name"] if ready else None
            self._network_changed(state)

    def add_interface(
        self,
        name: str,
        address: Optional[str] = None,
        prefix: int = 24,
        hardware_port: Optional[str] = None,
        *,
        gateway: Optional[str] = None,
        dns: Optional[str] = None,
    ) -> None:
        """A new interface; with a hardware port macOS notes it in NetworkInterfaces.plist."""
        with self.edit() as state:
            state["interfaces"] = [i for i in state["interfaces"] if i["name"] != name]
            state["interfaces"].append(
                net.interface(
                    name,
                    inet=[[address, prefix]] if address else [],
                    mac="02:42:7f:00:11:22" if hardware_port else None,
                    port=hardware_port,
                    gateway=gateway,
                    dns=dns,
                )
            )
            if hardware_port:
                place = Path(self._world.host(INTERFACES_PLIST))
                place.write_bytes(place.read_bytes() + b"<!-- changed -->\n")
                self._world.touched(INTERFACES_PLIST)
            self._pass_throttle(state)

    def dock(self, same_dns: bool = False) -> None:
        """The dock's Ethernet port becomes primary. With the same resolver no file is touched."""
        with self.edit() as state:
            item = self._need(state, DOCK)
            dns = self._need(state, WIFI)["dns"] if same_dns else "10.20.0.1"
            item.update(
                {"active": True, "inet": [["10.20.3.14", 16]], "gateway": "10.20.0.1", "dns": dns}
            )
            state["primary"] = DOCK
            self._network_changed(state)

    def wifi(self) -> None:
        """Back on Wi-Fi; the dock is unplugged."""
        with self.edit() as state:
            self._need(state, DOCK).update({"active": False, "inet": [], "gateway": None})
            self._need(state, WIFI)["active"] = True
            state["primary"] = WIFI
            self._network_changed(state)

    def vpn_on(
        self, full: bool = True, name: str = "utun4", address: Optional[str] = "10.8.0.2"
    ) -> None:
        """A VPN comes up: it takes the default route, or as a split tunnel 0/1 and 128.0/1."""
        with self.edit() as state:
            self._end_vpn(state)
            state["vpn"] = {"name": name, "full": full}
            state["interfaces"].append(
                net.interface(
                    name,
                    flags="8051<UP,POINTOPOINT,RUNNING,MULTICAST>",
                    mtu=1380,
                    inet=[[address, 32]] if address else [],
                    dns="10.8.0.1",
                )
            )
            self._network_changed(state)

    def vpn_off(self) -> None:
        """The VPN goes, and its interface with it."""
        with self.edit() as state:
            self._end_vpn(state)
            self._network_changed(state)

    def _end_vpn(self, state: Dict[str, Any]) -> None:
        if state["vpn"] is not None:
            name = state["vpn"]["name"]
            state["interfaces"] = [i for i in state["interfaces"] if i["name"] != name]
            state["vpn"] = None

    def change_address(self, name: str, address: Optional[str]) -> None:
        """DHCP gives an interface another address of the same length, or takes it away."""
        with self.edit() as state:
            item = self._need(state, name)
            prefix = item["inet"][0][1] if item["inet"] else 24
            item["inet"] = [[address, prefix]] if address else []
            self._network_changed(state)

    def internet(self, reachable: bool, uplink: Optional[str] = None) -> None:
        """Whether anything answers out there, on all uplinks or on one."""
        with self.edit() as state:
            if uplink is None:
                state["internet"] = reachable
            elif reachable:
                state["dead_uplinks"] = [u for u in state["dead_uplinks"] if u != uplink]
            else:
                state["dead_uplinks"].append(uplink)

    def _need(self, state: Dict[str, Any], name: str) -> Dict[str, Any]:
        found = net.find(state, name)
        if found is None:
            raise ValueError(f"there is no interface {name}")
        return found

    def _resolv(self, state: Dict[str, Any]) -> str:
        first = net.primary(state)
        return f"nameserver {first['dns']}\n" if first is not None and first["dns"] else ""

    def _network_changed(self, state: Dict[str, Any]) -> None:
        """configd writes resolv.conf where the resolver changed; vmnet follows where it can."""
        text = self._resolv(state)
        if Path(self._world.host(RESOLV_CONF)).read_text(encoding="utf-8") != text:
            self._write(RESOLV_CONF, text)
            self._world.touched(RESOLV_CONF)
        vmnet.refresh(state, self._world.next_pid())
        self._pass_throttle(state)

    def _write(self, path: str, text: str) -> None:
        place = Path(self._world.host(path))
        place.write_text(text, encoding="utf-8")
        place.chmod(0o644)

    # -- containers and vmnet

    def start_container(
        self, name: str = "web", network: str = "default", image: str = "nanoclaw-agent:latest"
    ) -> None:
        """A container starts. Raises ValueError for an unknown network."""
        with self.edit() as state:
            state["container"]["service"] = "running"
            programs.run_start(self._world, name, network, image)

    def stop_container(self, name: str = "web") -> None:
        """A container stops; with the last of its network the bridge goes."""
        with self.edit():
            programs.run_stop(self._world, name)

    def add_network(self, name: str, cidr: str, mode: str = "nat") -> None:
        """Another container network; `mode` is nat or hostOnly."""
        if mode not in ("nat", "hostOnly"):
            raise ValueError(f"mode {mode!r} is neither nat nor hostOnly")
        net.network(cidr)
        with self.edit() as state:
            kept = [n for n in state["container"]["networks"] if n["id"] != name]
            state["container"]["networks"] = [*kept, {"id": name, "cidr": cidr, "mode": mode}]

    def remove_network(self, name: str) -> None:
        """A container network goes, and its containers with it."""
        with self.edit() as state:
            for item in list(state["container"]["containers"]):
                if item["network"] == name:
                    programs.run_stop(self._world, item["id"])
            kept = [n for n in state["container"]["networks"] if n["id"] != name]
            state["container"]["networks"] = kept

    def add_image(
        self, name: str, env: Sequence[str] = (), programs: Optional[Sequence[str]] = None
    ) -> None:
        """An image is there, with these variables baked in; `programs` are those that it has, all
        where not said."""
        item: Dict[str, Any] = {"name": name, "env": list(env)}
        if programs is not None:
            item["programs"] = list(programs)
        with self.edit() as state:
            kept = [i for i in state["container"]["images"] if i["name"] != name]
            state["container"]["images"] = [*kept, item]

    def remove_image(self, name: str) -> None:
        """An image is not there."""
        with self.edit() as state:
            kept = [i for i in state["container"]["images"] if i["name"] != name]
            state["container"]["images"] = kept

    def container_generation(self, generation: int) -> None:
        """The JSON of 0.7 and before (7), of 0.8 to 0.12 (12), of 1.0 and after (1)."""
        self.install_container(programs.GENERATIONS[generation])

    def install_container(self, version: Optional[str] = "1.2.2", homebrew: bool = False) -> None:
        """That version of the command, under /usr/local or Homebrew's folder; None removes it."""
        places = [
            Path(self._world.host(f"{folder}/bin/container"))
            for folder in ("/usr/local", "/opt/homebrew")
        ]
        text = Path(self._world.host("/sbin/pfctl")).read_text(encoding="utf-8")
        for place in places:
            place.unlink(missing_ok=True)
        with self.edit() as state:
            if version is None:
                state["container"]["service"] = "unregistered"
                return
            parts = tuple(int(part) for part in version.split("."))
            state["container"]["version"] = version
            state["container"]["generation"] = (
                1 if parts >= (1, 0) else 12 if parts >= (0, 8) else 7
            )
        place = places[1 if homebrew else 0]
        place.write_text(text, encoding="utf-8")
        place.chmod(0o755)

    def service(self, status: str) -> None:
        """container's service: "running", "not running" or "unregistered"."""
        with self.edit() as state:
            state["container"]["service"] = status

    def kernel(self, there: bool) -> None:
        """Whether container has its default kernel for guests."""
        place = self.path / programs.KERNEL.lstrip("/")
        if there:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to("vmlinux-6.18.15-186")
        else:
            place.unlink(missing_ok=True)

    def vmnet_nat(self, works: bool) -> None:
        """Whether vmnet translates at all, from the next first container on."""
        with self.edit() as state:
            state["vmnet"]["nat"] = works

    def vmnet_manner(self, name: str) -> None:
        """How vmnet comes and goes from now on: one of vmnet.MANNERS. Raises ValueError."""
        if name not in vmnet.MANNERS:
            raise ValueError(f"no manner {name!r}; there are {', '.join(vmnet.MANNERS)}")
        with self.edit() as state:
            state["vmnet"]["manner"] = name

    def stale_vmnet(self) -> None:
        """From now on vmnet's rule keeps today's uplink, until all containers have stopped."""
        with self.edit() as state:
            state["vmnet"]["stale"] = True

    def curl(self, exit_code: Optional[int] = None, status: Union[int, str] = 404) -> None:
        """What curl in a guest ends with, whatever the network; None: as the network has it."""
        with self.edit() as state:
            state["guest"]["curl"] = exit_code
            state["guest"]["http"]["api.anthropic.com"] = str(status)

    def guest_dns(self, works: bool) -> None:
        """Whether guests can resolve names (curl exits with 6 otherwise)."""
        with self.edit() as state:
            state["guest"]["dns_broken"] = not works

    def dns_create(self, domain: str, ip: Optional[str] = "203.0.113.113") -> bool:
        """`container system dns create DOMAIN --localhost IP`. False: pf.conf did not parse."""
        with self.edit():
            return programs.dns_create(self._world, domain, ip)

    def dns_delete(self, domain: str) -> bool:
        """`container system dns delete DOMAIN`. False: pf.conf did not parse."""
        with self.edit():
            return programs.dns_delete(self._world, domain)

    # -- pf in the hands of others

    def load_pf_conf(self) -> bool:
        """`pfctl -f /etc/pf.conf`, as at boot. False: it did not parse, and nothing changed."""
        with self.edit():
            return load_file(self._world, "/etc/pf.conf")

    def reload_main(self, text: Optional[str] = None) -> bool:
        """Somebody loads the main ruleset anew: /etc/pf.conf, or a text of their own (fault F01).

        vmnet's call lines are lost; child anchors stay.
        """
        if text is None:
            return self.load_pf_conf()
        with self.edit() as state:
            parsed = parse(text, "stdin", "", addresses=self._addresses, read=lambda _: None)
            if not parsed.errors:
                made = optimize(parsed, parsed.optimization)
                pf_kernel.install(state, "", [made], KINDS, self._world.next_pid())
            return not parsed.errors

    def _addresses(self, name: str) -> List[Tuple[str, int]]:
        item = net.find(self._store.state, name)
        return [(text, prefix) for text, prefix in item["inet"]] if item else []

    def foreign_enable(self, name: str = "socketfilterfw") -> int:
        """Another program enables pf with -E. Its token."""
        with self.edit() as state:
            return pf_kernel.start_reference(state, self._world.next_pid(), name)

    def foreign_release(self, token: int) -> None:
        """Another program gives its token back."""
        with self.edit() as state:
            pf_kernel.stop_reference(state, token)

    def foreign_disable(self) -> None:
        """Somebody runs `pfctl -d`: pf is off and all tokens are dead."""
        with self.edit() as state:
            pf_kernel.stop(state)

    def tokens_come_back(self, on: bool = True) -> None:
        """Whether numbers of dead tokens are handed out again."""
        with self.edit() as state:
            state["tokens_come_back"] = on

    def keep_empty(self, anchor: str) -> None:
        """pf lists an anchor until the next boot although it never held a rule."""
        with self.edit() as state:
            state["pf"]["keep"].append(anchor)

    def lenient_newline(self, on: bool = True) -> None:
        """Whether pfctl takes a last line without its newline."""
        with self.edit() as state:
            state["lenient_newline"] = on

    # -- faults put in

    def refuse_sudo(self, on: bool = True, password: Optional[str] = None) -> None:
        """sudo wants a password: this one by `sudo -S`, or one that nobody can give."""
        with self.edit() as state:
            state["refuse_sudo"] = on
            state["sudo_password"] = password
            state["tickets"] = []

    def hang(self, program: str) -> None:
        """A program never answers. `program` is a name or path, and may have arguments behind."""
        self._inject(program, kind="hang")

    def unhang(self, program: Optional[str] = None) -> None:
        """A program answers again; None frees all."""
        self._heal("hang", program)

    def garble(self, program: str, text: str) -> None:
        """A program prints a text of our own, and exits with 0."""
        self._inject(program, kind="garble", text=text)

    def ungarble(self, program: Optional[str] = None) -> None:
        """A program makes sense again."""
        self._heal("garble", program)

    def fail(self, program: str, code: int = 1, err: str = "", nth: Optional[int] = None) -> None:
        """A program does nothing, prints `err` and exits with `code`: always, or the nth time."""
        text = err if not err or err.endswith("\n") else err + "\n"
        self._inject(program, kind="fail", code=code, err=text, nth=nth, seen=0)

    def unfail(self, program: Optional[str] = None) -> None:
        """A program works again."""
        self._heal("fail", program)

    def _inject(self, program: str, **fault: Any) -> None:
        with self.edit() as state:
            state["faults"].append({"words": shlex.split(program), **fault})

    def _heal(self, kind: str, program: Optional[str]) -> None:
        words = shlex.split(program) if program else None
        with self.edit() as state:
            state["faults"] = [
                fault
                for fault in state["faults"]
                if fault["kind"] != kind or (words is not None and fault["words"] != words)
            ]

    def disk_full(self, on: bool = True, after: Optional[int] = None) -> None:
        """The disk takes nothing more, or only so many bytes."""
        with self.edit() as state:
            state["disk"] = after if after is not None else 0 if on else None

    def read_only(self, path: Optional[str]) -> None:
        """Nothing at or below a path can be written; None lifts that everywhere."""
        with self.edit() as state:
            if path is None:
                state["read_only"] = []
            else:
                state["read_only"].append(self._world.target(path))


# Where a program of a Mac may write; everything else is its programs.
WRITTEN = ("Library", "Users", "private", PRIVATE)


def _copy(source: str, target: str, shared: bool = False, top: bool = True) -> None:
    """A folder with all in it; of what is `shared` another link is made, where that can be."""
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                _copy(entry.path, place, shared or (top and entry.name not in WRITTEN), top=False)
            elif not (shared and _linked(entry.path, place)):
                shutil.copy2(entry.path, place, follow_symlinks=False)
    shutil.copystat(source, target)


def _linked(source: str, target: str) -> bool:
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        return False
    return True


def _loads(record: Record) -> bool:
    flags = "".join(w[1:] for w in record.argv[1:] if w.startswith("-") and w != "-")
    return record.argv[0] == "/sbin/pfctl" and "f" in flags and "n" not in flags
