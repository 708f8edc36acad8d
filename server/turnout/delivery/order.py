"""What a lane has in hand: parts ready to leave by group, and behind each busy person those that wait.

With order, one event of a person is on its way at a time. While it is, later ones of an open window wait here;
when it comes to be owed, they are owed too, as held.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from turnout.delivery.batch import Batch, GroupKey, fits, group_of
from turnout.delivery.window import Part
from turnout.exchange import Action


@dataclass(slots=True)
class _Behind:
    """One person's line: how many of theirs are ready or on their way (one, but after a merge), and who waits."""

    busy: int = 0
    waiting: deque[Part] = field(default_factory=deque)


@dataclass(slots=True)
class _Group:
    """Parts that may leave together, the bytes of them all, and since when they gather."""

    action: Action
    since: float
    size: int = 0
    parts: deque[Part] = field(default_factory=deque)


class Line:
    """In memory, one a lane, bounded by what a lane may have unresolved."""

    def __init__(self) -> None:
        """Begin empty."""
        self._ready: dict[GroupKey, _Group] = {}
        self._behind: dict[tuple[int, int], _Behind] = {}
        self._now: dict[int, int] = {}
        self._waiting = 0
        self._count = 0

    def __len__(self) -> int:
        """Count what is ready or waits."""
        return self._count + self._waiting

    @property
    def ready(self) -> int:
        """Count what may leave now."""
        return self._count

    @property
    def people(self) -> frozenset[int]:
        """Name the people who have something in hand here."""
        return frozenset(person for _, person in self._behind)

    def add(self, parts: Iterable[Part], now: float) -> None:
        """Take parts in, in order of recording."""
        for part in parts:
            if not part.person:
                self._put(part, now)
                continue
            who = self._who(part)
            behind = self._behind.get(who)
            if behind is not None and behind.busy:
                behind.waiting.append(part)
                self._waiting += 1
                continue
            if behind is None:
                behind = self._behind[who] = _Behind()
            behind.busy = 1
            self._put(part, now)

    def occupy(self, part: Part) -> None:
        """Mark a person as busy whose part left by another way (a retry)."""
        if part.person:
            self._behind.setdefault(self._who(part), _Behind()).busy += 1

    def merged(self, moved: Mapping[int, int]) -> None:
        """People became others: what either has on its way holds back what the other waits with."""
        for loser, survivor in moved.items():
            self._now.update({each: survivor for each, now in self._now.items() if now == loser})
            self._now[loser] = survivor
            for run, person in [key for key in self._behind if key[1] == loser]:
                one, both = self._behind.pop((run, person)), self._behind.setdefault((run, survivor), _Behind())
                both.busy += one.busy
                both.waiting = deque(sorted([*both.waiting, *one.waiting], key=lambda part: part.key))

    def take(self, now: float, wait_s: float) -> Batch | None:
        """Take the next batch; None when nothing is ready, or what is ready may still grow."""
        for key, group in self._ready.items():
            wait = max(group.action.wait_s, wait_s) if group.action.max_items > 1 else 0.0
            if len(group.parts) < key[4] and now - group.since < wait:
                continue
            return self._cut(key, group, now)
        return None

    def grown_s(self, now: float, wait_s: float) -> float | None:
        """Tell when the next batch has waited long enough; None when nothing is ready."""
        waits = [max(0.0, max(group.action.wait_s, wait_s) - (now - group.since)) for group in self._ready.values()]
        return min(waits, default=None)

    def done(self, part: Part, now: float) -> None:
        """A part is final: the next of its person may leave."""
        if not part.person:
            return
        who = self._who(part)
        behind = self._behind.get(who)
        if behind is None:
            return
        behind.busy -= 1
        if behind.busy <= 0 and behind.waiting:
            behind.busy = 1
            self._waiting -= 1
            self._put(behind.waiting.popleft(), now)
        elif behind.busy <= 0:
            self._forget(who)

    def stalled(self, part: Part) -> tuple[Part, ...]:
        """A part is owed: give those that waited behind it, which are owed now too."""
        behind = self._behind.get(self._who(part)) if part.person else None
        if behind is None:
            return ()
        behind.busy -= 1
        waited = tuple(behind.waiting)
        behind.waiting.clear()
        self._waiting -= len(waited)
        if behind.busy <= 0:
            self._forget(self._who(part))
        return waited

    def drain(self, *, waiting_too: bool = False) -> tuple[Part, ...]:
        """Give up what has not left, in order of recording.

        What waits behind a part on its way stays until that is settled, unless the lane ends (`waiting_too`):
        owed and due beside it, it would overtake.
        """
        found = [part for group in self._ready.values() for part in group.parts]
        self._ready.clear()
        self._count = 0
        for part in tuple(found):
            behind = self._behind.get(self._who(part)) if part.person else None
            if behind is not None and behind.busy == 1:
                found += self.stalled(part)
            elif behind is not None:
                behind.busy -= 1
        if waiting_too:
            for behind in self._behind.values():
                found += behind.waiting
                behind.waiting.clear()
            self._waiting = 0
        return tuple(sorted(found, key=lambda part: part.key))

    def _who(self, part: Part) -> tuple[int, int]:
        """Name the line that a part stands in: order holds within a run, as the owed rows have it."""
        person = part.person
        return part.run, self._now.get(person, person) if self._now else person

    def _forget(self, who: tuple[int, int]) -> None:
        del self._behind[who]
        if not self._behind:
            self._now.clear()

    def _put(self, part: Part, now: float) -> None:
        key = group_of(part)
        group = self._ready.get(key)
        if group is None:
            self._ready[key] = group = _Group(part.bound.target.actions[part.item.action], now)
        group.parts.append(part)
        group.size += part.item.size
        self._count += 1

    def _cut(self, key: GroupKey, group: _Group, now: float) -> Batch:
        parts, most, max_bytes = group.parts, key[4], group.action.max_bytes
        if fits(len(parts) - 1, group.size, most, max_bytes):
            del self._ready[key]
            self._count -= len(parts)
            return Batch(tuple(parts))
        taken: list[Part] = []
        size = 0
        while fits(len(taken), size + parts[0].item.size, most, max_bytes):
            part = parts.popleft()
            taken.append(part)
            size += part.item.size
        self._count -= len(taken)
        group.since, group.size = now, group.size - size
        return Batch(tuple(taken))


Home: TypeAlias = tuple[int, int]
"""A window: its run, and its first seq."""


class Windows:
    """The windows that a lane has open, and how many parts of each are not settled."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: dict[Home, int] = {}

    def opened(self, home: Home, n: int) -> None:
        """Note a window, and how many parts are in it."""
        self._counts[home] = n

    def leaving(self, parts: Iterable[Part]) -> Mapping[Home, int]:
        """Say how many parts each window keeps once these are settled; one of no window (a retry) changes nothing."""
        gone = Counter([(part.run, part.window) for part in parts if part.window and not part.queued])
        return {home: self._counts[home] - n for home, n in gone.items() if home in self._counts}

    def left(self, leaving: Mapping[Home, int]) -> None:
        """Note that they are settled."""
        for home, n in leaving.items():
            if n:
                self._counts[home] = n
            else:
                del self._counts[home]
