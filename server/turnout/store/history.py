"""Whose events: what somebody did, under all the ids that it was recorded with.

In the order of people each event would dirty a page of its own, as a message id would in that of keys. So of the newest
ones, from `counter.ordered` on, the rows of `recent` tell it, a few milliseconds to look through; they come into order
with their message ids (`messages.order`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from turnout.event.model import Stored
from turnout.store import sums
from turnout.store.queries import load
from turnout.store.session import NEWEST, Session

SQL = load("history")


class HistoryView:
    """What can be read of it. `persons`: all the ids of somebody, as `people.selves` gives them."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def back(self, persons: Collection[int], before: int, limit: int) -> tuple[Stored, ...]:
        """Read their events back, newest first."""
        ordered = self._s.counter.ordered
        rows = self._s.rows(SQL["read_newest"], (ordered, before, _array(persons), limit))
        if len(rows) < limit:
            until, more = min(before, ordered), limit - len(rows)
            older = [row for each in persons for row in self._s.rows(SQL["read_history"], (each, until, more))]
            rows += sorted(older, reverse=True)[:more]
        return tuple([sums.event(row) for row in rows])

    def seqs(self, persons: Collection[int], first: int, last: int, limit: int = NEWEST) -> tuple[int, ...]:
        """List their events in a stretch of the log, oldest first."""
        ordered = self._s.counter.ordered
        until = min(last, ordered - 1)
        found = [row for each in persons for row in self._s.rows(SQL["list_history"], (each, first, until, limit))]
        found = sorted(found)[:limit]
        if len(found) < limit and last >= ordered:
            newest = (max(first, ordered), last, _array(persons), limit - len(found))
            found += self._s.rows(SQL["list_newest"], newest)
        return tuple([row[0] for row in found])

    def count(self, persons: Collection[int], until: int = NEWEST) -> int:
        """Count their events up to a seq, tombstones too."""
        return self._counted("count_history", "count_newest", persons, until)

    def content(self, persons: Collection[int], until: int) -> int:
        """Count their events up to a seq that are no tombstones."""
        return self._counted("count_history_content", "count_newest_content", persons, until)

    def tally(self, persons: Collection[int]) -> Mapping[int, int]:
        """Count the events of each under this id alone, tombstones too: the newest are looked through once for all."""
        ordered = self._s.counter.ordered
        newest: dict[int, int] = dict(self._s.rows(SQL["tally_newest"], (ordered, _array(persons))))
        older = ((each, self._s.rows(SQL["count_history"], (each, ordered - 1))[0][0]) for each in persons)
        return {each: n + newest.get(each, 0) for each, n in older}

    def once(self, persons: Collection[int]) -> frozenset[int]:
        """Name those who have one event under this id, tombstones too."""
        ordered = self._s.counter.ordered
        tally: dict[int, int] = dict(self._s.rows(SQL["tally_newest"], (ordered, _array(persons))))
        return frozenset(
            each
            for each in persons
            if tally.get(each, 0) + len(self._s.rows(SQL["list_history"], (each, 1, ordered - 1, 2))) == 1
        )

    def _counted(self, older: str, newer: str, persons: Collection[int], until: int) -> int:
        ordered = self._s.counter.ordered
        rows = [row for each in persons for row in self._s.rows(SQL[older], (each, min(until, ordered - 1)))]
        rows += self._s.rows(SQL[newer], (ordered, until, _array(persons)))
        return sum(int(row[0]) for row in rows)


class History(HistoryView):
    """What can be written of it."""

    def prune(self, events: Sequence[Stored]) -> None:
        """Remove events that go; those that are in no order yet, too, for a part of them may be."""
        self._s.many(SQL["prune_history"], [(event.person, event.seq) for event in events])


def _array(persons: Collection[int]) -> str:
    return f"[{','.join(map(str, persons))}]"
