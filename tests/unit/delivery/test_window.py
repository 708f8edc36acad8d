"""A window: what is owed part by part, and spans of neighbours that are not sent for one reason."""

from __future__ import annotations

from collections.abc import Sequence

from support.engine import Poster, bound, stored
from turnout.delivery import verdict
from turnout.delivery.eyes import broke
from turnout.delivery.window import Opening, Sight, Skip, opening, owed
from turnout.document import Document
from turnout.event.model import TEST, TOMBSTONE, Stored
from turnout.exchange import part_of
from turnout.routing import Bound


def sight(*suppressed: int, survivors: dict[int, int] | None = None) -> Sight:
    def document(event: Stored) -> Document:
        return {"type": "track", "event": event.name, "messageId": f"m{event.seq}"}

    return Sight(
        document, lambda person: (survivors or {}).get(person, person), lambda e: e.person in suppressed, 5, broke
    )


def window(events: Sequence[Stored], owner: Bound | None = None, *, run: int = 0, seen: Sight | None = None) -> Opening:
    return opening(
        events, 1, run, 0, owner or bound(), seen or sight(), last=len(events), more=False, revision=1, regulations=1
    )


def spans(made: Opening) -> list[tuple[int, int, int]]:
    return [(skip.seq, skip.last, skip.code) for skip in made.skips]


def test_neighbours_that_are_not_sent_for_one_reason_are_one_span() -> None:
    events = [stored(seq, namespace=TEST) for seq in (1, 2, 3)]

    made = window(events)

    assert spans(made) == [(1, 3, verdict.NAMESPACE)]
    assert made.counts == ((verdict.NAMESPACE, 3),)


def test_a_sent_event_between_them_parts_two_spans() -> None:
    events = [stored(1, namespace=TEST), stored(2), stored(3, namespace=TEST)]

    made = window(events)

    assert spans(made) == [(1, 1, verdict.NAMESPACE), (3, 3, verdict.NAMESPACE)]
    assert [part.seq for part in made.parts] == [2]


def test_another_reason_begins_another_span() -> None:
    events = [stored(1, namespace=TEST), stored(2, flags=TOMBSTONE), stored(3, flags=TOMBSTONE)]

    assert spans(window(events)) == [(1, 1, verdict.NAMESPACE), (2, 3, verdict.ERASED)]


def test_a_gap_in_the_log_is_not_spanned() -> None:
    assert spans(window([stored(1, namespace=TEST), stored(3, namespace=TEST)])) == [
        (1, 1, verdict.NAMESPACE),
        (3, 3, verdict.NAMESPACE),
    ]


def test_a_replay_has_no_spans_for_what_it_passes_is_not_all_selected() -> None:
    events = [stored(seq, namespace=TEST) for seq in (1, 2)]

    assert spans(window(events, run=1)) == [(1, 1, verdict.NAMESPACE), (2, 2, verdict.NAMESPACE)]


def test_an_event_of_several_items_is_several_parts_of_one_person() -> None:
    made = window([stored(1, 4)], bound(Poster(per=3)))

    assert [part.item.index for part in made.parts] == [0, 1, 2]
    assert len({part.key for part in made.parts}) == 3
    assert {part.person for part in made.parts} == {4}


def test_a_part_belongs_to_the_person_that_survived() -> None:
    (part,) = owed(stored(1, 4), 1, 0, bound(), sight(survivors={4: 2}))

    assert not isinstance(part, Skip)
    assert (part.person, part.whose) == (2, 2)


def test_a_suppressed_persons_event_is_not_sent() -> None:
    assert spans(window([stored(1, 4)], seen=sight(4))) == [(1, 1, verdict.SUPPRESSED)]


def test_parts_are_numbered_by_name_and_index_and_stay_positive() -> None:
    numbers = {part_of(name, index) for name in ("post", "identify", "order") for index in (0, 1, 0xFFFF)}

    assert len(numbers) == 9
    assert all(0 < number < 1 << 31 for number in numbers)
