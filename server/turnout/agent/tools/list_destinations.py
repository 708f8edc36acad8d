"""The tool `list_destinations`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import PAGE, READS, Answer, Limit, Page, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "List connected destinations with health, delivery counts by reason and lag. With catalog: true list "
    "every destination that can be connected (Amplitude, Braze, Mixpanel, webhook …) and whether it is verified; with "
    "search also those only known. For the settings of one call describe_destination."
)


class ListDestinations(Page):
    """Arguments of `list_destinations`."""

    search: str | None = Field(None, description="words of name, category, settings")
    catalog: bool = Field(False, description="all that exist")
    cursor: str | None = None
    limit: Limit = Field(PAGE, description="default 20")


class ListedDestination(BaseModel):
    """One destination: connected, or of the catalogue."""

    slug: str
    name: str
    destination_id: str | None = None
    state: str | None = None
    status: str | None = Field(None, description="of its manifest: verified, preview; known: has none")
    receives: str | None = None
    health: str | None = None
    lag_seconds: float | None = None
    waiting: int | None = None
    counts: dict[str, JsonValue] | None = Field(None, description="events of 24 hours by verdict and reason")


class Destinations(Answer):
    """Answer of `list_destinations`."""

    destinations: list[ListedDestination]
    next_cursor: str | None = None


async def run(desk: Desk, args: ListDestinations) -> Document:
    """List them."""
    return await desk.list_destinations(search=args.search, catalog=args.catalog, cursor=args.cursor, limit=args.limit)


TOOL = Tool(
    name="list_destinations",
    title="List destinations",
    description=DESCRIPTION,
    args=ListDestinations,
    answer=Destinations,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="integrations connectors catalog health status tools connected",
)
