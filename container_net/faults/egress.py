"""Faults of the way out: forwarding, translation rules, routes (faults.md, 1 A)."""

from __future__ import annotations

from .entry import N_, Distinguish, Fault, Section, Step, Symptom, said
from .evidence import issue, pull
from .steps import PERSIST, RESTART, SETUP

__all__ = ["EGRESS"]

_VPN_HISTORY = N_(
    "Was a VPN connected when the first container started, or since then? If so, the VPN is the "
    "cause (F03). If the network changed without one (router, Wi-Fi, address), it is the stale "
    "state (F07)."
)
_CLIENT_FILTER = N_(
    "Disconnect the VPN, quit its client, and try again. If containers get out at once, the "
    "client's own filter stopped them (F05). If they stay dead, vmnet's NAT is stale (F03)."
)
_FILTERS = N_(
    "Switch the content filters off one by one. If TCP comes back, that filter was the cause "
    "(F19). If it stays dead with all of them off, the cause is not known (F17)."
)
_STOPPED_OR_REBOOTED = N_(
    "Did it begin when the last container of another network stopped (F08), or with a reboot of "
    "the Mac (F37)?"
)
_WHO_DROPS = N_(
    "Read the VPN client's own log: a disconnect because of a network change is F20. If the "
    "Wi-Fi itself went away and came back, it is F21b."
)

_PACKET_LOSS = Symptom(
    r"100% packet loss", "3 packets transmitted, 0 packets received, 100% packet loss"
)

_NO_INTERNET = said(r"no internet", N_("containers have no internet at all"), r"인터넷.{0,5} 안 ")

_F01 = Fault(
    id="F01",
    title=N_("The main pf ruleset was reloaded, and vmnet's NAT is cut off"),
    symptoms=(
        Symptom(r"could not resolve host", "curl: (6) Could not resolve host: api.anthropic.com"),
        Symptom(r"curl: \(28\)", "curl: (28) Connection timed out after 5001 milliseconds"),
        _PACKET_LOSS,
        _NO_INTERNET,
        Symptom(
            r"Use of -f option, could result in flushing of rules",
            "pfctl: Use of -f option, could result in flushing of rules",
        ),
        said(
            r"after .{0,30}dns create",
            N_("no network in any container after `container system dns create`"),
            r"dns create.{0,30}끊",
        ),
    ),
    cause=N_(
        "Something reloaded the main pf ruleset: `pfctl -f`, a firewall tool, or `container system "
        "dns create --localhost`. The reload drops the line that calls "
        "`com.apple.internet-sharing`: vmnet's NAT rules are still there, but nothing calls them."
    ),
    cure=(
        Step(
            N_(
                "Load this tool's rules: they are called through `com.apple/*`, which a reload of "
                "the stock /etc/pf.conf keeps. Running containers stay up."
            ),
            "invoke net.setup",
        ),
        RESTART,
        Step(
            N_(
                "Update container to a release made after 2026-09-10: from then on it no longer "
                "reloads the main ruleset. Do not reload it by hand either while containers run."
            )
        ),
    ),
    auto="ask",
    versions=N_("container 0.9.0 to 1.2.2 at least; mended on its main branch on 2026-09-10"),
    evidence=(issue(1241), pull(2256)),
)

_F02 = Fault(
    id="F02",
    title=N_("Your own pf rules vanish when a container starts"),
    symptoms=(
        said(
            r"pf rules.{0,60}vanish",
            N_("my pf rules vanish when a container starts"),
            r"pf 규칙.{0,30}사라",
        ),
        said(
            r"\bMurus\b",
            N_("Murus loses its rules when a container starts"),
            r"\bMurus",
        ),
    ),
    cause=N_(
        "When vmnet starts, macOS's InternetSharing replaces the active main ruleset. Rules that "
        "were loaded there from a file are gone from then on; rules in an anchor under "
        "`com.apple/*` stay."
    ),
    cure=(
        Step(
            N_(
                "Keep rules of your own in an anchor under `com.apple/*` too, and load only that "
                "anchor. FILE is the file with your rules."
            ),
            "sudo pfctl -a com.apple/300.mine -f FILE",
        ),
    ),
    auto="no",
    versions=N_("macOS 26.4 with container 0.11.0; probably every version"),
    evidence=(issue(402),),
)

_F03 = Fault(
    id="F03",
    title=N_("A VPN carries all traffic, and vmnet's NAT does not follow it"),
    symptoms=(
        Symptom(r"SYN.SENT", "SYN-SENT 0 1 192.168.64.3:51514 1.1.1.1:443"),
        Symptom(r"curl: \(28\)", "curl: (28) Failed to connect to 1.1.1.1 port 443"),
        _PACKET_LOSS,
        said(
            r"after turning on .{0,20}VPN",
            N_("no network in containers after turning on a VPN"),
            r"VPN.{0,30}켠",
        ),
        said(
            r"exit node",
            N_("containers are offline while a Tailscale exit node is in use"),
            r"출구 노드",
        ),
    ),
    cause=N_(
        "vmnet tied its NAT to the interface that led to the internet when its network was set "
        "up. The default route now goes through a VPN tunnel (utun), for which vmnet has no rule. "
        "Often it does not recover when the VPN is off again."
    ),
    cure=(
        SETUP,
        PERSIST,
        Step(
            N_(
                "Or connect the VPN first, and then restart the service, so that vmnet builds its "
                "NAT for the tunnel. This stops all containers."
            ),
            "container stop --all && container system stop && container system start",
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("macOS 26 and 27 beta; container 0.9 to 1.4.1"),
    evidence=(
        issue(1307),
        issue(723, "apple/containerization"),
        issue(1881),
        pull(1666),
        issue(1007, "trycua/cua"),
        issue(7561, "utmapp/UTM"),
        "vphone-cli (documentation)",
    ),
    distinguish=(Distinguish("F05", _CLIENT_FILTER), Distinguish("F07", _VPN_HISTORY)),
)

_F04 = Fault(
    id="F04",
    title=N_("Hosts behind a split-tunnel VPN are out of reach for containers"),
    symptoms=(
        said(
            r"split.tunnel",
            N_("containers reach the internet, but no host behind the split-tunnel VPN"),
            r"분할 터널",
        ),
        said(
            r"internal network via VPN",
            N_("cannot reach the company's internal network via VPN from a container"),
            r"VPN.{0,20}사내망",
        ),
    ),
    cause=N_(
        "vmnet makes a NAT rule only for interfaces that have a default route. A split-tunnel VPN "
        "(Tunnelblick, OpenVPN, a company's client) has routes to its own networks only, so its "
        "tunnel gets no rule. It matters only where containers need the hosts behind it."
    ),
    cure=(
        Step(
            N_(
                "Load this tool's rules beside vmnet's; they cover every tunnel, and with it the "
                "hosts behind it."
            ),
            "invoke net.setup --always",
        ),
        Step(
            N_("See which interface leads to such a host. HOST is its name or address."),
            "route -n get HOST",
        ),
    ),
    auto="no",
    versions=N_("macOS 26.4.1 with container 0.12.3; reported since macOS 11 for other tools"),
    evidence=(
        issue(1519),
        issue(384, "openai/tart"),
        issue(3238, "utmapp/UTM"),
        issue(7207, "utmapp/UTM"),
        issue(495, "canonical/multipass"),
        issue(852, "Tunnelblick/Tunnelblick"),
    ),
)

_F05 = Fault(
    id="F05",
    title=N_("The VPN client's own filter blocks containers"),
    symptoms=(
        Symptom(r"cisco_anyconnect_vpn_pass", "block drop all ! tagged cisco_anyconnect_vpn_pass"),
        Symptom(
            r"\bPackets: 0 ",
            "[ Evaluations: 283       Packets: 0         Bytes: 0           States: 0     ]",
        ),
        said(r"\bMullvad\b", N_("Mullvad is connected and containers are offline"), r"\bMullvad"),
        said(r"\bNordVPN\b", N_("NordVPN is connected and containers are offline"), r"\bNordVPN"),
    ),
    cause=N_(
        "The route and the NAT rule are right, but the VPN client drops packets that are not the "
        "Mac's own: with pf rules of its own (Cisco, Mullvad) or with a network filter (NordLynx). "
        "No setting of macOS can lift that from outside."
    ),
    cure=(
        Step(
            N_(
                "No cure on the Mac's side is known. What you can do, in the VPN client: allow "
                "local network access, exclude the container subnet (split tunnelling), or switch "
                "the kill switch off. On a company's Mac, ask the administrator."
            )
        ),
        Step(
            N_("See which anchors and rules are loaded, to show the VPN's support."),
            "sudo pfctl -s Anchors && sudo pfctl -v -s rules",
        ),
    ),
    auto="none",
    versions=N_("macOS 14 to 27"),
    evidence=(
        pull(1666),
        issue(345),
        issue(5213, "mullvad/mullvadvpn-app"),
        issue(10498, "mullvad/mullvadvpn-app"),
        issue(1881),
    ),
    distinguish=(Distinguish("F03", _CLIENT_FILTER),),
)

_F06 = Fault(
    id="F06",
    title=N_("The Mac sends packets for a container to the wrong interface"),
    symptoms=(
        Symptom(r"no route to host", "ping: sendto: No route to host"),
        said(
            r"cannot reach .{0,20}container",
            N_("the Mac cannot reach a container by its address"),
            r"컨테이너.{0,20}접속할 수 없",
        ),
    ),
    cause=N_(
        "Only a default route bound to the bridge leads to the container subnet. A VPN or another "
        "tool with a default route of its own takes the packets; it stays so after the VPN is off "
        "and after a restart of the service."
    ),
    cure=(
        Step(
            N_("See where the packets go. CONTAINER_IP is an address from `container ls`."),
            "route -n get CONTAINER_IP",
        ),
        Step(
            N_(
                "If `interface:` does not name the bridge, add the missing route. It is lost when "
                "the bridge is next made anew. SUBNET and BRIDGE are printed by `invoke "
                "net.detect`."
            ),
            "sudo route -nv add -net SUBNET -interface BRIDGE",
        ),
    ),
    auto="ask",
    versions=N_("macOS 26 and 27"),
    evidence=(
        issue(1881),
        pull(1882),
        issue(989),
        issue(18653, "tailscale/tailscale"),
        "multipass (documentation)",
    ),
)

_F07 = Fault(
    id="F07",
    title=N_("vmnet's NAT is stale after a change of network"),
    symptoms=(
        Symptom(r"curl: \(28\)", "curl: (28) Failed to connect to example.com port 443"),
        said(
            r"only .{0,20}reboot.{0,2} help",
            N_("containers went offline after a change of network, and only a reboot helps"),
            r"재부팅해야만",
        ),
        said(
            r"router .{0,20}restart",
            N_("containers are offline since the router was restarted"),
            r"공유기.{0,20}다시 시작",
        ),
    ),
    cause=N_(
        "The router restarted, the address changed or the Wi-Fi was switched, and vmnet's NAT rule "
        "still names an interface or an address of before. The Mac itself is online; building the "
        "container anew does not help."
    ),
    cure=(
        SETUP,
        PERSIST,
        RESTART,
        Step(N_("If that does not help either, reboot the Mac: for some users only that did.")),
    ),
    auto="ask",
    versions=N_("macOS 26; container 1.1.0"),
    evidence=(issue(1986),),
    consequence_of=("F01", "F03"),
    distinguish=(Distinguish("F03", _VPN_HISTORY),),
)

_F08 = Fault(
    id="F08",
    title=N_("Two networks share one bridge, and stopping one cuts off the other"),
    symptoms=(
        said(
            r"second network.{0,40}stop",
            N_("when the second network's container stops, the first network goes offline"),
            r"두 번째 네트워크.{0,40}멈",
        ),
    ),
    cause=N_(
        "container gave two NAT networks the same bridge interface. When the last container of one "
        "stops, the bridge goes away under the other."
    ),
    cure=(
        RESTART,
        Step(N_("Until this is mended in container, keep one container running in each network.")),
    ),
    auto="no",
    versions=N_("container 1.2.x; also macOS 27.0"),
    evidence=(issue(2051), issue(953)),
    distinguish=(Distinguish("F37", _STOPPED_OR_REBOOTED),),
)

_F09 = Fault(
    id="F09",
    title=N_("Another vmnet program runs beside container, and both lose the network"),
    symptoms=(
        said(
            r"\bUTM\b.{0,60}lose",
            N_("with a UTM machine running, both it and the containers lose the network"),
            r"\bUTM.{0,60}끊",
        ),
        said(
            r"\blume\b",
            N_("lume machines and containers do not get along"),
            r"\blume",
        ),
    ),
    cause=N_(
        "lume, UTM, QEMU and others use vmnet too. With container 0.9.0 two programs at once on "
        "vmnet lose their network."
    ),
    cure=(
        Step(
            N_("See which other programs have a virtual network open."),
            "ps -axo pid,comm | grep -iE 'lume|utm|qemu|tart'",
        ),
        Step(
            N_(
                "Run one of them at a time, or use another version of container; 0.8.0 was "
                "reported to be fine."
            )
        ),
    ),
    auto="no",
    versions=N_("container 0.9.0"),
    evidence=(issue(1219),),
)

_F10 = Fault(
    id="F10",
    title=N_("There is no bridge, because no container is running"),
    symptoms=(
        Symptom(
            r"interface bridge\d{1,4} does not exist",
            "ifconfig: interface bridge100 does not exist",
        ),
    ),
    cause=N_(
        "This is not a fault. vmnet makes the bridge with the first container of a network and "
        "removes it with the last one; its number can be another one each time."
    ),
    cure=(
        Step(N_("See whether a container is running."), "container ls"),
        Step(
            N_(
                "Start a container and look again; this tool finds the bridge by its address, not "
                "by its name. IMAGE is any image with a shell."
            ),
            "container run --rm IMAGE true",
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(2051), "nanoclaw (skill)"),
    consequence_of=("F33",),
)

_F11 = Fault(
    id="F11",
    title=N_("IP forwarding is off"),
    symptoms=(
        Symptom(r"curl: \(28\) connection time", "curl: (28) Connection timed out"),
        Symptom(r"curl: \(28\) failed to connect", "curl: (28) Failed to connect to 1.1.1.1"),
        Symptom(r"net\.inet\.ip\.forwarding: 0", "net.inet.ip.forwarding: 0"),
        _PACKET_LOSS,
        _NO_INTERNET,
    ),
    cause=N_(
        "net.inet.ip.forwarding is 0, so the Mac drops every packet that is not for itself. "
        "Another tool, or an `undo` of one, set it back while a bridge was up."
    ),
    cure=(
        SETUP,
        Step(
            N_("Or by hand, as the guide has it; it lasts until the next reboot."),
            "sudo sysctl -w net.inet.ip.forwarding=1",
        ),
        PERSIST,
    ),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("XNU source (ip_input.c)",),
)

_F12 = Fault(
    id="F12",
    title=N_("macOS 15 gives containers no NAT"),
    symptoms=(
        said(
            r"macOS 15\b",
            N_("on macOS 15 containers reach the gateway and nothing beyond it"),
            r"macOS 15\b",
        ),
        _PACKET_LOSS,
    ),
    cause=N_(
        "On macOS 15 vmnet connects containers to the Mac and does not translate their addresses "
        "towards the internet."
    ),
    cure=(SETUP, PERSIST, Step(N_("Or update to macOS 26, where vmnet does the NAT itself."))),
    auto="yes",
    fix="setup",
    versions=N_("macOS 15 only"),
    evidence=(issue(345), "yolo-jail (doctor)"),
)

_F13 = Fault(
    id="F13",
    title=N_("container and vmnet disagree on the subnet"),
    symptoms=(
        said(
            r"cannot reach .{0,20}gateway",
            N_("a container cannot reach even its gateway"),
            r"게이트웨이.{0,20}닿지",
        ),
        Symptom(r"192\.168\.105\.1\b", "inet 192.168.105.1 netmask 0xffffff00"),
    ),
    cause=N_(
        "container gave its containers addresses of one subnet, and vmnet put the bridge into "
        "another. The gateway that containers know is on no interface of the Mac."
    ),
    cure=(
        Step(
            N_("Compare the gateway that container names with the addresses of the bridges."),
            "container ls && ifconfig -a | grep -A4 bridge",
        ),
        RESTART,
        Step(
            N_(
                "If it comes back, fix the subnet: `subnet` under `[network]` in "
                "~/.config/container/config.toml, or on releases before 1.0 this command."
            ),
            "container system property set network.subnet 192.168.64.1/24",
        ),
    ),
    auto="ask",
    versions=N_("macOS 15 only"),
    evidence=(issue(109), issue(148), issue(272), "yolo-jail (doctor)"),
)

_F14 = Fault(
    id="F14",
    title=N_("The NAT rule names an interface that is no longer the uplink"),
    symptoms=(
        said(
            r"works on Wi-?Fi",
            N_("works on Wi-Fi, dead on the dock or Ethernet"),
            r"Wi-?Fi에서는",
        ),
        said(
            r"\bhotspot\b",
            N_("no network in containers since I moved to a hotspot"),
            r"핫스팟",
        ),
    ),
    cause=N_(
        "The NAT rule has an interface written into it, often en0, and the Mac now reaches the "
        "internet through another one."
    ),
    cure=(SETUP, PERSIST),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("nanoclaw (documentation)",),
    consequence_of=("F03",),
)

_F15 = Fault(
    id="F15",
    title=N_("vmnet moved to another subnet, and the NAT rule has the old one"),
    symptoms=(
        said(
            r"worked yesterday",
            N_("it worked yesterday and is dead today"),
            r"어제.{0,10}됐",
        ),
        said(
            r"new default network",
            N_("after a restart of the service containers are in a new default network"),
            r"새 기본 네트워크",
        ),
    ),
    cause=N_(
        "When the old subnet is still held, vmnet takes the next one: 192.168.65.0/24, "
        "192.168.66.0/24 and so on. A rule for the old subnet then fits no container."
    ),
    cure=(
        SETUP,
        PERSIST,
        Step(
            N_(
                "You can ask for a fixed subnet with `subnet` under `[network]` in "
                "~/.config/container/config.toml; vmnet does not promise to keep it."
            )
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("container 0.6 to 1.x"),
    evidence=(issue(835), issue(148), issue(1836), issue(5313, "utmapp/UTM")),
)

_F16 = Fault(
    id="F16",
    title=N_("iCloud Private Relay is off because of pf rules"),
    symptoms=(
        Symptom(r"Private Relay Unavailable", "Private Relay Unavailable"),
        Symptom(
            r"software installed on this Mac is incompatible",
            "Software installed on this Mac is incompatible with Private Relay.",
        ),
        said(
            r"Private Relay",
            N_("Private Relay switched itself off"),
            r"비공개 릴레이",
        ),
    ),
    cause=N_(
        "While pf is on, macOS switches Private Relay off as soon as any anchor that is not its "
        "own holds rules: lines of your own in /etc/pf.conf, a localhost domain of container, or "
        "this tool's anchor."
    ),
    cure=(
        Step(
            N_(
                "If containers get out without this tool (`invoke net.status` says whether vmnet "
                "covers them), take its rules back."
            ),
            "invoke net.teardown",
        ),
        Step(
            N_(
                "If you do not need a localhost domain of container, remove it. DOMAIN is its name."
            ),
            "sudo container system dns delete DOMAIN",
        ),
        Step(N_("Take rules of your own out of /etc/pf.conf; they go from memory at a reboot.")),
    ),
    auto="no",
    versions=N_("macOS 15 to 26"),
    evidence=(pull(1482), issue(7207, "utmapp/UTM"), issue(1851, "orbstack/orbstack")),
)

_F17 = Fault(
    id="F17",
    title=N_("Ping works, but every TCP connection times out"),
    symptoms=(
        said(
            r"ping works.{0,20} TCP",
            N_("ping works, but TCP times out, even to the gateway"),
            r"TCP.{0,30}시간 ?초과",
        ),
        said(
            r"TCP connections fail silently",
            N_("TCP connections fail silently while ICMP works"),
            r"TCP 연결.{0,20}실패",
        ),
    ),
    cause=N_(
        "Not known for certain. Losing TCP alone, even towards the gateway, points to a content "
        "filter or a firewall on the Mac."
    ),
    cure=(
        Step(N_("List the network filters that are active."), "systemextensionsctl list"),
        Step(
            N_(
                "Switch them off one by one in System Settings > General > Login Items & "
                "Extensions, and try a container after each."
            )
        ),
    ),
    auto="no",
    versions=N_("macOS 26.4 with container 0.11.0"),
    evidence=(issue(1389),),
    consequence_of=("F19",),
    distinguish=(Distinguish("F19", _FILTERS),),
)

_F18 = Fault(
    id="F18",
    title=N_("The macOS firewall blocks all incoming connections"),
    symptoms=(
        Symptom(
            r"cannot be modified from command line on managed Mac computers",
            "Firewall settings cannot be modified from command line on managed Mac computers.",
        ),
        said(
            r"block all incoming",
            N_("the firewall is set to block all incoming connections"),
            r"들어오는 연결.{0,10}차단",
        ),
        said(r"stealth mode", N_("the firewall is in stealth mode"), r"스텔스 모드"),
    ),
    cause=N_(
        "The Application Firewall is set to `Block all incoming connections`, which refuses the "
        "containers' DHCP, DNS and ports as well. In stealth mode a failed ping says nothing."
    ),
    cure=(
        Step(
            N_("Look at the three settings."),
            "/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate --getblockall "
            "--getstealthmode",
        ),
        Step(
            N_(
                "Switch `Block all incoming connections` off in System Settings > Network > "
                "Firewall > Options. On a managed Mac the administrator has to do it; the command "
                "line refuses there, with exit status 0."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(
        "multipass (documentation)",
        issue(5140, "docker/for-mac"),
        issue(19680, "kubernetes/minikube"),
    ),
)

_F19 = Fault(
    id="F19",
    title=N_("A content filter blocks containers"),
    symptoms=(
        said(r"Little Snitch", N_("Little Snitch is installed"), r"Little Snitch"),
        said(r"\bLuLu\b", N_("LuLu is installed"), r"\bLuLu"),
        said(r"\bESET\b", N_("ESET is installed"), r"\bESET"),
        Symptom(r"\[activated enabled\]", "com.example.filter (1.0/1) Filter [activated enabled]"),
    ),
    cause=N_(
        "A network filter (Little Snitch, LuLu, ESET, Symantec, Zscaler) drops the containers' "
        "packets or the answers of the Mac's resolver; two filters at once also disturb each other."
    ),
    cure=(
        Step(N_("List the network filters that are active."), "systemextensionsctl list"),
        Step(
            N_(
                "Allow `InternetSharing`, `mDNSResponder` and the programs whose names begin with "
                "`container-` in the filter, or switch it off to try."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=("multipass (documentation)", issue(763, "objective-see/LuLu")),
    distinguish=(Distinguish("F17", _FILTERS),),
)

_F48 = Fault(
    id="F48",
    title=N_("The container network overlaps the local network"),
    symptoms=(
        said(
            r"\bMac loses.{0,10} LAN\b",
            N_("the Mac loses its LAN while containers run"),
            r"Mac.{0,30}\bLAN",
        ),
        said(
            r"container.{0,45}\bLAN\b",
            N_("containers reach the internet, but not the LAN"),
            r"컨테이너.{0,30}\bLAN",
        ),
    ),
    cause=N_(
        "The subnet of a container network, or an entry of vmnet's isolation table, overlaps the "
        "network that the Mac itself is in; or a bridge has taken the route of that network."
    ),
    cure=(
        Step(
            N_("Compare the isolation table with the Mac's own addresses and routes."),
            "sudo pfctl -a com.apple.internet-sharing/network_isolation "
            "-t network_isolation_table_v4 -T show; netstat -rn -f inet",
        ),
        Step(
            N_(
                "Choose another container subnet: `subnet` under `[network]` in "
                "~/.config/container/config.toml, for example 192.168.210.0/24."
            )
        ),
        RESTART,
    ),
    auto="no",
    versions=N_("macOS 15 to 26"),
    evidence=(
        issue(11901, "actions/runner-images"),
        "OrbStack and UTM (three public reports of 2026)",
    ),
)

_F49 = Fault(
    id="F49",
    title=N_("/etc/pf.conf loads an anchor file that is not there"),
    symptoms=(
        Symptom(
            r"cannot open the main config file",
            "pfctl: cannot open the main config file!: No such file or directory",
        ),
        Symptom(r"invalid pf config", 'Error: invalid pf config "/etc/pf.conf"'),
    ),
    cause=N_(
        "/etc/pf.conf has a line `load anchor ... from FILE`, and FILE is gone. pf then loads "
        "nothing of it: the Mac has no pf ruleset after a boot, and `container system dns create` "
        "fails."
    ),
    cure=(
        Step(
            N_("See which line it is; this only reads."),
            "pfctl -n -f /etc/pf.conf; grep 'load anchor' /etc/pf.conf",
        ),
        Step(
            N_(
                "If the line is this tool's, this puts its file back; if you do not need the tool "
                "any more, `invoke net.teardown` takes line and file away."
            ),
            "invoke net.persist",
        ),
        Step(
            N_(
                "If it is another program's, put the file back (an empty one is enough), or take "
                "the line out. FILE is the path in that line."
            ),
            "sudo touch FILE",
        ),
    ),
    auto="yes",
    fix="persist",
    versions=N_("every version"),
    evidence=("pf source", "pf.conf grammar"),
)

_F20 = Fault(
    id="F20",
    title=N_("The Mac's VPN disconnects when a container starts"),
    symptoms=(
        said(
            r"VPN disconnects",
            N_("the VPN disconnects when a container starts"),
            r"VPN.{0,10}끊",
        ),
        said(
            r"\bAnyConnect\b",
            N_("AnyConnect reconnects every time a container starts"),
            r"\bAnyConnect",
        ),
    ),
    cause=N_(
        "The bridge that a container brings is a change of network in the eyes of the VPN client "
        "(Cisco AnyConnect), and it drops its connection."
    ),
    cure=(
        Step(
            N_(
                "No cure on the Mac's side is known. What you can do: keep one container running, "
                "so that the bridge stays; or ask the VPN's administrator to change the settings "
                "for trusted networks or split tunnelling."
            )
        ),
    ),
    auto="none",
    versions=N_("macOS 26.0; container 0.1 to 0.5"),
    evidence=(issue(762),),
    distinguish=(Distinguish("F21b", _WHO_DROPS),),
)

_F21B = Fault(
    id="F21b",
    title=N_("Wi-Fi drops when bridges come and go"),
    symptoms=(
        Symptom(r"status: inactive", "en0: status: inactive"),
        said(
            r"Wi-?Fi.{0,20} drops",
            N_("Wi-Fi drops for a moment when containers start or stop"),
            r"Wi-?Fi.{0,20}끊",
        ),
    ),
    cause=N_(
        "macOS configures its network anew when a bridge comes or goes, and the Wi-Fi goes away "
        "for a moment. Seen with OrbStack; not yet seen with container."
    ),
    cure=(
        Step(
            N_(
                "No cure is known. What you can do: keep one container running, so that bridges "
                "come and go less often, or use Ethernet."
            )
        ),
    ),
    auto="none",
    versions=N_("macOS 26.5"),
    evidence=(issue(2559, "orbstack/orbstack"),),
    distinguish=(Distinguish("F20", _WHO_DROPS),),
)

EGRESS = Section(
    N_("The way to the internet"),
    (
        *(_F01, _F02, _F03, _F04, _F05, _F06, _F07, _F08, _F09, _F10),
        *(_F11, _F12, _F13, _F14, _F15, _F16, _F17, _F18, _F19, _F48, _F49),
        *(_F20, _F21B),
    ),
)
