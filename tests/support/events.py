"""Builders for calls and events: everything has a default, a test names what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from turnout.document import Json, encode
from turnout.event.accept import accept
from turnout.event.model import LIVE, Accepted, Call, Caller, Event, Kind, MessageId, Namespace, Refused, SourceId

RECEIVED = 1_764_000_000_000_000
"""2025-11-24T16:00:00Z."""
CALLER = Caller(SourceId(1), LIVE, RECEIVED)


def call(body: Mapping[str, Json]) -> Call:
    """Make a call of these fields, in wire spelling; a track by user u1 where they do not say otherwise."""
    return Call(encode({"type": "track", "event": "Signed Up", "userId": "u1", **body}))


def take(body: Mapping[str, Json] | bytes, caller: Caller = CALLER) -> Accepted:
    """Accept one call; made-up message ids are `made-1`, `made-2` and so on."""
    made = count(1)
    one = Call(body) if isinstance(body, bytes) else call(body)
    (accepted,) = accept((one,), caller, fresh_id=lambda: f"made-{next(made)}")
    return accepted


def accepted(body: Mapping[str, Json], caller: Caller = CALLER) -> Event:
    """Accept one call that is an event."""
    event = take(body, caller)
    assert isinstance(event, Event), event
    return event


def refused(body: Mapping[str, Json] | bytes, caller: Caller = CALLER) -> Refused:
    """Accept one call that is no event."""
    answer = take(body, caller)
    assert isinstance(answer, Refused), answer
    return answer


def event(
    user_id: str = "",
    anonymous_id: str = "",
    *,
    emails: tuple[str, ...] = (),
    namespace: Namespace = LIVE,
    source: SourceId = CALLER.source,
    received: int = RECEIVED,
    previous_id: str = "",
) -> Event:
    """Make an event of these ids, as the rooms after the door see it."""
    return Event(
        source=source,
        namespace=namespace,
        kind=Kind.TRACK,
        name="Signed Up",
        message_id=MessageId("m1"),
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=previous_id,
        emails=emails,
        received=received,
        meta=b"",
        body=b"{}",
    )
