"""What a lane owes and what is new, side by side: how many leave at once, and whose turn it is."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import anyio
import pytest

from support.delivering import delivering, until_seen
from support.destination import Recorder
from support.engine import Poster, caller, connect
from support.lanes import tracks
from support.script import Received, Script, Scripted
from turnout.delivery.breaker import START
from turnout.delivery.lane import UNRESOLVED, Options
from turnout.delivery.schedule import Schedule
from turnout.delivery.window import WINDOW_EVENTS
from turnout.exchange import Order, Pace
from turnout.ingest import ingest
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)


async def record(store: Store, first: int, count: int) -> None:
    """Record events, each of a person of its own."""
    calls = tuple(tracks(first, count))
    await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))


def owed(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM owed WHERE state <> 3")[0][0])


def final(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM deliveries")[0][0])


async def test_what_is_owed_leaves_as_many_at_once_as_there_are_slots_and_their_number_grows(data_dir: Path) -> None:
    answers = [Scripted()] * 3 * START  # so many are well before it holds what comes

    def decide(_: Received) -> Scripted:
        return (answers.pop() if answers else Scripted(act="held")) if well else Scripted(500)

    well: list[bool] = []
    with Recorder(Script(decide=decide)) as vendor:
        async with delivering(data_dir, Poster(url=vendor.url)) as store:
            await record(store, 0, 300)
            await until_seen(store, lambda view: owed(view) == 300)
            well.append(True)
            await anyio.to_thread.run_sync(vendor.wait_until, partial(are_open, vendor, START + 1))
            vendor.script.decide = None
            vendor.let_go()
            await until_seen(store, lambda view: final(view) == 300)


async def until_quiet(vendor: Recorder) -> None:
    """Wait until nothing more comes for a moment: all that may leave at once has left."""
    before = -1
    while before != len(vendor.received) or not vendor.held:
        before = len(vendor.received)
        await anyio.sleep(0.05)


async def test_of_one_slot_retries_and_fresh_events_have_their_turns(data_dir: Path) -> None:
    options = Options(Schedule(0.001, 0.001), max_in_flight=1, batch_wait_s=0.001)
    stuck = Scripted(500)
    with Recorder(Script(decide=lambda got: stuck if b'"m20"' in got.body else Scripted())) as vendor:
        async with delivering(data_dir, Poster(url=vendor.url), options) as store:
            await record(store, 0, 60)
            await until_seen(store, lambda view: final(view) == 59)
            told = [b'"m20"' in each.body for each in vendor.received]

    fresh = [at for at, again in enumerate(told) if not again]
    between = Counter(told[fresh[20] : fresh[-1]])
    assert 15 <= between[True] <= between[False] + 1


async def test_lanes_that_share_a_rate_keep_it_together_and_take_turns(data_dir: Path) -> None:
    rate, each = 20, 30
    with Recorder() as vendor:
        target = Poster(url=vendor.url, pace=Pace(((rate, 1.0),), key="one account"))
        async with delivering(data_dir, target) as store:
            await store.transact(partial(connect, name="dst_2"))
            await record(store, 0, each)
            await until_seen(store, lambda view: final(view) == 2 * each)
            sent = await store.read(lambda view: view.session.rows("SELECT sent, lane FROM requests ORDER BY sent"))

    assert len(vendor.received) == 2 * each
    assert (sent[-1][0] - sent[0][0]) / 1e6 >= (2 * each - rate) / rate - 0.1
    assert min(Counter(lane for _, lane in sent[rate : rate + 20]).values()) >= 5


async def test_requests_in_flight_start_at_sixteen_and_grow_to_sixty_four(data_dir: Path) -> None:
    peaks: list[int] = []
    with Recorder(Script(default=Scripted(act="held"))) as vendor:
        async with delivering(data_dir, Poster(url=vendor.url)) as store:
            await record(store, 0, 800)
            for slots in (16, 32, 64, 64):
                await anyio.to_thread.run_sync(vendor.wait_until, partial(are_open, vendor, slots))
                await until_quiet(vendor)
                peaks.append(vendor.open)
                vendor.let_go()
            vendor.script.default = Scripted()
            vendor.let_go()
            await until_seen(store, lambda view: final(view) == 800)
            peaks.append(vendor.peak)

    assert peaks == [16, 32, 64, 64, 64]


def are_open(vendor: Recorder, count: int) -> bool:
    return vendor.open >= count


async def test_a_destination_that_hangs_is_read_on_for_two_windows_and_no_further(data_dir: Path) -> None:
    with Recorder(Script(default=Scripted(act="hang"))) as vendor:
        async with delivering(data_dir, Poster(url=vendor.url, order=Order.NONE, timeout_s=30)) as store:
            await record(store, 0, 3 * WINDOW_EVENTS)
            await record(store, 3 * WINDOW_EVENTS, 3 * WINDOW_EVENTS)
            await anyio.to_thread.run_sync(vendor.wait_for, START)
            await until_seen(store, lambda view: cursor(view) >= WINDOW_EVENTS)
            for n in range(10):  # each wakes it
                await record(store, 10_000 + n, 1)
            with pytest.raises(TimeoutError):
                await until_seen(store, lambda view: cursor(view) > UNRESOLVED + WINDOW_EVENTS, limit_s=1.5)

        assert vendor.peak == 16


def cursor(view: View) -> int:
    run = view.lanes.run(1, 0)
    return run.cursor if run else 0
