"""What actions did, or are about to do, for keys for which they do it once. The keys are HMACs."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("once")


@dataclass(frozen=True, slots=True)
class Claim:
    """A key of a lane, held by a part (run, seq, part) until a moment; `done`: it was taken."""

    lane: int
    key: bytes
    holder: tuple[int, int, int]
    until: int
    done: bool


class OnceView:
    """What can be read of claims."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def get(self, lane: int, key: bytes) -> Claim | None:
        """Read who holds a key."""
        row = self._s.row(SQL["get_claim"], (lane, key))
        return Claim(lane, key, (row[0], row[1], row[2]), row[3], bool(row[4])) if row else None

    def surplus(self, most: int) -> int:
        """Count the claims beyond so many, of all lanes."""
        row = self._s.row(SQL["count_claims"])
        return max(0, int(row[0]) - most) if row else 0


class Once(OnceView):
    """What can be written of claims."""

    def put(self, claim: Claim) -> None:
        """Hold a key, whoever held it."""
        self._s.run(SQL["put_claim"], (claim.lane, claim.key, *claim.holder, claim.until, claim.done))

    def give_back(self, claim: Claim) -> None:
        """Let a key go that its holder has not used."""
        self._s.run(SQL["delete_claim"], (claim.lane, claim.key, *claim.holder))

    def prune(self, limit: int) -> int:
        """Remove claims whose time is over; give how many."""
        return self._s.run(SQL["delete_over"], (self._s.now, limit))

    def trim(self, limit: int) -> int:
        """Remove those that would end first; give how many."""
        return self._s.run(SQL["delete_soonest"], (limit,))
