"""What every command has: the options `--data` and `--json`, and what they mean for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from turnout import config, telemetry
from turnout.config import Settings


@dataclass(slots=True)
class Here:
    """Where the data is, if the command line says so, and whether a program reads the answer."""

    data: Path | None = None
    json: bool = False

    def settings(self, *, serves: bool = False) -> Settings:
        """Read the settings, and tell from their level on; `serves`: in lines for programs. Raises: InvalidInput."""
        found = config.load(self.data.expanduser().absolute() if self.data else None)
        telemetry.start(found.log, lines=serves)
        return found


pass_here = click.make_pass_decorator(Here, ensure=True)


def _take_data(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Here).data = value


def _take_json(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own shape
    if value:
        context.ensure_object(Here).json = True


class _Folder(click.Path):
    """A directory; none is not the current one, which an unset variable of a script would mean."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("expected a directory, found nothing; leave it out for your own", param, ctx)
        return super().convert(value, param, ctx)


def shared() -> list[click.Parameter]:
    """Make the options that stand at every command, before and after its name."""
    return [
        click.Option(
            ["--data"], metavar="DIR", type=_Folder(path_type=Path, file_okay=False), callback=_take_data,
            expose_value=False, help="The data directory; else TURNOUT_DATA, else your own.",
        ),
        click.Option(
            ["--json"], is_flag=True, is_eager=True, callback=_take_json, expose_value=False,
            help="Answer with one JSON value on standard output.",
        ),
    ]  # fmt: skip


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Add them after its own."""
        super().__init__(*given, **named)
        self.params += shared()

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read its words; a slip among them is this command's, so that its own help is named."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Noun(click.Group):
    """A noun with its verbs, each with the shared options."""

    command_class = Command

    def __init__(self, *given: Any, **named: Any) -> None:
        """Add them after its own."""
        super().__init__(*given, **named)
        self.params += shared()

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each verb with all that it says of itself: click would cut it off at the edge."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help or "") for name, command in self.commands.items()])

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Keep the order of the file: what one does first comes first."""
        return list(self.commands)
