"""The only reader of a stored event: its body as received and what we derived, made one document.

The document is the event as destinations get it, in the wire's spelling. Ids that are null or empty are gone,
`timestamp` is corrected, the client's own stands in `originalTimestamp`, and the envelope's context and
integrations lie under the item's: the item wins, deeply. What is no object where one belongs is left out. An identify
without traits has those of its context: there RudderStack's libraries put them, and nowhere else.
"""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

import msgspec

from turnout.clock import WRITTEN, iso
from turnout.document import Document, Json
from turnout.event.model import Kind, Ours
from turnout.event.skew import claimed, correct
from turnout.event.wire import load

_IDS = ("userId", "anonymousId", "previousId", "groupId")
_NO_ID = (None, "")
_OBJECTS = ("properties", "traits", "context", "integrations")


class Derived(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the door derived once, on disk for ever: only add fields.

    `id` is the message id where the body has not that one as a string; `at` the corrected time in microseconds
    where it is not the body's; `sent`, `context` and `integrations` are the envelope's; `ip` the connection's; `rule`
    the number of the workspace's rule that moved it out of `live`.
    """

    id: str = ""
    at: int | None = None
    sent: str = ""
    ip: str = ""
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    integrations: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    rule: int = 0


NOTHING = Derived()
_read = msgspec.json.Decoder(Derived).decode
_write = msgspec.json.Encoder().encode


def document(body: bytes, meta: bytes, *, received: int, kind: Kind | Ours, message_id: str = "") -> Document:
    """Make the document of an event, a fresh one each time; without `message_id` it is read from the event."""
    event, derived = load(body), _read(meta) if meta else NOTHING
    timestamp = event.get("timestamp")
    if event.get("type") != kind:
        event["type"] = kind.value
    event["messageId"] = message_id or derived.id or id_text(event.get("messageId")) or ""
    if derived.at is not None or type(timestamp) is not str or not WRITTEN.fullmatch(timestamp):
        event["timestamp"] = _happened(event, timestamp, derived.at, received)
    if timestamp is not None:
        event["originalTimestamp"] = timestamp
    event["receivedAt"] = iso(received)
    _leave_out(event)
    if meta:
        _add(event, derived)
    if kind is Kind.IDENTIFY and "traits" not in event:
        _take_traits(event)
    return event


def _leave_out(event: Document) -> None:
    """Leave out ids that say nothing, and what is no object where one belongs."""
    for key in _IDS:
        if not event.get(key, key) and event[key] in _NO_ID:
            del event[key]
    for key in _OBJECTS:
        if type(event.get(key, event)) is not dict:
            del event[key]


def _happened(event: Document, timestamp: Json, at: int | None, received: int) -> str:
    """Write when it happened."""
    if at is not None:
        return iso(at)
    return iso(correct(claimed(timestamp, event.get("originalTimestamp")), None, received))


def _add(event: Document, derived: Derived) -> None:
    """Add what came around an event, under what it says itself."""
    if derived.sent:
        event["sentAt"] = derived.sent
    _lay_under(event, "context", derived.context)
    _lay_under(event, "integrations", derived.integrations)
    if derived.ip:
        event["context"] = {**_object(event.get("context")), "ip": derived.ip}


def _take_traits(event: Document) -> None:
    """Copy the traits out of the context."""
    context = event.get("context")
    if isinstance(context, dict) and isinstance(traits := context.get("traits"), dict):
        event["traits"] = deepcopy(traits)


def message_id(body: bytes, meta: bytes) -> str:
    """Read the message id of a stored event."""
    derived = _read(meta) if meta else NOTHING
    return derived.id or id_text(load(body).get("messageId")) or ""


def rule(meta: bytes) -> int:
    """Read which rule of the workspace moved a stored event to its test namespace; 0 for none."""
    return _read(meta).rule if meta else 0


def with_rule(meta: bytes, number: int) -> bytes:
    """Note which rule moves an event."""
    return _write(msgspec.structs.replace(_read(meta) if meta else NOTHING, rule=number))


def id_text(value: Json) -> str | None:
    """Read a message id: a text as it is, a number as its decimal text, nothing as empty; None for the rest."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return None
        case int():
            return str(value)
        case float():
            return format(Decimal(repr(value)), "f")
        case _:
            return None


def merged(under: Document, over: Document) -> Document:
    """Lay one object over another, deeply; both are given up."""
    for key, value in over.items():
        beneath = under.get(key)
        under[key] = merged(beneath, value) if isinstance(beneath, dict) and isinstance(value, dict) else value
    return under


def _lay_under(event: Document, key: str, raw: msgspec.Raw | msgspec.UnsetType) -> None:
    if isinstance(raw, msgspec.Raw):
        event[key] = merged(load(bytes(raw)), _object(event.get(key)))


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}
