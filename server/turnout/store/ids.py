"""The newest message ids, as a process that records knows them: by heart, as of the last commit.

They are the ones that are not in their table's own order yet; in parts of the keys' range they come into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ENOUGH = 65_536
"""Ids that come into order together. One takes about 150 bytes of memory until then."""
PART = 512
"""Ids of a part."""


class Ids:
    """The ids of events from `ordered` on, by their keys.

    `until`: the next seq as of the last commit that is known here; -1 for none. `lowest`: from which event on ids may
    still stand where they were appended.
    """

    def __init__(self) -> None:
        """Know nothing, until somebody asks."""
        self.until = -1
        self.ordered = 0
        self.lowest = 0
        self._seqs: dict[bytes, int] = {}
        self._goal = 0
        self._parts: list[list[tuple[bytes, int]]] = []

    def heed(self, ordered: int) -> None:
        """Forget those that are in order by now, whoever did that."""
        if ordered != self.ordered:
            self.ordered = ordered
            self._parts.clear()
            self._seqs = {key: seq for key, seq in self._seqs.items() if seq >= ordered}

    def learn(self, more: Iterable[tuple[bytes, int]], until: int) -> None:
        """Know these too, and with them all up to a seq."""
        self._seqs.update(more)
        self.until = until

    def known(self) -> Mapping[bytes, int]:
        """Give all of them; one that has been pruned since is still among them."""
        return self._seqs

    def part(self) -> tuple[list[tuple[bytes, int]], int]:
        """Give what comes into order next, if it is time, and before which seq that makes all of them; 0: not yet."""
        if not self._parts and len(self._seqs) >= ENOUGH:
            self._begin()
        if not self._parts:
            return [], 0
        part = sorted(self._parts.pop())
        return part, 0 if self._parts else self._goal

    def _begin(self) -> None:
        n = len(self._seqs) // PART
        self._goal = self.until
        self._parts = [[] for _ in range(n)]
        for item in self._seqs.items():
            self._parts[item[0][0] * n >> 8].append(item)
