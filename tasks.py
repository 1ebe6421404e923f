"""The tasks of this repository: `invoke --list`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from invoke.collection import Collection

from container_net import net

ns = Collection(net)

# Real packets to play with, where this machine has what they need (docs/lab.md).
TESTS = Path(__file__).resolve().parent / "tests"
if (TESTS / "lab").is_dir() and shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin"):
    sys.path.append(str(TESTS))
    from lab.tasks import lab

    ns.add_collection(lab)
