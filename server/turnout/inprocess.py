"""Turnout inside a Python program: an event is on disk when the call returns; safe over threads, fork and exit.

    >>> import tempfile
    >>> turnout = Turnout(data=tempfile.mkdtemp())
    >>> receipt = turnout.track("u_1", "Signed Up", {"plan": "pro"})
    >>> receipt.repeated
    False
    >>> turnout.close()

It does not deliver: a `turnout serve` or a `turnout mcp` on the same data directory does, now or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from turnout import document
from turnout.config import load
from turnout.document import Document, Json
from turnout.errors import InvalidCall
from turnout.event.model import LIVE, Call, Caller, Kind, Namespace, SourceId
from turnout.guard import namespace as namespaces
from turnout.ingest import Receipt, Recorded, ingest
from turnout.opening import open_store
from turnout.store.unit import Unit


class Turnout:
    """A workspace, opened by this program. Events are live unless `namespace` says otherwise."""

    def __init__(self, data: str | Path | None = None, *, source: str = "Local", namespace: str = LIVE) -> None:
        """Open the workspace, made where there is none. Raises: Unavailable, NotFound for an unknown source."""
        self._store = open_store(load(Path(data) if data is not None else None))
        self._namespace = namespaces.namespace(namespace)
        self._source: SourceId = self._store.look(lambda view: view.workspace.source(source).id)

    def __enter__(self) -> Self:
        """Use it in a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the workspace; nothing waits to be written."""
        self._store.close()

    def track(
        self, user_id: str | None = None, event: str | None = None, properties: Mapping[str, Json] | None = None,
        context: Mapping[str, Json] | None = None, timestamp: datetime | None = None, anonymous_id: str | None = None,
        integrations: Mapping[str, Json] | None = None, message_id: str | None = None,
    ) -> Recorded:  # fmt: skip
        """Record that somebody did something. Raises: InvalidCall, LimitExceeded, Unavailable."""
        return self._record(
            Kind.TRACK, user_id, anonymous_id, context, timestamp, integrations, message_id, event=event,
            properties=properties,
        )  # fmt: skip

    def identify(
        self, user_id: str | None = None, traits: Mapping[str, Json] | None = None,
        context: Mapping[str, Json] | None = None, timestamp: datetime | None = None, anonymous_id: str | None = None,
        integrations: Mapping[str, Json] | None = None, message_id: str | None = None,
    ) -> Recorded:  # fmt: skip
        """Record who somebody is."""
        return self._record(
            Kind.IDENTIFY, user_id, anonymous_id, context, timestamp, integrations, message_id, traits=traits
        )

    def page(
        self, user_id: str | None = None, category: str | None = None, name: str | None = None,
        properties: Mapping[str, Json] | None = None, context: Mapping[str, Json] | None = None,
        timestamp: datetime | None = None, anonymous_id: str | None = None,
        integrations: Mapping[str, Json] | None = None, message_id: str | None = None,
    ) -> Recorded:  # fmt: skip
        """Record that somebody saw a page."""
        return self._record(
            Kind.PAGE, user_id, anonymous_id, context, timestamp, integrations, message_id, category=category,
            name=name, properties=properties,
        )  # fmt: skip

    def screen(
        self, user_id: str | None = None, category: str | None = None, name: str | None = None,
        properties: Mapping[str, Json] | None = None, context: Mapping[str, Json] | None = None,
        timestamp: datetime | None = None, anonymous_id: str | None = None,
        integrations: Mapping[str, Json] | None = None, message_id: str | None = None,
    ) -> Recorded:  # fmt: skip
        """Record that somebody saw a screen."""
        return self._record(
            Kind.SCREEN, user_id, anonymous_id, context, timestamp, integrations, message_id, category=category,
            name=name, properties=properties,
        )  # fmt: skip

    def group(
        self, user_id: str | None = None, group_id: str | None = None, traits: Mapping[str, Json] | None = None,
        context: Mapping[str, Json] | None = None, timestamp: datetime | None = None, anonymous_id: str | None = None,
        integrations: Mapping[str, Json] | None = None, message_id: str | None = None,
    ) -> Recorded:  # fmt: skip
        """Record that somebody belongs to a group."""
        return self._record(
            Kind.GROUP, user_id, anonymous_id, context, timestamp, integrations, message_id, groupId=group_id,
            traits=traits,
        )  # fmt: skip

    def alias(
        self, previous_id: str | None = None, user_id: str | None = None, context: Mapping[str, Json] | None = None,
        timestamp: datetime | None = None, integrations: Mapping[str, Json] | None = None,
        message_id: str | None = None,
    ) -> Recorded:  # fmt: skip
        """Record that an id goes on as another."""
        return self._record(
            Kind.ALIAS, user_id, None, context, timestamp, integrations, message_id, previousId=previous_id
        )

    def _record(
        self, kind: Kind, user_id: str | None, anonymous_id: str | None, context: Mapping[str, Json] | None,
        timestamp: datetime | None, integrations: Mapping[str, Json] | None, message_id: str | None,
        **own: str | Mapping[str, Json] | None,
    ) -> Recorded:  # fmt: skip
        self._store.require_room()
        given: Mapping[str, Json] = {
            "type": str(kind), "messageId": message_id, "userId": user_id, "anonymousId": anonymous_id,
            "timestamp": timestamp.isoformat() if timestamp else None, "context": context, "integrations": integrations,
            **own,
        }  # fmt: skip
        body: Document = {name: value for name, value in given.items() if value is not None}
        try:
            call = Call(document.encode(body), kind)
        except TypeError as error:
            raise InvalidCall(f"The event holds what JSON cannot say ({error}).") from None
        entry = self._store.commit(partial(_one, call=call, source=self._source, where=self._namespace)).entries[0]
        if not isinstance(entry, Recorded):
            raise InvalidCall(f"{entry.reason}: {entry.say}")
        return entry


def _one(unit: Unit, call: Call, source: SourceId, where: Namespace) -> Receipt:
    return ingest(unit, (call,), Caller(source, where, unit.now))
