"""Where requests wait that have limits of their own, an action's or a step's, beside those of their destination.

What waits here holds its place of the lane, so that no more waits than may be on its way. Requests with one pace share
it: of one destination, or of all where the pace has a key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from turnout.clock import Clock
from turnout.delivery.breaker import Throttle
from turnout.delivery.converse import Carry
from turnout.exchange import Ask, Pace, Reply, Request

Later = Callable[[float, Callable[[], None]], object]
"""Calls a function after so many seconds, from the loop."""


class Gate:
    """One pace: those that wait for it, in order."""

    def __init__(self, pace: Pace, clock: Clock, later: Later) -> None:
        """Begin with room."""
        self._most = pace.concurrency
        self._throttle = Throttle(pace.rates) if pace.rates else None
        self._clock = clock
        self._later = later
        self._waiting: deque[Callable[[], None]] = deque()
        self._busy = 0
        self._set = False

    def enter(self, start: Callable[[], None]) -> None:
        """Start it when there is room; who starts it says when it has left."""
        self._waiting.append(start)
        self._go()

    def left(self) -> None:
        """Hear that one has its answer."""
        self._busy -= 1
        self._go()

    def _go(self) -> None:
        now = self._clock.monotonic()
        while self._waiting and (not self._most or self._busy < self._most):
            if self._throttle is not None and not self._throttle.room(now):
                self._wait(self._throttle.wait_s(now))
                return
            if self._throttle is not None:
                self._throttle.take()
            self._busy += 1
            self._waiting.popleft()()

    def _wait(self, seconds: float) -> None:
        if not self._set:
            self._set = True
            self._later(max(0.001, seconds), self._again)

    def _again(self) -> None:
        self._set = False
        self._go()


class Gates:
    """All gates of a deliverer."""

    def __init__(self, carry: Carry, clock: Clock, later: Later) -> None:
        """`carry` is what carries a request that waits no longer."""
        self._carry = carry
        self._clock = clock
        self._later = later
        self._gates: dict[tuple[int, Pace], Gate] = {}

    def carry(self, ask: Ask, done: Callable[[Reply], None], lane: int) -> None:
        """Carry a request once all its paces let it; nothing else is held up."""
        if isinstance(ask, Request) and ask.paces:
            self._through(ask.paces, ask, done, lane)
        else:
            self._carry(ask, done)

    def _through(self, paces: tuple[Pace, ...], ask: Ask, done: Callable[[Reply], None], lane: int) -> None:
        if not paces:
            self._carry(ask, done)
            return
        pace, *rest = paces
        gate = self._gate(lane, pace)

        def heard(reply: Reply) -> None:
            gate.left()
            done(reply)

        gate.enter(lambda: self._through(tuple(rest), ask, heard, lane))

    def _gate(self, lane: int, pace: Pace) -> Gate:
        where = 0 if pace.key else lane, pace
        if where not in self._gates:
            self._gates[where] = Gate(pace, self._clock, self._later)
        return self._gates[where]
