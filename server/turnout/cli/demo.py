"""`turnout demo`: a workspace that lives for a minute, an agent, three destinations, a crash; and what came of it."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import click

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.clients import known
from turnout.clock import Clock, SystemClock
from turnout.demo import clients
from turnout.demo.agent import Place, said
from turnout.demo.arrivals import Receivers
from turnout.demo.checks import checks
from turnout.demo.model import Chapter, Check, Facts
from turnout.demo.receivers import Receiver
from turnout.demo.screen import Screen
from turnout.demo.story import Stage, perform
from turnout.document import Document, encode
from turnout.errors import TurnoutError, Unavailable

LIMIT_S = 100
"""Twenty times what it takes: something hangs."""


class Aside:
    """The stage of a program: what happens now goes to standard error."""

    def doing(self, text: str) -> None:
        """Say it."""
        output.say(f"{text} …")

    def tell(self, chapter: Chapter) -> None:
        """Tell nothing: all of it comes at the end, as JSON."""


@click.command(cls=Command, help="Show it at work: an agent, three destinations, a crash, and what became of it all.")
@click.option(
    "--keep", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Leave the workspace there."
)
@pass_here
def demo(here: Here, *, keep: Path | None) -> int:
    """Play it; give exit code 1 where a claim does not hold."""
    if here.data is not None:
        raise click.UsageError("The demo makes a workspace of its own; to keep it: --keep DIR")
    with ExitStack() as stack:
        scrap = Path(stack.enter_context(TemporaryDirectory(prefix="turnout-demo-")))
        place = Place(scrap / "workspace" if keep is None else fresh(keep), scrap)
        Here(place.data).settings()  # logs as TURNOUT_LOG says; nobody's own workspace is read
        crm, amplitude = stack.enter_context(Receiver()), stack.enter_context(Receiver())
        receivers = Receivers(place.data, crm, amplitude)
        play = as_json if here.json else as_screen
        return play(place, receivers, SystemClock(), kept=keep is not None)


def fresh(folder: Path) -> Path:
    """Take a folder that is not there yet, or empty. Raises: click.UsageError."""
    place = folder.expanduser().absolute()
    if place.exists() and any(place.iterdir()):
        raise click.UsageError(f"{folder} is not empty; --keep takes a folder that is new")
    return place


def as_screen(place: Place, receivers: Receivers, clock: Clock, *, kept: bool) -> int:
    """Tell it to a person."""
    began = clock.monotonic()
    with Screen() as screen:
        screen.title()
        facts = play(place, receivers, screen, clock)
        found = checks(facts)
        screen.end(found, clock.monotonic() - began)
        words = known.command()
        screen.plain("In Claude Code:", [clients.claude_code(words)])
        screen.plain(
            f"In Claude Desktop ({clients.desktop_file()}), and in most others:", [clients.configuration(words)]
        )
        if kept:
            data, message = place.data, facts.sent.first.get("message_id")
            lines = [f"turnout trace {message} --data {data}", f"turnout usage --data {data}"]
            screen.plain("The workspace is kept:", lines)
    return outcome(found)


def as_json(place: Place, receivers: Receivers, clock: Clock, *, kept: bool) -> int:
    """Give it to a program."""
    began = clock.monotonic()
    facts = play(place, receivers, Aside(), clock)
    found = checks(facts)
    told = summary(facts, found) | {"took_s": round(clock.monotonic() - began, 1)}
    click.echo(encode(told | ({"data": str(place.data)} if kept else {})))
    return outcome(found)


def play(place: Place, receivers: Receivers, stage: Stage, clock: Clock) -> Facts:
    """Play the story within its time. Raises: Unavailable with what the server said last; click.Abort."""
    try:
        return anyio.run(partial(_play, place, receivers, stage, clock))
    except TurnoutError as error:
        last = said(place)
        raise Unavailable(f"{error.message}. The server's last words: {last}" if last else error.message) from None


async def _play(place: Place, receivers: Receivers, stage: Stage, clock: Clock) -> Facts:
    """Play it until it is over, takes too long, or somebody ends us: the children die in each case."""
    played: list[Facts | Exception] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_signal, tasks.cancel_scope)
        try:
            with anyio.fail_after(LIMIT_S):
                played.append(await perform(place, receivers, stage, clock))
        except (TurnoutError, OSError) as error:  # kept out of the task group, which would wrap it
            played.append(error)
        tasks.cancel_scope.cancel()
    match played:
        case [Facts() as facts]:
            return facts
        case [TimeoutError()]:
            raise Unavailable(f"The story did not end within {LIMIT_S} s")
        case [Exception() as broken]:
            raise broken
        case _:
            raise click.Abort


async def _until_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()


def summary(facts: Facts, found: tuple[Check, ...]) -> Document:
    """Give the figures of the story."""
    words = known.command()
    return {
        "ok": all(each.ok for each in found),
        "checks": [asdict(each) for each in found],
        "message_id": facts.sent.first.get("message_id"),
        "replayed": facts.sent.again.get("replayed"),
        "deliveries": facts.journey.told.get("deliveries"),
        "arrivals": [asdict(each) for each in facts.journey.arrivals],
        "test": {"people": facts.tested.people, "outward": list(facts.tested.outward)},
        "crash": {"sent": facts.crashed.sent, "landed": [asdict(each) for each in facts.crashed.landed]},
        "usage": facts.metered.usage,
        "destinations": facts.metered.destinations.get("destinations"),
        "client": {"command": words[0], "args": list(words[1:])},
    }


def outcome(found: tuple[Check, ...]) -> int:
    """Say on standard error which claims do not hold; give the exit code."""
    broken = [each for each in found if not each.ok]
    for each in broken:
        output.say(f"failed: {each.name}: {each.found}")
    return 1 if broken else 0
