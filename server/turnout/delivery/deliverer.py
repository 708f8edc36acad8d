"""The one process that delivers: it holds `delivery.lock`, reigns under an epoch, runs lanes and upkeep.

Others stand by: each tries the lock every 100 ms, and begins when it is free. `serve` is preferred: it holds
`serve.lock`, and another that delivers and sees it held settles and hands over.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from turnout import telemetry
from turnout.clock import Clock
from turnout.delivery import reigns
from turnout.delivery.breaker import Throttles
from turnout.delivery.eyes import Eyes
from turnout.delivery.gates import Gates
from turnout.delivery.held import Token
from turnout.delivery.lane import Lane, Options
from turnout.delivery.tokens import Tokens
from turnout.entropy import Entropy
from turnout.errors import Superseded, Unavailable
from turnout.exchange import Append, Ask, Reply, Request
from turnout.store.lanes import LaneState
from turnout.store.locks import FileLock
from turnout.store.store import Store

STAND_BY_S = 0.1
"""How often the lock of a standing deliverer is tried."""
FAULT_S = 1.0
"""Rest of a lane that a fault of ours ended."""


class Sender(Protocol):
    """What carries HTTP."""

    def start(self, request: Request, done: Callable[[Reply], None]) -> object:
        """Send one request; `done` hears what came of it, later, from the loop."""
        ...


class Deliverer:
    """One process's readiness to deliver."""

    def __init__(
        self, store: Store, eyes: Eyes, sender: Sender, append: Callable[[Append], Reply], clock: Clock,
        entropy: Entropy, options: Options, upkeep: Callable[[int], Coroutine[Any, Any, None]], *, serves: bool,
    ) -> None:  # fmt: skip
        """Make it; `upkeep(epoch)` runs beside the lanes for as long as it reigns; `serves`: it is preferred."""
        self._store = store
        self._eyes = eyes
        self._sender = sender
        self._append = append
        self._clock = clock
        self._entropy = entropy
        self._options = options
        self._upkeep = upkeep
        self._serves = serves
        self._stopping = anyio.Event()
        self._ended = anyio.Event()
        self._hurried = False
        self._lanes: dict[int, Lane] = {}
        self._tasks: TaskGroup | None = None
        self._throttles = Throttles()
        self._gates = Gates(self._ask, clock, self._later)
        self._tokens = Tokens(store, eyes, sender.start, options.schedule.base_s)
        self._renewing: set[str] = set()
        self.reigns = False
        self._ending = False
        self._empty = anyio.Event()
        self._seen = -1
        self._other = anyio.Event()
        self._news: tuple[int, ...] = ()

    def stop(self, *, at_once: bool = False) -> None:
        """Ask it to settle and end; `at_once`: what is on its way is waited for no longer."""
        self._stopping.set()
        self._hurried = self._hurried or at_once
        for lane in self._lanes.values() if at_once else ():
            lane.stop(at_once=True)

    async def ended(self) -> None:
        """Wait until it has."""
        await self._ended.wait()

    def flights(self) -> Mapping[int, tuple[int, int]]:
        """Give, by lane, the requests on their way and how many may be."""
        return {number: lane.flight for number, lane in self._lanes.items()}

    async def run(self) -> None:
        """Stand by, reign, and stand by again, until stopped."""
        try:
            await self._run()
        finally:
            self._ended.set()

    async def _run(self) -> None:
        folder = self._store.folder
        delivery, serve = FileLock(folder / "delivery.lock"), FileLock(folder / "serve.lock")
        try:
            while not self._stopping.is_set():
                if self._serves:
                    serve.try_acquire()
                if (self._serves or _is_free(serve)) and delivery.try_acquire():
                    try:
                        await self._reign(serve)
                    finally:
                        delivery.release()
                with anyio.move_on_after(STAND_BY_S):
                    await self._stopping.wait()
        finally:
            delivery.close()
            serve.close()

    async def _reign(self, serve: FileLock) -> None:
        try:
            epoch = await self._store.transact(partial(reigns.take_over, look=self._eyes.at))
        except Unavailable as error:
            telemetry.emit("not_taken_over", reason=error.message)
            return
        self.reigns, self._ending = True, False
        telemetry.emit("took_over", epoch=epoch)
        why = "it ends"
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._upkeep, epoch)
                tasks.start_soon(self._follow, tasks, epoch)
                await self._until_over(serve)
                self._ending = True
                why = "it stops" if self._stopping.is_set() else "a server is there"
                self._empty = anyio.Event()
                if not self._lanes:
                    self._empty.set()
                for lane in self._lanes.values():
                    lane.stop(at_once=self._hurried)
                await self._empty.wait()
                tasks.cancel_scope.cancel()
        except* Superseded:
            why = "another process delivers"
        finally:
            self.reigns = False
            self._lanes.clear()
            telemetry.emit("handed_over", epoch=epoch, reason=why)

    async def _until_over(self, serve: FileLock) -> None:
        while not self._stopping.is_set() and (self._serves or _is_free(serve)):
            with anyio.move_on_after(STAND_BY_S):
                await self._stopping.wait()

    async def _follow(self, tasks: TaskGroup, epoch: int) -> None:
        """Keep a lane running for each destination, and wake them when something new was committed."""
        self._seen = -1
        with self._store.listen(self._hear):  # once a second at least
            while True:
                self._other = anyio.Event()
                if not self._ending and self._store.news.lanes != self._seen:
                    with suppress(Unavailable):  # it is looked for again within a second
                        await self._muster(tasks, epoch)
                await self._other.wait()

    def _hear(self) -> None:
        """Wake the lanes where something was committed, and whoever begins lanes where there may be others."""
        counter = self._store.news
        news = counter.lanes, counter.seq, counter.revision, counter.people, counter.regulations
        if news != self._news:
            self._news = news
            for lane in self._lanes.values():
                lane.wake()
        if counter.lanes != self._seen:
            self._other.set()

    async def _muster(self, tasks: TaskGroup, epoch: int) -> None:
        """Begin a lane for each destination that has none."""
        counter = self._store.news
        rows = await self._store.read(lambda view: view.lanes.all())
        if not self._ending:
            for row in rows:
                if row.lane not in self._lanes and row.state is not LaneState.REMOVED:
                    carry = partial(self._gates.carry, lane=row.lane)
                    lane = Lane(
                        row.lane, epoch, self._store, self._eyes, carry, self._clock, self._entropy, self._options,
                        self._throttles, self._renew,
                    )  # fmt: skip
                    self._lanes[row.lane] = lane
                    tasks.start_soon(self._carry, lane, epoch)
        self._seen = counter.lanes

    async def _carry(self, lane: Lane, epoch: int) -> None:
        """Run a lane to its end. One that a fault of ours ended is begun anew, what it had in hand in doubt."""
        try:
            await lane.run()
        except* Superseded:
            raise
        except* Exception as error:
            telemetry.emit("lane_broke", error, lane=lane.number)
            await self._recover(lane.number, epoch)
        finally:
            self._lanes.pop(lane.number, None)
            if self._ending and not self._lanes:
                self._empty.set()

    async def _recover(self, lane: int, epoch: int) -> None:
        """Owe again, in doubt, what a failed lane had in hand; tried until it commits."""
        again = partial(reigns.recover, lane=lane, epoch=epoch, before=epoch + 1, look=self._eyes.at)
        while True:
            await anyio.sleep(FAULT_S)
            try:
                await self._store.transact(again)
            except Unavailable:
                continue
            self._seen = -1
            return

    def _renew(self, token: Token) -> None:
        """Have a token renewed, once for all who ask."""
        key = token.bound.destination.id
        if self._tasks is not None and not self._ending and key not in self._renewing:
            self._renewing.add(key)
            self._tasks.start_soon(self._renewed, token)

    async def _renewed(self, token: Token) -> None:
        rest_s: float | None = None
        try:
            rest_s = await self._tokens.renew(token)
        except Exception as error:
            telemetry.emit("token_refused", error, destination=token.bound.destination.id, reason="a fault of ours")
        finally:
            self._renewing.discard(token.bound.destination.id)
        if rest_s:
            await anyio.sleep(rest_s)
            if lane := self._lanes.get(token.bound.destination.lane):
                lane.wake()

    def _ask(self, ask: Ask, done: Callable[[Reply], None]) -> None:
        if isinstance(ask, Append):
            assert self._tasks is not None
            self._tasks.start_soon(self._write, ask, done)
        else:
            self._sender.start(ask, done)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it then; what this reign has not called when it ends is not called."""
        if self._tasks is not None:
            self._tasks.start_soon(_after, seconds, call)

    async def _write(self, ask: Append, done: Callable[[Reply], None]) -> None:
        done(await anyio.to_thread.run_sync(self._append, ask))


async def _after(seconds: float, call: Callable[[], None]) -> None:
    await anyio.sleep(seconds)
    call()


def _is_free(serve: FileLock) -> bool:
    """Tell whether no `serve` holds its lock."""
    free = serve.try_share()
    if free:
        serve.release()
    return free
