"""How answers look: JSON for programs; for people tables and trees, plain where nobody looks at a terminal.

What strangers wrote (names of events, answers of vendors) is made harmless before a terminal sees it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import click
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from turnout import document
from turnout.cli.here import Here
from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.guard.masking import untrusted

WIDE = 4_000
"""Columns where no terminal is: nothing is cut or wrapped."""

WHOLE = frozenset({"message_id", "deletion_id", "destination_id", "run_id", "token_id", "key"})
"""Columns that a narrow terminal does not fold: what stands there is copied into the next command."""

STYLES: Mapping[str, str] = {
    **dict.fromkeys(("delivered", "running", "ok", "done", "finished", "verified", "live"), "green"),
    **dict.fromkeys(("waiting", "paused", "partial", "preview", "received", "test", "planned"), "yellow"),
    **dict.fromkeys(("discarded", "failed", "cancelled", "error"), "red"),
    "not_sent": "dim",
}
"""Words that have a colour of their own."""


def answer(here: Here, told: Document, show: Callable[[Document], Iterable[RenderableType]]) -> None:
    """Give the answer of a command: without nulls to a program, as `show` draws it to a person.

    `NO_COLOR` is heeded; where no terminal is, lines are plain and whole.
    """
    if here.json:
        click.echo(document.encode(told))
        return
    seen = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if seen else WIDE, highlight=False, markup=False, emoji=False)
    with console.capture() as drawn:
        for part in show(told):
            console.print(part)
    text = drawn.get()
    click.echo(text if seen else "".join(f"{line.rstrip()}\n" for line in text.splitlines()), nl=False, color=seen)


def say(text: str) -> None:
    """Say how far it is, on standard error."""
    click.echo(text, err=True)


def require_yes(plan: str) -> None:
    """Ask a person; where none can be asked, want `--yes`. Raises: InvalidInput."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(plan, code="confirm_needed", fix="Nothing was done: add --yes if this is meant")
    if not click.confirm(f"{plan} Go on?", err=True):
        raise InvalidInput("Nothing was done.", code="not_confirmed")


def cell(value: Json) -> Text:
    """Write one value."""
    match value:
        case None | []:
            return Text("-", "dim")
        case bool():
            return Text("yes" if value else "no")
        case str():
            clean = str(untrusted(value))
            return Text(clean, STYLES.get(clean, ""))
        case int() | float():
            return Text(f"{round(value, 3):,}")
        case _:
            return Text(str(untrusted(_written(value))))


def _written(value: Json) -> str:
    """Write a list or an object: as words where it is names or counts, else as JSON."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(map(str, value))
    if isinstance(value, dict) and value and all(type(each) is int for each in value.values()):
        return words(value)
    return document.encode(value).decode()


def words(counts: Json) -> str:
    """Write counts, nested or not, as words: `delivered 2, not_sent filtered 1`.

    >>> words({"delivered": {"delivered": 2}, "not_sent": {"filtered": 1}})
    'delivered 2, not_sent filtered 1'
    """
    if not isinstance(counts, Mapping):
        return "" if counts is None else str(counts)
    listed = [
        f"{name} {key} {n}" if key and key != name else f"{name} {n}"
        for name, value in counts.items()
        for key, n in (value.items() if isinstance(value, Mapping) else (("", value),))
    ]
    return ", ".join(listed)


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Json]], title: str = "") -> Table:
    """Draw rows under columns; a column is headed by its field's words."""
    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    listed = list(rows)
    for name in columns:
        there = [value for row in listed if (value := row.get(name)) is not None]
        numbers = there and all(isinstance(each, int | float) and not isinstance(each, bool) for each in there)
        drawn.add_column(
            name.replace("_", " "), justify="right" if numbers else "left", overflow="fold", no_wrap=name in WHOLE
        )
    for row in listed:
        drawn.add_row(*(cell(row.get(name)) for name in columns))
    return drawn


def facts(told: Mapping[str, Json], *names: str) -> Table:
    """Draw some fields of an answer, one a line; those that are absent are left out."""
    drawn = Table(show_header=False, box=None, pad_edge=False)
    drawn.add_column(style="bold")
    drawn.add_column(overflow="fold")
    for name in names:
        if told.get(name) is not None:
            drawn.add_row(name.replace("_", " "), cell(told[name]))
    return drawn


def lists(told: Mapping[str, Json], titles: Mapping[str, str]) -> Iterable[RenderableType]:
    """Draw the lists of an answer that have rows, each under its title, with the columns that they have."""
    for name, title in titles.items():
        if listed := rows(told.get(name)):
            yield Text("")
            yield Listed(listed, title)


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows under columns where these fit; on a narrower terminal each row is a paragraph that names its fields."""

    rows: Sequence[Mapping[str, Json]]
    title: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Look how wide they would be."""
        columns = dict.fromkeys(field for row in self.rows for field, value in row.items() if value is not None)
        drawn = table(tuple(columns), self.rows, title=self.title)
        if console.measure(drawn, options=options.update(max_width=WIDE)).maximum <= options.max_width:
            yield drawn
            return
        yield Text(self.title, "italic")
        for row in self.rows:
            paragraph = Table.grid(padding=(0, 1))
            paragraph.add_column()
            paragraph.add_column(overflow="fold")
            told = [(name, value) for name, value in row.items() if value is not None]
            parts = [Text.assemble((f"{name.replace('_', ' ')}: ", "bold"), cell(value)) for name, value in told]
            paragraph.add_row("-", Text(", ").join(parts))
            yield paragraph


def page(told: Mapping[str, Json], titles: Mapping[str, str]) -> Iterable[RenderableType]:
    """Draw a page of a list, and say how to go on."""
    yield from summary({"summary": str(told.get("summary")).replace("next_cursor", "--cursor")})
    yield from lists(told, titles)
    if cursor := told.get("next_cursor"):
        yield Text(f"The next page: --cursor {cursor}", "dim")


def summary(told: Mapping[str, Json]) -> Iterable[RenderableType]:
    """Draw the sentence of an answer, if it has one."""
    if text := told.get("summary"):
        yield Text(str(untrusted(str(text), limit=WIDE)))
    if told.get("replayed") is True and not told.get("derived"):
        yield Text("This is the answer of the first call with this key; nothing was done again.")


def deliveries(told: Mapping[str, Json], title: Text) -> Tree:
    """Draw what became of an event: a branch for each destination, a leaf for each attempt."""
    tree = Tree(title)
    for row in rows(told.get("deliveries")):
        branch = tree.add(_verdict(row))
        for attempt in rows(row.get("attempts")):
            branch.add(Text.assemble(f"{attempt.get('n')}. ", cell(attempt.get("outcome")), _ended(attempt)))
        words = row.get("untrusted")
        if words and not (isinstance(words, Mapping) and words.get("answer") is None):  # nothing: its try says why
            branch.add(Text.assemble(("it answered: ", "dim"), cell(words)))
        if hint := row.get("next"):
            branch.add(Text.assemble(("next: ", "bold"), cell(hint)))
    if not tree.children:
        tree.add(Text("no destination is connected", "dim"))
    return tree


def rows(value: Json) -> list[Mapping[str, Json]]:
    """Give the rows of a list in an answer; none where there is none."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _verdict(row: Mapping[str, Json]) -> Text:
    told = dict.fromkeys(str(row[name]) for name in ("verdict", "state", "reason", "rule") if row.get(name))
    return Text.assemble(cell(row.get("destination")), ": ", Text(" · ").join(cell(word) for word in told))


def _ended(attempt: Mapping[str, Json]) -> str:
    parts = [f"HTTP {attempt['status']}" if attempt.get("status") else "", str(attempt.get("at") or "")]
    parts.append(f"{attempt['took_ms']} ms" if attempt.get("took_ms") is not None else "")
    told = ", ".join(part for part in parts if part)
    return f" ({told})" if told else ""
