"""The store as a keeper uses it: each commit is of the reign that the keeper belongs to, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from turnout.errors import Superseded
from turnout.store.store import Store
from turnout.store.unit import Unit, View

T = TypeVar("T")

WHOLE_GROUP = 100
"""The weight of a unit of work: nobody else's shares its commit."""


class Reign:
    """One reign's way to look and to commit; for threads."""

    def __init__(self, store: Store, epoch: int) -> None:
        """Keep what this epoch may keep."""
        self.store = store
        self.epoch = epoch

    def look(self, function: Callable[[View], T]) -> T:
        """Run a function over one consistent state."""
        return self.store.look(function)

    def commit(self, function: Callable[[Unit], T]) -> T:
        """Run a function in a transaction. Raises: Superseded, before anything is written; Unavailable."""

        def checked(unit: Unit) -> T:
            if unit.counter.epoch != self.epoch:
                raise Superseded(f"reign {unit.counter.epoch} keeps the workspace now, this was {self.epoch}")
            return function(unit)

        return self.store.commit(checked, WHOLE_GROUP)
