"""What a search looks for, read once: events or refused calls are held against it."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.document import Document
from turnout.event.model import Refused, Stored


@dataclass(frozen=True, slots=True)
class Sought:
    """All that is given must hold; empty is no limit. Units: `since` and `until` in microseconds, both inside."""

    event: str
    kind: str
    user_id: str
    anonymous_id: str
    source: int
    namespace: str
    since: int
    until: int

    def event_fits(self, event: Stored) -> bool:
        """Tell whether an event is meant; whose it is was asked before. What was erased is nobody's any more."""
        return (
            not event.erased
            and self._place_fits(event.received, event.source, event.namespace)
            and (not self.event or event.name == self.event)
            and (not self.kind or event.kind == self.kind)
        )

    def refused_fits(self, refused: Refused, fields: Document) -> bool:
        """Tell whether a refused call is meant, by the fields that could be read of it."""
        asked = (
            (self.kind, fields.get("type")),
            (self.user_id, fields.get("userId")),
            (self.anonymous_id, fields.get("anonymousId")),
        )
        return (
            self._place_fits(refused.received, refused.source, refused.namespace)
            and all(not given or given == value for given, value in asked)
            and (not self.event or self.event in (fields.get("event"), fields.get("name")))
        )

    def _place_fits(self, received: int, source: int, namespace: str) -> bool:
        return (
            self.since <= received <= self.until
            and (not self.source or source == self.source)
            and (not self.namespace or namespace == self.namespace)
        )
