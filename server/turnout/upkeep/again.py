"""Erases and suppresses again what was erased and suppressed after a backup, by the file `erasures` alone.

The file has keys of identifiers, not the identifiers. Whom the restored database knows by one of them was that person,
or became part of them: they are made one, and go as a whole. All of the log is before the regulation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from turnout import erasure
from turnout.erasure import Kind
from turnout.event.model import PersonId
from turnout.identity.model import Merge, Resolution
from turnout.store.erasures import Entry
from turnout.store.privacy import Regulation
from turnout.store.unit import Unit
from turnout.upkeep import needles

FOUND = (erasure.FILE, erasure.SUPPRESSION)
"""Steps that were done long ago, or are with the commit that repeats a regulation."""


def repeat(unit: Unit, entries: Iterable[Entry]) -> int:
    """Accept again, in their order, what the database does not know of; what it has begun may go on. Gives how many.

    Nobody runs, and nothing is on its way.
    """
    for running in unit.privacy.running():
        unit.privacy.put(replace(running, steps=erasure.write(erasure.landed(erasure.read(running.steps)))))
    unknown = [each for each in entries if unit.privacy.get(each.id) is None]
    for each in unknown:
        _accept(unit, each)
    unit.privacy.raise_generation()
    return len(unknown)


def _accept(unit: Unit, entry: Entry) -> None:
    kind = Kind(entry.kind)
    if kind.suppresses:
        unit.privacy.suppress(entry.keys, entry.id)
    elif kind is Kind.UNSUPPRESS:
        unit.privacy.unsuppress(entry.keys)
    person = _one(unit, entry.keys) if kind is not Kind.UNSUPPRESS else 0
    values = [each.value for each in unit.people.get(person).identifiers] if person and kind.erases else []
    if person and kind.erases:
        unit.people.cut(person)
    steps = erasure.landed(erasure.begin(kind, needles.seal(unit, entry.id, values)), *FOUND)
    steps = erasure.Steps(steps.steps, steps.sealed, keyed=kind.erases)
    ended = unit.now if erasure.next_step(steps) is None else None
    regulation = Regulation(
        entry.id, entry.at, kind, entry.namespace, erasure.status(steps), person, b"".join(entry.keys),
        unit.counter.seq - 1, erasure.write(steps), ended,
    )  # fmt: skip
    unit.privacy.put(regulation)


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
