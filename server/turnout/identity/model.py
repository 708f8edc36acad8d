"""Words of the identity graph: identifiers, what an event claims, what is known, what is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import msgspec

from turnout.event.model import Namespace, PersonId, SourceId


class IdType(StrEnum):
    """The types of identifiers, the first with the highest priority (identity.md 2)."""

    USER = "user_id"
    EMAIL = "email"
    ANONYMOUS = "anonymous_id"


ID_CODES: dict[IdType, int] = {kind: code for code, kind in enumerate(IdType, 1)}
"""On disk for ever: never renumber."""


class Identifier(NamedTuple):
    """One value of one type in one namespace: live and test never meet. A tuple, for it is hashed often."""

    namespace: Namespace
    type: IdType
    value: str


Guise: TypeAlias = tuple[int, SourceId, Namespace, str, str, tuple[str, ...]]
"""As whom somebody came: month, source, namespace, user id, anonymous id, e-mails. It decides whose and who counts."""


class Person(msgspec.Struct, frozen=True, gc=False):
    """What the graph knows of one person: identifiers by type, and how often they were merged."""

    id: PersonId
    identifiers: tuple[Identifier, ...] = ()
    merges: int = 0


class Known(msgspec.Struct, frozen=True, gc=False):
    """What the store found for a batch's claims, and the first person id that is free."""

    owners: Mapping[Identifier, PersonId]
    people: Mapping[PersonId, Person]
    next_person: PersonId


class Merge(msgspec.Struct, frozen=True, gc=False):
    """`loser` is `survivor` from now on; `because` names the two types whose values met on one event."""

    loser: PersonId
    survivor: PersonId
    event: int
    because: tuple[IdType, IdType]


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """Whose each event is, and what changes in the graph.

    `persons` is parallel to the events. `created` and `linked` are in the order in which they came to be;
    `event` numbers in `linked` and `merges` are positions in the batch. `refused` are identifiers that a
    limit kept off a person, with our reason, for the trace.
    """

    persons: tuple[PersonId, ...]
    created: tuple[PersonId, ...] = ()
    linked: tuple[tuple[Identifier, PersonId, int], ...] = ()
    merges: tuple[Merge, ...] = ()
    refused: tuple[tuple[Identifier, str, int], ...] = ()

    def survivor(self, person: PersonId) -> PersonId:
        """Say who a person is after these merges."""
        for merge in self.merges:
            if person == merge.loser:
                person = merge.survivor
        return person
