"""A workspace on the system's clock whose destinations a test connects without a process, and what became of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from support.engine import caller, track
from support.workspace import PERSON
from turnout.binder import Binder
from turnout.clock import SystemClock
from turnout.delivery import verdict
from turnout.document import Json
from turnout.entropy import SystemEntropy
from turnout.event.model import LIVE, Call
from turnout.guard import run as guard
from turnout.ingest import ingest
from turnout.manifest.catalogue import Catalogue
from turnout.operations import connect as connecting
from turnout.operations import sources
from turnout.operations import update as updating
from turnout.operations.model import Intent, Operation
from turnout.sinks.files import JSONL
from turnout.store.owed import OwedState
from turnout.store.store import Store
from turnout.store.unit import View

Q = TypeVar("Q")
P = TypeVar("P")
A_COMMIT = 500


@dataclass(frozen=True, slots=True)
class Became:
    """What became of one event at one lane: a final word with its reason, or `waiting` and why."""

    lane: int
    seq: int
    word: str
    reason: str
    doubt: bool = False
    tries: int = 0


@contextmanager
def workspace(folder: Path) -> Iterator[Store]:
    """Open a workspace with its first source."""
    store = Store(folder, SystemClock(), SystemEntropy()).open()
    try:
        store.commit(sources.ensure_first)
        yield store
    finally:
        store.close()


def connect(store: Store, settings: Mapping[str, Json], slug: str = "webhook", name: str | None = None) -> int:
    """Connect a destination for all events; give its lane."""
    catalogue = Catalogue((JSONL,))
    _apply(store, connecting.operation(catalogue, Binder(catalogue)), connecting.Connect(slug, name, settings, "all"))
    return store.look(lambda view: max(row.lane for row in view.lanes.all()))


def change(store: Store, name: str, settings: Mapping[str, Json]) -> None:
    """Change settings of a destination."""
    catalogue = Catalogue((JSONL,))
    _apply(store, updating.operation(catalogue, Binder(catalogue)), updating.Update(name, settings=settings))


def _apply(store: Store, operation: Operation[Q, P], request: Q) -> None:
    intent = Intent(PERSON, "", dry_run=False, confirm="", sure=True)
    store.commit(partial(guard.run, operation=operation, request=request, intent=intent))


def record(store: Store, *calls: Call) -> None:
    """Record calls, some hundreds in a commit."""
    for start in range(0, len(calls), A_COMMIT):
        some = tuple(calls[start : start + A_COMMIT])
        store.commit(partial(ingest, calls=some, caller=caller(store.clock.now(), namespace=LIVE)))


def tracks(first: int, count: int, people: int = 1_000_000) -> Sequence[Call]:
    """Make tracks with message ids `m` and a number; these people take turns."""
    return [track(f"m{n}", f"u{n % people}") for n in range(first, first + count)]


def became(view: View, lane: int | None = None) -> list[Became]:
    """Say what became of what a lane, or each, has tried: by lane and event."""
    only = (lane, lane)
    rows = view.session.rows
    reasons = {0: "", **dict(rows("SELECT id, text FROM reasons"))}
    final = rows("SELECT lane, seq, last, code, reason FROM deliveries WHERE lane = ? OR ? IS NULL", only)
    owed = rows(
        "SELECT lane, seq, state, reason, tries FROM owed WHERE (lane = ? OR ? IS NULL) AND (reason > 0 OR state = 2)",
        only,
    )
    found = [
        Became(at, each, verdict.BY_NUMBER[code].word, reasons[reason])
        for at, seq, last, code, reason in final
        for each in range(seq, last + 1)
    ]
    found += [
        Became(at, seq, "waiting", reasons[reason], state == OwedState.UNKNOWN, tries)
        for at, seq, state, reason, tries in owed
    ]
    return sorted(found, key=lambda each: (each.lane, each.seq))
