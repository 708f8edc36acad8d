"""The newest events, as a process that records knows them: by heart, as of the last commit.

They are the ones whose message ids, and whose people, are not in their tables' own order yet; in parts they come into
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ENOUGH = 65_536
"""Events that come into order together. One takes about 230 bytes of memory until then."""
PART = 512
"""Of them, those of a part."""


class Ids:
    """The ids of events from `ordered` on, by their keys, and whose these events are.

    `until`: the next seq as of the last commit that is known here; -1 for none. `lowest`: from which event on ids may
    still stand where they were appended.
    """

    def __init__(self) -> None:
        """Know nothing, until somebody asks."""
        self.until = -1
        self.ordered = 0
        self.lowest = 0
        self._seqs: dict[bytes, int] = {}
        self._whose: list[tuple[int, int]] = []
        self._goal = 0
        self._parts: list[list[tuple[bytes, int]]] = []
        self._parts_whose: list[list[tuple[int, int]]] = []

    def heed(self, ordered: int) -> None:
        """Forget those that are in order by now, whoever did that."""
        if ordered != self.ordered:
            self.ordered = ordered
            self._parts.clear()
            self._parts_whose.clear()
            self._seqs = {key: seq for key, seq in self._seqs.items() if seq >= ordered}
            self._whose = [each for each in self._whose if each[1] >= ordered]

    def learn(self, more: Iterable[tuple[bytes, int]], whose: Iterable[tuple[int, int]], until: int) -> None:
        """Know these too, and with them all up to a seq. Shape: (key, seq), and (person, seq)."""
        self._seqs.update(more)
        self._whose += whose
        self.until = until

    def known(self) -> Mapping[bytes, int]:
        """Give all of the ids; one that has been pruned since is still among them."""
        return self._seqs

    def part(self) -> tuple[Sequence[tuple[bytes, int]], Sequence[tuple[int, int]], int]:
        """Give what comes into order next, if it is time, and before which seq that makes all of them; 0: not yet."""
        if not (self._parts or self._parts_whose):
            if len(self._seqs) < ENOUGH:
                return (), (), 0
            self._begin()
        ids = sorted(self._parts.pop()) if self._parts else []
        whose = sorted(self._parts_whose.pop()) if self._parts_whose else []
        if len(whose) > 2 * PART:  # of somebody who did more than others, or of the newest people
            self._parts_whose += [whose[at : at + PART] for at in range(PART, len(whose), PART)]
            del whose[PART:]
        return ids, whose, 0 if self._parts or self._parts_whose else self._goal

    def _begin(self) -> None:
        n = len(self._seqs) // PART
        self._goal = self.until
        self._parts = [[] for _ in range(n)]
        for item in self._seqs.items():
            self._parts[item[0][0] * n >> 8].append(item)
        people = [person for person, _ in self._whose]
        lowest = min(people)
        width = max(people) - lowest + 1
        parts: list[list[tuple[int, int]]] = [[] for _ in range(n)]
        for each in self._whose:
            parts[(each[0] - lowest) * n // width].append(each)
        self._parts_whose = [part for part in parts if part]
