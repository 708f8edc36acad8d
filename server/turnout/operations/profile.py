"""People: one with all that is known of them, live and test; or the newest, each marked for what it looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from turnout.clock import iso, month_of
from turnout.delivery.eyes import Eyes
from turnout.document import Document, Json, canonical
from turnout.erasure import Kind
from turnout.errors import InvalidInput
from turnout.event import stored
from turnout.event.model import LIVE, Namespace, Stored
from turnout.guard.namespace import namespace
from turnout.identity.model import Identifier
from turnout.operations import newest, page
from turnout.operations.counted import counted
from turnout.operations.knowing import known_there, passed_by
from turnout.operations.moments import written
from turnout.operations.names import source_name
from turnout.operations.reader import Reader
from turnout.operations.traits import traits_of
from turnout.operations.whose import Whose, events_of
from turnout.store.session import NEWEST
from turnout.store.unit import View

LIMIT = 100
EVENTS = 10
"""Last events that are told of a person."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Whom to tell of; without identifiers, the newest people. `namespace` empty for all."""

    user_id: str = ""
    anonymous_id: str = ""
    email: str = ""
    namespace: str = ""
    cursor: str = ""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Someone:
    """One person as they are today: every id under which their events were recorded, and what identifies them."""

    namespace: Namespace
    selves: tuple[int, ...]
    brought: tuple[tuple[Identifier, int], ...]

    @property
    def ids(self) -> tuple[Identifier, ...]:
        """What identifies them."""
        return tuple(identifier for identifier, _ in self.brought)


def get_profile(view: View, eyes: Eyes, reader: Reader, request: Profile) -> Document:
    """Tell of a person, or list the newest people. Raises: InvalidInput."""
    if not 1 <= request.limit <= LIMIT:
        raise InvalidInput(f"`limit` is {request.limit}: expected 1 to {LIMIT}.")
    space = namespace(request.namespace) if request.namespace else ""
    whose = Whose(request.user_id, request.anonymous_id, request.email)
    if not whose.given():
        return _listed(view, reader, request, space)
    spaces = [space] if space else [name for name, _ in view.log.namespaces()]
    found = [someone for each in spaces if (someone := _someone(view, whose, Namespace(each))) is not None]
    erased = [row for each in spaces for row in _regulations(view, whose, Namespace(each))]
    told = _told(view, eyes, reader, found, erased)
    return told if found or erased else {**told, "next": _nearby(request)}


def _listed(view: View, reader: Reader, request: Profile, space: str) -> Document:
    listing = "people " + canonical({"namespace": request.namespace}).decode()
    before = page.take(view, reader, listing, request.cursor) or NEWEST
    found = view.people.newest(before, space, request.limit + 1)
    shown = found[: request.limit]
    rows = newest.rows(view, reader, shown)
    over = len(found) <= request.limit
    return {
        "summary": newest.summary(rows, over=over),
        "found": bool(rows),
        "people": list(rows),
        "next_cursor": None if over else page.give(view, reader, listing, shown[-1].person),
    }


def _someone(view: View, whose: Whose, space: Namespace) -> Someone | None:
    """Find the one person whom all that is given identifies."""
    owners = {view.people.owner(Identifier(space, kind, value)) for kind, value in whose.given()}
    if len(owners) != 1 or (owner := owners.pop()) is None:
        return None
    selves = view.people.selves(owner)
    return Someone(space, selves, view.people.brought(selves[0]))


def _told(view: View, eyes: Eyes, reader: Reader, found: Sequence[Someone], erased: Sequence[Document]) -> Document:
    told: dict[str, list[Json]] = {
        name: [] for name in ("people", "identifiers", "joined", "traits", "last_events", "destinations")
    }
    for each in found:
        events = [event for event in islice(_events(view, each), EVENTS) if not event.blank]
        told["people"].append(_person(view, each, events))
        told["identifiers"] += [_identifier(view, reader, each, one, seq) for one, seq in each.brought]
        told["joined"] += [_joined(view, reader, each, *pair) for pair in _joins(view, each)]
        told["traits"] += traits_of(view, reader, each.namespace, _events(view, each), each.ids)
        told["last_events"] += [_event(view, reader, event) for event in events]
        told["destinations"] += known_there(view, eyes, reader, each.namespace, _events(view, each), len(found))
    told["destinations"].sort(key=passed_by)
    rows: Document = {name: rows or None for name, rows in told.items() if name != "people"}
    return {
        "summary": _summary(told["people"], erased),
        "found": bool(found),
        "people": told["people"],
        "erased": list(erased) or None,
        **rows,
        "next": _next(erased) or None,
    }


def _next(erased: Sequence[Document]) -> list[Json]:
    """Give the call that shows the newest receipt."""
    why = "Shows its receipt: each step, and the proof of what is left."
    return [
        {"tool": "get_deletion", "arguments": {"deletion_id": each["deletion_id"]}, "why": why} for each in erased[-1:]
    ]


def _nearby(request: Profile) -> list[Json]:
    """Lead from nobody to what says who is near: another spelling, or an identifier of another kind."""
    names = ("user_id", "anonymous_id", "email", "namespace")
    given: Document = {name: value for name in names if (value := str(getattr(request, name)))}
    why = "Says what came near them: another spelling, another kind of identifier, or a call that was refused."
    return [{"tool": "debug_event_delivery", "arguments": given, "why": why}]


def _events(view: View, each: Someone) -> Iterator[Stored]:
    return events_of(view, frozenset(each.selves))


def _person(view: View, each: Someone, events: Sequence[Stored]) -> Document:
    """Tell the small facts."""
    return {
        **newest.facts(view, each.namespace, each.selves, each.ids, events, view.history.count(each.selves)),
        "joined_people": len(each.selves) - 1 or None,
        "mtu": _mtu(view, each),
        "suppressed": any(view.privacy.suppressed(one) for one in each.ids),
    }


def _mtu(view: View, each: Someone) -> Document:
    """Say as how many they count this month, and by what: the ids of its events alone decide."""
    month = month_of(view.now)
    if each.namespace != LIVE:
        return {"month": written(month), "counts_as": 0, "why": "Test people are never counted."}
    seen = [found for one in each.ids if (found := view.people.counts(month, one)) is not None]
    users = sum(found.kind == "u" for found in seen)
    alone = sum(found.kind == "a" and not found.linked for found in seen)
    linked = sum(found.kind == "a" and found.linked for found in seen)
    said = [counted(users, "user id"), f"{counted(alone, 'anonymous id')} that came with no user id this month"]
    free = f" {counted(linked, 'anonymous id')} came with one and cost nothing." if linked else ""
    why = f"{' and '.join(said)}.{free}" if seen else "None of their ids came this month."
    return {"month": written(month), "counts_as": users + alone, "why": why}


def _identifier(view: View, reader: Reader, each: Someone, one: Identifier, seq: int) -> Document:
    """Tell an identifier, and the event that brought it."""
    return {"namespace": each.namespace, str(one.type): reader.value(one.value), **_by(view, reader, seq)}


def _joins(view: View, each: Someone) -> list[tuple[int, str]]:
    return [(joined.seq, joined.because) for joined in view.people.joined(each.selves[0])]


def _joined(view: View, reader: Reader, each: Someone, seq: int, because: str) -> Document:
    """Tell how somebody became part of them: an event carried identifiers of both."""
    return {"namespace": each.namespace, "because": because, **_by(view, reader, seq)}


def _by(view: View, reader: Reader, seq: int) -> Document:
    """Name an event by what is left of it."""
    event = view.log.get(seq)
    if event is None or event.blank:
        return {"at": iso(event.received) if event else None}
    message = stored.message_id(event.body, event.meta)
    return {"at": iso(event.received), "source": source_name(view, event.source), "message_id": reader.text(message)}


def _event(view: View, reader: Reader, event: Stored) -> Document:
    return {
        "namespace": event.namespace,
        "type": str(event.kind),
        "event": reader.text(event.name) if event.name else None,
        "message_id": reader.text(stored.message_id(event.body, event.meta)),
        "source": source_name(view, event.source),
        "received_at": iso(event.received),
    }


def _regulations(view: View, whose: Whose, space: Namespace) -> list[Document]:
    """Tell what was asked to be erased or suppressed under one of the identifiers that are given."""
    keys = [view.vault.identifier(Identifier(space, kind, value)) for kind, value in whose.given()]
    found = {each.id: each for key in keys for each in view.privacy.naming(key)}
    return [
        {
            "namespace": space,
            "deletion_id": each.id,
            "kind": each.kind,
            "status": each.state,
            "at": iso(each.at),
            "suppressed": any(view.privacy.suppressed_key(key) for key in each.keys),
        }
        for each in sorted(found.values(), key=lambda each: each.at)
        if Kind(each.kind) is not Kind.CLEAR
    ]


def _summary(people: Sequence[Json], erased: Sequence[Document]) -> str:
    name = "names" if len(erased) == 1 else "name"
    requests = f" {counted(len(erased), 'request')} to suppress or erase {name} them." if erased else ""
    if not people:
        return f"Nobody is known by all of these identifiers, live or test.{requests}"
    said = [str(row["namespace"]) for row in people if isinstance(row, dict)]
    return f"{counted(len(people), 'person', 'people')}: in {' and in '.join(said)}.{requests}"
