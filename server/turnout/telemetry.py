"""What an operator is told while we run: one line for each thing that happened, on standard error.

1. A line is made of sentences, numbers and identifiers of ours. What a stranger, a person or a destination wrote stands
   in none, at no level; of an exception its kind and places are told, never its words; of what other libraries log,
   only which and where.
2. A line is at most 4 KB, cut and marked: so it is written in one piece, and waits for no reader (`Stream`).
3. The same about the same is told ten times a minute; the next line says how many were left out.

`EVENTS` is all that is ever told; server/OPERATING.md lists it, and a test compares the two.
"""

from __future__ import annotations

import logging
import os
import select
import string
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType

from typing_extensions import override

from turnout import document
from turnout.clock import iso
from turnout.document import Document

LINE = 4096
"""Bytes of a line: what a pipe takes in one piece (PIPE_BUF)."""
WORDS = 600
"""Characters of one value."""
PLACES = 16
"""Places told of an exception."""
OFTEN = 10
EACH_S = 60.0
SUBJECTS = 1000
"""Subjects of which it is remembered how often they were told."""

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that may be told. `always`: at any level that is set, for whoever started us waits for it."""

    level: int
    says: str
    always: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """What it is told with."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.says) if name)


EVENTS: dict[str, Event] = {
    "listening": Event(INFO, "Turnout listens on {url}; its data is in {data}", always=True),
    "leaving": Event(INFO, "Leaving …", always=True),
    "lossy": Event(
        ERROR,
        "Not ready: {missing} acknowledged events are missing; see turnout doctor. To go on without: --accept-loss",
        always=True,
    ),
    "not_ready": Event(ERROR, "Not ready, and no event is taken in: {reason}", always=True),
    "misdirected": Event(
        WARNING, "A request asked for a name that is not ours, and was refused: 421; see --allow-host NAME"
    ),
    "opened": Event(INFO, "The data in {data} is open, SQLite is {sqlite}"),
    "closed": Event(INFO, "The data is closed"),
    "took_over": Event(INFO, "This process delivers now, in reign {epoch}"),
    "not_taken_over": Event(WARNING, "This process could not begin to deliver, and tries again: {reason}"),
    "handed_over": Event(INFO, "This process delivers no more, reign {epoch} is over: {reason}"),
    "deliverer_ended": Event(
        ERROR, "Process {child}, which delivered for this one, ended ({how}); another begins in {seconds} s"
    ),
    "deliverer_silent": Event(WARNING, "Process {child}, which delivers for this one, says nothing since {seconds} s"),
    "deliverer_moves": Event(INFO, "Process {child}, which delivers for this one, moves again"),
    "left_alone": Event(WARNING, "The server is gone; this process, which delivered for it, leaves"),
    "not_opened": Event(ERROR, "This process, which should deliver, could not open the data: {reason}"),
    "lane_runs": Event(INFO, "Destination {destination} runs"),
    "lane_paused": Event(INFO, "Destination {destination} is paused; its events wait in the log"),
    "lane_removed": Event(INFO, "Destination {destination} is removed"),
    "breaker_opened": Event(WARNING, "Destination {destination} is sent nothing but probes: {reason}"),
    "breaker_closed": Event(INFO, "Destination {destination} is sent events again"),
    "lane_unsettled": Event(WARNING, "Lane {lane} could not settle; its windows stay open for the next reign"),
    "token_refused": Event(WARNING, "Destination {destination} has no new token: {reason}"),
    "token_lost": Event(
        ERROR, "A new token could not be stored; where it turns with each use, a person must agree again"
    ),
    "lane_broke": Event(ERROR, "Lane {lane} broke on our side; it begins anew"),
    "manifest_broke": Event(ERROR, "The manifest {slug} broke on an event, which is given up or in doubt"),
    "commit_failed": Event(ERROR, "Commits failed, {failures} in a row, nothing of the last was stored: {reason}"),
    "wal_pinned": Event(
        WARNING,
        "Process {reader} reads one state since {seconds} s: the write-ahead log, {pages} pages, cannot begin anew",
    ),
    "retention_near": Event(
        WARNING,
        "Destination {destination} has left events unread for {days} days; after {retention_days} they are over",
    ),
    "expired": Event(WARNING, "Destination {destination}: the time of {events} events is over, they are not delivered"),
    "pruned": Event(INFO, "{events} events are gone, up to number {seq}: older than events are kept"),
    "erasure_step": Event(INFO, "Deletion {deletion} is done with {step}"),
    "disk_low": Event(WARNING, "Free disk is {free} bytes: no event is taken in, delivery goes on"),
    "disk_enough": Event(INFO, "Free disk is {free} bytes: events are taken in"),
    "upkeep_failed": Event(ERROR, "Upkeep failed and is tried again; it keeps that {keeps}"),
    "left_out": Event(WARNING, "A value was left out of a call of {kind}, for an event cannot hold it: it is {found}"),
    "not_stored": Event(ERROR, "A call of {kind} was not stored, and there is no on_error to be told: {reason}"),
    "thread_broke": Event(ERROR, "The thread {thread} broke on our side"),
    "broke": Event(ERROR, "{what} broke on our side (error {error})"),
    "library": Event(DEBUG, "{logger} has something to say at {place}"),
}
"""By name; what happens to a number of events says which, and a field that ends in a unit is in it."""

_SUBJECTS = ("destination", "lane", "keeps", "slug", "place")
_KINDS = {"CRITICAL": "error", "ERROR": "error", "WARNING": "warning", "INFO": "info", "DEBUG": "debug"}
_logger = logging.getLogger("turnout")


def emit(event: str, cause: BaseException | None = None, **fields: float | str) -> None:
    """Tell that something happened; `cause`: the exception whose kind and places are told."""
    what = EVENTS[event]
    assert set(fields) == set(what.fields), f"{event} is told with {what.fields}"
    if not what.always and not _logger.isEnabledFor(what.level):
        return
    more = {"event": event, "fields": fields, "cause": _cause(cause)}
    _logger.handle(
        _logger.makeRecord(_logger.name, what.level, "", 0, what.says.format(**fields), (), None, extra=more)
    )


def start(level: str, *, lines: bool) -> None:
    """Tell from a level on, on standard error: as words, or as `lines` of JSON where that is no terminal."""
    stream = Stream()
    stream.setFormatter(Lines() if lines and not sys.stderr.isatty() else Words())
    stream.addFilter(Often())
    logging.captureWarnings(lines)
    logging.basicConfig(level=logging.getLevelNamesMapping()[level.upper()], handlers=[stream], force=True)


class Often(logging.Filter):
    """Lets the same about the same pass ten times a minute.

    Without a lock: one that is held while the process forks would hold up the child for ever; a miscount is none.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Have heard nothing yet."""
        super().__init__()
        self._now = now
        self._heard: dict[tuple[str, ...], _Heard] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Count it, and let it pass or not."""
        _reduce(record)
        fields = getattr(record, "fields", {})
        key = (record.event, *(str(fields[name]) for name in _SUBJECTS if name in fields))  # type: ignore[attr-defined]
        now = self._now()
        if len(self._heard) >= SUBJECTS and key not in self._heard:
            self._heard.clear()
        heard = self._heard.setdefault(key, _Heard(now))
        if now - heard.since >= EACH_S:
            heard.since, heard.told = now, 0
        if heard.told >= OFTEN:
            heard.left_out += 1
            return False
        heard.told += 1
        record.left_out, heard.left_out = heard.left_out, 0
        return True


@dataclass(slots=True)
class _Heard:
    since: float
    told: int = 0
    left_out: int = 0


@dataclass(slots=True)
class Losses:
    """Lines that nobody took."""

    lines: int = 0


LOST = Losses()


class Stream(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error, but never waits for whoever reads it: a client may read no line, ever."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it as lost."""
        if self._has_room():
            super().emit(record)
        else:
            LOST.lines += 1

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Count it as lost: the standard library would print what the record holds."""
        LOST.lines += 1

    def _has_room(self) -> bool:
        try:
            return bool(select.select((), (self.stream.fileno(),), (), 0)[1])
        except (OSError, ValueError):  # no file, as in tests, or closed
            return True


class Lines(logging.Formatter):
    """One JSON object a record."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Write it, at most 4 KB with its end."""
        told: Document = {
            "time": iso(int(record.created * 1e6)),
            "level": _KINDS.get(record.levelname, "info"),
            "event": getattr(record, "event", "library"),
            "message": record.getMessage()[:WORDS],
            "process": os.getpid(),
        }
        more = _more(record)
        for extra in (more, {key: value for key, value in more.items() if key != "places"}, {}):
            line = document.encode(told | extra if extra == more else told | extra | {"cut": True})
            if len(line) < LINE:
                return line.decode()
        raise AssertionError("what is told of every event fits into a line")


class Words(logging.Formatter):
    """One line for people."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Write level and sentence; of an exception, what it was and where."""
        more = _more(record)
        said = f"{_KINDS.get(record.levelname, 'info')}: {record.getMessage()}"
        places = more.get("places")
        if isinstance(places, list):
            said += f" [{more['kind']} at {', '.join(map(str, places))}]"
        if more.get("left_out"):
            said += f" ({more['left_out']} like it were left out)"
        return said[: LINE // 4]


def _more(record: logging.LogRecord) -> Document:
    fields: dict[str, float | str] = getattr(record, "fields", {})
    more: Document = {name: value[:WORDS] if isinstance(value, str) else value for name, value in fields.items()}
    if any(isinstance(value, str) and len(value) > WORDS for value in fields.values()):
        more["cut"] = True
    more |= getattr(record, "cause", {})
    if left_out := getattr(record, "left_out", 0):
        more["left_out"] = left_out
    return more


def _reduce(record: logging.LogRecord) -> None:
    """Leave of what another library logs nothing but which and where: it may quote anybody."""
    if not hasattr(record, "event"):
        fields = {"logger": record.name, "place": f"{record.module}:{record.lineno}"}
        record.event, record.fields = "library", fields
        record.cause = _cause(record.exc_info[1] if record.exc_info else None)
        record.msg, record.args = EVENTS["library"].says.format(**fields), ()
        record.exc_info = record.stack_info = None


def _cause(error: BaseException | None) -> Document:
    """Give kind and places of an exception: what it says may quote anybody, and another formatter would print it."""
    return {} if error is None else {"kind": type(error).__name__, "places": list(places(error))[-PLACES:]}


def places(error: BaseException) -> Iterator[str]:
    """Tell where an exception came from, the deepest place last; of a group, of all that it holds."""
    yield from _walk(error.__traceback__)
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield type(each).__name__
        yield from places(each)


def _walk(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        file = PurePath(trace.tb_frame.f_code.co_filename)
        yield (
            f"{file.parent.name}/{file.name}:{trace.tb_lineno}"
            if file.parent.name
            else f"{file.name}:{trace.tb_lineno}"
        )
        trace = trace.tb_next
