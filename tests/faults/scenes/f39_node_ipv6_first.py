"""Node tries IPv6 first, and HTTPS times out."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("IPv6 dead, image plain", F39="possible", F40="possible", probe=True)
def _(mac: Mac) -> None:
    mac.add_image("nanoclaw-agent:latest", [])
    mac.start_container()
