"""`turnout restore`: put a backup in the place of the workspace, with all erasures that came after it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import RenderableType

from turnout.binder import Binder, catalogue_of
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.clock import SystemClock
from turnout.delivery.eyes import Eyes
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.guard.principal import command_line
from turnout.operations import restoring
from turnout.operations.restoring import Means, Restore


@click.command(cls=Command, help="Put a backup in the place of the workspace.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--keys", "kept", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Where `keys` and `erasures` of the workspace are; else the data directory.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def restore(here: Here, *, file: Path, kept: Path | None, yes: bool) -> None:
    """Restore it; where a workspace is there, ask first."""
    settings = here.settings()
    place = kept.expanduser().absolute() if kept else settings.data
    request = Restore(file.expanduser().absolute(), settings.data, place)
    eyes = Eyes(Binder(catalogue_of(settings.data, settings.hatch)), settings.test_pool)
    means = Means(eyes, command_line(), SystemClock(), SystemEntropy(), output.say)
    with restoring.alone(request):
        planned = restoring.plan(request, means)
        if (shown := restoring.show(planned)) and not yes:
            output.require_yes(shown)
        told = restoring.apply(planned, means)
    output.answer(here, told, show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw what is there now."""
    yield from output.summary(told)
    yield output.facts(told, "data", "events", "last", "newest", "lost", "deletions", "doubts", "set_aside")
