"""The tool `create_source`."""

from __future__ import annotations

from pydantic import Field

from turnout.agent.desk import Desk
from turnout.agent.model import Args, Change, DryRun, Hints, Key, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Create a source and its write keys, for a Segment SDK to send events with. The test key marks everything sent "
    "with it as test: not counted, not delivered to live destinations. A write key can only add events. For sending "
    "events from here no source is needed."
)


class CreateSource(Args):
    """Arguments of `create_source`."""

    name: str = Field(description="e.g. Web shop")
    idempotency_key: Key = None
    dry_run: DryRun = False


class Created(Change):
    """Answer of `create_source`."""

    source_id: str | None = None
    name: str | None = None
    write_key: str | None = Field(None, description="absent without the scope live")
    test_write_key: str | None = None


async def run(desk: Desk, args: CreateSource) -> Document:
    """Create it."""
    return await desk.create_source(name=args.name, idempotency_key=args.idempotency_key, dry_run=args.dry_run)


TOOL = Tool(
    name="create_source",
    title="Create source",
    description=DESCRIPTION,
    args=CreateSource,
    answer=Created,
    hints=Hints(read_only=False, destructive=False, idempotent=False, open_world=False),
    scopes=frozenset({Scope.CONFIGURE}),
    run=run,
    search="write key api key sdk new website app source",
)
