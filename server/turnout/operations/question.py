"""Which event is asked about: by its message id, or by whose it is, its name and when it came; and what fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from turnout.clock import DAY, HOUR
from turnout.errors import InvalidInput
from turnout.event.model import Stored
from turnout.event.stored import message_id as id_of
from turnout.guard.namespace import namespace
from turnout.operations.moments import SLACK, moment
from turnout.operations.whose import Whose, events_of, people
from turnout.store.session import NEWEST
from turnout.store.unit import View

SCAN = 20_000
"""Events of a person that are looked at for a name."""
MORE = 1_000
"""Events that are looked at for others, once one was found."""
MATCHES = 20
"""Events that fit, at most; beyond them there are more."""
_DATE = 10
"""Characters of a date without a time: `2025-11-24`."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Which event: by `message_id`, or those of a person, of this name and near this moment where they are given."""

    message_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    email: str = ""
    event: str = ""
    destination: str = ""
    diff: bool = False
    around: str = ""
    namespace: str = ""

    @property
    def whose(self) -> Whose:
        """Whose it is, as far as that was said."""
        return Whose(self.user_id, self.anonymous_id, self.email)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when it was received, both inside. Units: microseconds."""

    since: int = 0
    until: int = NEWEST

    def holds(self, moment: int) -> bool:
        """Tell whether a moment lies in it."""
        return self.since <= moment <= self.until


def span(request: Trace, now: int) -> Span:
    """Read `around`: a day for a date, else an hour before and after. Raises: InvalidInput."""
    if not request.around:
        return Span()
    at = moment(request.around, now, name="around")
    if len(request.around.strip()) == _DATE and "-" in request.around:
        return Span(at, at + DAY - 1)
    return Span(at - HOUR, at + HOUR)


def space(request: Trace) -> str:
    """Read the namespace, empty for all. Raises: InvalidInput."""
    return namespace(request.namespace) if request.namespace else ""


def by_message(view: View, message_id: str) -> list[Stored]:
    """Find the events of a message id, over all sources, the newest first; what is another's is not it."""
    found = (view.log.get(seq) for seq in seqs(view, message_id))
    return [each for each in found if each is not None and (each.blank or id_of(each.body, each.meta) == message_id)]


def seqs(view: View, message_id: str) -> list[int]:
    """Give where the log has or had a message id, the newest first."""
    numbers = {0, 1, *range(1, view.counter.source), *view.workspace.sources}  # 0: what we wrote, by a deletion_id
    return sorted((seq for each in numbers if (seq := view.messages.find(each, message_id))), reverse=True)


def fitting(view: View, request: Trace, events: list[Stored]) -> list[Stored]:
    """Keep those that are what else is said of the event; of one without content nobody can say."""
    persons = people(view, request.whose) if request.whose.given() else None
    where = space(request)
    return [
        each
        for each in events
        if each.blank
        or (
            (persons is None or each.person in persons)
            and (not request.event or each.name == request.event)
            and (not where or each.namespace == where)
        )
    ]


def by_person(view: View, request: Trace) -> list[Stored]:
    """Find the events that fit, the newest first, MATCHES and one more at most. Raises: InvalidInput."""
    if not request.whose.given():
        by = [name for name in ("destination", "event") if getattr(request, name)]
        raise InvalidInput(
            "Nothing says which event is meant: give `message_id`, or `user_id`, `anonymous_id` or `email`.",
            fix=f"find_events with {' and '.join(by)} lists those there are, with how each ended" if by else "",
        )
    found: list[Stored] = []
    last = SCAN
    for looked, each in enumerate(theirs(view, people(view, request.whose, space(request)), span(request, view.now))):
        if looked > last or len(found) > MATCHES:
            break
        if not request.event or each.name == request.event:
            last = last if found else looked + MORE
            found.append(each)
    return found


def theirs(view: View, persons: frozenset[int], when: Span) -> Iterator[Stored]:
    """Read people's events of a span back, the newest first, without those that were erased."""
    before = NEWEST
    if when.until != NEWEST:
        later = view.log.first_since(when.until + SLACK + 1)
        before = NEWEST if later is None else later
    recent = takewhile(lambda each: each.received >= when.since - SLACK, events_of(view, persons, before))
    return (each for each in islice(recent, SCAN) if not each.erased and when.holds(each.received))
