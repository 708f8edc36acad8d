"""`turnout suppress`: take no more events of a person, or take them again; what is stored stays."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import change
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.event.model import LIVE


@click.command(cls=Command, help="Take no more events of a person, or with --lift take them again.")
@click.argument("user_id")
@click.option("--lift", is_flag=True, help="Take events of the person again.")
@click.option("--live", is_flag=True, help="The live person; else the one of the test namespace.")
@click.option("--namespace", metavar="NAME", help="Another test namespace than `test`.")
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@pass_here
def suppress(
    here: Here, *, user_id: str, lift: bool, live: bool, namespace: str | None, key: str | None, dry_run: bool
) -> None:
    """Request it."""
    if namespace is not None and (live or namespace == LIVE):
        raise click.UsageError("For the live person say --live, and no --namespace.")

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.request_deletion(
            user_id=user_id, anonymous_id=None, email=None, kind="unsuppress" if lift else "suppress",
            namespace=LIVE if live else namespace, idempotency_key=key, dry_run=dry_run, confirm=confirm,
        )  # fmt: skip

    output.answer(here, change(here, call, yes=False), show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw it."""
    yield from output.summary(told)
    yield output.facts(told, "deletion_id", "status", "suppressed")
