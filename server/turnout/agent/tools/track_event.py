"""The tool `track_event`."""

from __future__ import annotations

from pydantic import Field

from turnout.agent.desk import Desk
from turnout.agent.model import SENDS, Args, Change, Delivery, Json, Key, Space, Time, Tool, Wait
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Record one event of one user and queue it to every connected destination that takes it. Give user_id or "
    "anonymous_id. For a user's traits call identify_user; for many events or page, screen, group and alias "
    "calls send_events; to see what would be sent preview_event."
)


class TrackEvent(Args):
    """Arguments of `track_event`."""

    event: str = Field(description="e.g. Order Completed")
    user_id: str | None = Field(None, description="e.g. u_42")
    anonymous_id: str | None = None
    properties: Json | None = Field(None, description='e.g. {"revenue": 42.5}')
    context: Json | None = None
    timestamp: Time = None
    idempotency_key: Key = None
    namespace: Space = None
    wait_seconds: Wait = None


class Tracked(Change):
    """Answer of `track_event` and `identify_user`."""

    message_id: str
    namespace: str
    derived: bool | None = Field(None, description="true: replayed for equal arguments within 10 minutes")
    deliveries: list[Delivery] | None = None


async def run(desk: Desk, args: TrackEvent) -> Document:
    """Record it."""
    return await desk.track_event(
        event=args.event,
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        properties=args.properties,
        context=args.context,
        timestamp=args.timestamp,
        idempotency_key=args.idempotency_key,
        namespace=args.namespace,
        wait_seconds=args.wait_seconds,
    )


TOOL = Tool(
    name="track_event",
    title="Track event",
    description=DESCRIPTION,
    args=TrackEvent,
    answer=Tracked,
    hints=SENDS,
    scopes=frozenset({Scope.TRACK}),
    run=run,
    search="send record log analytics event segment track",
    rest="Do not send again: debug_event_delivery with this message_id tells what became of it.",
)
