"""Keeps what is on disk within its retention: the oldest goes first, a page a commit.

An event stays for as long as a lane that runs has not passed it, or owes something of it.
"""

from __future__ import annotations

from turnout.clock import DAY, HOUR
from turnout.store.lanes import LaneState, RunState
from turnout.store.unit import Unit, View
from turnout.upkeep.expire import horizon
from turnout.upkeep.reign import Reign

EVENTS = 200
ROWS = 500
KEYS = 20_000
EVERY_S = 60.0


class Pruner:
    """What prunes: `days` is how long events are kept, `trace_bytes` the evidence of plain successes."""

    def __init__(self, reign: Reign, days: int, trace_bytes: int) -> None:
        """Prune nothing yet."""
        self._reign = reign
        self._days = days
        self._trace_bytes = trace_bytes
        self._sweep: bytes | None = None
        self._hour = 0

    def advance(self) -> float:
        """Do one unit of each kind of work; give how many seconds nothing is due."""
        busy = [self._events(), self._rest(), self._ring(), self._messages()]
        return 0.0 if any(busy) else EVERY_S

    def trim(self) -> float:
        """Do only what no clock is needed for: keep the evidence within its bytes."""
        return 0.0 if self._ring() else EVERY_S

    def _events(self) -> bool:
        until = self._reign.look(lambda view: min(horizon(view, self._days), free_until(view)))
        if until <= 0:
            return False
        gone, buried = self._reign.commit(lambda unit: _prune_events(unit, until))
        if buried and self._sweep is None:
            self._sweep = b""
        return gone == EVENTS

    def _rest(self) -> bool:
        if (hour := self._reign.store.clock.now() // HOUR) != self._hour:  # counts are by the hour
            self._reign.commit(lambda unit: unit.counts.prune(unit.now - self._days * DAY))
            self._hour = hour
        return self._reign.commit(lambda unit: _prune_rest(unit, unit.now - self._days * DAY))

    def _ring(self) -> bool:
        over = self._reign.look(lambda view: view.exchanges.ring_size()) - self._trace_bytes
        return over > 0 and over > self._reign.commit(lambda unit: unit.exchanges.trim(over, ROWS))

    def _messages(self) -> bool:
        """Sweep, once tombstones have gone, a page of the message ids that they could not tell."""
        after = self._sweep
        if after is None:
            return False
        low, page = self._reign.look(lambda view: (view.log.bounds()[0], view.log.messages(after, KEYS)))
        lowest = low or self._reign.look(lambda view: view.counter.seq)
        gone = [key for key, seq in page if seq < lowest]
        for start in range(0, len(gone), ROWS):
            self._reign.commit(lambda unit, part=gone[start : start + ROWS]: unit.log.prune_messages(part))  # type: ignore[misc]
        self._sweep = page[-1][0] if len(page) == KEYS else None
        return self._sweep is not None


def free_until(view: View) -> int:
    """Give the last seq that no lane which runs still needs."""
    free = view.counter.seq - 1
    for lane in view.lanes.all():
        for run in view.lanes.runs(lane.lane):
            if lane.state is not LaneState.REMOVED and run.state is RunState.RUNNING:
                free = min(free, run.cursor)
            if (owed := view.owed.lowest(lane.lane, run.run)) is not None:
                free = min(free, owed - 1)
    return min([free, *(window.first - 1 for window in view.lanes.windows())])


def _prune_events(unit: Unit, until: int) -> tuple[int, bool]:
    """Remove a page of events with their ledger; give how many, and whether tombstones were among them."""
    page = unit.log.oldest(min(until, free_until(unit)), EVENTS)
    if not page:
        return 0, False
    unit.log.prune(page)
    last = page[-1][0].seq
    for lane in unit.lanes.all():
        for run in unit.lanes.runs(lane.lane):
            unit.deliveries.prune(lane.lane, run.run, last)
        unit.lanes.prune_runs(lane.lane, last, page[-1][0].received)
    return len(page), any(event.erased for event, _ in page)


def _prune_rest(unit: Unit, before: int) -> bool:
    """Remove a page of whatever else is older than a moment; give whether there may be more."""
    unit.log.prune_names(before)
    gone = [
        unit.deliveries.prune_requests(before, ROWS),
        unit.exchanges.prune(before, ROWS),
        unit.log.prune_refused(before, ROWS),
        unit.keys.prune(ROWS),
    ]
    return any(n >= ROWS for n in gone)
