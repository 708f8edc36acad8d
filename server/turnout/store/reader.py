"""Connections that only read. Each look is one short transaction: an open one would pin the WAL."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec import DecodeError
from orjson import JSONDecodeError

from turnout.entropy import Entropy
from turnout.store.cache import Cache
from turnout.store.connect import UNREADABLE, Connection, Error, connect_reader, unreadable
from turnout.store.session import Session, read_counter
from turnout.store.unit import View
from turnout.store.vault import Vault

T = TypeVar("T")


QUIET_S = 5.0
"""How long closing waits for the looks that run."""


class Shut(Exception):
    """The pool was closed before the look began."""


class Readers:
    """A pool that grows to as many connections as look at once."""

    def __init__(
        self, path: Path, vault: Vault, entropy: Entropy, now: Callable[[], int],
        connect: Callable[[Path], Connection] = connect_reader,
    ) -> None:  # fmt: skip
        """Open nothing yet; `connect` opens a connection that cannot write."""
        self._path = path
        self._vault = vault
        self._entropy = entropy
        self._now = now
        self._open = connect
        self._idle: queue.LifoQueue[tuple[Connection, Cache]] = queue.LifoQueue()
        self._quiet = threading.Condition()
        self._looks = 0
        self._shut = False

    def look(self, function: Callable[[View], T]) -> T:
        """Run a function over one consistent state. Raises: Shut, before it ran, when closed; Unavailable."""
        with self._quiet:
            if self._shut:
                raise Shut
            self._looks += 1
        try:
            return self._look(function)
        finally:
            with self._quiet:
                self._looks -= 1
                self._quiet.notify_all()

    def _look(self, function: Callable[[View], T]) -> T:
        try:
            connection, cache = self._idle.get_nowait()
        except queue.Empty:
            connection, cache = self._connect(), Cache()
        try:
            connection.execute("BEGIN").close()
            try:
                counter = read_counter(connection)
                cache.heed(counter.people, counter.regulations, counter.revision, counter.ordered)
                return function(View(Session(connection, self._vault, cache, self._entropy, self._now(), counter)))
            finally:
                connection.execute("COMMIT").close()
        except (*UNREADABLE, JSONDecodeError, DecodeError) as error:  # of pages, or of what we wrote as JSON
            raise unreadable(error) from error
        finally:
            self._idle.put((connection, cache))

    def _connect(self) -> Connection:
        try:
            return self._open(self._path)
        except Error as error:
            raise unreadable(error) from error

    def close(self) -> None:
        """Close every connection, when the looks that run have ended: none may live on over a fork."""
        with self._quiet:
            self._shut = True
            self._quiet.wait_for(lambda: self._looks == 0, QUIET_S)
        while True:
            try:
                connection, _ = self._idle.get_nowait()
            except queue.Empty:
                return
            connection.close()
