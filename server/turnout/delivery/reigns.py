"""The commits between reigns: begin one, and owe again, in doubt, what a dead one left on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from turnout.delivery import verdict
from turnout.delivery.selection import read_selection, selects
from turnout.delivery.window import Part, Sight, Skip, owed
from turnout.errors import Superseded
from turnout.event.model import Stored
from turnout.routing import Bound
from turnout.store.deliveries import Final
from turnout.store.lanes import LaneState, WindowRow
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import Unit, View

CRASH = "crash"

Look: TypeAlias = Callable[[View, int, int], tuple[Bound, Sight] | None]
"""Binds a lane's destination as of a revision, and gives the sight of its events; None when it cannot."""


def require(unit: Unit, epoch: int) -> None:
    """Go on only under the reign that is. Raises: Superseded."""
    if unit.counter.epoch != epoch:
        raise Superseded(f"reign {unit.counter.epoch} delivers now, this was {epoch}; nothing was written")


def take_over(unit: Unit, look: Look) -> int:
    """Begin a reign: what older ones left on its way becomes owed and unknown. Gives its epoch."""
    unit.counter.epoch += 1
    _recover(unit, unit.lanes.windows_before(unit.counter.epoch), unit.owed.sending(), look)
    for request in unit.deliveries.open_requests(unit.counter.epoch):
        unit.deliveries.finish_request(request.id, 0, CRASH, 0)
    return unit.counter.epoch


def recover(unit: Unit, lane: int, epoch: int, before: int, look: Look) -> None:
    """Do the same for one lane, for windows of reigns before `before`.

    This reign's own, where a fault of ours ended the lane; else those that a take-over left, for want of settings.
    """
    require(unit, epoch)
    windows = [window for window in unit.lanes.windows_before(before) if window.lane == lane]
    mine = before > epoch
    _recover(unit, windows, [row for row in unit.owed.sending() if row.lane == lane] if mine else [], look)
    for request in unit.deliveries.open_requests(before):
        if request.lane == lane:
            unit.deliveries.finish_request(request.id, 0, CRASH, 0)


def _recover(unit: Unit, windows: Iterable[WindowRow], sending: Iterable[Owed], look: Look) -> None:
    """Owe again what open windows owed and no row names, and what was marked as on its way."""
    fronts = _Fronts(unit)
    for window in windows:
        found = look(unit, window.lane, window.revision)
        if found is None and _removed(unit, window.lane):
            _end(unit, window)
            continue
        if found is None:
            continue  # its destination cannot be bound now: the window stays until it can
        bound, sight = found
        as_opened = replace(sight, suppressed=lambda _: False, now=window.opened)  # what it owed then; ended by a retry
        _doubt(unit, window, bound, as_opened, fronts, removed=_removed(unit, window.lane))
        unit.lanes.close_window(window.lane, window.run, window.first)
    crash = unit.deliveries.intern(0, CRASH)
    unit.owed.put(
        replace(row, state=OwedState.UNKNOWN, due=unit.session.now, tries=row.tries + 1, reason=crash)
        for row in sending
    )


class _Fronts:
    """Whose events of open windows may have left: of each person's line the first that no row names, no other.

    Two that have become one person since may each have had one on its way: theirs were two lines.
    """

    def __init__(self, unit: Unit) -> None:
        self._people = unit.people
        self._lines: set[tuple[int, int, int]] = set()

    def leads(self, part: Part, recorded_as: int, window: WindowRow) -> bool:
        """Tell whether a part may have left: nothing of its line stood before it."""
        if not part.person:
            return True
        line = recorded_as if self._people.merged_after(part.person, window.last) else part.person
        first = (part.lane, part.run, line) not in self._lines
        self._lines |= {(part.lane, part.run, recorded_as), (part.lane, part.run, part.person)}
        return first


def _doubt(
    unit: Unit, window: WindowRow, bound: Bound, sight: Sight, fronts: _Fronts, *, removed: bool
) -> None:  # fmt: skip
    """Owe again what a dead reign's window owed and no row names; a removed lane owes nothing."""
    now = unit.session.now
    crash = unit.deliveries.intern(0, CRASH)
    run = unit.lanes.run(window.lane, window.run)
    chosen = read_selection(run.selection) if run is not None and run.run else None
    after = window.first - 1
    while events := unit.log.after(after, 1000, window.last):
        after = events[-1].seq
        for event in events:
            if chosen is not None and not selects(unit, chosen, window.lane, event, owed_too=True):
                continue
            for part in owed(event, window.lane, window.run, bound, sight):
                if (code := _ends(unit, window, event, part, removed=removed)) is not None:
                    unit.deliveries.finish(window.lane, window.run, [_over(part, code)])
                    unit.counts.add(window.lane, code)
                if isinstance(part, Skip) or code is not None or _named(unit, part):
                    continue
                earlier = unit.owed.head(part.lane, part.run, part.person) if part.person else None
                held = earlier is not None and earlier.seq < part.seq
                row = Owed(
                    part.lane, part.run, part.seq, part.part, part.person, now, window.opened, 1, OwedState.UNKNOWN, 0,
                    crash,
                )  # fmt: skip
                if not fronts.leads(part, event.person, window):
                    row = replace(row, tries=0, state=OwedState.RETRY, reason=0)
                unit.owed.put([row.behind() if held else row])


def _end(unit: Unit, window: WindowRow) -> None:
    """End what a removed lane's window owed, as a whole event each: its parts cannot be told any more."""
    for seq in range(window.first, window.last + 1):
        named = unit.deliveries.of_event(window.lane, window.run, seq) or unit.owed.of_event(
            window.lane, window.run, seq
        )
        if not named and unit.log.get(seq) is not None:
            final = Final(seq, 0, seq, verdict.CANCELLED_REMOVED, CRASH, 0)
            unit.deliveries.finish(window.lane, window.run, [final])
            unit.counts.add(window.lane, verdict.CANCELLED_REMOVED)
    unit.lanes.close_window(window.lane, window.run, window.first)


def _removed(unit: Unit, lane: int) -> bool:
    return any(row.lane == lane and row.state is LaneState.REMOVED for row in unit.lanes.all())


def _ends(unit: Unit, window: WindowRow, event: Stored, each: Part | Skip, *, removed: bool) -> int | None:
    """Tell as what a part of a dead reign's window ends that nobody may send any more; None for all others."""
    if isinstance(each, Skip):
        at = window.lane, window.run, event.seq
        told = event.blank and not unit.deliveries.of_event(*at) and not unit.owed.of_event(*at)
        return (verdict.DAMAGED if event.damaged else verdict.CANCELLED_ERASED) if told else None
    return verdict.CANCELLED_REMOVED if removed and not _named(unit, each) else None


def _over(each: Part | Skip, code: int) -> Final:
    return Final(each.seq, each.part, each.seq, code, CRASH, 0)


def _named(unit: Unit, part: Part) -> bool:
    rows = unit.deliveries.of_event(part.lane, part.run, part.seq)
    if any(row.part == part.part or (row.part == 0 and row.request == 0) for row in rows):
        return True
    return unit.owed.get(part.lane, part.run, part.seq, part.part) is not None
