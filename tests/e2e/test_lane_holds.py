"""When a lane stands still, for how long, and what makes it go on: Retry-After, credentials, a breaker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import anyio
import pytest

from support.delivering import delivering, until_seen
from support.destination import Recorder
from support.engine import Poster, caller, track
from support.lanes import became, change, connect, record, tracks, workspace
from support.program import Program
from support.script import Received, Script, Scripted
from support.worker import until
from turnout.delivery.breaker import FAILURES, PROBE_S
from turnout.delivery.lane import IDLE_S, Options
from turnout.delivery.schedule import RETRY_AFTER_MAX_S, Schedule
from turnout.delivery.window import WINDOW_EVENTS
from turnout.ingest import ingest
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

ONE_BY_ONE = Options(Schedule(0.02, 0.1), max_in_flight=1, batch_wait_s=0.001)
OWN_S = 0.1
SETTINGS = (("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"), ("TURNOUT_RETRY_BASE_S", "30"), ("TURNOUT_RETRY_CAP_S", "60"))


def in_s(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


async def tell(store: Store, count: int) -> None:
    calls = tuple(tracks(0, count))
    await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))


def final(view: View) -> int:
    return len(view.session.rows("SELECT 1 FROM deliveries"))


@pytest.mark.parametrize(
    ("said", "least_s", "most_s"),
    [
        ("40", 40, 40),
        (40.0, 30, 41),
        ("99999999", RETRY_AFTER_MAX_S, RETRY_AFTER_MAX_S),
        (1e8, RETRY_AFTER_MAX_S, RETRY_AFTER_MAX_S),
        ("-5", 0, OWN_S),
        ("soon", 0, OWN_S),
        (-1e6, 0, OWN_S),
        ("1764000000000", 0, OWN_S),
    ],
    ids=["seconds", "date", "years", "far", "negative", "words", "past", "milliseconds"],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_kept_up_to_an_hour_and_what_it_does_not_say_is_our_own_wait(
    data_dir: Path, said: str | float, least_s: float, most_s: float, status: int
) -> None:
    with Recorder() as vendor:
        text = in_s(said) if isinstance(said, float) else said  # a number stands for a date so many seconds on
        vendor.answer(Scripted(status, (("retry-after", text),)))
        async with delivering(data_dir, Poster(url=vendor.url), ONE_BY_ONE) as store:
            await tell(store, 3)
            if most_s > OWN_S:
                await until_seen(store, lambda view: len(became(view)) > 0)
                rows = await store.read(lambda view: view.session.rows("SELECT due, first, took FROM owed, requests"))
                (due, sent, took) = rows[0]
                assert least_s - 1 <= (due - sent - took * 1000) / 1e6 <= most_s + 1
                assert len(vendor.received) == 1
            else:
                await until_seen(store, lambda view: final(view) == 3)
                assert len(vendor.received) == 4


async def test_a_long_stretch_of_which_nothing_is_sent_is_passed_without_a_pause(data_dir: Path) -> None:
    with Recorder() as vendor:
        async with delivering(data_dir, Poster(url=vendor.url)) as store:
            calls = (*[track(f"m{n}", event="Ignored") for n in range(6 * WINDOW_EVENTS)], track("last"))
            await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))
            await until_seen(store, lambda _: len(vendor.received) == 1, limit_s=3 * IDLE_S)


async def test_retry_after_holds_the_whole_lane_until_then_and_no_longer(data_dir: Path) -> None:
    with Recorder() as vendor:
        vendor.answer(Scripted(429, (("retry-after", "1"),)))
        async with delivering(data_dir, Poster(url=vendor.url), ONE_BY_ONE) as store:
            await tell(store, 20)
            await until_seen(store, lambda view: final(view) == 20)

    gaps = [later.at - got.at for got, later in zip(vendor.received, vendor.received[1:], strict=False)]
    assert gaps[0] >= 0.95
    assert len(vendor.received) == 21


def test_refused_credentials_pause_the_lane_and_changed_settings_resume_it_at_once(data_dir: Path) -> None:
    def decide(got: Received) -> Scripted:
        return Scripted(200 if got.header("x-key") == "right" else 401)

    with workspace(data_dir) as store, Recorder(Script(decide=decide)) as vendor:
        lane = connect(store, {"url": f"{vendor.url}/hook", "headers": {"x-key": "wrong"}}, name="Hook")
        with Program(data_dir, SETTINGS).serving():
            record(store, *tracks(0, 30))
            until(lambda: any(row.reason == "credentials" for row in store.look(lambda view: view.lanes.all())))
            refused = len(vendor.received)
            change(store, "Hook", {"headers": {"x-key": "right"}})
            until(lambda: [each.word for each in store.look(lambda v: became(v, lane))] == ["delivered"] * 30)
            reasons = [row.reason for row in store.look(lambda view: view.lanes.all())]

    answers = [got.header("x-key") for got in vendor.received]
    assert 1 <= answers.count("wrong") <= refused + 16  # those on their way; no try is counted, no probe was needed
    assert answers.count("right") == 30
    assert vendor.received[answers.index("right")].at - vendor.received[0].at < PROBE_S[0]
    assert reasons == [""]


async def test_an_open_breaker_asks_seldom_and_closes_with_the_first_success(data_dir: Path) -> None:
    ill = [True]
    options = Options(Schedule(0.2, 0.4), batch_wait_s=0.001)
    with Recorder(Script(decide=lambda _: Scripted(503 if ill[0] else 200))) as vendor:
        async with delivering(data_dir, Poster(url=vendor.url), options) as store:
            await tell(store, 200)
            await until_seen(store, lambda view: any(row.reason == "trouble" for row in view.lanes.all()))
            await anyio.to_thread.run_sync(vendor.wait_until, lambda: vendor.open == 0)
            before = len(vendor.received)
            await anyio.to_thread.run_sync(vendor.wait_for, before + 2)
            tries = await store.read(lambda view: view.session.rows("SELECT max(tries) FROM owed"))
            ill[0] = False
            await until_seen(store, lambda view: final(view) == 200)

    probes = vendor.received[before:]
    assert FAILURES <= before <= FAILURES + 16
    assert probes[1].at - probes[0].at >= 0.35  # the second probe comes twice as long after the first
    assert tries == [(1,)]
