"""IPv6, packet sizes, proxies, isolation, and what a reboot takes away (faults.md, 1 E)."""

from __future__ import annotations

from .entry import N_, Distinguish, Fault, Section, Step, Symptom, said
from .evidence import issue, pull
from .steps import SETUP

__all__ = ["IPV6"]

_APP_OR_PATH = N_(
    "IPv6 is dead in both. If only Node or npm waits and `curl` is quick, the program does not "
    "fall back to IPv4 (F39). If an address that has IPv6 only is what you need, it is F40."
)

_F39 = Fault(
    id="F39",
    title=N_("Node tries IPv6 first, and HTTPS times out"),
    symptoms=(
        said(
            r"HTTPS.{0,20} time",
            N_("HTTP works, HTTPS times out"),
            r"HTTPS.{0,10}시간 ?초과",
        ),
        Symptom(r"\bETIMEDOUT\b", "npm error code ETIMEDOUT"),
        Symptom(r"\bUND_ERR_CONNECT_TIMEOUT\b", "code: 'UND_ERR_CONNECT_TIMEOUT'"),
    ),
    cause=N_(
        "Names resolve to IPv6 addresses (AAAA) first. The NAT is for IPv4 only, so those "
        "addresses lead nowhere, and Node waits for them instead of going on with IPv4."
    ),
    cure=(
        Step(
            N_("Add this line to the Dockerfile; `net.env` prints it with all that belongs to it."),
            "ENV NODE_OPTIONS=--dns-result-order=ipv4first",
        ),
        Step(
            N_("Or try it once. IMAGE is your image."),
            "container run -e NODE_OPTIONS=--dns-result-order=ipv4first IMAGE",
        ),
        Step(N_("Node 20 and later fall back to IPv4 by themselves in most cases.")),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(pull(178, "nanocoai/nanoclaw"), issue(1531, "nodejs/undici")),
    distinguish=(Distinguish("F40", _APP_OR_PATH),),
)

_F40 = Fault(
    id="F40",
    title=N_("Containers have IPv6 addresses, but no IPv6 internet"),
    symptoms=(
        Symptom(
            r"immediate connect fail for [0-9a-f:]{2,40}",
            "* Immediate connect fail for 2606:4700::1111: Network is unreachable",
        ),
        said(
            r"IPv6.{0,40} unreachable",
            N_("IPv6 addresses on the internet are unreachable from containers"),
            r"IPv6.{0,40}닿지",
        ),
    ),
    cause=N_(
        "vmnet gives containers private IPv6 addresses (fd..) and translates them to another "
        "private address of the Mac, which no router on the internet answers. container also does "
        "not pass the IPv6 gateway on to containers."
    ),
    cure=(
        Step(
            N_(
                "No cure is known. What you can do: use IPv4, and tell programs to try it first; "
                "for Node.js with this line in the Dockerfile (`net.env` prints it)."
            ),
            "ENV NODE_OPTIONS=--dns-result-order=ipv4first",
        ),
    ),
    auto="none",
    versions=N_("every version"),
    evidence=(
        issue(2560, "canonical/multipass"),
        issue(460),
        issue(1034),
        pull(1174),
    ),
    distinguish=(Distinguish("F39", _APP_OR_PATH),),
)

_F41 = Fault(
    id="F41",
    title=N_("Large transfers stall because of an `mtu=` of your own"),
    symptoms=(
        Symptom(r"\bmtu=\d{4,5}\b", "container run --network default,mtu=9000"),
        Symptom(r"SSL connection timeout", "curl: (28) SSL connection timeout"),
        said(
            r"large .{0,30}stall",
            N_("large transfers stall, small ones pass"),
            r"큰 .{0,20}전송",
        ),
    ),
    cause=N_(
        "container uses packets of 1280 bytes at most, which pass everywhere. A larger `mtu=` on "
        "`--network` makes packets that a VPN or a router on the way drops."
    ),
    cure=(
        Step(
            N_("Start the container without `mtu=`. IMAGE is your image."),
            "container run --network default IMAGE",
        ),
    ),
    auto="no",
    versions=N_("container 0.11.0 and later, which have `mtu=`"),
    evidence=(pull(45), pull(1110), pull(1267)),
)

_F42 = Fault(
    id="F42",
    title=N_("TLS fails behind a company's proxy"),
    symptoms=(
        Symptom(
            r"x509: certificate signed by unknown authority",
            "x509: certificate signed by unknown authority",
        ),
        Symptom(
            r"self.signed certificate in certificate chain",
            "curl: (60) SSL certificate problem: self signed certificate in certificate chain",
        ),
        said(
            r"proxy.{0,10} ignored",
            N_("the proxy is ignored when an image is pulled"),
            r"프록시.{0,20}무시",
        ),
    ),
    cause=N_(
        "Zscaler, Netskope or another proxy opens TLS and signs it anew with a certificate that "
        "the image does not know. For pulls, container reads the proxy from variables in capitals "
        "only."
    ),
    cure=(
        Step(N_("See which proxy macOS has."), "scutil --proxy"),
        Step(
            N_("Give the proxy in capitals. HOST and PORT are those of the proxy; IMAGE is yours."),
            "HTTP_PROXY=http://HOST:PORT HTTPS_PROXY=http://HOST:PORT container image pull IMAGE",
        ),
        Step(N_("Put the company's root certificate into the image, and update its list there.")),
    ),
    auto="no",
    versions=N_("container up to 1.x"),
    evidence=(issue(578), issue(7061, "ddev/ddev")),
)

_F43 = Fault(
    id="F43",
    title=N_("A container on an internal network reaches the internet"),
    symptoms=(
        said(
            r"--internal\b",
            N_("a container on an `--internal` network reaches 1.1.1.1"),
            r"--internal\b",
        ),
        said(
            r"hostOnly",
            N_("a hostOnly network has internet access"),
            r"hostOnly",
        ),
    ),
    cause=N_(
        "Forwarding is one switch for the whole Mac. While it is on, a container of an internal "
        "(hostOnly) network whose gateway is set gets its packets forwarded too."
    ),
    cure=(
        Step(
            N_(
                "Let this tool set up again: it translates NAT networks only, and where it "
                "switched forwarding on, its guard blocks internal networks. Do not use "
                "`--no-guard`."
            ),
            "invoke net.setup",
        ),
        Step(
            N_(
                "If forwarding was on before this tool came, the guard stays out of it; give the "
                "container no network at all if that is what you want. IMAGE is your image."
            ),
            "container run --network none IMAGE",
        ),
    ),
    auto="yes",
    fix="setup",
    versions=N_("container 0.9.0 and later, which have `--internal`"),
    evidence=(issue(2062), pull(2072)),
)

_F44 = Fault(
    id="F44",
    title=N_("Containers reach services of the Mac at the gateway"),
    symptoms=(
        Symptom(r"SSH-2\.0-OpenSSH_", "SSH-2.0-OpenSSH_10.2"),
        said(
            r"reach the host's SSH",
            N_("containers reach the host's SSH at the gateway"),
            r"호스트.{0,20}SSH",
        ),
    ),
    cause=N_(
        "The Mac is itself a member of the container subnet, so whatever listens on all addresses "
        "(SSH, screen sharing) answers there. pf is reported not to filter traffic on the bridge."
    ),
    cure=(
        Step(N_("See what listens on all addresses."), "sudo lsof -nP -iTCP -sTCP:LISTEN"),
        Step(
            N_(
                "Let such services listen on 127.0.0.1 only, or switch them off in System Settings "
                "> General > Sharing."
            )
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(pull(210, "agentcage/agentcage"), issue(1320)),
)

_F45 = Fault(
    id="F45",
    title=N_("What was set up is gone after a reboot or an update of macOS"),
    symptoms=(
        said(
            r"after .{0,3}reboot",
            N_("no network in containers after a reboot"),
            r"재부팅.{0,5} 후",
        ),
        said(
            r"after .{0,20}\bupdat",
            N_("no network in containers after macOS was updated"),
            r"업데이트.{0,5} 후",
        ),
    ),
    cause=N_(
        "Forwarding and loaded rules end with a reboot. Today's macOS most likely ignores "
        "/etc/sysctl.conf, and updates overwrite /etc/pf.conf."
    ),
    cure=(
        SETUP,
        Step(
            N_("Then make it permanent: a boot daemon sets it again and keeps it right."),
            "invoke net.persist",
        ),
    ),
    auto="yes",
    fix="persist",
    versions=N_("every version"),
    evidence=(
        "launchd-842 (launchctl.c)",
        "pf how-to of 2021",
        issue(880, "facebook/watchman"),
        pull(178, "nanocoai/nanoclaw"),
    ),
    consequence_of=("F47", "F49"),
)

_F46 = Fault(
    id="F46",
    title=N_("The rule is loaded, but pf is off"),
    symptoms=(
        Symptom(r"\bStatus: Disabled\b", "Status: Disabled                    Debug: Urgent"),
        Symptom(r"pfctl: pf not enabled", "pfctl: pf not enabled"),
    ),
    cause=N_("macOS has pf switched off until somebody asks for it; rules then do nothing."),
    cure=(
        Step(
            N_(
                "Let this tool switch it on. It keeps the token, and `invoke net.teardown` gives "
                "it back; others who use pf are not disturbed."
            ),
            "invoke net.setup",
        ),
        Step(N_("Never switch pf off with `pfctl -d`: that takes it from everybody who uses it.")),
    ),
    auto="yes",
    fix="setup",
    versions=N_("every version"),
    evidence=("macOS pf (enable references)",),
)

_F47 = Fault(
    id="F47",
    title=N_("A pf rule names a bridge that does not exist at boot"),
    symptoms=(
        Symptom(
            r"no IP address found for bridge\d{1,4}:network",
            "no IP address found for bridge100:network",
        ),
        Symptom(r"pf rules not loaded", "pfctl: Syntax error in config file: pf rules not loaded"),
    ),
    cause=N_(
        "A rule with `bridge100:network` needs the bridge when it is loaded. At boot no container "
        "runs, there is no bridge, and pf refuses the whole file."
    ),
    cure=(
        Step(
            N_("See which line it is; this only reads."),
            "pfctl -n -f /etc/pf.conf; grep -n 'bridge[0-9]*:network' /etc/pf.conf "
            "/etc/pf.anchors/*",
        ),
        Step(
            N_(
                "Write the subnet as numbers, such as 192.168.64.0/24, or take the line out: this "
                "tool's own rules have numbers and do the same."
            ),
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=(issue(1966, "canonical/multipass"),),
)

IPV6 = Section(
    N_("IPv6, proxies, isolation, reboots"),
    (_F39, _F40, _F41, _F42, _F43, _F44, _F45, _F46, _F47),
)
