"""Whether we live, whether we can take events in, and numbers for a monitor.

`/healthz` says that the process answers. `/readyz` writes and commits, at most once a second, and says what else
stands in the way, and what does not but will. `/metrics` is OpenMetrics text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from turnout import document
from turnout.api import metrics
from turnout.api.openmetrics import CONTENT_TYPE, Sheet
from turnout.clock import DAY
from turnout.document import Json
from turnout.errors import Unavailable
from turnout.operations.health import NEAR, age
from turnout.operations.ready import hindrances, probe
from turnout.store.locks import FileLock
from turnout.store.store import Store
from turnout.store.unit import View
from turnout.upkeep.checkpoint import Checkpointer
from turnout.upkeep.watch import Signs

FRESH_S = 1.0
"""How long an answer of `/readyz` holds: whoever asks more often does not make us write more often."""
PROBE_S = 2.0
"""How long its commit may take: a commit takes milliseconds, and who asks gives up after a few seconds."""


@dataclass(slots=True)
class Life:
    """What the process knows of itself and of the one beside it that delivers.

    Of that: `flights`, by lane, are requests in flight and how many may be; `numbers` are of its process; `worries` say
    what is the matter with it.
    """

    version: str
    retention_days: int
    is_delivering: Callable[[], bool]
    signs: Signs = field(default_factory=Signs)
    flights: Callable[[], Mapping[int, tuple[int, int]]] = dict
    numbers: Callable[[], Mapping[str, float]] = dict
    worries: Callable[[], tuple[str, ...]] = tuple
    stopping: bool = False


class Health:
    """The three answers about one running workspace."""

    def __init__(self, store: Store, life: Life) -> None:
        """Count from this hour on."""
        self._store = store
        self._life = life
        self._totals = metrics.Totals(store.clock.now())
        self._wal = Checkpointer(store)
        self._asking = anyio.Lock()
        self._asked = -FRESH_S
        self._reasons: tuple[str, ...] = ()

    async def alive(self, _: Request) -> Response:
        """Answer."""
        return _json(200, {"ok": True})

    async def ready(self, _: Request) -> Response:
        """Say whether events can be taken in, or why not."""
        if self._life.stopping:
            return _json(503, {"ok": False, "reasons": ["it is stopping"]})
        async with self._asking:
            if self._store.clock.monotonic() - self._asked >= FRESH_S:
                self._reasons = await self._hindrances()
                self._asked = self._store.clock.monotonic()
        if self._reasons:
            return _json(503, {"ok": False, "reasons": list(self._reasons)})
        try:
            degraded: Json = list(await self._store.read(self._degraded))
        except Unavailable as error:
            return _json(503, {"ok": False, "reasons": [error.message]})
        return _json(200, {"ok": True, "delivering": self._life.is_delivering(), "degraded": degraded})

    async def metrics(self, _: Request) -> Response:
        """Give the numbers, or say why they cannot be read."""
        try:
            text = await anyio.to_thread.run_sync(self._text, self._life.flights())
        except (Unavailable, OSError) as error:
            why = error.message if isinstance(error, Unavailable) else f"the data cannot be read ({error.strerror})"
            return _json(503, {"ok": False, "reasons": [why]})
        return Response(text, media_type=CONTENT_TYPE)

    def _text(self, flights: Mapping[int, tuple[int, int]]) -> str:
        store, sheet = self._store, Sheet(metrics.FAMILIES)
        sheet.put("turnout_is_delivering", int(self._life.is_delivering()))
        sheet.put("turnout_deliverer_process", deliverer(store))
        sheet.put("turnout_missing_events", store.missing)
        store.look(lambda view: self._lanes(view, sheet, flights))
        metrics.of_disk(sheet, store, self._wal.fill())
        metrics.of_upkeep(sheet, self._life.signs, store.clock.monotonic())
        metrics.of_build(sheet, self._life.version)
        metrics.of_process(sheet, "door", metrics.numbers(store.tally))
        metrics.of_process(sheet, "deliverer", self._life.numbers())
        return sheet.text()

    def _lanes(self, view: View, sheet: Sheet, flights: Mapping[int, tuple[int, int]]) -> None:
        metrics.of_lanes(sheet, view, self._totals.read(view), self._life.retention_days)
        names = {lane: destination.name for lane, destination in view.workspace.by_lane().items()}
        metrics.of_flights(sheet, names, flights)

    async def _hindrances(self) -> tuple[str, ...]:
        """Look, write and commit; list what stands in the way. One commit that fails is not yet a disk that does."""
        try:
            low = await anyio.to_thread.run_sync(self._store.low_on_disk)
        except Unavailable as error:
            return (error.message,)
        failed = ""
        with anyio.move_on_after(PROBE_S) as patience:
            failed = await self._commit() and await self._commit()
        if patience.cancelled_caught:
            failed = self._store.frozen().message
        return hindrances(low=low, lost=self._store.missing, failed=failed)

    async def _commit(self) -> str:
        """Commit something; say why that is not possible."""
        try:
            await self._store.transact(probe)
        except Unavailable as error:
            return error.message
        return ""

    def _degraded(self, view: View) -> tuple[str, ...]:
        """List what does not stand in the way yet."""
        signs, days = self._life.signs, self._life.retention_days
        names = view.workspace.by_lane()
        late = [lane for lane in names if age(view, lane) >= NEAR * days * DAY]
        found = [f"{names[lane].name}: its oldest unread events are given up soon" for lane in late]
        if signs.reader:
            found.append(f"process {signs.reader} keeps the write-ahead log from beginning anew")
        return (*found, *self._life.worries())


def deliverer(store: Store) -> int:
    """Give the process that delivers; 0 for none."""
    lock = FileLock(store.folder / "delivery.lock")
    try:
        return 0 if lock.try_share() else lock.holder()
    finally:
        lock.close()


def _json(status: int, told: Mapping[str, document.Json]) -> Response:
    return Response(document.encode(told), status, media_type="application/json")
