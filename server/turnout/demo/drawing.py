"""How each chapter is drawn: tables without lines, a tree for a journey; every value made harmless first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from turnout.cli.output import STYLES, cell, rows
from turnout.demo.model import (
    AMPLITUDE,
    ARCHIVE,
    CRM,
    Check,
    Connected,
    Crashed,
    Journey,
    Metered,
    Sent,
    Tested,
)
from turnout.document import Document, Json

LEFT_OUT = "left_out"
TINT: Mapping[str, str] = {"maybe sent": "yellow", "sending": "yellow"}


def connected(chapter: Connected) -> list[RenderableType]:
    """Draw who is connected, and the plans that were agreed to."""
    head = f"turnout mcp answers: protocol {chapter.protocol}, {chapter.tools} tools, ready in {chapter.ready_ms:,} ms"
    table = grid("destination", "kind", "receives", "state", "asked first")
    for each in chapter.joined:
        asked = "yes; confirmed with the token" if each.plan else "no"
        table.add_row(each.name, each.slug, each.receives, cell(each.state), asked)
    plans = [Text.assemble((f"plan of {each.name}: ", "dim"), each.plan) for each in chapter.joined if each.plan]
    return [Text(head), Text(""), table, Text(""), *plans]


def sent(chapter: Sent) -> list[RenderableType]:
    """Draw the call and its repetition."""
    table = grid("track_event, live", "answer", "ms", "message id", numbers=("ms",))
    table.add_row(f"key {chapter.key}", "on disk", f"{chapter.first_ms:,}", _short(chapter.first.get("message_id")))
    replayed = Text.assemble("replayed: ", cell(chapter.again.get("replayed")), (", then its verdicts", "dim"))
    table.add_row("the same key again", replayed, f"{chapter.again_ms:,}", _short(chapter.again.get("message_id")))
    return [table]


def journey(chapter: Journey) -> list[RenderableType]:
    """Draw the order's way: received, sent, answered; field by field where it was mapped."""
    tree = _received(chapter.told)
    for row in rows(chapter.told.get("deliveries")):
        branch = _branch(tree, row)
        for arrival in (each for each in chapter.arrivals if each.destination == row.get("destination")):
            note = f"its own log: it came {_times(arrival.came)}"
            if arrival.destination == CRM:
                ids = "one webhook-id" if chapter.webhook_ids == 1 else f"{chapter.webhook_ids} webhook-ids"
                note = f"its own log: {'; '.join(chapter.manners)}. By {ids}, taken {_times(arrival.effects)}"
            branch.add(Text(note, "dim"))
    return [tree, Text(""), Text("Mapped for Amplitude, field by field:"), *_mapped(chapter.told)]


def tested(chapter: Tested) -> list[RenderableType]:
    """Draw the pool, and the journey of a test order."""
    ids = chapter.outward
    shown = " … ".join(dict.fromkeys((*ids[:1], *ids[-1:])))
    head = Text(f"{chapter.people} test people left as {len(ids)} ids, only to {ARCHIVE}: {shown}")
    tree = _received(chapter.told)
    for row in rows(chapter.told.get("deliveries")):
        branch = _branch(tree, row)
        for change in rows(row.get("diff")):
            if change.get("field") == "userId":
                said = Text.assemble("userId ", cell(change.get("received")), " left as ", cell(change.get("sent")))
                branch.add(said)
    return [head, Text(""), tree]


def crashed(chapter: Crashed) -> list[RenderableType]:
    """Draw what each receiver had at the kill and has now."""
    head = (
        f"{chapter.sent} events were acknowledged. Process {chapter.process} was killed when {CRM} had read number "
        f"{chapter.read} and not answered it. A new one answered after {chapter.restart_ms:,} ms; the agent repeated "
        "its calls with their keys: "
    )
    answers = Text.assemble("replayed: ", cell(chapter.again.get("replayed")), ".")
    table = grid("destination", "at the kill", "now", "came twice", numbers=("at the kill", "now", "came twice"))
    for each in chapter.landed:
        lost = "" if each.at_end == chapter.sent else "red"
        now = Text(f"{each.at_end} of {chapter.sent}", lost)
        table.add_row(each.destination, f"{each.at_kill} of {chapter.sent}", now, str(each.repeated))
    parts: list[RenderableType] = [Text.assemble(head, answers), Text(""), table]
    for told in chapter.doubted[:1]:
        tree = Tree(Text("The event that was on its way:"), guide_style="dim")
        for row in rows(told.get("deliveries")):
            if len(rows(row.get("attempts"))) > 1:
                _branch(tree, row)
        parts += [
            Text(""),
            tree,
            Text("Sent again under the same id, so a receiver that heeds it takes it once.", "dim"),
        ]
    return parts


def metered(chapter: Metered) -> list[RenderableType]:
    """Draw the meter, and how the destinations fare."""
    usage = chapter.usage
    table = grid("month", "MTU", "forecast", "live events", "test people", "test events", numbers=(
        "MTU", "forecast", "live events", "test people", "test events"))  # fmt: skip
    figures = ("mtu", "forecast", "events", "test_people", "test_events")
    table.add_row(str(usage.get("month")), *(cell(usage.get(name)) for name in figures))
    fares = grid("destination", "state", "health", "waiting", "events by verdict and reason", numbers=("waiting",))
    for row in rows(chapter.destinations.get("destinations")):
        counts = _counts(row.get("counts"))
        fares.add_row(*(cell(row.get(name)) for name in ("name", "state", "health", "waiting")), counts)
    counted = [
        Text(f"Counted by: {row.get('type')}, a {row.get('counted')} from {row.get('source')}.", "dim")
        for row in rows(usage.get("counted_by"))
    ]
    return [table, *counted, Text(""), fares]


def verdicts(checks: Iterable[Check]) -> Table:
    """Draw the claims."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    for each in checks:
        table.add_row(Text("ok", "green") if each.ok else Text("FAILED", "bold red"), each.name, each.found)
    return table


def grid(*names: str, numbers: tuple[str, ...] = ()) -> Table:
    """Make a table without lines; figures stand to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table


def _received(told: Document) -> Tree:
    event = told.get("event")
    name = event.get("event") if isinstance(event, Mapping) else ""
    facts = (str(told.get(each)) for each in ("namespace", "source"))
    line = Text.assemble(
        (str(cell(name)), "bold"), f"  received {_clock(told.get('received_at'))}, {', from '.join(facts)}"
    )
    line.append(f"  {told.get('message_id')}", "dim")
    return Tree(line, guide_style="dim")


def _branch(tree: Tree, row: Mapping[str, Json]) -> Tree:
    """Add a destination with its attempts."""
    head = Text.assemble((str(cell(row.get("destination"))), "bold"), ": ", cell(_words(row.get("verdict"))))
    if row.get("reason") not in {None, row.get("verdict")}:
        head.append_text(Text.assemble(", ", cell(row.get("reason"))))
    if row.get("says"):
        head.append(f". {row['says']}")
    branch = tree.add(head)
    for attempt in rows(row.get("attempts")):
        branch.add(_attempt(attempt, by_http=row.get("destination") != ARCHIVE))
    if row.get("next"):
        branch.add(Text.assemble(("next: ", "dim"), cell(row["next"])))
    return branch


def _attempt(attempt: Mapping[str, Json], *, by_http: bool) -> Text:
    outcome = str(attempt.get("outcome"))
    line = Text(f"try {attempt.get('n')}  ")
    line.append(f"{outcome:<12}", TINT.get(outcome, STYLES.get(outcome, "red")))
    told = [
        _words(attempt.get("why")),
        f"HTTP {attempt['status']}" if attempt.get("status") and by_http else "",
        f"{attempt['took_ms']:,} ms" if attempt.get("took_ms") is not None else "",
        f"at {_clock(attempt['at'])}" if attempt.get("at") else "",
    ]
    return line.append(", ".join(each for each in told if each), "dim")


def _mapped(told: Document) -> list[RenderableType]:
    mine = [row for row in rows(told.get("deliveries")) if row.get("destination") == AMPLITUDE]
    changes = [each for row in mine for each in rows(row.get("diff"))]
    table = grid("received", "sent", "value", "how")
    for column, narrowest in zip(table.columns, (19, 25, 12, 8), strict=True):
        column.no_wrap, column.min_width, column.overflow = True, narrowest, "ellipsis"
    for change in (each for each in changes if each.get("how") != LEFT_OUT):
        how = str(change.get("how"))
        source = change.get("from") or (change.get("field") if change.get("received") is not None else "")
        value = _value(change.get("sent"))
        if how == "changed":
            value = Text.assemble(_value(change.get("received")), (" became ", "dim"), value)
        tint = "yellow" if how in {"changed", "computed"} else "dim"
        table.add_row(cell(source), cell(change.get("field")), value, Text(how, tint))
    left = ", ".join(str(cell(each.get("field"))) for each in changes if each.get("how") == LEFT_OUT)
    return [table, Text(f"left out: {left}", "dim")] if left else [table]


def _value(value: Json) -> Text:
    """Write a value without the commas of a figure."""
    return Text(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else cell(value)


def _short(message: Json) -> str:
    """Give the beginning of a message id, enough to tell it by."""
    return f"{str(message)[:13]}…"


def _counts(counts: Json) -> str:
    if not isinstance(counts, Mapping):
        return ""
    return ", ".join(
        f"{n} {_words(verdict)}" + (f" ({_words(reason)})" if reason != verdict else "")
        for verdict, reasons in counts.items()
        if isinstance(reasons, Mapping)
        for reason, n in reasons.items()
    )


def _words(value: Json) -> str:
    return "" if value is None else str(cell(str(value).replace("_", " ")))


def _clock(moment: Json) -> str:
    """Give the time of day of a moment."""
    return str(moment)[11:23]


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")
