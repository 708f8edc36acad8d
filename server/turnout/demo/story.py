"""The story: an agent connects destinations and sends events, its server is killed, and nothing is lost.

Every figure is asked back through a tool or read at a receiver; nothing is known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import anyio.to_thread

from turnout.clock import Clock
from turnout.demo import arrivals
from turnout.demo.agent import Agent, Place, agent
from turnout.demo.arrivals import FILE, Receivers
from turnout.demo.model import (
    AMPLITUDE,
    ARCHIVE,
    CRM,
    NAMES,
    Chapter,
    Connected,
    Crashed,
    Facts,
    Joined,
    Journey,
    Metered,
    Sent,
    Tested,
)
from turnout.demo.receivers import Manner
from turnout.document import Document, Json
from turnout.errors import Unavailable

ANN: Document = {"user_id": "u_ann", "namespace": "live"}
NAME = "Order Completed"
ORDER: Document = {
    **ANN, "event": NAME, "idempotency_key": "order-1001",
    "properties": {"order_id": "1001", "revenue": 42.5, "currency": "usd", "coupon": "AUTUMN"},
}  # fmt: skip
RUDE = (Manner.BUSY, Manner.DROP, Manner.SLOW)
"""How the webhook meets the order, try by try."""
PEOPLE = 25
TESTER = "qa_"
VIEWS = 40
READ = 12
"""Of the views, so many has the webhook read when the server is killed; the last of them is not answered yet."""
PACE_S = 0.02
VERDICTS_S = 30
MAYBE = "maybe sent"


C = TypeVar("C", Connected, Sent, Journey, Tested, Crashed, Metered)


class Stage(Protocol):
    """Where the story is told: on a screen, or to nobody."""

    def doing(self, text: str) -> None:
        """Say what happens now."""
        ...

    def tell(self, chapter: Chapter) -> None:
        """Tell a chapter that is over."""
        ...


async def perform(place: Place, receivers: Receivers, stage: Stage, clock: Clock) -> Facts:
    """Play all chapters. Raises: Unavailable when a tool refuses or a receiver waits in vain."""
    stage.doing("Starting turnout mcp")
    began = clock.monotonic()
    async with agent(place) as first:
        await first.call("list_destinations")
        connected = _told(stage, await _connect(first, receivers, _ms(clock, began), stage))
        sent = _told(stage, await _send(first, receivers, clock, stage))
        journey = _told(stage, await _trace(first, receivers, sent))
        tested = _told(stage, await _test(first, receivers, stage))
        batch, at_kill, process = await _kill(first, receivers, stage)
    stage.doing("Starting turnout mcp again")
    began = clock.monotonic()
    async with agent(place) as second:
        await second.call("list_destinations")
        restart_ms = _ms(clock, began)
        crashed = _told(stage, await _go_on(second, receivers, batch, at_kill, process, restart_ms, stage))
        metered = _told(stage, await _meter(second))
    return Facts(connected, sent, journey, tested, crashed, metered)


async def _connect(agent: Agent, receivers: Receivers, ready_ms: int, stage: Stage) -> Connected:
    tools = await agent.tools()
    stage.doing("Connecting three destinations")
    wanted: tuple[Document, ...] = (
        {"slug": "jsonl", "name": ARCHIVE, "receives": "all", "settings": {"path": FILE}},
        {"slug": "webhook", "name": CRM, "settings": {"url": f"{receivers.crm.url}/events"}},
        {"slug": "amplitude", "name": AMPLITUDE, "settings": {"api_key": "demo", "endpoint": receivers.amplitude.url}},
    )
    return Connected(agent.protocol, tools, ready_ms, tuple([await _join(agent, each) for each in wanted]))


async def _join(agent: Agent, wanted: Document) -> Joined:
    """Connect one; where a plan comes back instead, agree to it with its token."""
    answer = await agent.call("connect_destination", wanted)
    plan = ""
    if isinstance(asked := answer.get("confirm"), Mapping):
        plan = str(asked.get("plan"))
        answer = await agent.call("connect_destination", {**wanted, "confirm": asked.get("token")})
    name, slug, receives, state = (str(answer.get(each)) for each in ("name", "slug", "receives", "state"))
    return Joined(name, slug, receives, state, plan)


async def _send(agent: Agent, receivers: Receivers, clock: Clock, stage: Stage) -> Sent:
    """Send the order, then again with its key, as an agent does that lost the first answer; wait for verdicts."""
    stage.doing("Sending an order, and the same order again")
    await agent.call(
        "identify_user", {**ANN, "traits": {"email": "ann@example.com", "plan": "pro"}, "wait_seconds": 10}
    )
    receivers.crm.behave(*RUDE)
    began = clock.monotonic()
    first = await agent.call("track_event", ORDER)
    first_ms, began = _ms(clock, began), clock.monotonic()
    again = await agent.call("track_event", {**ORDER, "wait_seconds": VERDICTS_S})
    return Sent(str(ORDER["idempotency_key"]), first, first_ms, again, _ms(clock, began))


async def _trace(agent: Agent, receivers: Receivers, sent: Sent) -> Journey:
    told = await agent.call("debug_event_delivery", {"user_id": ANN["user_id"], "event": NAME, "diff": True})
    message = str(sent.first.get("message_id"))
    requests = receivers.requests(message)
    known = {each.headers.get("webhook-id") for each in requests}
    return Journey(told, receivers.arrivals(message), tuple(str(each.manner) for each in requests), len(known))


async def _test(agent: Agent, receivers: Receivers, stage: Stage) -> Tested:
    """Send test people and an order of one of them."""
    stage.doing(f"Sending {PEOPLE} test people")
    before = len(receivers.lines())
    people = [f"{TESTER}{n:02}" for n in range(1, PEOPLE + 1)]
    calls: list[Json] = [
        {"type": "identify", "userId": each, "traits": {"email": f"{each}@example.com"}} for each in people
    ]
    await agent.call("send_events", {"events": calls, "namespace": "test", "wait_seconds": VERDICTS_S})
    order: Document = {**ORDER, "user_id": people[0], "namespace": "test", "idempotency_key": "test-order"}
    await agent.call("track_event", {**order, "wait_seconds": VERDICTS_S})
    told = await agent.call("debug_event_delivery", {"user_id": people[0], "event": NAME, "diff": True})
    outward = {str(row.get("userId")) for row in receivers.lines()[before:]}
    return Tested(PEOPLE, told, tuple(sorted(outward)), receivers.seen(TESTER))


async def _kill(
    agent: Agent, receivers: Receivers, stage: Stage
) -> tuple[frozenset[str], Mapping[str, tuple[str, ...]], int]:
    """Send views, and kill the server while the webhook holds one back; give their ids, what was where, the process."""
    stage.doing(f"Sending {VIEWS} events, and killing the server in the middle")
    crm = receivers.crm
    read = len(crm.log)
    crm.pause_s = PACE_S
    crm.behave(*[Manner.POLITE] * (READ - 1), Manner.SLOW)
    answer = await agent.call("send_events", _views())
    batch = frozenset(str(row["message_id"]) for row in rows(answer.get("events")))
    if not await anyio.to_thread.run_sync(crm.wait_for, read + READ, VERDICTS_S):
        raise Unavailable(f"The webhook read {len(crm.log) - read} of {READ} requests in {VERDICTS_S} s")
    process = agent.kill()
    crm.pause_s = 0.0
    return batch, receivers.ids(), process


async def _go_on(
    agent: Agent, receivers: Receivers, batch: frozenset[str], at_kill: Mapping[str, tuple[str, ...]], process: int,
    restart_ms: int, stage: Stage,
) -> Crashed:  # fmt: skip
    """Repeat the calls with their keys, as an agent does whose server went away, and look at what arrived."""
    stage.doing("Waiting until everything is delivered")
    again = await agent.call("send_events", {**_views(), "wait_seconds": VERDICTS_S})
    order_again = await agent.call("track_event", ORDER)
    waiting = await agent.call("find_events", {"verdict": "waiting"})
    now = receivers.ids()
    twice = {(name, each) for name in NAMES for each in arrivals.repeated(batch, now[name])}
    doubted = [await agent.call("debug_event_delivery", {"message_id": each}) for _, each in sorted(twice)]
    unmarked = sum(not _is_marked(told, name) for (name, _), told in zip(sorted(twice), doubted, strict=True))
    return Crashed(
        len(batch), READ, process, restart_ms, again, order_again, arrivals.landed(batch, at_kill, now), tuple(doubted),
        unmarked, len(rows(waiting.get("events"))),
    )  # fmt: skip


async def _meter(agent: Agent) -> Metered:
    destinations = await agent.call("list_destinations")
    waiting = sum(int(str(row.get("waiting"))) for row in rows(destinations.get("destinations")))
    return Metered(await agent.call("get_usage"), destinations, waiting)


def _views() -> Document:
    views: list[Json] = [
        {"type": "page", "userId": ANN["user_id"], "name": f"Page {n}", "properties": {"path": f"/p/{n}"}}
        for n in range(1, VIEWS + 1)
    ]
    return {"events": views, "namespace": "live", "idempotency_key": "views-1"}


def _is_marked(told: Document, destination: str) -> bool:
    """Tell whether a trace says that an event may have been sent twice there."""
    mine = [row for row in rows(told.get("deliveries")) if row.get("destination") == destination]
    return any(attempt.get("outcome") == MAYBE for row in mine for attempt in rows(row.get("attempts")))


def rows(value: Json) -> list[Mapping[str, Json]]:
    """Give the rows of a list in an answer; none where there is none."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _told(stage: Stage, chapter: C) -> C:
    stage.tell(chapter)
    return chapter


def _ms(clock: Clock, since: float) -> int:
    return round((clock.monotonic() - since) * 1000)
