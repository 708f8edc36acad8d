"""Whether those who remove what is old may believe the clock: one that leapt ahead does not make things old.

A machine that comes up in a wrong year would else lose its whole log in a minute. What leaps by more than a tenth
of retention, beside the last look or, at the first one, beside the newest event, must hold for an hour.
"""

from __future__ import annotations

from turnout.clock import DAY, SECOND
from turnout.store.unit import View
from turnout.upkeep.reign import Reign

SHARE = 10
HOLD_S = 3600.0
"""Longer than a machine needs to learn the time from the network."""


class Steady:
    """One keeper's trust in the clock; not for two threads."""

    def __init__(self, reign: Reign, days: int) -> None:
        """Begin with no look."""
        self._reign = reign
        self._leap_us = days * DAY // SHARE
        self._last: tuple[int, float] | None = None
        self._until_s = 0.0

    def trusts(self) -> bool:
        """Look at the clock, and tell whether what it makes old is old."""
        clock = self._reign.store.clock
        now, second = clock.now(), clock.monotonic()
        if self._last is None:
            expected, self._until_s = self._reign.look(_newest) or now, second
        else:
            expected = self._last[0] + int((second - self._last[1]) * SECOND)
        if now - expected > self._leap_us:
            self._until_s = second + HOLD_S
        self._last = now, second
        return second >= self._until_s


def _newest(view: View) -> int:
    """Give when the newest event came; 0 where there is none, and nothing to lose."""
    event = view.log.get(view.counter.seq - 1)
    return event.received if event else 0
