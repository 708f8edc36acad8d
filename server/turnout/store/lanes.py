"""Lanes, their runs with cursors, and the windows that are open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from turnout.store.queries import load
from turnout.store.session import NEWEST, Row, Session

SQL = load("lanes")


class LaneState(IntEnum):
    """On disk for ever: never renumber."""

    RUNNING = 0
    PAUSED = 1
    REMOVED = 2


class RunState(IntEnum):
    """On disk for ever: never renumber."""

    RUNNING = 0
    DONE = 1
    CANCELLED = 2


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One lane. `reason` says why it stands still, or what its destination refuses, in words of ours."""

    lane: int
    destination: str
    state: LaneState
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Run:
    """One way through the log: run 0 follows it, a further one reads a selection from `start` up to `until`."""

    lane: int
    run: int
    start: int
    cursor: int
    until: int
    selection: bytes
    state: RunState
    at: int


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One open window."""

    lane: int
    run: int
    first: int
    last: int
    epoch: int
    revision: int
    opened: int


class LanesView:
    """What can be read of lanes."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def all(self) -> tuple[LaneRow, ...]:
        """List every lane, removed ones too."""
        return tuple(_lane(row) for row in self._s.rows(SQL["list_lanes"]))

    def of(self, destination: str) -> LaneRow | None:
        """Find a destination's lane."""
        row = self._s.row(SQL["find_lane"], (destination,))
        return _lane(row) if row else None

    def runs(self, lane: int) -> tuple[Run, ...]:
        """List a lane's runs, run 0 first."""
        return tuple(_run(row) for row in self._s.rows(SQL["list_runs"], (lane,)))

    def run(self, lane: int, run: int) -> Run | None:
        """Find one run."""
        row = self._s.row(SQL["find_run"], (lane, run))
        return _run(row) if row else None

    def window_of(self, lane: int, run: int, seq: int) -> WindowRow | None:
        """Find the open window that holds an event."""
        row = self._s.row(SQL["find_window"], (lane, run, seq, seq))
        return WindowRow(*row) if row else None

    def windows_before(self, epoch: int) -> tuple[WindowRow, ...]:
        """List the windows that older reigns left open."""
        return tuple(WindowRow(*row) for row in self._s.rows(SQL["list_windows"], (epoch,)))

    def windows(self) -> tuple[WindowRow, ...]:
        """List all open windows."""
        return self.windows_before(NEWEST)


class Lanes(LanesView):
    """What can be written of lanes."""

    def create(self, destination: str, cursor: int) -> int:
        """Make a lane that follows the log from `cursor` on; lane numbers are never used again."""
        lane = self._s.counter.lane
        self._s.counter.lane += 1
        self._s.counter.lanes += 1
        self._s.run(SQL["insert_lane"], (lane, destination, self._s.now))
        self._s.run(SQL["insert_run"], (lane, 0, cursor, cursor, 0, b"", self._s.now))
        return lane

    def set_state(self, lane: int, state: LaneState, reason: str) -> None:
        """Pause, resume or remove."""
        self._s.counter.lanes += 1
        self._s.run(SQL["set_lane"], (int(state), reason, self._s.now, lane))

    def note_running(self, lane: int, reason: str) -> None:
        """Say what is the matter with a lane that goes on; one that stands still has its own reason."""
        self._s.run(SQL["note_lane"], (reason, self._s.now, lane))

    def begin(self, lane: int, run: int, start: int, until: int, selection: bytes) -> None:
        """Begin a further run: the events after `start` up to `until` that the selection names."""
        self._s.counter.lanes += 1
        self._s.run(SQL["insert_run"], (lane, run, start, start, until, selection, self._s.now))

    def new_run(self) -> int:
        """Draw the number of a replay; its runs, one a lane, share it."""
        run = self._s.counter.run
        self._s.counter.run += 1
        return run

    def move(self, lane: int, run: int, cursor: int) -> None:
        """Move a cursor."""
        self._s.run(SQL["set_cursor"], (cursor, lane, run))

    def select(self, lane: int, run: int, selection: bytes) -> None:
        """Write another selection for a run."""
        self._s.run(SQL["set_selection"], (selection, lane, run))

    def prune_runs(self, lane: int, below: int, before: int) -> int:
        """Remove further runs that ended, of events below a seq and begun before a moment; give how many."""
        return self._s.run(SQL["prune_runs"], (lane, below, before))

    def finish(self, lane: int, run: int, state: RunState) -> None:
        """End a run."""
        self._s.run(SQL["set_run"], (int(state), lane, run))

    def open_window(self, window: WindowRow) -> None:
        """Write the crash marker."""
        self._s.run(
            SQL["insert_window"],
            (window.lane, window.run, window.first, window.last, window.epoch, window.revision, window.opened),
        )

    def close_window(self, lane: int, run: int, first: int) -> None:
        """Remove it: nothing of the window is on its way any more."""
        self._s.run(SQL["delete_window"], (lane, run, first))


def _lane(row: Row) -> LaneRow:
    return LaneRow(row[0], row[1], LaneState(row[2]), row[3], row[4])


def _run(row: Row) -> Run:
    return Run(row[0], row[1], row[2], row[3], row[4], row[5], RunState(row[6]), row[7])
