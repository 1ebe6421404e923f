"""`python -m sim.answered WORDS`: `invoke` as a process whose Mac is answered in the same process.

For tests of what a person sees, to whom the 30 programs of a look say nothing more.
"""

from __future__ import annotations

import os
from typing import Any, Dict

from invoke.collection import Collection
from invoke.config import Config
from invoke.program import Program

from container_net import net
from simmac import Mac


class Answered(Config):
    """Invoke's defaults, with the Mac of the environment behind every command."""

    @staticmethod
    def global_defaults() -> Dict[str, Any]:
        found = Config.global_defaults()
        found["runners"]["local"] = Mac(os.environ["INVOKE_NET_SYSROOT"]).runner()
        return found


if __name__ == "__main__":
    Program(version="0", namespace=Collection(net), config_class=Answered, name="invoke").run()
