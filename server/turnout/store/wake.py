"""What wakes an event loop: one byte on a socket pair for each group of answers, from the writer's thread."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import anyio

T = TypeVar("T")


class Wake:
    """One loop's ear. All but `commit_seen` is called in the loop."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._here: socket.socket | None = None
        self._there: socket.socket | None = None
        self._answered: deque[anyio.Event] = deque()
        self._changed = anyio.Event()
        self._running = False
        self._rung = False

    def begin(self) -> None:
        """Begin to hear."""
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self._there.setblocking(False)
        self._changed = anyio.Event()
        self._running = True

    def end(self) -> None:
        """Hear no more."""
        self._running = False
        for each in (self._here, self._there):
            if each is not None:
                each.close()
        self._here = self._there = None

    async def hear(self, heard: Callable[[], None]) -> None:
        """Pass on what rings, for ever; `heard` is told first."""
        here = self._here
        assert here is not None
        while True:
            await anyio.wait_readable(here)
            try:
                here.recv(4096)
            except BlockingIOError:
                continue
            self._rung = False  # after the bytes are taken: a ring in between is heard here, not lost
            heard()
            while self._answered:
                self._answered.popleft().set()
            self.notice()

    def notice(self) -> None:
        """Wake whoever waits for a change."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def commit_seen(self) -> None:
        """Ring, from the writer's thread."""
        if self._running:
            self._ring()

    async def answered(self, answer: Future[T]) -> None:
        """Wait until the writer has answered."""
        event = anyio.Event()

        def ring(_: Future[T]) -> None:
            self._answered.append(event)
            self._ring()

        answer.add_done_callback(ring)
        await event.wait()

    def mark(self) -> anyio.Event:
        """Give what the next change will set: to look after taking it, and then to wait for it, misses nothing."""
        return self._changed

    def _ring(self) -> None:
        there = self._there
        if self._rung or there is None:
            return
        self._rung = True
        try:
            there.send(b"!")
        except (BlockingIOError, OSError):
            self._rung = False
