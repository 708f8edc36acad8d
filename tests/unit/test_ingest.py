"""What a door hands over becomes events: each row of reliability-security.md 5.1 that is decided here."""

from __future__ import annotations

import threading
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from support.engine import caller, open_store, record, track
from turnout.document import encode
from turnout.event.accept import accept
from turnout.event.model import CONFLICT, LIVE, TEST, Call, Event, Refused
from turnout.identity.model import Identifier, IdType
from turnout.identity.resolve import guises
from turnout.ingest import Receipt, Recorded, ingest, refuse
from turnout.store.log import CONFLICTING, DUPLICATE, REFUSED
from turnout.store.store import Store
from turnout.store.unit import View


def only(receipt: Receipt) -> Recorded:
    (entry,) = receipt.entries
    assert isinstance(entry, Recorded)
    return entry


def only_seq(entry: Recorded | Refused) -> int:
    assert isinstance(entry, Recorded)
    return entry.seq


def bodies(store: Store) -> list[bytes]:
    return store.look(lambda view: [event.body for event in view.log.after(0, 100)])


def counted(store: Store, code: int) -> int:
    return store.look(lambda view: view.counts.since(0)).get(0, {}).get(code, 0)


def metered(view: View, month: int) -> tuple[tuple[str, int, str, bool, int], ...]:
    return view.people.meter(month)


def test_a_new_id_is_stored(store: Store) -> None:
    receipt = record(store, track("m1"), track("m2"))

    assert (receipt.first, receipt.last) == (1, 2)
    assert store.look(lambda view: view.log.namespaces()) == ((LIVE, 2),)


def test_a_seen_id_with_the_same_body_stores_nothing_and_counts_a_duplicate(store: Store) -> None:
    record(store, track("m1"))

    again = record(store, track("m1"))

    assert only(again) == Recorded(only(again).message_id, only(again).seq, repeated=True)
    assert (again.first, len(bodies(store)), counted(store, DUPLICATE)) == (0, 1, 1)


def test_a_seen_id_with_another_body_leaves_the_first_and_says_so(store: Store) -> None:
    record(store, track("m1", plan="pro"))

    again = only(record(store, track("m1", plan="free")))

    assert (again.seq, again.repeated, again.differs) == (1, True, True)
    assert b"pro" in bodies(store)[0]
    assert store.look(lambda view: view.log.after(0, 9)[0].flags) == CONFLICT
    assert counted(store, CONFLICTING) == 1


def test_of_an_id_twice_in_a_batch_the_first_stays(store: Store) -> None:
    receipt = record(store, track("m1", plan="a"), track("m2"), track("m1", plan="b"))

    assert [getattr(entry, "seq", None) for entry in receipt.entries] == [1, 2, 1]
    assert [getattr(entry, "differs", None) for entry in receipt.entries] == [False, False, True]
    assert len(bodies(store)) == 2


def test_a_seen_id_among_new_ones_leaves_no_gap_and_takes_no_seq(store: Store) -> None:
    record(store, track("m1"))

    entries = [only_seq(entry) for entry in record(store, track("m2"), track("m1"), track("m3")).entries]
    again = [only_seq(entry) for entry in record(store, track("m3"), track("m4"), track("m2")).entries]

    assert (entries, again) == ([2, 1, 3], [3, 4, 2])
    assert store.look(lambda view: [view.messages.find(1, f"m{seq}") for seq in (1, 2, 3, 4)]) == [1, 2, 3, 4]


def test_of_an_id_sent_at_once_by_many_threads_one_stays(store: Store) -> None:
    answers: list[Recorded] = []
    gate = threading.Barrier(8)

    def send() -> None:
        gate.wait(5)
        answers.append(only(record(store, track("m1"))))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(answer.repeated for answer in answers) == [False, *[True] * 7]
    assert len(bodies(store)) == 1


def test_the_scope_of_an_id_is_its_source(store: Store) -> None:
    record(store, track("m1"), source=1)

    assert not only(record(store, track("m1"), source=2)).repeated


def test_a_missing_id_is_made_and_found_again(store: Store) -> None:
    answer = only(record(store, Call(encode({"type": "track", "event": "A", "userId": "u1"}))))

    assert len(answer.message_id) == 36
    assert store.look(lambda view: view.messages.find(1, answer.message_id)) == answer.seq


def test_an_id_that_is_a_number_is_its_text(store: Store) -> None:
    answer = only(record(store, Call(encode({"type": "track", "event": "A", "userId": "u1", "messageId": 7}))))

    assert answer.message_id == "7"


def test_a_long_id_is_stored_and_seen_again(store: Store) -> None:
    record(store, track("x" * 3000))

    assert only(record(store, track("x" * 3000))).repeated
    assert not only(record(store, track("x" * 2999))).repeated


def test_a_refused_call_leaves_its_id_unused_and_the_rest_is_stored(store: Store) -> None:
    bad = Call(encode({"type": "track", "userId": "u1", "messageId": "m1"}))
    receipt = record(store, bad, track("m2"))
    store.commit(lambda unit: refuse(unit, receipt))

    assert [type(entry) for entry in receipt.entries] == [Refused, Recorded]
    assert counted(store, REFUSED) == 1
    assert not only(record(store, track("m1"))).repeated


def test_nothing_of_a_suppressed_person_is_stored_by_any_of_its_ids(store: Store) -> None:
    key = store.vault.identifier(Identifier(LIVE, IdType.USER, "u1"))
    store.commit(lambda unit: unit.privacy.suppress([key], "r1"))

    receipt = record(store, track("m1", "u1", anonymousId="a1"), track("m2", "u2"))
    store.commit(lambda unit: refuse(unit, receipt))

    assert [each.reason for each in receipt.refused] == ["suppressed"]
    assert receipt.refused[0].body == b""
    assert (len(bodies(store)), counted(store, REFUSED)) == (1, 0)


def test_a_regular_who_is_suppressed_is_refused_from_then_on_and_taken_again_afterwards(store: Store) -> None:
    key = store.vault.identifier(Identifier(LIVE, IdType.USER, "u1"))
    record(store, track("m1"))
    store.commit(lambda unit: unit.privacy.suppress([key], "r1"))
    refused = [record(store, track("m2")).refused for _ in range(2)]
    store.commit(lambda unit: unit.privacy.unsuppress([key]))

    assert [[each.reason for each in some] for some in refused] == [["suppressed"], ["suppressed"]]
    assert only(record(store, track("m2"))).seq == 2


def test_a_regular_counts_anew_in_each_month_and_at_each_source(store: Store) -> None:
    moments = (1_764_000_000_000_000, 1_765_000_000_000_000)  # November and December of 2025
    for number, (moment, source) in enumerate(product(moments, (1, 2, 1))):
        store.commit(partial(ingest, calls=(track(f"m{number}"),), caller=caller(moment, source)))

    months = [store.look(partial(metered, month=month)) for month in (202511, 202512)]
    assert months == [tuple((LIVE, source, "u", False, 1) for source in (0, 1, 2))] * 2


def test_who_counted_before_a_restart_counts_once_and_a_visitor_who_logs_in_no_more(data_dir: Path) -> None:
    both = track("m3", "u1", anonymousId="a1")
    for each in (track("m1", "", anonymousId="a1"), track("m2", "u1"), both, track("m4", "u1")):
        store = open_store(data_dir)
        store.commit(partial(ingest, calls=(each,), caller=caller(1_764_000_000_000_000)))
        store.close()

    store = open_store(data_dir)
    months = store.look(partial(metered, month=202511))
    store.close()
    assert sorted(months) == [(LIVE, source, kind, kind == "a", 1) for source in (0, 1) for kind in ("a", "u")]


@pytest.mark.parametrize(("user_id", "kept"), [("u" * 36, True), ("u" * 30_000, False)])
def test_a_person_is_kept_in_memory_by_ids_of_usual_length_alone(store: Store, user_id: str, *, kept: bool) -> None:
    made = accept((track("m1", user_id),), caller(1), fresh_id=str)
    came_as = guises([event for event in made if isinstance(event, Event)])
    record(store, track("m1", user_id))
    store.commit(partial(ingest, calls=(track("m2", user_id),), caller=caller(1)))

    (found,) = store.commit(lambda unit: unit.people.regulars(came_as))

    assert (found == 1) == kept
    assert [event.person for event in store.look(lambda view: view.log.after(0, 9))] == [1, 1]


def test_live_and_test_people_of_the_same_id_are_two(store: Store) -> None:
    record(store, track("m1", "u1"))
    record(store, track("m2", "u1"), namespace=TEST)

    people = store.look(lambda view: [event.person for event in view.log.after(0, 9)])
    assert people[0] != people[1]


def test_a_device_that_two_users_share_in_turn_merges_them_no_more_than_at_once(store: Store) -> None:
    record(store, track("m1", "u1", anonymousId="a1"))
    record(store, track("m2", "u2", anonymousId="a1"))
    record(store, track("m3", "u1"), track("m4", "u2"))

    people = [event.person for event in store.look(lambda view: view.log.after(0, 9))]
    assert people == [1, 2, 1, 2]


def test_a_suppression_of_a_live_person_does_not_reach_the_test_one(store: Store) -> None:
    key = store.vault.identifier(Identifier(LIVE, IdType.USER, "u1"))
    store.commit(lambda unit: unit.privacy.suppress([key], "r1"))

    assert not record(store, track("m1", "u1"), namespace=TEST).refused


def test_each_person_counts_once_a_month_for_its_source_and_the_workspace(store: Store) -> None:
    record(store, track("m1", "u1"), track("m2", "u1"), source=1)
    record(store, track("m3", "u1"), track("m4", "", anonymousId="a1"), source=2)
    record(store, track("m5", "u1", anonymousId="a2"), namespace=TEST)

    month = store.look(lambda view: view.session.rows("SELECT DISTINCT month FROM meter"))[0][0]
    rows = store.look(lambda view: view.people.meter(month))

    assert sorted(rows) == [
        ("live", 0, "a", False, 1),
        ("live", 0, "u", False, 1),
        ("live", 1, "u", False, 1),
        ("live", 2, "a", False, 1),
        ("live", 2, "u", False, 1),
        ("test", 0, "a", True, 1),
        ("test", 0, "u", False, 1),
        ("test", 1, "a", True, 1),
        ("test", 1, "u", False, 1),
    ]


def test_two_people_who_turn_out_to_be_one_are_merged_with_what_they_are_owed(store: Store) -> None:
    record(store, track("m1", "u1"))
    record(store, track("m2", "", anonymousId="a1"))

    record(store, track("m3", "u1", anonymousId="a1"))

    people = store.look(lambda view: [view.people.survivor(event.person) for event in view.log.after(0, 9)])
    assert len(set(people)) == 1
