"""The command `turnout`: the table of commands, and the one place where a run ends with its exit code.

0 done, 1 refused or failed with a reason, 2 wrong usage, 3 not found.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType

import click

from turnout import config, document, telemetry
from turnout.cli import ends
from turnout.cli.here import Here
from turnout.cli.table import Entry, Section, Table
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.errors import NotFound, TurnoutError

DONE, REFUSED, WRONG, MISSING = 0, 1, 2, 3

COMMANDS: tuple[Section, ...] = (
    (
        "Run it",
        (
            Entry(
                "demo",
                "turnout.cli.demo:demo",
                "Show it at work: an agent, three destinations, a crash, and what became of it all.",
            ),
            Entry("mcp", "turnout.cli.mcp:mcp", "Serve an agent over standard input and output (MCP)."),
            Entry("serve", "turnout.cli.serve:serve", "Take events in over HTTP, and deliver, until stopped."),
            Entry(
                "install",
                "turnout.cli.install:install",
                "Add Turnout to an MCP client, or list the clients there are: shows the change, keeps a copy.",
            ),
        ),
    ),
    (
        "Events",
        (
            Entry("send", "turnout.cli.send:send", "Send one event: track, identify, page, screen, group or alias."),
            Entry(
                "find",
                "turnout.cli.find:find",
                "List events, newest first, or with --verdict refused the calls not accepted.",
            ),
            Entry("trace", "turnout.cli.trace:trace", "Tell what became of an event at every destination, and why."),
            Entry("replay", "turnout.cli.replay:replay", "Deliver recorded events again."),
            Entry(
                "audit",
                "turnout.cli.audit:audit",
                "Say which events go where, and what is stale, misspelt, idle, or sent twice.",
            ),
            Entry("profile", "turnout.cli.profile:profile", "Show a person, live and test, or the newest people."),
            Entry("usage", "turnout.cli.usage:usage", "Count monthly tracked users, and what counted them."),
        ),
    ),
    (
        "Workspace",
        (
            Entry("source", "turnout.cli.source:source", "Where events come from: make and list sources."),
            Entry("destination", "turnout.cli.destination:destination", "Where events go: connect, change, write."),
            Entry("token", "turnout.cli.token:token", "Who may call over HTTP: make, list and revoke bearer tokens."),
            Entry(
                "namespace",
                "turnout.cli.namespace:namespace",
                "Live and test events: list, clear, and rules that move live ones to test.",
            ),
            Entry(
                "suppress",
                "turnout.cli.suppress:suppress",
                "Take no more events of a person, or with --lift take them again.",
            ),
            Entry(
                "changes",
                "turnout.cli.changes:changes",
                "List what was changed, newest first: when, by whom, and what.",
            ),
            Entry("erase", "turnout.cli.erase:erase", "Forget a person, here and at the destinations."),
            Entry(
                "backup", "turnout.cli.backup:backup", "Write a backup into one file, while others write and deliver."
            ),
            Entry("restore", "turnout.cli.restore:restore", "Put a backup in the place of the workspace."),
            Entry("doctor", "turnout.cli.doctor:doctor", "Check whether all is well with the data."),
        ),
    ),
)
"""Every command, in the order of the help."""

AT_A_SHELL = (
    (r"list_destinations with catalog true and search", "`turnout destination list --catalog --search WORD`"),
    (r"describe_destination of (\S+)", r"`turnout destination show \1`"),
    (r"Name the right one in `namespace`", "Say --live, or --namespace NAME"),
    (r"connect_destination connects one", "`turnout destination connect SLUG` connects one"),
)
"""What a person types for the tools that the operations name."""

EXAMPLES = (
    "turnout destination connect jsonl --set path=events.jsonl --receives all",
    "turnout send track --user-id u_1 --event 'Signed Up' --wait 5",
    "turnout mcp --data ~/my-workspace",
)


def _say_version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own shape
    if not value:
        return
    number = str(import_module("turnout.cli.version").number())
    click.echo(document.encode({"version": number}) if context.ensure_object(Here).json else f"turnout {number}")
    context.exit()


@click.pass_context
def _greet(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


cli = Table(
    name="turnout",
    sections=COMMANDS,
    examples=EXAMPLES,
    help="A customer data platform that an agent can run: events in, every destination out, a reason for each.",
    params=[
        click.Option(["--version"], is_flag=True, callback=_say_version, expose_value=False, help="Say the version.")
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    invoke_without_command=True,
    callback=_greet,
)


def main() -> None:
    """Run the command line of this process, and exit."""
    ends.open_closed()
    telemetry.start(config.early_level(), lines=False)
    sys.excepthook = broke
    threading.excepthook = broke_beside
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except (OSError, SystemExit, BaseExceptionGroup) as error:
        if not ends.is_unread(error):
            raise
        ends.say_no_more()
        code = REFUSED
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; give its exit code."""
    as_json = "--json" in arguments
    try:
        ended = cli.main(args=list(arguments), prog_name="turnout", standalone_mode=False)
    except click.UsageError as error:
        ended = _wrong(error, as_json=as_json)
    except click.ClickException as error:
        ended = _refuse("failed", error.format_message(), "", as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        ended = _refuse("stopped", "Stopped.", "", as_json=as_json)
    except TurnoutError as error:
        ended = _refused(error, as_json=as_json)
    except OSError as error:
        if ends.is_unread(error):
            raise
        where = f": {error.filename}" if error.filename else ""
        ended = _refuse("io_error", f"{error.strerror or 'The system refused it'}{where}", "", as_json=as_json)
    return ended if isinstance(ended, int) else DONE


def broke(_: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say of a bug its number, its kind and where it was: what an unknown error says may hold anything."""
    mark = SystemEntropy().token(4).hex()
    telemetry.emit("broke", error.with_traceback(trace), what="The command", error=mark)
    words = f"Turnout broke (error {mark})"
    _refuse("internal_error", words, "Report it with the line above", as_json=_as_json())


def broke_beside(args: threading.ExceptHookArgs) -> None:
    """Say of a bug in a thread which one and where: Python itself would print what the error says."""
    if args.exc_value is not None and args.exc_type is not SystemExit:
        telemetry.emit("thread_broke", args.exc_value, thread=args.thread.name if args.thread else "")


def _as_json() -> bool:
    return "--json" in sys.argv


def _wrong(error: click.UsageError, *, as_json: bool) -> int:
    """Say what was wrong with the words, and where help is."""
    path = error.ctx.command_path if error.ctx else "turnout"
    _refuse("usage", _slip(error), f"`{path} --help` shows what there is", as_json=as_json)
    return WRONG


def _slip(error: click.UsageError) -> str:
    """Say a slip in a line; of a noun alone click would give the whole help, and of a choice a list."""
    noun = error.ctx.command if error.ctx else None
    is_alone = isinstance(error, click.exceptions.NoArgsIsHelpError) or error.message == "Missing command."
    if is_alone and error.ctx and isinstance(noun, click.Group):
        return f"A verb is missing: there are {', '.join(noun.list_commands(error.ctx))}."
    said = " ".join(error.format_message().split())
    return re.sub(r"is not a valid (integer|float)(?: range)?\b", lambda found: _NO_NUMBER[found[1]], said)


_NO_NUMBER = {"integer": "is no whole number", "float": "is no number"}


def _refused(error: TurnoutError, *, as_json: bool) -> int:
    code, fix, answered = (str(error.attributes.get(name) or "") for name in ("code", "fix", "answered"))
    for tool, command in AT_A_SHELL:
        fix = re.sub(tool, command, fix)
    _refuse(code or error.code, error.message, fix, as_json=as_json, answered=answered)
    return MISSING if isinstance(error, NotFound) else REFUSED


def _refuse(code: str, message: str, fix: str, *, as_json: bool, answered: str = "") -> int:
    """Say why not: to people on standard error, to programs on standard output too; `answered`: in a vendor's words."""
    ended = message if message.endswith((".", "?", "!")) else f"{message}."
    click.echo(f"{code}: {ended} {fix.rstrip('.')}." if fix else f"{code}: {message}", err=True)
    if answered:
        click.echo(f"The vendor answered: {answered}", err=True)
    if as_json:
        told: Document = {"code": code, "message": message}
        told |= {"answered": answered} if answered else {}
        try:
            click.echo(document.encode({"error": told | ({"fix": fix} if fix else {})}))
        except OSError as error:  # standard output may be what is full: it was said on standard error
            if ends.is_unread(error):
                raise
    return REFUSED
