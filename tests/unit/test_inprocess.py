"""`from turnout import Turnout`: what a call gives, where events go, and what is said of a bad one; sync and async."""

from __future__ import annotations

import gc
import inspect
import os
import resource
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from support.embedded import forked, held, message_ids, stored
from support.worker import until
from support.workspace import AGENT, LIVE_AGENT, bench
from turnout import AsyncTurnout, Turnout
from turnout.calls import Calls
from turnout.errors import InvalidCall, InvalidInput, NotFound, TurnoutError, Unavailable
from turnout.store.locks import FileLock
from turnout.workspace import Source

ARGUMENTS = {
    "track": "user_id event properties context timestamp anonymous_id integrations message_id",
    "identify": "user_id traits context timestamp anonymous_id integrations message_id",
    "page": "user_id category name properties context timestamp anonymous_id integrations message_id",
    "screen": "user_id category name properties context timestamp anonymous_id integrations message_id",
    "group": "user_id group_id traits context timestamp anonymous_id integrations message_id",
    "alias": "previous_id user_id context timestamp integrations message_id",
}
"""Source: segment-analytics-python 2.4.0, `Client`."""


@pytest.mark.parametrize("door", [Turnout, AsyncTurnout])
def test_arguments_have_the_names_and_the_order_of_segments_library(door: type[Calls[Any]]) -> None:
    own = {call: " ".join(list(inspect.signature(getattr(door, call)).parameters)[1:]) for call in ARGUMENTS}

    assert own == ARGUMENTS
    assert all(getattr(door, call).__doc__ for call in ARGUMENTS)


def test_each_call_is_stored_as_it_was_made(data_dir: Path) -> None:
    at = datetime(2025, 11, 24, 16, tzinfo=UTC)
    with Turnout(data_dir) as turnout:
        turnout.track("u", "Bought", {"n": 1}, {"ip": "1.2.3.4"}, at, "a", {"All": False}, "m1")
        turnout.identify("u", {"plan": "pro"}, message_id="m2")
        turnout.page("u", "Docs", "Home", {"url": "x"}, message_id="m3")
        turnout.screen("u", "Docs", "Home", message_id="m4")
        turnout.group("u", "g", {"name": "G"}, message_id="m5")
        turnout.alias("a", "u", message_id="m6")

    track, identify, page, screen, group, alias = stored(data_dir)
    assert {key: track[key] for key in ("type", "userId", "event", "properties", "anonymousId", "integrations")} == {
        "type": "track", "userId": "u", "event": "Bought", "properties": {"n": 1}, "anonymousId": "a",
        "integrations": {"All": False},
    }  # fmt: skip
    assert (track["messageId"], track["timestamp"]) == ("m1", "2025-11-24T16:00:00.000Z")
    assert track["context"] == {"ip": "1.2.3.4"}
    assert (identify["type"], identify["traits"]) == ("identify", {"plan": "pro"})
    assert (page["type"], page["category"], page["name"]) == ("page", "Docs", "Home")
    assert (screen["type"], screen["category"], screen["name"]) == ("screen", "Docs", "Home")
    assert (group["type"], group["groupId"], group["traits"]) == ("group", "g", {"name": "G"})
    assert (alias["type"], alias["previousId"], alias["userId"]) == ("alias", "a", "u")
    assert {each["namespace"] for each in stored(data_dir)} == {"live"}


def test_an_event_sent_again_is_there_once_and_says_so(data_dir: Path) -> None:
    with Turnout(data_dir) as turnout:
        first = turnout.track("u", "E", message_id="m")
        again = turnout.track("u", "E", message_id="m")
        other = turnout.track("u", "Other", message_id="m")

    assert (first.repeated, again.repeated, again.differs, other.differs) == (False, True, False, True)
    assert first.seq == again.seq
    assert message_ids(data_dir) == ["m"]


# -- where events go ------------------------------------------------------------------------------------------


@pytest.fixture
def shop(data_dir: Path) -> Source:
    """Make a workspace with a source Shop that has both keys, and one, Agent's, that has a test key only."""
    with bench(data_dir) as workspace:
        workspace.source("Shop", LIVE_AGENT)
        workspace.source("Agent's", AGENT)
        return workspace.look(lambda view: view.workspace.source("Shop"))


def test_events_are_of_the_source_that_is_named_or_keyed(data_dir: Path, shop: Source) -> None:
    for ways in ({"source": "Shop"}, {"write_key": shop.write_key}, {"write_key": shop.test_write_key}):
        with Turnout(data_dir, **ways) as turnout:
            turnout.track("u", "E")
    with Turnout(data_dir, source="shop", namespace="trial") as turnout:
        turnout.track("u", "E")
    with Turnout(data_dir, write_key=shop.test_write_key, namespace="trial") as turnout:
        turnout.track("u", "E")
    with Turnout(data_dir, source="Agent's", namespace="test") as turnout:
        turnout.track("u", "E")
    with Turnout(data_dir) as turnout:
        turnout.track("u", "E")

    found = [(each["source"] == shop.id, each["namespace"]) for each in stored(data_dir)]
    assert found == [
        (True, "live"), (True, "live"), (True, "test"), (True, "trial"), (True, "trial"), (False, "test"),
        (False, "live"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ways", "error", "says"),
    [
        ({"source": "Shpo"}, NotFound, "no source has the name or id 'Shpo' (did you mean Shop?): there are Agent's, "),
        ({"write_key": "wk_of_segment"}, NotFound, "No source has this write key; there are Agent's, Local, Shop."),
        ({"write_key": ""}, InvalidInput, "`write_key` is empty; give that of a source"),
        ({"write_key": b"wk"}, InvalidInput, "`write_key` is of type bytes; give a string, or leave it out."),
        ({"source": 1}, InvalidInput, "`source` is of type int"),
        ({"namespace": 5}, InvalidInput, "`namespace` is of type int"),
        ({"source": "Shop", "write_key": "wk"}, InvalidInput, "Both a source and a write key were given"),
        ({"namespace": "Not A Name"}, InvalidInput, "The namespace is not a name"),
        ({"source": "Agent's"}, InvalidInput, "has a test key only, so it takes no live events; say namespace='test'"),
        ({"source": "Agent's", "namespace": "live"}, InvalidInput, "has a test key only"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_source_that_cannot_be_used_is_refused_with_what_there_is_and_leaves_nothing_open(
    ways: dict[str, Any], error: type[TurnoutError], says: str, data_dir: Path
) -> None:
    before = held(data_dir), threading.active_count()

    with pytest.raises(error) as raised:
        Turnout(data_dir, **ways)

    assert says in raised.value.message
    assert "wk_" not in raised.value.message
    assert held(data_dir) == before[0]
    assert threading.active_count() <= before[1]  # one of a test before may have ended meanwhile


def test_a_test_key_never_writes_live_events(data_dir: Path, shop: Source) -> None:
    with pytest.raises(InvalidInput, match="test key of the source 'Shop', which marks events as test") as raised:
        Turnout(data_dir, write_key=shop.test_write_key, namespace="live")

    assert shop.test_write_key not in raised.value.message


def test_a_settings_file_that_is_broken_does_not_stop_a_program(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "turnout.toml").write_text("not = [toml")

    with Turnout(data_dir) as turnout:
        turnout.track("u", "E", message_id="m")

    (data_dir / "turnout.toml").unlink()
    assert message_ids(data_dir) == ["m"]


def test_the_data_directory_is_that_of_the_environment(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_DATA", str(data_dir))

    with Turnout() as turnout:
        turnout.track("u", "E", message_id="m")

    assert message_ids(data_dir) == ["m"]


def test_a_program_that_goes_to_another_directory_keeps_its_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with Turnout("data") as turnout:
        turnout.track("u", "E", message_id="m1")
        os.chdir(tmp_path / "elsewhere")
        assert forked(lambda: turnout.track("u", "E", message_id="m2")) == 0
        turnout.track("u", "E", message_id="m3")

    assert message_ids(tmp_path / "data") == ["m1", "m2", "m3"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_empty_data_directory_is_refused_and_not_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for make in (Turnout, AsyncTurnout):
        with pytest.raises(InvalidInput, match="empty"):
            make("")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (f"wk_{'0a' * 16}", "`data` is a write key or a URL, where a directory is expected"),
        (f"test_wk_{'0a' * 16}", "a key goes into `write_key`"),
        ("http://127.0.0.1:8733", "`data` is a write key or a URL"),
        ("shop\0data", "`data` is empty or has a zero byte"),
        (b"shop-data", "`data` is of type bytes; give a directory, as a string or a Path."),
        (8733, "`data` is of type int"),
    ],
)
def test_what_is_no_directory_is_refused_and_no_folder_is_made_of_it(
    data: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for make in (Turnout, AsyncTurnout):
        with pytest.raises(InvalidInput) as raised:
            make(data)
        assert says in raised.value.message
        assert "0a0a" not in raised.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_has_too_many_files_open_is_told_so(data_dir: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        with pytest.raises(Unavailable, match="Too many open files; close files that are not needed, or allow more"):
            Turnout(data_dir)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_it_is_handed_to_processes_however_they_begin(data_dir: Path, shop: Source, start: str) -> None:
    with Turnout(data_dir, write_key=shop.test_write_key, namespace="trial") as turnout:
        turnout.track("u", "E", message_id="m1")
        context: Any = get_context(start)
        worker = context.Process(target=Turnout.track, args=(turnout, "u", "E"), kwargs={"message_id": "m2"})
        worker.start()
        worker.join(60)

    assert worker.exitcode == 0
    assert [(each["messageId"], each["source"], each["namespace"]) for each in stored(data_dir)] == [
        ("m1", shop.id, "trial"), ("m2", shop.id, "trial"),
    ]  # fmt: skip


def test_it_says_in_which_directory_it_writes_and_no_key(data_dir: Path, shop: Source) -> None:
    with Turnout(data_dir, write_key=shop.write_key) as turnout:
        assert repr(turnout) == f"Turnout('{data_dir}')"
    assert repr(AsyncTurnout(data_dir)) == f"AsyncTurnout('{data_dir}')"


def test_a_home_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    with Turnout("~/shop") as turnout:
        turnout.track("u", "E", message_id="m")

    assert message_ids(tmp_path / "shop") == ["m"]


# -- bad calls ------------------------------------------------------------------------------------------------

BAD: list[tuple[Callable[[Calls[Any]], Any], str, dict[str, object]]] = [
    (lambda t: t.track("u"), "`event` is missing; a call of track needs it.", {"path": "event"}),
    (lambda t: t.track(event="E"), "There is neither a user id nor an anonymous id", {"reason": "no_user_anon_id"}),
    (lambda t: t.track("u", "E", {"took": timedelta(1)}), "`properties.took` is of type timedelta", {
        "path": "properties.took", "found": "of type timedelta"}),
    (lambda t: t.track("u", "E", {"n": float("nan")}), "`properties.n` is not a finite number", {
        "path": "properties.n", "found": "not a finite number"}),
    (lambda t: t.track("u", "E", {"x": "x" * 40_000}), "The event has 40,", {"reason": "too_large"}),
    (lambda t: t.track("u", "E" * 2_000), "The name is longer than 1,024 bytes", {"reason": "name_too_long"}),
    (lambda t: t.track("u", ""), "The track call has no event name", {"reason": "event_not_defined"}),
    (lambda t: t.track("u", "E", {"k" * 2_000: 1}), "A key is longer than 1,024 bytes", {"reason": "key_too_long"}),
    (lambda t: t.group("u", ""), "The group call has no group id", {"reason": "group_id_missing"}),
    (lambda t: t.identify("u", [1]), "`traits` is of type list; send a dict.", {"path": "traits"}),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("call", "says", "attributes"), BAD, ids=map(str, range(len(BAD))))
def test_a_bad_call_says_what_was_found_and_expected_and_stores_nothing(
    call: Callable[[Calls[Any]], Any], says: str, attributes: dict[str, object], data_dir: Path
) -> None:
    with Turnout(data_dir) as turnout, pytest.raises(InvalidCall) as raised:
        call(turnout)

    assert raised.value.message.startswith(says)
    assert raised.value.attributes == attributes
    assert stored(data_dir) == []


def test_a_bad_call_costs_nobody_else(data_dir: Path) -> None:
    with Turnout(data_dir) as turnout:
        turnout.track("u", "E", message_id="m1")
        with pytest.raises(InvalidCall):
            turnout.track("u", "E", {"x": "x" * 40_000}, message_id="m2")
        turnout.track("u", "E", message_id="m2")

    assert message_ids(data_dir) == ["m1", "m2"]


# -- closing --------------------------------------------------------------------------------------------------


def test_closing_twice_is_closing_once_and_use_after_it_is_refused(data_dir: Path) -> None:
    turnout = Turnout(data_dir)
    turnout.track("u", "E", message_id="m")

    turnout.close()
    turnout.close()

    with pytest.raises(Unavailable, match="This Turnout was closed; nothing was stored"):
        turnout.track("u", "E")
    with pytest.raises(Unavailable, match="closed"), turnout:
        turnout.track("u", "E")
    assert held(data_dir) == []
    assert message_ids(data_dir) == ["m"]


def test_one_that_is_let_go_of_closes_itself(data_dir: Path) -> None:
    async def soon(number: int) -> None:
        await AsyncTurnout(data_dir).track("u", "E", message_id=f"async-{number}")

    for number in range(5):
        Turnout(data_dir).track("u", "E", message_id=f"sync-{number}")
        anyio.run(soon, number)
    gc.collect()

    until(lambda: held(data_dir) == [])
    assert sorted(message_ids(data_dir)) == [f"{kind}-{number}" for kind in ("async", "sync") for number in range(5)]


def test_closing_while_threads_record_leaves_each_call_stored_or_refused_and_nothing_open(data_dir: Path) -> None:
    turnout = Turnout(data_dir)
    begun = threading.Barrier(5)
    kept: list[str] = []

    def work(name: str) -> None:
        begun.wait(60)
        for number in range(10_000):
            try:
                kept.append(turnout.track("u", "E", message_id=f"{name}-{number}").message_id)
            except Unavailable:
                return

    workers = [threading.Thread(target=work, args=(str(name),)) for name in range(4)]
    for each in workers:
        each.start()
    begun.wait(60)
    turnout.track("u", "E", message_id="mine")
    turnout.close()
    for each in workers:
        each.join(60)

    assert held(data_dir) == []
    assert message_ids(data_dir) == sorted([*kept, "mine"])


def test_32_threads_record_each_of_their_events_once(data_dir: Path) -> None:
    expected = sorted(f"{thread}-{number}" for thread in range(32) for number in range(16))

    def work(turnout: Turnout, thread: int) -> None:
        for number in range(16):
            turnout.track(f"u{thread}", "E", message_id=f"{thread}-{number}")

    with Turnout(data_dir) as turnout:
        workers = [threading.Thread(target=work, args=(turnout, thread)) for thread in range(32)]
        for each in workers:
            each.start()
        for each in workers:
            each.join(60)

    assert message_ids(data_dir) == expected


# -- async ----------------------------------------------------------------------------------------------------

both_loops = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


@both_loops
@pytest.mark.anyio
async def test_an_event_is_on_disk_when_it_was_awaited(data_dir: Path) -> None:
    turnout = AsyncTurnout(data_dir)

    with anyio.fail_after(9):  # an answer that was not heard is looked at after ten seconds
        first = await turnout.track("u", "E", message_id="m")
    found = await anyio.to_thread.run_sync(message_ids, data_dir)
    again = await turnout.track("u", "E", message_id="m")
    await turnout.close()
    await turnout.close()

    assert found == ["m"]
    assert (first.repeated, again.repeated) == (False, True)
    with pytest.raises(Unavailable, match="This Turnout was closed"):
        await turnout.track("u", "E")
    assert await anyio.to_thread.run_sync(held, data_dir) == []


@both_loops
@pytest.mark.anyio
async def test_many_tasks_record_each_of_their_events_once(data_dir: Path) -> None:
    async def work(task: int) -> None:
        for number in range(10):
            await turnout.track(f"u{task}", "E", message_id=f"{task}-{number}")

    async with AsyncTurnout(data_dir) as turnout, anyio.create_task_group() as tasks:
        for task in range(40):
            tasks.start_soon(work, task)

    expected = sorted(f"{task}-{number}" for task in range(40) for number in range(10))
    assert await anyio.to_thread.run_sync(message_ids, data_dir) == expected


@both_loops
@pytest.mark.anyio
async def test_the_loop_goes_on_while_another_process_writes(data_dir: Path) -> None:
    recorded: list[str] = []
    async with AsyncTurnout(data_dir) as turnout:
        await turnout.track("u", "E")
        other = FileLock(data_dir / "write.lock")  # as a process that commits holds it
        await anyio.to_thread.run_sync(other.acquire)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(record, turnout, "m", recorded)
            await turns(200)
            assert recorded == []
            other.close()

    assert recorded == ["m"]


@both_loops
@pytest.mark.anyio
async def test_the_loop_goes_on_while_a_thread_forks(data_dir: Path) -> None:
    recorded: list[str] = []
    holding, ends = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def hold(gate: threading.RLock) -> None:
        with gate:
            holding.set()
            in_time.append(ends.wait(60))

    async with AsyncTurnout(data_dir) as turnout:
        await turnout.track("u", "E")
        forking = threading.Thread(target=hold, args=(turnout._door._store.gate,))  # only a fork holds it for long
        forking.start()
        await anyio.to_thread.run_sync(holding.wait, 60)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(record, turnout, "m", recorded)
            await turns(200)
            assert recorded == []
            ends.set()
        await anyio.to_thread.run_sync(forking.join, 60)

    assert recorded == ["m"]
    assert in_time == [True]


async def record(turnout: AsyncTurnout, message_id: str, recorded: list[str]) -> None:
    recorded.append((await turnout.track("u", "E", message_id=message_id)).message_id)


async def turns(count: int) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


@both_loops
@pytest.mark.anyio
async def test_a_bad_call_is_refused_when_it_is_awaited(data_dir: Path) -> None:
    async with AsyncTurnout(data_dir) as turnout:
        with pytest.raises(InvalidCall, match=r"`properties\.took` is of type timedelta"):
            await turnout.track("u", "E", {"took": timedelta(1)})
        with pytest.raises(InvalidCall, match="The event has 40,"):
            await turnout.track("u", "E", {"x": "x" * 40_000})

    with pytest.raises(NotFound, match="No source has this write key; there are Local"):
        await AsyncTurnout(data_dir, write_key="wk").track("u", "E")
    with pytest.raises(NotFound, match="no source has the name"):
        async with AsyncTurnout(data_dir, source="None"):
            raise AssertionError


@both_loops
@pytest.mark.anyio
async def test_a_call_that_is_cancelled_can_be_made_again_under_its_message_id(data_dir: Path) -> None:
    async with AsyncTurnout(data_dir) as turnout:
        await turnout.track("u", "E", message_id="first")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await turnout.track("u", "E", message_id="m")
        await turnout.track("u", "E", message_id="m")

    assert await anyio.to_thread.run_sync(message_ids, data_dir) == ["first", "m"]


def test_one_async_turnout_serves_one_loop_after_another(data_dir: Path) -> None:
    turnout = AsyncTurnout(data_dir)

    for number, backend in enumerate(["asyncio", "trio", "asyncio"]):
        anyio.run(turnout.track, UUID(int=number), "E", None, None, None, None, None, number, backend=backend)
    anyio.run(turnout.close)

    assert message_ids(data_dir) == ["0", "1", "2"]
