"""A workspace of a test's own: the real store in a folder, the real catalogue, a clock that stands until moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from turnout.binder import Binder
from turnout.clock import SECOND, Micros
from turnout.delivery.eyes import Eyes
from turnout.document import Document, Json, encode
from turnout.entropy import SystemEntropy
from turnout.event.model import LIVE, Call, Caller, Namespace, SourceId
from turnout.guard import run as guard
from turnout.guard.principal import Principal, Scope, command_line, local
from turnout.guard.run import Done
from turnout.ingest import ingest
from turnout.manifest.catalogue import Catalogue
from turnout.operations import connect, sources
from turnout.operations.model import Intent, Operation
from turnout.operations.reader import Reader
from turnout.sinks.files import JSONL
from turnout.store.lanes import LaneRow
from turnout.store.store import Store
from turnout.store.unit import View
from turnout.workspace import Destination

Q = TypeVar("Q")
P = TypeVar("P")
T = TypeVar("T")

BEGIN = 1_764_000_000_000_000
"""2025-11-24T16:00:00Z."""
PERSON = command_line()
AGENT = local("write")
"""Lacks `live`."""
LIVE_AGENT = local("write", live=True)
READER = local("read")


def with_scopes(*scopes: Scope) -> Principal:
    return Principal("token", frozenset(scopes))


class StillClock:
    """Tells the time it was told; its monotonic seconds move with it, but where it leaps."""

    def __init__(self, moment: int = BEGIN) -> None:
        self.moment = moment
        self.leapt = 0

    def now(self) -> Micros:
        return Micros(self.moment)

    def monotonic(self) -> float:
        return (self.moment - self.leapt) / SECOND

    def pass_s(self, seconds: float) -> None:
        self.moment += round(seconds * SECOND)

    def leap_s(self, seconds: float) -> None:
        """Tell another time from now on, as a machine that was set; no time has passed."""
        self.pass_s(seconds)
        self.leapt += round(seconds * SECOND)


@dataclass(slots=True)
class Bench:
    """An open workspace with its first source, and short words for what tests do with it."""

    store: Store
    clock: StillClock
    catalogue: Catalogue = field(default_factory=lambda: Catalogue((JSONL,)))

    @property
    def binder(self) -> Binder:
        return Binder(self.catalogue)

    @property
    def eyes(self) -> Eyes:
        return Eyes(self.binder, 10)

    def call(
        self,
        operation: Operation[Q, P],
        request: Q,
        principal: Principal = LIVE_AGENT,
        *,
        key: str = "",
        dry_run: bool = False,
        confirm: str = "",
        sure: bool = False,
    ) -> Done:
        """Make a guarded call, in a commit of its own."""
        intent = Intent(principal, key, dry_run=dry_run, confirm=confirm, sure=sure)
        return self.store.commit(partial(guard.run, operation=operation, request=request, intent=intent))

    def look(self, function: Callable[[View], T]) -> T:
        return self.store.look(function)

    def source(self, name: str, principal: Principal = LIVE_AGENT) -> Document:
        return self.call(sources.CREATE, sources.CreateSource(name), principal).answer

    def connect(
        self,
        slug: str = "segment",
        settings: Mapping[str, Json] | None = None,
        *,
        principal: Principal = PERSON,
        name: str | None = None,
        receives: str | None = None,
        filter: str | None = None,  # noqa: A002 - the field's word
        overrides: Mapping[str, Json] | None = None,
    ) -> Destination:
        """Connect a destination, by default one with a secret and no host of its own choice."""
        given = {"write_key": "wk_0123456789abcdef"} if settings is None and slug == "segment" else settings
        request = connect.Connect(slug, name, given, receives, filter, overrides=overrides)
        answer = self.call(connect.operation(self.catalogue, self.binder), request, principal, sure=True).answer
        return self.destination(str(answer["destination_id"]))

    def destination(self, name: str) -> Destination:
        return self.look(lambda view: view.workspace.destination(name))

    def lane(self, destination: Destination) -> LaneRow:
        row = self.look(lambda view: view.lanes.of(destination.id))
        assert row is not None
        return row

    def secrets(self, destination: Destination) -> Mapping[str, str]:
        return self.look(lambda view: view.entities.secrets(destination.id))

    @property
    def revision(self) -> int:
        return self.look(lambda view: view.counter.revision)

    def record(self, *bodies: Mapping[str, Json], namespace: Namespace = LIVE, source: int = 1) -> None:
        """Record calls, a track by user u1 where they do not say otherwise; message ids are made."""
        usual: Document = {"type": "track", "event": "Signed Up", "userId": "u1"}
        calls = tuple(Call(encode({**usual, **body})) for body in bodies)
        caller = Caller(SourceId(source), namespace, self.clock.now())
        receipt = self.store.commit(lambda unit: ingest(unit, calls, caller))
        assert not receipt.refused, receipt.refused


def reader(principal: Principal = LIVE_AGENT) -> Reader:
    return Reader(principal)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Open a workspace in a folder, and close it after."""
    clock = StillClock()
    store = Store(folder, clock, SystemEntropy()).open()
    try:
        store.commit(sources.ensure_first)
        yield Bench(store, clock)
    finally:
        store.close()
