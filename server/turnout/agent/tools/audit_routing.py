"""The tool `audit_routing`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Limit, Page, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Audit routing: which events go to which destinations and why not to others, events that nobody takes, stale "
    "sources, idle destinations, event names that look misspelt, and whether anything went out twice. With event: what "
    "every destination does with that one, and which fields it sends. Judged by recent events under today's settings; "
    "for a made-up event call preview_event."
)


class AuditRouting(Page):
    """Arguments of `audit_routing`."""

    event: str | None = Field(None, description="only this name")
    source: str | None = None
    days: int = Field(7, ge=1, le=90, description="without events until a source is stale; default 7")
    limit: Limit = Field(10, description="rows of each list, default 10")


class Flow(BaseModel):
    """Events of one type and name."""

    type: str
    event: str | None = None
    events: int
    last_at: str | None = None
    judged_by: str = Field(description="events that were routed; or name alone, where none is recent")
    to: list[str]
    to_more: int | None = None
    not_to: dict[str, JsonValue] | None = Field(None, description="other destinations by reason")


class Audited(Answer):
    """Answer of `audit_routing`."""

    events: list[Flow]
    destinations: list[dict[str, JsonValue]] | None = Field(
        None, description="what each does with the event; sends: fields, sends_as: those of another"
    )
    unrouted_events: list[Flow] | None = None
    idle_destinations: list[dict[str, JsonValue]] | None = None
    stale_sources: list[dict[str, JsonValue]] | None = None
    similar_names: list[dict[str, JsonValue]] | None = None
    maybe_twice: list[dict[str, JsonValue]] | None = Field(None, description="sent again after a doubt")
    replayed: list[dict[str, JsonValue]] | None = Field(None, description="sent again on purpose")
    repeats_stopped: int | None = Field(None, description="calls that came again and went nowhere twice")
    looked_at: dict[str, JsonValue] | None = None


async def run(desk: Desk, args: AuditRouting) -> Document:
    """Look at it."""
    return await desk.audit_routing(event=args.event, source=args.source, days=args.days, limit=args.limit)


TOOL = Tool(
    name="audit_routing",
    title="Audit routing",
    description=DESCRIPTION,
    args=AuditRouting,
    answer=Audited,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="which destinations get event stale sources typo duplicate twice filtered tracking review",
)
