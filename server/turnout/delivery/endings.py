"""Commits that end what is owed without sending it: retention, removal, a person; and what they set free."""

from __future__ import annotations

from collections.abc import Iterable

from turnout.delivery import verdict
from turnout.delivery.reigns import require
from turnout.store.deliveries import Final
from turnout.store.lanes import LaneState, RunState
from turnout.store.owed import OwedState
from turnout.store.unit import Unit


def expire(unit: Unit, lane: int, until: int, epoch: int) -> int:
    """Move a lane's cursor past events whose retention ended while it stood still; give how many."""
    require(unit, epoch)
    run = unit.lanes.run(lane, 0)
    if run is None or run.cursor >= until:
        return 0
    n = until - run.cursor
    unit.deliveries.finish(lane, 0, [Final(run.cursor + 1, 0, until, verdict.RETENTION, "", 0)])
    unit.counts.add(lane, verdict.RETENTION, n)
    unit.lanes.move(lane, 0, until)
    return n


AT_ONCE = 500
"""Parts that the commit which removes a lane cancels by itself: few enough for whoever waits to write."""


def remove_lane(unit: Unit, lane: int) -> int:
    """End a lane: it keeps its ledger and sends nothing. Gives how many parts are cancelled, now or by upkeep."""
    moving = sum(row.lane == lane for row in unit.owed.sending())
    waiting = unit.owed.count(lane) - moving
    cancel_removed(unit, lane, AT_ONCE)
    for run in unit.lanes.runs(lane):
        if run.run:
            unit.lanes.finish(lane, run.run, RunState.CANCELLED)
    unit.lanes.set_state(lane, LaneState.REMOVED, "removed")
    return waiting


def cancel_removed(unit: Unit, lane: int, limit: int) -> int:
    """Cancel so many parts that a removed lane still owes, but for what is on its way; give how many."""
    rows = unit.owed.of_lane(lane, limit)
    unit.owed.remove(rows)
    for run in sorted({row.run for row in rows}):
        finals = [
            Final(row.seq, row.part, row.seq, verdict.CANCELLED_REMOVED, "", row.request)
            for row in rows
            if row.run == run
        ]
        unit.deliveries.finish(lane, run, finals)
    unit.counts.add(lane, verdict.CANCELLED_REMOVED, len(rows))
    return len(rows)


def cancel(unit: Unit, seqs: Iterable[int], code: int) -> int:
    """Cancel what lanes owe of these events, unless it is on its way; give how many parts."""
    cancelled = 0
    owing = [row.lane for row in unit.lanes.all() if unit.owed.any(row.lane)]
    runs = [(lane, run.run) for lane in owing for run in unit.lanes.runs(lane)]
    for seq in seqs:
        for lane, run in runs:
            rows = [row for row in unit.owed.of_event(lane, run, seq) if row.state is not OwedState.SENDING]
            if rows:
                unit.owed.remove(rows)
                unit.deliveries.finish(lane, run, [Final(seq, row.part, seq, code, "", row.request) for row in rows])
                unit.counts.add(lane, code, len(rows))
                release(unit, lane, {(run, row.person) for row in rows})
                cancelled += len(rows)
    return cancelled


def release(unit: Unit, lane: int, people: Iterable[tuple[int, int]]) -> None:
    """Make due what waited for a part that is final now."""
    for run, person in sorted(people):
        head = unit.owed.head(lane, run, person) if person else None
        if head is not None and head.waits:
            unit.owed.put([head.free(unit.session.now)])
