"""The tool `connect_destination`."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from turnout.agent.desk import Desk
from turnout.agent.model import Args, Change, Confirm, DryRun, Hints, Json, Key, Receives, Tool
from turnout.document import Document
from turnout.guard.principal import Scope

DESCRIPTION = (
    "Connect a destination of the catalogue, so that it gets events from now on. Call describe_destination first "
    "for its settings. A host of your own choice (webhook, endpoint) answers with a plan and a token to give as "
    "confirm once the user agrees. To change one that is connected call update_destination."
)


class ConnectDestination(Args):
    """Arguments of `connect_destination`."""

    slug: str = Field(validation_alias=AliasChoices("slug", "destination"), description="e.g. webhook")
    name: str | None = Field(None, description="default the slug")
    settings: Json | None = None
    receives: Receives | None = Field(None, description="which namespaces; default live with that scope, else test")
    filter: str | None = Field(None, description="which events, e.g. $.properties.revenue > 0, or Segment's FQL")
    sources: list[str] | None = Field(None, description="only these; default all")
    overrides: Json | None = Field(
        None,
        description="{map: {'action:field': '$.traits.plan'}, events: {'Their Name': 'vendor_name'}, "
        "when: {action: condition}}; $was is the manifest's value",
    )
    idempotency_key: Key = None
    dry_run: DryRun = False
    confirm: Confirm = None


class Connected(Change):
    """Answer of `connect_destination` and `update_destination`."""

    destination_id: str | None = None
    name: str | None = None
    slug: str | None = None
    state: str | None = None
    receives: str | None = None
    reason: str | None = Field(None, description="why it stands still, and what a person does")


async def run(desk: Desk, args: ConnectDestination) -> Document:
    """Connect it."""
    return await desk.connect_destination(
        slug=args.slug,
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
    name="connect_destination",
    title="Connect destination",
    description=DESCRIPTION,
    args=ConnectDestination,
    answer=Connected,
    hints=Hints(read_only=False, destructive=False, idempotent=True, open_world=True),
    scopes=frozenset({Scope.CONFIGURE}),
    run=run,
    search="add integration set up webhook api key destination",
)
