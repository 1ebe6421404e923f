"""What people tell in their own words: what a story is made of, and where it leads.

Nobody writes the same sentence twice, but a VPN, a reboot or a published port go by few names. A
concept is a list of such names, a story the concepts that it takes and the faults that it leads to.
What a text denies (`no VPN`) is not told. Add a name to a concept, or a row to the stories with the
issue that it is known from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

from .fault import Searched, compiled

__all__ = ["CONCEPTS", "STORIES", "Story", "tells", "told"]

_HITS = 20
"""Places of a pattern that are looked at: the first ones may be denials."""


def _each(form: str, *words: str) -> Tuple[str, ...]:
    """The patterns that a form gives with each word in place of `@`."""
    return tuple(form.replace("@", word) for word in words)


_NOT = ("cannot", "can't", "can not", "can no longer", "unable to", "never", "does not", "doesn't")

# Patterns as in `fault.Symptom`: no groups, at most 100 combinations, searched without case.
CONCEPTS: Mapping[str, Tuple[str, ...]] = {
    # -- what is seen
    "dead": (
        *_each(r"\bno @", "internet", "network", "egress", "outbound", "connectivity", "access to"),
        *_each(r"\blos[et]s? .{0,20}\b@", "network", "internet", "connect", "access", "egress"),
        *_each(r"\b@ reach", *_NOT, "could not", "nor"),
        *_each(r"\b@ connect", *_NOT, "could not", "fails? to"),
        *_each(r"\b@ access", *_NOT, "could not"),
        *_each(r"\b@ ping", *_NOT, "could not"),
        *_each(r"\b@ .{0,6}\bdead\b", "is", "are", "goes", "went"),
        *_each(r"\bkills? .{0,20}\b@", "network", "internet", "connectivity"),
        *_each(r"\btakes? down .{0,20}\b@", "network", "internet"),
        *_each(r"\bnone of .{0,30}\b@", "can", "reach", "gets?"),
        *_each(r"\b@ download", *_NOT, "could not", "fails? to"),
        *_each(r"\b@ call", *_NOT),
        *_each(r"\b@ fetch", *_NOT),
        *_each(r"\b@ gets? .{0,6}network", "never", "not", "doesn't"),
        *_each(r"\bgo@ dark\b", "", "es"),
        *_each(r"\bnothing .{0,40}\b@", "gets? out", "works", "reach"),
        *_each(r"\bneither .{0,40}\b@", "gets? out", "works", "reach"),
        *_each(r"\b@ gets? out", "neither", "no container", "no guest", "nothing", "not", "cannot"),
        *_each(r"\b@ work", "not", "doesn't", "don't", "didn't", "no longer"),
        *_each(r"\b@ be reached", "cannot", "can't", "could not", "can not", "not"),
        *_each(r"\bnot able to @", "reach", "connect", "ping", "access", "resolve"),
        *_each(r"\b@ get to the internet", *_NOT),
        *_each(r"\bnothing has @", "internet", "network", "a network"),
        *_each(r"\bbreaks? .{0,20}\b@", "network", "connectivity", "internet"),
        *_each(r"\b@\b", "cut off", "unusable", "blackholed", "no reply", "won't connect"),
        *_each(r"\begress .{0,40}\b@", "dies", "dead", "fail", "break", "lost", "stops"),
        *_each(r"\bnetwork.{0,20}\b@", "dies", "dead", "down", "broken", "breaks", "fail", "stops"),
        *_each(r"\binternet.{0,20}\b@", "dies", "dead", "down", "broken", "breaks", "gone"),
        *_each(r"\breach@ nothing", "", "es"),
        *_each(r"\b@\b", "unreachable", "not reachable", "out of reach", "offline", "time-?outs?"),
        *_each(r"\b@\b", "times out", "timed out", "time out", "goes nowhere", "just hangs"),
        *_each(
            r"\b@", "stops working", "stopped working", "100% packet loss", "100.0% packet loss"
        ),
        *_each(r"\bdrop@ .{0,20}\b", "s outbound", "s all", "s the network"),
        *_each(r"인터넷.{0,10}@", "안", "끊"),
        *_each(r"네트워크.{0,10}@", "안", "끊", "먹통"),
        *_each(r"@", r"시간 ?초과", r"접속.{0,10}안", r"연결.{0,10}안"),
    ),
    "names fail": (
        *_each(r"\b@", r"DNS\b", r"ENOTFOUND\b", "name resolution", r"EAI_AGAIN\b", "bad address"),
        *_each(r"\b@ resolve", "not", "n't", "cannot", "fail to", "fails to", "unable to"),
        *_each(r"\b@", "resolve host", "resolve name", "resolving", "nslookup", "SERVFAIL"),
        *_each(r"\b@ resolves\b", "nothing", "no name"),
    ),
    "no address": (
        *_each(r"\bno @", "IP address", "IPv4 address", "IPv4", "DHCP", "address from"),
        *_each(r"@", r"\b169\.254\.", r"\bDHCP\b", r"\bbootpd\b"),
    ),
    "a reset": (
        *_each(r"\b@", "connection reset", "ECONNRESET", "empty reply", r"resets?\b"),
        *_each(r"\b@", "accepts? TCP", "000 ", "forwarded"),
        *_each(r"연결.{0,10}@", "초기화", "재설정"),
    ),
    "no route": (r"\bno route to host", r"\bEHOSTUNREACH\b", r"\berrno:? 65\b"),
    "it hangs": (
        *_each(r"\b@\b", "hangs?", "hung", "hanging", "stuck", "unresponsive", "not responding"),
        *_each(r"\b@", "never returns?", "never finish", "no response"),
        "멈추",
    ),
    "ping works": (
        *_each(r"\bping.{0,40}\b@", "works", "fine", "succe", "OK"),
        *_each(r"\bICMP\b.{0,40}\b@", "works", "fine", "succe", "OK", "passes"),
    ),
    "TCP fails": (
        *_each(r"\bTCP\b.{0,40}\b@", "time", "fail", "dead", "hang", "dies", "drop", "blocked"),
        *_each(r"\b@\b.{0,45}\btimes? out", "wget", "curl", "HTTP", "HTTPS", "nc"),
    ),
    # -- what is in the way
    "a VPN": (
        *_each(r"\b@\b", "VPNs?", "WireGuard", "OpenVPN", "Tunnelblick", "Viscosity", "Pritunl"),
        *_each(r"\b@\b", "exit.node", "Tailscale", "GlobalProtect", "FortiClient", "OpenConnect"),
        *_each(r"\b@\b", "Pulse Secure", "ProtonVPN", "Netskope", "Cloudflare WARP"),
    ),
    "a VPN with a filter": (
        *_each(r"\b@", "Mullvad", "NordVPN", "NordLynx", "AnyConnect", "Secure Client"),
        *_each(r"\b@", "kill.?switch", "Zscaler"),
    ),
    "the VPN drops": (
        *_each(r"\bVPN\b.{0,25}\b@\b", "drops", "disconnects", "resets?", "reconnects", "dropped"),
        *_each(r"\b@ .{0,20}\bVPN\b", "drops", "kills", "resets", "interrupts"),
        *_each(r"\bAnyConnect\b.{0,25}\b@", "reconnect", "disconnects", "drops"),
        r"VPN.{0,10}끊",
    ),
    "hosts behind it": (
        *_each(r"\binternal.{0,12} @", "host", "network", "server", "service", "name", "registry"),
        *_each(r"\bcompan.{0,25} @", "network", "host", "server", "service"),
        *_each(r"\bcorporate.{0,20} @", "network", "host", "server", "service"),
        *_each(r"\b@", "intranet", "split.tunnel", "behind .{0,20}VPN", "reachable .{0,30}VPN"),
        *_each(r"\b@ .{0,12}VPN", "via the", "through the", "over the", "only on", "only with"),
        *_each(r"\bbehind .{0,12}\b@", "OpenVPN", "WireGuard", "Tunnelblick", "the tunnel"),
        *_each(r"\.@\b", "corp", "intranet", "lan"),
        "사내",
    ),
    "the rest works": (
        *_each(r"\binternet\b.{0,30}\b@", "works", "fine"),
        *_each(r"\b@", "some routes only", "specific routes", "everything else", "non-VPN"),
        *_each(r"\bpublic @", "sites", "internet", "hosts", "addresses"),
        *_each(r"\bcan @ .{0,40}\bbut\b", "curl", "reach", "ping"),
        r"split.tunnel",
    ),
    "another VM program": (
        *_each(r"\b@\b", "lume", "UTM", "Parallels", "VMware", "VirtualBox", "OrbStack", "Podman"),
        *_each(r"\b@\b", "multipass", "Lima", "colima", "Docker Desktop", "tart", "minikube"),
    ),
    "neither of them": (
        *_each(r"\bneither @\b", "of", "gets", "the", "one"),
        *_each(r"\bboth @\b", "of", "lose", "VMs", "at once", "programs"),
        *_each(r"\b@\b", "coexist", "together", "side by side", "alongside", "at the same time"),
        *_each(r"\bsame @\b", "bridge", "vmnet"),
    ),
    "Internet Sharing": (
        *_each(r"\b@", "Internet ?Sharing", "sharing service"),
        "인터넷 공유",
    ),
    "does not start": (
        *_each(
            r"\b@ .{0,12}\bstart", "cannot", "can't", "not", "never", "fails?", "failed", "won't"
        ),
        *_each(r"\b@ .{0,12}\bcreate", "cannot", "can't", "failed to", "fails to"),
        r"시작.{0,10}않",
    ),
    "the firewall": (
        *_each(r"\b@", "socketfilterfw", "Application Firewall", "macOS firewall"),
        *_each(r"\bfirewall\b.{0,25}\b@", "block", "lists", "enabled", "allow", "incoming"),
        "방화벽",
    ),
    "a content filter": (
        *_each(r"\b@\b", "Little Snitch", "LuLu", "ESET", "Symantec", "CrowdStrike", "Kaspersky"),
        *_each(r"\b@\b", "SentinelOne", "content filter", "Cortex", "Bitdefender"),
    ),
    "rules of one's own": (
        *_each(r"\bmy @", "rules", "pf rules", "own rules", "firewall rules", "ruleset"),
        *_each(r"\b@ rules", "the pf", "previous pf", "your own pf", "with pf"),
        *_each(r"\b@", "custom pf", "own pf", "user-managed pf", "Murus", "rules that I"),
        *_each(r"\brules I @", "load", "wrote", "have", "set"),
        *_each(r"\bcustom @", "rules", "firewall", "ruleset"),
        r"pf 규칙",
    ),
    "gone": (
        *_each(r"\b@\b", "vanish", "vanishes", "gone", "replaces?", "replaced", "flush", "flushed"),
        *_each(r"\b@\b", "wiped", "removed", "loses", "lost"),
        *_each(r"\b@\b", "overwrites?", "overwritten", "clobber", "clobbers", "disappears?"),
        *_each(r"\brules .{0,20}\b@", "broken", "lost", "not there"),
        "사라",
    ),
    "a reload": (
        *_each(r"\bpfctl.{0,20} -@", "f ", "F", "ef "),
        *_each(r"\breload.{0,20} @", "pf", "ruleset", "firewall"),
    ),
    "sshuttle": (r"\bsshuttle\b",),
    "a localhost domain is made": (
        r"\bdns create\b.{0,60}--localhost",
        r"\bcreat.{0,12}localhost .{0,6}domain",
    ),
    "a localhost domain": (
        *_each(r"\b@", "dns create", "localhost domain", r"host\.containers?\.internal"),
    ),
    # -- when
    "a start": (
        *_each(r"\b@ .{0,30}container", "start", "starts", "starting", "started", "run", "runs"),
        *_each(r"\bcontainers? .{0,30}\b@", "start", "starts", "started", "come and go"),
        *_each(r"\b@", "container system start", "container run", "brings up", "every start"),
        *_each(r"\b@\b", "launched", "launch it", "after launch", "every time it starts"),
    ),
    "a reboot": (
        *_each(r"\b@", "reboot", "cold boot", "at boot", "RunAtLoad"),
        *_each(r"\brestart@ .{0,10}Mac\b", "", "s", "ed", "ing"),
        *_each(r"\b@ restart", "system", "macOS", "Mac"),
        *_each(r"\brestart@ macOS", "", "ed", "ing"),
        *_each(r"\b@ restarted\b", "mini", "MacBook", "machine", "host", "studio"),
        *_each(r"\bpower @", "outage", "cut", "failure", "cycle"),
        *_each(r"\bmacOS @", "updates?", "upgrades?"),
        "재부팅",
        "재시동",
    ),
    "the network changed": (
        *_each(r"\b@", "new lease", "dynamic IP", "hotspot", "another Wi-?Fi", "different Wi-?Fi"),
        *_each(r"\bIP\b.{0,20}\b@", "changed?", "changes"),
        *_each(r"\bchange@ .{0,12}\bIP\b", "d", "s"),
        *_each(r"\brouter\b.{0,30}\b@", "restart", "reboot", "lease"),
        *_each(r"\brestart.{0,20} @", "router"),
        *_each(r"\bnetwork.{0,12} @\b", "change", "changed", "changes"),
        *_each(r"\b@ networks\b", "switch", "switched", "switching", "changing"),
        *_each(r"\b@ to .{0,20}\bnetwork\b", "switch", "switched", "moved", "changed"),
        *_each(r"\b@ .{0,20}\bEthernet\b", "switch", "switched", "plug", "plugged", "unplugged"),
        *_each(r"\bmoved @", "from", "house", "home", "to the office"),
        *_each(r"\b@\b", "lid closed", "closed the lid"),
        *_each(
            r"\b@\b",
            "woke",
            "wake",
            "sleeps",
            "a sleep",
            "from sleep",
            "after sleep",
            "docked",
            "undocked",
        ),
        "핫스팟",
        "공유기",
    ),
    "set up by hand": (
        *_each(r"\b@", "set it .{0,4}up", "by the guide", "followed the guide", "by hand"),
        *_each(r"\b@", "sysctl -w", "with sysctl", "NAT rule", "the setup", "run the sysctl"),
    ),
    "every time again": (
        *_each(r"\bevery @", "reboot", "restart", "boot", "update"),
        *_each(r"\bevery time .{0,20}\b@", "reboot", "restart", "updates?"),
        *_each(r"\bagain after .{0,12}\b@", "reboot", "restart", "update"),
        "매번",
    ),
    "the default route": (
        *_each(
            r"\bdefault route.{0,40}\b@", "bridge", "points", "goes", "hijack", "steal", "stolen"
        ),
        *_each(r"\b@ .{0,20}default route", "hijacks?", "steals?", "takes?", "mangles?"),
    ),
    "forwarding is off": (
        *_each(r"\bip\.forwarding.{0,30}\b@\b", "0", "off"),
        *_each(r"\bIP forwarding .{0,20}\b@\b", "off", "disabled", "disables?", "reset"),
        *_each(r"\b@ .{0,4}IP forwarding\b", "disables?", "resets?", "turns? off"),
    ),
    "the wrong interface": (
        *_each(r"\broute.{0,40}\b@[0-9]", "utun", "ipsec", "ppp"),
        r"\broute .{0,20}\b192\.168\.6\S{1,4} shows en[0-9]",
        *_each(r"\b@ .{0,12}\bbridge1[0-9][0-9]\b", "instead of", "not"),
    ),
    "IPv6": (r"\bIPv6\b", r"\bAAAA\b"),
    "only a reboot helps": (
        *_each(r"\bonly .{0,30}\b@", "reboot", "restart of the Mac"),
        *_each(r"\b@", "full reboot", "reboot fixes", "mac restart solved", "until .{0,12}reboot"),
    ),
    "counted as running": (
        *_each(r"\b@", "says running", "as running", "state running", "still running"),
        *_each(r"\b@ .{1,3}running", "as", "reports", "says"),
        r"\bcontainer ls.{0,12}\brunning\b",
    ),
    "the subnet moves": (
        *_each(r"192\.168\.6[4-7]\.[0-9].{0,20}192\.168\.@\.", "65", "66", "67", "68"),
        *_each(
            r"\bsubnet\b.{0,20}\b@", "changed", "changes", "moved", "moves", "jump", "increment"
        ),
        *_each(r"\b@ subnet\b", "next", "old"),
    ),
    # -- with what
    "a resolver on the Mac": (
        *_each(r"\b@\b", "AdGuard", "Pi-?hole", "unbound", "dnsmasq", "port 53", "NextDNS"),
        *_each(r"\b@", "dnscrypt", "local resolver", "own resolver", "own DNS server"),
    ),
    "only what is large": (
        *_each(r"\b@ .{0,20}\bworks?\b", "small", "short"),
        *_each(r"\b@\b", "MTU", "big repo", "big files?", "large files?", "large downloads?"),
    ),
    "the Mac's localhost": (*_each(r"\b@:[0-9]", "localhost", r"127\.0\.0\.1"),),
    "the runtime": (
        *_each(
            r"\b@", "container runtime", "container system start", "Apple Container", "apiserver"
        ),
    ),
    "a published port": (
        *_each(r"@", r"\bpublished port", r"--publish\b", r"\bport.forward", r"\bforwarded port"),
        *_each(
            r"@",
            r"-p [0-9.:]{3,21}\b",
            r"\bhost port",
            r"\bport publishing",
            r"포트 ?포워딩",
            r"게시.{0,3} 포트",
        ),
        r"\bports? .{0,12}published",
    ),
    "its own address works": (
        *_each(r"\b@ .{0,12}address", "own", "same", "container's"),
        *_each(
            r"\b@",
            "container IP",
            "directly",
            "direct connection",
            r"192\.168\.[0-9.]{1,7}.{0,6} 200",
            r"192\.168\.[0-9.]{1,5}:.{0,12} answers",
        ),
        *_each(r"\bby @ address", "its", "the"),
    ),
    "Homebrew": (r"\bHomebrew\b", r"\bbrew\b", r"/opt/homebrew/"),
    "macOS 27": (r"\bmacOS 27\b", r"\bGolden Gate\b"),
    "macOS 15": (
        r"\bmacOS 15\b",
        r"\bSequoia\b",
        r"\bmacOS:? v?15\.[0-9]",
        r"\bProductVersion:\s{0,4}15\b",
    ),
    "another resolver works": (
        *_each(r"--dns @", r"[0-9.]{7,15}"),
        *_each(r"\bDNS\b.{0,25}\b@\.", r"1\.1", r"8\.8", r"9\.9"),
        *_each(r"\bnameserver @\.", r"1\.1", r"8\.8", r"9\.9"),
        *_each(r"\bchange .{0,40}\b@\.", r"1\.1", r"8\.8", r"9\.9"),
        *_each(r"\bset .{0,40}\b@\.", r"1\.1\.1", r"8\.8\.8", r"9\.9\.9"),
        *_each(r"\b@ DNS\b.{0,20}works", "public", "other", "another"),
        r"\bdig .{0,40}[@]8\.8",
        r"\bdig .{0,40}[@]1\.1",
        r"\bdig .{0,40}[@]9\.9",
    ),
    "an overlap": (
        *_each(r"\b@", "overlap", "collides? with", "clash"),
        *_each(r"\bconflicts? with .{0,40}\b@", "LAN", "network", "subnet", "range"),
        *_each(r"\bsame @\b", "subnet", "IP range", "network range", "range", "addresses"),
        *_each(r"\baddress of .{0,12}@", "router", "gateway"),
        *_each(r"\b@ my router", "also", "same as", "as"),
        *_each(r"\b@ network is 192\.168\.6[4-9]", "home", "my", "local", "office"),
        r"\bLAN is 192\.168\.6[4-9]",
        *_each(r"\bsubnet .{0,12}my @", "Mac", "computer", "LAN", "router", "home", "network"),
        *_each(r"\bmy @ .{0,20}\bsame\b", "LAN", "home network", "router", "Wi-?Fi"),
        r"같은 대역",
    ),
    "now and then": (
        *_each(r"\b@", "sometimes", "now and then", "intermittent", "randomly", "most of the time"),
        r"가끔",
    ),
    "short names": (
        *_each(r"\bshort @", "name", "hostname", "host name"),
        r"\bMagicDNS\b",
    ),
    "a bridge": (*_each(r"\b@", r"bridge1[0-9][0-9]\b", "bridge interface", "vmnet"),),
    "a program of the Mac": (
        *_each(r"\b@\b", "launchd", "LaunchAgents?", "nehelper", "nohup", "tmux", "MCP", "agents?"),
        *_each(r"\b@\b", "exec tool", "unsigned", "ad-?hoc signed", "desktop app", "Electron"),
        *_each(r"\b@\b", "OSError", r"node -e", "venv", "background job", "cron"),
    ),
    "works elsewhere": (
        *_each(r"\b@\b", "in Terminal", "plain Terminal", "from Terminal", "iTerm2?"),
        *_each(r"\b@\b", "normal terminal", "sshd session", "from a terminal", "interactive shell"),
        *_each(r"\bsame @\b", "binary", "binaries", "command", "script", "code"),
        *_each(r"\bcurl\b.{0,60}\b@", "works", "succeeds", "reaches", "exempt"),
        *_each(r"\bsudo .{0,30}\b@", "works", "reaches"),
        "터미널에서",
    ),
    "the local network": (
        *_each(r"\b@\b", "LAN", "local network", "local subnet", "same subnet", "home network"),
        *_each(r"\b@\b", "office network", "NAS", "printer"),
    ),
    "Wi-Fi drops": (
        *_each(r"\b@ .{0,4}Wi-?Fi", "drops?", "loses?", "disconnects"),
        *_each(r"\bWi-?Fi\b.{0,20}\b@", "drops", "goes away", "disconnects", "inactive", "lost"),
        r"Wi-?Fi.{0,10}끊",
    ),
    "its commands": (
        *_each(r"\bcontainer @", "command", "ls", "list", "run", "stop", "system start", "network"),
        *_each(r"\b@ .{0,3}container.{0,3} command", "every", "all", "any"),
        r"container 명령",
    ),
    "Node fails": (
        *_each(r"\bNode.{0,20}\b@", "fetch", "does not", "fails", "times out", "cannot"),
        *_each(r"\b@", "fetch failed", "AggregateError", "undici"),
    ),
    "curl works": (
        *_each(r"\bcurl\b.{0,40}\b@", "works", "fine", "succeeds", "200", "falls back"),
    ),
    "the builder": (*_each(r"\b@\b", "container build", "buildkit", "builder", "every build"),),
    "only on loopback": (
        *_each(r"\b@ .{0,12}127\.0\.0\.1", "binds?", "listens?", "bound", "listening", "bind"),
        *_each(r"\b@ .{0,6}localhost\b", "binds?", "listens?", "bound", "listening", "bind"),
    ),
    "the host from inside": (
        *_each(
            r"@",
            r"\b192\.168\.[0-9]{1,3}\.1:[0-9]{2,5}",
            r"\bfrom .{0,4}container",
            r"\bthe gateway",
        ),
    ),
    "two networks": (
        r"\btwo .{0,20}networks\b",
        *_each(r"\b@\b", "second network", "two networks", "other network", "another network"),
        *_each(r"\b@\b", "both networks", "two NAT networks"),
    ),
    "one is stopped": (
        *_each(r"\bstopping .{0,30}\b@\b", "one", "other"),
        *_each(r"\bstop@ .{0,20}\b", "s one", "ping one", " B", " the other", "ped the other"),
        *_each(r"\bstop@ .{0,20}last", "", "s", "ped", "ping"),
        *_each(r"\b@", "teardown", "torn down", "tearing down"),
        r"\blast .{0,20}container",
    ),
}


@dataclass(frozen=True)
class Story:
    """Concepts that a text has to tell, all of them, and the faults, by name, the likeliest first.
    `a|b`: one of the two.

    `without`: it is another story where one of these is told. `example` is a text that tells it;
    `until` the first version of container in which it cannot happen any more.
    """

    tells: Tuple[str, ...]
    faults: Tuple[str, ...]
    example: str
    source: str
    without: Tuple[str, ...] = ()
    until: Tuple[int, ...] = ()


def _issue(repository: str, number: int) -> str:
    return f"https://github.com/{repository}/issues/{number}"


_CONTAINER = "apple/container"
_LAN = ("host-program-denied", "local-network-denied", "wrong-interface")
_PORTS = ("local-network-denied", "local-network-never-asked", "local-network-homebrew")

STORIES: Tuple[Story, ...] = (
    # -- a VPN
    Story(
        ("a VPN", "hosts behind it", "the rest works"),
        ("split-tunnel", "vpn-not-followed"),
        "The internet works, the internal network over the VPN does not.",
        _issue(_CONTAINER, 1519),
    ),
    Story(
        ("a VPN", "hosts behind it", "dead|it hangs"),
        ("split-tunnel", "vpn-not-followed", "vpn-filter"),
        "A container cannot reach internal hosts that are reachable only through the VPN.",
        _issue("openai/tart", 384),
        without=("only what is large",),
    ),
    Story(
        ("the VPN drops", "a start"),
        ("vpn-disconnects", "wifi-drops"),
        "The VPN disconnects when I start a container.",
        _issue(_CONTAINER, 762),
    ),
    Story(
        ("Wi-Fi drops", "a bridge"),
        ("wifi-drops", "vpn-disconnects"),
        "Wi-Fi drops when vmnet starts.",
        _issue("orbstack/orbstack", 2559),
    ),
    Story(
        ("Wi-Fi drops", "a start"),
        ("wifi-drops", "vpn-disconnects"),
        "Wi-Fi drops when a container starts.",
        _issue("orbstack/orbstack", 2559),
    ),
    # -- a change
    Story(
        ("the network changed", "dead"),
        ("stale-nat", "old-uplink", "old-subnet"),
        "I switched to another Wi-Fi, and containers have no internet.",
        _issue(_CONTAINER, 1986),
        without=("a VPN", "a VPN with a filter"),
    ),
    Story(
        ("the network changed", "dead", "only a reboot helps"),
        ("stale-nat", "old-uplink", "vpn-not-followed"),
        "The router restarted, containers have no network, and only a reboot of the Mac helps.",
        _issue(_CONTAINER, 1986),
    ),
    Story(
        ("the subnet moves", "dead"),
        ("old-subnet", "subnet-disagrees"),
        "It went from 192.168.64.0 to 192.168.65.0, and the containers cannot reach anything.",
        _issue("utmapp/UTM", 5313),
    ),
    Story(
        ("a reboot", "counted as running", "dead"),
        ("running-without-network", "stale-nat"),
        "After a reboot it is listed as running, and cannot reach the gateway.",
        _issue(_CONTAINER, 1321),
    ),
    Story(
        ("a reboot", "set up by hand", "dead"),
        ("gone-after-reboot", "forwarding-off", "pf-conf-rejected"),
        "By the guide it worked; since a reboot nothing gets out.",
        _issue("nanocoai/nanoclaw", 178).replace("issues", "pull"),
    ),
    Story(
        ("set up by hand", "every time again"),
        ("gone-after-reboot", "forwarding-off"),
        "I lose the NAT rule every time macOS updates.",
        _issue("nanocoai/nanoclaw", 178).replace("issues", "pull"),
    ),
    Story(
        ("a reboot", "every time again"),
        ("gone-after-reboot", "forwarding-off", "pf-conf-rejected"),
        "I have to do it again after every reboot.",
        _issue("nanocoai/nanoclaw", 178).replace("issues", "pull"),
        without=("counted as running", "a localhost domain"),
    ),
    Story(
        ("a reboot", "the runtime", "does not start"),
        ("service-not-running", "asked-as-root"),
        "After a reboot the container runtime failed to start.",
        _issue("nanocoai/nanoclaw", 1067),
    ),
    Story(
        ("a reboot", "a localhost domain", "dead"),
        ("localhost-domain", "ruleset-replaced"),
        "After a reboot host.container.internal times out.",
        _issue(_CONTAINER, 1241),
    ),
    # -- pf
    Story(
        ("a localhost domain is made", "dead"),
        ("ruleset-replaced", "localhost-domain"),
        "After `container system dns create a.test --localhost 203.0.113.1` nothing gets out.",
        _issue(_CONTAINER, 1241),
        until=(1, 5),
    ),
    Story(
        ("a reload", "dead|names fail"),
        ("ruleset-replaced", "pf-conf-rejected"),
        "Since I ran pfctl -f /etc/pf.conf nothing in a container gets out.",
        _issue(_CONTAINER, 1241),
    ),
    Story(
        ("sshuttle", "dead"),
        ("ruleset-replaced", "vpn-not-followed"),
        "With sshuttle on, the guest cannot reach the internet.",
        _issue("sshuttle/sshuttle", 889),
    ),
    Story(
        ("rules of one's own", "gone", "a start"),
        ("own-rules-gone", "ruleset-replaced"),
        "My pf rules are gone as soon as I start a container.",
        _issue(_CONTAINER, 402),
    ),
    Story(
        ("forwarding is off", "dead"),
        ("forwarding-off", "gone-after-reboot"),
        "The VPN disables IP forwarding, and the guest is offline.",
        _issue("utmapp/UTM", 3634),
    ),
    Story(
        ("the default route", "a bridge", "dead"),
        ("default-route-on-bridge", "wrong-interface"),
        "The default route goes to bridge100, and the Mac has no internet.",
        _issue("anthropics/claude-code", 27174),
    ),
    Story(
        ("the wrong interface", "dead"),
        ("wrong-interface", "lan-overlap", "vpn-not-followed"),
        "The Mac cannot reach the container: route get shows utun4.",
        _issue(_CONTAINER, 1881),
    ),
    # -- other programs
    Story(
        ("another VM program", "neither of them", "dead"),
        ("other-vmnet", "shared-bridge"),
        "With UTM beside it, neither of them can reach the internet.",
        _issue(_CONTAINER, 1219),
    ),
    Story(
        ("Internet Sharing", "does not start"),
        ("vmnet-refuses", "other-vmnet"),
        "The VM does not start while Internet Sharing is on.",
        _issue("lima-vm/vde_vmnet", 36),
    ),
    Story(
        ("two networks", "one is stopped", "dead"),
        ("shared-bridge", "other-vmnet"),
        "After stopping one of two networks the other has no egress.",
        _issue(_CONTAINER, 2051),
    ),
    Story(
        ("one is stopped", "dead"),
        ("shared-bridge", "other-vmnet"),
        "When the last container of a network stops, another network has no egress.",
        _issue(_CONTAINER, 2051),
    ),
    Story(
        ("the firewall", "no address"),
        ("firewall-blocks-all", "content-filter"),
        "The firewall blocks bootpd.",
        _issue("lima-vm/socket_vmnet", 62),
    ),
    Story(
        ("a content filter", "dead"),
        ("content-filter", "tcp-dead"),
        "With Little Snitch on, containers have no network.",
        _issue("objective-see/LuLu", 763),
    ),
    Story(
        ("ping works", "TCP fails"),
        ("tcp-dead", "content-filter"),
        "ping works, and every TCP connection times out.",
        _issue(_CONTAINER, 1389),
    ),
    Story(
        ("an overlap", "a bridge"),
        ("lan-overlap", "wrong-interface"),
        "bridge100 gets an address in the same subnet as my LAN.",
        _issue("canonical/multipass", 4581),
    ),
    Story(
        ("an overlap", "the local network"),
        ("lan-overlap", "wrong-interface"),
        "The container network conflicts with my LAN.",
        _issue("anthropics/claude-code", 29340),
    ),
    # -- names
    Story(
        ("a localhost domain", "names fail"),
        ("localhost-domain", "gateway-dns", "host-docker-internal"),
        "Could not resolve host: host.container.internal",
        _issue(_CONTAINER, 1256),
        without=("a localhost domain is made",),
    ),
    Story(
        ("names fail", "a resolver on the Mac"),
        ("port-53-taken", "gateway-dns"),
        "dnsmasq runs on the Mac, and containers have no DNS.",
        _issue(_CONTAINER, 402),
        without=("another resolver works",),
    ),
    Story(
        ("names fail", "another resolver works"),
        ("gateway-dns", "port-53-taken"),
        "ping: bad address; with --dns 9.9.9.9 it works.",
        _issue(_CONTAINER, 480),
    ),
    Story(
        ("names fail", "ping works"),
        ("gateway-dns", "port-53-taken"),
        "DNS fails, ping 1.1.1.1 works.",
        _issue(_CONTAINER, 656),
        without=("now and then",),
    ),
    Story(
        ("names fail", "now and then", "ping works"),
        ("container-names", "gateway-dns"),
        "ping web.test works sometimes; DNS is set up.",
        _issue(_CONTAINER, 1693),
    ),
    Story(
        ("short names", "a VPN", "names fail"),
        ("tailscale-names", "gateway-dns"),
        "With Tailscale MagicDNS short names do not resolve.",
        _issue("tailscale/tailscale", 17096),
    ),
    Story(
        ("the builder", "names fail"),
        ("builder-resolver", "gateway-dns", "port-53-taken"),
        "DNS fails in every build.",
        _issue(_CONTAINER, 656),
    ),
    Story(
        ("Node fails", "curl works", "dead"),
        ("node-ipv6-first", "no-ipv6"),
        "Node's fetch times out, curl to the same URL works.",
        _issue("nanocoai/nanoclaw", 2045).replace("issues", "pull"),
        without=("no route",),
    ),
    # -- published ports, and the Mac itself
    Story(
        ("a published port|the Mac's localhost", "a reset"),
        _PORTS,
        "The published port resets.",
        _issue(_CONTAINER, 1180),
    ),
    Story(
        ("a published port", "its own address works"),
        _PORTS,
        "The published port gives nothing; the container's own address answers.",
        _issue(_CONTAINER, 1180),
    ),
    Story(
        ("a published port", "no route"),
        _PORTS,
        "A published port gives: No route to host",
        _issue(_CONTAINER, 2067),
    ),
    Story(
        ("a published port", "a reset", "macOS 27"),
        ("local-network-never-asked", "local-network-denied", "local-network-homebrew"),
        "On macOS 27 the published port resets.",
        _issue(_CONTAINER, 2029),
    ),
    Story(
        ("a published port", "a reset", "Homebrew"),
        ("local-network-homebrew", "local-network-denied", "local-network-never-asked"),
        "Installed with Homebrew, a published port resets.",
        _issue(_CONTAINER, 2029),
        without=("macOS 27",),
    ),
    Story(
        ("a published port", "a reset", "Homebrew", "macOS 27"),
        ("local-network-homebrew", "local-network-never-asked", "local-network-denied"),
        "Installed with Homebrew on macOS 27, a published port resets.",
        _issue("ddev/ddev", 8656).replace("issues", "pull"),
    ),
    Story(
        ("no route", "works elsewhere"),
        _LAN,
        "No route to host; in Terminal the same command works.",
        _issue("NousResearch/hermes-agent", 71206),
    ),
    Story(
        ("no route", "a program of the Mac"),
        _LAN,
        "Run by launchd: No route to host",
        _issue("cdzombak/runner", 4),
    ),
    Story(
        ("no route", "the local network"),
        _LAN,
        "No route to host, for every address of the LAN.",
        _issue("openclaw/openclaw", 21494),
    ),
    Story(
        ("it hangs", "its commands"),
        ("command-hangs", "pf-helper-hangs", "vmnet-refuses"),
        "`container ls` hangs.",
        _issue(_CONTAINER, 1884),
        without=("dead",),
    ),
    Story(
        ("only what is large", "dead|it hangs|a reset"),
        ("large-mtu", "tls-inspected"),
        "Small requests work, large downloads hang.",
        _issue("concourse/concourse", 551),
    ),
    Story(
        ("only what is large", "a VPN", "dead|it hangs|a reset"),
        ("large-mtu", "vpn-filter", "tls-inspected"),
        "Over the VPN small requests work, large downloads hang.",
        _issue("manaflow-ai/cmux", 11960).replace("issues", "pull"),
    ),
    Story(
        ("only on loopback", "the host from inside", "dead"),
        ("cannot-bind-gateway", "host-reachable"),
        "The proxy binds to 127.0.0.1, and from a container it times out.",
        _issue("nanocoai/nanoclaw", 1103),
    ),
    # -- what many texts name besides: after all others of as many concepts
    Story(
        ("a VPN with a filter", "dead|it hangs|names fail"),
        ("vpn-filter", "vpn-not-followed", "forwarding-off"),
        "Mullvad is on, and containers are offline.",
        _issue("mullvad/mullvadvpn-app", 10498),
    ),
    Story(
        ("a VPN", "dead|it hangs|names fail"),
        ("vpn-not-followed", "vpn-filter", "forwarding-off"),
        "With the VPN connected nothing in the container gets out.",
        _issue(_CONTAINER, 1307),
    ),
    Story(
        ("macOS 15", "dead"),
        ("macos-15-no-nat", "subnet-disagrees"),
        "On macOS 15 a container has no internet.",
        _issue(_CONTAINER, 345),
        without=("a VPN", "no route", "a published port"),
    ),
    Story(
        ("macOS 15", "names fail"),
        ("macos-15-no-nat", "subnet-disagrees"),
        "On macOS 15: curl: (6) Could not resolve host: example.test",
        _issue(_CONTAINER, 272),
        without=("a VPN", "no route", "another resolver works"),
    ),
    # -- a name alone, where a text tells no more
    Story(
        ("a VPN with a filter",),
        ("vpn-filter", "vpn-not-followed"),
        "We have Zscaler.",
        _issue(_CONTAINER, 1307),
    ),
    Story(
        ("a VPN",),
        ("vpn-not-followed", "split-tunnel", "vpn-filter"),
        "It is about the VPN.",
        _issue(_CONTAINER, 1307),
    ),
    Story(
        ("a reload",),
        ("ruleset-replaced", "pf-conf-rejected"),
        "I ran pfctl -f /etc/pf.conf.",
        _issue(_CONTAINER, 1241),
    ),
    Story(
        ("IPv6", "dead"),
        ("no-ipv6", "node-ipv6-first"),
        "IPv6 addresses cannot be reached.",
        _issue(_CONTAINER, 1174),
        without=("a VPN", "an overlap", "the default route", "no route"),
    ),
    Story(
        ("the network changed",),
        ("stale-nat", "old-uplink"),
        "I switched networks.",
        _issue(_CONTAINER, 1986),
    ),
    Story(
        ("an overlap",),
        ("lan-overlap", "wrong-interface"),
        "It collides with the Wi-Fi of the hotel.",
        _issue("canonical/multipass", 4383),
    ),
    Story(
        ("rules of one's own",),
        ("own-rules-gone", "ruleset-replaced"),
        "It is about my pf rules.",
        _issue(_CONTAINER, 402),
    ),
    Story(
        ("Internet Sharing",),
        ("vmnet-refuses", "other-vmnet"),
        "Is it Internet Sharing?",
        _issue("lima-vm/vde_vmnet", 36),
    ),
    Story(
        ("a published port",),
        _PORTS,
        "It is about a published port.",
        _issue(_CONTAINER, 1180),
    ),
    Story(
        ("a content filter",),
        ("content-filter", "tcp-dead"),
        "I have Little Snitch.",
        _issue("objective-see/LuLu", 763),
    ),
    Story(
        ("names fail",),
        ("gateway-dns", "port-53-taken"),
        "DNS fails.",
        _issue(_CONTAINER, 1287),
        without=("a localhost domain",),
    ),
    Story(
        ("the wrong interface",),
        ("wrong-interface", "lan-overlap"),
        "The route shows utun4.",
        _issue(_CONTAINER, 1881),
    ),
)


_DENIAL = re.compile(
    r"\b(?:no|not|without|isn't|aren't|never|neither|nor|don't|doesn't)\b"
    r"(?: (?:a|an|any|the|my|using|use|on|running|connected|behind|have|is|to|with|other)){0,3} $",
    re.I,
)
_IDLE = re.compile(
    r"[^.\n]{0,12}\b(?:off|disabled|stopped|uninstalled)\b[^.\n]{0,12}"
    r"\b(?:no difference|same|still|too)\b",
    re.I,
)
_DENIABLE = (
    *("a VPN", "a VPN with a filter", "another VM program", "a content filter"),
    *("Internet Sharing", "Homebrew", "a reboot", "the network changed"),
)


def _tells(concept: str, searched: Searched) -> Optional[Tuple[int, int]]:
    """Where a text tells a concept, and does not deny it."""
    text = searched.text
    for pattern in CONCEPTS[concept]:
        if not searched.may_have(pattern):
            continue
        for count, hit in enumerate(compiled(pattern).finditer(text)):
            if count >= _HITS:
                break
            if concept in _DENIABLE and (
                _DENIAL.search(text[max(0, hit.start() - 40) : hit.start()])
                or _IDLE.match(text[hit.end() : hit.end() + 60])
            ):
                continue
            return hit.span()
    return None


def tells(concept: str, text: str) -> bool:
    """Whether a text tells a concept, and does not deny it."""
    return _tells(concept, Searched(text)) is not None


def told(
    searched: Searched, version: Optional[Tuple[int, ...]] = None
) -> List[Tuple[Story, int, int]]:
    """The stories of a text, those of most concepts first, then in the table's order; each with a
    place that tells it.

    `version` is container's, where it is known.
    """
    known: Dict[str, Optional[Tuple[int, int]]] = {}

    def place(concept: str) -> Optional[Tuple[int, int]]:
        if concept not in known:
            known[concept] = _tells(concept, searched)
        return known[concept]

    found = []
    for story in STORIES:
        if version is not None and story.until and version >= story.until:
            continue
        at = [next(filter(None, map(place, one.split("|"))), None) for one in story.tells]
        if all(at) and not any(place(concept) for concept in story.without):
            first = at[0]
            assert first is not None
            found.append((story, *first))
    return sorted(found, key=lambda entry: -len(entry[0].tells))
