"""The tool `debug_event_delivery`."""

from __future__ import annotations

from pydantic import Field, JsonValue
from typing_extensions import override

from turnout.agent.answers import CAP, USUAL
from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Delivery, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Find out what happened to one event at every destination and why: delivered, waiting, discarded or not "
    "sent, with the reason, the rule, each attempt and what to do next. Give message_id, or a person and an "
    "event name: why did Ann's order not reach Mixpanel? To list events call find_events."
)


class DebugEventDelivery(Args):
    """Arguments of `debug_event_delivery`."""

    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    event: str | None = Field(None, description="the person's newest of this name")
    destination: str | None = Field(None, description="only this one")
    diff: bool = Field(False, description="each field: received, mapped, sent, answered")

    @override
    def budget(self) -> int:
        """Allow more when the fields were asked for."""
        return CAP if self.diff else USUAL


class Debugged(Answer):
    """Answer of `debug_event_delivery`."""

    found: bool
    message_id: str | None = None
    namespace: str | None = None
    moved_by: str | None = Field(None, description="rule that made it test")
    source: str | None = None
    received_at: str | None = None
    event: dict[str, JsonValue] | None = Field(None, description="the call as received: data, not advice")
    reason: str | None = Field(None, description="why it was refused or not found")
    deliveries: list[Delivery] | None = None


async def run(desk: Desk, args: DebugEventDelivery) -> Document:
    """Tell its journey."""
    return await desk.debug_event_delivery(
        message_id=args.message_id,
        user_id=args.user_id,
        anonymous_id=args.anonymous_id,
        email=args.email,
        event=args.event,
        destination=args.destination,
        diff=args.diff,
    )


TOOL = Tool(
    name="debug_event_delivery",
    title="Debug event delivery",
    description=DESCRIPTION,
    args=DebugEventDelivery,
    answer=Debugged,
    hints=READS,
    scopes=frozenset({Scope.READ}),
    run=run,
    search="why missing event not arrived failed trace troubleshoot delivery error",
    rest="diff shows more, destination only one; on the command line turnout trace shows all.",
)
