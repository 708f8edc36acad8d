"""Answers that no commit has taken yet: they gather, so that one commit settles many."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from turnout.delivery.settlement import Answered

GATHER: Final = 16
GATHER_S: Final = 0.005
"""Parts that settle at once, or how long fewer wait for more. A commit costs as much as 15 parts, and what waits keeps
its slot from the next request. Source: 16 to 32 parts and 4 to 10 ms, measured near and 50 ms away."""


class Answers:
    """One lane's, in the order in which they came, each with the number of its request."""

    def __init__(self) -> None:
        """Begin with none."""
        self._came: list[tuple[int, Answered]] = []
        self._known = 0
        self._since = 0.0
        self._parts = 0

    def __len__(self) -> int:
        """Count those that wait for a commit."""
        return len(self._came)

    def add(self, number: int, answered: Answered, now: float) -> None:
        """Take one in."""
        if not self._came:
            self._since = now
        self._came.append((number, answered))
        self._parts += len(answered.outcomes)

    def enough(self, now: float) -> bool:
        """Tell whether they are many, or have waited long enough."""
        return self._parts >= GATHER or self.wait_s(now) <= 0

    def wait_s(self, now: float) -> float:
        """Tell how long they may still wait for more."""
        return self._since + GATHER_S - now

    def next_unknown(self) -> Answered | None:
        """Give the next that was not given yet; only those that were given are taken by a commit."""
        if self._known == len(self._came):
            return None
        self._known += 1
        return self._came[self._known - 1][1]

    def passed(self) -> None:
        """Note of the one given last that another event's credentials were taken before it."""
        number, answered = self._came[self._known - 1]
        self._came[self._known - 1] = number, structs.replace(answered, passed=True)

    def known(self) -> tuple[tuple[int, Answered], ...]:
        """Give those that were given, for a commit."""
        return tuple(self._came[: self._known])

    def drop(self, n: int) -> None:
        """Forget the first of them: they are settled."""
        del self._came[:n]
        self._known -= n
        self._parts = sum(len(answered.outcomes) for _, answered in self._came)
