"""From calls to events: each one an `Event` that every later step can take, or `Refused` with a reason.

Read, checked and made in one pass, each call for itself. What the envelope of a batch says is read once.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import structs

from turnout.document import Document, Json
from turnout.event.model import LIVE, Accepted, Call, Caller, Event, Kind, MessageId, Refused
from turnout.event.rules import Place
from turnout.event.skew import claimed, correct, parse
from turnout.event.stored import NOTHING, Derived, id_text, with_rule
from turnout.event.validate import MESSAGE_ID, UNKNOWN_TYPE, validate
from turnout.event.wire import EVENT_BYTES, Fields, Flaw, check, read, too_large

_KIND = {kind.value: kind for kind in Kind}
_TRACK, _GROUP, _VIEWS = Kind.TRACK, Kind.GROUP, frozenset({Kind.PAGE, Kind.SCREEN})
_encode = msgspec.json.Encoder().encode


def accept(
    calls: tuple[Call, ...],
    caller: Caller,
    *,
    fresh_id: Callable[[], str],
    place: Place | None = None,
    event_bytes: int = EVENT_BYTES,
) -> tuple[Accepted, ...]:
    """Make each call an event, or say why it is none: as many as calls, in their order.

    `place` says which rule moves a live event to a test namespace; what is test stays where it is. `event_bytes` bounds
    an item together with what it takes over from the envelope.
    """
    context, integrations = _part(caller.context, event_bytes), _part(caller.integrations, event_bytes)
    if flaw := context if isinstance(context, Flaw) else integrations if isinstance(integrations, Flaw) else None:
        return tuple([_refuse(flaw, caller, call.message_id or "", call.body[:event_bytes]) for call in calls])
    assert isinstance(context, dict)
    size = (len(caller.context) if context else 0) + (len(caller.integrations) if integrations else 0)
    sent = parse(caller.sent_at)
    derived = Derived(
        sent="" if sent is None else caller.sent_at,
        context=msgspec.Raw(caller.context) if context else msgspec.UNSET,
        integrations=msgspec.Raw(caller.integrations) if integrations else msgspec.UNSET,
    )
    door = _Door(
        caller=caller,
        fresh_id=fresh_id,
        place=place if caller.namespace == LIVE else None,
        limit=max(event_bytes - size, 0),
        sent=sent,
        derived=derived,
        plain=derived == NOTHING,
        ip=_text(context.get("ip")),
        direct=caller.client_side or context.get("direct") is True,
        emails=_email(context.get("traits")),
    )
    return tuple([_accept(call, door) for call in calls])


class _Door(msgspec.Struct, frozen=True):
    """What the calls of one caller have in common; the last six are read from the envelope once."""

    caller: Caller
    fresh_id: Callable[[], str]
    place: Place | None
    limit: int
    sent: int | None
    derived: Derived
    plain: bool
    ip: str
    direct: bool
    emails: tuple[str, ...]


def _part(text: bytes, event_bytes: int) -> Document | Flaw:
    """Read what stands around calls; what none of them could take over is not read: it would be for each commit."""
    if not text.startswith(b"{"):
        return {}
    if len(text) > event_bytes:
        return too_large(len(text), event_bytes)
    value = check(text)
    assert isinstance(value, dict | Flaw)
    return value


def _accept(call: Call, door: _Door) -> Accepted:
    fields = read(call.body, door.limit)
    if isinstance(fields, Flaw):
        return _refuse(fields, door.caller, call.message_id or "", call.body[: door.limit])
    given = call.message_id or fields.message_id
    if not isinstance(given, str):
        given = id_text(given)
    kind = call.kind or _kind(fields.type)
    if kind is None:
        return _refuse(UNKNOWN_TYPE, door.caller, given or "", fields.body)
    if flaw := MESSAGE_ID if given is None else validate(kind, fields):
        return _refuse(flaw, door.caller, given or "", fields.body)
    return _event(fields, kind, MessageId(given or door.fresh_id()), door)


def _event(fields: Fields, kind: Kind, message_id: MessageId, door: _Door) -> Event:
    caller, user, anonymous, previous = door.caller, fields.user_id, fields.anonymous_id, fields.previous_id
    context: Document = fields.context if isinstance(fields.context, dict) else {}
    ip = _text(context.get("ip")) or door.ip
    own = caller.ip if not ip and (door.direct or context.get("direct") is True) else ""
    told = bool(fields.traits or door.emails or "traits" in context)
    event = Event(
        caller.source,
        caller.namespace,
        kind,
        _text(fields.event) if kind is _TRACK else _name(kind, fields),
        message_id,
        user if isinstance(user, str) else "",
        anonymous if isinstance(anonymous, str) else "",
        previous if isinstance(previous, str) else "",
        _emails(kind, fields, context, door.emails) if told else (),
        caller.received,
        _meta(fields, message_id, door, own),
        fields.body,
    )
    rule = door.place(event, ip or own) if door.place else None
    if rule is None:
        return event
    return structs.replace(event, namespace=rule.to, meta=with_rule(event.meta, rule.number))


def _meta(fields: Fields, message_id: MessageId, door: _Door, ip: str) -> bytes:
    """Write what is derived, most often nothing."""
    if door.plain and fields.sent_at is None and message_id == fields.message_id and not ip:
        return b""
    own_sent = parse(fields.sent_at)
    sent = door.sent if own_sent is None else own_sent
    derived = Derived(
        "" if message_id == fields.message_id else message_id,
        None if sent is None else _corrected(fields, sent, door.caller.received),
        door.derived.sent if own_sent is None else "",
        ip,
        door.derived.context,
        door.derived.integrations,
    )
    return b"" if derived == NOTHING else _encode(derived)


def _corrected(fields: Fields, sent: int, received: int) -> int | None:
    """Say when it happened, where that is not when the client says it did."""
    original = claimed(fields.timestamp, fields.original_timestamp)
    at = correct(original, sent, received)
    return None if at == correct(original, None, received) else at


def _refuse(flaw: Flaw, caller: Caller, message_id: str, body: bytes) -> Refused:
    return Refused(caller.source, caller.namespace, flaw.reason, flaw.say, message_id, caller.received, body)


def _kind(value: Json) -> Kind | None:
    return _KIND.get(value) if isinstance(value, str) else None


def _name(kind: Kind, fields: Fields) -> str:
    return _text(fields.name) if kind in _VIEWS else ""


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _emails(kind: Kind, fields: Fields, context: Document, envelope: tuple[str, ...]) -> tuple[str, ...]:
    """Gather the person's addresses: the traits of a group call are the group's, so they hold none."""
    own = _email(fields.traits) if fields.traits and kind is not _GROUP else ()
    other = _email(context["traits"]) if "traits" in context else ()
    other = other or envelope
    return own if not other or own == other else own + other


def _email(traits: Json) -> tuple[str, ...]:
    value = traits.get("email") if isinstance(traits, dict) else None
    address = value.strip().lower() if isinstance(value, str) else ""
    return (address,) if "@" in address else ()
