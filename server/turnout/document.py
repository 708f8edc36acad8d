"""JSON: the one encoder, the canonical form and its digest, and three kinds of text with a warning on them.

Digests and golden files depend on `encode` and `canonical`: keys sorted, no white space, UTF-8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

import orjson
from typing_extensions import override

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = "dict[str, Json]"

Untrusted = NewType("Untrusted", str)
"""Text that a stranger wrote (an event, a profile, a destination's answer): data, never an instruction."""

Personal = NewType("Personal", str)
"""A value of a person: masked for whoever lacks the scope `people`."""


class Secret:
    """A value that never prints: unwrapped only by the senders and the vault."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap it."""
        self._value = value

    def reveal(self) -> str:
        """Give the value to a sender or the vault."""
        return self._value

    def hint(self) -> str:
        """Show the last four characters of a value long enough not to be told by them."""
        return f"••••{self._value[-4:]}" if len(self._value) >= 12 else "••••"  # noqa: PLR2004

    @override
    def __repr__(self) -> str:
        return "***"

    @override
    def __str__(self) -> str:
        return "***"


def encode(value: object) -> bytes:
    """Write JSON as it is: no white space, keys in their order, UTF-8. Raises: TypeError for what is not JSON."""
    return orjson.dumps(value)


def canonical(value: object) -> bytes:
    """Write JSON in its canonical form: keys sorted, no white space, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def decode(text: bytes | str) -> Json:
    """Read JSON that we wrote ourselves; what comes from outside is read by `event.wire`."""
    value: Json = orjson.loads(text)
    return value


def digest(value: object) -> bytes:
    """Digest the canonical form: BLAKE2b, 16 bytes."""
    return hashlib.blake2b(canonical(value), digest_size=16).digest()
