"""The one thread of a process that writes: it takes what waits, commits once for all, and answers all.

Each caller's function runs as in a savepoint of its own: what it raises is its own, what it wrote is then gone.
After any error the transaction must still be open (SQLite rolls back all of it when the disk is full, and
what followed would commit by itself): if it is not, nobody of the group has written anything.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, Protocol

from turnout import telemetry
from turnout.entropy import Entropy
from turnout.errors import Unavailable
from turnout.store import counts, log, messages
from turnout.store.ahead import Ahead
from turnout.store.cache import Cache, Overlay
from turnout.store.connect import Connection, Error, IntegrityError, fit_cache
from turnout.store.promise import Heard, Promise
from turnout.store.session import Counter, Session, write_counter
from turnout.store.tally import Tally
from turnout.store.unit import Unit
from turnout.store.vault import Vault

GROUP_EVENTS = 100
GROUP_S = 0.005
"""Bounds of a group: one of 400 events held the turnstile for 17 ms. Source: ENGINE.md 1."""
GROUP_SLOW_S = 0.1
"""On a slow disk a group may gather for as long as the last commit took, and for no longer than this."""

WAL_PAGES = 24_000
"""96 MB of 4 KB pages. Source: ENGINE.md 1."""
LOOK_S = 1.0

BEGIN_AGAIN = ("ROLLBACK", "BEGIN IMMEDIATE")
GO_BACK = ("ROLLBACK TO one", "RELEASE one")
"""How what a function wrote goes: of the first of a group with the transaction, for the turnstile is still ours."""

PATIENCE_S = 10.0
"""How long a caller waits for its turn behind a frozen process before its work is withdrawn."""


class Ways(Protocol):
    """What the writer asks of the store it belongs to."""

    tally: Tally
    path: Path

    def connect(self) -> Connection:
        """Open the connection that writes."""
        ...

    def pass_turnstile(self) -> Callable[[], None]:
        """Wait for our turn; give what ends it."""
        ...

    def committed(self, counter: Counter) -> None:
        """Hear that a commit is done, the turnstile still ours; `counter` is the row as it left it."""
        ...

    def answered(self) -> None:
        """Hear that a group's callers have their answers."""
        ...

    def nobody_delivers(self) -> bool:
        """Tell whether no process delivers, and so none checkpoints."""
        ...


class Work:
    """One caller's function, and where its answer goes."""

    __slots__ = ("at", "function", "promise", "weight")

    def __init__(self, function: Callable[[Unit], Any], weight: int) -> None:
        """Begin to wait."""
        self.function = function
        self.weight = weight
        self.promise: Promise[Any] = Promise()
        self.at = time.monotonic()


class Writer:
    """The thread and its queue."""

    def __init__(self, ways: Ways, vault: Vault, entropy: Entropy, now: Callable[[], int]) -> None:
        """Prepare; `start` begins."""
        self._ways = ways
        self._vault = vault
        self._entropy = entropy
        self._now = now
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._unit: Unit | None = None
        self._ahead: Ahead | None = None
        self._thread = threading.Thread(target=self._loop, name="turnout-writer", daemon=True)
        self._looked = 0.0
        self._took = 0.0
        self.cache = Cache()

    def start(self) -> None:
        """Begin. Raises: Unavailable."""
        try:
            self._thread.start()
        except RuntimeError as error:  # the interpreter ends, or the system has no more threads
            raise Unavailable(f"the thread that writes does not start ({error}); nothing was stored") from error
        self._ways.tally.length = self._queue.qsize

    def submit(self, function: Callable[[Unit], Any], weight: int = 1, heard: Heard | None = None) -> Promise[Any]:
        """Queue a function; its answer comes after the commit, or its error; then `heard` is called."""
        work = Work(function, weight)
        if heard is not None:
            work.promise.hear(heard)
        self._queue.put(work)
        return work.promise

    def stop(self) -> bool:
        """Finish what is queued, close inside the turnstile (the last close checkpoints by itself), and end.

        Gives False when the thread stands behind a frozen process: it is left to wait there.
        """
        self._queue.put(None)
        self._thread.join(PATIENCE_S)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        last = False
        while not last:
            first = self._queue.get()
            if first is None:
                break
            self._ways.tally.since = first.at
            last = self._group(first)
            self._ways.tally.since = 0.0
        if self._unit is not None:
            leave = self._ways.pass_turnstile()
            try:
                self._let_go()
            finally:
                leave()

    def _group(self, first: Work) -> bool:
        """Run one group; give whether the queue said to stop."""
        try:
            leave = self._ways.pass_turnstile()
        except OSError as error:
            _fail(
                [first],
                Unavailable(f"the locks of the data directory cannot be taken ({error.strerror}); nothing was stored"),
            )
            self._ways.answered()
            return False
        done: list[tuple[Work, Any, Exception | None]] = []
        try:
            last = self._run(first, done)
        finally:
            leave()
        for work, result, failure in done:
            if failure is None:
                work.promise.answer(result)
            else:
                work.promise.fail(failure)
        self._ways.answered()
        return last

    def _run(self, first: Work, done: list[tuple[Work, Any, Exception | None]]) -> bool:
        taken: list[Work] = []
        last = False
        try:
            unit = self._unit = self._unit or self._begin()
            session, connection = unit.session, unit.session.connection
            connection.execute("BEGIN IMMEDIATE").close()
            self._ahead = self._ahead or Ahead(self._ways.path)
            session.begin(self._now())
            until = time.monotonic() + max(GROUP_S, min(self._took, GROUP_SLOW_S))
            weight = 0
            work: Work | None = first
            while work is not None:
                if work.promise.take():
                    taken.append(work)
                    done.append((work, *_attempt(unit, work.function, first=len(taken) == 1)))
                    weight += work.weight
                    _still_open(connection)
                if weight >= GROUP_EVENTS or time.monotonic() > until:
                    break
                work, last = self._next()
            self._commit(session)
        except Exception as error:
            self._broken(taken or [each for each in [first] if each.promise.take()], error, done)
        else:
            self._tend(connection)
        return last

    def _next(self) -> tuple[Work | None, bool]:
        try:
            work = self._queue.get_nowait()
        except queue.Empty:
            return None, False
        return work, work is None

    def _begin(self) -> Unit:
        return Unit(Session(self._ways.connect(), self._vault, self.cache, self._entropy))

    def _commit(self, session: Session) -> None:
        messages.order(session)
        log.flush(session)
        counts.flush(session)
        if session.counter_changed():
            write_counter(session.connection, session.counter)
        if self._ahead is not None:
            self._ahead.make()
        began = time.monotonic()
        session.connection.execute("COMMIT").close()
        self._took = time.monotonic() - began
        self.cache.people = session.counter.people
        self.cache.regulations = session.counter.regulations
        self.cache.merge(session.overlay, session.start, session.counter.seq)
        self.cache.ids.heed(session.counter.ordered)
        self._ways.tally.committed(session.recorded)
        self._ways.committed(session.counter)

    def _tend(self, connection: Connection) -> None:
        """Once a second: keep as many pages as pay; where the WAL is over 96 MB and no process delivers, checkpoint.

        What fails here fails no caller: the commit stands, and a later group looks again.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            fit_cache(connection)
            if _pages(connection, "NOOP") > WAL_PAGES and self._ways.nobody_delivers():
                connection.execute("PRAGMA busy_timeout=0").close()
                _pages(connection, "TRUNCATE")
                connection.execute("PRAGMA busy_timeout=10000").close()
        except (Error, OSError):
            self._give_up()

    def _broken(self, taken: list[Work], error: Exception, done: list[tuple[Work, Any, Exception | None]]) -> None:
        """Tell all of a group that nothing was stored."""
        reason = str(error) if isinstance(error, Error) else type(error).__name__
        telemetry.emit("commit_failed", error, failures=self._ways.tally.broke(), reason=reason)
        self._give_up()
        told = getattr(error, "strerror", None) or error  # without the path: whoever may send may read it
        why = Unavailable(f"the commit failed ({told}); nothing was stored, try again", cause=str(error))
        done[:] = [(work, None, why) for work in taken]

    def _give_up(self) -> None:
        """Close the connection: pages may be marked clean that never reached the disk."""
        self.cache = Cache()
        with suppress(Error):
            self._let_go()

    def _let_go(self) -> None:
        """Close the database, and the WAL before it."""
        ahead, self._ahead = self._ahead, None
        unit, self._unit = self._unit, None
        if ahead is not None:
            ahead.close()
        if unit is not None:
            unit.session.connection.close()


def _attempt(unit: Unit, function: Callable[[Unit], Any], *, first: bool) -> tuple[Any, Exception | None]:
    """Run one function, so that nothing of it stays when it fails: the first of a group needs no savepoint for that."""
    session = unit.session
    connection = session.connection
    if not first:
        connection.execute("SAVEPOINT one").close()
        session.overlays.append(Overlay())
    saved = copy(session.counter)
    try:
        result = function(unit)
    except Exception as error:  # the caller's, whose savepoint it is
        session.overlays[-1:] = [Overlay()] if first else []
        session.counter = saved
        if connection.in_transaction:
            for statement in BEGIN_AGAIN if first else GO_BACK:
                connection.execute(statement).close()
        return None, _named(error)
    if not first:
        connection.execute("RELEASE one").close()
        overlay = session.overlays.pop()
        session.overlay.absorb(overlay)
    return result, None


def _pages(connection: Connection, how: str) -> int:
    """Checkpoint, or (NOOP, which an older SQLite takes for PASSIVE) only look; give the pages in the WAL."""
    cursor = connection.execute(f"PRAGMA wal_checkpoint({how})")
    pages = int(cursor.fetchone()[1])
    cursor.close()
    return pages


def _still_open(connection: Connection) -> None:
    if not connection.in_transaction:
        raise Error("the transaction ended by itself")


def _named(error: Exception) -> Exception:
    """Say what a failing disk means to the caller; a broken constraint is a fault of ours and stays one."""
    if isinstance(error, Error) and not isinstance(error, IntegrityError):
        return Unavailable(f"the write failed ({error}); nothing was stored, try again", cause=str(error))
    return error


def _fail(works: list[Work], error: Exception) -> None:
    for work in works:
        if work.promise.take():
            work.promise.fail(error)
