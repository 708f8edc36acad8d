"""`turnout namespace`: live and test events, and the rules that move some from the one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from typing import TypeVar

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.app import App
from turnout.cli import erase, output
from turnout.cli.here import Here, Noun, pass_here
from turnout.cli.running import at_desk, change
from turnout.desk import OwnDesk
from turnout.document import Document, Json
from turnout.opening import open_store
from turnout.operations import namespaces, rules
from turnout.operations.model import Operation
from turnout.store.unit import View

Q = TypeVar("Q")
P = TypeVar("P")


@click.group(cls=Noun, help="Live and test events: list, clear, and rules that move live ones to test.")
def namespace() -> None:
    """Group the verbs."""


@namespace.command(name="list", help="List namespaces, with their events and people.")
@pass_here
def listed(here: Here) -> None:
    """List them all."""
    output.answer(here, _look(here, namespaces.listing), show_all)


@namespace.command(help="Clear a test namespace of all its people and events.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait for the end, ten minutes at most.")
@pass_here
def clear(here: Here, *, name: str, yes: bool, wait: bool) -> None:
    """Clear it; whoever delivers does the work, or this command with `--wait`."""

    async def call(desk: OwnDesk, confirm: str | None) -> Document:
        return await desk.change(namespaces.CLEAR, namespaces.Clear(name), confirm=confirm)

    told: Document = {"namespace": name, **change(here, call, yes=yes)}
    if wait:
        told |= erase.receipt(here, str(told["deletion_id"]), wait=True)
    output.answer(here, told, show_one)


@namespace.group(cls=Noun, help="Rules that move live events to a test namespace, whatever door they come in by.")
def rule() -> None:
    """Group the verbs."""


@rule.command(help="Add a rule; it is asked after those there are, and moves what comes from now on.")
@click.option(
    "--id", "glob", metavar="GLOB", help="User and anonymous ids, such as 'qa-*': * any run, ? one character."
)
@click.option("--email-domain", metavar="DOMAIN", help="E-mails of this domain and those under it.")
@click.option("--ip", metavar="CIDR", help="Addresses of people: context.ip, or of a browser's connection.")
@click.option("--to", metavar="NAME", default="test", help="Another test namespace than `test`.")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@pass_here
def add(here: Here, *, glob: str | None, email_domain: str | None, ip: str | None, to: str, dry_run: bool) -> None:
    """Add it."""
    if sum(each is not None for each in (glob, email_domain, ip)) != 1:
        raise click.UsageError("A rule looks at one thing: give one of --id, --email-domain and --ip.")
    request = rules.AddRule(glob, email_domain, ip, to)
    output.answer(here, _changed(here, rules.ADD, request, dry_run=dry_run), show_rule)


@rule.command(name="list", help="List the rules, in the order in which they are asked.")
@pass_here
def listed_rules(here: Here) -> None:
    """List them all."""
    output.answer(here, _look(here, rules.listing), show_rules)


@rule.command(help="Remove a rule; what it moved stays where it is.")
@click.argument("rule_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@pass_here
def remove(here: Here, *, rule_id: str, dry_run: bool) -> None:
    """Remove it. Raises: NotFound."""
    request = rules.RemoveRule(rule_id)
    output.answer(here, _changed(here, rules.REMOVE, request, dry_run=dry_run), show_rule)


def _look(here: Here, look: Callable[[View], Document]) -> Document:
    store = open_store(here.settings())
    try:
        return store.look(look)
    finally:
        store.close()


def _changed(here: Here, operation: Operation[Q, P], request: Q, *, dry_run: bool) -> Document:
    async def work(desk: OwnDesk, _: App) -> Document:
        return await desk.change(operation, request, dry_run=dry_run)

    return at_desk(here, work)


def show_all(told: Document) -> Iterable[RenderableType]:
    """Draw the list."""
    yield output.table(("namespace", "events", "people"), output.rows(told["namespaces"]))


def show_one(told: Document) -> Iterable[RenderableType]:
    """Draw what goes, then the receipt as it stands."""
    yield output.facts(told, "namespace", "events", "people")
    yield from erase.show(told)


def show_rules(told: Document) -> Iterable[RenderableType]:
    """Draw the rules."""
    yield output.table(("rule_id", "by", "pattern", "namespace", "created_at"), output.rows(told["rules"]))


def show_rule(told: Document) -> Iterable[RenderableType]:
    """Draw one that was added or removed, and how to take that back."""
    yield from output.summary(told)
    yield output.facts(told, "rule_id", "by", "pattern", "namespace")
    for each in output.rows(told.get("next")):
        yield Text(f"Back: turnout namespace rule {_words(each)}", "dim")


def _words(undo: Mapping[str, Json]) -> str:
    """Write the call that takes a change back as it is typed."""
    given = undo["arguments"]
    assert isinstance(given, Mapping)
    if undo["tool"] == rules.REMOVE_NAME:
        return f"remove {given['rule_id']}"
    options = [f"--{name.replace('_', '-')} {quote(str(text))}" for name, text in given.items() if name != "namespace"]
    return f"add {' '.join(options)} --to {given['namespace']}"
