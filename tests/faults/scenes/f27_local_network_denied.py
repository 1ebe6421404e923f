"""macOS denies container the local network, so published ports reset."""

from __future__ import annotations

from faults.scenes.base import fault, log, system

from simmac import Mac

DENIED = "backend - connect failed: connect(descriptor:addr:size:): No route to host) (errno: 65)"


@fault("local network denied", F27="present", probe=True)
def _(mac: Mac) -> None:
    mac.start_container()
    log(mac, DENIED)


@fault("denied on macOS 27", F27="possible", F28="possible", probe=True)
def _(mac: Mac) -> None:
    system(mac, "27.0")
    mac.start_container()
    log(mac, DENIED)


@fault("denied, Homebrew", F27="possible", F29="possible", probe=True)
def _(mac: Mac) -> None:
    mac.install_container("1.2.2", homebrew=True)
    mac.start_container()
    log(mac, DENIED)
