"""What a restored workspace does not know: whatever its backup still owed may have been sent since.

1. What is in the queue is in doubt, and each row is a member of a request that nobody knows the outcome of.
2. What a run has not read yet is in doubt up to the end of the log: its first request counts as the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from turnout.delivery.reigns import CRASH
from turnout.delivery.selection import Selection, read_selection, write_selection
from turnout.store.deliveries import RequestRow
from turnout.store.lanes import LaneState, RunState
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import Unit

ROWS = 1_000
"""Rows of the queue in one commit."""
BEGIN = (0, -1, 0, 0)
"""Before every row of the queue."""


def doubt_unread(unit: Unit) -> int:
    """Put in doubt what no lane has read; give how many events, counted for each lane."""
    end, n = unit.counter.seq - 1, 0
    for lane in unit.lanes.all():
        for run in unit.lanes.runs(lane.lane) if lane.state is not LaneState.REMOVED else ():
            until = min(run.until, end) if run.run else end
            if run.state is RunState.RUNNING and run.cursor < until:
                chosen = read_selection(run.selection).selection if run.selection else Selection()
                unit.lanes.select(run.lane, run.run, write_selection(msgspec.structs.replace(chosen, doubt=until)))
                n += until - run.cursor
    return n


def doubt_owed(unit: Unit, after: tuple[int, int, int, int]) -> tuple[int, tuple[int, int, int, int] | None]:
    """Put a page of the queue in doubt; give how many rows, and where the next page begins, None after the last."""
    page = unit.owed.after(after, ROWS)
    known = [row for row in page if row.state in {OwedState.RETRY, OwedState.HELD}]
    for key in sorted({(row.lane, row.run, row.tries) for row in known}):
        _ask(unit, [row for row in known if (row.lane, row.run, row.tries) == key])
    crash = unit.deliveries.intern(0, CRASH)
    now = unit.session.now
    unit.owed.put(replace(row, tries=row.tries + 1) for row in known if row.state is OwedState.HELD)
    unit.owed.put(
        replace(row, state=OwedState.UNKNOWN, due=now, tries=row.tries + 1, reason=crash)
        for row in known
        if row.state is OwedState.RETRY
    )
    unit.owed.put(row.free(now) for row in page if row.state is OwedState.UNKNOWN and not row.waits)
    last = page[-1] if len(page) == ROWS else None
    return len(page), (last.lane, last.run, last.seq, last.part) if last else None


def _ask(unit: Unit, rows: Sequence[Owed]) -> None:
    """Write the request that may have been made of these rows: it lists them, and nobody knows how it ended."""
    first = rows[0]
    members = tuple((row.seq, row.part) for row in rows)
    number = unit.deliveries.new_request()
    unit.deliveries.write_requests([
        RequestRow(
            number, first.lane, first.run, first.tries + 1, unit.counter.epoch, unit.counter.revision, b"", members, 0,
            CRASH, unit.session.now, 0,
        )
    ])  # fmt: skip
