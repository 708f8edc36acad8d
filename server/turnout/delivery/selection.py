"""Which events a further run of a lane reads: what a replay or a backfill selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from turnout.delivery.verdict import BY_NUMBER, Verdict
from turnout.event.model import Ours, Stored
from turnout.store.lanes import RunState
from turnout.store.log import Head
from turnout.store.unit import View

OVER = 500
"""Earlier runs that a selection by verdict looks at: 2 us each for each event."""


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is given must hold. `people` are ids of the graph, `seqs` single events; empty: no limit.

    `verdict` is what the event came to at this destination: in its first run, or in the newest of the runs `over` that
    had it. Those had ended for good when this one began, so that a selection stays what it is. Events up to `doubt` may
    have been sent already, in a time that a restore has taken back; that alone stands at a run that follows the log.
    """

    event: str = ""
    namespace: str = ""
    verdict: str = ""
    people: tuple[int, ...] = ()
    seqs: tuple[int, ...] = ()
    doubt: int = 0
    over: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection made quick to ask."""

    selection: Selection
    people: frozenset[int]
    seqs: frozenset[int]


def read_selection(text: bytes) -> Chosen:
    """Read a selection as stored."""
    return choose(msgspec.json.decode(text, type=Selection))


def write_selection(selection: Selection) -> bytes:
    """Write a selection for storing."""
    return msgspec.json.encode(selection)


def choose(selection: Selection) -> Chosen:
    """Make a selection quick to ask."""
    return Chosen(selection, frozenset(selection.people), frozenset(selection.seqs))


def fits(chosen: Chosen, event: Stored | Head) -> bool:
    """Tell whether a selection names an event, by what its row tells without content; a tombstone has no name."""
    wanted = chosen.selection
    return (
        (not wanted.event or (event.name == wanted.event and not event.erased))
        and (not wanted.namespace or event.namespace == wanted.namespace)
        and (not chosen.seqs or event.seq in chosen.seqs)
        and (not chosen.people or event.person in chosen.people)
    )


def ended(view: View, lane: int) -> tuple[int, ...]:
    """Name the newest further runs of a lane of which nothing can change any more, the oldest first."""
    moving = {window.run for window in view.lanes.windows() if window.lane == lane}
    further = [run for run in view.lanes.runs(lane) if run.run and run.state is not RunState.RUNNING]
    over = [run.run for run in further if run.run not in moving and view.owed.lowest(lane, run.run) is None]
    return tuple(over[-OVER:])


def came_to(view: View, lane: int, over: Sequence[int], first: int, last: int) -> Mapping[int, str]:
    """Tell what each event of a stretch came to in the newest of these runs that had it, else in its first one."""
    found: dict[int, tuple[int, str]] = {}
    for run, begins, ends, number in view.deliveries.codes(lane, (0, *over), first, last):
        told = run, str(BY_NUMBER[number].verdict)
        for seq in range(max(begins, first), min(ends, last) + 1):
            of, word = found.get(seq, (-1, ""))
            if of != run or word == Verdict.DELIVERED:  # in one run, the first of its parts that was not delivered
                found[seq] = told
    return {seq: word for seq, (_, word) in found.items()}


def selects(view: View, chosen: Chosen, lane: int, event: Stored, *, owed_too: bool = False) -> bool:
    """Tell whether an event is selected for a lane; what that lane still owes is not, unless told."""
    if event.erased or event.kind is Ours.DELETE or not fits(chosen, event):
        return False
    if not owed_too and any(view.owed.of_event(lane, run.run, event.seq) for run in view.lanes.runs(lane)):
        return False
    wanted = chosen.selection
    if not wanted.verdict:
        return True
    return came_to(view, lane, wanted.over, event.seq, event.seq).get(event.seq) == wanted.verdict
