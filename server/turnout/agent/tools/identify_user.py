"""The tool `identify_user`."""

from __future__ import annotations

from pydantic import Field

from turnout.agent.desk import Desk
from turnout.agent.model import SENDS, Args, Json, Key, Space, Time, Tool, Wait
from turnout.agent.tools.track_event import Tracked
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Set traits of one user (e-mail, name, plan) and tell every connected destination. Give user_id; with "
    "anonymous_id beside it the two become one person. For something a user did call track_event. Traits "
    "that are not named stay as they are."
)


class IdentifyUser(Args):
    """Arguments of `identify_user`."""

    user_id: str | None = Field(None, description="e.g. u_42")
    anonymous_id: str | None = None
    traits: Json | None = Field(None, description='e.g. {"email": "ann@example.com"}')
    context: Json | None = None
    timestamp: Time = None
    idempotency_key: Key = None
    namespace: Space = None
    wait_seconds: Wait = None


async def run(desk: Desk, args: IdentifyUser) -> Document:
    """Record it."""
    return await desk.identify_user(
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        traits=args.traits,
        context=args.context,
        timestamp=args.timestamp,
        idempotency_key=args.idempotency_key,
        namespace=args.namespace,
        wait_seconds=args.wait_seconds,
    )


TOOL = Tool(
    name="identify_user",
    title="Identify user",
    description=DESCRIPTION,
    args=IdentifyUser,
    answer=Tracked,
    hints=SENDS,
    scopes=frozenset({Scope.TRACK}),
    run=run,
    search="traits profile attributes email link anonymous user segment identify",
    rest="Do not send again: debug_event_delivery with this message_id tells what became of it.",
)
