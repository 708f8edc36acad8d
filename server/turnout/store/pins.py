"""Who reads which state of the WAL: a reader that stays at an old one keeps the log from beginning anew.

The shared memory says how far each of five read marks reaches, and a lock of its byte that somebody reads there.
Source: sqlite.org/walformat.html, 2.3. The file is never closed while it is the one in use: closing any
descriptor of it would drop the locks that SQLite holds on it for this process.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LOCKS = Path("/proc/locks")
"""Linux lists who holds which lock; elsewhere nobody is named."""
FIRST = 123
"""The byte that locks the first of the five read marks."""
MARKS = 5
COLUMNS = 8
"""Of a line of /proc/locks about a lock that somebody has; one that waits has an arrow more."""

_open: dict[Path, tuple[int, int]] = {}
"""Inode and descriptor of the shared memory of each database."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A process that reads: which of the five marks, and up to which frame of the WAL (0: the database alone)."""

    process: int
    slot: int
    mark: int


def pins(database: Path) -> tuple[frozenset[Pin], int]:
    """Give who reads now, and how many frames the WAL has."""
    file = _shared(database)
    if file is None or not LOCKS.exists():
        return frozenset(), 0
    inode, descriptor = file
    (frames,) = struct.unpack_from("=I", os.pread(descriptor, 20, 0).ljust(20, b"\0"), 16)
    marks = struct.unpack("=5I", os.pread(descriptor, 20, 100).ljust(20, b"\0"))
    held = holders(LOCKS.read_text(encoding="ascii").splitlines(), inode)
    return frozenset(Pin(process, slot, marks[slot]) for process, slot in held), frames


def holders(lines: Iterable[str], inode: int) -> frozenset[tuple[int, int]]:
    """Read who holds which read mark out of the lines of /proc/locks.

    >>> holders(["1: POSIX  ADVISORY  READ 8436 fe:00:77 124 124", "2: FLOCK  ADVISORY  WRITE 9 fe:00:77 0 EOF"], 77)
    frozenset({(8436, 1)})
    """
    found: set[tuple[int, int]] = set()
    for line in lines:
        words = line.split()
        if len(words) != COLUMNS or words[1] != "POSIX":
            continue
        first, last = int(words[6]), FIRST + MARKS if words[7] == "EOF" else int(words[7])
        if words[5].endswith(f":{inode}") and words[3] == "READ":
            found |= {(int(words[4]), slot) for slot in range(MARKS) if first <= FIRST + slot <= last}
    return frozenset(found)


def _shared(database: Path) -> tuple[int, int] | None:
    path = database.with_name(f"{database.name}-shm")
    try:
        inode = path.stat().st_ino
    except FileNotFoundError:
        return None
    kept = _open.get(path)
    if kept is None or kept[0] != inode:
        _open[path] = inode, os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if kept is not None:  # of a file that is gone: nobody locks it any more
            os.close(kept[1])
    return _open[path]
