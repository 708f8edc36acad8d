"""When an event happened, by a clock that may be wrong: `received - (sent - original)`.

The difference between a client's two stamps is right even when its clock is not. Source: tracking-api.md 7.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from turnout.clock import DAY, SECOND
from turnout.document import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = -62_135_596_800 * SECOND
"""Year 1; with LATEST, the years that ISO 8601 writes with four digits."""
LATEST: Final = 253_402_300_800 * SECOND - 1


def parse(value: Json) -> int | None:
    """Read an ISO 8601 moment as microseconds; without a zone it is UTC. None for anything else.

    >>> parse("2025-11-24T17:00:00.123+01:00")
    1764000000123000
    >>> parse("2025-11-24")
    1763942400000000
    >>> parse("yesterday")
    """
    if not value or not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        try:  # what fromisoformat does not take: white space around or before the zone, a small z
            at = datetime.fromisoformat(_tidied(value))
        except ValueError:
            return None
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def _tidied(value: str) -> str:
    date, _, rest = value.strip().upper().replace("T", " ", 1).partition(" ")
    return f"{date}T{rest.replace(' ', '')}" if rest else date


def claimed(timestamp: Json, original: Json) -> int | None:
    """Read when the client says it happened: `timestamp`, or the name that some clients give it."""
    at = parse(timestamp)
    return parse(original) if at is None else at


def correct(original: int | None, sent: int | None, received: int) -> int:
    """Say when it happened; within the years that can be written, and in the order of `original` for equal others."""
    if original is None:
        return received
    at = original if sent is None else received - (sent - original)
    return min(max(at, EARLIEST), LATEST)
