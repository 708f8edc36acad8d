"""`turnout send`: one event, as a program would send it; with `--wait`, what became of it."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.cli.words import JsonObject
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.event.model import LIVE, Kind

OPERATION = "send"
NEEDS = {
    Kind.TRACK: ("event", "--event"),
    Kind.GROUP: ("group_id", "--group-id"),
    Kind.ALIAS: ("previous_id", "--previous-id"),
}
"""What a call is nothing without, besides whose it is."""
HAS = {
    Kind.TRACK: {"event", "properties"},
    Kind.IDENTIFY: {"traits"},
    Kind.PAGE: {"name", "category", "properties"},
    Kind.SCREEN: {"name", "category", "properties"},
    Kind.GROUP: {"group_id", "traits"},
    Kind.ALIAS: {"previous_id"},
}
"""What each of the six calls has of its own. Source: Segment's spec."""
WIRE = {"user_id": "userId", "anonymous_id": "anonymousId", "group_id": "groupId", "previous_id": "previousId"}


@click.command(cls=Command, help="Send one event: track, identify, page, screen, group or alias.")
@click.argument("kind", type=click.Choice([str(kind) for kind in Kind]))
@click.option("--user-id", metavar="U", help="Whose it is.")
@click.option("--anonymous-id", metavar="A", help="Whose it is, before they are known.")
@click.option("--event", metavar="E", help="What happened (track).")
@click.option("--properties", type=JsonObject(), metavar="JSON", help="Facts of the event; @FILE reads a file.")
@click.option("--traits", type=JsonObject(), metavar="JSON", help="Facts of the person or group.")
@click.option("--name", metavar="N", help="Name of the page or screen.")
@click.option("--category", metavar="C", help="Category of the page or screen.")
@click.option("--group-id", metavar="G", help="The group (group).")
@click.option("--previous-id", metavar="P", help="The id until now (alias).")
@click.option("--context", type=JsonObject(), metavar="JSON", help="Where and with what it happened.")
@click.option("--timestamp", metavar="T", help="When it happened, ISO 8601; else now.")
@click.option("--key", metavar="K", help="Idempotency key: the same key again has no second effect.")
@click.option("--namespace", metavar="NAME", help="Another test namespace than `test`.")
@click.option("--live", is_flag=True, help="A live event: it counts, and goes where live events go.")
@click.option("--wait", type=click.FloatRange(0, 3600), metavar="S", help="Wait so many seconds for the verdicts.")
@pass_here
def send(
    here: Here, /, *, kind: str, key: str | None, namespace: str | None, live: bool, wait: float | None,
    **given: str | Document | None,
) -> None:  # fmt: skip
    """Send it, and say under which id it is known."""
    call = call_of(Kind(kind), given)
    if live and namespace not in {None, LIVE}:
        raise click.UsageError("--live and --namespace exclude one another.")
    space = LIVE if live else namespace
    if space == LIVE and not live:
        raise click.UsageError("Live events count and leave: say --live.")

    async def work(desk: OwnDesk, _: App) -> Document:
        if wait:
            output.say("Waiting for the verdicts …")
        return await desk.send_one(OPERATION, call, key, space, wait)

    output.answer(here, at_desk(here, work, delivers=bool(wait)), show)


def call_of(kind: Kind, given: dict[str, str | Document | None]) -> Document:
    """Make the call in Segment's shape. Raises: click.UsageError for what this call has not, or lacks."""
    told = {name: value for name, value in given.items() if value is not None}
    own = set().union(*HAS.values())
    if stray := sorted((told.keys() & own) - HAS[kind]):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(HAS[kind]))
        raise click.UsageError(f"{kind} has no --{stray[0].replace('_', '-')}; of its own it has {options}.")
    if kind in NEEDS and not told.get(NEEDS[kind][0]):
        raise click.UsageError(f"{kind} needs {NEEDS[kind][1]}.")
    if not told.get("user_id") and not (told.get("anonymous_id") and kind is not Kind.ALIAS):
        raise click.UsageError(f"{kind} needs --user-id{'' if kind is Kind.ALIAS else ', or --anonymous-id'}.")
    return {"type": str(kind), **{WIRE.get(name, name): value for name, value in told.items()}}


def show(told: Document) -> Iterable[RenderableType]:
    """Draw it."""
    yield from output.summary(told)
    title = Text.assemble("message ", (str(told.get("message_id")), "bold"), " in ", output.cell(told.get("namespace")))
    if "deliveries" in told:
        yield output.deliveries(told, title)
    else:
        yield title
        yield Text(f"What became of it: turnout trace {told.get('message_id')}", "dim")
