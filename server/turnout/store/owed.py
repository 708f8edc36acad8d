"""The queue: what is not final. A row is here because it must be tried again, waits, is on its way, or is in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from turnout.store.queries import load
from turnout.store.session import Row, Session

SQL = load("owed")


class OwedState(IntEnum):
    """On disk for ever: never renumber."""

    RETRY = 1
    HELD = 2
    SENDING = 3
    UNKNOWN = 4


@dataclass(frozen=True, slots=True)
class Owed:
    """One part of one event that a lane owes. `due` is None while it waits for another row or an answer.

    `first` is when it was first tried (or held), `tries` the counted attempts, `request` its last request. One that is
    `UNKNOWN` and has no `due` may have been taken, and waits behind an earlier one of its person. `place` is where its
    talk left off, empty: it begins with the first step.
    """

    lane: int
    run: int
    seq: int
    part: int
    person: int
    due: int | None
    first: int
    tries: int
    state: OwedState
    request: int
    reason: int
    place: bytes = b""

    @property
    def key(self) -> tuple[int, int, int]:
        """Run, seq and part: what names it within its lane."""
        return self.run, self.seq, self.part

    @property
    def waits(self) -> bool:
        """Whether it waits for an earlier row of its person."""
        return self.due is None and self.state is not OwedState.SENDING

    def free(self, now: int) -> Owed:
        """Give it as it is when it waits no more: due, and in doubt as before."""
        state = OwedState.UNKNOWN if self.state is OwedState.UNKNOWN else OwedState.RETRY
        return replace(self, state=state, due=now)

    def behind(self) -> Owed:
        """Give it as it is when an earlier row of its person comes first: not due, and in doubt as before."""
        state = OwedState.UNKNOWN if self.state is OwedState.UNKNOWN else OwedState.HELD
        return replace(self, state=state, due=None)


class OwedView:
    """What can be read of the queue."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def get(self, lane: int, run: int, seq: int, part: int) -> Owed | None:
        """Read one row."""
        row = self._s.row(SQL["get_owed"], (lane, run, seq, part))
        return _owed(row) if row else None

    def of_event(self, lane: int, run: int, seq: int) -> tuple[Owed, ...]:
        """Read the rows of one event."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_event_owed"], (lane, run, seq)))

    def due(self, lane: int, now: int, limit: int) -> tuple[Owed, ...]:
        """Read what is due, the longest due first."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_due"], (lane, now, limit)))

    def next_due(self, lane: int) -> int | None:
        """Tell when the next row falls due."""
        row = self._s.row(SQL["next_due"], (lane,))
        return None if row is None else row[0]

    def count(self, lane: int) -> int:
        """Count a lane's rows."""
        row = self._s.row(SQL["count_owed"], (lane,))
        return int(row[0]) if row else 0

    def exceeds(self, lane: int, limit: int) -> bool:
        """Tell whether a lane has more rows than a limit, counting no further."""
        row = self._s.row(SQL["count_up_to"], (lane, limit + 1))
        return bool(row and row[0] > limit)

    def any(self, lane: int) -> bool:
        """Tell whether a lane owes anything."""
        row = self._s.row(SQL["any_owed"], (lane,))
        return bool(row and row[0])

    def of_lane(self, lane: int, limit: int) -> tuple[Owed, ...]:
        """Read a lane's rows in order, but for what is on its way."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_lane_owed"], (lane, limit)))

    def sending(self) -> tuple[Owed, ...]:
        """Read what is marked as on its way, on any lane."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_sending"]))

    def head(self, lane: int, run: int, person: int) -> Owed | None:
        """Read the earliest event of a person that a lane owes in order."""
        row = self._s.row(SQL["head_of"], (lane, person, run))
        return _owed(row) if row else None

    def of_person(self, lane: int, run: int, person: int, limit: int) -> tuple[Owed, ...]:
        """Read a person's rows in order."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_person"], (lane, person, run, limit)))

    def waiting(self, lane: int, run: int, person: int) -> int:
        """Count a person's rows."""
        row = self._s.row(SQL["count_person"], (lane, person, run))
        return int(row[0]) if row else 0

    def seqs(self, lane: int, run: int, first: int, last: int) -> frozenset[int]:
        """Give the events of a stretch of the log of which a lane's run owes anything."""
        return frozenset(row[0] for row in self._s.rows(SQL["list_owed_seqs"], (lane, run, first, last)))

    def lowest(self, lane: int, run: int) -> int | None:
        """Give the earliest event of which a lane's run owes anything."""
        row = self._s.row(SQL["lowest_owed"], (lane, run))
        return row[0] if row else None

    def until(self, lane: int, run: int, last: int, limit: int) -> tuple[Owed, ...]:
        """Read the rows of events up to a seq, in order, but for what is on its way."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_owed_until"], (lane, run, last, limit)))

    def after(self, key: tuple[int, int, int, int], limit: int) -> tuple[Owed, ...]:
        """Read the rows of all lanes on from a key: lane, run, seq and part."""
        return tuple(_owed(row) for row in self._s.rows(SQL["list_owed_after"], (*key, limit)))

    def states(self) -> Mapping[int, Mapping[OwedState, int]]:
        """Count rows by lane and state."""
        found: dict[int, dict[OwedState, int]] = {}
        for lane, state, n in self._s.rows(SQL["count_states"]):
            found.setdefault(lane, {})[OwedState(state)] = n
        return found

    def states_of(self, lane: int, at_most: int) -> Mapping[OwedState, int]:
        """Count a lane's rows by state, counting no further than so many."""
        return {OwedState(state): n for state, n in self._s.rows(SQL["count_states_up_to"], (lane, at_most))}


class OwedTable(OwedView):
    """What can be written to the queue."""

    def put(self, rows: Iterable[Owed]) -> None:
        """Write rows, over those that are there."""
        self._s.many(
            SQL["put_owed"],
            [
                (
                    row.lane,
                    row.run,
                    row.seq,
                    row.part,
                    row.person,
                    row.due,
                    row.first,
                    row.tries,
                    int(row.state),
                    row.request,
                    row.reason,
                    row.place or None,
                )
                for row in rows
            ],
        )

    def remove(self, rows: Sequence[Owed]) -> None:
        """Take rows out: they are final."""
        self._s.many(SQL["delete_owed"], [(row.lane, row.run, row.seq, row.part) for row in rows])

    def clamp(self, lane: int, latest: int) -> None:
        """Make due now what is due later than any wait could have set: a clock that was set back parks nothing."""
        self._s.run(SQL["clamp_due"], (self._s.now, lane, latest))


def _owed(row: Row) -> Owed:
    return Owed(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        OwedState(row[8]),
        row[9],
        row[10],
        row[11] or b"",
    )
