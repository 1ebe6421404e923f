"""Faults of container's own services and of what they wait for (faults.md, 1 D)."""

from __future__ import annotations

from .entry import N_, Distinguish, Fault, Section, Step, Symptom, said
from .evidence import issue
from .steps import RESTART

__all__ = ["SERVICE"]

_ALL_OR_ONE = N_(
    "Run `sudo sample InternetSharing 1 -file /dev/stdout`. If `PFUserDeleteRules` stands in it, "
    "pf itself hangs and only a reboot helps (F35); if not, one hung client of container holds up "
    "the others (F36)."
)
_STOPPED_OR_REBOOTED = N_(
    "Did it begin when the last container of another network stopped (F08), or with a reboot of "
    "the Mac (F37)?"
)

_F33 = Fault(
    id="F33",
    title=N_("container's service is not running"),
    symptoms=(
        Symptom(
            r"apiserver is not running and not registered with launchd",
            "apiserver is not running and not registered with launchd",
        ),
        Symptom(r"apiserver is not running", "apiserver is not running"),
        Symptom(r'"status" ?: ?"not running"', '{"status":"not running"}'),
    ),
    cause=N_("The service of container has not been started since the Mac booted, or it ended."),
    cure=(Step(N_("Start it."), "container system start"),),
    auto="ask",
    versions=N_("every version"),
    evidence=(issue(1280), "apple/container source"),
    consequence_of=("F34", "F35", "F38"),
)

_F34 = Fault(
    id="F34",
    title=N_("vmnet refuses to make a network"),
    symptoms=(
        Symptom(
            r"failed to create vmnet network with status",
            "failed to create vmnet network with status vmnet_return_t(rawValue: 1001)",
        ),
        Symptom(r"vmnet_return_t\(rawValue: 1\d{3}\)", "vmnet_return_t(rawValue: 1009)"),
        said(
            r"Internet Sharing is on",
            N_("Internet Sharing is on, and container does not start"),
            r"인터넷 공유.{0,10}켜",
        ),
    ),
    cause=N_(
        "vmnet is taken or has failed: macOS's Internet Sharing is switched on, another program "
        "uses vmnet, or the subnet asked for will not do."
    ),
    cure=(
        Step(
            N_("Read what container and macOS's sharing service say."),
            "container system logs --last 10m; launchctl print system/com.apple.NetworkSharing",
        ),
        Step(
            N_(
                "Switch Internet Sharing off (System Settings > General > Sharing), quit other "
                "programs with virtual networks, and start the service again."
            ),
            "container system start",
        ),
        Step(N_("If it is refused still, reboot the Mac.")),
    ),
    auto="no",
    versions=N_("container 0.6 to 0.10"),
    evidence=(issue(863), issue(1319), issue(36, "lima-vm/vde_vmnet")),
    consequence_of=("F35",),
)

_F35 = Fault(
    id="F35",
    title=N_("pf's helper hangs, and every container command with it"),
    symptoms=(
        Symptom(r"\bPFUserDeleteRules\b", "PFUserDeleteRules  (in PacketFilter)"),
        Symptom(
            r"Testing access to container-apiserver", "Testing access to container-apiserver..."
        ),
        said(
            r"every .{0,3}container.{0,3} command hangs",
            N_("every container command hangs for ever"),
            r"container 명령.{0,20}멈",
        ),
    ),
    cause=N_(
        "macOS's `com.apple.pfd` answers no more, and InternetSharing waits for it in "
        "`PFUserDeleteRules`. macOS protects both, so neither can be restarted."
    ),
    cure=(
        Step(
            N_(
                "No cure but a reboot of the Mac is known. What you can do before it: look whether "
                "it is this, and report it to Apple."
            ),
            "sudo sample InternetSharing 1 -file /dev/stdout | grep PFUserDeleteRules",
        ),
    ),
    auto="none",
    versions=N_("macOS 27.0"),
    evidence=(issue(2275),),
    distinguish=(Distinguish("F36", _ALL_OR_ONE),),
)

_F36 = Fault(
    id="F36",
    title=N_("One container command hangs and holds up the others"),
    symptoms=(
        Symptom(r"\[6/6\] Starting container", "[6/6] Starting container [28m 52s]"),
        said(
            r"network create.{0,20} hangs",
            N_("`container network create --subnet` hangs"),
            r"network create.{0,30}멈",
        ),
    ),
    cause=N_(
        "container waits for its helpers without a time limit. One call that is never answered "
        "holds up those behind it."
    ),
    cure=(
        Step(
            N_("Find the hung command and end it by its number."),
            "ps -axo pid,etime,command | grep '[c]ontainer '",
        ),
        RESTART,
    ),
    auto="no",
    versions=N_("container 0.9 to 1.0"),
    evidence=(issue(1177), issue(1884)),
    consequence_of=("F35",),
    distinguish=(Distinguish("F35", _ALL_OR_ONE),),
)

_F37 = Fault(
    id="F37",
    title=N_("After a reboot a container counts as running, without a network"),
    symptoms=(
        said(
            r"reboot.{0,20} gateway is dead",
            N_("after a reboot the gateway is dead and `container stop` hangs"),
            r"재부팅.{0,20}게이트웨이",
        ),
    ),
    cause=N_(
        "The helper of a custom network was not connected again after the reboot. The list shows "
        "the container as running, and there is no bridge for it."
    ),
    cure=(
        RESTART,
        Step(
            N_(
                "If the network stays dead, delete it and make it anew. NAME is the network, "
                "SUBNET its subnet."
            ),
            "container network delete NAME && container network create --subnet SUBNET NAME",
        ),
    ),
    auto="ask",
    versions=N_("container 0.10"),
    evidence=(issue(1321),),
    distinguish=(Distinguish("F08", _STOPPED_OR_REBOOTED),),
)

_F38 = Fault(
    id="F38",
    title=N_("container was asked as root, whose services are not the user's"),
    symptoms=(
        Symptom(r'"status" ?: ?"unregistered"', '{"status":"unregistered"}'),
        said(
            r"sudo container",
            N_("`sudo container ls` shows nothing"),
            r"sudo container",
        ),
    ),
    cause=N_(
        "container's services belong to the user who started them (launchd domain `gui/<uid>`). "
        "Asked with sudo, it looks at root's and finds none."
    ),
    cure=(
        Step(
            N_("Run it without sudo, as the user who started the service."),
            "container system status",
        ),
        Step(
            N_("Run this tool without sudo as well; it asks for sudo where it needs it."),
        ),
    ),
    auto="no",
    versions=N_("every version"),
    evidence=("apple/container source (launchd labels)",),
)

SERVICE = Section(N_("container's own service"), (_F33, _F34, _F35, _F36, _F37, _F38))
