"""Numbers of things in sentences."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun; `many` where the plural is not the noun with an `s`.

    >>> counted(1, "event"), counted(0, "event"), counted(2, "person", "people")
    ('1 event', '0 events', '2 people')
    """
    return f"{n} {one if n == 1 else many or f'{one}s'}"
