"""The tasks of this repository: `invoke --list`."""

from __future__ import annotations

from invoke.collection import Collection

from container_net import net

ns = Collection(net)
