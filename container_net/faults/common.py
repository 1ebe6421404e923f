"""Steps and symptoms that several faults share. The gentlest step comes first in a cure."""

from __future__ import annotations

from ..text import N_
from .fault import Step, Symptom, said

SETUP = Step(
    N_(
        "Let this tool set forwarding and load its own rules under `com.apple/*`; running "
        "containers stay up and the main ruleset is not touched."
    ),
    "invoke net.setup",
)

PERSIST = Step(
    N_(
        "Keep it so: the boot daemon loads the same rules at every boot, and again when "
        "something removes them."
    ),
    "invoke net.persist",
)

RESTART = Step(
    N_(
        "When it suits you, stop all containers and restart the service; vmnet then builds its "
        "network and its NAT anew."
    ),
    "container stop --all && container system stop && container system start",
)

PACKET_LOSS = Symptom(
    r"100% packet loss", "3 packets transmitted, 0 packets received, 100% packet loss"
)

NO_INTERNET = said(r"no internet", N_("containers have no internet at all"), r"인터넷.{0,5} 안 ")

CLIENT_FILTER = N_(
    "Disconnect the VPN, quit its client, and try again. If containers get out at once, the "
    "client's own filter stopped them (F05). If they stay dead, vmnet's NAT is stale (F03)."
)

VPN_HISTORY = N_(
    "Was a VPN connected when the first container started, or since then? If so, the VPN is the "
    "cause (F03). If the network changed without one (router, Wi-Fi, address), it is the stale "
    "state (F07)."
)

STOPPED_OR_REBOOTED = N_(
    "Did it begin when the last container of another network stopped (F08), or with a reboot of "
    "the Mac (F37)?"
)

FILTERS = N_(
    "Switch the content filters off one by one. If TCP comes back, that filter was the cause "
    "(F19). If it stays dead with all of them off, the cause is not known (F17)."
)

APP_OR_PATH = N_(
    "IPv6 is dead in both. If only Node or npm waits and `curl` is quick, the program does not "
    "fall back to IPv4 (F39). If an address that has IPv6 only is what you need, it is F40."
)

FORWARDER = N_(
    "Is it a published port that fails, or another program? container's own forwarder is F27, "
    "anything else on the Mac F54."
)
ENTRY_THERE = N_(
    "Open System Settings > Privacy & Security > Local Network. If `container-runtime-linux` is in "
    "the list, switch it on: F27. If it is not there on macOS 27 and no question ever came: F28."
)

RESET = Symptom(
    r"Recv failure: Connection reset by peer",
    "curl: (56) Recv failure: Connection reset by peer",
)

ALL_OR_ONE = N_(
    "Run `sudo sample InternetSharing 1 -file /dev/stdout`. If `PFUserDeleteRules` stands in it, "
    "pf itself hangs and only a reboot helps (F35); if not, one hung client of container holds up "
    "the others (F36)."
)
