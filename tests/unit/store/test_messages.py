"""Message ids: seen wherever they stand (appended, on their way into order, in order), whoever brings them there."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.engine import open_store, record, track
from turnout.ingest import Recorded
from turnout.store.ids import ENOUGH, PART
from turnout.store.messages import PAGE, message_key
from turnout.store.store import Store
from turnout.store.unit import Unit, View

MANY = ENOUGH - 200
"""Events that are there at first: it is not yet time to bring their ids in order."""
PARTS = ENOUGH // PART + ENOUGH // PAGE + 60
"""Commits that are more than enough to bring them in order, and to clear them away where they were."""
GROUP = 10


def fill(store: Store) -> None:
    """Record one event and write as many rows like it, m1, m2 ..., as are not yet enough."""
    record(store, track("m1"))

    def copy(unit: Unit) -> None:
        unit.session.many(
            "INSERT INTO events SELECT ?, received, source, kind, name, namespace, person, flags, meta, "
            "replace(CAST(body AS TEXT), '\"m1\"', ?), NULL FROM events WHERE seq = 1",
            [(seq, f'"m{seq}"') for seq in range(2, MANY + 1)],
        )
        unit.messages.note([message_key(1, f"m{seq}") for seq in range(2, MANY + 1)], [1] * (MANY - 1))
        unit.counter.seq = MANY + 1

    store.commit(copy)


def go_on(store: Store, first: int, commits: int) -> None:
    """Record the events from this number on, some a commit."""
    for start in range(first, first + commits * GROUP, GROUP):
        record(store, *(track(f"m{n}") for n in range(start, start + GROUP)))


def seqs_again(store: Store, *numbers: int) -> list[int | None]:
    """Record events of these numbers again; give as which event each was seen, None for one that was not."""
    entries = record(store, *(track(f"m{n}") for n in numbers)).entries
    return [entry.seq if isinstance(entry, Recorded) and entry.repeated else None for entry in entries]


def found(store: Store, *numbers: int) -> list[int | None]:
    """Look events of these numbers up by their ids."""
    return store.look(lambda view: [view.messages.find(1, f"m{n}") for n in numbers])


def standing(store: Store) -> tuple[int, int, int]:
    """Count the ids in order and those as they came, and give the seq before which all are in order."""

    def look(view: View) -> tuple[int, int, int]:
        (row,) = view.session.rows("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM recent)")
        return row[0], row[1], view.counter.ordered

    return store.look(look)


def test_an_id_is_seen_before_while_and_after_it_comes_into_order(store: Store) -> None:
    fill(store)
    states = set()
    for start in range(MANY + 1, MANY + 1 + PARTS * GROUP, 20 * GROUP):
        go_on(store, start, 20)
        ordered, appended, _ = standing(store)
        states.add((ordered > 0, ordered >= MANY, appended < MANY))
        numbers = (1, start // 2 + 1, start, start + 20 * GROUP - 1)
        assert seqs_again(store, *numbers) == list(numbers)
        assert found(store, *numbers) == list(numbers)

    assert states >= {(False, False, False), (True, False, False), (True, True, True)}
    assert seqs_again(store, 1_000_000, 2, 1_000_001) == [None, 2, None]
    ordered, appended, before = standing(store)
    assert ordered == before - 1 >= ENOUGH
    assert ordered + appended == start + 20 * GROUP - 1 + 2  # and is cleared away where it was appended


def test_who_comes_in_the_middle_sees_all_and_goes_on_with_it(data_dir: Path) -> None:
    first = open_store(data_dir)
    fill(first)
    go_on(first, MANY + 1, 60)
    in_the_middle = standing(first)
    first.close()
    last = MANY + 60 * GROUP

    second = open_store(data_dir)
    seen = seqs_again(second, 1, MANY, last)
    go_on(second, last + 1, PARTS)
    ordered, appended, before = standing(second)
    second.close()

    assert 0 < in_the_middle[0] < MANY
    assert seen == [1, MANY, last]
    assert ordered == before - 1 >= ENOUGH
    assert ordered + appended == last + PARTS * GROUP


def test_two_that_record_by_turns_see_each_others_ids_through_all_of_it(data_dir: Path) -> None:
    one, other = open_store(data_dir), open_store(data_dir)
    try:
        fill(one)
        last = MANY
        for _ in range(PARTS // 20):
            go_on(one, last + 1, 20)
            assert seqs_again(other, last + 1, last + 20 * GROUP) == [last + 1, last + 20 * GROUP]
            go_on(other, last + 1 + 20 * GROUP, 20)
            last += 40 * GROUP
            assert seqs_again(one, 1, last - 20 * GROUP, last) == [1, last - 20 * GROUP, last]
        ordered, appended, before = standing(one)
    finally:
        one.close()
        other.close()

    assert ordered >= before - 1 >= ENOUGH  # what the one did in vain of the other's part stays, and is right
    assert ordered + appended >= last


def test_an_id_whose_operation_failed_is_free(store: Store) -> None:
    def fail(unit: Unit) -> None:
        unit.messages.note([b"k" * 16], [1])
        raise LookupError

    record(store, track("m1"))
    with pytest.raises(LookupError):
        store.commit(fail)

    assert standing(store) == (0, 1, 1)


def test_a_pruned_id_is_free_wherever_it_stood(store: Store) -> None:
    fill(store)
    go_on(store, MANY + 1, 60)
    last = MANY + 60 * GROUP
    store.commit(lambda unit: unit.log.prune(unit.log.oldest(last, last)))

    assert seqs_again(store, 1, 2, MANY, last) == [None] * 4
    go_on(store, 1_000_000, PARTS)
    assert seqs_again(store, 3, MANY - 1) == [None] * 2
    assert seqs_again(store, 1, MANY) == [last + 1, last + 3]


def test_a_pruned_id_that_its_tombstone_could_not_tell_is_not_left_behind(store: Store) -> None:
    fill(store)
    go_on(store, MANY + 1, 60)
    last = MANY + 60 * GROUP

    def prune(unit: Unit) -> None:
        unit.log.bury(range(1, 65))
        unit.log.prune(unit.log.oldest(last, last))

    store.commit(prune)

    assert seqs_again(store, *range(1, 65)) == [None] * 64
    go_on(store, 1_000_000, PARTS)
    numbers = range(1, 65)
    assert seqs_again(store, *numbers) == [last + n for n in numbers]
    assert found(store, *numbers) == [last + n for n in numbers]
