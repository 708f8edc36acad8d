"""What an action does once for a key: which events are left out, for how long, and when the key is free again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from support import law
from support.engine import connect, eyes, open_store, record, track
from support.manifests import manifest, target
from support.workspace import StillClock
from turnout.clock import SECOND
from turnout.delivery import commits, once, reigns, verdict
from turnout.delivery.batch import Batch
from turnout.delivery.look import Wanted, look
from turnout.delivery.schedule import Schedule
from turnout.delivery.settlement import Answered, settlement
from turnout.delivery.window import Part
from turnout.errors import InvalidManifest
from turnout.exchange import Class, Outcome, part_of
from turnout.store.deliveries import Final
from turnout.store.once import Claim
from turnout.store.store import Store
from turnout.store.unit import Unit

MADE = target("""
http: {base: "https://acme.test"}
order: none
actions:
  remind: {for: track, item: {id: $.messageId}, once: {key: $.properties.cart, ttl: 1h}, send: {post: /a, json: $item}}
  count: {for: track, item: {id: $.messageId}, send: {post: /b, json: $item}}
""")
OK, NO, BUSY = (
    Outcome(Class.SUCCESS, "delivered", 200), Outcome(Class.FINAL, "http_404", 404), Outcome(Class.RETRY, "http_503")
)  # fmt: skip


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def store(data_dir: Path, clock: StillClock) -> Iterator[Store]:
    opened = open_store(data_dir, clock)
    opened.commit(connect)
    opened.commit(partial(reigns.take_over, look=eyes(MADE).at))
    yield opened
    assert not opened.look(law.broken)
    opened.close()


def carts(store: Store, *keys: str | None) -> tuple[Part, ...]:
    """Record an event for each, open a window over them, and give what may leave of the action that does it once."""
    for key in keys:
        record(store, track(f"m{store.look(lambda view: view.counter.seq)}", properties={"cart": key}))
    found = store.look(partial(look, lane=1, eyes=eyes(MADE), wanted=Wanted(0, 99, probe=False), epoch=1)).opening
    assert found is not None
    free = store.commit(partial(commits.open_window, opening=found, epoch=1)) or ()
    settle(store, [part for part in free if part.item.action == "count"], OK)
    return tuple(part for part in free if part.item.action == "remind")


def settle(store: Store, parts: Sequence[Part], outcome: Outcome, *, last: bool = False) -> None:
    now = store.clock.now()
    done = settlement(
        [Answered(Batch((part,)), (outcome,), now, 1, ()) for part in parts], Schedule(), now, lambda: 0.0
    )
    closed = [(0, part.window) for part in parts] if last else []
    store.commit(partial(commits.settle, lane=1, done=done, epoch=1, closed=closed, keep_plain=False))


def skipped(store: Store) -> list[int]:
    rows = store.look(lambda view: view.session.rows("SELECT seq FROM deliveries WHERE code = ?", (SKIPPED,)))
    return [row[0] for row in rows]


PART = part_of("remind", 0)
SKIPPED = verdict.DROPS["skipped"]


def test_of_two_events_of_a_key_in_a_window_the_first_leaves_and_the_other_says_why_not(store: Store) -> None:
    parts = carts(store, "a", "a", "b", None, None)

    assert [part.seq for part in parts] == [1, 3, 4, 5]
    assert skipped(store) == [2]
    (row,) = [each for each in store.look(lambda view: view.deliveries.of_event(1, 0, 2)) if each.code == SKIPPED]
    assert row.reason == once.SAID


def test_what_was_taken_is_not_sent_again_until_its_time_is_over(store: Store, clock: StillClock) -> None:
    settle(store, carts(store, "a"), OK, last=True)

    clock.pass_s(3_599)
    assert carts(store, "a") == ()
    clock.pass_s(1)
    assert [part.seq for part in carts(store, "a")] == [3]


@pytest.mark.parametrize(("outcome", "free"), [(NO, True), (BUSY, False), (OK, False)])
def test_a_key_is_given_back_where_its_event_was_refused_and_held_while_that_is_owed(
    store: Store, outcome: Outcome, *, free: bool
) -> None:
    settle(store, carts(store, "a"), outcome, last=True)

    assert bool(carts(store, "a")) is free


def test_a_key_is_given_back_while_others_of_its_window_are_still_on_their_way(store: Store) -> None:
    refused, _ = carts(store, "a", "b")
    settle(store, [refused], NO)

    assert [part.seq for part in carts(store, "a", "b")] == [3]


def cancel(unit: Unit) -> None:
    unit.owed.remove(unit.owed.of_lane(1, 9))
    unit.deliveries.finish(1, 0, [Final(1, PART, 1, verdict.CANCELLED_REMOVED, "", 0)])
    unit.counts.add(1, verdict.CANCELLED_REMOVED)


def test_a_key_whose_holder_was_cancelled_is_free(store: Store) -> None:
    settle(store, carts(store, "a"), BUSY, last=True)
    store.commit(cancel)

    assert [part.seq for part in carts(store, "a")] == [2]


def test_a_key_is_held_over_a_crash_by_what_may_have_been_sent(store: Store) -> None:
    carts(store, "a")
    store.commit(partial(reigns.take_over, look=eyes(MADE).at))

    record(store, track("m9", properties={"cart": "a"}))
    found = store.look(partial(look, lane=1, eyes=eyes(MADE), wanted=Wanted(0, 99, probe=False), epoch=2)).opening
    assert found is not None
    free = store.commit(partial(commits.open_window, opening=found, epoch=2)) or ()

    assert [part.item.action for part in free] == ["count"]


def put(unit: Unit, claim: Claim) -> None:
    unit.once.put(claim)


def test_what_is_over_is_pruned_and_beyond_the_bound_what_would_end_first(store: Store, clock: StillClock) -> None:
    def claims() -> list[bytes]:
        return [row[0] for row in store.look(lambda view: view.session.rows("SELECT key FROM once ORDER BY until"))]

    ends = [clock.now() + n * SECOND for n in (1, 2, 3, 4)]
    for n, until in enumerate(ends):
        store.commit(partial(put, claim=Claim(1, b"%d" % n, (0, n, 1), until, done=True)))
    clock.pass_s(1)

    assert store.commit(lambda unit: unit.once.prune(9)) == 1
    assert store.look(lambda view: view.once.surplus(2)) == 1
    assert store.commit(lambda unit: unit.once.trim(1)) == 1
    assert claims() == [b"2", b"3"]


def test_a_key_is_kept_as_a_hash_and_not_as_it_is(store: Store) -> None:
    carts(store, "ann@shop.example")

    ((key,),) = store.look(lambda view: view.session.rows("SELECT key FROM once"))
    assert b"ann" not in key


def test_two_actions_hold_their_own_keys() -> None:
    both = target("""
http: {base: "https://acme.test"}
actions:
  one: {for: track, once: {key: $.userId, ttl: 1h}, send: {post: /a}}
  two: {for: track, send: {post: /b}}
""")
    found = both.items({"type": "track", "event": "E", "userId": "u", "messageId": "m"}, ("one", "two"), 1)

    assert [getattr(each, "once", None) for each in found] == [b'"u"', b""]


@pytest.mark.parametrize("text", ["{key: $.userId}", "{ttl: 1d}", "{key: $.userId, ttl: 91d}", "{kye: 1, ttl: 1d}"])
def test_what_is_done_once_has_a_key_and_a_time(text: str) -> None:
    with pytest.raises(InvalidManifest):
        manifest(f'actions: {{one: {{for: track, once: {text}, send: {{post: "https://a.test/"}}}}}}')
