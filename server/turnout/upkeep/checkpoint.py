"""Keeps the WAL short: what is committed moves into the database, mostly while others write.

PASSIVE and a sync of the database do the work outside the turnstile; PASSIVE and RESTART inside it take 1 to
5 ms. TRUNCATE, 35 to 45 ms, comes only when nobody writes, or when an erasure asks for it.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass

from turnout.store import connect
from turnout.store.connect import Connection
from turnout.store.locks import Turnstile
from turnout.store.store import Store

PAGES = 16_000
"""64 MB of 4 KB pages. Source: ENGINE.md 1."""
IDLE_S = 1.0
"""So long nobody has written: then whatever is in the WAL moves."""
LOOK_S = 0.25

_files: dict[tuple[int, int], int] = {}
"""Descriptors of databases by device and inode, open for life: closing one drops SQLite's locks of this process."""


@dataclass(frozen=True, slots=True)
class Fill:
    """How much the WAL holds, in pages, and how much of it is in the database."""

    log: int
    done: int


class Checkpointer:
    """One process's way to checkpoint, on a connection of its own; threads take turns."""

    def __init__(self, store: Store) -> None:
        """Open nothing yet; the store closes it with itself, before a fork too."""
        self._store = store
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._turnstile: Turnstile | None = None
        self._last: tuple[Fill, float] | None = None
        store.beside(self.close)

    def advance(self) -> float:
        """Do what is due; give how many seconds nothing is."""
        now = self._store.clock.monotonic()
        fill = self.fill()
        if self._last is None or self._last[0] != fill:
            self._last = fill, now
        idle = now - self._last[1] >= IDLE_S
        if fill.log > fill.done and (fill.log >= PAGES or idle):
            if idle and fill.log >= PAGES:
                self.truncate()
            else:
                self.restart()
            self._last = None
        return LOOK_S

    def fill(self) -> Fill:
        """Tell how full the WAL is, without touching it."""
        self._store.open()  # never while holding the lock: a store that closes waits for it
        with self._lock:
            _, log, done = self._ask("NOOP")
        return Fill(log, done)

    def restart(self) -> bool:
        """Move all into the database, so that the WAL begins anew; give whether nobody was in the way."""
        self._store.open()
        with self._lock:
            self._ask("PASSIVE")
            self._sync()
            turnstile = self._turnstile = self._turnstile or Turnstile(self._store.folder)
            with turnstile.passed():
                self._ask("PASSIVE")
                return not self._ask("RESTART")[0]

    def truncate(self) -> bool:
        """Move all into the database and empty the file; give whether nobody was in the way."""
        self._store.open()
        with self._lock:
            self._ask("PASSIVE")
            self._sync()
            turnstile = self._turnstile = self._turnstile or Turnstile(self._store.folder)
            with turnstile.passed():
                return not self._ask("TRUNCATE")[0]

    def close(self) -> None:
        """Close connection and locks; the next use opens them again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            if self._turnstile is not None:
                self._turnstile.close()
            self._connection = self._turnstile = self._last = None

    def _ask(self, how: str) -> tuple[int, int, int]:
        """Checkpoint; an SQLite without NOOP takes it for PASSIVE. Shape: busy, pages in the WAL, pages moved.

        Raises: Unavailable.
        """
        try:
            if self._connection is None:
                self._connection = connect.connect_writer(self._store.path)
                self._connection.execute("PRAGMA busy_timeout=0").close()
            cursor = self._connection.execute(f"PRAGMA wal_checkpoint({how})")
            busy, log, done = cursor.fetchone()
            cursor.close()
        except connect.Error as error:
            raise connect.unreadable(error) from error
        return int(busy), int(log), int(done)

    def _sync(self) -> None:
        found = self._store.path.stat()
        key = found.st_dev, found.st_ino
        if key not in _files:
            _files[key] = os.open(self._store.path, os.O_RDONLY | os.O_CLOEXEC)
        if sys.platform == "linux":
            os.fdatasync(_files[key])
        else:
            os.fsync(_files[key])
