"""The tool `replay_events`."""

from __future__ import annotations

from pydantic import Field

from turnout.agent.desk import Desk
from turnout.agent.model import Args, Change, Confirm, DryRun, Hints, Key, Space, Tool, Verdict
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Deliver recorded events again, to one destination or all: those that failed, a person's, a time span, or named "
    "ones. The answer counts them first with dry_run. What a destination has confirmed keeps its dedupe id. "
    "Above 100 live events a plan and a token for confirm come first. To see why they failed call "
    "debug_event_delivery."
)


class ReplayEvents(Args):
    """Arguments of `replay_events`."""

    destination: str | None = Field(None, description="default all")
    event: str | None = None
    user_id: str | None = None
    since: str | None = Field(None, description="ISO 8601, or e.g. 24h, 7d")
    until: str | None = None
    verdict: Verdict | None = Field(None, description="e.g. discarded")
    message_ids: list[str] | None = Field(None, max_length=500)
    namespace: Space = None
    idempotency_key: Key = None
    dry_run: DryRun = False
    confirm: Confirm = None


class Replayed(Change):
    """Answer of `replay_events`."""

    run_id: str | None = None
    selected: int | None = Field(None, description="events")
    to: list[str] | None = Field(None, description="destinations")


async def run(desk: Desk, args: ReplayEvents) -> Document:
    """Deliver them again."""
    return await desk.replay_events(
        destination=args.destination,
        event=args.event,
        user_id=args.user_id,
        since=args.since,
        until=args.until,
        verdict=args.verdict,
        message_ids=args.message_ids,
        namespace=args.namespace,
        idempotency_key=args.idempotency_key,
        dry_run=args.dry_run,
        confirm=args.confirm,
    )


TOOL = Tool(
    name="replay_events",
    title="Replay events",
    description=DESCRIPTION,
    args=ReplayEvents,
    answer=Replayed,
    hints=Hints(read_only=False, destructive=False, idempotent=True, open_world=True),
    scopes=frozenset({Scope.OPERATE}),
    run=run,
    search="resend retry backfill redeliver failed events",
)
