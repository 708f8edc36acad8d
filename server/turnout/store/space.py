"""Free disk: when it is low the door closes, in words a client tries again on; delivery goes on."""

from __future__ import annotations

import os
from pathlib import Path

from turnout.errors import Unavailable

FLOOR = 1 << 30
SHARE = 0.05
"""Under 1 GB or 5 %, whichever is less. Source: ENGINE.md 6."""
LITTLE = "free disk is under 1 GB or 5 %"
"""Said where `low` is true."""


def free(folder: Path) -> int:
    """Give the free bytes that this user may fill. Raises: Unavailable."""
    found = _look(folder)
    return found.f_bavail * found.f_frsize


def floor(folder: Path) -> int:
    """Give the bytes under which no event is taken in. Raises: Unavailable."""
    found = _look(folder)
    return min(FLOOR, int(found.f_blocks * found.f_frsize * SHARE))


def low(folder: Path) -> bool:
    """Tell whether too little is free to take events in. Raises: Unavailable."""
    return free(folder) < floor(folder)


def _look(folder: Path) -> os.statvfs_result:
    try:
        return os.statvfs(folder)
    except OSError as error:
        raise Unavailable(
            f"the data directory {folder} cannot be found or read ({error.strerror}); nothing was stored. Put it back, "
            "or end the processes that use it"
        ) from error
