"""`turnout namespace`: live and test events."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType

from turnout.cli import erase, output
from turnout.cli.here import Here, Noun, pass_here
from turnout.cli.running import change
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.opening import open_store
from turnout.operations import namespaces


@click.group(cls=Noun, help="Live and test events: list, clear.")
def namespace() -> None:
    """Group the verbs."""


@namespace.command(name="list", help="List namespaces, with their events and people.")
@pass_here
def listed(here: Here) -> None:
    """List them all."""
    store = open_store(here.settings())
    try:
        told = store.look(namespaces.listing)
    finally:
        store.close()
    output.answer(here, told, show_all)


@namespace.command(help="Clear a test namespace of all its people and events.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait for the end, ten minutes at most.")
@pass_here
def clear(here: Here, *, name: str, yes: bool, wait: bool) -> None:
    """Clear it; whoever delivers does the work, or this command with `--wait`."""

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.clear_namespace(namespace=name, confirm=confirm)

    told: Document = {"namespace": name, **change(here, call, yes=yes)}
    if wait:
        told |= erase.receipt(here, str(told["deletion_id"]), wait=True)
    output.answer(here, told, show_one)


def show_all(told: Document) -> Iterable[RenderableType]:
    """Draw the list."""
    yield output.table(("namespace", "events", "people"), output.rows(told["namespaces"]))


def show_one(told: Document) -> Iterable[RenderableType]:
    """Draw what goes, then the receipt as it stands."""
    yield output.facts(told, "namespace", "events", "people")
    yield from erase.show(told)
