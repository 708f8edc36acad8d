from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from support.workspace import Bench, bench
from turnout.api.recorder import Recorder
from turnout.document import encode
from turnout.event.model import LIVE, TEST, Call, Caller, Namespace, Refused, SourceId
from turnout.ingest import Entry, Recorded
from turnout.store.unit import Unit


@pytest.fixture
def workspace(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as made:
        yield made


@pytest.fixture
async def recorder(workspace: Bench) -> AsyncIterator[Recorder]:
    async with workspace.store.awake():
        yield Recorder(workspace.store)


def call(number: int, event: str = "Seen") -> Call:
    return Call(encode({"type": "track", "userId": "u", "event": event, "messageId": f"m_{number}"}))


def caller(workspace: Bench, namespace: Namespace = LIVE, sent_at: str = "") -> Caller:
    return Caller(SourceId(1), namespace, workspace.clock.now(), sent_at)


def ids(entries: tuple[Entry, ...]) -> list[str]:
    return [str(each.message_id) for each in entries if isinstance(each, Recorded)]


async def test_requests_that_come_together_go_into_few_commits_and_each_hears_of_its_own(
    workspace: Bench, recorder: Recorder
) -> None:
    heard: dict[int, tuple[Entry, ...]] = {}

    async def ask(number: int) -> None:
        where = caller(workspace, TEST if number % 3 == 0 else LIVE, "2025-11-24T16:00:00Z" if number % 5 == 0 else "")
        heard[number] = await recorder.record((call(number), call(1000 + number, event="")), where)

    before = workspace.store.tally.commits
    async with anyio.create_task_group() as tasks:
        for number in range(60):
            tasks.start_soon(ask, number)

    assert {number: ids(entries) for number, entries in heard.items()} == {n: [f"m_{n}"] for n in range(60)}
    assert all(isinstance(entries[1], Refused) for entries in heard.values())
    assert workspace.store.tally.commits - before <= 6
    stored = await workspace.store.read(lambda view: view.log.after(0, 100))
    assert sorted(each.namespace for each in stored) == ["live"] * 40 + ["test"] * 20


async def test_what_one_request_breaks_costs_no_other(workspace: Bench, recorder: Recorder) -> None:
    heard: dict[int, list[str]] = {}
    broke: list[int] = []

    async def ask(number: int) -> None:
        given = Call(None) if number == 7 else call(number)  # type: ignore[arg-type]  # a fault of ours
        try:
            heard[number] = ids(await recorder.record((given,), caller(workspace)))
        except TypeError:
            broke.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask, number)

    assert broke == [7]
    assert heard == {n: [f"m_{n}"] for n in range(20) if n != 7}


async def test_a_large_request_is_cut_into_commits_in_its_order(workspace: Bench, recorder: Recorder) -> None:
    entries = await recorder.record(tuple(map(call, range(250))), caller(workspace))

    assert ids(entries) == [f"m_{n}" for n in range(250)]


def _without_events(unit: Unit) -> None:
    unit.session.run("DROP TABLE recent")


@pytest.mark.parametrize("given_up", [1, 2, 9])
async def test_who_gives_up_while_waiting_holds_nobody_up(workspace: Bench, recorder: Recorder, given_up: int) -> None:
    heard: list[str] = []

    async def ask(number: int, scope: anyio.CancelScope) -> None:
        with scope:
            heard.extend(ids(await recorder.record((call(number),), caller(workspace))))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            scopes = [anyio.CancelScope() for _ in range(10)]
            for number, scope in enumerate(scopes):
                tasks.start_soon(ask, number, scope)
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            scopes[given_up].cancel()
        await recorder.record((call(99),), caller(workspace))

    assert set(heard) >= {f"m_{n}" for n in range(10) if n != given_up}


async def test_commits_that_fail_are_told_to_all_who_wait(workspace: Bench, recorder: Recorder) -> None:
    await anyio.to_thread.run_sync(partial(workspace.store.commit, _without_events))
    told: list[str] = []

    async def ask(number: int) -> None:
        try:
            await recorder.record((call(number),), caller(workspace))
        except Exception as error:  # noqa: BLE001 - which, is what is asked
            told.append(type(error).__name__)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(ask, number)

    assert told == ["Unavailable"] * 5
