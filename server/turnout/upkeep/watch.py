"""Keeps the operator told: what a destination's lane came to, what will be given up, what fills the disk.

It changes nothing. What it found stays in `Signs`, for who asks over HTTP.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from turnout import telemetry
from turnout.clock import DAY
from turnout.operations.health import NEAR, age
from turnout.store import space
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.pins import Pin, pins
from turnout.store.store import Store
from turnout.store.unit import View
from turnout.upkeep.checkpoint import PAGES

LOOK_S = 1.0
PINNED_S = 10.0
"""How long a reader stays at an old state before it is named: a look takes milliseconds, a long one a second or two."""
AGAIN_S = 3600.0
"""How often it is said again of a lane that its events will be given up."""


@dataclass(slots=True)
class Signs:
    """What upkeep noticed: what went wrong, by keeper, and the reader that keeps the WAL from beginning anew.

    `reader` is its process, 0 for none, `since` when it was first seen there, in the clock's monotonic seconds.
    """

    faults: Counter[str] = field(default_factory=Counter)
    reader: int = 0
    since: float = 0.0


class Watch:
    """One reign's look at how things are."""

    def __init__(self, store: Store, retention_days: int, signs: Signs, *, pages: int = PAGES) -> None:
        """Know nothing yet; of a WAL under so many `pages` no reader is named."""
        self._store = store
        self._days = retention_days
        self._signs = signs
        self._pages = pages
        self._rows: dict[int, LaneRow] = {}
        self._near: dict[int, float] = {}
        self._low = False
        self._pins: dict[Pin, float] = {}

    def advance(self) -> float:
        """Look once; give how many seconds to rest."""
        for row, days in self._store.look(self._lanes):
            self._tell_lane(row)
            self._tell_age(row, days)
        self._disk(self._store.folder)
        self._readers()
        return LOOK_S

    def _lanes(self, view: View) -> list[tuple[LaneRow, float]]:
        """Give the lanes, each with the age of the oldest event that it has not read."""
        rows = view.lanes.all()
        return [(row, 0.0 if row.state is LaneState.REMOVED else age(view, row.lane) / DAY) for row in rows]

    def _tell_lane(self, row: LaneRow) -> None:
        before, self._rows[row.lane] = self._rows.get(row.lane), row
        was, first = (LaneState.RUNNING, "") if before is None else (before.state, before.reason), before is None
        state, reason = row.state, row.reason
        if (first and state is LaneState.REMOVED) or (state, reason) == was:
            return
        match state:
            case LaneState.REMOVED:
                telemetry.emit("lane_removed", destination=row.destination)
            case LaneState.PAUSED:
                telemetry.emit("lane_paused", destination=row.destination)
            case LaneState.RUNNING if reason:
                telemetry.emit("breaker_opened", destination=row.destination, reason=reason)
            case LaneState.RUNNING if was[0] is LaneState.PAUSED:
                telemetry.emit("lane_runs", destination=row.destination)
            case LaneState.RUNNING:
                telemetry.emit("breaker_closed", destination=row.destination)

    def _tell_age(self, row: LaneRow, days: float) -> None:
        now = self._store.clock.monotonic()
        if days < NEAR * self._days:
            self._near.pop(row.lane, None)
        elif now - self._near.get(row.lane, -AGAIN_S) >= AGAIN_S:
            self._near[row.lane] = now
            telemetry.emit(
                "retention_near", destination=row.destination, days=round(days, 1), retention_days=self._days
            )

    def _disk(self, folder: Path) -> None:
        low = self._store.low_on_disk()
        if low != self._low:
            self._low = low
            telemetry.emit("disk_low" if low else "disk_enough", free=space.free(folder))

    def _readers(self) -> None:
        now = self._store.clock.monotonic()
        found, frames = pins(self._store.path)
        self._pins = {pin: self._pins.get(pin, now) for pin in found if pin.mark < frames}
        pin = min(self._pins, key=self._pins.__getitem__, default=None)
        since = now if pin is None else self._pins[pin]
        if pin is None or now - since < PINNED_S or frames < self._pages:
            self._signs.reader = 0
            return
        if pin.process != self._signs.reader or since != self._signs.since:
            telemetry.emit("wal_pinned", reader=pin.process, seconds=round(now - since), pages=frames)
        self._signs.reader, self._signs.since = pin.process, since
