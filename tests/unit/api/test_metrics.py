"""`/metrics`, read by the official parser of OpenMetrics."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.carrier import BUSY, carrier
from support.workspace import Bench, bench
from turnout.api.app import build
from turnout.api.health import Life
from turnout.api.metrics import FAMILIES
from turnout.clock import DAY, HOUR, SECOND
from turnout.delivery import verdict
from turnout.delivery.held import Held
from turnout.delivery.tokens import put
from turnout.store.lanes import LaneState
from turnout.store.owed import Owed, OwedState
from turnout.upkeep.watch import Signs

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
HOOK = {"url": "https://hook.example.com/in"}
UNITS = ("seconds", "bytes", "ratio")


@pytest.fixture
def here(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as made:
        yield made


@asynccontextmanager
async def asked(here: Bench, life: Life | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    app = build(here.store, frozenset({"localhost"}), life or Life("1.2", 90, lambda: True))
    transport = httpx2.ASGITransport(app)
    async with here.store.awake(), httpx2.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


def text(here: Bench, life: Life | None = None) -> str:
    async def ask() -> httpx2.Response:
        async with asked(here, life) as client:
            return await client.get("/metrics")

    answer = anyio.run(ask)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    return str(answer.text)


def parse(told: str) -> list[Metric]:
    return list(text_string_to_metric_families(told))  # type: ignore[no-untyped-call]


def samples(told: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(told)
        for sample in family.samples
    }


def one(told: Samples, name: str, **labels: str) -> float:
    return told[name, frozenset(labels.items())]


def test_the_official_parser_reads_it_and_finds_only_what_is_stated_in_order(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name='My "hook" \\ \n')
    lanes = carrier(here)
    here.record({}, {})
    lanes.deliver(hook)
    here.record({})
    lanes.deliver(hook, BUSY)
    life = Life("1.2", 90, lambda: True, Signs(Counter({"what is old is gone": 2})), lambda: {hook.lane: (3, 16)})

    found = parse(text(here, life))

    stated = {family.name: family for family in FAMILIES}
    assert [family.name for family in found] == list(stated)
    for family in found:
        own = stated[family.name]
        assert (family.type, family.documentation, family.unit) == (own.kind, own.says, own.unit)
        assert family.samples, family.name
        ours = {*own.labels, "le", own.name}
        assert all(set(sample.labels) <= ours for sample in family.samples), family.name
    assert {sample.labels.get("destination") for family in found for sample in family.samples} == {None, hook.name}


def test_names_end_in_their_unit_and_no_name_ends_as_a_sample_does() -> None:
    for family in FAMILIES:
        assert not family.unit or family.name.endswith(f"_{family.unit}"), family.name
        assert bool(family.unit) == family.name.endswith(tuple(f"_{unit}" for unit in UNITS)), family.name
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_info", "_created")), family.name


def test_lag_owed_state_and_requests_of_a_destination_are_told(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    lanes = carrier(here)
    here.record({"userId": "a"}, {"userId": "b"})
    lanes.deliver(hook)
    here.record({"userId": "c"})
    lanes.deliver(hook, BUSY)
    here.record({}, {}, {})
    here.clock.pass_s(9 * DAY / SECOND)
    here.store.commit(lambda unit: unit.lanes.note_running(hook.lane, "trouble"))

    told = samples(text(here, Life("1", 90, lambda: False, Signs(), lambda: {hook.lane: (3, 16), 99: (1, 1)})))

    of = {"destination": "Hook"}
    assert one(told, "turnout_lag_events", **of) == 3
    assert one(told, "turnout_lag_seconds", **of) == 9 * 86_400
    assert one(told, "turnout_lag_retention_ratio", **of) == pytest.approx(0.1)
    assert one(told, "turnout_owed", **of, state="retry") == 1
    states = {
        state: one(told, "turnout_destination_state", **of, turnout_destination_state=state)
        for state in ("running", "paused", "trouble", "credentials", "gone", "token")
    }
    assert states == {"running": 0, "paused": 0, "trouble": 1, "credentials": 0, "gone": 0, "token": 0}
    assert one(told, "turnout_requests_in_flight", **of) == 3
    assert one(told, "turnout_requests_allowed", **of) == 16
    assert one(told, "turnout_is_delivering") == 0


def test_a_destination_without_the_token_it_needs_says_so(here: Bench) -> None:
    hook = here.connect("webhook", {"url": "https://hook.example/in"}, name="Hook")
    here.store.commit(lambda unit: put(unit, hook.id, Held(consent=True)))

    told = samples(text(here, Life("1", 90, lambda: False, Signs(), dict)))

    assert one(told, "turnout_destination_state", destination="Hook", turnout_destination_state="token") == 1


def test_verdicts_are_told_by_reason(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    here.record({}, {"userId": "u2"})
    carrier(here).deliver(hook)

    told = samples(text(here))

    assert one(told, "turnout_verdicts_total", destination="Hook", verdict="delivered", reason="delivered") == 2


def test_a_paused_destination_is_told_as_paused(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.PAUSED, "paused"))

    told = samples(text(here))

    assert one(told, "turnout_destination_state", destination="Hook", turnout_destination_state="paused") == 1


def test_times_of_requests_are_a_histogram_with_its_sum(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    for took in (1, 3, 4, 900, 40_000):
        here.store.commit(lambda unit, took=took: unit.counts.took(hook.lane, (took,)))  # type: ignore[misc]

    told = samples(text(here))

    def at_most(bound: str) -> float:
        return one(told, "turnout_request_seconds_bucket", destination="Hook", le=bound)

    assert [at_most(each) for each in ("0.001", "0.002", "0.004", "0.512", "1.024", "32.768", "+Inf")] == [
        1, 1, 3, 3, 4, 4, 5,
    ]  # fmt: skip
    assert one(told, "turnout_request_seconds_count", destination="Hook") == 5
    assert one(told, "turnout_request_seconds_sum", destination="Hook") == pytest.approx(40.908)


async def test_counters_never_fall_and_go_on_over_hours_that_are_not_read_again(here: Bench) -> None:
    told: list[float] = []

    async with asked(here) as client:
        for _ in range(5):
            await anyio.to_thread.run_sync(here.record, {}, {})
            for _ in range(2):
                answer = await client.get("/metrics")
                told.append(one(samples(answer.text), "turnout_calls_total", became="accepted"))
            here.clock.pass_s(HOUR / SECOND)

    assert told == [2, 2, 4, 4, 6, 6, 8, 8, 10, 10]


def test_the_door_the_writer_and_the_files_are_told(here: Bench) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m2"})
    here.record({"messageId": "m1"})
    before = here.store.tally.commits

    told = samples(text(here))

    own = {"process": "door"}
    assert one(told, "turnout_calls_total", became="accepted") == 2
    assert one(told, "turnout_calls_total", became="duplicate") == 1
    assert one(told, "turnout_calls_total", became="refused") == 0
    assert one(told, "turnout_commits_total", **own) == before > 2
    assert one(told, "turnout_recorded_events_total", **own) == 2
    assert one(told, "turnout_commits_failed_total", **own) == 0
    assert one(told, "turnout_writer_queue", **own) == one(told, "turnout_writer_wait_seconds", **own) == 0
    wal = here.store.path.with_name("turnout.db-wal")
    assert one(told, "turnout_wal_bytes") == wal.stat().st_size > 0
    assert one(told, "turnout_wal_pages") >= one(told, "turnout_wal_unmoved_pages") > 0
    assert one(told, "turnout_database_bytes") == here.store.path.stat().st_size
    assert one(told, "turnout_disk_free_bytes") > 0
    assert one(told, "turnout_deliverer_process") == 0
    assert one(told, "process_resident_memory_bytes", **own) > 1 << 20
    assert one(told, "process_open_fds", **own) > 3


def test_the_numbers_of_the_process_that_delivers_stand_beside_those_of_the_door(here: Bench) -> None:
    life = Life("1.2", 90, lambda: True, numbers=lambda: {"turnout_commits": 7, "process_open_fds": 12})
    before = here.store.tally.commits

    told = samples(text(here, life))

    assert one(told, "turnout_commits_total", process="door") == before
    assert one(told, "turnout_commits_total", process="deliverer") == 7
    assert one(told, "process_open_fds", process="deliverer") == 12


def test_a_deliverer_that_is_not_there_has_no_numbers(here: Bench) -> None:
    told = samples(text(here))

    assert {dict(labels)["process"] for _, labels in told if "process" in dict(labels)} == {"door"}


def test_what_strangers_and_people_wrote_stands_nowhere_in_it(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    here.record(*[{"event": f"Stranger {number}", "userId": f"ann-{number}@example.com"} for number in range(200)])
    carrier(here).deliver(hook)

    told = text(here)

    assert "Stranger" not in told
    assert "ann-" not in told
    assert len(told.splitlines()) < 200


def test_a_long_queue_is_counted_no_further_than_ten_thousand(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    rows = [Owed(hook.lane, 0, seq, 0, 0, 1, 1, 1, OwedState.RETRY, 0, 0) for seq in range(1, 12_001)]
    here.store.commit(lambda unit: unit.owed.put(rows))

    told = samples(text(here))

    assert one(told, "turnout_owed", destination="Hook", state="retry") == 10_000


def test_every_published_reason_fits_its_label(here: Bench) -> None:
    hook = here.connect("webhook", HOOK, name="Hook")
    for code in verdict.CODES:
        here.store.commit(lambda unit, number=code.number: unit.counts.add(hook.lane, number))  # type: ignore[misc]

    told = samples(text(here))

    counted = [dict(labels) for name, labels in told if name == "turnout_verdicts_total"]
    assert {(each["verdict"], each["reason"]) for each in counted} == {
        (str(code.verdict), code.word) for code in verdict.CODES
    }
    assert json.dumps(counted).isascii()
