"""Who is who: identifiers, links between people, and the meter of who counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from turnout.event.model import Namespace, PersonId
from turnout.identity.meter import Count
from turnout.identity.model import ID_CODES, Identifier, IdType, Known, Person, Resolution
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("people")
TYPES = {code: kind for kind, code in ID_CODES.items()}


@dataclass(frozen=True, slots=True)
class Metered:
    """Somebody who counted: a user id, or an anonymous id that no user id came with. `seq`: the event that counted."""

    kind: str
    linked: bool
    seq: int


class PeopleView:
    """What can be read of people."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def owner(self, identifier: Identifier) -> PersonId | None:
        """Find whose an identifier is."""
        row = self._s.row(SQL["find_owner"], (self._s.vault.identifier(identifier),))
        return PersonId(row[0]) if row else None

    def keyed(self, key: bytes) -> tuple[PersonId, int] | None:
        """Find by its key whose an identifier is, and the event that brought it."""
        row = self._s.row(SQL["find_identifier"], (key,))
        return (PersonId(row[0]), int(row[1])) if row else None

    def survivor(self, person: int) -> PersonId:
        """Give the person that this one is today."""
        row = self._s.row(SQL["find_survivor"], (person,))
        return PersonId(row[0] if row else person)

    def selves(self, person: int) -> tuple[PersonId, ...]:
        """Give all ids under which a person's events were recorded, today's first."""
        now = self.survivor(person)
        return (now, *(PersonId(row[0]) for row in self._s.rows(SQL["list_losers"], (now,))))

    def get(self, person: int) -> Person:
        """Read a person: identifiers in the order in which they came, and the number of merges."""
        rows = self._s.rows(SQL["list_identifiers"], (person,))
        profile = self._s.row(SQL["get_profile"], (person,))
        return Person(
            PersonId(person),
            tuple(Identifier(Namespace(row[2]), TYPES[row[0]], row[1]) for row in rows),
            profile[3] if profile else 0,
        )

    def meter(self, month: int) -> tuple[tuple[str, int, str, bool, int], ...]:
        """Count a month: (namespace, source, kind, linked, people); source 0 is the whole workspace."""
        return tuple(
            (row[0], row[1], row[2], bool(row[3]), row[4]) for row in self._s.rows(SQL["count_meter"], (month,))
        )

    def namespaces(self) -> Mapping[str, int]:
        """Count people by namespace."""
        return {str(row[0]): int(row[1]) for row in self._s.rows(SQL["count_people"])}

    def metered(self, month: int, namespace: str, limit: int) -> tuple[Metered, ...]:
        """Name who counted, the latest first."""
        rows = self._s.rows(SQL["list_meter"], (month, namespace, limit))
        return tuple(Metered(row[0], bool(row[1]), row[2]) for row in rows)


class _Lazily(dict[PersonId, Person]):
    """People by id, read when somebody asks: most events need none of them."""

    def __init__(self, view: PeopleView) -> None:
        super().__init__()
        self._view = view

    def __missing__(self, person: PersonId) -> Person:
        found = self[person] = self._view.get(person)
        return found


class People(PeopleView):
    """What can be written of people."""

    def known(self, claims: Iterable[Identifier]) -> Known:
        """Look up whose these identifiers are, in the overlays, the cache, the table."""
        owners: dict[Identifier, PersonId] = {}
        for claim in claims:
            if (person := self._owner(claim)) is not None:
                owners[claim] = person
        return Known(owners, _Lazily(self), PersonId(self._s.counter.person))

    def apply(self, whose: Resolution, namespaces: Sequence[Namespace], first: int) -> None:
        """Write a resolution. `namespaces` is parallel to `created`; event numbers count from seq `first`."""
        session = self._s
        overlay = session.overlay
        made = zip(whose.created, namespaces, strict=True)
        session.many(SQL["insert_profile"], [(person, namespace, session.now) for person, namespace in made])
        session.counter.person = max([session.counter.person, *(person + 1 for person in whose.created)])
        session.many(
            SQL["insert_identifier"],
            [
                (session.vault.identifier(each), person, ID_CODES[each.type], each.value, each.namespace, first + event)
                for each, person, event in whose.linked
            ],
        )
        overlay.owners.update((identifier, person) for identifier, person, _ in whose.linked)
        for merge in whose.merges:
            because = "+".join(str(IdType(each)) for each in merge.because)
            session.run(SQL["move_identifiers"], (merge.survivor, merge.loser))
            session.run(SQL["move_links"], (merge.survivor, merge.loser))
            session.run(SQL["insert_link"], (merge.loser, merge.survivor, first + merge.event, session.now, because))
            session.run(SQL["add_merges"], (merge.loser, merge.survivor))
            session.run(SQL["rekey_owed"], (merge.survivor, merge.loser))
        if whose.merges:
            self._moved()

    def count(self, counts: Iterable[Count], first: int) -> None:
        """Note who counts this month; event numbers count from seq `first`."""
        rows = []
        for each in counts:
            key = (each.month, str(each.namespace), int(each.source), each.kind, each.value)
            if not self._metered(key, linked=each.linked):
                mac = self._s.vault.mac("meter", each.namespace, each.kind, each.value)
                rows.append((*key[:4], mac, int(each.linked), first + each.event))
                self._s.overlay.metered[key] = each.linked
        self._s.many(SQL["upsert_meter"], rows)

    def cut(self, person: int) -> int:
        """Take a person's identifiers: from now on their events are a new person's. Gives how many."""
        gone = self._s.run(SQL["delete_identifiers"], (person,))
        self._moved()
        return gone

    def forget(self, person: int) -> None:
        """Remove what is known of a person: identifiers, profile, links."""
        self._s.run(SQL["delete_identifiers"], (person,))
        self._s.many(SQL["delete_profile"], [(each,) for each in self.selves(person)])
        self._s.run(SQL["delete_links"], (person, person))
        self._moved()

    def _moved(self) -> None:
        self._s.overlay.moved_people = True
        self._s.overlay.owners.clear()
        self._s.counter.people += 1

    def _owner(self, claim: Identifier) -> PersonId | None:
        moved = False
        for overlay in reversed(self._s.overlays):
            if (person := overlay.owners.get(claim)) is not None:
                return person
            if overlay.moved_people:
                moved = True
                break
        if not moved and (person := self._s.cache.owners.get(claim)) is not None:
            return person
        found = self.owner(claim)
        if found is not None:
            self._s.overlay.owners[claim] = found
        return found

    def _metered(self, key: tuple[int, str, int, str, str], *, linked: bool) -> bool:
        for known in (*(overlay.metered for overlay in reversed(self._s.overlays)), self._s.cache.metered):
            if (was := known.get(key)) is not None:
                return was or not linked
        return False
