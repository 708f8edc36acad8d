"""`turnout trace`: one event's journey."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.errors import NotFound


@click.command(cls=Command, help="Tell what became of an event at every destination, and why.")
@click.argument("message_id")
@click.option("--destination", metavar="NAME", help="Only this one.")
@click.option("--diff", is_flag=True, help="Each change, field by field: received, mapped, sent, answered.")
@pass_here
def trace(here: Here, *, message_id: str, destination: str | None, diff: bool) -> None:
    """Read it. Raises: NotFound, with the reason where the call was refused."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.debug_event_delivery(
            message_id=message_id, user_id=None, anonymous_id=None, email=None, event=None, destination=destination,
            diff=diff, around=None, namespace=None, wait_seconds=None,
        )  # fmt: skip

    told = at_desk(here, work)
    if not told.get("found"):
        why = str(told.get("reason") or told.get("summary") or "No event has this message id")
        raise NotFound(
            why,
            fix="`turnout find` lists the newest events with their ids, `turnout find --user-id ID` those of a person",
        )
    output.answer(here, told, show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw it as a tree."""
    yield from output.summary(told)
    yield output.facts(told, "message_id", "namespace", "moved_by", "source", "received_at", "event")
    yield output.deliveries(told, Text("deliveries", "bold"))
    changes = [
        {"destination": row.get("destination"), **change}
        for row in output.rows(told.get("deliveries"))
        for change in output.rows(row.get("diff"))
    ]
    if changes:
        names = dict.fromkeys(name for change in changes for name in change)
        yield output.table(tuple(names), changes)
    if any(call.get("tool") == "replay_events" for call in output.rows(told.get("next"))):
        yield Text(f"To replay it: turnout replay --message-id {told.get('message_id')} --destination NAME", "dim")
