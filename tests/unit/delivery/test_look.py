"""What a lane finds when it looks: how far it reads on, and what it takes of the queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from typing_extensions import override

from support.engine import Poster, connect, eyes, open_store, record, track
from support.workspace import StillClock
from turnout.delivery import look as looking
from turnout.delivery.look import OWED_ORDERED, Looked, Wanted
from turnout.delivery.window import WINDOW_BYTES, WINDOW_EVENTS
from turnout.document import Document
from turnout.exchange import Drop, Item, Order, part_of
from turnout.store.owed import Owed, OwedState
from turnout.store.store import Store

ALL = Wanted(batches=16, events=5000, probe=False)


def look(store: Store, target: Poster, wanted: Wanted = ALL) -> Looked:
    seen = eyes(target)
    return store.look(lambda view: looking.look(view, 1, seen, wanted, 0))


def owe(store: Store, first: int, count: int, *, due: int | None = None) -> None:
    """Owe events that need not be there."""
    state = OwedState.HELD if due is None else OwedState.RETRY
    rows = [Owed(1, 0, seq, part_of("post", 0), 1, due, 1, 1, state, 0, 0) for seq in range(first, first + count)]
    store.commit(lambda unit: unit.owed.put(rows))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "data", StillClock())
    store.commit(connect)
    return store


def test_a_lane_with_order_stops_reading_when_it_owes_five_thousand(store: Store) -> None:
    record(store, track("m1"))
    owe(store, 10_001, OWED_ORDERED)
    assert look(store, Poster()).opening is not None

    owe(store, 20_001, 1)

    assert look(store, Poster()).opening is None
    assert look(store, Poster(order=Order.NONE)).opening is not None
    store.close()


def test_a_window_ends_at_a_thousand_events_or_four_megabytes(store: Store) -> None:
    record(store, *(track(f"m{n}", f"u{n}") for n in range(WINDOW_EVENTS + 100)))
    many = look(store, Poster()).opening
    assert many is not None
    assert (many.last, many.more) == (WINDOW_EVENTS, True)

    store.commit(lambda unit: unit.lanes.move(1, 0, WINDOW_EVENTS + 100))
    size = 30_000
    record(store, *(track(f"l{n}", f"u{n}", properties={"t": "x" * size}) for n in range(200)))
    large = look(store, Poster()).opening

    assert large is not None
    assert WINDOW_BYTES - 2 * size < size * len(large.parts) < WINDOW_BYTES
    assert large.more
    store.close()


@pytest.mark.parametrize(("items", "batches"), [(1, 16), (10, 16), (1, 1)])
def test_no_more_of_the_queue_is_mapped_than_can_leave(store: Store, items: int, batches: int) -> None:
    record(store, *(track(f"m{n}", f"u{n}") for n in range(400)))
    owe(store, 1, 400, due=1)
    mapped: list[Document] = []

    class Counting(Poster):
        @override
        def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
            mapped.append(document)
            return Poster.items(self, document, actions, now)

    found = look(store, Counting(max_items=items, order=Order.NONE), Wanted(batches, 0, probe=False))

    assert len(mapped) <= batches * items
    assert len(found.retries) == batches
    store.close()
