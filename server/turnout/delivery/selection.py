"""Which events a further run of a lane reads: what a replay or a backfill selects."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from turnout.delivery.verdict import BY_NUMBER
from turnout.event.model import Stored
from turnout.store.unit import View


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is given must hold. `people` are ids of the graph, `seqs` single events; empty: no limit.

    `verdict` is what the event's first run came to at this destination.
    """

    event: str = ""
    namespace: str = ""
    verdict: str = ""
    people: tuple[int, ...] = ()
    seqs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection made quick to ask."""

    selection: Selection
    people: frozenset[int]
    seqs: frozenset[int]


def read_selection(text: bytes) -> Chosen:
    """Read a selection as stored."""
    selection = msgspec.json.decode(text, type=Selection)
    return Chosen(selection, frozenset(selection.people), frozenset(selection.seqs))


def write_selection(selection: Selection) -> bytes:
    """Write a selection for storing."""
    return msgspec.json.encode(selection)


def selects(view: View, chosen: Chosen, lane: int, event: Stored, *, owed_too: bool = False) -> bool:
    """Tell whether an event is selected for a lane; what that lane still owes is not, unless told."""
    wanted = chosen.selection
    if event.erased or (wanted.event and event.name != wanted.event):
        return False
    if (wanted.namespace and event.namespace != wanted.namespace) or (chosen.seqs and event.seq not in chosen.seqs):
        return False
    if chosen.people and event.person not in chosen.people:
        return False
    if not owed_too and any(view.owed.of_event(lane, run.run, event.seq) for run in view.lanes.runs(lane)):
        return False
    return not wanted.verdict or _came_to(view, lane, event) == wanted.verdict


def _came_to(view: View, lane: int, event: Stored) -> str:
    rows = view.deliveries.of_event(lane, 0, event.seq)
    words = [str(BY_NUMBER[row.code].verdict) for row in rows]
    return next((word for word in words if word != "delivered"), words[0] if words else "")
