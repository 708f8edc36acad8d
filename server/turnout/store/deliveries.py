"""The ledger of what is final, the requests that were made, and the reasons they share."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from turnout.clock import MINUTE
from turnout.store.halves import first_since
from turnout.store.queries import load
from turnout.store.session import NEWEST, Row, Session

SQL = load("deliveries")
MEMBER = struct.Struct(">qi")
TRIES = 100
"""Requests that are told of one event's part."""
SLACK = 5 * MINUTE
"""`sent` rises with `id` but for slow answers and jumps of the clock; those of more than this hide what they hide."""


class Final(msgspec.Struct, frozen=True):
    """One row of the ledger: `code` is of `delivery.verdict`; `request` 0 when nothing was sent."""

    seq: int
    part: int
    last: int
    code: int
    reason: str
    request: int


class RequestRow(msgspec.Struct, frozen=True):
    """One request. `outcome` is None until its settle is committed. `sent` in microseconds, `took` in milliseconds."""

    id: int
    lane: int
    run: int
    n: int
    epoch: int
    revision: int
    manifest: bytes
    members: tuple[tuple[int, int], ...] | None
    status: int | None
    outcome: str | None
    sent: int
    took: int


class DeliveriesView:
    """What can be read of the ledger."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def of_event(self, lane: int, run: int, seq: int) -> tuple[Final, ...]:
        """Give the final rows of one event, its own or the span that covers it."""
        rows = self._s.rows(SQL["list_parts"], (lane, run, seq))
        if not rows and (row := self._s.row(SQL["find_span"], (lane, run, seq))) and row[2] >= seq:
            rows = [row]
        return tuple(self._final(row) for row in rows)

    def codes(self, lane: int, runs: Sequence[int], first: int, last: int) -> tuple[tuple[int, int, int, int], ...]:
        """Give (run, seq, last, code) of the rows that touch a stretch of the log, run after run, as they are given."""
        rows = self._s.rows(SQL["list_codes"], (str([*runs]), lane, lane, first, first, last, first))
        return tuple((row[0], row[1], row[2], row[3]) for row in rows)

    def requests_of(self, lane: int, run: int, seq: int) -> tuple[int, ...]:
        """Give the requests that the final rows of an event name."""
        return tuple(row[0] for row in self._s.rows(SQL["list_event_requests"], (lane, run, seq)))

    def members(self, after: int, limit: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Read requests on by number, each with the events that it lists."""
        rows = self._s.rows(SQL["list_members"], (after, limit))
        return tuple((row[0], tuple(seq for seq, _ in MEMBER.iter_unpack(row[1] or b""))) for row in rows)

    def request(self, number: int) -> RequestRow | None:
        """Read one request."""
        row = self._s.row(SQL["get_request"], (number,))
        return _request(row) if row else None

    def tries(
        self, lane: int, run: int, member: tuple[int, int], since: int, last: int = NEWEST
    ) -> tuple[RequestRow, ...]:  # fmt: skip
        """Give the requests that list an event's part among their members, oldest first; at most the newest `TRIES`.

        They were sent at `since`, when the event came, or later; `last` is the newest of them where that is known.
        """
        bounds = self._s.row(SQL["request_bounds"])
        if bounds is None or bounds[0] is None:
            return ()
        low = first_since(self._s, SQL["sent_from"], (bounds[0], min(bounds[1], last)), since - SLACK)
        if low is None:
            return ()
        rows = self._s.rows(SQL["list_tries"], (lane, run, low, last, MEMBER.pack(*member), TRIES))
        found = (_request(row) for row in reversed(rows))
        return tuple(each for each in found if member in (each.members or ()))

    def again(self, lane: int, since: int, looked: int, limit: int) -> tuple[RequestRow, ...]:
        """Of a lane's newest requests that list their members, give those that were no first try or left a doubt."""
        return tuple(_request(row) for row in self._s.rows(SQL["list_again"], (lane, looked, since, limit)))

    def codes_of(self, lane: int, run: int) -> Mapping[int, int]:
        """Count the ledger's rows of a further run by code."""
        return {row[0]: row[1] for row in self._s.rows(SQL["count_run"], (lane, run))}

    def open_requests(self, epoch: int) -> tuple[RequestRow, ...]:
        """List the requests of older reigns that have no outcome."""
        return tuple(_request(row) for row in self._s.rows(SQL["list_open_requests"], (epoch,)))

    def any_until(self, lane: int, run: int, until: int) -> bool:
        """Tell whether the ledger has a row of nothing later than a seq."""
        row = self._s.row(SQL["any_delivery_until"], (lane, run, until, until))
        return bool(row and row[0])

    def reason(self, number: int) -> str:
        """Give the text of an interned reason."""
        row = self._s.row(SQL["get_reason"], (number,))
        return str(row[1]) if row else ""

    def _final(self, row: Row) -> Final:
        return Final(row[0], row[1], row[2], row[3], self.reason(row[4]), row[5])


class Deliveries(DeliveriesView):
    """What can be written to the ledger; a row of it is never changed."""

    def finish(self, lane: int, run: int, rows: Sequence[Final]) -> None:
        """Write final rows. Raises: the store's integrity error where one is there already."""
        reasons = {(row.code, row.reason): self.intern(row.code, row.reason) for row in rows if row.reason}
        self._s.many(
            SQL["insert_delivery"],
            [
                (lane, run, row.seq, row.part, row.last, row.code, reasons.get((row.code, row.reason), 0), row.request)
                for row in rows
            ],
        )

    def intern(self, code: int, text: str) -> int:
        """Give the number of a reason, made where it is new; 0 for none."""
        if not text:
            return 0
        row = self._s.row(SQL["find_reason"], (code, text)) or self._s.row(SQL["insert_reason"], (code, text))
        assert row is not None
        return int(row[0])

    def new_request(self) -> int:
        """Draw the number of a request."""
        number = self._s.counter.request
        self._s.counter.request += 1
        return number

    def write_requests(self, requests: Sequence[RequestRow]) -> None:
        """Write requests: a retry before it leaves, without outcome; a first try with it."""
        self._s.many(
            SQL["insert_request"],
            [
                (
                    each.id, each.lane, each.run, each.n, each.epoch, each.revision, each.manifest,
                    None if each.members is None else pack(each.members),
                    each.status, each.outcome, each.sent, each.took,
                )
                for each in requests
            ],
        )  # fmt: skip

    def finish_request(self, number: int, status: int, outcome: str, took: int) -> None:
        """Write how a retry ended."""
        self._s.run(SQL["finish_request"], (status, outcome, took, number))

    def prune(self, lane: int, run: int, until: int, limit: int) -> int:
        """Remove a page of the ledger of events that are gone; give how many rows."""
        return self._s.run(SQL["prune_deliveries"], (lane, run, until, until, limit))

    def prune_requests(self, before: int, limit: int) -> int:
        """Remove the oldest requests that were sent before a moment; give how many."""
        return self._s.run(SQL["prune_requests"], (limit, before))


def pack(members: Iterable[tuple[int, int]]) -> bytes:
    """Pack (seq, part) pairs: 12 bytes each, big-endian."""
    return b"".join([MEMBER.pack(seq, part) for seq, part in members])


def _request(row: Row) -> RequestRow:
    members = None if row[7] is None else tuple((seq, part) for seq, part in MEMBER.iter_unpack(row[7]))
    return RequestRow(row[0], row[1], row[2], row[3], row[4], row[5], row[6], members, row[8], row[9], row[10], row[11])
