"""One destination's loop: settle what was answered, try again what is due, read on, send.

Answers pile up while a commit is on its way, so that one commit settles many. A slot in flight is free only
when its settle has committed, so that slots bound the doubles of a crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
from msgspec import structs

from turnout import telemetry
from turnout.clock import Clock
from turnout.delivery import commits, look, reigns, verdict
from turnout.delivery.answers import Answers
from turnout.delivery.batch import Batch
from turnout.delivery.breaker import Breaker, Throttle, Throttles, held_s
from turnout.delivery.converse import Carry, Talk
from turnout.delivery.eyes import Eyes
from turnout.delivery.held import Pass, Token
from turnout.delivery.look import Looked, Wanted
from turnout.delivery.order import Line, Windows
from turnout.delivery.schedule import Schedule
from turnout.delivery.settlement import Answered, Back, Finished, Held, Settled, Settlement, Unsent, settlement, summary
from turnout.delivery.window import Part
from turnout.entropy import Entropy
from turnout.errors import Unavailable
from turnout.exchange import Class, Pace
from turnout.store.lanes import LaneState
from turnout.store.store import Store
from turnout.store.unit import Unit

UNRESOLVED = 2000
"""Events that a lane has in hand at the most: two windows."""
LEAVE_S = 5.0
"""How long a stopping lane waits for answers. Source: ENGINE.md 1."""
IDLE_S = 5.0
"""Every wake-up is a hint: if each were lost, the next look finds the work."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator may set. `batch_wait_s`: how long a batch may gather; `keep_plain`: evidence of successes."""

    schedule: Schedule = field(default_factory=Schedule)
    max_in_flight: int = 64
    batch_wait_s: float = 0.02
    keep_plain: bool = True


class Lane:
    """One lane of one reign."""

    def __init__(
        self, number: int, epoch: int, store: Store, eyes: Eyes, carry: Carry, clock: Clock,
        entropy: Entropy, options: Options, throttles: Throttles, renew: Callable[[Token], None],
    ) -> None:  # fmt: skip
        """Make it; `run` runs it."""
        self.number = number
        self._epoch = epoch
        self._store = store
        self._eyes = eyes
        self._carry = carry
        self._clock = clock
        self._entropy = entropy
        self._options = options
        self._line = Line()
        self._breaker = Breaker(options.max_in_flight, options.schedule.base_s)
        self._throttles = throttles
        self._throttle: Throttle | None = None
        self._pass = Pass(renew)
        self._answers = Answers()
        self._owing: list[Settled] = []
        self._again: deque[Batch] = deque()
        self._in_flight: dict[int, Batch] = {}
        self._numbers = 0
        self._looks = 0
        self._owed_next = True
        self._seen = Looked(LaneState.RUNNING, -1, owes=True, more=True)
        self._windows = Windows()
        self._wake = anyio.Event()
        self._dirty = True
        self._stopping = self._hurried = False
        self._noted: str | None = None

    @property
    def flight(self) -> tuple[int, int]:
        """Requests on their way, and how many may be."""
        return len(self._in_flight), self._breaker.slots

    def wake(self) -> None:
        """Say that something was committed."""
        self._dirty = True
        self._wake.set()

    def stop(self, *, at_once: bool = False) -> None:
        """Ask it to end: what is in flight is settled for at most 5 s, or `at_once`, the unsent given back."""
        self._stopping = True
        self._hurried = self._hurried or at_once
        self._wake.set()

    async def run(self) -> None:
        """Turn until stopped. Raises: Superseded when another process delivers."""
        while not self._stopping and not (self._seen.state is LaneState.REMOVED and not self._in_flight):
            wait = await self._turn()
            if self._wake.is_set() or not wait:
                await anyio.lowlevel.checkpoint()
            else:
                with anyio.move_on_after(wait) as rest:
                    await self._wake.wait()
                self._dirty = self._dirty or (rest.cancelled_caught and wait >= IDLE_S)
            if self._wake.is_set():
                self._wake = anyio.Event()
        await self._leave()

    async def _turn(self) -> float:
        """Do what can be done now; give how many seconds nothing is due."""
        try:
            self._take_in()
            if self._ripe():
                await self._settle()
            if not self._dirty and not self._is_due():
                self._dispatch()  # a look takes as long as many sends
            if self._dirty or self._due() or self._reads_on():
                self._dirty = False
                await self._look()
            self._dispatch()
        except Unavailable:
            self._dirty = True
            return 1.0
        return self._rest()

    # -- looking ------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        wanted = self._wanted()
        found = await self._store.read(
            partial(look.look, lane=self.number, eyes=self._eyes, wanted=wanted, epoch=self._epoch)
        )
        if found.stranded:
            await self._store.transact(
                partial(reigns.recover, lane=self.number, epoch=self._epoch, before=self._epoch, look=self._eyes.at)
            )
            self._dirty = True
            return
        before, self._seen = self._seen, replace(found, opening=None, retries=(), ended=())
        self._line.merged(found.moved)
        if found.revision != before.revision:
            pace = found.pace or Pace()
            self._throttle = self._throttles.of(pace, self._throttle)
            self._breaker.limit(pace.concurrency, self._options.max_in_flight)
            self._breaker.reset()
        if self._pass.see(found.token, self._clock.now()):
            self._breaker.hurry()
        if found.state is not LaneState.RUNNING or self._pass.waits(self._clock.now()):
            await self._put_down()
            return
        if found.retries or found.ended:
            await self._retry(found)
        if found.opening is not None:
            await self._open(found)
        await self._unpark(found)

    async def _unpark(self, found: Looked) -> None:
        """Make due what is due later than any wait could have set: a clock set back parks nothing."""
        latest = self._options.schedule.latest(found.profile, self._clock.now())
        if found.next_due is not None and found.next_due > latest:
            await self._store.transact(lambda unit: unit.owed.clamp(self.number, latest))
            self._dirty = True

    def _wanted(self) -> Wanted:
        now = self._clock.monotonic()
        free = 0 if self._stopping else self._free()
        free = min(free, self._throttle.room(now)) if self._throttle else free
        if self._breaker.open:
            return Wanted(batches=min(free, 1), events=min(free, 1), probe=True, turn=self._breaker.probes)
        self._looks += 1
        enough = len(self._line) >= UNRESOLVED // 2
        batches = (free + self._owed_next) // 2 if self._line.ready else free
        return Wanted(
            batches=batches, events=0 if enough else max(0, min(self._room(), 1000)), probe=False, turn=self._looks,
            busy=self._line.people, people=self._seen.people,
        )  # fmt: skip

    def _room(self) -> int:
        """Tell how many more events the lane may take in hand."""
        return UNRESOLVED - len(self._line) - sum(len(batch.parts) for batch in self._in_flight.values())

    def _free(self) -> int:
        """Tell how many requests may start now."""
        waits = self._pass.waits(self._clock.now())
        return 0 if waits else self._breaker.allows(self._clock.monotonic(), len(self._in_flight))

    def _throttled(self) -> bool:
        return self._throttle is not None and not self._throttle.room(self._clock.monotonic())

    async def _retry(self, found: Looked) -> None:
        mark = partial(
            commits.retry, lane=self.number, batches=found.retries, ended=found.ended, epoch=self._epoch,
            revision=found.revision,
        )  # fmt: skip
        for batch in await self._store.transact(mark):
            for part in batch.parts:
                self._line.occupy(part)
            if kept := self._allowed(batch):
                self._send(kept)
        self._dirty = True

    async def _open(self, found: Looked) -> None:
        opening = found.opening
        assert opening is not None
        free = await self._store.transact(partial(commits.open_window, opening=opening, epoch=self._epoch))
        if free is None:
            self._dirty = True
            return
        if free:
            self._windows.opened((opening.run, opening.after + 1), len(free))
            self._line.add(free, self._clock.monotonic())

    # -- sending ------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        if self._stopping or self._seen.state is not LaneState.RUNNING:
            return
        now, free = self._clock.monotonic(), self._free()
        while free > 0 and not self._throttled():
            batch = self._again.popleft() if self._again else self._line.take(now, self._options.batch_wait_s)
            if batch is None:
                return
            if kept := self._allowed(batch):
                self._send(kept)
                free -= 1

    def _allowed(self, batch: Batch) -> Batch | None:
        """Ask once more about suppression before it leaves."""
        barred = self._eyes.barred_now()
        if not barred:
            return batch
        stays = tuple(part for part in batch.parts if part.seq > barred.get(part.whose, 0))
        gone = tuple(part for part in batch.parts if part.seq <= barred.get(part.whose, 0))
        if gone:
            self._owing += [Finished(part, verdict.CANCELLED_SUPPRESSED, "") for part in gone]
            self._wake.set()
        return structs.replace(batch, parts=stays) if stays else None

    def _send(self, batch: Batch) -> None:
        self._numbers += 1
        self._in_flight[self._numbers] = batch
        self._owed_next = not batch.request  # of one slot, what is owed and what is new take turns
        if self._throttle:
            self._throttle.take()
        done = partial(self._hear, self._numbers)
        Talk(batch, self._carry, self._clock, done, probe=self._breaker.open, token=self._pass.token).begin()

    # -- settling -----------------------------------------------------------------------------------------

    def _hear(self, number: int, answered: Answered) -> None:
        """Lay an answer down for the next turn."""
        self._answers.add(number, answered, self._clock.monotonic())
        if not self._wake.is_set() and (len(self._answers) == 1 or self._ripe()):
            self._wake.set()

    def _take_in(self) -> None:
        """Tell the breaker of new answers, and when it opens, give back what has not left."""
        now = self._clock.monotonic()
        short = self._line.ready > 0 or self._is_due()
        while (answered := self._answers.next_unknown()) is not None:
            if self._breaker.passed_credentials:
                self._answers.passed()
            outcome = summary(answered.outcomes)
            if self._throttle and (after_s := held_s(outcome)):
                self._throttle.hold(now + after_s)
            again = outcome.what is Class.CREDENTIALS and self._pass.refused(answered.token, now)  # with a newer token
            if not again and self._breaker.heard(outcome, now, short=short, probe=answered.probe):
                self._owing += [Unsent(part) for part in self._drop_line()]

    def _ripe(self) -> bool:
        """Tell whether to settle: nothing more is on its way, or there is enough, or it has waited long enough."""
        alone = len(self._answers) == len(self._in_flight)
        return bool(self._owing) or self._stopping or alone or self._answers.enough(self._clock.monotonic())

    async def _settle(self) -> None:
        """Commit what was answered; whatever of it does not commit is kept for the next try."""
        answered = self._answers.known()
        if not answered and not self._owing:
            return
        done = settlement(
            [each for _, each in answered], self._options.schedule, self._clock.now(), self._entropy.fraction
        )
        for each in done.settled:
            if isinstance(each, Back):
                self._owing += [Held(part) for part in self._line.stalled(each.part)]
        again = done.again
        back: list[Part] = []
        if self._breaker.open:
            back = [part for batch in again for part in batch.parts]
            self._owing += [Held(each) for part in back for each in self._line.stalled(part)]
            again = ()
        taken = len(self._owing)
        owing = (*self._owing, *(Unsent(part) for part in back))
        settled = (*done.settled, *owing)
        if self._seen.state is LaneState.REMOVED:
            code = verdict.CANCELLED_REMOVED
            settled = tuple([one if isinstance(one, Finished) else Finished(one.part, code, "") for one in settled])
        await self._write(structs.replace(done, settled=settled, again=again))
        self._answers.drop(len(answered))
        self._owing = self._owing[taken:]
        for number, _ in answered:
            self._in_flight.pop(number, None)
        self._again.extend(again)
        self._let_go(settled)
        self._dirty = self._dirty or self._seen.owes

    def _let_go(self, settled: Iterable[Settled]) -> None:
        now = self._clock.monotonic()
        for each in settled:
            if isinstance(each, Finished):
                self._line.done(each.part, now)
            else:
                self._seen = replace(self._seen, owes=True)

    async def _write(self, done: Settlement) -> None:
        """Commit a settlement, and close the windows of which nothing is on its way any more."""
        leaving = self._windows.leaving(each.part for each in done.settled)
        closed = [home for home, n in leaving.items() if not n]
        why = self._breaker.why

        def write(unit: Unit) -> None:
            commits.settle(unit, self.number, done, self._epoch, closed=closed, keep_plain=self._options.keep_plain)
            if why != self._noted:
                unit.lanes.note_running(self.number, why)

        await self._store.transact(write)
        self._noted = why
        self._windows.left(leaving)

    # -- stopping -----------------------------------------------------------------------------------------

    def _drop_line(self, *, waiting_too: bool = False) -> tuple[Part, ...]:
        again = [part for batch in self._again for part in batch.parts]
        self._again.clear()
        behind = [each for part in again for each in self._line.stalled(part)]
        return (*again, *behind, *self._line.drain(waiting_too=waiting_too))

    async def _put_down(self) -> None:
        """Give back what has not left: somebody paused or removed the lane, or it stops."""
        self._take_in()
        self._owing += [Unsent(part) for part in self._drop_line(waiting_too=self._stopping)]
        await self._settle()

    async def _leave(self) -> None:
        try:
            with anyio.move_on_after(LEAVE_S, shield=True):
                while self._in_flight and not self._hurried:
                    self._take_in()
                    await self._settle()
                    if self._in_flight and not self._hurried:
                        await self._wake.wait()
                        self._wake = anyio.Event()
            with anyio.move_on_after(LEAVE_S, shield=True):
                await self._put_down()
        except Unavailable:
            telemetry.emit("lane_unsettled", lane=self.number)

    # -- resting ------------------------------------------------------------------------------------------

    def _reads_on(self) -> bool:
        """Tell whether the log goes on, and there is room and leave to read it."""
        room = len(self._line) < UNRESOLVED // 2 and self._room() > 0
        return self._seen.more and room and self._free() > 0

    def _is_due(self) -> bool:
        return self._seen.next_due is not None and self._seen.next_due <= self._clock.now()

    def _due(self) -> bool:
        return self._is_due() and not self._throttled() and self._free() > 0

    def _rest(self) -> float:
        on = self._reads_on() and not self._breaker.open  # a window of which nothing is sent wakes nobody
        if (self._answers and self._ripe()) or self._owing or ((self._dirty or on) and not self._stopping):
            return 0.0
        now = self._clock.monotonic()
        waits = [self._answers.wait_s(now) if self._answers else IDLE_S]
        if self._breaker.wait_s(now) > 0:
            waits.append(self._breaker.wait_s(now))
            if not self._in_flight:
                return min(waits) + 0.001
        if self._free():
            least = self._throttle.wait_s(now) if self._throttle else 0.0
            if self._seen.next_due is not None:
                waits.append(max(least, (self._seen.next_due - self._clock.now()) / 1e6))
            if (grown := self._line.grown_s(now, self._options.batch_wait_s)) is not None:
                waits.append(max(least, grown))
        return max(0.001, min(waits))
