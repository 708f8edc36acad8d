"""The tool `list_changes`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import PAGE, READS, Answer, Limit, Page, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "List what was changed here, newest first: when, by whom, with which program, and which fields of a "
    "destination. Replays and deletions too. How one is set up now describe_destination shows."
)


class ListChanges(Page):
    """Arguments of `list_changes`."""

    since: str | None = Field(None, description="ISO 8601, or e.g. 24h, 7d")
    destination: str | None = Field(None, description="only this one")
    cursor: str | None = None
    limit: Limit = Field(PAGE, description="default 20")


class ListedChange(BaseModel):
    """One change."""

    at: str
    by: str = Field(description="local, or which token")
    client: str | None = None
    change: str = Field(description="which operation")
    of: str | None = Field(None, description="name of what was changed, or kind of deletion")
    destination_id: str | None = None
    source_id: str | None = None
    token_id: str | None = None
    run_id: str | None = None
    deletion_id: str | None = None
    rule_id: str | None = None
    state: str | None = None
    receives: str | None = None
    status: str | None = None
    selected: int | None = None
    changed: list[dict[str, JsonValue]] | None = Field(None, description="{field, from, to}; of settings the names")


class Changes(Answer):
    """Answer of `list_changes`."""

    changes: list[ListedChange]
    next_cursor: str | None = None


async def run(desk: Desk, args: ListChanges) -> Document:
    """List them."""
    return await desk.list_changes(since=args.since, destination=args.destination, cursor=args.cursor, limit=args.limit)


TOOL = Tool(
    name="list_changes",
    title="List changes",
    description=DESCRIPTION,
    args=ListChanges,
    answer=Changes,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="audit history who changed configuration log",
)
