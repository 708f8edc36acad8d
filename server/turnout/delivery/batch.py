"""What leaves together: parts of one action, one group, one size; and the id that all tries of it share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from turnout import document
from turnout.delivery.window import Part
from turnout.exchange import Dedupe

GroupKey: TypeAlias = tuple[int, int, str, bytes, int, int, bool, bytes]
"""Run, identity of the bound destination, action, digest of the manifest's group, items at most, tie, tried, place."""

_BATCHES = uuid.UUID("c9a4a0d4-3b57-5d53-8d0e-6b5f0a3f2a11")


class Batch(msgspec.Struct, frozen=True):
    """Parts that leave in one request. `request` is its number once a retry is marked, else 0."""

    parts: tuple[Part, ...]
    request: int = 0

    @property
    def first(self) -> Part:
        """The part whose event the request reads what it shares."""
        return self.parts[0]

    @property
    def members(self) -> tuple[tuple[int, int], ...]:
        """Who is in it: (seq, part)."""
        return tuple([(part.seq, part.part) for part in self.parts])

    @property
    def tries(self) -> int:
        """The number of this try: one more than the most that a member has behind it."""
        return 1 + max([part.tries for part in self.parts])


def group_of(part: Part) -> GroupKey:
    """Say with which others a part may leave.

    A part refused twice leaves in ever smaller batches, so that a poison event is alone soon. What may have
    been taken leaves with the very members it left with, where the vendor drops repeats by the batch's id; so does what
    goes on from a place, for the steps before it were about all of them. What was never tried leaves apart from what
    may have been: the number of a try tells which it was.
    """
    item, action = part.item, part.bound.target.actions[part.item.action]
    if not (part.tries or part.place or part.doubt or item.group):
        return part.run, id(part.bound), item.action, b"", action.max_items, 0, False, b""
    size = max(1, action.max_items >> max(0, part.tries - 1))
    tie = part.request if part.place or (part.doubt and action.dedupe is Dedupe.BATCH) else 0
    group = document.canonical(list(item.group)) if item.group else b""
    return part.run, id(part.bound), item.action, group, size, tie, part.tries > 0, part.place


def request_id(batch: Batch) -> str:
    """Give the id that every try of these members shares: the message id of one, a UUIDv5 of many."""
    first = batch.first
    if len(batch.parts) == 1 and first.item.index == 0 and _leads(first):
        return first.message_id
    name = "\n".join(f"{part.message_id} {part.part}" for part in batch.parts)
    return str(uuid.uuid5(_BATCHES, name))


def _leads(part: Part) -> bool:
    """Tell whether a part is of the first action that its event's call has: two actions must not share an id."""
    if len(part.bound.target.actions) == 1:
        return True
    event = part.item.document
    kind, name = str(event.get("type", "")), event.get("event") if event.get("type") == "track" else event.get("name")
    return part.bound.target.select(kind, str(name or ""))[:1] == (part.item.action,)


def halves(batch: Batch) -> tuple[Batch, ...]:
    """Halve a batch that was refused for one of its members."""
    middle = len(batch.parts) // 2
    return Batch(batch.parts[:middle]), Batch(batch.parts[middle:])


def pack(parts: Iterable[Part]) -> tuple[Batch, ...]:
    """Put parts into batches, in order, one event of a person in each."""
    groups: dict[GroupKey, list[Part]] = {}
    for part in parts:
        groups.setdefault(group_of(part), []).append(part)
    return tuple(batch for key, members in groups.items() for batch in _cut(members, key[4], tied=bool(key[5])))


def fits(n: int, size: int, most: int, max_bytes: int) -> bool:
    """Tell whether one more part fits with `n` others; `size` is the bytes of all of them."""
    return n < most and (not n or not max_bytes or size <= max_bytes)


def _cut(parts: Sequence[Part], most: int, *, tied: bool) -> Iterable[Batch]:
    taken: list[Part] = []
    size = 0
    people: set[int] = set()
    max_bytes = parts[0].bound.target.actions[parts[0].item.action].max_bytes
    for part in parts:
        full = not fits(len(taken), size + part.item.size, most, max_bytes)
        if not tied and taken and (full or part.person in people):
            yield Batch(tuple(taken))
            taken, size, people = [], 0, set()
        taken.append(part)
        size += part.item.size
        if part.person:
            people.add(part.person)
    if taken:
        yield Batch(tuple(taken))
