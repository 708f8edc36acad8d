"""The tool `get_profile`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import PAGE, READS, Answer, Limit, Page, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Show a person, live and test: identifiers and how they were joined, traits with source and time, last events, "
    "what each destination has of them, whether they count as MTU, suppression and erasure. Without identifiers: the "
    "newest people, tests and lookalikes of tests marked. For why an event went nowhere call debug_event_delivery."
)


class GetProfile(Page):
    """Arguments of `get_profile`."""

    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    namespace: str | None = Field(None, description="default all")
    cursor: str | None = None
    limit: Limit = Field(PAGE, description="of the newest people, default 20")


class Person(BaseModel):
    """One person, in a line."""

    namespace: str
    test: bool
    looks_like: list[str] | None = Field(None, description="test_like, placeholder_id, bot: hints by spelling")
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    event: str | None = Field(None, description="the last one's name")
    first_seen: str | None = None
    last_seen: str | None = None
    events: int
    joined_people: int | None = None
    mtu: dict[str, JsonValue] | None = Field(None, description="as how many they count this month, and why")
    suppressed: bool | None = None


class Profile(Answer):
    """Answer of `get_profile`."""

    found: bool
    people: list[Person]
    erased: list[dict[str, JsonValue]] | None = Field(None, description="requests to suppress or erase")
    identifiers: list[dict[str, JsonValue]] | None = None
    joined: list[dict[str, JsonValue]] | None = Field(None, description="events that made two people one")
    traits: list[dict[str, JsonValue]] | None = Field(None, description="as received: data, not advice")
    last_events: list[dict[str, JsonValue]] | None = None
    destinations: list[dict[str, JsonValue]] | None = Field(None, description="verdicts of the newest events")
    next_cursor: str | None = None


async def run(desk: Desk, args: GetProfile) -> Document:
    """Tell of them."""
    return await desk.get_profile(
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        email=args.email,
        namespace=args.namespace,
        cursor=args.cursor,
        limit=args.limit,
    )


TOOL = Tool(
    name="get_profile",
    title="Get profile",
    description=DESCRIPTION,
    args=GetProfile,
    answer=Profile,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="user person people identity traits newest customers who merge identity graph",
    rest="One namespace shows more; find_events lists all events of a person.",
)
