"""The file `tail`: the highest seq, outside the database, so that a database that lost events is noticed.

Written inside the turnstile at most once a second and at the end, read before the database. A damaged WAL is
otherwise read past without a word (measured: one flipped bit hid 205 of 270 acknowledged events).
"""

from __future__ import annotations

import os
from pathlib import Path

WIDTH = 20


def write(path: Path, seq: int) -> None:
    """Write the number of the next event; one aligned write of 21 bytes."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, b"%-20d\n" % seq, 0)
    finally:
        os.close(file)


def read(path: Path) -> int:
    """Read the number of the next event; 0 where nothing, or nothing sensible, stands."""
    try:
        text = path.read_bytes()[:WIDTH].strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() else 0


def lost(events: int) -> str:
    """Say that acknowledged events are missing, and what to do: nothing more is taken in over a loss in silence."""
    what = "1 acknowledged event is" if events == 1 else f"{events} acknowledged events are"
    return (
        f"{what} missing: the database is older than the file `tail` beside it; put back the database that belongs "
        "here, or go on without them: turnout doctor --accept-loss"
    )
