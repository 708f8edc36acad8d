"""The commits of a lane: open a window, settle, retry, and the one that takes over.

An old epoch raises before anything is written. Each commit re-reads the rows that it changes, so that a
cancellation or a merge in between wins, and resolves the surviving person of what it owes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from turnout.delivery import verdict
from turnout.delivery.batch import Batch
from turnout.delivery.schedule import BLOCK_EVENTS, BLOCK_US
from turnout.delivery.selection import read_selection, selects
from turnout.delivery.settlement import OVERTOOK, Asked, Back, Finished, Held, Settled, Settlement, Unsent
from turnout.delivery.window import Opening, Part, Sight, Skip, owed
from turnout.errors import Superseded
from turnout.event.model import Stored
from turnout.evidence import frame
from turnout.routing import Bound
from turnout.store.deliveries import Final, RequestRow
from turnout.store.lanes import LaneState, RunState, WindowRow
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import Unit, View

CRASH = "crash"

Look: TypeAlias = Callable[[View, int, int], tuple[Bound, Sight] | None]
"""Binds a lane's destination as of a revision, and gives the sight of its events; None when it cannot."""


def open_window(unit: Unit, opening: Opening, epoch: int) -> tuple[Part, ...] | None:
    """Write the crash marker, what is not sent, what is held, and the cursor; give the parts that may leave.

    None when the look that it rests on is out of date: read again.
    """
    _reign(unit, epoch)
    run = unit.lanes.run(opening.lane, opening.run)
    if (
        run is None
        or run.cursor != opening.after
        or run.state is not RunState.RUNNING
        or unit.counter.regulations != opening.regulations
        or unit.counter.revision != opening.revision
    ):
        return None
    unit.deliveries.finish(opening.lane, opening.run, [_final(skip) for skip in opening.skips])
    for code, n in opening.counts:
        unit.counts.add(opening.lane, code, n)
    free = _hold(unit, opening)
    unit.lanes.move(opening.lane, opening.run, opening.last)
    if free:
        unit.lanes.open_window(
            WindowRow(
                opening.lane, opening.run, opening.after + 1, opening.last, epoch, opening.revision, unit.session.now
            )
        )
    if opening.run and not opening.more:
        unit.lanes.finish(opening.lane, opening.run, RunState.DONE)
    return free


def settle(
    unit: Unit, lane: int, done: Settlement, epoch: int, *, closed: Iterable[tuple[int, int]], keep_plain: bool
) -> None:  # fmt: skip
    """Write requests, ledger rows, owed rows, counts and evidence; windows go of which nothing is on its way."""
    _reign(unit, epoch)
    numbers = _requests(unit, lane, done, epoch, keep_plain=keep_plain)
    finals: dict[int, list[Final]] = {}
    rows: list[Owed] = []
    gone: list[Owed] = []
    waits: set[tuple[int, int]] = set()
    for each in done.settled:
        part = each.part
        standing = unit.owed.get(lane, part.run, part.seq, part.part) if part.queued else None
        if part.queued and standing is None:
            continue
        request = numbers.get((part.run, part.seq, part.part), part.request)
        if isinstance(each, Finished):
            finals.setdefault(part.run, []).append(
                Final(part.seq, part.part, part.seq, each.code, each.reason, request)
            )
            unit.counts.add(lane, each.code)
            if standing is not None:
                gone.append(standing)
            if part.person:
                waits.add((part.run, unit.people.survivor(part.person)))
        else:
            rows.append(_row(unit, lane, each, request))
    for number, ledger in finals.items():
        unit.deliveries.finish(lane, number, ledger)
    unit.owed.remove(gone)
    unit.owed.put(rows)
    _release(unit, lane, waits)
    _pass(unit, lane, rows)
    for run, first in closed:
        unit.lanes.close_window(lane, run, first)


def retry(
    unit: Unit, lane: int, batches: Sequence[Batch], ended: Sequence[tuple[Owed, int, str]], epoch: int, revision: int
) -> tuple[Batch, ...]:
    """Mark, before it leaves, what is tried again; give the batches whose members are still there and in order."""
    _reign(unit, epoch)
    now = unit.session.now
    people: set[tuple[int, int]] = set()
    for over, code, reason in ended:
        standing = unit.owed.get(lane, over.run, over.seq, over.part)
        if standing is not None:
            unit.owed.remove([over])
            unit.deliveries.finish(lane, over.run, [Final(over.seq, over.part, over.seq, code, reason, over.request)])
            unit.counts.add(lane, code)
            people.add((over.run, standing.person))
    marked = []
    for batch in batches:
        found = [row for part in batch.parts if (row := _may_leave(unit, lane, part, now)) is not None]
        if not found:
            continue
        alive = {row.key for row in found}
        number = unit.deliveries.new_request()
        kept = Batch(tuple(replace(part, request=number) for part in batch.parts if part.key in alive), number)
        unit.deliveries.write_request(
            RequestRow(
                number, lane, kept.first.run, kept.tries, epoch, revision, kept.first.bound.manifest, kept.members,
                None, None, now, 0,
            )
        )  # fmt: skip
        unit.owed.put([replace(each, state=OwedState.SENDING, due=None, request=number) for each in found])
        marked.append(kept)
    _release(unit, lane, people)
    return tuple(marked)


def give_back(unit: Unit, lane: int, batches: Sequence[Batch], epoch: int) -> None:
    """Take back what was marked and did not leave, due now: the lane stops, or a person is suppressed."""
    _reign(unit, epoch)
    for batch in batches:
        for part in batch.parts:
            row = unit.owed.get(lane, part.run, part.seq, part.part)
            if row is not None and row.state is OwedState.SENDING:
                state = OwedState.UNKNOWN if part.doubt else OwedState.RETRY
                unit.owed.put([replace(row, state=state, due=unit.session.now)])
        unit.deliveries.finish_request(batch.request, 0, "not_sent", 0)


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
    _reign(unit, epoch)
    windows = [window for window in unit.lanes.windows_before(before) if window.lane == lane]
    mine = before > epoch
    _recover(unit, windows, [row for row in unit.owed.sending() if row.lane == lane] if mine else [], look)
    for request in unit.deliveries.open_requests(before):
        if request.lane == lane:
            unit.deliveries.finish_request(request.id, 0, CRASH, 0)


def _recover(unit: Unit, windows: Iterable[WindowRow], sending: Iterable[Owed], look: Look) -> None:
    """Owe again what open windows owed and no row names, and what was marked as on its way."""
    for window in windows:
        found = look(unit, window.lane, window.revision)
        if found is None:
            continue  # its destination cannot be bound now: the window stays until it can
        bound, sight = found
        as_opened = replace(sight, suppressed=lambda _: False, now=window.opened)  # what it owed then; ended by a retry
        _doubt(unit, window, bound, as_opened, removed=_removed(unit, window.lane))
        unit.lanes.close_window(window.lane, window.run, window.first)
    crash = unit.deliveries.intern(0, CRASH)
    unit.owed.put(
        replace(row, state=OwedState.UNKNOWN, due=unit.session.now, tries=row.tries + 1, reason=crash)
        for row in sending
    )


def expire(unit: Unit, lane: int, until: int, epoch: int) -> int:
    """Move a lane's cursor past events whose retention ended while it stood still; give how many."""
    _reign(unit, epoch)
    run = unit.lanes.run(lane, 0)
    if run is None or run.cursor >= until:
        return 0
    n = until - run.cursor
    unit.deliveries.finish(lane, 0, [Final(run.cursor + 1, 0, until, verdict.RETENTION, "", 0)])
    unit.counts.add(lane, verdict.RETENTION, n)
    unit.lanes.move(lane, 0, until)
    return n


def remove_lane(unit: Unit, lane: int) -> int:
    """End a lane: it keeps its ledger and owes nothing. Gives how many parts were cancelled."""
    cancelled = 0
    while rows := unit.owed.of_lane(lane, 1000):
        unit.owed.remove(rows)
        for row in rows:
            unit.deliveries.finish(
                lane, row.run, [Final(row.seq, row.part, row.seq, verdict.CANCELLED_REMOVED, "", row.request)]
            )
        cancelled += len(rows)
    unit.counts.add(lane, verdict.CANCELLED_REMOVED, cancelled)
    for run in unit.lanes.runs(lane):
        if run.run:
            unit.lanes.finish(lane, run.run, RunState.CANCELLED)
    unit.lanes.set_state(lane, LaneState.REMOVED, "removed")
    return cancelled


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
                _release(unit, lane, {(run, row.person) for row in rows})
                cancelled += len(rows)
    return cancelled


def _reign(unit: Unit, epoch: int) -> None:
    if unit.counter.epoch != epoch:
        raise Superseded(f"reign {unit.counter.epoch} delivers now, this was {epoch}; nothing was written")


def _final(skip: Skip) -> Final:
    return Final(skip.seq, skip.part, skip.last, skip.code, skip.reason, 0)


def _hold(unit: Unit, opening: Opening) -> tuple[Part, ...]:
    """Hold the parts whose person is owed something earlier; give the others, with those that overtake."""
    if not unit.owed.any(opening.lane):
        return opening.parts
    free: list[Part] = []
    held: list[Owed] = []
    passes: dict[int, bool | None] = {}
    now = unit.session.now
    for part in opening.parts:
        if not part.person:
            free.append(part)
            continue
        person = unit.people.survivor(part.person)
        if person not in passes:
            passes[person] = _blocked(unit, opening.lane, opening.run, person)
        may = passes[person]
        if may is None:
            free.append(part)
        elif may:
            free.append(replace(part, note=OVERTOOK))
        else:
            held.append(
                Owed(opening.lane, opening.run, part.seq, part.part, person, None, now, 0, OwedState.HELD, 0, 0)
            )
    unit.owed.put(held)
    return tuple(free)


def _blocked(unit: Unit, lane: int, run: int, person: int) -> bool | None:
    """None when nothing of a person is owed; True when its head has blocked for so long that it is passed."""
    head = unit.owed.head(lane, run, person)
    if head is None:
        return None
    return _blocks(unit, head)


def _blocks(unit: Unit, head: Owed) -> bool:
    """Tell whether a head has blocked for so long, or so many, that it is passed."""
    waiting = unit.owed.waiting(head.lane, head.run, head.person)
    return unit.session.now - head.first > BLOCK_US or waiting > BLOCK_EVENTS


def _requests(
    unit: Unit, lane: int, done: Settlement, epoch: int, *, keep_plain: bool
) -> dict[tuple[int, int, int], int]:  # fmt: skip
    """Write the requests and their evidence; give each part's request."""
    numbers: dict[tuple[int, int, int], int] = {}
    finished = {each.part.key for each in done.settled if isinstance(each, Finished)}
    talks: dict[bool, list[frame.Talk]] = {True: [], False: []}
    for asked in done.asked:
        number = _request(unit, lane, asked, epoch, finished)
        numbers.update(dict.fromkeys((part.key for part in asked.batch.parts), number))
        if asked.turns and (keep_plain or not asked.plain):
            talks[asked.plain].append(frame.Talk(number, asked.turns))
        unit.counts.took(lane, asked.took_ms)
    for plain, kept in talks.items():
        if kept:
            ids = [talk.request for talk in kept]
            unit.exchanges.keep(plain=plain, first=min(ids), last=max(ids), frame=frame.pack(kept))
    return numbers


def _request(unit: Unit, lane: int, asked: Asked, epoch: int, finished: set[tuple[int, int, int]]) -> int:
    batch = asked.batch
    if batch.request:
        unit.deliveries.finish_request(batch.request, asked.status, asked.outcome, asked.took_ms)
        return batch.request
    number = unit.deliveries.new_request()
    alone = len(batch.parts) == 1 and batch.first.key in finished
    unit.deliveries.write_request(
        RequestRow(
            number, lane, batch.first.run, batch.tries, epoch, unit.counter.revision, batch.first.bound.manifest,
            None if alone else batch.members, asked.status, asked.outcome, asked.sent, asked.took_ms,
        )
    )  # fmt: skip
    return number


def _row(unit: Unit, lane: int, each: Settled, request: int) -> Owed:
    part = each.part
    person = unit.people.survivor(part.person) if part.person else 0
    now = unit.session.now
    row = Owed(
        lane, part.run, part.seq, part.part, person, now, part.first or now, part.tries, OwedState.RETRY, request, 0
    )  # fmt: skip
    match each:
        case Back():
            state = OwedState.UNKNOWN if each.doubt else OwedState.RETRY
            reason = unit.deliveries.intern(0, each.reason)
            return replace(row, due=each.due, first=each.first, tries=each.tries, state=state, reason=reason)
        case Held():
            return replace(row, due=None, state=OwedState.HELD)
        case Unsent():
            state = OwedState.UNKNOWN if part.doubt else OwedState.RETRY
            return replace(row, state=state, reason=unit.deliveries.intern(0, part.note))
        case Finished():
            raise AssertionError("what is final is not owed")
    assert_never(each)


def _release(unit: Unit, lane: int, people: Iterable[tuple[int, int]]) -> None:
    """Make due what waited for a part that is final now."""
    for run, person in sorted(people):
        head = unit.owed.head(lane, run, person) if person else None
        if head is not None and head.state is OwedState.HELD:
            unit.owed.put([replace(head, state=OwedState.RETRY, due=unit.session.now)])


def _pass(unit: Unit, lane: int, rows: Sequence[Owed]) -> None:
    """Let those pass that a head has held up for too long."""
    for row in rows:
        heads = row.person and row.state in {OwedState.RETRY, OwedState.UNKNOWN}
        if heads and _blocks(unit, row):
            overtook = unit.deliveries.intern(0, OVERTOOK)
            unit.owed.put(
                replace(other, state=OwedState.RETRY, due=unit.session.now, reason=overtook)
                for other in unit.owed.of_person(lane, row.run, row.person, 1000)
                if other.state is OwedState.HELD
            )


def _may_leave(unit: Unit, lane: int, part: Part, now: int) -> Owed | None:
    """Read a row again: None when it is gone, changed, or an earlier one of its person is owed."""
    row = unit.owed.get(lane, part.run, part.seq, part.part)
    if row is None or row.state not in {OwedState.RETRY, OwedState.UNKNOWN} or row.due is None or row.due > now:
        return None
    head = unit.owed.head(lane, part.run, row.person) if row.person else None
    if head is not None and head.seq < row.seq and part.note != OVERTOOK:
        unit.owed.put([replace(row, state=OwedState.HELD, due=None)])
        return None
    return row


def _doubt(unit: Unit, window: WindowRow, bound: Bound, sight: Sight, *, removed: bool) -> None:
    """Owe again what a dead reign's window owed and no row names; a removed lane owes nothing."""
    now = unit.session.now
    crash = unit.deliveries.intern(0, CRASH)
    run = unit.lanes.run(window.lane, window.run)
    chosen = read_selection(run.selection) if run is not None and run.run else None
    after = window.first - 1
    while events := unit.log.after(after, 1000, window.last):
        after = events[-1].seq
        for event in events:
            if chosen is not None and not selects(unit, chosen, window.lane, event):
                continue
            for part in owed(event, window.lane, window.run, bound, sight):
                if (code := _ends(unit, window, event, part, removed=removed)) is not None:
                    unit.deliveries.finish(window.lane, window.run, [_over(part, code)])
                    unit.counts.add(window.lane, code)
                if isinstance(part, Skip) or code is not None or _named(unit, part):
                    continue
                earlier = unit.owed.head(part.lane, part.run, part.person) if part.person else None
                held = earlier is not None and earlier.seq < part.seq
                unit.owed.put(
                    [
                        Owed(
                            part.lane, part.run, part.seq, part.part, part.person, None if held else now, window.opened,
                            0 if held else 1, OwedState.HELD if held else OwedState.UNKNOWN, 0, 0 if held else crash,
                        )
                    ]
                )  # fmt: skip


def _removed(unit: Unit, lane: int) -> bool:
    return any(row.lane == lane and row.state is LaneState.REMOVED for row in unit.lanes.all())


def _ends(unit: Unit, window: WindowRow, event: Stored, each: Part | Skip, *, removed: bool) -> int | None:
    """Tell as what a part of a dead reign's window ends that nobody may send any more; None for all others."""
    if isinstance(each, Skip):
        told = event.erased and not unit.deliveries.of_event(window.lane, window.run, event.seq)
        return verdict.CANCELLED_ERASED if told else None
    return verdict.CANCELLED_REMOVED if removed and not _named(unit, each) else None


def _over(each: Part | Skip, code: int) -> Final:
    return Final(each.seq, each.part, each.seq, code, CRASH, 0)


def _named(unit: Unit, part: Part) -> bool:
    rows = unit.deliveries.of_event(part.lane, part.run, part.seq)
    if any(row.part == part.part or (row.part == 0 and row.request == 0) for row in rows):
        return True
    return unit.owed.get(part.lane, part.run, part.seq, part.part) is not None
