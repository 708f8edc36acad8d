"""Who waits for the writer: what is taken up cannot be withdrawn, and what is withdrawn is not taken up."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from turnout.store.promise import Promise


def test_what_is_answered_is_told_to_whoever_heard_before_and_after() -> None:
    promise, told = Promise[int](), list[str]()
    assert not promise.hear(lambda: told.append("before"))
    assert promise.take()
    promise.answer(3)

    assert told == ["before"]
    assert promise.hear(lambda: told.append("after")), "it need not wait"
    assert promise.done
    assert promise.result() == 3


def test_what_failed_raises_what_the_work_raised() -> None:
    promise = Promise[int]()
    promise.fail(ValueError("of the work"))

    with pytest.raises(ValueError, match="of the work"):
        promise.result()


def test_what_is_taken_up_is_not_withdrawn_and_the_other_way_round() -> None:
    taken, withdrawn = Promise[int](), Promise[int]()

    assert taken.take()
    assert not taken.withdraw()
    assert not taken.withdrawn
    assert withdrawn.withdraw()
    assert withdrawn.withdraw(), "it stays so"
    assert not withdrawn.take()


def test_of_a_writer_and_a_waiter_at_once_exactly_one_has_it() -> None:
    for _ in range(200):
        promise, both, found = Promise[int](), Barrier(2), dict[str, bool]()

        def writer(promise: Promise[int] = promise, both: Barrier = both, found: dict[str, bool] = found) -> None:
            both.wait()
            found["taken"] = promise.take()

        thread = Thread(target=writer)
        thread.start()
        both.wait()
        found["withdrawn"] = promise.withdraw()
        thread.join()

        assert sorted(found.values()) == [False, True], found
