"""The demo on a terminal: chapter by chapter, in plain lines where nobody looks at one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self, assert_never

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.status import Status
from rich.text import Text
from typing_extensions import override

from turnout.demo import drawing
from turnout.demo.model import (
    Chapter,
    Check,
    Connected,
    Crashed,
    Journey,
    Metered,
    Sent,
    Tested,
)

WIDEST = 104
INDENT = (0, 0, 0, 3)
_FILL = re.compile(r" +$", re.MULTILINE)


class _Console(Console):
    """A console whose reader may go away, as `| head` does: the story is played to its end for the exit code."""

    @override
    def on_broken_pipe(self) -> None:
        """Print for nobody from now on."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Screen:
    """Where the story is told to a person."""

    def __init__(self) -> None:
        """Take a terminal, or whatever standard output is."""
        out = sys.stdout
        width = min(WIDEST, Console(file=out).width) if out.isatty() else WIDEST
        self._console = _Console(file=out, width=width, highlight=False, markup=False, emoji=False)
        self._status: Status | None = None
        self._chapter = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rest()

    def doing(self, text: str) -> None:
        """Turn a small wheel beside what happens now; nothing where no terminal is."""
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status(Text(text, "dim"), spinner="dots")
            self._status.start()
        else:
            self._status.update(Text(text, "dim"))

    def title(self) -> None:
        """Say what this is."""
        self._console.print()
        self._console.print(
            Text("Turnout ", "bold"), Text("an agent, three destinations on this machine, a crash", "dim")
        )
        said = "Each figure is the answer of a tool, asked over MCP, or stands in a receiver's own log."
        self._console.print(Text(said, "dim"))

    def tell(self, chapter: Chapter) -> None:
        """Tell a chapter."""
        match chapter:
            case Connected():
                self._print("The agent connects destinations", drawing.connected(chapter))
            case Sent():
                self._print("It sends an order, and sends it again", drawing.sent(chapter))
            case Journey():
                self._print("What became of the order, at each destination", drawing.journey(chapter))
            case Tested():
                self._print("Test people stay test people", drawing.tested(chapter))
            case Crashed():
                self._print("kill -9 in the middle, and a restart", drawing.crashed(chapter))
            case Metered():
                self._print("The meter", drawing.metered(chapter))
            case _:
                assert_never(chapter)

    def end(self, checks: Iterable[Check], took_s: float) -> None:
        """Say which claims hold."""
        found = list(checks)
        broken = sum(not each.ok for each in found)
        self._print("Checked", [drawing.verdicts(found), Text("")])
        counted = f"{len(found)} claims hold" if not broken else f"{broken} of {len(found)} claims do not hold"
        self._indented(Text.assemble((counted, "bold red" if broken else "bold green"), f", in {took_s:.1f} seconds."))

    def plain(self, title: str, lines: Iterable[str]) -> None:
        """Print lines as they are, never cut or wrapped: they are there to be copied."""
        self._rest()
        self._console.print()
        self._console.print(Text(title, "bold"))
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def _print(self, title: str, parts: Iterable[RenderableType]) -> None:
        self._rest()
        self._chapter += 1
        self._console.print()
        heading = Text.assemble((f"{self._chapter}  ", "dim"), (title, "bold"))
        self._console.print(Rule(heading, align="left", style="dim"))
        self._indented(Group(*parts))

    def _indented(self, part: RenderableType) -> None:
        with self._console.capture() as drawn:
            self._console.print(Padding(part, INDENT))
        self._console.out(_FILL.sub("", drawn.get()), end="", highlight=False)

    def _rest(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
