"""`turnout usage`: the meter."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import click
from rich.console import RenderableType

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.document import Document
from turnout.guard.principal import command_line
from turnout.opening import open_store
from turnout.operations import usage as meter
from turnout.operations.reader import Reader

FACTS = (
    *("month", "mtu", "counts", "forecast", "forecast_low", "forecast_high", "forecast_method"),
    *("events", "test_people", "test_events"),
)
LISTS = {"sources": "By source", "inflated_by": "What made it larger", "counted_by": "What counted them"}


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
    shown = {**told, "counts": output.words(told.get("counts"))}
    yield output.facts(shown, *FACTS)
    yield from output.lists(told, LISTS)
