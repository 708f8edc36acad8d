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
from turnout.store.session import Session
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
        self._idle: queue.LifoQueue[View] = queue.LifoQueue()
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
            view = self._idle.get_nowait()
        except queue.Empty:
            view = View(Session(self._connect(), self._vault, Cache(), self._entropy))
        session = view.session
        try:
            session.connection.execute("BEGIN").close()
            try:
                session.begin(self._now())
                return function(view)
            finally:
                session.connection.execute("COMMIT").close()
        except (*UNREADABLE, JSONDecodeError, DecodeError) as error:  # of pages, or of what we wrote as JSON
            raise unreadable(error) from error
        finally:
            self._idle.put(view)

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
                view = self._idle.get_nowait()
            except queue.Empty:
                return
            view.session.connection.close()
