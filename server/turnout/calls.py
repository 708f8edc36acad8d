"""The six calls as a Python program makes them: names and order of the arguments are segment-analytics-python's.

Said once, for the three that take them: `Turnout`, `AsyncTurnout` and `analytics.Client`.

A value is anything that `event.plain` can say: text, numbers, booleans, None, dates, Decimals, UUIDs, enums, bytes of
UTF-8, and lists, tuples, sets and dicts of these. A `timestamp` without a zone is UTC, unless it is this very moment by
the local clock. An empty id is none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from turnout.event.model import Kind

R = TypeVar("R")

Id: TypeAlias = "str | int | UUID"
Values: TypeAlias = "Mapping[str, object]"


class Calls(ABC, Generic[R]):
    """Who takes the six calls; each gives what the call became."""

    def track(
        self, user_id: Id | None = None, event: str | None = None, properties: Values | None = None,
        context: Values | None = None, timestamp: datetime | None = None, anonymous_id: Id | None = None,
        integrations: Values | None = None, message_id: Id | None = None,
    ) -> R:  # fmt: skip
        """Record that somebody did something. Raises: InvalidCall, LimitExceeded, Unavailable, as do the others.

        `message_id`: under it the event is stored once, however often it is sent; made up where it is not given.
        """
        return self._take(
            Kind.TRACK, user_id=user_id, event=event, properties=properties, context=context, timestamp=timestamp,
            anonymous_id=anonymous_id, integrations=integrations, message_id=message_id,
        )  # fmt: skip

    def identify(
        self, user_id: Id | None = None, traits: Values | None = None, context: Values | None = None,
        timestamp: datetime | None = None, anonymous_id: Id | None = None, integrations: Values | None = None,
        message_id: Id | None = None,
    ) -> R:  # fmt: skip
        """Record who somebody is."""
        return self._take(
            Kind.IDENTIFY, user_id=user_id, traits=traits, context=context, timestamp=timestamp,
            anonymous_id=anonymous_id, integrations=integrations, message_id=message_id,
        )  # fmt: skip

    def page(
        self, user_id: Id | None = None, category: str | None = None, name: str | None = None,
        properties: Values | None = None, context: Values | None = None, timestamp: datetime | None = None,
        anonymous_id: Id | None = None, integrations: Values | None = None, message_id: Id | None = None,
    ) -> R:  # fmt: skip
        """Record that somebody saw a page."""
        return self._take(
            Kind.PAGE, user_id=user_id, category=category, name=name, properties=properties, context=context,
            timestamp=timestamp, anonymous_id=anonymous_id, integrations=integrations, message_id=message_id,
        )  # fmt: skip

    def screen(
        self, user_id: Id | None = None, category: str | None = None, name: str | None = None,
        properties: Values | None = None, context: Values | None = None, timestamp: datetime | None = None,
        anonymous_id: Id | None = None, integrations: Values | None = None, message_id: Id | None = None,
    ) -> R:  # fmt: skip
        """Record that somebody saw a screen of an app."""
        return self._take(
            Kind.SCREEN, user_id=user_id, category=category, name=name, properties=properties, context=context,
            timestamp=timestamp, anonymous_id=anonymous_id, integrations=integrations, message_id=message_id,
        )  # fmt: skip

    def group(
        self, user_id: Id | None = None, group_id: Id | None = None, traits: Values | None = None,
        context: Values | None = None, timestamp: datetime | None = None, anonymous_id: Id | None = None,
        integrations: Values | None = None, message_id: Id | None = None,
    ) -> R:  # fmt: skip
        """Record that somebody belongs to a group; `traits` are the group's."""
        return self._take(
            Kind.GROUP, user_id=user_id, group_id=group_id, traits=traits, context=context, timestamp=timestamp,
            anonymous_id=anonymous_id, integrations=integrations, message_id=message_id,
        )  # fmt: skip

    def alias(
        self, previous_id: Id | None = None, user_id: Id | None = None, context: Values | None = None,
        timestamp: datetime | None = None, integrations: Values | None = None, message_id: Id | None = None,
    ) -> R:  # fmt: skip
        """Record that who was `previous_id` goes on as `user_id`."""
        return self._take(
            Kind.ALIAS, previous_id=previous_id, user_id=user_id, context=context, timestamp=timestamp,
            integrations=integrations, message_id=message_id,
        )  # fmt: skip

    @abstractmethod
    def _take(self, kind: Kind, **given: object) -> R: ...
