"""What the README promises, each as an agent lives it: real clients, real servers, a real receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from support.agents import Agent, agent
from support.destination import Recorder
from support.script import Scripted

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(480)]


@pytest.fixture
def receiver() -> Iterator[Recorder]:
    """Give a receiver on loopback that says 200."""
    with Recorder() as recorder:
        yield recorder


async def test_fifty_equal_calls_from_two_processes_are_one_event_and_one_delivery(
    data_dir: Path, receiver: Recorder
) -> None:
    order = {"event": "Order Completed", "user_id": "u_1", "properties": {"revenue": 42}, "idempotency_key": "order-1"}
    answers: list[dict[str, Any]] = []

    async def send(one: Agent) -> None:
        answers.append(await one.ask("track_event", **order))

    async with agent(data_dir, "--live") as first, agent(data_dir, "--live") as second:
        await first.connect("jsonl", settings={"path": "out.jsonl"}, receives="all")
        await first.connect("webhook", settings={"url": f"{receiver.url}/hook"}, receives="all")
        async with anyio.create_task_group() as tasks:
            for one in [first, second] * 25:
                tasks.start_soon(send, one)
        again = await second.ask("track_event", **order, wait_seconds=20)
        found = await first.ask("find_events")

    alike = {json.dumps({key: told[key] for key in told if key != "replayed"}) for told in answers}
    assert (len(answers), len(alike)) == (50, 1)
    assert sum(not told["replayed"] for told in answers) == 1
    assert [row["message_id"] for row in found["events"]] == [again["message_id"]]
    assert {row["verdict"] for row in again["deliveries"]} == {"delivered"}
    assert len(receiver.received) == 1
    assert len((data_dir / "files" / "out.jsonl").read_text().splitlines()) == 1


async def test_a_thousand_test_people_count_nothing_and_leave_as_ten(data_dir: Path) -> None:
    async with agent(data_dir) as one:
        await one.connect("jsonl", settings={"path": "out.jsonl"})

        async def track(number: int) -> None:
            await one.ask("track_event", event="Signed Up", user_id=f"person-{number}", anonymous_id=f"device-{number}")

        for start in range(0, 1000, 50):
            async with anyio.create_task_group() as tasks:
                for number in range(start, start + 50):
                    tasks.start_soon(track, number)
        await one.ask("track_event", event="Last", user_id="person-1", wait_seconds=30)
        usage = await one.ask("get_usage")

    lines = [json.loads(line) for line in (data_dir / "files" / "out.jsonl").read_text().splitlines()]
    ids = {line[key] for line in lines for key in ("userId", "anonymousId") if key in line}
    assert (usage["mtu"], usage["test_people"]) == (0, 1000)
    assert len(lines) == 1001
    assert len(ids) <= 10
    assert not any("person-" in line or "device-" in line for line in map(json.dumps, lines))


async def test_every_event_has_one_verdict_with_a_reason_at_every_destination(
    data_dir: Path, receiver: Recorder
) -> None:
    receiver.answer(Scripted(422), path="/refuses")
    async with agent(data_dir, "--live") as one:
        await one.connect("jsonl", name="File", settings={"path": "out.jsonl"}, receives="live")
        await one.connect("webhook", name="Refuses", settings={"url": f"{receiver.url}/refuses"}, receives="live")
        await one.connect("webhook", name="Picky", settings={"url": f"{receiver.url}/ok"}, filter="$.event == 'Else'")
        await one.connect("jsonl", name="Tests", settings={"path": "tests.jsonl"}, receives="test")
        sent = await one.ask("track_event", event="Bought", user_id="u_1", namespace="live", wait_seconds=20)
        told = await one.ask("debug_event_delivery", message_id=sent["message_id"], diff=True)
        by_person = await one.ask("debug_event_delivery", user_id="u_1", event="Bought", destination="Refuses")

    verdicts = {row["destination"]: (row["verdict"], row["reason"]) for row in told["deliveries"]}
    assert verdicts == {
        "File": ("delivered", "delivered"),
        "Refuses": ("discarded", "refused"),
        "Picky": ("not_sent", "filtered"),
        "Tests": ("not_sent", "namespace"),
    }
    [refused] = by_person["deliveries"]
    assert refused["rule"] == "http_422"
    assert [attempt["status"] for attempt in refused["attempts"]] == [422]
    assert refused["next"]
    delivered = next(row for row in told["deliveries"] if row["destination"] == "File")
    assert {"field": "event", "received": "Bought", "sent": "Bought", "how": "same"} in delivered["diff"]


async def test_one_server_sends_configures_and_reads_and_a_reader_can_do_neither(data_dir: Path) -> None:
    async with agent(data_dir) as one, agent(data_dir, "--mode", "read") as reader:
        await one.connect("jsonl", settings={"path": "out.jsonl"})
        await one.ask("track_event", event="Signed Up", user_id="u_1")
        offered = {tool.name for tool in (await reader.client.list_tools()).tools}
        listed = await reader.ask("list_destinations")
        denied = await reader.refused("track_event", event="Signed Up", user_id="u_1")
        live = await one.refused("track_event", event="Signed Up", user_id="u_1", namespace="live")
        source = await one.ask("create_source", name="web")

    assert offered.isdisjoint({"track_event", "connect_destination", "request_deletion"})
    assert len(listed["destinations"]) == 1
    assert "scope track" in denied
    assert "--live" in live
    assert source["test_write_key"].startswith("test_")


async def test_an_event_is_found_by_the_next_call_and_a_call_can_wait_for_its_verdict(
    data_dir: Path, receiver: Recorder
) -> None:
    async with agent(data_dir) as one, agent(data_dir) as other:
        await one.connect("webhook", settings={"url": f"{receiver.url}/hook"})
        sent = await one.ask("track_event", event="Signed Up", user_id="u_1")
        found = await other.ask("find_events", event="Signed Up")
        waited = await other.ask("track_event", event="Signed Up", user_id="u_2", wait_seconds=20)

    assert [row["message_id"] for row in found["events"]] == [sent["message_id"]]
    assert [row["verdict"] for row in waited["deliveries"]] == ["delivered"]
