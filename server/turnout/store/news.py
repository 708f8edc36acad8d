"""What others commit, noticed: a connection of its own that reads the counter row, and nothing else."""

from __future__ import annotations

import threading
from pathlib import Path

from turnout.store import connect
from turnout.store.connect import Connection
from turnout.store.session import Counter, read_counter


class News:
    """The counter row as of the last commit that was noticed, ours or others'; `gate` is the store's."""

    def __init__(self, path: Path, gate: threading.RLock) -> None:
        """Know nothing yet."""
        self._path = path
        self._gate = gate
        self._connection: Connection | None = None
        self._version = -1
        self.counter: Counter | None = None

    def look(self) -> bool:
        """Take note of the state of the database, and tell whether it is another; our writer tells ours sooner."""
        with self._gate:
            try:
                if self._connection is None:
                    self._connection = connect.connect_reader(self._path)
                version, before = connect.read_pragma(self._connection, "data_version"), self._version
                if version != before or self.counter is None:
                    self._version, self.counter = version, read_counter(self._connection)
            except connect.Error as error:
                raise connect.unreadable(error) from error
        return version != before

    def glimpse(self) -> bool:
        """Tell whether somebody committed beside us, as far as the counter row shows; the next look sees all."""
        with self._gate:
            if self._connection is None:
                return self.look()
            try:
                before, self.counter = self.counter, read_counter(self._connection)
            except connect.Error as error:
                raise connect.unreadable(error) from error
            return self.counter != before

    def close(self) -> None:
        """Let go of the database; the next look opens it again."""
        with self._gate:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
