"""How many, by lane, hour and code; health and metrics read these instead of counting rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from turnout.clock import HOUR
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("counts")

LATENCY = 1000
"""Codes from here on count requests by the time they took: 1000 + n is at most 2**n ms."""


class CountsView:
    """What can be read of the counts."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def since(self, moment: int) -> Mapping[int, Mapping[int, int]]:
        """Sum by lane and code, from the hour of a moment on."""
        found: dict[int, dict[int, int]] = {}
        for lane, code, n in self._s.rows(SQL["sum_counts"], (moment // HOUR,)):
            found.setdefault(lane, {})[code] = n
        return found


class Counts(CountsView):
    """What can be counted."""

    def add(self, lane: int, code: int, n: int = 1) -> None:
        """Count verdicts of a lane in this hour; written once a commit."""
        self._s.overlay.counts[lane, self._s.now // HOUR, code] += n

    def took(self, lane: int, took_ms: Iterable[int]) -> None:
        """Count requests by the time that each took."""
        for width, n in Counter([max(0, each - 1).bit_length() for each in took_ms]).items():
            self.add(lane, LATENCY + width, n)

    def prune(self, moment: int) -> None:
        """Remove what is older than a moment."""
        self._s.run(SQL["prune_counts"], (moment // HOUR,))


def flush(session: Session) -> None:
    """Write what a group of operations counted; once a commit."""
    session.many(SQL["add_count"], [(*key, n) for key, n in session.overlay.counts.items() if n])
