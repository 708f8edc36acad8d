"""Who counts, once a calendar month (UTC, of reception): Segment's rule (mtu.md 1 and 6).

`MTU = |U| + |{a in A: not linked}|`: the user ids, and the anonymous ids that no event of the month carried together
with a user id. Counted is what was sent, placeholders too; the identity graph plays no part. The same rule counts
each source (for the breakdown, which does not add up to the whole) and each test namespace (never billed).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import msgspec

from turnout.clock import SECOND, month_of
from turnout.event.model import Event, Namespace, SourceId

WORKSPACE: Final = SourceId(0)
"""Stands for all sources together."""
_Key: TypeAlias = tuple[int, Namespace, SourceId, Literal["u", "a"], str]


class Count(msgspec.Struct, frozen=True, gc=False):
    """One id that counts: `u` a user id, `a` an anonymous one, `linked` when it came with a user id.

    `month` is YYYYMM; `event` the position in the batch of the event that counted it first. The store adds the
    row unless it is there, and sets `linked` when it is not set yet.
    """

    month: int
    namespace: Namespace
    source: SourceId
    kind: Literal["u", "a"]
    value: str
    linked: bool
    event: int


def counted(events: Sequence[Event]) -> tuple[Count, ...]:
    """List the rows that a batch adds to the meter, each id once for its source; the workspace's are all of them."""
    rows: dict[_Key, tuple[bool, int]] = {}
    for at, event in enumerate(events):
        month = month_of(event.received)
        if event.user_id:
            rows.setdefault((month, event.namespace, event.source, "u", event.user_id), (False, at))
        if event.anonymous_id:
            key: _Key = (month, event.namespace, event.source, "a", event.anonymous_id)
            linked, first = rows.get(key, (False, at))
            rows[key] = (linked or bool(event.user_id), first)
    return tuple([Count(*key, linked, first) for key, (linked, first) in rows.items()])


def mtu(users: int, anonymous_unlinked: int) -> int:
    """Add up the monthly tracked users."""
    return users + anonymous_unlinked


def bounds(month: int) -> tuple[int, int]:
    """Give the first microsecond of a month and of the next."""
    year, number = divmod(month, 100)
    first = datetime(year, number, 1, tzinfo=UTC)
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * SECOND, int(after.timestamp()) * SECOND


def forecast(count_so_far: int, now: int, month: int) -> int:
    """Extend a count to the end of its month, in proportion to the time gone; a month that is over stays as it is.

    >>> first, after = bounds(202511)
    >>> forecast(100, first + (after - first) // 4, 202511)
    400
    """
    first, after = bounds(month)
    elapsed = min(now, after) - first
    return count_so_far if elapsed <= 0 else round(count_so_far * (after - first) / elapsed)
