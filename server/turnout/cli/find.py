"""`turnout find`: recorded events, newest first, or the calls that were refused at the door."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.delivery.verdict import Verdict
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.event.model import Kind

REFUSED = "refused"
LISTS = {"events": "Events"}


@click.command(cls=Command, help="List events, newest first, or with --verdict refused the calls not accepted.")
@click.option("--event", metavar="E", help="Only events of this name.")
@click.option("--user-id", metavar="U", help="Only this person's.")
@click.option("--anonymous-id", metavar="A", help="Only this person's, by anonymous id.")
@click.option("--type", "kind", type=click.Choice([str(each) for each in Kind]), help="Only this call.")
@click.option("--source", metavar="NAME", help="Only what this source sent.")
@click.option("--since", metavar="T", help="ISO 8601, or so long ago: 30m, 24h, 7d.")
@click.option("--until", metavar="T", help="The same; else now.")
@click.option("--verdict", type=click.Choice([*map(str, Verdict), REFUSED]), help="Only what came to this somewhere.")
@click.option("--destination", metavar="NAME", help="How it stands at this one, and only what came to it.")
@click.option("--namespace", metavar="NAME", help="Only of this one: live, or a test namespace.")
@click.option("--cursor", metavar="C", help="Go on where the answer before it ended.")
@click.option("--limit", type=int, default=20, show_default=True, help="Rows.")
@pass_here
def find(
    here: Here, *, event: str | None, user_id: str | None, anonymous_id: str | None, kind: str | None,
    source: str | None, since: str | None, until: str | None, verdict: str | None, destination: str | None,
    namespace: str | None, cursor: str | None, limit: int,
) -> None:  # fmt: skip
    """List them."""
    refused = verdict == REFUSED

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.find_events(
            event=event, user_id=user_id, anonymous_id=anonymous_id, type=kind, source=source, namespace=namespace,
            since=since, until=until, verdict=None if refused else verdict, destination=destination, refused=refused,
            cursor=cursor, limit=limit,
        )  # fmt: skip

    output.answer(here, at_desk(here, work), show)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw them."""
    yield from output.page(told, LISTS)
    if any(call.get("tool") == "audit_routing" for call in output.rows(told.get("next"))):
        yield Text("Names that look like this one: turnout audit --event NAME", "dim")
