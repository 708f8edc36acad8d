"""ENGINE.md 8, row by row: a real process dies by kill -9 at a named point; the next one finds what the table says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import law
from support.destination import Received, Recorder, Scripted
from support.engine import connect, open_store, record, track
from support.worker import Worker, start, until
from turnout.delivery import verdict
from turnout.store.deliveries import Final, RequestRow
from turnout.store.owed import Owed
from turnout.store.store import Store
from turnout.store.unit import View


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    opened = open_store(data_dir)
    opened.commit(connect)
    yield opened
    opened.close()


def dying(store: Store, vendor: Recorder, *words: str) -> None:
    """Run a deliverer to its death."""
    start(store.folder.parent / "dying", "deliver", str(store.folder), "--url", vendor.url, *words).killed()


def resume(store: Store, vendor: Recorder) -> Worker:
    return start(store.folder.parent / "next", "deliver", str(store.folder), "--url", vendor.url)


def finish(store: Store, vendor: Recorder) -> None:
    """Run a deliverer until nothing is owed or on its way, then stop it."""
    worker = resume(store, vendor)
    worker.await_ready()
    until(lambda: not store.look(_open))
    assert worker.stop() == 0
    assert not store.look(law.broken)
    assert not store.look(_open)


def _open(view: View) -> bool:
    run = view.lanes.run(1, 0)
    assert run is not None
    return view.owed.any(1) or bool(view.lanes.windows()) or run.cursor < view.counter.seq - 1


def finals(store: Store, seq: int = 1) -> tuple[Final, ...]:
    return store.look(lambda view: view.deliveries.of_event(1, 0, seq))


def tries(store: Store, seq: int = 1) -> tuple[RequestRow, ...]:
    (row,) = finals(store, seq)
    return store.look(lambda view: view.deliveries.tries(1, 0, (seq, row.part), 0))


def dedupe_ids(received: list[Received]) -> set[str | None]:
    return {request.header("webhook-id") for request in received}


def owed_after_take_over(store: Store) -> tuple[Owed, ...]:
    return store.look(lambda view: view.owed.of_event(1, 0, 1))


def test_killed_before_the_commit_of_record_leaves_nothing_and_the_client_tries_again(store: Store) -> None:
    start(store.folder.parent / "out", "record", str(store.folder), "--die", "before").killed()
    assert store.look(lambda view: view.counter.seq) == 1

    again = record(store, track("e-0", "e-u0"))

    assert [getattr(entry, "repeated", None) for entry in again.entries] == [False]
    assert store.look(lambda view: view.log.bounds()) == (1, 1)


def test_killed_after_the_commit_of_record_keeps_the_event_and_the_repeat_is_seen(store: Store) -> None:
    worker = start(store.folder.parent / "out", "record", str(store.folder), "--die", "after")
    worker.killed()
    assert worker.lines() == ["ready"]

    again = record(store, track("e-0", "e-u0"))

    assert [getattr(entry, "repeated", None) for entry in again.entries] == [True]
    assert store.look(lambda view: view.log.bounds()) == (1, 1)


def test_killed_before_sending_makes_it_unknown_and_sends_it_once(store: Store, vendor: Recorder) -> None:
    record(store, track("m1"))
    dying(store, vendor, "--die", "before_send", "--at", "1")
    assert len(store.look(lambda view: view.lanes.windows())) == 1
    assert not vendor.received

    finish(store, vendor)

    assert len(vendor.received) == 1
    (final,) = finals(store)
    assert final.code == verdict.DELIVERED
    assert [row.n for row in tries(store)] == [2]


def test_killed_while_sending_sends_it_again_under_the_same_id(store: Store, vendor: Recorder) -> None:
    vendor.answer(Scripted(act="hang"))
    record(store, track("m1"))
    worker = start(store.folder.parent / "dying", "deliver", str(store.folder), "--url", vendor.url)
    vendor.wait_for(1)
    worker.kill()
    assert len(store.look(lambda view: view.lanes.windows())) == 1

    finish(store, vendor)

    assert len(vendor.received) == 2
    assert dedupe_ids(vendor.received) == {"m1"}
    assert [row.n for row in tries(store)] == [2]


def test_killed_with_the_answer_but_not_the_settle_sends_it_again_under_the_same_id(
    store: Store, vendor: Recorder
) -> None:
    record(store, track("m1"))
    dying(store, vendor, "--die", "answered", "--at", "1")
    assert finals(store) == ()

    finish(store, vendor)

    assert len(vendor.received) == 2
    assert dedupe_ids(vendor.received) == {"m1"}


def test_a_take_over_names_the_doubt(store: Store, vendor: Recorder) -> None:
    record(store, track("m1"))
    dying(store, vendor, "--die", "answered", "--at", "1")
    vendor.script.default = Scripted(act="hang")

    dying_again = start(
        store.folder.parent / "again", "deliver", str(store.folder), "--url", vendor.url, "--die", "before_send",
        "--at", "1",
    )  # fmt: skip
    dying_again.killed()

    (row,) = owed_after_take_over(store)
    assert (row.tries, store.look(lambda view: view.deliveries.reason(row.reason))) == (1, "crash")
    assert not store.look(law.broken)


def test_killed_after_the_settle_sends_nothing_again(store: Store, vendor: Recorder) -> None:
    record(store, track("m1"))
    dying(store, vendor, "--die", "settled", "--at", "1")
    (final,) = finals(store)
    assert final.code == verdict.DELIVERED

    finish(store, vendor)

    assert len(vendor.received) == 1


def test_a_retry_that_was_sent_and_not_settled_is_unknown_again(store: Store, vendor: Recorder) -> None:
    vendor.answer(Scripted(status=503))
    record(store, track("m1"))
    dying(store, vendor, "--die", "answered", "--at", "2")
    (row,) = owed_after_take_over(store)
    open_request = store.look(lambda view: view.deliveries.request(row.request))
    assert open_request is not None
    assert open_request.outcome is None

    finish(store, vendor)

    assert dedupe_ids(vendor.received) == {"m1"}
    assert [(each.n, each.outcome) for each in tries(store)] == [(1, "http_503"), (2, "crash"), (3, "delivered")]


def test_a_database_behind_its_tail_says_how_many_events_are_missing(store: Store) -> None:
    record(store, *(track(f"m{at}") for at in range(5)))
    store.close()
    (store.folder / "tail").write_bytes(b"%-20d\n" % 16)

    store.open()

    assert store.missing == 10
    record(store, track("later"))
    store.close()
    assert store.open().missing > 0
