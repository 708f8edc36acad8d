"""How lanes see the log: one document an event for all of them, today's person, who may not be spoken of.

Documents are shared and never changed. What a change elsewhere makes wrong is dropped by generation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import msgspec

from turnout import telemetry
from turnout.delivery import held, notices
from turnout.delivery.held import FIELD, Held, Token, entity_of
from turnout.delivery.window import Sight
from turnout.document import Document, Json, digest
from turnout.errors import TurnoutError, Unavailable
from turnout.event import stored
from turnout.event.model import LIVE, Ours, Stored
from turnout.evidence import redact
from turnout.exchange import Flows, Grant, Target
from turnout.guard.namespace import is_test, pooled
from turnout.routing import Bound
from turnout.store.unit import View
from turnout.workspace import Destination, Workspace

EVENTS = 4096
EVENT_BYTES = 32_000_000
"""Events kept, each as a row of the log and as a document, and the bytes of their bodies."""
PEOPLE = 65_536
"""People whose survivor is kept."""


class _Seen(msgspec.Struct):
    """An event as a row of the log, its bytes and, once a lane asked, the person and the document that it leaves as."""

    event: Stored
    size: int
    leaves: tuple[int, Document] = (-1, {})


class Kept:
    """Events that were read, by seq: over either bound the oldest quarter goes."""

    def __init__(self) -> None:
        """Begin with none."""
        self.held: dict[int, _Seen] = {}
        self._size = 0

    def keep(self, event: Stored) -> _Seen:
        """Keep one more, within the bounds."""
        seen = _Seen(event, len(event.body) + len(event.meta))
        if len(self.held) >= EVENTS or self._size + seen.size > EVENT_BYTES:
            for old in sorted(self.held)[: len(self.held) // 4 + 1]:
                self.held.pop(old, None)
            self._size = sum([each.size for each in tuple(self.held.values())])
        self.held[event.seq] = seen
        self._size += seen.size
        return seen


class Binder(Protocol):
    """What turns a slug and settings into a target: the catalogue."""

    def bind(self, slug: str, settings: Mapping[str, Json], overrides: Mapping[str, Json] | None = None) -> Target:
        """Fill in the settings, and put overrides in."""
        ...

    def names(self, slug: str) -> frozenset[str]:
        """Give the names by which an `integrations` object may mean it, in lower case."""
        ...

    def filter(self, text: str) -> Callable[[Document], bool]:
        """Compile a destination's filter."""
        ...

    def by_hand(self, slug: str) -> str:
        """Say what to do where a destination cannot delete a person."""
        ...

    def flows(self, slug: str) -> Mapping[str, Flows]:
        """List the fields of an event that each action sends; an action that is not there may send all of it."""
        ...


def bind(destination: Destination, secrets: Mapping[str, str], binder: Binder, revision: int = 0) -> Bound:
    """Make a destination ready to be spoken to. Raises: InvalidSettings, InvalidManifest, NotFound."""
    target = binder.bind(destination.slug, {**destination.settings, **secrets}, destination.overrides)
    names = binder.names(destination.slug) | {destination.name.casefold(), destination.id}
    keep = binder.filter(destination.filter) if destination.filter else None
    manifest = digest([destination.slug, sorted(target.actions)])
    return Bound(destination, target, keep, names, manifest, revision, redact.spellings(target.secrets))


def held_of(view: View, destination: str) -> Held:
    """Open what is held of a destination's token; what does not open with our keys is not held."""
    try:
        return held.read(view.entities.secrets(entity_of(destination)).get(FIELD))
    except Unavailable:
        return held.NONE


def token_of(view: View, bound: Bound, grant: Grant) -> Token:
    """Put what is held of a destination's token beside how it is got."""
    found = held_of(view, bound.destination.id)
    fields = found.fields
    return Token(bound, grant, found, fields, redact.spellings(grant.hidden(fields)), bound.revision)


class Eyes:
    """Shared by the lanes of a deliverer; threads may look at once."""

    def __init__(self, binder: Binder, pool: int) -> None:
        """See test people as members of a pool of this size."""
        self._binder = binder
        self._pool = pool
        self._kept: tuple[int, Kept] = (-1, Kept())
        self._survivors: tuple[int, dict[int, int]] = (-1, {})
        self._barred: tuple[tuple[int, int], Mapping[int, int]] = ((-1, -1), {})
        self._bound: dict[tuple[str, int], Bound | TurnoutError] = {}
        self._tokens: dict[str, tuple[tuple[int, int], Token | None]] = {}

    def bound(self, view: View, destination: Destination, revision: int) -> Bound | TurnoutError:
        """Bind a destination as of a revision, or give why it cannot be."""
        key = destination.id, revision
        found = self._bound.get(key)
        if found is None:
            try:
                found = bind(destination, view.entities.secrets(destination.id), self._binder, revision)
            except TurnoutError as error:
                found = error
            if len(self._bound) > 256:  # noqa: PLR2004 - a bound, not a tuning
                self._bound.clear()
            self._bound[key] = found
        return found

    def by_hand(self, destination: Destination) -> str:
        """Say what to do where a destination cannot delete a person."""
        return self._binder.by_hand(destination.slug)

    def flows(self, destination: Destination) -> Mapping[str, Flows]:
        """List the fields of an event that each action sends; an action that is not there may send all of it."""
        return self._binder.flows(destination.slug)

    def token(self, view: View, bound: Bound) -> Token | None:
        """Give what is held of a destination's token; None where it needs none."""
        key, grant = bound.destination.id, bound.target.grant
        if grant is None:
            return None
        seen = view.counter.lanes, bound.revision
        known = self._tokens.get(key)
        if known is None or known[0] != seen:
            known = seen, token_of(view, bound, grant)
            self._tokens[key] = known
        return known[1]

    def at(self, view: View, lane: int, revision: int) -> tuple[Bound, Sight] | None:
        """Bind a lane's destination as of a revision, with the sight of today; None where it cannot be."""
        workspace: Workspace = view.entities.workspace(revision)
        destination = workspace.by_lane().get(lane)
        bound = self.bound(view, destination, revision) if destination else None
        return (bound, self.sight(view)) if isinstance(bound, Bound) else None

    def sight(self, view: View) -> Sight:
        """Give the way to look at events in one view."""
        people = view.counter.people
        if self._survivors[0] != people:
            self._survivors = people, {}
        barred, survivor = self.barred(view), partial(_survivor, self._survivors[1], view)
        return Sight(
            partial(self._document, self._of(view), survivor, view),
            survivor,
            partial(_may_not_leave, barred, survivor) if barred else lambda _: False,
            view.now,
            broke,
        )

    def after(self, view: View, cursor: int, limit: int, until: int) -> tuple[Stored, ...]:
        """Read the log on, each event once for all lanes: `cursor < seq <= until`, oldest first."""
        kept = self._of(view)
        found: list[Stored] = []
        last = min(until, cursor + limit)
        while cursor < last and (seen := kept.held.get(cursor + 1)) is not None:
            found.append(seen.event)
            cursor += 1
        if cursor < last:
            read = view.log.after(cursor, limit - len(found), until)
            for each in read:
                kept.keep(each)
            found += read
        return tuple(found)

    def _of(self, view: View) -> Kept:
        """Give what is kept of events; nothing of what stood before somebody was suppressed or erased."""
        if self._kept[0] != view.counter.regulations:
            self._kept = view.counter.regulations, Kept()
        return self._kept[1]

    def _document(self, kept: Kept, survivor: Callable[[int], int], view: View, event: Stored) -> Document:
        person = survivor(event.person) if event.namespace != LIVE else 0  # who it leaves as in the pool
        seen = kept.held.get(event.seq)
        if seen is None:
            seen = kept.keep(event)
        whose, document = seen.leaves
        if whose != person:
            document = self.outward(event, person, view)
            seen.leaves = person, document
        return document

    def outward(self, event: Stored, person: int, view: View) -> Document:
        """Give an event as it leaves: a test person as a member of the pool."""
        if event.kind is Ours.DELETE:
            document = notices.read(view, event)
        else:
            document = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
        return pooled(document, person, event.namespace, self._pool) if is_test(event.namespace) else document

    def barred(self, view: View) -> Mapping[int, int]:
        """Give the people whose events may not leave, each with the last seq that this reaches."""
        key = view.counter.regulations, view.counter.people
        known, barred = self._barred
        if known != key:
            barred = view.privacy.barred()
            if key > known:  # another thread may have looked later
                self._barred = key, barred
        return barred

    def barred_now(self) -> Mapping[int, int]:
        """Give the same as last seen by anybody: what a request asks before it leaves."""
        return self._barred[1]


def broke(error: Exception, slug: str) -> None:
    """Tell that a mapping failed on an event, which none should."""
    telemetry.emit("manifest_broke", error, slug=slug)


def _survivor(known: dict[int, int], view: View, person: int) -> int:
    found = known.get(person)
    if found is None:
        if len(known) > PEOPLE:
            known.clear()
        found = known[person] = view.people.survivor(person)
    return found


def _may_not_leave(barred: Mapping[int, int], survivor: Callable[[int], int], event: Stored) -> bool:
    return event.seq <= barred.get(survivor(event.person), 0)
