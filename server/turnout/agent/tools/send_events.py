"""The tool `send_events`."""

from __future__ import annotations

from pydantic import BaseModel, Field
from typing_extensions import override

from turnout.agent.answers import CAP
from turnout.agent.desk import Desk
from turnout.agent.model import SENDS, Args, Change, Delivery, Json, Key, Space, Tool, Wait
from turnout.document import Document
from turnout.guard.principal import Scope

EVENTS_LIMIT = 500

DESCRIPTION = (
    "Record up to 500 calls at once, all of them or none: track, identify, page, screen, group or alias, each in "
    "Segment's shape. One bad call refuses the batch and is named by its position. For a single track or "
    "identify call track_event and identify_user are shorter; for volume use the HTTP API."
)


class SendEvents(Args):
    """Arguments of `send_events`."""

    events: list[Json] = Field(
        min_length=1,
        max_length=EVENTS_LIMIT,
        description='e.g. {"type": "page", "userId": "u_42", "name": "Home", "properties": {}}',
    )
    idempotency_key: Key = None
    namespace: Space = None
    wait_seconds: Wait = None

    @override
    def budget(self) -> int:
        """Allow as much as the ids of all calls need."""
        return CAP


class SentEvent(BaseModel):
    """One of the calls."""

    message_id: str
    replayed: bool | None = None
    namespace: str | None = Field(None, description="where it is another")
    deliveries: list[Delivery] | None = None


class Sent(Change):
    """Answer of `send_events`."""

    namespace: str
    derived: bool | None = None
    events: list[SentEvent]


async def run(desk: Desk, args: SendEvents) -> Document:
    """Record them."""
    return await desk.send_events(
        events=args.events,
        idempotency_key=args.idempotency_key,
        namespace=args.namespace,
        wait_seconds=args.wait_seconds,
    )


TOOL = Tool(
    name="send_events",
    title="Send events",
    description=DESCRIPTION,
    args=SendEvents,
    answer=Sent,
    hints=SENDS,
    scopes=frozenset({Scope.TRACK}),
    run=run,
    search="batch import bulk page screen group alias events",
    rest="Do not send again: find_events lists what was recorded, debug_event_delivery tells what became of one.",
)
