"""`turnout token`: who may call over HTTP, and what. A token is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Here, Noun, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.guard.principal import Scope, command_line
from turnout.guard.token import mint
from turnout.operations import tokens


@click.group(cls=Noun, help="Who may call over HTTP: make, list and revoke bearer tokens.")
def token() -> None:
    """Group the verbs."""


@token.command(help="Make a token; it is shown this once. To exchange one: make the new one, then revoke the old.")
@click.option("--scopes", required=True, metavar="A,B", help=f"What it may do: {', '.join(Scope)}.")
@click.option("--name", metavar="N", help="What to call it.")
@click.option("--expires", type=int, metavar="DAYS", help="After so many days it is refused; else never.")
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@pass_here
def create(here: Here, *, scopes: str, name: str | None, expires: int | None, key: str | None, dry_run: bool) -> None:
    """Make it."""

    async def work(desk: OwnDesk, app: App) -> Document:
        minted = mint(app.entropy)
        request = tokens.CreateToken(tuple(scopes.split(",")), name, expires, minted)
        operation = tokens.create(both_allowed=app.settings.both_allowed)
        told = await desk.change(operation, request, key, dry_run=dry_run, confirm=None)
        return tokens.with_token(told, minted)

    output.answer(here, at_desk(here, work), show_one)


@token.command(name="list", help="List tokens, and when each was used last.")
@pass_here
def listed(here: Here) -> None:
    """List them all."""

    async def work(_: OwnDesk, app: App) -> Document:
        return await app.store.read(partial(tokens.list_tokens, principal=command_line()))

    output.answer(here, at_desk(here, work), show_all)


@token.command(help="Revoke a token by its id or name: it is refused from now on.")
@click.argument("token")
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@pass_here
def revoke(here: Here, *, token: str, key: str | None, dry_run: bool) -> None:
    """Revoke it."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.change(tokens.REVOKE, tokens.RevokeToken(token), key, dry_run=dry_run, confirm=None)

    output.answer(here, at_desk(here, work), show_one)


def show_one(told: Document) -> Iterable[RenderableType]:
    """Draw one token."""
    yield from output.summary(told)
    yield output.facts(told, "token_id", "name", "scopes", "expires_at", "token")


def show_all(told: Document) -> Iterable[RenderableType]:
    """Draw the list."""
    listed = output.rows(told["tokens"])
    if not listed:
        yield Text("There is no token. Make one: turnout token create --scopes read")
        return
    yield output.table(("token_id", "name", "scopes", "created_at", "expires_at", "last_used_at", "state"), listed)
