"""Room in the WAL ahead of what is written: zeros to write over.

A commit that lengthens the file has the file system note its new length, and waits for the disk twice; one that
overwrites waits once: alone, a small one takes half as long (234 against 454 us, measured).

Before each commit it also sees whether database and WAL are still where they were opened: to a file that was taken away
or replaced a commit succeeds, and nobody finds it again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from turnout.store import connect

STEP = 1 << 20
"""Bytes. The file ends at a multiple of it but for when a commit went over the end: that is how one tells."""

_ZEROS = memoryview(bytes(STEP))
"""Looked into, not copied: a copy of a megabyte takes as long as its writing."""


class Ahead:
    """One connection's hand on the WAL beside its database."""

    def __init__(self, database: Path) -> None:
        """Open the file."""
        self._database = str(database)
        self._identity = connect.identity(database)
        self._file = os.open(database.with_name(f"{database.name}-wal"), os.O_WRONLY | os.O_CLOEXEC)

    def make(self) -> None:
        """Lengthen the file to the next step; only within a transaction, when nobody else writes to it.

        What fails here (a full disk) fails no commit: it lengthens the file itself. Raises: Error where one is gone.
        """
        connect.require_same(self._database, self._identity)
        connect.require_log(self._file, self._identity)
        size = os.fstat(self._file).st_size
        if size % STEP:
            with suppress(OSError):
                os.pwrite(self._file, _ZEROS[: STEP - size % STEP], size)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)
