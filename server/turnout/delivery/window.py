"""Events after a cursor become an opening: what is owed, part by part, and spans of what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from typing_extensions import override

from turnout.delivery import verdict
from turnout.document import Document
from turnout.event.model import MessageId, Ours, Stored
from turnout.exchange import Drop, Item, Order, part_of
from turnout.routing import Bound, NotSent, route

WINDOW_EVENTS = 1000
WINDOW_BYTES = 4_000_000
"""Source: ENGINE.md 3."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """One item that a lane owes for one event.

    `whose` it is; `person` the same where order matters, else 0. `first` is the moment of its first try, 0 before;
    `tries` counts them. `request` is its last request, `note` why it is back, `doubt` that it may have been taken,
    `queued` that it has a row of `owed`, else `window` is the first seq of the window that it is of; `place` is where
    its talk left off. `deletes`: it has somebody deleted at the destination.
    """

    lane: int
    run: int
    seq: int
    part: int
    person: int
    whose: int
    message_id: MessageId
    bound: Bound
    item: Item
    first: int = 0
    tries: int = 0
    request: int = 0
    note: str = ""
    doubt: bool = False
    queued: bool = False
    window: int = 0
    place: bytes = b""
    deletes: bool = False

    @property
    def key(self) -> tuple[int, int, int]:
        """Run, seq and part: what names it within its lane."""
        return self.run, self.seq, self.part

    @override
    def __repr__(self) -> str:
        """Name it, and show nothing of what is in it."""
        return f"Part(lane={self.lane}, run={self.run}, seq={self.seq}, part={self.part})"


class Skip(msgspec.Struct, frozen=True):
    """A final row that needs no request: events `seq` to `last` for one reason, or one part of one event."""

    seq: int
    last: int
    part: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What a lane is about to open: the events after `after` up to `last`, under one revision.

    `more` says that the log may go on beyond it; `regulations` is the generation under which bodies were read.
    """

    lane: int
    run: int
    after: int
    last: int
    more: bool
    revision: int
    regulations: int
    parts: tuple[Part, ...]
    skips: tuple[Skip, ...]
    counts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """How events are looked at: as which document, whose today, and whether they may leave.

    `broke` hears of a mapping that fails, and of which destination.
    """

    document: Callable[[Stored], Document]
    survivor: Callable[[int], int]
    suppressed: Callable[[Stored], bool]
    now: int
    broke: Callable[[Exception, str], None]


def owed(
    event: Stored, lane: int, run: int, bound: Bound, sight: Sight, window: int = 0
) -> tuple[Part | Skip, ...]:  # fmt: skip
    """Decide what one event is owed: its parts, and a final row for each action that owes none of it."""
    actions = route(event, bound, sight.document, suppressed=sight.suppressed(event))
    if isinstance(actions, NotSent):
        return (Skip(event.seq, event.seq, 0, actions.code, actions.reason),)
    made = mapped(bound, sight.document(event), actions, sight)
    if len(made) == 1 and isinstance(made[0], Item):
        return (_part(event, lane, run, bound, made[0], sight, window),)
    parts = [_part(event, lane, run, bound, item, sight, window) for item in made if isinstance(item, Item)]
    drops = [_skip(event, drop, alone=not parts) for drop in made if isinstance(drop, Drop)]
    if parts:
        return (*parts, *(skip for skip in drops if skip.code in _TELLING))
    if not drops:
        return (Skip(event.seq, event.seq, 0, verdict.UNSUPPORTED, ""),)
    telling = [skip for skip in drops if skip.code in _TELLING]
    return tuple(telling) or (drops[0],)


def mapped(bound: Bound, document: Document, actions: tuple[str, ...], sight: Sight) -> tuple[Item | Drop, ...]:
    """Map one event; a mapping that fails on it, which none should, costs this event and not the lane."""
    try:
        return bound.target.items(document, actions, sight.now)
    except Exception as error:
        sight.broke(error, bound.destination.slug)
        return tuple(Drop(name, "mapping_error") for name in actions)


_TELLING = frozenset(code.number for code in verdict.CODES if code.verdict is verdict.Verdict.DISCARDED)
"""Codes of a drop that stand beside other parts; that an action did not want an event is told only when none did."""


def opening(
    events: Sequence[Stored], lane: int, run: int, after: int, bound: Bound, sight: Sight, *, last: int, more: bool,
    revision: int, regulations: int,
) -> Opening:  # fmt: skip
    """Decide a window: neighbours that are not sent for the same reason become one span."""
    parts: list[Part] = []
    skips: list[Skip] = []
    counts: dict[int, int] = {}
    for event in events:
        for each in owed(event, lane, run, bound, sight, after + 1):
            if isinstance(each, Part):
                parts.append(each)
                continue
            counts[each.code] = counts.get(each.code, 0) + 1
            before = skips[-1] if skips else None
            if before and _joins(before, each) and run == 0:
                skips[-1] = msgspec.structs.replace(before, last=each.last)
            else:
                skips.append(each)
    return Opening(
        lane, run, after, last, more, revision, regulations, tuple(parts), tuple(skips), tuple(counts.items())
    )


def _joins(before: Skip, each: Skip) -> bool:
    return (
        before.last + 1 == each.seq
        and before.part == each.part == 0
        and before.code == each.code
        and before.reason == each.reason
    )


def _part(event: Stored, lane: int, run: int, bound: Bound, item: Item, sight: Sight, window: int) -> Part:
    ordered = bound.target.actions[item.action].order is Order.PERSON
    whose = sight.survivor(event.person)
    message_id = MessageId(str(item.document.get("messageId", "")))
    return Part(
        lane, run, event.seq, part_of(item.action, item.index), whose if ordered else 0, whose, message_id, bound, item,
        window=window, deletes=event.kind is Ours.DELETE,
    )  # fmt: skip


def _skip(event: Stored, drop: Drop, *, alone: bool) -> Skip:
    part = 0 if alone else part_of(drop.action, 0xFFFF)
    return Skip(event.seq, event.seq, part, verdict.DROPS[drop.code], drop.say)
