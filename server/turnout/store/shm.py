"""How full the WAL is and who keeps it from beginning anew, read from `turnout.db-shm`, which nobody's lock minds.

Not for a process that has the database open: closing the file drops the locks that SQLite holds on it. The format
is fixed: https://sqlite.org/walformat.html, 2.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_FRAMES, _MOVED, _MARKS = 16, 96, 100
"""Where the number of frames stands, of those in the database, and of each reader's last."""
_COPY = 48
"""Bytes of the header, which stands there twice: where the two differ, SQLite makes the file anew."""
_LOCKS = 123
"""Where the lock of the first reader's mark is."""
_READERS = 5
_UNUSED = 0xFFFF_FFFF
_FLOCK = "hhqqi4x"
"""`struct flock` of 64-bit Linux: type, whence, start, length, process."""


@dataclass(frozen=True, slots=True)
class Log:
    """Pages in the WAL, those that are in the database already, and who reads from before its end: (process, page)."""

    pages: int = 0
    moved: int = 0
    readers: tuple[tuple[int, int], ...] = ()


def read(path: Path) -> Log:
    """Read the file; an empty log where there is none."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Log()
    try:
        head = os.pread(file, 136, 0)
        if len(head) < 136 or head[:_COPY] != head[_COPY : 2 * _COPY]:  # noqa: PLR2004 - its fixed part
            return Log()
        pages, moved = (struct.unpack_from("=I", head, at)[0] for at in (_FRAMES, _MOVED))
        marks = struct.unpack_from(f"={_READERS}I", head, _MARKS)
        held = ((_holder(file, _LOCKS + n), mark) for n, mark in enumerate(marks) if mark != _UNUSED and mark < pages)
        return Log(pages, moved, tuple((pid, mark) for pid, mark in held if pid))
    finally:
        os.close(file)


def _holder(file: int, at: int) -> int:
    """Give the process that holds the lock of one byte; 0 for none. Linux alone tells."""
    if sys.platform != "linux":
        return 0
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else int(pid)
