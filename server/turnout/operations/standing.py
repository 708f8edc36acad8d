"""How one event stands at one destination: read from the ledger, the queue, open windows and the cursor.

Nothing here is told to anybody yet: `deliveries` puts it in words. An event with several parts stands as its
least finished one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from turnout.delivery.eyes import Eyes, held_of
from turnout.delivery.selection import read_selection, selects
from turnout.delivery.verdict import BY_NUMBER, CANCELLED_REMOVED, CONNECTED_LATER, Code, Verdict
from turnout.delivery.window import Part, owed
from turnout.errors import TurnoutError
from turnout.event.model import Stored
from turnout.store.deliveries import Final
from turnout.store.lanes import LaneRow, LaneState, Run, WindowRow
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import View

STATES: dict[OwedState, str] = {
    OwedState.RETRY: "retry",
    OwedState.HELD: "held",
    OwedState.SENDING: "sending",
    OwedState.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class PartStanding:
    """How one part stands. `rule` is the interned reason; exactly one of `final` and `row` is set, or neither.

    `state` is set while it waits, `code` when it is final.
    """

    part: int
    verdict: Verdict
    state: str = ""
    code: Code | None = None
    rule: str = ""
    final: Final | None = None
    row: Owed | None = None

    @property
    def reason(self) -> str:
        """Its word of the published list."""
        return self.code.word if self.code else self.state or str(self.verdict)

    @property
    def request(self) -> int:
        """Its last request, 0 without."""
        return self.final.request if self.final else self.row.request if self.row else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an event stands at a lane: its parts in the run that tells, the least finished first."""

    lane: LaneRow
    run: int
    parts: tuple[PartStanding, ...]

    @property
    def worst(self) -> PartStanding:
        """The part that speaks for the event."""
        return self.parts[0]


def standing(view: View, lane: LaneRow, event: Stored, eyes: Eyes | None) -> Standing | None:
    """Read how an event stands; None at a removed lane that never had to do with it.

    Without `eyes`, parts on their way beside others that have rows are not seen.
    """
    runs = view.lanes.runs(lane.lane)
    for run in reversed(runs):
        reached = run.start < event.seq <= run.until if run.run else event.seq <= run.cursor
        if reached and (parts := _parts(view, lane, run, event, eyes)):
            return Standing(lane, run.run, tuple(sorted(parts, key=_unfinished)))
    first = next((run for run in runs if run.run == 0), None)
    if first is None:
        return None
    unread = _unread(view, lane, first, event, eyes)
    return Standing(lane, 0, (unread,)) if unread else None


def standings(view: View, event: Stored, eyes: Eyes | None) -> tuple[Standing, ...]:
    """Read how an event stands at every lane that had to do with it."""
    found = (standing(view, lane, event, eyes) for lane in view.lanes.all())
    return tuple(each for each in found if each is not None)


def settled(view: View, seqs: Iterable[int], eyes: Eyes | None = None) -> bool:
    """Tell whether nothing of these events waits any more; what a standing lane has not read does not wait."""
    lanes = view.lanes.all()
    events = (event for seq in seqs if (event := view.log.get(seq)) is not None)
    return not any(_waits(view, lane, event, eyes) for event in events for lane in lanes)


def _waits(view: View, lane: LaneRow, event: Stored, eyes: Eyes | None) -> bool:
    found = standing(view, lane, event, eyes)
    return found is not None and found.worst.verdict is Verdict.WAITING


def _parts(view: View, lane: LaneRow, run: Run, event: Stored, eyes: Eyes | None) -> list[PartStanding]:
    finals = view.deliveries.of_event(run.lane, run.run, event.seq)
    rows = view.owed.of_event(run.lane, run.run, event.seq)
    found = [_final(each) for each in finals] + [_owed(view, lane, each) for each in rows]
    if (window := view.lanes.window_of(run.lane, run.run, event.seq)) is not None:
        found += _moving(view, run, window, event, eyes, finals, rows)
    return found


def _final(final: Final) -> PartStanding:
    code = BY_NUMBER[final.code]
    return PartStanding(final.part, code.verdict, "", code, final.reason, final=final)


def _owed(view: View, lane: LaneRow, row: Owed) -> PartStanding:
    if lane.state is LaneState.REMOVED and row.state is not OwedState.SENDING:  # upkeep is about to write it
        code = BY_NUMBER[CANCELLED_REMOVED]
        return PartStanding(row.part, code.verdict, "", code, view.deliveries.reason(row.reason), row=row)
    return PartStanding(row.part, Verdict.WAITING, STATES[row.state], None, view.deliveries.reason(row.reason), row=row)


def _moving(
    view: View, run: Run, window: WindowRow, event: Stored, eyes: Eyes | None, finals: tuple[Final, ...],
    rows: tuple[Owed, ...],
) -> list[PartStanding]:  # fmt: skip
    """Find the parts that an open window holds: those that it owed and no row names."""
    whole = any(each.part == 0 and each.request == 0 for each in finals)
    if whole or (run.run and not selects(view, read_selection(run.selection), run.lane, event, owed_too=True)):
        return []
    named = {each.part for each in finals} | {each.part for each in rows}
    found = eyes.at(view, run.lane, window.revision) if eyes is not None else None
    if found is None:
        return [] if named else [PartStanding(0, Verdict.WAITING, "sending")]
    parts = owed(event, run.lane, run.run, *found)
    return [
        PartStanding(each.part, Verdict.WAITING, "sending")
        for each in parts
        if isinstance(each, Part) and each.part not in named
    ]


def _unread(view: View, lane: LaneRow, run: Run, event: Stored, eyes: Eyes | None) -> PartStanding | None:
    if event.seq <= run.start:
        code = BY_NUMBER[CONNECTED_LATER]
        return None if lane.state is LaneState.REMOVED else PartStanding(0, code.verdict, "", code)
    if lane.state is LaneState.REMOVED:
        return None
    if event.seq <= run.cursor:
        return PartStanding(0, Verdict.WAITING, "unknown", rule="no_record")
    doubted = bool(run.selection) and event.seq <= read_selection(run.selection).selection.doubt
    match lane.state:
        case LaneState.PAUSED:
            return PartStanding(0, Verdict.PAUSED, rule=lane.reason)
        case LaneState.RUNNING:
            why = _unbound(view, lane, eyes)
            return (
                PartStanding(0, Verdict.PAUSED, rule=why)
                if why
                else PartStanding(0, Verdict.WAITING, "unknown" if doubted else "queued", rule=lane.reason)
            )
    assert_never(lane.state)


def _unbound(view: View, lane: LaneRow, eyes: Eyes | None) -> str:
    """Say why a running lane stands still all the same: its destination cannot be bound."""
    destination = view.workspace.by_lane().get(lane.lane)
    if eyes is None or destination is None:
        return ""
    bound = eyes.bound(view, destination, view.counter.revision)
    if isinstance(bound, TurnoutError):
        return bound.message
    found = held_of(view, destination.id)
    return found.trouble(destination.name) if bound.target.grant and found.is_stuck(view.now) else ""


def _unfinished(part: PartStanding) -> tuple[int, int]:
    """Order parts, the least finished first."""
    return (_RANKS[part.verdict], part.part)


_RANKS = {
    Verdict.WAITING: 0,
    Verdict.PAUSED: 1,
    Verdict.DISCARDED: 2,
    Verdict.CANCELLED: 3,
    Verdict.NOT_SENT: 4,
    Verdict.DELIVERED: 5,
}
