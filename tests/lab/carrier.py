"""Carries the simulated Mac's effects over into the namespaces, and tells it what is there.

It answers on a socket (simmac/carrier.py): programs of the Mac that run in this
process and those that run as processes of their own come by the same way.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from lab import nftables, wiring
from lab.layout import DNS, PATH, WEB_NAME
from lab.namespaces import ETC, MARK, Failed, Namespaces
from lab.wiring import Wiring

from simmac import net
from simmac.carrier import FILE
from simmac.store import PRIVATE, Store, saved

__all__ = ["Carrier"]

GUEST_LIMIT = 60.0
NOBODY = "192.0.2.62"  # an address of the Wi-Fi network where no one answers


class Carrier:
    """One Mac's folder and one set of namespaces.

    `folder` holds the socket and the guests' programs, `ca` what their curl trusts.
    """

    def __init__(self, mac: Path, spaces: Namespaces, folder: Path, ca: Path) -> None:
        self.mac = mac.resolve()
        self.spaces = spaces
        self.folder = folder
        self.ca = ca
        self.flushes = 0
        """How often the started flows of containers were forgotten."""
        self.wiring = Wiring()
        self._store = Store(str(self.mac))
        self._read: Tuple[Any, Dict[str, Any]] = (None, {})
        self._compiled: Any = None
        self._rules = ""
        self._places: List[nftables.Place] = []
        self._sections: Dict[str, Any] = {}
        self._lock = threading.RLock()
        self._news: Optional[socket.socket] = None
        self._seen: Tuple[List[Dict[str, Any]], List[Dict[str, Any]]] = ([], [])
        self._counted: Tuple[str, List[Tuple[str, str, int, int, int]]] = ("", [])
        self._door: Optional[socket.socket] = None

    # -- the door

    def start(self) -> None:
        """Carry over what there is, then answer."""
        self.effect()
        place = self.folder / "carrier"
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(str(place))
        self._door.listen(64)
        threading.Thread(target=self._listen, args=(self._door,), daemon=True).start()
        file = self.mac / PRIVATE / FILE
        file.write_text(f"{place}\n{self.mac}\n", encoding="utf-8")

    def stop(self) -> None:
        """Stop answering; the Mac is then an ordinary simulated one."""
        (self.mac / PRIVATE / FILE).unlink(missing_ok=True)
        if self._door is not None:
            with contextlib.suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        if self._news is not None:
            self._news.close()
            self._news = None
        self._forwarder(None)

    def _listen(self, door: socket.socket) -> None:
        while True:
            try:
                caller, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, caller.makefile("rb") as lines, contextlib.suppress(OSError):
            try:
                question = json.loads(lines.readline())
                answer = self.answer(question)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            caller.sendall(json.dumps(answer).encode())

    def answer(self, question: Mapping[str, Any]) -> Dict[str, Any]:
        """One question of the Mac's."""
        if question["ask"] == "guest":
            return self.guest(question["network"], question["command"])
        if question["ask"] == "look":
            return self.look()
        self.effect()
        return {}

    def _state(self) -> Dict[str, Any]:
        """The Mac's; not to be changed here."""
        # Whoever asks holds the lock and has saved; the file is replaced in one step.
        stamp = self._store.stamp()
        if stamp != self._read[0]:
            self._read = stamp, saved(str(self.mac))
        return self._read[1]

    # -- from the Mac to the namespaces

    def effect(self) -> None:
        """Carry over what has changed. Raises Failed."""
        with self._lock:
            state = self._state()
            self._wire(wiring.wanted(state))
            self._once("forwarding", state["sysctl"]["net.inet.ip.forwarding"], self._forward)
            self._pf(state)
            self._once("cut", _cut(state), self._cut)
            self._once("resolver", self._resolver(state), self._forwarder)

    def _once(self, name: str, value: Any, act: Any) -> None:
        if self._sections.get(name, _NOTHING) != value:
            act(value)
            self._sections[name] = value

    def _wire(self, new: Wiring) -> None:
        if new == self.wiring:
            return
        for host, guest in new.guests.items():
            self._guest_host(host, guest.gateway)
        batch: List[str] = []
        at = ""
        for step in wiring.commands(self.wiring, new):
            words = step.words
            if step.peer:
                words += f" netns {self.spaces.name(step.peer)}"
            if step.host != at or step.forced:
                self._batch(at, batch)
                batch, at = [], step.host
            if step.forced:
                # Gone already with its interface, or taken away by hand: then it is as wanted.
                self.spaces.ip(step.host, words, check=False)
            else:
                batch.append(words)
        self._batch(at, batch)
        self.wiring = new

    def _batch(self, host: str, lines: Sequence[str]) -> None:
        if lines:
            self.spaces.batch(host, lines)

    def _guest_host(self, host: str, gateway: Optional[str]) -> None:
        if not Path("/run/netns", self.spaces.name(host)).exists():
            self.spaces.up([host])
        place = ETC / self.spaces.name(host)
        place.mkdir(parents=True, exist_ok=True)
        (place / "resolv.conf").write_text(f"nameserver {gateway}\n", encoding="utf-8")

    def _forward(self, value: str) -> None:
        self.spaces.sysctl("mac", "net.ipv4.ip_forward", int(value))

    def _pf(self, state: Mapping[str, Any]) -> None:
        rules, places = self._rules, self._places
        of_rules = {k: state["pf"][k] for k in ("enabled", "skip", "anchors")}, state["interfaces"]
        if of_rules != self._compiled:
            rules, places = nftables.compile_rules(state)
            self._compiled = of_rules
        kills = state["pf"].get("kills", 0)
        nets = tuple(item["cidr"] for item in state["container"]["networks"])
        if rules != self._rules:
            script, _ = nftables.compile_rules(state, counters=True)
            self.spaces.run("mac", ["nft", "-f", "-"], script)
            self._rules, self._places = rules, places
            self._counted = ("", [])
            # Linux translates the first packet of a flow only; pf looks at the next one.
            self._flush(nets)
        elif kills != self._sections.get("kills"):
            self._flush(nets)
        self._sections["kills"] = kills

    def _flush(self, nets: Sequence[str]) -> None:
        self.flushes += 1
        for cidr in nets:
            self.spaces.run("mac", ["conntrack", "-D", "-s", cidr], check=False)

    def _cut(self, names: Sequence[str]) -> None:
        for host in ("net", "vpn"):
            lines = [
                f'iifname "to-{name}" drop'
                for name in names
                if (host == "vpn") == name.startswith("utun")
            ]
            script = ["table inet cut", "delete table inet cut"]
            if lines:
                chain = "type filter hook prerouting priority -300;"
                script += ["table inet cut {", "chain every {", chain, *lines, "}", "}"]
            self.spaces.run(host, ["nft", "-f", "-"], "\n".join(script) + "\n")

    def _resolver(self, state: Mapping[str, Any]) -> Optional[Tuple[str, Tuple[str, ...]]]:
        """(upstream, addresses) of the gateway's forwarder; None: it listens nowhere on IPv4."""
        free = any(
            row["command"].startswith("mDNSRespo")
            and row["family"] == "IPv4"
            and row["port"] == 53
            and row["address"] == "*"
            for row in state["sockets"]
        )
        bridges = self.wiring.bridges.values()
        addresses = tuple(text for bridge in bridges for text, _ in bridge.inet)
        if not free or not addresses:
            return None
        return NOBODY if state["guest"]["dns_broken"] else DNS, addresses

    def _forwarder(self, wanted: Optional[Tuple[str, Tuple[str, ...]]]) -> None:
        """dnsmasq, which stands for mDNSResponder at the gateway's address."""
        pid = self.folder / "forwarder.pid"
        if pid.exists():
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(pid.read_text()), 9)
            pid.unlink()
        if wanted is not None:
            upstream, addresses = wanted
            listen = [f"--listen-address={address}" for address in addresses]
            command = [*dnsmasq(pid), f"--server={upstream}", *listen]
            until = time.monotonic() + 5
            while True:
                try:
                    self.spaces.run("mac", command)
                    return
                except Failed as error:
                    # The one that was killed may hold its socket a moment longer.
                    if "in use" not in str(error) or time.monotonic() > until:
                        raise
                time.sleep(0.1)

    # -- from the namespaces to the Mac

    def look(self) -> Dict[str, Any]:
        """Interfaces, the default route and counters of `mac`, in the words of the state."""
        with self._lock:
            state = self._state()
            self._look()
            seen: Dict[str, Any] = {"interfaces": self._interfaces(), "counters": self._counters()}
            seen.update(self._default(state))
            items = [{**i, **seen["interfaces"].get(i["name"], {})} for i in state["interfaces"]]
            now = {**state, "interfaces": items}
            now.update({k: seen[k] for k in ("primary", "vpn") if k in seen})
            # What somebody did by hand is now the Mac's, and not to be carried back.
            self.wiring = wiring.wanted(now)
            return seen

    def _look(self) -> None:
        """Addresses and default routes, read anew where the kernel has told of a change."""
        if self._news is None:
            self._news = self.spaces.news("mac")
        elif not _heard(self._news):
            return
        self._seen = (
            json.loads(self.spaces.ip("mac", "-j addr show") or "[]"),
            json.loads(self.spaces.ip("mac", "-j route show default") or "[]"),
        )

    def _interfaces(self) -> Dict[str, Dict[str, Any]]:
        known = [*self.wiring.ports, *self.wiring.tunnels, *self.wiring.bridges]
        found = {}
        for item in self._seen[0]:
            if item.get("ifname") in known:
                inet = [
                    [row["local"], row["prefixlen"]]
                    for row in item["addr_info"]
                    if row["family"] == "inet"
                ]
                found[item["ifname"]] = {
                    "inet": inet,
                    "active": {"UP", "LOWER_UP"} <= set(item["flags"]),
                }
        return found

    def _default(self, state: Dict[str, Any]) -> Dict[str, Any]:
        """Who has the default route, where that is not what the state says."""
        rows = self._seen[1]
        there = rows[0]["dev"] if rows else None
        main = net.primary(state)
        if there == (main["name"] if main else None):
            return {}
        if there is not None and there.startswith("utun"):
            return {"vpn": {"name": there, "full": True}}
        full = state["vpn"] is not None and state["vpn"]["full"]
        return {"primary": there, **({"vpn": None} if full else {})}

    def _counters(self) -> List[Tuple[str, str, int, int, int]]:
        if not self._places:
            return []
        # Where no interface has seen a packet since, no rule has.
        passed = self.spaces.within("mac", Path("/proc/thread-self/net/dev").read_text)
        if passed != self._counted[0]:
            self._counted = (passed, self._count())
        return self._counted[1]

    def _count(self) -> List[Tuple[str, str, int, int, int]]:
        listed = self.spaces.run("mac", ["nft", "-j", "list", "table", "ip", nftables.TABLE])
        totals: Dict[int, List[int]] = {}
        for entry in json.loads(listed)["nftables"]:
            rule = entry.get("rule", {})
            counter = next((e["counter"] for e in rule.get("expr", []) if "counter" in e), None)
            if counter is None or "comment" not in rule:
                continue
            total = totals.setdefault(int(rule["comment"]), [0, 0])
            total[0] += counter["packets"]
            total[1] += counter["bytes"]
        return [(*self._places[n], packets, size) for n, (packets, size) in totals.items()]

    # -- in a guest

    def guest(self, network: str, command: Sequence[str]) -> Dict[str, Any]:
        """Run a command in the namespace of a container network."""
        state = self._state()
        host = wiring.host_of(state, network)
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        if not command or shutil.which(command[0], path=path) is None:
            name = command[0] if command else ""
            return {"code": 127, "out": "", "err": f'Error: no executable "{name}"\n'}
        environ = {"PATH": path, "LC_ALL": "C", "HOME": "/", "CURL_CA_BUNDLE": str(self.ca)}
        ip, *words = self.spaces.inside(host, command)
        try:
            done = subprocess.run(
                # It must be found whatever the guest's path says.
                [shutil.which(ip, path=PATH) or ip, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GUEST_LIMIT,
                check=False,
                env={**environ, MARK: self.spaces.tag},
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{' '.join(command)[:80]} did not end in {GUEST_LIMIT:.0f} s") from None
        out, err = (text.decode("latin-1") for text in (done.stdout, done.stderr))
        return {"code": done.returncode, "out": out, "err": err}


_NOTHING = object()


def _heard(news: socket.socket) -> bool:
    """Whether something has come; all of it is taken away."""
    heard = False
    while True:
        try:
            news.recv(65536)
        except BlockingIOError:
            return heard
        except OSError:  # ENOBUFS: more than it can hold
            pass
        heard = True


def _cut(state: Mapping[str, Any]) -> Tuple[str, ...]:
    """Uplinks behind which nothing answers."""
    if not state["internet"]:
        return tuple(i["name"] for i in state["interfaces"] if i["name"].startswith(("en", "utun")))
    return tuple(state["dead_uplinks"])


def dnsmasq(pid: Path) -> List[str]:
    """dnsmasq without this machine's settings; it returns when it listens."""
    return [
        *("dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"),
        *("--bind-interfaces", "--cache-size=0", "--log-facility=/dev/null"),
        f"--pid-file={pid}",
    ]


def names(addresses: Sequence[str]) -> List[str]:
    """The lab's one name, for the DNS server in `net`."""
    return [f"--address=/{WEB_NAME}/{address}" for address in addresses]
