"""`turnout usage`: the meter."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.document import Document
from turnout.guard.principal import command_line
from turnout.opening import open_store
from turnout.operations import usage as meter
from turnout.operations.reader import Reader


@click.command(cls=Command, help="Count monthly tracked users, and what counted them.")
@click.option("--month", metavar="YYYY-MM", help="Which; else this one.")
@pass_here
def usage(here: Here, *, month: str | None) -> None:
    """Read the meter."""
    store = open_store(here.settings())
    try:
        told = store.look(partial(meter.usage, month=month or "", reader=Reader(command_line())))
    finally:
        store.close()
    output.answer(here, told, show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw it."""
    yield from output.summary(told)
    yield output.facts(told, "month", "mtu", "forecast", "events", "test_people", "test_events")
    for name, title in (("sources", "By source"), ("counted_by", "What counted them")):
        if listed := output.rows(told.get(name)):
            columns = tuple(dict.fromkeys(field for row in listed for field in row))
            yield Text("")
            yield output.table(columns, listed, title=title)
