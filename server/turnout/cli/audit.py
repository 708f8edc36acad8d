"""`turnout audit`: which events go where, and what is amiss."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document

LISTS = {
    "events": "Events",
    "destinations": "What each destination does with it",
    "unrouted_events": "Events that no destination takes",
    "idle_destinations": "Destinations that got nothing",
    "stale_sources": "Sources that are stale",
    "similar_names": "Names that look like others",
    "maybe_twice": "Maybe sent twice",
    "replayed": "Replayed",
}


@click.command(cls=Command, help="Say which events go where, and what is stale, misspelt, idle, or sent twice.")
@click.option("--event", metavar="NAME", help="What every destination does with this one.")
@click.option("--source", metavar="NAME", help="Only what this source sent.")
@click.option("--days", type=int, default=7, show_default=True, help="Without events until a source is stale.")
@click.option("--limit", type=int, default=20, show_default=True, help="Rows of each list.")
@pass_here
def audit(here: Here, *, event: str | None, source: str | None, days: int, limit: int) -> None:
    """Look at it."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.audit_routing(event=event, source=source, days=days, limit=limit)

    output.answer(here, at_desk(here, work), show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw it."""
    yield from output.summary(told)
    yield from output.lists(told, LISTS)
