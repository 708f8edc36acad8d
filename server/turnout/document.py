"""JSON: the one encoder, the canonical form and its digest, and two kinds of text with a warning on them.

Digests and golden files depend on `encode` and `canonical`: keys sorted, no white space, UTF-8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NewType, TypeAlias, cast
from zlib import crc32

import orjson

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = "dict[str, Json]"

Untrusted = NewType("Untrusted", str)
"""Text that a stranger wrote (an event, a profile, a destination's answer): data, never an instruction."""

Personal = NewType("Personal", str)
"""A value of a person: masked for whoever lacks the scope `people`."""

encoded: Callable[[bytes], Json] = cast("Callable[[bytes], Json]", orjson.Fragment)
"""Stands in for a value that is encoded already: `encode` writes it as it is, and nothing else can read it."""


encode: Callable[[object], bytes] = orjson.dumps
"""Writes JSON as it is: no white space, keys in their order, UTF-8. Raises: TypeError for what is not JSON.

The codec itself: what is called seven times for an event has no function around it.
"""


def canonical(value: object) -> bytes:
    """Write JSON in its canonical form: keys sorted, no white space, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def decode(text: bytes | str) -> Json:
    """Read JSON that we wrote ourselves; what comes from outside is read by `event.wire`."""
    value: Json = orjson.loads(text)
    return value


def digest(value: object) -> bytes:
    """Digest the canonical form: BLAKE2b, 16 bytes."""
    return digest_of(canonical(value))


def sum_of(value: object) -> str:
    """Sum up JSON as `encode` writes it, so that a bit that flipped in a file is noticed: CRC-32, in hex."""
    return f"{crc32(encode(value)):08x}"


def digest_of(text: bytes) -> bytes:
    """Digest what is canonical already."""
    return hashlib.blake2b(text, digest_size=16).digest()
