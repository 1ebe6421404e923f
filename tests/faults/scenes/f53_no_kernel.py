"""container has no Linux kernel, so no container starts."""

from __future__ import annotations

from faults.scenes.base import fault

from simmac import Mac


@fault("a fresh install without a kernel", F53="present")
def _(mac: Mac) -> None:
    mac.kernel(False)


@fault("no kernel, probe", probe=True, F53="present")
def _(mac: Mac) -> None:
    mac.kernel(False)


@fault("no kernel, 1.5.0", F53="present")
def _(mac: Mac) -> None:
    mac.install_container("1.5.0")
    mac.kernel(False)
