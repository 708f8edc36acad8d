"""The requests of an event: found among those sent since it came, up to its last one, and bounded in number."""

from __future__ import annotations

from turnout.clock import DAY
from turnout.store.deliveries import SLACK, TRIES, RequestRow
from turnout.store.store import Store
from turnout.store.unit import Unit

CAME = 100 * DAY
MEMBER = (5, 7)


def write(store: Store, *sent: int, run: int = 0, member: tuple[int, int] = MEMBER) -> None:
    """Write one request for each moment of sending, in order."""

    def rows(unit: Unit) -> None:
        for at in sent:
            number = unit.deliveries.new_request()
            unit.deliveries.write_requests(
                [RequestRow(number, 1, run, 1, 1, 1, b"", (member,), 503, "http_503", at, 1)]
            )

    store.commit(rows)


def found(store: Store, last: int = 1 << 62) -> list[int]:
    return [row.id for row in store.look(lambda view: view.deliveries.tries(1, 0, MEMBER, CAME, last))]


def test_requests_from_before_the_event_came_are_passed_over(store: Store) -> None:
    write(store, *range(1, 50))
    write(store, CAME, CAME + 5)

    assert found(store) == [50, 51]


def test_a_clock_that_was_a_little_off_hides_nothing(store: Store) -> None:
    write(store, CAME - SLACK - 1, CAME - SLACK, CAME + 9, CAME + 3)

    assert found(store) == [2, 3, 4]


def test_none_after_the_last_known_one_is_looked_at(store: Store) -> None:
    write(store, *range(CAME, CAME + 6))

    assert found(store, last=4) == [1, 2, 3, 4]


def test_of_very_many_the_newest_are_given_oldest_first(store: Store) -> None:
    write(store, *range(CAME, CAME + TRIES + 20))

    assert found(store) == list(range(21, TRIES + 21))


def test_other_runs_and_other_parts_are_not_its_own(store: Store) -> None:
    write(store, CAME, run=1)
    write(store, CAME, member=(5, 8))
    write(store, CAME)

    assert found(store) == [3]


def test_where_nothing_was_sent_since_there_is_none(store: Store) -> None:
    none = found(store)
    write(store, 1, 2, 3)

    assert (none, found(store)) == ([], [])
