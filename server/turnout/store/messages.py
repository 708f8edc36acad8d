"""Which message ids were seen, and as which event.

In the order of their keys, each new id would dirty a page of its own: the dearest row of an event, the more so the more
there are. So an id is appended to `recent`, all of which a process that records knows by heart, and commits that are
made anyway bring a part of the keys' range at a time over into `messages`, many to a page. Whose the events are comes
into order with them, by the same way, into `history`. Source: performance.md 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from turnout.event.model import Event, Seq
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("messages")
FIRST = 1
"""The seq of the first event there ever is."""
PAGE = 8_192
"""Rows of `recent` that one commit removes when they are in `messages`: 2 ms."""


def message_key(source: int, message_id: str) -> bytes:
    """Key of a message id: scope is (source, id). Source: ENGINE.md 2."""
    digest = _begun(source).copy()
    digest.update(message_id.encode("utf-8", "surrogatepass"))
    return digest.digest()


@lru_cache(maxsize=1024)
def _begun(source: int) -> hashlib.blake2b:
    """Begin the digest with the key, which takes a block of its own: half of the work."""
    return hashlib.blake2b(key=source.to_bytes(8, "big"), digest_size=16)


class MessagesView:
    """What can be read of the message ids."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def find(self, source: int, message_id: str) -> Seq | None:
        """Find the event with this message id from this source."""
        key = message_key(source, message_id)
        row = self._s.row(SQL["find_message"], (key,))
        row = row or self._s.row(SQL["find_recent"], (key, self._s.counter.ordered))
        return Seq(row[1]) if row else None

    def leads(self, source: int, message_id: str, seq: int) -> bool:
        """Tell whether the event with this message id from this source is this one."""
        key = message_key(source, message_id)
        if seq >= self._s.counter.ordered:
            return self._s.row(SQL["has_recent"], (seq, key)) is not None
        return self._s.row(SQL["find_message"], (key,)) == (key, seq)

    def ordered(self, after: bytes, limit: int) -> tuple[tuple[bytes, int], ...]:
        """List (key, seq) by key, of those that are in order."""
        return tuple((row[0], row[1]) for row in self._s.rows(SQL["list_messages"], (after, limit)))


class Messages(MessagesView):
    """What can be written of the message ids."""

    def seen(self, events: Sequence[Event]) -> tuple[list[Seq | None], list[bytes]]:
        """Say of events as which event each was seen, None for a new one; and give the keys of these, to be noted.

        Of an id twice in a batch the first stays.
        """
        keys = [message_key(event.source, event.message_id) for event in events]
        known = self._known(keys)
        fresh = dict.fromkeys(key for key in keys if key not in known)
        if len(fresh) == len(keys):
            return [None] * len(keys), keys
        seqs = {key: Seq(seq) for seq, key in enumerate(fresh, self._s.counter.seq)}
        found = []
        for key in keys:
            found.append(known.get(key))
            if key in seqs:
                known[key] = seqs[key]
        return found, list(fresh)

    def note(self, keys: Sequence[bytes], persons: Sequence[int]) -> None:
        """Note the ids of the events that are appended next, by their keys, and whose events they are."""
        seqs = list(range(self._s.counter.seq, self._s.counter.seq + len(keys)))
        overlay = self._s.overlay
        overlay.ids.update(zip(keys, seqs, strict=True))
        overlay.whose += zip(persons, seqs, strict=True)
        self._s.many(SQL["insert_recent"], list(zip(seqs, keys, persons, strict=True)))

    def prune(self, keys: Iterable[bytes]) -> None:
        """Remove ids by their keys, of those that are in order."""
        self._s.many(SQL["prune_message"], [(key,) for key in keys])

    def prune_recent(self, seqs: Iterable[int]) -> None:
        """Remove the ids of events that are in no order yet, from the parts that are, too: a tombstone tells none."""
        gone = [(seq,) for seq in seqs if seq >= self._s.counter.ordered]
        self._s.many(SQL["prune_part"], gone)
        self._s.many(SQL["prune_recent"], gone)

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Seq]:
        """Say which of these ids were seen; of one known by heart its row has the last word: it may be pruned."""
        recent = _recent(self._s)
        known = {
            key: Seq(recent[key]) for key in recent.keys() & keys if self._s.rows(SQL["has_recent"], (recent[key], key))
        }
        for overlay in self._s.overlays:
            known.update((key, Seq(overlay.ids[key])) for key in overlay.ids.keys() & keys)
        if self._s.counter.ordered <= FIRST:  # all are known by heart
            return known
        unknown = [key for key in keys if key not in known] if known else keys
        if len(unknown) == 1:
            known.update(self._s.rows(SQL["find_message"], unknown))
        else:
            known.update(self._s.among(SQL["find_messages"], unknown))
        return known


def order(session: Session) -> None:
    """Bring a part of the newest ids in order, where it is time, in a commit that is under way anyway.

    As many as it recorded, where these are more. What another process brought there, which died before the last part,
    is passed: how far it came stands nowhere.
    """
    ids = session.cache.ids
    part, whose, until = ids.part()
    if part or whose:
        first = next((seq for (seq,) in session.rows(SQL["find_first"])), session.counter.seq)
        moved = new = _bring(session, part, whose, first)
        while not until and (moved < 2 * session.recorded or new < (len(part) + len(whose)) / 2):
            part, whose, until = ids.part()
            new = _bring(session, part, whose, first)
            moved += new
    if 0 < ids.lowest < ids.ordered:
        ids.lowest = min(ids.lowest + PAGE, ids.ordered)
        session.run(SQL["remove_recent"], (ids.lowest,))
    if until:
        session.counter.ordered = until


def _bring(session: Session, part: Sequence[tuple[bytes, int]], whose: Sequence[tuple[int, int]], first: int) -> int:
    """Bring rows of what is left of the log, from its `first` event on, in order; give how many were not there."""
    new = session.many(SQL["insert_message"], [row for row in part if row[1] >= first])
    return new + session.many(SQL["insert_history"], [row for row in whose if row[1] >= first])


def _recent(session: Session) -> Mapping[bytes, int]:
    ids, start = session.cache.ids, session.start
    if ids.until < 0:
        ids.lowest = next((seq for (seq,) in session.rows(SQL["find_lowest"])), start)
    if ids.until != start:
        rows = session.rows(SQL["list_recent"], (max(ids.until, ids.ordered), start))
        ids.learn([(key, seq) for seq, key, _ in rows], [(person, seq) for seq, _, person in rows], start)
    return ids.known()
