"""Whose an event is: flat matching, deterministic, one event after the other (identity.md 2).

1. An event claims its user id, e-mails and anonymous id, in this order of priority. Alias merges nobody: its
   previous id is no claim. An identifier carries its namespace, so live and test never meet.
2. Placeholders (`null`, `0000`, `undefined`) identify nobody. An event that has nothing else belongs to a person of
   that placeholder alone: such a person is never linked or merged, for its identifier counts only when it is alone.
3. Nobody has any of the identifiers: a new person. Somebody: it is theirs. Several: they are merged, the lowest id
   survives.
4. When the person would exceed a limit, the event's identifier of lowest priority is dropped and the rest asked
   again. So the one of highest priority always says whose the event is, and a shared device merges no two users.

The default limits allow eleven identifiers a person, so that the caps of merges and mappings only bind under others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from turnout.clock import month_of
from turnout.event.model import Event, PersonId
from turnout.identity.model import Guise, Identifier, IdType, Known, Merge, Person, Resolution

_BLOCKED = frozenset({"-1", "null", "anonymous", "undefined"})
"""Besides noughts and dashes. Source: identity.md 2, suggested blocked values; `undefined` is what JavaScript makes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one person may have. Source: identity.md 2, defaults and system caps."""

    user_id: int = 1
    email: int = 5
    anonymous_id: int = 5
    merges: int = 100
    mappings: int = 1_000


DEFAULT_LIMITS: Final = Limits()


def guises(events: Sequence[Event]) -> list[Guise]:
    """List as whom these events came: what the store may know already."""
    months = {received: month_of(received) for received in {event.received for event in events}}
    return [
        (months[event.received], event.source, event.namespace, event.user_id, event.anonymous_id, event.emails)
        for event in events
    ]


def claims(events: Sequence[Event]) -> tuple[Identifier, ...]:
    """List what a batch claims, each identifier once, in order: for the store's look-up."""
    return tuple(dict.fromkeys(identifier for event in events for identifier in identifiers(event)))


def identifiers(event: Event) -> tuple[Identifier, ...]:
    """List what identifies an event, the highest priority first; never empty."""
    every = [Identifier(event.namespace, IdType.USER, event.user_id)] if event.user_id else []
    if event.emails:
        every += [Identifier(event.namespace, IdType.EMAIL, address) for address in event.emails]
    if event.anonymous_id:
        every.append(Identifier(event.namespace, IdType.ANONYMOUS, event.anonymous_id))
    return tuple([each for each in every if not is_blocked(each.value)] or every[:1])


def is_blocked(value: str) -> bool:
    """Say whether a value is a placeholder that many people share.

    >>> is_blocked("00000000-0000-0000-0000-000000000000"), is_blocked("NULL"), is_blocked("u-1")
    (True, True, False)
    """
    return not value.strip("0-") or value.lower() in _BLOCKED


def resolve(events: Sequence[Event], known: Known, limits: Limits = DEFAULT_LIMITS) -> Resolution:
    """Say whose each event is and what changes in the graph; later events see what earlier ones changed.

    Shape: to be applied in the order created, linked, merges. A merge adds the loser's merges and one.
    """
    graph = _Graph(known, limits)
    persons = [graph.take(at, identifiers(event)) for at, event in enumerate(events)]
    return Resolution(
        persons=tuple([graph.survivor(person) for person in persons]),
        created=tuple(graph.created),
        linked=tuple(graph.linked),
        merges=tuple(graph.merges),
        refused=tuple(graph.refused),
    )


class _Graph(msgspec.Struct):
    """What is known, and what this batch makes of it."""

    known: Known
    limits: Limits
    owners: dict[Identifier, PersonId] = {}
    people: dict[PersonId, Person] = {}
    survivors: dict[PersonId, PersonId] = {}
    created: list[PersonId] = []
    linked: list[tuple[Identifier, PersonId, int]] = []
    merges: list[Merge] = []
    refused: list[tuple[Identifier, str, int]] = []

    def take(self, at: int, claimed: tuple[Identifier, ...]) -> PersonId:
        """Find, make or merge whose an event is, and link what it claims."""
        owners = {each: owner for each in claimed if (owner := self.owner(each)) is not None}
        dropped: list[tuple[Identifier, str]] = []
        while True:
            joined = sorted(set(owners.values()))
            fresh = [each for each in claimed if each not in owners]
            if len(claimed) == 1 or (len(joined) == 1 and not fresh) or not (reason := self.exceeded(joined, fresh)):
                break
            dropped.append((claimed[-1], reason))
            owners.pop(claimed[-1], None)
            claimed = claimed[:-1]
        person = joined[0] if joined else self.create()
        for loser in joined[1:]:
            self.merge(loser, person, at, owners)
        if fresh:
            self.link(fresh, person, at)
        self.refused += [(each, reason, at) for each, reason in dropped if self.owner(each) != person]
        return person

    def owner(self, identifier: Identifier) -> PersonId | None:
        """Look up who has an identifier by now."""
        owner = self.owners.get(identifier)
        if owner is None:
            owner = self.known.owners.get(identifier)
        return None if owner is None else self.survivor(owner)

    def survivor(self, person: PersonId) -> PersonId:
        """Follow the merges of this batch."""
        while person in self.survivors:
            person = self.survivors[person]
        return person

    def person(self, person: PersonId) -> Person:
        """Look up what is known of a person by now."""
        return self.people.get(person) or self.known.people[person]

    def exceeded(self, joined: list[PersonId], fresh: list[Identifier]) -> str:
        """Name the limit that these people and identifiers would exceed as one person, if any."""
        people = [self.person(person) for person in joined]
        every = [each for person in people for each in person.identifiers] + fresh
        types = [each.type for each in every]
        limits = self.limits
        if types.count(IdType.USER) > limits.user_id:
            return "user_id_limit"
        if types.count(IdType.EMAIL) > limits.email:
            return "email_limit"
        if types.count(IdType.ANONYMOUS) > limits.anonymous_id:
            return "anonymous_id_limit"
        if len(every) > limits.mappings:
            return "mapping_limit"
        return "merge_limit" if len(people) > 1 and _merges(people) > limits.merges else ""

    def create(self) -> PersonId:
        """Make a person of the next free id."""
        person = PersonId(self.known.next_person + len(self.created))
        self.created.append(person)
        self.people[person] = Person(person)
        return person

    def link(self, fresh: Sequence[Identifier], person: PersonId, at: int) -> None:
        """Give identifiers that nobody has to a person."""
        before = self.person(person)
        self.people[person] = Person(person, (*before.identifiers, *fresh), before.merges)
        self.owners.update(dict.fromkeys(fresh, person))
        self.linked += [(each, person, at) for each in fresh]

    def merge(self, loser: PersonId, survivor: PersonId, at: int, owners: dict[Identifier, PersonId]) -> None:
        """Make two people one; `because` names the survivor's type first."""
        both = self.person(survivor), self.person(loser)
        together = both[0].identifiers + both[1].identifiers
        self.people[survivor] = Person(survivor, together, _merges(both))
        self.survivors[loser] = survivor
        first = {owner: each.type for each, owner in reversed(owners.items())}
        self.merges.append(Merge(loser, survivor, at, (first[survivor], first[loser])))


def _merges(people: Sequence[Person]) -> int:
    return sum(person.merges for person in people) + len(people) - 1
