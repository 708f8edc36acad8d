"""From accept to record: what a door hands over becomes events of the log, in one transaction.

The writer runs it in a savepoint: no await, no clock, no socket. When its caller has the answer, the events,
whose they are, and whom they count are on disk.
"""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import msgspec
from msgspec import structs

from turnout.entropy import uuid7
from turnout.event.accept import accept
from turnout.event.model import LIVE, Accepted, Call, Caller, Event, MessageId, Namespace, Refused, Seq
from turnout.event.wire import alike
from turnout.identity.meter import counted
from turnout.identity.model import Resolution
from turnout.identity.resolve import claims, guises, identifiers, resolve
from turnout.store.unit import Unit


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """One call that is in the log. `repeated`: it was there before, under this message id from this source.

    `differs`: the repeat had another body; the first one stays. `namespace`: where it is, which a rule of the workspace
    may have decided.
    """

    message_id: MessageId
    seq: Seq
    repeated: bool = False
    differs: bool = False
    namespace: Namespace = LIVE


Entry: TypeAlias = "Recorded | Refused"


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of each call, in their order; `first` and `last` the events that are new, 0 without."""

    entries: tuple[Entry, ...]
    first: int = 0
    last: int = 0

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Those that are not events."""
        return tuple(entry for entry in self.entries if isinstance(entry, Refused))


def ingest(unit: Unit, calls: tuple[Call, ...], caller: Caller) -> Receipt:
    """Record calls; those refused are returned with their reason, not stored (`refuse` keeps them)."""
    session = unit.session
    made = accept(calls, caller, fresh_id=partial(uuid7, session.now, session.entropy), place=unit.workspace.place)
    if unit.privacy.suppressing():
        made = tuple([_unless_suppressed(unit, each, caller.namespace) for each in made])
    events = [each for each in made if isinstance(each, Event)]
    start = session.counter.seq
    seen, keys = unit.messages.seen(events)
    fresh = [event for event, earlier in zip(events, seen, strict=True) if earlier is None]
    if fresh:
        _record(unit, fresh, keys, start)
    answers = iter(_answers(unit, events, seen, start))
    entries = tuple([each if isinstance(each, Refused) else next(answers) for each in made])
    return Receipt(entries, start if fresh else 0, start + len(fresh) - 1 if fresh else 0)


def refuse(unit: Unit, receipt: Receipt) -> None:
    """Keep what was refused, to be seen by `find_events`; a suppressed person's calls leave nothing."""
    unit.log.refuse([each for each in receipt.refused if each.reason != "suppressed"])


def _record(unit: Unit, fresh: list[Event], keys: list[bytes], start: int) -> None:
    """Write new events and the keys of their ids. Most are of regulars: only strangers' are resolved and counted."""
    people = unit.people
    came_as = guises(fresh)
    regulars = people.regulars(came_as)
    strange = [at for at, person in enumerate(regulars) if person is None]
    whose = Resolution(())
    if strange:
        events, seqs = [fresh[at] for at in strange], [start + at for at in strange]
        whose = resolve(events, people.known(claims(events)))
        people.apply(whose, seqs)
        people.count(counted(events), seqs, whose)
        people.remember([came_as[at] for at in strange], whose)
    found = iter(whose.persons)
    persons = [next(found) if person is None else whose.survivor(person) for person in regulars]
    unit.messages.note(keys, persons)
    unit.log.append(fresh, persons)


def _answers(unit: Unit, events: list[Event], seen: list[Seq | None], start: int) -> list[Recorded]:
    answers = []
    number = start
    for event, earlier in zip(events, seen, strict=True):
        if earlier is None:
            answers.append(Recorded(event.message_id, Seq(number), namespace=event.namespace))
            number += 1
        else:
            first = unit.log.get(earlier)
            differs = first is not None and not first.blank and not alike(first.body, event.body)
            unit.log.repeated(earlier, differs=differs)
            where = event.namespace if first is None else first.namespace
            answers.append(Recorded(event.message_id, earlier, repeated=True, differs=differs, namespace=where))
    return answers


def _unless_suppressed(unit: Unit, each: Accepted, came: Namespace) -> Accepted:
    """Refuse an event of somebody suppressed where it goes, or, where a rule moves it, where it `came`."""
    if isinstance(each, Refused):
        return each
    moved = each.namespace != came
    if not moved and unit.people.regulars(guises((each,))) != [None]:
        return each
    claimed = identifiers(each) + (identifiers(structs.replace(each, namespace=came)) if moved else ())
    if not any(unit.privacy.suppressed(identifier) for identifier in claimed):
        return each
    say = "The person of this event is suppressed; nothing was stored. Lift the suppression to record events again."
    return Refused(each.source, each.namespace, "suppressed", say, each.message_id, each.received, b"")
