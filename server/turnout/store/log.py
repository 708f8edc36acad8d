"""The log of events, the names seen, and what was refused."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from turnout.clock import HOUR, month_of
from turnout.event.model import (
    CONFLICT,
    KIND_CODES,
    KINDS,
    NOTICE_CODE,
    TOMBSTONE,
    Event,
    Kind,
    Namespace,
    PersonId,
    Refused,
    Seq,
    SourceId,
    Stored,
)
from turnout.event.stored import message_id
from turnout.store import sums
from turnout.store.cache import NameKey
from turnout.store.halves import first_since
from turnout.store.history import History
from turnout.store.messages import Messages, message_key
from turnout.store.queries import load
from turnout.store.session import NEWEST, Session

SQL = load("log")

NAMES_MAX = 10_000
"""Event names of one source and kind; what comes after shares the name ''."""

DUPLICATE, CONFLICTING, REFUSED = 902, 903, 904
"""Counts of the door, under lane 0; what it accepted is told by the volumes, and was 901."""


@dataclass(frozen=True, slots=True)
class Named:
    """An event name that was seen."""

    source: int
    kind: str
    name: str
    first: int
    last: int
    n: int


@dataclass(frozen=True, slots=True)
class Head:
    """What a row of the log tells without its content."""

    seq: int
    name: str
    namespace: str
    person: int
    erased: bool


_COUNTED = itemgetter(1, 2, 4, 5)
"""Of a row of the log: received, source, name, namespace."""


class LogView:
    """What can be read of the log."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def after(self, cursor: int, limit: int, until: int = NEWEST) -> tuple[Stored, ...]:
        """Read on: events with `cursor < seq <= until`, oldest first."""
        return tuple(sums.event(row) for row in self._s.rows(SQL["read_after"], (cursor, until, limit)))

    def back(self, before: int, limit: int, down_to: int = 0) -> tuple[Stored, ...]:
        """Read back: events with `down_to <= seq < before`, newest first."""
        return tuple(sums.event(row) for row in self._s.rows(SQL["read_back"], (before, down_to, limit)))

    def get(self, seq: int) -> Stored | None:
        """Read one event."""
        row = self._s.row(SQL["read_one"], (seq,))
        return sums.event(row) if row else None

    def unused_names(self, before: int, limit: int) -> tuple[int, ...]:
        """Give names that no event has had since a moment."""
        return tuple(row[0] for row in self._s.rows(SQL["list_unused_names"], (before, limit)))

    def bounds(self) -> tuple[int, int]:
        """Give the lowest and highest seq stored; (0, 0) for an empty log."""
        low, high = self._s.row(SQL["find_bounds"]) or (0, 0)
        return low or 0, high or 0

    def first_since(self, moment: int) -> int | None:
        """Give the first event received at or after a moment, by halves: but for clock jumps `received` rises."""
        return first_since(self._s, SQL["received_from"], self.bounds(), moment)

    def refused(self, before: int, limit: int, namespace: str = "") -> tuple[tuple[int, Refused], ...]:
        """Read what the door refused, newest first, each with its row number."""
        rows = self._s.rows(SQL["list_refused"], (before, namespace, namespace, limit))
        return tuple(
            (row[0], Refused(SourceId(row[2]), Namespace(row[3]), row[4], row[5], row[6], row[1], row[7]))
            for row in rows
        )

    def names(self, limit: int) -> tuple[Named, ...]:
        """List the event names seen, those seen last first."""
        return tuple(Named(row[0], str(KINDS[row[1]]), *row[2:]) for row in self._s.rows(SQL["list_names"], (limit,)))

    def volumes(self, month: int) -> tuple[tuple[str, int, int], ...]:
        """Give (namespace, source, events) of a month."""
        return tuple((row[0], row[1], row[2]) for row in self._s.rows(SQL["list_volumes"], (month,)))

    def namespaces(self) -> tuple[tuple[str, int], ...]:
        """Give (namespace, events ever recorded)."""
        return tuple((row[0], row[1]) for row in self._s.rows(SQL["list_namespaces"]))

    def seqs_in(self, namespace: str, after: int, until: int, limit: int) -> tuple[int, ...]:
        """List the events of a namespace in a stretch of the log, oldest first."""
        return tuple(row[0] for row in self._s.rows(SQL["list_namespace_seqs"], (after, until, namespace, limit)))

    def by_source(self, after: int, until: int) -> dict[int, int]:
        """Count the events of a stretch of the log by source."""
        return {row[0]: row[1] for row in self._s.rows(SQL["count_sources"], (after, until))}

    def heads(self, after: int, until: int, limit: int) -> tuple[Head, ...]:
        """Read on without content."""
        rows = self._s.rows(SQL["read_heads"], (after, until, limit))
        return tuple(Head(row[0], row[1] or "", row[2], row[3], bool(row[4] & TOMBSTONE)) for row in rows)

    def every_name(self) -> tuple[tuple[int, str, int], ...]:
        """List (id, name, events stored with it) of all names that were not erased."""
        return tuple((row[0], row[1], row[2]) for row in self._s.rows(SQL["list_every_name"]))

    def stored_with(self, name: int) -> int:
        """Count the events stored with a name, by its number."""
        row = self._s.row(SQL["count_name"], (name,))
        return int(row[0]) if row else 0

    def oldest(self, until: int, limit: int) -> tuple[tuple[Stored, int], ...]:
        """Read the log from its beginning, each event with the number of its name."""
        return tuple((sums.event(row), int(row[10])) for row in self._s.rows(SQL["list_oldest"], (until, limit)))

    def people_in(self, namespace: str, after: int, limit: int) -> tuple[PersonId, ...]:
        """List the people of a namespace by id."""
        return tuple(PersonId(row[0]) for row in self._s.rows(SQL["list_test_people"], (namespace, after, limit)))


class Log(LogView):
    """What can be written to the log."""

    def append(self, events: Sequence[Event], persons: Sequence[PersonId]) -> None:
        """Append the events whose ids were taken; their seqs follow one another without a gap."""
        counter, overlay = self._s.counter, self._s.overlay
        named: dict[tuple[int, Kind, str], tuple[int, int]] = {}
        rows = []
        for seq, (event, person) in enumerate(zip(events, persons, strict=True), counter.seq):
            key = (event.source, event.kind, event.name)
            kind, name = named.get(key) or named.setdefault(key, self._named(*key, event.received))
            rows.append(
                sums.row(seq, event.received, event.source, kind, name, event.namespace, person, event.meta, event.body)
            )
        self._s.many(SQL["insert_event"], rows)
        month = month_of(self._s.now)
        tally: dict[tuple[int, int, int, str], int] = {}
        for each in map(_COUNTED, rows):
            tally[each] = tally.get(each, 0) + 1
        for (received, source, name, namespace), n in tally.items():
            overlay.seen[name] += n
            overlay.last_seen[name] = received
            overlay.volumes[month, namespace, source] += n
        counter.seq += len(rows)

    def post(self, namespace: Namespace, person: int, notices: Sequence[tuple[str, bytes]]) -> Seq:
        """Append notices to destinations, each a message id and a body: without a name, and counted nowhere.

        Gives the seq of the first; the others follow it.
        """
        first, now = self._s.counter.seq, self._s.now
        Messages(self._s).note([message_key(0, message_id) for message_id, _ in notices], [person] * len(notices))
        self._s.many(
            SQL["insert_event"],
            [
                sums.row(seq, now, 0, NOTICE_CODE, 0, namespace, person, b"", body)
                for seq, (_, body) in enumerate(notices, first)
            ],
        )
        self._s.counter.seq += len(notices)
        return Seq(first)

    def repeated(self, seq: Seq, *, differs: bool) -> None:
        """Count a repeat; the first stays, and is marked where a repeat had another body."""
        if differs:
            self._s.run(SQL["set_flag"], (CONFLICT, seq))
        self.tally(CONFLICTING if differs else DUPLICATE, 1)

    def refuse(self, refused: Sequence[Refused]) -> None:
        """Keep what is not an event, the newest 10,000 of them."""
        for each in refused:
            self._s.run(
                SQL["insert_refused"],
                (each.received, each.source, each.namespace, each.reason, each.say, each.message_id[:256], each.body),
            )
        if refused:
            self._s.run(SQL["trim_refused"])
            self.tally(REFUSED, len(refused))

    def bury(self, seqs: Sequence[int]) -> int:
        """Leave only the tombstones of these events; give how many were no tombstones yet."""
        heads = [(seq, self._s.row(SQL["get_head"], (seq,))) for seq in seqs]
        alive = [(seq, int(head[0])) for seq, head in heads if head is not None and not head[1] & TOMBSTONE]
        self._s.many(SQL["bury_event"], [(seq,) for seq, _ in alive])
        self._drop_names(name for _, name in alive)
        return len(alive)

    def erase_names(self, numbers: Iterable[int]) -> int:
        """Take the text of event names, unless an event of this very commit has it; give how many."""
        pending = {name for overlay in self._s.overlays for name, n in overlay.seen.items() if n}
        gone = {number for number in numbers if number not in pending}
        self._s.many(SQL["erase_name"], [(number,) for number in sorted(gone)])
        if gone:
            self._forget_names()
        return len(gone)

    def forget_refused(self, numbers: Sequence[int]) -> int:
        """Clear refused calls by their row numbers; give how many."""
        return sum(self._s.run(SQL["clear_refused"], (number,)) for number in numbers)

    def prune(self, events: Sequence[tuple[Stored, int]]) -> None:
        """Remove events as `oldest` gave them, from the histories too, and the message ids that they still tell."""
        self._s.many(SQL["prune_event"], [(event.seq,) for event, _ in events])
        told = [event for event, _ in events if not event.blank]
        ids = [message_key(event.source, message_id(event.body, event.meta)) for event in told]
        messages = Messages(self._s)
        messages.prune(ids)
        messages.prune_recent([event.seq for event, _ in events])
        History(self._s).prune([event for event, _ in events])
        self._drop_names(name for event, name in events if not event.erased)

    def prune_names(self, numbers: Iterable[int], before: int) -> None:
        """Remove of these names the ones that still no event has had since a moment."""
        if sum(self._s.run(SQL["prune_name"], (number, before)) for number in numbers):
            self._forget_names()

    def prune_refused(self, before: int, limit: int) -> int:
        """Remove the oldest refused calls received before a moment; give how many."""
        return self._s.run(SQL["prune_refused"], (limit, before))

    def _drop_names(self, numbers: Iterable[int]) -> None:
        tally = Tally(numbers)
        self._s.many(SQL["drop_name"], [(n, number) for number, n in tally.items()])

    def _forget_names(self) -> None:
        """Make every process look names up again: their numbers changed their meaning."""
        for overlay in self._s.overlays:
            overlay.names.clear()
        self._s.cache.names.clear()
        self._s.counter.regulations += 1

    def tally(self, code: int, n: int) -> None:
        """Count something of the door."""
        self._s.overlay.counts[0, self._s.now // HOUR, code] += n

    def _named(self, source: int, kind: Kind, name: str, received: int) -> tuple[int, int]:
        code = KIND_CODES[kind]
        return code, self._name((source, code, name), received)

    def _name(self, key: NameKey, received: int) -> int:
        for overlay in reversed(self._s.overlays):
            if (known := overlay.names.get(key)) is not None:
                return known
        if (known := self._s.cache.names.get(key)) is not None:
            return known
        row = self._s.row(SQL["find_name"], key)
        if row is None:
            many = self._s.row(SQL["count_names"], key[:2])
            if many is not None and many[0] >= NAMES_MAX and key[2]:
                return self._other(key)
            row = self._s.row(SQL["insert_name"], (*key, received, received))
        assert row is not None
        self._s.overlay.names[key] = row[0]
        return int(row[0])

    def _other(self, key: NameKey) -> int:
        other = (key[0], key[1], "")
        row = self._s.row(SQL["find_name"], other) or self._s.row(
            SQL["insert_name"], (*other, self._s.now, self._s.now)
        )
        assert row is not None
        return int(row[0])


def flush(session: Session) -> None:
    """Write what a group of operations counted; once a commit."""
    overlay = session.overlay
    session.many(
        SQL["touch_name"], [(overlay.last_seen.get(name, 0), n, name) for name, n in overlay.seen.items() if n]
    )
    session.many(SQL["add_volume"], [(*key, n) for key, n in overlay.volumes.items() if n])
