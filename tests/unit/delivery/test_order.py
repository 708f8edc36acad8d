"""The line of a lane: what may leave, and what waits behind a busy person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import structs
from typing_extensions import override

from support.engine import Poster, part
from turnout.delivery.batch import Batch
from turnout.delivery.order import Line, Windows
from turnout.exchange import Action, Order

BATCHES = Poster(max_items=3)


def seqs(batch: Batch | None) -> list[int]:
    return [each.seq for each in batch.parts] if batch else []


def line(*people: int, target: Poster | None = None) -> Line:
    """Make a line of events 1, 2 … of these people."""
    made = Line()
    made.add([part(seq, person, target=target) for seq, person in enumerate(people, 1)], 0.0)
    return made


def drain_all(made: Line) -> list[list[int]]:
    taken: Iterable[Batch] = iter(lambda: made.take(100.0, 0.0), None)
    return [seqs(batch) for batch in taken]


def test_one_event_of_a_person_leaves_at_a_time() -> None:
    made = line(1, 1, 2)

    assert drain_all(made) == [[1], [3]]
    assert len(made) == 1


def test_the_next_of_a_person_leaves_when_the_first_is_done() -> None:
    made = line(1, 1)
    made.take(0.0, 0.0)

    made.done(part(1, 1), 0.0)

    assert seqs(made.take(0.0, 0.0)) == [2]


def test_without_order_all_leave() -> None:
    assert drain_all(line(1, 1, target=Poster(order=Order.NONE))) == [[1], [2]]


def test_what_waits_behind_a_part_that_is_owed_is_owed_too() -> None:
    made = line(1, 1, 1)
    made.take(0.0, 0.0)

    assert [each.seq for each in made.stalled(part(1, 1))] == [2, 3]
    assert len(made) == 0
    made.add([part(4, 1)], 0.0)
    assert seqs(made.take(0.0, 0.0)) == [4]


def test_a_retry_keeps_the_rest_of_its_person_waiting() -> None:
    made = Line()
    made.occupy(part(1, 1))
    made.add([part(2, 1)], 0.0)

    assert made.take(0.0, 0.0) is None
    made.done(part(1, 1), 0.0)
    assert seqs(made.take(0.0, 0.0)) == [2]


def test_runs_do_not_wait_for_each_other() -> None:
    made = line(1)
    made.add([part(1, 1, run=1)], 0.0)

    assert drain_all(made) == [[1], [1]]


def test_a_replay_that_is_done_frees_nothing_of_the_first_run() -> None:
    made = line(1, 1)
    made.occupy(part(1, 1, run=1))
    made.take(0.0, 0.0)

    made.done(part(1, 1, run=1), 0.0)

    assert made.take(0.0, 0.0) is None


def test_drained_is_what_is_ready_with_what_waits_behind_it() -> None:
    made = line(1, 2, 1, 2)
    assert seqs(made.take(0.0, 0.0)) == [1]

    assert [each.seq for each in made.drain()] == [2, 4]
    assert (len(made), made.ready) == (1, 0)


def test_what_waits_behind_a_part_on_its_way_stays_in_line() -> None:
    made = line(1, 1)
    made.take(0.0, 0.0)
    made.drain()

    made.done(part(1, 1), 0.0)

    assert seqs(made.take(0.0, 0.0)) == [2]


def test_a_lane_that_ends_drains_what_waits_too() -> None:
    made = line(1, 1, 2)
    made.take(0.0, 0.0)

    assert [each.seq for each in made.drain(waiting_too=True)] == [2, 3]
    assert len(made) == 0


def test_a_batch_gathers_until_it_is_full_or_has_waited() -> None:
    made = line(1, 2, target=BATCHES)

    assert made.take(0.01, 0.02) is None
    assert made.grown_s(0.01, 0.02) == 0.01
    made.add([part(3, 3, target=BATCHES)], 0.01)
    assert seqs(made.take(0.01, 0.02)) == [1, 2, 3]


def test_a_batch_that_waited_long_enough_leaves_short() -> None:
    assert seqs(line(1, 2, target=BATCHES).take(0.02, 0.02)) == [1, 2]


@dataclass(frozen=True, slots=True)
class Narrow(Poster):
    """Takes 250 bytes at once: two parts, each of which has 100."""

    @property
    @override
    def actions(self) -> Mapping[str, Action]:
        return {"post": Action("post", self.order, self.dedupe, 50, 250)}


def test_a_batch_takes_no_more_bytes_than_its_action_whatever_was_cut_before() -> None:
    narrow = Narrow(max_items=50)
    made = line(1, 2, 3, 4, 5, target=narrow)

    assert seqs(made.take(100.0, 0.0)) == [1, 2]
    made.add([part(6, 6, target=narrow)], 0.0)
    assert drain_all(made) == [[3, 4], [5, 6]]
    made.add([part(7, 7, target=narrow)], 0.0)
    assert drain_all(made) == [[7]]


def test_a_window_closes_when_the_last_of_its_parts_is_settled() -> None:
    windows = Windows()
    windows.opened((0, 1), 2)

    first = windows.leaving([structs.replace(part(1, 8), window=1), part(9, 8)])
    windows.left(first)
    second = windows.leaving([structs.replace(part(2, 8), window=1)])

    assert (first, second) == ({(0, 1): 1}, {(0, 1): 0})


def test_people_who_became_one_wait_for_what_either_has_on_its_way() -> None:
    made = Line()
    first, second, third = part(1, 8), part(2, 3), part(3, 3)
    made.add([first, second], 0.0)
    taken = [made.take(0.0, 0.0), made.take(0.0, 0.0)]

    made.merged({8: 3})
    made.add([third], 0.0)

    assert [batch.parts for batch in taken if batch] == [(first,), (second,)]
    assert made.take(0.0, 0.0) is None
    made.done(first, 0.0)
    assert made.take(0.0, 0.0) is None
    made.done(second, 0.0)
    last = made.take(0.0, 0.0)
    assert last is not None
    assert last.parts == (third,)
