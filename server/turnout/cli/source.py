"""`turnout source`: where events come from."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Here, Noun, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document, Json

PAGE = 100


@click.group(cls=Noun, help="Where events come from: make and list sources.")
def source() -> None:
    """Group the verbs."""


@source.command(help="Make a source with its write keys.")
@click.argument("name")
@click.option("--key", metavar="K", help="Idempotency key.")
@pass_here
def create(here: Here, *, name: str, key: str | None) -> None:
    """Make it."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.create_source(name=name, idempotency_key=key, dry_run=False)

    output.answer(here, at_desk(here, work), show_one)


@source.command(name="list", help="List sources, and when each last sent.")
@pass_here
def listed(here: Here) -> None:
    """List them all."""

    async def work(desk: OwnDesk, _: App) -> Document:
        told = await desk.list_sources(cursor=None, limit=PAGE)
        found: list[Json] = list(output.rows(told.get("sources")))
        while isinstance(cursor := told.get("next_cursor"), str):
            told = await desk.list_sources(cursor=cursor, limit=PAGE)
            found += output.rows(told.get("sources"))
        return {"sources": found}

    output.answer(here, at_desk(here, work), show_all)


def show_one(told: Document) -> Iterable[RenderableType]:
    """Draw a new source."""
    yield from output.summary(told)
    yield output.facts(told, "source_id", "name", "write_key", "test_write_key")


def show_all(told: Document) -> Iterable[RenderableType]:
    """Draw the list."""
    listed = output.rows(told["sources"])
    yield output.table(("source_id", "name", "events", "last_event_at"), listed)
    yield Text("")
    keys = [
        {"name": row["name"], "sends": sends, "key": row[field]}
        for row in listed
        for sends, field in (("live", "write_key"), ("test", "test_write_key"))
    ]
    yield output.table(("name", "sends", "key"), keys, title="Write keys")  # a line each: one is copied whole
