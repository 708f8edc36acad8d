"""Cancels what removed lanes still owe, a page a commit: what the removal itself left."""

from __future__ import annotations

from turnout.delivery import endings
from turnout.store.lanes import LaneState
from turnout.store.unit import View
from turnout.upkeep.reign import Reign

ROWS = 200
IDLE_S = 1.0


def advance(reign: Reign) -> float:
    """Cancel a page of each removed lane; give how many seconds nothing is due."""
    owing = reign.look(_owing)
    gone = [reign.commit(lambda unit, lane=lane: endings.cancel_removed(unit, lane, ROWS)) for lane in owing]  # type: ignore[misc]
    return 0.0 if any(n == ROWS for n in gone) else IDLE_S


def _owing(view: View) -> tuple[int, ...]:
    """Give the removed lanes that owe anything that is not on its way."""
    removed = (row.lane for row in view.lanes.all() if row.state is LaneState.REMOVED)
    return tuple(lane for lane in removed if view.owed.of_lane(lane, 1))
