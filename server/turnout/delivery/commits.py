"""The commits of a lane: open a window, settle, retry.

An old epoch raises before anything is written. Each commit re-reads the rows that it changes, so that a
cancellation or a merge in between wins, and resolves the surviving person of what it owes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from msgspec import structs

from turnout.delivery import once
from turnout.delivery.batch import Batch
from turnout.delivery.endings import release
from turnout.delivery.reigns import require
from turnout.delivery.schedule import BLOCK_EVENTS, BLOCK_US
from turnout.delivery.settlement import OVERTOOK, Asked, Back, Finished, Held, Settled, Settlement, Unsent
from turnout.delivery.window import Opening, Part, Skip
from turnout.evidence import frame
from turnout.store.deliveries import Final, RequestRow
from turnout.store.lanes import RunState, WindowRow
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import Unit

NOT_SENT = "not_sent"
"""Outcome of a request that was marked, and whose members were not sent after all."""


def open_window(unit: Unit, opening: Opening, epoch: int) -> tuple[Part, ...] | None:
    """Write the crash marker, what is not sent, what is held, and the cursor; give the parts that may leave.

    None when the look that it rests on is out of date: read again.
    """
    require(unit, epoch)
    run = unit.lanes.run(opening.lane, opening.run)
    if (
        run is None
        or run.cursor != opening.after
        or run.state is not RunState.RUNNING
        or unit.counter.regulations != opening.regulations
        or unit.counter.revision != opening.revision
    ):
        return None
    parts, done = once.claim(unit, opening.parts)
    skips = (*opening.skips, *done)
    unit.deliveries.finish(opening.lane, opening.run, [_final(skip) for skip in skips])
    for code, n in (*opening.counts, *Counter(skip.code for skip in done).items()):
        unit.counts.add(opening.lane, code, n)
    free = _hold(unit, opening, parts)
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
    require(unit, epoch)
    numbers = _requests(unit, lane, done, epoch, keep_plain=keep_plain)
    for key, remote in done.learned:
        unit.lists.put(lane, key, remote)
    standing = [
        (each, row)
        for each in done.settled
        if (row := _standing(unit, lane, each.part) if each.part.queued else None) is not _GONE
    ]
    _finish(unit, lane, [(each, row) for each, row in standing if isinstance(each, Finished)], numbers)
    owing = [each for each, _ in standing if not isinstance(each, Finished)]
    last = _last(done, numbers) if owing else {}
    rows = [_row(unit, lane, each, last.get(each.part.key, each.part.request)) for each in owing]
    unit.owed.put(rows)
    if unit.owed.any(lane):
        people = {(each.part.run, unit.people.survivor(each.part.person)) for each, _ in standing if each.part.person}
        release(unit, lane, people)
        _pass(unit, lane, rows)
    for run, first in closed:
        unit.lanes.close_window(lane, run, first)


def retry(
    unit: Unit, lane: int, batches: Sequence[Batch], ended: Sequence[tuple[Owed, int, str]], epoch: int, revision: int
) -> tuple[Batch, ...]:
    """Mark, before it leaves, what is tried again; give the batches whose members are still there and in order."""
    require(unit, epoch)
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
        kept = Batch(tuple(structs.replace(part, request=number) for part in batch.parts if part.key in alive), number)
        unit.deliveries.write_requests([
            RequestRow(
                number, lane, kept.first.run, kept.tries, epoch, revision, kept.first.bound.manifest, kept.members,
                None, None, now, 0,
            )
        ])  # fmt: skip
        unit.owed.put([replace(each, state=OwedState.SENDING, due=None, request=number) for each in found])
        marked.append(kept)
    release(unit, lane, people)
    return tuple(marked)


def _final(skip: Skip) -> Final:
    return Final(skip.seq, skip.part, skip.last, skip.code, skip.reason, 0)


def _hold(unit: Unit, opening: Opening, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Hold the parts whose person is owed something earlier; give the others, with those that overtake."""
    if not unit.owed.any(opening.lane):
        return parts
    free: list[Part] = []
    held: list[Owed] = []
    passes: dict[int, bool | None] = {}
    now = unit.session.now
    for part in parts:
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
            free.append(structs.replace(part, note=OVERTOOK))
        else:
            held.append(
                Owed(
                    opening.lane, opening.run, part.seq, part.part, person, None, now, part.tries, OwedState.HELD, 0, 0
                )
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
    """Tell whether a head has blocked for so long, or so many, that it is passed; one never asked blocks nobody."""
    if not head.tries and not head.place:
        return False
    waiting = unit.owed.waiting(head.lane, head.run, head.person)
    return unit.session.now - head.first > BLOCK_US or waiting > BLOCK_EVENTS


def _standing(unit: Unit, lane: int, part: Part) -> Owed:
    """Read the queue's row of a part again: `_GONE` where somebody cancelled it meanwhile."""
    return unit.owed.get(lane, part.run, part.seq, part.part) or _GONE


_GONE = Owed(0, 0, 0, 0, 0, None, 0, 0, OwedState.HELD, 0, 0)


def _finish(
    unit: Unit, lane: int, finished: Sequence[tuple[Finished, Owed | None]], numbers: Sequence[int]
) -> None:  # fmt: skip
    """Write what is final: out of the queue, into the ledger, counted."""
    finals: dict[int, list[Final]] = {}
    for each, row in finished:
        part = each.part
        request = numbers[each.asked] if each.asked >= 0 else part.request
        finals.setdefault(part.run, []).append(Final(part.seq, part.part, part.seq, each.code, each.reason, request))
        if row is not None and row.state is OwedState.SENDING and each.asked < 0 and row.request not in numbers:
            unit.deliveries.finish_request(row.request, 0, NOT_SENT, 0)
    for code, n in Counter([each.code for each, _ in finished]).items():
        unit.counts.add(lane, code, n)
    for run, rows in finals.items():
        unit.deliveries.finish(lane, run, rows)
    unit.owed.remove([row for _, row in finished if row is not None])
    once.settle(unit, [each for each, _ in finished if each.part.item.once])


def _requests(unit: Unit, lane: int, done: Settlement, epoch: int, *, keep_plain: bool) -> list[int]:
    """Write the requests and their evidence; give the number of each."""
    numbers: list[int] = []
    fresh: list[RequestRow] = []
    talks: dict[bool, list[frame.Talk]] = {True: [], False: []}
    for asked in done.asked:
        number = asked.batch.request
        if number:
            unit.deliveries.finish_request(number, asked.status, asked.outcome, asked.took_ms)
        else:
            number = unit.deliveries.new_request()
            fresh.append(_request(number, lane, asked, epoch))
        numbers.append(number)
        if asked.turns and (keep_plain or not asked.plain):
            talks[asked.plain].append(frame.Talk(number, asked.turns))
    unit.deliveries.write_requests(fresh)
    unit.counts.took(lane, [asked.took_ms for asked in done.asked])
    for plain, kept in talks.items():
        if kept:
            ids = [talk.request for talk in kept]
            unit.exchanges.keep(plain=plain, first=min(ids), last=max(ids), frame=frame.pack(kept))
    return numbers


def _request(number: int, lane: int, asked: Asked, epoch: int) -> RequestRow:
    batch = asked.batch
    bound = batch.first.bound
    return RequestRow(
        number, lane, batch.first.run, batch.tries, epoch, bound.revision, bound.manifest,
        None if asked.told else batch.members, asked.status, asked.outcome, asked.sent, asked.took_ms,
    )  # fmt: skip


def _last(done: Settlement, numbers: Sequence[int]) -> Mapping[tuple[int, int, int], int]:
    """Give the request that each part was asked by just now."""
    both = zip(done.asked, numbers, strict=True)
    return {part.key: number for asked, number in both for part in asked.batch.parts}


def _row(unit: Unit, lane: int, each: Settled, request: int) -> Owed:
    part = each.part
    person = unit.people.survivor(part.person) if part.person else 0
    now = unit.session.now
    row = Owed(
        lane, part.run, part.seq, part.part, person, now, part.first or now, part.tries, OwedState.RETRY, request, 0,
        part.place,
    )  # fmt: skip
    match each:
        case Back():
            state = OwedState.UNKNOWN if each.doubt else OwedState.RETRY
            reason = unit.deliveries.intern(0, each.reason)
            return replace(
                row, due=each.due, first=each.first, tries=each.tries, state=state, reason=reason, place=each.place
            )
        case Held():
            reason = unit.deliveries.intern(0, part.note if part.doubt else "")
            return replace(row, state=OwedState.UNKNOWN if part.doubt else OwedState.RETRY, reason=reason).behind()
        case Unsent():
            state = OwedState.UNKNOWN if part.doubt else OwedState.RETRY
            return replace(row, state=state, reason=unit.deliveries.intern(0, part.note))
        case Finished():
            raise AssertionError("what is final is not owed")
    assert_never(each)


def _pass(unit: Unit, lane: int, rows: Sequence[Owed]) -> None:
    """Let those pass that a head has held up for too long."""
    for row in rows:
        heads = row.person and row.state in {OwedState.RETRY, OwedState.UNKNOWN}
        if heads and _blocks(unit, row):
            overtook = unit.deliveries.intern(0, OVERTOOK)
            unit.owed.put(
                replace(other.free(unit.session.now), reason=overtook)
                for other in unit.owed.of_person(lane, row.run, row.person, 1000)
                if other.waits
            )


def _may_leave(unit: Unit, lane: int, part: Part, now: int) -> Owed | None:
    """Read a row again: None when it is gone, changed, or an earlier one of its person is owed."""
    row = unit.owed.get(lane, part.run, part.seq, part.part)
    if row is None or row.state not in {OwedState.RETRY, OwedState.UNKNOWN} or row.due is None or row.due > now:
        return None
    head = unit.owed.head(lane, part.run, row.person) if row.person else None
    if head is not None and head.seq < row.seq and part.note != OVERTOOK:
        unit.owed.put([row.behind()])
        return None
    return row
