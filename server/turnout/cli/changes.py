"""`turnout changes`: what was changed, when and by whom."""

from __future__ import annotations

from functools import partial

import click

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document

LISTS = {"changes": "Changes"}


@click.command(cls=Command, help="List what was changed, newest first: when, by whom, and what.")
@click.option("--since", metavar="T", help="ISO 8601, or so long ago: 30m, 24h, 7d.")
@click.option("--destination", metavar="NAME", help="Only of this one.")
@click.option("--cursor", metavar="C", help="Go on where the answer before it ended.")
@click.option("--limit", type=int, default=20, show_default=True, help="Rows.")
@pass_here
def changes(here: Here, *, since: str | None, destination: str | None, cursor: str | None, limit: int) -> None:
    """List it."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.list_changes(since=since, destination=destination, cursor=cursor, limit=limit)

    output.answer(here, at_desk(here, work), partial(output.page, titles=LISTS))
