"""Keeps a standing lane from holding the log for longer than events are kept."""

from __future__ import annotations

from turnout.clock import DAY
from turnout.delivery import endings, verdict
from turnout.store.deliveries import Final
from turnout.store.lanes import LaneState, RunState
from turnout.store.unit import Unit, View
from turnout.upkeep.reign import Reign

EVERY_S = 60.0
ROWS = 200


def advance(reign: Reign, retention_days: int) -> float:
    """Do one unit of work for each standing lane; give how many seconds nothing is due."""
    until = reign.look(lambda view: horizon(view, retention_days))
    standing = reign.look(_standing) if until else ()
    more = [reign.commit(lambda unit, lane=lane: _expire(unit, lane, until, reign.epoch)) for lane in standing]  # type: ignore[misc]
    return 0.0 if any(more) else EVERY_S


def horizon(view: View, retention_days: int) -> int:
    """Give the last seq whose retention has ended; 0 for none."""
    first = view.log.first_since(view.now - retention_days * DAY)
    return (view.counter.seq if first is None else first) - 1


def _standing(view: View) -> tuple[int, ...]:
    return tuple(row.lane for row in view.lanes.all() if row.state is LaneState.PAUSED)


def _expire(unit: Unit, lane: int, until: int, epoch: int) -> bool:
    """Move a lane's cursors, and end what it still owes of those events; give whether there is more."""
    row = next((each for each in unit.lanes.all() if each.lane == lane), None)
    if row is None or row.state is not LaneState.PAUSED:
        return False
    endings.expire(unit, lane, until, epoch)
    more = False
    for run in unit.lanes.runs(lane):
        if run.run and run.state is RunState.RUNNING and run.cursor < until:
            unit.lanes.move(lane, run.run, min(until, run.until))
            if until >= run.until:
                unit.lanes.finish(lane, run.run, RunState.DONE)
        more = _end_owed(unit, lane, run.run, until) or more
    return more


def _end_owed(unit: Unit, lane: int, run: int, until: int) -> bool:
    rows = unit.owed.until(lane, run, until, ROWS)
    unit.owed.remove(rows)
    for row in rows:
        code = verdict.EXPIRED if row.tries else verdict.RETENTION
        unit.deliveries.finish(lane, run, [Final(row.seq, row.part, row.seq, code, "", row.request)])
        unit.counts.add(lane, code)
    return len(rows) == ROWS
