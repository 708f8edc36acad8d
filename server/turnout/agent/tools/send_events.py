"""The tool `send_events`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel, Field, field_validator
from typing_extensions import override

from turnout.agent.answers import CAP
from turnout.agent.desk import Desk
from turnout.agent.model import SENDS, Args, Change, Delivery, Json, Key, Space, Tool, Wait
from turnout.agent.schema import dotted
from turnout.document import Document
from turnout.guard.principal import Scope

EVENTS_LIMIT = 500
FIELDS: Final = frozenset({
    *("type", "event", "name", "category", "userId", "anonymousId", "groupId", "previousId", "properties", "traits"),
    *("context", "integrations", "timestamp", "messageId", "originalTimestamp", "sentAt", "receivedAt", "channel"),
})  # fmt: skip
"""What a call in Segment's shape has. Others are kept and go nowhere, so one that is nearly one of these is a slip."""
_FOLDED: Final = {name.casefold(): name for name in FIELDS}
_NEAR: Final = 0.8

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

    @field_validator("events")
    @classmethod
    def refuse_slips(cls, events: list[Json]) -> list[Json]:
        """Refuse a field whose name is nearly that of one which is not there: its value would be lost."""
        for at, call in enumerate(events):
            for name in sorted(call.keys() - FIELDS):
                if meant := _meant(name, call):
                    raise ValueError(f"call {at} has no field {dotted((name,))!r} (did you mean {meant!r}?)")
        return events

    @override
    def budget(self) -> int:
        """Allow as much as the ids of all calls need."""
        return CAP


def _meant(name: str, call: Mapping[str, object]) -> str:
    """Give the field that is meant by a name, if that is not there; else nothing."""
    folded = name.replace("_", "").casefold()
    near = [folded] if folded in _FOLDED else get_close_matches(folded, _FOLDED, 1, _NEAR)
    found = _FOLDED[near[0]] if near else ""
    return "" if found in call else found


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
