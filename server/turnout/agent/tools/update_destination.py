"""The tool `update_destination`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from turnout.agent.desk import Desk
from turnout.agent.model import Args, Confirm, DryRun, Hints, Json, Key, Receives, Tool
from turnout.agent.tools.connect_destination import Connected
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Change a connected destination: settings, filter, overrides, receives, name; or pause, resume or remove it. "
    "While paused its events wait and go out on resume. Removing needs confirm: the first call answers with a plan "
    "and a token. Give only what changes; null does not clear, filter: all does."
)


class UpdateDestination(Args):
    """Arguments of `update_destination`."""

    destination: str = Field(description="name or id")
    action: Literal["pause", "resume", "remove"] | None = None
    name: str | None = Field(None, description="new name")
    settings: Json | None = None
    receives: Receives | None = None
    filter: str | None = Field(None, description="e.g. $.event == 'Signed Up'; all lifts it")
    sources: list[str] | None = Field(None, description="[] for all")
    overrides: Json | None = Field(None, description="as in connect_destination; merged, null lifts one")
    idempotency_key: Key = None
    dry_run: DryRun = False
    confirm: Confirm = None


async def run(desk: Desk, args: UpdateDestination) -> Document:
    """Change it."""
    return await desk.update_destination(
        destination=args.destination,
        action=args.action,
        name=args.name,
        settings=args.settings,
        receives=args.receives,
        filter=args.filter,
        sources=args.sources,
        overrides=args.overrides,
        idempotency_key=args.idempotency_key,
        dry_run=args.dry_run,
        confirm=args.confirm,
    )


TOOL = Tool(
    name="update_destination",
    title="Update destination",
    description=DESCRIPTION,
    args=UpdateDestination,
    answer=Connected,
    hints=Hints(read_only=False, destructive=True, idempotent=True, open_world=True),
    scopes=frozenset({Scope.OPERATE, Scope.CONFIGURE}),
    run=run,
    search="pause resume enable disable remove delete filter rotate key destination",
)
