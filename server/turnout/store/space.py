"""Free disk: when it is low the door closes, in words a client tries again on; delivery goes on."""

from __future__ import annotations

import os
from pathlib import Path

FLOOR = 1 << 30
SHARE = 0.05
"""Under 1 GB or 5 %, whichever is less. Source: ENGINE.md 6."""
LITTLE = "free disk is under 1 GB or 5 %"
"""Said where `low` is true."""


def free(folder: Path) -> int:
    """Give the free bytes that this user may fill."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def floor(folder: Path) -> int:
    """Give the bytes under which no event is taken in."""
    found = os.statvfs(folder)
    return min(FLOOR, int(found.f_blocks * found.f_frsize * SHARE))


def low(folder: Path) -> bool:
    """Tell whether too little is free to take events in."""
    return free(folder) < floor(folder)
