"""How many, by lane, hour and code; health and metrics read these instead of counting rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from turnout.clock import HOUR
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("counts")

LATENCY = 1000
"""Codes from here on count requests by the time they took: 1000 + n is at most 2**n ms."""
TOOK = 907
"""Milliseconds that a lane's requests took together."""


class CountsView:
    """What can be read of the counts."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def since(self, moment: int) -> Mapping[int, Mapping[int, int]]:
        """Sum by lane and code, from the hour of a moment on."""
        summed = ((lane, self._s.rows(SQL["sum_counts"], (lane, moment // HOUR))) for lane in self.lanes())
        return {lane: dict(rows) for lane, rows in summed if rows}

    def lanes(self) -> tuple[int, ...]:
        """List the lanes that are counted of, removed ones too, and the door."""
        return tuple(row[0] for row in self._s.rows(SQL["list_counted"]))

    def by_hour(self, lane: int, first: int) -> tuple[tuple[int, int, int], ...]:
        """List hour, code and number of a lane, from an hour on. Units: hours since 1970."""
        return tuple((row[0], row[1], row[2]) for row in self._s.rows(SQL["list_counts"], (lane, first)))


class Counts(CountsView):
    """What can be counted."""

    def add(self, lane: int, code: int, n: int = 1) -> None:
        """Count verdicts of a lane in this hour; written once a commit."""
        self._s.overlay.counts[lane, self._s.now // HOUR, code] += n

    def took(self, lane: int, took_ms: Sequence[int]) -> None:
        """Count requests by the time that each took."""
        self.add(lane, TOOK, sum(took_ms))
        for width, n in Counter([max(0, each - 1).bit_length() for each in took_ms]).items():
            self.add(lane, LATENCY + width, n)

    def prune(self, lane: int, moment: int) -> int:
        """Remove what is older than a moment, of a lane, or of the door; give how many rows."""
        return self._s.run(SQL["prune_counts"], (lane, moment // HOUR))


def flush(session: Session) -> None:
    """Write what a group of operations counted; once a commit."""
    session.many(SQL["add_count"], [(*key, n) for key, n in session.overlay.counts.items() if n])
