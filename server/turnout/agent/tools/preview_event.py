"""The tool `preview_event`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue
from typing_extensions import override

from turnout.agent.answers import CAP, USUAL
from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Json, Kind, Space, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Show what each connected destination would get for an event, request by request, or why it would get "
    "nothing. Nothing is stored or sent; secrets are masked. For an event that was sent already call "
    "debug_event_delivery."
)


class PreviewEvent(Args):
    """Arguments of `preview_event`."""

    type: Kind = Field("track", description="default track")
    event: str | None = Field(None, description="name of a track, page or screen")
    user_id: str | None = None
    anonymous_id: str | None = None
    properties: Json | None = None
    traits: Json | None = None
    context: Json | None = None
    destination: str | None = Field(None, description="only this one")
    namespace: Space = None

    @override
    def budget(self) -> int:
        """Allow more when one destination was asked for."""
        return CAP if self.destination else USUAL


class Preview(BaseModel):
    """What one destination would get."""

    destination: str
    verdict: str = Field(description="would_send, not_sent or discarded")
    reason: str | None = None
    rule: str | None = None
    overrides: list[dict[str, JsonValue]] | None = Field(None, description="which one made which field")
    requests: list[dict[str, JsonValue]] | None = None


class Previewed(Answer):
    """Answer of `preview_event`."""

    namespace: str | None = None
    previews: list[Preview]


async def run(desk: Desk, args: PreviewEvent) -> Document:
    """Show it."""
    return await desk.preview_event(
        type=args.type,
        event=args.event,
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        properties=args.properties,
        traits=args.traits,
        context=args.context,
        destination=args.destination,
        namespace=args.namespace,
    )


TOOL = Tool(
    name="preview_event",
    title="Preview event",
    description=DESCRIPTION,
    args=PreviewEvent,
    answer=Previewed,
    hints=READS,
    scopes=frozenset({Scope.TRACK}),
    run=run,
    search="dry run mapping payload test simulate event",
    rest="With destination only that one is shown, and more of it.",
)
