"""What wakes an event loop: one ring for each group of answers, from the writer's thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol, TypeVar, cast

import anyio
from anyio.lowlevel import current_token

from turnout.store.promise import Promise

T = TypeVar("T")


class _Future(Protocol):
    def done(self) -> bool: ...
    def set_result(self, result: None) -> None: ...
    def __await__(self) -> Generator[object, None, None]: ...


class _Asyncio(Protocol):
    def call_soon_threadsafe(self, callback: Callable[[], None]) -> object: ...
    def create_future(self) -> _Future: ...


class _Trio(Protocol):
    def run_sync_soon(self, callback: Callable[[], None]) -> object: ...


class Turn(Protocol):
    """What one task waits for, once."""

    def set(self) -> None:
        """Let it go on."""
        ...

    def wait(self) -> Awaitable[object]:
        """Wait until it may."""
        ...


class _Soon:
    """One of asyncio's: 1.8 us, an event of AnyIO's 4.2 (measured, with its wait and a turn of the loop)."""

    __slots__ = ("_future",)

    def __init__(self, loop: _Asyncio) -> None:
        self._future = loop.create_future()

    def set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def wait(self) -> _Future:
        return self._future


def turns() -> Callable[[], Turn]:
    """Give what makes them for tasks of this loop."""
    loop = current_token().native_token
    return partial(_Soon, cast("_Asyncio", loop)) if hasattr(loop, "create_future") else anyio.Event


class Bell:
    """Any thread rings, and the loop it was made in calls `heard`; rings that were not heard yet are one.

    Source: a task that waits until a socket of ours is readable takes 43 us of CPU a ring, this 24.
    """

    def __init__(self, heard: Callable[[], None]) -> None:
        """Be silent."""
        loop = current_token().native_token  # AnyIO has no such call
        if hasattr(loop, "run_sync_soon"):
            self._soon = cast("_Trio", loop).run_sync_soon
        else:
            self._soon = cast("_Asyncio", loop).call_soon_threadsafe
        self._heard = heard
        self._rung = False

    def ring(self) -> None:
        """Ring, from any thread."""
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop is closed
                self._soon(self._pass_on)

    def _pass_on(self) -> None:
        self._rung = False  # before it is heard: a ring in between is not lost
        self._heard()


class Wake:
    """One loop's ear. All but `ring` is called in the loop."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._bell: Bell | None = None
        self._turn: Callable[[], Turn]
        self._answered: deque[Turn] = deque()
        self._waiting: dict[Turn, float] = {}  # until when, who waits for longest first
        self._changed: anyio.Event | None = None
        self._heard: list[Callable[[], None]] = []
        self._rung = False

    @contextmanager
    def listen(self, heard: Callable[[], None]) -> Iterator[None]:
        """Call this on each change, in the loop, within this block: whoever waits for each costs a task's turn."""
        self._heard.append(heard)
        try:
            yield
        finally:
            self._heard.remove(heard)

    def begin(self) -> None:
        """Begin to hear."""
        self._bell, self._turn = Bell(self._hear), turns()

    def end(self) -> None:
        """Hear no more: whoever waits hears for itself."""
        self._bell = None
        for waiting in self._waiting:
            waiting.set()

    def hurry(self) -> None:
        """Wake whoever has waited for an answer as long as it would."""
        now = time.monotonic()
        for waiting, until in self._waiting.items():
            if until > now:
                break
            waiting.set()

    def notice(self) -> None:
        """Tell whoever listens, and wake whoever waits for a change."""
        for heard in self._heard:
            heard()
        if self._changed is not None:
            self._changed.set()

    def was_rung(self) -> bool:
        """Tell whether it rang since the last time this was asked."""
        rung, self._rung = self._rung, False
        return rung

    def ring(self) -> None:
        """Ring, from the writer's thread: a group was answered."""
        bell = self._bell
        if bell is not None:
            bell.ring()

    async def answered(self, answer: Promise[T], patience_s: float) -> None:
        """Wait until the writer has answered, or for so long, the same for all: it rings after that.

        While somebody hears, `hurry` ends the wait: a timer for each took 40 us of an event that came alone (measured).
        """
        if self._bell is not None:
            mine = self._turn()
            if answer.hear(partial(self._answered.append, mine)):
                return
            self._waiting[mine] = time.monotonic() + patience_s
            try:
                await mine.wait()
            finally:
                del self._waiting[mine]
        if self._bell is None and not answer.done:
            await _alone(answer, patience_s)

    def mark(self) -> anyio.Event:
        """Give what the next change will set: to look after taking it, and then to wait for it, misses nothing."""
        if self._changed is None or self._changed.is_set():
            self._changed = anyio.Event()
        return self._changed

    def _hear(self) -> None:
        self._rung = True
        while self._answered:
            self._answered.popleft().set()
        self.notice()


async def _alone(answer: Promise[T], patience_s: float) -> None:
    """Wait where nobody hears yet, or any more: this answer rings itself."""
    event = anyio.Event()
    bell = Bell(event.set)
    if not answer.hear(bell.ring):
        with anyio.move_on_after(patience_s):
            await event.wait()
