"""The tool `list_sources`."""

from __future__ import annotations

from pydantic import BaseModel, Field

from turnout.agent.desk import Desk
from turnout.agent.model import PAGE, READS, Answer, Limit, Page, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "List sources: the websites, apps and servers that send events, with event counts and when each last sent. "
    "A source that went quiet shows here. Write keys show with the scope configure; create_source makes new ones."
)


class ListSources(Page):
    """Arguments of `list_sources`."""

    cursor: str | None = None
    limit: Limit = Field(PAGE, description="default 20")


class ListedSource(BaseModel):
    """One source."""

    source_id: str
    name: str
    write_key: str | None = None
    test_write_key: str | None = None
    events: int | None = None
    last_event_at: str | None = None


class Sources(Answer):
    """Answer of `list_sources`."""

    sources: list[ListedSource]
    next_cursor: str | None = None


async def run(desk: Desk, args: ListSources) -> Document:
    """List them."""
    return await desk.list_sources(cursor=args.cursor, limit=args.limit)


TOOL = Tool(
    name="list_sources",
    title="List sources",
    description=DESCRIPTION,
    args=ListSources,
    answer=Sources,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="websites apps servers write keys stale source",
)
