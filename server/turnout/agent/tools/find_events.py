"""The tool `find_events`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from turnout.agent.desk import Desk
from turnout.agent.model import PAGE, READS, Answer, Kind, Limit, Page, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "List recorded events, newest first, live and test, by name, person, type, source, time, destination or verdict "
    "(which were discarded at Braze today, and why). Verdict refused lists calls that were not accepted, with the "
    "reason. For what became of one event call debug_event_delivery."
)


class FindEvents(Page):
    """Arguments of `find_events`."""

    event: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    type: Kind | None = None
    source: str | None = None
    since: str | None = Field(None, description="ISO 8601, or e.g. 24h, 7d")
    until: str | None = None
    verdict: Literal["delivered", "waiting", "discarded", "not_sent", "cancelled", "paused", "refused"] | None = None
    destination: str | None = Field(None, description="what came to it, and how that ended there")
    namespace: str | None = Field(None, description="default all")
    cursor: str | None = None
    limit: Limit = Field(PAGE, description="default 20")


class FoundEvent(BaseModel):
    """One event, or one call that was refused."""

    message_id: str | None = None
    event: str | None = None
    type: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    namespace: str
    moved_by: str | None = Field(None, description="rule that made it test")
    source: str | None = None
    received_at: str
    at: str | None = Field(None, description="destinations with this verdict, and why")
    reason: str | None = Field(None, description="why it was refused; or damaged")


class Found(Answer):
    """Answer of `find_events`."""

    events: list[FoundEvent]
    next_cursor: str | None = None


async def run(desk: Desk, args: FindEvents) -> Document:
    """List them."""
    refused = args.verdict == "refused"
    return await desk.find_events(
        event=args.event,
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        type=args.type,
        source=args.source,
        namespace=args.namespace,
        since=args.since,
        until=args.until,
        verdict=None if refused else args.verdict,
        destination=args.destination,
        refused=refused,
        cursor=args.cursor,
        limit=args.limit,
    )


TOOL = Tool(
    name="find_events",
    title="Find events",
    description=DESCRIPTION,
    args=FindEvents,
    answer=Found,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="search list query recent events log refused rejected invalid",
)
