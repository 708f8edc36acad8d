"""Keeps what is on disk within its retention: the oldest goes first, a page a commit.

An event stays for as long as a lane that runs has not passed it, or owes something of it. No commit removes more than
`ROWS` rows nor much more than `BYTES`: whoever waits to record an event waits for one page. How far it came stands
nowhere: what is left of an interrupted pruning is what is oldest, and goes with the next one.
"""

from __future__ import annotations

from collections.abc import Callable

from turnout import telemetry
from turnout.clock import DAY, HOUR
from turnout.store.lanes import LaneState, RunState
from turnout.store.unit import Unit, View
from turnout.upkeep.expire import horizon
from turnout.upkeep.reign import Reign

ROWS = 400
"""Rows of one commit: 2 to 4 ms of the turnstile (measured); 1,400 rows took 8."""
EVENTS = ROWS // 4
"""Events of one commit: each is a row, with one of its message id, and perhaps of its name."""
BYTES = 1 << 20
"""Bytes of evidence or of refused calls of one commit: `secure_delete` writes each of their pages once more."""
REFUSED = 32
"""Refused calls of one commit; one has at most 32 KB."""
KEYS = 20_000
ONCE = 1_000_000
"""Keys for which actions did what they do once, of all destinations: beyond it, those go that would end first."""
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
        self._gone = 0
        self._over = 0
        self._surplus = 0
        self._old = frozenset[str]()
        self._looked = -EVERY_S

    def advance(self) -> float:
        """Do one unit of each kind of work; give how many seconds nothing is due."""
        now = self._reign.store.clock.monotonic()
        if now - self._looked >= EVERY_S:  # what is not in the log is looked at once a minute, and while there is more
            self._looked = now
            self._old = frozenset(_REST)
            self._over = self._reign.look(lambda view: view.exchanges.ring_size()) - self._trace_bytes
            self._surplus = self._reign.look(lambda view: view.once.surplus(ONCE))
            self._hourly()
        busy = [self._events(), self._ledger(), self._rest(), self._ring(), self._messages(), self._once()]
        return 0.0 if any(busy) else EVERY_S

    def trim(self) -> float:
        """Do only what no clock is needed for: keep the evidence within its bytes."""
        return 0.0 if self._ring() else EVERY_S

    def _events(self) -> bool:
        until = self._reign.look(lambda view: min(horizon(view, self._days), free_until(view)))
        gone, last, buried = self._reign.commit(lambda unit: _prune_events(unit, until)) if until > 0 else (0, 0, False)
        if buried and self._sweep is None:
            self._sweep = b""
        self._gone += gone
        if self._gone and gone < EVENTS:
            telemetry.emit("pruned", events=self._gone, seq=last or until)
            self._gone = 0
        return gone == EVENTS

    def _ledger(self) -> bool:
        """Remove a page of the ledger of events that are gone."""
        until = self._reign.look(_gone_until)
        before = self._reign.store.clock.now() - self._days * DAY
        return until > 0 and self._reign.commit(lambda unit: _prune_ledger(unit, until, before)) >= ROWS

    def _rest(self) -> bool:
        """Remove a page of whatever else is older than retention, each kind in a commit of its own."""
        before = self._reign.store.clock.now() - self._days * DAY
        more = [name for name in self._old if self._reign.commit(lambda unit, prune=_REST[name]: prune(unit, before))]  # type: ignore[misc]
        self._old = frozenset(more)
        return bool(more)

    def _hourly(self) -> None:
        """Remove old counts, which are by the hour, and the names that no event has any more."""
        hour, before = self._reign.store.clock.now() // HOUR, self._reign.store.clock.now() - self._days * DAY
        if hour == self._hour:
            return
        self._hour = hour
        for lane in self._reign.look(lambda view: view.counts.lanes()):
            self._reign.commit(lambda unit, lane=lane: unit.counts.prune(lane, before))  # type: ignore[misc]
        if names := self._reign.look(lambda view: view.log.unused_names(before, ROWS)):
            self._reign.commit(lambda unit: unit.log.prune_names(names, before))

    def _ring(self) -> bool:
        if self._over > 0:
            size = min(self._over, BYTES)
            gone = self._reign.commit(lambda unit: unit.exchanges.trim(size, ROWS))
            self._over = self._over - gone if gone else 0
        return self._over > 0

    def _once(self) -> bool:
        if self._surplus > 0:
            size = min(self._surplus, ROWS)
            gone = self._reign.commit(lambda unit: unit.once.trim(size))
            self._surplus = self._surplus - gone if gone else 0
        return self._surplus > 0

    def _messages(self) -> bool:
        """Sweep, once tombstones have gone, a page of the message ids that they could not tell."""
        after = self._sweep
        if after is None:
            return False
        low, page = self._reign.look(lambda view: (view.log.bounds()[0], view.messages.ordered(after, KEYS)))
        lowest = low or self._reign.look(lambda view: view.counter.seq)
        gone = [key for key, seq in page if seq < lowest]
        for start in range(0, len(gone), ROWS):
            self._reign.commit(lambda unit, part=gone[start : start + ROWS]: unit.messages.prune(part))  # type: ignore[misc]
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


def _prune_events(unit: Unit, until: int) -> tuple[int, int, bool]:
    """Remove a page of events; give how many, the last one, and whether some could not tell their message id."""
    page = unit.log.oldest(min(until, free_until(unit)), EVENTS)
    if not page:
        return 0, 0, False
    unit.log.prune(page)
    return len(page), page[-1][0].seq, any(event.blank for event, _ in page)


def _gone_until(view: View) -> int:
    """Give the last seq whose event was pruned; 0 where the ledger has nothing of such a one."""
    until = (view.log.bounds()[0] or view.counter.seq) - 1
    runs = ((lane.lane, run.run) for lane in view.lanes.all() for run in view.lanes.runs(lane.lane))
    return until if until > 0 and any(view.deliveries.any_until(*each, until) for each in runs) else 0


def _prune_ledger(unit: Unit, until: int, before: int) -> int:
    """Remove a page of the ledger, and the runs that ended and of which nothing is left; give how many rows."""
    gone = 0
    for lane in unit.lanes.all():
        for run in unit.lanes.runs(lane.lane):
            gone += unit.deliveries.prune(lane.lane, run.run, until, ROWS - gone)
        if gone < ROWS:
            gone += unit.lanes.prune_runs(lane.lane, until, before)
    return gone


_REST: dict[str, Callable[[Unit, int], bool]] = {
    "requests": lambda unit, before: unit.deliveries.prune_requests(before, ROWS) >= ROWS,
    "evidence": lambda unit, before: unit.exchanges.prune(before, BYTES // 2, ROWS // 2) >= BYTES // 2,
    "refused": lambda unit, before: unit.log.prune_refused(before, REFUSED) >= REFUSED,
    "keys": lambda unit, _: unit.keys.prune(unit.log.bounds()[0] or unit.counter.seq, ROWS) >= ROWS,
    "once": lambda unit, _: unit.once.prune(ROWS) >= ROWS,
}
"""What else goes; each gives whether there may be more."""
