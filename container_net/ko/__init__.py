"""Korean for every text that users read: English -> Korean, one dictionary a part."""

from __future__ import annotations

from typing import Dict

from .doctor import TEXTS as DOCTOR
from .env import TEXTS as ENV
from .faults import TEXTS as FAULTS
from .files import TEXTS as FILES
from .main import TEXTS as MAIN

__all__ = ["TEXTS"]

TEXTS: Dict[str, str] = {**FAULTS, **FILES, **ENV, **MAIN, **DOCTOR}
