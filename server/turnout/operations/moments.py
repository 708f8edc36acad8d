"""Moments and months as callers write them: `2025-11-24T16:00:00Z`, `24h`, `7d`, `2025-11`."""

from __future__ import annotations

import re

from turnout.clock import DAY, HOUR, MINUTE, month_of
from turnout.errors import InvalidInput
from turnout.event.skew import parse

SLACK = HOUR
"""`received` rises with `seq` but for jumps of the clock; larger ones are not waited for."""
_AGO = re.compile(r"([0-9]{1,6})\s*([mhdw])")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def moment(text: str, now: int, *, name: str) -> int:
    """Read a moment: ISO 8601, or so long ago. Units: microseconds. Raises: InvalidInput, naming the argument.

    >>> moment("2h", 10 * HOUR, name="since") == 8 * HOUR
    True
    """
    given = text.strip()
    if found := _AGO.fullmatch(given.lower()):
        return now - int(found[1]) * _UNITS[found[2]]
    at = parse(given)
    if at is None:
        raise InvalidInput(
            f"`{name}` is no moment: expected ISO 8601, as 2025-11-24T16:00:00Z or 2025-11-24, or so long ago, "
            "as 30m, 24h, 7d or 2w."
        )
    return at


def require_order(since: int, until: int) -> None:
    """Raise: InvalidInput, where a stretch of time ends before it begins."""
    if since > until:
        raise InvalidInput(
            "`since` is later than `until`, so nothing can be between them: give them the other way round."
        )


def month(text: str, now: int) -> int:
    """Read a month as YYYYMM; the current one for nothing. Raises: InvalidInput."""
    if not text:
        return month_of(now)
    found = _MONTH.fullmatch(text.strip())
    if found is None or not 1970 <= int(found[1]) < 9999:  # noqa: PLR2004 - where our times begin and end
        raise InvalidInput("`month` is no month from 1970-01 to 9998-12: expected four digits, `-`, two: 2025-11.")
    return int(found[1]) * 100 + int(found[2])


def written(month: int) -> str:
    """Write a month.

    >>> written(202511)
    '2025-11'
    """
    return f"{month // 100:04}-{month % 100:02}"
