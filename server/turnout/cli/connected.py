"""The verbs of `turnout destination` for what is connected, or can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import consent, output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk, change
from turnout.cli.words import Override, Setting, overrides_of, settings_of
from turnout.desk import OwnDesk
from turnout.document import Document, Json, encode
from turnout.errors import InvalidInput
from turnout.workspace import Receives

Pairs: TypeAlias = "tuple[tuple[str, str], ...]"
PAGE = 100
FACTS = (
    *("slug", "name", "status", "connected", "destination_id", "state", "receives", "filter", "sources"),
    *("hatch", "documentation"),
)


F = TypeVar("F", bound=Callable[..., None])
_NARROWED = (
    click.option(
        "--set", "pairs", type=Setting(), multiple=True, metavar="KEY=VALUE", help="A setting; KEY=@FILE reads it."
    ),
    click.option(
        "--receives", type=click.Choice([str(each) for each in Receives]), help="Which events; else live ones."
    ),
    click.option(
        "--filter", "condition", metavar="EXPR", help="Only events for which this holds, as $.event == 'A', or FQL."
    ),
    click.option(
        "--source", "sources", multiple=True, metavar="NAME", help="Only events of this source; may be repeated."
    ),
    click.option(
        "--map", "fields", type=Override(), multiple=True, metavar="[ACTION:]FIELD=VALUE",
        help="Make a field by an expression, as event:properties.plan=$.traits.plan; empty lifts it.",
    ),
    click.option(
        "--event-name", "names", type=Override(), multiple=True, metavar="A=B", help="Send event A as if it were B."
    ),
    click.option(
        "--when", "whens", type=Override(), multiple=True, metavar="ACTION=EXPR", help="Do it only when this holds."
    ),
)  # fmt: skip


def narrowed(command: F) -> F:
    """Add the options that say which events a destination gets, and how they are changed for it."""
    for option in reversed(_NARROWED):
        command = option(command)
    return command


@click.command(cls=Command, help="Connect a destination of the catalogue.")
@click.argument("slug")
@click.option("--name", metavar="N", help="What to call it; else its slug.")
@narrowed
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Where a browser comes back with consent.")
@click.option("--paste", is_flag=True, help="Where consent is needed: paste where the browser ended.")
@pass_here
def connect(
    here: Here, *, slug: str, name: str | None, pairs: tuple[tuple[str, str], ...], receives: str | None,
    condition: str | None, sources: tuple[str, ...], fields: Pairs, names: Pairs, whens: Pairs, key: str | None,
    dry_run: bool, yes: bool, port: int | None, paste: bool,
) -> None:  # fmt: skip
    """Connect it; a destination that needs consent asks for it, where somebody is there."""
    settings = settings_of(pairs)
    overrides = overrides_of(map=fields, events=names, when=whens)

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.connect_destination(
            slug=slug, name=name, settings=settings or None, receives=receives, filter=condition,
            sources=sources or None, overrides=overrides or None, idempotency_key=key, dry_run=dry_run,
            confirm=confirm,
        )  # fmt: skip

    told = change(here, call, yes=yes)
    if told.get("reason") and told.get("state") == "paused" and (paste or port is not None or consent.is_person()):
        told = _consented(here, told, port=port or 0, paste=paste)
    output.answer(here, told, show_change)


@click.command(cls=Command, help="Change a connected destination; what is not named stays.")
@click.argument("name")
@click.option("--name", "called", metavar="N", help="What to call it from now on.")
@narrowed
@click.option("--key", metavar="K", help="Idempotency key.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def update(
    here: Here, *, name: str, called: str | None, pairs: Pairs, receives: str | None, condition: str | None,
    sources: tuple[str, ...], fields: Pairs, names: Pairs, whens: Pairs, key: str | None, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Change it; a setting, field, name or condition that is given without a value is lifted."""
    settings = {key: value or None for key, value in settings_of(pairs).items()}
    overrides = overrides_of(map=fields, events=names, when=whens)
    if not (settings or overrides or sources) and (called, receives, condition) == (None, None, None):
        raise click.UsageError("Say what to change, as --set key=value or --receives all.")

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.update_destination(
            destination=name, action=None, name=called, settings=settings or None, receives=receives,
            filter=condition, sources=_sources(sources), overrides=overrides or None, idempotency_key=key,
            dry_run=dry_run, confirm=confirm,
        )  # fmt: skip

    output.answer(here, change(here, call, yes=yes), show_change)


def _sources(given: tuple[str, ...]) -> tuple[str, ...] | None:
    """Read the sources to change to: `all` lifts them."""
    return () if given == ("all",) else given or None


def _consented(here: Here, told: Document, *, port: int, paste: bool) -> Document:
    """Ask for the consent; what was connected stays so without it."""
    try:
        given = consent.ask(here, str(told["destination_id"]), port=port, paste=paste)
    except InvalidInput as error:
        output.say(error.message)
        return told
    return {name: value for name, value in {**told, **given}.items() if name != "reason"}


@click.command(name="list", cls=Command, help="List what is connected; with --catalog, all there is.")
@click.option("--search", metavar="TEXT", help="Only those with these words.")
@click.option("--catalog", is_flag=True, help="All that can be connected; with --search, all that is known.")
@pass_here
def listed(here: Here, *, search: str | None, catalog: bool) -> None:
    """List them all."""

    async def work(desk: OwnDesk, _: App) -> Document:
        told = await desk.list_destinations(search=search, catalog=catalog, cursor=None, limit=PAGE)
        found: list[Json] = list(output.rows(told.get("destinations")))
        while isinstance(cursor := told.get("next_cursor"), str):
            told = await desk.list_destinations(search=search, catalog=catalog, cursor=cursor, limit=PAGE)
            found += output.rows(told.get("destinations"))
        return {"destinations": found}

    output.answer(here, at_desk(here, work), show_catalogue if catalog else show_list)


@click.command(cls=Command, help="Show a destination's settings, or those it would need.")
@click.argument("name")
@pass_here
def show(here: Here, *, name: str) -> None:
    """Describe it."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.describe_destination(destination=name)

    output.answer(here, at_desk(here, work), show_one)


def _changed(here: Here, name: str, action: str, *, yes: bool) -> None:
    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.update_destination(
            destination=name, action=action, name=None, settings=None, receives=None, filter=None, sources=None,
            overrides=None, idempotency_key=None, dry_run=False, confirm=confirm,
        )  # fmt: skip

    output.answer(here, change(here, call, yes=yes), show_change)


@click.command(cls=Command, help="Let it stand still; its events wait in the log.")
@click.argument("name")
@pass_here
def pause(here: Here, *, name: str) -> None:
    """Pause it."""
    _changed(here, name, "pause", yes=True)


@click.command(cls=Command, help="Let it go on from where it stood.")
@click.argument("name")
@pass_here
def resume(here: Here, *, name: str) -> None:
    """Resume it."""
    _changed(here, name, "resume", yes=True)


@click.command(cls=Command, help="Disconnect it; what it is owed is cancelled.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def remove(here: Here, *, name: str, yes: bool) -> None:
    """Remove it."""
    _changed(here, name, "remove", yes=yes)


@click.command(cls=Command, help="Check its credentials at the vendor.")
@click.argument("name")
@pass_here
def test(here: Here, *, name: str) -> int:
    """Ask the vendor; give exit code 1 when it refuses."""

    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.test_destination(destination=name, idempotency_key=None)

    told = at_desk(here, work)
    output.answer(here, told, show_test)
    return 1 if told.get("ok") is False else 0


def show_change(told: Document) -> Iterable[RenderableType]:
    """Draw what was changed."""
    yield from output.summary(told)
    yield output.facts(told, "destination_id", "name", "slug", "state", "receives", "hosts", "reason")


def show_list(told: Document) -> Iterable[RenderableType]:
    """Draw what is connected."""
    listed = output.rows(told["destinations"])
    if not listed:
        yield Text("Nothing is connected. What can be: turnout destination list --catalog")
        return
    drawn = [{**row, "last_24_h": output.words(row.get("counts"))} for row in listed]
    yield output.table(("name", "slug", "state", "health", "receives", "waiting", "lag_seconds", "last_24_h"), drawn)


def show_catalogue(told: Document) -> Iterable[RenderableType]:
    """Draw the catalogue."""
    listed = output.rows(told["destinations"])
    more = ("hatch",) if any("hatch" in row for row in listed) else ()
    yield output.table(("slug", "name", "status", *more), listed)


def show_one(told: Document) -> Iterable[RenderableType]:
    """Draw one destination."""
    yield from output.summary(told)
    yield output.facts(told, *FACTS)
    if settings := output.rows(told.get("settings")):
        yield output.table(
            ("name", "type", "required", "secret", "value", "default", "label"), settings, title="Settings"
        )
    if overrides := _told(told.get("overrides")):
        yield output.table(("override", "name", "value"), overrides, title="Overrides")
    if actions := output.rows(told.get("actions")):
        columns = tuple(dict.fromkeys(name for row in actions for name in row))
        yield output.table(columns, actions, title="Actions")


def _told(overrides: Json) -> list[Document]:
    """List overrides one a line."""
    parts = overrides.items() if isinstance(overrides, dict) else ()
    return [
        {"override": part, "name": name, "value": value if isinstance(value, str) else encode(value).decode()}
        for part, rows in parts
        if isinstance(rows, dict)
        for name, value in rows.items()
    ]


def show_test(told: Document) -> Iterable[RenderableType]:
    """Draw the result of a check."""
    yield from output.summary(told)
    yield output.facts(told, "destination", "ok", "status", "took_ms", "reason")
