"""Evidence: what was sent and answered, one compressed frame a settled batch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from turnout.store.queries import load
from turnout.store.session import NEWEST, Session

SQL = load("exchanges")

OVERLAP = 100_000
"""How many requests a frame may begin before one that it holds: those of all lanes while one is on its way."""


class ExchangesView:
    """What can be read of the evidence."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def frames(self, request: int) -> tuple[bytes, ...]:
        """Give the frames that may hold a request, of the ring and of those kept, the likeliest first."""
        spans = ((kept, request, request - OVERLAP, request) for kept in (0, 1))
        return tuple(row[0] for span in spans for row in self._s.rows(SQL["find_frames"], span))

    def holding(self, requests: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Give (kept, first) of each frame that may hold one of these requests, however far back it begins."""
        wanted = sorted(requests)
        if not wanted:
            return ()
        return tuple(
            (kept, first)
            for kept in (0, 1)
            for first, last in self._s.rows(SQL["list_overlapping"], (kept, wanted[-1], wanted[0]))
            if bisect_left(wanted, first) < bisect_right(wanted, last)
        )

    def frame(self, kept: int, first: int) -> bytes:
        """Read one frame; empty when it is gone."""
        row = self._s.row(SQL["get_frame"], (kept, first))
        found: bytes = row[0] if row else b""
        return found

    def newest(self, kept: int, before: int, limit: int) -> tuple[tuple[int, bytes], ...]:
        """Read frames back, each with the first request it is of: those of the ring, or those that are kept."""
        return tuple((row[0], row[1]) for row in self._s.rows(SQL["list_newest"], (kept, before, limit)))

    def ring_size(self) -> int:
        """Give the bytes of the ring."""
        row = self._s.row(SQL["ring_size"])
        return int(row[0]) if row else 0


class Exchanges(ExchangesView):
    """What can be written of the evidence."""

    def keep(self, *, plain: bool, first: int, last: int, frame: bytes) -> None:
        """Keep a frame: plain successes in the ring, everything else until retention."""
        self._s.run(SQL["insert_frame"], (0 if plain else 1, first, last, self._s.now, len(frame), frame))

    def replace(self, kept: int, first: int, frame: bytes) -> int:
        """Put another frame in the place of one, unless that is gone; give how many."""
        return self._s.run(SQL["replace_frame"], (len(frame), frame, kept, first))

    def trim(self, size: int, limit: int) -> int:
        """Remove the oldest frames of the ring until `size` bytes are gone; at most so many frames. Gives the bytes."""
        return self._remove(0, NEWEST, size, limit)

    def prune(self, before: int, size: int, limit: int) -> int:
        """Remove the oldest frames, from before a moment, until `size` bytes are gone; at most so many of each kind.

        Gives the bytes.
        """
        return sum(self._remove(kept, before, size, limit) for kept in (0, 1))

    def _remove(self, kept: int, before: int, size: int, limit: int) -> int:
        gone = 0
        for first, bytes_, at in self._s.rows(SQL["list_oldest"], (kept, limit)):
            if gone >= size or at >= before:
                break
            self._s.run(SQL["delete_frame"], (kept, first))
            gone += bytes_
        return gone
