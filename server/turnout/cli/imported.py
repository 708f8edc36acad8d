"""`turnout destination import`: a destination of a Segment workspace as a connection here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import click
from rich.console import RenderableType

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import change
from turnout.cli.words import Setting, read_file, settings_of
from turnout.desk import OwnDesk
from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.event.wire import Flaw, check
from turnout.manifest.catalogue import Catalogue
from turnout.operations import importing
from turnout.operations.mappings import Plan
from turnout.sinks.files import JSONL
from turnout.workspace import Receives

Call: TypeAlias = Callable[[OwnDesk, "str | None"], Awaitable[Document]]


@click.command(name="import", cls=Command, help="Connect what a Segment workspace has, line by line.")
@click.argument("file", metavar="FILE.json")
@click.option("--slug", metavar="SLUG", help="Which destination it is, where the file does not say.")
@click.option("--to", "connected", metavar="NAME", help="Change this connected destination instead of connecting one.")
@click.option("--name", metavar="N", help="What to call it; else as it is called there.")
@click.option("--set", "pairs", type=Setting(), multiple=True, metavar="KEY=VALUE", help="A setting, as its secret.")
@click.option("--receives", type=click.Choice([str(each) for each in Receives]), help="Which events; else live ones.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken and what not, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def import_(
    here: Here, *, file: str, slug: str | None, connected: str | None, name: str | None,
    pairs: tuple[tuple[str, str], ...], receives: str | None, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Read it, say line by line what comes of it, and connect or change."""
    given = _read(file)
    plan = importing.plan(Catalogue((JSONL,)), given, settings_of(pairs), slug)
    told: Document = {"slug": plan.slug, "settings": sorted(plan.settings)}
    told |= {"filter": plan.filter} if plan.filter else {}
    told |= {"overrides": plan.overrides, "lines": list(plan.lines)}
    if not dry_run:
        told |= change(here, _call(plan, connected, name, receives), yes=yes)
    output.answer(here, {"summary": _summary(plan, dry_run=dry_run), **told}, show)


def _call(plan: Plan, connected: str | None, name: str | None, receives: str | None) -> Call:
    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        if connected:
            return await desk.update_destination(
                destination=connected, action=None, name=name, settings=plan.settings or None, receives=receives,
                filter=plan.filter or None, sources=None, overrides=plan.overrides or None, idempotency_key=None,
                dry_run=False, confirm=confirm,
            )  # fmt: skip
        return await desk.connect_destination(
            slug=plan.slug, name=name or plan.name or None, settings=plan.settings or None, receives=receives,
            filter=plan.filter or None, sources=None, overrides=plan.overrides or None, idempotency_key=None,
            dry_run=False, confirm=confirm,
        )  # fmt: skip

    return call


def _read(file: str) -> Json:
    found = check(read_file(file, None, None).encode())
    if isinstance(found, Flaw):
        raise InvalidInput(f"{file} is no JSON that can be read: {found.say.replace('The event', 'It', 1)}")
    return found


def _summary(plan: Plan, *, dry_run: bool) -> str:
    counts = {word: sum(line["result"] == word for line in plan.lines) for word in ("taken", "already", "not_taken")}
    done = "Nothing was connected; of" if dry_run else "Of"
    return (
        f"{done} {len(plan.lines)} lines {counts['taken']} taken, {counts['already']} already so, "
        f"{counts['not_taken']} not taken."
    )


def show(told: Document) -> Iterable[RenderableType]:
    """Draw each line, then what was connected."""
    yield output.table(("what", "result", "to", "value", "why"), output.rows(told["lines"]))
    yield from output.summary(told)
    yield output.facts(told, "destination_id", "name", "slug", "state", "receives", "filter")
