"""The newest people, each with what it looks like: a test that came in live, a placeholder, a bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from turnout.clock import iso
from turnout.document import Document
from turnout.event import stored
from turnout.event.model import LIVE, Namespace, Stored
from turnout.identity.model import Identifier, IdType
from turnout.identity.suspects import Mark, marks
from turnout.operations.counted import counted
from turnout.operations.names import source_name
from turnout.operations.reader import Reader
from turnout.store.people import Listed
from turnout.store.session import NEWEST
from turnout.store.unit import View

FIRST = 1
"""Events that a person is looked at by, the last one."""


def rows(view: View, reader: Reader, people: Sequence[Listed]) -> list[Document]:
    """Tell people in a line each."""
    selves = [view.people.selves(each.person) for each in people]
    events = view.history.tally([one for every in selves for one in every])
    return [_row(view, reader, each, every, events) for each, every in zip(people, selves, strict=True)]


def _row(view: View, reader: Reader, listed: Listed, selves: Sequence[int], tally: Mapping[int, int]) -> Document:
    ids = view.people.get(listed.person).identifiers
    events = [each for each in view.history.back(selves, NEWEST, FIRST) if not each.blank]
    last = events[0] if events else None
    many = sum(tally[each] for each in selves)
    return {
        **facts(view, Namespace(listed.namespace), selves, ids, events, many),
        **{str(kind): _of(reader, ids, kind) for kind in IdType},
        "event": reader.text(last.name) if last and last.name else None,
        "source": source_name(view, last.source) if last else None,
        "joined_people": listed.merges or None,
    }


def facts(
    view: View, space: Namespace, selves: Sequence[int], ids: Sequence[Identifier], events: Sequence[Stored], many: int
) -> Document:
    """Tell what every person is told by. `events` are the last of so `many`, the newest first."""
    made = [moment for each in selves if (moment := view.people.made(each))]
    made += [each.received for each in events if made]  # somebody is made by the commit, a moment after the event
    return {
        "namespace": space,
        "test": space != LIVE,
        "looks_like": [str(mark) for mark in looks(ids, events)] or None,
        "first_seen": iso(min(made)) if made else None,
        "last_seen": iso(events[0].received) if events else None,
        "events": many,
    }


def looks(ids: Sequence[Identifier], events: Sequence[Stored]) -> tuple[Mark, ...]:
    """Say what somebody looks like, by their ids and the program that sent their last event."""
    own = [each.value for each in ids if each.type is not IdType.EMAIL]
    emails = [each.value for each in ids if each.type is IdType.EMAIL]
    return marks(own, emails, user_agent(events[0]) if events else "")


def user_agent(event: Stored) -> str:
    """Read which program sent an event, as it says."""
    body = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
    context = body.get("context")
    said = context.get("userAgent") if isinstance(context, dict) else None
    return said if isinstance(said, str) else ""


def summary(rows: Sequence[Document], *, over: bool) -> str:
    """Put a page in a sentence."""
    if not rows:
        return "Nobody is known there yet."
    live = [each for each in rows if not each["test"]]
    odd = sum(1 for each in live if each["looks_like"])
    said = f"{counted(len(rows), 'person', 'people')}, newest first: {len(live)} live, {len(rows) - len(live)} test."
    if odd:
        said += f" {odd} of the live look like tests, bots or placeholders, by how they are written."
    return said if over else f"{said} There are more: go on with next_cursor."


def _of(reader: Reader, ids: Sequence[Identifier], kind: IdType) -> str | None:
    return next((reader.value(each.value) for each in ids if each.type is kind), None)
