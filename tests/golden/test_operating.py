"""The page on running it: its tables are written from the program, its words name only what there is."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from turnout.agent import answers, bearer, lines, model, wire
from turnout.api import metrics
from turnout.api.metrics import FAMILIES
from turnout.cli.main import COMMANDS
from turnout.config import ONLY_FILE, READERS, Settings
from turnout.delivery import answer, breaker, lane, look, schedule, sender, window
from turnout.event import validate
from turnout.event import wire as event
from turnout.event.rules import LONGEST_GLOB, LONGEST_ID
from turnout.operations import rules
from turnout.operations.health import NEAR
from turnout.store import log, space, writer
from turnout.telemetry import EACH_S, EVENTS, LINE, OFTEN
from turnout.upkeep import checkpoint, prune, watch

PAGE = Path(__file__).parents[2] / "server" / "OPERATING.md"
LEVELS = {logging.DEBUG: "its own", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
KEPT = Settings(Path())
BY_OTHERS = {"backup", "restore"}
"""Commands of CONTRACT.md that the page may name before they are there."""


def size(n: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if n < 1024 or unit == "GB":
            return f"{n:,.0f} {unit}"
        n /= 1024
    raise AssertionError


BOUNDS = (
    ("event", f"{size(event.EVENT_BYTES)}, {event.DEPTH} levels, {event.KEYS:,} keys, names of {validate.NAME_BYTES:,} bytes",
     "the event is refused, with a reason; the rest of its batch is taken"),
    ("commit", f"{writer.GROUP_EVENTS} events or {writer.GROUP_S * 1000:g} ms", "what waits goes with the next one"),
    ("waiting for the write lock", f"{writer.PATIENCE_S:g} s", "the call is withdrawn with 503, and the holder is named"),
    ("free disk", f"{size(space.FLOOR)} or {space.SHARE:.0%}, whichever is less",
     "no event is taken in (429, again after 10 s); delivery goes on"),
    ("retention", f"{KEPT.retention_days} days (`TURNOUT_RETENTION_DAYS`)",
     f"the oldest goes; a destination is warned of from {NEAR:.0%} on, then gives up what it has not read"),
    ("evidence of plain successes", f"{size(KEPT.trace_bytes)} (`TURNOUT_TRACE_BYTES`)", "the oldest goes; a trace says `not_kept`"),
    ("refused calls kept", "10,000", "the oldest goes"),
    ("event names of a source and type", f"{log.NAMES_MAX:,}", "further ones are counted as one"),
    ("unread events of a destination", "none", "they wait in the log, on disk, until retention"),
    ("queue of a destination", f"{look.OWED_ORDERED:,} with order, {look.OWED_ANY:,} without", "it reads no further; the log keeps the rest"),
    ("window", f"{window.WINDOW_EVENTS:,} events, {size(window.WINDOW_BYTES)}", "the next one has the rest"),
    ("events of a destination in memory", f"{lane.UNRESOLVED:,}", "it reads no further until some are settled"),
    ("requests in flight of a destination", f"{KEPT.max_in_flight} (`TURNOUT_MAX_IN_FLIGHT`), from {breaker.START}, halved on trouble", "the next ones wait"),
    ("connections of all destinations", f"{sender.CONNECTIONS}", "requests wait for one"),
    ("connecting", f"{sender.CONNECT_S:g} s", "tried again later: nothing had left"),
    ("answer of a destination", f"{size(answer.BODY_BYTES)}, its head {size(answer.HEAD_BYTES)}", "the rest is not read; the status counts"),
    ("failures in a row", f"{breaker.FAILURES}, or half of {breaker.WINDOW}",
     f"nothing but a probe every {breaker.PROBE_S[0]:g} to {breaker.PROBE_S[-1]:g} s; no try is counted"),
    ("`Retry-After`", f"{schedule.RETRY_AFTER_MAX_S / 3600:g} h", "a longer one counts as this"),
    ("a person held up by one event", f"{schedule.BLOCK_US // 60_000_000} min or {schedule.BLOCK_EVENTS} events", "the others pass it and say `overtook`"),
    ("leaving", f"{lane.LEAVE_S:g} s", "what is in flight stays in doubt, and is sent again"),
    ("write-ahead log", f"{size(checkpoint.PAGES * 4096)}; {size(writer.WAL_PAGES * 4096)} where nobody delivers",
     "it is moved into the database and begins anew"),
    ("reader of one old state", f"{watch.PINNED_S:g} s, and a log of {size(checkpoint.PAGES * 4096)}", "its process is named: the log cannot begin anew"),
    ("pruning, a commit", f"{prune.ROWS} rows, about {size(prune.BYTES)}", "the next commit has the next page"),
    ("line of the log", f"{LINE:,} bytes; {OFTEN} of the same each {EACH_S:g} s", "cut and marked; left out and counted"),
    ("queue counted by `/metrics`", f"{metrics.OWED:,} a destination", "it is told as this many"),
    ("message of an MCP client", f"{size(lines.LINE_LIMIT)}", "refused with the limit; over HTTP with 413"),
    ("MCP messages of a token over HTTP", f"{KEPT.mcp_rate} a second (`TURNOUT_MCP_RATE`), {KEPT.mcp_rate * bearer.BURST} at once", "429 with `Retry-After`"),
    ("MCP messages not yet worked on", f"{wire.LINES}", "no further one is read"),
    ("answer of a tool", f"{answers.USUAL:,} characters, at most {answers.CAP:,}; texts of {answers.FIELD_LIMIT}", "shortened, and says how to go on"),
    ("rules that move live events", f"{rules.MOST}, globs of {LONGEST_GLOB} characters", "refused with the limit"),
    ("id that a glob is held against", f"{LONGEST_ID} characters", "fits none: the event stays live"),
    ("idempotency key", f"{model.KEY_LIMIT} bytes", "refused"),
    ("waiting for verdicts", f"{model.WAIT_LIMIT_S} s", "the answer says what still waits"),
)  # fmt: skip


def tables() -> dict[str, str]:
    """Write each table between its marks."""
    events = (
        f"| `{name}` | {'always' if each.always else LEVELS[each.level]} | {each.says} |"
        for name, each in EVENTS.items()
    )
    families = (
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.says} |"
        for each in FAMILIES
    )
    bounds = (f"| {' | '.join(row)} |" for row in BOUNDS)
    return {
        "metrics": _table("metric | type | labels | says", families),
        "events": _table("event | level | says", events),
        "bounds": _table("what | bound | at the bound", bounds),
    }


def _table(head: str, rows: Iterable[str]) -> str:
    line = f"| {' | '.join('---' for _ in head.split(' | '))} |"
    return "\n" + "\n".join((f"| {head} |", line, *rows)) + "\n\n"


def written(text: str) -> str:
    """Write every table anew."""
    for name, table in tables().items():
        head, mark, rest = text.partition(f"<!-- {name}: ")
        note, end, rest = rest.partition("-->\n")
        _, close, after = rest.partition(f"<!-- /{name} -->")
        text = head + mark + note + end + table + close + after
    return text


def test_its_tables_of_metrics_events_and_bounds_are_the_programs(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    wanted = written(text)
    if request.config.getoption("write_golden"):
        PAGE.write_text(wanted, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == wanted
    assert [name for name in tables() if f"<!-- {name}:" not in text] == []


def test_every_metric_an_alert_names_is_there_with_its_labels() -> None:
    samples = {each.name + ("_total" if each.kind == "counter" else ""): each for each in FAMILIES}
    named = re.findall(r"`[^`]*?\b((?:turnout|process)_[a-z_]+)(?:\{([a-z_]+)=~?\"([^\"]+)\"\})?", alerts())

    assert len(named) >= 12
    for name, label, values in named:
        assert name in samples or name in {each.name for each in FAMILIES if each.kind == "histogram"}, name
        assert not label or label in (*samples[name].labels, samples[name].name), label
        if label == "turnout_destination_state":
            assert set(values.split("\\|")) <= set(metrics.STATES)


def alerts() -> str:
    """Give the rows of the table of alerts."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition("| alert | when |")[2].partition("### Every metric")[0]


def test_its_commands_are_the_programs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    known = {entry.name for _, entries in COMMANDS for entry in entries} | BY_OTHERS
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    quoted = "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))])

    commands = set(re.findall(r"\bturnout ([a-z]+)\b", quoted)) - {"turnout"}

    assert {"serve", "mcp", "doctor", "backup", "restore", "trace", "replay"} <= commands
    assert commands - known == set()


def test_its_settings_are_the_programs() -> None:
    text = PAGE.read_text(encoding="utf-8")

    named = set(re.findall(r"TURNOUT_[A-Z_]+", text)) - {"TURNOUT_DATA"}

    assert named == {f"TURNOUT_{name.upper()}" for name in READERS if name not in ONLY_FILE}
