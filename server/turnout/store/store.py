"""The store's door: it takes a function, and when it answers, what the function wrote is durable.

`commit` and `look` are for threads, `transact` and `read` for the event loop, `changed` waits for somebody's
commit. Any number of processes open one directory; each has one writer, some readers, and forgets nothing
over a fork: before it everything is closed, after it both sides open what they use.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from turnout.clock import Clock
from turnout.entropy import Entropy
from turnout.errors import LimitExceeded, Unavailable
from turnout.store import connect, erasures, fork, space, swap, tail, vault
from turnout.store.connect import Connection
from turnout.store.locks import FileLock, Turnstile, is_free
from turnout.store.news import News
from turnout.store.promise import Heard, Promise
from turnout.store.reader import Readers, Shut
from turnout.store.session import Counter
from turnout.store.tally import Tally
from turnout.store.unit import Unit, View
from turnout.store.vault import Vault
from turnout.store.wake import Wake
from turnout.store.writer import PATIENCE_S, Writer

T = TypeVar("T")

POLL_S = 0.02
"""How often others' commits are looked for while the loop runs. Source: ENGINE.md 1."""
EACH_S = round(1 / POLL_S)
TAIL_S = 1.0
SCHEMA = 6

SPACE_S = 1.0
"""How old a look at the free disk may be."""

_left: list[object] = []
"""Writers that stand behind a frozen process, with their locks: never closed, for they may yet get their turn."""


class Store:
    """One workspace, opened by one process."""

    def __init__(self, folder: Path, clock: Clock, entropy: Entropy, *, accept_loss: bool = False) -> None:
        """Remember where it is; `open` or the first use opens it."""
        self.folder = folder
        self.path = folder / "turnout.db"
        self.clock = clock
        self.entropy = entropy
        self.missing = 0
        self.tally = Tally()
        self._accept_loss = accept_loss
        self.gate = threading.RLock()
        self._writer: Writer | None = None
        self._readers: Readers | None = None
        self._turnstile: Turnstile | None = None
        self._open_lock: FileLock | None = None
        self._vault: Vault | None = None
        self._tail_at = 0.0
        self._space_at = -1e9
        self._low = False
        self._retired = ""
        self._identity = (0, 0)
        self._loop = Wake()
        self.listen = self._loop.listen
        self._beside: list[Callable[[], None]] = []
        self._news = News(self.path, self.gate)
        fork.know(self)

    # -- opening and closing ------------------------------------------------------------------------------

    def open(self) -> Store:
        """Open, making the workspace where there is none. Raises: Unavailable, with what to do."""
        with self.gate:
            fork.heed()
            if self._retired:
                raise Unavailable(self._retired)
            if self._writer is None:
                try:
                    self._open()
                except OSError as error:
                    raise connect.unusable(self.folder, error) from error
        return self

    @property
    def is_open(self) -> bool:
        """Tell whether it holds files and locks."""
        return self._writer is not None

    def close(self) -> None:
        """Commit what is queued, write the tail, close inside the turnstile."""
        with self.gate:
            if self._writer is not None and not sys.is_finalizing():  # then its thread is gone, and nothing waits
                self._tail_at = -TAIL_S
                try:
                    self.commit(lambda _: None)
                except Unavailable:
                    self._tail_at = 0.0
                self._close()

    def retire(self, why: str) -> None:
        """Close for good: whoever uses it from now on is told `why`."""
        with self.gate:
            self._retired = why
            self.close()

    @property
    def vault(self) -> Vault:
        """The keys of the workspace."""
        self.open()
        assert self._vault is not None
        return self._vault

    def low_on_disk(self) -> bool:
        """Tell whether too little disk is free to take events in; looked up once a second, so not on a loop."""
        if self._is_time_to_look():
            self._low = space.low(self.folder)
        return self._low

    def require_room(self) -> None:
        """Refuse to take events in while the disk is nearly full, or a loss is not accepted.

        Raises: LimitExceeded, Unavailable.
        """
        self.low_on_disk()
        self._refuse_without_room()

    async def require_room_soon(self) -> None:
        """Do the same on a loop: one task looks, in a thread, and the others go by what was found before."""
        if self._is_time_to_look():
            self._low = await anyio.to_thread.run_sync(space.low, self.folder)
        self._refuse_without_room()

    def _refuse_without_room(self) -> None:
        if self.missing:
            raise Unavailable(tail.lost(self.missing), missing=self.missing)
        if self._low:
            raise LimitExceeded(
                f"{space.LITTLE}: no event is taken in until there is more; free some and try again", retry_after_s=10
            )

    def _is_time_to_look(self) -> bool:
        now = self.clock.monotonic()
        if now - self._space_at <= SPACE_S:
            return False
        self._space_at = now
        return True

    # -- for threads --------------------------------------------------------------------------------------

    def commit(self, function: Callable[[Unit], T], weight: int = 1) -> T:
        """Run a function in a transaction and wait for its commit. Raises: what it raises; Unavailable."""
        done = threading.Lock()
        done.acquire()
        promise = self._submit(function, weight, done.release)
        if not done.acquire(timeout=PATIENCE_S) and promise.withdraw():
            raise self.frozen()
        if not promise.done:  # of what runs, only the end tells whether it committed
            done.acquire()
        return promise.result()

    def look(self, function: Callable[[View], T]) -> T:
        """Run a function over one consistent state."""
        while True:
            try:
                return self._reading().look(function)
            except Shut:  # it was closed in between, for a fork: the next pool is open
                continue

    # -- for the event loop -------------------------------------------------------------------------------

    @asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """Hear, within this block, of commits: needed by `changed`, and `transact` waits for less."""
        await anyio.to_thread.run_sync(self.open)
        await anyio.to_thread.run_sync(self._news.look)
        try:
            async with anyio.create_task_group() as tasks:
                self._loop.begin()
                tasks.start_soon(self._watch)
                try:
                    yield
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            self._loop.end()
            self._news.close()

    async def transact(self, function: Callable[[Unit], T], weight: int = 1) -> T:
        """Run a function in a transaction and await its commit. Raises: what it raises; Unavailable."""
        promise = await self._queued(function, weight)
        try:
            await self._loop.answered(promise, PATIENCE_S)
        finally:
            withdrawn = promise.withdraw()
        if withdrawn:
            raise self.frozen()
        while not promise.done:
            await self._loop.answered(promise, PATIENCE_S)
        return promise.result()

    async def read(self, function: Callable[[View], T]) -> T:
        """Run a function over one consistent state, in a thread."""
        return await anyio.to_thread.run_sync(self.look, function)

    async def changed(self, timeout_s: float) -> None:
        """Wait for anybody's next commit, at most so long."""
        changed = self.mark()
        with anyio.move_on_after(timeout_s):
            await changed.wait()

    def mark(self) -> anyio.Event:
        """Give what the next commit of anybody will set. Take it, then look, then wait for it: nothing is missed."""
        return self._loop.mark()

    @property
    def news(self) -> Counter:
        """The counter row as of the last commit that was noticed, within `awake`."""
        counter = self._news.counter
        assert counter is not None, "only who is awake hears news"
        return counter

    def catch_up(self) -> Counter:
        """Give the counter row as of now, within `awake`: what somebody has committed is in it. Raises: Unavailable."""
        if self._news.glimpse():
            self._loop.notice()
        return self.news

    def beside(self, close: Callable[[], None]) -> None:
        """Call this whenever the store closes, before a fork too: for who opens the database or the locks itself."""
        self._beside.append(close)

    # -- what the writer asks -----------------------------------------------------------------------------

    def connect(self) -> Connection:
        """Open the connection that writes, to the file that was opened and to no other."""
        connect.require_same(self.path, self._identity)
        return connect.connect_writer(self.path)

    def pass_turnstile(self) -> Callable[[], None]:
        """Wait for our turn; give what ends it."""
        assert self._turnstile is not None
        self._turnstile.enter()
        return self._turnstile.leave

    def committed(self, counter: Counter) -> None:
        """Take note of the state; of the highest seq beside the database too, now and then."""
        self._news.counter = counter
        now = self.clock.monotonic()
        if now - self._tail_at >= TAIL_S and not self.missing:  # a loss stays noted until somebody accepts it
            self._tail_at = now
            with suppress(OSError):  # the commit stands, whatever becomes of its note
                tail.write(self.folder / "tail", counter.seq)

    def answered(self) -> None:
        """Wake who waits for an answer, or for news."""
        self._loop.ring()

    def nobody_delivers(self) -> bool:
        """Tell whether no process holds the deliverer's lock; asked by the writer's thread alone."""
        return is_free(self.folder / "delivery.lock")

    # -- inside -------------------------------------------------------------------------------------------

    def _submit(self, function: Callable[[Unit], T], weight: int, heard: Heard | None = None) -> Promise[T]:
        if sys.is_finalizing():
            raise Unavailable("the interpreter is ending, and its threads are gone; nothing was stored")
        with self.gate:
            self.open()
            assert self._writer is not None
            return self._writer.submit(function, weight, heard)

    async def _queued(self, function: Callable[[Unit], T], weight: int) -> Promise[T]:
        """Queue it at once, or in a thread where that means to open first, or to wait for whoever opens or closes."""
        if self.gate.acquire(blocking=False):
            try:
                if self._writer is not None and not sys.is_finalizing():
                    fork.heed()
                    return self._writer.submit(function, weight)
            finally:
                self.gate.release()
        return await anyio.to_thread.run_sync(self._submit, function, weight)

    def _reading(self) -> Readers:
        with self.gate:
            self.open()
            assert self._readers is not None
            return self._readers

    def frozen(self, turnstile: Turnstile | None = None) -> Unavailable:
        """Say who holds the write lock and does not move."""
        entered = turnstile or self._turnstile
        holder = entered.holder() if entered else 0
        who, fix = f"process {holder} holds the write lock and does not move", "Continue or end that process, then try"
        if holder in {0, os.getpid()}:
            who, fix = "this process's own writer is still busy, perhaps on a slow disk", "Try"
        return Unavailable(f"{who}; nothing was stored. {fix} again", process=holder)

    def _open(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        connect.refuse_network(self.folder)
        with ExitStack() as undo:
            opening = FileLock(self.folder / "open.lock")
            undo.callback(opening.close)
            turnstile = Turnstile(self.folder)
            undo.callback(turnstile.close)
            swap.enter(self.folder, opening)
            promised = tail.read(self.folder / "tail")
            if not turnstile.enter_within(PATIENCE_S):
                raise self.frozen(turnstile)
            try:
                self._vault = self._keys()
                stored = self._prepare(opening)
            finally:
                turnstile.leave()
            writer = Writer(self, self._vault, self.entropy, self.clock.now)
            writer.start()
            undo.pop_all()
        self.missing = 0 if self._accept_loss else max(0, promised - stored)
        self._open_lock, self._turnstile, self._writer = opening, turnstile, writer
        self._readers = Readers(self.path, self._vault, self.entropy, self.clock.now)

    def _keys(self) -> Vault:
        fresh, noted = not (self.path.exists() and self.path.stat().st_size), self.folder / "erasures"
        found = vault.find(self.folder / "keys", self.path, self.entropy)
        if fresh and not noted.exists():
            erasures.write(noted, erasures.Book(str(found.workspace), self.clock.now()))
        return found

    def _prepare(self, opening: FileLock) -> int:
        """Bring the schema up to date and compare the keys; give the next seq."""
        assert self._vault is not None
        try:
            connection = connect.connect_writer(self.path)
            self._identity = connect.opened(self.path)
        except connect.Error as error:
            raise connect.unreadable(error) from error
        try:
            found = connect.read_pragma(connection, "user_version")
            if found != SCHEMA:
                self._migrate(connection, found, opening)
            cursor = connection.execute("SELECT keys, seq FROM counter")
            keys, seq = cursor.fetchone()
            cursor.close()
        except connect.UNREADABLE as error:
            raise connect.unreadable(error) from error
        finally:
            connection.close()
        if bytes(keys) != self._vault.check():
            raise Unavailable("the file `keys` belongs to another workspace; put back the one of this data directory")
        return int(seq)

    def _migrate(self, connection: Connection, found: int, opening: FileLock) -> None:
        from turnout.store.migrate import migrate  # noqa: PLC0415 - sqlite-utils takes 0.1 s, and the schema is nearly always current

        assert self._vault is not None
        if 0 < found < SCHEMA and not opening.try_acquire():  # our own share becomes the whole of it
            raise Unavailable(f"the workspace must be migrated, and {opening.sharers()} it open; stop them first")
        migrate(connection, self._vault)
        opening.share()

    def _close(self) -> None:
        assert self._writer is not None
        assert self._readers is not None
        assert self._turnstile is not None
        assert self._open_lock is not None
        for close in self._beside:
            close()
        self._news.close()
        self._readers.close()
        if self._writer.stop():
            self._turnstile.close()
            self._open_lock.close()
        else:
            _left.append((self._writer, self._turnstile, self._open_lock))
        self._writer = self._readers = self._turnstile = self._open_lock = None

    async def _watch(self) -> None:
        """Notice what others commit. While this process does, each ring is a notice; the look after the last sees all.

        Each second is noticed too: who waits for a change looks at its own clock then, and needs no timer.
        """
        for turn in itertools.count(1):
            with suppress(Unavailable):  # a disk that cannot be read now is looked at again, and whoever reads says so
                if (not self._loop.was_rung() and self._news.look()) or turn % EACH_S == 0:
                    self._loop.notice()
            self._loop.hurry()
            await anyio.sleep(POLL_S)
