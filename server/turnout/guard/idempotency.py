"""The same call twice: keys, fingerprints of arguments, how long they hold, and the message ids that follow.

A key belongs to (principal, operation). Same fingerprint: the stored answer. Another: `KeyReused`. A call without
a key gets a derived one, which no caller can give: it begins with a character outside ASCII.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import assert_never
from uuid import UUID

import msgspec

from turnout.clock import DAY, MINUTE
from turnout.document import Json, canonical
from turnout.errors import InvalidInput, KeyReused
from turnout.event.model import MessageId

IGNORED = frozenset({"idempotency_key", "wait_seconds", "confirm"})
"""They say how a call is made, not what it does. Source: reliability-security.md 5.2."""
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_DERIVED = "·"
_WHOLE, _PART = 16, 8
_DERIVED_LASTS = 10 * MINUTE
_OTHERS_LAST = 7 * DAY


class Lasting(Enum):
    """What a key is on: events, which it outlives, or anything else."""

    EVENTS = auto()
    OTHER = auto()


class Fingerprint(msgspec.Struct, frozen=True, gc=False):
    """Keyed digests of a call: of the whole, and of each argument, so that those that differ can be named."""

    whole: bytes
    parts: Mapping[str, bytes]

    def __bytes__(self) -> bytes:
        """Write it for its column: the whole, then for each argument length of name, name, digest."""
        named = [(name.encode(), part) for name, part in sorted(self.parts.items())]
        return self.whole + b"".join([bytes((len(name),)) + name + part for name, part in named])

    @classmethod
    def read(cls, column: bytes) -> Fingerprint:
        """Read what `bytes` wrote."""
        parts: dict[str, bytes] = {}
        at = _WHOLE
        while at < len(column):
            end = at + 1 + column[at]
            parts[column[at + 1 : end].decode()] = column[end : end + _PART]
            at = end + _PART
        assert at == len(column), "the column holds a whole fingerprint"
        return cls(column[:_WHOLE], parts)


def given_key(text: str) -> str:
    """Read the key that a caller gave. Raises: InvalidInput."""
    if _KEY.fullmatch(text) is None:
        raise InvalidInput(
            f"The idempotency_key has {len(text)} characters or some outside printable ASCII: expected 1 to 255 "
            "printable ASCII characters. Give such a key, or none."
        )
    return text


def fingerprint(secret: bytes, operation: str, arguments: Mapping[str, Json]) -> Fingerprint:
    """Digest a call, its defaults filled in by the caller; `secret` has 16 to 64 bytes.

    Shape: keyed BLAKE2b over canonical JSON, without the arguments of `IGNORED`.
    """
    kept = {name: arguments[name] for name in sorted(arguments) if name not in IGNORED}
    return Fingerprint(
        _keyed(secret, [operation, kept], _WHOLE),
        {name: _keyed(secret, [operation, name, value], _PART) for name, value in kept.items()},
    )


def derived_key(printed: Fingerprint) -> str:
    """Make the key of a call that gave none: keyed like its fingerprint, so that it tells nothing."""
    return _DERIVED + printed.whole.hex()


def is_derived(key: str) -> bool:
    """Tell a derived key from a given one."""
    return key.startswith(_DERIVED)


def differing(a: Fingerprint, b: Fingerprint) -> tuple[str, ...]:
    """Name the arguments in which two calls differ, sorted."""
    names = a.parts.keys() | b.parts.keys()
    return tuple(sorted(name for name in names if a.parts.get(name) != b.parts.get(name)))


def agree(stored: Fingerprint, now: Fingerprint) -> None:
    """Let a call pass that repeats the stored one. Raises: KeyReused, naming the arguments that differ."""
    if stored.whole == now.whole:
        return
    fields = differing(stored, now)
    raise KeyReused(
        f"The idempotency_key was used with other arguments ({', '.join(fields)}); "
        "take a new key, or repeat the first arguments.",
        fields=fields,
    )


def expires(key: str, on: Lasting, first_used: int, retention: int) -> int:
    """Say until when a key holds. Units: microseconds; `retention` is how long events are kept."""
    if is_derived(key):
        return first_used + _DERIVED_LASTS
    match on:
        case Lasting.EVENTS:
            return first_used + retention
        case Lasting.OTHER:
            return first_used + _OTHERS_LAST
    assert_never(on)


def message_id(workspace: str, principal: str, operation: str, key: str, *, first_used: int, index: int) -> MessageId:
    """Make the message id of event `index` of a call: UUIDv5 in the workspace's UUID. Source: DESIGN 3.3."""
    return MessageId(_uuid5(_space(workspace), canonical([principal, operation, key, first_used, index])))


@lru_cache(maxsize=8)
def _space(workspace: str) -> bytes:
    return UUID(workspace).bytes


def _uuid5(space: bytes, name: bytes) -> str:
    """Make a UUID of version 5, at a quarter of what the library's takes. Source: RFC 9562, 5.5."""
    made = bytearray(hashlib.sha1(space + name, usedforsecurity=False).digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    text = made.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _keyed(secret: bytes, value: object, size: int) -> bytes:
    digest = _begun(secret, size).copy()
    digest.update(canonical(value))
    return digest.digest()


@lru_cache(maxsize=8)
def _begun(secret: bytes, size: int) -> hashlib.blake2b:
    """Begin the digest with the key, which takes a block of its own: half of the work."""
    return hashlib.blake2b(digest_size=size, key=secret, person=b"turnout-call")
