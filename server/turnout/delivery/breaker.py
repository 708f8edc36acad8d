"""Whether to send now, and how many at once: one a lane, in memory, told of every outcome."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from turnout.exchange import Class, Outcome, Pace

FAILURES = 10
WINDOW = 50
PROBE_S = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Source: reliability-security.md 4.2."""

START = 16
TROUBLE = frozenset({Class.RETRY, Class.UNKNOWN})
BAD = TROUBLE | {Class.CREDENTIALS, Class.PAUSE}


@dataclass(slots=True)
class Breaker:
    """Closed: send. Open: take nothing, burn no try, probe now and then. Times are monotonic seconds.

    `why` is empty when closed, else `trouble`, `credentials` or `gone`.
    """

    max_in_flight: int = 64
    retry_base_s: float | None = None
    why: str = ""
    slots: int = START
    passed_credentials: bool = False
    _row: int = 0
    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _probes: int = 0
    _until: float = 0.0
    _probing: bool = False
    _streak: int = 0
    _spared: int = 0

    def __post_init__(self) -> None:
        """Begin no wider than allowed."""
        self.slots = min(START, self.max_in_flight)

    def allows(self, now: float, in_flight: int) -> int:
        """Tell how many requests may start now; one while open and a probe is due, else none."""
        if self.why:
            return int(now >= self._until and in_flight == 0)
        if now < self._until:
            return 0
        return max(0, self.slots - in_flight)

    def wait_s(self, now: float) -> float:
        """Tell how long nothing may start."""
        return max(0.0, self._until - now)

    @property
    def open(self) -> bool:
        """Tell whether nothing but probes is sent."""
        return bool(self.why)

    @property
    def probes(self) -> int:
        """Count the probes that failed since it opened."""
        return self._probes

    def heard(self, outcome: Outcome, now: float, *, short: bool, probe: bool = False) -> bool:
        """Take in how a request ended; `short`: more work waits than slots. Give whether it just opened.

        Open, it learns from its probes; trouble of those that had left before says nothing new.
        """
        self._spared -= 1
        if self.why and not probe and outcome.what in BAD:
            self._until = max(self._until, now + held_s(outcome))
            return False
        if outcome.what in {Class.CREDENTIALS, Class.PAUSE}:
            return self._open("credentials" if outcome.what is Class.CREDENTIALS else "gone", now)
        if outcome.what in TROUBLE:
            return self._trouble(outcome, now)
        self._fine(short=short)
        return False

    def limit(self, stated: int, most: int) -> None:
        """Send no more at once than the operator allows, nor than the manifest states (0: nothing stated)."""
        self.max_in_flight = min(stated, most) if stated else most
        self.slots = min(self.slots, self.max_in_flight)

    def hurry(self) -> None:
        """Probe now what was refused for its credentials: there are new ones."""
        if self.why == "credentials":
            self._until = 0.0

    def reset(self) -> None:
        """Begin anew: the settings changed, or somebody resumed the lane."""
        self.why, self._row, self._probes, self._until = "", 0, 0, 0.0
        self._last.clear()

    def _fine(self, *, short: bool) -> None:
        if self.why == "credentials":
            self.passed_credentials = True
        if self.why:
            self.reset()
        self._row = 0
        self._last.append(False)
        self._streak += 1
        if short and self._streak >= self.slots and self.slots < self.max_in_flight:
            self.slots = min(self.max_in_flight, self.slots * 2)
            self._streak = 0

    def _trouble(self, outcome: Outcome, now: float) -> bool:
        self._row += 1
        self._last.append(True)
        self._streak = 0
        if self._spared <= 0 and outcome.code != "http_500":
            self.slots, self._spared = max(1, self.slots // 2), self.slots  # once for all that were on their way
        self._until = max(self._until, now + held_s(outcome))
        mostly = len(self._last) == WINDOW and sum(self._last) * 2 > WINDOW
        if self.why or self._row >= FAILURES or mostly:
            return self._open("trouble", now)
        return False

    def _open(self, why: str, now: float) -> bool:
        was = self.why
        self.why = why
        step = PROBE_S[min(self._probes, len(PROBE_S) - 1)]
        if self.retry_base_s is not None:
            step = min(step, self.retry_base_s * 2**self._probes)
        self._until = max(self._until, now + step)
        self._probes += 1
        self.passed_credentials = False
        return not was


def held_s(outcome: Outcome) -> float:
    """Tell for how long an answer holds its whole lane, and those that share its rates."""
    return outcome.after_s or 0.0 if outcome.status in {429, 503} else 0.0


class Throttle:
    """A token bucket for each rate that a manifest states. A request takes a token of each; times as the breaker's."""

    def __init__(self, rates: tuple[tuple[float, float], ...]) -> None:
        """Begin full, with room for one request at least: else a rate below one a period would never let one pass."""
        self.rates = rates
        self._tokens = [max(1.0, requests) for requests, _ in rates]
        self._at: float | None = None
        self._until = 0.0

    def room(self, now: float) -> int:
        """Tell how many requests may start now."""
        self._fill(now)
        return 0 if now < self._until else int(min(self._tokens))

    def wait_s(self, now: float) -> float:
        """Tell how long until a request may start; 0 when one may now."""
        self._fill(now)
        waits = [
            (1 - tokens) * per_s / requests for tokens, (requests, per_s) in zip(self._tokens, self.rates, strict=True)
        ]
        return max(0.0, self._until - now, *waits)

    def take(self) -> None:
        """Count one request."""
        self._tokens = [tokens - 1 for tokens in self._tokens]

    def hold(self, until: float) -> None:
        """Let none start before then: one was told so."""
        self._until = max(self._until, until)

    def _fill(self, now: float) -> None:
        passed, self._at = now - (now if self._at is None else self._at), now
        self._tokens = [
            min(max(1.0, requests), tokens + passed * requests / per_s)
            for tokens, (requests, per_s) in zip(self._tokens, self.rates, strict=True)
        ]


class Throttles:
    """The throttles of a deliverer: lanes whose paces have one key share one, for as long as either runs."""

    def __init__(self) -> None:
        """Begin with none."""
        self._shared: WeakValueDictionary[str, Throttle] = WeakValueDictionary()

    def of(self, pace: Pace, before: Throttle | None) -> Throttle | None:
        """Give the throttle of a pace, none where it states no rate; `before`: what its lane has held so far."""
        if not pace.rates:
            return None
        found = self._shared.get(pace.key) if pace.key else before
        if found is None or found.rates != pace.rates:
            found = Throttle(pace.rates)
        if pace.key:
            self._shared[pace.key] = found
        return found
