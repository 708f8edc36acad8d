"""The file `tail`: the highest seq, outside the database, so that a database that lost events is noticed.

Written inside the turnstile at most once a second and at the end, read before the database. A damaged WAL is
otherwise read past without a word (measured: one flipped bit hid 205 of 270 acknowledged events).

It is written after the commit that it tells of, and not synced: after a power cut it may be older than the database,
gone or torn, and never promises what was not acknowledged. What is torn is unknown, and promises nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

WIDTH = 20


def write(path: Path, seq: int) -> None:
    """Write the number of the next event, in one write."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, _line(seq), 0)
    finally:
        os.close(file)


def read(path: Path) -> int:
    """Read the number of the next event; 0 where nothing stands, or what is torn or damaged: that is unknown."""
    return _read(path) or 0


def is_torn(path: Path) -> bool:
    """Tell whether it is there and says nothing that can be relied on."""
    return _read(path) is None


def _read(path: Path) -> int | None:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return 0
    number = text[:WIDTH].strip()
    if not number.isdigit() or text not in {_line(int(number)), b"%-20d\n" % int(number)}:  # once without a checksum
        return None
    return int(number)


def _line(seq: int) -> bytes:
    number = b"%-20d" % seq
    return b"%b %08x\n" % (number, crc32(number))


def lost(events: int) -> str:
    """Say that acknowledged events are missing, and what to do: nothing more is taken in over a loss in silence."""
    what = "1 acknowledged event is" if events == 1 else f"{events} acknowledged events are"
    return (
        f"{what} missing: the database is older than the file `tail` beside it; put back the database that belongs "
        "here, or go on without them: turnout doctor --accept-loss"
    )
