"""Law of the newest events: an id is known, as its event, and the event as somebody's, exactly while that is there."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.engine import open_store, record, track
from turnout.event.model import LIVE
from turnout.identity.model import Identifier, IdType
from turnout.ingest import Recorded
from turnout.store import ids, messages
from turnout.store.session import NEWEST
from turnout.store.store import Store
from turnout.store.unit import Unit, View

STEPS = 500
HOUSES = 3
"""Stores of one workspace that are open side by side, as in so many processes."""


@dataclass(slots=True)
class Book:
    """What is true: the events that are there, by the numbers of their ids."""

    chance: random.Random
    there: dict[int, int] = field(default_factory=dict)
    buried: set[int] = field(default_factory=set)
    next: int = 0

    def some(self, most: int) -> list[int]:
        """Choose numbers to record: new ones, and such as came before, mostly of late."""
        chosen = []
        for _ in range(self.chance.randint(1, most)):
            if self.next and self.chance.random() < 0.4:
                back = self.chance.choice([5, 50, 500])
                chosen.append(self.chance.randrange(max(0, self.next - back), self.next))
            else:
                chosen.append(self.next)
                self.next += 1
        return chosen

    def record(self, store: Store) -> None:
        """Record events; each is a repeat where its event is there, of that event."""
        numbers = self.some(6)
        entries = record(store, *(track(f"m{n}", user(n)) for n in numbers)).entries
        for number, entry in zip(numbers, entries, strict=True):
            assert isinstance(entry, Recorded)
            assert entry.repeated == (number in self.there), number
            assert entry.seq == self.there.setdefault(number, entry.seq)

    def fail(self, store: Store) -> None:
        """Note ids in an operation that then raises."""

        def note(unit: Unit) -> None:
            unit.messages.note([messages.message_key(1, f"m{n}") for n in range(self.next, self.next + 3)], [1] * 3)
            raise LookupError

        with suppress(LookupError):
            store.commit(note)

    def bury(self, store: Store) -> None:
        """Leave tombstones, which do not tell their ids, of events."""
        seqs = self.chance.sample(list(self.there.values()), min(10, len(self.there)))
        store.commit(lambda unit: unit.log.bury(seqs))
        self.buried.update(seqs)

    def prune(self, store: Store) -> None:
        """Remove the oldest events and, as upkeep does, the ids in order that tombstones among them could not tell."""
        many = self.chance.randint(1, 10)

        def prune(unit: Unit) -> tuple[list[int], int]:
            oldest = unit.log.oldest(unit.counter.seq, many)
            unit.log.prune(oldest)
            return [event.seq for event, _ in oldest], unit.counter.ordered

        gone, ordered = store.commit(prune)
        self.there = {number: seq for number, seq in self.there.items() if seq not in gone}
        if gone and gone[0] < ordered:
            page = store.look(lambda view: view.messages.ordered(b"", 9_999))
            store.commit(lambda unit: unit.messages.prune(key for key, seq in page if seq <= gone[-1]))

    def find(self, store: Store) -> None:
        """Look ids up."""
        numbers = self.chance.sample(range(self.next), min(8, self.next))
        found = store.look(lambda view: [view.messages.find(1, f"m{n}") for n in numbers])
        assert found == [self.there.get(number) for number in numbers]

    def tell(self, store: Store) -> None:
        """Read the histories of two people, of one alone and of both as if they were one."""
        first, last = sorted(self.chance.choices([*self.there.values(), 0], k=2))
        for users in ({"u0"}, {"u0", "u1"}):
            true = sorted(seq for number, seq in self.there.items() if user(number) in users)

            def look(view: View, users: set[str] = users) -> tuple[object, ...]:
                found = [view.people.owner(Identifier(LIVE, IdType.USER, each)) for each in users]
                both = [each for each in found if each is not None]
                history = view.history
                return (
                    history.seqs(both, first, last),
                    history.seqs(both, first, NEWEST, 7),
                    [each.seq for each in history.back(both, last, 7)],
                    history.count(both, last),
                    history.content(both, last),
                    len(history.once(both)),
                    sorted(history.tally(both).values()),
                )

            until = [seq for seq in true if seq <= last]
            theirs = [user(number) for number in self.there]
            known = [user(number) for number in range(self.next)]
            assert store.look(look) == (
                tuple(seq for seq in until if seq >= first),
                tuple([seq for seq in true if seq >= first][:7]),
                [seq for seq in reversed(true) if seq < last][:7],
                len(until),
                len([seq for seq in until if seq not in self.buried]),
                len([each for each in users if theirs.count(each) == 1]),
                sorted(theirs.count(each) for each in users if each in known),
            )


def user(number: int) -> str:
    """Say whose the event of a number is: one did most of them."""
    return f"u{number % 7 if number % 3 else 0}"


def test_an_id_is_known_as_its_event_for_exactly_as_long_as_that_is_there(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "ENOUGH", 120)
    monkeypatch.setattr(ids, "PART", 12)
    monkeypatch.setattr(messages, "PAGE", 16)
    book = Book(random.Random(random.random()))  # noqa: S311 - chance that replays with the run
    houses = [open_store(data_dir) for _ in range(HOUSES)]
    moves = [*[book.record] * 14, book.fail, *[book.bury] * 2, *[book.prune] * 2, *[book.find] * 2, *[book.tell] * 3]
    try:
        for _ in range(STEPS):
            which = book.chance.randrange(HOUSES)
            if book.chance.random() < 0.03:
                houses[which].close()
                houses[which] = open_store(data_dir)
            book.chance.choice(moves)(houses[which])
        ordered = houses[0].look(lambda view: view.counter.ordered)
        rows = houses[0].look(lambda view: view.session.rows("SELECT count(*) FROM history"))[0][0]
    finally:
        for each in houses:
            each.close()

    assert ordered > ids.ENOUGH, "all of it came into order, more than once"
    assert rows <= len(book.there), "and what was pruned is told no more"


def test_what_comes_from_processes_that_end_after_a_commit_each_comes_into_order_too(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "ENOUGH", 60)
    monkeypatch.setattr(ids, "PART", 12)
    ordered = []

    for number in range(120):
        house = open_store(data_dir)
        record(house, track(f"m{number}", user(number)))
        ordered.append(house.look(lambda view: view.counter.ordered))
        house.close()

    assert ordered[59] < ids.ENOUGH < ordered[-1], "none of them brought more than a part"


def test_what_comes_in_commits_of_many_is_brought_in_order_as_fast_as_it_comes(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "ENOUGH", 60)
    monkeypatch.setattr(ids, "PART", 6)
    monkeypatch.setattr(messages, "PAGE", 60)
    many, standing = 30, 0
    house = open_store(data_dir)

    for start in range(0, 50 * many, many):
        record(house, *(track(f"m{number}", user(number)) for number in range(start, start + many)))
        standing = max(standing, house.look(lambda view: view.session.rows("SELECT count(*) FROM recent"))[0][0])
    house.close()

    assert standing < 5 * ids.ENOUGH, "what stands as it came, for each look to walk through, stays as little"
