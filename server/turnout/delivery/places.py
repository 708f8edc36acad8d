"""Who may be on the way: a host has at most as many places as it leaves free.

So hosts that hang share what there is: nine of them leave a tenth its place among 256.
Source: dynamic thresholds, as switches share their buffers (Choudhury and Hahne, 1998).
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeAlias, TypeVar

T = TypeVar("T")

HOST_CONNECTIONS: Final = 64
"""Requests on their way to one host and port at the most: what one lane may have in flight. Source: ENGINE.md 4."""

Where: TypeAlias = tuple[str, int]
"""A host and its port."""


class Places(Generic[T]):
    """The places of one sender, and who waits for one."""

    def __init__(self, most: int) -> None:
        """Begin with all free."""
        self._free = most
        self._taken: dict[Where, int] = {}
        self._waiting: dict[Where, deque[T]] = {}

    def take(self, where: Where, who: T) -> bool:
        """Take a place and give True, or wait for one: `give_back` names those whose turn has come."""
        if where not in self._waiting and self._has(where):
            self._hand_out(where)
            return True
        self._waiting.setdefault(where, deque()).append(who)
        return False

    def give_back(self, where: Where) -> list[T]:
        """Free a place, and hand out what is free to those who wait, the hosts in turn."""
        self._free += 1
        left = self._taken[where] - 1
        if left:
            self._taken[where] = left
        else:
            del self._taken[where]
        return self._next() if self._waiting else []

    def leave(self, where: Where, who: T) -> bool:
        """Wait no more; False when the place was there already."""
        waiting = self._waiting.get(where, deque())
        if who not in waiting:
            return False
        waiting.remove(who)
        if not waiting:
            del self._waiting[where]
        return True

    def close(self) -> list[T]:
        """Give all who wait: their turn will not come."""
        left = [who for waiting in self._waiting.values() for who in waiting]
        self._waiting.clear()
        return left

    def _next(self) -> list[T]:
        found: list[T] = []
        for where in tuple(self._waiting):
            if not self._free:
                break
            if not self._has(where):
                continue
            self._hand_out(where)
            waiting = self._waiting.pop(where)
            found.append(waiting.popleft())
            if waiting:
                self._waiting[where] = waiting  # behind the others
        return found

    def _has(self, where: Where) -> bool:
        return self._taken.get(where, 0) < min(self._free, HOST_CONNECTIONS)

    def _hand_out(self, where: Where) -> None:
        self._free -= 1
        self._taken[where] = self._taken.get(where, 0) + 1
