"""Who is who: identifiers, links between people, and the meter of who counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from turnout.event.model import Namespace, PersonId
from turnout.identity.meter import Count
from turnout.identity.model import ID_CODES, Guise, Identifier, IdType, Known, Person, Resolution
from turnout.store.cache import LONG
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("people")
FEW = 5
"""Identifiers looked up one by one: 4 us each, and 32 at once take 20."""
MOMENTS = 32
"""What `count_counted_before` has places for: the days of a month begin and end at so many."""
METERED = {IdType.USER: "u", IdType.ANONYMOUS: "a"}
TYPES = {code: kind for kind, code in ID_CODES.items()}

Tallied: TypeAlias = tuple[str, int, str, bool, int]
"""Of a month: namespace, source (0 for all of them together), kind, linked, and how many people."""


@dataclass(frozen=True, slots=True)
class Metered:
    """Somebody who counted: a user id, or an anonymous id that no user id came with. `seq`: the event that counted."""

    kind: str
    linked: bool
    seq: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody who became part of another: the event that showed it, when, and by which types of identifiers."""

    person: int
    seq: int
    at: int
    because: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A person as listed: when it was made, and how many became part of it."""

    person: int
    namespace: str
    created: int
    merges: int


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

    def merged_after(self, person: int, seq: int) -> bool:
        """Tell whether an event after that one made this survivor one with somebody."""
        return self._s.row(SQL["find_merge_after"], (person, seq)) is not None

    def get(self, person: int) -> Person:
        """Read a person: identifiers in the order in which they came, and the number of merges."""
        rows = self._s.rows(SQL["list_identifiers"], (person,))
        profile = self._s.row(SQL["get_profile"], (person,))
        return Person(
            PersonId(person),
            tuple(Identifier(Namespace(row[2]), TYPES[row[0]], row[1]) for row in rows),
            profile[3] if profile else 0,
        )

    def meter(self, month: int) -> tuple[Tallied, ...]:
        """Count a month."""
        rows = [row for name in ("count_whole_meter", "count_meter") for row in self._s.rows(SQL[name], (month,))]
        return tuple(
            (namespace, source, kind, is_linked, n)
            for namespace, source, kind, linked, every in rows
            for is_linked, n in ((False, every - linked), (True, linked))
            if n
        )

    def namespaces(self) -> Mapping[str, int]:
        """Count people by namespace."""
        return {str(row[0]): int(row[1]) for row in self._s.rows(SQL["count_people"])}

    def metered(self, month: int, namespace: str, limit: int) -> tuple[Metered, ...]:
        """Name who counted, the latest first."""
        rows = self._s.rows(SQL["list_meter"], (month, namespace, limit))
        return tuple(Metered(row[0], bool(row[1]), row[2]) for row in rows)

    def joined(self, person: int) -> tuple[Joined, ...]:
        """List who became part of a person, oldest first."""
        return tuple(Joined(*row) for row in self._s.rows(SQL["list_merges"], (person,)))

    def newest(self, before: int, namespace: str, limit: int) -> tuple[Listed, ...]:
        """List people back from a number, the newest first; `namespace` empty for all."""
        return tuple(Listed(*row) for row in self._s.rows(SQL["list_newest"], (before, namespace, namespace, limit)))

    def made(self, person: int) -> int:
        """Give when a person was made; 0 for nobody."""
        row = self._s.row(SQL["get_profile"], (person,))
        return int(row[2]) if row else 0

    def brought(self, person: int) -> tuple[tuple[Identifier, int], ...]:
        """Give a person's identifiers by priority, each with the event that brought it."""
        rows = sorted(self._s.rows(SQL["list_identifiers"], (person,)))
        return tuple((Identifier(Namespace(row[2]), TYPES[row[0]], row[1]), int(row[3])) for row in rows)

    def counts(self, month: int, identifier: Identifier) -> Metered | None:
        """Tell whether a user id or an anonymous id counts in a month."""
        kind = METERED.get(identifier.type)
        if kind is None:
            return None
        key = self._s.vault.mac("meter", identifier.namespace, kind, identifier.value)
        row = self._s.row(SQL["find_counted"], (month, identifier.namespace, kind, key))
        return Metered(kind, bool(row[0]), int(row[1])) if row and row[1] is not None else None

    def counted_before(self, month: int, namespace: str, seqs: Sequence[int]) -> tuple[int, ...]:
        """Count who counts today and was counted by an event before each of at most 32."""
        places = (*seqs, *[0] * (MOMENTS - len(seqs)))
        row = self._s.row(SQL["count_counted_before"], (*places, month, namespace))
        return tuple(int(n) for n in row[: len(seqs)]) if row else ()


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

    def regulars(self, guises: Sequence[Guise]) -> list[PersonId | None]:
        """Say who came so before, if it is known without a look into the tables."""
        layers = self._regulars()
        found: list[PersonId | None] = list(map(layers[0].get, guises)) if layers else [None] * len(guises)
        for layer in layers[1:]:
            found = [
                layer.get(guise) if person is None else person for guise, person in zip(guises, found, strict=True)
            ]
        return found

    def known(self, claims: Sequence[Identifier]) -> Known:
        """Look up whose these identifiers are."""
        keys = {self._key(claim): claim for claim in claims}
        if len(keys) <= FEW:
            rows = [(key, self._s.row(SQL["find_owner"], (key,))) for key in keys]
            found = [(key, row[0]) for key, row in rows if row is not None]
        else:
            found = self._s.among(SQL["find_owners"], list(keys))
        return Known(
            {keys[key]: PersonId(person) for key, person in found}, _Lazily(self), PersonId(self._s.counter.person)
        )

    def apply(self, whose: Resolution, seqs: Sequence[int]) -> None:
        """Write a resolution; `seqs` are those of its events."""
        session = self._s
        homes = {person: identifier.namespace for identifier, person, _ in whose.linked}
        session.many(SQL["insert_profile"], [(person, homes[person], session.now) for person in whose.created])
        session.counter.person = max([session.counter.person, *(person + 1 for person in whose.created)])
        session.many(
            SQL["insert_identifier"],
            [
                (self._key(each), person, ID_CODES[each.type], each.value, each.namespace, seqs[event])
                for each, person, event in whose.linked
            ],
        )
        for merge in whose.merges:
            because = "+".join(str(IdType(each)) for each in merge.because)
            session.run(SQL["move_identifiers"], (merge.survivor, merge.loser))
            session.run(SQL["move_links"], (merge.survivor, merge.loser))
            session.run(SQL["insert_link"], (merge.loser, merge.survivor, seqs[merge.event], session.now, because))
            session.run(SQL["add_merges"], (merge.loser, merge.survivor))
            session.run(SQL["rekey_owed"], (merge.survivor, merge.loser))
        if whose.merges:
            self._moved()

    def count(self, counts: Sequence[Count], seqs: Sequence[int], whose: Resolution) -> None:
        """Note who counts this month; `seqs` are those of the events that count them, `whose` these events are.

        People who were just made are not looked up: writing finds whoever counts already.
        """
        who = {(one.namespace, one.kind, one.value) for one in counts}
        macs = {each: self._s.vault.mac("meter", *each) for each in who}
        keyed = [(one, macs[one.namespace, one.kind, one.value]) for one in counts]
        made = set(whose.created)
        linked = self._linked([each for each in keyed if whose.persons[each[0].event] not in made])
        rows = [
            (one.month, one.namespace, one.kind, key, one.source, int(one.linked), seqs[one.event])
            for one, key in keyed
            if (was := linked.get((one.month, one.source, key))) is None or one.linked > was
        ]
        self._s.many(SQL["upsert_meter"], rows)

    def remember(self, guises: Sequence[Guise], whose: Resolution) -> None:
        """Know them when they come so again: their events were resolved and counted."""
        both = zip(guises, whose.persons, strict=True)
        self._s.overlay.regulars.update((guise, person) for guise, person in both if _length(guise) <= LONG)

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

    def _linked(self, keyed: Sequence[tuple[Count, bytes]]) -> Mapping[tuple[int, int, bytes], bool]:
        """Say of those who count already whether they came with a user id: by month, source and key."""
        asked: dict[tuple[int, str, str, int], list[bytes]] = {}
        for one, key in keyed:
            asked.setdefault((one.month, one.namespace, one.kind, one.source), []).append(key)
        found: dict[tuple[int, int, bytes], bool] = {}
        for place, keys in asked.items():
            month, _, _, source = place
            for key, linked in self._s.among(SQL["find_metered"], keys, place):
                found[month, source, key] = bool(linked)
        return found

    def _key(self, identifier: Identifier) -> bytes:
        keys = self._s.keys
        return keys.get(identifier) or keys.setdefault(identifier, self._s.vault.identifier(identifier))

    def _moved(self) -> None:
        self._s.overlay.move()
        self._s.counter.people += 1

    def _regulars(self) -> list[Mapping[Guise, PersonId]]:
        layers: list[Mapping[Guise, PersonId]] = []
        for overlay in reversed(self._s.overlays):
            layers.append(overlay.regulars)
            if overlay.moved:
                break
        else:
            layers.append(self._s.cache.regulars)
        return [layer for layer in layers if layer]


def _length(guise: Guise) -> int:
    *_, user_id, anonymous_id, emails = guise
    return len(user_id) + len(anonymous_id) + sum(map(len, emails))
