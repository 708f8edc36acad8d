"""What the desk adds to the operations: one question of scopes for every look, and calls outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from typing_extensions import override

from support.destination import Recorder
from support.engine import Poster, connect, eyes
from support.script import Scripted
from support.workspace import LIVE_AGENT, with_scopes
from turnout import outcome
from turnout.agent.catalogue import BY_NAME
from turnout.app import App, assemble
from turnout.config import Settings
from turnout.delivery.sender import CurlSender
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.egress import Policy, parse_networks
from turnout.errors import Denied, InProgress, InvalidCall, OutcomeUnknown, Unavailable
from turnout.exchange import Exchange, Moment, Request
from turnout.guard.principal import Scope, command_line
from turnout.opening import open_store
from turnout.operations.looks import LOOKS
from turnout.store import erasures

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class Probed(Poster):
    """A destination that offers a test of its credentials."""

    @override
    def check(self, moment: Moment) -> Exchange:
        reply = yield Request("GET", self.url)
        return (outcome.judge(reply, now=moment.now),)


@asynccontextmanager
async def app_for(data: Path, url: str = "http://127.0.0.1:1/") -> AsyncIterator[App]:
    """Run a workspace with one destination, at `url`."""
    settings = Settings(data, parse_networks("127.0.0.0/8"))
    store = await anyio.to_thread.run_sync(open_store, settings)
    async with store.awake(), CurlSender(Policy(settings.allow_addresses)) as sender:
        make = partial(assemble, settings, store, sender, delivers=False, serves=False)
        app = await anyio.to_thread.run_sync(make)
        await store.transact(connect)
        yield replace(app, eyes=eyes(Probed(url)))
    await anyio.to_thread.run_sync(store.close)


async def ask(app: App, key: str) -> Document:
    return await OwnDesk(app, LIVE_AGENT).test_destination(destination="Poster", idempotency_key=key)


async def test_a_test_that_was_given_up_leaves_no_claim_behind(data_dir: Path) -> None:
    with Recorder() as vendor:
        vendor.answer(Scripted(act="hang"))
        async with app_for(data_dir, vendor.url) as app:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, app, "once")
                await anyio.to_thread.run_sync(vendor.wait_for, 1)
                tasks.cancel_scope.cancel()

            with pytest.raises(OutcomeUnknown):
                await ask(app, "once")
            anew = await ask(app, "twice")

    assert anew["ok"] is True
    assert len(vendor.received) == 2


async def test_an_equal_call_waits_for_the_answer_of_the_one_on_its_way(data_dir: Path) -> None:
    answers: list[Document] = []
    with Recorder() as vendor:
        vendor.answer(Scripted(delay_s=0.3))
        async with app_for(data_dir, vendor.url) as app:

            async def answer() -> None:
                answers.append(await ask(app, "once"))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(answer)
                tasks.start_soon(answer)

    assert [told["ok"] for told in answers] == [True, True]
    assert [told["replayed"] for told in answers if "replayed" in told] == [True]
    assert len(vendor.received) == 1


async def test_an_equal_call_is_in_progress_when_the_answer_does_not_come(data_dir: Path) -> None:
    with Recorder() as vendor:
        vendor.answer(Scripted(act="hang"))
        async with app_for(data_dir, vendor.url) as app, anyio.create_task_group() as tasks:
            tasks.start_soon(ask, app, "once")
            await anyio.to_thread.run_sync(vendor.wait_for, 1)

            with pytest.raises(InProgress):
                await ask(app, "once")
            tasks.cancel_scope.cancel()

    assert len(vendor.received) == 1


async def test_every_look_asks_for_its_scopes(data_dir: Path) -> None:
    nobody = with_scopes(Scope.LIVE, Scope.ADMIN, Scope.PEOPLE)
    async with app_for(data_dir) as app:
        desk = OwnDesk(app, nobody)
        looks = {
            "get_usage": desk.get_usage(month=None),
            "list_destinations": desk.list_destinations(search=None, catalog=False, cursor=None, limit=1),
            "describe_destination": desk.describe_destination(destination="jsonl"),
            "list_sources": desk.list_sources(cursor=None, limit=1),
            "list_changes": desk.list_changes(since=None, destination=None, cursor=None, limit=1),
            "get_deletion": desk.get_deletion(deletion_id="del_1"),
            "debug_event_delivery": desk.debug_event_delivery(
                message_id="m", user_id=None, anonymous_id=None, email=None, event=None, destination=None, diff=False,
                around=None, namespace=None, wait_seconds=None,
            ),
            "find_events": desk.find_events(
                event=None, user_id=None, anonymous_id=None, type=None, source=None, namespace=None, since=None,
                until=None, verdict=None, destination=None, refused=False, cursor=None, limit=1,
            ),
            "get_profile": desk.get_profile(
                user_id="u", anonymous_id=None, email=None, namespace=None, cursor=None, limit=1,
            ),
            "audit_routing": desk.audit_routing(event=None, source=None, days=7, limit=1),
            "preview_event": desk.preview_event(
                type="track", event="E", user_id="u", anonymous_id=None, properties=None, traits=None, context=None,
                destination=None, namespace=None,
            ),
        }  # fmt: skip
        missing = {}
        for name, look in looks.items():
            with pytest.raises(Denied) as refused:
                await look
            missing[name] = frozenset(refused.value.attributes["missing"])  # type: ignore[call-overload]

    assert missing == LOOKS


def test_a_tool_that_reads_is_seen_by_none_but_who_has_a_scope_of_its_look() -> None:
    reading = {name: tool.scopes for name, tool in BY_NAME.items() if tool.hints.read_only}

    assert reading.keys() == LOOKS.keys()
    assert [name for name, scopes in reading.items() if not scopes <= LOOKS[name]] == []


@pytest.mark.parametrize("timestamp", ["yesterday", "", "24.11.2025"])
async def test_a_time_that_none_can_read_is_refused_and_nothing_recorded(data_dir: Path, timestamp: str) -> None:
    usual = {"context": None, "idempotency_key": None, "namespace": None, "wait_seconds": None, "timestamp": timestamp}
    async with app_for(data_dir) as app:
        desk = OwnDesk(app, LIVE_AGENT)

        with pytest.raises(InvalidCall, match="timestamp_not_iso"):
            await desk.track_event(event="Paid", user_id="u1", anonymous_id=None, properties=None, **usual)  # type: ignore[arg-type]
        with pytest.raises(InvalidCall, match="timestamp_not_iso"):
            await desk.identify_user(user_id="u1", anonymous_id=None, traits=None, **usual)  # type: ignore[arg-type]

        assert await app.store.read(lambda view: view.log.heads(0, 100, 10)) == ()


async def test_segments_own_shape_is_taken_with_any_time(data_dir: Path) -> None:
    call: Document = {"type": "track", "event": "Paid", "userId": "u1", "timestamp": "yesterday"}
    async with app_for(data_dir) as app:
        told = await OwnDesk(app, LIVE_AGENT).send_events(
            events=[call], idempotency_key=None, namespace=None, wait_seconds=None
        )

    assert isinstance(told["events"], list)
    assert len(told["events"]) == 1


async def test_a_deletion_stands_in_the_file_erasures_before_it_is_answered_though_nobody_delivers(
    data_dir: Path,
) -> None:
    async with app_for(data_dir) as app:
        erased = await deleted(app, "user-ann")
        lifted = await deleted(app, "user-ann", kind="unsuppress")

        assert app.deliverer is None
        assert await noted(data_dir) == [erased, lifted]


async def test_a_deletion_that_cannot_be_noted_says_so_and_is_noted_when_it_is_asked_again(data_dir: Path) -> None:
    book, aside = anyio.Path(data_dir / "erasures"), anyio.Path(data_dir / "aside")
    async with app_for(data_dir) as app:
        await book.rename(aside)
        await book.mkdir()

        with pytest.raises(Unavailable, match=r"`erasures` cannot be written \(Is a directory\)") as refused:
            await deleted(app, "user-ann", key="once")
        await book.rmdir()
        await aside.rename(book)
        again = await deleted(app, "user-ann", key="once")

        assert again == refused.value.attributes["deletion_id"]
        assert await noted(data_dir) == [again]


async def test_a_deletion_writes_the_file_erasures_anew_where_it_is_gone(data_dir: Path) -> None:
    async with app_for(data_dir) as app:
        first = await deleted(app, "user-ann")
        await anyio.Path(data_dir / "erasures").unlink()
        second = await deleted(app, "user-bob")

        assert await noted(data_dir) == [first, second]


async def deleted(app: App, user: str, *, kind: str = "suppress_and_erase", key: str | None = None) -> str:
    told = await OwnDesk(app, command_line(), sure=True).request_deletion(
        user_id=user, anonymous_id=None, email=None, kind=kind, namespace="live", idempotency_key=key, dry_run=False,
        confirm=None,
    )  # fmt: skip
    return str(told["deletion_id"])


async def noted(data: Path) -> list[str]:
    book = await anyio.to_thread.run_sync(erasures.read, data / "erasures")
    return [each.id for each in book.entries]
