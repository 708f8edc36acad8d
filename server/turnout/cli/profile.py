"""`turnout profile`: a person with all that is known of them, or the newest people."""

from __future__ import annotations

from functools import partial

import click

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.errors import NotFound

LISTS = {
    "people": "People",
    "identifiers": "Identifiers",
    "joined": "How they were joined",
    "traits": "Traits",
    "last_events": "Last events",
    "destinations": "At the destinations",
    "erased": "Requests to suppress or erase",
}


@click.command(cls=Command, help="Show a person, live and test, or the newest people.")
@click.argument("user_id", required=False)
@click.option("--anonymous-id", metavar="A", help="By anonymous id.")
@click.option("--email", metavar="E", help="By e-mail address.")
@click.option("--namespace", metavar="NAME", help="Only of this one: live, or a test namespace.")
@click.option("--cursor", metavar="C", help="Go on where the newest of the answer before ended.")
@click.option("--limit", type=int, default=20, show_default=True, help="How many of the newest.")
@pass_here
def profile(
    here: Here, *, user_id: str | None, anonymous_id: str | None, email: str | None, namespace: str | None,
    cursor: str | None, limit: int,
) -> None:  # fmt: skip
    """Read it. Raises: NotFound, where nobody is known by these identifiers."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.get_profile(
            user_id=user_id, anonymous_id=anonymous_id, email=email, namespace=namespace, cursor=cursor, limit=limit
        )

    told = at_desk(here, work)
    if not told.get("found") and (user_id or anonymous_id or email) and not told.get("erased"):
        raise NotFound(str(told.get("summary")))
    output.answer(here, told, partial(output.page, titles=LISTS))
