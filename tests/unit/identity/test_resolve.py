from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from support.events import event
from turnout.event.model import LIVE, TEST, PersonId
from turnout.identity.model import Identifier, IdType, Known, Merge, Person
from turnout.identity.resolve import Limits, claims, identifiers, is_blocked, resolve


def user(value: str) -> Identifier:
    return Identifier(LIVE, IdType.USER, value)


def email(value: str) -> Identifier:
    return Identifier(LIVE, IdType.EMAIL, value)


def anonymous(value: str) -> Identifier:
    return Identifier(LIVE, IdType.ANONYMOUS, value)


def known(*people: Iterable[Identifier], merges: int = 0) -> Known:
    """Know these people, numbered from 1."""
    persons = {PersonId(at): Person(PersonId(at), tuple(ids), merges) for at, ids in enumerate(people, 1)}
    owners = {each: person.id for person in persons.values() for each in person.identifiers}
    return Known(owners, persons, PersonId(len(people) + 1))


NOBODY = known()


def test_claims_are_listed_once_and_the_previous_id_is_none() -> None:
    events = (event("u1", "a1", emails=("x@example.com",), previous_id="old"), event("u1", "a2"))
    assert claims(events) == (user("u1"), email("x@example.com"), anonymous("a1"), anonymous("a2"))


def test_a_stranger_becomes_a_new_person_with_all_identifiers() -> None:
    answer = resolve((event("u1", "a1"),), NOBODY)
    assert (answer.persons, answer.created) == ((1,), (1,))
    assert answer.linked == ((user("u1"), 1, 0), (anonymous("a1"), 1, 0))


def test_a_visitor_who_logs_in_stays_the_same_person() -> None:
    answer = resolve((event(anonymous_id="a1"), event("u1", "a1"), event("u1")), NOBODY)
    assert answer.persons == (1, 1, 1)
    assert answer.created == (1,)
    assert answer.merges == ()


def test_two_people_who_meet_on_one_event_become_the_elder_one() -> None:
    answer = resolve((event("u1", "a1"),), known([anonymous("a1")], [user("u1")]))
    assert answer.persons == (1,)
    assert answer.merges == (Merge(PersonId(2), PersonId(1), 0, (IdType.ANONYMOUS, IdType.USER)),)
    assert answer.linked == ()


def test_an_earlier_event_of_the_batch_belongs_to_the_survivor_too() -> None:
    answer = resolve((event(anonymous_id="a1"), event("u1"), event("u1", "a1")), NOBODY)
    assert answer.persons == (1, 1, 1)
    assert answer.created == (1, 2)
    assert [(merge.loser, merge.survivor, merge.event) for merge in answer.merges] == [(2, 1, 2)]


def test_three_people_are_merged_at_once() -> None:
    people = known([email("x@example.com")], [anonymous("a1")], [user("u1")])
    answer = resolve((event("u1", "a1", emails=("x@example.com",)),), people)
    assert [(merge.loser, merge.survivor) for merge in answer.merges] == [(2, 1), (3, 1)]
    assert [merge.because for merge in answer.merges] == [
        (IdType.EMAIL, IdType.ANONYMOUS),
        (IdType.EMAIL, IdType.USER),
    ]


def test_a_shared_device_does_not_merge_two_users() -> None:
    answer = resolve((event("u2", "a1"),), known([user("u1"), anonymous("a1")]))
    assert (answer.persons, answer.created, answer.merges) == ((2,), (2,), ())
    assert answer.linked == ((user("u2"), 2, 0),)
    assert answer.refused == ((anonymous("a1"), "user_id_limit", 0),)


def test_a_shared_address_stays_with_the_first_user() -> None:
    people = known([user("abc123"), email("jane@example.com")])
    answer = resolve((event("abc456", emails=("jane@example.com",)),), people)
    assert answer.persons == answer.created == (2,)
    assert answer.refused == ((email("jane@example.com"), "user_id_limit", 0),)


def test_a_sixth_device_is_not_linked_but_the_event_is_the_users() -> None:
    people = known([user("u1"), *(anonymous(f"a{n}") for n in range(5))])
    answer = resolve((event("u1", "a6"), event(anonymous_id="a6")), people)
    assert answer.persons == (1, 2)
    assert answer.refused == ((anonymous("a6"), "anonymous_id_limit", 0),)


def test_what_a_person_has_already_is_never_called_refused() -> None:
    people = known([user("u1"), anonymous("a1"), *(email(f"{n}@example.com") for n in range(5))])
    answer = resolve((event("u1", "a1", emails=("new@example.com",)),), people)
    assert answer.persons == (1,)
    assert answer.refused == ((email("new@example.com"), "email_limit", 0),)


def test_a_person_takes_no_more_mappings_and_merges_than_allowed() -> None:
    full = resolve((event("u1", "a1"),), known([user("u1")]), Limits(mappings=1))
    worn = resolve((event("u1", "a1"),), known([user("u1")], [anonymous("a1")], merges=50), Limits(merges=100))
    assert (full.persons, full.refused) == ((1,), ((anonymous("a1"), "mapping_limit", 0),))
    assert (worn.persons, worn.refused) == ((1,), ((anonymous("a1"), "merge_limit", 0),))


@pytest.mark.parametrize(
    "value",
    ["0", "000", "00000000-0000-0000-0000-000000000000", "-", "-1", "null", "NULL", "Anonymous", "undefined"],
)
def test_a_placeholder_identifies_nobody(value: str) -> None:
    assert is_blocked(value)
    assert identifiers(event(value, "a1")) == (anonymous("a1"),)


@pytest.mark.parametrize("value", ["u1", "10", "null-1", "anonymous7", "-2"])
def test_an_id_that_only_resembles_a_placeholder_identifies(value: str) -> None:
    assert not is_blocked(value)


def test_events_with_nothing_but_a_placeholder_share_a_person_that_is_never_linked() -> None:
    events = (event("null", "undefined"), event("null"), event("null", "a1"), event("u1", "undefined"))
    answer = resolve(events, NOBODY)
    assert answer.persons == (1, 1, 2, 3)
    assert [identifier for identifier, _, _ in answer.linked] == [user("null"), anonymous("a1"), user("u1")]


def test_alias_merges_nobody() -> None:
    answer = resolve((event("new", previous_id="old"),), known([user("old")]))
    assert (answer.persons, answer.merges) == ((2,), ())


def test_one_id_in_test_and_live_is_two_people() -> None:
    answer = resolve((event("u1", "a1"), event("u1", "a1", namespace=TEST)), NOBODY)
    assert answer.persons == (1, 2)
    assert answer.merges == ()


def test_new_people_are_numbered_from_the_next_free_id() -> None:
    people = replace(NOBODY, next_person=PersonId(40))
    assert resolve((event("u1"), event("u2")), people).created == (40, 41)
