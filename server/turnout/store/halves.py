"""Searching by halves in a table whose times rise with its numbers, but for jumps of the clock."""

from __future__ import annotations

from turnout.store.session import Session


def first_since(session: Session, step: str, bounds: tuple[int, int], moment: int) -> int | None:
    """Give the first number of a moment or later; `step` reads (number, time) of the first row from a number on."""
    low, high = bounds
    found = None
    while low <= high:
        middle = (low + high) // 2
        row = session.row(step, (middle,))
        if row is None or row[0] > high or row[1] >= moment:
            found = int(row[0]) if row and row[1] >= moment else found
            high = middle - 1
        else:
            low = int(row[0]) + 1
    return found
