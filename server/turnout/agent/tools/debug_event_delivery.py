"""The tool `debug_event_delivery`."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue
from typing_extensions import override

from turnout.agent.answers import CAP, USUAL
from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Call, Delivery, Tool, Wait
from turnout.agent.view import JOURNEY_URI
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Find out what happened to one event at every destination and why: delivered, waiting, discarded or not "
    "sent, with the reason, the rule, each attempt and what to do next. Give message_id, or a person and an "
    "event name: why did Ann's order not reach Mixpanel? If it never arrived, says what came near it. To list "
    "events call find_events."
)


class DebugEventDelivery(Args):
    """Arguments of `debug_event_delivery`."""

    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    event: str | None = Field(None, description="the person's newest of this name")
    around: str | None = Field(None, description="received within an hour of this, or on this date")
    destination: str | None = Field(None, description="only this one, connected or not")
    diff: bool = Field(False, description="each field: received, mapped, sent, answered")
    namespace: str | None = Field(None, description="default all")
    wait_seconds: Wait = None

    @override
    def budget(self) -> int:
        """Allow more when the fields were asked for."""
        return CAP if self.diff else USUAL


class Near(BaseModel):
    """Something received that is like what was asked for."""

    why: str = Field(description="how it differs")
    says: str
    message_id: str | None = None
    event: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    namespace: str | None = None
    received_at: str | None = None
    reason: str | None = None
    next: Call | None = None


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
    near: list[Near] | None = Field(None, description="when not found: what came near it")


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
        around=args.around,
        namespace=args.namespace,
        wait_seconds=args.wait_seconds,
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
    view=JOURNEY_URI,
    search="why missing event not arrived failed trace troubleshoot delivery error",
    rest="diff shows more, destination only one; on the command line turnout trace shows all.",
)
