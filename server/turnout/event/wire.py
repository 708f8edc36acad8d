"""The one decoder: what an event is, and what is refused because a later step would choke on it.

What msgspec takes, and what it does not: NaN, infinities, numbers beyond a double, bad UTF-8 and half surrogate
pairs are its errors. Integers of any size, nesting up to Python's stack and keys of any length it takes, so a
scan of the bytes says whether the slow look is needed; it seldom is.

Wire spelling (`messageId`) stands here and in `stored`, nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from turnout.document import Document, Json, encode
from turnout.errors import InvalidCall
from turnout.event import items

EVENT_BYTES: Final = 32 * 1024
"""Source: reliability-security.md 7.4, as the next three."""
DEPTH: Final = 64
KEYS: Final = 10_000
KEY_BYTES: Final = 1024
LOW, HIGH = -(1 << 63), (1 << 63) - 1
"""The integers that are taken."""
_LONG = b"0" * 19
"""As many digits as the first integer beyond 64 bits has."""
_ALIKE = bytes.maketrans(b"123456789[", b"000000000{")
"""Digits and opening brackets made alike, so that one search and one count find them all."""
_STRIDE = 512
"""A text over 1 KB without a quote in it covers a whole window of this many bytes, wherever it begins."""
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
MOST_ITEMS: Final = 5_000
"""Of one batch: twice what a door takes, so that some of those beyond are told. 5 MB could hold 2.4 million of them."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why something is not an event: a code, and a sentence in our words without any value."""

    reason: str
    say: str


NOT_JSON = Flaw("not_json", "The event is not JSON (it may be cut off, or hold NaN or Infinity); send valid JSON.")
NOT_UTF8 = Flaw("bad_text", "The event is not UTF-8; encode it as UTF-8.")
HALF_PAIR = Flaw("bad_text", "The event is not JSON, or holds half a surrogate pair; send whole characters.")
NOT_OBJECT = Flaw("not_object", "The event is not a JSON object; send an object.")
OUT_OF_RANGE = Flaw("number_out_of_range", "A number is beyond 64 bits; send it as a string.")
TOO_DEEP = Flaw("too_deep", f"The event is nested deeper than {DEPTH} levels; flatten it.")
TOO_MANY_KEYS = Flaw("too_many_keys", f"An object has more than {KEYS:,} keys; send fewer.")
KEY_TOO_LONG = Flaw("key_too_long", f"A key is longer than {KEY_BYTES:,} bytes; shorten it.")


if TYPE_CHECKING:
    Value: TypeAlias = Json
else:
    Value = Any  # msgspec knows no type that holds itself


class Fields(msgspec.Struct, frozen=True, gc=False, rename="camel", forbid_unknown_fields=True):
    """What the door needs of an event, as it came; None is absent or null. `body` is it less the write key.

    The decoder fills it by itself when an event has only these fields, which Segment's libraries send.
    """

    body: bytes = b""
    type: Value = None
    user_id: Value = None
    anonymous_id: Value = None
    previous_id: Value = None
    group_id: Value = None
    event: Value = None
    name: Value = None
    category: Value = None
    message_id: Value = None
    timestamp: Value = None
    original_timestamp: Value = None
    sent_at: Value = None
    traits: Value = None
    properties: Value = None
    context: Value = None
    integrations: Value = None
    channel: Value = None
    version: Value = None


_NAMES = Fields.__struct_encode_fields__[1:]


class Envelope(msgspec.Struct, frozen=True):
    """A request of many calls, taken apart: each item's bytes, and what stands around them, as it came or empty."""

    items: tuple[bytes, ...]
    write_key: str
    sent_at: str
    context: bytes
    integrations: bytes


class _Around(msgspec.Struct, rename="camel", kw_only=True):
    write_key: msgspec.Raw = msgspec.Raw(b"")
    sent_at: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")
    integrations: msgspec.Raw = msgspec.Raw(b"")


class _Batch(_Around):
    batch: list[msgspec.Raw]


class _Outline(_Around):
    batch: list[int]


_decode = msgspec.json.Decoder().decode
_decode_usual = msgspec.json.Decoder(Fields).decode
_split = msgspec.json.Decoder(_Batch).decode
_split_outline = msgspec.json.Decoder(_Outline).decode


def read(body: bytes, event_bytes: int = EVENT_BYTES) -> Fields | Flaw:
    """Decode one event wholly, or say why it is none."""
    if len(body) > event_bytes:
        return too_large(len(body), event_bytes)
    if _needs_look(body):
        return _read_any(body)
    try:
        fields = _decode_usual(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_any(body)
    force_setattr(fields, "body", body)
    return fields


def too_large(size: int, event_bytes: int) -> Flaw:
    """Say that an event is larger than is taken."""
    return Flaw("too_large", f"The event has {size:,} bytes; at most {event_bytes:,} are taken.")


def _read_any(body: bytes) -> Fields | Flaw:
    """Decode an event that may have any fields, or be none."""
    value = check(body)
    if isinstance(value, Flaw):
        return value
    if not isinstance(value, dict):
        return NOT_OBJECT
    if "writeKey" in value:
        del value["writeKey"]
        body = encode(value)
    return Fields(body, *map(value.get, _NAMES))


def check(text: bytes) -> Json | Flaw:
    """Decode JSON from outside wholly, whatever it is, or say which trap it holds."""
    try:
        value: Json = _decode(text)
    except msgspec.ValidationError:
        return OUT_OF_RANGE
    except msgspec.DecodeError:
        return HALF_PAIR if _HALF_PAIR.search(text) else NOT_JSON
    except UnicodeDecodeError:
        return NOT_UTF8
    except RecursionError:
        return TOO_DEEP
    return (_needs_look(text) and _look(value)) or value


def load(body: bytes) -> Document:
    """Decode the stored body of an event, which was checked when it came; each call gives a fresh dictionary."""
    value: Json = _decode(body)
    assert isinstance(value, dict)
    return value


def envelope(body: bytes) -> Envelope:
    """Take a batch apart without looking into its items, the first `MOST_ITEMS` of them.

    Raises: InvalidCall, for what is no batch.
    """
    try:
        return _envelope(body)
    except msgspec.ValidationError as error:
        raise InvalidCall("The body has no array `batch`; send an object with the calls in `batch`.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidCall("The body is not JSON, or nested too deeply; send valid JSON.") from error


def _envelope(body: bytes) -> Envelope:
    try:
        batch = _split(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        return _told_apart(body)
    return _taken_apart(batch, tuple(map(bytes, batch.batch[:MOST_ITEMS])), bytes)


def _told_apart(body: bytes) -> Envelope:
    """Take a batch apart of which an item may be no JSON; that one costs itself, where a real client writes so."""
    mark = b"<%b>" % blake2b(body, digest_size=8).hexdigest().encode()  # which does not stand in it
    outline, found = items.outline(body)
    batch = _split_outline(items.hide(outline, mark))
    if not all(map(items.is_foreign, found)):
        raise ValueError
    told = tuple([found[number] for number in batch.batch[:MOST_ITEMS]])
    return _taken_apart(batch, told, lambda part: bytes(part).replace(mark, b"\\"))


def _taken_apart(around: _Around, found: tuple[bytes, ...], raw: Callable[[msgspec.Raw], bytes]) -> Envelope:
    return Envelope(
        found,
        _text(raw(around.write_key)),
        _text(raw(around.sent_at)),
        raw(around.context),
        raw(around.integrations),
    )


def _text(text: bytes) -> str:
    value = check(text) if text.startswith(b'"') else ""
    return value if isinstance(value, str) else ""


def _needs_look(text: bytes) -> bool:
    """Say whether the bytes might hold what msgspec lets through; never wrong when it says no."""
    alike = text.translate(_ALIKE)
    return _LONG in alike or alike.count(b"{") > DEPTH or (len(text) > KEY_BYTES and _may_have_long_keys(text))


def _may_have_long_keys(text: bytes) -> bool:
    if len(text) > 4 * KEYS and text.count(b":") > KEYS:  # a key takes four bytes at least
        return True
    if b"\\" in text:  # an escaped quote ends no key; where it was a real one, a window more is looked at
        text = text.replace(b'\\"', b"__")
    find = text.find
    for at in range(0, len(text) - _STRIDE + 1, _STRIDE):  # noqa: SIM110 - twice as fast as any(), and on every event
        if find(b'"', at, at + _STRIDE) < 0:
            return True
    return False


def _look(value: Json) -> Flaw | None:
    """Walk through a decoded value, level by level."""
    level: list[Json] = [value]
    for depth in range(DEPTH + 1):
        below: list[Json] = []
        for part in level:
            if isinstance(part, int):
                if not LOW <= part <= HIGH:
                    return OUT_OF_RANGE
            elif isinstance(part, dict | list):
                if depth == DEPTH:
                    return TOO_DEEP
                if isinstance(part, dict) and (flaw := _look_at_keys(part)):
                    return flaw
                below += part.values() if isinstance(part, dict) else part
        level = below
    return None


def _look_at_keys(part: Document) -> Flaw | None:
    if len(part) > KEYS:
        return TOO_MANY_KEYS
    if any(len(key) > KEY_BYTES or len(key.encode()) > KEY_BYTES for key in part):
        return KEY_TOO_LONG
    return None


def alike(one: bytes, other: bytes) -> bool:
    """Tell whether two bodies say the same: a client that sends again stamps only the time of sending anew."""
    if one == other:
        return True
    told, again = load(one), load(other)
    told.pop("sentAt", None)
    again.pop("sentAt", None)
    return told == again
