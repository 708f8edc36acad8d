"""`turnout install`: our entry in the configuration of an MCP client, shown before it is written."""

from __future__ import annotations

import time
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.mcp import asked
from turnout.clients import change, known
from turnout.clients.known import BY_SLUG, CLIENTS, Client
from turnout.document import Document, Json
from turnout.errors import InvalidInput, NotFound


@click.command(
    cls=Command,
    help="Add Turnout to an MCP client, or list the clients there are: shows the change, keeps a copy.",
)
@click.argument("client", required=False, metavar="[CLIENT]")
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Into the project's file, not yours.",
)
@click.option("--mode", type=click.Choice(["read", "write"]), help="What the agent may do; else write.")
@click.option("--live", is_flag=True, help="It may change what is live, too.")
@click.option("--people", is_flag=True, help="It sees personal values, and may not configure.")
@click.option("--namespace", metavar="NAME", help="Where its events go unless it says; else test.")
@click.option("--toolsets", metavar="NAMES", help="Which tools, with commas, or all; else core.")
@click.option("--remove", is_flag=True, help="Take the entry out again.")
@click.option("--dry-run", is_flag=True, help="Show the change, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def install(
    here: Here, *, client: str | None, project: Path | None, mode: str | None, live: bool, people: bool,
    namespace: str | None, toolsets: str | None, remove: bool, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Add it, or take it out, or list the clients; what `turnout mcp` would refuse is not written."""
    if client is None:
        output.answer(here, listed(project), show_all)
        return
    found = BY_SLUG.get(client.casefold())
    if found is None:
        raise NotFound(_unknown(client))
    file = found.file(known.home(), project.absolute() if project else None)
    if file is None:
        raise InvalidInput(f"{found.name} reads no file of a project", fix="Leave --project away")
    if not remove:
        asked(
            "read" if mode == "read" else "write", live=live, people=people, namespace=namespace or "test",
            toolsets=toolsets or "core", both_allowed=False,
        )  # fmt: skip
    given = {"--mode": mode, "--namespace": namespace, "--toolsets": toolsets}
    words = [*known.command(), *(word for name, value in given.items() if value for word in (name, value))]
    words += [name for name, is_set in (("--live", live), ("--people", people)) if is_set]
    if here.data is not None:
        words += ["--data", str(here.data.expanduser().absolute())]
    told = _done(found, file, None if remove else words, dry_run=dry_run, sure=yes)
    output.answer(here, told, show_one if yes or dry_run else show_end)


def listed(project: Path | None) -> Document:
    """List the clients, where their files are, and in which we stand."""
    rows: list[Json] = []
    for each in CLIENTS:
        file = each.file(known.home(), project.absolute() if project else None)
        if file is not None:
            rows.append({
                "client": each.slug, "name": each.name, "file": str(file), "exists": file.exists(),
                "installed": change.stands(each, file),
            })  # fmt: skip
    return {"clients": rows}


def _done(client: Client, file: Path, words: list[str] | None, *, dry_run: bool, sure: bool) -> Document:
    planned = change.plan(client, file, words)
    told: Document = {"client": client.slug, "file": str(file), "state": "unchanged", "diff": planned.diff()}
    if planned.is_none:
        return told
    if dry_run:
        return {**told, "state": "planned"}
    if not sure:
        output.say(planned.diff())
        output.require_yes(
            f"{file} would change so, and a copy of it be kept." if planned.old else f"{file} would be made."
        )
    backup = change.carry_out(planned, time.strftime("%Y%m%d-%H%M%S"))
    return {
        **told, "state": "removed" if words is None else "installed", "backup": None if backup is None else str(backup),
        "next": f"{client.after}, so that {client.name} hears of it.",
        **({"unattended": client.unattended} if client.unattended and words is not None else {}),
    }  # fmt: skip


def _unknown(name: str) -> str:
    near = get_close_matches(name.casefold(), BY_SLUG, 1)
    return f"There is no client {name!r}. " + (
        f"Did you mean {near[0]}?" if near else f"There are: {', '.join(BY_SLUG)}."
    )


def show_one(told: Document) -> Iterable[RenderableType]:
    """Show a change, and what became of the file."""
    yield from _coloured(str(told["diff"]))
    yield from show_end(told)


def show_end(told: Document) -> Iterable[RenderableType]:
    """Show what became of a file whose change was shown before."""
    yield output.facts(told, "state", "file", "backup", "next", "unattended")


def show_all(told: Document) -> Iterable[RenderableType]:
    """Show the clients."""
    yield output.table(("client", "name", "installed", "exists", "file"), output.rows(told["clients"]))


def _coloured(diff: str) -> Iterable[Text]:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.splitlines():
        yield Text(line, colours.get(line[:1], "dim") if not line.startswith(("+++", "---")) else "bold")
