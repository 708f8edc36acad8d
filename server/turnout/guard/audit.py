"""The audit: one append-only row per change, each chained to the one before, and how to take a change back.

A row holds ids and digests, never a personal value: it outlives an erasure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from turnout.document import Json, canonical

BEGINNING = bytes(32)
"""What the first row is chained to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. `at` in microseconds; `arguments` is their digest; `detail` holds ids and counts only."""

    at: int
    principal: str
    client: str
    operation: str
    arguments: bytes
    outcome: str
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in the chain."""

    entry: Entry
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Inverse:
    """The call that takes a change back."""

    tool: str
    arguments: Mapping[str, Json]


def chain(previous: bytes, entry: Entry) -> bytes:
    """Digest an entry together with the digest before it: BLAKE2b, 32 bytes."""
    fields = [
        previous.hex(),
        entry.at,
        entry.principal,
        entry.client,
        entry.operation,
        entry.arguments.hex(),
        entry.outcome,
        dict(entry.detail),
    ]
    return hashlib.blake2b(canonical(fields), digest_size=32, person=b"turnout-audit").digest()


def append(previous: bytes, entry: Entry) -> Row:
    """Make the row that comes after the one with the hash `previous`."""
    return Row(entry, previous, chain(previous, entry))


def verify(rows: Iterable[Row], previous: bytes = BEGINNING, head: bytes | None = None) -> int | None:
    """Find the first position, from 0, at which the chain is broken; None where it holds.

    Only `head`, the last hash as it was noted elsewhere, shows that rows are missing at the end: the position is
    then the one after the last row.
    """
    count = 0
    for position, row in enumerate(rows):
        if row.previous != previous or row.hash != chain(previous, row.entry):
            return position
        previous, count = row.hash, position + 1
    return count if head is not None and head != previous else None
