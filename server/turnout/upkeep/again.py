"""Erases and suppresses again what was erased and suppressed after a backup, by the file `erasures` alone.

The file has keys of identifiers, not the identifiers. Whom the restored database knows by one of them was that person,
or became part of them: they are made one, and go as a whole. All of the log is before the regulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import msgspec

from turnout import erasure
from turnout.delivery import notices
from turnout.erasure import Kind, Step
from turnout.event.model import Namespace, PersonId
from turnout.identity.model import Merge, Resolution
from turnout.store.erasures import Entry
from turnout.store.privacy import Regulation
from turnout.store.unit import Unit, View
from turnout.upkeep import needles

FOUND = (erasure.FILE, erasure.SUPPRESSION)
"""Steps that were done long ago, or are with the commit that repeats a regulation."""


Destinations: TypeAlias = Callable[[View, Namespace], Sequence[Step]]
"""Gives the steps of the destinations there are, for an erasure in a namespace."""


def repeat(unit: Unit, entries: Iterable[Entry], destinations: Destinations) -> int:
    """Accept again, in their order, what the database does not know of; what it has begun may go on. Gives how many.

    Nobody runs, and nothing is on its way. Destinations are told again: nobody knows how far that had come.
    """
    for running in unit.privacy.running():
        unit.privacy.put(replace(running, steps=erasure.write(erasure.landed(erasure.read(running.steps)))))
    unknown = [each for each in entries if unit.privacy.get(each.id) is None]
    for each in unknown:
        _accept(unit, each, destinations)
    unit.privacy.raise_generation()
    return len(unknown)


def _accept(unit: Unit, entry: Entry, destinations: Destinations) -> None:
    kind = Kind(entry.kind)
    if kind.suppresses:
        unit.privacy.suppress(entry.keys, entry.id)
    elif kind is Kind.UNSUPPRESS:
        unit.privacy.unsuppress(entry.keys)
    person = _one(unit, entry.keys) if kind is not Kind.UNSUPPRESS else 0
    known = unit.people.get(person).identifiers if person and kind.erases else ()
    telling = notices.seal(unit, entry.id, notices.gather(unit, person, known))
    there = destinations(unit, Namespace(entry.namespace))
    if person and kind.erases:
        unit.people.cut(person)
    sealed = needles.seal(unit, entry.id, [each.value for each in known])
    begun = erasure.begin(kind, sealed, there if known else map(_unknown, there), notices=telling)
    steps = msgspec.structs.replace(erasure.landed(begun, *FOUND), keyed=kind.erases)
    ended = unit.now if erasure.is_over(steps) else None
    regulation = Regulation(
        entry.id, entry.at, kind, entry.namespace, erasure.status(steps), person, b"".join(entry.keys),
        unit.counter.seq - 1, erasure.write(steps), ended,
    )  # fmt: skip
    unit.privacy.put(regulation)


def _unknown(step: Step) -> Step:
    """Say of a destination that it cannot be told: the backup does not know of whom."""
    if not step.lane:
        return step
    why = "The backup does not know who they were. Where it was not told before, delete the person there yourself."
    return Step(step.where, erasure.NOT_TOLD, reason=why)


def _one(unit: Unit, keys: Sequence[bytes]) -> int:
    """Make all whom one of the keys names one person; give who it is, 0 for nobody."""
    found = {owner[0]: key for key in keys if (owner := unit.people.keyed(key)) is not None}
    if not found:
        return 0
    survivor, *losers = sorted(found)
    types = {person: unit.people.get(person).identifiers[0].type for person in found}
    merges = tuple(Merge(PersonId(each), PersonId(survivor), 0, (types[survivor], types[each])) for each in losers)
    unit.people.apply(Resolution((), merges=merges), (unit.counter.seq - 1,))
    return int(survivor)
