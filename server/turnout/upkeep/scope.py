"""Whose events an erasure is about: one person's, under all ids they were recorded with, or a test namespace's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from turnout.store.privacy import Regulation
from turnout.store.unit import View

LOOKED = 20_000
"""Events of others that are passed in one look for those of a namespace."""
STRETCH = 2_000


@dataclass(frozen=True, slots=True)
class OfPerson:
    """The events of a person up to a seq; nobody's where `person` is 0."""

    person: int
    until: int

    def page(self, view: View, after: int, limit: int) -> tuple[tuple[int, ...], int]:
        """Give the next events, oldest first, and how far the walk came."""
        mine = view.history.seqs(self._selves(view), after + 1, self.until, limit)
        return (mine, mine[-1]) if len(mine) == limit else (mine, self.until)

    def among(self, view: View, first: int, last: int) -> frozenset[int]:
        """Give their events in a stretch of the log."""
        return frozenset(view.history.seqs(self._selves(view), first, min(last, self.until)))

    def in_flight(self, view: View) -> bool:
        """Tell whether an open window, or a retry on its way, holds an event of theirs."""
        selves = self._selves(view)
        if any(view.history.seqs(selves, w.first, min(w.last, self.until), 1) for w in view.lanes.windows()):
            return True
        found = (view.log.get(row.seq) for row in view.owed.sending() if row.seq <= self.until)
        return any(event is not None and event.person in selves for event in found)

    def _selves(self, view: View) -> tuple[int, ...]:
        return view.people.selves(self.person) if self.person else ()


@dataclass(frozen=True, slots=True)
class OfNamespace:
    """The events of a test namespace up to a seq."""

    namespace: str
    until: int

    def page(self, view: View, after: int, limit: int) -> tuple[tuple[int, ...], int]:
        """Give the next events, oldest first, and how far the walk came."""
        found: list[int] = []
        end = min(self.until, after + LOOKED)
        while after < end and len(found) < limit:
            to = min(end, after + STRETCH)
            more = view.log.seqs_in(self.namespace, after, to, limit - len(found))
            found += more
            after = more[-1] if len(found) == limit else to
        return tuple(found), after

    def among(self, view: View, first: int, last: int) -> frozenset[int]:
        """Give its events in a stretch of the log."""
        to = min(last, self.until)
        return frozenset(view.log.seqs_in(self.namespace, first - 1, to, max(0, to - first + 1)))

    def in_flight(self, view: View) -> bool:
        """Tell whether an open window, or a retry on its way, holds an event of it."""
        windows = ((w.first - 1, min(w.last, self.until)) for w in view.lanes.windows())
        if any(view.log.seqs_in(self.namespace, after, to, 1) for after, to in windows):
            return True
        found = (view.log.get(row.seq) for row in view.owed.sending() if row.seq <= self.until)
        return any(event is not None and event.namespace == self.namespace for event in found)


Scope: TypeAlias = OfPerson | OfNamespace


def scope_of(regulation: Regulation, *, whole: bool) -> Scope:
    """Give the scope of a regulation; `whole`: of its namespace."""
    if whole:
        return OfNamespace(regulation.namespace, regulation.until)
    return OfPerson(regulation.person, regulation.until)
