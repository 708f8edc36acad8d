"""What one caller of the writer waits for.

Like a `concurrent.futures.Future`, whose conditions and states cost 20 us of an event that comes alone (measured).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
Heard: TypeAlias = Callable[[], object]
"""What is called when something is answered."""


class Promise(Generic[T]):
    """The writer takes the work up, or who waits withdraws it, whichever comes first; what is taken up is answered."""

    __slots__ = ("_error", "_heard", "_result", "_taken", "done", "withdrawn")

    _result: T

    def __init__(self) -> None:
        """Begin to wait."""
        self._taken = threading.Lock()
        self._heard: list[Heard] = []
        self._error: Exception | None = None
        self.done = False
        self.withdrawn = False

    def take(self) -> bool:
        """Take the work up; False where it was before, or is withdrawn."""
        return self._taken.acquire(blocking=False)

    def withdraw(self) -> bool:
        """Withdraw the work; False where it is taken up: of what runs, only the end tells whether it committed."""
        self.withdrawn = self.withdrawn or self.take()
        return self.withdrawn

    def hear(self, heard: Heard) -> bool:
        """Call this when it is answered, from the writer's thread; True where it is, and nobody may call."""
        self._heard.append(heard)
        return self.done

    def answer(self, result: T) -> None:
        """Give the result."""
        self._result = result
        self._ring()

    def fail(self, error: Exception) -> None:
        """Give why there is none."""
        self._error = error
        self._ring()

    def result(self) -> T:
        """Say what came of it, when it is done. Raises: what the work raised."""
        assert self.done, "only what is done has a result"
        if self._error is not None:
            raise self._error
        return self._result

    def _ring(self) -> None:
        self.done = True
        for heard in self._heard:
            heard()
