"""Keeps a lane that does not come on from holding the log for longer than events are kept.

Paused, not to be bound, its breaker open, or too slow: whatever the reason, that long and no longer. What is on its
way is left to its answer; what a dead reign left on its way, to a lane that cannot be bound, has none.
"""

from __future__ import annotations

from turnout import telemetry
from turnout.clock import DAY
from turnout.delivery import endings, verdict
from turnout.delivery.reigns import CRASH
from turnout.delivery.selection import read_selection, selects
from turnout.delivery.window import WINDOW_EVENTS
from turnout.store.deliveries import Final
from turnout.store.lanes import LaneState, Run, RunState, WindowRow
from turnout.store.unit import Unit, View
from turnout.upkeep.reign import Reign

EVERY_S = 60.0
ROWS = 200


def advance(reign: Reign, retention_days: int) -> float:
    """Do one unit of work for each lane that holds what is over; give how many seconds nothing is due."""
    until = reign.look(lambda view: horizon(view, retention_days))
    late = reign.look(lambda view: _late(view, until)) if until else ()
    more = [_tell(reign.commit(lambda unit, lane=lane: _expire(unit, lane, until, reign.epoch))) for lane in late]  # type: ignore[misc]
    for window in reign.look(lambda view: _left(view, until, reign.epoch)):
        reign.commit(lambda unit, window=window: _end_window(unit, window))  # type: ignore[misc]
    return 0.0 if any(more) else EVERY_S


def _tell(ended: tuple[str, int, bool]) -> bool:
    destination, events, more = ended
    if events:
        telemetry.emit("expired", destination=destination, events=events)
    return more


def horizon(view: View, retention_days: int) -> int:
    """Give the last seq whose retention has ended; 0 for none."""
    first = view.log.first_since(view.now - retention_days * DAY)
    return (view.counter.seq if first is None else first) - 1


def _late(view: View, until: int) -> tuple[int, ...]:
    """Give the lanes of which a cursor, or the earliest row of the queue, is where retention ended."""
    rows = (row.lane for row in view.lanes.all() if row.state is not LaneState.REMOVED)
    return tuple(lane for lane in rows if any(_holds(view, run, until) for run in view.lanes.runs(lane)))


def _holds(view: View, run: Run, until: int) -> bool:
    reads = run.run == 0 or run.state is RunState.RUNNING
    owed = view.owed.lowest(run.lane, run.run)
    return (reads and run.cursor < until) or (owed is not None and owed <= until)


def _expire(unit: Unit, lane: int, until: int, epoch: int) -> tuple[str, int, bool]:
    """Move a lane's cursors, and end what it still owes of those events.

    Shape: whose lane it is, how many events it gave up, whether there is more.
    """
    row = next((each for each in unit.lanes.all() if each.lane == lane), None)
    if row is None or row.state is LaneState.REMOVED:
        return "", 0, False
    events, more = endings.expire(unit, lane, until, epoch), False
    for run in unit.lanes.runs(lane):
        if run.run and run.state is RunState.RUNNING and run.cursor < until:
            unit.lanes.move(lane, run.run, min(until, run.until))
            if until >= run.until:
                unit.lanes.finish(lane, run.run, RunState.DONE)
        ended = _end_owed(unit, lane, run.run, until)
        events, more = events + ended, more or ended == ROWS
    return row.destination, events, more


def _end_owed(unit: Unit, lane: int, run: int, until: int) -> int:
    """End a page of what a run owes; what waited behind it may go. Gives how many."""
    rows = unit.owed.until(lane, run, until, ROWS)
    unit.owed.remove(rows)
    for row in rows:
        code = verdict.EXPIRED if row.tries else verdict.RETENTION
        unit.deliveries.finish(lane, run, [Final(row.seq, row.part, row.seq, code, "", row.request)])
        unit.counts.add(lane, code)
    endings.release(unit, lane, {(run, row.person) for row in rows})
    return len(rows)


def _left(view: View, until: int, epoch: int) -> tuple[WindowRow, ...]:
    """Give the windows of dead reigns whose retention has ended, on removed lanes too."""
    return tuple(window for window in view.lanes.windows_before(epoch) if window.last <= until)


def _end_window(unit: Unit, window: WindowRow) -> None:
    """End what no row names of a window that nobody could read, as maybe sent; then it is gone."""
    lane, run = window.lane, unit.lanes.run(window.lane, window.run)
    if run is None or unit.lanes.window_of(lane, window.run, window.first) != window:
        return
    chosen = read_selection(run.selection) if run.run else None
    for event in unit.log.after(window.first - 1, WINDOW_EVENTS, window.last):
        named = unit.deliveries.of_event(lane, run.run, event.seq) or unit.owed.of_event(lane, run.run, event.seq)
        if not named and (chosen is None or selects(unit, chosen, lane, event, owed_too=True)):
            unit.deliveries.finish(lane, run.run, [Final(event.seq, 0, event.seq, verdict.EXPIRED, CRASH, 0)])
            unit.counts.add(lane, verdict.EXPIRED)
    unit.lanes.close_window(lane, window.run, window.first)
