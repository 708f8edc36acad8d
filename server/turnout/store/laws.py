"""The laws of the engine as queries, bounded, for who looks whether all is well."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("laws")
BOUND = 100_000
"""Events of each lane, and rows of the queue, that are looked at: the newest events, where a fault would be new."""

_BROKEN = {
    "list_nowhere": "passed it, and it is in no ledger row, not owed, and in no open window",
    "list_twice": "has it as final, and owes it",
    "list_beyond": "owes it, and has not passed it",
}


def broken(session: Session) -> Iterator[tuple[int, int, str]]:
    """Give what breaks a law: lane, event, and how the lane stands to it; at most ten of each."""
    for query, words in _BROKEN.items():
        for lane, seq in session.rows(SQL[query], (BOUND,)):
            yield lane, seq, words


def astray(session: Session) -> tuple[int, ...]:
    """Name events that the history of their person does not tell, at most ten."""
    counter = session.counter
    return tuple(row[0] for row in session.rows(SQL["list_astray"], (counter.seq - 1 - BOUND, counter.ordered)))


def overdue(session: Session, before: int) -> tuple[tuple[int, int, int], ...]:
    """Give (lane, longest due, rows) of what was due before a moment."""
    return tuple((row[0], row[1], row[2]) for row in session.rows(SQL["list_overdue"], (before,)))
