"""Keeps the promise of an erasure: each step in units of work that are durable and may be repeated.

The order is that of `erasure`: what is on its way is waited for, then destinations are told, events become tombstones,
evidence is rewritten, and the bytes leave the log file. A crash between two units loses nothing: how far a walk came
stands in the regulation's row, and a unit done twice changes nothing more. What waits for destinations only, for days
perhaps, keeps no other waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from turnout import erasure
from turnout.store import erasures
from turnout.store.privacy import Regulation
from turnout.upkeep.erasing import Did, work_on
from turnout.upkeep.hearing import hear
from turnout.upkeep.reign import Reign
from turnout.upkeep.steps import STEPS

IDLE_S = 1.0
WAIT_S = 0.1
"""How often it is looked whether what is on its way has come home, or a reader has left the log file."""
HEAR_S = 0.5
"""How often it is looked whether a destination has ended with what it was told."""
AT_ONCE = 50
"""Regulations worked on in one turn, and of those that wait for destinations alone; these take turns by the second."""


def advance(reign: Reign, truncate: Callable[[], bool]) -> float:
    """Do one unit of work for each running regulation; give how many seconds nothing is due."""
    every = reign.look(lambda view: view.privacy.running())
    ours = [each for each in every if erasure.next_step(erasure.read(each.steps))]
    told = [each for each in every if each not in ours]
    running = [work_on(reign, each) for each in ours[:AT_ONCE]]
    last = [work for work in running if work.step.where == erasure.BYTES]
    could = [STEPS[work.step.where](work) for work in running if work.step.where != erasure.BYTES]
    emptied = bool(last) and truncate()
    if emptied:
        for work in last:
            work.commit(lambda _: Did())
    heard = [hear(reign, each) for each in _turn(told, int(reign.store.clock.monotonic()))]
    if any(could) or emptied or any(heard):
        return 0.0
    return WAIT_S if running else HEAR_S if told else IDLE_S


def _turn(every: Sequence[Regulation], turn: int) -> Sequence[Regulation]:
    """Give the next of them, so that each comes round."""
    start = turn * AT_ONCE % max(1, len(every))
    return every[start : start + AT_ONCE]


class Eraser:
    """The keeper of one reign."""

    def __init__(self, reign: Reign, truncate: Callable[[], bool]) -> None:
        """Do nothing yet."""
        self._reign = reign
        self._truncate = truncate
        self._noted = False

    def advance(self) -> float:
        """First write into `erasures` what it should say and does not; then do what is due, as `advance` does."""
        if not self._noted:
            self._reign.commit(partial(erasures.mend, self._reign.store.folder / "erasures"))
            self._noted = True
        return advance(self._reign, self._truncate)
