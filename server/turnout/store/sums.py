"""Checksums of events: a bit that flipped in the file is noticed where its event is read, and costs that event alone.

SQLite keeps none of its pages. A CRC-32 finds every flip of one bit and every run of flips up to 32 bits long, and of
other damage all but one in 4e9. Covered is what an event says and where it belongs; `flags`, which change, are not, but
that a tombstone has no sum and no body is held against each other.
"""

from __future__ import annotations

import struct
from zlib import crc32

from turnout.event.model import DAMAGED, KINDS, TOMBSTONE, Kind, Namespace, PersonId, Seq, SourceId, Stored
from turnout.store.session import Row

_pack = struct.Struct("<6q").pack
_LATEST = 253_402_300_799_999_999
"""The last microsecond that a date can be written of: 9999-12-31."""


def row(
    seq: int, received: int, source: int, kind: int, name: int, namespace: str, person: int, meta: bytes, body: bytes
) -> Row:  # fmt: skip
    """Make the row that is appended."""
    summed = of(seq, received, source, kind, name, namespace, person, meta, body)
    return seq, received, source, kind, name, namespace, person, meta, body, summed


def of(
    seq: int, received: int, source: int, kind: int, name: int, namespace: str, person: int, meta: bytes, body: bytes
) -> int:  # fmt: skip
    """Sum up an event, its `name` by its number: 0.3 us and 0.4 us a KB."""
    head = _pack(seq, received, source, kind, name, person) + namespace.encode()
    return crc32(body, crc32(meta, crc32(head)))


def event(row: Row) -> Stored:
    """Give the event of a row of the log, as `read_after` gives it; of a damaged one only where it stands."""
    if not holds(row):
        return damaged(row)
    return Stored(
        Seq(row[0]),
        row[1],
        SourceId(row[2]),
        KINDS[row[3]],
        row[4] or "",
        Namespace(row[5]),
        PersonId(row[6]),
        row[7],
        row[8],
        row[9],
    )


def holds(row: Row) -> bool:
    """Tell whether a row of the log is as it was written."""
    seq, received, source, kind, _, namespace, person, flags, meta, body, name, noted = row
    try:
        if noted is not None:
            return not flags & TOMBSTONE and noted == of(
                seq, received, source, kind, name, namespace, person, meta, body
            )
        return kind in KINDS and bool(flags & TOMBSTONE) is not bool(body)
    except (TypeError, AttributeError, struct.error):  # a value of another type than was written
        return False


def damaged(row: Row) -> Stored:
    """Give what may be told of a row that is not as it was written: where it stands, and no content."""
    seq, received, source, kind, name, namespace, person = row[:7]
    return Stored(
        Seq(seq),
        received if isinstance(received, int) and 0 <= received <= _LATEST else 0,
        SourceId(_number(source)),
        KINDS.get(kind, Kind.TRACK),
        name if isinstance(name, str) else "",
        Namespace(namespace if isinstance(namespace, str) else ""),
        PersonId(_number(person)),
        DAMAGED,
        b"",
        b"{}",
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
