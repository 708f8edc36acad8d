"""One connection's transactions, one after the other: nothing of one is left in the next, however it ended."""

from __future__ import annotations

import os
import threading
from contextlib import closing, nullcontext
from pathlib import Path

import anyio
import pytest

from support.engine import caller, track
from turnout.errors import InvalidInput, Unavailable
from turnout.event.model import LIVE
from turnout.ingest import ingest
from turnout.store.cache import Overlay
from turnout.store.connect import Error, connect_writer
from turnout.store.locks import Turnstile
from turnout.store.promise import Promise
from turnout.store.store import Store
from turnout.store.unit import Unit, View

BOUND_S = 60


def one(unit: Unit, message_id: str) -> int:
    return int(ingest(unit, (track(message_id, message_id),), caller(1)).first)


def end_by_itself(unit: Unit) -> int:
    """Do what SQLite does of itself when the disk is full."""
    one(unit, "lost")
    unit.session.connection.execute("ROLLBACK").close()
    raise Error("database or disk is full")


def told(promise: Promise[int]) -> int | str:
    """Wait for what came of a work: its result, or what it raised."""
    answered = threading.Event()
    if not promise.hear(answered.set):
        assert answered.wait(BOUND_S)
    try:
        return promise.result()
    except Unavailable:
        return "unavailable"


def test_a_transaction_that_ended_by_itself_costs_those_who_were_in_it_and_nobody_after(store: Store) -> None:
    store.commit(lambda unit: one(unit, "m1"))
    with Turnstile(store.folder).passed():  # no group begins meanwhile
        ended = store._submit(end_by_itself, 1)  # no public verb queues without waiting
        after = [store._submit(lambda unit, at=at: one(unit, f"m{at}"), 1) for at in (2, 3)]  # type: ignore[misc]
        in_it = store._submit(end_by_itself, 1)
        last = store._submit(lambda unit: one(unit, "lost"), 1)

    assert [told(each) for each in (ended, *after, in_it)] == ["unavailable"] * 4
    assert told(last) == 2
    assert store.look(lambda view: [each.person for each in view.log.after(0, 9)]) == [1, 2]
    assert store.commit(lambda unit: (one(unit, "m2"), one(unit, "m3"))) == (3, 4)


def test_what_was_withdrawn_never_runs_and_who_waits_behind_it_is_served(store: Store) -> None:
    ran = list[str]()
    with Turnstile(store.folder).passed():
        first, second = (store._submit(lambda _, who=who: ran.append(who), 1) for who in ("first", "second"))  # type: ignore[misc]
        third = store._submit(lambda unit: one(unit, "m1"), 1)
        assert first.withdraw()

    assert told(third) == 1
    assert ran == ["second"]
    assert second.done
    assert not first.done


@pytest.mark.parametrize("awake", [True, False])
def test_who_is_cancelled_before_its_turn_has_written_nothing(store: Store, *, awake: bool) -> None:
    async def cancelled() -> None:
        async with store.awake() if awake else nullcontext():
            with Turnstile(store.folder).passed():
                for at in range(5):
                    with anyio.CancelScope() as scope:
                        async with anyio.create_task_group() as tasks:
                            tasks.start_soon(store.transact, lambda unit, at=at: one(unit, f"lost{at}"))
                            await anyio.wait_all_tasks_blocked()
                            scope.cancel()
            with anyio.fail_after(BOUND_S):
                assert await store.transact(lambda unit: one(unit, "m1")) == 1

    anyio.run(cancelled)

    assert store.look(lambda view: view.counter.seq) == 2


def test_each_commit_begins_with_nothing_of_the_one_before(store: Store) -> None:
    def begin(unit: Unit) -> tuple[bool, int, int]:
        session = unit.session
        clean = session.overlays == [Overlay()] and not session.keys and not session.recorded
        return clean, unit.now, one(unit, f"m{unit.counter.seq}")

    def fail(unit: Unit) -> None:
        begin(unit)
        raise InvalidInput("no")

    found = []
    for _ in range(3):
        found.append(store.commit(begin))
        with pytest.raises(InvalidInput):
            store.commit(fail)

    assert [(clean, seq) for clean, _, seq in found] == [(True, 1), (True, 2), (True, 3)]
    assert len({now for _, now, _ in found}) == len(found)


def test_what_the_first_of_a_group_named_and_counted_before_it_failed_is_forgotten(store: Store) -> None:
    def fail(unit: Unit) -> int:
        one(unit, "lost")
        raise InvalidInput("no")

    with Turnstile(store.folder).passed():
        failed, after = store._submit(fail, 1), store._submit(lambda unit: one(unit, "m1"), 1)
    with pytest.raises(InvalidInput):
        told(failed)

    assert told(after) == 1
    assert store.look(lambda view: [each.name for each in view.log.after(0, 9)]) == ["Signed Up"]
    assert store.look(lambda view: view.log.namespaces()) == ((LIVE, 1),)


def test_looks_within_a_look_and_beside_it_have_a_view_of_their_own(store: Store) -> None:
    store.commit(lambda unit: one(unit, "m1"))

    def seqs(view: View) -> tuple[int, int]:
        return view.counter.seq, len(view.log.after(0, 9))

    def outer(view: View) -> tuple[tuple[int, int], ...]:
        before = seqs(view)
        store.commit(lambda unit: one(unit, "m2"))
        inner = store.look(seqs)
        with pytest.raises(InvalidInput):
            store.look(broken)
        return before, inner, seqs(view)

    def broken(view: View) -> None:
        raise InvalidInput(str(view.now))

    assert store.look(seqs) == (2, 1), "so one is idle"
    assert store.look(outer) == ((2, 1), (3, 2), (2, 1))
    assert store.look(seqs) == (3, 2)


@pytest.mark.parametrize(("pages", "kilobytes"), [(0, 8_192), ((1 << 18) - 1, 8_192), (1 << 18, 65_536)])
def test_a_writer_keeps_more_pages_of_a_database_that_reaches_beyond_the_lock_page(
    pages: int, kilobytes: int, tmp_path: Path
) -> None:
    path = tmp_path / "turnout.db"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE t (x)").close()
    if pages:  # as large as its header says, and nearly all of it holes
        with path.open("r+b") as file:
            file.seek(28)
            file.write(pages.to_bytes(4, "big"))
        os.truncate(path, pages * 4_096)

    with closing(connect_writer(path)) as connection:
        assert connection.execute("PRAGMA cache_size").fetchone() == (-kilobytes,)
