"""One event that a destination never takes, or that our mapping fails on, alone and among a hundred."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

from support.delivering import delivering, until_seen
from support.destination import Recorder
from support.engine import Poster, caller, track
from support.lanes import became, connect, record, tracks, workspace
from support.program import Program
from support.script import Received, Script, Scripted
from support.worker import until
from turnout.document import Document
from turnout.exchange import Drop, Exchange, Item, Moment
from turnout.ingest import ingest
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

SETTINGS = (
    ("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"),
    ("TURNOUT_RETRY_BASE_S", "0.05"),
    ("TURNOUT_RETRY_CAP_S", "0.2"),
)
BATCH = 100
POISON = "m37"
DEEPEST = 7
"""Halvings from a hundred to one."""


def names_of(got: Received) -> list[str]:
    body = got.json()
    items = body.get("batch", [body]) if isinstance(body, dict) else body
    return [each if isinstance(each, str) else each["messageId"] for each in items]


def answering(status: int) -> Script:
    """Make a script that refuses whatever holds the poison."""
    return Script(decide=lambda got: Scripted(status if POISON in names_of(got) else 200))


def taken(vendor: Recorder) -> Counter[str]:
    """Count how often each event was taken."""
    return Counter(name for got in vendor.received if POISON not in (names := names_of(got)) for name in names)


def words(store: Store, lane: int) -> Counter[str]:
    """Count what became of the events at a lane."""
    return Counter(each.word for each in store.look(lambda view: became(view, lane)))


OTHERS = Counter(f"m{n}" for n in range(BATCH) if f"m{n}" != POISON)


@pytest.mark.parametrize(("status", "word"), [(400, "refused"), (413, "refused"), (500, "waiting")])
def test_of_a_hundred_in_a_batch_the_one_to_blame_is_found_and_the_others_are_taken_once(
    data_dir: Path, status: int, word: str
) -> None:
    with workspace(data_dir) as store, Recorder(answering(status)) as vendor:
        lane = connect(store, {"url": f"{vendor.url}/hook", "batch_size": BATCH})
        record(store, *tracks(0, BATCH))
        with Program(data_dir, SETTINGS).serving():
            until(lambda: words(store, lane) == {"delivered": BATCH - 1, word: 1})

    assert taken(vendor) == OTHERS
    if word == "refused":
        assert len(vendor.received) <= 1 + 2 * DEEPEST


def test_an_event_over_the_destinations_size_is_left_out_of_its_batch(data_dir: Path) -> None:
    with workspace(data_dir) as store, Recorder(answering(400)) as vendor:
        lane = connect(store, {"endpoint": vendor.url, "write_key": "wk_0123456789abcdef"}, "segment")
        large = track(POISON, "u37", properties={"text": "x" * 32_620})
        record(store, *(large if n == int(POISON[1:]) else call for n, call in enumerate(tracks(0, BATCH))))
        with Program(data_dir, SETTINGS).serving():
            until(lambda: words(store, lane) == {"delivered": BATCH - 1, "too_large": 1})

    assert taken(vendor) == OTHERS


@dataclass(frozen=True, slots=True)
class Failing(Poster):
    """Fails on the poison, when it maps or when it sends."""

    at: str = "items"

    @override
    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
        if self.at == "items" and document["messageId"] == POISON:
            raise ZeroDivisionError
        return Poster.items(self, document, actions, now)

    @override
    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:
        if self.at == "exchange" and any(item.document["messageId"] == POISON for item in items):
            raise ZeroDivisionError
        return (yield from Poster.exchange(self, action, items, moment))


@pytest.mark.parametrize("at", ["items", "exchange"])
@pytest.mark.parametrize("items", [1, BATCH], ids=["alone", "batched"])
async def test_a_mapping_that_fails_on_one_event_costs_that_event(data_dir: Path, items: int, at: str) -> None:
    with Recorder() as vendor:
        async with delivering(data_dir, Failing(url=vendor.url, max_items=items, at=at)) as store:
            calls = tuple(tracks(0, BATCH))
            await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))
            await until_seen(store, all_final)
            found = await store.read(became)

    assert Counter(each.word for each in found) == {"delivered": BATCH - 1, "mapping_error": 1}
    assert Counter(name for got in vendor.received for name in json.loads(got.body)) == OTHERS


def all_final(view: View) -> bool:
    return len(view.session.rows("SELECT 1 FROM deliveries")) == BATCH
