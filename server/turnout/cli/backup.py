"""`turnout backup`: one file with the workspace as it is now, while others write and deliver."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import RenderableType

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.document import Document
from turnout.errors import NotFound
from turnout.opening import open_store
from turnout.operations import backups
from turnout.store.tail import lost


@click.command(cls=Command, help="Write a backup into one file, while others write and deliver.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@pass_here
def backup(here: Here, *, file: Path, replace: bool) -> None:
    """Take it, and say what must be kept beside it."""
    settings = here.settings()
    if not (settings.data / "turnout.db").is_file():
        raise NotFound(f"there is no workspace in {settings.data}; say --data DIR")
    store = open_store(settings)
    try:
        if store.missing:
            output.say(f"warning: {lost(store.missing)}")
        told = backups.take(store, file.expanduser().absolute(), output.say, replace=replace)
    finally:
        store.close()
    output.answer(here, told, show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw what is in it, and what is not."""
    yield from output.summary(told)
    yield output.facts(told, "file", "bytes", "events", "last", "revision", "taken_at")
    yield output.table(("file", "path", "why"), output.rows(told["needs"]))
