from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from support.events import event
from turnout.event.model import LIVE, TEST, Event, PersonId
from turnout.identity.meter import counted
from turnout.identity.model import Identifier, IdType, Known, Person, Resolution
from turnout.identity.resolve import Limits, claims, identifiers, resolve

NOBODY = Known({}, {}, PersonId(1))
BOUNDLESS = Limits(10**6, 10**6, 10**6, 10**6, 10**6)
EVENTS = st.builds(
    event,
    user_id=st.sampled_from(["", "u1", "u2", "u3"]),
    anonymous_id=st.sampled_from(["a1", "a2", "a3", "a4", "a5", "a6", "a7", "null"]),
    emails=st.lists(st.sampled_from(["x@example.com", "y@example.com", "z@example.com"]), max_size=2, unique=True).map(
        tuple
    ),
    namespace=st.sampled_from([LIVE, TEST]),
)
BATCHES = st.lists(EVENTS, max_size=15)


def applied(known: Known, answer: Resolution) -> Known:
    """Do what the store does with a resolution: create, link, merge, in this order."""
    owners = dict(known.owners) | {identifier: person for identifier, person, _ in answer.linked}
    merges = {person: known.people[person].merges if person in known.people else 0 for person in owners.values()}
    for merge in answer.merges:
        owners = {each: merge.survivor if owner == merge.loser else owner for each, owner in owners.items()}
        merges[merge.survivor] += merges.pop(merge.loser) + 1
    people = {
        person: Person(person, tuple(each for each, owner in owners.items() if owner == person), merges[person])
        for person in set(owners.values())
    }
    return Known(owners, people, PersonId(known.next_person + len(answer.created)))


def partition(known: Known) -> set[frozenset[Identifier]]:
    """Forget the numbers of the people: who is one with whom."""
    return {frozenset(person.identifiers) for person in known.people.values()}


def components(events: Sequence[Event]) -> set[frozenset[Identifier]]:
    """Join what stands on one event: a naive union-find, the oracle."""
    parent: dict[Identifier, Identifier] = {}

    def root(each: Identifier) -> Identifier:
        while parent.setdefault(each, each) != each:
            each = parent[each]
        return each

    for one in events:
        first, *rest = identifiers(one)
        root(first)
        for other in rest:
            parent[root(other)] = root(first)
    groups: dict[Identifier, set[Identifier]] = defaultdict(set)
    for each in parent:
        groups[root(each)].add(each)
    return {frozenset(group) for group in groups.values()}


@given(BATCHES, st.randoms())
def test_without_limits_profiles_are_the_connected_identifiers_in_whatever_order(
    batch: list[Event], random: Random
) -> None:
    expected = components(batch)
    random.shuffle(batch)
    assert partition(applied(NOBODY, resolve(batch, NOBODY, BOUNDLESS))) == expected


@given(BATCHES)
def test_where_no_connected_group_exceeds_a_limit_the_limits_change_nothing(batch: list[Event]) -> None:
    groups = [Counter(each.type for each in group) for group in components(batch)]
    limits = Limits(
        user_id=max([1, *(group[IdType.USER] for group in groups)]),
        email=max([1, *(group[IdType.EMAIL] for group in groups)]),
        anonymous_id=max([1, *(group[IdType.ANONYMOUS] for group in groups)]),
    )
    answer = resolve(batch, NOBODY, limits)
    assert answer.refused == ()
    assert partition(applied(NOBODY, answer)) == components(batch)


@given(BATCHES, st.integers(0, 15))
def test_a_batch_falls_into_profiles_as_its_two_halves_one_after_the_other(batch: list[Event], cut: int) -> None:
    before = applied(NOBODY, resolve(batch[:cut], NOBODY))
    after = applied(before, resolve(batch[cut:], before))
    assert after == applied(NOBODY, resolve(batch, NOBODY))


@given(BATCHES, BATCHES, st.randoms())
def test_events_that_share_no_identifier_may_be_interleaved_in_any_way(
    ours: list[Event], theirs: list[Event], random: Random
) -> None:
    theirs = [
        structs.replace(one, user_id=f"t{one.user_id}", anonymous_id=f"t{one.anonymous_id}", emails=())
        for one in theirs
    ]
    order = [True] * len(ours) + [False] * len(theirs)
    random.shuffle(order)
    left, right = iter(ours), iter(theirs)
    mixed = [next(left) if mine else next(right) for mine in order]
    apart = partition(applied(NOBODY, resolve([*ours, *theirs], NOBODY)))
    assert partition(applied(NOBODY, resolve(mixed, NOBODY))) == apart


@given(BATCHES)
def test_resolving_again_changes_nothing_and_finds_the_same_people(batch: list[Event]) -> None:
    first = resolve(batch, NOBODY)
    again = resolve(batch, applied(NOBODY, first))
    assert (again.created, again.linked, again.merges) == ((), (), ())
    assert again.persons == first.persons


@given(BATCHES)
def test_an_event_belongs_to_whoever_has_its_identifier_of_highest_priority(batch: list[Event]) -> None:
    answer = resolve(batch, NOBODY)
    known = applied(NOBODY, answer)
    assert list(answer.persons) == [known.owners[identifiers(one)[0]] for one in batch]


@given(BATCHES)
def test_nobody_ever_has_more_than_the_limits_allow(batch: list[Event]) -> None:
    for person in applied(NOBODY, resolve(batch, NOBODY)).people.values():
        n = Counter(each.type for each in person.identifiers)
        assert n[IdType.USER] <= 1
        assert n[IdType.EMAIL] <= 5
        assert n[IdType.ANONYMOUS] <= 5


@given(BATCHES)
def test_test_and_live_never_share_a_person(batch: list[Event]) -> None:
    answer = resolve(batch, NOBODY)
    namespaces = defaultdict(set)
    for one, person in zip(batch, answer.persons, strict=True):
        namespaces[person].add(one.namespace)
    assert all(len(found) == 1 for found in namespaces.values())
    assert all(len({each.namespace for each in group}) == 1 for group in partition(applied(NOBODY, answer)))


@given(BATCHES)
def test_the_store_need_only_look_up_what_a_batch_claims(batch: list[Event]) -> None:
    rest = resolve(batch, applied(NOBODY, resolve(batch, NOBODY)))
    linked = [identifier for identifier, _, _ in resolve(batch, NOBODY).linked]
    assert set(linked) <= set(claims(batch))
    assert len(linked) == len(set(linked))
    assert rest.linked == ()


@given(BATCHES)
def test_the_meter_counts_what_two_plain_sets_count(batch: list[Event]) -> None:
    live = [one for one in batch if one.namespace == LIVE]
    users = {one.user_id for one in live if one.user_id}
    linked = {one.anonymous_id for one in live if one.user_id and one.anonymous_id}
    alone = {one.anonymous_id for one in live if one.anonymous_id} - linked
    rows = [row for row in counted(batch) if row.namespace == LIVE]
    assert {row.value for row in rows if row.kind == "u"} == users
    assert {row.value for row in rows if row.kind == "a" and row.linked} == linked
    assert {row.value for row in rows if row.kind == "a" and not row.linked} == alone
    assert len(rows) == len(users) + len(linked) + len(alone)
