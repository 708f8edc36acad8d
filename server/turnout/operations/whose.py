"""Whose events are meant: people found by what identifies them, in every namespace, and their events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from turnout.event.model import Namespace, Stored
from turnout.identity.model import Identifier, IdType
from turnout.store.session import NEWEST
from turnout.store.unit import View

_FIRST, _BLOCK = 10, 200
"""Events read at a time: most who ask need the newest ones."""


@dataclass(frozen=True, slots=True)
class Whose:
    """What identifies a person; empty is not given. All that is given must be theirs."""

    user_id: str = ""
    anonymous_id: str = ""
    email: str = ""

    def given(self) -> tuple[tuple[IdType, str], ...]:
        """List what is given."""
        every = (
            (IdType.USER, self.user_id),
            (IdType.EMAIL, self.email.strip().lower()),
            (IdType.ANONYMOUS, self.anonymous_id),
        )
        return tuple((kind, value) for kind, value in every if value)


def people(view: View, whose: Whose, namespace: str = "") -> frozenset[int]:
    """Give every id under which events of this person were recorded, live and test, or in one namespace."""
    spaces = [namespace] if namespace else [name for name, _ in view.log.namespaces()]
    return frozenset(person for space in spaces for person in _people(view, whose, Namespace(space)))


def _people(view: View, whose: Whose, namespace: Namespace) -> frozenset[int]:
    owners = {view.people.owner(Identifier(namespace, kind, value)) for kind, value in whose.given()}
    if len(owners) != 1 or (owner := owners.pop()) is None:
        return frozenset()
    return frozenset(view.people.selves(owner))


def events_of(view: View, persons: frozenset[int], before: int = NEWEST) -> Iterator[Stored]:
    """Read the events of people back, newest first, as far as somebody asks."""
    size = _FIRST
    while block := view.history.back(persons, before, size):
        yield from block
        before, size = block[-1].seq, _BLOCK
