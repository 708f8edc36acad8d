"""What a lane finds when it looks: its state, what is due, what comes next in the log. Reads; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from turnout.delivery import verdict
from turnout.delivery.batch import Batch, pack
from turnout.delivery.eyes import Eyes
from turnout.delivery.held import Token
from turnout.delivery.reigns import CRASH
from turnout.delivery.selection import read_selection, selects
from turnout.delivery.window import WINDOW_BYTES, WINDOW_EVENTS, Opening, Part, Sight, mapped, opening
from turnout.event.model import MessageId, Ours, Stored
from turnout.exchange import Dedupe, Drop, Item, Order, Pace, part_of
from turnout.routing import Bound
from turnout.store.lanes import LaneState, Run, RunState
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import View

DUE_ROWS = 500
OWED_ORDERED, OWED_ANY = 5_000, 1_000_000
"""A lane with order stops reading at the first, any lane at the second. Source: ENGINE.md 2."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much a lane can use: retries in batches, fresh events; a probe is one event, old or new.

    `turn` rises from window to window, so that runs take turns, and from probe to probe: every other one takes a
    fresh event first, for the old one alone may be what the destination refuses.
    """

    batches: int
    events: int
    probe: bool
    turn: int = 0
    busy: frozenset[int] = frozenset()
    people: int = -1


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. `ended` are rows that end without a request: (row, code, reason).

    `owes`: the queue is not empty; `more`: the log may go on beyond what was opened. While neither holds, a lane that
    settles has no reason to look again.
    """

    state: LaneState
    revision: int
    pace: Pace | None = None
    next_due: int | None = None
    retries: tuple[Batch, ...] = ()
    ended: tuple[tuple[Owed, int, str], ...] = ()
    opening: Opening | None = None
    stranded: bool = False
    people: int = -1
    moved: Mapping[int, int] = field(default_factory=dict)
    profile: str = "api"
    owes: bool = False
    more: bool = False
    token: Token | None = None


def look(view: View, lane: int, eyes: Eyes, wanted: Wanted, epoch: int) -> Looked:
    """Look at one lane. `stranded`: a take-over left windows of it, for want of settings that are there now."""
    revision = view.counter.revision
    row = next((each for each in view.lanes.all() if each.lane == lane), None)
    destination = view.workspace.by_lane().get(lane)
    if row is None or destination is None:
        return Looked(LaneState.REMOVED, revision)
    bound = eyes.bound(view, destination, revision)
    if row.state is not LaneState.RUNNING or not isinstance(bound, Bound):
        return Looked(LaneState.PAUSED if row.state is LaneState.RUNNING else row.state, revision)
    if any(window.lane == lane for window in view.lanes.windows_before(epoch)):
        return Looked(row.state, revision, stranded=True)
    _learn(view, lane, bound)
    sight = eyes.sight(view)
    next_due = view.owed.next_due(lane)
    retries: tuple[Batch, ...] = ()
    ended: tuple[tuple[Owed, int, str], ...] = ()
    found: Opening | None = None
    fresh_first = wanted.probe and wanted.turn % 2 == 1
    if fresh_first and wanted.events:
        found = _fresh(view, lane, eyes, bound, wanted)
    if found is None and wanted.batches and next_due is not None and next_due <= view.now:
        retries, ended = _due(view, lane, bound, sight, wanted)
    if not fresh_first and wanted.events and not (wanted.probe and (retries or ended)):
        found = _fresh(view, lane, eyes, bound, wanted)
    people = view.counter.people
    moved: dict[int, int] = {}
    if people != wanted.people:
        moved = {each: now for each in wanted.busy if (now := sight.survivor(each)) != each}
    return Looked(
        row.state, revision, bound.target.pace, next_due, retries, ended, found, people=people, moved=moved,
        profile=bound.target.profile, owes=next_due is not None or view.owed.any(lane),
        more=found.more or _runs_left(view, lane, found) if found is not None else not wanted.events,
        token=eyes.token(view, bound),
    )  # fmt: skip


def _learn(view: View, lane: int, bound: Bound) -> None:
    """Tell a destination of audiences which lists stand for them."""
    if any(action.lists for action in bound.target.actions.values()):
        bound.target.learn(view.lists.of(lane))


def _due(
    view: View, lane: int, bound: Bound, sight: Sight, wanted: Wanted
) -> tuple[tuple[Batch, ...], tuple[tuple[Owed, int, str], ...]]:  # fmt: skip
    parts: list[Part] = []
    ended: list[tuple[Owed, int, str]] = []
    most = max(action.max_items for action in bound.target.actions.values())
    rows = view.owed.due(lane, view.now, 1 if wanted.probe else min(DUE_ROWS, wanted.batches * most))
    for row in _together(view, lane, bound, rows):
        event = view.log.get(row.seq)
        found = _again(view, row, event, bound, sight)
        if isinstance(found, Part):
            parts.append(found)
        else:
            ended.append((row, *found))
    batches = pack(sorted(parts, key=lambda part: part.key))
    return batches[: wanted.batches], tuple(ended)


def _together(view: View, lane: int, bound: Bound, rows: Sequence[Owed]) -> Sequence[Owed]:
    """Add the others of their request to rows that leave with the very same again.

    Those in doubt, where the vendor drops repeats by the batch's id; those whose talk goes on from a place.
    """
    batched = any(action.dedupe is Dedupe.BATCH and action.max_items > 1 for action in bound.target.actions.values())
    tied = {row.request for row in rows if row.request and (row.place or (batched and row.state is OwedState.UNKNOWN))}
    every = {row.key: row for row in rows}
    for number in sorted(tied):
        request = view.deliveries.request(number)
        for seq, part in (request.members or ()) if request else ():
            other = view.owed.get(lane, request.run, seq, part) if request else None
            if other is not None and other.request == number and other.due is not None and other.due <= view.now:
                every.setdefault(other.key, other)
    return tuple(every.values())


def _again(view: View, row: Owed, event: Stored | None, bound: Bound, sight: Sight) -> Part | tuple[int, str]:
    """Map one owed row again, under today's settings; or say why it ends."""
    if event is None or event.erased:
        return verdict.CANCELLED_ERASED, ""
    if event.damaged:
        return verdict.DAMAGED, ""
    if sight.suppressed(event):
        return verdict.CANCELLED_SUPPRESSED, ""
    action = next((name for name in bound.target.actions if part_of(name, row.part) == row.part), None)
    if action is None:
        return verdict.ACTION_GONE, ""
    made = mapped(bound, sight.document(event), (action,), sight)
    item = next((each for each in made if isinstance(each, Item) and part_of(action, each.index) == row.part), None)
    if item is None:
        drop = next((each for each in made if isinstance(each, Drop)), None)
        return (verdict.DROPS[drop.code], drop.say) if drop else (verdict.ACTION_GONE, "")
    ordered = bound.target.actions[action].order is Order.PERSON
    whose = sight.survivor(event.person)
    message_id = MessageId(str(item.document.get("messageId", "")))
    return Part(
        row.lane, row.run, row.seq, row.part, whose if ordered else 0, whose, message_id, bound, item, row.first,
        row.tries, row.request, view.deliveries.reason(row.reason), row.state is OwedState.UNKNOWN, queued=True,
        place=row.place, deletes=event.kind is Ours.DELETE,
    )  # fmt: skip


def _fresh(view: View, lane: int, eyes: Eyes, bound: Bound, wanted: Wanted) -> Opening | None:
    if _full(view, lane, bound):
        return None
    end = view.counter.seq - 1
    open_runs = [run for run in view.lanes.runs(lane) if run.state is RunState.RUNNING and run.cursor < _end(run, end)]
    if not open_runs:
        return None
    run = open_runs[wanted.turn % len(open_runs)]
    until = _end(run, end)
    chosen = read_selection(run.selection) if run.selection else None
    doubt = chosen.selection.doubt if chosen else 0
    if run.cursor < doubt:
        until = min(until, doubt)
    taken = _bounded(eyes.after(view, run.cursor, min(wanted.events, WINDOW_EVENTS), until))
    last = taken[-1].seq if taken else until
    mine = [each for each in taken if chosen is None or not run.run or selects(view, chosen, lane, each)]
    found = opening(
        mine, lane, run.run, run.cursor, bound, eyes.sight(view), last=last, more=last < _end(run, end),
        revision=view.counter.revision, regulations=view.counter.regulations,
    )  # fmt: skip
    return found if last > doubt else replace(found, parts=tuple(_doubted(part) for part in found.parts))


def _doubted(part: Part) -> Part:
    """Count a try that may have been made before a restore."""
    return structs.replace(part, tries=1, doubt=True, note=CRASH)


def _runs_left(view: View, lane: int, found: Opening) -> bool:
    """Tell whether another run of the lane goes on."""
    end = view.counter.seq - 1
    return any(
        run.run != found.run and run.state is RunState.RUNNING and run.cursor < _end(run, end)
        for run in view.lanes.runs(lane)
    )


def _end(run: Run, end: int) -> int:
    return min(run.until, end) if run.run else end


def _full(view: View, lane: int, bound: Bound) -> bool:
    ordered = any(action.order is Order.PERSON for action in bound.target.actions.values())
    return view.owed.exceeds(lane, OWED_ORDERED if ordered else OWED_ANY)


def _bounded(events: Sequence[Stored]) -> Sequence[Stored]:
    return tuple(_upto(events))


def _upto(events: Sequence[Stored]) -> Iterator[Stored]:
    size = 0
    for event in events:
        size += len(event.body) + len(event.meta)
        if size > WINDOW_BYTES and size > len(event.body) + len(event.meta):
            return
        yield event
