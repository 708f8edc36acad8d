"""What was done under which key: idempotency rows, and the confirmation tokens that are spent."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("keys")
SPENT = "confirm"


class KeyState(IntEnum):
    """On disk for ever: never renumber."""

    DONE = 1
    CLAIMED = 2
    ERASED = 3
    UNKNOWN = 4


class Kept(msgspec.Struct, frozen=True, gc=False):
    """What a key stands for. `first` and `last`: the events that its call recorded, 0 for none."""

    fingerprint: bytes
    answer: bytes
    first: int
    last: int
    used: int
    expires: int
    state: KeyState


class Keys:
    """The table of keys; scope is (principal, operation, key)."""

    def __init__(self, session: Session) -> None:
        """Read and write through this session."""
        self._s = session
        self._looked_up = "", b""

    def find(self, principal: str, operation: str, key: str) -> Kept | None:
        """Find what a key stands for; what has expired is gone."""
        row = self._s.row(SQL["find_key"], (principal, operation, self._mac(key)))
        if row is None or row[5] <= self._s.now:
            return None
        return Kept(row[0], row[1], row[2], row[3], row[4], row[5], KeyState(row[6]))

    def keep(self, principal: str, operation: str, key: str, kept: Kept) -> None:
        """Store what a key stands for, in the commit of its effect."""
        self._s.run(
            SQL["put_key"],
            (
                principal,
                operation,
                self._mac(key),
                kept.fingerprint,
                kept.answer,
                kept.first,
                kept.last,
                kept.used,
                kept.expires,
                int(kept.state),
            ),
        )

    def spend(self, principal: str, token: str, expires: int) -> bool:
        """Spend a confirmation token; False when it was spent before."""
        if self.find(principal, SPENT, token) is not None:
            return False
        self.keep(principal, SPENT, token, Kept(b"", b"", 0, 0, self._s.now, expires, KeyState.DONE))
        return True

    def erase(self, seqs: Sequence[int]) -> int:
        """Take the answers of the calls that recorded these events; fingerprint and key stay. Gives how many."""
        return sum(self._s.run(SQL["erase_answers"], (seq, seq, seq)) for seq in seqs)

    def prune(self, lowest: int, limit: int) -> int:
        """Remove what has expired; of keys on events, which hold as long, those of before the `lowest`. Gives how many.

        These go with their events also where they were to hold longer: none may stand before others for ever, because
        events were kept longer once, or the clock was ahead.
        """
        gone = self._s.run(SQL["prune_keys"], (self._s.now, limit))
        return gone + self._s.run(SQL["prune_event_keys"], (lowest, lowest, limit - gone))

    def _mac(self, key: str) -> bytes:
        if self._looked_up[0] != key:  # what is kept was looked for before
            self._looked_up = key, self._s.vault.mac("idempotency", key)
        return self._looked_up[1]
