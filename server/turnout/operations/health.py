"""How a connected destination fares: its state, what is the matter in words, how far behind it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.clock import DAY, HOUR, SECOND
from turnout.delivery.eyes import held_of
from turnout.delivery.schedule import PROFILES
from turnout.delivery.verdict import BY_NUMBER, Verdict
from turnout.document import Document
from turnout.errors import TurnoutError
from turnout.manifest.catalogue import Catalogue
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.owed import OwedState
from turnout.store.unit import View
from turnout.workspace import Destination

OK = "ok"
NEAR = 0.8
"""The share of retention, or of a schedule, from which on a lane is warned of. Source: ENGINE.md 6."""
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

    @property
    def is_unwell(self) -> bool:
        """Whether somebody should look at it; whoever paused it knows."""
        return self.state == "running" and self.words != OK


class Rounds:
    """Looks after many destinations in one view, with what is counted for all of them read once."""

    def __init__(self, view: View, catalogue: Catalogue, retention_days: int) -> None:
        """Read the counts."""
        self._view = view
        self._catalogue = catalogue
        self._days = retention_days
        self._lanes = {row.lane: row for row in view.lanes.all()}
        self._owed = view.owed.states()
        self._counts = view.counts.since(view.now - DAY)

    def health(self, destination: Destination) -> Health:
        """Look at one."""
        row = self._lanes[destination.lane]
        owed = self._owed.get(destination.lane, {})
        stuck = held_of(self._view, destination.id).is_stuck(self._view.now)
        paused = row.state is LaneState.PAUSED
        oldest = age(self._view, destination.lane)
        words = "paused" if paused else self._words(destination, row, owed)
        return Health(
            "paused" if paused or stuck else "running",
            f"{'behind' if words == OK else words}: {near(oldest, self._days)}" if self._is_near(oldest) else words,
            oldest / SECOND,
            sum(owed.values()) + unread(self._view, destination.lane),
            by_verdict(self._counts.get(destination.lane, {})),
        )

    def _is_near(self, oldest: int) -> bool:
        return oldest >= NEAR * self._days * DAY

    def _words(self, destination: Destination, row: LaneRow, owed: Mapping[OwedState, int]) -> str:
        if problem := _problem(self._view, self._catalogue, destination):
            return f"standing still: {problem}"
        token = held_of(self._view, destination.id)
        if trouble := token.trouble(destination.name):
            return f"{'paused' if token.is_stuck(self._view.now) else 'failing'}: {trouble}"
        cause = self._cause(destination)
        if row.reason:
            return _REASONS.get(row.reason, f"failing: {row.reason}") + cause
        retry, unknown = owed.get(OwedState.RETRY, 0), owed.get(OwedState.UNKNOWN, 0)
        said = [f"{retry} to try again"] if retry else []
        said += [f"{unknown} maybe sent"] if unknown else []
        return f"retrying: {', '.join(said)}{cause}" if said else given_up(self._counts.get(destination.lane, {})) or OK

    def _cause(self, destination: Destination) -> str:
        """Say how the oldest event that it still owes failed last, and when that is given up, if soon."""
        rows = self._view.owed.of_lane(destination.lane, 1)
        if not rows:
            return ""
        (oldest,) = rows
        why = self._view.deliveries.reason(oldest.reason)
        profile = PROFILES[self._profile(destination)]
        tried = self._view.now - oldest.first
        said = f" ({why})" if why else ""
        if oldest.tries < profile.tries or tried < NEAR * profile.expires_us:
            return said
        left, whole = max(0, profile.expires_us - tried) / HOUR, profile.expires_us / HOUR
        return f"{said}; its oldest event is given up in {left:.1f} hours, {whole:.0f} after its first try"

    def _profile(self, destination: Destination) -> str:
        """Name the schedule of its manifest; a native destination has the usual one."""
        try:
            entry = self._catalogue.find(destination.slug)
            return "api" if entry.native else self._catalogue.manifest(entry.slug).profile
        except TurnoutError:
            return "api"


def unread(view: View, lane: int) -> int:
    """Count the events that a lane has not read yet."""
    run = view.lanes.run(lane, 0)
    return max(0, view.counter.seq - 1 - run.cursor) if run else 0


def age(view: View, lane: int) -> int:
    """Give the age of the oldest event that a lane has not read; 0 when there is none. Units: microseconds."""
    run = view.lanes.run(lane, 0)
    oldest = view.log.after(run.cursor, 1) if run else ()
    return max(0, view.now - oldest[0].received) if oldest else 0


def near(oldest: int, retention_days: int) -> str:
    """Warn that what is unread for so long will be given up.

    >>> near(81 * DAY, 90)
    'its oldest unread event is given up in 9.0 days, when it is 90 days old'
    """
    left = max(0.0, retention_days - oldest / DAY)
    return f"its oldest unread event is given up in {left:.1f} days, when it is {retention_days} days old"


def given_up(counts: Mapping[int, int]) -> str:
    """Say that nothing of a day arrived, where something was owed and all of it was given up; else nothing.

    >>> given_up({27: 3, 40: 8})
    'failing: none delivered and 3 discarded in 24 hours, most as blocked_address'
    """
    codes = {BY_NUMBER[number]: n for number, n in counts.items() if number in BY_NUMBER}
    lost = {code: n for code, n in codes.items() if code.verdict is Verdict.DISCARDED and n}
    if not lost or any(code.verdict is Verdict.DELIVERED and n for code, n in codes.items()):
        return ""
    most = max(lost, key=lambda code: lost[code])
    return f"failing: none delivered and {sum(lost.values())} discarded in 24 hours, most as {most.word}"


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
