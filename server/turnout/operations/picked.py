"""Counting what a replay selects: as `delivery.selection` chooses, for a page of the log at once.

A call counts inside its transaction, where others wait for it, so it looks at no content and at a bounded number
of events: beyond it says "more than".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from turnout.delivery.selection import Selection, came_to, choose, fits
from turnout.event.model import Namespace
from turnout.store.log import Head
from turnout.store.unit import View
from turnout.workspace import Receives

LOOKED = 100_000
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane that may replay: up to `until`; `runs` are all it has, `over` those that have ended for good."""

    number: int
    until: int
    runs: tuple[int, ...]
    receives: Receives
    over: tuple[int, ...] = ()


@dataclass(slots=True)
class OfLane:
    """What is selected for one lane; `taken`: of these, by namespace, what it receives; `owed`: what comes anyway."""

    lane: Lane
    selected: int = 0
    owed: int = 0
    taken: dict[str, int] = field(default_factory=dict)

    def take(self, head: Head) -> None:
        """Count one more."""
        self.selected += 1
        if self.lane.receives.takes(Namespace(head.namespace)):
            self.taken[head.namespace] = self.taken.get(head.namespace, 0) + 1


@dataclass(slots=True)
class Picked:
    """What is selected: `events` for one lane at least; `more`: the log goes on beyond what was looked at."""

    lanes: tuple[OfLane, ...]
    events: int = 0
    erased: int = 0
    more: bool = False


def count(view: View, selection: Selection, lanes: Sequence[Lane], start: int, until: int) -> Picked:
    """Count the events after `start` up to `until` that a selection names."""
    picked = Picked(tuple(OfLane(lane) for lane in lanes))
    chosen = choose(selection)
    looked = 0
    for page in _pages(view, selection, start, until):
        looked += len(page)
        wanted = [head for head in page if fits(chosen, head)]
        picked.erased += sum(head.erased for head in wanted)
        alive = [head for head in wanted if not head.erased]
        seqs = [_choose(view, selection, each, alive) for each in picked.lanes] if alive else []
        picked.events += len(frozenset().union(*seqs)) if seqs else 0
        if looked >= LOOKED:
            picked.more = page[-1].seq < until
            break
    return picked


def _choose(view: View, selection: Selection, found: OfLane, heads: Sequence[Head]) -> frozenset[int]:
    """Count one page for one lane; give the events."""
    lane, first, last = found.lane, heads[0].seq, heads[-1].seq
    owed = frozenset().union(*(view.owed.seqs(lane.number, run, first, last) for run in lane.runs))
    verdicts = came_to(view, lane.number, lane.over, first, last) if selection.verdict else {}
    chosen = set()
    for head in heads:
        if head.seq > lane.until or (selection.verdict and verdicts.get(head.seq) != selection.verdict):
            continue
        if head.seq in owed:
            found.owed += 1
            continue
        found.take(head)
        chosen.add(head.seq)
    return frozenset(chosen)


def _pages(view: View, selection: Selection, start: int, until: int) -> Iterator[Sequence[Head]]:
    """Read the stretch in pages; of people, and of named events, only theirs."""
    if selection.people or selection.seqs:
        yield from _pages_of(view, _mine(view, selection, start, until))
        return
    while page := view.log.heads(start, until, PAGE):
        yield page
        start = page[-1].seq


def _mine(view: View, selection: Selection, start: int, until: int) -> Sequence[int]:
    of_people = set(view.history.seqs(selection.people, start + 1, until))
    named = {seq for seq in selection.seqs if start < seq <= until}
    return sorted(of_people & named if selection.people and selection.seqs else of_people | named)


def _pages_of(view: View, seqs: Sequence[int]) -> Iterator[Sequence[Head]]:
    for at in range(0, len(seqs), PAGE):
        page = [head for seq in seqs[at : at + PAGE] for head in view.log.heads(seq - 1, seq, 1)]
        if page:
            yield page
