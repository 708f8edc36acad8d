"""Why did this order not reach Mixpanel? Each answered in at most two calls, and the calls it offers can be made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from support.agents import Agent, agent
from support.destination import Recorder
from support.script import Scripted

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(480)]

ORDER: dict[str, Any] = {"event": "Order Completed", "user_id": "ann", "properties": {"order_id": "o1", "total": 42}}


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    """Stand where Mixpanel is."""
    with Recorder() as recorder:
        yield recorder


@dataclass(slots=True)
class Asker:
    """An agent whose calls are counted."""

    agent: Agent
    calls: list[str] = field(default_factory=list)

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        self.calls.append(tool)
        return await self.agent.ask(tool, **arguments)

    async def why(self, **asked: Any) -> dict[str, Any]:
        """Ask why the order did not reach Mixpanel."""
        return await self.ask("debug_event_delivery", **{"user_id": "ann", "event": ORDER["event"], **asked})

    async def go_on(self, told: dict[str, Any]) -> dict[str, Any]:
        """Make the first call that an answer offers, as it stands."""
        call = told["next"][0]
        return await self.ask(call["tool"], **call["arguments"])

    async def mixpanel(self, vendor: Recorder, **more: Any) -> None:
        settings = {"token": "tok_0123456789", "endpoint": vendor.url}
        await self.agent.connect("mixpanel", settings=settings, receives="live", **more)

    async def order(self, **more: Any) -> dict[str, Any]:
        return await self.agent.ask("track_event", **{**ORDER, "namespace": "live", "wait_seconds": 20, **more})


@pytest.fixture
async def asker(data_dir: Path) -> AsyncIterator[Asker]:
    async with agent(data_dir, "--live") as one:
        yield Asker(one)


def only(told: dict[str, Any]) -> dict[str, Any]:
    [delivery] = told["deliveries"]
    return dict(delivery)


async def test_it_was_refused_by_the_vendor_and_the_replay_is_ready(asker: Asker, vendor: Recorder) -> None:
    vendor.answer(Scripted(400, body=b'{"error": "bad token"}'), Scripted(200, body=b"{}"))
    await asker.mixpanel(vendor)
    await asker.order()

    told = await asker.why(destination="Mixpanel", diff=True)
    await asker.go_on(told)

    assert (only(told)["verdict"], only(told)["reason"]) == ("discarded", "refused")
    assert "bad token" in only(told)["untrusted"]["answer"]
    assert asker.calls == ["debug_event_delivery", "replay_events"]
    await anyio.to_thread.run_sync(vendor.wait_for, 2)
    again = await asker.why(destination="mixpanel", wait_seconds=20)
    assert only(again)["verdict"] == "delivered"


async def test_it_is_not_connected_and_what_it_needs_is_one_call_away(asker: Asker) -> None:
    await asker.order(wait_seconds=0)

    told = await asker.why(destination="mixpanel")
    settings = await asker.go_on(told)

    assert (only(told)["verdict"], only(told)["reason"]) == ("not_sent", "not_connected")
    assert [each["name"] for each in settings["settings"] if each.get("required")] == ["token"]


async def test_it_was_paused_and_going_on_delivers_it(asker: Asker, vendor: Recorder) -> None:
    await asker.mixpanel(vendor)
    await asker.agent.ask("update_destination", destination="Mixpanel", action="pause")
    await asker.order(wait_seconds=0)

    told = await asker.why()
    await asker.go_on(told)

    assert only(told)["verdict"] == "paused"
    assert only(await asker.why(wait_seconds=20))["verdict"] == "delivered"


async def test_it_was_connected_later_and_the_replay_sends_it(asker: Asker, vendor: Recorder) -> None:
    await asker.order(wait_seconds=0)
    await asker.mixpanel(vendor)

    told = await asker.why(destination="Mixpanel")
    await asker.go_on(told)

    assert only(told)["reason"] == "connected_later"
    await anyio.to_thread.run_sync(vendor.wait_for, 1)
    assert only(await asker.why(wait_seconds=20))["verdict"] == "delivered"


async def test_it_is_filtered_and_the_filter_is_one_call_away(asker: Asker, vendor: Recorder) -> None:
    await asker.mixpanel(vendor, filter="$.properties.total > 100")
    await asker.order()

    told = await asker.why()

    assert only(told)["reason"] == "filtered"
    assert (await asker.go_on(told))["filter"] == "$.properties.total > 100"


async def test_it_was_a_test_event(asker: Asker, vendor: Recorder) -> None:
    await asker.mixpanel(vendor)
    await asker.order(namespace="test")

    told, live = await asker.why(), await asker.why(namespace="live")

    assert only(told)["reason"] == "namespace"
    assert told["next"][0]["arguments"]["receives"] == "all"
    assert [each["why"] for each in live["near"]] == ["other_namespace"]


async def test_it_came_under_another_name_and_its_journey_is_one_call_away(asker: Asker, vendor: Recorder) -> None:
    await asker.mixpanel(vendor)
    await asker.order(event="order_completed")

    told = await asker.why()
    journey = await asker.go_on(told)

    assert (told["found"], [each["why"] for each in told["near"]]) == (False, ["other_spelling"])
    assert only(journey)["verdict"] == "delivered"


async def test_who_waits_for_an_order_that_comes_later_hears_how_long_and_then_its_verdict(
    asker: Asker, vendor: Recorder
) -> None:
    await asker.mixpanel(vendor)
    heard: list[float] = []
    told: dict[str, Any] = {}

    async def send() -> None:
        await asker.order(wait_seconds=0)

    async with anyio.create_task_group() as tasks:

        async def hear_and_send(progress: float, total: float | None, message: str | None) -> None:
            assert (total, message) == (20, "waiting for verdicts")
            heard.append(progress)
            if len(heard) == 1:
                tasks.start_soon(send)

        arguments = {"user_id": "ann", "event": ORDER["event"], "wait_seconds": 20}
        answer = await asker.agent.client.call_tool("debug_event_delivery", arguments, progress_callback=hear_and_send)
        told |= dict(answer.structured_content or {})

    assert only(told)["verdict"] == "delivered"
    assert heard == sorted(set(heard))
