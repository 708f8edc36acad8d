"""`turnout erase`: forget a person; the receipt says where, and where not."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk, change
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.event.model import LIVE
from turnout.looking import UNFINISHED

WAIT_S = 600.0
LOOK_S = 1.0


@click.command(cls=Command, help="Forget a person, here and at the destinations.")
@click.argument("user_id")
@click.option("--live", is_flag=True, help="The live person; else the one of the test namespace.")
@click.option("--namespace", metavar="NAME", help="Another test namespace than `test`.")
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait for the end, ten minutes at most.")
@pass_here
def erase(
    here: Here, *, user_id: str, live: bool, namespace: str | None, key: str | None, dry_run: bool, yes: bool,
    wait: bool,
) -> None:  # fmt: skip
    """Request it, and give the receipt as it stands."""
    if namespace is not None and (live or namespace == LIVE):
        raise click.UsageError("For the live person say --live, and no --namespace.")

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.request_deletion(
            user_id=user_id, anonymous_id=None, email=None, kind="suppress_and_erase",
            namespace=LIVE if live else namespace, idempotency_key=key, dry_run=dry_run, confirm=confirm,
        )  # fmt: skip

    asked = change(here, call, yes=yes)
    deletion = asked.get("deletion_id")
    if not isinstance(deletion, str):
        output.answer(here, asked, show)
        return

    def draw(told: Document) -> Iterable[RenderableType]:
        yield from show(told)
        if told.get("status") in UNFINISHED:
            yield Text(f"Whoever delivers goes on with it. How far it is: turnout profile {quote(user_id)}", "dim")

    output.answer(here, receipt(here, deletion, wait=wait), draw)


def receipt(here: Here, deletion: str, *, wait: bool) -> Document:
    """Give the receipt of a deletion: at its end, or, without `wait` or after ten minutes, as it stands."""

    async def follow(desk: OwnDesk, app: App) -> Document:
        told = await desk.get_deletion(deletion_id=deletion)
        until = app.clock.monotonic() + (WAIT_S if wait else 0)
        while told.get("status") in UNFINISHED and app.clock.monotonic() < until:
            await app.store.changed(LOOK_S)
            told = await desk.get_deletion(deletion_id=deletion)
        return told

    if wait:
        output.say("Erasing …")
    return at_desk(here, follow, delivers=wait)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw the receipt."""
    yield from output.summary(told)
    yield output.facts(told, "deletion_id", "status", "suppressed")
    if steps := output.rows(told.get("steps")):
        drawn = [{**row, "counts": output.words(row.get("counts"))} for row in steps]
        yield output.table(("where", "status", "counts", "reason"), drawn)
    if isinstance(proof := told.get("proof"), dict):
        yield Text("")
        yield output.table(tuple(proof), [proof], title="Looked for again, as of now")
