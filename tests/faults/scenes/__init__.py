"""A simulated Mac for each fault that command output shows, and for each healthy state.

A fault's scenes lie in the module of the same name as the fault's own in `container_net.faults`.
"""

from __future__ import annotations

import importlib
import pkgutil

from faults.scenes.base import FAULTS, HEALTHY, Scene, machine_of, remarked, told

__all__ = ["FAULTS", "HEALTHY", "Scene", "machine_of", "remarked", "told"]

for _found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    importlib.import_module(f"{__name__}.{_found.name}")
