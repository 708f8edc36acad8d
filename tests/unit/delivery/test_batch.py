"""What leaves together, and the id that all tries of it share."""

from __future__ import annotations

from support.engine import Poster, part
from turnout.delivery.batch import Batch, halves, pack, request_id
from turnout.exchange import Dedupe, Order

TEN = Poster(max_items=10)
TEN_TIED = Poster(max_items=10, dedupe=Dedupe.BATCH)


def shapes(batches: tuple[Batch, ...]) -> list[list[int]]:
    return [[each.seq for each in batch.parts] for batch in batches]


def test_a_batch_holds_one_event_of_a_person() -> None:
    assert shapes(pack([part(1, 1, target=TEN), part(2, 2, target=TEN), part(3, 1, target=TEN)])) == [[1, 2], [3]]


def test_a_batch_is_cut_at_the_items_an_action_takes() -> None:
    two = Poster(max_items=2, order=Order.NONE)

    assert shapes(pack(part(seq, target=two) for seq in range(1, 6))) == [[1, 2], [3, 4], [5]]


def test_runs_never_share_a_request() -> None:
    assert shapes(pack([part(1, 1, target=TEN), part(2, 2, run=1, target=TEN)])) == [[1], [2]]


def test_what_was_refused_again_and_again_leaves_in_ever_smaller_batches() -> None:
    parts = [part(seq, seq, target=TEN, tries=4) for seq in range(1, 5)]

    assert shapes(pack(parts)) == [[1], [2], [3], [4]]


def test_what_was_never_tried_leaves_apart_from_what_may_have_been_so_that_a_number_of_tries_is_true_of_all() -> None:
    parts = [part(1, 1, target=TEN, tries=1), part(2, 2, target=TEN), part(3, 3, target=TEN, tries=1)]

    assert [(shape, batch.tries) for batch, shape in zip(pack(parts), shapes(pack(parts)), strict=True)] == [
        ([1, 3], 2),
        ([2], 1),
    ]


def test_what_may_have_been_taken_leaves_with_the_very_members_it_left_with() -> None:
    first = [part(seq, seq, target=TEN_TIED, doubt=True, request=7, tries=3) for seq in (1, 3)]
    second = [part(seq, seq, target=TEN_TIED, doubt=True, request=8, tries=3) for seq in (2, 4)]

    assert shapes(pack([first[0], second[0], first[1], second[1]])) == [[1, 3], [2, 4]]


def test_one_part_has_its_message_id_and_a_batch_one_that_its_members_make() -> None:
    one, other = part(1, 1, target=TEN), part(2, 2, target=TEN)

    assert request_id(Batch((one,))) == "m1"
    assert request_id(Batch((one, other))) == request_id(Batch((one, other), 5))
    assert request_id(Batch((one, other))) != request_id(Batch((other, one)))


def test_halves_lose_nobody() -> None:
    parts = tuple(part(seq, seq, target=TEN) for seq in range(1, 6))

    left, right = halves(Batch(parts))

    assert left.parts + right.parts == parts
    assert left.parts
    assert right.parts


def test_what_goes_on_from_a_place_leaves_with_the_very_members_of_its_request_however_often_it_was_tried() -> None:
    asked = enumerate([5, 5, 6, 5])
    parts = [part(seq, seq, target=TEN, tries=4, request=request, place=b"[]") for seq, request in asked]

    assert shapes(pack(parts)) == [[0, 1, 3], [2]]
