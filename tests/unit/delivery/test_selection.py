"""Which events a replay reads; what is still owed never is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engine import connect, open_store, record, stored, track
from turnout.delivery import verdict
from turnout.delivery.selection import Selection, read_selection, selects, write_selection
from turnout.event.model import TOMBSTONE, Namespace
from turnout.store.deliveries import Final
from turnout.store.owed import Owed, OwedState
from turnout.store.store import Store


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    """Hold three events: the first delivered, the second refused, the third owed."""
    opened = open_store(data_dir)
    opened.commit(connect)
    record(opened, *(track(f"m{seq}", f"u{seq}") for seq in (1, 2, 3)))
    finals = [Final(1, 7, 1, verdict.DELIVERED, "", 0), Final(2, 7, 2, verdict.REFUSED, "http_400", 0)]
    opened.commit(lambda unit: unit.deliveries.finish(1, 0, finals))
    opened.commit(lambda unit: unit.owed.put([Owed(1, 0, 3, 7, 3, 9, 9, 1, OwedState.RETRY, 0, 0)]))
    yield opened
    opened.close()


def chosen(store: Store, selection: Selection) -> list[int]:
    asked = read_selection(write_selection(selection))
    return store.look(lambda view: [event.seq for event in view.log.after(0, 10) if selects(view, asked, 1, event)])


@pytest.mark.parametrize(
    ("selection", "seqs"),
    [
        (Selection(), [1, 2]),
        (Selection(verdict="delivered"), [1]),
        (Selection(verdict="discarded"), [2]),
        (Selection(event="Signed Up"), [1, 2]),
        (Selection(event="Left"), []),
        (Selection(people=(2,)), [2]),
        (Selection(seqs=(1, 3)), [1]),
        (Selection(namespace="test"), []),
        (Selection(people=(2,), verdict="delivered"), []),
    ],
    ids=["all-but-owed", "delivered", "discarded", "event", "other-event", "person", "seqs", "namespace", "both"],
)
def test_all_that_is_given_must_hold_and_what_is_owed_is_left_out(
    store: Store, selection: Selection, seqs: list[int]
) -> None:
    assert chosen(store, selection) == seqs


def test_a_tombstone_is_never_selected(store: Store) -> None:
    event = stored(1, flags=TOMBSTONE, namespace=Namespace("live"))

    assert not store.look(lambda view: selects(view, read_selection(write_selection(Selection())), 1, event))
