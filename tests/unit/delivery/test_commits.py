"""The commits of a lane on their own: what a blocking head and a take-over do to the queue."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from support import law
from support.engine import Poster, connect, eyes, open_store, part, record, track
from support.workspace import StillClock
from turnout import document
from turnout.clock import MINUTE
from turnout.delivery import commits, endings, reigns, verdict
from turnout.delivery.batch import pack, request_id
from turnout.delivery.look import Wanted, look
from turnout.delivery.schedule import BLOCK_EVENTS, BLOCK_US, Schedule
from turnout.delivery.settlement import OVERTOOK, Answered, Back, Settlement, settlement
from turnout.document import Json
from turnout.errors import Superseded
from turnout.event.model import LIVE, TEST, Call
from turnout.exchange import Class, Dedupe, Order, Outcome
from turnout.identity.model import Identifier, IdType
from turnout.store.owed import Owed, OwedState
from turnout.store.store import Store
from turnout.store.unit import Unit


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    opened = open_store(data_dir, StillClock())
    opened.commit(connect)
    opened.commit(partial(reigns.take_over, look=eyes(Poster()).at))
    yield opened
    opened.close()


def open_window(store: Store) -> int:
    found = store.look(partial(look, lane=1, eyes=eyes(Poster()), wanted=Wanted(0, 99, probe=False), epoch=2)).opening
    assert found is not None
    free = store.commit(partial(commits.open_window, opening=found, epoch=store.look(lambda v: v.counter.epoch)))
    return len(free or ())


def settle(store: Store, back: Back) -> None:
    epoch = store.look(lambda view: view.counter.epoch)
    done = Settlement((), (back,))
    store.commit(lambda unit: commits.settle(unit, 1, done, epoch, closed=(), keep_plain=False))


@pytest.mark.parametrize(
    ("held", "age", "passes"),
    [(5, 0, False), (5, BLOCK_US + MINUTE, True), (BLOCK_EVENTS + 1, 0, True)],
    ids=["neither", "too-long", "too-many"],
)
def test_a_head_that_blocks_for_too_long_or_too_many_is_passed(
    store: Store, held: int, age: int, *, passes: bool
) -> None:
    record(store, *(track(f"m{at}") for at in range(held + 1)))
    now = store.clock.now()
    rows = [Owed(1, 0, seq, 7, 1, None, now, 0, OwedState.HELD, 0, 0) for seq in range(2, held + 2)]
    head = Owed(1, 0, 1, 7, 1, None, now - age, 1, OwedState.SENDING, 0, 0)
    store.commit(lambda unit: unit.owed.put([head, *rows]))

    settle(store, Back(part(1, queued=True), now + 9, now - age, 2, doubt=False, reason="http_503"))

    second = store.look(lambda view: view.owed.get(1, 0, 2, 7))
    assert second is not None
    assert second.state is (OwedState.RETRY if passes else OwedState.HELD)
    assert store.look(lambda view: view.deliveries.reason(second.reason)) == (OVERTOOK if passes else "")


def test_an_old_reign_writes_nothing(store: Store) -> None:
    record(store, track("m1"))
    store.commit(partial(reigns.take_over, look=eyes(Poster()).at))

    with pytest.raises(Superseded):
        store.commit(lambda unit: commits.settle(unit, 1, Settlement(), 1, closed=(), keep_plain=False))


def test_a_person_suppressed_between_opening_and_crash_is_still_accounted_for(store: Store) -> None:
    record(store, track("m1"))
    assert open_window(store) == 1
    key = store.vault.identifier(Identifier(LIVE, IdType.USER, "u1"))
    store.commit(lambda unit: unit.privacy.suppress([key], "r1"))

    store.commit(partial(reigns.take_over, look=eyes(Poster()).at))

    assert store.look(law.broken) == []
    assert store.look(lambda view: view.owed.states()) == {1: {OwedState.UNKNOWN: 1}}


def test_a_lane_removed_between_opening_and_crash_owes_nothing(store: Store) -> None:
    record(store, track("m1"))
    open_window(store)
    store.commit(lambda unit: endings.remove_lane(unit, 1))

    store.commit(partial(reigns.take_over, look=eyes(Poster()).at))

    assert store.look(lambda view: view.owed.any(1)) is False
    assert [row.code for row in store.look(lambda view: view.deliveries.of_event(1, 0, 1))] == [
        verdict.CANCELLED_REMOVED
    ]
    assert store.look(law.broken) == []


def test_a_window_that_nobody_can_read_stays_until_somebody_can(store: Store) -> None:
    record(store, track("m1"))
    open_window(store)

    store.commit(partial(reigns.take_over, look=lambda _view, _lane, _revision: None))
    assert store.look(law.broken) == []
    store.commit(partial(reigns.take_over, look=eyes(Poster()).at))

    assert store.look(lambda view: view.lanes.windows()) == ()
    assert store.look(lambda view: view.owed.states()) == {1: {OwedState.UNKNOWN: 1}}


def test_an_event_that_ends_frees_the_next_of_whoever_its_person_is_by_then(store: Store) -> None:
    """Merged between the look and the commit: the row's person counts, not the one that was looked at."""
    record(store, track("m1"), track("m2"))
    stale = Owed(1, 0, 1, 7, 9, 1, 1, 1, OwedState.RETRY, 0, 0)

    def rows(unit: Unit) -> None:
        unit.owed.put([Owed(1, 0, 1, 7, 1, 1, 1, 1, OwedState.RETRY, 0, 0)])
        unit.owed.put([Owed(1, 0, 2, 7, 1, None, 1, 0, OwedState.HELD, 0, 0)])

    store.commit(rows)
    ended = [(stale, verdict.ACTION_GONE, "")]
    store.commit(lambda unit: commits.retry(unit, 1, [], ended, unit.counter.epoch, 1))

    second = store.look(lambda view: view.owed.get(1, 0, 2, 7))
    assert second is not None
    assert second.state is OwedState.RETRY


def test_a_removed_lanes_window_that_nobody_can_read_any_more_ends_too(store: Store) -> None:
    record(store, track("m1"), track("m2"))
    open_window(store)
    store.commit(lambda unit: endings.remove_lane(unit, 1))

    store.commit(partial(reigns.take_over, look=lambda _view, _lane, _revision: None))

    ledger = store.look(lambda view: [*view.deliveries.of_event(1, 0, 1), *view.deliveries.of_event(1, 0, 2)])
    codes = [row.code for row in ledger]
    assert codes == [verdict.CANCELLED_REMOVED] * 2
    assert store.look(lambda view: view.lanes.windows_before(1 << 40)) == ()


def test_what_may_have_been_taken_together_is_found_together_even_by_a_probe(data_dir: Path) -> None:
    """Another set of members would have another id, and a vendor that drops repeats by it would take them twice."""
    tied = eyes(Poster(max_items=10, dedupe=Dedupe.BATCH, order=Order.NONE))
    store = open_store(data_dir, StillClock())
    store.commit(connect)
    epoch = store.commit(partial(reigns.take_over, look=tied.at))
    record(store, *(track(f"m{at}", f"u{at}") for at in range(4)))
    found = store.look(partial(look, lane=1, eyes=tied, wanted=Wanted(0, 99, probe=False), epoch=epoch)).opening
    assert found is not None
    parts = store.commit(partial(commits.open_window, opening=found, epoch=epoch)) or ()
    [batch] = pack(parts)
    unknown = Outcome(Class.UNKNOWN, "timeout")
    answered = Answered(batch, (unknown,) * 4, store.clock.now(), 5, ())
    done = settlement([answered], Schedule(0.001, 0.001), store.clock.now(), lambda: 0.0)
    store.commit(lambda unit: commits.settle(unit, 1, done, epoch, closed=((0, 1),), keep_plain=False))
    assert isinstance(store.clock, StillClock)
    store.clock.pass_s(60)

    again = store.look(partial(look, lane=1, eyes=tied, wanted=Wanted(1, 0, probe=True), epoch=epoch)).retries

    assert [each.members for each in again] == [batch.members]
    assert [request_id(each) for each in again] == [request_id(batch)]
    store.close()


def test_a_test_person_leaves_as_their_survivor_does_after_a_merge(store: Store) -> None:
    seen_by = eyes(Poster())
    record(store, track("m1", "u1", anonymousId="a1"), namespace=TEST)
    record(store, track("m2", "", anonymousId="a2"), namespace=TEST)
    before = store.look(lambda view: seen_by.sight(view).document(view.log.after(1, 1)[0]))

    record(store, track("m3", "u1", anonymousId="a2"), namespace=TEST)
    after = store.look(lambda view: seen_by.sight(view).document(view.log.after(1, 1)[0]))
    first = store.look(lambda view: seen_by.sight(view).document(view.log.after(0, 1)[0]))

    assert before["anonymousId"] != first["anonymousId"]
    assert after["anonymousId"] == first["anonymousId"]


def nameless(message_id: str) -> Call:
    """Give an event of whoever has the anonymous id a1."""
    body: dict[str, Json] = {"type": "track", "event": "Signed Up", "anonymousId": "a1", "messageId": message_id}
    return Call(document.encode(body))


def merge(store: Store) -> None:
    """Let a1 turn out to be u1."""
    who: dict[str, Json] = {"type": "identify", "messageId": "merge", "userId": "u1", "anonymousId": "a1"}
    record(store, Call(document.encode(who)))


def stands(store: Store, *seqs: int) -> list[tuple[OwedState, bool, int]]:
    """Give state, whether it is due, and counted tries of each."""
    found = store.look(lambda view: [row for seq in seqs for row in view.owed.of_event(1, 0, seq)])
    return [(row.state, row.due is not None, row.tries) for row in found]


def test_two_on_their_way_whose_people_became_one_before_the_crash_are_both_in_doubt(store: Store) -> None:
    record(store, track("m1"), nameless("m2"), track("m3"))
    open_window(store)
    merge(store)

    store.commit(partial(reigns.take_over, look=eyes(Poster()).at))

    assert stands(store, 1, 2, 3) == [
        (OwedState.UNKNOWN, True, 1), (OwedState.UNKNOWN, False, 1), (OwedState.HELD, False, 0),
    ]  # fmt: skip
    assert store.look(law.broken) == []
    settle(store, Back(part(1, queued=True), 9, 1, 2, doubt=True, reason="http_503"))
    assert stands(store, 2) == [(OwedState.UNKNOWN, False, 1)]
    store.commit(partial(endings.cancel, seqs=[1], code=verdict.CANCELLED_ERASED))
    assert stands(store, 2, 3) == [(OwedState.UNKNOWN, True, 1), (OwedState.HELD, False, 0)]


def test_two_of_one_person_since_before_the_window_were_not_on_their_way_at_once(store: Store) -> None:
    record(store, nameless("m1"))
    merge(store)
    record(store, track("m3"))
    open_window(store)

    store.commit(partial(reigns.take_over, look=eyes(Poster()).at))

    assert stands(store, 1, 3) == [(OwedState.UNKNOWN, True, 1), (OwedState.HELD, False, 0)]
