"""Operators on times: any of the forms that events carry, to the one a vendor wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from turnout.clock import DAY, SECOND, WRITTEN
from turnout.clock import iso as iso_text
from turnout.document import Json
from turnout.manifest.entry import Operator
from turnout.manifest.values import number, text_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_FIRST, _LAST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1
SECONDS_BELOW, MILLIS_BELOW = 1e11, 1e14
"""Which unit a bare number is in: the year 5138 in seconds, in milliseconds."""
_DAY_DIGITS, _EPOCH_DIGITS = 8, 9


def micros(value: Json) -> int | None:
    """Read a time: ISO 8601, `YYYYMMDD`, or a number of seconds, milliseconds or microseconds."""
    if isinstance(value, str):
        return _micros_of_text(value.strip())
    count = number(value)
    if count is None or abs(count) > _LAST:
        return None
    unit = SECOND if abs(count) < SECONDS_BELOW else 1000 if abs(count) < MILLIS_BELOW else 1
    return _bounded(round(count * unit))


def _micros_of_text(text: str) -> int | None:
    if text.isdigit():
        if text.isascii() and _EPOCH_DIGITS <= len(text) <= 17:  # noqa: PLR2004
            return micros(int(text))
        if len(text) != _DAY_DIGITS:
            return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
        return _bounded(since.days * DAY + since.seconds * SECOND + since.microseconds)
    except (ValueError, OverflowError):
        return None


def _bounded(value: int) -> int | None:
    return value if _FIRST <= value <= _LAST else None


def moment_of(value: Json) -> datetime | None:
    """Read a time as a moment in UTC."""
    count = micros(value)
    return None if count is None else _EPOCH + count * _MICRO


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | timezone | None:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def date(value: Json, form: Json = "%Y-%m-%d", zone: Json = "") -> Json:
    """Write a time by a strftime form, in a time zone."""
    moment, place = moment_of(value), _zone(text_of(zone))
    if moment is None or place is None:
        return None
    try:
        return moment.astimezone(place).strftime(text_of(form))
    except (ValueError, OverflowError):
        return None


def iso(value: Json) -> Json:
    """Write a time as ISO 8601 with milliseconds."""
    if isinstance(value, str) and WRITTEN.fullmatch(value):
        return value
    count = micros(value)
    return None if count is None else iso_text(count)


def age(value: Json, clock: Json) -> Json:
    """Count whole years since a day."""
    born, today = moment_of(value), moment_of(clock)
    if born is None or today is None or born > today:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _scaled(value: Json, unit: int) -> Json:
    count = micros(value)
    return None if count is None else count // unit


def now(clock: Json) -> Json:
    """Tell the time."""
    count = number(clock)
    moment = None if count is None else _bounded(int(count))
    return None if moment is None else iso_text(moment)


TABLE = (
    Operator(
        "unix",
        "value",
        "Seconds since 1970.",
        ("'2026-01-02T03:04:05.678Z' | unix => 1767323045", "'soon' | unix => null"),
        lambda value: _scaled(value, SECOND),
    ),
    Operator(
        "unix_ms",
        "value",
        "Milliseconds since 1970.",
        ("'2026-01-02T03:04:05.678Z' | unix_ms => 1767323045678", "1767323045 | unix_ms => 1767323045000"),
        lambda value: _scaled(value, 1000),
    ),
    Operator(
        "unix_us",
        "value",
        "Microseconds since 1970.",
        ("'2026-01-02T03:04:05.678Z' | unix_us => 1767323045678000", "'' | unix_us => null"),
        lambda value: _scaled(value, 1),
    ),
    Operator(
        "iso",
        "value",
        "ISO 8601 in UTC, with milliseconds.",
        (
            "'2026-01-02T04:04:05+01:00' | iso => \"2026-01-02T03:04:05.000Z\"",
            '1767323045678 | iso => "2026-01-02T03:04:05.678Z"',
        ),
        iso,
    ),
    Operator(
        "date",
        "value form? zone?",
        "Write a time by a strftime form (`%Y-%m-%d`), in a time zone (UTC).",
        (
            "'1990-02-03' | date('%Y%m%d') => \"19900203\"",
            "'2026-01-02T03:04:05Z' | date('%H:%M' 'Europe/Berlin') => \"04:04\"",
        ),
        date,
    ),
    Operator(
        "now",
        "clock",
        "The time of sending, as ISO 8601; `$now` is the same.",
        ('now() => "2026-01-03T00:00:00.000Z"', "now() | unix => 1767398400"),
        now,
    ),
    Operator(
        "age",
        "value clock",
        "Whole years since a day.",
        ("'1990-02-03' | age => 35", "'2090-02-03' | age => null"),
        age,
    ),
)
