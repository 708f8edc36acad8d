from __future__ import annotations

import pytest

from turnout.clock import DAY, HOUR, SECOND, iso
from turnout.event.skew import EARLIEST, LATEST, claimed, correct, parse

NOON = 1_763_985_600_000_000
"""2025-11-24T12:00:00Z."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-24T12:00:00Z", NOON),
        ("2025-11-24T12:00:00.000Z", NOON),
        ("2025-11-24T12:00:00.123456+00:00", NOON + 123_456),
        ("2025-11-24T12:00:00.123456789Z", NOON + 123_456),
        ("2025-11-24T12:00:00", NOON),
        ("2025-11-24 12:00:00", NOON),
        ("2025-11-24 12:00:00 +0000", NOON),
        ("2025-11-24t12:00:00z", NOON),
        (" 2025-11-24T12:00:00Z ", NOON),
        ("20251124T120000Z", NOON),
        ("2025-11-24T14:00:00+02:00", NOON),
        ("2025-11-24T07:00:00-05", NOON),
        ("2025-11-24", NOON - 12 * HOUR),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
    ],
)
def test_a_moment_is_read_however_iso_8601_writes_it(text: str, expected: int) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("value", ["", "yesterday", "2025-13-01", "12:00", None, 1_763_985_600, True, [], {}])
def test_what_is_no_moment_is_none(value: object) -> None:
    assert parse(value) is None  # type: ignore[arg-type]  # what a stranger may send


def test_a_clock_that_is_an_hour_slow_is_corrected() -> None:
    original, sent = NOON - HOUR - 5 * SECOND, NOON - HOUR
    assert correct(original, sent, NOON) == NOON - 5 * SECOND


def test_without_a_time_of_sending_the_clients_time_stands() -> None:
    assert correct(NOON - DAY, None, NOON) == NOON - DAY


def test_without_a_time_of_its_own_an_event_happened_when_it_came() -> None:
    assert correct(None, NOON - DAY, NOON) == NOON


def test_an_old_time_sent_now_stays_old() -> None:
    assert correct(NOON - 2000 * DAY, NOON, NOON + SECOND) == NOON - 2000 * DAY + SECOND


def test_the_time_a_caller_gave_goes_before_what_its_library_stamped() -> None:
    assert claimed("2025-11-24T12:00:00Z", "2025-11-25T12:00:00Z") == NOON
    assert claimed(None, "2025-11-24T12:00:00Z") == NOON
    assert claimed("soon", "2025-11-24T12:00:00Z") == NOON


def test_a_correction_beyond_the_years_that_can_be_written_stops_at_them() -> None:
    late = correct(parse("9999-12-31T00:00:00Z"), parse("0001-01-01"), NOON)
    early = correct(parse("0001-01-01"), parse("9999-12-31"), NOON)
    assert (late, early) == (LATEST, EARLIEST)
    assert (iso(late), iso(early)) == ("9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z")
