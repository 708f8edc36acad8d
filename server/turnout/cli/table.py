"""A table of commands, each imported when it is called: nobody waits for another command's libraries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeAlias

import click
from typing_extensions import override

from turnout.cli.here import shared


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: its name, where it is (`module:name`), and its line in the help."""

    name: str
    place: str
    says: str


Section: TypeAlias = tuple[str, tuple[Entry, ...]]


class Table(click.Group):
    """A table as a group: titled sections of commands, then examples."""

    def __init__(self, *given: Any, sections: Sequence[Section], examples: Sequence[str] = (), **named: Any) -> None:
        """Take the table, and add the shared options."""
        super().__init__(*given, **named)
        self.params = [*shared(), *self.params]
        self._sections = sections
        self._examples = examples
        self._entries = {entry.name: entry for _, entries in sections for entry in entries}

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return list(self._entries)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        found = getattr(import_module(module), name)
        assert isinstance(found, click.Command)
        return found

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or say which one is near."""
        if args[0] not in self._entries and not args[0].startswith("-"):
            near = get_close_matches(args[0], self._entries, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(self._entries)}."
            raise click.UsageError(f"No such command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, then examples."""
        for title, entries in self._sections:
            with formatter.section(title):
                formatter.write_dl([(entry.name, entry.says) for entry in entries])
        if self._examples:
            with formatter.section("Examples"):
                for line in self._examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
