"""What wakes an event loop: one byte on a socket pair for each group of answers, from the writer's thread."""

from __future__ import annotations

import socket
from collections import deque
from concurrent.futures import Future
from typing import TypeVar

import anyio

T = TypeVar("T")


class Bell:
    """Any thread rings, one task hears; rings that were not heard yet are one."""

    def __init__(self) -> None:
        """Be silent."""
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self._there.setblocking(False)
        self._rung = False

    def ring(self) -> None:
        """Ring, from any thread."""
        if self._rung:
            return
        self._rung = True
        try:
            self._there.send(b"!")
        except (BlockingIOError, OSError):
            self._rung = False

    async def heard(self) -> None:
        """Wait for a ring since the last one."""
        while True:
            await anyio.wait_readable(self._here)
            try:
                self._here.recv(4096)
            except BlockingIOError:
                continue
            self._rung = False  # after the bytes are taken: a ring in between is heard here, not lost
            return

    def close(self) -> None:
        """Ring no more."""
        self._here.close()
        self._there.close()


class Wake:
    """One loop's ear. All but `ring` is called in the loop."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._bell: Bell | None = None
        self._answered: deque[anyio.Event] = deque()
        self._changed = anyio.Event()

    def begin(self) -> None:
        """Begin to hear."""
        self._changed = anyio.Event()
        self._bell = Bell()

    def end(self) -> None:
        """Hear no more."""
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.close()

    async def hear(self) -> None:
        """Pass on what rings, for ever."""
        bell = self._bell
        assert bell is not None
        while True:
            await bell.heard()
            while self._answered:
                self._answered.popleft().set()
            self.notice()

    def notice(self) -> None:
        """Wake whoever waits for a change."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def ring(self) -> None:
        """Ring, from the writer's thread: a group was answered."""
        bell = self._bell
        if bell is not None:
            bell.ring()

    async def answered(self, answer: Future[T]) -> None:
        """Wait until the writer has answered: it rings after that."""
        event = anyio.Event()
        answer.add_done_callback(lambda _: self._answered.append(event))
        if not answer.done():
            await event.wait()

    def mark(self) -> anyio.Event:
        """Give what the next change will set: to look after taking it, and then to wait for it, misses nothing."""
        return self._changed
