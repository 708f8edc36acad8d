"""How a connected destination fares: its state, what is the matter in words, how far behind it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.clock import DAY, SECOND
from turnout.delivery.verdict import BY_NUMBER
from turnout.document import Document
from turnout.errors import TurnoutError
from turnout.manifest.catalogue import Catalogue
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.owed import OwedState
from turnout.store.unit import View
from turnout.workspace import Destination

OK = "ok"
_REASONS = {
    "trouble": "failing: its requests fail",
    "credentials": "failing: credentials refused",
    "gone": "failing: it wants no more events",
}
"""What a lane notes, `delivery.breaker`'s words, in ours."""


@dataclass(frozen=True, slots=True)
class Health:
    """How one fares. `waiting` counts what is owed or not read yet; `counts` are of 24 hours."""

    state: str
    words: str
    lag_seconds: float
    waiting: int
    counts: Document


class Rounds:
    """Looks after many destinations in one view, with what is counted for all of them read once."""

    def __init__(self, view: View, catalogue: Catalogue) -> None:
        """Read the counts."""
        self._view = view
        self._catalogue = catalogue
        self._lanes = {row.lane: row for row in view.lanes.all()}
        self._owed = view.owed.states()
        self._counts = view.counts.since(view.now - DAY)

    def health(self, destination: Destination) -> Health:
        """Look at one."""
        row = self._lanes[destination.lane]
        owed = self._owed.get(destination.lane, {})
        paused = row.state is LaneState.PAUSED
        return Health(
            "paused" if paused else "running",
            "paused" if paused else self._words(destination, row, owed),
            lag_seconds(self._view, destination.lane),
            sum(owed.values()) + unread(self._view, destination.lane),
            by_verdict(self._counts.get(destination.lane, {})),
        )

    def _words(self, destination: Destination, row: LaneRow, owed: Mapping[OwedState, int]) -> str:
        if problem := _problem(self._view, self._catalogue, destination):
            return f"standing still: {problem}"
        if row.reason:
            return _REASONS.get(row.reason, f"failing: {row.reason}")
        retry, unknown = owed.get(OwedState.RETRY, 0), owed.get(OwedState.UNKNOWN, 0)
        said = [f"{retry} to try again"] if retry else []
        said += [f"{unknown} maybe sent"] if unknown else []
        return f"retrying: {', '.join(said)}" if said else OK


def unread(view: View, lane: int) -> int:
    """Count the events that a lane has not read yet."""
    run = view.lanes.run(lane, 0)
    return max(0, view.counter.seq - 1 - run.cursor) if run else 0


def lag_seconds(view: View, lane: int) -> float:
    """Give the age of the oldest event that a lane has not read; 0 when there is none."""
    run = view.lanes.run(lane, 0)
    oldest = view.log.after(run.cursor, 1) if run else ()
    return max(0, view.now - oldest[0].received) / SECOND if oldest else 0.0


def by_verdict(counts: Mapping[int, int]) -> Document:
    """Sort counts by verdict and reason; what is no verdict (times of requests) is left out."""
    found: dict[str, dict[str, int]] = {}
    for number, n in sorted(counts.items()):
        if (code := BY_NUMBER.get(number)) is not None and n:
            found.setdefault(code.verdict, {})[code.word] = n
    return {str(verdict): dict(words) for verdict, words in found.items()}


def _problem(view: View, catalogue: Catalogue, destination: Destination) -> str:
    """Say why it cannot be spoken to: its settings do not fit any more, or a secret does not open."""
    try:
        catalogue.check_settings(destination.slug, {**destination.settings, **view.entities.secrets(destination.id)})
    except TurnoutError as error:
        return error.message
    return ""
