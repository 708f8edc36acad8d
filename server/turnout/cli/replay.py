"""`turnout replay`: recorded events, delivered again."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import change
from turnout.delivery.verdict import Verdict
from turnout.desk import OwnDesk
from turnout.document import Document

FINAL = [str(each) for each in Verdict if each not in {Verdict.WAITING, Verdict.PAUSED}]
"""What waits is delivered without a replay."""


@click.command(cls=Command, help="Deliver recorded events again.")
@click.option("--destination", metavar="NAME", help="Only to this one.")
@click.option("--event", metavar="E", help="Only events of this name.")
@click.option("--user-id", metavar="U", help="Only this person's.")
@click.option("--since", metavar="T", help="ISO 8601, or so long ago: 30m, 24h, 7d.")
@click.option("--until", metavar="T", help="The same; else now.")
@click.option("--verdict", type=click.Choice(FINAL), help="Only what ended so, the last time it was due.")
@click.option("--message-id", "message_ids", multiple=True, metavar="ID", help="Only this one; may be repeated.")
@click.option("--namespace", metavar="NAME", help="Only events of this namespace.")
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Count, and deliver nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def replay(
    here: Here, *, destination: str | None, event: str | None, user_id: str | None, since: str | None,
    until: str | None, verdict: str | None, message_ids: tuple[str, ...], namespace: str | None, key: str | None,
    dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Select, and begin."""

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.replay_events(
            destination=destination, event=event, user_id=user_id, since=since, until=until, verdict=verdict,
            message_ids=message_ids or None, namespace=namespace, idempotency_key=key, dry_run=dry_run, confirm=confirm,
        )  # fmt: skip

    output.answer(here, change(here, call, yes=yes), show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw it."""
    yield from output.summary(told)
    yield output.facts(told, "run_id", "selected", "to")
