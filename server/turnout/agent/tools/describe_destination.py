"""The tool `describe_destination`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Describe one destination before connecting or changing it: the settings it needs, which are secret, its "
    "actions and what triggers them, limits, and, when connected, how it is set up now with secrets masked. To find "
    "its slug call list_destinations."
)


class DescribeDestination(Args):
    """Arguments of `describe_destination`."""

    destination: str = Field(description="name, id or slug")


class Setting(BaseModel):
    """One setting of a destination."""

    name: str
    type: str | None = None
    required: bool | None = None
    secret: bool | None = None
    label: str | None = None
    help: str | None = None
    choices: list[str] | None = None
    default: JsonValue = None
    value: JsonValue = None


class Described(Answer):
    """Answer of `describe_destination`."""

    slug: str
    name: str
    status: str | None = None
    connected: bool
    destination_id: str | None = None
    state: str | None = None
    receives: str | None = None
    filter: str | None = None
    sources: list[str] | None = None
    overrides: dict[str, JsonValue] | None = None
    settings: list[Setting]
    actions: list[dict[str, JsonValue]] | None = None
    documentation: str | None = None


async def run(desk: Desk, args: DescribeDestination) -> Document:
    """Describe it."""
    return await desk.describe_destination(destination=args.destination)


TOOL = Tool(
    name="describe_destination",
    title="Describe destination",
    description=DESCRIPTION,
    args=DescribeDestination,
    answer=Described,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="settings fields api key mapping actions how to configure",
)
